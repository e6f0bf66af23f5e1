"""From tracked faces to face states, frame after frame."""

from dataclasses import replace

import heads
import numpy as np
import pytest

from realtime import reconstruction
from realtime.bump import WORK_SIZE
from realtime.camera import assumed_camera
from realtime.frames import Frame, TrackedFace
from realtime.reconstruction import BUMP_EVERY, MEMORY, SETTLED_BUMP_EVERY, Options, Reconstructor

WIDTH, HEIGHT = 320, 240
CAMERA = assumed_camera(WIDTH, HEIGHT)
AT = (10.0, -5.0, 1400.0)


def frame(index=0, image=None, time=None):
    image = np.full((HEIGHT, WIDTH, 3), 140, np.uint8) if image is None else image
    return Frame(image, captured=0.0, time=index / 30 if time is None else time, index=index, name=str(index))


def face(yaw=0.0, id_=0, is_new=False, noise=0.0, seed=0, at=AT, **expression):
    points = heads.landmarks(heads.pose(yaw, at=at), expression=heads.expression(**expression), camera=CAMERA)
    points = points + noise * np.random.default_rng(seed).normal(size=points.shape)
    return TrackedFace(id_, np.column_stack([points, np.zeros(478)]).astype(np.float32), is_new)


@pytest.fixture
def reconstructor():
    return Reconstructor(heads.model())


@pytest.fixture
def state(reconstructor):
    return reconstructor.process(frame(), [face(20, jawOpen=0.5, is_new=True)]).faces[0]


def test_shapes_and_types_are_those_of_the_contract(state):
    face_model = heads.model()
    count = len(face_model.mean)
    shapes = {
        "vertices": (count, 3),
        "neutral": (count, 3),
        "landmarks": (478, 2),
        "bump": (256, 256),
        "visibility": (count,),
        "gaze": (2, 3),
    }
    for name, shape in shapes.items():
        value = getattr(state, name)
        assert value.shape == shape, name
        assert value.dtype == (np.float16 if name == "bump" else np.float32), name
        assert np.isfinite(value).all(), name
    c = state.coefficients
    assert c.identity.shape == (len(face_model.identity_basis),)
    assert c.expression.shape == (52,)
    assert c.pose.shape == (4, 4)
    assert c.albedo.shape == (len(face_model.albedo_basis),)
    assert c.light.shape == (27,)
    assert {v.dtype for v in (c.identity, c.expression, c.pose, c.albedo, c.light)} == {np.dtype(np.float32)}


def test_landmarks_are_the_meshs_own(state):
    face_model = heads.model()
    corners = state.vertices[face_model.triangles[face_model.landmark_triangle], :2]
    on_mesh = (corners * face_model.landmark_barycentric[..., None]).sum(1)
    np.testing.assert_allclose(state.landmarks, on_mesh, atol=1e-3)


def test_the_mesh_lies_on_the_tracked_face(state):
    assert np.abs(state.landmarks - face(20, jawOpen=0.5).landmarks[:, :2]).mean() < 0.3


def test_neutral_is_without_expression(state):
    np.testing.assert_allclose(state.neutral, heads.model().neutral(state.coefficients.identity), atol=1e-4)


def test_the_pose_takes_the_mesh_into_the_picture(state):
    c = state.coefficients
    found = heads.landmarks(c.pose, c.identity, c.expression, CAMERA)
    np.testing.assert_allclose(found, state.landmarks, atol=0.01)


def test_only_a_still_is_bent_onto_its_landmarks():
    shown = face(is_new=True)
    points = heads.model().landmarks(heads.model().mean)
    cheek = np.exp(-0.5 * ((points - points[50]) ** 2).sum(1) / 15.0**2)
    moved = replace(shown, landmarks=shown.landmarks + np.outer(cheek, [8.0, 0, 0]).astype(np.float32))
    errors = []
    for stills in (False, True):
        state = Reconstructor(heads.model(), Options(stills=stills)).process(frame(), [moved]).faces[0]
        errors.append(float(np.linalg.norm(state.landmarks - moved.landmarks[:, :2], axis=1).mean()))
    assert errors[1] < 0.7 * errors[0]


def test_every_stage_is_timed(reconstructor):
    timings = reconstructor.process(frame(), [face(is_new=True)]).timings
    assert {"fit", "mesh", "visibility", "light", "bump"} <= set(timings)
    assert min(timings.values()) >= 0


def test_no_face_gives_an_empty_result(reconstructor):
    result = reconstructor.process(frame(), [])
    assert result.faces == ()
    assert result.camera == CAMERA
    assert result.occlusion is None


def test_landmarks_that_are_no_face_are_left_out(reconstructor):
    nonsense = TrackedFace(1, np.zeros((478, 3), np.float32), True)
    result = reconstructor.process(frame(), [face(is_new=True), nonsense])
    assert [state.id for state in result.faces] == [0]


def test_several_faces_keep_their_order_and_ids(reconstructor):
    others = [face(id_=7, is_new=True), face(30, id_=3, is_new=True, at=(-200.0, 0, 1800.0))]
    assert [state.id for state in reconstructor.process(frame(), others).faces] == [7, 3]


def test_a_still_face_stands_steadier_than_its_landmarks(reconstructor):
    raw, smooth = [], []
    for k in range(60):
        tracked = face(noise=0.4, seed=k, is_new=k == 0)
        state = reconstructor.process(frame(k), [tracked]).faces[0]
        raw.append(tracked.landmarks[:, :2])
        smooth.append(state.landmarks)
    jitter = [np.abs(np.diff(track[20:], axis=0)).mean() for track in (raw, smooth)]
    assert jitter[1] < 0.15 * jitter[0]


def test_a_moving_face_is_followed_closely(reconstructor):
    for k in range(45):
        tracked = face(yaw=k, is_new=k == 0)  # 30 degrees a second
        state = reconstructor.process(frame(k), [tracked]).faces[0]
    assert heads.degrees_between(state.coefficients.pose, heads.pose(44)) < 3


def test_a_blink_is_followed_within_three_frames(reconstructor):
    index = heads.model().expression_names.index("eyeBlinkLeft")
    for k in range(20):
        reconstructor.process(frame(k), [face(is_new=k == 0)])
    for k in range(20, 23):
        state = reconstructor.process(frame(k), [face(eyeBlinkLeft=1.0)]).faces[0]
    assert state.coefficients.expression[index] > 0.6


def test_identity_is_learned_from_many_views():
    """A still of each view alone knows less of the head than the whole turn."""
    truth = np.random.default_rng(1).normal(size=len(heads.model().identity_basis)).astype(np.float32)

    def view(yaw, is_new):
        points = heads.landmarks(heads.pose(yaw, at=AT), truth, camera=CAMERA)
        return TrackedFace(0, np.column_stack([points, np.zeros(478)]).astype(np.float32), is_new)

    def off(state):
        return np.linalg.norm(state.neutral - heads.model().neutral(truth), axis=1).mean()

    first = Reconstructor(heads.model()).process(frame(), [view(0, True)]).faces[0]
    video = Reconstructor(heads.model())
    for k in range(150):
        state = video.process(frame(k), [view(40 * np.sin(k / 8), k == 0)]).faces[0]
    assert off(state) < off(first)


def test_stills_know_nothing_of_each_other():
    stills = Reconstructor(heads.model(), Options(stills=True))
    stills.process(frame(0), [face(30, is_new=True, jawOpen=1.0)])
    second = stills.process(frame(1), [face(-10)]).faces[0]
    alone = Reconstructor(heads.model(), Options(stills=True)).process(frame(1), [face(-10)]).faces[0]
    np.testing.assert_array_equal(second.vertices, alone.vertices)
    np.testing.assert_array_equal(second.bump, alone.bump)
    np.testing.assert_array_equal(second.coefficients.light, alone.coefficients.light)


def test_a_new_face_under_an_old_number_starts_afresh(reconstructor):
    for k in range(5):
        reconstructor.process(frame(k), [face(30, is_new=k == 0)])
    state = reconstructor.process(frame(5), [face(-30, is_new=True)]).faces[0]
    assert heads.degrees_between(state.coefficients.pose, heads.pose(-30)) < 1


@pytest.mark.parametrize("away", [MEMORY + 1, -5.0])
def test_those_who_left_are_forgotten(reconstructor, away):
    """After a longer absence, or when the source starts again, nothing of the person is left."""
    for k in range(30):
        reconstructor.process(frame(k), [face(30, is_new=k == 0, jawOpen=1.0)])
    again = reconstructor.process(frame(time=1.0 + away), [face(-10)]).faces[0]
    alone = Reconstructor(heads.model()).process(frame(), [face(-10, is_new=True)]).faces[0]
    np.testing.assert_array_equal(again.vertices, alone.vertices)


def test_the_bump_map_is_one_array_until_it_changes(reconstructor):
    maps = [reconstructor.process(frame(k), [face(is_new=k == 0)]).faces[0].bump for k in range(12)]
    assert len({id(bump) for bump in maps}) < 6


def test_a_face_half_outside_the_picture_and_a_tiny_picture_go_through(reconstructor):
    outside = face(is_new=True)
    outside.landmarks[:, 0] -= 150
    assert reconstructor.process(frame(), [outside]).faces
    tiny = np.full((16, 16, 3), 90, np.uint8)
    small = TrackedFace(5, (face().landmarks * 0.05).astype(np.float32), True)
    result = reconstructor.process(frame(1, tiny), [small])
    assert all(np.isfinite(state.vertices).all() for state in result.faces)


def test_the_state_carries_the_meshs_normals(state):
    face_model = heads.model()
    of_vertices = face_model.normals(state.vertices)  # in the picture: the perspective tilts them a little
    assert (of_vertices * state.normals).sum(1).mean() > 0.99
    np.testing.assert_allclose(np.linalg.norm(state.normals, axis=1), 1, atol=1e-3)


def test_the_settled_relief_is_looked_at_less_often_and_never_beside_the_light(reconstructor, monkeypatch):
    looks = {"light": [], "relief": []}
    empty = np.zeros((WORK_SIZE, WORK_SIZE), np.float32)
    now = 0
    monkeypatch.setattr(
        reconstruction, "estimate_light", lambda *args: looks["light"].append(now) or np.zeros(27, np.float32)
    )
    monkeypatch.setattr(
        reconstructor._bumps, "relief", lambda *args, **kwargs: looks["relief"].append(now) or (empty, empty)
    )
    for now in range(240):
        reconstructor.process(frame(now), [face(is_new=now == 0)])
    assert not set(looks["light"]) & set(looks["relief"]) - {0}  # the first frame needs both
    gaps = np.diff(looks["relief"][1:])
    assert gaps[0] == BUMP_EVERY
    assert gaps[-1] == SETTLED_BUMP_EVERY
