"""What lies around a face, and all of it that the mesh does not reach: the last clear look at its crop.

Ears, hair, the neck and a collar move with the head, so that as long as the head has not turned much a remembered
crop, moved with the face, tells more of them than any network can.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from realtime.face_landmarks import LIPS
from realtime.frames import Array, Image
from realtime.remembered import GAIN_CELLS, cell_gain

# A view that shows this much less of the crop (share of its area) than the clearest so far is not kept: what had begun
# to come into view may be in it. The clearest is forgotten by this share per look, lest one look set the measure.
LESS_CLEAR, CLEAREST_FADES = 0.03, 0.01
# In shares of the crop's side: how far the landmarks in view may be from where a similarity puts them, until the view
# is trusted less, and not at all: the head has turned.
TURNED = (0.012, 0.035)
LEAST_POINTS = 12  # in view; with fewer all count


@dataclass(frozen=True)
class View:
    """One look at a face."""

    crop: Image  # (S, S, 3) RGB
    known: Array  # (S, S) 0..1: 0 where something may have been in front
    landmarks: Array  # (478, 2) px of the crop

    def painted(self, landmarks: Array, uncovered: Array, crop: Image, hidden: Array) -> tuple[Image, Array]:
        """The view as it would look now.

        Args:
            landmarks: (478, 2) px of the crop now.
            uncovered: (478,) 0..1: which of them are in view.
            crop: (S, S, 3) RGB, as the camera sees it.
            hidden: (S, S) 0..1: what is covered.

        Returns:
            (S, S, 3) float32 0..255 in the light of now, and (S, S) 0..1 how far it is known.
        """
        side = crop.shape[0]
        move, off = similarity(self.landmarks, landmarks, uncovered)
        near, far = TURNED
        trust = np.float32(np.clip((far - off / side) / (far - near), 0, 1))
        if trust == 0:
            return crop.astype(np.float32), np.zeros((side, side), np.float32)
        size = (side, side)
        image = cv2.warpAffine(self.crop, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        known = cv2.warpAffine(self.known, move, size, flags=cv2.INTER_LINEAR)  # 0 outside
        light = _light(crop, image, known * (1 - hidden))
        # What is in a mouth is another thing in every expression.
        cv2.fillConvexPoly(known, cv2.convexHull(np.round(landmarks[list(LIPS)]).astype(np.int32)), 0)
        return image * light, known * trust


class Surroundings:
    """The last clear view of one face.

    Attributes:
        view: None as long as there is none.
    """

    def __init__(self) -> None:
        self.view: View | None = None
        self._clearest = 0.0

    def add(self, view: View) -> None:
        """Keeps a newer view if it is about as clear as those before."""
        shown = float(view.known.mean())
        if shown > self._clearest - LESS_CLEAR:
            self.view = view
        self._clearest = max(shown, self._clearest * (1 - CLEAREST_FADES))


def similarity(before: Array, now: Array, weight: Array) -> tuple[Array, float]:
    """The similarity (2, 3) that moves points (N, 2) best, and how far off they are after it (root mean square).

    Args:
        before: (N, 2) px.
        now: (N, 2) px.
        weight: (N,) 0..1, how much each counts; where hardly any does, all do.
    """
    weight = weight if weight.sum() >= LEAST_POINTS else np.ones(len(weight))
    share = (weight / weight.sum())[:, None]
    a, b = before.astype(np.float64), now.astype(np.float64)
    from_, to = (a * share).sum(0), (b * share).sum(0)
    a, b = a - from_, b - to
    size = max(float((share * a * a).sum()), 1e-9)
    along = float((share * a * b).sum()) / size
    across = float((share[:, 0] * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])).sum()) / size
    turn = np.array([[along, -across], [across, along]])
    off = float(np.sqrt((share * (a @ turn.T - b) ** 2).sum()))
    return np.column_stack([turn, to - turn @ from_]), off


def _light(now: Image, before: Image, weight: Array) -> Array:
    """(S, S, 3) what `before` has to be multiplied with to be lit as `now`; `weight` (S, S): where both are known."""
    size = (GAIN_CELLS, GAIN_CELLS)
    small = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)[..., None]
    new, old = (cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) for image in (now, before))
    return cv2.resize(cell_gain(new * small, old * small, small), weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
