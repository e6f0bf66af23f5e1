"""Checks of output paths, before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from realtime.errors import UserError


def check_writable(path: Path) -> None:
    """Raises `UserError` unless a file at `path` can be written; leaves what is there as it is."""
    folder = path.parent
    if path.is_dir():
        raise UserError(f"{path} is a folder.", "Name a file.")
    if not folder.is_dir():
        raise UserError(f"{path} cannot be written: the folder {folder} does not exist.", f"Make it: mkdir -p {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UserError(f"{path} may not be written.", "Name a place where you may write.")


def make_folder(path: Path) -> None:
    """Makes a folder, and those above it; raises `UserError` if it cannot be made or written into."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"The folder {path} cannot be made: {reason}.", "Name another one.") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UserError(f"The folder {path} may not be written into.", "Name one where you may write.")
