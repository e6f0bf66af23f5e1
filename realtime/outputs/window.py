"""The window on the desktop: shows what the scene drew, and hands on the keys that were pressed."""

from __future__ import annotations

from typing import Any

import moderngl

from realtime.errors import UserError
from realtime.outputs.controls import KEYS, Action
from realtime.render.context import GL_VERSION, adopt_context
from realtime.render.hud import Hud
from realtime.render.scene import SceneRenderer

BORDER_COLOR = (0.04, 0.04, 0.05)  # beside the picture where the shapes differ


def letterbox(picture: tuple[int, int], window: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest viewport (x, y, width, height) of the picture's shape in the middle of the window."""
    scale = min(window[0] / picture[0], window[1] / picture[1])
    width, height = max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))
    return (window[0] - width) // 2, (window[1] - height) // 2, width, height


class Window:
    """A resizable window with its own GL context; make it and use it in one thread, the main one.

    Pass `window.context` to the `SceneRenderer`, call `show` for each picture and `events` often.
    """

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        self._window = _open(title, size)
        self.context: moderngl.Context = adopt_context(self._window.ctx)
        self._hud = Hud(self.context)
        self._actions: list[Action] = []
        self._by_key = _key_constants(self._window.keys)
        self._window.exit_key = None  # Escape goes the same way as every other key
        self._window.key_event_func = self._on_key

    @property
    def should_close(self) -> bool:
        """Whether the user closed the window; keys that quit arrive as an `Action`."""
        return self._window.is_closing

    def show(self, scene: SceneRenderer, hud: list[str] | None = None) -> None:
        """Show what `scene` drew last, as large as fits, with `hud` over it in the window's own pixels."""
        if self.should_close:
            return
        screen, size = self.context.screen, self._window.buffer_size
        screen.use()
        screen.viewport = (0, 0, *size)
        self.context.clear(*BORDER_COLOR)
        scene.present(screen, letterbox(scene.size, size))
        if hud:
            screen.viewport = (0, 0, *size)
            self._hud.draw(hud, size)
        self._window.swap_buffers()

    def events(self) -> list[Action]:
        """The actions asked for since the last call."""
        if not self.should_close:
            self._window._window.dispatch_events()  # moderngl-window pulls events only when it swaps
        actions, self._actions = self._actions, []
        return actions

    def close(self) -> None:
        """Take the window off the screen."""
        if not self.should_close:
            self._window.close()

    def _on_key(self, key: int, action: Any, modifiers: Any) -> None:
        if action == self._window.keys.ACTION_PRESS and key in self._by_key:
            self._actions.append(self._by_key[key])


def _open(title: str, size: tuple[int, int]) -> Any:
    remedy = "Use --headless (with --record or --serve), or start it on a desktop."
    try:
        from moderngl_window.context.pyglet.window import Window as PygletWindow

        # Each picture is swapped in once, as soon as it is ready: waiting for the screen would only age it.
        return PygletWindow(
            title=title, size=size, gl_version=(GL_VERSION // 100, GL_VERSION // 10 % 10), vsync=False, resizable=True
        )
    except Exception as error:  # pyglet's own errors share no base class, and importing it may fail as well
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"No window could be opened ({reason}).", remedy) from error


def _key_constants(keys: Any) -> dict[int, Action]:
    """moderngl-window's constant -> action; digits of the number pad count too."""
    constants: dict[int, Action] = {}
    for key, action in KEYS.items():
        names = [f"NUMBER_{key}", f"NUMPAD_{key}"] if key.isdigit() else [key.upper()]
        constants.update({getattr(keys, name): action for name in names})
    return constants
