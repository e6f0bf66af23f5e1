"""What viewers may change about the picture, on its way to the thread that draws."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

from realtime.outputs.controls import Controls
from realtime.render.views import HANDS, VIEWS, find_view


class RemoteControls:
    """Keeps viewers' wishes until the drawing thread asks for them.

    Args:
        controls: how it begins.
        has_overlays: whether there are overlays that could be switched off.
    """

    def __init__(self, controls: Controls, has_overlays: bool = False) -> None:
        self._lock = threading.Lock()
        self._controls = controls
        self._wishes: dict[str, object] = {}
        self._names = ("view", "hands", "gaze", *(["overlays"] if has_overlays else []))

    @property
    def controls(self) -> Controls:
        """What was drawn last, or is being drawn."""
        with self._lock:
            return self._controls

    def after(self, controls: Controls) -> Controls:
        """What the viewers make of `controls`, which may have changed by other ways; called before each picture."""
        with self._lock:
            wishes, self._wishes = self._wishes, {}
            self._controls = replace(controls, **wishes)  # type: ignore[arg-type]
            return self._controls

    def values(self) -> Mapping[str, object]:
        """Name -> value, as it is or is about to be."""
        with self._lock:
            controls = replace(self._controls, **self._wishes)  # type: ignore[arg-type]
        hands = controls.hands or find_view(controls.view).hands
        return {name: hands if name == "hands" else getattr(controls, name) for name in self._names}

    def choices(self) -> Mapping[str, Mapping[str, str]]:
        """The views, and what becomes of a real hand before the face: word -> what it means."""
        return {
            "view": {name: find_view(name).about for name in VIEWS},
            "hands": {name: about for name, about in HANDS.items()},
        }

    def change(self, name: str, value: object) -> None:
        """Notes a wish."""
        with self._lock:
            self._wishes[name] = value
