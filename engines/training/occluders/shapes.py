"""Random blobs, boxes, bars and edges of any material: what no list of things would contain."""

from __future__ import annotations

import cv2
import numpy as np

from engines.training.occluders.fabric import surface
from engines.training.occluders.scene import Layer, Library, Rng, Scene, layer_of, polygon, ramp


def shape(scene: Scene, library: Library, rng: Rng) -> list[Layer]:
    """One random shape on the face."""
    size = scene.size
    center = scene.at(rng.uniform(-1.0, 1.0), rng.uniform(-1.0, 1.1))
    kind = rng.random()
    if kind < 0.5:
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(4, 15)))
        radii = scene.iod * rng.uniform(0.3, 1.1) * rng.uniform(0.25, 1, len(angles))
        outline = center + np.column_stack([np.cos(angles), np.sin(angles)]) * radii[:, None]
    elif kind < 0.75:
        angles = np.linspace(0, 2 * np.pi, 40)
        axes, turn = scene.iod * rng.uniform(0.15, 1.0, 2), rng.uniform(0, np.pi)
        ellipse = np.column_stack([np.cos(angles), np.sin(angles)]) * axes
        outline = center + ellipse @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    else:  # a bar, or a box that comes in from outside
        half = scene.iod * np.array([rng.uniform(0.1, 0.8), rng.choice([rng.uniform(0.1, 0.8), 4.0])])
        turn, corners = rng.uniform(0, np.pi), np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        outline = center + (corners * half) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    cover = polygon(outline, size)
    if rng.random() < 0.5:
        cover = np.clip((cv2.GaussianBlur(cover, (0, 0), size / 30) - 0.5) * 6 + 0.5, 0, 1)
    if rng.random() < 0.08:
        cover = cover * rng.uniform(0.35, 0.9)
    return [layer_of(surface(rng, library, size) * ramp(size, rng)[..., None], cover)]
