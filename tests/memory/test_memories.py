"""Faces followed, looked at, recalled and forgotten."""

import numpy as np
import pytest
from painted_heads import (
    IDENTITY,
    SIDE,
    apart,
    box,
    clear_view,
    model,
    picture,
    seen,
    state,
    surface,
    texture,
    vertices,
)

from realtime.memory import FIRST_LOOKS, LOOK_EVERY, STRANGE_LOOKS, Memories, in_crop, inside, moved
from realtime.remembered import SIZE, Person
from realtime.tracking import MEMORY

HIDDEN = box(90, 140, 70, 120)


@pytest.fixture(scope="module")
def known():
    """Somebody who was given."""
    return Person(
        texture(5), np.full((SIZE, SIZE), 3, np.float32), np.full(80, 0.5, np.float32), np.zeros((256, 256), np.float16)
    )


def watch(memories, colours=None, frames=LOOK_EVERY * (FIRST_LOOKS + 2), doubted=None, number=3, points=None):
    """Shows a head for some frames; whether the one before was forgotten meanwhile."""
    points = vertices() if points is None else points
    image = picture(points, texture() if colours is None else colours)
    forgot = False
    for _ in range(frames):
        mask = None if doubted is None else doubted
        forgot |= memories.observe(image, seen(image, points, mask, number), state(points, number=number))
    return forgot


def recall(memories, number=3, points=None):
    points = vertices() if points is None else points
    image = picture(points, texture())
    image[HIDDEN > 0] = 0
    return memories.recall(number, model().landmarks(points), IDENTITY, image, HIDDEN)


def error(found, points=None):
    truth = picture(vertices() if points is None else points, texture())
    sure = (HIDDEN > 0) & (found.share > 0.99)
    return np.abs(found.painting[sure].astype(int) - truth[sure]).mean() if sure.any() else np.inf


def test_a_face_never_seen_is_not_recalled():
    assert recall(Memories(model())) is None


def test_what_was_seen_is_recalled():
    memories = Memories(model())
    watch(memories)
    assert error(recall(memories)) < 6


def test_it_is_recalled_where_the_face_has_gone():
    memories = Memories(model())
    watch(memories)
    there = vertices(at=(101, 86), scale=0.9)
    assert error(recall(memories, points=there), there) < 9


def test_faces_are_not_confused():
    memories = Memories(model())
    watch(memories, number=3)
    assert recall(memories, number=4) is None


def test_a_face_that_left_is_forgotten():
    memories = Memories(model())
    watch(memories)
    memories.keep({3}, 10.0)
    memories.keep(set(), 10.1 + MEMORY)
    assert recall(memories) is None
    assert memories.learned is not None  # but can still be saved


def test_a_face_that_the_tracker_loses_for_a_moment_is_not():
    memories = Memories(model())
    watch(memories)
    memories.keep({3}, 10.0)
    memories.keep(set(), 10.1)
    memories.keep(set(), 9.9 + MEMORY)
    assert recall(memories) is not None


def test_a_source_that_begins_anew_shows_others():
    memories = Memories(model())
    watch(memories)
    memories.keep({3}, 10.0)
    memories.keep(set(), 0.0)
    assert recall(memories) is None


def test_a_look_is_believed_only_after_the_next():
    memories = Memories(model())
    watch(memories, frames=1)
    assert recall(memories) is None
    watch(memories, frames=1)
    assert recall(memories) is not None


def test_what_was_coming_is_not_learned():
    memories = Memories(model())
    smeared = texture().copy()
    smeared[100:, :] = (0, 255, 0)
    watch(memories, smeared, frames=1)
    watch(memories, smeared, frames=1, doubted=box(70, 192, 0, 192))  # now it is noticed
    assert memories._tracks[3].face.known[130:200, 100:150].max() == 0


def test_what_always_covers_does_not_keep_the_rest_from_being_learned():
    memories = Memories(model())
    watch(memories, doubted=box(60, 70, 60, 130))
    lower = clear_view().copy()
    lower[:130] = False  # the eyes, behind the spectacles
    assert memories._tracks[3].face.known[lower].mean() > 0.9


def test_what_is_covered_is_not_learned():
    memories = Memories(model())
    watch(memories, doubted=HIDDEN)
    assert recall(memories).share[100:130, 80:110].max() < 0.05


def test_stale_frames_are_not_learned_from():
    memories = Memories(model())
    image = picture(vertices(), texture())
    for _ in range(20):
        memories.observe(image, seen(image, vertices(), fresh=False), state(vertices()))
    assert recall(memories) is None


def test_another_person_makes_it_forget():
    memories = Memories(model())
    assert not watch(memories)
    assert watch(memories, texture(1), frames=LOOK_EVERY * (STRANGE_LOOKS + 1))
    watch(memories, texture(1))
    assert apart(memories.learned.colours, texture(1)) < 10


def test_whoever_was_looked_at_most_is_saved_though_another_sits_down_in_their_place():
    memories = Memories(model())
    watch(memories, frames=LOOK_EVERY * 20)
    watch(memories, texture(1), frames=LOOK_EVERY * (STRANGE_LOOKS + 2))
    assert apart(memories.learned.colours, texture()) < 10


def test_the_same_person_in_another_light_does_not():
    memories = Memories(model())
    watch(memories)
    assert not watch(memories, np.clip(texture() * 0.6, 0, 255).astype(np.uint8))


def test_one_strange_look_is_not_enough():
    memories = Memories(model())
    watch(memories)
    watch(memories, texture(1), frames=LOOK_EVERY)
    assert not watch(memories)


def test_what_surrounds_a_stranger_is_not_taken_for_ones_own():
    memories = Memories(model())
    watch(memories)
    while not memories._tracks[3].strange:
        watch(memories, texture(1), frames=1)
    np.testing.assert_array_equal(memories._tracks[3].around.view.crop, picture(vertices(), texture()))


def test_a_person_who_was_given_is_recalled_from_the_first_frame(known):
    memories = Memories(model(), known)
    image = picture(vertices(), texture(5))
    image[HIDDEN > 0] = 0
    memories.observe(image, seen(image, vertices(), HIDDEN), state(vertices()))
    found = memories.recall(3, model().landmarks(vertices()), IDENTITY, image, HIDDEN)
    truth = picture(vertices(), texture(5))
    sure = (HIDDEN > 0) & (found.share > 0.99)
    assert np.abs(found.painting[sure].astype(int) - truth[sure]).mean() < 7


def test_somebody_else_is_not_taken_for_the_person_who_was_given(known):
    memories = Memories(model(), known)
    assert memories.person_of(3) is known
    watch(memories)
    assert memories.person_of(3) is None
    assert memories.learned is None  # nor saved as that person


def test_the_person_who_was_given_is_learned_further(known):
    memories = Memories(model(), known)
    watch(memories, texture(5))
    assert memories.person_of(3) is known
    assert memories.learned is not None


def test_one_strange_look_does_not_forget_the_person_who_was_given(known):
    memories = Memories(model(), known)
    watch(memories, texture(1), frames=1)
    assert not watch(memories, texture(5))
    assert memories.person_of(3) is known


def test_what_is_learned_of_the_person_who_was_given_outlives_whoever_sits_down_next(known):
    memories = Memories(model(), known)
    watch(memories, texture(5))
    watch(memories, texture(1))
    assert memories.person_of(3) is None
    assert apart(memories.learned.colours, texture(5)) < 10


def test_what_may_be_anybodys_is_not_learned_as_the_person_who_was_given(known):
    memories = Memories(model(), known)
    watch(memories, texture(1), doubted=box(0, 120, 0, SIDE))  # too little is seen to say who it is
    assert memories.learned is None


def test_the_face_looked_at_most_is_the_one_that_was_learned():
    memories = Memories(model())
    watch(memories, texture(1), frames=8, number=1)
    watch(memories, texture(2), frames=60, number=2)
    assert apart(memories.learned.colours, texture(2)) < 10


def test_moved_follows_a_similarity_exactly():
    points = vertices()
    marks = model().landmarks(points)
    angle, scale = 0.3, 1.2
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    now = marks[:, :2] @ turn.T + (7, -4)
    found = moved(points, marks[:, :2], now)
    np.testing.assert_allclose(found[:, :2], points[:, :2] @ turn.T + (7, -4), atol=1e-2)
    np.testing.assert_allclose(found[:, 2], points[:, 2] * scale, rtol=1e-4, atol=1e-3)


def test_in_crop_scales_depth_alike():
    matrix = np.float32([[0, 2, 1], [-2, 0, 3]])
    np.testing.assert_allclose(in_crop(np.float32([[1, 2, 3]]), matrix), [[5, 1, 6]])


def test_vertices_outside_the_picture_are_not_seen():
    image = np.zeros((10, 20, 3), np.uint8)
    points = np.float32([[5, 5, 0], [-1, 5, 0], [21, 5, 0], [5, 11, 0], [20, 10, 0]])
    np.testing.assert_array_equal(inside(points, image), [1, 0, 0, 0, 1])


def test_a_face_half_out_of_the_picture_is_half_learned():
    memories = Memories(model())
    watch(memories, points=vertices(at=(SIDE - 1.0, 90.0)))
    known = memories._tracks[3].face.known * surface().symmetric
    assert known[100:200, 140:].max() == 0
    assert known[100:200, 60:110].mean() > 0.5
