"""A whole kind of occluder kept out of a training."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.training import occluders, train  # noqa: E402
from engines.training.__main__ import parse  # noqa: E402
from engines.training.occluders import JUDGED, KINDS, choose_kinds, objects, occlude  # noqa: E402
from engines.training.occluders.scene import Scene  # noqa: E402

from .faces import draw_face, face_points, library  # noqa: E402

DRAWS = 300


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_left_out_never_comes(kind):
    rng = np.random.default_rng(0)
    chosen = [name for _ in range(DRAWS) for name in choose_kinds(rng, kind)]
    assert set(chosen) == set(KINDS) - {kind}


def test_how_many_things_come_does_not_change():
    counts = [
        np.mean([len(choose_kinds(rng, without)) for _ in range(DRAWS)])
        for rng, without in ((np.random.default_rng(1), None), (np.random.default_rng(1), "hand"))
    ]
    assert counts[0] == pytest.approx(counts[1], abs=0.15)


def test_no_hand_holds_a_thing_without_hands():
    scene = Scene(draw_face(face_points()), face_points())

    def layers(without):
        shown = replace(library(), without=without)
        return max(len(objects(scene, shown, np.random.default_rng(seed))) for seed in range(12))

    assert layers(None) == 2
    assert layers("hand") == 1


def test_occlude_obeys_the_library_but_not_against_an_order(monkeypatch):
    image, points = draw_face(face_points()), face_points()
    asked = []
    monkeypatch.setattr(occluders, "choose_kinds", lambda rng, without: asked.append(without) or [])
    shown = replace(library(), without="hand")
    assert not occlude(image, points, shown, np.random.default_rng(0)).mask.any()
    assert asked == ["hand"]
    assert occlude(image, points, shown, np.random.default_rng(0), ["hand"]).mask.any()


def test_the_command_line_names_the_kinds(capsys):
    assert parse(["contour"]).without is None
    assert parse(["contour", "--without", "hand"]).without == "hand"
    with pytest.raises(SystemExit):
        parse(["contour", "--without", "spoon"])
    told = capsys.readouterr().err
    assert all(kind in told for kind in JUDGED)


def test_the_switch_reaches_the_batches_but_not_the_validation(tmp_path, monkeypatch):
    class Stop(Exception):
        pass

    def stop(*_, **__):
        raise Stop

    loaded = []
    monkeypatch.setattr(train, "data_folder", lambda path: path)
    monkeypatch.setattr(train, "open_store", lambda *_: [])
    monkeypatch.setattr(train, "without_maps", lambda store, names: names)
    monkeypatch.setattr(train, "load_library", lambda data, **options: loaded.append(options))
    monkeypatch.setattr(train, "validation_samples", lambda *_: {})
    monkeypatch.setattr(train, "RECIPES", {"contour": replace(train.RECIPES["contour"], make_task=lambda *_: None)})
    monkeypatch.setattr(train, "faces_for", lambda *_, **__: [])
    monkeypatch.setattr(train, "open_turned", lambda *_: None)
    monkeypatch.setattr(train, "open_rendered_hands", lambda *_: ["a hand"])
    monkeypatch.setattr(train, "Batches", stop)
    options = parse(["contour", "--without", "hand", "--faces", str(tmp_path), "--run", str(tmp_path / "run")])
    monkeypatch.setattr(train, "Trainer", lambda *_: type("Fake", (), {"seed": 1, "step": 0})())
    with pytest.raises(Stop):
        train.train(options)
    assert loaded == [{"validation": True}, {"without": "hand", "more": ["a hand"]}]
