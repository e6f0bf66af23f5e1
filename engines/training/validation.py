"""The validation set of a training run, and the figures computed on it."""

from __future__ import annotations

import numpy as np
import torch

from engines.training.labels import PART
from engines.training.occluders import JUDGED, Library
from engines.training.samples import Sample, faces_for, make_sample
from engines.training.store import FaceStore

FACE_CODES = np.array([PART[n] for n in PART if n not in ("background", "hair", "ears", "neck", "eyeglasses")])
SEED = 20_000


def validation_samples(
    store: FaceStore, library: Library, size: int, per_kind: int, left_out: list[str]
) -> dict[str, list[Sample]]:
    """Kind (the judged ones, and "clear") -> samples, always the same; a third have hand-made maps."""
    faces = faces_for(store, validation=True, left_out=left_out)
    hand_made = faces[store.hand_made[faces]]
    sets = {}
    for number, kind in enumerate((*JUDGED, "clear")):
        rng = np.random.default_rng((SEED, number))
        count = per_kind // 3 if len(hand_made) else 0
        chosen = np.concatenate([rng.choice(hand_made, count), rng.choice(faces, per_kind - count)])
        kinds = [] if kind == "clear" else [kind]
        sets[kind] = [make_sample(store, int(i), library, rng, size, kinds, jitter=0.6) for i in chosen]
    return sets


def face_table() -> torch.Tensor:
    """(256,) float: code of `labels` -> 1 for a part of the face itself."""
    table = torch.zeros(256)
    table[torch.from_numpy(FACE_CODES)] = 1
    return table


def face_region(sample: Sample) -> np.ndarray:
    """(S, S) bool: pixels of the face whose truth is known."""
    return np.isin(sample.parts, FACE_CODES) & (sample.judged > 0)


def mask_iou(found: np.ndarray, sample: Sample) -> float | None:
    """IoU of a mask (S, S) bool inside the face; None where next to nothing is covered or marked."""
    where, truth = face_region(sample), sample.mask > 0
    either = ((found | truth) & where).sum()
    return float((found & truth & where).sum() / either) if either > 20 else None


def marked_share(found: np.ndarray, sample: Sample) -> float:
    """% of a clear face that a mask (S, S) bool marks."""
    where = face_region(sample)
    return 100.0 * float(found[where].mean()) if where.any() else 0.0


def part_ious(found: list[np.ndarray], truth: list[np.ndarray], where: list[np.ndarray]) -> dict[int, float]:
    """Class -> IoU over all pixels of all samples together where `where`; classes that do not occur are left out."""
    confusion = np.zeros((256, 256), np.int64)
    for f, t, w in zip(found, truth, where, strict=True):
        confusion += np.bincount(t[w].astype(int) * 256 + f[w], minlength=65536).reshape(256, 256)
    return {
        code: float(confusion[code, code] / (confusion[code].sum() + confusion[:, code].sum() - confusion[code, code]))
        for code in range(len(PART))
        if confusion[code].sum()
    }


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """dB between two uint8 pictures (S, S, 3) over `where` (S, S) bool."""
    error = (a[where].astype(np.float64) - b[where]) ** 2
    return float(-10 * np.log10(max(1e-9, error.mean() / 255**2)))
