"""A person's memory as a file."""

import io
import os
import zipfile

import cv2
import numpy as np
import pytest
from painted_heads import model, texture

from engines.engine import shipped_networks
from realtime import config, covered_faces
from realtime.errors import UserError
from realtime.person import LARGEST, enrol, kept, learn_from, load_person, open_person, save_person
from realtime.remembered import SIZE, Person


def person():
    rng = np.random.default_rng(2)
    return Person(
        texture(),
        rng.random((SIZE, SIZE)).astype(np.float32),
        rng.normal(0, 1, len(model().identity_basis)).astype(np.float32),
        rng.normal(0, 0.3, (256, 256)).astype(np.float16),
    )


def rewritten(path, **changes):
    """The file with some arrays changed, or left out where they are None."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays.update(changes)
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


@pytest.fixture
def path(tmp_path):
    save_person(tmp_path / "me.npz", person())
    return tmp_path / "me.npz"


def test_saved_and_loaded_it_is_the_same(path):
    found, expected = load_person(path, model()), person()
    np.testing.assert_array_equal(found.colours, expected.colours)
    np.testing.assert_allclose(found.weight, expected.weight, atol=1e-3)
    np.testing.assert_array_equal(found.identity, expected.identity)
    np.testing.assert_array_equal(found.relief, expected.relief)


def test_the_file_is_small(path):
    assert path.stat().st_size < 1 << 20


def test_nothing_else_is_left_beside_it(path):
    assert [each.name for each in path.parent.iterdir()] == ["me.npz"]


def test_writing_again_replaces_it(path):
    other = Person(texture(3), person().weight, person().identity, person().relief)
    save_person(path, other)
    np.testing.assert_array_equal(load_person(path, model()).colours, texture(3))


def test_a_folder_that_is_missing_is_an_error_before_anything_is_done(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        open_person(tmp_path / "no" / "me.npz", model())


def test_a_new_file_starts_from_nothing(tmp_path):
    assert open_person(tmp_path / "new.npz", model()) is None


def test_a_file_that_may_not_be_written_is_told_before_anything_is_learned(path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    with pytest.raises(UserError, match="may not be written"):
        open_person(path, model())


def test_a_file_that_cannot_be_written_leaves_no_half(tmp_path):
    (tmp_path / "me.npz").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        save_person(tmp_path / "me.npz", person())
    assert [each.name for each in tmp_path.iterdir()] == ["me.npz"]


@pytest.mark.parametrize("length", [0, 10, 1000, -20])
def test_a_truncated_file_is_the_users_to_mend(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match="no person's memory"):
        load_person(path, model())


def test_a_file_of_noise(path):
    path.write_bytes(np.random.default_rng(0).bytes(4096))
    with pytest.raises(UserError, match="no person's memory"):
        load_person(path, model())


@pytest.mark.parametrize(
    "changes",
    [
        {"version": np.int32(99)},
        {"colours": None},
        {"colours": np.zeros((128, 128, 3), np.uint8)},
        {"colours": np.zeros((SIZE, SIZE, 3), np.float32)},
        {"weight": np.full((SIZE, SIZE), np.nan, np.float16)},
        {"weight": np.full((SIZE, SIZE), -1, np.float16)},
        {"identity": np.zeros(3, np.float32)},
        {"identity": np.full(80, 1e9, np.float32)},
        {"relief": np.full((256, 256), 99, np.float16)},
        {"identity": np.array([{}], object)},
        {"identity": np.array(["a"])},
    ],
)
def test_what_cannot_be_a_person_is_refused(path, changes):
    rewritten(path, **changes)
    with pytest.raises(UserError, match="no person's memory") as caught:
        load_person(path, model())
    assert len(str(caught.value).splitlines()) == 2


def test_a_zip_bomb_is_not_unpacked(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("colours.npy", bytes(LARGEST + 1))
    with pytest.raises(UserError, match="too much"):
        load_person(path, model())


def test_a_huge_file_is_not_read(path):
    with path.open("r+b") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(UserError, match="too large"):
        load_person(path, model())


class Learned:
    def __init__(self, found):
        self.learned = found


def test_what_was_learned_is_saved_at_the_end(tmp_path):
    with kept(tmp_path / "me.npz", Learned(person())):
        assert not (tmp_path / "me.npz").exists()
    assert load_person(tmp_path / "me.npz", model()).identity.shape == person().identity.shape


@pytest.mark.parametrize(("name", "found"), [(None, person()), ("me.jpg", person()), ("me.npz", None)])
def test_nothing_is_saved_unless_asked_for(tmp_path, name, found):
    with kept(tmp_path / name if name else None, Learned(found)):
        pass
    assert not list(tmp_path.iterdir())


def test_a_photograph_that_is_missing(tmp_path):
    with pytest.raises(UserError, match="no photograph"):
        enrol(tmp_path / "me.jpg", model())


def test_a_file_of_another_kind(tmp_path):
    with pytest.raises(UserError, match="neither a photograph"):
        enrol(tmp_path / "me.docx", model())


def test_a_person_and_stills_contradict_each_other():
    with pytest.raises(UserError, match="contradict"):
        config.parse(["--person", "me.npz", "--stills"])


def test_the_flag_is_read():
    assert config.parse(["--person", "me.npz"]).person.name == "me.npz"
    assert config.parse([]).person is None


needs_networks = pytest.mark.skipif(
    not {"contour", "completion"} <= shipped_networks(), reason="no networks are shipped with this copy"
)


@needs_networks
def test_a_photograph_is_learned_from(tmp_path):
    astronaut = pytest.importorskip("skimage.data").astronaut()
    found = learn_from(astronaut[:260, 90:350], model())
    assert (found.weight > 0.3).mean() > 0.2
    assert np.abs(found.identity).max() > 0.1
    save_person(tmp_path / "me.npz", found)
    load_person(tmp_path / "me.npz", model())


@pytest.mark.parametrize("keep_glasses", [False, True])
def test_glasses_on_the_photograph_are_learned_only_where_they_are_kept(tmp_path, monkeypatch, keep_glasses):
    asked = []
    monkeypatch.setattr(covered_faces, "open_covered_faces", lambda *arguments: asked.append(arguments[2]))
    cv2.imwrite(str(tmp_path / "me.png"), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(UserError):
        open_person(tmp_path / "me.png", model(), keep_glasses=keep_glasses)
    assert asked == [keep_glasses]


def test_without_networks_nobody_can_be_learned(monkeypatch):
    monkeypatch.setattr(covered_faces, "open_covered_faces", lambda *arguments: None)
    with pytest.raises(UserError, match="Without networks"):
        learn_from(np.zeros((64, 64, 3), np.uint8), model())


def test_pickles_are_never_loaded(path):
    data = io.BytesIO()
    np.save(data, np.array([print], object), allow_pickle=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("identity2.npy", data.getvalue())
    load_person(path, model())  # what is not asked for is not read
