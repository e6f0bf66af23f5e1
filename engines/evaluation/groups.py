"""By what the figures are broken down: kind of occluder, share hidden, ethnicity, sex and age."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import numpy as np

from engines.evaluation.score import Scored

HIGHER = frozenset({"iou", "psnr", "gain", "sharp"})  # figures of which more is better
SHARES = (0.1, 0.25, 0.45)  # bounds of the groups by share hidden
AGES = (13, 20, 35, 50, 65)
# faces_generated: sex_ethnicity_id; faces_utk: ethnicity_sex_age_id
GENERATED = re.compile(r"(?P<sex>[mf])_(?P<ethnicity>[a-z]+)_\d+")
UTK = re.compile(r"(?P<ethnicity>[a-z]+)_(?P<sex>[mf])_(?P<age>\d+)_\d+")


def facts_of(face: str) -> dict[str, str]:
    """What a photograph's name ("set/stem.ext") tells of the person: some of ethnicity, sex, age."""
    folder, stem = PurePosixPath(face).parent.name, PurePosixPath(face).stem
    match = {"faces_generated": GENERATED, "faces_utk": UTK}.get(folder, re.compile(r"(?!)")).fullmatch(stem)
    if match is None:
        return {}
    facts = {name: value for name, value in match.groupdict().items() if value}
    facts["sex"] = {"m": "male", "f": "female"}[facts["sex"]]
    if "age" in facts:
        facts["age"] = _between(int(facts["age"]), AGES, "{}-{}", last=1)
    return facts


def share_group(share: float) -> str:
    """The group by the share of the face that is hidden (0..1)."""
    return _between(round(share * 100), [round(100 * bound) for bound in SHARES], "{}-{} % hidden")


def _between(value: int, bounds: Sequence[int], text: str, last: int = 0) -> str:
    low = 0
    for bound in bounds:
        if value < bound:
            return text.format(f"{low:02d}", bound - last)
        low = bound
    return text.format(f"{low:02d}", "").replace("-", "+", 1)


def group(rows: Sequence[Scored], key: Callable[[Scored], str | None]) -> dict[str, list[Scored]]:
    """The rows of each group, sorted by its name; those without one are left out."""
    groups: dict[str, list[Scored]] = {}
    for row in rows:
        name = key(row)
        if name is not None:
            groups.setdefault(name, []).append(row)
    return dict(sorted(groups.items()))


def mean(rows: Sequence[Scored], figure: str) -> float:
    """The mean of a figure over the rows that have it; NaN where none has."""
    values = [row.figures[figure] for row in rows if figure in row.figures]
    return float(np.mean(values)) if values else float("nan")


def over_kinds(rows: Sequence[Scored], figure: str) -> tuple[float, float]:
    """The mean over the kinds of occluder of their means, and the worst kind's mean."""
    means = [mean(of_kind, figure) for of_kind in group(rows, lambda row: row.pair.kind).values()]
    worst = min if figure.split()[0] in HIGHER else max
    return float(np.mean(means)), float(worst(means))
