"""Which faces and which occluder files are kept out of training: decided by name alone, the same for ever."""

from __future__ import annotations

import hashlib

VALIDATION_SHARE = 0.06


def is_validation(name: str) -> bool:
    """Whether the file `name` ("set/stem.ext", forward slashes) belongs to the validation part.

    A hash of the name decides, so that the answer depends neither on the other files nor on the machine.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < VALIDATION_SHARE
