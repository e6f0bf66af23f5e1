"""A GL context that fails the test when GL reports an error."""

import pytest

from realtime.errors import UserError
from realtime.render.context import headless_context
from realtime.render.scene import SceneRenderer


@pytest.fixture(scope="session")
def shared_context():
    try:
        return headless_context()
    except UserError as error:
        pytest.skip(error.message)


@pytest.fixture
def context(shared_context):
    """The session's context; whatever GL reports after the test fails it."""
    yield shared_context
    assert shared_context.error == "GL_NO_ERROR"


@pytest.fixture
def make_scene(context):
    def make(model, size, samples=0):
        return SceneRenderer(size, model, samples, context)

    return make
