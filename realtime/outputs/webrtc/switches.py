"""What viewers may change about the picture, on its way to the thread that draws."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from realtime.outputs.controls import Controls
from realtime.render.views import VIEWS


class RemoteControls:
    """Keeps viewers' wishes until the drawing thread asks for them.

    Args:
        controls: how it begins.
    """

    def __init__(self, controls: Controls) -> None:
        self._lock = threading.Lock()
        self._controls = controls
        self._wishes: dict[str, object] = {}

    def after(self, controls: Controls) -> Controls:
        """What the viewers make of `controls`, which may have changed by other ways; called before each picture."""
        with self._lock:
            wishes, self._wishes = self._wishes, {}
            self._controls = replace(controls, **wishes)  # type: ignore[arg-type]
            return self._controls

    def values(self) -> Mapping[str, object]:
        """Name -> value, as it is or is about to be."""
        with self._lock:
            return {"view": self._controls.view, "gaze": self._controls.gaze, **self._wishes}

    def choices(self) -> Mapping[str, Sequence[str]]:
        """The views."""
        return {"view": VIEWS}

    def change(self, name: str, value: object) -> None:
        """Notes a wish."""
        with self._lock:
            self._wishes[name] = value
