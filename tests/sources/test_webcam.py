"""A camera that is missing, busy, unplugged, and back."""

import threading

import cv2
import numpy as np
import pytest

from realtime.errors import UserError
from realtime.sources import webcam
from realtime.sources.webcam import FAILURES, Webcam, find_camera

NAMES = {0: "Integrated Camera", 2: "HD Pro Webcam C920"}


class Capture:
    """Stands in for `cv2.VideoCapture`: gives `count` pictures, then fails."""

    def __init__(self, count=10**9, opened=True):
        self.count, self.opened, self.released, self.modes = count, opened, False, {}

    def isOpened(self):
        return self.opened

    def set(self, key, value):
        self.modes[key] = value
        return True

    def read(self):
        if self.count <= 0:
            return False, None
        self.count -= 1
        return True, np.full((2, 2, 3), (1, 2, 3), np.uint8)

    def release(self):
        self.released = True


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(webcam, "PATIENCE", 0.0)
    monkeypatch.setattr(webcam, "RETRY", 0.001)


def test_pictures_are_rgb_and_numbered_in_time():
    shots = Webcam("0", opener=lambda index: Capture(), lister=dict).shots()
    first, second = next(shots), next(shots)
    assert first.image[0, 0].tolist() == [3, 2, 1]
    assert second.time >= first.time >= 0


def test_the_mode_is_asked_for_mjpg_first():
    capture = Capture()
    Webcam("0", (1280, 720), 60, opener=lambda index: capture, lister=dict)
    assert next(iter(capture.modes)) == cv2.CAP_PROP_FOURCC
    assert capture.modes[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert capture.modes[cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert capture.modes[cv2.CAP_PROP_FRAME_HEIGHT] == 720
    assert capture.modes[cv2.CAP_PROP_FPS] == 60


@pytest.mark.parametrize(
    ("wanted", "index"), [("0", 0), ("7", 7), ("/dev/video3", 3), ("c920", 2), ("Integrated", 0), ("Kinect", None)]
)
def test_by_number_device_or_name(wanted, index):
    assert find_camera(wanted, NAMES) == index


def test_the_name_decides_which_is_opened():
    opened = []
    Webcam("c920", opener=lambda index: opened.append(index) or Capture(), lister=lambda: NAMES)
    assert opened == [2]


def test_no_camera():
    with pytest.raises(UserError, match="cannot be opened"):
        Webcam("0", opener=lambda index: Capture(opened=False), lister=dict)


def test_a_missing_camera_among_others_lists_them():
    with pytest.raises(UserError) as caught:
        Webcam("Kinect", opener=lambda index: Capture(), lister=lambda: NAMES)
    assert "C920" in caught.value.remedy


def test_a_busy_camera(monkeypatch):
    """A camera that another program reads can be opened, but gives nothing."""
    monkeypatch.setattr(webcam.Path, "exists", lambda self: True)
    monkeypatch.setattr(webcam.os, "access", lambda *_: True)
    capture = Capture(count=0)
    with pytest.raises(UserError, match="busy"):
        Webcam("0", opener=lambda index: capture, lister=lambda: NAMES)
    assert capture.released


def test_a_forbidden_camera(monkeypatch):
    monkeypatch.setattr(webcam.Path, "exists", lambda self: True)
    monkeypatch.setattr(webcam.os, "access", lambda *_: False)
    with pytest.raises(UserError, match="may not"):
        Webcam("0", opener=lambda index: Capture(opened=False), lister=lambda: NAMES)


def test_a_few_lost_pictures_are_no_unplugging():
    class Stutters(Capture):
        reads = 0

        def read(self):
            self.reads += 1
            return super().read() if self.reads % FAILURES else (False, None)

    opened = []
    shots = Webcam("0", opener=lambda index: opened.append(index) or Stutters(), lister=dict).shots()
    for _ in range(50):
        next(shots)
    assert len(opened) == 1


def test_unplugged_and_back():
    plugged = [Capture(count=3), Capture(opened=False), Capture(opened=False), Capture()]
    opened = []

    def opener(index):
        opened.append(plugged[len(opened)])
        return opened[-1]

    shots = Webcam("0", opener=opener, lister=dict).shots()
    times = [next(shots).time for _ in range(6)]  # more than the first plugging could give
    assert len(opened) == 4
    assert opened[0].released
    assert times == sorted(times)


def test_close_ends_the_waiting_for_its_return():
    gone = [Capture(count=2)]
    camera = Webcam("0", opener=lambda index: gone.pop() if gone else Capture(opened=False), lister=dict)
    ended = threading.Event()

    def play():
        list(camera.shots())
        ended.set()

    threading.Thread(target=play, daemon=True).start()
    camera.close()
    assert ended.wait(2)


def test_the_camera_is_given_back():
    capture = Capture()
    shots = Webcam("0", opener=lambda index: capture, lister=dict).shots()
    next(shots)
    shots.close()
    assert capture.released
