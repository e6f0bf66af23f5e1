"""Which view of the face is exported."""

import sys
import types
from dataclasses import replace

import numpy as np
import pytest
from tiny_model import make_face

from realtime.errors import UserError
from realtime.outputs.clearest import ClearestFace, clarity


@pytest.fixture
def exported(monkeypatch):
    """What was handed to the exporter."""
    calls = []
    stand_in = types.ModuleType("realtime.outputs.export")
    stand_in.export_face = lambda *rest: calls.append(rest)
    monkeypatch.setitem(sys.modules, "realtime.outputs.export", stand_in)
    return calls


def seen(make_result, index, *faces):
    return replace(make_result(index), faces=faces)


def test_clarity_grows_with_size_and_with_what_is_visible(model):
    face = make_face(model, 100)
    assert clarity(replace(face, landmarks=face.landmarks * 2)) == pytest.approx(2 * clarity(face))
    assert clarity(replace(face, visibility=face.visibility / 2)) == pytest.approx(clarity(face) / 2)


def test_the_clearest_is_taken(tmp_path, model, make_result, exported):
    faces = [make_face(model, 100, visible, number) for number, visible in enumerate((0.3, 0.9, 0.5))]
    for face in faces[1:]:
        face.landmarks[:] = faces[0].landmarks
    with ClearestFace(tmp_path / "face.glb", model) as sink:
        for index, face in enumerate(faces):
            sink.write(seen(make_result, index, face), None)
    ((path, given, face, frame),) = exported
    assert (path, given) == (tmp_path / "face.glb", model)
    assert face is faces[1]
    assert frame.index == 1


def test_of_equals_the_last_is_taken(tmp_path, model, make_result, exported):
    face = make_face(model)
    with ClearestFace(tmp_path / "face.obj", model) as sink:
        for index in range(5):
            sink.write(seen(make_result, index, face), None)
    assert exported[0][3].index == 4


def test_slowly_worse_does_not_creep_to_bad(tmp_path, model, make_result, exported):
    face = make_face(model)
    with ClearestFace(tmp_path / "face.glb", model) as sink:
        for index in range(20):
            dimmer = replace(face, visibility=np.float32(face.visibility * 0.99**index))
            sink.write(seen(make_result, index, dimmer), None)
    assert exported[0][3].index <= 3


def test_no_face_is_told(tmp_path, model, make_result):
    with pytest.raises(UserError, match="No face"), ClearestFace(tmp_path / "face.glb", model) as sink:
        sink.write(make_result(faces=0), None)


@pytest.mark.parametrize("name", ["face.fbx", "face", "face.gltf"])
def test_other_kinds_of_file(tmp_path, model, name):
    with pytest.raises(UserError, match="glb or"):
        ClearestFace(tmp_path / name, model)


def test_a_missing_folder(tmp_path, model):
    with pytest.raises(UserError, match="does not exist"):
        ClearestFace(tmp_path / "no" / "face.glb", model)
