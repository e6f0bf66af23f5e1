"""What is really in front of the face, a hand as a rule, laid over what was drawn."""

from __future__ import annotations

import cv2
import moderngl
import numpy as np

from realtime.frames import PART_NAMES, FaceState, Image
from realtime.render.mesh import px_per_mm
from realtime.render.programs import load_program
from realtime.render.targets import Rectangle

COVER_UNIT, PICTURE_UNIT = 1, 0
HAIR, MOSTLY = PART_NAMES.index("hair"), 0.5
FEATHER_MM = 1.2  # half the width of the soft edge, on the face


class FrontLayer:
    """Lays the covered part of a picture over a canvas of the same size."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._quad = context.vertex_array(load_program(context, "layer.vert", "front.frag"), [])
        self._cover: moderngl.Texture | None = None

    def draw(
        self,
        canvas: moderngl.Framebuffer,
        picture: moderngl.Texture,
        mask: Image,
        feather: int,
        shown: Rectangle,
        strength: float = 1.0,
    ) -> None:
        """Draw onto `canvas`.

        Args:
            canvas: the framebuffer; its row 0 is the picture's top.
            picture: the frame, of the canvas's size.
            mask: (H, W) 0 or 255: what is in front.
            feather: px; the mask's edge is blurred over twice that.
            shown: px; nothing is drawn outside.
            strength: 1 hides what was drawn, 0.5 lets it through by half.
        """
        height, width = mask.shape
        found = covered_rectangle(mask, feather, shown)
        if found is None:
            return
        left, top, right, bottom = found
        cover = self._texture((width, height))
        soft = feathered(mask, found, feather)
        cover.write(soft.tobytes(), viewport=(0, 0, right - left, bottom - top), alignment=1)
        canvas.use()
        picture.use(PICTURE_UNIT)
        cover.use(COVER_UNIT)
        program = self._quad.program
        program["picture"], program["cover"] = PICTURE_UNIT, COVER_UNIT
        program["rectangle"], program["picture_size"] = found, (width, height)
        program["corner"], program["strength"] = (left, top), strength
        self._context.enable_only(moderngl.BLEND)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        self._quad.render(moderngl.TRIANGLE_STRIP, vertices=4)
        self._context.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        self._context.disable(moderngl.BLEND)

    def _texture(self, size: tuple[int, int]) -> moderngl.Texture:
        if self._cover is None or self._cover.size != size:
            if self._cover is not None:
                self._cover.release()
            self._cover = self._context.texture(size, 1, alignment=1)
        return self._cover


def feather_px(face: FaceState) -> int:
    """How far the soft edge before this face reaches to either side, px."""
    return max(1, round(FEATHER_MM * px_per_mm(face)))


def without_hair(mask: Image, parts: Image | None) -> Image:
    """(H, W) the mask without what lies mostly on the person's own hair: that is a part of them, not before them.

    The network now and then takes a fringe for a cover. Whole patches go or stay: a hand that reaches from the face
    into the hair stays in one piece.

    Args:
        mask: (H, W) 0 or 255.
        parts: (H, W) index into `PART_NAMES`; None: unknown, then the mask is left alone.
    """
    if parts is None:
        return mask
    half = (mask.shape[1] // 2, mask.shape[0] // 2)
    if not all(half):
        return mask
    small, on = (cv2.resize(image, half, interpolation=cv2.INTER_NEAREST) for image in (mask, parts))
    count, labels = cv2.connectedComponents(small)
    area = np.bincount(labels.ravel(), minlength=count)
    hair = np.bincount(labels[on == HAIR], minlength=count)
    dropped = hair > MOSTLY * area
    dropped[0] = False  # what is not covered at all
    if not dropped.any():
        return mask
    gone = cv2.dilate(dropped[labels].astype(np.uint8), np.ones((3, 3), np.uint8))  # what halving left over
    return np.where(cv2.resize(gone, mask.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8(0), mask)


def covered_rectangle(mask: Image, feather: int, shown: Rectangle) -> Rectangle | None:
    """The px that the mask and its soft edge touch within `shown`; None: none."""
    x, y, width, height = cv2.boundingRect(mask)
    if not width:
        return None
    left, top = max(x - feather, shown[0]), max(y - feather, shown[1])
    right, bottom = min(x + width + feather, shown[2]), min(y + height + feather, shown[3])
    return (left, top, right, bottom) if left < right and top < bottom else None


def feathered(mask: Image, rectangle: Rectangle, feather: int) -> Image:
    """(h, w) uint8: the mask within `rectangle`, its edge a ramp over 2 * `feather` px."""
    left, top, right, bottom = rectangle
    height, width = mask.shape
    # With what lies around, so that the blur sees it.
    x0, y0, x1, y1 = (
        max(0, left - feather),
        max(0, top - feather),
        min(width, right + feather),
        min(height, bottom + feather),
    )
    side = 2 * feather + 1
    soft = cv2.blur(mask[y0:y1, x0:x1], (side, side), borderType=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(soft[top - y0 : bottom - y0, left - x0 : right - x0], np.uint8)
