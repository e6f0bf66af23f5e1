"""Run by test_window.py on a virtual display: a short life of the window, told as JSON on stdout."""

import json
import time

import numpy as np
from tiny_faces import Sheets, grey, make_result

from realtime.outputs.window import Window
from realtime.render.scene import SceneRenderer


def screen(window: Window) -> np.ndarray:
    width, height = window._window.buffer_size
    pixels = window.context.screen.read(viewport=(0, 0, width, height), components=3, alignment=1)
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)[::-1]


def main() -> None:
    window = Window("test", (120, 60))
    shown = []
    # What lies on the screen is only there until the buffers are swapped.
    swap, window._window.swap_buffers = window._window.swap_buffers, lambda: shown.append(screen(window))
    image = grey(40, 30, 0)
    image[:15] = (255, 0, 0)
    scene = SceneRenderer((40, 30), Sheets([(0, 0, 1, 1, 0)], [(1, 1, 1)]), context=window.context)
    scene.draw(make_result(image), "off")
    window.show(scene)
    window.show(scene, ["30 fps"])
    swap()
    window._window.size = (60, 90)
    deadline = time.monotonic() + 5
    while window._window.buffer_size != (60, 90) and time.monotonic() < deadline:
        window.events()
        time.sleep(0.01)
    window.show(scene)
    keys = window._window.keys
    for key in (keys.NUMBER_4, keys.NUMPAD_2, keys.G, keys.TAB, keys.Z, keys.ESCAPE):
        window._window.on_key_press(key, 0)
        window._window.on_key_release(key, 0)
    actions = [(action.command, action.view) for action in window.events()]
    open_after_escape = not window.should_close
    window.close()
    window.show(scene)
    plain, with_hud, resized = shown
    print(
        json.dumps(
            {
                "size": plain.shape[:2],
                "left_of_picture": plain[:, :20].reshape(-1, 3).max(0).tolist(),
                "top": plain[10, 60].tolist(),
                "bottom": plain[50, 60].tolist(),
                "hud_changes_top": bool((plain[:40] != with_hud[:40]).any()),
                "hud_changes_bottom": bool((plain[45:] != with_hud[45:]).any()),
                "resized": resized.shape[:2],
                "resized_top": [int(row) for row in np.flatnonzero(resized[:, 30, 0] == 255)[[0, -1]]],
                "actions": actions,
                "left_over": len(window.events()),
                "open_after_escape": open_after_escape,
                "closed": window.should_close,
                "gl": window.context.error,
            }
        )
    )


main()
