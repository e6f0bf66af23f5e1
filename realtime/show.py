"""Draws the results on the thread that owns GL, in a window or out of sight, and hands them to the sinks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import moderngl

from engines.face_model.model import MorphableModel
from realtime.config import Config
from realtime.frames import FrameResult, Image
from realtime.loop import Pipeline, Sink
from realtime.mailbox import Finished
from realtime.outputs.controls import Controls, status_lines
from realtime.outputs.snapshot import Snapshots
from realtime.outputs.webrtc.switches import RemoteControls
from realtime.outputs.window import Window
from realtime.render.overlays import OverlaySource
from realtime.render.scene import SceneRenderer
from realtime.timing import Timings

TITLE = "contourface"
FIRST_SIZE = (640, 480)  # until the first frame tells better
REFRESH_SECONDS = 0.1  # how often the window is drawn anew while no frame comes: it may have been resized
EVENTS_SECONDS = 0.01  # how long a key may wait while no frame comes
RECENT = 60  # frames that the figures on the screen are taken over
STATUS_SECONDS = 0.5  # how often the figures on the screen change; faster cannot be read


@dataclass(frozen=True)
class Setting:
    """What is drawn, and for whom."""

    config: Config
    model: MorphableModel
    sinks: Sequence[Sink]  # what takes the results
    remote: RemoteControls = field(default_factory=lambda: RemoteControls(Controls()))  # of viewers in browsers
    overlays: OverlaySource | None = None  # what is laid over the faces; None: nothing

    def make_scene(self, context: moderngl.Context | None = None) -> SceneRenderer:
        """The renderer, in the window's context or in one of its own, ready to draw the first frame at once."""
        scene = SceneRenderer(FIRST_SIZE, self.model, self.config.samples, context, self.overlays)
        scene.warm_up(self.config.view)
        return scene

    def first_controls(self) -> Controls:
        """The look that the user asked for."""
        return Controls(view=self.config.view, samples=self.config.samples, hands=self.config.hands)


class Headless:
    """Draws every result for the sinks; nothing is drawn where none of them wants a picture."""

    def __init__(self, setting: Setting) -> None:
        self._sinks, self._remote = setting.sinks, setting.remote
        self._controls = setting.first_controls()
        draws = not self._sinks or any(sink.needs_picture for sink in self._sinks)
        self._scene = setting.make_scene() if draws else None

    def run(self, pipeline: Pipeline, timings: Timings) -> None:
        """Until the source ends."""
        for result in pipeline.results():
            picture = None
            if self._scene:
                self._controls = self._remote.after(self._controls)
                with timings.measure("draw"):
                    controls = self._controls
                    picture = self._scene.render(result, controls.view, gaze=controls.gaze, hands=controls.hands)
            _hand_on(result, picture, self._sinks, timings)
            timings.add_shown(result.frame.captured, len(result.faces), result.timings)

    def close(self) -> None:
        """The scene ends with its context."""


class Windowed:
    """Shows every result in a window and follows its keys."""

    def __init__(self, setting: Setting) -> None:
        self._remote = setting.remote
        self._window = Window(TITLE, setting.config.source.size or FIRST_SIZE)
        self._scene = setting.make_scene(self._window.context)
        self._controls = setting.first_controls()
        self._snapshots = Snapshots(setting.config.output.snapshots)
        self._sinks: Sequence[Sink] = (*setting.sinks, self._snapshots)
        self._shown_at = float("-inf")
        self._status: list[str] = []
        self._status_for: Controls | None = None
        self._status_at = float("-inf")

    def run(self, pipeline: Pipeline, timings: Timings) -> None:
        """Until the source ends or the user quits."""
        last: FrameResult | None = None
        while not self._window.should_close:
            before = self._controls
            if not self._follow_keys():
                return
            try:
                fresh = self._next(pipeline)
            except Finished:
                return
            last = fresh or last
            if fresh:
                self._show(fresh, self._sinks, timings)
                timings.add_shown(fresh.frame.captured, len(fresh.faces), fresh.timings)
            elif last and (self._controls != before or timings.clock() - self._shown_at > REFRESH_SECONDS):
                self._show(last, [self._snapshots], timings)

    def close(self) -> None:
        """Takes the window off the screen."""
        self._window.close()

    def _next(self, pipeline: Pipeline) -> FrameResult | None:
        """The next result, if one comes before the keys must be looked at again."""
        if self._controls.paused:
            time.sleep(EVENTS_SECONDS)
            return None
        try:
            return pipeline.take(EVENTS_SECONDS)
        except TimeoutError:
            return None

    def _follow_keys(self) -> bool:
        """Does what the pressed keys ask for; False: quit."""
        for action in self._window.events():
            if action.command == "quit":
                return False
            if action.command == "snapshot":
                self._snapshots.request()
            self._controls = self._controls.after(action)
        self._controls = self._remote.after(self._controls)
        return True

    def _show(self, result: FrameResult, sinks: Sequence[Sink], timings: Timings) -> None:
        """Draws a result, shows it, and gives it to the sinks without the figures over it."""
        controls = self._controls
        with timings.measure("draw"):
            self._scene.samples = controls.samples
            self._scene.draw(result, controls.view, gaze=controls.gaze, hands=controls.hands)
        with timings.measure("show"):
            status = self._status_now(result, timings) if controls.hud or controls.help else None
            self._window.show(self._scene, status)
        self._shown_at = timings.clock()
        picture = self._scene.read() if any(sink.needs_picture for sink in sinks) else None
        _hand_on(result, picture, sinks, timings)

    def _status_now(self, result: FrameResult, timings: Timings) -> list[str]:
        """The figures over the picture, remade twice a second."""
        if self._status_for != self._controls or timings.clock() - self._status_at > STATUS_SECONDS:
            active = ("seeing through",) if result.complete is not None else ()
            stages = {name: p50 for name, (p50, _) in timings.stages(RECENT).items()}
            self._status = status_lines(
                self._controls, timings.rate, timings.ages(RECENT), stages, timings.device(), active
            )
            self._status_for, self._status_at = self._controls, timings.clock()
        return self._status


def _hand_on(result: FrameResult, picture: Image | None, sinks: Sequence[Sink], timings: Timings) -> None:
    for sink in sinks:
        with timings.measure(type(sink).__name__.lower()):
            sink.write(result, picture)
