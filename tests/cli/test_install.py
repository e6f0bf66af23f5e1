"""`make install`: what it asks of pip, with a stand-in for the virtual environment's Python."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "install.sh"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script")


class Environment:
    """A virtual environment whose Python only notes what it is asked to install."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.works = folder / "venv", folder / "asked", True
        (self.folder / "bin").mkdir(parents=True)

    def install(self, extras: str = "") -> subprocess.CompletedProcess:
        """Runs the script; `asked` are the requirements that pip was then given."""
        self.log.write_text("")
        python = self.folder / "bin" / "python"
        python.write_text(
            "#!/bin/sh\n"
            '[ "$1" = -c ] && exit 0\n'
            f'for last; do :; done; echo "$last" >>"{self.log}"\n'
            f"exit {0 if self.works else 1}\n"
        )
        python.chmod(0o755)
        return subprocess.run([str(SCRIPT), str(self.folder), extras], capture_output=True, text=True, check=False)

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().split()


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path)


def test_without_extras(environment):
    done = environment.install()
    assert (done.returncode, done.stderr) == (0, "")
    assert environment.asked == ["."]
    assert "Installing the packages" in done.stdout


def test_a_second_time_nothing_is_asked(environment):
    environment.install("test")
    done = environment.install("test")
    assert (done.returncode, done.stdout) == (0, "")
    assert environment.asked == []


def test_extras_add_up(environment):
    asked = []
    for extras in ("test", "train,gpu", "", "gpu"):
        assert environment.install(extras).returncode == 0
        asked.append(environment.asked)
    assert asked == [[".[test]"], [".[test,train,gpu]"], [], []]


def test_other_requirements_are_asked_for_again(environment):
    environment.install("test")
    stamp = environment.folder / ".contourface"
    stamp.write_text("another pyproject.toml\nbase\ntest\n")
    environment.install()
    assert environment.asked == ["."]


def test_pip_fails_and_is_asked_again(environment):
    environment.works = False
    done = environment.install("test")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    environment.works = True
    assert environment.install("test").returncode == 0
    assert environment.asked == [".[test]"]
