"""What the tests in Chromium share: where it is, and how a page is asked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from realtime.outputs.webrtc import timecode
from realtime.webrtc_bench_pages import BROWSER_FLAGS, find_chromium

FLAGS = [*BROWSER_FLAGS, "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


def chromium() -> str:
    """Where Chromium is; skips the test where it is not."""
    found = find_chromium()
    missing = "" if found else "Chromium is not installed (Debian: apt-get install chromium)"
    try:
        import playwright  # noqa: F401
    except ImportError:
        missing = "playwright is not installed (pip install -e .[test])"
    if not missing:
        return str(found)
    if os.environ.get("CONTOURFACE_REQUIRE_BROWSER"):
        pytest.fail(missing)
    pytest.skip(missing)


def wait_for(page, expression: str, seconds: float = 20.0) -> object:
    """Asks the page until the expression is true. (Playwright's own wait needs eval, which the policy forbids.)"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = page.evaluate(expression)
        if value:
            return value
        page.wait_for_timeout(50)
    raise AssertionError(f"{expression} did not come true; the page says: {page.inner_text('body')}")


def read_codes(page, selector: str, count: int) -> list[tuple[int, int]]:
    """(time in the picture, time when it was read), of pictures as they are shown."""
    script = f"""([selector, count]) => new Promise((done) => {{
      const read = {timecode.READ_IN_PAGE};
      const video = document.querySelector(selector), got = [];
      const each = () => {{
        got.push([read(video), Math.round(performance.timeOrigin + performance.now())]);
        if (got.length < count) video.requestVideoFrameCallback(each); else done(got);
      }};
      video.requestVideoFrameCallback(each);
    }})"""
    return [(code, now) for code, now in page.evaluate(script, [selector, count])]


@contextmanager
def running_program(*flags: str):
    """run.py in a process of its own, on a free port; must end by itself when asked to."""
    command = [sys.executable, "run.py", "--headless", "--serve", "127.0.0.1:0", *flags]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            link = next((line.split()[-1] for line in process.stdout if line.startswith("Watch: ")), None)
            assert link, "the program did not start"
            yield link.rstrip("/")
        finally:
            process.terminate()
            process.communicate(timeout=20)
        assert process.returncode == 0
