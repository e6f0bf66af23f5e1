"""The figures of one pair."""

import numpy as np
import pytest

pytest.importorskip("torch")

from engines.evaluation.metrics import LOST_DRIFT
from engines.evaluation.pairs import Pair, is_bare, read_pairs
from engines.evaluation.score import Pictures, Result, read_result, score_pair
from engines.training.sources import Photo
from realtime.errors import UserError


@pytest.fixture
def pair():
    points = np.random.default_rng(0).uniform(20, 80, (478, 2)).astype(np.float32)
    return Pair("x", "hand", "faces/x.jpg", points)


@pytest.fixture
def pictures():
    clean = np.random.default_rng(1).integers(0, 255, (100, 100, 3)).astype(np.uint8)
    mask = np.zeros((100, 100), bool)
    mask[30:60, 30:60] = True
    covered = np.where(mask[..., None], np.uint8(0), clean)
    return Pictures(clean, covered, mask, np.ones((100, 100), bool))


def perfect(pair, pictures, covered):
    return Result(pair.landmarks, pictures.mask & covered, pictures.clean, np.zeros((100, 100), np.uint8))


def test_a_perfect_result(pair, pictures):
    figures = score_pair(pair, pictures, perfect(pair, pictures, False), perfect(pair, pictures, True)).figures
    assert figures["drift"] == figures["self_drift"] == figures["false"] == figures["lost"] == 0
    assert figures["iou"] == figures["sharp"] == 1
    assert figures["psnr"] > 60


def test_a_lost_face_counts_as_agreed(pair, pictures):
    nothing = Result(None, np.zeros((100, 100), bool), pictures.clean, np.zeros((100, 100), np.uint8))
    figures = score_pair(pair, pictures, perfect(pair, pictures, False), nothing).figures
    assert figures["lost"] == 100
    assert figures["drift"] == figures["hidden"] == figures["self_drift"] == LOST_DRIFT
    assert figures["iou"] == 0
    assert figures["psnr"] < 15  # what the dump shows as complete does not count


def test_the_share_hidden(pair, pictures):
    result = score_pair(pair, pictures, perfect(pair, pictures, False), perfect(pair, pictures, True))
    assert result.share == pytest.approx(0.09)


def test_a_missing_dump_is_a_users_error(tmp_path):
    with pytest.raises(UserError, match="no dump"):
        read_result(tmp_path / "x.npz")


@pytest.mark.parametrize("text", [None, "{", "[{}]"])
def test_a_folder_without_pairs_is_a_users_error(tmp_path, text):
    if text is not None:
        (tmp_path / "pairs.json").write_text(text)
    with pytest.raises(UserError, match="no list of pairs"):
        read_pairs(tmp_path)


def test_photographs_known_to_be_covered_are_left_out(tmp_path):
    assert not is_bare(Photo("faces_generated/m_white_3215.jpg", tmp_path / "x", None, 0.0))
    assert is_bare(Photo("faces/other.jpg", tmp_path / "x", None, 0.0))
