"""What the faces in view look like, remembered per track: learned where they are seen, recalled where they are not.

The texture lives in UV (`remembered.py`), the relief beside it in `bump_memory.py`, the identity in
`reconstruction.py`. It is computed on the thread that needs it, with OpenCV: handing frames to the thread that owns
the GL context, and paintings back, would cost more than it saves where GL is software.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from engines.face_model.model import MorphableModel
from realtime.alignment import to_crop
from realtime.blending import grow
from realtime.frames import Array, FaceState, Image
from realtime.likeness import LEAST_LIKENESS
from realtime.recall import Recalled, Recaller, with_view
from realtime.remembered import FaceMemory, Person, Surface
from realtime.seen import Seen, sample
from realtime.surroundings import Surroundings, View
from realtime.tracking import MEMORY

# A face is looked at in each of its first frames in view, then in every so many.
FIRST_LOOKS, LOOK_EVERY = 4, 8
# Kept away from what covers the face, in shares of the crop's side: an edge's mixed pixels, and the mask's own error.
CLEARANCE = 0.03
# And from what covers it by the time of the next look: while it came, its first edge may not have been noticed.
LATER_CLEARANCE = 0.07
# A vertex counts by this power of the cosine to the line of sight: what is seen aslant is seen badly.
FACING_POWER = 1.0
# So many looks at somebody else, one after the other, and the one before is forgotten.
STRANGE_LOOKS = 2


@dataclass(frozen=True)
class _Pending:
    """A look that is not yet believed."""

    texture: Image  # (SIZE, SIZE, 3) sRGB
    weight: Array  # (V,) 0..1
    state: FaceState  # where it was
    clear: Array  # (V,) 0 near what may have covered the face then already, else 1
    view: View


@dataclass
class _Track:
    """One face that is followed."""

    face: FaceMemory
    is_person: bool  # the one that was loaded, as far as can be seen
    looks: int = 0
    strange: int = 0  # the last looks in which it seemed to be somebody else
    frames: int = 0  # since the last look
    seen: float = float("-inf")  # when it was in the picture last, seconds of the source's time line
    pending: _Pending | None = None  # the last look, until the next shows that nothing was coming
    around: Surroundings = field(default_factory=Surroundings)  # what the mesh does not reach
    state: FaceState | None = None  # in the last frame
    believed: FaceState | None = None  # in the last look that was added: the same person's as the texture
    landmarks: Array = field(default_factory=lambda: np.zeros((0, 2), np.float32))  # (478, 2) px: what it was fitted to


class Memories:
    """Remembers every face in view.

    Args:
        model: the face model.
        person: what is known beforehand of the person that will be in view; None: nothing.
    """

    def __init__(self, model: MorphableModel, person: Person | None = None) -> None:
        self._person = person
        self._surface = Surface(model)
        self._recaller = Recaller(model)
        self._tracks: dict[int, _Track] = {}
        self._gone: tuple[int, Person] | None = None  # looks and memory of the best known face that left

    @property
    def learned(self) -> Person | None:
        """The person who was looked at most; where one was given, only that one. None where nobody was seen."""
        known = [(track.looks, _as_person(track)) for track in self._tracks.values() if self._counts(track)]
        known += [] if self._gone is None else [self._gone]
        return max(known, key=lambda pair: pair[0])[1] if known else None

    def person_of(self, id_: int) -> Person | None:
        """The person that was given, unless the track is seen to be somebody else's."""
        track = self._tracks.get(id_)
        return self._person if track is None or track.is_person else None

    def recall(self, id_: int, landmarks: Array, matrix: Array, crop: Image, hidden: Array) -> Recalled | None:
        """What is remembered of the hidden pixels of a face; None where nothing is.

        Args:
            id_: the track.
            landmarks: (478, 2 or more) px of the picture, where they are taken to be now.
            matrix: (2, 3) picture px -> crop px.
            crop: (S, S, 3) RGB, as the camera saw it.
            hidden: (S, S) 0 or 1, the mask.
        """
        track = self._tracks.get(id_)
        if track is None or track.state is None or not (track.looks or track.is_person):
            return None
        vertices = in_crop(moved(track.state.vertices, track.landmarks, landmarks), matrix)
        visibility = track.state.visibility * (1 - sample(grow(hidden, CLEARANCE), vertices))
        recalled = self._recaller.recall(track.face.texture, vertices, visibility, crop, hidden)
        if track.around.view is None:
            return recalled
        points = to_crop(landmarks, matrix)
        uncovered = 1 - sample(grow(hidden, CLEARANCE), points)
        return with_view(recalled, *track.around.view.painted(points, uncovered, crop, hidden))

    def observe(self, image: Image, seen: Seen, state: FaceState) -> bool:
        """Learns from one face of a frame.

        Args:
            image: (H, W, 3) RGB, the picture.
            seen: what covers the face.
            state: where it is.

        Returns:
            Whether it is somebody else than the frame before, and what was remembered is forgotten.
        """
        track = self._tracks.get(state.id)
        if track is None:
            track = self._tracks[state.id] = self._new_track()
        track.state, track.landmarks = state, seen.face.landmarks[:, :2]
        track.frames += 1
        if not seen.fresh or (track.looks >= FIRST_LOOKS and track.frames < LOOK_EVERY):
            return False
        track.frames, forgot, clear = 0, False, _clear(seen, state, LATER_CLEARANCE)
        if track.pending is not None:
            came = track.pending.clear * (1 - clear)
            weight = track.pending.weight * (1 - came)
            if weight.any():
                forgot = self._look(track, track.pending, weight)
            view = replace(track.pending.view, known=track.pending.view.known * (1 - _grown(seen, LATER_CLEARANCE)))
            if forgot:
                track.around = Surroundings()
            if not track.strange:
                track.around.add(view)
        texture = self._surface.unwrapper.unwrap(image, state.vertices)
        view = View(
            seen.crop,
            1 - _grown(seen, CLEARANCE),
            to_crop(seen.face.landmarks, seen.matrix),
        )
        track.pending = _Pending(texture, self._weight(image, seen, state), state, clear, view)
        return forgot

    def settle(self) -> None:
        """Believes the last looks without waiting for the next."""
        for track in self._tracks.values():
            if track.pending is not None and track.pending.weight.any():
                self._look(track, track.pending, track.pending.weight)
            track.pending = None

    def keep(self, ids: set[int], now: float) -> None:
        """Forgets all faces but these and those that the tracker still waits for; all where the source began anew.

        Args:
            ids: the faces in the picture.
            now: seconds of the source's time line.
        """
        for id_, track in list(self._tracks.items()):
            if id_ in ids:
                track.seen = now
            elif not 0 <= now - track.seen <= MEMORY:
                self._put_by(self._tracks.pop(id_))

    def _put_by(self, track: _Track) -> None:
        """Keeps what a face that is forgotten was like, for `learned`, unless another was looked at more."""
        if self._counts(track) and (self._gone is None or track.looks >= self._gone[0]):
            self._gone = track.looks, _as_person(track)

    def _new_track(self) -> _Track:
        track = _Track(FaceMemory(self._surface), is_person=self._person is not None)
        if self._person is not None:
            track.face.start_from(self._person)
        return track

    def _counts(self, track: _Track) -> bool:
        """Whether a track is of the person to be learned."""
        return track.looks > 0 and (track.is_person or self._person is None)

    def _weight(self, image: Image, seen: Seen, state: FaceState) -> Array:
        """(V,) 0..1: how well each vertex of a face is seen."""
        facing = np.maximum(-self._surface.model.normals(state.vertices)[:, 2], 0)
        weight = state.visibility * facing**FACING_POWER * self._surface.shown(state.coefficients.expression)
        return weight * inside(state.vertices, image) * _clear(seen, state, CLEARANCE)

    def _look(self, track: _Track, look: _Pending, seen: Array) -> bool:
        """Adds one look, of which `seen` (V,) 0..1 is believed, or forgets who was there before; whether it did."""
        weight = self._surface.unwrapper.spread(seen)
        is_known = track.looks or track.is_person
        likeness = track.face.likeness(look.texture, weight) if is_known else None
        if likeness is None and (track.strange or (track.is_person and not track.looks)):
            return False  # too little is seen to say whose face it is: it may be somebody else's
        forgot = False
        if likeness is not None and likeness < LEAST_LIKENESS:
            track.strange += 1
            if track.strange < STRANGE_LOOKS:
                return False
            self._put_by(track)
            track.face, track.is_person, track.looks, forgot = FaceMemory(self._surface), False, 0, True
        track.face.add(look.texture, weight)
        track.strange, track.believed = 0, look.state
        track.looks += 1
        return forgot


def _clear(seen: Seen, state: FaceState, clearance: float) -> Array:
    """(V,) 1 where nothing is in front of the face, nor may be within `clearance` of the crop's side, else 0."""
    if seen.doubted is None:
        return np.ones(len(state.vertices), np.float32)
    return 1 - sample(grow(seen.doubted, clearance), to_crop(state.vertices, seen.matrix))


def _grown(seen: Seen, clearance: float) -> Array:
    """(S, S) 1 within `clearance` of the crop's side of what may be in front of the face, else 0."""
    return np.zeros(seen.crop.shape[:2], np.float32) if seen.doubted is None else grow(seen.doubted, clearance)


def _as_person(track: _Track) -> Person:
    assert track.believed is not None  # set with the first look
    colours = np.clip(np.rint(track.face.colours), 0, 255).astype(np.uint8)
    return Person(colours, track.face.weight, track.believed.coefficients.identity, track.believed.bump)


def moved(vertices: Array, before: Array, now: Array) -> Array:
    """Vertices (V, 3) px moved as landmarks (N, 2 or more) px did, by the similarity that fits best."""
    a, b = before[:, :2].astype(np.float64), now[:, :2].astype(np.float64)
    from_, to = a.mean(0), b.mean(0)
    a, b = a - from_, b - to
    along = float((a * b).sum())
    across = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum())
    size = max(float((a * a).sum()), 1e-9)
    turn = np.array([[along, -across], [across, along]]) / size
    out = np.empty_like(vertices)
    out[:, :2] = (vertices[:, :2] - from_) @ turn.T + to
    out[:, 2] = vertices[:, 2] * np.hypot(along, across) / size
    return out


def in_crop(vertices: Array, matrix: Array) -> Array:
    """(V, 3) px of the picture -> px of the crop, z scaled alike."""
    scale = np.float32(np.hypot(matrix[0, 0], matrix[1, 0]))
    return np.column_stack([to_crop(vertices, matrix), vertices[:, 2] * scale]).astype(np.float32)


def inside(vertices: Array, image: Image) -> Array:
    """(V,) 1 where a vertex lies in the picture (H, W, 3), else 0."""
    height, width = image.shape[:2]
    x, y = vertices[:, 0], vertices[:, 1]
    return ((x >= 0) & (x <= width) & (y >= 0) & (y <= height)).astype(np.float32)
