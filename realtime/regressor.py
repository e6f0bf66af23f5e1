"""The regression network in the loop: what it says of each face, and when it is asked.

It sees the crop that the contour network saw, completed where something covers the face, and answers with the
face model's coefficients, every landmark and a bump map. Identity and albedo are one person's: they are averaged
over the frames, weighted by how much of the face was in view. A face that was seen bare once is known better from
there: from then on the network has nothing new to say of it and is not asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from engines.engine import CONTOUR_SIZE, Engine, choose_engine, shipped_networks
from engines.face_model.model import MorphableModel
from realtime.alignment import rescale, to_picture
from realtime.fitting import Prior
from realtime.frames import Array, Image, TrackedFace
from realtime.pixels import fill_image
from realtime.regressed import light_in_picture
from realtime.seen import Seen

# A new answer counts at least this much against all those before.
LEAST_SHARE = 0.04


@dataclass(frozen=True)
class Trust:
    """How far the network is believed against other witnesses; 0: not at all."""

    identity: float = 0.0  # inverse variance against the fit's own, see `Prior`
    expression: float = 0.0  # the same, while something covers the face
    hidden: float = 0.0  # share of the hidden landmarks that is the network's, against those of the completed face
    hidden_weight: float = 0.0  # how far the fit believes the hidden landmarks then, against those in view, at least
    albedo: bool = False  # or the mean face's
    bump: float = 0.0  # share where the skin is in view, against the shading; hidden, where nothing else is known, all


@dataclass(frozen=True)
class Regression:
    """What the network says of one face, in the frames of reference of the picture."""

    identity: Array  # (K,) standard deviations
    expression: Array  # (52,) 0..1
    albedo: Array  # (A,) standard deviations
    light: Array  # (27,) spherical harmonics, camera frame
    landmarks: Array  # (478, 2) px in the picture
    bump: Array  # (S, S) mm along the normal, in the crop
    matrix: Array  # (2, 3) picture px -> px of that crop
    is_fresh: bool = True  # of this frame; else of an earlier one
    was_bare: bool = False  # the face was in plain view before: what it is like is known better from there

    @property
    def tells_hidden(self) -> bool:
        """Whether nobody else knows what the hidden part of the face looks like now."""
        return self.is_fresh and not self.was_bare


@dataclass
class _Track:
    """What is remembered of one face."""

    crop: Image | None = None  # the last that the network was asked about
    weight: float = 0.0  # of all answers
    last: Regression | None = None
    was_bare: bool = False  # the face was in plain view once


class Regressor:
    """Asks the regression network about the faces of one frame after the other.

    Args:
        engine: the network.
        in_mirror: for stills, where every picture is of somebody else and time is not short: what an identity is in a
            mirror (`MorphableModel.in_mirror`). Then nothing is averaged over frames, but the network looks at the
            crop's mirror image, too, for identity and relief. None: for video.
    """

    def __init__(self, engine: Engine, in_mirror: Callable[[Array], Array] | None = None) -> None:
        self._engine, self._in_mirror = engine, in_mirror
        self._tracks: dict[int, _Track] = {}

    @property
    def why(self) -> str:
        """One line: what runs the network, and what for."""
        return self._engine.why

    def look(self, seen: Seen) -> Regression:
        """What is known of a face; the network is asked where that is worth its time."""
        if self._in_mirror is not None:
            return self._ask(seen)
        track = self._tracks.setdefault(seen.face.id, _Track())
        if seen.face.is_new:
            track = self._tracks[seen.face.id] = _Track()
        track.was_bare = track.was_bare or seen.is_bare
        if track.last is not None and (track.was_bare or seen.crop is track.crop):
            return replace(track.last, is_fresh=False, was_bare=track.was_bare)
        track.crop = seen.crop
        answer = replace(self._ask(seen), was_bare=track.was_bare)
        track.last = self._averaged(track, answer, seen.visible)
        return track.last

    def forget(self, ids: set[int]) -> None:
        """Drops what is remembered of all faces but these."""
        self._tracks = {id_: track for id_, track in self._tracks.items() if id_ in ids}

    def forget_one(self, id_: int) -> None:
        """Drops what is remembered of one face."""
        self._tracks.pop(id_, None)

    def _averaged(self, track: _Track, newest: Regression, visible: float) -> Regression:
        weight = max(visible, 0.05)
        track.weight += weight
        share = max(weight / track.weight, LEAST_SHARE * weight)
        if track.last is None:
            return newest
        before = track.last
        return replace(
            newest,
            identity=before.identity + share * (newest.identity - before.identity),
            albedo=before.albedo + share * (newest.albedo - before.albedo),
        )

    def _ask(self, seen: Seen) -> Regression:
        side = seen.crop.shape[0]
        matrix = rescale(seen.matrix, CONTOUR_SIZE / side)
        image = cv2.resize(seen.complete, (CONTOUR_SIZE, CONTOUR_SIZE), interpolation=cv2.INTER_AREA)
        found = self._run(image)
        identity, bump = found["identity"], found["bump"][0]
        if self._in_mirror is not None:  # in video both are averaged over the frames instead
            mirrored = self._run(np.ascontiguousarray(image[:, ::-1]))
            identity = (identity + self._in_mirror(mirrored["identity"])) / 2
            bump = (bump + mirrored["bump"][0, :, ::-1]) / 2
        return Regression(
            identity=identity,
            expression=found["expression"],
            albedo=found["albedo"],
            light=light_in_picture(found["light"], matrix),
            landmarks=to_picture(CONTOUR_SIZE * found["landmarks"], matrix),
            bump=bump,
            matrix=matrix,
        )

    def _run(self, image: Image) -> dict[str, Array]:
        """What the network says of a crop (CONTOUR_SIZE, CONTOUR_SIZE, 3)."""
        fill_image(self._engine.inputs["image"], image)
        return {name: output[0].copy() for name, output in self._engine.run().items()}


def prior_of(regression: Regression, covered: bool, trust: Trust) -> Prior | None:
    """What the fit believes beforehand; None: nothing.

    Args:
        regression: the network's answer.
        covered: whether something hides a part of the face: else the landmarks know the expression better.
        trust: how far it is believed.
    """
    use_expression = covered and regression.tells_hidden and trust.expression > 0
    # Of a face seen bare the frames' own evidence holds better: with the prior, hidden landmarks drifted more.
    identity_strength = 0.0 if regression.was_bare else trust.identity
    if identity_strength <= 0 and not use_expression:
        return None
    return Prior(
        regression.identity if identity_strength > 0 else np.zeros_like(regression.identity),
        regression.expression if use_expression else None,
        identity_strength=identity_strength,
        expression_strength=trust.expression,
    )


def with_hidden(seen: Seen, regression: Regression, trust: Trust) -> tuple[TrackedFace, Array | None]:
    """The face with its hidden landmarks moved towards those of the network, and the landmarks' weights (478,)."""
    if seen.mask is None or seen.weights is None or not regression.tells_hidden or trust.hidden <= 0:
        return seen.face, seen.weights
    landmarks = seen.face.landmarks.copy()
    share = trust.hidden * (1 - seen.uncovered(landmarks))[:, None]
    landmarks[:, :2] += share * (regression.landmarks - landmarks[:, :2])
    return replace(seen.face, landmarks=landmarks), np.maximum(seen.weights, np.float32(trust.hidden_weight))


def open_regressor(stills: bool, device: str, model: MorphableModel) -> Regressor | None:
    """The network that is shipped with this copy, ready to run; None without it."""
    if "regression" not in shipped_networks():
        return None
    in_mirror = model.in_mirror if stills else None
    return Regressor(choose_engine("regression", device, precision="f32" if stills else "auto"), in_mirror)
