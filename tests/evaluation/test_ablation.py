"""What each part is worth: the tables, and the engines that leave something out."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from engines.evaluation.ablation import FIGURES, WithoutCompletion, WithoutGuide, by_group, figures, measure, report
from engines.evaluation.pairs import Pair
from engines.evaluation.score import Pictures, Scored, inpainted

SIDE = 96


class Painter:
    """Stands in for the completion network: paints grey, and tells what it was told about the parts."""

    spec = device = precision = why = None

    def __init__(self):
        self.inputs = {"image": np.ones((1, 3, 4, 4), np.float32), "parts": np.zeros((1, 14, 4, 4), np.float32)}
        self.inputs["parts"][0, 1] = 1

    def run(self, **arrays):
        return {"complete": np.zeros((1, 3, 4, 4), np.float32), "told": self.inputs["parts"].copy()}


def test_without_the_guide_all_parts_are_as_likely():
    told = WithoutGuide(Painter()).run()["told"]
    assert told == pytest.approx(np.full_like(told, 1 / 14))


def test_without_completion_nothing_is_painted():
    painter = Painter()
    assert WithoutCompletion(painter).run()["complete"] is painter.inputs["image"]


@pytest.fixture
def pair():
    return Pair("a", "hand", "faces_generated/f_asian_0001.jpg", landmarks())


def landmarks():
    points = np.random.default_rng(0).uniform(10, SIDE - 10, (478, 2)).astype(np.float32)
    points[33], points[263] = (20, 40), (70, 40)
    return points


def pictures():
    clean = np.full((SIDE, SIDE, 3), 100, np.uint8)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[30:60, 30:60] = True
    return Pictures(clean, np.where(mask[..., None], np.uint8(255), clean), mask, np.ones((SIDE, SIDE), bool))


def test_a_perfect_answer_has_no_drift_and_a_lost_face_the_most(pair):
    perfect = figures(pair, pictures(), (pair.landmarks, pictures().clean))
    assert perfect["drift"] == perfect["hidden"] == 0
    assert perfect["psnr"] > 60
    lost = figures(pair, pictures(), (None, pictures().covered))
    assert lost["drift"] == lost["hidden"] == 30
    assert lost["psnr"] < 10


def test_telea_fills_what_the_mask_hides():
    assert np.abs(inpainted(pictures()).astype(int) - 100).max() < 10


def test_every_variant_sees_the_same_pairs(pair, tmp_path):
    given = pictures()
    for name, image in (("clean", given.clean), ("occ", given.covered)):
        cv2.imwrite(str(tmp_path / f"a_{name}.jpg"), image)
    cv2.imwrite(str(tmp_path / "a_mask.png"), given.mask * np.uint8(255))
    looks = {"good": lambda p: (pair.landmarks, p.clean), "blind": lambda p: (None, p.covered)}
    rows = measure(tmp_path, [pair], looks)
    assert {name: of[0].figures["drift"] for name, of in rows.items()} == {"good": 0, "blind": 30}
    assert rows["good"][0].share == rows["blind"][0].share > 0


def scored(kind, face, **values):
    return Scored(SimpleNamespace(kind=kind, face=face), 0.2, values)


def test_groups_are_lines_and_variants_columns():
    faces = "faces_utk/white_f_030_1.jpg", "faces_parsed/1.jpg"
    rows = {
        "one": [scored("hand", faces[0], drift=2.0), scored("object", faces[1], drift=4.0)],
        "two": [scored("hand", faces[0], drift=1.0), scored("object", faces[1])],
    }
    lines = {line.split("|")[1].strip(): line for line in by_group(rows, "drift").splitlines()}
    assert lines["hand"] == "| hand | 1 | 2.00 | 1.00 |"
    assert lines["object"] == "| object | 1 | 4.00 |  |"
    assert lines["10-25 % hidden"] == "| 10-25 % hidden | 2 | 3.00 | 1.00 |"
    assert lines["female"] == "| female | 1 | 2.00 | 1.00 |"
    assert lines["20-34"].startswith("| 20-34 | 1 |")


def test_the_report_names_every_variant_and_figure():
    rows = {name: [scored("hand", "x", drift=1.0, hidden=2.0, psnr=20.0)] for name in ("everything", "mean face")}
    text = report(rows)
    assert "| mean face | 1.00 | 2.00 | 20.00 |" in text
    assert all(f"## {figure}: " in text for figure in FIGURES)
    assert "2. mean face" in text
