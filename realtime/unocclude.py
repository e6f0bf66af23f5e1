"""What covers a face, what lies behind it, and where the face's points really are.

Per face: crop -> contour network -> (if something covers it) completion network -> the tracker's mesh once more, on
the completed crop. In video, the mask, the painting and the landmarks are carried along from frame to frame.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE, Engine, choose_engine, shipped_networks
from realtime.alignment import crop_matrix, cut, invert, to_crop, to_picture
from realtime.blending import between_crops, blend, carry, fade, grow, margin, seam
from realtime.frames import PART_NAMES, Array, Image, TrackedFace

# The parts of the face itself, by which it is judged whether anything covers it; eyeglasses lie on it.
OTHER_PARTS = ("background", "hair", "ears", "neck")
FACE_PARTS = [index for index, name in enumerate(PART_NAMES) if name not in OTHER_PARTS]
GLASSES = PART_NAMES.index("eyeglasses")
# The share of the face that must be covered before anything is painted, and below which painting ends.
COVERED_SHARE = (0.006, 0.012)
# What it takes to believe in a face: the overlap of mesh and part map, how sure the part map is, the share in view.
# Faces whose covers hid them from the tracker reach 0.7, 0.86 and 0.46; what is no face fails by one of the three.
LEAST_AGREEMENT, LEAST_CERTAINTY, LEAST_SEEN = 0.65, 0.83, 0.4
# How far, in crop widths, the visible landmarks may move on the completed face: with nothing hidden, and how much
# more with everything hidden, where the tracker can be far off.
MOST_SHIFT = (0.02, 0.1)
# MediaPipe's landmarks around the face.
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    *(148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
STILL_PASSES = 2  # crop, completion and landmarks; the second crop lies better
FADE_SECONDS = 0.15
KEEP_PAINTING = 0.6  # the share of the last painting, carried along, in the next
# What the fit should believe of a hidden landmark, found on a painted face.
HIDDEN_WEIGHT = 0.1
KEPT_MARGIN = 0.025  # of the crop's side: kept eyeglasses are not painted over by the seam of their own edge
MASK_GROWN = 0.012  # of the crop's side: pixels this near to the occluder may hold some of it


Clock = Callable[[str], AbstractContextManager]  # measures a stage by its name


class CropMesh(Protocol):
    """Finds the landmarks of the one face in a crop."""

    def find(self, crop: Image) -> Array | None:
        """(478, 3) px of the crop (z in px), or None."""
        ...


@dataclass(frozen=True)
class Seen:
    """One face in one frame: what covers it and what is behind. Crop-sized arrays are `COMPLETION_SIZE` px."""

    face: TrackedFace  # with the corrected landmarks
    matrix: Array  # (2, 3) picture px -> crop px
    crop: Image  # (S, S, 3) RGB, as the camera saw it
    parts: Array  # (14, CONTOUR_SIZE, CONTOUR_SIZE) probabilities of the parts of the complete face
    visible: float  # the share of the face that is in view
    mask: Array | None = None  # (S, S) float32, 0 or 1; None: nothing covers the face
    margin: Array | None = None  # (S, S) float32, above 0 under the mask: where exactly its edge runs
    alpha: Array | None = None  # (S, S) 0..1: how much of each pixel of the picture is painted; None: none is
    painting: Image | None = None  # (S, S, 3) RGB; None while `alpha` is
    weights: Array | None = None  # (478,) 0..1, how far each landmark is to be believed; None: all fully

    @property
    def certainty(self) -> float:
        """How sure the part map is, 0..1, on average over the face in view: low where there is no face."""
        small = face_probability(self.parts)
        if self.mask is not None:
            small = small * (1 - cv2.resize(self.mask, small.shape, interpolation=cv2.INTER_AREA))
        return float((self.parts.max(0) * small).sum() / max(float(small.sum()), 1e-6))

    @property
    def agreement(self) -> float:
        """How well landmarks and part map describe one face, 0..1: the overlap of what either takes for it."""
        face = face_probability(self.parts)
        side = face.shape[0]
        oval = np.zeros((side, side), np.uint8)
        outline = to_crop(self.face.landmarks, self.matrix)[list(OVAL)] * (side / COMPLETION_SIZE)
        cv2.fillPoly(oval, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
        shared = float((face * oval).sum())
        return shared / max(float(face.sum() + oval.sum()) - shared, 1e-6)

    def uncovered(self, points: Array) -> Array:
        """(N,) 1 where nothing is in front of points (N, 2 or more) px of the picture, 0 where something is."""
        if self.mask is None:
            return np.ones(len(points), np.float32)
        return 1 - sample(grow(self.mask, MASK_GROWN), to_crop(points, self.matrix))

    @property
    def complete(self) -> Image:
        """(S, S, 3) RGB: the crop with the face completed."""
        if self.mask is None or self.painting is None:
            return self.crop
        return blend(self.crop, self.painting, seam(self.mask))


@dataclass
class _Memory:
    """What is carried from one frame to the next of one face."""

    seen: Seen
    tracked: Array  # (478, 3) px: the tracker's own landmarks in that frame
    time: float  # seconds, the source's time line


class Unoccluder:
    """Runs the contour and the completion network on the faces of one frame after the other.

    Args:
        contour: the contour network.
        completion: the completion network.
        mesh: finds landmarks on a completed crop; called once per face and frame.
        stills: every picture is of somebody else: nothing is carried over, and everything is done twice.
        keep_glasses: show eyeglasses as they are. They count as occlusion all the same, and what the landmarks are
            found on is without them.
    """

    def __init__(
        self,
        contour: Engine,
        completion: Engine,
        mesh: CropMesh,
        stills: bool = False,
        keep_glasses: bool = False,
    ) -> None:
        self._contour, self._completion, self._mesh = contour, completion, mesh
        self._stills, self._keep_glasses = stills, keep_glasses
        self._memories: dict[int, _Memory] = {}

    @property
    def why(self) -> tuple[str, ...]:
        """One line per network: what runs it, and what for."""
        return self._contour.why, self._completion.why

    def look(self, image: Image, face: TrackedFace, time: float = 0.0, clock: Clock = nullcontext) -> Seen:
        """Everything about one face.

        Args:
            image: (H, W, 3) RGB, the whole picture.
            face: as the tracker sees it.
            time: seconds on the source's time line.
            clock: measures the stages.
        """
        if self._stills:
            seen = self._pass(image, face, None, 0.0, clock)
            for _ in range(STILL_PASSES - 1):
                if seen.mask is not None:
                    seen = self._pass(image, seen.face, None, 0.0, clock)
            return seen
        memory = None if face.is_new else self._memories.get(face.id)
        start = face if memory is None else replace(face, landmarks=_predicted(face.landmarks, memory))
        step = 1.0 if memory is None else max(0.0, time - memory.time) / FADE_SECONDS
        seen = self._pass(image, start, memory.seen if memory else None, step, clock)
        if seen.mask is None:
            seen = replace(seen, face=face)  # in plain view the tracker itself is the better witness
        self._memories[face.id] = _Memory(seen, face.landmarks, time)
        return seen

    def confirm(self, image: Image, face: TrackedFace, clock: Clock = nullcontext) -> Seen | None:
        """A face in a still of which only a rough place is known, if there is one.

        Args:
            image: (H, W, 3) RGB, the whole picture.
            face: landmarks good enough to lay a crop.
            clock: measures the stages.
        """
        for _ in range(STILL_PASSES):
            seen = self._pass(image, face, None, 0.0, clock)
            points = self._mesh.find(seen.complete)
            if points is None:
                return None
            face = replace(face, landmarks=_landmarks_in_picture(points, seen.matrix))
        weights = None if seen.mask is None else landmark_weights(face.landmarks, seen.matrix, seen.mask)
        seen = replace(seen, face=face, weights=weights)
        return seen if is_face(seen) else None

    def go_on(self, image: Image, id_: int, time: float, clock: Clock = nullcontext) -> Seen | None:
        """A covered face that the tracker has lost, looked for where it was; None where it is gone for good."""
        memory = self._memories.get(id_)
        if memory is None or memory.seen.mask is None:
            return None
        face = replace(memory.seen.face, is_new=False)
        seen = self._pass(image, face, memory.seen, max(0.0, time - memory.time) / FADE_SECONDS, clock)
        if seen.mask is None or seen.face.landmarks is face.landmarks or not is_face(seen):
            return None
        self._memories[id_] = _Memory(seen, seen.face.landmarks, time)
        return seen

    def remembered(self) -> dict[int, Array]:
        """The last landmarks (478, 3) px of every face that is remembered."""
        return {id_: memory.seen.face.landmarks for id_, memory in self._memories.items()}

    def forget(self, ids: set[int]) -> None:
        """Drops what is remembered of all faces but these."""
        self._memories = {id_: memory for id_, memory in self._memories.items() if id_ in ids}

    def _pass(self, image: Image, face: TrackedFace, before: Seen | None, step: float, clock: Clock) -> Seen:
        """Crop, mask, painting and landmarks, once."""
        matrix = crop_matrix(face.landmarks, COMPLETION_SIZE)
        crop = cut(image, matrix, COMPLETION_SIZE).image
        with clock("contour"):
            probability, parts = self._contours(crop)
        move = None if before is None else between_crops(before.matrix, matrix)
        last = None if before is None or before.mask is None else carry(before.mask, move)
        covering = margin(probability, last)
        mask = (covering > 0).astype(np.float32)
        hidden = _share_hidden(mask, face_probability(parts))
        covered = hidden > COVERED_SHARE[last is None]
        seen = Seen(face, matrix, crop, parts, visible=1 - hidden)
        if covered:
            seen = replace(seen, mask=mask, margin=covering)
            seen = self._complete(seen, clock)
        if before is not None:
            seen = _faded(seen, before, move, step)
        return seen

    def _contours(self, crop: Image) -> tuple[Array, Array]:
        """Probability of the mask (S, S) and of the parts (14, CONTOUR_SIZE, CONTOUR_SIZE)."""
        small = cv2.resize(crop, (CONTOUR_SIZE, CONTOUR_SIZE), interpolation=cv2.INTER_LINEAR)
        fill_image(self._contour.inputs["image"], small)
        found = self._contour.run()
        mask = cv2.resize(found["mask"][0, 0], (COMPLETION_SIZE, COMPLETION_SIZE), interpolation=cv2.INTER_LINEAR)
        return mask, found["parts"][0].copy()

    def _complete(self, seen: Seen, clock: Clock) -> Seen:
        """Paints the hidden pixels and looks for the landmarks on the completed face."""
        with clock("completion"):
            inputs = self._completion.inputs
            fill_image(inputs["image"], seen.crop)
            inputs["mask"][0, 0] = grow(seen.mask, MASK_GROWN)
            inputs["parts"][0] = seen.parts
            painting = read_image(self._completion.run()["complete"])
            shown = seen.mask * (1 - _glasses(seen)) if self._keep_glasses else seen.mask
            seen = replace(seen, painting=painting, alpha=seam(shown))
        with clock("landmarks"):
            points = self._mesh.find(seen.complete)
        if points is not None:
            again = replace(seen, face=replace(seen.face, landmarks=_landmarks_in_picture(points, seen.matrix)))
            # Where little is covered the first landmarks are good: what is far from them was painted, not seen.
            if _shift(seen, again) < MOST_SHIFT[0] + MOST_SHIFT[1] * (1 - seen.visible):
                seen = again
        return replace(seen, weights=landmark_weights(seen.face.landmarks, seen.matrix, seen.mask))


def open_unoccluder(stills: bool, device: str, keep_glasses: bool = False) -> Unoccluder | None:
    """The networks that are shipped with this copy, ready to run; None without them."""
    if not {"contour", "completion"} <= shipped_networks():
        return None
    from realtime.crop_mesh import MediaPipeCropMesh

    # Nobody waits for a still: the last bit of quality is worth more there than speed.
    precision = "f32" if stills else "auto"
    contour, completion = (choose_engine(name, device, precision=precision) for name in ("contour", "completion"))
    return Unoccluder(contour, completion, MediaPipeCropMesh(stills), stills, keep_glasses)


def fill_image(buffer: Array, image: Image) -> None:
    """Writes (S, S, 3) RGB uint8 into a network's input (1, 3, S, S), [-1, 1]."""
    np.multiply(image.transpose(2, 0, 1), np.float32(1 / 127.5), out=buffer[0])
    buffer -= 1


def read_image(output: Array) -> Image:
    """A network's output (1, 3, S, S) in [-1, 1] as (S, S, 3) RGB uint8."""
    scaled = output[0].transpose(1, 2, 0) * np.float32(127.5) + np.float32(127.5)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def landmark_weights(landmarks: Array, matrix: Array, mask: Array) -> Array:
    """(478,) 1 where a landmark is in view, `HIDDEN_WEIGHT` under the mask.

    Args:
        landmarks: (478, 2 or more) px in the picture.
        matrix: (2, 3) picture px -> crop px.
        mask: (S, S) 0..1.
    """
    return 1 - (1 - HIDDEN_WEIGHT) * sample(grow(mask, MASK_GROWN), to_crop(landmarks, matrix))


def sample(values: Array, points: Array) -> Array:
    """(N,) the nearest values of (S, S) at points (N, 2) px; 0 outside."""
    side = values.shape[0]
    x, y = np.floor(points[:, :2]).astype(np.int64).T
    inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    return np.where(inside, values[y.clip(0, side - 1), x.clip(0, side - 1)], 0).astype(np.float32)


def face_probability(parts: Array) -> Array:
    """(P, P) that a pixel belongs to the face or to eyeglasses on it; `parts` (14, P, P) probabilities."""
    return parts[FACE_PARTS].sum(0)


def is_face(seen: Seen) -> bool:
    """Whether what was seen is a face, by the contour network's judgement."""
    return seen.agreement > LEAST_AGREEMENT and seen.certainty > LEAST_CERTAINTY and seen.visible > LEAST_SEEN


def _shift(before: Seen, after: Seen) -> float:
    """The mean distance, in crop widths, by which the landmarks in view moved; 0 where none is."""
    first, second = (to_crop(seen.face.landmarks, before.matrix) for seen in (before, after))
    visible = before.uncovered(before.face.landmarks) > 0.5
    return float(np.hypot(*(second - first)[visible].T).mean()) / COMPLETION_SIZE if visible.any() else 0.0


def _glasses(seen: Seen) -> Array:
    """(S, S) 0 or 1: what the part map takes for eyeglasses, a little widened."""
    probability = cv2.resize(seen.parts[GLASSES], seen.crop.shape[:2], interpolation=cv2.INTER_LINEAR)
    return grow((probability > 0.5).astype(np.float32), KEPT_MARGIN)


def _share_hidden(mask: Array, face: Array) -> float:
    """The share of the face under the mask (S, S); `face` (P, P) is the probability that a pixel belongs to it."""
    small = cv2.resize(mask, face.shape[::-1], interpolation=cv2.INTER_AREA)
    return float((small * face).sum() / max(float(face.sum()), 1e-6))


def _landmarks_in_picture(points: Array, matrix: Array) -> Array:
    """(478, 3) from crop px to picture px, z scaled alike."""
    back = invert(matrix)
    scale = np.float32(np.hypot(back[0, 0], back[1, 0]))
    return np.column_stack([to_picture(points, matrix), points[:, 2] * scale]).astype(np.float32)


def _predicted(tracked: Array, memory: _Memory) -> Array:
    """Where a covered face is now: where it was, moved by what the tracker saw most points do."""
    if memory.seen.mask is None:
        return tracked
    motion = np.median(tracked[:, :2] - memory.tracked[:, :2], axis=0)
    out = memory.seen.face.landmarks.copy()
    out[:, :2] += motion
    return out


def _faded(seen: Seen, before: Seen, move: Array, step: float) -> Seen:
    """The painting blended with the last one, and its share of each pixel on its way to what it should be."""
    if before.alpha is None and seen.alpha is None:
        return seen
    side = seen.crop.shape[0]
    last = np.zeros((side, side), np.float32) if before.alpha is None else carry(before.alpha, move)
    target = np.zeros((side, side), np.float32) if seen.alpha is None else seen.alpha
    alpha = fade(last, target, step)
    if not alpha.any():
        return replace(seen, alpha=None, painting=None)
    painting = seen.painting
    if before.painting is not None:
        old = carry(before.painting, move)
        share = KEEP_PAINTING * (last > 0).astype(np.float32)
        painting = old if painting is None else blend(painting, old, share)
    return replace(seen, alpha=alpha, painting=painting)
