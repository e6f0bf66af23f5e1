"""MediaPipe on a real face: the astronaut that comes with scikit-image."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.frames import Frame
from realtime.tracking import LANDMARKS, MediaPipeTracker, fit_for_tracker

FACE = (179, 71, 271, 177)  # left, top, right, bottom of the landmarks in the 512x512 photograph


@pytest.fixture(scope="module")
def photo():
    path = Path(find_spec("skimage").origin).parent / "data" / "astronaut.png"
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


@pytest.fixture
def tracker():
    made = []

    def make(*rest, **named):
        made.append(MediaPipeTracker(*rest, **named))
        return made[-1]

    yield make
    for one in made:
        one.close()


def frame(image, index=0):
    return Frame(image, 0.0, index / 30, index, f"frame_{index:06d}")


def box(face):
    return np.concatenate([face.landmarks[:, :2].min(0), face.landmarks[:, :2].max(0)])


def test_the_face_is_where_it_is(photo, tracker):
    (face,) = tracker().track(frame(photo))
    assert face.landmarks.shape == (LANDMARKS, 3)
    assert face.landmarks.dtype == np.float32
    assert box(face) == pytest.approx(FACE, abs=6)
    nose, ear = face.landmarks[1, 2], face.landmarks[234, 2]
    assert nose < ear  # z grows away from the camera


def test_it_is_followed_as_the_same(photo, tracker):
    video = tracker()
    found = [video.track(frame(np.roll(photo, 3 * index, 1), index))[0] for index in range(4)]
    assert {face.id for face in found} == {found[0].id}
    assert [face.is_new for face in found] == [True, False, False, False]


def test_a_cut_loses_no_frame(photo, tracker):
    video = tracker()
    for index in range(3):
        video.track(frame(photo, index))
    assert len(video.track(frame(np.roll(photo, (200, 200), (0, 1)), 3))) == 1


def test_two_faces_are_told_apart(photo, tracker):
    small = cv2.resize(photo[:300, 60:360], (210, 210), interpolation=cv2.INTER_AREA)
    both = np.full((300, 520, 3), 128, np.uint8)
    both[:, :300] = photo[:300, 60:360]
    both[40:250, 305:515] = small
    video = tracker(max_faces=2)
    for index in range(3):
        found = video.track(frame(both, index))
    assert [face.id for face in found] == [0, 1]
    assert found[0].landmarks[:, 0].mean() < 300 < found[1].landmarks[:, 0].mean()


def test_only_as_many_as_asked_for(photo, tracker):
    both = np.hstack([photo[:300, 60:360]] * 2)
    assert len(tracker(max_faces=1).track(frame(both))) == 1


def test_no_face(tracker):
    assert tracker().track(frame(np.full((240, 320, 3), 90, np.uint8))) == []


def test_a_face_that_leaves_and_returns(photo, tracker):
    video = tracker()
    (first,) = video.track(frame(photo, 0))
    assert video.track(frame(np.zeros_like(photo), 1)) == []
    (back,) = video.track(frame(photo, 2))
    assert (back.id, back.is_new) == (first.id, True)


def test_stills_are_all_of_somebody_else(photo, tracker):
    stills = tracker(stills=True)
    found = [stills.track(frame(photo, index))[0] for index in range(2)]
    assert found[0].id != found[1].id
    assert all(face.is_new for face in found)
    assert np.array_equal(found[0].landmarks, found[1].landmarks)  # nothing is carried over


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (2, 300), (31, 31)])
def test_pictures_too_small_for_a_face(tracker, photo, size):
    tracker().track(frame(cv2.resize(photo, size)))


def test_a_face_of_twenty_pixels_is_found(tracker, photo):
    """16x16 to 63x63: what MediaPipe itself would not find is enlarged for it."""
    tiny = cv2.resize(photo[40:210, 140:310], (24, 24), interpolation=cv2.INTER_AREA)
    (face,) = tracker().track(frame(tiny))
    assert 0 < face.landmarks[:, 0].mean() < 24


def test_a_picture_of_33_megapixels(tracker, photo):
    scale = 16
    large = cv2.resize(photo[:270, :480], None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    assert large.shape[1::-1] == (7680, 4320)
    (face,) = tracker().track(frame(large))
    assert box(face) == pytest.approx(np.array(FACE) * scale, abs=8 * scale)


@pytest.mark.parametrize("visible", [0.75, 0.55])
def test_a_face_half_out_of_the_picture(tracker, photo, visible):
    right = int(FACE[0] + visible * (FACE[2] - FACE[0]))
    found = tracker().track(frame(np.ascontiguousarray(photo[:, :right])))
    assert len(found) <= 1  # it may be lost, but nothing breaks
    for face in found:
        assert np.isfinite(face.landmarks).all()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((640, 480), (640, 480)), ((7680, 4320), (1280, 720)), ((16, 16), (64, 64)), ((1, 4000), (1, 1280))],
)
def test_size_for_the_tracker(size, expected):
    out = fit_for_tracker(np.zeros((size[1], size[0], 3), np.uint8))
    assert out.shape[1::-1] == expected


def test_its_chatter_stays_off_stderr_and_errors_do_not():
    script = """
import os, sys
import cv2, numpy as np
from importlib.util import find_spec
from pathlib import Path
from realtime.frames import Frame
from realtime.quiet import quiet_native_logs
from realtime.tracking import MediaPipeTracker
with quiet_native_logs():
    photo = cv2.imread(str(Path(find_spec("skimage").origin).parent / "data" / "astronaut.png"))[..., ::-1]
    os.write(2, b"a real error\\n")
tracker = MediaPipeTracker()
for index in range(3):
    assert tracker.track(Frame(np.ascontiguousarray(photo), 0, index / 30, index, ""))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True
    )
    assert done.stderr == "a real error\n"
