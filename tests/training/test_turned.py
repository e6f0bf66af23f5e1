"""Faces turned to the side: drawn on the face model, and a real photograph."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.face_model.model import MorphableModel  # noqa: E402
from engines.training import turned  # noqa: E402
from engines.training.labels import OUTSIDE  # noqa: E402
from engines.training.regression.examples import centered  # noqa: E402
from engines.training.regression.pseudo_truth import STORE_CAMERA  # noqa: E402
from engines.training.samples import Batches  # noqa: E402
from engines.training.store import SIDE, open_store, store_matrix  # noqa: E402
from engines.training.turned import PITCH, YAW, open_turned, random_pose, turn, yaw_of  # noqa: E402
from realtime.alignment import to_crop  # noqa: E402
from realtime.camera import FACING, make_pose, picture_vertices, rotation_from_vector  # noqa: E402
from realtime.fitting import Fit  # noqa: E402

from .faces import library, store_of  # noqa: E402

CHEEKS = {"right": 50, "left": 280}  # landmarks, the person's own sides


@pytest.fixture(scope="module")
def model():
    return MorphableModel.load()


@pytest.fixture(scope="module")
def fit(model):
    """The mean face, looking into the camera, where the store has its faces."""
    vertices = model.vertices(np.zeros(1), np.zeros(52))
    pose = centered(model, vertices, make_pose(FACING, [0, 0, 700]))
    return Fit(np.zeros(1, np.float32), np.zeros(52, np.float32), pose)


def landmarks_of(model, fit, pose):
    return model.landmarks(picture_vertices(model.vertices(fit.identity, fit.expression), pose, STORE_CAMERA))[:, :2]


def looking_aside(fit, yaw):
    pose = fit.pose.copy()
    pose[:3, :3] = pose[:3, :3] @ rotation_from_vector([0, yaw, 0])
    return pose


def picture(points):
    """A smooth picture with a red dot on each cheek, and a map whose codes are 1 but 2 on the nose."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image = np.dstack([columns // 3, rows // 3, (rows + columns) // 6]).astype(np.uint8)
    codes = np.ones((SIDE, SIDE), np.uint8)
    for index in CHEEKS.values():
        cv2.circle(image, tuple(int(v) for v in points[index]), 4, (255, 0, 0), -1)
    cv2.circle(codes, tuple(int(v) for v in points[4]), 5, 2, -1)
    return image, codes


def test_a_face_that_is_not_turned_stays_as_it_is(model, fit):
    points = landmarks_of(model, fit, fit.pose)
    image, codes = picture(points)
    again, kept, landmarks = turn(model, image, codes, points, fit, fit.pose)
    inner = slice(20, -20)
    assert np.abs(again[inner, inner].astype(int) - image[inner, inner]).mean() < 2
    assert (kept[inner, inner] == codes[inner, inner]).mean() > 0.99
    assert landmarks == pytest.approx(points, abs=0.5)


@pytest.mark.parametrize("yaw", [-0.6, 0.5])
def test_pixels_and_labels_move_with_the_mesh(model, fit, yaw):
    points = landmarks_of(model, fit, fit.pose)
    pose = looking_aside(fit, yaw)
    image, codes, landmarks = turn(model, *picture(points), points, fit, pose)
    expected = landmarks_of(model, fit, pose)
    assert landmarks == pytest.approx(to_crop(expected, store_matrix(expected)), abs=0.01)
    near = CHEEKS["right" if yaw > 0 else "left"]  # the cheek that turns towards the camera
    reds = np.argwhere((image[..., 0] > 180) & (image[..., 1] < 60))[:, ::-1]
    assert np.linalg.norm(reds - landmarks[near], axis=1).min() < 3
    nose = np.argwhere(codes == 2)[:, ::-1].mean(0)
    assert np.linalg.norm(nose - landmarks[4]) < 6


def test_what_the_photograph_did_not_show_is_not_judged(model, fit):
    points = landmarks_of(model, fit, fit.pose)
    _, codes, landmarks = turn(model, *picture(points), points, fit, looking_aside(fit, 0.9))
    column = slice(0, int(landmarks[CHEEKS["right"], 0]) - 10)
    row = int(landmarks[CHEEKS["right"], 1])
    assert OUTSIDE in codes[row - 5 : row + 5, column]  # the temple in front of the near ear
    x, y = landmarks[151].astype(int)  # the forehead was in view before
    assert codes[y, x] == 1


def test_random_poses_look_aside_by_what_is_asked(fit):
    found = [yaw_of(random_pose(looking_aside(fit, 0.2), np.random.default_rng(seed))) for seed in range(60)]
    slack = 0.03  # looking up turns the yaw a little
    assert all(YAW[0] - slack < abs(yaw) < YAW[1] + slack for yaw in found)
    assert min(found) < 0 < max(found)
    pitches = [random_pose(fit.pose, np.random.default_rng(seed))[1, 2] for seed in range(60)]
    assert max(np.abs(pitches)) <= np.sin(PITCH) + 1e-3


@pytest.fixture(scope="module")
def astronaut(tmp_path_factory):
    """A store of one real photograph, and where its turned faces may be kept."""
    data = pytest.importorskip("skimage.data")
    folder = tmp_path_factory.mktemp("data")
    (folder / "faces").mkdir()
    image = cv2.cvtColor(data.astronaut()[:320, 60:380], cv2.COLOR_RGB2BGR)
    for number in range(2):
        cv2.imwrite(str(folder / "faces" / f"astronaut{number}.png"), image)
    return open_store(folder, folder / "store"), folder / "store" / "turned"


def test_a_photograph_is_turned_and_kept(astronaut, monkeypatch):
    store, folder = astronaut
    made = open_turned(store, np.arange(2), folder)
    assert set(made.names) <= set(store.names)
    assert len(made) >= 1
    assert made.images.shape[1:] == (SIDE, SIDE, 3)
    assert np.abs(made.landmarks[0] - store.landmarks[0]).max() > 5
    assert open_turned(store, np.arange(1), folder).names == made.names[:1]  # another training's, at the same time
    monkeypatch.setattr(turned, "turned_faces", lambda *_: pytest.fail("made twice"))
    assert open_turned(store, np.arange(2), folder).names == made.names


def test_faces_that_cannot_be_turned_are_no_error(tmp_path):
    assert open_turned(store_of(3), np.arange(3), tmp_path / "none") is None


def test_batches_mix_turned_faces_in():
    store, blue = store_of(6), store_of(6)
    blue.images[:] = (0, 0, 255)
    indices = np.arange(6)
    options = {"library": library(), "shapes": [(48, 40)], "seed": 3}
    plain = Batches(store, indices, **options)[0]["clean"].numpy()
    mixed = Batches(store, indices, **options, turned=blue, turned_share=0.3)[0]["clean"].numpy()
    share = [float(((batch[..., 2] > 1.5 * batch[..., 0]).mean((1, 2)) > 0.9).mean()) for batch in (plain, mixed)]
    assert share[0] == 0
    assert 0.1 < share[1] < 0.5
