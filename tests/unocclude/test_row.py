"""Both networks in a row on a GPU give what they give one by one, or are not used."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from covered_fakes import FakeEngine, FakeMesh

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE
from realtime.blending import grow, margin
from realtime.pixels import fill_image, read_image
from realtime.seen import MASK_GROWN
from realtime.unocclude import Unoccluder


class FakeRow:
    """The row by hand, from the same rules as the engines."""

    def __init__(self):
        self.contour, self.completion = FakeEngine("contour"), FakeEngine("completion")
        self.runs, self.is_lost, self.is_wrong = 0, False, False

    def run(self, crop, before):
        if self.is_lost:
            return None
        self.runs += 1
        small = cv2.resize(crop, (CONTOUR_SIZE, CONTOUR_SIZE), interpolation=cv2.INTER_LINEAR)
        fill_image(self.contour.inputs["image"], small)
        found = self.contour.run()
        probability = cv2.resize(found["mask"][0, 0], (COMPLETION_SIZE,) * 2, interpolation=cv2.INTER_LINEAR)
        cover = (margin(probability, before) > 0).astype(np.float32)
        fill_image(self.completion.inputs["image"], crop)
        self.completion.inputs["mask"][0, 0] = grow(cover, MASK_GROWN)
        painting = read_image(self.completion.run()["complete"])
        if self.is_wrong:
            cover = 1 - cover
        return {
            "probability": probability[None, None],
            "cover": cover[None, None],
            "parts": found["parts"],
            "painting": painting[None],
        }


@pytest.fixture
def row():
    return FakeRow()


@pytest.fixture
def rowed(engines, mesh, row):
    return Unoccluder(*engines, mesh, row=row)


def play(unoccluder, picture, face, count=4):
    return [unoccluder.look(picture, face if i == 0 else _old(face), time=i / 30) for i in range(count)]


def _old(face):
    return replace(face, is_new=False)


def test_the_row_gives_what_the_networks_give(rowed, row, covered, face):
    alone = Unoccluder(FakeEngine("contour"), FakeEngine("completion"), FakeMesh())
    for ours, theirs in zip(play(rowed, covered, face), play(alone, covered, face), strict=True):
        np.testing.assert_array_equal(ours.mask, theirs.mask)
        np.testing.assert_array_equal(ours.painting, theirs.painting)
        np.testing.assert_array_equal(ours.parts, theirs.parts)
    assert row.runs == 3


def test_the_row_runs_once_something_covers_the_face(rowed, row, engines, covered, face):
    play(rowed, covered, face, 4)
    assert [engine.runs for engine in engines] == [1, 1], "the first frame, before anything was known"


def test_in_plain_view_the_row_rests(rowed, row, bare, face):
    play(rowed, bare, face)
    assert row.runs == 0


def test_a_lost_row_leaves_it_to_the_engines(rowed, row, engines, covered, face):
    row.is_lost = True
    assert all(seen.mask is not None for seen in play(rowed, covered, face))
    assert [engine.runs for engine in engines] == [4, 4]


def test_what_was_painted_under_another_mask_is_not_used(rowed, row, engines, covered, face):
    row.is_wrong = True
    play(rowed, covered, face)
    assert engines[1].runs == 4
