"""Which kind of source a word means."""

import pytest
from clips import gradient, write_clip

from realtime.config import SourceConfig
from realtime.errors import UserError
from realtime.sources import webcam
from realtime.sources.open import open_source
from realtime.sources.pictures import Pictures
from realtime.sources.video import Video


def opened(name):
    return open_source(SourceConfig(name=str(name)))


def test_video(tmp_path):
    assert isinstance(opened(write_clip(tmp_path / "a.mp4")), Video)


def test_photo_and_folder(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), gradient(8, 8))
    assert opened(tmp_path / "a.png").still
    assert isinstance(opened(tmp_path), Pictures)


def test_a_suffix_in_capitals_is_a_photo_too(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), gradient(8, 8))
    (tmp_path / "a.png").rename(tmp_path / "A.PNG")
    assert isinstance(opened(tmp_path / "A.PNG"), Pictures)


def test_a_url_goes_to_the_video():
    with pytest.raises(UserError, match="cannot be opened"):
        opened("rtsp://127.0.0.1:1/live")


@pytest.mark.parametrize("name", ["missing.mp4", "no/such/folder/", "photo.jpgg"])
def test_a_wrong_path(name):
    with pytest.raises(UserError, match="There is no file, folder or camera"):
        opened(name)


@pytest.mark.parametrize("name", ["77", "/dev/video77"])
def test_a_camera_that_is_not_there(name):
    with pytest.raises(UserError, match="amera"):
        opened(name)


def test_a_camera_by_name(monkeypatch):
    monkeypatch.setattr(webcam, "camera_names", lambda: {4: "Elgato Facecam"})
    monkeypatch.setattr("realtime.sources.webcam.Webcam.__init__", lambda self, name, *rest: setattr(self, "n", name))
    assert opened("facecam").n == "facecam"
