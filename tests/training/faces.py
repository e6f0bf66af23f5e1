"""Drawn faces with MediaPipe-like landmarks, so that no test needs a photograph."""

from __future__ import annotations

import cv2
import numpy as np

from engines.training import labels
from engines.training.occluders.scene import Library
from engines.training.sources import Sprite
from engines.training.store import SIDE, FaceStore, cut_out


def ring(indices, center, radii, start=-np.pi / 2):
    """Points on an ellipse for landmark indices in turn."""
    angles = start + np.linspace(0, 2 * np.pi, len(indices), endpoint=False)
    return dict(zip(indices, np.array(center) + np.column_stack([np.cos(angles), np.sin(angles)]) * radii, strict=True))


def face_points(center=(160.0, 160.0), unit=60.0) -> np.ndarray:
    """(478, 2) px of an upright, symmetric face; `unit` is the distance from the eyes to the mouth."""
    points = np.zeros((478, 2))
    placed = ring(labels.OVAL, (0, 0.25), (1.05, 1.5))
    placed |= ring(labels.RIGHT_EYE, (-0.5, -0.1), (0.25, 0.1), np.pi)
    placed |= ring(labels.LEFT_EYE, (0.5, -0.1), (0.25, 0.1), np.pi)
    placed |= ring(labels.RIGHT_BROW, (-0.5, -0.4), (0.32, 0.07), np.pi)
    placed |= ring(labels.LEFT_BROW, (0.5, -0.4), (0.32, 0.07), np.pi)
    placed |= ring(labels.NOSE, (0, 0.35), (0.28, 0.4))
    placed |= ring(labels.INNER_LIPS, (0, 0.95), (0.25, 0.06), np.pi)
    outer_upper, outer_lower = labels.UPPER_LIP[:11], labels.LOWER_LIP[1:10]
    for outline, sign in ((outer_upper, -1), (outer_lower, 1)):
        angles = np.linspace(np.pi, 0, len(outline))
        for i, a in zip(outline, angles, strict=True):
            placed[i] = (0.35 * np.cos(a), 0.95 + sign * 0.16 * np.sin(a))
    placed |= {33: (-0.75, -0.1), 133: (-0.25, -0.1), 362: (0.25, -0.1), 263: (0.75, -0.1)}
    placed |= {
        61: (-0.35, 0.95),
        291: (0.35, 0.95),
        4: (0, 0.6),
        6: (0, 0.05),
        168: (0, -0.1),
        13: (0, 0.9),
        2: (0, 0.72),
    }
    placed |= {50: (-0.55, 0.5), 280: (0.55, 0.5), 5: (0, 0.45), 151: (0, -0.7), 205: (-0.5, 0.6), 425: (0.5, 0.6)}
    for index, place in placed.items():
        points[index] = place
    return (points * unit + np.array(center)).astype(np.float32)


def draw_face(points: np.ndarray, side: int = 320, tone=(200, 150, 120)) -> np.ndarray:
    """(side, side, 3) RGB: flat colours, a little noise."""
    image = np.full((side, side, 3), (90, 120, 160), np.uint8)
    colours = {"skin": tone, "nose": tuple(int(0.9 * c) for c in tone), "inner_mouth": (240, 240, 240)}
    for name, outline in labels.POLYGONS:
        colour = colours.get(
            name, (60, 40, 30) if "brow" in name else (250, 250, 250) if "eye" in name else (170, 60, 70)
        )
        cv2.fillPoly(image, [points[list(outline)].astype(np.int32)], colour)
    noise = np.random.default_rng(0).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def celeba_map(points: np.ndarray, side: int = 320) -> np.ndarray:
    """(side, side) a hand-made map of the drawn face: its background is known, unlike that of landmarks."""
    back = {labels.PART[name]: index for index, name in enumerate(labels.CELEBA) if name in labels.PART}
    back |= {labels.PART["ears"]: 8, labels.PART["neck"]: 17, labels.PART["background"]: 0}
    codes = labels.from_landmarks(points, side)
    return np.vectorize(lambda code: back.get(code, 0))(codes).astype(np.uint8)


def store_of(count: int = 40) -> FaceStore:
    """Drawn faces as the trainer stores them; every other one has a hand-made map."""
    images, codes, landmarks, hand_made = [], [], [], []
    for i in range(count):
        points = face_points(unit=50 + i % 5 * 4)
        image = draw_face(points, tone=(220 - 4 * i, 160 - 3 * i, 130 - 2 * i))
        image, code, cut = cut_out(image, points, celeba_map(points) if i % 2 else None)
        images.append(image)
        codes.append(code)
        landmarks.append(cut)
        hand_made.append(bool(i % 2))
    names = [f"faces_drawn/{i:04d}.jpg" for i in range(count)]
    assert images[0].shape == (SIDE, SIDE, 3)
    return FaceStore(names, np.stack(images), np.stack(codes), np.stack(landmarks), np.array(hand_made))


def library() -> Library:
    """One drawn sprite of every kind, one texture."""
    rng = np.random.default_rng(1)
    sprites = {}
    for kind in ("hands", "glasses", "hats", "face_masks", "objects", "scarves"):
        rgba = rng.integers(0, 255, (60, 90, 4), dtype=np.uint8)
        rgba[..., 3] = 255
        keypoints = (
            np.float32([[0, 10], [45, 0], [90, 10], [5, 45], [45, 60], [85, 45]]) if kind == "face_masks" else None
        )
        sprites[kind] = [Sprite(f"{kind}/drawn.png", kind, rgba, keypoints)]
    return Library(sprites, [rng.integers(0, 255, (100, 100, 3), dtype=np.uint8)])
