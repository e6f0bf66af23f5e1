"""Text over the picture: a small panel in its top left corner."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np

from realtime.frames import Image
from realtime.render.programs import load_program

MARGIN_PX = 8
PADDING_PX = 6
LINE_PX = 16  # at scale 1
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.43  # at scale 1: capitals of about 9 px
MIN_HEIGHT_PX = 480  # smaller pictures keep scale 1, larger ones scale with their height


def text_panel(lines: list[str], scale: float) -> Image:
    """(h, w) uint8: white text on black, as wide as its longest line. OpenCV's font knows ASCII only."""
    lines = [line.encode("ascii", "replace").decode() for line in lines]
    font_scale, thickness = FONT_SCALE * scale, max(1, round(scale))
    width = max(cv2.getTextSize(line, FONT, font_scale, thickness)[0][0] for line in lines)
    padding, line_height = round(PADDING_PX * scale), round(LINE_PX * scale)
    panel = np.zeros((line_height * len(lines) + 2 * padding, width + 2 * padding), np.uint8)
    for row, line in enumerate(lines):
        baseline = padding + line_height * row + round(0.78 * line_height)
        cv2.putText(panel, line, (padding, baseline), FONT, font_scale, 255, thickness, cv2.LINE_AA)
    return panel


class Hud:
    """Draws lines of text onto the current framebuffer; the texture is remade only when the text changes."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._program = load_program(context, "hud.vert", "hud.frag")
        self._quad = context.vertex_array(self._program, [])
        self._shown: tuple[tuple[str, ...], float] | None = None
        self._texture: moderngl.Texture | None = None

    def draw(self, lines: list[str], target_size: tuple[int, int], top_down: bool = False) -> None:
        """Draw `lines` on a target of `target_size` px; `top_down` where its row 0 is the picture's top."""
        scale = max(1.0, target_size[1] / MIN_HEIGHT_PX)
        self._update(tuple(lines), scale)
        margin = round(MARGIN_PX * scale)
        self._program["target_size"] = target_size
        self._program["panel_size"] = self._texture.size
        self._program["margin"] = (margin, margin)
        self._program["top_down"] = top_down
        self._texture.use(0)
        self._context.disable(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._context.enable(moderngl.BLEND)
        self._quad.render(moderngl.TRIANGLE_STRIP, vertices=4)
        self._context.disable(moderngl.BLEND)

    def _update(self, lines: tuple[str, ...], scale: float) -> None:
        if self._shown == (lines, scale):
            return
        panel = text_panel(list(lines), scale)
        if self._texture is not None:
            self._texture.release()
        self._texture = self._context.texture(panel.shape[::-1], 1, panel.tobytes(), alignment=1)
        self._texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._shown = (lines, scale)
