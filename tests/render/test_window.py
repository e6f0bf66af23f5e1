import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    paths = os.pathsep.join([str(ROOT), str(HERE)])
    return subprocess.run(
        command, env={**clean, "PYTHONPATH": paths, **environment}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.gl
@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs xvfb-run")
def test_the_window_shows_the_picture_letterboxed_and_hands_on_keys():
    done = run(["xvfb-run", "-a", sys.executable, str(HERE / "window_session.py")])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["size"] == [60, 120]
    assert max(told["left_of_picture"]) < 20
    assert told["top"] == [255, 0, 0]
    assert told["bottom"] == [0, 0, 0]
    assert told["hud_changes_top"]
    assert not told["hud_changes_bottom"]
    assert told["resized"] == [90, 60]
    assert told["resized_top"] == [23, 44]  # 45 rows of picture in the middle, the upper half of them red
    expected = [["view", "wire"], ["view", "texture"], ["gaze", None], ["next_view", None], ["quit", None]]
    assert told["actions"] == expected
    assert told["left_over"] == 0
    assert told["open_after_escape"]  # quitting is the loop's decision
    assert told["closed"]
    assert told["gl"] == "GL_NO_ERROR"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display_the_user_is_told_to_go_headless():
    code = (
        "from realtime.errors import UserError\n"
        "from realtime.outputs.window import Window\n"
        "try:\n    Window('test', (64, 64))\n"
        "except UserError as error:\n    print(error)\n"
    )
    done = run([sys.executable, "-c", code])
    assert done.returncode == 0, done.stderr
    message, remedy = done.stdout.splitlines()
    assert "window" in message
    assert "--headless" in remedy
