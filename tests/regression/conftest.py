import numpy as np
import pytest


@pytest.fixture(scope="session")
def model():
    from engines.face_model.model import MorphableModel

    return MorphableModel.load()


@pytest.fixture
def rng():
    return np.random.default_rng(0)
