"""Overlays in the running program: mistakes at the start, edits while it runs."""

import os
from contextlib import nullcontext

import cv2
import numpy as np
import pytest
from tiny_gltf import png

from realtime.camera import FACING, assumed_camera, make_pose, picture_vertices
from realtime.cli import main
from realtime.config import Config
from realtime.errors import USER_ERROR, UserError
from realtime.frames import Coefficients, FaceState, Frame, FrameResult
from realtime.light import NEUTRAL
from realtime.overlays.watch import OverlayWatcher
from realtime.render.context import headless_context
from realtime.timing import Timings

PAINT = '[[paint]]\nimage = "red.png"\nblend = "multiply"\n'


@pytest.mark.parametrize("text", ["[[paint", '[[paint]]\nimage = "gone.png"\n', '[[prop]]\nmodel = "../../x.glb"\n'])
def test_a_mistake_at_the_start_is_two_lines_and_ends_it(overlay, tmp_path, capsys, text):
    photo = tmp_path / "wall.png"
    cv2.imwrite(str(photo), np.full((60, 80, 3), 90, np.uint8))
    arguments = ["--source", str(photo), "--headless", "--overlay", str(overlay(text))]
    assert main(arguments) == USER_ERROR
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert main([*arguments[:-1], "monocle"]) == USER_ERROR
    assert "glasses" in capsys.readouterr().err


class Editor(nullcontext):
    """A sink that edits the overlay after each picture, as its user would."""

    needs_picture = True

    def __init__(self, watcher, path, versions):
        super().__init__()
        self.watcher, self.path, self.versions, self.pictures = watcher, path, list(versions), []

    def write(self, result, picture):
        self.pictures.append(picture)
        if self.versions:
            self.path.write_bytes(self.versions.pop(0))
            os.utime(self.path, ns=(len(self.pictures) * 10**9,) * 2)
            self.watcher.poll()


class Results:
    """Stands in for the pipeline."""

    def __init__(self, result, count):
        self._result, self._count = result, count

    def results(self):
        return iter([self._result] * self._count)


@pytest.mark.gl
def test_the_loop_goes_on_through_broken_edits(overlay, folder, caplog):
    try:
        headless_context().release()
    except UserError as error:
        pytest.skip(error.message)
    from engines.face_model.model import MorphableModel
    from realtime.show import Headless, Setting

    model, camera = MorphableModel.load(), assumed_camera(160, 120)
    pose = make_pose(FACING, np.array([0, 0, 1200]))
    zero = np.zeros(1, np.float32)
    face = FaceState(
        id=0,
        coefficients=Coefficients(zero, np.zeros(52, np.float32), pose, zero, NEUTRAL),
        vertices=picture_vertices(model.mean, pose, camera),
        neutral=model.mean,
        landmarks=np.zeros((478, 2), np.float32),
        bump=np.zeros((256, 256), np.float16),
        visibility=np.ones(len(model.mean), np.float32),
        gaze=np.zeros((2, 3), np.float32),
    )
    result = FrameResult(Frame(np.full((120, 160, 3), 200, np.uint8), 0.0, 0.0, 0, "f"), camera, (face,))
    path = overlay(PAINT)
    watcher = OverlayWatcher([path], len(model.triangles))
    green = png((0, 255, 0, 255))
    editor = Editor(watcher, folder / "red.png", [b"not a picture", b"", green])
    setting = Setting(Config(view="off"), model, [editor], overlays=lambda: watcher.current)
    Headless(setting).run(Results(result, 5), Timings(device="test"))
    middle = [tuple(picture[65, 80]) for picture in editor.pictures]
    assert middle == [(200, 0, 0)] * 3 + [(0, 200, 0)] * 2
    assert sum(record.levelname == "WARNING" for record in caplog.records) == 2
