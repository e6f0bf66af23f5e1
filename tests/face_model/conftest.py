"""The face model that comes with the program."""

from __future__ import annotations

import numpy as np
import pytest

from engines.face_model.model import DEFAULT_PATH, MorphableModel


@pytest.fixture(scope="session")
def model() -> MorphableModel:
    return MorphableModel.load()


@pytest.fixture(scope="session")
def arrays() -> dict[str, np.ndarray]:
    with np.load(DEFAULT_PATH) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture
def write(tmp_path, arrays):
    """Writes the file with some arrays replaced, or left out where the replacement is None."""

    def writer(**changes):
        path = tmp_path / "model.npz"
        merged = {**arrays, **changes}
        np.savez(path, **{name: value for name, value in merged.items() if value is not None})
        return path

    return writer
