"""The framebuffer that everything is drawn into, at the picture's own size."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np

from realtime.frames import Image


class PictureTarget:
    """Colour and depth of one picture, with the frame as its background.

    Row 0 is the picture's top row throughout. With `samples`, drawing goes to a multisampled buffer
    that `resolve` averages into the plain one.
    """

    def __init__(self, context: moderngl.Context, size: tuple[int, int], samples: int = 0) -> None:
        self.context = context
        self.size = size
        self.samples = samples
        self.picture = context.texture(size, 4)
        self.color = context.texture(size, 4)
        self.color.repeat_x = self.color.repeat_y = False  # scaled into a window, its edges must not mix
        self._source = context.framebuffer([self.picture])
        self._plain = context.framebuffer([self.color], None if samples else context.depth_renderbuffer(size))
        self._multi = (
            context.framebuffer(
                [context.renderbuffer(size, 4, samples=samples)], context.depth_renderbuffer(size, samples=samples)
            )
            if samples
            else None
        )
        width, height = size
        self._rgba = np.full((height, width, 4), 255, np.uint8)

    @property
    def canvas(self) -> moderngl.Framebuffer:
        """Where to draw."""
        return self._multi or self._plain

    def begin(self, image: Image) -> None:
        """Put `image` (H, W, 3) on the canvas, with nothing in its depth, and make the canvas current."""
        cv2.cvtColor(image, cv2.COLOR_RGB2RGBA, dst=self._rgba)
        self.picture.write(self._rgba)
        self.canvas.use()
        self.canvas.clear()
        self.context.copy_framebuffer(self.canvas, self._source)  # a blit: no shader touches these pixels

    def resolve(self) -> None:
        """Average the samples; afterwards `color` holds the drawn picture."""
        if self._multi:
            self.context.copy_framebuffer(self._plain, self._multi)
            self._plain.use()

    def read(self) -> Image:
        """(H, W, 3) uint8 RGB, a new array. Four components are read: with three, GL converts slowly."""
        self._plain.read_into(self._rgba, components=4)
        return cv2.cvtColor(self._rgba, cv2.COLOR_RGBA2RGB)

    def release(self) -> None:
        """Give the memory back now; a size change would otherwise hold both until the next collection."""
        for buffer in (self._source, self._plain, self._multi):
            if buffer is not None:
                for attachment in (*buffer.color_attachments, buffer.depth_attachment):
                    if attachment is not None:
                        attachment.release()
                buffer.release()
