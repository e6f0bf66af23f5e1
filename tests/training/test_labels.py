import numpy as np
import pytest

from engines.training import labels
from engines.training.labels import CELEBA, CELEBA_TO_PARTS, HEADWEAR, PART, UNKNOWN
from realtime.frames import PART_NAMES

from .faces import face_points


def test_the_hand_made_classes_are_celebamask_hqs():
    assert len(CELEBA) == 19
    names = {
        0: "background",
        1: "skin",
        2: "nose",
        3: "eyeglasses",
        10: "inner_mouth",
        11: "upper_lip",
        12: "lower_lip",
    }
    names |= {
        4: "left_eye",
        5: "right_eye",
        6: "left_brow",
        7: "right_brow",
        8: "ears",
        9: "ears",
        13: "hair",
        17: "neck",
    }
    for index, name in names.items():
        assert PART_NAMES[CELEBA_TO_PARTS[index]] == name


def test_a_hat_is_no_part_and_cloth_is_background():
    assert CELEBA_TO_PARTS[14] == HEADWEAR
    assert CELEBA_TO_PARTS[18] == PART["background"]


def test_an_index_no_class_has_is_unknown():
    assert labels.from_celeba(np.array([[19, 200]], np.uint8)).tolist() == [[UNKNOWN, UNKNOWN]]


def test_a_map_with_left_and_right_the_other_way_round_is_put_right():
    codes = labels.from_landmarks(face_points(), 320)
    known = np.where(np.isin(codes, CELEBA_TO_PARTS), codes, PART["background"])
    classes = np.argsort(CELEBA_TO_PARTS, kind="stable")[np.searchsorted(np.sort(CELEBA_TO_PARTS), known)]
    classes = classes.astype(np.uint8)
    right = labels.from_celeba(classes)
    swapped = classes.copy()
    for a, b in ((4, 5), (6, 7)):
        swapped[classes == a], swapped[classes == b] = b, a
    assert (swapped != classes).any()
    assert not labels.is_swapped(right)
    np.testing.assert_array_equal(right, known)
    np.testing.assert_array_equal(labels.from_celeba(swapped), right)
    np.testing.assert_array_equal(labels.from_celeba(classes[:, ::-1]), labels.mirror(right))


def test_where_only_one_eye_is_seen_nothing_is_swapped():
    classes = np.zeros((8, 8), np.uint8)
    classes[2, 1] = 4
    assert labels.from_celeba(classes)[2, 1] == PART["left_eye"]


def test_codes_do_not_collide_with_parts():
    assert len(PART_NAMES) < HEADWEAR < labels.OUTSIDE < UNKNOWN < 256


def test_the_persons_left_eye_lies_at_the_pictures_right():
    codes = labels.from_landmarks(face_points(), 320)
    columns = {
        name: np.nonzero(codes == PART[name])[1].mean() for name in ("left_eye", "right_eye", "left_brow", "right_brow")
    }
    assert columns["left_eye"] > 160 > columns["right_eye"]
    assert columns["left_brow"] > 160 > columns["right_brow"]


def test_landmarks_know_nothing_outside_the_oval():
    points = face_points()
    codes = labels.from_landmarks(points, 320)
    assert ((codes == UNKNOWN) == (labels.oval_mask(points, 320) == 0)).all()


def test_every_part_of_the_face_is_drawn():
    codes = labels.from_landmarks(face_points(), 320)
    assert {PART[name] for name, _ in labels.POLYGONS} <= set(np.unique(codes).tolist())


def test_mirroring_swaps_left_and_right():
    codes = np.array([[PART["left_eye"], PART["skin"], PART["right_brow"], UNKNOWN]], np.uint8)
    expected = [[UNKNOWN, PART["left_brow"], PART["skin"], PART["right_eye"]]]
    assert labels.mirror(codes).tolist() == expected


def test_mirroring_twice_changes_nothing():
    codes = np.random.default_rng(0).integers(0, 256, (9, 7), dtype=np.uint8)
    assert (labels.mirror(labels.mirror(codes)) == codes).all()


def test_a_symmetric_face_is_its_own_mirror_image():
    codes = labels.from_landmarks(face_points(center=(159.5, 160)), 320)
    assert (labels.mirror(codes) != codes).mean() < 0.01


@pytest.mark.parametrize("name", PART_NAMES)
def test_the_swap_keeps_parts_without_a_side(name):
    code = PART[name]
    assert (labels.SWAP[code] == code) == ("left" not in name and "right" not in name)
