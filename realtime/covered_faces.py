"""The faces of one frame as the networks see them, those included that their covers hid from the tracker."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np

from realtime.face_search import FaceSearch, rough_landmarks
from realtime.frames import Array, FaceState, Frame, TrackedFace
from realtime.memory import Memories
from realtime.remembered import Person
from realtime.seen import Seen
from realtime.unocclude import Clock, Unoccluder, open_unoccluder

# A face that the tracker finds within this share of its size of one that was gone on with is the same.
SAME_PLACE = 0.5
# In a still, what the tracker takes for a face must look at least like this to the contour network.
LEAST_STILL_CERTAINTY = 0.6


class CoveredFaces:
    """Sees through what covers the faces of one frame after the other.

    Args:
        unoccluder: the networks.
        stills: every picture is of somebody else.
        memories: what the faces look like, the same that the unoccluder recalls; None: nothing is remembered.
    """

    def __init__(self, unoccluder: Unoccluder, stills: bool = False, memories: Memories | None = None) -> None:
        self._unoccluder, self._stills, self._memories = unoccluder, stills, memories
        self._search: FaceSearch | None = None
        # The tracker numbers a face anew that it finds again; here it keeps the number it was gone on with.
        self._aliases: dict[int, int] = {}

    @property
    def why(self) -> tuple[str, ...]:
        """One line per network: what runs it, and what for."""
        return self._unoccluder.why

    def person_of(self, id_: int) -> Person | None:
        """What is known beforehand of whom a track follows; None: nothing, or it is somebody else."""
        return None if self._memories is None else self._memories.person_of(id_)

    def process(self, frame: Frame, faces: list[TrackedFace], clock: Clock = nullcontext) -> list[Seen]:
        """What is seen of the tracker's faces (largest first) and of those it lost, in this order."""
        if self._stills:
            return self._stand_alone(frame, faces, clock)
        remembered = self._unoccluder.remembered()
        faces = [self._recognised(face, remembered) for face in faces]
        seen = [self._unoccluder.look(frame.image, face, frame.time, clock) for face in faces]
        here = {face.id for face in faces}
        for id_ in remembered.keys() - here:
            lost = self._unoccluder.go_on(frame.image, id_, frame.time, clock)
            if lost is not None:
                seen.append(lost)
                here.add(id_)
        self._unoccluder.forget(here)
        return seen

    def learn(
        self, frame: Frame, seen: list[Seen], states: list[FaceState | None], clock: Clock = nullcontext
    ) -> set[int]:
        """Remembers what the faces look like.

        Args:
            frame: the picture.
            seen: what `process` returned for it.
            states: where they are; None where no face could be fitted.
            clock: measures it.

        Returns:
            The numbers of those that turned out to be somebody else than before.
        """
        if self._memories is None:
            return set()
        with clock("memory"):
            self._memories.keep({each.face.id for each in seen})
            return {
                state.id
                for each, state in zip(seen, states, strict=True)
                if state is not None and self._memories.observe(frame.image, each, state)
            }

    def _stand_alone(self, frame: Frame, faces: list[TrackedFace], clock: Clock) -> list[Seen]:
        """The faces of a picture that has nothing to do with the one before."""
        looked = [self._unoccluder.look(frame.image, face, clock=clock) for face in faces]
        seen = [each for each in looked if each.certainty > LEAST_STILL_CERTAINTY]
        if seen:
            return seen
        if self._search is None:
            self._search = FaceSearch()
        with clock("search"):
            places = self._search.candidates(frame.image)
        found = []
        for points in places:
            face = TrackedFace(0, rough_landmarks(points), is_new=True)
            each = self._unoccluder.confirm(frame.image, face, clock)
            if each is not None:
                found.append(each)
        return sorted(found, key=lambda each: -each.certainty)[:1]

    def _recognised(self, face: TrackedFace, remembered: dict[int, Array]) -> TrackedFace:
        """The face under the number that it had while the tracker did not see it."""
        id_ = self._aliases.get(face.id, face.id)
        if face.is_new:
            near = [other for other, landmarks in remembered.items() if same_place(face.landmarks, landmarks)]
            if near:
                id_ = self._aliases[face.id] = near[0]
        return replace(face, id=id_, is_new=face.is_new and id_ not in remembered)


def same_place(a: Array, b: Array) -> bool:
    """Whether landmarks (N, 2 or more) px describe a face in the same place."""
    size = float(np.ptp(b[:, :2], axis=0).mean())
    return float(np.hypot(*(a[:, :2].mean(0) - b[:, :2].mean(0)))) < SAME_PLACE * size


def open_covered_faces(
    stills: bool, device: str, keep_glasses: bool = False, memories: Memories | None = None
) -> CoveredFaces | None:
    """The networks that are shipped with this copy, ready to run; None without them."""
    unoccluder = open_unoccluder(stills, device, keep_glasses, memories)
    return None if unoccluder is None else CoveredFaces(unoccluder, stills, memories)
