"""Everything that takes results: the window, recordings, exports, streams."""
