"""The face mesh as the renderer sees it: what is fixed per model, and one face's vertices ready for upload."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from realtime.frames import Array, FaceState

FEATHER_MM = 22.0  # width of the soft edge at the mesh's outer border
SCALP_MM = (58.0, 100.0)  # above the eyes: where skin usually begins to give way to hair, and where none is left
CAST = 0.8  # how much of the estimated light's colour is taken for the skin's, as a power
SCALE_POINTS = 300  # vertices that the face's scale is read from


class SurfaceModel(Protocol):
    """What the renderer needs of the face model; `engines.face_model.MorphableModel` has it."""

    @property
    def mean(self) -> Array:
        """(V, 3) mm, head frame."""

    @property
    def triangles(self) -> NDArray[np.int32]:
        """(T, 3), counter-clockwise seen from outside."""

    @property
    def uv(self) -> Array:
        """(V, 2), v up."""

    @property
    def weld(self) -> NDArray[np.int32]:
        """(V,) the first vertex at the same place: UV seams double vertices."""

    @property
    def painted(self) -> NDArray[np.bool_]:
        """(V,) whose colour is the same on everybody: eyes, teeth, the inside of the mouth."""

    def normals(self, vertices: Array) -> Array:
        """(V, 3) -> (V, 3) outward unit normals, in the frame of `vertices`."""
        ...

    def albedo(self, coefficients: Array) -> Array:
        """(A,) -> (V, 3) linear RGB."""
        ...


def without_cast(albedo: Array, painted: NDArray[np.bool_], light: Array) -> Array:
    """(V, 3) the albedo with most of the light's colour cast taken out of what is painted.

    Skin that is paler or redder than the model's gives the estimated light a cast, which would turn the white of eyes
    and teeth green or blue.

    Args:
        albedo: (V, 3) linear RGB.
        painted: (V,) see `SurfaceModel`.
        light: (27,) as `Coefficients.light`.
    """
    mean = light[::9]
    if not painted.any() or mean.min() <= 0:
        return albedo
    out = albedo.copy()
    out[painted] *= (mean.mean() / mean) ** CAST
    return out


def boundary_loops(triangles: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    """The mesh's open borders: one sorted array of vertex indices per connected border."""
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, counts = np.unique(edges, axis=0, return_counts=True)
    border = unique[counts == 1]
    label = np.arange(triangles.max() + 1)
    while True:  # every border vertex takes the smallest index it is joined to
        smallest = np.minimum(label[border[:, 0]], label[border[:, 1]])
        before = label.copy()
        np.minimum.at(label, border[:, 0], smallest)
        np.minimum.at(label, border[:, 1], smallest)
        if np.array_equal(label, before):
            break
    vertices = np.unique(border)
    return [vertices[label[vertices] == root] for root in np.unique(label[vertices])]


def mesh_opacity(model: SurfaceModel, feather: float = FEATHER_MM) -> Array:
    """(V,) how far each vertex covers the frame: less towards the mesh's outer border and up the scalp.

    0 on the border, 1 from `feather` mm inwards; inner borders (eyes, mouth) stay 1. The border is the open loop
    of the largest extent; a closed mesh has none. The scalp fades because the model has no hair.
    """
    low, high = SCALP_MM
    opacity = 1 - _smoothstep((model.mean[:, 1] - low) / (high - low))
    loops = boundary_loops(model.weld[model.triangles])
    if loops:
        outer = max(loops, key=lambda loop: float(np.ptp(model.mean[loop], axis=0).sum()))
        to_border = np.linalg.norm(model.mean[:, None] - model.mean[outer][None], axis=2).min(axis=1)
        opacity = opacity * _smoothstep(to_border / feather)
    return opacity.astype(np.float32)


def px_per_mm(face: FaceState) -> float:
    """The face's scale in the picture, read off its own vertices so that any camera model will do."""
    every = slice(None, None, max(1, len(face.neutral) // SCALE_POINTS))
    spread_px, spread_mm = (np.linalg.norm(p - p.mean(axis=0)) for p in (face.vertices[every], face.neutral[every]))
    return float(spread_px / max(float(spread_mm), 1e-6))


def wire_edges(triangles: NDArray[np.int32]) -> NDArray[np.uint8]:
    """(3T, 3) per triangle corner: 1 for the edge opposite to it, 0 for the two it lies on.

    The edge that triangles 2k and 2k+1 share is the diagonal of a quad and is marked 1 throughout, which hides it.
    """
    corners = np.tile(np.eye(3, dtype=np.uint8), (len(triangles), 1, 1))
    pairs = triangles[: len(triangles) // 2 * 2].reshape(-1, 2, 3)
    for first, second in ((0, 1), (1, 0)):
        ours, theirs = pairs[:, first], pairs[:, second]
        shared = (ours[:, :, None] == theirs[:, None, :]).any(axis=2)  # (P, 3)
        is_quad = shared.sum(axis=1) == 2
        opposite = np.argmin(shared, axis=1)  # the corner that is not shared faces the diagonal
        rows = np.flatnonzero(is_quad)
        corners[2 * rows + first, :, opposite[rows]] = 1
    return corners.reshape(-1, 3)


def _smoothstep(x: Array) -> Array:
    t = np.clip(x, 0, 1)
    return t * t * (3 - 2 * t)
