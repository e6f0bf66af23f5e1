import cv2
import numpy as np
import pytest

pytest.importorskip("numba")

from engines.evaluation.relief import head_contrasts
from engines.training.regression import bump_targets
from engines.training.regression.examples import Head, centered, random_expression, random_light, random_pose
from engines.training.regression.folds import LIMIT, FoldMaker
from engines.training.regression.folds import SIDE as UV_SIDE
from engines.training.regression.heads import Look, Mesh, fitted_photo, render_head
from engines.training.regression.pseudo_truth import STORE_CAMERA, PseudoTruth, solve_colors
from engines.training.regression.pyramid import spread
from engines.training.regression.raster import rasterize, relief_of, shading, to_srgb
from engines.training.store import MARGIN, SIDE
from realtime.alignment import crop_matrix
from realtime.camera import FACING, make_pose, picture_vertices
from realtime.light import NEUTRAL, to_linear

LIGHT = np.zeros((3, 9), np.float32)
LIGHT[:, 0], LIGHT[:, 1], LIGHT[:, 2], LIGHT[:, 3] = 2.5, -0.5, -0.8, 0.6
LIGHT = LIGHT.ravel()


@pytest.fixture(scope="module")
def head(model):
    """A rendered head without displacement: model's own colours, frontal."""
    rng = np.random.default_rng(1)
    identity = rng.standard_normal(len(model.identity_basis)).astype(np.float32)
    vertices = model.vertices(identity, np.zeros(52))
    pose = centered(model, vertices, make_pose(FACING, np.array([0.0, 0.0, 700.0])))
    truth = PseudoTruth(
        identity[None],
        np.zeros((1, 52), np.float32),
        pose[None],
        np.zeros((1, len(model.albedo_basis)), np.float32),
        LIGHT[None],
        np.zeros((1, 478, 2), np.float32),
        np.zeros(1, np.float32),
    )
    points = picture_vertices(vertices, pose, STORE_CAMERA)
    fragments = rasterize(points, model.triangles, SIDE)
    normals = fragments.interpolate(model.triangles, model.normals(vertices) @ pose[:3, :3].T)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    albedo = fragments.interpolate(model.triangles, model.albedo_mean)
    image = to_srgb(albedo * shading(normals, LIGHT)).astype(np.uint8)
    return vertices, pose, truth, image, fragments.covered


def look(pose, light=LIGHT, displacement=None):
    flat = np.zeros((UV_SIDE, UV_SIDE), np.float32)
    return Look(pose, light, flat if displacement is None else displacement)


def test_landmarks_of_a_centred_head_lie_where_the_store_has_them(model, head):
    vertices, pose, *_ = head
    points = model.landmarks(picture_vertices(vertices, pose, STORE_CAMERA))
    matrix = crop_matrix(points, SIDE)
    assert np.hypot(matrix[0, 0], matrix[1, 0]) == pytest.approx(MARGIN, rel=0.01)
    np.testing.assert_allclose(matrix[:, :2] @ [SIDE / 2, SIDE / 2] + matrix[:, 2], SIDE / 2, atol=1.5)


def test_the_same_head_again_is_the_same_picture(model, head):
    """Textured from its own picture, in the same pose and light: the skin's pixels come back."""
    vertices, pose, truth, image, covered = head
    photo = fitted_photo(model, image, truth, 0)
    picture = render_head(Mesh.of(model), photo, vertices, model.normals(vertices), look(pose))
    inner = picture.bump_known & (picture.relief.normals[..., 2] < -0.5) & covered
    assert np.abs(picture.image[inner].astype(int) - image[inner]).mean() < 3


def test_relighting_changes_the_picture_as_the_light_says(model, head):
    vertices, pose, truth, image, _ = head
    photo = fitted_photo(model, image, truth, 0)
    half = render_head(Mesh.of(model), photo, vertices, model.normals(vertices), look(pose, LIGHT / 2))
    inner = half.bump_known & (half.relief.normals[..., 2] < -0.5)
    ratio = to_linear(half.image[inner]).mean() / to_linear(image[inner]).mean()
    assert ratio == pytest.approx(0.5, abs=0.03)


def test_projected_landmarks_are_the_models(model, head):
    vertices, pose, truth, image, _ = head
    photo = fitted_photo(model, image, truth, 0)
    picture = render_head(Mesh.of(model), photo, vertices, model.normals(vertices), look(pose))
    expected = model.landmarks(picture_vertices(vertices, pose, STORE_CAMERA))
    np.testing.assert_allclose(model.landmarks(picture.points), expected, atol=1e-4)


def test_folds_are_bounded_and_keep_the_eyes_still(model):
    maker = FoldMaker(model)
    maps = np.stack([maker.draw(np.random.default_rng(i)) for i in range(8)])
    assert np.abs(maps).max() <= LIMIT
    assert maps.std() > 0.02
    eye = model.uv[model.parts == model.mesh_part_names.index("left_eye")].mean(0)
    column, row = int(eye[0] * UV_SIDE), int((1 - eye[1]) * UV_SIDE)
    assert np.abs(maps[:, row, column]).max() < 1e-3


def test_the_same_seed_draws_the_same_folds(model):
    maker = FoldMaker(model)
    np.testing.assert_array_equal(maker.draw(np.random.default_rng(5)), maker.draw(np.random.default_rng(5)))


def test_age_folds_a_face(model):
    maker = FoldMaker(model)
    young, old = (np.mean([maker.draw(np.random.default_rng(i), age).std() for i in range(6)]) for age in (0.0, 1.0))
    assert old > 2 * young > 0.02


def test_skin_of_a_head_is_the_photographs(model, head):
    """What the photograph's map does not trust is no skin on the head, whose pixels come from there."""
    vertices, pose, truth, image, covered = head
    photo = fitted_photo(model, image, truth, 0)
    picture = render_head(Mesh.of(model), photo, vertices, model.normals(vertices), look(pose))
    lent = np.isfinite(picture.source).all(-1)
    assert lent[picture.bump_known].mean() > 0.9
    assert not lent[~covered].any()
    trust = np.zeros((bump_targets.BUMP_SIDE,) * 2)
    trust[:, : bump_targets.BUMP_SIDE // 2] = 1
    reading = bump_targets.Reading(picture.relief, trust, np.zeros(9), trust)
    skin = bump_targets.skin_of(picture, reading)
    # Textured from its own picture in the same pose: what faces the camera comes from where it is.
    facing = lent & (picture.relief.normals[..., 2] < -0.5)
    rows, columns = np.nonzero(facing)
    own = np.abs(picture.source[facing] - np.stack([columns, rows], 1) - 0.5).max(1) < 0.1
    assert own.mean() > 0.99  # the rest, behind an edge, is lent by the other side
    clear = own & (np.abs(columns - SIDE // 2) > 2)
    np.testing.assert_array_equal(skin[facing][clear], columns[clear] < SIDE // 2)


def test_folds_raise_the_contrast_of_skin(model, head):
    vertices, pose, truth, image, covered = head
    photo = fitted_photo(model, image, truth, 0)
    small = cv2.resize(covered.astype(np.float32), (bump_targets.BUMP_SIDE,) * 2)
    picture = render_head(Mesh.of(model), photo, vertices, model.normals(vertices), look(pose))
    reading = bump_targets.Reading(picture.relief, small, np.zeros(9), small)
    folds = FoldMaker(model).draw(np.random.default_rng(3), 1.0)
    drawn = Head(
        source=0,
        photo=photo,
        reading=reading,
        identity=truth.identity[0],
        expression=truth.expression[0],
        vertices=vertices,
        normals=model.normals(vertices),
        look=look(pose, displacement=folds),
    )
    both, colours, relief = head_contrasts(Mesh.of(model), drawn)
    assert relief > 0.01
    assert both > colours


def test_displacement_shows_in_the_bump_and_in_the_normals(model, head):
    vertices, pose, truth, image, _ = head
    displacement = FoldMaker(model).draw(np.random.default_rng(2))
    photo = fitted_photo(model, image, truth, 0)
    picture = render_head(
        Mesh.of(model), photo, vertices, model.normals(vertices), look(pose, displacement=displacement)
    )
    assert picture.bump[picture.bump_known].std() > 0.02
    assert np.abs(picture.bump).max() <= np.abs(displacement).max() + 1e-4
    turned = picture.relief.normals_of(picture.bump)
    assert np.abs(turned - picture.relief.normals)[picture.bump_known].mean() > 0.005
    # The coarse mesh stays where it is.
    np.testing.assert_array_equal(picture.points, picture_vertices(vertices, pose, STORE_CAMERA))


def test_relief_of_a_plane(rng):
    """A slope of 0.2 on a plane seen straight on tilts the normal by atan(0.2)."""
    rows, columns = np.mgrid[:20, :20].astype(np.float32)
    positions = np.stack([2 * columns, 2 * rows, np.full_like(rows, 700)], -1)
    relief = relief_of(positions, np.broadcast_to(np.float32([0, 0, -1]), positions.shape), np.ones((20, 20), bool))
    normals = relief.normals_of(0.2 * 2 * columns)  # rises towards the camera with x
    expected = np.array([-0.2, 0, -1]) / np.sqrt(1.04)
    np.testing.assert_allclose(normals[5:15, 5:15], np.broadcast_to(expected, (10, 10, 3)), atol=1e-5)


def test_back_faces_are_not_drawn():
    points = np.float32([[2, 2, 5], [2, 8, 5], [8, 2, 5]])
    assert rasterize(points, np.array([[0, 1, 2]]), 10).covered.sum() > 10
    assert rasterize(points, np.array([[0, 2, 1]]), 10).covered.sum() == 0


def test_the_nearer_triangle_wins():
    square = np.float32([[1, 1, 0], [1, 9, 0], [9, 1, 0]])
    points = np.concatenate([square + np.float32([0, 0, 9]), square + np.float32([0, 0, 2])])
    fragments = rasterize(points, np.array([[0, 1, 2], [3, 4, 5]]), 10)
    assert set(fragments.triangle[fragments.covered]) == {1}


def test_spread_keeps_what_is_known_smoothly(rng):
    known = np.zeros((SIDE, SIDE), bool)
    known[100:150, 100:150] = True
    values = np.where(known[..., None], np.float32([3.0, -2.0]), 99).astype(np.float32)
    np.testing.assert_allclose(spread(values, known), np.broadcast_to(np.float32([3, -2]), values.shape), atol=1e-2)


def test_colors_are_found_again(model, head):
    """Rendered with the mean albedo under a known light: the light comes back, the albedo stays the mean."""
    vertices, pose, _, image, _ = head
    points = picture_vertices(vertices, pose, STORE_CAMERA)
    normals = model.normals(vertices) @ pose[:3, :3].T
    weights = (normals[:, 2] < -0.4).astype(np.float32) * (model.parts == 0)
    albedo, light = solve_colors(model, image, points, normals, weights)
    assert np.abs(albedo).max(initial=0) < 1
    seen = shading(normals[weights > 0][None], light)
    expected = shading(normals[weights > 0][None], LIGHT)
    assert np.abs(seen - expected).mean() < 0.1 * expected.mean()


def test_no_skin_gives_neutral_light(model):
    zeros = np.zeros((len(model.mean), 3), np.float32)
    _, light = solve_colors(model, np.zeros((8, 8, 3), np.uint8), zeros, zeros, zeros[:, 0])
    np.testing.assert_array_equal(light, NEUTRAL)


def test_shape_from_shading_finds_a_fold(model, head):
    vertices, pose, *_ = head
    fragments = rasterize(
        picture_vertices(vertices, pose, STORE_CAMERA) * np.float32(bump_targets.BUMP_SIDE / SIDE),
        model.triangles,
        bump_targets.BUMP_SIDE,
    )
    positions = fragments.interpolate(model.triangles, (vertices @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32))
    normals = fragments.interpolate(model.triangles, model.normals(vertices) @ pose[:3, :3].T)
    relief = relief_of(positions, normals, fragments.covered)
    trust = (relief.valid & (relief.normals[..., 2] < -0.5)).astype(np.float32)
    columns = np.mgrid[: bump_targets.BUMP_SIDE, : bump_targets.BUMP_SIDE][1]
    truth_height = (0.4 * np.sin(columns / 2.5)).astype(np.float32)
    light = np.float32([2.5, -0.3, -0.6, 1.2, 0, 0, 0, 0, 0])
    brightness = shading(relief.normals_of(truth_height), np.tile(light, 3))[..., 0]
    height = bump_targets.from_shading(relief, np.maximum(brightness, 0.01), light, trust)
    inner = trust > 0
    assert np.abs(height).max() <= bump_targets.LIMIT
    assert np.corrcoef(np.gradient(height, axis=1)[inner], np.gradient(truth_height, axis=1)[inner])[0, 1] > 0.6


def test_an_even_picture_has_no_bumps():
    rows, columns = np.mgrid[:40, :40].astype(np.float32)
    positions = np.stack([2 * columns, 2 * rows, np.full_like(rows, 700)], -1)
    relief = relief_of(positions, np.broadcast_to(np.float32([0, 0, -1]), positions.shape), np.ones((40, 40), bool))
    height = bump_targets.from_shading(
        relief, np.full((40, 40), 0.4, np.float32), np.float32([2, 0, -1, 0, 0, 0, 0, 0, 0]), np.ones((40, 40))
    )
    assert np.abs(height).max() < 1e-3


def test_quantised_maps_come_back(rng):
    height = rng.uniform(-1.5, 1.5, (10, 10)).astype(np.float32)
    known = rng.random((10, 10)) < 0.5
    again, found = bump_targets.dequantise(bump_targets.quantise(height, known))
    np.testing.assert_array_equal(found > 0, known)
    np.testing.assert_allclose(again[known], height[known], atol=bump_targets.STEP)
    assert not again[~known].any()


def test_random_heads_stay_in_range(rng):
    photo = make_pose(FACING, np.array([0, 0, 700.0]))
    yaws = [np.degrees(np.arcsin(random_pose(rng, photo)[0, 2])) for _ in range(200)]
    assert np.abs(yaws).max() < 75
    assert np.abs(yaws).max() > 35
    expression = random_expression(rng, np.full(52, 0.9, np.float32))
    assert expression.min() >= 0
    assert expression.max() <= 1
    light = random_light(rng, LIGHT, np.stack([LIGHT, 2 * LIGHT]))
    assert light[::9] == pytest.approx(LIGHT[::9] * light[0] / LIGHT[0], rel=1e-4)
