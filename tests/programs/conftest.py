"""A port that listens."""

import pytest
from program_faces import Listener


@pytest.fixture
def listener():
    listening = Listener()
    yield listening
    listening.close()
