"""The landmarks' side of the fit: where the model's points fall, and the normal equations around a state.

Residuals are measured in mm on the plane through the head's origin, so that nothing here depends on how
large the face is in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.camera import FACING, NEAREST, nearest_rotation
from realtime.frames import Array, Camera

LANDMARKS = 478
FEWEST_LANDMARKS = 8

# What one landmark tells, relative to the priors. Neighbouring landmarks err together, so 478 of them
# weigh as much as some hundred independent ones would.
LANDMARK_WEIGHT = 0.2
# Residuals beyond this many sigmas count linearly instead of quadratically (Huber).
ROBUST_LIMIT = 2.5
# A face whose landmarks spread over less than this (px, standard deviation) cannot be fitted.
SMALLEST_FACE = 0.5
# A landmark beyond this (px) is no measurement.
FARTHEST = 1e5


@dataclass(frozen=True)
class Observation:
    """Tracked landmarks as the fit sees them."""

    rays: Array  # (2, 478) x/z and y/z in the camera frame
    certainty: Array  # (478,) inverse variance, 1/mm^2


@dataclass(frozen=True)
class State:
    """The coefficients between two steps."""

    identity: Array  # (K,)
    expression: Array  # (52,)
    rotation: NDArray[np.float64]  # (3, 3) head -> camera
    translation: NDArray[np.float64]  # (3,) mm

    @property
    def distance(self) -> float:
        """mm to the head's origin."""
        return max(float(self.translation[2]), NEAREST)


@dataclass(frozen=True)
class Equations:
    """matrix @ x = right with x = turn (3, radians, camera axes), shift (3, mm), [identity (K)], expression (52)."""

    matrix: NDArray[np.float64]
    right: NDArray[np.float64]
    boxed: int  # where the expressions start


class LandmarkModel:
    """The face model's landmarks as linear functions of its coefficients."""

    def __init__(self, model: MorphableModel) -> None:
        self.count_identity = len(model.identity_basis)
        self.count_expression = len(model.expression_basis)
        zero = np.zeros(self.count_identity, np.float32)
        mean = model.landmarks(model.mean)
        corners = model.triangles[model.landmark_triangle]
        rows = np.einsum("knci,nc->kni", model.identity_basis[:, corners], model.landmark_barycentric, optimize=True)
        # Through the model and not its basis, since eyeLook* turns the eyeballs too.
        units = np.eye(self.count_expression, dtype=np.float32)
        moved = [model.landmarks(model.vertices(zero, unit)) - mean for unit in units]
        # (3, coefficients, 478): the head frame's axes outermost, so that a turn of all is one product.
        self._mean = np.ascontiguousarray(mean.T, np.float32)
        self._identity = np.ascontiguousarray(rows.transpose(2, 0, 1), np.float32)
        self._expression = np.ascontiguousarray(np.stack(moved).transpose(2, 0, 1), np.float32)
        self._both = np.concatenate([self._identity, self._expression], axis=1)
        self._certainty = LANDMARK_WEIGHT / np.square(np.asarray(model.landmark_sigma, np.float32))

    def points(self, identity: Array, expression: Array) -> Array:
        """(3, 478) mm, head frame."""
        return self._mean + identity @ self._identity + expression @ self._expression

    def observe(self, landmarks: Array, camera: Camera, weights: Array | None) -> Observation | None:
        """What the tracker saw; None where that can be no face. Arguments as for `Fitter.fit`."""
        points = np.asarray(landmarks, np.float32)[:, :2].T
        certainty = self._certainty if weights is None else self._certainty * np.asarray(weights, np.float32)
        finite = (np.abs(points) < FARTHEST).all(0) & np.isfinite(certainty)
        if not finite.all():
            points = np.where(finite, points, 0)
            certainty = np.where(finite, certainty, 0)
        used = certainty > 0
        if np.count_nonzero(used) < FEWEST_LANDMARKS or points[:, used].std(1).max() < SMALLEST_FACE:
            return None
        center = np.asarray(camera.center, np.float32)[:, None]
        return Observation((points - center) / np.float32(camera.focal), certainty)

    def missed(self, landmarks: Array, camera: Camera, state: State) -> Array:
        """(478, 2) mm on the plane through the head's origin: tracked landmarks minus the model's."""
        turned = state.rotation.astype(np.float32) @ self.points(state.identity, state.expression)
        x, y, z = turned + state.translation.astype(np.float32)[:, None]
        inverse = np.float32(1) / np.maximum(z, np.float32(NEAREST))
        rays = (
            np.asarray(landmarks, np.float32)[:, :2].T - np.asarray(camera.center, np.float32)[:, None]
        ) / np.float32(camera.focal)
        return ((rays - np.stack([x * inverse, y * inverse])) * np.float32(state.distance)).T

    def linearise(self, state: State, seen: Observation, free_identity: bool, robust: bool) -> Equations:
        """The normal equations around a state, for pose, identity (where it is free) and expression."""
        basis = self._both if free_identity else self._expression
        turned = state.rotation.astype(np.float32) @ self.points(state.identity, state.expression)
        distance = state.distance
        x, y, z = turned + state.translation.astype(np.float32)[:, None]
        inverse = np.float32(1) / np.maximum(z, np.float32(NEAREST))
        across, down = x * inverse, y * inverse
        residual = (seen.rays - np.stack([across, down])) * np.float32(distance)
        certainty = seen.certainty
        if robust:
            off = np.sqrt((residual**2).sum(0) * self._certainty / LANDMARK_WEIGHT)
            certainty = certainty / np.maximum(1, off / np.float32(ROBUST_LIMIT))
        root = np.sqrt(certainty)

        # d(picture) / d(camera frame) is gain * [[1, 0, -across], [0, 1, -down]]; a turn w moves a point by w x point.
        gain = root * inverse * np.float32(distance)
        tx, ty, tz = turned
        zero = np.zeros_like(gain)
        turns = ((zero, tz, -ty), (-tz, zero, tx), (ty, -tx, zero))  # [camera axis][component of w]
        frame = state.rotation.astype(np.float32)
        # One row per unknown, so that the long axis is the contiguous one.
        known = basis.shape[1]
        jacobian = np.empty((6 + known, 2, LANDMARKS), np.float32)
        moved = (frame @ basis.reshape(3, -1)).reshape(basis.shape)  # along the camera's axes
        for axis, ratio in enumerate((across, down)):
            to_depth = -gain * ratio
            for component in range(3):
                jacobian[component, axis] = gain * turns[axis][component] + to_depth * turns[2][component]
            jacobian[3:5, axis] = 0
            jacobian[3 + axis, axis] = gain
            jacobian[5, axis] = to_depth
            rows = np.multiply(moved[axis], gain, out=moved[axis])
            np.add(rows, moved[2] * to_depth, out=jacobian[6:, axis])
        flat = jacobian.reshape(len(jacobian), -1)
        normal = (flat @ flat.T).astype(np.float64)
        right = (flat @ (residual * root).ravel()).astype(np.float64)
        # So far for the change of all unknowns: for identity and expression their values are easier to bound.
        free = state.identity if free_identity else state.identity[:0]
        value = np.concatenate([np.zeros(6), free, state.expression])
        return Equations(normal, right + normal @ value, 6 + len(free))


def initial_pose(seen: Observation, points: Array) -> tuple[NDArray, NDArray]:
    """Rotation (3, 3) and translation (3,) by the best affine map of the points onto the picture."""
    weight = seen.certainty / seen.certainty.sum()
    center, target = points @ weight, seen.rays @ weight
    x, y = points - center[:, None], seen.rays - target[:, None]
    # A little of the identity keeps it solvable where all landmarks that count lie in a plane.
    spread = (x * weight) @ x.T
    affine = np.linalg.solve(spread + 1e-3 * np.trace(spread) * np.eye(3), (x * weight) @ y.T).T
    lengths = np.linalg.norm(affine, axis=1)
    if lengths.min() < 1e-3 * lengths.max():
        rotation = FACING
    else:
        right, down = affine / lengths[:, None]
        # First make the two rows perpendicular, treating them alike, then complete them.
        u, _, vt = np.linalg.svd(np.stack([right, down]), full_matrices=False)
        right, down = u @ vt
        rotation = nearest_rotation(np.stack([right, down, np.cross(right, down)]))
    depth = 1.0 / max(float(lengths.mean()), 1e-9)
    middle = np.append(target * depth, depth)
    return rotation, middle - rotation @ center
