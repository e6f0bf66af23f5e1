"""The dump is a contract: names, shapes, types and meanings of every array."""

import errno
from pathlib import Path

import numpy as np
import pytest
from tiny_model import ALBEDOS, IDENTITIES, VERTICES

from realtime.errors import UserError
from realtime.frames import PART_NAMES
from realtime.outputs.dump import Dump

PER_FACE = {
    "landmarks": ((478, 2), np.float32),
    "vertices": ((VERTICES, 3), np.float32),
    "neutral_mm": ((VERTICES, 3), np.float32),
    "identity": ((IDENTITIES,), np.float32),
    "expression": ((52,), np.float32),
    "albedo": ((ALBEDOS,), np.float32),
    "light": ((27,), np.float32),
    "bump": ((256, 256), np.float16),
    "pose": ((4, 4), np.float32),
    "visibility": ((VERTICES,), np.float32),
}
PER_FRAME = {"occlusion": (48, 64), "parts": (48, 64), "complete": (48, 64, 3)}


def dumped(folder, model, result):
    with Dump(folder, model) as dump:
        dump.write(result, None)
    return np.load(folder / f"{result.frame.name}.npz", allow_pickle=False)


def test_mesh(tmp_path, model):
    with Dump(tmp_path, model):
        pass
    mesh = np.load(tmp_path / "mesh.npz", allow_pickle=False)
    assert set(mesh.files) == {
        "triangles",
        "uv",
        "landmark_triangle",
        "landmark_barycentric",
        "part_names",
        "expression_names",
    }
    assert mesh["triangles"].dtype == np.int32
    assert mesh["uv"].shape == (VERTICES, 2)
    assert mesh["landmark_triangle"].shape == (478,)
    assert mesh["landmark_barycentric"].shape == (478, 3)
    assert tuple(mesh["part_names"]) == PART_NAMES
    assert tuple(mesh["expression_names"]) == model.expression_names


@pytest.mark.parametrize("faces", [0, 1, 3])
def test_every_key_is_always_there(tmp_path, model, make_result, faces):
    arrays = dumped(tmp_path, model, make_result(faces=faces))
    assert set(arrays.files) == {*PER_FACE, *PER_FRAME, "timings_ms"}
    for name, (shape, dtype) in PER_FACE.items():
        assert arrays[name].shape == (faces, *shape), name
        assert arrays[name].dtype == dtype, name
    for name, shape in PER_FRAME.items():
        assert arrays[name].shape == shape, name
        assert arrays[name].dtype == np.uint8, name


def test_landmarks_are_the_meshs_own(tmp_path, model, make_result):
    result = make_result(faces=2)
    arrays, mesh = dumped(tmp_path, model, result), np.load(tmp_path / "mesh.npz")
    for face in range(2):
        corners = arrays["vertices"][face][mesh["triangles"][mesh["landmark_triangle"]]]
        on_mesh = (corners * mesh["landmark_barycentric"][..., None]).sum(1)
        assert np.abs(on_mesh[:, :2] - arrays["landmarks"][face]).max() < 1e-3


def test_values_are_the_results(tmp_path, model, make_result):
    result = make_result(faces=2)
    arrays = dumped(tmp_path, model, result)
    for index, face in enumerate(result.faces):
        assert np.array_equal(arrays["vertices"][index], face.vertices)
        assert np.array_equal(arrays["neutral_mm"][index], face.neutral)
        assert np.array_equal(arrays["bump"][index], face.bump)
        assert np.array_equal(arrays["light"][index], face.coefficients.light)
        assert np.array_equal(arrays["pose"][index], face.coefficients.pose)


def test_where_nothing_covers_a_face(tmp_path, model, make_result):
    result = make_result()
    arrays = dumped(tmp_path, model, result)
    assert not arrays["occlusion"].any()
    assert not arrays["parts"].any()
    assert np.array_equal(arrays["complete"], result.frame.image)


def test_what_the_networks_say_is_kept(tmp_path, model, make_result):
    given = {
        "occlusion": np.eye(48, 64, dtype=np.uint8) * 255,
        "parts": np.full((48, 64), 6, np.uint8),
        "complete": np.full((48, 64, 3), 99, np.uint8),
    }
    arrays = dumped(tmp_path, model, make_result(**given))
    for name, value in given.items():
        assert np.array_equal(arrays[name], value)


def test_timings(tmp_path, model, make_result):
    timings = dumped(tmp_path, model, make_result(timings={"track": 2.5, "fit": 1.25}))["timings_ms"]
    assert dict(zip(timings["stage"], timings["ms"], strict=True)) == {"track": 2.5, "fit": 1.25}


def test_no_timings(tmp_path, model, make_result):
    assert dumped(tmp_path, model, make_result())["timings_ms"].shape == (0,)


def test_one_file_per_frame_named_after_it(tmp_path, model, make_result):
    with Dump(tmp_path, model) as dump:
        for index, name in enumerate(["anna", "ben.2", None]):
            dump.write(make_result(index, name=name), None)
    assert {path.name for path in tmp_path.iterdir()} == {"mesh.npz", "anna.npz", "ben.2.npz", "frame_000002.npz"}


def test_a_still_that_repeats_is_written_once(tmp_path, model, make_result):
    with Dump(tmp_path, model) as dump:
        dump.write(make_result(0, name="anna"), None)
        first = (tmp_path / "anna.npz").read_bytes()
        dump.write(make_result(1, name="anna"), None)
    assert (tmp_path / "anna.npz").read_bytes() == first


def test_two_pictures_of_one_name_are_told_before_anything_is_written(tmp_path, model):
    with pytest.raises(UserError, match="anna"):
        Dump(tmp_path / "out", model, ["anna", "ben", "Anna"])  # one file on Windows and on a Mac
    assert not (tmp_path / "out").exists()


def test_a_picture_called_mesh(tmp_path, model):
    with pytest.raises(UserError, match="mesh"):
        Dump(tmp_path, model, ["mesh"])


def test_folders_are_made(tmp_path, model):
    Dump(tmp_path / "a" / "b", model)
    assert (tmp_path / "a" / "b" / "mesh.npz").exists()


def test_a_file_in_the_way(tmp_path, model):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        Dump(tmp_path / "out", model)


def test_a_full_disk(tmp_path, model, make_result, monkeypatch):
    dump = Dump(tmp_path, model)

    def full(path, data):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="no space left"):
        dump.write(make_result(), None)
    assert [path.name for path in tmp_path.iterdir()] == ["mesh.npz"]
