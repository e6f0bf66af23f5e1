"""The keys of the window and what they change; no window and no GL in here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from realtime.render.views import HANDS, VIEWS, Hands, find_view

MSAA_SAMPLES = 4

Command = Literal[
    "view", "next_view", "hands", "overlays", "help", "hud", "gaze", "samples", "pause", "snapshot", "quit"
]


@dataclass(frozen=True)
class Action:
    """What the user asked for with one key."""

    command: Command
    view: str | None = None  # with "view"


@dataclass(frozen=True)
class Controls:
    """Everything that keys can change about the picture; the loop keeps one and replaces it."""

    view: str = VIEWS[0]
    samples: int = 0  # per pixel; 0 without anti-aliasing
    gaze: bool = False
    hands: Hands | None = None  # what becomes of a real hand before the face; None: as the view has it
    overlays: bool = True  # where there are any
    hud: bool = True
    help: bool = False
    paused: bool = False

    def after(self, action: Action) -> Controls:
        """The state after `action`; "snapshot" and "quit" change nothing here, they are the loop's."""
        match action.command:
            case "view":
                return replace(self, view=find_view(action.view or self.view).name)
            case "next_view":
                return replace(self, view=VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)])
            case "hands":
                return replace(self, hands=_next(self.hands or find_view(self.view).hands))
            case "overlays":
                return replace(self, overlays=not self.overlays)
            case "samples":
                return replace(self, samples=0 if self.samples else MSAA_SAMPLES)
            case "gaze":
                return replace(self, gaze=not self.gaze)
            case "hud":
                return replace(self, hud=not self.hud)
            case "help":
                return replace(self, help=not self.help)
            case "pause":
                return replace(self, paused=not self.paused)
        return self


# Key -> action. Single characters stand for themselves; the others are names of moderngl-window's key constants.
KEYS: dict[str, Action] = {
    **{str(number): Action("view", name) for number, name in enumerate(VIEWS[:9], start=1)},
    "TAB": Action("next_view"),
    "w": Action("view", "wire"),
    "o": Action("hands"),
    "l": Action("overlays"),
    "g": Action("gaze"),
    "m": Action("samples"),
    "i": Action("hud"),
    "h": Action("help"),
    "SPACE": Action("pause"),
    "s": Action("snapshot"),
    "q": Action("quit"),
    "ESCAPE": Action("quit"),
}

_ABOUT = {
    "next_view": "next view",
    "hands": "a hand before the face: shown, half seen through, removed",
    "overlays": "overlays on or off",
    "gaze": "gaze on or off",
    "samples": "anti-aliasing on or off",
    "hud": "figures on or off",
    "help": "this help",
    "pause": "pause",
    "snapshot": "save a picture",
    "quit": "quit",
}


def help_lines() -> list[str]:
    """One line per action with all of its keys, in the order of `KEYS`."""
    keys: dict[Action, list[str]] = {}
    for key, action in KEYS.items():
        keys.setdefault(action, []).append(key if len(key) == 1 else key.capitalize())
    return [
        f"{' or '.join(names)}\t"
        + (f"{action.view}: {find_view(action.view).about}" if action.view else _ABOUT[action.command])
        for action, names in keys.items()
    ]


def _next(hands: Hands) -> Hands:
    """The choice after this one, round and round."""
    choices = list(HANDS)
    return choices[(choices.index(hands) + 1) % len(choices)]


def status_lines(
    controls: Controls,
    fps: float,
    age_ms: tuple[float, float],
    stages_ms: dict[str, float],
    device: str,
    active: tuple[str, ...] = (),
) -> list[str]:
    """The HUD: figures of the last seconds and what is switched on.

    Args:
        controls: what the user has chosen.
        fps: pictures shown per second.
        age_ms: p50 and p95 of a picture's age when it was shown.
        stages_ms: stage -> milliseconds.
        device: what computes, in words.
        active: what runs at the moment ("completion", "memory").
    """
    stages = [f"{name} {ms:.1f}" for name, ms in stages_ms.items()]
    rows = ["  ".join(stages[start : start + 3]) for start in range(0, len(stages), 3)]
    hands = [f"hands: {controls.hands}"] if controls.hands else []
    switched = [
        controls.view,
        *hands,
        *(["gaze"] if controls.gaze else []),
        *(["msaa"] if controls.samples else []),
        *active,
    ]
    return [
        f"{fps:.0f} fps   age {age_ms[0]:.0f} / {age_ms[1]:.0f} ms" + ("   PAUSED" if controls.paused else ""),
        *rows,
        device,
        ", ".join(switched) + ("" if controls.help else "   (h: help)"),
        *(["", *help_lines()] if controls.help else []),
    ]
