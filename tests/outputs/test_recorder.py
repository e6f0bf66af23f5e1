"""Recordings: true times, any size, and playable whatever happens."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.errors import UserError
from realtime.outputs import recorder as module
from realtime.outputs.recorder import Recorder
from realtime.sources.video import Video

REPOSITORY = Path(__file__).parents[2]


def picture(size=(64, 48), level=0):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, size[0])
    image[..., 2] = level
    return image


def played(path):
    """Times (seconds) and pictures of a recording, as any player sees them."""
    with av.open(str(path)) as container:
        found = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    return [time for time, _ in found], [image for _, image in found]


def top_level_boxes(path):
    """The names of an MP4's outermost boxes, without empty ones."""
    data, at, names = path.read_bytes(), 0, []
    while at < len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8].decode("latin-1")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        names.append(name)
        at += size or len(data)
    return [name for name in names if name != "free"]


def record(path, results, pictures, lossless=True):
    with Recorder(path, lossless) as recorder:
        for result, image in zip(results, pictures, strict=True):
            recorder.write(result, image)


def test_pictures_and_times_come_back(tmp_path, make_result):
    path = tmp_path / "out.mp4"
    record(path, [make_result(i) for i in range(40)], [picture(level=6 * i) for i in range(40)])
    times, images = played(path)
    assert times == pytest.approx([i / 30 for i in range(40)], abs=1e-4)
    assert np.abs(images[20].astype(int) - picture(level=120)).mean() < 6


def test_variable_frame_rate(tmp_path, make_result):
    when = [0.0, 0.033, 0.4, 0.41, 2.0]
    record(tmp_path / "out.mp4", [make_result(i, time=t) for i, t in enumerate(when)], [picture()] * 5)
    assert played(tmp_path / "out.mp4")[0] == pytest.approx(when, abs=1e-4)


def test_times_that_stand_still_do_not_stop_it(tmp_path, make_result):
    record(tmp_path / "out.mp4", [make_result(i, time=0.5) for i in range(4)], [picture()] * 4)
    times, _ = played(tmp_path / "out.mp4")
    assert len(times) == 4
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("size", "expected"), [((63, 47), (64, 48)), ((64, 47), (64, 48)), ((17, 16), (18, 16)), ((2, 2), (2, 2))]
)
def test_odd_sizes_are_padded(tmp_path, make_result, size, expected):
    record(tmp_path / "out.mp4", [make_result()], [picture(size)])
    (image,) = played(tmp_path / "out.mp4")[1]
    assert image.shape[1::-1] == expected


def test_a_change_of_size_is_fitted_in(tmp_path, make_result):
    record(tmp_path / "out.mp4", [make_result(i) for i in range(3)], [picture(), picture((200, 50)), picture((10, 90))])
    assert {image.shape for image in played(tmp_path / "out.mp4")[1]} == {(48, 64, 3)}


def test_a_finished_recording_is_a_plain_mp4(tmp_path, make_result):
    """With one index of everything, so that every player can seek."""
    path = tmp_path / "out.mp4"
    record(path, [make_result(i) for i in range(70)], [picture()] * 70)
    with av.open(str(path)) as container:
        assert container.streams.video[0].duration * container.streams.video[0].time_base == pytest.approx(
            70 / 30, abs=0.05
        )
    assert top_level_boxes(path) == ["ftyp", "mdat", "moov"]


def test_a_killed_program_leaves_a_playable_recording(tmp_path):
    """As a power cut would: no exit handler runs."""
    path = tmp_path / "out.mp4"
    script = f"""
import sys, time; sys.path[:0] = [{str(REPOSITORY)!r}, {str(Path(__file__).parent)!r}]
from pathlib import Path
from tiny_model import TinyModel
from realtime.frames import Camera, Frame, FrameResult
from realtime.outputs.recorder import Recorder
import numpy as np
image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
with Recorder(Path({str(path)!r}), True) as recorder:
    for index in range(10**6):
        recorder.write(FrameResult(Frame(image, 0, index / 30, index, ""), Camera(1, (1, 1))), image)
        if index == 100:
            print("under way", flush=True)
        time.sleep(0.001)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "under way\n"
        process.send_signal(signal.SIGKILL)
    times, _ = played(path)
    assert len(times) >= 60


class Stuck:
    """Makes the encoder wait until it is let go."""

    def __init__(self, monkeypatch):
        self.go = threading.Event()
        original = module._even
        monkeypatch.setattr(module, "_even", lambda *rest: self.go.wait(5) and original(*rest))


def test_for_files_a_slow_encoder_makes_the_loop_wait(tmp_path, make_result, monkeypatch):
    stuck = Stuck(monkeypatch)
    threading.Timer(0.2, stuck.go.set).start()
    started = time.monotonic()
    record(tmp_path / "out.mp4", [make_result(i) for i in range(20)], [picture()] * 20)
    assert time.monotonic() - started > 0.15
    assert len(played(tmp_path / "out.mp4")[0]) == 20


def test_live_a_slow_encoder_loses_pictures_not_time(tmp_path, make_result, monkeypatch):
    stuck = Stuck(monkeypatch)
    results = [make_result(index, faces=0) for index in range(50)]
    with Recorder(tmp_path / "out.mp4", lossless=False) as recorder:
        started = time.monotonic()
        for index, result in enumerate(results):
            recorder.write(result, picture(level=5 * index))
        assert time.monotonic() - started < 2
        stuck.go.set()
    assert recorder.dropped >= 50 - module.WAITING - 2
    _, images = played(tmp_path / "out.mp4")
    assert images[-1][..., 2].mean() == pytest.approx(5 * 49, abs=6)  # the newest stayed


def test_a_missing_folder_is_told_before_anything_is_done(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        Recorder(tmp_path / "no" / "out.mp4", True)


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        Recorder(tmp_path / "out.mp4", True)


@pytest.mark.parametrize("name", ["out.avi", "out", "mp4"])
def test_only_mp4(tmp_path, name):
    with pytest.raises(UserError, match="MP4"):
        Recorder(tmp_path / name, True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_forbidden_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="may not be written"):
        Recorder(tmp_path / "out.mp4", True)


def test_without_a_frame_there_is_no_file(tmp_path):
    with Recorder(tmp_path / "out.mp4", True):
        pass
    assert not (tmp_path / "out.mp4").exists()


def test_an_older_recording_stays_until_the_first_frame(tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"precious")
    with Recorder(tmp_path / "out.mp4", True):
        pass
    assert (tmp_path / "out.mp4").read_bytes() == b"precious"


def fail_after(monkeypatch, packets, code):
    """Makes the container fail as on a full disk, after so many packets."""
    left = [packets]

    class Full:
        def __init__(self, container):
            self.container = container

        def __enter__(self):
            return self

        def __exit__(self, *rest):
            self.container.close()

        def add_stream(self, *rest, **named):
            return self.container.add_stream(*rest, **named)

        def mux(self, packet):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(code, os.strerror(code), "out.mp4")
            self.container.mux(packet)

    opened = module.av.open
    monkeypatch.setattr(module.av, "open", lambda *rest, **named: Full(opened(*rest, **named)))


def test_a_full_disk_is_told_and_the_recording_plays(tmp_path, make_result, monkeypatch):
    path = tmp_path / "out.mp4"
    fail_after(monkeypatch, 65, errno.ENOSPC)
    with pytest.raises(UserError, match="disk is full"):
        record(path, [make_result(i) for i in range(300)], [picture()] * 300)
    monkeypatch.undo()
    assert len(played(path)[0]) >= 60


def test_another_failure_of_the_disk(tmp_path, make_result, monkeypatch):
    fail_after(monkeypatch, 3, errno.EIO)
    with pytest.raises(UserError, match="cannot be written"):
        record(tmp_path / "out.mp4", [make_result(i) for i in range(30)], [picture()] * 30)


def test_a_bug_in_the_encoder_thread_is_not_swallowed(tmp_path, make_result):
    with pytest.raises(AttributeError):
        record(tmp_path / "out.mp4", [make_result()], ["no picture"])


def test_the_error_under_way_is_not_hidden_by_the_recorders(tmp_path, make_result, monkeypatch):
    fail_after(monkeypatch, 0, errno.ENOSPC)
    recorder = Recorder(tmp_path / "out.mp4", True)
    with pytest.raises(KeyError):
        leave_with(recorder, make_result(), KeyError())


def leave_with(recorder, result, error):
    with recorder:
        recorder.write(result, picture())
        raise error


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount")
def test_a_real_full_disk(tmp_path, make_result):
    """On a file system of 128 KiB."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        noise = np.random.default_rng(0).integers(0, 255, (8, 48, 64, 3), np.uint8)
        with pytest.raises(UserError, match="disk is full"):
            record(tmp_path / "out.mp4", [make_result(i) for i in range(600)], [noise[i % 8] for i in range(600)])
        # The disk ended inside a picture: as players do, take what is whole.
        assert len(list(Video(str(tmp_path / "out.mp4")).shots())) >= 10
    finally:
        subprocess.run(["umount", tmp_path], check=True)
