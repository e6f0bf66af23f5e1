"""Rare skin tones are drawn more often than they come."""

import numpy as np
import pytest

pytest.importorskip("torch")

from engines.training.samples import Batches
from engines.training.tones import chances, lightness, tone_chances

from .faces import library, store_of


def toned(*colours):
    store = store_of(len(colours))
    for i, colour in enumerate(colours):
        store.images[i] = colour
        store.labels[i] = 1  # skin
    return store


@pytest.mark.parametrize(("grey", "expected"), [(0, 0), (119, 50), (255, 100)])
def test_lightness_is_cielab_s(grey, expected):
    assert lightness(toned(grey), 0) == pytest.approx(expected, abs=0.5)


def test_only_skin_counts():
    store = toned(119)
    store.labels[0, :, :128] = 0
    store.images[0, :, :128] = 255
    assert lightness(store, 0) == pytest.approx(50, abs=0.5)
    store.labels[0] = 0
    assert np.isnan(lightness(store, 0))


def test_a_tone_four_times_as_rare_is_drawn_half_as_often():
    found = chances(np.array([65.0] * 80 + [35.0] * 20))
    assert found.sum() == pytest.approx(1)
    assert found[:80].sum() == pytest.approx(2 * found[80:].sum())


def test_unknown_tones_are_drawn_as_often_as_the_mean():
    assert chances(np.array([np.nan, 65.0, 65.0, 35.0]))[0] == pytest.approx(0.25)
    assert chances(np.full(4, np.nan)) == pytest.approx(0.25)


def test_batches_are_drawn_so():
    store = toned(*[(0, 200, 0)] * 9, (60, 0, 0))
    indices, shares = np.arange(10), []
    for drawn_by in (None, tone_chances(store, indices)):
        clean = Batches(store, indices, library(), [(32, 400)], 1, chances=drawn_by)[0]["clean"].numpy()
        shares.append((clean[..., 0] > clean[..., 1]).mean())
    assert shares == pytest.approx([0.1, 0.25], abs=0.06)
