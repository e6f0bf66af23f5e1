"""Where a prop is: from its own frame to the camera's, by the mesh of the face that carries it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from realtime.camera import NEAREST
from realtime.frames import Array, Camera, FaceState
from realtime.overlays.overlay import HeadAnchor, LandmarkAnchor, Prop, TriangleAnchor


class AnchorModel(Protocol):
    """What anchors need of the face model; `engines.face_model.MorphableModel` has it."""

    @property
    def triangles(self) -> NDArray[np.int32]:
        """(T, 3)."""

    @property
    def uv(self) -> Array:
        """(V, 2), v up."""

    @property
    def landmark_triangle(self) -> NDArray[np.int32]:
        """(478,) MediaPipe's order."""

    @property
    def landmark_barycentric(self) -> Array:
        """(478, 3)."""


def placement(prop: Prop, face: FaceState, camera: Camera, model: AnchorModel) -> Array:
    """(4, 4) float32, the prop's frame -> camera frame, mm: a rotation, one scale and a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = face.coefficients.pose[:3, :3]
    match prop.anchor:
        case HeadAnchor():
            matrix[:3, 3] = face.coefficients.pose[:3, 3]
        case LandmarkAnchor(landmarks):
            points = landmark_points(face.vertices, landmarks, model)
            matrix[:3, 3] = to_camera_mm(points, face, camera).mean(axis=0)
        case TriangleAnchor(triangle, barycentric):
            corners = model.triangles[triangle]
            points = to_camera_mm(face.vertices[corners], face, camera)
            matrix[:3, :3] = triangle_axes(points, model.uv[corners])
            matrix[:3, 3] = np.asarray(barycentric) @ points
    if prop.span is not None:
        first, second = landmark_points(face.neutral, prop.span.landmarks, model)
        matrix[:3, :3] *= np.linalg.norm(second - first) / prop.span.mm
    return matrix.astype(np.float32)


def landmark_points(vertices: Array, landmarks: Sequence[int], model: AnchorModel) -> Array:
    """(L, D) some of MediaPipe's landmarks on `vertices` (V, D)."""
    chosen = list(landmarks)
    corners = vertices[model.triangles[model.landmark_triangle[chosen]]]
    return np.einsum("lcd,lc->ld", corners, model.landmark_barycentric[chosen])


def to_camera_mm(points: Array, face: FaceState, camera: Camera) -> Array:
    """(N, 3) px as `FaceState.vertices` -> (N, 3) mm in the camera frame; undoes `camera.picture_vertices`."""
    origin = max(float(face.coefficients.pose[2, 3]), NEAREST)
    z = points[:, 2:] * (origin / camera.focal) + origin
    return np.hstack([(points[:, :2] - np.asarray(camera.center)) * z / camera.focal, z])


def triangle_axes(corners: Array, uv: Array) -> NDArray[np.float64]:
    """(3, 3) unit axes as columns: x along growing u, y along growing v, z outward; x and y made square.

    Args:
        corners: (3, 3) in any frame.
        uv: (3, 2) the same corners in UV.
    """
    edges, steps = corners[1:] - corners[0], np.asarray(uv[1:] - uv[0], np.float64)
    normal = _unit(np.cross(edges[0], edges[1]))
    # Without an area in UV any direction along the surface must do.
    up = np.linalg.solve(steps, edges)[1] if abs(np.linalg.det(steps)) > 1e-12 else edges[0]
    up = _unit(up - normal * (up @ normal))
    return np.stack([np.cross(up, normal), up, normal], axis=1)


def _unit(vector: NDArray) -> NDArray[np.float64]:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
