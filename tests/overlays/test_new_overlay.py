"""`python -m realtime overlay new`, the UV template, and the flags."""

import cv2
import numpy as np
import pytest

from engines.face_model.model import MorphableModel
from realtime.__main__ import main
from realtime.config import parse
from realtime.errors import UserError
from realtime.overlays.load import load_overlay
from realtime.overlays.template import uv_template


@pytest.fixture(scope="module")
def model():
    return MorphableModel.load()


def test_what_is_made_is_an_overlay_that_works(tmp_path, capsys, model):
    assert main(["overlay", "new", str(tmp_path / "mine")]) == 0
    found = load_overlay(tmp_path / "mine" / "mine.toml", len(model.triangles))
    assert found.props
    assert found.paints
    assert "mine.toml" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["overlay", "new", "."], ["overlay", "new"], ["overlay", "new", "a b"], ["overlay"], [], ["overlay", "old", "x"]],
)
def test_mistakes_are_two_lines(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert main(["overlay", "new", str(tmp_path / "mine")]) == 2
    assert "exists" in capsys.readouterr().err
    assert not list((tmp_path / "mine").iterdir())


def test_a_place_that_may_not_be_written(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["overlay", "new", str(tmp_path / "file" / "mine")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_the_template_shows_the_face_as_one_meets_it(model):
    image = uv_template(model, 512)
    assert image.shape == (512, 512, 4)
    u, v = model.uv[model.triangles[model.landmark_triangle[4], 0]]  # tip of the nose
    assert image[round((1 - v) * 512), round(u * 512), 3] > 0
    assert image[256, 256, 3] > 0
    assert image[0, 256, 3] == 0
    left = model.uv[np.argmax(model.mean[:, 0] * (model.mean[:, 2] > 0))]
    assert left[0] > 0.5  # the person's left lies on the right
    assert cv2.countNonZero(image[..., 3]) > 0.6 * 512 * 512


def test_flags_say_what_is_shown():
    assert parse([]).overlays == ()
    assert parse([]).view == "shaded"
    chosen = parse(["--overlay", "glasses", "--overlay", "a.toml", "--hands", "half"])
    assert chosen.overlays == ("glasses", "a.toml")
    assert (chosen.view, chosen.hands) == ("off", "half")
    assert parse(["--overlay", "hat", "--view", "wire"]).view == "wire"
    with pytest.raises(UserError):
        parse(["--hands", "hide"])
