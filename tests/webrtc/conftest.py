from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from realtime.outputs.webrtc.options import ServeOptions
from realtime.outputs.webrtc.server import WebRtcOutput

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
    """Starts servers on free ports; stops them, and looks that no thread of theirs stays."""
    with ExitStack() as stack:

        def start(
            options: ServeOptions | None = None, size: tuple[int, int] = (WIDTH, HEIGHT), **others: object
        ) -> Running:
            output = stack.enter_context(WebRtcOutput(options or ServeOptions(port=0), shape_names=SHAPES, **others))
            return Running(output, stack.enter_context(Producer(output, size=size)))

        yield start
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("webrtc")]
