"""Folders with tiny overlays in them."""

import pytest
from tiny_gltf import gltf, png


@pytest.fixture
def folder(tmp_path):
    """A folder with a model and a picture; what is written beside them is up to the test."""
    (tmp_path / "quad.gltf").write_bytes(gltf())
    (tmp_path / "red.png").write_bytes(png())
    return tmp_path


@pytest.fixture
def overlay(folder):
    """Writes an overlay file's text and returns its path."""

    def write(text, name="o.toml"):
        (folder / name).write_text(text)
        return folder / name

    return write
