"""`python -m realtime`: the program, as `run.py` starts it, and `overlay new`, a small tool beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from realtime import cli
from realtime.errors import OK, UserError, tells_user_errors

PROGRAM = "python -m realtime"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[0].upper()}{message[1:]}.", f"See: {self.prog} --help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program or a tool; returns the exit status: 0 done, 2 a user's mistake, told in two lines."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["overlay"]:
        return _overlay(arguments[1:])
    return cli.main(arguments, PROGRAM)


@tells_user_errors
def _overlay(arguments: Sequence[str]) -> int:
    parser = _Parser(prog=f"{PROGRAM} overlay", description="Props, paint and light over a face.")
    actions = parser.add_subparsers(dest="action", required=True, parser_class=_Parser)
    new = actions.add_parser("new", help="make a folder to start from: an overlay that works, and a UV template")
    new.add_argument("name", type=Path, metavar="NAME", help="of the overlay; a path makes it elsewhere than here")
    chosen = parser.parse_args(arguments)
    from engines.face_model.model import MorphableModel
    from realtime.overlays.new import new_overlay

    path = new_overlay(chosen.name, MorphableModel.load())
    print(f"Made {path}. Try it: {PROGRAM} --overlay {path}")
    return OK


if __name__ == "__main__":
    sys.exit(main())
