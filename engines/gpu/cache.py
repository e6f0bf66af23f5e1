"""What is kept between two runs: compiled engines, what the packages learned while compiling, passed self-checks.

A file is named after everything that its content depends on, so that a stale one is never found, and holds that key
and a checksum, so that a damaged or a wrong one is never used. It is written beside its place and moved there.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from engines.engine import digest


@dataclass(frozen=True)
class Key:
    """What a kept file depends on."""

    kind: str  # "engine", "runtime", "timing" or "check"
    network: str
    model: str  # SHA-256 of the ONNX file
    package: str  # with its version
    capability: str  # compute capability, e.g. "8.9"
    gpu: str  # the GPU's name; empty for what runs on any GPU of that capability
    recipe: int  # `engines.build.RECIPE`

    @property
    def file(self) -> str:
        """The name in the folder: for people first, exact by its end."""
        return f"{self.network}-sm{self.capability}-{self.kind}-{digest(self._bytes())[:16]}.bin"

    def _bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()


def seal(key: Key, content: bytes) -> bytes:
    """The content behind a line that says what it is and how it must look."""
    header = {"key": asdict(key), "sha256": digest(content)}
    return json.dumps(header, sort_keys=True).encode() + b"\n" + content


def unseal(key: Key, data: bytes) -> bytes | None:
    """The content, or None where the file is damaged or about something else."""
    header, _, content = data.partition(b"\n")
    try:
        found = json.loads(header)
    except ValueError:
        return None
    return content if found == {"key": asdict(key), "sha256": digest(content)} else None


class Cache:
    """A folder of kept files. Without a place to write, everything is made anew each time.

    Args:
        folder: made when something is first kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: Key) -> bytes | None:
        """What was kept under a key, or None."""
        try:
            return unseal(key, (self.folder / key.file).read_bytes())
        except OSError:
            return None

    def put(self, key: Key, content: bytes) -> Path | None:
        """Keeps something in place of what was there; None where it cannot be written, which is no error."""
        part = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
                part = Path(file.name)
                file.write(seal(key, content))
            os.replace(part, self.folder / key.file)
        except OSError:
            if part is not None:
                with contextlib.suppress(OSError):
                    part.unlink()
            return None
        return self.folder / key.file

    def remove(self, key: Key) -> None:
        """Forgets what was kept under a key."""
        with contextlib.suppress(OSError):
            (self.folder / key.file).unlink()


def cache_folder() -> Path:
    """Where this user's programs keep what they can make again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "contourface" / "engines"
