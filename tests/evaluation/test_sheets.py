"""The contact sheets."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from engines.evaluation.pairs import read_pairs
from engines.evaluation.sheets import COLUMNS, SIDE, in_clay, write_sheets
from engines.face_model.model import MorphableModel
from realtime.camera import FACING, assumed_camera, make_pose, picture_vertices

PICTURE = 120


@pytest.fixture(scope="module")
def model():
    return MorphableModel.load()


def head(model):
    pose = make_pose(FACING, [0, 0, 900])
    return picture_vertices(model.vertices(np.zeros(1), np.zeros(52)), pose, assumed_camera(PICTURE, PICTURE))


def test_the_mesh_lies_over_the_picture_in_grey(model):
    image = np.full((PICTURE, PICTURE, 3), (200, 0, 0), np.uint8)
    drawn = in_clay(image, head(model), model)
    middle, corner = drawn[PICTURE // 2, PICTURE // 2], drawn[0, 0]
    assert middle[0] == middle[1] == middle[2] > 120
    assert corner.tolist() == [200, 0, 0]
    assert (image == (200, 0, 0)).all()


def test_a_sheet_for_each_kind_with_all_six_pictures(model, tmp_path):
    rows = [
        {"id": f"{kind}_{i}", "kind": kind, "landmarks": np.full((478, 2), 50.0).tolist()}
        for kind, count in (("hand", COLUMNS + 1), ("glasses", 2))
        for i in range(count)
    ]
    (tmp_path / "pairs.json").write_text(json.dumps(rows))
    blank, mask = np.zeros((PICTURE, PICTURE), np.uint8), np.full((PICTURE, PICTURE), 255, np.uint8)
    for row in rows:
        for name, grey in (("clean", 80), ("occ", 160)):
            cv2.imwrite(str(tmp_path / f"{row['id']}_{name}.jpg"), np.full((PICTURE, PICTURE, 3), grey, np.uint8))
        cv2.imwrite(str(tmp_path / f"{row['id']}_mask.png"), mask)
        found = int(row["id"] != "glasses_1")
        np.savez(
            tmp_path / f"{row['id']}_occ.npz",
            landmarks=np.zeros((found, 478, 2), np.float32),
            vertices=head(model)[None][:found],
            occlusion=mask,
            parts=blank,
            complete=np.full((PICTURE, PICTURE, 3), 120, np.uint8),
        )
    hand, glasses = (cv2.imread(str(path)) for path in write_sheets(tmp_path, read_pairs(tmp_path), tmp_path, tmp_path))
    assert hand.shape == (2 * 6 * SIDE, COLUMNS * SIDE, 3)
    assert glasses.shape == (6 * SIDE, COLUMNS * SIDE, 3)
    middles = glasses[SIDE // 2 :: SIDE, SIDE // 2, 0]
    assert middles[[0, 1, 3, 4]] == pytest.approx([160, 255, 120, 80], abs=3)
    lost = glasses[SIDE // 2 :: SIDE, SIDE + SIDE // 2, 0]
    assert lost[5] == pytest.approx(160, abs=3)
    assert (glasses[:, 2 * SIDE :] == 0).all()
