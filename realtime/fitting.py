"""From tracked landmarks to the face model's coefficients: pose, identity and expression.

A Gauss-Newton fit of the model's 478 landmark points to the tracked ones. Every step linearises the
projection, eliminates pose and identity (they have no bounds) and solves what remains exactly as a small
quadratic program with the expressions inside [0, 1]. Each landmark counts by its own sigma, by a robust
weight and by a weight from outside (its visibility).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.box_solver import solve_box
from realtime.camera import make_pose, nearest_rotation, rotation_from_vector
from realtime.frames import Array, Camera
from realtime.landmark_equations import Equations, LandmarkModel, State, initial_pose

# Strength of the priors: identity ~ N(0, 1), loosened; expressions small and, by the linear term, mostly zero,
# so that a mouth at rest is explained by identity. Brows and lids tell less of identity, the eyeballs' turn
# nothing.
IDENTITY_PRIOR = 0.7
EXPRESSION_PRIOR = 2.0
EXPRESSION_SPARSITY = 4.0
SPARSITY_BY_START = {"brow": 1.5, "eye": 1.5, "eyeLook": 1.0}
# Eyes turn together: strength on the difference of their turns, to the side and up or down.
GAZE_COUPLING = 300.0
TURNS_TO_THE_LEFT = {"eyeLookOutLeft": 1, "eyeLookInLeft": -1, "eyeLookInRight": -1, "eyeLookOutRight": 1}
TURNS_UP = {"eyeLookUpLeft": 1, "eyeLookDownLeft": -1, "eyeLookUpRight": -1, "eyeLookDownRight": 1}

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
    expression_strength: float | Array = 10.0  # (52,) or one for all
    sparse: bool = False  # expressions are small and mostly zero besides, as without a prior


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

    def solve(self, prior: Prior | None = None, frames: float = 1.0) -> Array:
        """(K,) the most probable identity, if the evidence counts as much as that of so many frames."""
        strength, mean = _identity_prior(prior, len(self.vector))
        matrix = frames * self.matrix + strength * np.eye(len(mean))
        identity = np.linalg.solve(matrix, frames * self.vector + strength * mean)
        return _bounded_identity(identity).astype(np.float32)


class Fitter:
    """Fits one face model; holds no state of any face and can be shared."""

    def __init__(self, model: MorphableModel) -> None:
        self._landmarks = LandmarkModel(model)
        self._sparsity = np.full(self._landmarks.count_expression, EXPRESSION_SPARSITY)
        for start, value in SPARSITY_BY_START.items():
            self._sparsity[[name.startswith(start) for name in model.expression_names]] = value

        self._coupling = np.zeros((len(self._sparsity), len(self._sparsity)))
        for turns in (TURNS_TO_THE_LEFT, TURNS_UP):
            difference = np.array([turns.get(name, 0) for name in model.expression_names])
            self._coupling += GAZE_COUPLING * np.outer(difference, difference)

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
        seen = self._landmarks.observe(landmarks, camera, weights)
        if seen is None:
            return None
        identity = np.zeros(self._landmarks.count_identity, np.float32)
        expression = np.zeros(self._landmarks.count_expression, np.float32)
        if prior is not None:
            identity = np.asarray(prior.identity, np.float32)
            if prior.expression is not None:
                expression = np.clip(np.asarray(prior.expression, np.float32), 0, 1)
        state = State(identity, expression, *initial_pose(seen, self._landmarks.points(identity, expression)))
        for iteration in range(COLD_ITERATIONS):
            # The first step has no robust weights: the mean face may be far off everywhere.
            equations = self._landmarks.linearise(state, seen, free_identity=True, robust=iteration > 0)
            state = self._solve(state, equations, prior)
        return _as_fit(state)

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
        seen = self._landmarks.observe(landmarks, camera, weights)
        if seen is None:
            return None
        state = _as_state(previous)
        for _ in range(WARM_ITERATIONS):
            before = state
            state = self._solve(state, self._landmarks.linearise(state, seen, free_identity=False, robust=True), prior)
            # A step's error shrinks with its square.
            if _is_near(state, before):
                break
        return _as_fit(state)

    def missed(self, landmarks: Array, camera: Camera, fit: Fit) -> Array:
        """(478, 2) mm in the picture's plane at the head's distance: the landmarks minus the fit's own.

        Not finite where a landmark is no measurement; arguments as for `fit`.
        """
        return self._landmarks.missed(landmarks, camera, _as_state(fit))

    def evidence(
        self, landmarks: Array, camera: Camera, fit: Fit, weights: Array | None = None
    ) -> IdentityEvidence | None:
        """What a frame says about identity; arguments as for `fit`, with the frame's own fit."""
        seen = self._landmarks.observe(landmarks, camera, weights)
        if seen is None:
            return None
        state = _as_state(fit)
        return self._identity_alone(state, self._landmarks.linearise(state, seen, free_identity=True, robust=True))

    def _solve(self, state: State, equations: Equations, prior: Prior | None) -> State:
        """The state with the least error and the priors' cost, expressions inside their box."""
        matrix, right, boxed = equations.matrix.copy(), equations.right.copy(), equations.boxed
        free_identity = boxed > 6
        matrix[range(6), range(6)] += POSE_DAMPING
        if free_identity:
            certainty, mean = _identity_prior(prior, self._landmarks.count_identity)
            index = np.arange(6, boxed)
            matrix[index, index] += certainty
            right[6:boxed] += certainty * mean
        strength, pull = self._expression_prior(prior)
        index = np.arange(boxed, len(right))
        matrix[index, index] += strength
        matrix[boxed:, boxed:] += self._coupling
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
        return State(
            _bounded_identity(unbounded[6:]).astype(np.float32) if free_identity else state.identity,
            expression.astype(np.float32),
            nearest_rotation(rotation_from_vector(turn) @ state.rotation),
            state.translation + shift,
        )

    def _expression_prior(self, prior: Prior | None) -> tuple[NDArray, NDArray]:
        """Strength (52,) of the belief about each expression, and that times what is believed."""
        strength, pull = np.full(len(self._sparsity), EXPRESSION_PRIOR), -self._sparsity
        if prior is None or prior.expression is None:
            return strength, pull
        believed = np.broadcast_to(np.asarray(prior.expression_strength, np.float64), strength.shape)
        if not prior.sparse:
            return believed, believed * prior.expression
        return strength + believed, pull + believed * prior.expression

    def _identity_alone(self, state: State, equations: Equations) -> IdentityEvidence:
        """Identity's own normal equations, after pose and the expressions within their bounds are eliminated."""
        matrix, right, boxed = equations.matrix, equations.right, equations.boxed
        inside = (state.expression > 0) & (state.expression < 1)
        moving = np.concatenate([np.arange(6), boxed + np.flatnonzero(inside)])
        fixed = boxed + np.flatnonzero(~inside)
        held = state.expression[~inside]
        ids = np.arange(6, boxed)
        cross = matrix[np.ix_(ids, moving)]
        own = matrix[np.ix_(moving, moving)]
        own[range(6), range(6)] += POSE_DAMPING
        own[6:, 6:] += EXPRESSION_PRIOR * np.eye(inside.sum()) + self._coupling[np.ix_(inside, inside)]
        rest = right[moving] - matrix[np.ix_(moving, fixed)] @ held
        rest[6:] -= self._sparsity[inside] + self._coupling[np.ix_(inside, ~inside)] @ held
        solved = np.linalg.solve(own, np.column_stack([cross.T, rest]))
        alone = matrix[np.ix_(ids, ids)] - cross @ solved[:, :-1]
        return IdentityEvidence(
            (alone + alone.T) / 2, right[ids] - matrix[np.ix_(ids, fixed)] @ held - cross @ solved[:, -1]
        )


def _as_state(fit: Fit) -> State:
    pose = fit.pose.astype(np.float64)
    return State(fit.identity, fit.expression, pose[:3, :3], pose[:3, 3])


def _as_fit(state: State) -> Fit:
    return Fit(state.identity, state.expression, make_pose(state.rotation, state.translation))


def _is_near(a: State, b: State) -> bool:
    turn = np.abs(a.rotation - b.rotation).max()
    shift = np.abs(a.translation - b.translation).max() / a.distance
    return bool(turn < NEAR and shift < NEAR)


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
