"""Makes docs/demo.png and docs/overlay.png: moments of the demo, as `python run.py --source demo` shows them.

python tools/pictures.py
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engines.face_model.model import MorphableModel  # noqa: E402
from realtime.frames import FrameResult, Image  # noqa: E402
from realtime.overlays.load import find_overlay, load_overlay  # noqa: E402
from realtime.render.scene import SceneRenderer  # noqa: E402
from realtime.stream import FaceStream  # noqa: E402


@dataclass(frozen=True)
class Tile:
    """One moment: a frame of the demo in some view, with overlays."""

    frame: int
    view: str
    overlays: tuple[str, ...] = ()


PICTURES = {
    # In plain view; a hand in front; what is behind it.
    "demo.png": (Tile(140, "split"), Tile(222, "off"), Tile(222, "complete"), Tile(222, "shaded")),
    # Turned, so that an arm is behind the head; the hand in front; hat and paint.
    "overlay.png": (
        Tile(37, "off", ("glasses",)),
        Tile(222, "off", ("glasses",)),
        Tile(80, "off", ("hat", "carnival")),
    ),
}
SAMPLES = 4  # as with --msaa 4
CROP = (150, 0, 550, 400)  # left, top, right, bottom, px
GAP = 4  # px of white between the tiles


def draw(model: MorphableModel, result: FrameResult, tile: Tile) -> Image:
    """One tile (H, W, 3) RGB."""
    overlays = tuple(load_overlay(find_overlay(name), len(model.triangles)) for name in tile.overlays)
    height, width = result.frame.image.shape[:2]
    scene = SceneRenderer((width, height), model, samples=SAMPLES, overlays=(lambda: overlays) if overlays else None)
    left, top, right, bottom = CROP
    return scene.render(result, tile.view)[top:bottom, left:right]


def main() -> None:
    """Writes both pictures."""
    model = MorphableModel.load()
    tiles = [tile for row in PICTURES.values() for tile in row]
    drawn: dict[Tile, Image] = {}
    for result in FaceStream("demo"):
        drawn |= {tile: draw(model, result, tile) for tile in tiles if tile.frame == result.frame.index}
        if len(drawn) == len(set(tiles)):
            break
    gap = np.full((CROP[3] - CROP[1], GAP, 3), 255, np.uint8)
    for name, row in PICTURES.items():
        picture = np.hstack([part for tile in row for part in (gap, drawn[tile])][1:])
        cv2.imwrite(str(ROOT / "docs" / name), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
