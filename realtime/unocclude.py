"""What covers a face, what lies behind it, and where the face's points really are.

Per face: crop -> contour network -> (if something covers it) completion network -> the tracker's mesh once more, on
the completed crop. In video, the mask, the painting and the landmarks are carried along from frame to frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Protocol

import numpy as np

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE, Engine
from realtime.alignment import crop_matrix, cut, landmarks_in_picture, to_crop
from realtime.blending import between_crops, blend, carry, grow, margin, paintable, seam
from realtime.carrying import (
    Carried,
    carried_fill,
    colours_at,
    faded,
    followed,
    is_fill_likely,
    is_refill_due,
    lowering,
    may_rest,
    predicted,
)
from realtime.crop_mesh import CropMesh
from realtime.frames import Array, FaceState, Image, TrackedFace
from realtime.memory import Memories
from realtime.pixels import fill_image, read_image, resized
from realtime.recall import Recalled
from realtime.seen import (
    FULL_DOUBT,
    LEAST_KEPT_CERTAINTY,
    MASK_GROWN,
    Filled,
    Seen,
    eyeglasses,
    held,
    inside_mouth,
    is_face,
    landmark_weights,
    share_hidden,
    shift_in_view,
)

# The share of the face that must be covered before anything is painted, and below which painting ends.
COVERED_SHARE = (0.006, 0.012)
# How far, in crop widths, the visible landmarks may move on the completed face: with nothing hidden, and how much
# more with everything hidden, where the tracker can be far off.
MOST_SHIFT = (0.02, 0.1)
STILL_PASSES = 2  # crop, completion and landmarks; the second crop lies better
FADE_SECONDS = 0.06  # painting comes at once, but goes within this: an edge of the mask may flicker
DOUBTED = 0.15  # the probability of a cover above which nothing is learned of what a face looks like
KEEP_PAINTING = 0.6  # the share of the last painting, carried along, in the next
# The share of memory where it knows: it errs in how the face moved, the network in who it is; a mixture errs less.
MOST_RECALLED = 0.85


Clock = Callable[[str], AbstractContextManager]  # measures a stage by its name


class Row(Protocol):
    """Both networks in a row on a GPU, without a look at what the first one found; see `engines.gpu.chain`."""

    def run(self, crop: Image, before: Array | None) -> Mapping[str, Array] | None:
        """ "probability", "cover" (1, 1, S, S), "parts", "painting" (1, S, S, 3); None once the GPU is lost."""
        ...


class Unoccluder:
    """Runs the contour and the completion network on the faces of one frame after the other.

    Args:
        contour: the contour network.
        completion: the completion network.
        mesh: finds landmarks on a completed crop; called once per face and frame.
        stills: every picture is of somebody else: nothing is carried over, and everything is done twice.
        memories: what the faces look like; None: nothing is remembered.
        row: both networks in a row, for when both are likely to be needed; None: there is none.
        keep_glasses: eyeglasses belong to the face: they cover nothing, are not painted over, and are remembered.
    """

    def __init__(
        self,
        contour: Engine,
        completion: Engine,
        mesh: CropMesh,
        stills: bool = False,
        keep_glasses: bool = False,
        memories: Memories | None = None,
        row: Row | None = None,
    ) -> None:
        self._contour, self._completion, self._mesh = contour, completion, mesh
        self._recollection, self._row = memories, row
        self._painted: tuple[Array, Image] | None = None  # by the row, in this pass: under which mask, and what
        self._stills, self._keep_glasses = stills, keep_glasses
        self._memories: dict[int, Carried] = {}

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
            return seen if seen.mask is not None else self._steadied(seen, clock)
        memory = None if face.is_new else self._memories.get(face.id)
        colours = colours_at(image, face.landmarks)
        if memory and may_rest(memory, colours):
            seen = replace(memory.seen, face=face, fresh=False)
            self._memories[face.id] = replace(
                memory, seen=seen, tracked=face.landmarks, time=time, rested=memory.rested + 1
            )
            return seen
        start = face
        if memory is not None and memory.seen.mask is not None:
            with clock("follow"):
                start = replace(face, landmarks=predicted(image, face.landmarks, memory))
        step = 1.0 if memory is None else max(0.0, time - memory.time) / FADE_SECONDS
        seen = self._pass(image, start, memory, step, clock, face.landmarks)
        if seen.mask is None:
            seen = replace(seen, face=face)  # in plain view the tracker itself is the better witness
        self._memories[face.id] = Carried(seen, face.landmarks, time, seen.face.landmarks, colours)
        return seen

    def confirm(self, image: Image, face: TrackedFace, clock: Clock = nullcontext) -> Seen | None:
        """A face in a still of which only a rough place is known, if there may be one.

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
            face = replace(face, landmarks=landmarks_in_picture(points, seen.matrix))
        weights = None if seen.mask is None else landmark_weights(face.landmarks, seen.matrix, seen.mask)
        seen = replace(seen, face=face, weights=weights)
        return seen if is_face(seen, LEAST_KEPT_CERTAINTY) else None

    def go_on(self, image: Image, id_: int, time: float, clock: Clock = nullcontext) -> Seen | None:
        """A face that the tracker has lost, looked for where it was; None where nothing covers it: it is gone."""
        memory = self._memories.get(id_)
        if memory is None:
            return None
        with clock("follow"):
            landmarks = followed(image, memory)
        face = replace(memory.seen.face, is_new=False)
        if landmarks is not None:
            face = replace(face, landmarks=landmarks)
        seen = self._pass(image, face, memory, max(0.0, time - memory.time) / FADE_SECONDS, clock)
        if seen.mask is None or seen.face.landmarks is face.landmarks or not is_face(seen, LEAST_KEPT_CERTAINTY):
            return None
        self._memories[id_] = Carried(
            seen, seen.face.landmarks, time, seen.face.landmarks, colours_at(image, seen.face.landmarks)
        )
        return seen

    def hold(self, seen: Seen, state: FaceState | None) -> Seen:
        """Takes over where the fit has the hidden landmarks of a face, for the next frame to go on from.

        What is found on a painted face only says where it was painted: left to itself it would drift.
        Without a fit, or in plain view, all stays as it is.
        """
        memory = self._memories.get(seen.face.id)
        if memory is None or state is None or seen.mask is None:
            return seen
        seen = held(seen, state.landmarks)
        self._memories[seen.face.id] = replace(memory, seen=seen, looked=seen.face.landmarks)
        return seen

    def remembered(self) -> dict[int, Array]:
        """The last landmarks (478, 3) px of every face that is remembered."""
        return {id_: memory.seen.face.landmarks for id_, memory in self._memories.items()}

    def forget(self, ids: set[int]) -> None:
        """Drops what is remembered of all faces but these."""
        self._memories = {id_: memory for id_, memory in self._memories.items() if id_ in ids}

    def _pass(
        self,
        image: Image,
        face: TrackedFace,
        memory: Carried | None,
        step: float,
        clock: Clock,
        tracked: Array | None = None,
    ) -> Seen:
        """Crop, mask, painting and landmarks, once; `tracked` are the tracker's own landmarks, if not the face's."""
        before = memory.seen if memory else None
        lowered = lowering(before)
        matrix = crop_matrix(face.landmarks, COMPLETION_SIZE)
        matrix[1, 2] -= lowered * COMPLETION_SIZE
        crop = cut(image, matrix, COMPLETION_SIZE).image
        move = None if before is None else between_crops(before.matrix, matrix)
        last = None if before is None or before.mask is None else carry(before.mask, move)
        with clock("contour"):
            probability, parts = self._contours(crop, before, last)
        covering = margin(probability, last)
        mask = (covering > 0).astype(np.float32)
        mouth = inside_mouth(mask, to_crop(face.landmarks if tracked is None else tracked, matrix))
        spared = mouth | (eyeglasses(parts, COMPLETION_SIZE) > 0) if self._keep_glasses else mouth
        mask[spared] = 0
        covering[spared] = -1
        hidden = share_hidden(mask, parts)
        covered = hidden > COVERED_SHARE[last is None]
        doubted = ((probability > DOUBTED) & ~spared).astype(np.float32)
        doubted = doubted if doubted.any() else None
        seen = Seen(face, matrix, crop, parts, visible=1 - hidden, doubted=doubted, lowered=lowered)
        if covered:
            seen = replace(seen, mask=mask, margin=covering)
            if memory is not None and last is None:
                with clock("follow"):  # the cover that has just come has already dragged the tracker's landmarks
                    landmarks = followed(image, memory, carry(mask, between_crops(matrix, memory.seen.matrix)))
                if landmarks is not None:
                    seen = replace(seen, face=replace(face, landmarks=landmarks))
            seen = self._complete(seen, before, move, clock)
        if before is not None:
            seen = faded(seen, before, move, step)
        return seen

    def _contours(self, crop: Image, before: Seen | None, last: Array | None) -> tuple[Array, Array]:
        """Probability of the mask (S, S) and of the parts (14, CONTOUR_SIZE, CONTOUR_SIZE)."""
        self._painted = None
        found = self._row.run(crop, last) if self._row and last is not None and is_fill_likely(before) else None
        if found is not None:
            self._painted = found["cover"][0, 0], found["painting"][0]
            return found["probability"][0, 0], found["parts"][0].copy()
        buffer = self._contour.inputs["image"]
        fill_image(buffer, resized(crop, buffer.shape[-1]))
        found = self._contour.run()
        parts = np.stack([resized(part, CONTOUR_SIZE) for part in found["parts"][0]])
        return resized(found["mask"][0, 0], COMPLETION_SIZE).copy(), parts

    def _complete(self, seen: Seen, before: Seen | None, move: Array | None, clock: Clock) -> Seen:
        """Paints the hidden pixels and looks for the landmarks on the completed face."""
        with clock("memory"):
            recalled = self._recall(seen)
        filled = None if before is None else carried_fill(before, move)
        if filled is None or is_refill_due(seen, recalled, filled):
            with clock("completion"):
                filled = self._fill(seen, filled)
        painting = filled.image
        if recalled is not None:
            painting = blend(painting, recalled.painting, np.float32(MOST_RECALLED) * recalled.share)
        alpha = seam(seen.mask) * paintable(seen.mask, seen.off_head(), seen.off_face)
        seen = replace(seen, painting=painting, alpha=alpha, recalled=recalled, filled=filled)
        with clock("landmarks"):
            points = self._mesh.find(seen.complete)
        if points is not None:
            again = replace(seen, face=replace(seen.face, landmarks=landmarks_in_picture(points, seen.matrix)))
            # Where little is covered the first landmarks are good: what is far from them was painted, not seen.
            if shift_in_view(seen, again) < MOST_SHIFT[0] + MOST_SHIFT[1] * (1 - seen.visible):
                seen = again
        # In video the fit knows the face beforehand, and can do without those that may have been painted.
        doubt = 0.0 if self._stills or seen.is_bare else min(1.0, (1 - seen.visible) / FULL_DOUBT)
        return replace(seen, weights=landmark_weights(seen.face.landmarks, seen.matrix, seen.mask, doubt))

    def _steadied(self, seen: Seen, clock: Clock) -> Seen:
        """A still's face in plain view, its landmarks the average of the tracker's and of further looks."""
        with clock("landmarks"):
            points = self._mesh.find(seen.crop)
        if points is None:
            return seen
        landmarks = (seen.face.landmarks + 3 * landmarks_in_picture(points, seen.matrix)) / 4
        return replace(seen, face=replace(seen.face, landmarks=landmarks.astype(np.float32)))

    def _recall(self, seen: Seen) -> Recalled | None:
        """What is remembered of the hidden pixels."""
        if self._recollection is None:
            return None
        face = seen.face
        return self._recollection.recall(face.id, face.landmarks, seen.matrix, seen.crop, seen.mask)

    def _fill(self, seen: Seen, carried: Filled | None) -> Filled:
        """What the completion network paints, held steady by what it painted before."""
        if self._painted is not None and np.array_equal(self._painted[0], seen.mask):
            painted = self._painted[1].copy()
        else:
            inputs = self._completion.inputs
            fill_image(inputs["image"], seen.crop)
            inputs["mask"][0, 0] = grow(seen.mask, MASK_GROWN)
            inputs["parts"][0] = seen.parts
            painted = read_image(self._completion.run()["complete"])
        if carried is not None:
            painted = blend(painted, carried.image, np.float32(KEEP_PAINTING) * carried.mask)
        return Filled(painted, seen.mask)
