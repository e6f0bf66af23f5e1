"""Drawing for the window and for the sinks, with stand-ins for both."""

import threading
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from realtime import show
from realtime.config import Config, OutputConfig
from realtime.frames import Camera, Frame, FrameResult
from realtime.loop import Pipeline
from realtime.outputs.controls import KEYS
from realtime.timing import Timings


class Scene:
    """Stands in for `SceneRenderer`: remembers what was drawn."""

    def __init__(self, size, model, samples=0, context=None, overlays=None):
        self.samples, self.drawn, self.reads, self.warm = samples, [], 0, None

    def warm_up(self, view):
        self.warm = view

    def draw(self, result, view, hud=None, gaze=False, hands=None):
        self.drawn.append((result.frame.index, view, gaze, self.samples))

    def read(self):
        self.reads += 1
        return np.full((2, 2, 3), self.drawn[-1][0], np.uint8)

    def render(self, result, view, hud=None, gaze=False, hands=None):
        self.draw(result, view, hud, gaze, hands)
        return self.read()


class Window:
    """Stands in for the window: presses keys after so many pictures shown."""

    script = ()  # (pictures shown before it, key)

    def __init__(self, title, size):
        self.context, self.should_close, self.shown, self.pending = None, False, [], list(self.script)

    def events(self):
        due = [key for after, key in self.pending if len(self.shown) >= after]
        self.pending = [(after, key) for after, key in self.pending if len(self.shown) < after]
        return [KEYS[key] for key in due]

    def show(self, scene, hud=None):
        self.shown.append((scene.drawn[-1], hud))

    def close(self):
        self.closed = True


class Sink(nullcontext):
    def __init__(self, needs_picture):
        super().__init__()
        self.needs_picture, self.got = needs_picture, []

    def write(self, result, picture):
        self.got.append((result.frame.index, None if picture is None else int(picture[0, 0, 0])))


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    monkeypatch.setattr(show, "SceneRenderer", Scene)
    monkeypatch.setattr(show, "Window", Window)
    monkeypatch.setattr(Window, "script", ())


def results(count, step=0.0):
    for index in range(count):
        time.sleep(step)
        yield Frame(np.zeros((2, 2, 3), np.uint8), time.monotonic(), index / 30, index, f"frame_{index:06d}")


def play(kind, frames, sinks=(), **config):
    timings = Timings()
    shown = kind(show.Setting(Config(**config), None, list(sinks)))
    pipeline = Pipeline(frames, [lambda frame: FrameResult(frame, Camera(1, (1, 1)))], True, timings)
    with pipeline:
        shown.run(pipeline, timings)
    shown.close()
    return shown, timings


def test_headless_gives_every_sink_its_picture():
    sinks = [Sink(True), Sink(False)]
    _, timings = play(show.Headless, results(3), sinks)
    assert [sink.got for sink in sinks] == [[(0, 0), (1, 1), (2, 2)]] * 2
    assert timings.shown == timings.without_face == 3


def test_headless_draws_nothing_that_nobody_wants():
    sink = Sink(False)
    shown, _ = play(show.Headless, results(2), [sink])
    assert shown._scene is None  # so no GL is needed either
    assert sink.got == [(0, None), (1, None)]


def test_headless_without_sinks_draws_all_the_same():
    shown, _ = play(show.Headless, results(2), view="wire")
    assert [drawn[1] for drawn in shown._scene.drawn] == ["wire", "wire"]


def test_the_window_shows_every_frame_and_ends_with_the_source():
    shown, timings = play(show.Windowed, results(4))
    assert [drawn[0] for drawn, _ in shown._window.shown] == [0, 1, 2, 3]
    assert shown._window.closed
    assert shown._scene.reads == 0  # pictures are fetched from GL only when somebody wants them
    assert timings.shown == 4


def test_quit_ends_it():
    Window.script = [(2, "q")]
    shown, _ = play(show.Windowed, results(1000, 0.001))
    assert len(shown._window.shown) == 2


def test_closing_the_window_ends_it(monkeypatch):
    monkeypatch.setattr(Window, "show", lambda self, scene, hud=None: setattr(self, "should_close", True))
    _, timings = play(show.Windowed, results(1000, 0.001))
    assert timings.shown == 1


def test_keys_change_what_is_drawn():
    Window.script = [(2, "w"), (3, "g"), (4, "m")]
    shown, _ = play(show.Windowed, results(6))
    looks = [drawn[1:] for drawn, _ in shown._window.shown]
    assert looks[1] == ("shaded", False, 0)
    assert looks[2] == ("wire", False, 0)
    assert looks[3] == ("wire", True, 0)
    assert looks[4][2] > 0


def test_the_figures_are_on_the_window_and_not_in_the_recording():
    sink = Sink(True)
    shown, _ = play(show.Windowed, results(2), [sink])
    assert any("fps" in line for line in shown._window.shown[-1][1])
    assert sink.got == [(0, 0), (1, 1)]


def test_figures_off():
    Window.script = [(1, "i")]
    shown, _ = play(show.Windowed, results(3))
    assert shown._window.shown[-1][1] is None


def test_pause_holds_the_picture_but_follows_the_keys():
    Window.script = [(2, "SPACE"), (3, "w"), (5, "q")]
    shown, timings = play(show.Windowed, results(1000, 0.001))
    pictures = [drawn for drawn, _ in shown._window.shown]
    assert [index for index, *_ in pictures] == [0, 1, 1, 1, 1]
    assert pictures[-1][1] == "wire"
    assert timings.shown == 2  # showing the same again is no new frame


def test_a_snapshot_is_one_picture(tmp_path):
    Window.script = [(2, "s")]
    shown, _ = play(show.Windowed, results(5), output=OutputConfig(snapshots=tmp_path))
    assert len(list(Path(tmp_path).iterdir())) == 1
    assert shown._scene.reads == 1


def test_a_snapshot_while_paused(tmp_path):
    Window.script = [(2, "SPACE"), (3, "s"), (5, "q")]
    play(show.Windowed, results(1000, 0.001), output=OutputConfig(snapshots=tmp_path))
    assert len(list(Path(tmp_path).iterdir())) == 1


def test_sinks_get_no_frame_twice():
    Window.script = [(2, "SPACE"), (3, "w"), (4, "SPACE")]
    sink = Sink(True)
    play(show.Windowed, results(5), [sink])
    indices = [index for index, _ in sink.got]
    assert indices == sorted(set(indices))


def test_keys_are_heard_while_no_frame_comes():
    Window.script = [(0, "q")]
    forever = threading.Event()

    def silent():
        forever.wait(5)
        yield from ()

    started = time.monotonic()
    shown = show.Windowed(show.Setting(Config(), None, []))
    timings = Timings()
    with Pipeline(silent(), [], True, timings, forever.set) as pipeline:
        shown.run(pipeline, timings)
    assert time.monotonic() - started < 1
