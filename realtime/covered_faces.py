"""The faces of one frame as the networks see them, those included that their covers hid from the tracker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import numpy as np

from engines.engine import STILL_SIDES, Engine, choose_engine, shipped_networks
from realtime.crop_mesh import MediaPipeCropMesh, SteadyCropMesh
from realtime.face_search import FaceSearch, rough_landmarks
from realtime.frames import Array, FaceState, Frame, TrackedFace
from realtime.memory import Memories
from realtime.remembered import Person
from realtime.seen import Seen, is_face
from realtime.several_looks import SeveralLooks
from realtime.tracking import face_size
from realtime.unocclude import Clock, Unoccluder

# A face that the tracker finds within this share of its size of one that was gone on with is the same.
SAME_PLACE = 0.5
# In a still, what the tracker takes for a face must look at least like this to the contour network.
LEAST_STILL_CERTAINTY = 0.78


class CoveredFaces:
    """Sees through what covers the faces of one frame after the other.

    Args:
        unoccluder: the networks.
        stills: every picture is of somebody else.
        memories: what the faces look like, the same that the unoccluder recalls; None: nothing is remembered.
        max_faces: how many are followed, those included that the tracker lost; None: however many it finds.
    """

    def __init__(
        self,
        unoccluder: Unoccluder,
        stills: bool = False,
        memories: Memories | None = None,
        max_faces: int | None = None,
    ) -> None:
        self._unoccluder, self._stills, self._memories, self._most = unoccluder, stills, memories, max_faces
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
        """What is seen of the tracker's faces and of those that it lost, largest first."""
        if self._stills:
            return self._stand_alone(frame, faces, clock)
        before = self._unoccluder.remembered()
        faces = self._recognised(faces, before)
        seen = []
        for id_ in before.keys() - {face.id for face in faces}:
            lost = self._unoccluder.go_on(frame.image, id_, frame.time, clock)
            if lost is not None:
                seen.append(lost)
        # Where there are too many, those who were there before stay.
        faces.sort(key=lambda face: face.id not in before)
        room = None if self._most is None else max(0, self._most - len(seen))
        seen += [self._unoccluder.look(frame.image, face, frame.time, clock) for face in faces[:room]]
        self._unoccluder.forget({each.face.id for each in seen})
        return sorted(seen, key=lambda each: -face_size(each.face.landmarks))

    def learn(
        self, frame: Frame, seen: list[Seen], states: list[FaceState | None], clock: Clock = nullcontext
    ) -> set[int]:
        """Remembers what the faces look like, and where their hidden parts are.

        Args:
            frame: the picture.
            seen: what `process` returned for it.
            states: where they are; None where no face could be fitted.
            clock: measures it.

        Returns:
            The numbers of those that turned out to be somebody else than before.
        """
        seen = [self._unoccluder.hold(each, state) for each, state in zip(seen, states, strict=True)]
        if self._memories is None:
            return set()
        with clock("memory"):
            self._memories.keep({each.face.id for each in seen}, frame.time)
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
        # Once one place is surely a face's, it lies where the contour network is surest.
        return sorted(found, key=lambda each: -each.certainty)[:1] if any(map(is_face, found)) else []

    def _recognised(self, faces: list[TrackedFace], before: dict[int, Array]) -> list[TrackedFace]:
        """The faces, each under the number that it had while the tracker did not see it.

        Args:
            faces: as the tracker numbers them.
            before: number -> landmarks (478, 3) px in the frame before.
        """
        taken = {self._aliases.get(face.id, face.id) for face in faces if not face.is_new}
        found = []
        for face in faces:
            id_ = self._aliases.get(face.id, face.id)
            if face.is_new:
                free = [other for other in before if other not in taken]
                near = [other for other in free if same_place(face.landmarks, before[other])]
                if near and id_ not in near:
                    id_ = self._aliases[face.id] = near[0]
                taken.add(id_)
            found.append(replace(face, id=id_, is_new=face.is_new and id_ not in before))
        return found


def same_place(a: Array, b: Array) -> bool:
    """Whether landmarks (N, 2 or more) px describe a face in the same place."""
    size = float(np.ptp(b[:, :2], axis=0).mean())
    return float(np.hypot(*(a[:, :2].mean(0) - b[:, :2].mean(0)))) < SAME_PLACE * size


def open_covered_faces(
    stills: bool,
    device: str,
    keep_glasses: bool = False,
    memories: Memories | None = None,
    max_faces: int | None = None,
) -> CoveredFaces | None:
    """The networks that are shipped with this copy, ready to run; None without them."""
    unoccluder = open_unoccluder(stills, device, keep_glasses, memories)
    return None if unoccluder is None else CoveredFaces(unoccluder, stills, memories, max_faces)


def open_unoccluder(
    stills: bool, device: str, keep_glasses: bool = False, memories: Memories | None = None
) -> Unoccluder | None:
    """The networks that are shipped with this copy, ready to run; None without them."""
    if not {"contour", "completion"} <= shipped_networks():
        return None
    if stills:
        return unoccluder_for_stills(partial(_engines_for_stills, device=device), keep_glasses)
    contour, completion = (choose_engine(name, device) for name in ("contour", "completion"))
    row = None
    if contour.device == "gpu":
        from engines.gpu.opening import open_chain

        row = open_chain(contour, completion)
    return Unoccluder(contour, completion, MediaPipeCropMesh(stills=False), False, keep_glasses, memories, row)


def unoccluder_for_stills(engines_of: Callable[[str], Sequence[Engine]], keep_glasses: bool = False) -> Unoccluder:
    """Nobody waits for a still: the last bit of quality is worth more there than speed.

    Args:
        engines_of: a network's name -> it, as often as `SeveralLooks` shall look.
        keep_glasses: see `Unoccluder`.
    """
    contour, completion = (SeveralLooks(*engines_of(name)) for name in ("contour", "completion"))
    return Unoccluder(contour, completion, SteadyCropMesh(MediaPipeCropMesh(stills=True)), True, keep_glasses)


def _engines_for_stills(name: str, device: str) -> list[Engine]:
    """A network as often as it looks at a still's crop and mirror image.

    For the contour network that is worth 0.03 of the mask's IoU over the crop of 128 px alone, and 0.03 of the hidden
    parts'; for the completion network 0.24 dB over the crop of 192 px alone.
    """
    if device == "gpu":  # whose engines are of one size
        return [choose_engine(name, device, precision="f32")]
    return at_still_sides(name, partial(choose_engine, name, device, precision="f32"))


def at_still_sides(name: str, open_engine: Callable[..., Engine]) -> list[Engine]:
    """A network as often as it looks at a still, opened once for each size; `open_engine` takes `side`, px."""
    engines = {side: open_engine(side=side) for side in set(STILL_SIDES[name])}
    return [engines[side] for side in STILL_SIDES[name]]
