"""Results for a program of one's own: `for result in FaceStream("demo"): ...`."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from realtime.config import Config, SourceConfig
from realtime.errors import UserError
from realtime.frames import FrameResult

DEVICES = ("auto", "cpu", "gpu")


class FaceStream:
    """The faces in a camera's pictures or a file's, frame by frame, as `FrameResult`s.

    Iterating opens the source and the networks and starts their threads; leaving the loop, in whatever way, ends
    them and lets the camera go. Iterating again starts anew. As a context manager it also ends what a forgotten
    iterator holds. From a camera the newest frame wins: a loop body that is slow misses frames, never lags behind.
    A file's frames all come, as fast as they are asked for.

    Args:
        source: what `run.py --source` takes: a camera's number or name, a path, a URL or `demo`.
        max_faces: how many faces are followed; `result.faces` holds the largest first.
        device: where the networks run: auto, cpu or gpu.
        stills: every picture is of somebody else: no smoothing from one to the next.
        realtime: play a file as a camera would give it: at its own pace, the newest frame wins.
        loop: begin a file again at its end, for ever.
        size: width and height that every picture is fitted into, never stretched; None: as they come.
        keep_glasses: eyeglasses are not painted away.

    Raises:
        UserError: `max_faces` or `device` make no sense. While iterating: what the user can mend, such as a source
            that does not exist.
    """

    def __init__(
        self,
        source: str | int | Path = 0,
        *,
        max_faces: int = 1,
        device: str = "auto",
        stills: bool = False,
        realtime: bool = False,
        loop: bool = False,
        size: tuple[int, int] | None = None,
        keep_glasses: bool = False,
    ) -> None:
        if max_faces < 1:
            raise UserError(f"{max_faces} is not a number of faces.", "Follow at least one: max_faces=1.")
        if device not in DEVICES:
            raise UserError(f"There is no device called {device}.", f"It is one of {', '.join(DEVICES)}.")
        self._config = Config(
            source=SourceConfig(name=str(source), realtime=realtime, drop=realtime, loop=loop, size=size),
            max_faces=max_faces,
            stills=stills,
            device=device,
            keep_glasses=keep_glasses,
        )
        # Weak: a loop that is left by `break` must be the last to hold its iterator, so that it ends there and then.
        self._running: weakref.ref[Generator[FrameResult]] | None = None

    def __iter__(self) -> Iterator[FrameResult]:
        self.close()
        results = _results(self._config)
        self._running = weakref.ref(results)
        return results

    def close(self) -> None:
        """Ends the iteration under way, its threads and its source. Not from another thread."""
        running = self._running() if self._running else None
        if running is not None:
            running.close()

    def __enter__(self) -> FaceStream:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _results(config: Config) -> Generator[FrameResult]:
    # They load heavy libraries, which an import should not wait for.
    from engines.face_model.model import MorphableModel
    from realtime.app import open_pipeline
    from realtime.sources.open import open_source

    with ExitStack() as stack:
        source = open_source(config.source, config.stills)
        stack.callback(source.close)
        pipeline, _ = open_pipeline(config, source, MorphableModel.load(), stack)
        yield from stack.enter_context(pipeline).results()
