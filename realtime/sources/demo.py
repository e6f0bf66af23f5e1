"""The demonstration: a photograph moved and turned as a head would, then a hand passing in front of it.

Needs no camera and no download: the photograph is scikit-image's astronaut (NASA, public domain), read
from the installed package. The hand is rendered from a CC0 model (`realtime/assets`). The same frames
come out on every machine.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from realtime.errors import UserError
from realtime.frames import Array, Image
from realtime.quiet import quiet_native_logs
from realtime.sources.base import Shot

RATE = 30  # frames per second
SECONDS = 10  # one round; the motion is periodic, so rounds join without a jump
SIZE = (640, 480)
HAND = Path(__file__).parent.parent / "assets" / "hand.png"

CROP = (47, 0, 403, 267)  # left, top, right, bottom in the photograph: the face, 4:3
GRID = 16  # px between the points at which the motion is computed; between them it is interpolated

# The head in the cropped picture, px. A smooth hill stands in for its depth: exact shape matters less
# than that it bends nowhere sharply, for the picture must not fold or tear.
HEAD = np.array([322.0, 205.0])
SKULL = np.array([165.0, 205.0])  # half axes of the hill
DEPTH = 112.0
NOSE = np.array([320.0, 238.0])
NOSE_DEPTH, NOSE_WIDTH = 20.0, 22.0
STIFF = np.array([150.0, 175.0])  # half axes of what moves as one; beyond, the motion fades away ...
FADE = 1.0  # ... over this many half axes

HAND_HEIGHT = 430  # px, with the forearm: the hand is about as long as the face, as hands are
HAND_SPAN = (0.47, 0.97)  # the part of the round in which the hand passes
SHADOW = (10, 14)  # px to the right and down
SHADOW_DARKNESS = 0.45


@dataclass(frozen=True)
class Motion:
    """Where the head is at one moment, against the photograph."""

    yaw: float  # rad, to the picture's right
    pitch: float  # rad, downwards
    roll: float  # rad, clockwise
    shift: tuple[float, float]  # px
    scale: float


def motion(phase: float) -> Motion:
    """The head's motion at `phase` (0..1) of a round."""
    turn = 2 * np.pi * phase
    return Motion(
        yaw=0.30 * np.sin(2 * turn),
        pitch=0.14 * np.sin(3 * turn + 0.4) - 0.14 * np.sin(0.4),
        roll=0.12 * np.sin(turn),
        shift=(22 * np.sin(turn), 7 * np.sin(4 * turn)),
        scale=1 + 0.05 * np.sin(turn) * np.sin(2 * turn),
    )


def smoothstep(x: Array) -> Array:
    """0 below 0, 1 above 1, smooth between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _displacement(points: Array, m: Motion) -> Array:
    """How far the head's motion carries each point (N, 2) of the photograph, px."""
    from_head = points - HEAD
    hill = np.clip(1 - _squared(from_head / SKULL), 0, None) ** 1.5
    nose = np.exp(-_squared(points - NOSE) / (2 * NOSE_WIDTH**2))
    depth = DEPTH * hill + NOSE_DEPTH * nose
    turned = from_head * [np.cos(m.yaw), np.cos(m.pitch)] + depth[:, None] * [np.sin(m.yaw), np.sin(m.pitch)]
    cos, sin = m.scale * np.cos(m.roll), m.scale * np.sin(m.roll)
    moved = turned @ np.array([[cos, sin], [-sin, cos]]) + m.shift
    weight = 1 - smoothstep((np.sqrt(_squared(from_head / STIFF)) - 1) / FADE)
    return weight[:, None] * (moved - from_head)


def _squared(vectors: Array) -> Array:
    """The squared lengths (N,) of (N, 2) vectors."""
    return vectors[:, 0] ** 2 + vectors[:, 1] ** 2


def _grid() -> Array:
    """The motion's grid points, (N, 2) px, row by row; cell centres, as `cv2.resize` wants them."""
    x = (np.arange(SIZE[0] // GRID) + 0.5) * GRID - 0.5
    y = (np.arange(SIZE[1] // GRID) + 0.5) * GRID - 0.5
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)


def _photograph() -> Image:
    """The cropped photograph, (480, 640, 3) RGB."""
    package = importlib.util.find_spec("skimage")
    path = Path(package.origin).parent / "data" / "astronaut.png" if package and package.origin else None
    with quiet_native_logs():
        photo = cv2.imread(str(path)) if path else None
    if photo is None:
        raise UserError("The demo's photograph is missing.", "Install it: pip install scikit-image")
    left, top, right, bottom = CROP
    return cv2.resize(photo[top:bottom, left:right, ::-1], SIZE, interpolation=cv2.INTER_CUBIC)


class Hand:
    """A cut-out hand that can be laid over a picture, with the shadow that it casts.

    Args:
        path: RGBA picture, the fingers pointing up.
        shadow: how dark its shadow is, 0..1.
    """

    MARGIN = 40  # px of nothing around the hand, so that it can turn and its shadow can be soft

    def __init__(self, path: Path, shadow: float = SHADOW_DARKNESS) -> None:
        rgba = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if rgba is None or rgba.ndim != 3 or rgba.shape[2] != 4:
            raise UserError(f"The demo's hand {path.name} is missing or damaged.", "Get the program's files again.")
        x, y, width, height = cv2.boundingRect(rgba[..., 3])
        rgba = rgba[y : y + height, x : x + width]
        scale = HAND_HEIGHT / height
        rgba = cv2.cvtColor(rgba, cv2.COLOR_BGRA2RGBA).astype(np.float32) / 255
        rgba[..., :3] *= rgba[..., 3:]  # premultiplied: scaling and turning must not mix in hidden colours
        rgba = cv2.resize(rgba, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        margin = self.MARGIN
        rgba = cv2.copyMakeBorder(rgba, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
        dark = cv2.GaussianBlur(np.roll(rgba[..., 3], SHADOW[::-1], (0, 1)), (0, 0), 9) * shadow
        # The hand over its own shadow: colour stays, the shadow only adds to what it covers.
        rgba[..., 3] = 1 - (1 - rgba[..., 3]) * (1 - dark)
        self.layer = (rgba * 255).round().astype(np.uint8)

    def lay(self, picture: Image, center: tuple[float, float], angle: float) -> None:
        """Draws the hand into `picture` (in place), its middle at `center` px, turned by `angle` rad."""
        height, width = picture.shape[:2]
        rows, columns = self.layer.shape[:2]
        cos, sin = abs(np.cos(angle)), abs(np.sin(angle))
        across, down = (columns * cos + rows * sin) / 2, (columns * sin + rows * cos) / 2
        left, top = max(0, int(center[0] - across)), max(0, int(center[1] - down))
        right, bottom = min(width, int(center[0] + across) + 1), min(height, int(center[1] + down) + 1)
        if right <= left or bottom <= top:
            return
        matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), -np.degrees(angle), 1.0)
        matrix[:, 2] += np.array(center) - (columns / 2, rows / 2) - (left, top)
        layer = cv2.warpAffine(self.layer, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        part = picture[top:bottom, left:right]
        under = cv2.multiply(part, cv2.cvtColor(255 - layer[..., 3], cv2.COLOR_GRAY2RGB), scale=1 / 255)
        picture[top:bottom, left:right] = cv2.add(under, layer[..., :3])


def hand_path(phase: float) -> tuple[tuple[float, float], float] | None:
    """Where the hand's middle is (px) and how it is turned (rad) at `phase` of a round; None: away."""
    start, end = HAND_SPAN
    if not start < phase < end:
        return None
    x = (phase - start) / (end - start)
    near = smoothstep(np.array(min(x, 1 - x) / 0.28))  # comes, stays a while, goes
    drift = np.sin(np.pi * x)
    center = (560 - 190 * near - 45 * (x - 0.5), 740 - 352 * near - 12 * drift)
    return (float(center[0]), float(center[1])), -0.35 - 0.25 * (x - 0.5)


class Demo:
    """The demonstration as a source: 300 frames of 640x480, 30 a second."""

    live = False
    still = False
    names: tuple[str, ...] = ()
    count = RATE * SECONDS

    def __init__(self, hand: Path = HAND) -> None:
        self._photo = _photograph()
        self._hand = Hand(hand)
        self._points = _grid()
        self._pixels = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in SIZE)), -1)
        self._where = np.empty_like(self._pixels)
        self._stop = threading.Event()

    def shots(self) -> Iterator[Shot]:
        """One round."""
        for index in range(self.count):
            if self._stop.is_set():
                return
            yield Shot(self.picture(index / self.count), index / RATE)

    def picture(self, phase: float, with_hand: bool = True) -> Image:
        """The frame at `phase` (0..1) of a round, (480, 640, 3) RGB."""
        m = motion(phase)
        # Where does each pixel come from? Solve from + displacement(from) = pixel; the field is gentle,
        # so a few rounds of substitution settle it.
        origin = self._points
        for _ in range(3):
            origin = self._points - _displacement(origin, m)
        field = (origin - self._points).reshape(SIZE[1] // GRID, SIZE[0] // GRID, 2).astype(np.float32)
        cv2.resize(field, SIZE, dst=self._where, interpolation=cv2.INTER_CUBIC)
        cv2.add(self._where, self._pixels, dst=self._where)
        picture = cv2.remap(self._photo, self._where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        hand = hand_path(phase) if with_hand else None
        if hand:
            self._hand.lay(picture, *hand)
        return picture

    def close(self) -> None:
        """Ends a running `shots`."""
        self._stop.set()
