"""The program as it is started, with stand-ins for what finds and fits faces: its flags reach its receivers."""

import csv
import signal
import sys
from dataclasses import replace

import pytest
from program_faces import make_face, make_result

from realtime import covered_faces, reconstruction, tracking
from realtime.cli import main
from realtime.errors import OK, USER_ERROR


class Tracker:
    def __init__(self, max_faces, stills):
        self.faces = max_faces

    def track(self, frame):
        return list(range(self.faces))

    def close(self):
        pass


class Reconstructor:
    def __init__(self, *arguments):
        pass

    def process(self, frame, faces):
        return replace(make_result(*(make_face(id_=id_) for id_ in faces)), frame=frame)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    monkeypatch.setattr(tracking, "MediaPipeTracker", Tracker)
    monkeypatch.setattr(covered_faces, "open_covered_faces", lambda *arguments: None)
    monkeypatch.setattr(reconstruction, "Reconstructor", Reconstructor)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_two_faces_on_their_way_to_three_programs(listener, tmp_path):
    path = tmp_path / "faces.csv"
    arguments = f"--source demo --headless --pace max --frames 3 --max-faces 2 --livelink 127.0.0.1:{listener.port}"
    assert main([*arguments.split(), "--osc", "127.0.0.1:9", "--ifacialmocap", "--csv", str(path)]) == OK
    assert len(listener.rest()) == 6
    with path.open(newline="") as file:
        assert [(row["frame"], row["face"]) for row in csv.DictReader(file)] == [
            (str(frame), str(face)) for frame in range(3) for face in range(2)
        ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--osc no-such-host.invalid", "not known"),
        ("--ifacialmocap 127.0.0.1:high", "not an address"),
        ("--livelink 127.0.0.1:99999", "not a port"),
        ("--csv no/such/faces.csv", "does not exist"),
        ("--virtual-camera", "pyvirtualcam"),
    ],
)
def test_mistakes_are_two_lines(capsys, monkeypatch, arguments, expected):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    assert main(["--source", "demo", "--headless", *arguments.split()]) == USER_ERROR
    first, second = capsys.readouterr().err.splitlines()
    assert expected in first
    assert second


def test_the_table_must_not_be_the_source(capsys, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"film")
    arguments = ["--source", str(path), "--headless", "--csv", str(path)]
    assert main(arguments) == USER_ERROR
    assert "source itself" in capsys.readouterr().err
    assert path.read_bytes() == b"film"
