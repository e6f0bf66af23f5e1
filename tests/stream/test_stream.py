"""`FaceStream`, with stand-ins for what finds and fits faces."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from realtime import FaceStream, covered_faces, reconstruction, tracking
from realtime.errors import UserError
from realtime.frames import Camera, FrameResult
from realtime.sources import open as sources
from realtime.sources.base import Shot


class Source:
    """Stands in for a camera or a file: numbered pictures."""

    still, names = False, ()

    def __init__(self, live=False, count=5, step=0.0):
        self.live, self.count, self.step, self.closed = live, count, step, threading.Event()

    def shots(self):
        for number in range(self.count):
            if self.closed.wait(self.step):
                return
            yield Shot(np.full((4, 4, 3), number, np.uint8), number / 30)

    def close(self):
        self.closed.set()


class Tracker:
    made = ()

    def __init__(self, max_faces, stills):
        self.arguments, self.closed = (max_faces, stills), False
        Tracker.made = (*Tracker.made, self)

    def track(self, frame):
        return []

    def close(self):
        self.closed = True


class Reconstructor:
    def __init__(self, *arguments):
        pass

    def process(self, frame, faces):
        return FrameResult(frame, Camera(1.0, (2.0, 2.0)))


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    monkeypatch.setattr(Tracker, "made", ())
    monkeypatch.setattr(tracking, "MediaPipeTracker", Tracker)
    monkeypatch.setattr(covered_faces, "open_covered_faces", lambda *arguments: None)
    monkeypatch.setattr(reconstruction, "Reconstructor", Reconstructor)


@pytest.fixture
def opened(monkeypatch):
    """Makes `FaceStream` read from stand-ins; returns what it asked for, and the stand-ins."""
    made = []

    def use(**options):
        def open_source(config, stills):
            made.append((config, Source(**options)))
            return made[-1][1]

        monkeypatch.setattr(sources, "open_source", open_source)
        return made

    return use


@pytest.fixture(autouse=True)
def no_threads_are_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_every_frame_of_a_file(opened):
    opened()
    results = list(FaceStream("clip.mp4"))
    assert [result.frame.index for result in results] == [0, 1, 2, 3, 4]
    assert [result.frame.image[0, 0, 0] for result in results] == [0, 1, 2, 3, 4]


def test_leaving_the_loop_ends_everything_at_once(opened):
    made = opened(live=True, count=10_000, step=0.001)
    for result in FaceStream(0):
        if result.frame.index > 3:
            break
    assert made[0][1].closed.is_set()
    assert Tracker.made[0].closed
    assert not [thread for thread in threading.enumerate() if thread.name in {"capture", "stage 0", "stage 1"}]


def test_an_error_in_the_loop_ends_everything_too(opened):
    made = opened(live=True, count=10_000, step=0.001)

    def careless():
        for _ in FaceStream(0):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        careless()
    assert made[0][1].closed.is_set()


def test_a_context_ends_what_a_forgotten_iterator_holds(opened):
    made = opened(live=True, count=10_000, step=0.001)
    with FaceStream(0) as stream:
        results = iter(stream)
        next(results)
        assert not made[0][1].closed.is_set()
    assert made[0][1].closed.is_set()
    assert list(results) == []


def test_iterating_again_starts_anew(opened):
    made = opened(count=3)
    stream = FaceStream("clip.mp4")
    assert [len(list(stream)), len(list(stream))] == [3, 3]
    assert len(made) == 2


def test_a_second_iteration_ends_the_first(opened):
    made = opened(live=True, count=10_000, step=0.001)
    with FaceStream(0) as stream:
        first = iter(stream)
        next(first)
        second = iter(stream)
        assert made[0][1].closed.is_set()  # a camera can be opened once only
        assert next(second).frame.index >= 0


def test_a_slow_loop_over_a_camera_sees_the_newest(opened):
    opened(live=True, count=60, step=0.005)
    seen = []
    for result in FaceStream(0):
        seen.append(result.frame.index)
        time.sleep(0.05)
    assert len(seen) < 40
    assert seen == sorted(seen)
    assert seen[-1] == 59  # the last is never dropped


def test_a_file_played_as_a_camera_would(opened):
    made = opened()
    list(FaceStream("clip.mp4", realtime=True))
    assert (made[0][0].realtime, made[0][0].drop) == (True, True)


def test_options_arrive(opened):
    made = opened(count=1)
    list(FaceStream("clip.mp4", max_faces=3, stills=True, size=(8, 6)))
    config = made[0][0]
    assert (config.name, config.size, config.realtime, config.drop, config.loop) == (
        "clip.mp4",
        (8, 6),
        False,
        False,
        False,
    )
    assert Tracker.made[0].arguments == (3, True)


def test_a_cameras_number(opened):
    made = opened(count=1)
    list(FaceStream(2))
    assert made[0][0].name == "2"


def test_what_is_missing_is_told_when_the_loop_begins():
    stream = FaceStream("no/such/clip.mp4")
    with pytest.raises(UserError, match="no/such"):
        next(iter(stream))


@pytest.mark.parametrize("options", [{"max_faces": 0}, {"device": "tpu"}, {"person": "me.npz", "stills": True}])
def test_options_that_make_no_sense(options):
    with pytest.raises(UserError):
        FaceStream("demo", **options)


def test_importing_it_is_light():
    heavy = "{'cv2', 'mediapipe', 'openvino', 'moderngl', 'av', 'aiortc'}"
    code = f"import sys; from realtime import FaceStream; FaceStream('demo'); print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.fixture
def drawn(monkeypatch):
    """Stands in for what draws, and for the overlays' watch; what either was asked for."""
    from realtime.overlays import watch
    from realtime.render import scene

    calls = []

    class Scene:
        def __init__(self, size, model, overlays=None):
            self.overlays = overlays
            calls.append("scene")

        def render(self, result, view):
            calls.append((view, self.overlays() if self.overlays else ()))
            return result.frame.image

    class Watcher:
        current = ("glasses as they are",)

        def __init__(self, paths, triangles):
            calls.append([path.name for path in paths])

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            calls.append("unwatched")

    monkeypatch.setattr(scene, "SceneRenderer", Scene)
    monkeypatch.setattr(watch, "OverlayWatcher", Watcher)
    return calls


def test_overlays_are_drawn_over_the_frame_itself_and_watched_until_the_loop_ends(opened, drawn):
    opened(count=2)
    stream = FaceStream("clip.mp4", overlays=["glasses"])
    for result in stream:
        assert stream.draw(result) is result.frame.image
    over = ("off", ("glasses as they are",))
    assert drawn == [["glasses.toml"], "scene", over, over, "unwatched"]


def test_without_overlays_the_mesh_is_drawn(opened, drawn):
    opened(count=1)
    stream = FaceStream("clip.mp4")
    for result in stream:
        stream.draw(result)
        stream.draw(result, "wire")
    assert drawn == ["scene", ("shaded", ()), ("wire", ())]


def test_an_overlay_that_is_missing_is_told_when_it_is_drawn(opened):
    opened(count=1)
    stream = FaceStream("clip.mp4", overlays=["no such thing"])
    result = next(iter(stream))
    with pytest.raises(UserError, match="no such thing"):
        stream.draw(result)


def test_the_person_is_read_before_the_first_frame(opened, tmp_path):
    opened(count=1)
    (tmp_path / "me.npz").write_bytes(b"not a memory")
    with pytest.raises(UserError, match="no person's memory"):
        list(FaceStream("clip.mp4", person=tmp_path / "me.npz"))


def test_a_person_nobody_saw_is_not_written(opened, tmp_path):
    opened(count=1)
    list(FaceStream("clip.mp4", person=tmp_path / "me.npz"))
    assert not list(tmp_path.iterdir())
