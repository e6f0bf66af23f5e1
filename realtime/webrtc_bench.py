"""How fast and how cheap watching is: `make bench-webrtc`, or `python -m realtime.webrtc_bench --clip clip.mp4`.

Chromium's pages watch from another process on the same machine. The time of capture is written into the pictures and
read in the pages, so delay is from there to the screen. Three ways are measured: `program`, the whole program with a
clip; `shared`, the server alone, which shows the clip as it is; `per-viewer`, the same with aiortc's own way, which
encodes for each viewer anew (the last two are `realtime.webrtc_bench_servers`).

The table tells where the delay comes from: how old a picture was when it was drawn, and when it was encoded and handed
to the network; what is left until it was shown is the network's and the page's. The browsers decode and draw on the
same processor, which in use they do not.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from realtime.bench import machine
from realtime.errors import OK, UserError, tells_user_errors
from realtime.webrtc_bench_pages import BROWSER_FLAGS, Seen, Viewers, browser_seconds, find_chromium

START_SECONDS, WARM_SECONDS = 60.0, 4.0  # until the server answers; for the bit rate and the pages to settle
SAMPLE_SECONDS = 0.5  # between two looks at the server's figures
ADDRESS = "127.0.0.1:8097"
WAYS = ("program", "shared", "per-viewer")
AGES = ("drawn_age_seconds", "frame_age_seconds")


@dataclass(frozen=True)
class Row:
    """One measurement. Times in ms, processor time in % of a core."""

    way: str
    viewers: int
    fps: float  # the slowest viewer's
    drawn: float  # age when it was drawn, p50; not a number where the server does not tell
    sent: float  # age when it was encoded and handed to the network, p50
    p50: float  # age when it was shown, all viewers' pictures
    p95: float
    worst_p50: float  # the p50 of the viewer who waits longest
    cpu: float  # the whole program
    network: float  # its thread that serves the viewers
    browsers: float  # all of Chromium


@contextmanager
def _server(way: str, clip: Path) -> Iterator[psutil.Process]:
    """What is measured, in a process of its own.

    It has a session of its own, as a program and a browser that a user starts have: Linux shares the processor out
    between sessions first, and eight viewers' dozens of threads are not the server's equals.
    """
    flags = ["--source", str(clip), "--loop", "--drop", "--size", "640x480", "--headless", "--timecode"]
    flags += ["--serve", ADDRESS]
    module = ["realtime"] if way == "program" else ["realtime.webrtc_bench_servers", way]
    command = [sys.executable, "-m", *module, *flags]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            end = time.monotonic() + START_SECONDS
            while not _answers():
                if process.poll() is not None or time.monotonic() > end:
                    raise UserError("The program did not start.", "Try: python run.py --source CLIP --serve")
                time.sleep(0.2)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _answers() -> bool:
    try:
        return bool(_get("/healthz"))
    except OSError:
        return False


def _get(path: str) -> str:
    with urllib.request.urlopen(f"http://{ADDRESS}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def _figures(way: str) -> dict[str, float]:
    """What the server tells of itself: `/metrics`. aiortc's own way tells nothing."""
    if way == "per-viewer":
        return {}
    lines = (line.split() for line in _get("/metrics").splitlines() if not line.startswith("#"))
    return {name.removeprefix("contourface_"): float(value) for name, value in lines}


def measure(way: str, viewers: int, server: psutil.Process, browser: Any, seconds: float) -> Row:
    """Lets pages watch for some seconds."""
    with Viewers(browser, viewers, f"http://{ADDRESS}") as watching:
        time.sleep(WARM_SECONDS)
        watching.begin()
        samples = [_figures(way)]
        cpu, browsers, begun = sum(server.cpu_times()[:2]), browser_seconds(), time.monotonic()
        while time.monotonic() - begun < seconds:
            time.sleep(SAMPLE_SECONDS)
            samples.append(_figures(way))
        took = time.monotonic() - begun
        cpu, browsers = sum(server.cpu_times()[:2]) - cpu, browser_seconds() - browsers
        return _row(way, took, watching.end(), samples, 100 * cpu / took, 100 * browsers / took)


def _row(
    way: str, took: float, seen: Sequence[Seen], samples: Sequence[dict[str, float]], cpu: float, browsers: float
) -> Row:
    unknown = float("nan")
    drawn, sent = (1e3 * float(np.median([one.get(name, unknown) for one in samples])) for name in AGES)
    name = "network_cpu_seconds_total"
    network = 100 * (samples[-1].get(name, unknown) - samples[0].get(name, unknown)) / took
    delays = np.concatenate([one.delays for one in seen])
    p50, p95 = np.percentile(delays, [50, 95]) if len(delays) else (unknown, unknown)
    fps = min(one.pictures for one in seen) / took
    worst = max(one.p50 for one in seen)
    return Row(way, len(seen), fps, drawn, sent, float(p50), float(p95), worst, cpu, network, browsers)


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, and what one more viewer costs."""
    lines = [
        "| way | viewers | fps, slowest viewer | drawn, p50 ms | sent, p50 | shown, p50 / p95 | slowest viewer's p50 "
        "| server, % of a core | of it network | browsers |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = [row.way, row.viewers, f"{row.fps:.1f}", _number(row.drawn), _number(row.sent)]
        cells += [f"{_number(row.p50)} / {_number(row.p95)}", _number(row.worst_p50), _number(row.cpu)]
        cells += [_number(row.network, 1), _number(row.browsers)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for way in dict.fromkeys(row.way for row in rows):
        ours = [row for row in rows if row.way == way]
        if len(ours) > 1:
            program, network = (_slope(ours, name) for name in ("cpu", "network"))
            text = f"{way}: one more viewer costs the program {program:.1f} % of a core"
            lines.append(text + (f", its network thread {network:.2f} %." if np.isfinite(network) else "."))
    return "\n".join(lines)


def _number(value: float, digits: int = 0) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else ""


def _slope(rows: Sequence[Row], name: str) -> float:
    """What one more viewer adds to a figure, by least squares."""
    return float(np.polyfit([row.viewers for row in rows], [getattr(row, name) for row in rows], 1)[0])


@tells_user_errors
def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m realtime.webrtc_bench", description=__doc__)
    parser.add_argument("--clip", type=Path, required=True, help="a video with a face")
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 2, 4, 8], help="how many (default: 1 2 4 8)")
    parser.add_argument("--seconds", type=float, default=8.0, help="for each measurement (default: 8)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="what is measured (default: all)")
    args = parser.parse_args(arguments)
    chromium = find_chromium()
    if not args.clip.is_file():
        raise UserError(f"There is no file {args.clip}.", "Name a video with a face: --clip clip.mp4.")
    if chromium is None:
        raise UserError("Chromium is not installed.", "Debian: apt-get install chromium.")
    from playwright.sync_api import sync_playwright

    rows = []
    print(f"{machine()} {args.clip.name} at 640x480.", flush=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
        for way in args.ways:
            for viewers in args.viewers:
                # Started anew each time, so that all measurements see the same part of the clip.
                with _server(way, args.clip) as server:
                    rows.append(measure(way, viewers, server, browser, args.seconds))
                print(rows[-1], file=sys.stderr, flush=True)
        browser.close()
    print(table(rows))
    return OK


if __name__ == "__main__":
    sys.exit(main())
