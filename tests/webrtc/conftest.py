from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.outputs.webrtc.options import ServeOptions
from realtime.outputs.webrtc.server import WebRtcOutput

from .browser import FLAGS, chromium
from .fakes import HEIGHT, SHAPES, WIDTH, Producer


class Running:
    """A server with its camera."""

    def __init__(self, output: WebRtcOutput, producer: Producer) -> None:
        self.output, self.producer = output, producer

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.output.port}"

    def value(self, name: str) -> float:
        return self.output.metrics.values()[name]


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """Starts servers on free ports; stops them, and looks that no thread and no task of theirs stays."""
    outputs: list[WebRtcOutput] = []
    with ExitStack() as stack:

        def start(
            options: ServeOptions | None = None, size: tuple[int, int] = (WIDTH, HEIGHT), **others: object
        ) -> Running:
            output = stack.enter_context(WebRtcOutput(options or ServeOptions(port=0), shape_names=SHAPES, **others))
            outputs.append(output)
            return Running(output, stack.enter_context(Producer(output, size=size)))

        yield start
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("webrtc")]
    assert not [task for output in outputs for task in asyncio.all_tasks(output._loop)]


@pytest.fixture(scope="module")
def camera_file(tmp_path_factory) -> Path:
    """What the fake camera shows, as Motion JPEG: a face (a photograph of NASA's) that sways between red and green."""
    import cv2
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    face = cv2.resize(astronaut()[:320, 60:380], (480, 480))
    with av.open(str(path), "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuvj420p"
        for index in range(30):
            image = np.zeros((480, 640, 3), np.uint8)
            left = 80 + round(15 * np.sin(2 * np.pi * index / 30))
            image[:, left : left + 480] = face
            image[:, :60], image[:, 580:] = (220, 30, 30), (30, 200, 30)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


@pytest.fixture(scope="module")
def browser(camera_file):
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={camera_file}"]
        running = play.chromium.launch(executable_path=path, args=flags)
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A page of a fresh profile. Nothing may go wrong in it unnoticed, the content policy included."""
    context = browser.new_context(viewport={"width": 900, "height": 700})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert not [error for error in errors if "net::ERR_" not in error]  # the server is away at times
