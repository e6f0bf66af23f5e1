import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from engines.quantize import judge_landmarks, plain_crops, to_input
from engines.training.store import SIDE, FaceStore

CROP = 128


@pytest.fixture
def store(model):
    points = model.landmarks(model.mean)[:, :2] * [1, -1] * 0.6 + SIDE / 2
    blank = np.zeros((1, SIDE, SIDE), np.uint8)
    image = np.repeat(blank[..., None], 3, 3)
    x, y = points[4].astype(int)  # the tip of the nose shines
    image[0, y - 3 : y + 4, x - 3 : x + 4] = 255
    return FaceStore(["a/b.jpg"], image, blank, points[None].astype(np.float32), np.array([False]))


class Fixed:
    """Says the same landmarks of every crop."""

    def __init__(self, landmarks):
        self.landmarks = landmarks
        self.inputs = {"image": np.zeros((1, 3, CROP, CROP), np.float32)}

    def run(self):
        return {"landmarks": self.landmarks[None]}


def test_crops_carry_their_landmarks(store):
    crops = list(plain_crops(store, np.zeros(5, int), CROP))
    assert len(crops) == 5
    for image, points in crops:
        x, y = points[4].astype(int)
        assert image[y, x].min() > 200
    assert not np.allclose(crops[0][1], crops[1][1])


def test_the_better_network_has_the_higher_figure(store):
    ((image, points),) = plain_crops(store, np.zeros(1, int), CROP)
    near, far = (judge_landmarks(Fixed((points + off) / CROP), [(image, points)]) for off in (0.5, 1.0))
    assert near == pytest.approx(2 * far, rel=1e-3)
    eyes = np.linalg.norm(points[33] - points[263])
    assert far == pytest.approx(eyes / np.sqrt(2), rel=1e-3)


def test_input_is_what_the_spec_says():
    image = np.zeros((CROP, CROP, 3), np.uint8)
    image[..., 1] = 255
    found = to_input(image)
    assert found.shape == (1, 3, CROP, CROP)
    assert found[0, 1].min() == pytest.approx(1)
    assert found[0, 0].max() == pytest.approx(-1)
