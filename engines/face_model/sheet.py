"""Draws a sheet of heads from the model, to look at: `python -m engines.face_model.sheet --out docs/face_model.png`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from engines.face_model.raster import View, shade, turn
from realtime.errors import OK, tells_user_errors

CENTER = np.array([0.0, -22.0, -20.0])  # mm, what comes to the middle of each picture
COLUMNS = 6
PEOPLE = 12
SEED = 5
EXPRESSIONS: tuple[dict[str, float], ...] = (
    {"eyeBlinkLeft": 1, "eyeBlinkRight": 1},
    {"jawOpen": 0.7, "eyeWideLeft": 0.7, "eyeWideRight": 0.7, "browInnerUp": 0.8},
    {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9, "cheekSquintLeft": 0.7, "cheekSquintRight": 0.7},
    {"mouthPucker": 0.9, "eyeLookInLeft": 0.7, "eyeLookOutRight": 0.7},
    {"browDownLeft": 1, "browDownRight": 1, "noseSneerLeft": 0.8, "noseSneerRight": 0.8, "mouthFrownLeft": 0.6},
    {"jawOpen": 0.25, "mouthUpperUpLeft": 0.5, "mouthUpperUpRight": 0.5, "mouthSmileLeft": 0.6, "mouthSmileRight": 0.6},
)


def portrait(
    model: MorphableModel,
    identity: NDArray[np.floating],
    expression: dict[str, float],
    albedo: NDArray[np.floating],
    view: View,
) -> NDArray[np.uint8]:
    """(size, size, 3) BGR."""
    weights = np.array([expression.get(name, 0.0) for name in model.expression_names])
    vertices = model.vertices(identity, weights)
    picture = shade(view, vertices, model.triangles, model.normals(vertices), model.albedo(albedo))
    return (picture[..., 2::-1] * 255).astype(np.uint8)


def draw(model: MorphableModel, size: int) -> NDArray[np.uint8]:
    """(H, W, 3) BGR: the mean from several sides, its expressions, and random people."""
    random = np.random.default_rng(SEED)
    k, a = len(model.identity_basis), len(model.albedo_basis)
    nobody, plain = np.zeros(k), np.zeros(a)

    def view(yaw: float) -> View:
        return View(rotation=turn(yaw), center=CENTER, size=size)

    pictures = [portrait(model, nobody, {}, plain, view(yaw)) for yaw in (-80, -50, -25, 0, 25, 50)]
    pictures += [
        portrait(model, nobody, expression, plain, view(20 if i % 2 else 0)) for i, expression in enumerate(EXPRESSIONS)
    ]
    for person in range(PEOPLE):
        identity, albedo = random.normal(size=k) * 0.9, random.normal(size=a) * 0.9
        pictures.append(portrait(model, identity, {}, albedo, view(30 if person % 2 else 0)))
    rows = [np.hstack(pictures[i : i + COLUMNS]) for i in range(0, len(pictures), COLUMNS)]
    return np.vstack(rows)


@tells_user_errors
def main() -> int:
    """Write the sheet; returns the exit status."""
    parser = argparse.ArgumentParser(description="Draws a sheet of heads from the face model.")
    parser.add_argument("--model", type=Path, default=None, help="a face model file (default: the program's own)")
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    parser.add_argument("--size", type=int, default=170, help="pixels per head")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    sheet = draw(MorphableModel.load(arguments.model), arguments.size)
    cv2.imwrite(str(arguments.out), sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return OK


if __name__ == "__main__":
    sys.exit(main())
