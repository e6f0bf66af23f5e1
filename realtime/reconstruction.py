"""From tracked faces to everything that is known about them: fit, smooth, light, relief, visibility."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.bump import WORK_SIZE, BumpEstimator, skin_vertices
from realtime.bump_memory import BumpMemory
from realtime.camera import assumed_camera
from realtime.covered_faces import CoveredFaces
from realtime.fitting import Fit, Fitter, Prior
from realtime.frames import Array, Camera, Coefficients, FaceState, Frame, FrameResult, TrackedFace
from realtime.layers import in_picture
from realtime.light import estimate_light
from realtime.mesh import Mesh, make_mesh
from realtime.refinement import Refiner
from realtime.regressor import Regression, Regressor, Trust, prior_of, with_hidden
from realtime.seen import Seen
from realtime.timing import StageClock
from realtime.track import Track
from realtime.visibility import vertex_visibility

# Seconds a lost face is remembered for; as long as the tracker keeps its number.
MEMORY = 1.0
# Light and relief change slowly: each is looked at anew every so many frames. The relief, an average, is looked at less
# often once it comes from so many looks, and where it can wait so long, in a frame in which the contour network rests.
LIGHT_EVERY, BUMP_EVERY, SETTLED_BUMP_EVERY = 4, 8, 24
SETTLED_LOOKS = 8
BUMP_WAITS = 2
# Identity is looked at anew in every second frame at first, then more and more rarely.
EVIDENCE_FRAMES = frozenset({1, 2, 4, 6, 9, 12, 16, 20})
EVIDENCE_EVERY = 15
# A new look at identity counts at least this much against all those before.
LEAST_SHARE = 0.04
# The tracker errs alike in all frames of a face: however many there are, they count as no more than these.
MOST_FRAMES = 2
# A face less visible than this (mean weight of its landmarks) says nothing new about identity.
LEAST_SEEN = 0.7
# Standard deviations: identities nearer than this are one face, hundredths of a millimetre apart.
SAME_IDENTITY = 0.005
# How strongly a face that returns is believed to be the one that left.
RETURN_STRENGTH = 4.0
# Outer corner to outer corner of the eyes, mm: a face's size in the picture, whichever way it looks.
EYE_CORNERS = 90.0

# What the regression network is believed, as measured by `python -m engines.evaluation ablation`, `.shape` and `.bump`.
# Its identity may count for much: the refinement brings the mesh onto the landmarks, whoever the face is taken to be.
# Its albedo is no better yet than the mean: engines/weights/MODEL_CARD.md has the figures.
TRUST = Trust(identity=60.0, expression=6.0, hidden=0.65, hidden_weight=0.8, bump=0.85)


@dataclass(frozen=True)
class Options:
    """What the user may choose about the reconstruction."""

    stills: bool = False  # every picture is on its own: nothing is remembered or smoothed


class Reconstructor:
    """Turns each frame's tracked faces into coefficients, mesh, light and relief.

    Args:
        model: the face model.
        options: see `Options`.
        covered: the networks that see through what covers a face; None: every face is taken to be in plain view.
        regressor: the network that knows the face model's coefficients; it looks at what `covered` sees.
        trust: how far it is believed.
    """

    def __init__(
        self,
        model: MorphableModel,
        options: Options | None = None,
        covered: CoveredFaces | None = None,
        regressor: Regressor | None = None,
        trust: Trust = TRUST,
    ) -> None:
        options = options or Options()
        self._model = model
        self._stills = options.stills
        self._covered, self._regressor, self._trust = covered, regressor, trust
        self._fitter, self._refiner = Fitter(model), Refiner(model)
        self._bumps = BumpEstimator(model)
        self._albedo = np.zeros(len(model.albedo_basis), np.float32)
        self._mean_albedo = model.albedo(self._albedo)
        self._skin = skin_vertices(model)
        self._tracks: dict[int, Track] = {}

    def process(self, frame: Frame, faces: list[TrackedFace]) -> FrameResult:
        """Everything that can be said about the faces of one frame.

        Faces whose landmarks describe no face are left out.
        """
        camera = assumed_camera(frame.image.shape[1], frame.image.shape[0])
        clock = StageClock()
        self._forget(frame.time)
        if self._covered is None:
            states = [self._face(frame, face, None, camera, clock) for face in faces]
            layers = None
        else:
            seen = self._covered.process(frame, faces, clock)
            if self._regressor is not None:
                self._regressor.forget({each.face.id for each in seen})
            states = [self._face(frame, each.face, each, camera, clock) for each in seen]
            for id_ in self._covered.learn(frame, seen, states, clock):
                self._tracks.pop(id_, None)  # somebody else sits there now
                if self._regressor is not None:
                    self._regressor.forget_one(id_)
            with clock("blend"):
                layers = in_picture(frame.image, seen)
        return FrameResult(
            frame=frame,
            camera=camera,
            faces=tuple(state for state in states if state is not None),
            occlusion=layers.occlusion if layers else None,
            parts=layers.parts if layers else None,
            complete=layers.complete if layers else None,
            source=layers.source if layers else None,
            timings=clock.milliseconds,
        )

    def _face(
        self, frame: Frame, face: TrackedFace, seen: Seen | None, camera: Camera, clock: StageClock
    ) -> FaceState | None:
        track = self._track(face, frame.time)
        regression = self._regress(seen, clock)
        prior, weights = None, seen.weights if seen else None
        if seen is not None and regression is not None:
            face, weights = with_hidden(seen, regression, self._trust)
            prior = prior_of(regression, seen.mask is not None, self._trust)
        is_bare = seen is None or seen.is_bare
        if not is_bare and track.fit is not None:
            prior = track.habit.expected(prior, track.fit.identity)
        if track.person is not None:  # who it is is known better than the network can guess
            prior = replace(prior or Prior(track.person), identity=track.person, identity_strength=RETURN_STRENGTH)
        with clock("fit"):
            fit = self._fit(track, face, camera, weights, prior)
        if fit is None:
            return None
        with clock("mesh"):
            shifts = self._refine(face.landmarks, camera, fit, weights) if self._stills else None
            mesh = make_mesh(self._model, self._neutral(track, fit.identity), fit, camera, shifts)
        with clock("visibility"):
            visibility = vertex_visibility(mesh.vertices, self._model.triangles, mesh.normals, camera)
            if seen is not None:
                visibility *= seen.uncovered(mesh.vertices)
        if track.fit is not None and is_bare:
            track.habit.add(track.fit.expression, frame.time)
        if regression is not None and regression.is_fresh:
            with clock("regression"):
                self._believe(track, regression, mesh)
        with clock("light"):
            light = self._light(track, frame, mesh, visibility)
        with clock("bump"):
            can_wait = seen is not None and seen.fresh
            bump = self._bump(track, frame, fit, mesh, light, visibility, can_wait)
        track.frames += 1
        return FaceState(
            id=face.id,
            coefficients=Coefficients(fit.identity, fit.expression, fit.pose, track.albedo, light),
            vertices=mesh.vertices,
            neutral=mesh.neutral,
            landmarks=mesh.landmarks,
            bump=bump,
            visibility=visibility,
            gaze=mesh.gaze,
            normals=mesh.normals,
        )

    def _track(self, face: TrackedFace, now: float) -> Track:
        track = self._tracks.get(face.id)
        if track is None:
            track = Track(self._albedo, self._mean_albedo, BumpMemory(self._trust.bump))
            person = self._covered.person_of(face.id) if self._covered else None
            if person is not None:
                track.identity = track.person = person.identity
                track.relief.add(*person.relief_at(WORK_SIZE))
            if not self._stills:
                self._tracks[face.id] = track
        if face.is_new:
            track.fit = None
            track.smoother.reset()
        track.seen = now
        track.smoother.advance(now)
        return track

    def _forget(self, now: float) -> None:
        """Drops the tracks of those who left; and all where the source began anew."""
        self._tracks = {id_: track for id_, track in self._tracks.items() if 0 <= now - track.seen <= MEMORY}

    def _fit(
        self, track: Track, face: TrackedFace, camera: Camera, weights: Array | None, prior: Prior | None
    ) -> Fit | None:
        """The smooth fit of this frame; `weights` (478,) and `prior` are for the networks."""
        if track.fit is None:
            if prior is None and track.identity is not None:
                prior = Prior(track.identity, identity_strength=RETURN_STRENGTH)
            fit = self._fitter.fit(face.landmarks, camera, weights, prior)
            if fit is None or self._stills:
                return fit
            track.identity = fit.identity if track.identity is None else track.identity
        else:
            fit = self._fitter.follow(face.landmarks, camera, track.fit, weights, prior)
            if fit is None:
                return None
        if track.frames in EVIDENCE_FRAMES or track.frames % EVIDENCE_EVERY == 0:
            self._learn_identity(track, face, camera, fit, weights, prior)
        # The smooth identity is also the one that the next frame is fitted with, so that the rest agrees with it.
        assert track.identity is not None  # set with the first fit
        track.fit = Fit(track.smoother.identity(track.identity), fit.expression, fit.pose)
        return track.smoother.motion(track.fit, camera.focal * EYE_CORNERS / max(float(fit.pose[2, 3]), 1.0))

    def _refine(self, landmarks: Array, camera: Camera, fit: Fit, weights: Array | None) -> Array:
        """(V, 2) mm that a still's mesh misses the landmarks by.

        Not in video: there what is hidden is held by a mesh that keeps its shape, and memory lies on it. Bent from
        frame to frame, hidden landmarks drifted by 4.8 % instead of 3.4, and memory lost half a decibel.
        """
        return self._refiner.shifts(self._refiner.solve(self._fitter.missed(landmarks, camera, fit), weights))

    def _learn_identity(
        self, track: Track, face: TrackedFace, camera: Camera, fit: Fit, weights: Array | None, prior: Prior | None
    ) -> None:
        """Adds what this frame says about identity to what the others said."""
        if weights is not None and weights.mean() < LEAST_SEEN:
            return
        newer = self._fitter.evidence(face.landmarks, camera, fit, weights)
        if newer is None:
            return
        track.looks += 1
        share = max(1.0 / track.looks, LEAST_SHARE)
        track.evidence = newer if track.evidence is None else track.evidence.blend(newer, share)
        track.identity = track.evidence.solve(prior, min(track.looks, MOST_FRAMES))

    def _neutral(self, track: Track, identity: Array) -> Array:
        """(V, 3) mm; made anew only where the identity has really changed: it reads 4 MB."""
        if track.neutral is None or np.abs(identity - track.neutral_of).max() > SAME_IDENTITY:
            track.neutral, track.neutral_of = self._model.neutral(identity), identity
        return track.neutral

    def _regress(self, seen: Seen | None, clock: StageClock) -> Regression | None:
        """What the regression network says; None without it, or without the crop that it looks at."""
        if seen is None or self._regressor is None:
            return None
        with clock("regression"):
            return self._regressor.look(seen)

    def _light(self, track: Track, frame: Frame, mesh: Mesh, visibility: Array) -> Array:
        if track.frames % LIGHT_EVERY == 0:
            track.light = estimate_light(
                frame.image, mesh.vertices, mesh.normals, track.colors, visibility * self._skin
            )
        return track.smoother.light(track.light)

    def _bump(
        self, track: Track, frame: Frame, fit: Fit, mesh: Mesh, light: Array, visibility: Array, can_wait: bool
    ) -> NDArray[np.float16]:
        if track.frames == 0 or track.frames >= track.next_look + (BUMP_WAITS if can_wait else 0):
            settled = track.relief.looks >= SETTLED_LOOKS
            every = SETTLED_BUMP_EVERY if settled else BUMP_EVERY if track.frames else LIGHT_EVERY // 2
            track.next_look = track.frames + every
            track.relief.add(
                *self._bumps.relief(
                    frame.image,
                    mesh.vertices,
                    mesh.normals,
                    fit.pose[:3, :3],
                    track.colors,
                    light,
                    visibility,
                    start=track.relief.heights if track.relief.looks else None,
                )
            )
        return track.relief.bump

    def _believe(self, track: Track, regression: Regression, mesh: Mesh) -> None:
        """Takes over albedo and relief from a fresh answer of the regression network."""
        if self._trust.albedo:
            track.albedo = regression.albedo
            track.colors = self._model.albedo(regression.albedo)
        if self._trust.bump > 0 and track.frames >= track.next_guess:
            track.next_guess = track.frames + BUMP_EVERY
            track.relief.guess(*self._bumps.from_crop(regression.bump, regression.matrix, mesh.vertices, mesh.normals))
