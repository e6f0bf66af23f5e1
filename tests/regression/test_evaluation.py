from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

from engines.evaluation import bump, shape
from engines.evaluation.regressed import command
from realtime.camera import rotation_from_vector


def test_shape_error_ignores_similarity(rng):
    points = rng.normal(0, 40, (200, 3))
    moved = 1.1 * points @ rotation_from_vector(np.array([0.3, 0.2, 0.1])).T + 5
    assert shape.shape_error(moved, points) < 1e-6
    assert shape.shape_error(moved + rng.normal(0, 1, moved.shape), points) > 0.5


def test_shape_table_leaves_out_lost_faces():
    rows = {name: {"clear": np.array([1.0, 2.0, 9.0]), "covered": np.array([1.1, 2.2, np.nan])} for name in ("a", "b")}
    text = shape.table(rows)
    assert "| a | 1.500 | 1.650 | 1.100 | 1.500 | 1.650 | 1.100 |" in text
    assert "2 of 3 heads" in text


def test_bump_sums_and_table():
    true = np.zeros((4, 4, 3), np.float32)
    true[..., 2] = -1
    tilted = true.copy()
    tilted[..., 0] = np.tan(np.radians(10))
    tilted /= np.linalg.norm(tilted, axis=-1, keepdims=True)
    half = true.copy()
    half[..., 0] = np.tan(np.radians(5))
    half /= np.linalg.norm(half, axis=-1, keepdims=True)
    sums = bump.Sums()
    light = np.tile(np.float32([2, 0, -0.5, 1, 0, 0, 0, 0, 0]), 3)
    sums.add(np.ones((4, 4), bool), tilted, true, {"network": half, "shading": tilted, "together": true}, light)
    assert sums.smooth / sums.pixels == pytest.approx(10, abs=0.01)
    assert sums.bumpy["network"] / sums.pixels == pytest.approx(5, abs=0.01)
    assert sums.bumpy["shading"] / sums.pixels == pytest.approx(0, abs=0.1)
    assert 0 < sums.shade_bumpy["network"] < sums.shade_bumpy["together"] == pytest.approx(sums.shade_smooth)
    assert "| face | 10.00 | network | 5.00 | 50.0 % |" in bump.table({"face": sums})


@pytest.mark.parametrize("module", [shape, bump])
def test_missing_weights_are_a_clear_mistake(module, tmp_path, capsys):
    assert command(module.__name__, "about", module.report, ["--weights", str(tmp_path)]) == 2
    message = capsys.readouterr().err.strip().splitlines()
    assert len(message) == 2
    assert "missing" in message[0]


@pytest.mark.data
def test_a_rendered_scan_fills_the_picture(model, rng):
    """Its landmarks lie where the store has its faces: every landmark's vertices are carried over, lids included."""
    data = Path(__file__).parents[3] / "shared" / "data"
    if not (data / "shapes").is_dir():
        pytest.skip("needs the shared training data")
    heads = shape.ScanHeads.load(model, data)
    carried = heads.ours_on(heads.mean)
    off = np.linalg.norm(model.landmarks(carried.astype(np.float32)) - model.landmarks(model.mean), axis=1)
    assert np.median(off) < 1
    assert off.max() < 15
    assert heads.truth(heads.sample(rng)).shape == (len(heads.face), 3)
