"""Puts the parts together as the command line asks, and runs them."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from engines.engine import device_line
from engines.face_model.model import MorphableModel
from realtime.config import Config, SourceConfig
from realtime.errors import UserError
from realtime.frames import Frame, FrameResult, TrackedFace
from realtime.loop import Pipeline, Sink
from realtime.outputs.controls import Controls
from realtime.outputs.programs.open import open_programs
from realtime.outputs.webrtc.switches import RemoteControls
from realtime.sources.base import Source, frames
from realtime.timing import Timings

if TYPE_CHECKING:  # they load heavy libraries, which a user's mistake should not wait for
    from realtime.reconstruction import Reconstructor
    from realtime.render.overlays import OverlaySource
    from realtime.tracking import Tracker

log = logging.getLogger(__name__)


def run(config: Config) -> Timings:
    """Runs the program from the first frame to the last, or until Ctrl-C.

    Raises:
        UserError: something that the user can mend.
    """
    from realtime.sources.open import open_source

    _keep_the_source(config)
    with ExitStack() as stack:
        source = open_source(config.source, config.stills)
        stack.callback(source.close)
        from realtime.show import Headless, Setting, Windowed

        model = MorphableModel.load()
        sinks = _open_sinks(config, source, model, is_lossless(config.source, source), stack)
        controls = Controls(view=config.view, samples=config.samples, hands=config.hands)
        remote = RemoteControls(controls, has_overlays=bool(config.overlays))
        sinks += _open_web(config, source, model, remote, stack)
        overlays = _open_overlays(config, model, remote, stack)
        show = (Headless if config.output.headless else Windowed)(Setting(config, model, sinks, remote, overlays))
        stack.callback(show.close)
        # The slowest to load come last: whatever the user must mend is told before.
        pipeline, timings = open_pipeline(config, source, model, stack)
        with pipeline, _ending_at_signals(pipeline):
            show.run(pipeline, timings)
        timings.finish()
    return timings


def open_pipeline(config: Config, source: Source, model: MorphableModel, stack: ExitStack) -> tuple[Pipeline, Timings]:
    """What turns a source's frames into results, ready to be entered, and its stopwatch, which runs.

    What the stages hold ends with `stack`.
    """
    from realtime.covered_faces import open_covered_faces
    from realtime.memory import Memories
    from realtime.reconstruction import Options, Reconstructor
    from realtime.regressor import open_regressor
    from realtime.tracking import MediaPipeTracker

    tracker = MediaPipeTracker(config.max_faces, config.stills)
    stack.callback(tracker.close)
    memories = None
    if not config.stills:
        from realtime.person import kept, open_person

        person = open_person(config.person, model, config.device, config.keep_glasses) if config.person else None
        memories = Memories(model, person)
        stack.enter_context(kept(config.person, memories))
    covered = open_covered_faces(config.stills, config.device, config.keep_glasses, memories, config.max_faces)
    regressor = open_regressor(config.stills, config.device, model) if covered else None
    why = covered.why if covered else ("no networks are shipped with this copy",)
    for line in (*why, *([regressor.why] if regressor else [])):
        log.info(line)
    reconstructor = Reconstructor(model, Options(config.stills), covered, regressor)
    # Starts now: loading what is needed is not part of any frame.
    timings = Timings(device=lambda: device_line(covered.why[0] if covered else why[0]))
    track, reconstruct = partial(_track, tracker, timings), partial(_reconstruct, reconstructor, timings)
    lossless = is_lossless(config.source, source)
    stages = stages_for(track, reconstruct, lossless)
    return _pipeline(config.source, source, stages, lossless, timings), timings


def stages_for(
    track: Callable[[Any], Any], reconstruct: Callable[[Any], Any], lossless: bool
) -> tuple[Callable[[Any], Any], ...]:
    """What the loop gives threads of their own.

    Side by side, the two get through more frames. One after the other on one thread, no frame grows old between them.
    """
    return (track, reconstruct) if lossless else (lambda frame: reconstruct(track(frame)),)


def is_lossless(config: SourceConfig, source: Source) -> bool:
    """Whether every frame goes all the way; otherwise the newest wins."""
    return not (source.live or config.drop)


def _track(tracker: Tracker, timings: Timings, frame: Frame) -> tuple[Frame, list[TrackedFace], float]:
    """A frame, the faces in it, and the milliseconds that it took to find them."""
    started = perf_counter()
    with timings.measure("track"):
        faces = tracker.track(frame)
    return frame, faces, (perf_counter() - started) * 1e3


def _reconstruct(
    reconstructor: Reconstructor, timings: Timings, tracked: tuple[Frame, list[TrackedFace], float]
) -> FrameResult:
    """Everything that is known about a tracked frame."""
    frame, faces, milliseconds = tracked
    with timings.measure("reconstruct"):
        result = reconstructor.process(frame, faces)
    return replace(result, timings={"track": milliseconds, **result.timings})


def _pipeline(
    config: SourceConfig,
    source: Source,
    stages: Sequence[Callable[[Any], Any]],
    lossless: bool,
    timings: Timings,
) -> Pipeline:
    """The threads that read the source as the user wants it and work on its frames."""
    stop = threading.Event()

    def halt() -> None:
        stop.set()
        source.close()

    incoming = frames(
        source,
        size=config.size,
        realtime=config.realtime,
        loop=config.loop,
        count=config.frames,
        seconds=config.seconds,
        stop=stop,
        measure=timings.measure,
    )
    return Pipeline(incoming, stages, lossless, timings, halt)


def _open_sinks(config: Config, source: Source, model: MorphableModel, lossless: bool, stack: ExitStack) -> list[Sink]:
    """What the user wants kept. Each is finished when `stack` is left, whatever happens."""
    output = config.output
    sinks: list[Sink] = []
    if output.dump:
        from realtime.outputs.dump import Dump

        sinks.append(stack.enter_context(Dump(output.dump, model, source.names)))
    if output.export:
        from realtime.outputs.clearest import ClearestFace

        sinks.append(stack.enter_context(ClearestFace(output.export, model)))
    if output.record:
        from realtime.outputs.recorder import Recorder

        sinks.append(stack.enter_context(Recorder(output.record, lossless)))
    size = config.source.size or config.source.camera_size
    return sinks + open_programs(config.programs, model.expression_names, config.max_faces, size, stack)


def _open_overlays(
    config: Config, model: MorphableModel, remote: RemoteControls, stack: ExitStack
) -> OverlaySource | None:
    """The overlays, watched for changes, while they are switched on; None where the user wants none."""
    if not config.overlays:
        return None
    from realtime.overlays.load import find_overlay
    from realtime.overlays.watch import OverlayWatcher

    watcher = OverlayWatcher([find_overlay(name) for name in config.overlays], len(model.triangles))
    stack.enter_context(watcher)
    return lambda: watcher.current if remote.controls.overlays else ()


def _open_web(
    config: Config, source: Source, model: MorphableModel, remote: RemoteControls, stack: ExitStack
) -> list[Sink]:
    """The server and the publisher, if the user wants one; says where to look."""
    web = config.web
    if not (web.serve or web.publish):
        return []
    from realtime.outputs.webrtc.server import WebRtcOutput
    from realtime.sources.webrtc import WebRtcSource

    ingest = source.take if isinstance(source, WebRtcSource) else None
    output = WebRtcOutput(web.serve, web.publish, web.video, remote, ingest, model.expression_names)
    stack.enter_context(output)
    for line in output.greeting():
        print(line, flush=True)
    return [output]


def _keep_the_source(config: Config) -> None:
    """Raises `UserError` if an output would overwrite what is read."""
    source = Path(config.source.name)
    for path in (config.output.record, config.output.export, config.programs.csv):
        if path and path.exists() and source.exists() and path.samefile(source):
            raise UserError(f"{path} is the source itself.", "Write to another file.")


@contextmanager
def _ending_at_signals(pipeline: Pipeline) -> Iterator[None]:
    """Ctrl-C, or a service's stop, is the usual end of a camera: outputs are finished, and nothing is wrong.

    The pipeline is told, rather than an exception raised wherever the program happens to be. A second signal raises.
    """

    def end(kind: int, frame: object) -> None:
        log.info("Stopped.")
        pipeline.interrupt()
        signal.signal(kind, signal.default_int_handler)

    before = {kind: signal.signal(kind, end) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
