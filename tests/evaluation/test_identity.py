"""The identity distance, with a network that only looks at colours."""

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from engines.evaluation import identity
from engines.evaluation.identity import Distances, Recogniser, measure, table
from engines.evaluation.pairs import read_pairs
from realtime.errors import UserError

SIDE = 64


class MeanColour:
    """Tells people apart by their picture's mean colour; finds those that are not black."""

    def describe(self, image, landmarks):
        return image.reshape(-1, 3).mean(0) / 255

    def finds(self, image):
        return bool(image.max() > 0)


@pytest.fixture
def folder(tmp_path):
    rows = []
    for number, (face, completed) in enumerate([(200, 180), (100, 20), (200, 200)]):
        pair = f"hand_{number:03d}"
        rows.append({"id": pair, "kind": "hand", "face": f"faces/{face}.jpg", "landmarks": [[32.0, 32.0]] * 478})
        picture = np.full((SIDE, SIDE, 3), face, np.uint8)
        cv2.imwrite(str(tmp_path / f"{pair}_clean.jpg"), picture)
        cv2.imwrite(str(tmp_path / f"{pair}_occ.jpg"), np.where(number == 2, 0, picture // 2).astype(np.uint8))
        cv2.imwrite(str(tmp_path / f"{pair}_mask.png"), np.full((SIDE, SIDE), 255, np.uint8))
        blank = np.zeros((SIDE, SIDE), np.uint8)
        np.savez(
            tmp_path / f"{pair}_occ.npz",
            landmarks=np.zeros((0, 478, 2)),
            vertices=np.zeros((0, 5, 3)),
            occlusion=blank,
            parts=blank,
            complete=np.full((SIDE, SIDE, 3), completed, np.uint8),
        )
    (tmp_path / "pairs.json").write_text(json.dumps(rows))
    return tmp_path


def test_distances_are_from_the_clean_picture(folder):
    found = measure(folder, read_pairs(folder), folder, MeanColour(), iter)
    unit = np.sqrt(3) / 255
    assert found.covered / unit == pytest.approx([100, 50, 200], abs=1)
    assert found.completed / unit == pytest.approx([20, 80, 0], abs=1)
    assert found.stranger / unit == pytest.approx([100, 100, 100], abs=1)
    assert found.found.tolist() == [[True, True], [True, True], [False, True]]


def test_the_table_counts_the_pairs_in_which_the_completed_is_nearer():
    found = np.array([[True, True], [False, True], [True, True]])
    distances = Distances(
        ["hand", "hand", "glasses"], np.r_[0.4, 0.4, 0.2], np.r_[0.3, 0.5, 0.1], np.r_[1, 1, 1], found
    )
    rows = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]]
        for line in table(distances).splitlines()
    }
    assert rows["hand"] == ["2", "0.400", "0.400", "1.000", "50", "50", "100"]
    assert rows["glasses"] == ["1", "0.200", "0.100", "1.000", "100", "100", "100"]
    assert rows["all"][4] == "67"


def test_without_the_packages_the_report_says_so(folder, monkeypatch):
    monkeypatch.setattr(identity, "PACKAGES", ("no_such_package",))
    with pytest.raises(UserError, match="not installed"):
        Recogniser()
    assert "EXTRAS=train,evaluation" in identity.report(folder, read_pairs(folder), folder)


def test_the_network_tells_an_astronaut_from_noise():
    pytest.importorskip("dlib")
    data = pytest.importorskip("skimage.data")
    network, image = Recogniser(), data.astronaut()
    points = np.zeros((478, 2), np.float32)
    points[list(identity.FIVE)] = [(255, 108), (235, 110), (192, 113), (212, 112), (226, 138)]
    assert network.finds(image)
    assert not network.finds(np.full((200, 200, 3), 127, np.uint8))
    own, darker = network.describe(image, points), network.describe((image * 0.8).astype(np.uint8), points)
    other = network.describe(np.random.default_rng(0).integers(0, 255, image.shape).astype(np.uint8), points)
    assert np.linalg.norm(own - darker) < 0.3 < np.linalg.norm(own - other)
