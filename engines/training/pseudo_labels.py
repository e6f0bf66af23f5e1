"""Part maps for the faces that have no hand-made one, drawn by a network that learned from the hand-made ones alone.

Polygons through landmarks differ from hand-made maps, in brows and eyes most, and know nothing of hair, ears and neck.
Networks that learn from both learn neither. So a teacher that has seen hand-made maps alone labels
the clean photographs, and the others learn to see the same behind what covers them: pseudo-labels (Lee, 2013).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from engines.networks import ContourNetwork
from engines.training.labels import OUTSIDE, UNKNOWN
from engines.training.samples import to_network
from engines.training.store import SIDE, FaceStore
from realtime.alignment import crop_matrix, invert
from realtime.frames import Array, Image
from realtime.several_looks import SWAPPED

FILE = "pseudo_labels.npy"
CROP = 192  # px: what the teacher is shown
BATCH = 16
LEAST_CERTAIN = 0.5  # the probability of the likeliest part below which nothing is taught


@torch.no_grad()
def probabilities(network: ContourNetwork, crops: Image) -> Array:
    """(N, S, S, 3) RGB -> (N, 13, S, S): the parts of the face itself, crop and mirror image averaged."""
    image = to_network(torch.from_numpy(crops))
    parts, mirrored = (network(x)[1] for x in (image, image.flip(3)))
    parts = (parts + mirrored.flip(3)[:, SWAPPED])[:, :-1]
    return (parts / parts.sum(1, keepdim=True).clamp_min(1e-6)).numpy()


def to_codes(parts: Array, matrix: Array, known: Image) -> Image:
    """One stored face's codes.

    Args:
        parts: (13, S, S) probabilities in the crop.
        matrix: (2, 3) stored px -> crop px.
        known: (SIDE, SIDE) codes so far, of which what the photograph does not show is kept.
    """
    codes = np.where(parts.max(0) < LEAST_CERTAIN, UNKNOWN, parts.argmax(0)).astype(np.uint8)
    back = invert(matrix)
    out = cv2.warpAffine(codes, back, (SIDE, SIDE), flags=cv2.INTER_NEAREST, borderValue=UNKNOWN)
    return np.where(known == OUTSIDE, OUTSIDE, out).astype(np.uint8)


def write_pseudo_labels(
    store: FaceStore, network: ContourNetwork, faces: Path, progress=lambda numbers: numbers
) -> int:
    """Writes part maps of all faces beside the stored ones: drawn where none is hand-made. Returns how many were drawn.

    Args:
        store: the faces.
        network: the teacher.
        faces: the store's folder.
        progress: wraps the batches' first numbers.
    """
    rows = np.flatnonzero(~store.hand_made)
    path = faces / FILE
    temporary = path.with_suffix(".part")
    out = np.lib.format.open_memmap(temporary, "w+", np.uint8, store.labels.shape)
    out[store.hand_made] = store.labels[store.hand_made]
    for start in progress(range(0, len(rows), BATCH)):
        batch = rows[start : start + BATCH]
        matrices = [crop_matrix(store.landmarks[i], CROP) for i in batch]
        crops = [
            cv2.warpAffine(store.images[i], matrix, (CROP, CROP), borderMode=cv2.BORDER_REPLICATE)
            for i, matrix in zip(batch, matrices, strict=True)
        ]
        found = probabilities(network, np.stack(crops))
        for i, parts, matrix in zip(batch, found, matrices, strict=True):
            out[i] = to_codes(parts, matrix, store.labels[i])
    out.flush()
    temporary.replace(path)
    return len(rows)


def with_pseudo_labels(store: FaceStore, faces: Path) -> FaceStore:
    """The store with the maps that `write_pseudo_labels` drew; as it is where there are none for these faces."""
    path = faces / FILE
    if not path.exists():
        return store
    labels = np.load(path, mmap_mode="r")
    return replace(store, labels=labels, pseudo_labelled=True) if labels.shape == store.labels.shape else store
