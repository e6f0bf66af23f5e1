"""How still a painting is while nothing moves before a face: the change of its pixels from frame to frame.

A hand and a phone rest in the picture and a face mask is worn, all from the first frame on. Frames are aligned to the
face by the clean clip's landmarks; the pixels hidden in two frames running are compared, completed and clean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.evaluation.clip import CLIPS, run_mediapipe, run_program
from engines.evaluation.clip_scene import COVERS, OPAQUE, read_clip
from engines.evaluation.markdown import markdown
from engines.evaluation.metrics import face_region
from engines.face_model.model import MorphableModel
from engines.training.occluders import compose, load_library
from engines.training.occluders.scene import Layer, Library, Scene
from engines.training.sources import data_folder
from realtime.alignment import crop_matrix, cut
from realtime.errors import UserError
from realtime.frames import Array, Image

MOMENTS = {"hand": 0.45, "mask": 0.5, "phone": 0.5}  # of the passages of `clip_scene`: in the middle of the face
WORN = ("mask",)  # moves with the face
START = 15  # frames until everything has settled
SIDE = 192  # px of the aligned frames
ASKED = 1.5
MEANINGS = f"""\
Change from frame to frame of the hidden pixels of the face, aligned to it, mean absolute difference in grey levels:
completed, in the clean clip, and their ratio (asked: at most {ASKED})."""


def rest(
    images: Sequence[Image], landmarks: Sequence[Array], name: str, library: Library
) -> list[tuple[Image, NDArray]]:
    """The clip with a thing at rest before the face: each frame (S, S, 3) RGB, and what it hides (S, S) bool.

    Args:
        images: (S, S, 3) RGB each.
        landmarks: (478, 2) px each, of the clean face.
        name: of `COVERS`.
        library: the occluders.
    """
    cover = COVERS[name](library, np.random.default_rng(list(COVERS).index(name)))
    resting = cover(Scene(images[0], landmarks[0]), MOMENTS[name])
    frames = []
    for image, points in zip(images, landmarks, strict=True):
        layer = cover(Scene(image, points), MOMENTS[name]) if name in WORN else resting
        laid = compose(image, [Layer(layer.light, layer.alpha, shadow=0.0)], np.random.default_rng(0))
        frames.append((laid.image, laid.opacity > OPAQUE))
    return frames


def change(
    images: Sequence[Image], landmarks: Sequence[Array], hidden: Sequence[NDArray[np.bool_]], start: int = START
) -> float:
    """The mean absolute difference, 0..255, of hidden pixels from one frame to the next, aligned to the face.

    Args:
        images: (H, W, 3) RGB each.
        landmarks: (478, 2) px each, of the clean face.
        hidden: (H, W) bool each; only what lies inside the face counts.
        start: the first frame that is compared with the one before.
    """
    before = None
    steps = []
    for now, (image, points, mask) in enumerate(zip(images, landmarks, hidden, strict=True)):
        matrix = crop_matrix(points, SIDE)
        inside = (mask & face_region(points, mask.shape)).astype(np.uint8) * 255
        seen = cut(image, matrix, SIDE).image.astype(np.float32), cut(inside, matrix, SIDE).image > 127
        if before is not None and now >= start:
            both = seen[1] & before[1]
            if both.any():
                steps.append(float(np.abs(seen[0] - before[0])[both].mean()))
        before = seen
    return float(np.mean(steps)) if steps else float("nan")


def evaluate(data: str | Path, only: Sequence[str] = (), progress: Callable[[Sequence], Sequence] = list) -> str:
    """The report as Markdown.

    Args:
        data: folder of video/ and occluders/.
        only: clips and covers to take, by name; all unless given.
        progress: wraps what there is to do.
    """
    data = data_folder(data)
    library, model = load_library(data, validation=True), MorphableModel.load()
    clips = [name for name in CLIPS if name in only] or list(CLIPS)
    covers = [name for name in MOMENTS if name in only] or list(MOMENTS)
    lines, ratios = [], []
    for clip, name in progress([(clip, name) for clip in clips for name in covers]):
        images = read_clip(data / "video" / f"{clip}.mp4")
        truth = [points for points in run_mediapipe(images).landmarks if points is not None]
        if len(truth) < len(images):
            raise UserError(f"MediaPipe loses the face in the clean clip {clip}.", "Use another clip.")
        frames = rest(images, truth, name, library)
        hidden = [mask for _, mask in frames]
        painted = change(run_program(model, [image for image, _ in frames]).complete, truth, hidden)
        clean = change(images, truth, hidden)
        ratios.append(painted / clean)
        lines.append([f"{clip} {name}", f"{painted:.2f}", f"{clean:.2f}", f"{ratios[-1]:.2f}"])
    lines.append(["mean", "", "", f"{np.mean(ratios):.2f}"])
    return f"{MEANINGS}\n\n{markdown(['clip', 'completed', 'clean', 'ratio'], lines)}\n"
