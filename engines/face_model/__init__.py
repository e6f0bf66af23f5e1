"""The morphable face model: numpy at run time, and the scripts that build it."""
