"""Draws the mesh of one face at a time, in any view."""

from __future__ import annotations

import math
from dataclasses import dataclass

import moderngl
import numpy as np
from numpy.typing import NDArray

from realtime.frames import FaceState
from realtime.render.mesh import SurfaceModel, mesh_opacity, px_per_mm, wire_edges, without_cast
from realtime.render.programs import load_program, set_uniforms
from realtime.render.views import View

FRAME_UNIT, BUMP_UNIT = 0, 1  # texture units
LAMP_PERIOD = 6.0  # seconds for one turn of the texture view's lamp
LAMP_TILT = math.radians(50)  # away from the camera's axis
WIRE_COLOR = (0.62, 0.93, 1.0)
WIRE_WIDTH = 1.0  # px


@dataclass(frozen=True)
class Place:
    """One face's among those of a picture. Each has its own slice of the depth range: a lower index hides a higher."""

    index: int
    count: int
    reach: float = 0.0  # mm in front of and behind the face that belong to its slice, too

    def depth_line(self, face: FaceState) -> tuple[float, float]:
        """Scale and offset that take z (px) from the slice's nearest to its farthest to its part of clip -1..1."""
        reach = self.reach * px_per_mm(face) if self.reach else 0.0
        near, far = float(face.vertices[:, 2].min()) - reach, float(face.vertices[:, 2].max()) + reach
        scale = 2.0 / (self.count * max(far - near, 1e-3))
        return scale, -1.0 + 2.0 * self.index / self.count - scale * near


class FaceSurface:
    """The GL side of one face model: its buffers, and a program per view, made when first asked for."""

    def __init__(self, context: moderngl.Context, model: SurfaceModel) -> None:
        self._context = context
        self._model = model
        count, corners = len(model.mean), model.triangles.ravel()
        opacity = mesh_opacity(model)
        self._position = context.buffer(reserve=count * 12)
        self._normal = context.buffer(reserve=count * 12)
        self._albedo = context.buffer(reserve=count * 12)
        self._colors = np.zeros((count, 3), np.float32)
        self._colors_of = np.full(1, np.nan, np.float32)  # the coefficients that they are of: none yet
        self._fixed = context.buffer(np.column_stack([model.uv, opacity]).astype(np.float32).tobytes())
        self._index = context.buffer(model.triangles.astype(np.int32).tobytes())
        self._corner_position = context.buffer(reserve=len(corners) * 12)
        self._corner_opacity = context.buffer(opacity[corners].tobytes())
        self._corner_edges = context.buffer(wire_edges(model.triangles).tobytes())
        self._arrays: dict[tuple[str, str, moderngl.Buffer], moderngl.VertexArray] = {}
        self._programs: dict[tuple[str, str], moderngl.Program] = {}
        self._bumps: dict[int, tuple[np.ndarray, moderngl.Texture]] = {}

    def draw(
        self,
        face: FaceState,
        view: View,
        time: float,
        size: tuple[int, int],
        place: Place,
        part: moderngl.Buffer | None = None,
        **uniforms: object,
    ) -> None:
        """Draw onto the current framebuffer; the frame must be bound to `FRAME_UNIT`.

        Args:
            face: what to draw.
            view: how; it must have shaders.
            time: seconds, for what moves by itself.
            size: of the picture, px.
            place: the face's among the picture's faces.
            part: some of the triangles, from `part`; None: all.
            uniforms: others that the view's shaders have, or that take the usual ones' place.
        """
        array = self._array(view, part or self._index)
        turn = 2 * math.pi * time / LAMP_PERIOD
        lamp = np.array([-math.sin(LAMP_TILT) * math.cos(turn), -math.sin(LAMP_TILT) * math.sin(turn)])
        values: dict[str, object] = {
            "picture": FRAME_UNIT,
            "slopes": BUMP_UNIT,
            "px_per_mm": px_per_mm(face),
            "picture_size": size,
            "depth_line": place.depth_line(face),
            "line_color": WIRE_COLOR,
            "line_width": WIRE_WIDTH,
            "lamp": (*lamp, -math.cos(LAMP_TILT)),
        }
        set_uniforms(array.program, **(values | uniforms))
        if view.is_wire:
            self._corner_position.write(np.ascontiguousarray(face.vertices[self._model.triangles.ravel()], np.float32))
        else:
            self._upload(face, array.program, place.index)
        blend = moderngl.BLEND if view.is_blended else moderngl.NOTHING
        self._context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE | blend)
        self._context.front_face = "cw"  # counter-clockwise from outside, seen with y pointing down
        array.render()

    def part(self, triangles: NDArray[np.int32]) -> moderngl.Buffer:
        """Some of the model's triangles (T, 3), for `draw`."""
        return self._context.buffer(np.ascontiguousarray(triangles, np.int32).tobytes())

    def forget(self, part: moderngl.Buffer) -> None:
        """Give the memory of a part back."""
        for key in [key for key in self._arrays if key[2] is part]:
            self._arrays.pop(key).release()
        part.release()

    def _upload(self, face: FaceState, program: moderngl.Program, slot: int) -> None:
        self._position.write(np.ascontiguousarray(face.vertices, np.float32))
        if "in_normal" in program:
            normals = self._model.normals(face.vertices) if face.normals is None else face.normals
            self._normal.write(np.ascontiguousarray(normals, np.float32))
        if "in_albedo" in program:
            if not np.array_equal(face.coefficients.albedo, self._colors_of):
                self._colors = np.ascontiguousarray(self._model.albedo(face.coefficients.albedo), np.float32)
                self._colors_of = face.coefficients.albedo.copy()
            self._albedo.write(without_cast(self._colors, self._model.painted, face.coefficients.light))
        if "light" in program:
            program["light"] = light_uniform(face)
        if "slopes" in program:
            self._slopes(face.bump, slot).use(BUMP_UNIT)

    def _slopes(self, height: np.ndarray, slot: int) -> moderngl.Texture:
        """The height map's slopes, made and uploaded only when the array is another one than last time."""
        known, texture = self._bumps.get(slot, (None, None))
        rows, columns = height.shape
        if texture is None or texture.size != (columns, rows):
            if texture is not None:
                texture.release()
            texture = self._context.texture((columns, rows), 2, dtype="f2")
            texture.repeat_x = texture.repeat_y = False
        if known is not height:
            texture.write(height_slopes(height).tobytes())
        self._bumps[slot] = (height, texture)
        return texture

    def _array(self, view: View, index: moderngl.Buffer) -> moderngl.VertexArray:
        shaders = (view.vertex, view.fragment)
        key = (*shaders, index)
        if key not in self._arrays:
            content = (
                [
                    (self._corner_position, "3f", "in_position"),
                    (self._corner_opacity, "1f", "in_opacity"),
                    (self._corner_edges, "3f1", "in_edges"),
                ]
                if view.is_wire
                else [
                    (self._position, "3f", "in_position"),
                    (self._normal, "3f", "in_normal"),
                    (self._albedo, "3f", "in_albedo"),
                    (self._fixed, "2f 1f", "in_uv", "in_opacity"),
                ]
            )
            if shaders not in self._programs:
                self._programs[shaders] = load_program(self._context, *shaders)
            self._arrays[key] = self._context.vertex_array(
                self._programs[shaders],
                content,
                index_buffer=None if view.is_wire else index,
                skip_errors=True,  # a view may leave an attribute unread; the compiler then drops it
            )
        return self._arrays[key]


def light_uniform(face: FaceState) -> list[list[float]]:
    """The light on a face as light.glsl takes it."""
    return face.coefficients.light.reshape(3, 9).T.tolist()


def height_slopes(height: np.ndarray) -> np.ndarray:
    """(H, W) mm -> (H, W, 2) float16: mm per map width along u, mm per map height down the rows.

    The slope between a texel's neighbours on both sides, which belongs to the texel's middle.
    """
    padded = np.pad(height.astype(np.float32), 1, mode="edge")
    rows, columns = height.shape
    along = (padded[1:-1, 2:] - padded[1:-1, :-2]) * (columns / 2)
    down = (padded[2:, 1:-1] - padded[:-2, 1:-1]) * (rows / 2)
    return np.stack([along, down], axis=-1).astype(np.float16)
