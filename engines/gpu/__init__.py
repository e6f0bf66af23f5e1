"""The networks on an NVIDIA GPU: the device, the packages, what is kept on disk, and the chain of networks."""
