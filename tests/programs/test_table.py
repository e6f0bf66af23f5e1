"""The CSV file: its columns, and what is left of it when it is cut short."""

import csv
from pathlib import Path

import numpy as np
import pytest
from program_faces import NAMES, looking, make_face, make_result, turned

from realtime.errors import UserError
from realtime.outputs.programs import table
from realtime.outputs.programs.table import Table


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_per_face_and_frame(tmp_path):
    path = tmp_path / "faces.csv"
    with Table(path, NAMES) as sink:
        sink.write(make_result(make_face(id_=3), make_face(id_=7), time=0.0, index=0), None)
        sink.write(make_result(time=0.5, index=1), None)
        sink.write(make_result(make_face(id_=7), time=1.0, index=2), None)
    found = [(row["frame"], float(row["time_s"]), row["face"]) for row in rows(path)]
    assert found == [("0", 0.0, "3"), ("0", 0.0, "7"), ("2", 1.0, "7")]


def test_the_columns(tmp_path):
    path = tmp_path / "faces.csv"
    face = make_face(
        turned(10, -20, 30), position=(12, -34, 567), right=looking(5, 6), left=looking(-7, -8), jawOpen=0.125
    )
    with Table(path, NAMES) as sink:
        sink.write(make_result(face), None)
    (row,) = rows(path)
    assert list(row)[-52:] == list(NAMES)
    assert len(row) == 66
    numbers = {name: float(value) for name, value in row.items()}
    assert [numbers[axis] for axis in ("x_mm", "y_mm", "z_mm")] == [12, -34, 567]
    assert [numbers[angle] for angle in ("pitch_deg", "yaw_deg", "roll_deg")] == pytest.approx([10, -20, 30], abs=0.01)
    eyes = ("right_eye_pitch_deg", "right_eye_yaw_deg", "left_eye_pitch_deg", "left_eye_yaw_deg")
    assert [numbers[eye] for eye in eyes] == pytest.approx([5, 6, -7, -8], abs=0.01)
    assert numbers["jawOpen"] == 0.125


def test_the_capture_in_seconds_since_1970(tmp_path, monkeypatch):
    monkeypatch.setattr(table.time, "time", lambda: 1_700_000_000.0)
    monkeypatch.setattr(table.time, "monotonic", lambda: 90.0)
    path = tmp_path / "faces.csv"
    with Table(path, NAMES) as sink:
        sink.write(make_result(make_face(), captured=90.25), None)
    assert float(rows(path)[0]["captured"]) == 1_700_000_000.25


def test_what_is_written_is_there_while_the_program_runs(tmp_path):
    path = tmp_path / "faces.csv"
    sink = Table(path, NAMES)
    for index in range(3):
        sink.write(make_result(make_face(), index=index), None)
        assert len(rows(path)) == index + 1
        assert path.read_text().endswith("\n")
    sink.__exit__(None, None, None)


def test_what_is_not_a_number_is_zero(tmp_path):
    face = make_face(jawOpen=np.nan)
    face.coefficients.pose[:] = np.nan
    with Table(tmp_path / "faces.csv", NAMES) as sink:
        sink.write(make_result(face), None)
    assert "nan" not in (tmp_path / "faces.csv").read_text()


@pytest.mark.parametrize("path", ["no/such/faces.csv", "."])
def test_places_that_cannot_be_written(tmp_path, path):
    with pytest.raises(UserError):
        Table(tmp_path / path, NAMES)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk():
    with pytest.raises(UserError, match="no space left") as mistake:
        Table(Path("/dev/full"), NAMES)
    assert "--csv" in mistake.value.remedy
