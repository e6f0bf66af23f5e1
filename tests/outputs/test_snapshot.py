"""Pictures kept on request."""

import cv2
import numpy as np
import pytest

from realtime.errors import UserError
from realtime.outputs.snapshot import Snapshots, save_png


@pytest.fixture
def picture():
    return np.random.default_rng(1).integers(0, 255, (6, 9, 3), np.uint8)


def test_nothing_is_kept_unasked(tmp_path, make_result, picture):
    with Snapshots(tmp_path / "kept") as snapshots:
        assert not snapshots.needs_picture
        snapshots.write(make_result(), picture)
    assert not (tmp_path / "kept").exists()


def test_a_request_keeps_one_picture_exactly(tmp_path, make_result, picture):
    with Snapshots(tmp_path / "kept") as snapshots:
        snapshots.request()
        assert snapshots.needs_picture
        snapshots.write(make_result(), picture)
        snapshots.write(make_result(1), picture)
    (path,) = (tmp_path / "kept").iterdir()
    assert np.array_equal(cv2.imread(str(path))[..., ::-1], picture)


def test_nothing_is_overwritten(tmp_path, picture):
    (tmp_path / "snapshot_0001.png").write_text("precious")
    assert save_png(tmp_path, picture).name == "snapshot_0002.png"
    assert (tmp_path / "snapshot_0001.png").read_text() == "precious"


def test_a_place_that_cannot_be_written(tmp_path, picture):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError):
        save_png(tmp_path / "file", picture)


def test_a_failure_does_not_stop_the_program(tmp_path, make_result, picture, caplog):
    (tmp_path / "file").write_text("")
    with Snapshots(tmp_path / "file") as snapshots:
        snapshots.request()
        snapshots.write(make_result(), picture)
    assert "cannot be made" in caplog.text
