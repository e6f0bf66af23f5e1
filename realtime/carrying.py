"""What is carried of a face from one frame of a video to the next: where it went, what was painted, how it fades."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from realtime.blending import carry, fade, reaches_down
from realtime.following import follow
from realtime.frames import Array, Image
from realtime.recall import Recalled
from realtime.seen import Filled, Seen, face_probability

# While memory knows this much of what is hidden of the face, the completion network, which then paints little but
# hair and background, runs once in so many frames, or when this much of the mask is new; what it painted is carried
# along with the face between.
KNOWN_SHARE = 0.7
REFILL = 6
NEW_SHARE = 0.25
# While nothing covers a face, the contour network rests for so many frames after each look.
REST = 3
# Unless something may have come: a face's colours at every so many landmarks are compared with those of the last look,
# and at least so many of them have changed by so many grey levels, beyond what all have in common.
COLOUR_EVERY, COLOUR_CHANGE, CHANGED_POINTS = 2, 40, 2
# The crop lies so much lower, in shares of its side, while a face mask goes on below it, where a dropped jaw took it.
LOWERED = 0.06


@dataclass
class Carried:
    """What is carried from one frame to the next of one face."""

    seen: Seen
    tracked: Array  # (478, 3) px: the tracker's own landmarks in that frame
    time: float  # seconds, the source's time line
    looked: Array  # (478, 3) px: the face in the frame that `seen.crop` is of
    colours: Array  # (N, 3) of the picture at some landmarks when the contour network last looked
    rested: int = 0  # frames since it did


def colours_at(image: Image, landmarks: Array) -> Array:
    """(N, 3) int16: the colours of (H, W, 3) at some of the landmarks (478, 2 or more) px."""
    height, width = image.shape[:2]
    x, y = np.floor(landmarks[::COLOUR_EVERY, :2]).astype(np.int64).T
    return image[y.clip(0, height - 1), x.clip(0, width - 1)].astype(np.int16)


def has_changed(before: Array, now: Array) -> bool:
    """Whether something may have come before a face; both as `colours_at` returns them."""
    change = now - before
    change -= np.median(change, axis=0).astype(np.int16)
    return int((np.abs(change).max(axis=1) > COLOUR_CHANGE).sum()) >= CHANGED_POINTS


def may_rest(memory: Carried, colours: Array) -> bool:
    """Whether the contour network need not look: nothing covered or was painted on the face, and nothing has come."""
    seen = memory.seen
    if seen.mask is not None or seen.alpha is not None or memory.rested >= REST:
        return False
    return not has_changed(memory.colours, colours)


def is_refill_due(seen: Seen, recalled: Recalled | None, filled: Filled) -> bool:
    """Whether the completion network has to run; what it last painted is `filled`."""
    if seen.mask is None or recalled is None or filled.age >= REFILL:
        return True
    if float(np.maximum(seen.mask - filled.mask, 0).sum()) > NEW_SHARE * float(seen.mask.sum()):
        return True
    if seen.is_bare:
        return False  # eyeglasses: what is behind them stays as it is
    face = face_probability(seen.parts)
    hidden = cv2.resize(seen.mask, face.shape[::-1], interpolation=cv2.INTER_AREA) * face
    known = cv2.resize(recalled.share, face.shape[::-1], interpolation=cv2.INTER_AREA)
    return float((known * hidden).sum()) < KNOWN_SHARE * float(hidden.sum())


def is_fill_likely(before: Seen) -> bool:
    """Whether the completion network will have to run again, as far as one can know before the mask."""
    return before.recalled is None or before.filled is None or before.filled.age + 1 >= REFILL


def followed(image: Image, memory: Carried, comes: Array | None = None) -> Array | None:
    """(478, 3) px: where what was seen of a face went; None where that cannot be said.

    Args:
        image: (H, W, 3) RGB, now.
        memory: what was seen then.
        comes: (S, S) 0 or 1, px of `memory`'s crop: what has come to cover the face since, if that is known.
    """
    hidden = memory.seen.mask if comes is None else comes
    return follow(image, memory.looked, memory.seen.crop, memory.seen.matrix, hidden)


def predicted(image: Image, tracked: Array, memory: Carried) -> Array:
    """(478, 3) px: where a covered face is now, by what is seen of it, else by what the tracker saw most points do."""
    out = followed(image, memory)
    if out is None:
        out = memory.seen.face.landmarks.copy()
        out[:, :2] += np.median(tracked[:, :2] - memory.tracked[:, :2], axis=0)
    return out


def lowering(before: Seen | None) -> float:
    """By what share of its side the next crop is to be lowered, so that a face mask ends within it."""
    is_needed = before is not None and before.mask is not None and reaches_down(before.mask, before.lowered)
    return LOWERED if is_needed else 0.0


def carried_fill(before: Seen, move: Array) -> Filled | None:
    """What the completion network painted in the frame before, where the face is now."""
    last = before.filled
    return None if last is None else Filled(carry(last.image, move), carry(last.mask, move), last.age + 1)


def faded(seen: Seen, before: Seen, move: Array, step: float) -> Seen:
    """What was painted in the frame before and is no longer covered fades out, by `step` of the painted share."""
    if before.alpha is None or before.painting is None:
        return seen
    target = np.zeros(seen.crop.shape[:2], np.float32) if seen.alpha is None else seen.alpha
    alpha = fade(carry(before.alpha, move), target, step)
    if not alpha.any():
        return replace(seen, alpha=None, painting=None)
    painting = carry(before.painting, move) if seen.painting is None else seen.painting
    return replace(seen, alpha=alpha, painting=painting)
