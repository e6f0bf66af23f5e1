from __future__ import annotations

import numpy as np
import pytest

from realtime.outputs.webrtc import timecode


@pytest.mark.parametrize("value", [0, 1, 12345678, timecode.PERIOD - 1])
def test_round_trip(value):
    image = np.full((480, 640, 3), 90, np.uint8)
    timecode.burn(image, value + timecode.PERIOD)
    assert timecode.read(image) == value


def test_a_picture_without_a_code_has_none():
    assert timecode.read(np.full((480, 640, 3), 90, np.uint8)) is None
    assert timecode.read(np.zeros((8, 64, 3), np.uint8)) is None


def test_one_wrong_square_is_noticed():
    image = np.zeros((480, 640, 3), np.uint8)
    timecode.burn(image, 4711)
    image[-16:, 160:176] = 255 - image[-16:, 160:176]
    assert timecode.read(image) is None
