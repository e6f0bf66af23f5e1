"""Text over the picture: a small panel in its top left corner."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np

from realtime.frames import Image
from realtime.render.programs import load_program

MARGIN_PX = 8
PADDING_PX = 6
LINE_PX = 16  # at scale 1, as the other measures
COLUMN_GAP_PX = 14
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE = 0.43  # capitals of about 9 px
MIN_HEIGHT_PX = 480  # smaller pictures keep scale 1, larger ones scale with their height


def text_panel(lines: list[str], scale: float) -> Image:
    """(h, w) uint8: white text on black, as wide as its longest line.

    A tab starts a second column, the same in all lines. OpenCV's font knows ASCII only.
    """
    font_scale, thickness = FONT_SCALE * scale, max(1, round(scale))

    def width_of(text: str) -> int:
        return cv2.getTextSize(text, FONT, font_scale, thickness)[0][0]

    rows = [line.encode("ascii", "replace").decode().split("\t", 1) for line in lines]
    column = max((width_of(row[0]) for row in rows if len(row) == 2), default=0) + round(COLUMN_GAP_PX * scale)
    width = max(column + width_of(row[1]) if len(row) == 2 else width_of(row[0]) for row in rows)
    padding, line_height = round(PADDING_PX * scale), round(LINE_PX * scale)
    panel = np.zeros((line_height * len(rows) + 2 * padding, width + 2 * padding), np.uint8)
    for number, row in enumerate(rows):
        baseline = padding + line_height * number + round(0.78 * line_height)
        for text, x in zip(row, (padding, padding + column), strict=False):
            cv2.putText(panel, text, (x, baseline), FONT, font_scale, (255,), thickness, cv2.LINE_AA)
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
        texture = self._text_texture(tuple(lines), scale)
        margin = round(MARGIN_PX * scale)
        self._program["target_size"] = target_size
        self._program["panel_size"] = texture.size
        self._program["margin"] = (margin, margin)
        self._program["top_down"] = top_down
        texture.use(0)
        self._context.enable_only(moderngl.BLEND)
        self._quad.render(moderngl.TRIANGLE_STRIP, vertices=4)
        self._context.disable(moderngl.BLEND)

    def _text_texture(self, lines: tuple[str, ...], scale: float) -> moderngl.Texture:
        if self._texture is not None and self._shown == (lines, scale):
            return self._texture
        panel = text_panel(list(lines), scale)
        if self._texture is not None:
            self._texture.release()
        height, width = panel.shape
        self._texture = self._context.texture((width, height), 1, panel.tobytes(), alignment=1)
        self._texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
        self._shown = (lines, scale)
        return self._texture
