"""The face model's texture coordinates."""

from __future__ import annotations

import numpy as np
from model_parts import CHIN, LIP_LEFT, LIP_RIGHT, NOSE_TIP, skin_triangles

from engines.face_model.model import MorphableModel


def test_uv_range(model):
    assert model.uv.min() >= 0
    assert model.uv.max() <= 1


def test_uv_orientation(model):
    points, uv = model.landmarks(model.mean), model.landmarks(model.uv)
    assert uv[LIP_LEFT, 0] > 0.5 > uv[LIP_RIGHT, 0]
    assert uv[10, 1] > uv[NOSE_TIP, 1] > uv[CHIN, 1]
    assert points[LIP_LEFT, 0] > points[LIP_RIGHT, 0]


def test_uv_of_the_skin_is_symmetric(model):
    skin = np.unique(skin_triangles(model))
    np.testing.assert_allclose(model.uv[model.mirror[skin]] * [-1, 1] + [1, 0], model.uv[skin], atol=1e-4)


def uv_areas(model: MorphableModel, triangles: np.ndarray) -> np.ndarray:
    a, b, c = model.uv[triangles].astype(np.float64).swapaxes(0, 1)
    return ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2


def test_uv_has_no_flipped_triangles(model):
    assert uv_areas(model, model.triangles).min() > 0


def test_uv_has_no_overlaps(model):
    """The middle of a triangle lies in no other one."""
    corners = model.uv[model.triangles].astype(np.float64)
    for point in corners.mean(1)[::41]:
        offset = corners - point
        following = np.roll(offset, -1, axis=1)
        turn = offset[..., 0] * following[..., 1] - offset[..., 1] * following[..., 0]
        assert (turn > 0).all(1).sum() == 1


def test_skin_fills_most_of_the_picture(model):
    assert uv_areas(model, skin_triangles(model)).sum() > 0.6
