"""Small tools beside the program itself: `python -m realtime overlay new NAME`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from realtime.errors import UserError

OK, USER_ERROR = 0, 2
HELP = "See: python -m realtime --help"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message[0].upper()}{message[1:]}.", HELP)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m realtime", description="Tools beside the program; the program itself is run.py.")
    tools = parser.add_subparsers(dest="tool", required=True, parser_class=_Parser)
    overlay = tools.add_parser("overlay", help="overlays: props, paint and light over a face")
    actions = overlay.add_subparsers(dest="action", required=True, parser_class=_Parser)
    new = actions.add_parser("new", help="make a folder to start from: an overlay that works, and a UV template")
    new.add_argument("name", type=Path, metavar="NAME", help="of the overlay; a path makes it elsewhere than here")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one tool; returns the exit status: 0 done, 2 a user's mistake, told in two lines."""
    try:
        chosen = _parser().parse_args(arguments)
        from engines.face_model.model import MorphableModel
        from realtime.overlays.new import new_overlay

        path = new_overlay(chosen.name, MorphableModel.load())
    except UserError as error:
        print(f"{error.message}\n{error.remedy}", file=sys.stderr)
        return USER_ERROR
    print(f"Made {path}. Try it: python run.py --overlay {path}")
    return OK


if __name__ == "__main__":
    sys.exit(main())
