"""Spherical harmonics and the light of a synthetic sphere."""

import numpy as np
import pytest

from realtime.light import NEUTRAL, estimate_light, sample, sh_basis, sh_gradient, to_linear

SIZE = 200
RADIUS = 80.0


def sphere():
    """Vertices (px), normals of the half that the camera sees."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(3000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals = normals[normals[:, 2] < -0.15]
    return (SIZE / 2 + RADIUS * normals[:, :2]).astype(np.float32), normals.astype(np.float32)


def to_srgb(linear):
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def picture(light, albedo):
    """The sphere under a (3, 9) light, rendered pixel by pixel."""
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2) / RADIUS
    z = -np.sqrt(np.maximum(1 - x * x - y * y, 0))
    normals = np.stack([x, y, z], -1).reshape(-1, 3)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    radiance = (sh_basis(normals) @ light.T) * albedo
    return np.round(to_srgb(radiance)).astype(np.uint8).reshape(SIZE, SIZE, 3)


def light_from(direction, ambient=0.5, strength=0.5, color=(1.0, 0.9, 0.8)):
    """(3, 9): even light and light from one side."""
    x, y, z = np.array(direction) / np.linalg.norm(direction)
    one = np.zeros(9)
    one[0] = ambient / 0.282095
    one[1:4] = strength * np.array([y, z, x]) / 0.488603
    return np.array(color)[:, None] * one


def estimate(image, albedo=(0.5, 0.4, 0.3), weights=None):
    vertices, normals = sphere()
    weights = np.ones(len(vertices), np.float32) if weights is None else weights
    return estimate_light(image, vertices, normals, np.tile(np.float32(albedo), (len(vertices), 1)), weights)


def test_sh_basis_golden():
    (basis,) = sh_basis(np.array([[0.48, -0.6, 0.64]]))
    expected = [
        0.282095,
        0.488603 * -0.6,
        0.488603 * 0.64,
        0.488603 * 0.48,
        1.092548 * 0.48 * -0.6,
        1.092548 * -0.6 * 0.64,
        0.315392 * (3 * 0.64**2 - 1),
        1.092548 * 0.48 * 0.64,
        0.546274 * (0.48**2 - 0.6**2),
    ]
    np.testing.assert_allclose(basis, expected, rtol=1e-6)


def test_sh_basis_is_orthonormal_over_the_sphere():
    normals = np.random.default_rng(1).normal(size=(200_000, 3))
    basis = sh_basis(normals / np.linalg.norm(normals, axis=1, keepdims=True))
    np.testing.assert_allclose(4 * np.pi * basis.T @ basis / len(basis), np.eye(9), atol=0.03)


def test_sh_gradient_is_the_derivative():
    rng = np.random.default_rng(2)
    normal, light, step = rng.normal(size=(1, 3)), rng.normal(size=9), 1e-6
    (gradient,) = sh_gradient(normal, light)
    for axis in range(3):
        moved = normal.copy()
        moved[0, axis] += step
        assert (sh_basis(moved) - sh_basis(normal))[0] @ light / step == pytest.approx(gradient[axis], abs=1e-4)


def test_to_linear_golden():
    np.testing.assert_allclose(to_linear(np.array([0, 10, 128, 255])), [0, 0.0030353, 0.2158605, 1], atol=1e-6)


def test_samples_have_their_origin_at_the_corner():
    image = np.zeros((4, 4, 3), np.uint8)
    image[1, 2] = 200
    np.testing.assert_allclose(sample(image, np.array([[2.5, 1.5]])), [[200] * 3])
    np.testing.assert_allclose(sample(image, np.array([[3.0, 1.5]])), [[100] * 3], atol=1)


def test_more_samples_than_a_remap_can_hold():
    image = np.full((8, 8, 3), 7, np.uint8)
    assert (sample(image, np.random.default_rng(0).uniform(0, 8, (70_000, 2))) == 7).all()


@pytest.mark.parametrize("direction", [(1, 0, 0), (-1, 0, 0), (0, -1, 0), (0, 0, -1), (0.5, -0.5, -0.7)])
def test_the_light_of_a_sphere_is_found(direction):
    truth = light_from(direction)
    found = estimate(picture(truth, np.array([0.5, 0.4, 0.3])))
    basis = sh_basis(sphere()[1])
    np.testing.assert_allclose(basis @ found.reshape(3, 9).T, basis @ truth.T, atol=0.05)


def test_the_brighter_side_is_the_lit_one():
    light = estimate(picture(light_from((1, 0, 0)), np.array([0.5, 0.4, 0.3]))).reshape(3, 9)
    assert (light[:, 3] > 0.3).all()  # x is the fourth coefficient
    assert np.abs(light[:, 1]).max() < 0.1


def test_colours_of_light_and_skin_are_kept_apart():
    dark, light = np.array([0.12, 0.08, 0.06]), np.array([0.6, 0.5, 0.45])
    truth = light_from((0, -1, -1))
    a = estimate(picture(truth, dark), dark)
    b = estimate(picture(truth, light), light)
    np.testing.assert_allclose(a, b, atol=0.12)


def test_a_covered_patch_does_not_change_the_light():
    truth = light_from((0.6, -0.3, -0.7))
    image = picture(truth, np.array([0.5, 0.4, 0.3]))
    covered = image.copy()
    covered[80:110, 60:100] = (20, 90, 10)
    np.testing.assert_allclose(estimate(covered), estimate(image), atol=0.1)


def test_points_without_weight_do_not_matter():
    image = picture(light_from((1, 0, -1)), np.array([0.5, 0.4, 0.3]))
    vertices, _ = sphere()
    weights = (vertices[:, 0] > SIZE / 2).astype(np.float32)
    spoilt = image.copy()
    spoilt[:, : SIZE // 2 - 1] = 255
    np.testing.assert_array_equal(estimate(spoilt, weights=weights), estimate(image, weights=weights))


def test_nothing_seen_is_neutral():
    image = np.zeros((SIZE, SIZE, 3), np.uint8)
    count = len(sphere()[0])
    np.testing.assert_array_equal(estimate(image, weights=np.zeros(count, np.float32)), NEUTRAL)
    np.testing.assert_allclose(sh_basis(np.array([[0.0, 0, -1]])) @ NEUTRAL[:9], 1.0, rtol=1e-5)


@pytest.mark.parametrize("value", [0, 255])
def test_black_and_white_pictures_stay_finite(value):
    assert np.isfinite(estimate(np.full((SIZE, SIZE, 3), value, np.uint8))).all()
