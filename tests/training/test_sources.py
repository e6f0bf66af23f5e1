import json

import cv2
import numpy as np
import pytest

from engines.training.sources import data_folder, find_photos, find_sprites, find_textures
from engines.training.split import VALIDATION_SHARE, is_validation
from realtime.errors import UserError


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.fixture
def data(tmp_path):
    grey = np.full((20, 30, 3), 128, np.uint8)
    write(tmp_path / "faces_mine" / "a.jpg", grey)
    write(tmp_path / "faces_mine" / "a.png", grey[..., 0])
    write(tmp_path / "faces_mine" / "b.png", grey)
    rgba = np.zeros((40, 40, 4), np.uint8)
    rgba[10:30, 5:35] = (1, 2, 3, 255)
    write(tmp_path / "occluders" / "hands" / "h.png", rgba)
    write(tmp_path / "occluders" / "face_masks" / "m.png", rgba)
    keypoints = {"m": {k: [5 + i, 10 + i] for i, k in enumerate("abcdef")}}
    (tmp_path / "occluders" / "face_masks" / "keypoints.json").write_text(json.dumps(keypoints))
    write(tmp_path / "occluders" / "textures" / "t.jpg", grey)
    return tmp_path


def test_a_map_lies_beside_its_photograph_and_is_none_itself(data):
    photos = find_photos(data)
    assert [(p.name, p.map_path is not None) for p in photos] == [
        ("faces_mine/a.jpg", True),
        ("faces_mine/b.png", False),
    ]


def test_a_sprite_is_cut_tight_and_its_colours_are_rgb(data):
    hand = next(s for s in find_sprites(data)[0] if s.kind == "hands")
    assert hand.rgba.shape == (20, 30, 4)
    assert hand.rgba[0, 0].tolist() == [3, 2, 1, 255]


def test_key_points_move_with_the_cut(data):
    mask = next(s for s in find_sprites(data)[0] if s.kind == "face_masks")
    assert mask.keypoints[0].tolist() == [0, 0]
    assert mask.keypoints[5].tolist() == [5, 5]


def test_unreadable_sprites_are_counted_not_fatal(data):
    (data / "occluders" / "hands" / "broken.png").write_bytes(b"no picture")
    write(data / "occluders" / "hands" / "opaque.png", np.zeros((9, 9, 3), np.uint8))
    sprites, unreadable = find_sprites(data)
    assert (len(sprites), unreadable) == (2, 2)


def test_textures_are_no_sprites(data):
    assert [name for name, _ in find_textures(data)] == ["textures/t.jpg"]
    assert all(s.kind != "textures" for s in find_sprites(data)[0])


@pytest.mark.parametrize("make", [lambda p: p / "missing", lambda p: p])
def test_a_wrong_data_folder_is_named(tmp_path, make):
    with pytest.raises(UserError) as caught:
        data_folder(make(tmp_path))
    assert str(make(tmp_path)) in caught.value.message
    assert "faces*/" in caught.value.remedy


def test_faces_without_photographs_are_an_error(tmp_path):
    (tmp_path / "faces_empty").mkdir()
    with pytest.raises(UserError, match="no photographs"):
        find_photos(tmp_path)


def test_the_split_is_pinned():
    assert [i for i in range(40) if is_validation(f"faces_utk/{i}.jpg")] == PINNED


PINNED = [22]


def test_the_split_keeps_its_share():
    share = np.mean([is_validation(f"set/{i}.jpg") for i in range(20_000)])
    assert abs(share - VALIDATION_SHARE) < 0.01


def test_the_set_is_part_of_the_name():
    assert [is_validation(f"a/{i}") for i in range(300)] != [is_validation(f"b/{i}") for i in range(300)]
