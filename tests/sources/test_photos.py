"""Photos and folders of them."""

import logging
import struct

import cv2
import numpy as np
import pytest
from clips import gradient

from realtime.errors import UserError
from realtime.sources.pictures import BACKDROP, Pictures, read_picture


def save(path, rgb):
    assert cv2.imwrite(str(path), rgb[..., ::-1] if rgb.ndim == 3 and rgb.shape[2] == 3 else rgb)
    return path


def test_rgb_comes_back(tmp_path):
    image = gradient(20, 10, 77)
    assert np.array_equal(read_picture(save(tmp_path / "a.png", image)), image)


def test_grey_becomes_three_channels(tmp_path):
    grey = gradient(20, 10)[..., 0]
    assert np.array_equal(read_picture(save(tmp_path / "a.png", grey)), np.dstack([grey] * 3))


def test_sixteen_bits_become_eight(tmp_path):
    deep = (gradient(20, 10, 77).astype(np.uint16) * 257)[..., ::-1]
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    assert np.abs(read_picture(tmp_path / "a.png").astype(int) - gradient(20, 10, 77)).max() <= 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparent_pixels_show_grey_not_their_hidden_colour(tmp_path, dtype):
    full = np.iinfo(dtype).max
    rgba = np.zeros((4, 6, 4), dtype)
    rgba[..., 0] = full  # blue for OpenCV
    rgba[:, :3, 3] = full
    cv2.imwrite(str(tmp_path / "a.png"), rgba)
    image = read_picture(tmp_path / "a.png")
    assert image[0, 0].tolist() == [0, 0, 255]
    assert image[0, 5].tolist() == [BACKDROP] * 3


def with_orientation(path, value):
    """Adds an EXIF orientation to a JPEG."""
    exif = b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, value, 0, 0)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    return path


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 1), (8, 3)])
def test_photos_of_phones_stand_upright(tmp_path, orientation, turns):
    upright = gradient(40, 24)
    path = with_orientation(save(tmp_path / "a.jpg", np.ascontiguousarray(np.rot90(upright, turns))), orientation)
    image = read_picture(path)
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 4


def test_a_folder_in_the_order_of_names(tmp_path):
    for name in ("b.png", "a.jpg", "c.bmp"):
        save(tmp_path / name, gradient(8, 8))
    (tmp_path / "notes.txt").write_text("not a picture")
    source = Pictures(tmp_path)
    assert source.names == ("a", "b", "c")
    found = list(source.shots())
    assert [shot.name for shot in found] == ["a", "b", "c"]
    assert [shot.time for shot in found] == pytest.approx([0, 1 / 30, 2 / 30])


def test_slides_last_a_second(tmp_path):
    for name in ("a.png", "b.png"):
        save(tmp_path / name, gradient(8, 8))
    assert [shot.time for shot in Pictures(tmp_path, slides=True).shots()] == [0, 1]


def test_a_damaged_picture_in_a_folder_is_named_and_left_out(tmp_path, caplog):
    save(tmp_path / "a.png", gradient(8, 8))
    (tmp_path / "b.png").write_text("words")
    (tmp_path / "c.png").write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        assert [shot.name for shot in Pictures(tmp_path).shots()] == ["a"]
    assert "b.png" in caplog.text
    assert "c.png" in caplog.text


def test_one_photo_is_a_still(tmp_path):
    source = Pictures(save(tmp_path / "me.png", gradient(8, 8)))
    assert source.still
    assert [shot.name for shot in source.shots()] == ["me"]


def test_a_folder_is_not_a_still(tmp_path):
    save(tmp_path / "a.png", gradient(8, 8))
    assert not Pictures(tmp_path).still


@pytest.mark.parametrize("content", [b"only words", b"", b"\x89PNG\r\n\x1a\n and then nothing"])
def test_a_photo_that_is_none(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match="is not a picture"):
        Pictures(tmp_path / "a.png")


def test_a_folder_without_pictures(tmp_path):
    with pytest.raises(UserError, match="holds no pictures"):
        Pictures(tmp_path)


def test_a_folder_of_rubbish(tmp_path):
    (tmp_path / "a.png").write_text("words")
    with pytest.raises(UserError, match="None of the folder"):
        list(Pictures(tmp_path).shots())


def test_names_of_any_language(tmp_path):
    source = Pictures(save(tmp_path / "plain.png", gradient(8, 8)).rename(tmp_path / "лицо 顔.png"))
    assert source.names == ("лицо 顔",)
    assert len(list(source.shots())) == 1
