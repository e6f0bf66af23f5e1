"""Relief from shading: its sign, its size, its place."""

import cv2
import heads
import numpy as np
import pytest

from realtime.alignment import crop_matrix, to_crop
from realtime.bump import DARK_IS_DEEP, LARGEST, SIZE, WORK_SIZE, BumpEstimator, solve_relief
from realtime.bump_memory import BumpMemory
from realtime.camera import picture_vertices
from realtime.light import sh_basis
from realtime.texels import TexelGrid

PICTURE = 480


@pytest.fixture(scope="module")
def estimator():
    return BumpEstimator(heads.model())


def side_light(x=0.0, y=0.0):
    """Even light with a share from the right (x) or below (y) in the picture, grey."""
    one = np.zeros(9, np.float32)
    one[0], one[3], one[1] = 0.5 / 0.282095, x / 0.488603, y / 0.488603
    one[2] = -0.3 / 0.488603
    return np.tile(one, 3)


def paint(estimator, heights, light, pose, dark_is_deep=0.0):
    """A head with this relief (WORK_SIZE, WORK_SIZE) mm in the picture: every texel drawn as a dot, then filled."""
    face = heads.model()
    vertices = picture_vertices(face.mean, pose, heads.CAMERA)
    normals = face.normals(face.mean) @ pose[:3, :3].T
    grid = TexelGrid(face, 4 * WORK_SIZE)
    big = np.kron(heights, np.ones((4, 4), np.float32))
    big = cv2.GaussianBlur(big, (0, 0), 3)
    right, down = np.gradient(big, axis=1) * 4, np.gradient(big, axis=0) * 4  # per work texel
    slopes = np.stack(
        [
            cv2.resize(estimator.grid.to_map(estimator._slopes[a, b]), big.shape).ravel()[grid.covered]
            for a in range(2)
            for b in range(3)
        ]
    ).reshape(2, 3, -1)
    x, y, *normal = grid.spread(np.concatenate([vertices[:, :2].T, normals.T]))
    gradient = right.ravel()[grid.covered] * slopes[0] + down.ravel()[grid.covered] * slopes[1]
    normal = (np.stack(normal) - pose[:3, :3] @ gradient).T
    facing = normal[:, 2] < 0
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    albedo = grid.spread(face.albedo(np.zeros(1)).T).T
    radiance = (sh_basis(normal) @ light.reshape(3, 9).T) * albedo
    radiance *= np.exp(dark_is_deep * big.ravel()[grid.covered])[:, None]
    srgb = np.where(radiance <= 0.0031308, 12.92 * radiance, 1.055 * np.maximum(radiance, 1e-9) ** (1 / 2.4) - 0.055)
    color = np.clip(srgb * 255, 0, 255)
    canvas, weight = np.zeros((PICTURE, PICTURE + 160, 3), np.float32), np.zeros((PICTURE, PICTURE + 160), np.float32)
    rows, columns = np.clip(y[facing].astype(int), 0, PICTURE - 1), np.clip(x[facing].astype(int), 0, PICTURE + 159)
    np.add.at(canvas, (rows, columns), color[facing])
    np.add.at(weight, (rows, columns), 1)
    canvas, weight = cv2.GaussianBlur(canvas, (0, 0), 0.8), cv2.GaussianBlur(weight, (0, 0), 0.8)
    image = np.where(weight[..., None] > 0.02, canvas / np.maximum(weight, 0.02)[..., None], 30).astype(np.uint8)
    return image, vertices, normals.astype(np.float32)


def look_at(estimator, image, vertices, normals, light, pose, start=None):
    face = heads.model()
    seen = np.clip(-normals[:, 2] * 2, 0, 1).astype(np.float32)
    return estimator.relief(image, vertices, normals, pose[:3, :3], face.albedo(np.zeros(1)), light, seen, start)


def relief_of(*arguments, **more):
    return look_at(*arguments, **more)[:2]


def ridges(estimator):
    """Waves of 0.5 mm on the cheeks, some 8 mm apart, where skin is."""
    y, x = np.mgrid[:WORK_SIZE, :WORK_SIZE]
    return (0.5 * np.sin((x + 0.5 * y) * 2 * np.pi / 8) * (estimator._region > 0.5)).astype(np.float32)


POSE = heads.pose(at=(0.0, 0.0, 700.0))


@pytest.mark.parametrize(("x", "y"), [(0.3, 0.0), (-0.3, 0.0), (0.0, -0.3)])
@pytest.mark.parametrize(("dark_is_deep", "likeness"), [(0.0, 0.5), (0.1, 0.7)])
def test_relief_under_side_light_is_found_with_its_sign(estimator, x, y, dark_is_deep, likeness):
    truth, light = ridges(estimator), side_light(x, y)
    flat, seen = relief_of(estimator, *paint(estimator, 0 * truth, light, POSE), light, POSE)
    found, _ = relief_of(estimator, *paint(estimator, truth, light, POSE, dark_is_deep), light, POSE)
    inside = seen > 0.9
    assert inside.sum() > 500
    # What the mesh's own coarse rendering leaves behind is the same in both.
    assert np.corrcoef((found - flat)[inside], truth[inside])[0, 1] > likeness


def test_a_dark_crease_under_frontal_light_is_a_hollow(estimator):
    truth, light = ridges(estimator), side_light()
    found, seen = relief_of(estimator, *paint(estimator, truth, light, POSE, dark_is_deep=0.2), light, POSE)
    inside = seen > 0.9
    assert np.corrcoef(found[inside], truth[inside])[0, 1] > 0.6


def test_a_smooth_head_has_little_relief(estimator):
    light = side_light(0.2)
    found, seen = relief_of(estimator, *paint(estimator, ridges(estimator) * 0, light, POSE), light, POSE)
    assert np.abs(found[seen > 0.9]).mean() < 0.1


def test_relief_is_bounded_whatever_the_picture(estimator):
    rng = np.random.default_rng(0)
    light = side_light(0.3)
    _, vertices, normals = paint(estimator, ridges(estimator), light, POSE)
    noise = rng.integers(0, 256, (PICTURE, PICTURE + 160, 3), dtype=np.uint8)
    for image in (noise, 0 * noise, 0 * noise + 255):
        found, seen = relief_of(estimator, image, vertices, normals, light, POSE)
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= 1.5
        assert seen.min() >= 0
        assert seen.max() <= 1


def test_a_face_outside_the_picture_shows_nothing(estimator):
    light = side_light()
    image, vertices, normals = paint(estimator, ridges(estimator), light, POSE)
    _, seen = relief_of(estimator, image, vertices + np.float32([5000, 0, 0]), normals, light, POSE)
    assert seen.max() == 0


def test_a_start_at_the_solution_stays(estimator):
    light = side_light(0.3)
    painted = paint(estimator, ridges(estimator), light, POSE)
    found, _ = relief_of(estimator, *painted, light, POSE)
    for _ in range(6):
        again, _ = relief_of(estimator, *painted, light, POSE, start=found)
        step, found = np.abs(again - found).max(), again
    assert step < 0.05


def test_solver_meets_its_equation():
    """A smooth height, shaded exactly: the solution shades alike."""
    y, x = np.mgrid[:64, :64]
    truth = np.exp(-((x - 32) ** 2 + (y - 30) ** 2) / 30).astype(np.float32)
    across, down = np.full((64, 64), 0.4, np.float32), np.full((64, 64), -0.2, np.float32)
    forward = np.zeros_like(truth), np.zeros_like(truth)
    forward[0][:, :-1], forward[1][:-1] = np.diff(truth, axis=1), np.diff(truth, axis=0)
    detail = DARK_IS_DEEP * truth - across * forward[0] - down * forward[1]
    found = None
    for _ in range(6):
        found = solve_relief(detail, across, down, np.ones_like(truth), found)
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.95
    assert 0.4 < found.max() < 1.1


def test_no_weight_gives_no_relief():
    detail = np.ones((32, 32), np.float32)
    assert (solve_relief(detail, 0 * detail, 0 * detail, 0 * detail) == 0).all()


# Memory -----------------------------------------------------------------------------------------------


def left_half():
    weight = np.zeros((WORK_SIZE, WORK_SIZE), np.float32)
    weight[:, : WORK_SIZE // 2] = 1
    return weight


def test_memory_hands_on_a_half_float_map():
    memory = BumpMemory()
    assert memory.bump.shape == (SIZE, SIZE)
    assert memory.bump.dtype == np.float16
    assert not memory.bump.any()


def test_the_map_is_a_new_array_only_when_it_changes():
    memory = BumpMemory()
    before = memory.bump
    assert memory.bump is before
    memory.add(np.ones((WORK_SIZE, WORK_SIZE), np.float32), left_half())
    assert memory.bump is not before


def test_an_unseen_side_is_the_seen_ones_mirror_only_weaker():
    memory = BumpMemory()
    memory.add(np.ones((WORK_SIZE, WORK_SIZE), np.float32), left_half())
    assert memory.bump[100, 50] == pytest.approx(1, abs=1e-3)
    assert 0.4 < memory.bump[100, SIZE - 50] < 0.9


def test_what_was_seen_stays_when_it_is_hidden():
    memory = BumpMemory()
    memory.add(np.full((WORK_SIZE, WORK_SIZE), 0.5, np.float32), left_half())
    memory.add(np.full((WORK_SIZE, WORK_SIZE), -1.0, np.float32), 0 * left_half())
    assert memory.bump[100, 50] == pytest.approx(0.5, abs=1e-3)


def test_repeated_looks_are_averaged():
    memory = BumpMemory()
    rng = np.random.default_rng(0)
    for _ in range(40):
        memory.add((0.5 + rng.normal(size=(WORK_SIZE, WORK_SIZE))).astype(np.float32), left_half())
    assert memory.heights[:, : WORK_SIZE // 2].std() < 0.3
    assert memory.heights[:, : WORK_SIZE // 2].mean() == pytest.approx(0.5, abs=0.05)


# Texels -----------------------------------------------------------------------------------------------


def test_a_blurred_look_counts_little(estimator):
    light = side_light(0.3)
    image, *head = paint(estimator, ridges(estimator), light, POSE)
    sharp = look_at(estimator, image, *head, light, POSE)
    blurred = look_at(estimator, cv2.GaussianBlur(image, (0, 0), 4), *head, light, POSE)
    memory = BumpMemory()
    memory.add(*sharp)
    for _ in range(5):
        memory.add(*blurred)
    seen = np.minimum(sharp[1], blurred[1]) > 0.9
    kept, lost = (np.abs(each - sharp[0])[seen].mean() for each in (memory.heights, blurred[0]))
    assert kept < 0.5 * lost  # 0.83, were all looks alike


def test_texels_know_where_they_are():
    """Spread over the texels, the UV coordinates themselves must be the texels' own."""
    face = heads.model()
    grid = TexelGrid(face, 64)
    u, v = grid.spread(face.uv.T)
    row, column = np.divmod(grid.covered, 64)
    np.testing.assert_allclose(u, (column + 0.5) / 64, atol=1e-4)
    np.testing.assert_allclose(v, 1 - (row + 0.5) / 64, atol=1e-4)


def test_shares_of_a_texel_add_up():
    grid = TexelGrid(heads.model(), 64)
    np.testing.assert_allclose(grid.barycentric.sum(0), 1, atol=1e-5)
    assert grid.barycentric.min() > -1e-4
    assert len(np.unique(grid.covered)) == len(grid.covered)


def test_maps_hold_their_values_in_place():
    grid = TexelGrid(heads.model(), 32)
    values = np.arange(len(grid.covered), dtype=np.float32)
    image = grid.to_map(values, background=-1)
    np.testing.assert_array_equal(image.ravel()[grid.covered], values)
    assert (image == -1).sum() == 32 * 32 - len(values)


def test_a_guess_fills_what_neither_side_shows():
    memory = BumpMemory(guessed_share=0.25)
    here, there = np.zeros((2, WORK_SIZE, WORK_SIZE), np.float32)
    here[:40], there[:80] = 1, 1
    memory.add(np.full_like(here, 0.4), here)
    memory.guess(np.full((SIZE, SIZE), 0.8, np.float32), cv2.resize(there, (SIZE, SIZE)))
    row = SIZE // WORK_SIZE
    assert memory.bump[20 * row, 100] == pytest.approx(0.4 + 0.25 * 0.4, abs=0.01)
    assert memory.bump[60 * row, 100] == pytest.approx(0.8, abs=0.01)
    assert memory.bump[100 * row, 100] == 0


def test_a_guess_of_one_side_serves_the_other():
    memory = BumpMemory()
    left = np.zeros((SIZE, SIZE), np.float32)
    left[:, : SIZE // 2] = 1
    memory.guess(0.5 * left, left)
    assert memory.bump[SIZE // 2, SIZE - 20] == pytest.approx(0.5, abs=0.01)


def test_guesses_average_over_time():
    memory, whole = BumpMemory(), np.ones((SIZE, SIZE), np.float32)
    for height in (0.2, 0.4):
        memory.guess(height * whole, whole)
    assert memory.bump[60, 60] == pytest.approx(0.3, abs=0.01)


def test_a_map_in_a_crop_is_laid_over_the_face(estimator):
    """A bump at a landmark of the crop comes to lie at that landmark's texel; the back of the head gets nothing."""
    face, side = heads.model(), 128
    where = heads.pose()
    vertices = picture_vertices(face.mean, where, heads.CAMERA)
    normals = face.normals(face.mean) @ where[:3, :3].T
    points = face.landmarks(vertices[:, :2])
    matrix = crop_matrix(points, side)
    bump = np.zeros((side, side), np.float32)
    x, y = to_crop(points[[151]], matrix)[0]
    bump[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] = 1.0
    heights, weight = estimator.from_crop(bump, matrix, vertices, normals)
    u, v = face.landmarks(face.uv)[151]
    assert heights[int((1 - v) * SIZE), int(u * SIZE)] > 0.5
    assert (heights > 0.5).mean() < 0.01
    _, hidden = estimator.from_crop(bump, matrix, vertices, normals * [1, 1, -1])
    nose = face.landmarks(face.uv)[1]
    row, column = int((1 - nose[1]) * SIZE), int(nose[0] * SIZE)
    assert hidden[row, column] == 0 < weight[row, column]


def test_a_laid_out_map_is_bounded(estimator):
    face, where = heads.model(), heads.pose()
    vertices = picture_vertices(face.mean, where, heads.CAMERA)
    matrix = crop_matrix(face.landmarks(vertices[:, :2]), 128)
    heights, _ = estimator.from_crop(
        np.full((128, 128), 50.0, np.float32), matrix, vertices, face.normals(face.mean) @ where[:3, :3].T
    )
    assert heights.max() <= LARGEST
