"""How still a painting is: frames that are aligned to the face."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from engines.evaluation import still
from engines.evaluation.still import change, rest
from engines.face_model.model import MorphableModel
from engines.training.occluders.scene import Library, layer_of
from engines.training.sources import Sprite
from realtime.camera import FACING, assumed_camera, make_pose, picture_vertices

SIDE = 320


def face_points():
    """(478, 2) px: the mean face, its eyes 150 px from the top."""
    model, camera = MorphableModel.load(), assumed_camera(SIDE, SIDE)
    vertices = model.vertices(np.zeros(1), np.zeros(52))
    return model.landmarks(picture_vertices(vertices, make_pose(FACING, [0, -9, 700]), camera))[:, :2]


def library():
    """A hand, and nothing else: the rest is drawn."""
    rgba = np.full((60, 90, 4), 255, np.uint8)
    return Library({"hands": [Sprite("hands/drawn.png", "hands", rgba)]}, [])


def clip(shift=0, count=4):
    """A patterned face that moves `shift` px to the right from frame to frame: pictures and landmarks."""
    points = face_points()
    noise = np.random.default_rng(0).uniform(0, 255, (SIDE, SIDE, 3)).astype(np.float32)
    image = np.clip((cv2.GaussianBlur(noise, (0, 0), 4) - 127) * 10 + 127, 0, 255).astype(np.uint8)
    moves = [np.float32([[1, 0, shift * t], [0, 1, 0]]) for t in range(count)]
    images = [cv2.warpAffine(image, m, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE) for m in moves]
    return images, [points + np.float32([shift * t, 0]) for t in range(count)]


def whole(images):
    return [np.ones((SIDE, SIDE), bool)] * len(images)


def test_a_clip_that_stands_does_not_change():
    images, points = clip()
    assert change(images, points, whole(images), start=1) == 0


def test_the_motion_of_the_face_does_not_count():
    images, points = clip(shift=7)
    assert change(images, points, whole(images), start=1) < 1
    assert change(images, [points[0]] * len(images), whole(images), start=1) > 5


def test_only_hidden_pixels_of_the_face_count():
    images, points = clip()
    lamp = [image.copy() for image in images]
    for index, image in enumerate(lamp):
        image[:20] = 255 * (index % 2)  # above the face
        image[210:230, 150:170] = 255 * (index % 2)  # on the chin
    eyes = np.zeros((SIDE, SIDE), bool)
    eyes[140:165] = True
    assert change(lamp, points, [eyes] * len(lamp), start=1) == 0
    assert change(lamp, points, whole(lamp), start=1) > 1


def test_flicker_is_counted_in_grey_levels():
    images, points = clip()
    flat = [np.full_like(image, 100 + 6 * (index % 2)) for index, image in enumerate(images)]
    assert change(flat, points, whole(images), start=1) == pytest.approx(6)
    assert np.isnan(change(flat, points, whole(images), start=10))


@pytest.mark.parametrize("name", ["hand", "phone", "mask"])
def test_things_rest_and_masks_are_worn(name):
    images, points = clip(shift=10, count=2)
    (_, first), (laid, second) = rest(images, points, name, library())
    assert laid.shape == images[0].shape
    assert first.any()
    moved = np.argwhere(second).mean(0) - np.argwhere(first).mean(0)
    assert moved[1] == pytest.approx(10 if name == "mask" else 0, abs=1)


def test_a_thing_at_rest_is_laid_on_without_a_shadow(monkeypatch):
    alpha = np.zeros((SIDE, SIDE), np.float32)
    alpha[100:150] = 1
    monkeypatch.setitem(still.COVERS, "hand", lambda library, rng: lambda scene, moment: layer_of(np.zeros(3), alpha))
    images, points = clip(count=1)
    laid, hidden = rest(images, points, "hand", library())[0]
    assert (hidden == (alpha > 0)).all()
    assert (laid[hidden] == 0).all()
    assert (laid[~hidden] == images[0][~hidden]).all()
