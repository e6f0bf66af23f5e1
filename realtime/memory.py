"""What the faces in view look like, remembered per track: learned where they are seen, recalled where they are not.

The texture lives in UV (`remembered.py`), the relief beside it in `bump.py`, the identity in `reconstruction.py`. It is
computed on the thread that needs it, with OpenCV: a look costs less than handing the frame to another thread's GL.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engines.face_model.model import MorphableModel
from realtime.alignment import to_crop
from realtime.blending import grow
from realtime.frames import Array, FaceState, Image
from realtime.recall import Recalled, Recaller
from realtime.remembered import FaceMemory, Surface
from realtime.seen import Seen, sample

# A face is looked at in each of its first frames in view, then in every so many.
FIRST_LOOKS, LOOK_EVERY = 4, 4
# Kept away from what covers the face, in shares of the crop's side: an edge's mixed pixels, and the mask's own error.
CLEARANCE = 0.03
# A vertex counts by this power of the cosine to the line of sight: what is seen aslant is seen badly.
FACING_POWER = 2.0


@dataclass
class _Track:
    """One face that is followed."""

    face: FaceMemory
    looks: int = 0
    frames: int = 0  # since the last look
    vertices: Array | None = None  # (V, 3) px of the picture, in the last frame
    visibility: Array | None = None  # (V,) 0..1, not covered or not
    landmarks: Array | None = None  # (478, 2) px: what the last fit was made to


class Memories:
    """Remembers every face in view.

    Args:
        model: the face model.
    """

    def __init__(self, model: MorphableModel) -> None:
        self._surface = Surface(model)
        self._recaller = Recaller(model)
        self._tracks: dict[int, _Track] = {}

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
        if track is None or track.vertices is None or not track.looks:
            return None
        vertices = in_crop(moved(track.vertices, track.landmarks, landmarks), matrix)
        covered = sample(grow(hidden, CLEARANCE), vertices)
        return self._recaller.recall(track.face.texture, vertices, track.visibility * (1 - covered), crop, hidden)

    def observe(self, image: Image, seen: Seen, state: FaceState) -> None:
        """Learns from one face of a frame.

        Args:
            image: (H, W, 3) RGB, the picture.
            seen: what covers the face.
            state: where it is.
        """
        track = self._tracks.setdefault(state.id, _Track(FaceMemory(self._surface)))
        track.vertices, track.visibility = state.vertices, state.visibility
        track.landmarks = seen.face.landmarks[:, :2]
        track.frames += 1
        if not seen.fresh or (track.looks >= FIRST_LOOKS and track.frames < LOOK_EVERY):
            return
        facing = np.maximum(-self._surface.model.normals(state.vertices)[:, 2], 0)
        weight = state.visibility * facing**FACING_POWER * self._surface.shown(state.coefficients.expression)
        weight *= inside(state.vertices, image)
        if seen.mask is not None:
            weight *= 1 - sample(grow(seen.mask, CLEARANCE), to_crop(state.vertices, seen.matrix))
        if weight.any():
            unwrapper = self._surface.unwrapper
            track.face.add(unwrapper.unwrap(image, state.vertices), unwrapper.spread(weight))
            track.looks, track.frames = track.looks + 1, 0

    def keep(self, ids: set[int]) -> None:
        """Forgets all faces but these."""
        self._tracks = {id_: track for id_, track in self._tracks.items() if id_ in ids}


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
