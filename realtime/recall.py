"""A remembered face painted into a crop, as it would look there now."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.bump import skin_vertices
from realtime.frames import Array, Image
from realtime.raster import rasterise
from realtime.remembered import GAIN_CELLS, SIZE, Texture, cell_gain

# Rings of vertices along the mesh's open border over which what is remembered fades out.
RIM_RINGS = 3
OUTER_PARTS = ("skin", "ears", "neck", "scalp")  # teeth, eyeballs and the insides of lids have open borders, too
SOFT = 1.5  # px, the standard deviation of the blur at the edge of what is remembered
REACH = 12.0  # px beyond the mask that are painted too: all of its seam


@dataclass(frozen=True)
class Recalled:
    """What is remembered of the hidden part of a face, in a crop of S px."""

    painting: Image  # (S, S, 3) RGB
    own: Array  # (S, S) 0..1: how far it was seen there itself
    mirrored: Array  # (S, S) 0..1: how far only on the other side of the face; own + mirrored is at most 1

    @property
    def share(self) -> Array:
        """(S, S) 0..1: how far it is known at all."""
        return self.own + self.mirrored


def with_view(recalled: Recalled | None, image: Array, known: Array) -> Recalled | None:
    """What is remembered, and where that is nothing a view of the face as it was.

    Args:
        recalled: what is remembered.
        image: (S, S, 3) 0..255, the view.
        known: (S, S) 0..1: how far it is to be believed.
    """
    if recalled is None:
        return None if not known.any() else Recalled(_bytes(image), known, np.zeros_like(known))
    rest = (1 - recalled.share) * known
    share = rest / np.maximum(recalled.share + rest, 1e-6)
    painting = recalled.painting + cv2.merge([share] * 3) * (image - recalled.painting)
    return Recalled(_bytes(painting), recalled.own + rest, recalled.mirrored)


class Recaller:
    """Paints remembered faces of one face model."""

    def __init__(self, model: MorphableModel) -> None:
        self._triangles = model.triangles
        # Where each vertex lies in the map, in OpenCV's px: it counts from the middle of the first texel.
        self._texel = np.stack([model.uv[:, 0] * SIZE - 0.5, (1 - model.uv[:, 1]) * SIZE - 0.5]).astype(np.float32)
        self._rim = rim(model)
        self._skin = np.flatnonzero(skin_vertices(model))

    def recall(
        self, texture: Texture, vertices: Array, visibility: Array, crop: Image, hidden: Array
    ) -> Recalled | None:
        """What lies under the mask, as far as it is remembered, in the light of what is seen around it.

        Args:
            texture: what is remembered.
            vertices: (V, 3) px of the crop, where the mesh is.
            visibility: (V,) 0..1: which of it is seen, and not covered.
            crop: (S, S, 3) RGB, as the camera saw it.
            hidden: (S, S) 0..1, the mask.

        Returns:
            None where the mesh does not reach under the mask.
        """
        side = crop.shape[0]
        near = cv2.dilate(hidden.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=round(REACH))
        under = _looked_up(near[..., None], vertices)[:, 0] > 0
        first, second, third = self._triangles.T
        hits = rasterise(vertices, self._triangles[under[first] | under[second] | under[third]], side)
        if not len(hits.pixels):
            return None
        texel = hits.mix(self._texel)
        colours = _fetched(texture.colours, texel).astype(np.float32)
        gain = self._gain(texture, vertices, visibility, crop)
        gain = cv2.resize(gain, (side, side), interpolation=cv2.INTER_LINEAR).reshape(-1, 3)
        colours *= gain.take(hits.pixels, axis=0)
        shares = _fetched(texture.shares, texel).astype(np.float32) * (hits.mix(self._rim) / 255)[:, None]
        painting = np.zeros((side * side, 3), np.uint8)
        painting[hits.pixels] = _bytes(colours)
        known = np.zeros((side * side, 2), np.float32)
        known[hits.pixels] = shares
        own, mirrored = cv2.split(known.reshape(side, side, 2))
        soft = _softened(own + mirrored) / np.maximum(own + mirrored, 1e-3)
        return Recalled(painting.reshape(side, side, 3), own * soft, mirrored * soft)

    def _gain(self, texture: Texture, vertices: Array, visibility: Array, crop: Image) -> Array:
        """(C, C, 3) over the crop: how the light on the face has changed since."""
        texel = self._texel[:, self._skin]
        known = _fetched(texture.shares, texel).astype(np.float32).sum(1) / 255
        weight = visibility[self._skin] * known
        now = _looked_up(crop, vertices[self._skin]).astype(np.float32)
        before = _fetched(texture.colours, texel).astype(np.float32)
        cells = (vertices[self._skin, :2] * (GAIN_CELLS / crop.shape[0])).astype(np.int32)
        inside = ((cells >= 0) & (cells < GAIN_CELLS)).all(1)
        weight, cells = weight * inside, cells.clip(0, GAIN_CELLS - 1)
        flat = cells[:, 1] * GAIN_CELLS + cells[:, 0]
        new, old, total = (
            np.stack([np.bincount(flat, channel, GAIN_CELLS**2) for channel in values.T], -1).reshape(
                GAIN_CELLS, GAIN_CELLS, -1
            )
            for values in (now * weight[:, None], before * weight[:, None], weight[:, None])
        )
        return cell_gain(new, old, total)


def rim(model: MorphableModel) -> Array:
    """(V,) 1 inside the mesh, falling to 0 where the head ends."""
    triangles = model.weld[model.triangles]
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    open_ = unique[count == 1].ravel()
    open_ = open_[np.isin(model.parts[open_], [model.mesh_part_names.index(name) for name in OUTER_PARTS])]
    reached = np.full(len(model.mean), RIM_RINGS, np.float32)
    reached[open_] = 0
    for ring in range(1, RIM_RINGS):
        nearest = reached[triangles].min(1)
        touched = triangles[nearest == ring - 1].ravel()
        reached[touched] = np.minimum(reached[touched], ring)
    return (reached / RIM_RINGS)[model.weld]


def _fetched(texture: Image, texel: Array) -> NDArray:
    """(N, C) bilinear samples of (S, S, C) at (2, N) OpenCV's px; outside repeats the border."""
    return _remapped(texture, np.ascontiguousarray(texel.T))


def _looked_up(image: Image, points: Array) -> NDArray:
    """(N, C) bilinear samples of (H, W, C) at points (N, 2 or more) px; outside repeats the border."""
    return _remapped(image, np.ascontiguousarray(points[:, :2] - np.float32(0.5)))


def _remapped(image: Image, where: Array) -> NDArray:
    """(N, C) samples at `where` (N, 2); OpenCV wants a picture of places, and none of more than 32767 rows."""
    count, across = len(where), 256
    rows = -(-count // across)
    padded = np.zeros((rows * across, 2), np.float32)
    padded[:count] = where
    found = cv2.remap(image, padded.reshape(rows, across, 2), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(rows * across, -1)[:count]


def _softened(known: Array) -> Array:
    """(S, S) soft on the known side of every edge only."""
    blurred = cv2.GaussianBlur(known, (0, 0), SOFT)
    return np.minimum(known, np.clip(2 * blurred - 1, 0, 1))


def _bytes(values: Array) -> Image:
    """0..255 rounded to uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
