from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from realtime.unwrap import Unwrapper, whole_texture


def one_quad(low=0.0, high=1.0):
    """A square that fills the UV range low..high; v is up."""
    uv = np.float32([[low, high], [high, high], [high, low], [low, low]])
    return SimpleNamespace(uv=uv, triangles=np.int32([[0, 2, 1], [0, 3, 2]]))


def corners(side):
    """(4, 3) px: the whole of a picture, the corner of u = 0, v = 1 at its top left."""
    return np.float32([[0, 0, 0], [side, 0, 0], [side, side, 0], [0, side, 0]])


def test_a_square_seen_square_on_is_its_own_map():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    unwrapper = Unwrapper(one_quad(), 16)
    np.testing.assert_array_equal(unwrapper.unwrap(image, corners(16)), image)
    assert unwrapper.covered.all()


def test_texels_beside_the_mesh_repeat_the_nearest_on_it():
    image = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    unwrapper = Unwrapper(one_quad(0.25, 0.75), 16)
    unwrapped = unwrapper.unwrap(image, corners(8))
    np.testing.assert_array_equal(unwrapper.covered, np.pad(np.ones((8, 8), bool), 4))
    np.testing.assert_array_equal(unwrapped, np.pad(image, ((4, 4), (4, 4), (0, 0)), mode="edge"))


def test_spread_interpolates_linearly():
    spread = Unwrapper(one_quad(), 8).spread(np.float32([[0, 1], [8, 1], [8, 0], [0, 0]]))
    np.testing.assert_allclose(spread[..., 0], np.tile(np.arange(8) + 0.5, (8, 1)), atol=1e-5)
    np.testing.assert_allclose(spread[..., 1], np.tile(1 - (np.arange(8)[:, None] + 0.5) / 8, (1, 8)), atol=1e-5)


def test_the_model_takes_each_texel_from_under_its_surface_point(model, face):
    """A picture whose colours are its coordinates gives the coordinates back."""
    ys, xs = np.mgrid[:200, :200]
    image = np.stack([xs, ys, np.zeros_like(xs)], axis=-1).astype(np.uint8)
    unwrapper = Unwrapper(model, 64)
    expected = unwrapper.spread(face.vertices[:, :2]) - 0.5
    found = unwrapper.unwrap(image, face.vertices)[..., :2]
    inside = ((expected > 1) & (expected < 198)).all(axis=2)
    assert inside.mean() > 0.5
    assert np.abs(found - expected)[inside].max() <= 0.6  # rounding to 8 bits, and to OpenCV's 1/32 px


def test_what_is_seen_stays_as_it_is(model, face, frame):
    unwrapper = Unwrapper(model, 64)
    texture = whole_texture(unwrapper, model, frame.image, face)
    own = unwrapper.unwrap(frame.image, face.vertices)
    assert np.abs(texture.astype(int) - own)[unwrapper.covered].max() <= 2


def test_an_unseen_side_comes_from_the_other(model, face, frame):
    """Only the person's right side is seen: both sides take its colour."""
    right = (model.mean[:, 0] < -1).astype(np.float32)
    unwrapper = Unwrapper(model, 64)
    texture = whole_texture(unwrapper, model, frame.image, replace(face, visibility=right))
    left_side = unwrapper.covered & (unwrapper.spread(model.mean[:, 0]) > 25)
    assert left_side.sum() > 200
    assert np.abs(texture[left_side].mean(axis=0) - (180, 90, 60)).max() < 6


def test_mirrored_pixels_are_relit(model, face, frame):
    """Light from the person's right: what is copied to the left side must grow darker."""
    light = face.coefficients.light.reshape(3, 9).copy()
    light[:, 3] = -1.0  # towards smaller x of the camera, the person's right
    lit = replace(face, coefficients=replace(face.coefficients, light=light.ravel()))
    seen_right = replace(lit, visibility=(model.mean[:, 0] < -1).astype(np.float32))
    unwrapper = Unwrapper(model, 64)
    texture = whole_texture(unwrapper, model, frame.image, seen_right)
    far_left = unwrapper.covered & (unwrapper.spread(model.mean[:, 0]) > 40)
    assert texture[far_left][:, 0].mean() < 150


def test_a_face_that_is_not_seen_has_the_models_skin(model, face, frame):
    unwrapper = Unwrapper(model, 64)
    texture = whole_texture(unwrapper, model, frame.image, replace(face, visibility=np.zeros_like(face.visibility)))
    skin = texture[unwrapper.covered].mean(axis=0)
    assert skin[0] > skin[1] > skin[2] > 20


def test_beyond_the_picture_nothing_is_seen(model, face, frame):
    """The right half of the face lies outside: the rim's colour must not be smeared over it."""
    moved = replace(face, vertices=face.vertices + np.float32([100, 0, 0]))
    image = frame.image.copy()
    image[:, -4:] = (0, 255, 0)
    unwrapper = Unwrapper(model, 64)
    texture = whole_texture(unwrapper, model, image, moved)[unwrapper.covered].astype(int)
    green = (texture[:, 1] > 200) & (texture[:, 0] < 80)
    assert green.mean() < 0.15  # smeared it would be half
