"""A face, pictures of it, and networks that follow rules."""

import cv2
import numpy as np
import pytest
from covered_fakes import FakeEngine, FakeMesh, ring

from realtime.frames import TrackedFace
from realtime.unocclude import Unoccluder


@pytest.fixture
def engines():
    return FakeEngine("contour"), FakeEngine("completion")


@pytest.fixture
def mesh():
    return FakeMesh()


@pytest.fixture
def face():
    return TrackedFace(7, ring((160, 120), 60), is_new=True)


@pytest.fixture
def bare():
    """A picture of noise, without any green."""
    noise = np.random.default_rng(3).integers(60, 190, (60, 80, 3)).astype(np.uint8)
    return cv2.resize(noise, (320, 240), interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def covered(bare):
    out = bare.copy()
    out[110:150, 150:190] = (0, 255, 0)
    return out


@pytest.fixture
def stills(engines, mesh):
    return Unoccluder(*engines, mesh, stills=True)


@pytest.fixture
def video(engines, mesh):
    return Unoccluder(*engines, mesh, stills=False)
