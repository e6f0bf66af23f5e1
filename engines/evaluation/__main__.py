"""`python -m engines.evaluation`: makes the validation set, or measures the program on one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from realtime.errors import UserError


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m engines.evaluation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pairs = commands.add_parser("pairs", help="write clean and covered pictures of faces kept out of training")
    pairs.add_argument("folder", type=Path)
    pairs.add_argument(
        "--data", default="../shared/data", help="folder of faces*/ and occluders/ (default: %(default)s)"
    )
    pairs.add_argument("--seed", type=int, default=0, help="who gets which occluder, and where (default: %(default)s)")
    pairs.add_argument("--each", type=int, default=100, help="pairs of each kind (default: %(default)s)")
    table = commands.add_parser("table", help="run the program on such a folder; tables and contact sheets")
    table.add_argument("folder", type=Path)
    table.add_argument("--out", type=Path, default=Path("out/evaluation"), help="where to (default: %(default)s)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; a user's mistake ends with two lines on stderr and exit code 2."""
    options = parse(arguments)
    try:
        if options.command == "pairs":
            from engines.evaluation.pairs import write_pairs

            print(f"{len(write_pairs(options.data, options.folder, options.seed, options.each))} pairs.")
        else:
            from engines.evaluation.pairs import read_pairs
            from engines.evaluation.sheets import write_sheets
            from engines.evaluation.table import evaluate

            text = evaluate(options.folder)
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / "table.md").write_text(text)
            print(text)
            write_sheets(options.folder, read_pairs(options.folder), options.folder / "dump_occ", options.out)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
