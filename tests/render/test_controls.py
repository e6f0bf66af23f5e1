import pytest

from realtime.errors import UserError
from realtime.outputs.controls import KEYS, Action, Controls, help_lines, status_lines
from realtime.outputs.window import letterbox
from realtime.render.views import VIEWS


def test_tab_goes_round_all_views():
    controls, seen = Controls(), []
    for _ in VIEWS:
        seen.append(controls.view)
        controls = controls.after(KEYS["TAB"])
    assert tuple(seen) == VIEWS
    assert controls == Controls()


@pytest.mark.parametrize("key", ["l", "g", "m", "h", "i", "SPACE"])
def test_switches_switch_back(key):
    once = Controls().after(KEYS[key])
    assert once != Controls()
    assert once.after(KEYS[key]) == Controls()


def test_numbers_choose_views():
    assert [Controls().after(KEYS[str(n + 1)]).view for n in range(9)] == list(VIEWS[:9])  # Tab reaches the others
    assert Controls().after(KEYS["w"]).view == "wire"


@pytest.mark.parametrize("command", ["quit", "snapshot"])
def test_what_the_loop_does_itself_changes_nothing(command):
    assert Controls().after(Action(command)) == Controls()


def test_a_view_that_does_not_exist_is_refused():
    with pytest.raises(UserError):
        Controls().after(Action("view", "nope"))


def test_the_help_lists_every_key():
    text = "\n".join(help_lines())
    for key in KEYS:
        assert (key if len(key) == 1 else key.capitalize()) in text


def test_the_hud_tells_figures_device_and_what_is_on():
    lines = status_lines(Controls(gaze=True, paused=True), 29.6, (21.2, 33.0), {"track": 3.14}, "CPU", ("memory",))
    text = "\n".join(lines)
    for part in ("30 fps", "21 / 33 ms", "PAUSED", "track 3.1", "CPU", "shaded", "gaze", "memory", "h: help"):
        assert part in text


@pytest.mark.parametrize(
    ("picture", "window", "expected"),
    [
        ((640, 480), (640, 480), (0, 0, 640, 480)),
        ((640, 480), (1280, 480), (320, 0, 640, 480)),
        ((640, 480), (640, 960), (0, 240, 640, 480)),
        ((480, 640), (640, 480), (140, 0, 360, 480)),
        ((1000, 1), (10, 10), (0, 4, 10, 1)),
    ],
)
def test_letterbox_keeps_the_shape_and_centres(picture, window, expected):
    assert letterbox(picture, window) == expected
