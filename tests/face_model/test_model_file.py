"""The face model's file: what is refused, and why."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from engines.face_model.model import DEFAULT_PATH, MorphableModel
from realtime.errors import UserError


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
