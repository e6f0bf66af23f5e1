"""Draws overlays: the head's depth first, then paint on the skin and props, then all of it over the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import moderngl
import numpy as np
from numpy.typing import NDArray

from realtime.camera import project, to_camera
from realtime.frames import Array, FaceState, FrameResult, Image
from realtime.overlays.anchors import AnchorModel, placement
from realtime.overlays.overlay import Blend, Overlay, Paint, Prop
from realtime.render.mesh import SurfaceModel
from realtime.render.props import PieceBuffers, PropPainter, View3D, upload_picture
from realtime.render.skull import skull, skull_placement
from realtime.render.surface import FaceSurface, Place
from realtime.render.targets import FaceLayer, PictureTarget, Rectangle
from realtime.render.views import View

PAINT_UNIT, UNDER_UNIT = 3, 4  # texture units
REACH_MM = 300.0  # how far props may reach before and behind the face
SMALLEST_SEEN = 128  # px: a face smaller than this shows mixed texels of paint up to its map's side through this
SKULL_POINTS = 300  # vertices that the skull's size is read from
DEPTH = View("depth", "what the head hides", "depth.vert", "depth.frag")
PAINT: dict[Blend, View] = {
    "normal": View("paint", "a picture on the skin", "face.vert", "paint.frag", is_blended=True),
    "multiply": View("stain", "a picture that the skin shows through", "face.vert", "stain.frag", is_blended=True),
}


OverlaySource = Callable[[], Sequence[Overlay]]  # the overlays as they are now


class OverlayModel(SurfaceModel, AnchorModel, Protocol):
    """What overlays need of the face model."""


@dataclass(frozen=True)
class _OnPaint:
    """A paint's GL side."""

    paint: Paint
    texture: moderngl.Texture
    part: moderngl.Buffer  # the triangles that it lies on
    vertices: NDArray[np.int32]  # (N,) theirs


@dataclass(frozen=True)
class _OnProp:
    """A prop's GL side."""

    prop: Prop
    pieces: tuple[PieceBuffers, ...]
    corners: Array  # (8, 3) mm, of the box around it


class OverlayRenderer:
    """The GL side of all overlays.

    Args:
        context: the GL context.
        model: the face model.
        surface: draws the face's mesh.
        source: the overlays as they are now; new objects are uploaded anew.
    """

    def __init__(
        self,
        context: moderngl.Context,
        model: OverlayModel,
        surface: FaceSurface,
        source: OverlaySource,
    ) -> None:
        self._context, self._model, self._surface, self._source = context, model, surface, source
        self._painter = PropPainter(context)
        self._skull = self._painter.upload_depth(skull())
        self._skull_points = slice(None, None, max(1, len(model.mean) // SKULL_POINTS))
        self._overlays: Sequence[Overlay] = ()
        self._props: list[_OnProp] = []
        self._paints: list[_OnPaint] = []
        self._layer: FaceLayer | None = None

    def begin(self, result: FrameResult) -> FrameResult:
        """Takes the overlays as they are now; the result with its faces in their light."""
        overlays = self._source()
        if overlays is not self._overlays and tuple(overlays) != tuple(self._overlays):
            self._upload(overlays)
        self._overlays = overlays
        for light in (overlay.light for overlay in overlays):
            if light is not None:
                result = replace(
                    result, faces=tuple(_in_light(face, light.estimated, light.added) for face in result.faces)
                )
        return result

    def draw(self, target: PictureTarget, result: FrameResult, shown: Rectangle, samples: int) -> None:
        """Draw onto the target's canvas.

        Args:
            target: what has been drawn so far.
            result: as `begin` returned it.
            shown: px; nothing is drawn outside.
            samples: per pixel; without, outlines are smoothed.
        """
        placed = [
            [(prop, placement(prop.prop, face, result.camera, self._model)) for prop in self._props]
            for face in result.faces
        ]
        rectangle = self._rectangle(result, placed, shown)
        if rectangle is None:
            return
        layer = self._fit_layer(target.size, samples)
        # The smoothing of the outline looks at the px next to what is shown.
        layer.begin(_clipped((rectangle[0] - 1, rectangle[1] - 1, rectangle[2] + 1, rectangle[3] + 1), target.size))
        target.color.use(UNDER_UNIT)
        for index in reversed(range(len(result.faces))):  # the depth of a nearer head wipes off what is behind it
            self._draw_face(result, index, placed[index], target.size)
        layer.lay_over(target.canvas, rectangle, "plain" if samples else "smooth")

    def _draw_face(
        self, result: FrameResult, index: int, props: list[tuple[_OnProp, Array]], size: tuple[int, int]
    ) -> None:
        face, place = result.faces[index], Place(index, len(result.faces), REACH_MM)
        view = View3D.of(face, result.camera, size, place.depth_line(face))
        self._painter.draw_depth(self._skull, skull_placement(face, self._model.mean, self._skull_points), view)
        self._surface.draw(face, DEPTH, result.frame.time, size, place)
        self._context.depth_func = "<="  # paint lies on the skin that has just been drawn
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        for each in self._paints:
            each.texture.use(PAINT_UNIT)
            self._surface.draw(
                face,
                PAINT[each.paint.blend],
                result.frame.time,
                size,
                place,
                each.part,
                picture=UNDER_UNIT,
                paint=PAINT_UNIT,
                strength=each.paint.opacity,
            )
        self._context.depth_func = "<"
        self._painter.draw([(piece, matrix) for prop, matrix in props for piece in prop.pieces], face, view)

    def _rectangle(
        self, result: FrameResult, placed: list[list[tuple[_OnProp, Array]]], shown: Rectangle
    ) -> Rectangle | None:
        """The px within `shown` that the overlays may touch; None: none."""
        points = [project(to_camera(prop.corners, matrix), result.camera) for props in placed for prop, matrix in props]
        points += [face.vertices[paint.vertices, :2] for paint in self._paints for face in result.faces]
        if not points:
            return None
        x, y = np.concatenate(points).T
        # One px more on every side: outlines are smoothed to both.
        left, top = max(shown[0], math.floor(x.min()) - 1), max(shown[1], math.floor(y.min()) - 1)
        right, bottom = min(shown[2], math.ceil(x.max()) + 1), min(shown[3], math.ceil(y.max()) + 1)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _upload(self, overlays: Sequence[Overlay]) -> None:
        for piece in (piece for prop in self._props for piece in prop.pieces):
            piece.release()
        for old in self._paints:
            old.texture.release()
            self._surface.forget(old.part)
        self._props = [
            _OnProp(prop, self._painter.upload(prop.pieces), _box(prop))
            for overlay in overlays
            for prop in overlay.props
        ]
        self._paints = [self._on_gpu(paint) for overlay in overlays for paint in overlay.paints]

    def _on_gpu(self, paint: Paint) -> _OnPaint:
        triangles = painted_triangles(paint.image, self._model.uv, self._model.triangles)
        texture = upload_picture(self._context, premultiplied(paint.image))
        return _OnPaint(paint, texture, self._surface.part(triangles), np.unique(triangles))

    def _fit_layer(self, size: tuple[int, int], samples: int) -> FaceLayer:
        layer = self._layer
        if layer is None or (layer.size, layer.samples) != (size, samples):
            self._layer = FaceLayer(self._context, size, samples)
            self._layer.canvas.use()  # GL keeps the framebuffer that it used last bound: not the one that goes
            if layer is not None:
                layer.release()
        assert self._layer is not None
        return self._layer


def premultiplied(image: Image) -> Image:
    """(H, W, 4) colour times alpha, so that no hidden colour is mixed in where the picture is scaled."""
    alpha = cv2.cvtColor(image[..., 3], cv2.COLOR_GRAY2RGBA)
    alpha[..., 3] = 255
    return np.asarray(cv2.multiply(image, alpha, scale=1 / 255), np.uint8)


def painted_triangles(image: Image, uv: Array, triangles: NDArray[np.int32]) -> NDArray[np.int32]:
    """(K, 3) those of `triangles` (T, 3) in whose surroundings in UV the picture has any paint; never none."""
    height, width = image.shape[:2]
    sums = cv2.integral((image[..., 3] > 0).astype(np.uint8))  # (H + 1, W + 1): of everything above and to the left
    x, y = uv[triangles, 0] * width, (1 - uv[triangles, 1]) * height
    margin = 1 + max(width, height) / SMALLEST_SEEN  # what scaling mixes in from next door
    left, right = (np.clip(at, 0, width).astype(int) for at in (x.min(1) - margin, x.max(1) + margin + 1))
    top, bottom = (np.clip(at, 0, height).astype(int) for at in (y.min(1) - margin, y.max(1) + margin + 1))
    paint = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    chosen = triangles[paint > 0]
    return chosen if len(chosen) else triangles[:1]


def _clipped(rectangle: Rectangle, size: tuple[int, int]) -> Rectangle:
    left, top, right, bottom = rectangle
    return max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])


def _in_light(face: FaceState, estimated: float, added: Array) -> FaceState:
    light = face.coefficients.light * np.float32(estimated) + added
    return replace(face, coefficients=replace(face.coefficients, light=light.astype(np.float32)))


def _box(prop: Prop) -> Array:
    """(8, 3) the corners of the box around a prop."""
    points = np.concatenate([piece.positions for piece in prop.pieces])
    sides = np.stack([points.min(axis=0), points.max(axis=0)])
    return np.stack(np.meshgrid(*sides.T, indexing="ij"), axis=-1).reshape(8, 3).astype(np.float32)
