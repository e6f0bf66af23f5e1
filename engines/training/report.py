"""What a training run shows: loss curves and sheets of samples, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from realtime.frames import Image

# One colour for each of PART_NAMES, RGB; unknown codes are dark grey.
PALETTE = np.full((256, 3), 50, np.uint8)
PALETTE[:14] = [
    *((0, 0, 0), (230, 180, 150), (150, 80, 20), (200, 120, 20), (0, 80, 255), (0, 220, 255), (0, 190, 60)),
    *((255, 0, 0), (255, 255, 0), (255, 0, 200), (100, 70, 40), (190, 110, 190), (120, 120, 210), (255, 255, 255)),
]


def write_png(path: Path, image: Image) -> None:
    """Writes (H, W, 3) RGB."""
    cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def grid(rows: Sequence[Sequence[Image]]) -> Image:
    """Pictures of one size (S, S, 3), a list for each row."""
    return np.vstack([np.hstack(list(row)) for row in rows])


def grey(mask: np.ndarray) -> Image:
    """(S, S) 0..1 -> (S, S, 3)."""
    return np.repeat((np.clip(mask, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def draw_curves(path: Path, log: Sequence[dict[str, float]]) -> None:
    """One small plot for every figure in the log, over the steps."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = sorted({name for row in log for name in row} - {"step", "minutes"})
    if not names:
        return
    columns = 4
    lines = -(-len(names) // columns)
    figure, axes = pyplot.subplots(lines, columns, figsize=(4 * columns, 2.4 * lines), squeeze=False)
    for axis, name in zip(axes.flat, names, strict=False):
        points = [(row["step"], row[name]) for row in log if name in row]
        axis.plot(*zip(*points, strict=True), linewidth=1)
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
