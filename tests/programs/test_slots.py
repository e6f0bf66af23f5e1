"""Which avatar a face drives."""

from realtime.outputs.programs.slots import Slots


def test_faces_keep_their_numbers_when_their_order_changes():
    slots = Slots(2)
    assert slots.assign([7, 9]) == {7: 0, 9: 1}
    assert slots.assign([9, 7]) == {7: 0, 9: 1}


def test_a_face_that_was_lost_for_a_moment_comes_back_to_its_own():
    slots = Slots(2)
    slots.assign([7, 9])
    assert slots.assign([9]) == {9: 1}
    assert slots.assign([7, 9]) == {7: 0, 9: 1}


def test_whoever_sits_down_next_takes_the_free_one():
    slots = Slots(2)
    slots.assign([7, 9])
    assert slots.assign([12, 9]) == {12: 0, 9: 1}
    assert slots.assign([12, 9, 7]) == {12: 0, 9: 1}  # whose place was taken waits


def test_one_avatar_for_one_face_after_the_other():
    slots = Slots(1)
    assert [slots.assign([id_]) for id_ in (1, 2, 3)] == [{1: 0}, {2: 0}, {3: 0}]


def test_no_faces():
    assert Slots(3).assign([]) == {}
