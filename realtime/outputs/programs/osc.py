"""Open Sound Control 1.0: messages of strings, integers and floats, and bundles of them.

https://opensoundcontrol.stanford.edu/spec-1_0.html. Our own forty lines because a frame has sixty messages:
python-osc takes 1.6 ms of the thread that draws to build them, this 0.1. The tests decode what is
made here with python-osc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

_BUNDLE = b"#bundle\0" + struct.pack(">Q", 1)  # time tag 1: at once


def text(value: str) -> bytes:
    """A string as OSC pads it: ended by a zero, filled up with zeros to a multiple of four bytes."""
    data = value.encode()
    return data + b"\0" * (4 - len(data) % 4)


def message(address: str, *arguments: str | int | float) -> bytes:
    """One message."""
    tags, data = ",", b""
    for value in arguments:
        if isinstance(value, str):
            tags, data = tags + "s", data + text(value)
        elif isinstance(value, int):
            tags, data = tags + "i", data + struct.pack(">i", value)
        else:
            tags, data = tags + "f", data + struct.pack(">f", value)
    return text(address) + text(tags) + data


def bundles(messages: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """The messages in order, in as few bundles as fit into `limit` bytes each.

    The time tag is "at once": a receiver whose clock is behind ours would sit on anything else.
    """
    parts = [_BUNDLE]
    size = len(_BUNDLE)
    for each in messages:
        if size + 4 + len(each) > limit and len(parts) > 1:
            yield b"".join(parts)
            parts, size = [_BUNDLE], len(_BUNDLE)
        parts += (struct.pack(">i", len(each)), each)
        size += 4 + len(each)
    if len(parts) > 1:
        yield b"".join(parts)
