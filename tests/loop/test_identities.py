"""Numbers that stay with the person."""

import numpy as np
import pytest

from realtime.tracking import Identities, face_size

RNG = np.random.default_rng(5)
SHAPE = RNG.uniform(-0.5, 0.5, (478, 3)).astype(np.float32)


def face(x, y, size=100.0):
    return SHAPE * np.float32(size) + np.float32([x, y, 0])


def ids(faces):
    return [tracked.id for tracked in faces]


def test_size_is_the_box_of_the_landmarks():
    assert face_size(face(50, 60, 80)) == pytest.approx(80, rel=0.02)


def test_the_first_frame_is_new_the_next_is_not():
    identities = Identities()
    assert [t.is_new for t in identities.assign([face(100, 100)], 0.0)] == [True]
    assert [t.is_new for t in identities.assign([face(104, 100)], 0.033)] == [False]


def test_numbers_follow_people_whatever_order_they_come_in():
    identities = Identities()
    first = identities.assign([face(100, 100, 110), face(400, 100, 90)], 0.0)
    second = identities.assign([face(395, 105, 90), face(108, 98, 110)], 0.033)
    assert ids(first) == [0, 1]
    assert ids(second) == [0, 1]
    assert second[1].landmarks[:, 0].mean() > 300


def test_largest_first_even_when_the_larger_one_came_later():
    identities = Identities()
    identities.assign([face(100, 100, 60)], 0.0)
    tracked = identities.assign([face(100, 100, 60), face(400, 100, 120)], 0.033)
    assert ids(tracked) == [1, 0]


def test_people_who_pass_each_other_keep_their_numbers():
    identities = Identities()
    for step in range(31):
        left, right = face(100 + 10 * step, 100), face(400 - 10 * step, 190)
        tracked = {t.id: t.landmarks[:, 1].mean() for t in identities.assign([right, left], step / 30)}
    assert tracked[min(tracked, key=tracked.get)] < 150
    assert len(tracked) == 2
    assert max(tracked) == 1  # no third number was ever given


def test_a_jump_across_the_picture_is_somebody_else():
    identities = Identities()
    identities.assign([face(100, 100)], 0.0)
    assert ids(identities.assign([face(500, 300)], 0.033)) == [1]


def test_near_is_measured_in_faces_not_in_pixels():
    far_away = Identities()
    far_away.assign([face(100, 100, 20)], 0.0)
    assert ids(far_away.assign([face(130, 100, 20)], 0.033)) == [1]
    close_up = Identities()
    close_up.assign([face(300, 300, 200)], 0.0)
    assert ids(close_up.assign([face(330, 300, 200)], 0.033)) == [0]


def test_a_short_gap_keeps_the_number_but_says_that_the_track_is_new():
    identities = Identities(forget=1.0)
    identities.assign([face(100, 100)], 0.0)
    identities.assign([], 0.033)
    (back,) = identities.assign([face(110, 100)], 0.5)
    assert (back.id, back.is_new) == (0, True)
    (on,) = identities.assign([face(111, 100)], 0.533)
    assert (on.id, on.is_new) == (0, False)


def test_a_long_gap_ends_it():
    identities = Identities(forget=1.0)
    identities.assign([face(100, 100)], 0.0)
    assert ids(identities.assign([face(100, 100)], 1.5)) == [1]


def test_one_who_is_there_is_preferred_to_one_who_was():
    identities = Identities()
    identities.assign([face(100, 100)], 0.0)
    identities.assign([], 0.1)
    identities.assign([face(165, 100)], 0.2)  # somebody else (too far), while 0 is still waited for
    assert ids(identities.assign([face(130, 100)], 0.233)) == [1]


def test_a_face_found_twice_is_one():
    identities = Identities()
    assert len(identities.assign([face(100, 100), face(103, 101, 96)], 0.0)) == 1


def test_a_small_face_beside_a_large_one_is_another():
    identities = Identities()
    assert len(identities.assign([face(100, 100, 100), face(180, 100, 50)], 0.0)) == 2


def test_no_face():
    assert Identities().assign([], 0.0) == []
