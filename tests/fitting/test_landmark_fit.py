"""The measurement of the landmark fit."""

from pathlib import Path

import heads
import numpy as np
import pytest

from engines.evaluation.landmark_fit import REGIONS, errors, fit_errors, main, portraits, table
from realtime.errors import UserError
from realtime.fitting import Fitter


def test_errors_are_in_percent_of_the_eyes_distance():
    tracked = np.zeros((478, 3), np.float32)
    tracked[263, 0] = 200
    found = tracked[:, :2] + np.float32([3, 4])
    np.testing.assert_allclose(errors(found, tracked), 2.5)


def test_a_face_of_the_model_fits_almost_exactly():
    fitter = Fitter(heads.model())
    found = fit_errors(heads.model(), fitter, heads.landmarks(heads.pose(10)), heads.CAMERA)
    assert found.shape == (478,)
    assert found.mean() < 0.3


def test_what_is_no_face_has_no_errors():
    assert fit_errors(heads.model(), Fitter(heads.model()), np.zeros((478, 3), np.float32), heads.CAMERA) is None


def test_regions_name_landmarks_once():
    for name, indices in REGIONS.items():
        assert len(set(indices)) == len(indices), name
        assert max(indices) < 478
    assert len(REGIONS["oval"]) == 36
    assert len(REGIONS["lips"]) == 40


def test_the_table_groups_by_file_name():
    scores = np.array([np.full(478, 1.0), np.full(478, 3.0)])
    text = table(["f_asian_0001", "m_black_0002"], scores)
    rows = {line.split("|")[1].strip(): line.split("|")[2:5] for line in text.splitlines()}
    assert float(rows["all"][1]) == 2.0
    assert float(rows["women"][1]) == float(rows["asian"][1]) == 1.0
    assert float(rows["men"][1]) == float(rows["black"][1]) == 3.0


def test_the_table_takes_any_file_name():
    assert "all" in table(["portrait"], np.ones((1, 478)))


def test_a_limit_is_spread_over_the_folder(tmp_path):
    folder = tmp_path / "faces_generated"
    folder.mkdir()
    for number in range(10):
        (folder / f"f_white_{number:04d}.jpg").touch()
    chosen = [path.stem[-1] for path in portraits(tmp_path, 3)]
    assert chosen[0] == "0"
    assert chosen[-1] == "9"
    assert len(portraits(tmp_path, 100)) == 10


def test_a_folder_without_portraits_is_the_users_mistake(tmp_path, capsys):
    with pytest.raises(UserError):
        portraits(tmp_path, None)
    assert main(["--data", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2


@pytest.mark.data
def test_portraits_fit_well(capsys):
    data = Path(__file__).parents[2].parent / "shared" / "data"
    if not (data / "faces_generated").is_dir():
        pytest.skip("the shared training data is not here")
    assert main(["--data", str(data), "--limit", "20"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| all |"))
    assert float(row.split("|")[3]) < 1.5
