from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

from engines.training import labels
from engines.training.regression import pseudo_truth
from engines.training.regression.examples import (
    Examples,
    centered,
    head_examples,
    photo_examples,
    usable,
)
from engines.training.regression.pseudo_truth import STORE_CAMERA, of_parts, open_pseudo_truth
from engines.training.store import SIDE, FaceStore
from realtime.camera import FACING, make_pose, picture_vertices


@pytest.fixture(scope="module")
def store(model):
    """Two faces that are exactly the model's, on an even picture, and one whose landmarks coincide."""
    rng = np.random.default_rng(0)
    points = []
    for _ in range(2):
        vertices = model.vertices(0.5 * rng.standard_normal(len(model.identity_basis)), np.zeros(52))
        pose = centered(model, vertices, make_pose(FACING, np.array([0.0, 0.0, 700.0])))
        points.append(model.landmarks(picture_vertices(vertices, pose, STORE_CAMERA))[:, :2])
    points.append(np.full((478, 2), 100.0))
    landmarks = np.stack(points).astype(np.float32)
    images = np.full((3, SIDE, SIDE, 3), 140, np.uint8)
    codes = np.stack([labels.from_landmarks(p, SIDE) for p in landmarks])
    return FaceStore(["a.jpg", "b.jpg", "c.jpg"], images, codes, landmarks, np.zeros(3, bool))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("regression")


@pytest.fixture(scope="module")
def truth(store, cache):
    return open_pseudo_truth(store, cache / "pseudo_truth.npz")


def test_landmarks_of_the_model_are_fitted(store, truth):
    assert (truth.residual[:2] < 1.5).all()
    np.testing.assert_allclose(truth.fitted[0], store.landmarks[0], atol=2.0)


def test_a_face_that_cannot_be_fitted_is_not_used(truth):
    assert np.isinf(truth.residual[2])
    np.testing.assert_array_equal(usable(truth, np.arange(3)), [0, 1])


def test_the_cache_is_read_again(store, truth, cache, monkeypatch):
    monkeypatch.setattr(pseudo_truth, "fit_face", lambda *_: pytest.fail("fitted again"))
    again = open_pseudo_truth(store, cache / "pseudo_truth.npz")
    np.testing.assert_array_equal(again.identity, truth.identity)


def test_other_faces_are_fitted_anew(store, truth, cache, tmp_path, monkeypatch):
    path = tmp_path / "pseudo_truth.npz"
    path.write_bytes((cache / "pseudo_truth.npz").read_bytes())
    calls = []
    monkeypatch.setattr(pseudo_truth, "fit_face", lambda *_: calls.append(1))
    open_pseudo_truth(replace(store, names=["x.jpg", "y.jpg", "z.jpg"]), path)
    assert len(calls) == 3


def test_photo_examples_keep_their_bump_maps(store, truth, tmp_path):
    path = tmp_path / "bump.npy"
    first = photo_examples(store, truth, np.array([0]), path)
    assert len(first) == 3
    written = path.stat().st_mtime_ns
    photo_examples(store, truth, np.array([0]), path)
    assert path.stat().st_mtime_ns == written
    photo_examples(store, truth, np.array([1]), path)
    assert path.stat().st_mtime_ns > written


def test_heads_are_rendered_once_and_the_same(store, truth, tmp_path):
    heads = head_examples(store, truth, np.array([0, 1]), 2, 5, tmp_path / "heads")
    assert isinstance(heads, Examples)
    assert heads.images.shape == (2, SIDE, SIDE, 3)
    images = np.array(heads.images)
    again = head_examples(store, truth, np.array([0, 1]), 2, 5, tmp_path / "heads", lambda _: pytest.fail("again"))
    np.testing.assert_array_equal(again.images, images)
    other = head_examples(store, truth, np.array([0, 1]), 2, 5, tmp_path / "other")
    np.testing.assert_array_equal(other.images, images)


def test_truth_of_a_rendered_head_projects_onto_its_landmarks(model, store, truth, tmp_path):
    heads = head_examples(store, truth, np.array([0, 1]), 2, 6, tmp_path / "heads")
    for i in range(2):
        vertices = model.vertices(heads.identity[i], heads.expression[i])
        points = model.landmarks(picture_vertices(vertices, heads.pose[i], STORE_CAMERA))[:, :2]
        np.testing.assert_allclose(points, heads.landmarks[i], atol=1e-3)


def test_parts_by_name(model):
    assert of_parts(model, ("nose",)).sum() > 10
    assert not of_parts(model, ("no such part",)).any()
