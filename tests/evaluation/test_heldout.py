"""A kind of occluder that a network has never seen: the table."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from engines.evaluation import heldout
from engines.evaluation.__main__ import parse
from engines.evaluation.heldout import SHIPPED, evaluate, measure
from engines.evaluation.pairs import Pair
from realtime.errors import UserError

SIDE = 96


@pytest.fixture
def pair(tmp_path):
    points = np.random.default_rng(0).uniform(10, SIDE - 10, (478, 2)).astype(np.float32)
    points[33], points[263] = (20, 40), (70, 40)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[30:60, 30:60] = 255
    for name, image in (("clean.jpg", mask * 0 + 90), ("occ.jpg", mask), ("mask.png", mask)):
        cv2.imwrite(str(tmp_path / f"a_{name}"), image)
    return Pair("a", "hand", "faces/a.jpg", points)


def result(pair, mask):
    """What the program would say: landmarks without a fault, this mask, nothing painted."""
    image = np.full((SIDE, SIDE, 3), 90, np.uint8)
    faces = (SimpleNamespace(landmarks=pair.landmarks),)
    return SimpleNamespace(faces=faces, occlusion=mask, complete=None, frame=SimpleNamespace(image=image))


def test_networks_are_told_apart_by_their_masks(pair, tmp_path):
    half = np.zeros((SIDE, SIDE), np.uint8)
    half[30:60, 30:45] = 255
    looks = {
        "all": lambda image: result(pair, (image[..., 0] > 127) * np.uint8(255)),
        "half": lambda image: result(pair, half),
    }
    looks["none"] = lambda image: result(pair, None)
    rows = {name: of[0].figures for name, of in measure(tmp_path, [pair], looks).items()}
    assert rows["all"]["iou"] == pytest.approx(1, abs=0.02)
    assert rows["half"]["iou"] == pytest.approx(0.5, abs=0.1)
    assert rows["none"]["iou"] == 0
    assert all(row["drift"] == row["lost"] == 0 for row in rows.values())


def test_the_shipped_network_is_the_first_row(pair, tmp_path, monkeypatch):
    class Bench:
        def seeing(self, contour=None):
            mask = np.zeros((SIDE, SIDE), np.uint8) if contour else np.full((SIDE, SIDE), 255, np.uint8)
            return lambda image: result(pair, mask)

    monkeypatch.setattr(heldout, "Workbench", Bench)
    monkeypatch.setattr(heldout, "open_openvino", lambda name, precision, folder: f"{name} of {folder.name}")
    text = evaluate(tmp_path, [pair], "hand", [tmp_path / "without_hand"])
    lines = text.splitlines()
    assert lines[0] == "1 pairs with a hand."
    assert lines[4].startswith(f"| {SHIPPED} | ")
    assert lines[5].split("|")[1].strip().endswith("without_hand")
    assert lines[5].split("|")[2].strip() == "0.00"


def test_a_kind_without_pairs_is_named(pair, tmp_path):
    with pytest.raises(UserError, match="no pairs with a spoon"):
        evaluate(tmp_path, [pair], "spoon", [])


def test_the_command_line():
    options = parse(["heldout", "pairs", "--kind", "hand", "--contour", "a", "b", "--each", "3"])
    assert [path.name for path in options.contour] == ["a", "b"]
    assert options.each == 3
