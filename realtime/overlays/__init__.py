"""Overlays: props, paint and light that are laid over a face; files in, plain arrays out, no GL in here."""
