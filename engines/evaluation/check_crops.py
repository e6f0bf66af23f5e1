"""Makes `engines/gpu/crops.npz`, the crops on which a GPU's engines are compared with the CPU's before they are used.

    python -m engines.evaluation.check_crops

Half of them are heads rendered from the face model, half the demo's photograph (NASA's, public domain), each time with
and without something in front; what is in front of the demo's face is its rendered hand (CC0).
"""

from __future__ import annotations

import cv2
import numpy as np

from engines.engine import COMPLETION_SIZE
from engines.face_model.model import MorphableModel
from engines.face_model.raster import View, shade, turn
from engines.face_model.sheet import CENTER
from engines.gpu.self_check import CROPS
from realtime.alignment import crop_matrix, cut
from realtime.frames import Frame, Image
from realtime.sources.demo import Demo
from realtime.tracking import MediaPipeTracker

SEED = 3
SIDE = 400  # px of a rendered picture
HEADS = ((0.0, {}), (-25.0, {"jawOpen": 0.5}), (18.0, {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9}))  # yaw, face
BARS = (None, ((90, 230), (320, 300)), ((60, 120), (230, 190)))  # px, what is in front of each head
PHASES = (0.1, 0.62, 0.75)  # of the demo's round: bare, then with the hand


def heads() -> list[Image]:
    """Crops of random people's heads, two of them behind a grey bar."""
    model, random = MorphableModel.load(), np.random.default_rng(SEED)
    crops = []
    for (yaw, face), bar in zip(HEADS, BARS, strict=True):
        view = View(rotation=turn(yaw), center=CENTER, size=SIDE)
        expression = np.array([face.get(name, 0.0) for name in model.expression_names])
        vertices = model.vertices(random.normal(0, 0.7, len(model.identity_basis)), expression)
        albedo = model.albedo(random.normal(0, 0.7, len(model.albedo_basis)))
        drawn = shade(view, vertices, model.triangles, model.normals(vertices), albedo)
        picture = np.ascontiguousarray((drawn[..., :3] * 255).round().astype(np.uint8))
        if bar:
            cv2.rectangle(picture, *bar, (150, 152, 148), -1)
        points = (model.landmarks(vertices) - view.center) @ view.rotation.T
        scale = view.size / view.field * view.distance / (view.distance - points[:, 2:])
        landmarks = view.size / 2 + points[:, :2] * [1, -1] * scale
        crops.append(cut(picture, crop_matrix(landmarks, COMPLETION_SIZE), COMPLETION_SIZE).image)
    return crops


def photographs() -> list[Image]:
    """Crops of the demo, laid where the tracker sees the face without the hand."""
    demo, tracker = Demo(), MediaPipeTracker(1, stills=True)
    bare = demo.picture(PHASES[0])
    (face,) = tracker.track(Frame(bare, 0.0, 0.0, 0, "bare"))
    tracker.close()
    matrix = crop_matrix(face.landmarks, COMPLETION_SIZE)
    return [cut(demo.picture(phase), matrix, COMPLETION_SIZE).image for phase in PHASES]


def main() -> None:
    """Writes the file."""
    crops = np.stack(heads() + photographs())
    np.savez_compressed(CROPS, crops=crops)
    print(f"{CROPS}: {len(crops)} crops, {CROPS.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
