"""The face model that comes with the program: its file, its geometry and what its coefficients do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engines.face_model.model import DEFAULT_PATH, LEFT, PITCH_RANGE, RIGHT, YAW_RANGE, MorphableModel
from realtime.errors import UserError

# fmt: off
ARKIT = [
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
]
# fmt: on
NOSE_TIP, CHIN, LIP_LEFT, LIP_RIGHT = 1, 152, 291, 61
UPPER_LIDS, LOWER_LIDS = {RIGHT: 159, LEFT: 386}, {RIGHT: 145, LEFT: 374}
IRISES = {RIGHT: range(468, 473), LEFT: range(473, 478)}


@pytest.fixture(scope="module")
def model() -> MorphableModel:
    return MorphableModel.load()


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(DEFAULT_PATH) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture
def write(tmp_path, arrays):
    """Writes the file with some arrays replaced, or left out where the replacement is None."""

    def writer(**changes):
        path = tmp_path / "model.npz"
        merged = {**arrays, **changes}
        np.savez(path, **{name: value for name, value in merged.items() if value is not None})
        return path

    return writer


def expression(model: MorphableModel, **values: float) -> np.ndarray:
    weights = np.zeros(52, np.float32)
    for name, value in values.items():
        weights[model.expression_names.index(name)] = value
    return weights


def posed(model: MorphableModel, **values: float) -> np.ndarray:
    return model.vertices(np.zeros(1), expression(model, **values))


def skin_triangles(model: MorphableModel) -> np.ndarray:
    inside = [model.mesh_part_names.index(n) for n in ("inner_mouth", "teeth", "tongue", "left_eye", "right_eye")]
    return model.triangles[~np.isin(model.parts, inside)[model.triangles].any(1)]


# The file


def test_file_is_small_enough():
    assert DEFAULT_PATH.stat().st_size < 6e6


def test_missing_file(tmp_path):
    with pytest.raises(UserError) as caught:
        MorphableModel.load(tmp_path / "no.npz")
    assert "no.npz is missing" in caught.value.message
    assert "engines.face_model.build" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut"], ids=["empty", "text", "stub"])
def test_file_that_is_no_model(tmp_path, content):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        MorphableModel.load(path)


def test_file_cut_short(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(DEFAULT_PATH.read_bytes()[:500_000])
    with pytest.raises(UserError, match="damaged"):
        MorphableModel.load(path)


def test_flipped_byte(tmp_path):
    content = bytearray(DEFAULT_PATH.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        MorphableModel.load(path)


def test_missing_array(write):
    with pytest.raises(UserError, match="weld"):
        MorphableModel.load(write(weld=None))


def test_array_of_the_wrong_size(write, arrays):
    with pytest.raises(UserError, match="uv is"):
        MorphableModel.load(write(uv=arrays["uv"][:-1]))


def test_array_that_is_not_finite(write, arrays):
    mean = arrays["mean"].copy()
    mean[5, 1] = np.nan
    with pytest.raises(UserError, match="mean is not finite"):
        MorphableModel.load(write(mean=mean))


def test_index_outside(write, arrays):
    triangles = arrays["triangles"].copy()
    triangles[0, 0] = len(arrays["mean"])
    with pytest.raises(UserError, match="triangles points outside"):
        MorphableModel.load(write(triangles=triangles))


def test_wrong_number_of_expressions(write, arrays):
    with pytest.raises(UserError, match="51 expression names"):
        MorphableModel.load(write(expression_names=arrays["expression_names"][:51]))


def test_pickled_objects_are_refused(write):
    with pytest.raises(UserError, match="damaged"):
        MorphableModel.load(write(uv=np.array([object()], dtype=object)))


def test_unwritten_file_loads(write, model):
    np.testing.assert_array_equal(MorphableModel.load(write()).mean, model.mean)


def test_model_cannot_be_changed(model):
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.mean = None


# Mesh


def test_sizes(model):
    assert 3000 < len(model.mean) < 5000
    assert len(model.identity_basis) == 80
    assert len(model.albedo_basis) == 40
    assert model.expression_basis.shape == (52, len(model.mean), 3)


def test_arrays_are_single_precision(model):
    for name in ("mean", "identity_basis", "expression_basis", "albedo_mean", "albedo_basis", "uv"):
        assert getattr(model, name).dtype == np.float32


def test_every_vertex_is_used(model):
    assert len(np.unique(model.triangles)) == len(model.mean)


def test_no_degenerate_triangles(model):
    a, b, c = model.mean[model.triangles].swapaxes(0, 1)
    assert (np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-6).mean() > 0.999


def test_sides_have_at_most_two_triangles_in_opposite_directions(model):
    welded = model.weld[model.triangles]
    sides = np.concatenate([welded[:, [0, 1]], welded[:, [1, 2]], welded[:, [2, 0]]])
    assert np.unique(sides, axis=0, return_counts=True)[1].max() == 1


def test_eyeball_triangles_point_outward(model):
    for eye, (first, end) in enumerate(model.eye_ranges):
        own = model.triangles[(model.triangles >= first).all(1) & (model.triangles < end).all(1)]
        a, b, c = model.mean[own].swapaxes(0, 1)
        assert (np.cross(b - a, c - a) * (a - model.eye_centers[eye])).sum(1).min() > 0


def test_face_triangles_point_outward(model):
    normals = model.normals(model.mean)
    corners = model.triangles[model.landmark_triangle]
    # Forehead, cheeks, nose tip and chin look out of the face.
    for landmark in (10, 151, 50, 280, NOSE_TIP, 199):
        assert normals[corners[landmark]].mean(0)[2] > 0.3
    left, right = normals[corners[454]].mean(0), normals[corners[234]].mean(0)
    assert left[0] > 0.5
    assert right[0] < -0.5


def test_frame_of_reference(model):
    points = model.landmarks(model.mean)
    np.testing.assert_allclose(model.eye_centers.mean(0), 0, atol=1e-3)
    assert model.eye_centers[RIGHT, 0] < 0 < model.eye_centers[LEFT, 0]
    assert points[NOSE_TIP, 2] > points[CHIN, 2] > -20
    assert points[CHIN, 1] < points[NOSE_TIP, 1] < 0


def test_golden_positions(model):
    """Millimetres of the shipped mean face; a rebuilt model may move them by tenths."""
    points = model.landmarks(model.mean)
    np.testing.assert_allclose(points[NOSE_TIP], [0.05, -39.09, 50.51], atol=0.5)
    np.testing.assert_allclose(points[CHIN], [0.05, -112.50, 23.14], atol=0.5)
    np.testing.assert_allclose(points[LIP_LEFT], [24.22, -70.86, 23.10], atol=0.5)
    np.testing.assert_allclose(points[468], [-30.76, 0.03, 16.20], atol=0.5)


def test_mirror_is_an_involution(model):
    np.testing.assert_array_equal(model.mirror[model.mirror], np.arange(len(model.mean)))


def test_mean_is_symmetric(model):
    np.testing.assert_allclose(model.mean[model.mirror] * [-1, 1, 1], model.mean, atol=0.1)
    np.testing.assert_allclose(model.albedo_mean[model.mirror], model.albedo_mean, atol=0.01)


def test_mirrored_triangles_are_triangles(model):
    def keys(triangles):
        return {tuple(sorted(t)) for t in triangles.tolist()}

    assert keys(model.mirror[skin_triangles(model)]) == keys(skin_triangles(model))


def test_mirror_swaps_the_eyes(model):
    first, end = model.eye_ranges[RIGHT]
    np.testing.assert_array_equal(np.sort(model.mirror[first:end]), np.arange(*model.eye_ranges[LEFT]))


def test_weld_points_to_the_first_vertex_at_the_same_place(model):
    np.testing.assert_array_equal(model.weld[model.weld], model.weld)
    assert (model.weld <= np.arange(len(model.weld))).all()
    np.testing.assert_array_equal(model.mean[model.weld], model.mean)
    assert (model.weld != np.arange(len(model.weld))).sum() > 30


def test_seams_stay_closed_under_every_coefficient(model):
    random = np.random.default_rng(0)
    moved = model.vertices(random.normal(size=80), random.uniform(size=52))
    np.testing.assert_allclose(moved[model.weld], moved, atol=1e-3)


def test_parts(model):
    assert model.parts.max() < len(model.mesh_part_names)
    counts = np.bincount(model.parts, minlength=len(model.mesh_part_names))
    assert (counts > 0).all()
    height = {name: model.mean[model.parts == i, 1].mean() for i, name in enumerate(model.mesh_part_names)}
    assert height["scalp"] > height["left_brow"] > height["eyelids"] > height["nose"]
    assert height["nose"] > height["upper_lip"] > height["lower_lip"]
    assert model.mean[model.parts == model.mesh_part_names.index("neck"), 1].min() == model.mean[:, 1].min()
    side = {name: model.mean[model.parts == i, 0].mean() for i, name in enumerate(model.mesh_part_names)}
    assert side["left_brow"] > 10 > -10 > side["right_brow"]


# Texture coordinates


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


# Landmarks


def test_landmark_weights(model):
    assert model.landmark_barycentric.min() >= 0
    np.testing.assert_allclose(model.landmark_barycentric.sum(1), 1, atol=1e-5)


def test_landmark_sigma_is_plausible(model):
    assert model.landmark_sigma.min() > 0.3
    assert model.landmark_sigma.max() < 10


@pytest.mark.parametrize("eye", [RIGHT, LEFT])
def test_irises_lie_on_their_own_eyeball(model, eye):
    first, end = model.eye_ranges[eye]
    vertices = model.triangles[model.landmark_triangle[list(IRISES[eye])]]
    assert vertices.min() >= first
    assert vertices.max() < end


@pytest.mark.parametrize("eye", [RIGHT, LEFT])
def test_iris_ring_goes_right_up_left_down_in_the_picture(model, eye):
    center, *ring = model.landmarks(model.mean)[list(IRISES[eye])]
    offsets = np.array(ring) - center
    radius = np.linalg.norm(offsets[:, :2], axis=1)
    assert (np.abs(radius - 5.4) < 0.7).all()
    np.testing.assert_allclose(offsets[:, :2] / radius[:, None], [[1, 0], [0, 1], [-1, 0], [0, -1]], atol=0.05)


def test_landmarks_follow_a_rigid_motion(model):
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    moved = model.mean @ turn.T + [1, 2, 3]
    expected = model.landmarks(model.mean) @ turn.T + [1, 2, 3]
    np.testing.assert_allclose(model.landmarks(moved), expected, atol=1e-3)


def test_landmarks_in_two_dimensions(model):
    np.testing.assert_allclose(model.landmarks(model.mean[:, :2]), model.landmarks(model.mean)[:, :2], atol=1e-4)


# Coefficients


def test_zero_is_the_mean(model):
    np.testing.assert_array_equal(model.neutral(np.zeros(80)), model.mean)
    np.testing.assert_allclose(posed(model), model.mean, atol=1e-4)


def test_a_short_identity_leaves_the_rest_zero(model):
    short = np.random.default_rng(0).normal(size=7)
    long = np.zeros(80)
    long[:7] = short
    np.testing.assert_allclose(model.neutral(short), model.neutral(long), atol=1e-4)


def test_identity_is_linear(model):
    a, b = np.random.default_rng(1).normal(size=(2, 80))
    both = model.neutral(a) + model.neutral(b) - model.mean
    np.testing.assert_allclose(model.neutral(a + b), both, atol=1e-3)


@pytest.mark.parametrize("count", [81, 200])
def test_too_many_coefficients(model, count):
    with pytest.raises(ValueError, match="at most 80"):
        model.neutral(np.zeros(count))


def test_identity_components_are_ordered_by_what_they_move(model):
    size = np.sqrt((model.identity_basis[:, np.unique(skin_triangles(model))] ** 2).sum(2).mean(1))
    assert size[0] > size[10] > size[40] > size[79] > 0


def test_identity_keeps_size_and_place(model):
    """Similarity was removed: random people have eyes about as far apart, and stay where they are."""
    random = np.random.default_rng(2)
    faces = np.array([model.landmarks(model.neutral(random.normal(size=80))) for _ in range(50)])
    assert np.abs(faces.mean((0, 1)) - model.landmarks(model.mean).mean(0)).max() < 1.5
    spread = np.linalg.norm(faces - faces.mean(1, keepdims=True), axis=2).mean(1)
    assert spread.std() / spread.mean() < 0.03


def test_expression_names_are_arkits(model):
    assert list(model.expression_names) == ARKIT


def test_every_expression_moves_something(model):
    assert (np.linalg.norm(model.expression_basis, axis=2).max(1) > 0.9).all()


def test_left_and_right_expressions_mirror_each_other(model):
    for left, name in enumerate(model.expression_names):
        if name.endswith("Left"):
            right = model.expression_names.index(name.removesuffix("Left") + "Right")
            mirrored = model.expression_basis[right][model.mirror] * [-1, 1, 1]
            np.testing.assert_allclose(mirrored, model.expression_basis[left], atol=0.15, err_msg=name)


def test_expressions_do_not_move_the_eyeballs(model):
    assert np.abs(model.expression_basis[:, model.eye_ranges.min() :]).max() == 0


def test_tongue_out_moves_no_skin(model):
    moved = model.expression_basis[model.expression_names.index("tongueOut")]
    assert np.abs(moved[np.unique(skin_triangles(model))]).max() == 0


def test_jaw_open_lowers_the_chin(model):
    shift = model.landmarks(posed(model, jawOpen=1)) - model.landmarks(model.mean)
    assert shift[CHIN, 1] < -10
    assert abs(shift[CHIN, 0]) < 0.5
    assert np.abs(shift[[10, 33, 263]]).max() < 0.5


def test_jaw_left_goes_to_the_persons_left(model):
    shift = model.landmarks(posed(model, jawLeft=1)) - model.landmarks(model.mean)
    assert shift[CHIN, 0] > 3


def test_smile_left_lifts_the_left_corner_only(model):
    shift = model.landmarks(posed(model, mouthSmileLeft=1)) - model.landmarks(model.mean)
    assert shift[LIP_LEFT, 1] > 2
    assert np.abs(shift[LIP_RIGHT]).max() < 1


@pytest.mark.parametrize(("name", "eye"), [("eyeBlinkRight", RIGHT), ("eyeBlinkLeft", LEFT)])
def test_blink_closes_its_own_eye(model, name, eye):
    before, after = model.landmarks(model.mean), model.landmarks(posed(model, **{name: 1}))

    def opening(points, which):
        return np.linalg.norm(points[UPPER_LIDS[which]] - points[LOWER_LIDS[which]])

    assert opening(after, eye) < 0.35 * opening(before, eye)
    other = 1 - eye
    assert abs(opening(after, other) - opening(before, other)) < 0.2


def test_closed_lids_lie_outside_the_eyeball(model):
    vertices = posed(model, eyeBlinkLeft=1)
    first, end = model.eye_ranges[LEFT]
    radius = np.linalg.norm(model.mean[first:end] - model.eye_centers[LEFT], axis=1).max()
    moved = np.linalg.norm(vertices - model.mean, axis=1) > 3
    assert moved.sum() > 30
    assert np.linalg.norm(vertices[moved] - model.eye_centers[LEFT], axis=1).min() > radius


# Eyeballs


def gaze(model: MorphableModel, vertices: np.ndarray, eye: int) -> np.ndarray:
    pupil = vertices[model.eye_ranges[eye, 0]] - model.eye_centers[eye]
    return pupil / np.linalg.norm(pupil)


def test_eyes_look_straight_ahead_at_rest(model):
    for eye in (RIGHT, LEFT):
        np.testing.assert_allclose(gaze(model, model.mean, eye), [0, 0, 1], atol=5e-3)


@pytest.mark.parametrize(
    ("name", "eye", "expected"),
    [
        ("eyeLookInLeft", LEFT, [-np.sin(YAW_RANGE), 0]),
        ("eyeLookInRight", RIGHT, [np.sin(YAW_RANGE), 0]),
        ("eyeLookOutLeft", LEFT, [np.sin(YAW_RANGE), 0]),
        ("eyeLookOutRight", RIGHT, [-np.sin(YAW_RANGE), 0]),
        ("eyeLookUpLeft", LEFT, [0, np.sin(PITCH_RANGE)]),
        ("eyeLookDownRight", RIGHT, [0, -np.sin(PITCH_RANGE)]),
    ],
)
def test_eye_look(model, name, eye, expected):
    vertices = posed(model, **{name: 1})
    np.testing.assert_allclose(gaze(model, vertices, eye)[:2], expected, atol=5e-3)
    first, end = model.eye_ranges[1 - eye]
    np.testing.assert_allclose(vertices[first:end], model.mean[first:end], atol=1e-3)


def test_eyeballs_turn_rigidly(model):
    first, end = model.eye_ranges[LEFT]
    identity = np.random.default_rng(3).normal(size=80)
    rest = model.neutral(identity)[first:end]
    turned = model.vertices(identity, expression(model, eyeLookInLeft=0.7, eyeLookUpLeft=0.4))[first:end]
    picks = np.random.default_rng(4).integers(0, end - first, (40, 2))
    before, after = (np.linalg.norm(v[picks[:, 0]] - v[picks[:, 1]], axis=1) for v in (rest, turned))
    np.testing.assert_allclose(after, before, atol=1e-3)
    assert np.abs(turned - rest).max() > 3


def test_eye_rotations_are_rotations(model):
    random = np.random.default_rng(5)
    for rotation in model.eye_rotations(random.uniform(size=52)):
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-5)
        assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-5)


def test_eye_centers_are_the_balls_centres(model):
    identity = np.random.default_rng(6).normal(size=80)
    vertices, centers = model.neutral(identity), model.eye_centers_of(identity)
    for eye, (first, end) in enumerate(model.eye_ranges):
        distance = np.linalg.norm(vertices[first:end] - centers[eye], axis=1)
        assert distance.max() / distance.min() < 1.1


# Albedo and normals


def test_albedo_is_what_a_surface_can_reflect(model):
    extreme = model.albedo(np.full(40, 4.0))
    assert extreme.min() >= 0
    assert extreme.max() <= 1


def test_mean_albedo_is_skin(model):
    red, green, blue = model.albedo(np.zeros(40))[np.unique(skin_triangles(model))].mean(0)
    assert 0.25 < red < 0.6
    assert red > green > blue > 0.05


def test_albedo_of_features(model):
    def tone(name):
        return model.albedo_mean[model.parts == model.mesh_part_names.index(name)].mean()

    assert tone("left_brow") < 0.75 * tone("skin")
    assert tone("teeth") > tone("inner_mouth")
    first, _ = model.eye_ranges[LEFT]
    assert model.albedo_mean[first].max() < 0.02  # the pupil


def test_first_albedo_component_is_tone(model):
    skin = np.unique(skin_triangles(model))
    assert (np.sign(model.albedo_basis[0][skin].mean(1)) == 1).mean() > 0.9


def test_inside_of_the_mouth_has_no_albedo_components(model):
    inside = np.isin(model.parts, [model.mesh_part_names.index(n) for n in ("teeth", "tongue", "left_eye")])
    assert np.abs(model.albedo_basis[:, inside]).max() == 0


def test_normals_are_unit_and_shared_at_seams(model):
    normals = model.normals(model.mean)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    np.testing.assert_array_equal(normals[model.weld], normals)


def test_normals_against_plain_sums(model):
    vertices = model.vertices(np.random.default_rng(7).normal(size=80), np.zeros(52)).astype(np.float64)
    a, b, c = vertices[model.triangles].swapaxes(0, 1)
    expected = np.zeros_like(vertices)
    for corner in model.weld[model.triangles].T:
        np.add.at(expected, corner, np.cross(b - a, c - a))
    expected = expected[model.weld] / np.linalg.norm(expected[model.weld], axis=1, keepdims=True)
    np.testing.assert_allclose(model.normals(vertices.astype(np.float32)), expected, atol=2e-3)


def test_normals_turn_with_the_head(model):
    turn = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)
    np.testing.assert_allclose(model.normals(model.mean @ turn.T), model.normals(model.mean) @ turn.T, atol=1e-3)
