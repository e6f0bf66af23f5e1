"""The fake face model and results that fit it, for every test of the sinks."""

import numpy as np
import pytest
from tiny_model import TinyModel, make_face

from realtime.frames import Camera, Frame, FrameResult


@pytest.fixture
def model():
    return TinyModel()


@pytest.fixture
def make_result(model):
    def make(index=0, faces=1, time=None, size=(64, 48), name=None, **rest):
        image = np.full((size[1], size[0], 3), 10 + index, np.uint8)
        frame = Frame(image, 0.0, index / 30 if time is None else time, index, name or f"frame_{index:06d}")
        states = tuple(make_face(model, number=number) for number in range(faces))
        return FrameResult(frame, Camera(60.0, (32.0, 24.0)), states, **rest)

    return make
