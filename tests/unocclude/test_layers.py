"""Pixels on their way: into the networks' buffers and back, and the results in the picture's own size."""

from dataclasses import replace

import numpy as np
from covered_fakes import PAINT, ring

from realtime.layers import in_picture, most_likely
from realtime.pixels import fill_image, read_image


def test_pixels_survive_the_way_through_a_networks_buffers():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    buffer = np.zeros((1, 3, 8, 8), np.float32)
    fill_image(buffer, image)
    assert buffer.min() >= -1
    assert buffer.max() <= 1
    np.testing.assert_array_equal(read_image(buffer), image)


def test_outputs_beyond_the_range_are_clipped():
    assert read_image(np.full((1, 3, 2, 2), 1.2, np.float32)).max() == 255
    assert read_image(np.full((1, 3, 2, 2), -1.2, np.float32)).min() == 0


def test_the_most_likely_part_is_the_first_of_the_largest():
    parts = np.random.default_rng(0).random((14, 16, 16)).astype(np.float32).round(1)
    np.testing.assert_array_equal(most_likely(parts), parts.argmax(0))


def test_visible_pixels_of_the_picture_are_untouched(stills, covered, face):
    layers = in_picture(covered, [stills.look(covered, face)])
    green = (covered == (0, 255, 0)).all(2)
    far = np.ones_like(green)
    far[100:160, 140:200] = False
    np.testing.assert_array_equal(layers.complete[far], covered[far])
    # The paint's colour, with the grain of the noise around it.
    np.testing.assert_allclose(layers.complete[120:140, 160:180].mean((0, 1)), PAINT, atol=1)
    assert layers.complete[120:140, 160:180].std(axis=(0, 1)).min() > 1
    overlap = (layers.occlusion > 0) & green
    assert overlap.sum() / ((layers.occlusion > 0) | green).sum() > 0.9
    assert set(np.unique(layers.occlusion)) == {0, 255}


def test_parts_fill_the_picture_where_the_face_is(stills, covered, face):
    parts = in_picture(covered, [stills.look(covered, face)]).parts
    assert parts[120, 160] == 1
    assert parts[0, 0] == 0


def test_a_face_half_out_of_the_picture(stills, covered, face):
    outside = replace(face, landmarks=ring((318, 5), 60))
    covered[:40, 290:] = (0, 255, 0)
    layers = in_picture(covered, [stills.look(covered, outside)])
    assert layers.occlusion.shape == covered.shape[:2]
