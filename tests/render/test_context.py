import moderngl
import pytest

from realtime.errors import UserError
from realtime.render.context import headless_context


def test_missing_libraries_name_the_packages(monkeypatch):
    def fail(**_):
        raise Exception("libGL.so not loaded")  # what glcontext raises

    monkeypatch.setattr(moderngl, "create_context", fail)
    with pytest.raises(UserError) as error:
        headless_context()
    assert "libGL.so" in error.value.message
    assert "libegl1 libgl1" in error.value.remedy
    assert "\n" not in error.value.message + error.value.remedy
