"""`python -m engines.evaluation`: makes the validation set, or measures the program on one."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from tqdm import tqdm

from realtime.errors import OK, tells_user_errors


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
    table.add_argument("--reuse", action="store_true", help="score what the last run dumped there, run nothing")
    ablation = commands.add_parser("ablation", help="the same pictures with a part of the program left out")
    ablation.add_argument("folder", type=Path)
    heldout = commands.add_parser("heldout", help="a kind of occluder that a contour network has never seen")
    heldout.add_argument("folder", type=Path)
    heldout.add_argument("--kind", required=True, help="the kind: hand, face_mask, glasses, forehead or object")
    heldout.add_argument(
        "--contour", type=Path, nargs="+", required=True, metavar="FOLDER", help="with an exported contour network"
    )
    for part in (table, ablation, heldout):
        part.add_argument("--each", type=int, help="only so many pairs of each kind (default: all)")
    for part in (table, ablation):
        part.add_argument("--out", type=Path, default=Path("out/evaluation"), help="where to (default: %(default)s)")
    empty = commands.add_parser("empty", help="count the faces found in pictures without one")
    empty.add_argument("folder", type=Path)
    empty.add_argument("--data", default="../shared/data", help="folder of occluders/ (default: %(default)s)")
    empty.add_argument("--count", type=int, default=200, help="how many pictures (default: %(default)s)")
    parts = commands.add_parser("parts", help="the part map beside hand-made ones, clear and hidden")
    parts.add_argument("--data", default="../shared/data", help="folder of faces*/ with maps (default: %(default)s)")
    fp16 = commands.add_parser("fp16", help="what FP16 costs: every layer rounded to it, against float32")
    fp16.add_argument("folder", type=Path, help="as `pairs` wrote it")
    fp16.add_argument("--count", type=int, default=250, help="covered faces (default: %(default)s)")
    clip = commands.add_parser("clip", help="how a face holds while a hand, a mask and a phone pass before it")
    clip.add_argument("folder", type=Path, help="where the table and strips of frames go")
    still = commands.add_parser("still", help="how still a painting is behind a hand, a mask and a phone at rest")
    for part in (clip, still):
        part.add_argument(
            "--data", default="../shared/data", help="folder of video/ and occluders/ (default: %(default)s)"
        )
        part.add_argument("--only", nargs="+", default=(), metavar="NAME", help="clips (d18 ...), covers (hand ...)")
    return parser.parse_args(arguments)


def make_pairs(options: argparse.Namespace) -> None:
    """Writes the validation set."""
    from engines.evaluation.pairs import write_pairs

    print(f"{len(write_pairs(options.data, options.folder, options.seed, options.each))} pairs.")


def make_table(options: argparse.Namespace) -> None:
    """Runs the program on the validation set; tables and contact sheets."""
    from engines.evaluation.sheets import write_sheets
    from engines.evaluation.table import choose_pairs, evaluate

    pairs = choose_pairs(options.folder, options.each)
    text = evaluate(options.folder, pairs, options.reuse)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "table.md").write_text(text)
    print(text)
    write_sheets(options.folder, pairs, options.folder / "dump_occ", options.out)


def print_ablation(options: argparse.Namespace) -> None:
    """What each part is worth."""
    from engines.evaluation.ablation import ablation_table
    from engines.evaluation.table import choose_pairs

    pairs = choose_pairs(options.folder, options.each)
    text = ablation_table(options.folder, pairs, partial(tqdm, desc="pairs", disable=None))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "ablation.md").write_text(text)
    print(text)


def print_heldout(options: argparse.Namespace) -> None:
    """What a network makes of a kind of occluder that it has never seen."""
    from engines.evaluation.heldout import evaluate
    from engines.evaluation.table import choose_pairs

    pairs = choose_pairs(options.folder, options.each)
    print(evaluate(options.folder, pairs, options.kind, options.contour, partial(tqdm, desc="pairs", disable=None)))


def count_in_empty(options: argparse.Namespace) -> None:
    """Runs the program on pictures without a face."""
    from engines.evaluation.empty import faces_found, write_empty
    from engines.evaluation.table import dump_stills

    names = write_empty(options.data, options.folder, count=options.count)
    dump = options.folder.with_name(options.folder.name + "_dump")
    dump_stills(options.folder, dump)
    found = faces_found(names, dump)
    print(f"{len(found)} of {len(names)} pictures without a face gave one: {', '.join(found) or 'none'}")


def print_clips(options: argparse.Namespace) -> None:
    """Covers clips and runs the program on them."""
    from engines.evaluation.clip import evaluate_clips

    text = evaluate_clips(options.data, options.folder, options.only)
    (options.folder / "clips.md").write_text(text)
    print(text)


def print_still(options: argparse.Namespace) -> None:
    """How much a painting flickers."""
    from engines.evaluation.still import evaluate

    print(evaluate(options.data, options.only, partial(tqdm, desc="clips", disable=None)))


def print_parts(options: argparse.Namespace) -> None:
    """The part map beside hand-made ones."""
    from engines.evaluation.parts import evaluate

    print(evaluate(options.data, partial(tqdm, desc="faces", disable=None)))


def print_fp16(options: argparse.Namespace) -> None:
    """What FP16 costs."""
    from engines.evaluation.fp16 import evaluate

    print(evaluate(options.folder, options.count))


@tells_user_errors
def main(arguments: list[str] | None = None) -> int:
    """Runs a command; returns the exit status."""
    options = parse(arguments)
    {
        "pairs": make_pairs,
        "table": make_table,
        "ablation": print_ablation,
        "heldout": print_heldout,
        "empty": count_in_empty,
        "clip": print_clips,
        "fp16": print_fp16,
        "parts": print_parts,
        "still": print_still,
    }[options.command](options)
    return OK


if __name__ == "__main__":
    sys.exit(main())
