"""A real hand before the face: shown, half seen through, removed."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_faces import Sheets, grey, make_face, make_result

from realtime.frames import PART_NAMES
from realtime.outputs.controls import KEYS, Controls
from realtime.render.hands import covered_rectangle, feathered, without_hair
from realtime.render.views import HANDS, VIEWS, find_view

SIZE = 32
FRAME, COMPLETE = (100, 100, 100), (10, 60, 10)


@pytest.fixture
def draw(make_scene):
    """A red face over the left half, a hand over the rows from 16 on."""

    def draw(view, hands=None, mask_rows=16):
        model = Sheets([(0, 0, 16, SIZE, 0)], [(1, 0, 0)])
        mask = np.zeros((SIZE, SIZE), np.uint8)
        mask[mask_rows:] = 255
        complete = grey(SIZE, SIZE)
        complete[mask_rows:] = COMPLETE
        result = replace(
            make_result(grey(SIZE, SIZE), make_face(model)),
            occlusion=mask,
            complete=complete,
            parts=np.full((SIZE, SIZE), 1, np.uint8),
        )
        return make_scene(model, (SIZE, SIZE)).render(result, view, hands=hands)

    return draw


@pytest.mark.gl
@pytest.mark.parametrize("view", ["shaded", "wire", "bump", "texture"])
def test_shown_the_hand_is_the_frames_own_pixels(draw, view):
    drawn = draw(view, "show")
    assert (drawn[18:] == FRAME).all()
    np.testing.assert_array_equal(drawn[:14], draw(view, "remove")[:14])


@pytest.mark.gl
def test_the_edge_is_feathered_to_both_sides(draw):
    column = draw("shaded", "show")[:, 8, 0].astype(int)
    assert (column[:15] == 255).all()
    assert (column[17:] == 100).all()
    assert (np.diff(column[14:18]) < 0).any()
    assert 100 < column[15] < 255
    assert 100 < column[16] < 255


@pytest.mark.gl
def test_half_lets_the_face_through(draw):
    drawn = draw("shaded", "half")
    assert np.abs(drawn[20, 8].astype(int) - (178, 50, 50)).max() <= 1
    assert np.abs(draw("off", "half")[20, 24].astype(int) - (55, 80, 55)).max() <= 1


@pytest.mark.gl
def test_removed_the_face_is_whole(draw):
    assert (draw("shaded", "remove")[4:28, 4:12] == (255, 0, 0)).all()
    assert (draw("off", "remove")[16:] == COMPLETE).all()


@pytest.mark.gl
def test_unless_the_user_chooses_views_are_what_they_were(draw):
    assert (draw("off") == FRAME).all()
    assert (draw("shaded")[4:28, 4:12] == (255, 0, 0)).all()
    assert (draw("complete")[16:] == COMPLETE).all()
    assert (draw("split")[:, :14] == FRAME).all()


@pytest.mark.gl
@pytest.mark.parametrize("hands", HANDS)
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_takes_every_choice(draw, view, hands):
    assert draw(view, hands).shape == (SIZE, SIZE, 3)


@pytest.mark.gl
@pytest.mark.parametrize("hands", HANDS)
def test_the_split_views_left_half_stays_the_frame(draw, hands):
    assert (draw("split", hands)[:, :14] == FRAME).all()


@pytest.mark.gl
def test_an_empty_mask_changes_nothing(draw):
    np.testing.assert_array_equal(draw("shaded", "show", SIZE), draw("shaded", "remove", SIZE))


@pytest.mark.parametrize("feather", [1, 2, 5])
def test_feathering_is_a_symmetrical_ramp_of_the_mask(feather):
    mask = np.zeros((40, 40), np.uint8)
    mask[:, 20:] = 255
    row = feathered(mask, (0, 0, 40, 40), feather)[10].astype(int)
    assert (row[: 20 - feather] == 0).all()
    assert (row[20 + feather :] == 255).all()
    assert (np.diff(row) >= 0).all()
    assert np.abs(row + row[::-1] - 255).max() <= 1


def test_only_what_is_covered_and_shown_is_touched():
    mask = np.zeros((40, 60), np.uint8)
    assert covered_rectangle(mask, 2, (0, 0, 60, 40)) is None
    mask[10:20, 30:50] = 255
    assert covered_rectangle(mask, 2, (0, 0, 60, 40)) == (28, 8, 52, 22)
    assert covered_rectangle(mask, 2, (40, 0, 60, 12)) == (40, 8, 52, 12)
    assert covered_rectangle(mask, 2, (0, 0, 20, 40)) is None
    np.testing.assert_array_equal(feathered(mask, (40, 8, 52, 12), 2), feathered(mask, (0, 0, 60, 40), 2)[8:12, 40:52])


def test_patches_on_the_hair_go_whole_a_hand_that_reaches_into_it_stays_whole():
    hair, skin = PART_NAMES.index("hair"), PART_NAMES.index("skin")
    mask, parts = np.zeros((40, 60), np.uint8), np.full((40, 60), skin, np.uint8)
    parts[:20] = hair
    mask[4:10, 4:15] = 255  # a fringe
    mask[14:36, 30:40] = 255  # a hand
    expected = mask.copy()
    expected[:12, :20] = 0
    np.testing.assert_array_equal(without_hair(mask, parts), expected)
    assert without_hair(mask, None) is mask
    parts[:] = skin
    assert without_hair(mask, parts) is mask
    assert without_hair(mask[:1, :1], parts[:1, :1]).shape == (1, 1)


@pytest.mark.parametrize("view", VIEWS)
def test_the_key_goes_round_from_what_the_view_shows(view):
    controls, seen = Controls(view=view), []
    for _ in HANDS:
        controls = controls.after(KEYS["o"])
        seen.append(controls.hands)
    assert seen[0] != find_view(view).hands
    assert sorted(seen) == sorted(HANDS)
