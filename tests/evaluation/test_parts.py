"""The part map beside hand-made ones, without a network."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE
from engines.evaluation.pairs import SIDE, read_square
from engines.evaluation.parts import (
    COLUMNS,
    GOALS,
    NAMES,
    Maps,
    expected_overlaps,
    in_crop,
    parts_in_crop,
    read_map,
    table,
)
from engines.training.labels import HEADWEAR, OUTSIDE, PART
from engines.training.sources import Photo
from realtime.errors import UserError
from realtime.frames import PART_NAMES, TrackedFace
from realtime.layers import most_likely
from realtime.seen import Seen

SKIN, NOSE = PART["skin"], PART["nose"]


def seen(labels, matrix):
    """A face whose part map says what `labels` (P, P) says, in a crop under `matrix`."""
    parts = np.full((len(PART_NAMES), CONTOUR_SIZE, CONTOUR_SIZE), 0.01, np.float32)
    np.put_along_axis(parts, labels[None].astype(np.intp), 0.5, axis=0)
    parts[PART["eyeglasses"]] = 0.9  # they would win everywhere
    crop = np.zeros((COMPLETION_SIZE, COMPLETION_SIZE, 3), np.uint8)
    face = TrackedFace(0, np.zeros((478, 3), np.float32), is_new=True)
    return Seen(face, np.float32(matrix), crop, parts, visible=1.0)


AS_IS = np.float32([[1, 0, 0], [0, 1, 0]])


def halves():
    """The left half is skin, the right half nose."""
    labels = np.full((CONTOUR_SIZE, CONTOUR_SIZE), SKIN, np.uint8)
    labels[:, CONTOUR_SIZE // 2 :] = NOSE
    return labels


def test_the_map_is_compared_in_the_crop():
    """Half of the picture's size is laid into the crop, shifted by 10 px."""
    truth = np.full((420, 420), SKIN, np.uint8)
    truth[:, 212:] = NOSE  # 0.5 * 212 - 10 = 96, the middle of the crop
    face = seen(halves(), [[0.5, 0, -10], [0, 0.5, -4]])
    found = most_likely(parts_in_crop(face))
    codes, where = in_crop(face.matrix, truth, None)
    assert found.shape == codes.shape == where.shape == (COMPLETION_SIZE, COMPLETION_SIZE)
    assert where.all()
    assert (found == codes).mean() > 0.98


def test_what_the_map_does_not_know_is_not_judged():
    truth = np.full((100, 100), SKIN, np.uint8)
    truth[:50] = HEADWEAR
    codes, where = in_crop(AS_IS, truth, None)
    assert not where[:50].any()
    assert where[50:100, :100].all()
    assert (codes[100:] == OUTSIDE).all()
    assert not where[100:].any()


def test_only_masked_pixels_count():
    mask = np.zeros((192, 192), bool)
    mask[10:20, 30:50] = True
    _, where = in_crop(AS_IS, np.full((192, 192), SKIN, np.uint8), mask)
    assert where.sum() == 200


def test_ious_of_halves():
    found, truth = np.full((4, 4), SKIN, np.uint8), np.full((4, 4), SKIN, np.uint8)
    truth[:, 2:] = NOSE
    assert Maps([found], [truth], [np.ones((4, 4), bool)]).ious() == {"skin": 0.5, "nose": 0.0}
    assert Maps([found], [truth], [truth == SKIN]).ious() == {"skin": 1.0}


def test_a_network_that_knows_its_doubts_expects_the_iou_it_gets():
    rng = np.random.default_rng(3)
    parts = np.zeros((len(NAMES), 200, 200), np.float32)
    parts[SKIN] = rng.random((200, 200))
    parts[NOSE] = 1 - parts[SKIN]
    found = np.where(parts[SKIN] > 0.5, SKIN, NOSE).astype(np.uint8)
    truth = np.where(rng.random((200, 200)) < parts[SKIN], SKIN, NOSE).astype(np.uint8)
    where = np.ones((200, 200), bool)
    maps = Maps([found], [truth], [where], expected_overlaps(5 * parts, found, where))
    assert maps.expected() == pytest.approx(np.mean(list(maps.ious().values())), abs=0.01)
    assert maps.expected() == pytest.approx(0.6, abs=0.01)  # 3/4 of what is found is right: 0.75 / (2 - 0.75)


def test_the_table_has_every_part_and_what_is_asked():
    found = np.full((4, 4), SKIN, np.uint8)
    maps = {name: Maps([found], [found], [found == SKIN]) for name in COLUMNS}
    maps["hidden"].lost = 3
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table(maps).splitlines()[2:]]
    assert [row[0] for row in rows] == [*NAMES, "mean", "expected", "asked", "pictures", "no face"]
    assert rows[NAMES.index("skin")][1:4] == ["1.00"] * 3
    assert rows[NAMES.index("nose")][1] == ""
    assert rows[-3][1:4] == [f"{GOALS['clear']:.2f}", "", f"{GOALS['hidden']:.2f}"]
    assert rows[-1][3] == "3"


def test_map_and_picture_are_laid_out_alike(tmp_path):
    """A wide picture whose right half is hair and red: the middle square of both has its edge in one place."""
    picture, classes = np.zeros((80, 120, 3), np.uint8), np.zeros((80, 120), np.uint8)
    picture[:, 60:], classes[:, 60:] = (0, 0, 255), 13
    paths = tmp_path / "a.bmp", tmp_path / "a.png"
    cv2.imwrite(str(paths[0]), picture)
    cv2.imwrite(str(paths[1]), classes)
    photo = Photo("faces/a.bmp", *paths, padding=0.0)
    image, codes = read_square(photo), read_map(photo)
    assert image.shape[:2] == codes.shape == (SIDE, SIDE)
    assert ((image[..., 0] > 127) == (codes == PART["hair"])).mean() > 0.99
    paths[1].write_bytes(b"no picture")
    with pytest.raises(UserError, match="no picture"):
        read_map(photo)


def test_the_room_around_a_tight_picture_is_outside_of_its_map(tmp_path):
    paths = tmp_path / "b.bmp", tmp_path / "b.png"
    for path in paths:
        cv2.imwrite(str(path), np.ones((50, 50), np.uint8))
    codes = read_map(Photo("faces/b.bmp", *paths, padding=0.5))
    assert (codes[: SIDE // 5] == OUTSIDE).all()
    assert codes[SIDE // 2, SIDE // 2] == SKIN
