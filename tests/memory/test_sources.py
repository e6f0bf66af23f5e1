"""Where each pixel comes from."""

from dataclasses import replace

import numpy as np
from painted_heads import SIDE, box, seen, vertices

from engines.engine import CONTOUR_SIZE
from realtime.frames import PART_NAMES, SOURCE_NAMES, Frame, FrameResult
from realtime.layers import in_picture, sources
from realtime.recall import Recalled
from realtime.render.pictures import SOURCE_COLORS, source_picture

SKIN = np.full((CONTOUR_SIZE, CONTOUR_SIZE), PART_NAMES.index("skin"), np.uint8)
IMAGE = np.full((SIDE, SIDE, 3), 100, np.uint8)


def names(labels):
    return {SOURCE_NAMES[label] for label in np.unique(labels)}


def covered(own=0.0, mirrored=0.0):
    """A face of which the middle is covered, and its left half known."""
    left = box(0, SIDE, 0, SIDE // 2)
    mask = box(60, 120, 60, 130)
    recalled = Recalled(IMAGE // 2, own * left, mirrored * left)
    return replace(seen(IMAGE, vertices()), mask=mask, margin=mask - 0.5, alpha=mask, painting=IMAGE, recalled=recalled)


def test_in_plain_view_all_is_seen():
    assert names(sources(seen(IMAGE, vertices()), SKIN)) == {"seen"}


def test_what_is_no_face_is_elsewhere():
    assert names(sources(seen(IMAGE, vertices()), SKIN * 0)) == {"elsewhere"}


def test_memory_comes_first_and_completion_last():
    labels = sources(covered(own=1), SKIN)
    assert names(labels[62:118, 62:94]) == {"memory"}
    assert names(labels[62:118, 98:128]) == {"completion"}
    assert names(labels[:58]) == {"seen"}


def test_the_mirror_image_has_its_own_name():
    assert names(sources(covered(own=0.2, mirrored=0.7), SKIN)[62:118, 62:94]) == {"mirror"}


def test_what_is_hardly_known_is_completed():
    assert "memory" not in names(sources(covered(own=0.3), SKIN))


def test_it_is_told_in_the_pictures_own_size():
    layers = in_picture(IMAGE, [covered(own=1)])
    assert layers.source.shape == IMAGE.shape[:2]
    assert names(layers.source) == {"seen", "memory", "completion"}


def test_a_larger_face_is_no_cover_of_the_one_behind_it():
    small = seen(IMAGE, vertices())
    front = replace(small, crop=IMAGE, parts=small.parts * 0)
    front.parts[PART_NAMES.index("background")] = 1
    front.parts[:, :, : CONTOUR_SIZE // 2] = small.parts[:, :, : CONTOUR_SIZE // 2]  # in the left half
    behind = replace(covered(own=1), painting=IMAGE // 4)
    both, alone = in_picture(IMAGE, [front, behind]), in_picture(IMAGE, [behind])
    left, right = np.s_[62:118, 62:94], np.s_[62:118, 98:128]
    assert both.occlusion[left].max() == 0
    assert names(both.source[left]) == {"seen"}
    np.testing.assert_array_equal(both.complete[left], IMAGE[left])
    for name in ("occlusion", "source", "complete", "parts"):
        np.testing.assert_array_equal(getattr(both, name)[right], getattr(alone, name)[right])
    assert alone.occlusion[left].min() == 255


def test_the_cut_out_shows_each_source_in_its_colour():
    labels = np.arange(len(SOURCE_NAMES), dtype=np.uint8)[None].repeat(2, 0)
    image = np.full((*labels.shape, 3), 100, np.uint8)
    picture = source_picture(FrameResult(Frame(image, 0.0, 0.0, 0, "a"), None, source=labels))
    assert (picture[:, 0] == 0).all()  # cut out
    found = picture[0, 1:].astype(int)
    expected = np.array([SOURCE_COLORS[name] for name in SOURCE_NAMES[1:]])
    assert np.abs(found - (0.55 * expected + 45)).max() <= 1
