"""How fast and how cheap watching is: `make bench-webrtc`, or `python -m realtime.webrtc_bench --clip clip.mp4`.

Chromium's pages watch from another process on the same machine. The time of capture is written into the pictures and
read in the pages, so delay is from there to the screen. Three ways are measured: `program`, the whole program with a
clip; `shared`, the server alone, which shows the clip as it is; `per-viewer`, the same with aiortc's own way, which
encodes for each viewer anew (the last two are `realtime.webrtc_bench_servers`).
"""

from __future__ import annotations

import argparse
import os
import shutil
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

from realtime.errors import OK, UserError, tells_user_errors
from realtime.outputs.webrtc import timecode

START_SECONDS, WARM_SECONDS = 60.0, 4.0  # until the server answers; for the bit rate and the pages to settle
PORT = 8097
WAYS = ("program", "shared", "per-viewer")
READ_EVERY = 3  # pictures
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
]

# A viewer: connects, counts the pictures shown and notes for some which time is in them and what time it is. It
# shows them small and reads few, since without a GPU the pages' drawing is what fills the machine.
WATCH = f"""async () => {{
  const read = {timecode.READ_IN_PAGE};
  const peer = new RTCPeerConnection({{ iceServers: [] }});
  const {{ receiver }} = peer.addTransceiver("video", {{ direction: "recvonly" }});
  receiver.jitterBufferTarget = 0;
  const video = document.createElement("video");
  video.muted = true;
  video.style.width = "160px";
  document.body.replaceChildren(video);
  peer.ontrack = ({{ track }}) => {{ video.srcObject = new MediaStream([track]); video.play(); }};
  window.shown = [];
  window.count = 0;
  const each = () => {{
    if (window.count++ % {READ_EVERY} === 0)
      window.shown.push([read(video), Math.round(performance.timeOrigin + performance.now())]);
    video.requestVideoFrameCallback(each);
  }};
  video.requestVideoFrameCallback(each);
  await peer.setLocalDescription();
  const answer = await fetch("/whep", {{
    method: "POST", body: peer.localDescription.sdp, headers: {{ "Content-Type": "application/sdp" }} }});
  await peer.setRemoteDescription({{ type: "answer", sdp: await answer.text() }});
  window.peer = peer;
}}"""


@dataclass(frozen=True)
class Row:
    """One measurement."""

    way: str
    viewers: int
    fps: float  # the slowest viewer's
    p50: float  # ms, all viewers' pictures
    p95: float
    worst_p50: float  # ms, the viewer who waits longest
    cpu: float  # % of a core, the whole program
    network: float | None  # % of a core, the thread that serves the viewers


def find_chromium() -> str | None:
    """Where Chromium is, if it is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def _program(way: str, clip: Path) -> Iterator[psutil.Process]:
    """The whole program in a process of its own."""
    flags = ["--source", str(clip), "--loop", "--drop", "--size", "640x480", "--headless", "--timecode"]
    flags += ["--serve", f"127.0.0.1:{PORT}"]
    module = ["realtime"] if way == "program" else ["realtime.webrtc_bench_servers", way]
    with subprocess.Popen([sys.executable, "-m", *module, *flags], stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + START_SECONDS
            while True:
                try:
                    _get("/healthz")
                    break
                except OSError:
                    if process.poll() is not None or time.monotonic() > end:
                        raise UserError(
                            "The program did not start.", "Try: python run.py --source CLIP --serve"
                        ) from None
                    time.sleep(0.2)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def _get(path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5) as answer:
        return str(answer.read().decode())


def _network_seconds(way: str) -> float | None:
    if way == "per-viewer":
        return None
    name = "contourface_network_cpu_seconds_total "
    return next(float(line.removeprefix(name)) for line in _get("/metrics").splitlines() if line.startswith(name))


def measure(way: str, viewers: int, process: psutil.Process, browser: Any, seconds: float) -> Row:
    """Lets pages watch for some seconds."""
    # A window for each: pages behind others in one window are slowed down to a picture a second.
    contexts = [browser.new_context(viewport={"width": 200, "height": 150}) for _ in range(viewers)]
    pages = [context.new_page() for context in contexts]
    try:
        for page in pages:
            page.goto(f"http://127.0.0.1:{PORT}/healthz")
            page.evaluate(WATCH)
        time.sleep(WARM_SECONDS)
        for page in pages:
            page.evaluate("window.shown.length = window.count = 0")
        cpu, network, begun = sum(process.cpu_times()[:2]), _network_seconds(way), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - begun
        cpu_after, network_after = sum(process.cpu_times()[:2]), _network_seconds(way)
        counts = [page.evaluate("window.count") for page in pages]
        shown = [page.evaluate("window.shown") for page in pages]
        for page in pages:
            page.evaluate("window.peer.close()")
    finally:
        for context in contexts:
            context.close()
    delays: list[list[float]] = [[(now - code) % timecode.PERIOD for code, now in one if code >= 0] for one in shown]
    delays = [one for one in delays if one] or [[float("nan")]]  # the low stream is too small for the code
    everything = np.concatenate([np.asarray(one, float) for one in delays])
    return Row(
        way,
        viewers,
        min(counts) / took,
        float(np.percentile(everything, 50)),
        float(np.percentile(everything, 95)),
        max(float(np.median(one)) for one in delays),
        100 * (cpu_after - cpu) / took,
        None if network is None or network_after is None else 100 * (network_after - network) / took,
    )


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, and what one more viewer costs."""
    lines = [
        "| encoding | viewers | fps, slowest viewer | delay p50 / p95 ms | p50 of the slowest | program CPU % "
        "| of it network % |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        network = "" if row.network is None else f"{row.network:.1f}"
        lines.append(
            f"| {row.way} | {row.viewers} | {row.fps:.1f} | {row.p50:.0f} / {row.p95:.0f} | {row.worst_p50:.0f} "
            f"| {row.cpu:.0f} | {network} |"
        )
    for way in dict.fromkeys(row.way for row in rows):
        ours = [row for row in rows if row.way == way]
        if len(ours) > 1:
            viewers = [row.viewers for row in ours]
            slope = np.polyfit(viewers, [row.cpu for row in ours], 1)[0]
            text = f"{way}: one more viewer costs the program {slope:.1f} % of a core"
            threads = [row.network for row in ours if row.network is not None]
            if len(threads) == len(ours):
                text += f", its network thread {np.polyfit(viewers, threads, 1)[0]:.2f} %"
            lines.append(text + ".")
    return "\n".join(lines)


@tells_user_errors
def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m realtime.webrtc_bench", description=__doc__)
    parser.add_argument("--clip", type=Path, required=True, help="a video with a face")
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=8.0, help="for each measurement")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    args = parser.parse_args(arguments)
    chromium = find_chromium()
    if not args.clip.is_file():
        raise UserError(f"There is no file {args.clip}.", "Name a video with a face: --clip clip.mp4.")
    if chromium is None:
        raise UserError("Chromium is not installed.", "Debian: apt-get install chromium.")
    from playwright.sync_api import sync_playwright

    rows = []
    print(f"{os.cpu_count()} cores, {chromium}, {args.clip.name} at 640x480", flush=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
        for way in args.ways:
            with _program(way, args.clip) as process:
                for viewers in args.viewers:
                    rows.append(measure(way, viewers, process, browser, args.seconds))
                    print(rows[-1], flush=True)
        browser.close()
    print(table(rows))
    return OK


if __name__ == "__main__":
    sys.exit(main())
