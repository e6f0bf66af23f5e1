"""The virtual camera, with a stand-in for the package that is not part of this program."""

import logging
import sys
import types

import numpy as np
import pytest
from program_faces import make_result

from realtime.errors import UserError
from realtime.outputs.programs.virtual_camera import VirtualCamera


class Device:
    """Stands in for `pyvirtualcam.Camera`."""

    missing = None  # what the constructor complains of

    def __init__(self, width, height, fps, *, device=None):
        if self.missing:
            raise RuntimeError(self.missing)
        self.size, self.device, self.shown, self.closed, self.broken = (width, height), device or "OBS", [], 0, False
        Device.last = self

    def send(self, picture):
        if self.broken:
            raise RuntimeError("the device is gone")
        assert picture.shape == (self.size[1], self.size[0], 3)
        assert picture.flags.c_contiguous
        self.shown.append(picture)

    def close(self):
        self.closed += 1


@pytest.fixture(autouse=True)
def package(monkeypatch):
    stand_in = types.ModuleType("pyvirtualcam")
    stand_in.Camera = Device
    monkeypatch.setitem(sys.modules, "pyvirtualcam", stand_in)
    monkeypatch.setattr(Device, "missing", None)


def picture(width, height, value=200):
    return np.full((height, width, 3), value, np.uint8)


def test_pictures_are_fitted_in():
    with VirtualCamera("", (64, 48)) as sink:
        assert sink.needs_picture
        sink.write(make_result(), picture(64, 48))
        sink.write(make_result(), picture(32, 48))
    assert [shown[:, 0].max() for shown in Device.last.shown] == [200, 0]  # black beside the narrow one
    assert Device.last.closed == 1


def test_a_device_by_name():
    with VirtualCamera("/dev/video7", (64, 48)):
        assert Device.last.device == "/dev/video7"


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(UserError, match="pyvirtualcam") as mistake:
        VirtualCamera("", (64, 48))
    assert "GPL" in mistake.value.remedy
    assert "pip install pyvirtualcam" in mistake.value.remedy


@pytest.mark.parametrize("complaint", ["'v4l2loopback' backend: none found.\nAnother line.", "\n"])
def test_without_a_device(monkeypatch, complaint):
    monkeypatch.setattr(Device, "missing", complaint)
    with pytest.raises(UserError, match="cannot be opened") as mistake:
        VirtualCamera("", (64, 48))
    assert "\n" not in mistake.value.message + mistake.value.remedy


def test_a_device_that_goes_away_does_not_end_the_loop(caplog):
    caplog.set_level(logging.WARNING, "realtime")
    with VirtualCamera("", (64, 48)) as sink:
        sink.write(make_result(), picture(64, 48))
        Device.last.broken = True
        for _ in range(5):
            sink.write(make_result(), picture(64, 48))
    assert len(caplog.records) == 1
    assert Device.last.closed == 1
