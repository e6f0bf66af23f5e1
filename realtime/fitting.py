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

from engines.face_model.model import MorphableModel
from realtime.box_solver import solve_box
from realtime.camera import FACING, NEAREST, make_pose, nearest_rotation, rotation_from_vector
from realtime.frames import Array, Camera

LANDMARKS = 478
FEWEST_LANDMARKS = 8

# What one landmark tells, relative to the priors. Neighbouring landmarks err together, so 478 of them
# weigh as much as some 240 independent ones would.
LANDMARK_WEIGHT = 0.5
# Residuals beyond this many sigmas count linearly instead of quadratically (Huber).
ROBUST_LIMIT = 2.5
# Strength of the priors: identity ~ N(0, 1), loosened; expressions small and, by the linear term, mostly zero,
# so that a mouth at rest is explained by identity. Brows and lids tell less of identity; the eyeballs' turn,
# which is seen directly, nothing.
IDENTITY_PRIOR = 0.7
EXPRESSION_PRIOR = 2.0
EXPRESSION_SPARSITY = 5.0
SPARSITY_BY_START = {"brow": 1.5, "eye": 1.5, "eyeLook": 0.2}

# Bounds of one step, against nonsense: radians, share of the distance to the camera, standard deviations.
MAX_TURN = 0.6
MAX_SHIFT = 0.5
MAX_IDENTITY = 3.5
# Only against singular cases, far below what any landmark says: radians, mm, mm of depth.
POSE_DAMPING = np.array([1.0, 1.0, 1.0, 1e-4, 1e-4, 1e-6])
# Iterations from a standing start and from the frame before.
COLD_ITERATIONS = 4
WARM_ITERATIONS = 2
# A step below this (radians, share of the distance) needs no second one.
NEAR = 0.03
# A face whose landmarks spread over less than this (px, standard deviation) cannot be fitted.
SMALLEST_FACE = 0.5
# A landmark beyond this (px) is no measurement.
FARTHEST = 1e5


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
    expression: Array | None = None  # (52,); None: small and sparse, as without a prior
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
        rows = np.einsum("knci,nc->kni", model.identity_basis[:, corners], model.landmark_barycentric, optimize=True)
        # Through the model and not its basis, since eyeLook* turns the eyeballs too.
        moved = [
            model.landmarks(model.vertices(zero, unit)) - mean for unit in np.eye(count_expression, dtype=np.float32)
        ]
        # (coefficients, 3, 478): every coordinate contiguous.
        self._mean = np.ascontiguousarray(mean.T, np.float32)
        self._identity = np.ascontiguousarray(rows.transpose(0, 2, 1), np.float32)
        self._expression = np.ascontiguousarray(np.stack(moved).transpose(0, 2, 1), np.float32)
        self._both = np.concatenate([self._identity, self._expression])
        self._sparsity = np.full(count_expression, EXPRESSION_SPARSITY)
        for start, value in SPARSITY_BY_START.items():
            self._sparsity[[name.startswith(start) for name in model.expression_names]] = value
        self._certainty = LANDMARK_WEIGHT / np.square(np.asarray(model.landmark_sigma, np.float32))

    def fit(
        self, landmarks: Array, camera: Camera, weights: Array | None = None, prior: Prior | None = None
    ) -> Fit | None:
        """Pose, identity and expression from a standing start.

        Args:
            landmarks: (478, 2 or more) px in the picture, MediaPipe's order.
            camera: the camera of the picture.
            weights: (478,) 0..1, how far each landmark is to be believed; None: all fully.
            prior: what is believed beforehand; None: the model's mean face at rest.

        Returns:
            The fit; None where the landmarks describe no face (they coincide, are not finite, or fewer
            than a handful have any weight).
        """
        seen = self._observe(landmarks, camera, weights)
        if seen is None:
            return None
        identity = np.zeros(self.count_identity, np.float32)
        expression = np.zeros(len(self._expression), np.float32)
        if prior is not None:
            identity = np.asarray(prior.identity, np.float32)
            if prior.expression is not None:
                expression = np.clip(np.asarray(prior.expression, np.float32), 0, 1)
        state = _State(identity, expression, *_initial_pose(seen, self._points(identity, expression)))
        for iteration in range(COLD_ITERATIONS):
            # The first step has no robust weights: the mean face may be far off everywhere.
            equations = self._linearise(state, seen, free_identity=True, robust=iteration > 0)
            state = self._solve(state, equations, prior)
        return state.as_fit()

    def follow(
        self,
        landmarks: Array,
        camera: Camera,
        previous: Fit,
        weights: Array | None = None,
        prior: Prior | None = None,
    ) -> Fit | None:
        """Pose and expression from the frame before; identity stays what it is in `previous`.

        The other arguments and the result are those of `fit`.
        """
        seen = self._observe(landmarks, camera, weights)
        if seen is None:
            return None
        state = _State.from_fit(previous)
        for _ in range(WARM_ITERATIONS):
            before = state
            state = self._solve(state, self._linearise(state, seen, free_identity=False, robust=True), prior)
            if state.is_near(before):
                break
        return state.as_fit()

    def evidence(
        self, landmarks: Array, camera: Camera, fit: Fit, weights: Array | None = None
    ) -> IdentityEvidence | None:
        """What a frame says about identity; arguments as for `fit`, with the frame's own fit."""
        seen = self._observe(landmarks, camera, weights)
        if seen is None:
            return None
        state = _State.from_fit(fit)
        return self._identity_alone(state, self._linearise(state, seen, free_identity=True, robust=True))

    def _observe(self, landmarks: Array, camera: Camera, weights: Array | None) -> _Observation | None:
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
        return _Observation((points - center) / np.float32(camera.focal), certainty)

    def _points(self, identity: Array, expression: Array) -> Array:
        """(3, 478) mm, head frame: where the model's landmarks are."""
        moved = identity @ self._identity.reshape(len(identity), -1)
        moved += expression @ self._expression.reshape(len(expression), -1)
        return self._mean + moved.reshape(self._mean.shape)

    def _linearise(self, state: _State, seen: _Observation, free_identity: bool, robust: bool) -> _Equations:
        """The normal equations around a state, for pose, identity (where it is free) and expression."""
        basis = self._both if free_identity else self._expression
        turned = state.rotation.astype(np.float32) @ self._points(state.identity, state.expression)
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
        jacobian = np.empty((6 + len(basis), 2, LANDMARKS), np.float32)
        product = np.empty((len(basis), LANDMARKS), np.float32)
        for axis, ratio in enumerate((across, down)):
            to_depth = -gain * ratio
            for component in range(3):
                jacobian[component, axis] = gain * turns[axis][component] + to_depth * turns[2][component]
            jacobian[3:5, axis] = 0
            jacobian[3 + axis, axis] = gain
            jacobian[5, axis] = to_depth
            rows = jacobian[6:, axis]
            for direction in range(3):
                head = gain * frame[axis, direction] + to_depth * frame[2, direction]
                if direction == 0:
                    np.multiply(basis[:, direction], head, out=rows)
                else:
                    rows += np.multiply(basis[:, direction], head, out=product)
        flat = jacobian.reshape(len(jacobian), -1)
        normal = (flat @ flat.T).astype(np.float64)
        right = (flat @ (residual * root).ravel()).astype(np.float64)
        # So far for the change of all unknowns: for identity and expression their values are easier to bound.
        value = np.concatenate([np.zeros(6), state.identity[: len(basis) - len(self._expression)], state.expression])
        return _Equations(normal, right + normal @ value, 6 + len(basis) - len(self._expression))

    def _solve(self, state: _State, equations: _Equations, prior: Prior | None) -> _State:
        """The state with the least error and the priors' cost, expressions inside their box."""
        matrix, right, boxed = equations.matrix.copy(), equations.right.copy(), equations.boxed
        free_identity = boxed > 6
        matrix[range(6), range(6)] += POSE_DAMPING
        if free_identity:
            strength, mean = _identity_prior(prior, self.count_identity)
            index = np.arange(6, boxed)
            matrix[index, index] += strength
            right[6:boxed] += strength * mean
        strength, pull = EXPRESSION_PRIOR, -self._sparsity
        if prior is not None and prior.expression is not None:
            strength, pull = prior.expression_strength, prior.expression_strength * prior.expression
        index = np.arange(boxed, len(right))
        matrix[index, index] += strength
        right[boxed:] += pull

        # What has no bounds is eliminated, so that only the expressions are left in the box.
        solved = np.linalg.solve(matrix[:boxed, :boxed], np.column_stack([matrix[:boxed, boxed:], right[:boxed]]))
        reduced = matrix[boxed:, boxed:] - matrix[boxed:, :boxed] @ solved[:, :-1]
        expression = solve_box(
            (reduced + reduced.T) / 2,
            right[boxed:] - matrix[boxed:, :boxed] @ solved[:, -1],
            np.zeros(len(index)),
            np.ones(len(index)),
            state.expression,
        )
        unbounded = solved[:, -1] - solved[:, :-1] @ expression
        turn = _shortened(unbounded[:3], MAX_TURN)
        shift = _shortened(unbounded[3:6], MAX_SHIFT * state.distance)
        return _State(
            _bounded_identity(unbounded[6:]).astype(np.float32) if free_identity else state.identity,
            expression.astype(np.float32),
            nearest_rotation(rotation_from_vector(turn) @ state.rotation),
            state.translation + shift,
        )

    def _identity_alone(self, state: _State, equations: _Equations) -> IdentityEvidence:
        """Identity's own normal equations, after pose and the expressions within their bounds are eliminated."""
        matrix, right, boxed = equations.matrix, equations.right, equations.boxed
        inside = (state.expression > 0) & (state.expression < 1)
        moving = np.concatenate([np.arange(6), boxed + np.flatnonzero(inside)])
        fixed = boxed + np.flatnonzero(~inside)
        held = state.expression[~inside]
        ids = np.arange(6, boxed)
        cross = matrix[np.ix_(ids, moving)]
        own = matrix[np.ix_(moving, moving)] + np.diag(np.append(POSE_DAMPING, np.full(inside.sum(), EXPRESSION_PRIOR)))
        rest = right[moving] - matrix[np.ix_(moving, fixed)] @ held
        rest[6:] -= self._sparsity[inside]
        solved = np.linalg.solve(own, np.column_stack([cross.T, rest]))
        alone = matrix[np.ix_(ids, ids)] - cross @ solved[:, :-1]
        return IdentityEvidence(
            (alone + alone.T) / 2, right[ids] - matrix[np.ix_(ids, fixed)] @ held - cross @ solved[:, -1]
        )


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

    @classmethod
    def from_fit(cls, fit: Fit) -> _State:
        pose = fit.pose.astype(np.float64)
        return cls(fit.identity, fit.expression, pose[:3, :3], pose[:3, 3])

    def as_fit(self) -> Fit:
        return Fit(self.identity, self.expression, make_pose(self.rotation, self.translation))

    @property
    def distance(self) -> float:
        """mm to the head's origin."""
        return max(float(self.translation[2]), NEAREST)

    def is_near(self, other: _State) -> bool:
        """Whether one more step from here would change next to nothing: errors shrink with the step's square."""
        turn = np.abs(self.rotation - other.rotation).max()
        shift = np.abs(self.translation - other.translation).max() / self.distance
        return turn < NEAR and shift < NEAR


@dataclass(frozen=True)
class _Equations:
    """matrix @ x = right with x = turn (3, radians, camera axes), shift (3, mm), [identity (K)], expression (52)."""

    matrix: NDArray[np.float64]
    right: NDArray[np.float64]
    boxed: int  # where the expressions start


def _initial_pose(seen: _Observation, points: Array) -> tuple[NDArray, NDArray]:
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


def _identity_prior(prior: Prior | None, count: int) -> tuple[float, NDArray]:
    """Strength and mean of the belief about identity: the model's own N(0, 1) times the given one."""
    if prior is None:
        return IDENTITY_PRIOR, np.zeros(count)
    strength = IDENTITY_PRIOR + prior.identity_strength
    return strength, prior.identity.astype(np.float64) * (prior.identity_strength / strength)


def _shortened(vector: NDArray, longest: float) -> NDArray:
    return vector * min(1.0, longest / max(float(np.linalg.norm(vector)), 1e-12))


def _bounded_identity(identity: NDArray) -> NDArray:
    """Drawn towards the mean where it is no person's: nonsense landmarks must not make a monster."""
    return identity * min(1.0, MAX_IDENTITY / max(float(np.abs(identity).max(initial=0.0)), 1e-12))
