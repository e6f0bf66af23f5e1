"""The mask over time and the seam: invariants on arrays."""

import cv2
import numpy as np
import pytest

from realtime.alignment import crop_matrix
from realtime.blending import (
    HYSTERESIS,
    Window,
    between_crops,
    blend,
    carry,
    fade,
    grow,
    margin,
    paintable,
    part_of,
    reaches_down,
    seam,
    to_window,
    whole,
    window_of,
)

SIDE = 96
RNG = np.random.default_rng(0)


def box(low, high, side=SIDE):
    mask = np.zeros((side, side), np.float32)
    mask[low:high, low:high] = 1
    return mask


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.34, 0.4, 0.5, 0.6, 0.66, 1.0])
def test_a_covered_pixel_stays_longer_than_a_bare_one_takes_to_become_covered(probability):
    values = np.full((4, 4), probability, np.float32)
    was, was_not = margin(values, np.ones((4, 4), np.float32)), margin(values, np.zeros((4, 4), np.float32))
    assert (was >= was_not).all()
    assert (was > 0).all() == (probability > HYSTERESIS[0])
    assert (was_not > 0).all() == (probability > HYSTERESIS[1])


def test_noise_within_the_gap_does_not_flicker():
    mask = box(20, 60)
    for _ in range(20):
        noisy = np.clip(np.where(mask > 0, 0.55, 0.45) + RNG.normal(0, 0.03, mask.shape), 0.36, 0.64)
        after = (margin(noisy.astype(np.float32), mask) > 0).astype(np.float32)
        np.testing.assert_array_equal(after, mask)
        mask = after


def test_without_a_frame_before_the_middle_decides():
    values = np.float32([[0.49, 0.51]])
    np.testing.assert_array_equal(margin(values, None) > 0, [[False, True]])


def test_the_seam_covers_the_mask_fully_and_ends():
    alpha = seam(box(30, 60))
    assert alpha[30:60, 30:60].min() > 0.99
    assert alpha[:18].max() == 0
    assert alpha.max() <= 1


def test_the_seam_ends_at_the_crops_border():
    alpha = seam(np.ones((SIDE, SIDE), np.float32))
    assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) == 0
    assert alpha[SIDE // 2, SIDE // 2] == pytest.approx(1)


def test_an_empty_mask_has_no_seam():
    assert not seam(box(5, 5)).any()


HEAD = slice(16, 80)  # of the rows and columns of a crop of SIDE: elsewhere is background


FACE = slice(32, 80)  # of the rows of the same crop: above is hair


def off(rows, columns, side=64):
    """(side, side) 1 but for these rows and columns of a crop of `SIDE`."""
    off = np.ones((SIDE, SIDE), np.float32)
    off[rows, columns] = 0
    return cv2.resize(off, (side, side), interpolation=cv2.INTER_AREA)


def allowed_of(mask):
    return paintable(mask, off(HEAD, HEAD), lambda: off(FACE, HEAD))


def covered(rows, columns):
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[rows, columns] = 1
    return mask


@pytest.mark.parametrize(
    "arm",
    [(slice(50, None), slice(44, 64)), (slice(40, 60), slice(50, None)), (slice(40, 60), slice(0, 50))],
    ids=["from below", "from the right", "from the left"],
)
def test_an_arm_is_painted_away_before_the_head_alone(arm):
    mask = covered(*arm)
    allowed = allowed_of(mask)
    where = mask > 0
    on_head = np.zeros_like(where)
    on_head[20:76, 20:76] = True
    off = np.zeros_like(where)
    off[12:84, 12:84] = True
    assert (allowed[where & on_head] == 1).all()
    assert (allowed[where & ~off] == 0).all()
    assert allowed.min() >= 0
    assert allowed.max() <= 1


@pytest.mark.parametrize(
    "thing",
    [(slice(8, 40), slice(8, 40)), (slice(0, 0), slice(0, 0))],
    ids=["within the crop", "nothing"],
)
def test_what_can_be_removed_whole_is(thing):
    assert (allowed_of(covered(*thing)) == 1).all()


def test_a_thumb_a_little_apart_stays_with_its_hand():
    mask = covered(slice(50, None), slice(40, 60))
    mask[60:70, 64:88] = 1  # reaches beyond the head, but not to the border
    assert allowed_of(mask)[64, 86] == 0
    mask[50:, 40:60] = 0
    assert allowed_of(mask)[64, 86] == 1


def test_a_face_mask_that_reaches_the_border_is_removed_whole():
    worn = covered(slice(40, None), slice(20, 76))
    assert (allowed_of(worn) == 1).all()
    worn[:, 30:] = 0  # the same width on one side alone is no mask
    assert allowed_of(worn)[90, 25] == 0


@pytest.mark.parametrize(
    ("rows", "columns", "lowered", "goes_on"),
    [
        (slice(50, None), slice(20, 76), 0.0, True),
        (slice(50, 90), slice(20, 76), 0.0, False),
        (slice(50, 93), slice(20, 76), 0.06, True),  # it would end below the crop that is not lowered
        (slice(50, 82), slice(20, 76), 0.06, False),
        (slice(70, None), slice(20, 76), 0.0, False),  # pulled down to the neck
        (slice(50, None), slice(20, 50), 0.0, False),  # a hand
        (slice(0, None), slice(0, None), 0.0, False),  # a hood
        (slice(0, 0), slice(0, 0), 0.0, False),
    ],
)
def test_only_a_face_mask_that_is_worn_can_go_on_below_the_crop(rows, columns, lowered, goes_on):
    assert reaches_down(covered(rows, columns), lowered) is goes_on


def test_a_cup_before_the_mouth_is_not_worn():
    cup = covered(slice(60, None), slice(36, 60))
    assert allowed_of(cup)[92, 48] == 0
    assert not reaches_down(cup)


def test_a_hat_is_painted_away_before_the_face_alone():
    hat = covered(slice(0, 50), slice(20, 76))
    allowed = allowed_of(hat)
    assert (allowed[36:50, 20:76] == 1).all()  # the forehead
    assert (allowed[:28, 20:76] == 0).all()  # hair, and what is above it
    hat[:8] = 0  # one that ends within the crop can go
    assert (allowed_of(hat) == 1).all()


def test_things_are_judged_one_by_one():
    mask = covered(slice(0, 44), slice(30, 60))
    mask[60:90, 24:50] = 1
    allowed = allowed_of(mask)
    assert allowed[20, 45] == 0
    assert (allowed[62:90, 26:48] == 1).all()


def test_a_hood_stays_around_the_face():
    hood = covered(slice(0, None), slice(0, None))
    hood[40:72, 24:72] = 0
    allowed = allowed_of(hood)
    assert allowed[50, 4] == allowed[92, 50] == 0
    assert allowed[20, 48] == 0  # on the hair
    assert allowed[38, 48] == 1


def test_what_is_beside_the_head_stays():
    below = off(slice(0, 60), slice(None))
    assert paintable(covered(slice(62, 84), slice(20, 40)), below, lambda: below)[80, 30] == 0
    assert paintable(covered(slice(40, 84), slice(20, 40)), below, lambda: below)[80, 30] == 1


def test_growing_never_loses_a_pixel():
    mask = (RNG.random((SIDE, SIDE)) > 0.98).astype(np.float32)
    assert (grow(mask, 0.02) >= mask).all()


def test_visible_pixels_are_bit_identical():
    image = RNG.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    painting = RNG.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    alpha = seam(box(30, 60))
    out = blend(image, painting, alpha)
    np.testing.assert_array_equal(out[alpha == 0], image[alpha == 0])
    np.testing.assert_array_equal(out[alpha == 1], painting[alpha == 1])


def test_blending_with_itself_changes_nothing():
    image = RNG.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    np.testing.assert_array_equal(blend(image, image, RNG.random((SIDE, SIDE)).astype(np.float32)), image)


def test_painting_comes_at_once_and_goes_by_steps():
    none, full = np.zeros((4, 4), np.float32), np.ones((4, 4), np.float32)
    np.testing.assert_array_equal(fade(none, full, 0.01), full)
    half = fade(full, none, 0.5)
    np.testing.assert_array_equal(half, full / 2)
    np.testing.assert_array_equal(fade(half, none, 0.6), none)


def points(center, radius):
    out = np.zeros((478, 2), np.float32)
    for pair, offset in (((33, 133), (-1, -0.5)), ((362, 263), (1, -0.5)), ((61, 291), (0, 1))):
        out[list(pair)] = np.float32(center) + radius * np.float32(offset)
    return out


def test_between_crops_moves_a_face_onto_itself():
    older, newer = crop_matrix(points((100, 90), 20), SIDE), crop_matrix(points((130, 70), 26), SIDE)
    place = np.float32([110, 80, 1])
    moved = between_crops(older, newer) @ np.append(older @ place, 1)
    np.testing.assert_allclose(moved, newer @ place, atol=1e-3)


def test_carrying_by_nothing_changes_nothing():
    mask = box(20, 50)
    np.testing.assert_array_equal(carry(mask, np.float32([[1, 0, 0], [0, 1, 0]])), mask)


@pytest.mark.parametrize("center", [(100, 80), (2, 3), (199, 159), (-500, 80)])
def test_the_window_lies_in_the_picture(center):
    window = window_of(crop_matrix(points(center, 20), SIDE), whole(SIDE), (160, 200, 3))
    assert 0 <= window.left <= window.right <= 200
    assert 0 <= window.top <= window.bottom <= 160


def test_a_crop_goes_back_to_where_it_was_cut():
    picture = cv2.GaussianBlur(RNG.integers(0, 256, (160, 200, 3)).astype(np.uint8), (0, 0), 3)
    matrix = crop_matrix(points((100, 80), 20), SIDE)
    crop = cv2.warpAffine(picture, matrix, (SIDE, SIDE))
    window = window_of(matrix, whole(SIDE), picture.shape)
    inside = to_window(np.ones((SIDE, SIDE), np.float32), matrix, window) > 0.999
    back = to_window(crop, matrix, window)
    assert inside.mean() > 0.8
    assert np.abs(back[inside].astype(int) - picture[window.slices][inside]).max() <= 8


@pytest.mark.parametrize(("box_", "expected"), [((20, 50), (19, 19, 51, 51)), ((0, SIDE), (0, 0, SIDE, SIDE))])
def test_the_part_of_a_crop_that_is_painted(box_, expected):
    assert part_of(box(*box_)) == Window(*expected)
    assert part_of(np.zeros((SIDE, SIDE))) == Window(0, 0, 0, 0)


def test_all_that_is_painted_lies_in_its_part_of_the_picture():
    matrix, shape = crop_matrix(points((100, 80), 20), SIDE), (160, 200, 3)
    alpha = seam(box(20, 50))
    small, all_ = (window_of(matrix, part, shape) for part in (part_of(alpha), whole(SIDE)))
    pictures = []
    for window in (small, all_):
        picture = np.zeros(shape[:2], np.float32)
        picture[window.slices] = to_window(alpha, matrix, window)
        pictures.append(picture)
    np.testing.assert_allclose(*pictures, atol=1e-4)
    assert small.size < all_.size
