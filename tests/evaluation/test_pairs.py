"""The pictures that the program is measured on, made from a small data folder of our own."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from engines.evaluation.ablation import WithoutGuide, figures
from engines.evaluation.empty import lay, write_empty
from engines.evaluation.pairs import SIDE, Pair, read_square
from engines.evaluation.score import Pictures
from engines.training.sources import Photo, Sprite


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for folder in ("faces_own", "occluders/objects", "occluders/textures"):
        (tmp_path / folder).mkdir(parents=True)
    rgba = np.full((40, 30, 4), 200, np.uint8)
    rgba[..., 3] = 255
    cv2.imwrite(str(tmp_path / "occluders/objects/box.png"), rgba)
    cv2.imwrite(str(tmp_path / "occluders/textures/wall.jpg"), rng.integers(0, 255, (50, 50, 3)).astype(np.uint8))
    return tmp_path


def test_empty_pictures_are_the_same_for_one_seed(data, tmp_path):
    first = write_empty(data, tmp_path / "a", seed=3, count=4)
    second = write_empty(data, tmp_path / "b", seed=3, count=4)
    assert first == second == [f"empty_{i:03d}" for i in range(4)]
    for name in first:
        assert (tmp_path / "a" / f"{name}.jpg").read_bytes() == (tmp_path / "b" / f"{name}.jpg").read_bytes()


def test_an_occluder_is_laid_inside_the_picture():
    rgba = np.zeros((40, 30, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 255, 255
    ground = np.zeros((50, 50, 3), np.uint8)
    out = lay(Sprite("objects/x.png", "objects", rgba), ground, np.random.default_rng(1))
    assert out.shape == (SIDE, SIDE, 3)
    area = (out[..., 0] == 255).sum()
    assert (0.4 * SIDE) ** 2 * 0.7 < area <= SIDE**2 * 0.76


def test_a_tight_photograph_is_padded_and_made_square(tmp_path):
    path = tmp_path / "x.png"
    cv2.imwrite(str(path), np.full((60, 80, 3), 90, np.uint8))
    image = read_square(Photo("faces/x.png", path, None, 0.25))
    assert image.shape == (SIDE, SIDE, 3)
    assert read_square(Photo("faces/y.png", tmp_path / "y.png", None, 0.0)) is None


def test_without_the_guide_all_parts_are_alike():
    class Recorder:
        spec, device, precision, why = None, "cpu", "f32", "fake"
        inputs = {"parts": np.zeros((1, 14, 2, 2), np.float32)}  # noqa: RUF012

        def run(self, **arrays):
            return {"parts": self.inputs["parts"].copy()}

    engine = Recorder()
    engine.inputs["parts"][0, 3] = 1
    np.testing.assert_allclose(WithoutGuide(engine).run()["parts"], 1 / 14)


def test_figures_of_a_lost_face():
    pair = Pair("x", "hand", "", np.random.default_rng(0).uniform(0, 50, (478, 2)).astype(np.float32))
    nothing = np.zeros((50, 50), bool)
    image = np.zeros((50, 50, 3), np.uint8)
    assert figures(pair, Pictures(image, image, nothing, nothing), (None, image)) == {"drift": 30.0}
