"""Making the networks: data, synthetic occluders, losses, the trainer. See `python -m engines.training --help`."""
