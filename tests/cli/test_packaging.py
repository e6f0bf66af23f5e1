"""An installed copy (`pip install .`) holds every file that the program has in the repository."""

from pathlib import Path

import pytest

setuptools = pytest.importorskip("setuptools", "77")

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("realtime", "engines", "shaders")


@pytest.fixture
def installed(monkeypatch, tmp_path) -> set[str]:
    """The files that a wheel would hold, relative to where it is installed."""
    monkeypatch.chdir(REPOSITORY)
    distribution = setuptools.Distribution({"script_name": "setup.py"})
    distribution.parse_config_files(["pyproject.toml"])
    build = distribution.get_command_obj("build_py")
    build.build_lib = str(tmp_path)
    build.ensure_finalized()
    return {Path(path).relative_to(tmp_path).as_posix() for path in build.get_outputs(include_bytecode=False)}


def test_nothing_of_the_program_is_left_out(installed):
    files = {
        path.relative_to(REPOSITORY).as_posix()
        for folder in FOLDERS
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "README.md"
    }
    assert len(files) > 250
    assert files - installed == set()


def test_nothing_else_is_installed(installed):
    """Not the tests, the tools, or what a run left behind."""
    assert {path.split("/")[0] for path in installed} == set(FOLDERS)
