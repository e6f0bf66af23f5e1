"""What light, lens and sensor do to a picture: applied to the clean crop and the covered one alike."""

from __future__ import annotations

import cv2
import numpy as np

from realtime.frames import Array, Image

Rng = np.random.Generator


def _tone_curve(rng: Rng) -> Image:
    """(256, 3) uint8 look-up table: exposure, white balance, gamma."""
    x = np.linspace(0, 1, 256)[:, None]
    dark = rng.random() < 0.08
    gain = np.exp(rng.normal(-1.1 if dark else -0.05, 0.2)) * np.exp(rng.normal(0, 0.06, 3))
    gamma = np.exp(rng.normal(0, 0.15))
    lift = max(0.0, rng.normal(0, 0.03))
    return np.clip(255 * (lift + (1 - lift) * (x**gamma) * gain), 0, 255).astype(np.uint8)


def _shared(rng: Rng):
    """Draws one look: a function of a picture that can be applied to several."""
    curve = _tone_curve(rng)
    grey = rng.random() < 0.04
    blur, shrink = rng.random(), 1.0
    kernel = None
    if blur < 0.1:  # out of focus
        sigma = rng.uniform(0.4, 1.1)
        kernel = cv2.getGaussianKernel(5, sigma) @ cv2.getGaussianKernel(5, sigma).T
    elif blur < 0.18:  # moved
        kernel = np.zeros((7, 7), np.float32)
        angle, length = rng.uniform(0, np.pi), rng.uniform(1, 3)
        ends = [(3 + s * length * np.array([np.cos(angle), np.sin(angle)])) * 16 for s in (-1, 1)]
        cv2.line(kernel, *[tuple(int(v) for v in e) for e in ends], 1.0, 1, cv2.LINE_AA, 4)
        kernel = kernel / max(1e-6, kernel.sum())
    elif blur < 0.28:  # a small face
        shrink = rng.uniform(0.45, 0.85)

    def look(image: Image) -> Image:
        out = cv2.LUT(image, curve[:, None, :])
        if grey:
            out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if kernel is not None:
            out = cv2.filter2D(out, -1, kernel)
        if shrink < 1:
            side = image.shape[0]
            small = cv2.resize(out, (int(side * shrink),) * 2, interpolation=cv2.INTER_AREA)
            out = cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
        return out

    return look


def photograph(clean: Image, covered: Image, rng: Rng) -> tuple[Image, Image]:
    """Both crops (S, S, 3) seen by one camera; sensor noise and compression harm only the covered one, the input."""
    look = _shared(rng)
    clean, covered = look(clean), look(covered)
    if rng.random() < 0.3:
        noise = rng.standard_normal(covered.shape, dtype=np.float32) * np.float32(rng.uniform(1, 10))
        covered = np.clip(covered + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 92))]
        covered = cv2.imdecode(cv2.imencode(".jpg", covered, quality)[1], cv2.IMREAD_COLOR)
    return clean, covered


def shade(image: Image, ramp: Array) -> Image:
    """A picture (S, S, 3) under light that falls off across it, ramp (S, S)."""
    return np.clip(image * ramp[..., None], 0, 255).astype(np.uint8)
