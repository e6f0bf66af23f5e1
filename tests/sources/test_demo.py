"""The demonstration's frames."""

import cv2
import numpy as np
import pytest

from realtime.errors import UserError
from realtime.sources import demo
from realtime.sources.demo import Demo, hand_path, motion


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    """A stand-in of one colour, so that its pixels can be told from the photograph's."""
    rgba = np.zeros((300, 200, 4), np.uint8)
    cv2.ellipse(rgba, (100, 150), (80, 140), 0, 0, 360, (255, 0, 255, 255), -1)
    path = tmp_path_factory.mktemp("hand") / "hand.png"
    cv2.imwrite(str(path), rgba)
    return path


@pytest.fixture(scope="module")
def source(hand):
    return Demo(hand)


def purple(picture):
    return (np.abs(picture.astype(int) - (255, 0, 255)).max(2) < 12).sum()


def test_ten_seconds_of_vga(source):
    shots = source.shots()
    first = next(shots)
    assert first.image.shape == (480, 640, 3)
    assert next(shots).time == pytest.approx(1 / 30)
    assert demo.RATE * demo.SECONDS == 300


def test_the_same_on_every_run(source, hand):
    assert np.array_equal(source.picture(0.7), Demo(hand).picture(0.7))


def test_the_motion_begins_where_it_ends():
    start, end = motion(0.0), motion(1.0)
    assert (start.yaw, start.pitch, start.roll) == pytest.approx((end.yaw, end.pitch, end.roll), abs=1e-9)
    assert start.shift == pytest.approx(end.shift, abs=1e-9)


def test_it_starts_as_the_photograph(source):
    assert np.abs(source.picture(0.0).astype(int) - source._photo).mean() < 1


def test_the_head_moves_and_the_wall_stays(source):
    still, moved = source.picture(0.0).astype(int), source.picture(0.12).astype(int)
    assert np.abs(still - moved)[120:320, 220:420].mean() > 8
    assert np.abs(still - moved)[:, :4].mean() < 1
    assert np.abs(still - moved)[:, -4:].mean() < 1


@pytest.mark.parametrize("phase", np.linspace(0, 1, 21))
def test_nothing_folds_or_tears(source, phase):
    """Neighbouring pixels come from neighbouring places, in the same order."""
    source.picture(phase)
    where = source._where
    across, down = np.diff(where[..., 0], axis=1), np.diff(where[..., 1], axis=0)
    for steps in (across, down):
        assert steps.min() > 0.3
        assert steps.max() < 2.5


def test_no_hand_in_the_first_half(source):
    for phase in np.linspace(0, 0.45, 5):
        assert hand_path(phase) is None
        assert purple(source.picture(phase)) == 0


def test_the_hand_covers_part_of_the_face_then_leaves(source):
    seen = [purple(source.picture(phase)[150:330, 230:410]) for phase in np.linspace(0.5, 1.0, 21)]
    assert max(seen) > 0.15 * 180 * 180
    assert max(seen) < 0.8 * 180 * 180
    assert seen[-1] == 0


def test_the_hand_casts_a_shadow(source):
    grey = np.full((480, 640, 3), 200, np.uint8)
    source._hand.lay(grey, (320, 240), 0.0)
    hand = np.abs(grey.astype(int) - (255, 0, 255)).max(2) < 60
    shadow = (grey[..., 1] < 180) & ~hand
    assert shadow.sum() > 500
    assert (np.argwhere(shadow).mean(0) > np.argwhere(hand).mean(0)).all()  # to the right and below
    assert grey[0, 0].tolist() == [200, 200, 200]


@pytest.mark.parametrize("center", [(-20, 240), (660, 500), (320, -30), (5000, 5000)])
def test_a_hand_partly_or_wholly_outside(source, center):
    source._hand.lay(np.zeros((480, 640, 3), np.uint8), center, 0.4)


def test_a_missing_hand_is_told(tmp_path):
    with pytest.raises(UserError, match="hand"):
        Demo(tmp_path / "hand.png")


def test_close_ends_it(source, hand):
    other = Demo(hand)
    shots = other.shots()
    next(shots)
    other.close()
    assert list(shots) == []
