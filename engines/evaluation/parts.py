"""How well the part map of the complete face agrees with hand-made maps, seen and hidden, through the program's crops.

Each validation photograph that has a hand-made map and nothing before the face is shown to the program clear and behind
one occluder of every judged kind. Only pixels within the program's own crop count, and of the map only what it knows.
Eyeglasses are left out of the choice: what lies behind them is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import COMPLETION_SIZE
from engines.evaluation.markdown import markdown
from engines.evaluation.pairs import bare_faces, cover, square
from engines.training.labels import HEADWEAR, OUTSIDE, PART, from_celeba
from engines.training.occluders import JUDGED, load_library
from engines.training.sources import Photo, data_folder
from engines.training.validation import part_ious
from realtime.covered_faces import CoveredFaces, open_covered_faces
from realtime.errors import UserError
from realtime.frames import Array, Frame, Image
from realtime.layers import most_likely
from realtime.seen import Seen
from realtime.tracking import MediaPipeTracker

SEED = 96_000
GOALS = {"clear": 0.75, "hidden": 0.65}
COLUMNS = ("clear", "covered", "hidden", "bare", *JUDGED)
NAMES = tuple(name for name in PART if name != "eyeglasses")

Look = Callable[[Image], Seen | None]


@dataclass
class Maps:
    """Crops (S, S) of one kind of look: parts found, parts of the hand-made map, where the figures are taken."""

    found: list[Image] = field(default_factory=list)
    truth: list[Image] = field(default_factory=list)
    where: list[NDArray[np.bool_]] = field(default_factory=list)
    overlaps: Array = field(default_factory=lambda: np.zeros((len(NAMES), 2)))  # sums of `expected_overlaps`
    lost: int = 0  # pictures in which the program found no face

    def expected(self) -> float:
        """The mean IoU of the parts that occur, if each pixel's part were drawn by the network's own probabilities."""
        both, either = np.array([self.overlaps[NAMES.index(name)] for name in self.ious()]).T
        return float((both / np.maximum(either, 1e-9)).mean())

    def ious(self) -> dict[str, float]:
        """Part -> intersection over union of all its pixels together; parts that do not occur are left out."""
        return {tuple(PART)[code]: iou for code, iou in part_ious(self.found, self.truth, self.where).items()}


def program() -> Look:
    """What the program sees of the largest face in a picture (H, W, 3) RGB that stands alone."""
    tracker = MediaPipeTracker(stills=True)
    covered: CoveredFaces | None = open_covered_faces(stills=True, device="cpu")
    if covered is None:
        raise UserError("No networks are shipped with this copy.", "Restore the files in engines/weights with git.")

    def look(image: Image) -> Seen | None:
        frame = Frame(image, 0.0, 0.0, 0, "still")
        seen = covered.process(frame, tracker.track(frame))
        return seen[0] if seen else None

    return look


def read_map(photo: Photo) -> Image:
    """(SIDE, SIDE) codes of `labels`: a photograph's hand-made map, laid out as `read_square` lays out the picture."""
    classes = cv2.imread(str(photo.map_path), cv2.IMREAD_GRAYSCALE)
    if classes is None:
        raise UserError(f"{photo.map_path} is no picture.", "Restore it, or take it out of the data folder.")
    codes = from_celeba(classes)
    return square(codes, photo, cv2.INTER_NEAREST, borderType=cv2.BORDER_CONSTANT, value=OUTSIDE)


def parts_in_crop(seen: Seen) -> Array:
    """(13, S, S) probabilities of the parts of the face itself, in its crop.

    They are smooth: brought to the crop's size before one is chosen, as the completion network does.
    """
    side = (COMPLETION_SIZE, COMPLETION_SIZE)
    return np.stack([cv2.resize(part, side, interpolation=cv2.INTER_LINEAR) for part in seen.parts[:-1]])


def expected_overlaps(parts: Array, found: Image, where: NDArray[np.bool_]) -> Array:
    """(P, 2) for each part how many pixels are expected to be found rightly, and to be found or true.

    Args:
        parts: (P, S, S) the network's probabilities, in any unit.
        found: (S, S) the part chosen.
        where: (S, S) the pixels that count.
    """
    chances = parts[:, where] / parts[:, where].sum(0)
    chosen = found[where] == np.arange(len(parts))[:, None]
    return np.stack([(chances * chosen).sum(1), np.maximum(chances, chosen).sum(1)], 1)


def in_crop(matrix: Array, truth: Image, mask: NDArray[np.bool_] | None) -> tuple[Image, NDArray[np.bool_]]:
    """True parts of one face, and where they are judged, (S, S) of its crop.

    Args:
        matrix: (2, 3) picture px -> crop px.
        truth: (H, W) codes of the picture.
        mask: (H, W) the pixels that count; None: all.
    """
    side = (COMPLETION_SIZE, COMPLETION_SIZE)
    options = {"flags": cv2.INTER_NEAREST, "borderMode": cv2.BORDER_CONSTANT}
    codes = cv2.warpAffine(truth, matrix, side, borderValue=OUTSIDE, **options)
    where = codes < HEADWEAR
    if mask is not None:
        where &= cv2.warpAffine(mask.astype(np.uint8), matrix, side, borderValue=0, **options) > 0
    return codes, where


def measure(data: Path, look: Look, progress: Callable[[Sequence], Iterable] = iter) -> dict[str, Maps]:
    """What was found under "clear", "hidden", "covered" (all pixels of the covered pictures) and each kind (hidden).

    And under "bare" the same pixels as "hidden" where nothing covers them: what is the most to be had.

    Raises:
        UserError: the data folder has no photographs with hand-made maps.
    """
    faces = list(bare_faces(data, mapped=True))
    if not faces:
        raise UserError(f"{data} has no hand-made part maps.", "Give a folder with faces*/NAME.png beside NAME.jpg.")
    library = load_library(data, validation=True)
    maps = {name: Maps() for name in COLUMNS}
    for number, (photo, image, landmarks) in progress(list(enumerate(faces))):
        truth, rng = read_map(photo), np.random.default_rng((SEED, number))
        clear = look(image)
        _add(maps, ("clear",), clear, truth, None)
        for kind in JUDGED:
            covered = cover(image, landmarks, kind, library, rng)
            if covered is not None:
                seen = look(covered.image)
                _add(maps, ("covered",), seen, truth, None)
                _add(maps, ("hidden", kind), seen, truth, covered.mask)
                _add(maps, ("bare",), clear, truth, covered.mask)
    return maps


def _add(maps: dict[str, Maps], names: Sequence[str], seen: Seen | None, truth: Image, mask: Array | None) -> None:
    if seen is None:
        for name in names:
            maps[name].lost += 1
        return
    parts = parts_in_crop(seen)
    found = most_likely(parts)
    codes, where = in_crop(seen.matrix, truth, mask)
    overlaps = expected_overlaps(parts, found, where)
    for name in names:
        maps[name].found.append(found)
        maps[name].truth.append(codes)
        maps[name].where.append(where)
        maps[name].overlaps += overlaps


def table(maps: dict[str, Maps]) -> str:
    """Markdown: IoU by part, and its mean over the parts."""
    ious = {name: maps[name].ious() for name in COLUMNS}
    lines = [[part, *(_number(ious[name].get(part)) for name in COLUMNS)] for part in NAMES]
    lines.append(["mean", *(_number(float(np.mean(list(ious[name].values())))) for name in COLUMNS)])
    lines.append(["expected", *(_number(maps[name].expected()) for name in COLUMNS)])
    lines.append(["asked", *(_number(GOALS.get(name)) for name in COLUMNS)])
    lines.append(["pictures", *(str(len(maps[name].found)) for name in COLUMNS)])
    lines.append(["no face", *(str(maps[name].lost) for name in COLUMNS)])
    titles = ["clear", "covered", "hidden", "the same bare", *(f"hidden by {kind}" for kind in JUDGED)]
    return markdown(["part", *titles], lines)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def evaluate(data: str | Path, progress: Callable[[Sequence], Iterable] = iter) -> str:
    """The report as Markdown."""
    return (
        "IoU of the part map with hand-made maps, over all pictures' pixels together; clear: on clear faces; covered:\n"
        "everywhere on covered ones; hidden: on what is covered alone; the same bare: on those pixels, in the\n"
        "clear picture. Expected: the mean, if every pixel's part were drawn by the network's own probabilities.\n\n"
        + table(measure(data_folder(data), program(), progress))
    )
