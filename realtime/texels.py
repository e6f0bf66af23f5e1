"""Which point of the mesh lies under each texel of a UV map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.frames import Array


class TexelGrid:
    """The texels of a (size, size) map that the mesh covers; row 0 is v = 1.

    Attributes:
        size: texels along a side.
        covered: (N,) indices into the flattened map.
        corners: (3, N) the vertices around each covered texel.
        barycentric: (3, N) float32, their shares.
    """

    def __init__(self, model: MorphableModel, size: int) -> None:
        self.size = size
        column = model.uv[:, 0].astype(np.float64) * size - 0.5
        row = (1.0 - model.uv[:, 1].astype(np.float64)) * size - 0.5
        triangles = model.triangles
        x, y = column[triangles], row[triangles]

        # Every texel of every triangle's bounding box is tried, all at once.
        left = np.clip(np.ceil(x.min(1)), 0, size).astype(np.int64)
        top = np.clip(np.ceil(y.min(1)), 0, size).astype(np.int64)
        width = np.clip(np.floor(x.max(1)), -1, size - 1).astype(np.int64) - left + 1
        height = np.clip(np.floor(y.max(1)), -1, size - 1).astype(np.int64) - top + 1
        tried = np.maximum(width, 0) * np.maximum(height, 0)
        which = np.repeat(np.arange(len(triangles)), tried)
        place = np.arange(len(which)) - np.repeat(np.cumsum(tried) - tried, tried)
        px = left[which] + place % np.maximum(width[which], 1)
        py = top[which] + place // np.maximum(width[which], 1)

        ax, ay = x[which, 0], y[which, 0]
        bx, by = x[which, 1] - ax, y[which, 1] - ay
        cx, cy = x[which, 2] - ax, y[which, 2] - ay
        area = bx * cy - by * cx
        area = np.where(np.abs(area) < 1e-12, np.inf, area)
        second = ((px - ax) * cy - (py - ay) * cx) / area
        third = (bx * (py - ay) - by * (px - ax)) / area
        inside = np.flatnonzero((second >= -1e-6) & (third >= -1e-6) & (second + third <= 1 + 1e-6) & np.isfinite(area))

        self.covered, first = np.unique(py[inside] * size + px[inside], return_index=True)
        chosen = inside[first]
        shares = np.stack([1 - second[chosen] - third[chosen], second[chosen], third[chosen]])
        self.corners: NDArray[np.intp] = np.ascontiguousarray(triangles[which[chosen]].T, np.intp)
        self.barycentric = np.ascontiguousarray(shares, np.float32)

    def spread(self, values: NDArray) -> Array:
        """(C, V) values of the vertices -> (C, N) values of the covered texels."""
        values = np.ascontiguousarray(values, np.float32)
        out = values.take(self.corners[0], axis=-1) * self.barycentric[0]
        out += values.take(self.corners[1], axis=-1) * self.barycentric[1]
        out += values.take(self.corners[2], axis=-1) * self.barycentric[2]
        return out

    def to_map(self, values: NDArray, background: float = 0.0) -> Array:
        """(N,) values of the covered texels -> (size, size)."""
        out = np.full(self.size * self.size, background, np.float32)
        out[self.covered] = values
        return out.reshape(self.size, self.size)
