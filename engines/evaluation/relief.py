"""Whether the folds of rendered heads are as strong as those of real faces: a Markdown table.

    python -m engines.evaluation.relief --data ../shared/data

A fold is seen by its shading, so the strength of mid-level shading is compared: on trusted skin, the change of log
brightness between the two scales of `bump_targets`, without that of the smooth mesh. In photographs it is colour and
relief together, and grows with age; of a rendered head both are known.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import cv2
import numpy as np
from tqdm import tqdm

from engines.evaluation.groups import facts_of
from engines.evaluation.markdown import markdown
from engines.evaluation.regressed import KeptOut, Recovery, command, kept_out
from engines.face_model.model import MorphableModel
from engines.training.regression.bump_targets import (
    BUMP_SIDE,
    LUMINANCE,
    MOST_TURNED,
    mid_tone,
    read_photo,
    shade_of,
    skin_of,
)
from engines.training.regression.examples import Head, draw_head, usable
from engines.training.regression.folds import FoldMaker
from engines.training.regression.heads import Mesh, Picture, render_head
from realtime.frames import Array
from realtime.light import to_linear

SEED = 94_000
TRUSTED = 0.7  # of a photograph's skin
AGES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of `FoldMaker.draw`
TO_DEVIATION = 1.4826  # the median of absolute values of what is normally distributed, in standard deviations


def photo_contrast(model: MorphableModel, faces: KeptOut, index: int) -> float | None:
    """Contrast of one stored photograph's skin; None where hardly any is seen."""
    store = faces.store
    reading = read_photo(model, store.images[index], store.labels[index], store.landmarks[index], faces.truth, index)
    if reading is None:
        return None
    tone = mid_tone(reading.brightness / shade_of(reading.relief.normals, reading.light), reading.trust)
    return _spread(tone[reading.trust > TRUSTED])


def head_contrasts(mesh: Mesh, head: Head) -> tuple[float, float, float] | None:
    """Contrast of a rendered head's skin, of its colours alone, and of its displacement alone; None without skin."""
    if head.reading is None:
        return None
    flat = replace(head.look, displacement=np.zeros_like(head.look.displacement))
    folded, smooth = (render_head(mesh, head.photo, head.vertices, head.normals, look) for look in (head.look, flat))
    size = (BUMP_SIDE, BUMP_SIDE)
    normals = cv2.resize(smooth.relief.normals, size, interpolation=cv2.INTER_AREA)
    skin = skin_of(folded, head.reading) & folded.bump_known & (folded.relief.normals[..., 2] < -MOST_TURNED)
    skin = cv2.resize(skin.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    if not skin.any():
        return None
    shade = shade_of(normals, (head.look.light.reshape(3, 9) * LUMINANCE[:, None]).sum(0))

    def tone(picture: Picture) -> Array:
        brightness = to_linear(cv2.resize(picture.image, size, interpolation=cv2.INTER_AREA)) @ LUMINANCE
        return mid_tone(brightness / shade, skin.astype(np.float32))[skin]

    both, colour = tone(folded), tone(smooth)
    return _spread(both), _spread(colour), _spread(both - colour)


def _spread(values: Array) -> float:
    """A robust standard deviation: brows that a part map misses count for little."""
    return float(TO_DEVIATION * np.median(np.abs(values)))


def report(options: argparse.Namespace, recovery: Recovery) -> str:
    """Two tables as Markdown."""
    model, faces = recovery.model, kept_out(options.data, options.faces, options.run)
    rng = np.random.default_rng(SEED)
    photos: dict[str, list[float]] = {}
    for index in tqdm(rng.permutation(usable(faces.truth, np.arange(len(faces.store)))), "photographs"):
        group = facts_of(faces.store.names[index]).get("age")
        if group is None or len(photos.setdefault(group, [])) >= options.count:
            continue
        contrast = photo_contrast(model, faces, int(index))
        if contrast is not None:
            photos[group].append(contrast)
    rows = [[age, str(len(values)), f"{np.mean(values):.3f}"] for age, values in sorted(photos.items())]
    tables = [markdown(["photographs of age", "faces", "contrast"], rows)]

    mesh, folds, rows = Mesh.of(model), FoldMaker(model), []
    for age in tqdm(AGES, "rendered heads"):
        found = []
        for _ in range(options.count):
            head = draw_head(model, faces.store, faces.truth, faces.chosen, folds, rng, age)
            contrasts = head_contrasts(mesh, head)
            if contrasts is not None:
                found.append(contrasts)
        rows.append([f"{age:.2f}", str(len(found)), *(f"{value:.3f}" for value in np.mean(found, 0))])
    tables.append(markdown(["rendered heads of age", "heads", "contrast", "of colours", "of folds"], rows))
    return "\n\n".join(tables)


if __name__ == "__main__":
    sys.exit(command("relief", __doc__.splitlines()[0], report))
