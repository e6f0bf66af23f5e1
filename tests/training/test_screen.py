"""Photographs that are covered already are found and left out."""

import pytest

torch = pytest.importorskip("torch")

from engines.networks import ContourConfig  # noqa: E402
from engines.training import screen  # noqa: E402
from engines.training.labels import PART  # noqa: E402

from .faces import store_of  # noqa: E402


def test_screening_leaves_covered_faces_out(tmp_path):
    store = store_of(8)

    class Blind(torch.nn.Module):
        config = ContourConfig(size=32)

        def forward(self, image):
            return torch.zeros(len(image), 1, 32, 32), None

    codes = store.labels.copy()
    codes[3][codes[3] == PART["nose"]] = PART["eyeglasses"]
    changed = type(store)(store.names, store.images, codes, store.landmarks, store.hand_made)
    assert screen.screen(changed, Blind(), tmp_path) == [store.names[3]]
    assert screen.left_out_names(tmp_path) == [store.names[3]]
    assert screen.left_out_names(tmp_path / "elsewhere") == []
