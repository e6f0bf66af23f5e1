"""The networks' results for all faces of a frame, in the picture's own size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE
from realtime.alignment import rescale
from realtime.blending import Window, blend, part_of, to_window, whole, window_of
from realtime.frames import PART_NAMES, SOURCE_NAMES, Array, Image
from realtime.grain import grained
from realtime.seen import FACE_PARTS, Seen

SEEN, MEMORY, MIRROR, COMPLETION = (SOURCE_NAMES.index(name) for name in ("seen", "memory", "mirror", "completion"))
SKIN = PART_NAMES.index("skin")
SKIN_MARGIN = 7  # px: skin this near to something else shows that other thing's edge
_IS_FACE = np.isin(np.arange(len(PART_NAMES)), FACE_PARTS).astype(np.uint8)


@dataclass(frozen=True)
class Layers:
    """All faces of one frame in the picture's own size."""

    occlusion: Image  # (H, W) 0 or 255
    parts: Image  # (H, W) index into PART_NAMES
    complete: Image  # (H, W, 3) RGB
    source: Image  # (H, W) index into SOURCE_NAMES


def in_picture(image: Image, faces: list[Seen]) -> Layers | None:
    """The faces' masks, parts and paintings in the picture; None where nothing covers or paints a face.

    Args:
        image: (H, W, 3) RGB.
        faces: largest first; a larger one lies over a smaller, and is no cover of it.
    """
    if all(seen.mask is None and seen.alpha is None for seen in faces):
        return None
    occlusion = np.zeros(image.shape[:2], np.uint8)
    parts = np.zeros(image.shape[:2], np.uint8)
    source = np.zeros(image.shape[:2], np.uint8)
    complete = image.copy()
    for seen in faces:
        window = window_of(seen.matrix, whole(COMPLETION_SIZE), image.shape)
        if not all(window.size):
            continue
        where = window.slices
        # To the contour network a larger face is but a thing before this one; it must stay as it is.
        behind = source[where] == 0
        labels = most_likely(seen.parts)
        if seen.margin is not None:
            # The edge is found in the picture's own pixels; outside the crop nothing is covered.
            covered = (to_window(seen.margin, seen.matrix, window) > 0) & behind
            occlusion[where] |= np.where(covered, np.uint8(255), np.uint8(0))
            small = rescale(seen.matrix, CONTOUR_SIZE / COMPLETION_SIZE)
            found = to_window(labels, small, window, cv2.INTER_NEAREST)
            parts[where] = np.where(behind & (parts[where] == 0), found, parts[where])
        paint(complete, image, seen, labels, source)
        origin = to_window(sources(seen, labels), seen.matrix, window, cv2.INTER_NEAREST)
        source[where] = np.where(behind, origin, source[where])
    return Layers(occlusion, parts, complete, source)


def paint(complete: Image, image: Image, seen: Seen, labels: Image, source: Image) -> None:
    """Paints what is hidden of a face into `complete`, in place.

    Args:
        complete: (H, W, 3) RGB.
        image: (H, W, 3) RGB, the picture as the camera saw it.
        seen: the face.
        labels: (P, P) index into PART_NAMES, its most likely parts.
        source: (H, W) index into SOURCE_NAMES; what is not 0 belongs to a larger face and stays as it is.
    """
    if seen.alpha is None or seen.painting is None:
        return
    window = window_of(seen.matrix, part_of(seen.alpha), image.shape)
    if not all(window.size):
        return
    where = window.slices
    alpha = to_window(seen.alpha, seen.matrix, window) * (source[where] == 0)
    painting = to_window(seen.painting, seen.matrix, window)
    if seen.recalled is None:  # what is remembered has a grain of its own
        around = window_of(seen.matrix, whole(COMPLETION_SIZE), image.shape)
        skin = skin_in_view(seen.alpha, labels, seen.matrix, around)
        painting = grained(painting, alpha > 0.5, image[around.slices], skin, (window.left, window.top))
    complete[where] = blend(complete[where], painting, alpha)


def skin_in_view(alpha: Array, labels: Image, matrix: Array, window: Window) -> NDArray[np.bool_]:
    """(h, w) bool: where the picture inside the window shows the face's own skin, well away from what is painted.

    Args:
        alpha: (S, S) 0..1, how much of each pixel of the crop is painted.
        labels: (P, P) index into PART_NAMES.
        matrix: (2, 3) picture px -> crop px.
        window: of the picture.
    """
    side = len(labels)
    painted = cv2.resize(alpha, (side, side), interpolation=cv2.INTER_LINEAR) > 0
    skin = ((labels == SKIN) & ~painted).astype(np.uint8)
    skin = to_window(skin, rescale(matrix, side / len(alpha)), window, cv2.INTER_NEAREST)
    return cv2.erode(skin, np.ones((SKIN_MARGIN, SKIN_MARGIN), np.uint8)) > 0


def most_likely(parts: Array) -> Image:
    """(P, P) uint8: the index of the most likely part; `parts` (14, P, P). Five times as fast as argmax."""
    best, labels = parts[0].copy(), np.zeros(parts.shape[1:], np.uint8)
    for index in range(1, len(parts)):
        # The latest to be the best has the highest index, so that a maximum does what a slow masked write would.
        np.maximum(labels, (parts[index] > best).view(np.uint8) * np.uint8(index), out=labels)
        np.maximum(best, parts[index], out=best)
    return labels


def sources(seen: Seen, labels: Image) -> Image:
    """(S, S) index into SOURCE_NAMES: where each pixel of a completed crop comes from.

    Args:
        seen: the face.
        labels: (P, P) index into PART_NAMES, its most likely parts.
    """
    side = seen.crop.shape[0]
    face = cv2.resize(_IS_FACE[labels], (side, side), interpolation=cv2.INTER_NEAREST)
    out = face * np.uint8(SEEN)
    if seen.alpha is None:
        return out
    painted = seen.alpha > 0.5
    out[painted] = COMPLETION
    if seen.recalled is not None:
        own, mirrored = seen.recalled.own, seen.recalled.mirrored
        out[painted & (own + mirrored > 0.5)] = MEMORY
        out[painted & (own + mirrored > 0.5) & (mirrored > own)] = MIRROR
    return out
