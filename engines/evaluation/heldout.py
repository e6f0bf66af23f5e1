"""A kind of occluder that a contour network has never seen: how well the program does with it all the same.

    python -m engines.training contour --without hand --run runs/without_hand
    python -m engines.export contour --run runs/without_hand --out out/without_hand
    python -m engines.evaluation heldout DIR --kind hand --contour out/without_hand

The rows differ in nothing but the contour network. Only a network trained as long and from the same start, with
everything, makes the comparison fair: give its folder, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engines.evaluation.ablation import Look, Progress, Score, Workbench, answer, figures, scored
from engines.evaluation.groups import mean
from engines.evaluation.markdown import markdown
from engines.evaluation.metrics import mask_iou
from engines.evaluation.pairs import Pair
from engines.evaluation.score import Pictures, Scored
from engines.openvino_engine import open_openvino
from realtime.errors import UserError

FIGURES = ("iou", "drift", "hidden", "psnr", "lost")
SHIPPED = "the shipped one"


def measure(
    folder: Path, pairs: Sequence[Pair], looks: Mapping[str, Look], progress: Progress = iter
) -> dict[str, list[Scored]]:
    """Contour network -> the figures of every pair; `looks` are the program with each of them."""

    def score_of(look: Look) -> Score:
        def score(pair: Pair, pictures: Pictures) -> dict[str, float]:
            result = look(pictures.covered)
            values = figures(pair, pictures, answer(result)) | {"lost": 100.0 * (not result.faces)}
            found = pictures.mask & False if result.occlusion is None else result.occlusion > 0
            iou = mask_iou(found, pictures.mask, pictures.face)
            return values if iou is None else values | {"iou": iou}

        return score

    return scored(folder, pairs, {name: score_of(look) for name, look in looks.items()}, progress)


def evaluate(
    folder: Path, pairs: Sequence[Pair], kind: str, contours: Sequence[Path], progress: Progress = iter
) -> str:
    """The table as Markdown.

    Args:
        folder: of the pairs.
        pairs: all of them, or some.
        kind: of occluder; only its pairs count.
        contours: folders of exported contour networks.
        progress: wraps the pairs while they are worked through.

    Raises:
        UserError: there are no such pairs, or no such network.
    """
    chosen = [pair for pair in pairs if pair.kind == kind]
    if not chosen:
        raise UserError(f"{folder} has no pairs with a {kind}.", "Give another --kind, or make the pairs again.")
    networks = {str(path): open_openvino("contour", precision="f32", folder=path) for path in contours}
    bench = Workbench()
    looks = {SHIPPED: bench.seeing(), **{name: bench.seeing(contour) for name, contour in networks.items()}}
    rows = measure(folder, chosen, looks, progress)
    lines = [[name, *(f"{mean(of, figure):.2f}" for figure in FIGURES)] for name, of in rows.items()]
    return f"{len(chosen)} pairs with a {kind}.\n\n{markdown(['contour network', *FIGURES], lines)}\n"
