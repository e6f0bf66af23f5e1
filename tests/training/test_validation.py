"""The figures that trainings are validated by."""

import numpy as np
import pytest

pytest.importorskip("torch")

from engines.training.samples import make_sample
from engines.training.validation import mask_iou, part_ious, psnr

from .faces import library, store_of


def test_iou_is_counted_inside_the_face_only():
    sample = make_sample(store_of(1), 0, library(), np.random.default_rng(0), 32, [])
    everything = np.ones((32, 32), bool)
    assert mask_iou(everything, sample) == 0.0
    assert mask_iou(~everything, sample) is None


def test_part_iou_of_a_known_case():
    truth, found = np.array([[1, 1, 2, 255]], np.uint8), np.array([[1, 2, 2, 9]], np.uint8)
    assert part_ious([found], [truth], [truth < 255]) == {1: 0.5, 2: 0.5}


def test_psnr_of_a_known_error():
    a = np.zeros((4, 4, 3), np.uint8)
    assert psnr(a, a + 255, np.ones((4, 4), bool)) == pytest.approx(0.0)
    assert psnr(a, a + 51, np.eye(4, dtype=bool)) == pytest.approx(20 * np.log10(5))
