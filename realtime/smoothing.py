"""Steady coefficients: the One Euro filter (Casiez, Roussel and Vogel, CHI 2012) for vectors and rotations.

A low-pass filter whose cut-off frequency rises with speed: still things stay still, quick ones are followed
without lag. All times are true seconds, so that a dropped frame or a variable rate changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realtime.camera import NEAREST, make_pose
from realtime.fitting import Fit
from realtime.frames import Array

# A gap longer than this (s) starts the filters afresh.
LONGEST_GAP = 0.5


@dataclass(frozen=True)
class Response:
    """How a One Euro filter answers."""

    cutoff: float  # Hz, at rest
    slope: float  # Hz per unit of speed
    speed_cutoff: float = 1.0  # Hz, of the low-pass on the speed


# Tuned on three talking heads: on two calm ones half of the tracker's frame-to-frame jitter goes and lag adds 3 % to
# the fit's error; on a lively one a third of it (most of that is real motion) for 14 %.
IDENTITY = Response(cutoff=0.15, slope=0.0)
EXPRESSION = Response(cutoff=2.0, slope=6.0)  # speed in units per second
ROTATION = Response(cutoff=1.5, slope=20.0)  # radians per second
POSITION = Response(cutoff=2.0, slope=0.4)  # mm per second
DEPTH = Response(cutoff=0.7, slope=15.0)  # relative change per second
LIGHT = Response(cutoff=0.5, slope=0.5)

# The tracker errs by a share of a pixel: the same in a small face is more mm, so its cut-offs are lower.
REFERENCE_SIZE = 90.0  # px between the outer corners of the eyes
SCALE_LIMITS = (0.3, 1.5)


def blend_factor(cutoff: NDArray | float, step: float) -> NDArray | float:
    """The share of the new value in a first-order low-pass of this cut-off (Hz) after `step` seconds."""
    turn = 2 * np.pi * cutoff * step
    return turn / (turn + 1)


class OneEuro:
    """The filter for one vector; each entry has its own speed and cut-off."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._value: NDArray[np.float64] | None = None
        self._speed: NDArray[np.float64] | None = None

    def reset(self) -> None:
        """Forgets the past: the next value passes unchanged."""
        self._value = self._speed = None

    def __call__(self, value: NDArray, step: float, scale: float = 1.0) -> NDArray[np.float64]:
        """Filters the next value.

        Args:
            value: (N,) the raw value.
            step: seconds since the last one; a step of 0 or less returns the last result.
            scale: multiplies the cut-off.
        """
        value = np.asarray(value, np.float64)
        if self._value is None or self._speed is None:
            self._value, self._speed = value.copy(), np.zeros_like(value)
            return self._value.copy()
        if step > 0:
            speed = (value - self._value) / step
            self._speed = self._speed + blend_factor(self._response.speed_cutoff, step) * (speed - self._speed)
            cutoff = scale * (self._response.cutoff + self._response.slope * np.abs(self._speed))
            self._value = self._value + blend_factor(cutoff, step) * (value - self._value)
        return self._value.copy()


class OneEuroRotation:
    """The filter for a rotation: its speed is the angle per second, its blend the slerp of quaternions."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._value: NDArray[np.float64] | None = None
        self._speed = 0.0

    def reset(self) -> None:
        """Forgets the past: the next rotation passes unchanged."""
        self._value, self._speed = None, 0.0

    def __call__(self, rotation: NDArray, step: float, scale: float = 1.0) -> NDArray[np.float64]:
        """Filters the next (3, 3) rotation; arguments as for `OneEuro`."""
        raw = quaternion(rotation)
        if self._value is None:
            self._value = raw
        elif step > 0:
            speed = angle_between(self._value, raw) / step
            self._speed += float(blend_factor(self._response.speed_cutoff, step)) * (speed - self._speed)
            cutoff = scale * (self._response.cutoff + self._response.slope * self._speed)
            self._value = slerp(self._value, raw, float(blend_factor(cutoff, step)))
        return rotation_matrix(self._value)


class FaceSmoother:
    """All filters of one tracked face. `advance` once a frame, then each of the others at most once."""

    def __init__(self) -> None:
        self._identity = OneEuro(IDENTITY)
        self._expression = OneEuro(EXPRESSION)
        self._rotation = OneEuroRotation(ROTATION)
        self._position = OneEuro(POSITION)
        self._depth = OneEuro(DEPTH)
        self._light = OneEuro(LIGHT)
        self._time: float | None = None
        self._step = 0.0
        self._plane: float | None = None  # mm, the distance at which positions are measured: the first seen

    def reset(self) -> None:
        """Forgets the past, as when the face was lost or is another's."""
        for part in (self._identity, self._expression, self._rotation, self._position, self._depth, self._light):
            part.reset()
        self._time = self._plane = None
        self._step = 0.0

    def advance(self, time: float) -> None:
        """Goes on to the next frame; `time` in seconds on the source's own time line."""
        if self._time is not None and not 0 <= time - self._time <= LONGEST_GAP:
            self.reset()
        self._step = 0.0 if self._time is None else time - self._time
        self._time = time

    def identity(self, identity: Array) -> Array:
        """(K,) -> (K,), far slower than the rest: nobody's skull changes."""
        return self._identity(identity, self._step).astype(np.float32)

    def light(self, light: Array) -> Array:
        """(27,) -> (27,)."""
        return self._light(light, self._step).astype(np.float32)

    def motion(self, fit: Fit, size: float) -> Fit:
        """Expression and pose; identity passes as it is.

        Args:
            fit: as fitted.
            size: px between the outer corners of the eyes, were the face frontal.
        """
        translation = fit.pose[:3, 3].astype(np.float64)
        depth = max(float(translation[2]), NEAREST)
        if self._plane is None:
            self._plane = depth
        step, scale = self._step, float(np.clip(size / REFERENCE_SIZE, *SCALE_LIMITS))
        # Depth is the noisiest by far and drags x and y along with it: so these are filtered as the
        # direction in which the face is seen.
        steady_depth = float(np.exp(self._depth(np.array([np.log(depth)]), step, scale)[0]))
        position = self._position(translation[:2] * (self._plane / depth), step, scale)
        return Fit(
            identity=fit.identity,
            expression=np.clip(self._expression(fit.expression, step, scale), 0, 1).astype(np.float32),
            pose=make_pose(
                self._rotation(fit.pose[:3, :3], step, scale),
                np.append(position * (steady_depth / self._plane), steady_depth),
            ),
        )


def quaternion(rotation: NDArray) -> NDArray[np.float64]:
    """(3, 3) rotation -> (4,) unit quaternion w, x, y, z with w >= 0."""
    m = np.asarray(rotation, np.float64)
    # Each row holds one component times all four: the row with the largest diagonal is the safest to divide by.
    products = np.array(
        [
            [1 + m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], 1 + m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], 1 - m[0, 0] + m[1, 1] - m[2, 2], m[1, 2] + m[2, 1]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], 1 - m[0, 0] - m[1, 1] + m[2, 2]],
        ]
    )
    best = products[int(np.argmax(np.diagonal(products)))]
    best = best / np.linalg.norm(best)
    return -best if best[0] < 0 else best


def rotation_matrix(unit: NDArray) -> NDArray[np.float64]:
    """(4,) unit quaternion w, x, y, z -> (3, 3) rotation."""
    w, x, y, z = unit
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def angle_between(a: NDArray, b: NDArray) -> float:
    """Radians between two unit quaternions, 0 to pi."""
    # atan2 of the chord, since arccos loses small angles; q and -q are one rotation.
    near = b if np.dot(a, b) >= 0 else -b
    return 4.0 * float(np.arctan2(np.linalg.norm(a - near), np.linalg.norm(a + near)))


def slerp(a: NDArray, b: NDArray, share: float) -> NDArray[np.float64]:
    """From unit quaternion a (share 0) to b (share 1) along the shorter arc, at constant speed."""
    near = b if np.dot(a, b) >= 0 else -b
    half = angle_between(a, near) / 2
    if half < 1e-6:
        out = a + share * (near - a)
    else:
        out = (np.sin((1 - share) * half) * a + np.sin(share * half) * near) / np.sin(half)
    return out / np.linalg.norm(out)
