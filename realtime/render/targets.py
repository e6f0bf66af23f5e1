"""The framebuffers of one picture size. Row 0 is the picture's top row in all of them."""

from __future__ import annotations

from typing import Literal

import cv2
import moderngl
import numpy as np

from realtime.frames import Image
from realtime.render.context import wait_until_drawn
from realtime.render.programs import load_program

Rectangle = tuple[int, int, int, int]  # px: left, top, right, bottom
Edge = Literal["plain", "soft", "smooth"]
EDGES: dict[Edge, str] = {"plain": "layer.frag", "soft": "soft_layer.frag", "smooth": "smooth_layer.frag"}


class PictureTarget:
    """The finished picture, and the one that lies under the faces."""

    def __init__(self, context: moderngl.Context, size: tuple[int, int]) -> None:
        self._context = context
        self.size = size
        self.frame = context.texture(size, 4)
        self.color = context.texture(size, 4)
        self.color.repeat_x = self.color.repeat_y = False  # scaled into a window, its edges must not mix
        self._source = context.framebuffer([self.frame])
        self.canvas = context.framebuffer([self.color])
        width, height = size
        self._rgba = np.full((height, width, 4), 255, np.uint8)

    def begin(self, image: Image) -> None:
        """Make the canvas current, with `image` (H, W, 3) on it."""
        self.load(image)
        self.canvas.use()
        self._context.copy_framebuffer(self.canvas, self._source)  # a blit: no shader touches these pixels

    def load(self, image: Image) -> None:
        """Put `image` (H, W, 3) into the texture `frame`; the canvas stays as it is."""
        cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, dst=self._rgba)
        self.frame.write(self._rgba)

    def read(self) -> Image:
        """(H, W, 3) uint8 RGB, a new array. Four components are read: with three, GL converts slowly."""
        wait_until_drawn(self._context)
        self.canvas.read_into(self._rgba, components=4)
        return np.asarray(cv2.cvtColor(self._rgba, cv2.COLOR_RGBA2RGB), np.uint8)

    def release(self) -> None:
        """Give the memory back now."""
        for thing in (self._source, self.canvas, self.frame, self.color):
            thing.release()


class FaceLayer:
    """Where faces are drawn before they are laid over the frame: colour times alpha, alpha, and depth.

    With `samples` it is multisampled; the frame never is, so its pixels stay as they are.
    """

    def __init__(self, context: moderngl.Context, size: tuple[int, int], samples: int = 0) -> None:
        self._context = context
        self.size = size
        self.samples = samples
        self._color = context.texture(size, 4)
        self._color.repeat_x = self._color.repeat_y = False
        if samples:
            self._depth = context.depth_renderbuffer(size, samples=samples)
            self._multi_color = context.renderbuffer(size, 4, samples=samples)
            self.canvas = context.framebuffer([self._multi_color], self._depth)
            self._resolved = context.framebuffer([self._color])
        else:
            self._depth = context.depth_renderbuffer(size)
            self.canvas = context.framebuffer([self._color], self._depth)
        self._quads = {
            edge: context.vertex_array(load_program(context, "layer.vert", fragment), [])
            for edge, fragment in EDGES.items()
        }

    def begin(self, rectangle: Rectangle) -> None:
        """Empty `rectangle` of the layer and make it current; nothing is drawn outside."""
        left, top, right, bottom = rectangle
        area = (left, top, right - left, bottom - top)
        self.canvas.use()
        self.canvas.scissor = area
        self.canvas.clear(viewport=area)

    def lay_over(self, canvas: moderngl.Framebuffer, rectangle: Rectangle, edge: Edge) -> None:
        """Blend `rectangle` of the layer onto `canvas`.

        A "soft" outline fades inwards, a "smooth" one to both sides, a "plain" one stays as it is; for the first two,
        the px next to `rectangle` are looked at as well.
        """
        self.canvas.scissor = (0, 0, *self.size)
        wait_until_drawn(self._context)  # GL would wait by itself, but in moderngl's call, which stops other threads
        if self.samples:
            self._context.copy_framebuffer(self._resolved, self.canvas)
        canvas.use()
        self._color.use(0)
        quad = self._quads[edge]
        quad.program["rectangle"] = rectangle
        quad.program["picture_size"] = self.size
        self._context.enable_only(moderngl.BLEND)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        quad.render(moderngl.TRIANGLE_STRIP, vertices=4)
        self._context.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        self._context.disable(moderngl.BLEND)

    def release(self) -> None:
        """Give the memory back now."""
        self.canvas.release()
        if self.samples:
            self._resolved.release()
            self._multi_color.release()
        for quad in self._quads.values():
            quad.program.release()
            quad.release()
        self._color.release()
        self._depth.release()
