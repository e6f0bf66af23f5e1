"""Batches for the regression network: jittered crops as the loop will feed them, clean or completed, with truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from engines.training import labels
from engines.training.camera import photograph
from engines.training.occluders import Library, occlude
from engines.training.regression.bump_targets import dequantise
from engines.training.regression.examples import Examples
from engines.training.regression.pseudo_truth import SKIN, STORE_CAMERA
from engines.training.regression.pyramid import spread
from engines.training.samples import tracker_error
from engines.training.store import SIDE
from realtime.alignment import crop_matrix, to_crop
from realtime.frames import Array, Image
from realtime.light import to_linear
from realtime.regressed import crop_pose, turn_light

Rng = np.random.Generator
Complete = Callable[[Image, Image], Image]  # what paints hidden pixels, given (covered, mask)

RENDERED = 0.45  # share of the crops that show rendered heads
COVERED = 0.6  # share of the crops that were covered and completed
COMPLETED = 0.85  # share of these that the trained networks complete, the others are filled by makeshift


@dataclass(frozen=True)
class Sample:
    """One crop of S px and what is true about it."""

    image: Image  # (S, S, 3) RGB as the network sees it: clean, or `covered` still to be completed
    clean: Image  # (S, S, 3) RGB
    mask: Image  # (S, S) 1 where it was covered
    judged: Image  # (S, S) 1 where the clean crop shows the face's skin
    bump: Array  # (S, S) mm
    bump_known: Array  # (S, S) 0..1
    identity: Array
    expression: Array
    albedo: Array
    light: Array  # (27,) crop frame
    pose: Array  # (9,)
    landmarks: Array  # (478, 2) crop widths
    mesh_landmarks: Array  # (478, 2) crop widths: those of the fitted mesh
    rendered: np.float32


@dataclass(frozen=True)
class Source:
    """Examples to draw from, and which of them."""

    examples: Examples
    indices: Array
    rendered: bool
    codes: Image | None = None  # (N, SIDE, SIDE) label maps of photographs


def make_sample(
    source: Source,
    index: int,
    library: Library | None,
    rng: Rng,
    size: int,
    kinds: Sequence[str] | None = None,
    jitter: float = 1.0,
) -> Sample:
    """One sample; arguments as for `engines.training.samples.make_sample`; without a library nothing covers it."""
    e = source.examples
    points = e.landmarks[index]
    matrix = (tracker_error(rng, size, jitter) @ np.vstack([crop_matrix(points, size), [0, 0, 1]]))[:2]
    square = (size, size)
    clean = cv2.warpAffine(e.images[index], matrix, square, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    in_crop = to_crop(points, matrix)

    height, known = dequantise(e.bump[index])
    finer = matrix.copy()
    finer[:, :2] *= SIDE / len(e.bump[index])
    height, known = (cv2.warpAffine(a, finer, square, flags=cv2.INTER_LINEAR) for a in (height, known))

    if source.codes is not None:
        codes = cv2.warpAffine(source.codes[index], matrix, square, flags=cv2.INTER_NEAREST, borderValue=labels.OUTSIDE)
    else:
        codes = labels.from_landmarks(in_crop, size)

    mask = np.zeros(square, np.uint8)
    covered = clean
    if library is not None:
        occlusion = occlude(clean, in_crop, library, rng, kinds)
        covered, mask = occlusion.image, occlusion.mask.astype(np.uint8)
    before = clean
    clean, covered = photograph(clean, covered, rng)
    judged = np.isin(codes, SKIN)
    turn = float(np.arctan2(matrix[1, 0], matrix[0, 0]))
    light = turn_light(e.light[index], turn) * np.repeat(exposure(before, clean, judged), 9)

    pose = crop_pose(e.pose[index], matrix, size, STORE_CAMERA)
    return Sample(
        image=covered,
        clean=clean,
        mask=mask,
        judged=judged.astype(np.uint8),
        bump=height,
        bump_known=(known > 0.99).astype(np.float32),
        identity=e.identity[index],
        expression=e.expression[index],
        albedo=e.albedo[index],
        light=light,
        pose=pose.vector(),
        landmarks=in_crop / np.float32(size),
        mesh_landmarks=to_crop(e.fitted[index], matrix) / np.float32(size),
        rendered=np.float32(source.rendered),
    )


def exposure(before: Image, after: Image, skin: NDArray[np.bool_]) -> Array:
    """(3,) how much brighter the skin has become in linear RGB; 1 where none is seen."""
    if skin.sum() < 20:
        return np.ones(3, np.float32)
    old, new = (to_linear(image[skin][::7]).mean(0) for image in (before, after))
    return (new / np.maximum(old, 0.01)).astype(np.float32)


def fill(image: Image, mask: Image, others: Sequence[Image], rng: Rng) -> Image:
    """The hidden pixels painted by some means, good or bad: what a completion may get wrong.

    Args:
        image: (S, S, 3) RGB, covered.
        mask: (S, S) 1 where it is.
        others: other aligned faces (S, S, 3).
        rng: decides everything.
    """
    if not mask.any():
        return image
    grown = int(rng.integers(1, 4))
    mask = cv2.dilate(mask, np.ones((grown, grown), np.uint8))
    smooth = spread(image, 1 - mask)
    kind = rng.random()
    if kind < 0.45:  # another person's face under this one's colours
        other = others[rng.integers(len(others))].astype(np.float32)
        painted = smooth + rng.uniform(0.5, 1.0) * (other - cv2.GaussianBlur(other, (0, 0), rng.uniform(8, 16)))
    elif kind < 0.65:  # the other side of the face, where it is seen
        free = cv2.blur(1 - mask[:, ::-1].astype(np.float32), (3, 3))[..., None]
        painted = free * image[:, ::-1] + (1 - free) * smooth
    else:
        painted = smooth + rng.normal(0, rng.uniform(0, 8), image.shape)
    edge = cv2.blur(mask.astype(np.float32), (3, 3))[..., None]
    return np.clip(edge * painted + (1 - edge) * image, 0, 255).astype(np.uint8)


def stack(samples: Sequence[Sample]) -> dict[str, torch.Tensor]:
    """A batch under the names of `Sample`; images stay uint8, maps gain a channel."""
    batch = {
        name: torch.from_numpy(np.stack([np.asarray(getattr(sample, name)) for sample in samples]))
        for name in Sample.__dataclass_fields__
    }
    for name in ("bump", "bump_known", "judged", "mask"):
        batch[name] = batch[name][:, None].float()
    return batch


class RegressionBatches(Dataset):
    """Batch number n, always the same for one seed.

    Args:
        photos: photographs with pseudo-truth.
        heads: rendered heads with exact truth.
        library: the occluders.
        size: the crops' side in px.
        count: crops in a batch.
        seed: of everything.
        complete: what paints the hidden pixels; None for makeshift fills only.
        rendered: share of the crops that show rendered heads.
    """

    def __init__(
        self,
        photos: Source,
        heads: Source,
        library: Library,
        size: int,
        count: int,
        seed: int,
        complete: Complete | None = None,
        rendered: float = RENDERED,
    ) -> None:
        self.photos, self.heads, self.occluders = photos, heads, library
        self.size, self.count, self.seed = size, count, seed
        self.complete, self.rendered = complete, rendered

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.seed, number))
        samples = []
        for _ in range(self.count):
            source = self.heads if rng.random() < self.rendered else self.photos
            library = self.occluders if rng.random() < COVERED else None
            samples.append(make_sample(source, int(rng.choice(source.indices)), library, rng, self.size))
        return stack(complete_samples(samples, rng, self.complete))


def complete_samples(samples: list[Sample], rng: Rng, complete: Complete | None = None) -> list[Sample]:
    """Paints what is covered: some by `complete`, if there is one, the others by makeshift."""
    others = [sample.clean for sample in samples]
    covered = [i for i, sample in enumerate(samples) if sample.mask.any()]
    chosen = [i for i in covered if complete is not None and rng.random() < COMPLETED]
    images = [
        fill(sample.image, sample.mask, others, rng) if i in covered and i not in chosen else sample.image
        for i, sample in enumerate(samples)
    ]
    if chosen:
        painted = complete(np.stack([samples[i].image for i in chosen]), np.stack([samples[i].mask for i in chosen]))
        for i, image in zip(chosen, painted, strict=True):
            images[i] = image
    return [Sample(**{**vars(s), "image": image}) for s, image in zip(samples, images, strict=True)]
