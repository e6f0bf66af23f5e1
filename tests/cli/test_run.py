"""The program as a user starts it: exit status, two lines for a mistake, never a stack trace."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime import cli
from realtime.errors import OK, USER_ERROR

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((60, 80, 3), 90, np.uint8))
    return path


def mistake(capsys, *arguments):
    """Runs the command line in this process; returns the two lines that it printed."""
    assert cli.main([str(argument) for argument in arguments]) == USER_ERROR
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert len(lines) == 2, printed.err
    return lines


@pytest.fixture(autouse=True)
def own_signals():
    """`main` listens to SIGTERM; the test runner goes on without that."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--nonsense", "no option"),
        ("--view pretty", "no view"),
        ("--source missing.mp4", "no file, folder or camera"),
        ("--source 77", "amera 77"),
        ("--source http://127.0.0.1:1/a.mp4", "cannot be opened"),
        ("--source {photo} --headless --record no/such/out.mp4", "does not exist"),
        ("--source {photo} --headless --record out.avi", "MP4"),
        ("--source {photo} --headless --export face.stl", ".glb or .obj"),
        ("--source {photo} --headless --export no/such/face.glb", "does not exist"),
        ("--source {photo} --headless --dump {photo}", "cannot be made"),
    ],
)
def test_mistakes(capsys, photo, arguments, expected):
    first, second = mistake(capsys, *arguments.format(photo=photo).split())
    assert expected in first
    assert second


def test_a_text_file_called_mp4(capsys, tmp_path):
    (tmp_path / "notes.mp4").write_text("Dear diary\n" * 100)
    assert "notes.mp4" in mistake(capsys, "--source", tmp_path / "notes.mp4", "--headless")[0]


def test_an_unreadable_photo(capsys, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    assert "a.jpg" in mistake(capsys, "--source", tmp_path / "a.jpg", "--headless")[0]


def test_two_pictures_of_one_name(capsys, tmp_path, photo):
    (tmp_path / "wall.jpg").write_bytes(photo.read_bytes())
    lines = mistake(capsys, "--source", tmp_path, "--headless", "--stills", "--dump", tmp_path / "out")
    assert "wall" in lines[0]
    assert not (tmp_path / "out").exists()


def test_the_source_is_not_overwritten(capsys, tmp_path):
    clip = tmp_path / "a.mp4"
    clip.write_bytes(b"precious")
    assert "is the source itself" in mistake(capsys, "--source", clip, "--record", clip)[0]
    assert clip.read_bytes() == b"precious"


def test_a_damaged_face_model(capsys, photo, tmp_path, monkeypatch):
    damaged = tmp_path / "face_model.npz"
    damaged.write_bytes(b"PK\x03\x04 not a model")
    monkeypatch.setattr("engines.face_model.model.DEFAULT_PATH", damaged)
    assert "damaged" in mistake(capsys, "--source", photo, "--headless")[0]


def test_an_existing_recording_outlives_a_mistake(capsys, tmp_path):
    """What cannot start must not empty the file that it would have written."""
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    mistake(capsys, "--source", "missing.mp4", "--headless", "--record", out)
    mistake(capsys, "--source", "77", "--headless", "--record", out)
    assert out.read_bytes() == b"precious"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_a_window_without_a_display(capsys, photo, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    lines = mistake(capsys, "--source", photo)
    assert "No window" in lines[0]
    assert "--headless" in lines[1]


def test_no_gl_library(capsys, photo, monkeypatch, tmp_path):
    def missing(**named):
        raise Exception("libGL.so not loaded")

    monkeypatch.setattr("moderngl.create_context", missing)
    out = tmp_path / "out.mp4"
    out.write_bytes(b"precious")
    assert "libGL.so not loaded" in mistake(capsys, "--source", photo, "--headless", "--record", out)[0]
    assert out.read_bytes() == b"precious"


@pytest.mark.parametrize("folder", ["", "/lib/x86_64-linux-gnu/"])
def test_no_system_library(capsys, monkeypatch, folder):
    """What OpenCV says where pip has installed it on a machine without OpenGL's libraries."""

    def missing(*arguments):
        raise ImportError(f"{folder}libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr("realtime.cli.parse", missing)
    assert mistake(capsys) == ["The system library libGL.so.1 cannot be loaded.", cli.SYSTEM_LIBRARIES]


def test_a_missing_package_is_no_missing_library(monkeypatch):
    def missing(*arguments):
        raise ModuleNotFoundError("No module named 'cv2'")

    monkeypatch.setattr("realtime.cli.parse", missing)
    with pytest.raises(ModuleNotFoundError):
        cli.main([])


def test_bugs_keep_their_stack_trace(monkeypatch, photo):
    monkeypatch.setattr("realtime.cli.parse", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main([])


def test_a_run_without_a_face_and_without_gl_ends_well(capsys, photo, tmp_path, monkeypatch):
    monkeypatch.setattr("moderngl.create_context", lambda **named: 1 / 0)  # --dump alone draws nothing
    assert cli.main(["--source", str(photo), "--headless", "--dump", str(tmp_path / "out")]) == OK
    assert "1 frames seen, 1 shown, 0 dropped, 1 without a face" in capsys.readouterr().out
    frame = np.load(tmp_path / "out" / "wall.npz")
    assert len(frame["landmarks"]) == 0
    assert frame["complete"].shape == (60, 80, 3)


def test_a_real_face_from_the_photo_to_the_numbers(capsys, tmp_path):
    """The whole program without GL: the astronaut of scikit-image, whose landmarks are known."""
    photo = Path(find_spec("skimage").origin).parent / "data" / "astronaut.png"
    assert cli.main(["--source", str(photo), "--headless", "--stills", "--dump", str(tmp_path)]) == OK
    frame, mesh = np.load(tmp_path / "astronaut.npz"), np.load(tmp_path / "mesh.npz")
    assert len(frame["landmarks"]) == 1
    found = frame["landmarks"][0]
    assert np.concatenate([found.min(0), found.max(0)]) == pytest.approx([179, 71, 271, 177], abs=10)
    corners = frame["vertices"][0][mesh["triangles"][mesh["landmark_triangle"]]]
    on_mesh = (corners * mesh["landmark_barycentric"][..., None]).sum(1)[:, :2]
    assert np.abs(on_mesh - found).max() < 0.01
    assert frame["complete"].shape == (512, 512, 3)
    assert "track" in frame["timings_ms"]["stage"]


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "run.py", *(str(argument) for argument in arguments)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def test_a_services_stop_is_heard_as_ctrl_c(capsys):
    mistake(capsys, "--nonsense")  # far enough to listen
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.gl
def test_ctrl_c_finishes_the_recording(photo, tmp_path):
    out = tmp_path / "out.mp4"
    with start("--source", photo, "--headless", "--pace", "realtime", "--record", out) as process:
        deadline = time.monotonic() + 300  # seconds on a quiet machine
        while process.poll() is None and time.monotonic() < deadline and not (out.exists() and out.stat().st_size):
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Stopped.\n" in errors
    assert "Traceback" not in errors
    assert "frames seen" in printed
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) >= 1
