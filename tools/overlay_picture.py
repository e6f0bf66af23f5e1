"""Makes docs/overlay.png: the shipped overlays on the demo, a hand passing before them.

    python tools/overlay_picture.py docs/overlay.png

The pictures are what `python run.py --source demo --overlay NAME --msaa 4` shows at these moments.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engines.face_model.model import MorphableModel  # noqa: E402
from realtime.overlays.load import find_overlay, load_overlay  # noqa: E402
from realtime.render.scene import SceneRenderer  # noqa: E402
from realtime.stream import FaceStream  # noqa: E402

# (frame, overlays): turned, so that an arm is behind the head; the hand in front; hat and paint.
TILES = ((37, ("glasses",)), (222, ("glasses",)), (80, ("hat", "carnival")))
CROP = (150, 0, 550, 400)  # left, top, right, bottom, px
GAP = 4  # px of white between the tiles


def main() -> None:
    """Writes the picture to the path on the command line."""
    target = Path(sys.argv[1])
    model = MorphableModel.load()
    wanted = dict(TILES)
    tiles = {}
    for result in FaceStream("demo"):
        names = wanted.get(result.frame.index)
        if names:
            overlays = tuple(load_overlay(find_overlay(name), len(model.triangles)) for name in names)
            picture = SceneRenderer((640, 480), model, samples=4, overlays=lambda now=overlays: now).render(
                result, "off"
            )
            left, top, right, bottom = CROP
            tiles[result.frame.index] = picture[top:bottom, left:right]
        if len(tiles) == len(wanted):
            break
    gap = np.full((CROP[3] - CROP[1], GAP, 3), 255, np.uint8)
    row = [part for frame, _ in TILES for part in (gap, tiles[frame])][1:]
    cv2.imwrite(str(target), np.hstack(row)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
