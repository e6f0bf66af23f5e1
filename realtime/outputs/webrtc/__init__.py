"""Watching and sending by WebRTC: a small web server, WHEP and WHIP, one encoder for all viewers."""
