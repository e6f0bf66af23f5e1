"""The viewers of `realtime.webrtc_bench`: pages in headless Chromium that read the time in the pictures they show."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import psutil

from realtime.outputs.webrtc import timecode

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
_WATCH = f"""async () => {{
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
      window.shown.push([read(video), performance.timeOrigin + performance.now()]);
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
class Seen:
    """What one viewer saw."""

    pictures: int
    delays: np.ndarray  # ms from the capture to the screen, of the pictures that were read

    @property
    def p50(self) -> float:
        """Its usual delay, ms; not a number if it could read no picture (the low stream is too small for the code)."""
        return float(np.median(self.delays)) if len(self.delays) else float("nan")


class Viewers:
    """Some pages that watch, each in a window of its own: those behind others in one window are slowed down.

    Args:
        browser: Playwright's, running.
        count: how many.
        address: of the server, `http://HOST:PORT`.
    """

    def __init__(self, browser: Any, count: int, address: str) -> None:
        self._contexts = [browser.new_context(viewport={"width": 200, "height": 150}) for _ in range(count)]
        self._pages = [context.new_page() for context in self._contexts]
        self._address = address

    def __enter__(self) -> Viewers:
        for page in self._pages:
            page.goto(f"{self._address}/healthz")
            page.evaluate(_WATCH)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for context in self._contexts:
            context.close()

    def begin(self) -> None:
        """What was seen until now does not count."""
        for page in self._pages:
            page.evaluate("window.shown.length = window.count = 0")

    def end(self) -> list[Seen]:
        """What each saw since `begin`."""
        counts = [page.evaluate("window.count") for page in self._pages]
        seen = []
        for count, page in zip(counts, self._pages, strict=True):
            pairs = [(now - code) % timecode.PERIOD for code, now in page.evaluate("window.shown") if code >= 0]
            seen.append(Seen(count, np.array(pairs)))
            page.evaluate("window.peer.close()")
        return seen


def find_chromium() -> str | None:
    """Where Chromium is, if it is installed."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def browser_seconds() -> float:
    """Processor time of the browsers that this process started, all of their processes together."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                total += sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return total
