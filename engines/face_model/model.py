"""The morphable face: identity, expression and albedo of one fixed mesh, in numpy.

Head frame: millimetres, right-handed, x to the person's left, y up, z out of the face; the origin lies midway between
the centres of the mean face's eyeballs. Identity and albedo coefficients are standard deviations; expressions are the
52 ARKit blendshapes, 0..1. Everything is linear but the eyeballs, which really turn.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realtime.errors import UserError

Array = NDArray[np.float32]
DEFAULT_PATH = Path(__file__).with_name("face_model.npz")
LANDMARKS = 478
RIGHT, LEFT = 0, 1  # the order of the eyes everywhere: the person's right eye first, as in MediaPipe's irises
# How far an eyeball turns at coefficient 1, radians: towards the nose or the temple, and up or down.
YAW_RANGE = float(np.radians(35.0))
PITCH_RANGE = float(np.radians(25.0))


@dataclass(frozen=True)
class MorphableModel:
    """V vertices, T triangles, K identity and A albedo components; see the module's frame of reference."""

    mean: Array  # (V, 3) mm
    identity_basis: Array  # (K, V, 3) mm per standard deviation
    expression_basis: Array  # (52, V, 3) mm at coefficient 1; zero on the eyeballs
    expression_names: tuple[str, ...]  # ARKit's, in alphabetical order
    albedo_mean: Array  # (V, 3) linear RGB, 0..1
    albedo_basis: Array  # (A, V, 3) linear RGB per standard deviation
    triangles: NDArray[np.int32]  # (T, 3) counter-clockwise from outside
    uv: Array  # (V, 2) 0..1, v up, the person's left at larger u
    parts: NDArray[np.uint8]  # (V,) index into mesh_part_names
    mesh_part_names: tuple[str, ...]
    mirror: NDArray[np.int32]  # (V,) the vertex on the other side of the face
    landmark_triangle: NDArray[np.int32]  # (478,) MediaPipe's order
    landmark_barycentric: Array  # (478, 3)
    landmark_sigma: Array  # (478,) mm, how far the tracker's landmark typically lies from ours
    weld: NDArray[np.int32]  # (V,) the first vertex at the same place: texture seams share it
    eye_ranges: NDArray[np.int32]  # (2, 2) first vertex and one past the last: right eye, left eye
    eye_centers: Array  # (2, 3) mm, of the mean face
    eye_center_basis: Array  # (K, 2, 3) mm per standard deviation

    @classmethod
    def load(cls, path: str | Path | None = None) -> MorphableModel:
        """Read and check a model file; without a path the one that comes with the program."""
        path = Path(path) if path is not None else DEFAULT_PATH
        remedy = "Restore it with `git checkout`, or build it with `python -m engines.face_model.build --help`."
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return cls._from_arrays(arrays)
        except FileNotFoundError:
            raise UserError(f"The face model {path} is missing.", remedy) from None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"The face model {path} is damaged ({reason}).", remedy) from None

    @classmethod
    def _from_arrays(cls, arrays: dict[str, np.ndarray]) -> MorphableModel:
        """Build from the file's arrays: widen the half floats and check that all sizes agree."""
        fields: dict[str, Any] = {name: arrays[name] for name in cls.__dataclass_fields__}
        for name, value in fields.items():
            if value.dtype == np.float16:
                fields[name] = value.astype(np.float32)
            elif value.dtype.kind == "U":
                fields[name] = tuple(str(v) for v in value)
        model = cls(**fields)
        model._check()
        return model

    def _check(self) -> None:
        """Raise ValueError when an array's size, or an index, cannot be right."""
        v, k, a, t = len(self.mean), len(self.identity_basis), len(self.albedo_basis), len(self.triangles)
        expected = {
            "mean": (v, 3),
            "identity_basis": (k, v, 3),
            "expression_basis": (52, v, 3),
            "albedo_mean": (v, 3),
            "albedo_basis": (a, v, 3),
            "triangles": (t, 3),
            "uv": (v, 2),
            "parts": (v,),
            "mirror": (v,),
            "landmark_triangle": (LANDMARKS,),
            "landmark_barycentric": (LANDMARKS, 3),
            "landmark_sigma": (LANDMARKS,),
            "weld": (v,),
            "eye_ranges": (2, 2),
            "eye_centers": (2, 3),
            "eye_center_basis": (k, 2, 3),
        }
        for name, shape in expected.items():
            found = getattr(self, name)
            if found.shape != shape:
                raise ValueError(f"{name} is {found.shape}, not {shape}")
            if found.dtype.kind == "f" and not np.isfinite(found).all():
                raise ValueError(f"{name} is not finite")
        if len(self.expression_names) != 52:
            raise ValueError(f"{len(self.expression_names)} expression names, not 52")
        limits = {"triangles": v, "mirror": v, "weld": v, "landmark_triangle": t, "parts": len(self.mesh_part_names)}
        for name, limit in limits.items():
            found = getattr(self, name)
            if found.min() < 0 or found.max() >= limit:
                raise ValueError(f"{name} points outside 0..{limit - 1}")

    def neutral(self, identity: ArrayLike) -> Array:
        """(V, 3) mm: the face without expression. `identity` (n,) may be shorter than K: the rest is zero."""
        return self.mean + _combine(identity, self.identity_basis)

    def vertices(self, identity: ArrayLike, expression: ArrayLike, neutral: Array | None = None) -> Array:
        """(V, 3) mm: the face with `expression` (52,) on it and the eyeballs turned.

        `neutral` is `self.neutral(identity)`, where the caller has it already: half of the work.
        """
        neutral = self.neutral(identity) if neutral is None else neutral
        vertices = neutral + _combine(expression, self.expression_basis)
        centers = self.eye_centers_of(identity)
        for eye, rotation in enumerate(self.eye_rotations(expression)):
            first, end = self.eye_ranges[eye]
            vertices[first:end] = (vertices[first:end] - centers[eye]) @ rotation.T + centers[eye]
        return vertices

    def in_mirror(self, identity: Array) -> Array:
        """(n,) the identity of the same face as a mirror shows it; `identity` (n,), at most K.

        Every component is one of heads and their mirror images alike: it stays as it is there, or is turned round.
        """
        return identity * self._mirror_signs[: len(identity)]

    @cached_property
    def _mirror_signs(self) -> Array:
        """(K,) 1 for symmetric identity components, -1 for those that are the opposite on the other side."""
        flip = np.array([-1, 1, 1], np.float32)
        return np.sign(np.einsum("kvd,kvd->k", self.identity_basis, self.identity_basis[:, self.mirror] * flip))

    def eye_centers_of(self, identity: ArrayLike) -> Array:
        """(2, 3) mm: the centres of the right and the left eyeball."""
        return self.eye_centers + _combine(identity, self.eye_center_basis)

    def eye_rotations(self, expression: ArrayLike) -> Array:
        """(2, 3, 3): how `expression` turns the right and the left eyeball, in the head frame."""
        value = dict(zip(self.expression_names, np.asarray(expression, np.float32).tolist(), strict=True))
        rotations = np.empty((2, 3, 3), np.float32)
        for eye, side, inward in ((RIGHT, "Right", 1.0), (LEFT, "Left", -1.0)):
            # Towards the nose is +x for the right eye and -x for the left one.
            yaw = inward * YAW_RANGE * (value[f"eyeLookIn{side}"] - value[f"eyeLookOut{side}"])
            pitch = PITCH_RANGE * (value[f"eyeLookUp{side}"] - value[f"eyeLookDown{side}"])
            sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
            # Up about the x axis first, then sideways about y; z goes to (sin yaw, sin pitch, 1), roughly.
            rotations[eye] = [[cy, -sy * sp, sy * cp], [0, cp, sp], [-sy, -cy * sp, cy * cp]]
        return rotations

    def albedo(self, coefficients: ArrayLike) -> Array:
        """(V, 3) linear RGB, clipped to what a surface can reflect. `coefficients` (n,) may be shorter than A."""
        return np.clip(self.albedo_mean + _combine(coefficients, self.albedo_basis), 0.0, 1.0)

    @cached_property
    def painted(self) -> NDArray[np.bool_]:
        """(V,) whose colour is the same on everybody: eyes, teeth, tongue and the inside of the mouth."""
        return ~self.albedo_basis.any(axis=(0, 2))

    def landmarks(self, vertices: Array) -> Array:
        """(478, D): MediaPipe's landmarks on `vertices` (V, D), in any frame."""
        corners = vertices[self.triangles[self.landmark_triangle]]
        return np.einsum("lcd,lc->ld", corners, self.landmark_barycentric)

    def normals(self, vertices: Array) -> Array:
        """(V, 3) unit normals of `vertices` (V, 3), pointing outward, without a crease at texture seams."""
        # Coordinates one after the other: numpy is many times slower along rows of three.
        points = np.ascontiguousarray(vertices.T)
        first, second, third = (points.take(corner, axis=1) for corner in self._corners)
        second -= first
        third -= first
        (ux, uy, uz), (vx, vy, vz) = second, third
        faces = np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])
        around, row = self._incidence
        normals = faces.take(around[0], axis=1)
        for triangles in around[1:]:
            normals[:, : len(triangles)] += faces.take(triangles, axis=1)
        normals /= np.maximum(np.sqrt((normals * normals).sum(0)), 1e-12)
        return np.ascontiguousarray(normals.take(row, axis=1).T)

    @cached_property
    def _corners(self) -> NDArray[np.int32]:
        """(3, T) the triangles, corner by corner."""
        return np.ascontiguousarray(self.triangles.T)

    @cached_property
    def _incidence(self) -> tuple[list[NDArray[np.int32]], NDArray[np.int32]]:
        """The triangles around every welded vertex, and (V,) where each vertex is among these.

        The n-th of the arrays holds every welded vertex's n-th triangle. Those with the most triangles come first, so
        that all arrays begin with the same vertices.
        """
        corners = np.flatnonzero(self._facing_corners())
        place, welded = np.unique(self.weld[self.triangles].ravel()[corners], return_inverse=True)
        counts = np.bincount(welded)
        by_count = np.argsort(-counts, kind="stable")
        triangles = corners[np.argsort(welded, kind="stable")] // 3
        starts = np.cumsum(counts) - counts
        around = [
            triangles[starts[by_count[: np.count_nonzero(counts > n)]] + n].astype(np.int32)
            for n in range(counts.max())
        ]
        rank = np.empty(len(place), np.int32)
        rank[by_count] = np.arange(len(place), dtype=np.int32)
        return around, rank[np.searchsorted(place, self.weld)]

    def _facing_corners(self) -> NDArray[np.bool_]:
        """(T, 3) the corners whose triangle says where their vertex faces.

        The teeth are sharp at their biting edges: these face as the front of the teeth does. The average with the back
        of the teeth would point down, and the light from above leave the edges dark.
        """
        teeth = self.parts == self.mesh_part_names.index("teeth")
        of_teeth = teeth[self.triangles].all(1)
        if not of_teeth.any():
            return np.ones(self.triangles.shape, bool)
        a, b, c = (self.mean[corner] for corner in self._corners)
        throat = np.array([0, 0, self.mean[teeth, 2].min()])
        away = ((a + b + c) / 3 - throat) * np.array([1, 0, 1], np.float32)
        front = of_teeth & ((np.cross(b - a, c - a) * away).sum(1) > 0)
        has_front = np.zeros(len(self.mean), bool)
        has_front[self.weld[self.triangles[front]]] = True
        back = of_teeth & ~front
        return ~(back[:, None] & has_front[self.weld[self.triangles]])


def _combine(coefficients: ArrayLike, basis: Array) -> Array:
    """(n,) times the first n of (K, ...) -> (...)."""
    coefficients = np.asarray(coefficients, np.float32)
    if coefficients.ndim != 1 or len(coefficients) > len(basis):
        raise ValueError(f"expected at most {len(basis)} coefficients in one row, got shape {coefficients.shape}")
    used = basis[: len(coefficients)].reshape(len(coefficients), int(np.prod(basis.shape[1:])))
    return (coefficients @ used).reshape(basis.shape[1:])
