"""From tracked landmarks to the face model's coefficients: pose, identity and expression.

A Gauss-Newton fit of the model's 478 landmark points to the tracked ones. Every step linearises the
projection, eliminates pose and identity (they have no bounds) and solves what remains exactly as a small
quadratic program with the expressions inside [0, 1]. Each landmark counts by its own sigma, by a robust
weight and by a weight from outside (its visibility).

Residuals are measured in mm on the plane through the head's origin, so that nothing here depends on how
large the face is in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.face_model.model import MorphableModel
from realtime.box_solver import solve_box
from realtime.camera import FACING, NEAREST, make_pose, nearest_rotation, rotation_from_vector
from realtime.frames import Array, Camera

LANDMARKS = 478

# What one landmark tells, relative to the priors. Neighbouring landmarks err together, so 478 of them
# weigh as much as some 240 independent ones would.
LANDMARK_WEIGHT = 0.5
# Residuals beyond this many sigmas count linearly instead of quadratically (Huber).
ROBUST_LIMIT = 2.5
# Strength of the priors: identity ~ N(0, 1); expressions small and, by the linear term, mostly zero.
IDENTITY_PRIOR = 1.0
EXPRESSION_PRIOR = 2.0
EXPRESSION_SPARSITY = 1.0

# Bounds of one step, against nonsense: radians, share of the distance to the camera, standard deviations.
MAX_TURN = 0.6
MAX_SHIFT = 0.5
MAX_IDENTITY = 3.5
# Iterations from a standing start and from the frame before.
COLD_ITERATIONS = 8
WARM_ITERATIONS = 2
# A face whose landmarks spread over less than this (px, standard deviation) cannot be fitted.
SMALLEST_FACE = 0.5


@dataclass(frozen=True)
class Fit:
    """The coefficients of one face that best explain its landmarks."""

    identity: Array  # (K,) standard deviations
    expression: Array  # (52,) 0..1
    pose: Array  # (4, 4) head -> camera, mm


@dataclass(frozen=True)
class Prior:
    """What is believed about the coefficients before the landmarks are seen, with the strength of the belief.

    Strengths are inverse variances per coefficient: 1 for identity is as strong as the model's own N(0, 1).
    """

    identity: Array  # (K,)
    expression: Array  # (52,)
    identity_strength: float = 1.0
    expression_strength: float = 10.0


@dataclass(frozen=True)
class IdentityEvidence:
    """What frames say about identity alone, whatever pose and expression are: normal equations A c = b."""

    matrix: NDArray[np.float64]  # (K, K)
    vector: NDArray[np.float64]  # (K,)

    def blend(self, newer: IdentityEvidence, share: float) -> IdentityEvidence:
        """The running average with another frame's evidence, which gets this share (0..1)."""
        return IdentityEvidence(
            self.matrix + share * (newer.matrix - self.matrix), self.vector + share * (newer.vector - self.vector)
        )

    def solve(self, prior: Prior | None = None) -> Array:
        """(K,) the most probable identity."""
        strength, mean = _identity_prior(prior, len(self.vector))
        identity = np.linalg.solve(self.matrix + strength * np.eye(len(mean)), self.vector + strength * mean)
        return _bounded_identity(identity).astype(np.float32)


class Fitter:
    """Fits one face model; holds no state of any face and can be shared."""

    def __init__(self, model: MorphableModel) -> None:
        count_identity, count_expression = len(model.identity_basis), len(model.expression_basis)
        self.count_identity = count_identity
        zero = np.zeros(count_identity, np.float32)
        still = np.zeros(count_expression, np.float32)
        mean = model.landmarks(model.vertices(zero, still))
        corners = model.triangles[model.landmark_triangle]
        rows = np.einsum("knci,nc->nik", model.identity_basis[:, corners], model.landmark_barycentric, optimize=True)
        # Through the model and not its basis, since eyeLook* turns the eyeballs too.
        moved = [
            model.landmarks(model.vertices(zero, unit)) - mean for unit in np.eye(count_expression, dtype=np.float32)
        ]
        # Axis first: (3, 478, ...), every coordinate contiguous.
        self._mean = np.ascontiguousarray(mean.T, np.float32)
        self._identity = np.ascontiguousarray(rows.transpose(1, 0, 2), np.float32)
        self._expression = np.ascontiguousarray(np.stack(moved, -1).transpose(1, 0, 2), np.float32)
        self._both = np.concatenate([self._identity, self._expression], -1)
        self._certainty = LANDMARK_WEIGHT / np.square(np.asarray(model.landmark_sigma, np.float32))

    def fit(
        self, landmarks: Array, camera: Camera, weights: Array | None = None, prior: Prior | None = None
    ) -> tuple[Fit, IdentityEvidence] | None:
        """Pose, identity and expression from a standing start.

        Args:
            landmarks: (478, 2 or more) px in the picture, MediaPipe's order.
            camera: the camera of the picture.
            weights: (478,) 0..1, how far each landmark is to be believed; None: all fully.
            prior: what is believed beforehand; None: the model's mean face at rest.

        Returns:
            The fit and what these landmarks say about identity; None where they describe no face (they
            coincide, are not finite, or fewer than a handful have any weight).
        """
        observation = self._observe(landmarks, camera, weights)
        if observation is None:
            return None
        identity, expression = _start(prior, self.count_identity, self._expression.shape[-1])
        pose = self._initial_pose(observation, self._points(identity, expression))
        state = _State(identity, expression, *pose)
        for iteration in range(COLD_ITERATIONS):
            # The first step has no robust weights: the mean face may be far off everywhere.
            state, evidence = self._step(state, observation, prior, free_identity=True, robust=iteration > 0)
        return state.as_fit(), evidence

    def follow(
        self,
        landmarks: Array,
        camera: Camera,
        previous: Fit,
        weights: Array | None = None,
        prior: Prior | None = None,
        free_identity: bool = False,
        iterations: int = WARM_ITERATIONS,
    ) -> tuple[Fit, IdentityEvidence | None] | None:
        """Pose and expression from the frame before, identity held unless `free_identity`.

        Arguments and result as for `fit`; the evidence is None where identity is held.
        """
        observation = self._observe(landmarks, camera, weights)
        if observation is None:
            return None
        rotation, translation = previous.pose[:3, :3].astype(np.float64), previous.pose[:3, 3].astype(np.float64)
        state = _State(previous.identity, previous.expression, rotation, translation)
        for _ in range(iterations):
            state, evidence = self._step(state, observation, prior, free_identity, robust=True)
        return state.as_fit(), evidence

    def _observe(self, landmarks: Array, camera: Camera, weights: Array | None) -> _Observation | None:
        points = np.asarray(landmarks, np.float32)[:, :2].T
        certainty = self._certainty if weights is None else self._certainty * np.asarray(weights, np.float32)
        finite = np.isfinite(points).all(0) & np.isfinite(certainty)
        if not finite.all():
            points = np.where(finite, points, 0)
            certainty = np.where(finite, certainty, 0)
        used = certainty > 0
        if np.count_nonzero(used) < 8 or points[:, used].std(1).max() < SMALLEST_FACE:
            return None
        center = np.asarray(camera.center, np.float32)[:, None]
        return _Observation((points - center) / np.float32(camera.focal), certainty)

    def _points(self, identity: Array, expression: Array) -> Array:
        """(3, 478) mm, head frame: where the model's landmarks are."""
        return self._mean + self._identity @ identity + self._expression @ expression

    def _initial_pose(self, seen: _Observation, points: Array) -> tuple[NDArray, NDArray]:
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

    def _step(
        self, state: _State, seen: _Observation, prior: Prior | None, free_identity: bool, robust: bool
    ) -> tuple[_State, IdentityEvidence | None]:
        """One Gauss-Newton step; the evidence is None where identity is held."""
        basis = self._both if free_identity else self._expression
        turned = state.rotation.astype(np.float32) @ self._points(state.identity, state.expression)
        # In units of the distance to the head's origin, so that a pixel is a mm there.
        distance = max(float(state.translation[2]), NEAREST)
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
        jacobian = np.empty((2, LANDMARKS, 6 + basis.shape[-1]), np.float32)
        for axis, ratio in enumerate((across, down)):
            rows, to_depth = jacobian[axis], -gain * ratio
            for component in range(3):
                rows[:, component] = gain * turns[axis][component] + to_depth * turns[2][component]
            rows[:, 3:6] = 0
            rows[:, 3 + axis] = gain
            rows[:, 5] = to_depth
            head = gain[:, None] * frame[axis] + to_depth[:, None] * frame[2]
            np.multiply(basis[0], head[:, 0:1], out=rows[:, 6:])
            rows[:, 6:] += basis[1] * head[:, 1:2]
            rows[:, 6:] += basis[2] * head[:, 2:3]
        flat = jacobian.reshape(-1, jacobian.shape[-1])
        normal = (flat.T @ flat).astype(np.float64)
        right = (flat.T @ (residual * root).ravel()).astype(np.float64)
        return self._solve(state, normal, right, prior, free_identity, distance)

    def _solve(
        self,
        state: _State,
        normal: NDArray,
        right: NDArray,
        prior: Prior | None,
        free_identity: bool,
        distance: float,
    ) -> tuple[_State, IdentityEvidence | None]:
        """The step from its normal equations, which are those of the change of all unknowns."""
        count = len(right)
        boxed = count - self._expression.shape[-1]  # where the expressions start
        # From changes to values, for all but the pose.
        value = np.zeros(count)
        if free_identity:
            value[6:boxed] = state.identity
        value[boxed:] = state.expression
        right = right + normal @ value
        # Only against singular cases, far below what any landmark says: radians, mm.
        normal[range(6), range(6)] += 1e-4 * np.array([1e4] * 3 + [1, 1, 1e-2])

        evidence = None
        full, full_right = normal.copy(), right.copy()
        if free_identity:
            strength, mean = _identity_prior(prior, self.count_identity)
            index = np.arange(6, boxed)
            full[index, index] += strength
            full_right[6:boxed] += strength * mean
        strength, linear = _expression_prior(prior, count - boxed)
        index = np.arange(boxed, count)
        full[index, index] += strength
        full_right[boxed:] += linear

        free = full[:boxed, :boxed]
        solved = np.linalg.solve(free, np.column_stack([full[:boxed, boxed:], full_right[:boxed]]))
        schur = full[boxed:, boxed:] - full[boxed:, :boxed] @ solved[:, :-1]
        reduced = full_right[boxed:] - full[boxed:, :boxed] @ solved[:, -1]
        expression = solve_box(
            (schur + schur.T) / 2, reduced, np.zeros(count - boxed), np.ones(count - boxed), state.expression
        )
        unbounded = solved[:, -1] - solved[:, :-1] @ expression

        identity = state.identity
        if free_identity:
            identity = _bounded_identity(unbounded[6:]).astype(np.float32)
            evidence = _evidence(full, full_right, normal, right, boxed, expression)
        turn = unbounded[:3] * min(1.0, MAX_TURN / max(np.linalg.norm(unbounded[:3]), 1e-12))
        shift = unbounded[3:6] * min(1.0, MAX_SHIFT * distance / max(np.linalg.norm(unbounded[3:6]), 1e-12))
        return _State(
            identity,
            expression.astype(np.float32),
            nearest_rotation(rotation_from_vector(turn) @ state.rotation),
            state.translation + shift,
        ), evidence


@dataclass(frozen=True)
class _Observation:
    rays: Array  # (2, 478) x/z and y/z in the camera frame
    certainty: Array  # (478,) inverse variance, 1/mm^2


@dataclass(frozen=True)
class _State:
    identity: Array
    expression: Array
    rotation: NDArray[np.float64]
    translation: NDArray[np.float64]

    def as_fit(self) -> Fit:
        return Fit(self.identity, self.expression, make_pose(self.rotation, self.translation))


def _evidence(
    full: NDArray, full_right: NDArray, normal: NDArray, right: NDArray, boxed: int, expression: NDArray
) -> IdentityEvidence:
    """Identity's own normal equations after pose and the expressions off their bounds are eliminated."""
    moving = np.concatenate([np.arange(6), boxed + np.flatnonzero((expression > 0) & (expression < 1))])
    fixed = boxed + np.flatnonzero((expression <= 0) | (expression >= 1))
    held = expression[fixed - boxed]
    ids = np.arange(6, boxed)
    cross = full[np.ix_(ids, moving)]
    solved = np.linalg.solve(
        full[np.ix_(moving, moving)],
        np.column_stack([cross.T, full_right[moving] - full[np.ix_(moving, fixed)] @ held]),
    )
    matrix = normal[np.ix_(ids, ids)] - cross @ solved[:, :-1]
    vector = right[ids] - normal[np.ix_(ids, fixed)] @ held - cross @ solved[:, -1]
    return IdentityEvidence((matrix + matrix.T) / 2, vector)


def _identity_prior(prior: Prior | None, count: int) -> tuple[float, NDArray]:
    """Strength and mean of the belief about identity: the model's own N(0, 1) times the given one."""
    if prior is None:
        return IDENTITY_PRIOR, np.zeros(count)
    strength = IDENTITY_PRIOR + prior.identity_strength
    return strength, prior.identity.astype(np.float64) * (prior.identity_strength / strength)


def _expression_prior(prior: Prior | None, count: int) -> tuple[float, NDArray]:
    """Strength (quadratic) and pull (linear) of the belief about expressions."""
    if prior is None:
        return EXPRESSION_PRIOR, np.full(count, -EXPRESSION_SPARSITY)
    return prior.expression_strength, prior.expression_strength * prior.expression.astype(np.float64)


def _start(prior: Prior | None, count_identity: int, count_expression: int) -> tuple[Array, Array]:
    if prior is None:
        return np.zeros(count_identity, np.float32), np.zeros(count_expression, np.float32)
    return np.asarray(prior.identity, np.float32), np.clip(np.asarray(prior.expression, np.float32), 0, 1)


def _bounded_identity(identity: NDArray) -> NDArray:
    """Drawn towards the mean where it is no person's: nonsense landmarks must not make a monster."""
    return identity * min(1.0, MAX_IDENTITY / max(float(np.abs(identity).max(initial=0.0)), 1e-12))
