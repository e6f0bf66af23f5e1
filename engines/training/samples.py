"""Training samples made on the fly: a jittered crop of a face, covered, photographed, with the truth of all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from engines.training import labels
from engines.training.camera import photograph, shade
from engines.training.occluders import Library, occlude
from engines.training.occluders.scene import Rng, ramp
from engines.training.split import is_validation
from engines.training.store import FaceStore
from realtime.alignment import crop_matrix, to_crop
from realtime.frames import Array, Image

GLASSES = labels.PART["eyeglasses"]


@dataclass(frozen=True)
class Sample:
    """One covered face and what is true about it; all (S, S, ...)."""

    clean: Image  # RGB, the complete face
    covered: Image  # RGB, what the networks see
    mask: Image  # 1 where something foreign is in front
    parts: Image  # codes of `labels` of the complete face; never eyeglasses
    glasses: Image  # 1 where eyeglasses are what one sees
    judged: Image  # 1 where the mask's truth is known and the picture is real


def tracker_error(rng: Rng, size: int, strength: float) -> Array:
    """(3, 3) how a real tracker, misled by an occluder, shifts, turns and scales the crop about its centre."""
    wild = 2.0 if rng.random() < 0.15 else 1.0
    scale = np.exp(strength * wild * rng.normal(0, 0.06))
    angle = strength * wild * rng.normal(0, 0.07)
    shift = np.clip(strength * wild * rng.normal(0, 0.03, 2), -0.12, 0.12) * size
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    center = np.full(2, size / 2)
    return np.vstack([np.column_stack([linear, center + shift - linear @ center]), [0, 0, 1]])


def make_sample(
    store: FaceStore,
    index: int,
    library: Library,
    rng: Rng,
    size: int,
    kinds: Sequence[str] | None = None,
    jitter: float = 1.0,
) -> Sample:
    """One sample.

    Args:
        store: the faces.
        index: which of them.
        library: the occluders.
        rng: decides everything.
        size: the crop's side in px.
        kinds: see `occlude`.
        jitter: strength of the tracker's error; 0 for none.
    """
    points = store.landmarks[index]
    matrix = (tracker_error(rng, size, jitter) @ np.vstack([crop_matrix(points, size), [0, 0, 1]]))[:2]
    square = (size, size)
    clean = cv2.warpAffine(store.images[index], matrix, square, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    codes = cv2.warpAffine(store.labels[index], matrix, square, flags=cv2.INTER_NEAREST, borderValue=labels.OUTSIDE)
    if rng.random() < 0.25:
        clean = shade(clean, ramp(size, rng, 0.55, 1.2))
    occlusion = occlude(clean, to_crop(points, matrix), library, rng, kinds)
    clean, covered = photograph(clean, occlusion.image, rng)

    real_glasses = codes == GLASSES
    mask = occlusion.mask | (codes == labels.HEADWEAR)
    # Whether a real lens is clear or tinted is not known, unless something else lies on it.
    judged = (codes != labels.OUTSIDE) & ~(real_glasses & ~occlusion.mask)
    glasses = np.where(real_glasses, 1 - occlusion.opacity + occlusion.eyeglasses, occlusion.eyeglasses) > 0.3
    parts = np.where(real_glasses, labels.UNKNOWN, codes).astype(np.uint8)
    layers = [clean, covered, mask.astype(np.uint8), parts, glasses.astype(np.uint8), judged.astype(np.uint8)]
    if rng.random() < 0.5:
        layers = [layer[:, ::-1] for layer in layers]
        layers[3] = labels.SWAP[layers[3]]
    return Sample(*layers)


def stack(samples: Sequence[Sample]) -> dict[str, torch.Tensor]:
    """A batch: uint8, images (N, S, S, 3) under `clean` and `covered`, the rest (N, S, S)."""
    return {
        name: torch.from_numpy(np.stack([getattr(sample, name) for sample in samples]))
        for name in Sample.__dataclass_fields__
    }


def to_network(image: torch.Tensor) -> torch.Tensor:
    """(N, S, S, 3) uint8 -> (N, 3, S, S) float32 in [-1, 1], channels last in memory."""
    return image.permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1)


def faces_for(store: FaceStore, validation: bool, left_out: Sequence[str] = ()) -> np.ndarray:
    """Indices of the faces of one part of the split, without those named in `left_out`."""
    unwanted = set(left_out)
    return np.array([i for i, n in enumerate(store.names) if is_validation(n) == validation and n not in unwanted])


class Batches(Dataset):
    """Batch number n, always the same for one seed: interrupted and resumed training sees what it would have seen.

    Args:
        shapes: (side of the crops in px, how many) of the batches, in turn.
        hand_made_share: share of the samples that is drawn besides from the faces with hand-made maps.
        turned: other faces, of which `turned_share` of the samples are made; None: none are.
        chances: (N,) how likely each of the indices is to be drawn; None: all alike.
    """

    def __init__(
        self,
        store: FaceStore,
        indices: np.ndarray,
        library: Library,
        shapes: Sequence[tuple[int, int]],
        seed: int,
        hand_made_share: float = 0.0,
        turned: FaceStore | None = None,
        turned_share: float = 0.0,
        chances: Array | None = None,
    ) -> None:
        self.store, self.indices, self.occluders, self.chances = store, indices, library, chances
        self.turned, self.turned_share = turned, turned_share
        self.shapes, self.seed = shapes, seed
        self.hand_made = indices[store.hand_made[indices]]
        self.hand_made_share = hand_made_share if len(self.hand_made) else 0.0

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.seed, number))
        size, count = self.shapes[number % len(self.shapes)]
        chosen = rng.choice(self.indices, count, p=self.chances)
        swapped = rng.random(count) < self.hand_made_share
        chosen[swapped] = rng.choice(self.hand_made, int(swapped.sum())) if swapped.any() else []
        faces = [(self.store, int(i)) for i in chosen]
        if self.turned is not None:
            for place in np.flatnonzero(rng.random(count) < self.turned_share):
                faces[place] = self.turned, int(rng.integers(len(self.turned)))
        return stack([make_sample(store, i, self.occluders, rng, size) for store, i in faces])


class _From:
    """An endless sampler: start, start + 1, ..."""

    def __init__(self, start: int) -> None:
        self.start = start

    def __iter__(self):
        number = self.start
        while True:
            yield number
            number += 1


def loader(batches: Batches, start: int, workers: int = 1) -> DataLoader:
    """Batches number `start` and on, made ahead by other processes (0: none)."""
    # A process that is forked while OpenCV's threads exist waits for them for ever: end them here, before.
    cv2.setNumThreads(1)
    ahead = {"prefetch_factor": 4, "persistent_workers": True} if workers else {}
    return DataLoader(batches, batch_size=None, sampler=_From(start), num_workers=workers, **ahead)
