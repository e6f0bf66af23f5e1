"""The example, on the demo and on a nose that is hidden."""

import runpy
import sys
import threading
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import realtime
from realtime import FaceStream

EXAMPLE = Path(__file__).parents[2] / "examples" / "nose.py"


@pytest.fixture
def run_example(monkeypatch, tmp_path):
    """Runs it in an empty folder on what `stream` gives; returns the film's pictures, BGR."""

    def run(stream, *arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *arguments])
        monkeypatch.setattr(realtime, "FaceStream", stream, raising=False)
        runpy.run_path(str(EXAMPLE))["video"].release()
        film = cv2.VideoCapture(str(tmp_path / "nose.mp4"))
        return [picture for found, picture in iter(film.read, (False, None)) if found]

    return run


def redness(picture, x, y):
    blue, _, red = picture[y, x].astype(int)
    return red - blue


def test_the_demo_from_end_to_end(run_example):
    """The real tracker, networks and fit; one face, and the nose is painted where its tip is."""
    seen = []

    def few(source):
        assert source == "demo"
        for result in islice(FaceStream(source), 4):
            seen.append(result)
            yield result

    before = threading.active_count()
    pictures = run_example(few)
    assert len(pictures) == len(seen) == 4
    for picture, result in zip(pictures, seen, strict=True):
        (face,) = result.faces
        x, y = face.landmarks[1].round().astype(int)
        assert redness(picture, x, y) > 100
        assert np.linalg.norm(face.gaze, axis=1) == pytest.approx(1, abs=1e-3)
    assert [result.frame.index for result in seen] == [0, 1, 2, 3]
    assert threading.active_count() <= before + 1  # a library may keep a thread of its own


@pytest.mark.parametrize("covered", [True, False])
def test_a_hidden_nose_is_a_ring(run_example, covered):
    landmarks = np.full((478, 2), 60.0)
    frame = SimpleNamespace(image=np.full((120, 160, 3), 90, np.uint8))
    occlusion = np.full((120, 160), 255 * covered, np.uint8)
    result = SimpleNamespace(frame=frame, faces=(SimpleNamespace(landmarks=landmarks),), occlusion=occlusion)
    (picture,) = run_example(lambda source: [result], "clip.mp4")
    assert redness(picture, 60 + 14, 60) > 100  # the rim
    assert (redness(picture, 60, 60) > 100) is not covered


def test_a_nose_outside_the_picture(run_example):
    frame = SimpleNamespace(image=np.zeros((120, 160, 3), np.uint8))
    faces = tuple(SimpleNamespace(landmarks=np.full((478, 2), place)) for place in (-9.0, 900.0))
    result = SimpleNamespace(frame=frame, faces=faces, occlusion=np.full((120, 160), 255, np.uint8))
    assert len(run_example(lambda source: [result])) == 1
