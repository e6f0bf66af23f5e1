"""Draws a frame and the faces found in it, in one of the views."""

from __future__ import annotations

import math

import moderngl
import numpy as np

from realtime.errors import UserError
from realtime.frames import FaceState, FrameResult, Image
from realtime.render.context import check_owner, headless_context
from realtime.render.gaze import GazeRays
from realtime.render.hud import Hud
from realtime.render.mesh import SurfaceModel, border_opacity, px_per_mm, wire_edges
from realtime.render.programs import load_program, set_uniforms
from realtime.render.targets import PictureTarget
from realtime.render.views import View, find_view

PICTURE_UNIT, BUMP_UNIT = 0, 1
LAMP_PERIOD = 6.0  # seconds for one turn of the texture view's lamp
LAMP_TILT = math.radians(50)  # away from the camera's axis
WIRE_COLOR = (0.62, 0.93, 1.0)
SPLIT_LINE_PX = 2
SPLIT_LINE_COLOR = (1.0, 1.0, 1.0)


class SceneRenderer:
    """Owns the GL objects of one face model; every call must come from the context's own thread.

    `draw` makes the picture, `read` fetches it, `present` shows it in a window; `render` is `draw` and `read`.
    The picture has the frame's size, whatever it is, and is remade when that changes.
    """

    def __init__(
        self,
        size: tuple[int, int],
        model: SurfaceModel,
        samples: int = 0,
        context: moderngl.Context | None = None,
    ) -> None:
        self.context = context or headless_context()
        self._model = model
        self._target = self._make_target(size, samples)
        self._surface = _Surface(self.context, model)
        self._hud = Hud(self.context)
        self._gaze = GazeRays(self.context)
        self._present_program = load_program(self.context, "present.vert", "present.frag")
        self._present = self.context.vertex_array(self._present_program, [])

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture drawn last."""
        return self._target.size

    @property
    def samples(self) -> int:
        """Samples per pixel; 0 without anti-aliasing."""
        return self._target.samples

    @samples.setter
    def samples(self, samples: int) -> None:
        self._fit_target(self._target.size, samples)

    def draw(self, result: FrameResult, view: str, hud: list[str] | None = None, gaze: bool = False) -> None:
        """Draw `result` into the renderer's own framebuffer."""
        check_owner(self.context)
        chosen = find_view(view)
        height, width = result.frame.image.shape[:2]
        self._fit_target((width, height), self._target.samples)
        self._target.begin(result.frame.image)
        if chosen.fragment:
            self._draw_faces(result, chosen)
        self._target.resolve()
        if gaze and view != "off":
            for face in result.faces:
                self._gaze.draw(face, (width, height))
        if hud:
            self._hud.draw(hud, (width, height), top_down=True)

    def read(self) -> Image:
        """(H, W, 3) uint8 RGB: what `draw` made, as a new array."""
        check_owner(self.context)
        return self._target.read()

    def render(self, result: FrameResult, view: str, hud: list[str] | None = None, gaze: bool = False) -> Image:
        """(H, W, 3) uint8 RGB: `draw` and `read`."""
        self.draw(result, view, hud, gaze)
        return self.read()

    def present(self, framebuffer: moderngl.Framebuffer, viewport: tuple[int, int, int, int]) -> None:
        """Show what `draw` made in `viewport` (x, y, width, height; y up) of a window's framebuffer, scaled."""
        check_owner(self.context)
        framebuffer.use()
        framebuffer.viewport = viewport
        self.context.disable(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._target.color.use(PICTURE_UNIT)
        self._present.render(moderngl.TRIANGLE_STRIP, vertices=4)

    def _draw_faces(self, result: FrameResult, view: View) -> None:
        width, height = self._target.size
        canvas = self._target.canvas
        if view.right_half:
            canvas.scissor = (width // 2, 0, width - width // 2, height)
        self._target.picture.use(PICTURE_UNIT)
        for index, face in enumerate(result.faces):
            # Each face has its own slice of the depth range: a larger one, taken as nearer, hides a smaller.
            self._surface.draw(face, view, result.frame.time, (width, height), (index, len(result.faces)))
        canvas.scissor = None
        if view.right_half:
            middle = (width // 2 - SPLIT_LINE_PX // 2, 0, SPLIT_LINE_PX, height)
            canvas.clear(*SPLIT_LINE_COLOR, 1.0, viewport=middle)

    def _fit_target(self, size: tuple[int, int], samples: int) -> None:
        if (size, samples) != (self._target.size, self._target.samples):
            old, self._target = self._target, self._make_target(size, samples)
            # GL keeps the old one bound until the next is used: it must outlive the making of that.
            self._target.canvas.use()
            old.release()

    def _make_target(self, size: tuple[int, int], samples: int) -> PictureTarget:
        limit = self.context.info["GL_MAX_TEXTURE_SIZE"]
        if max(size) > limit:
            raise UserError(
                f"A picture of {size[0]}x{size[1]} px is larger than this GL can draw ({limit} px).",
                "Choose a smaller one with --size.",
            )
        return PictureTarget(self.context, size, min(samples, self.context.max_samples))


class _Surface:
    """The mesh of one face at a time, in any view."""

    def __init__(self, context: moderngl.Context, model: SurfaceModel) -> None:
        self._context = context
        self._model = model
        count = len(model.mean)
        self._position = context.buffer(reserve=count * 12)
        self._normal = context.buffer(reserve=count * 12)
        self._albedo = context.buffer(reserve=count * 12)
        opacity = border_opacity(model)
        self._fixed = context.buffer(np.column_stack([model.uv, opacity]).astype(np.float32).tobytes())
        self._index = context.buffer(model.triangles.astype(np.int32).tobytes())
        self._corner_position = context.buffer(reserve=model.triangles.size * 12)
        self._corner_opacity = context.buffer(opacity[model.triangles.ravel()].tobytes())
        self._corner_edges = context.buffer(wire_edges(model.triangles).tobytes())
        self._arrays: dict[str, moderngl.VertexArray] = {}
        self._bumps: dict[int, tuple[np.ndarray, moderngl.Texture]] = {}

    def draw(
        self, face: FaceState, view: View, time: float, picture_size: tuple[int, int], place: tuple[int, int]
    ) -> None:
        """Draw `face` as number `place[0]` of `place[1]`, counted from the nearest."""
        array = self._array(view)
        turn = 2 * math.pi * time / LAMP_PERIOD
        set_uniforms(
            array.program,
            picture=PICTURE_UNIT,
            bump=BUMP_UNIT,
            bump_gain=1.0,
            px_per_mm=px_per_mm(face),
            picture_size=picture_size,
            depth_line=_depth_line(face.vertices[:, 2], *place),
            line_color=WIRE_COLOR,
            line_width=1.0,
            lamp=(
                -math.sin(LAMP_TILT) * math.cos(turn),
                -math.sin(LAMP_TILT) * math.sin(turn),
                -math.cos(LAMP_TILT),
            ),
        )
        self._context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._context.front_face = "cw"  # counter-clockwise from outside, seen with y pointing down
        if view.vertex == "wire.vert":
            self._corner_position.write(np.ascontiguousarray(face.vertices[self._model.triangles.ravel()], np.float32))
        else:
            self._upload(face, array.program, place[0])
        array.render()

    def _upload(self, face: FaceState, program: moderngl.Program, slot: int) -> None:
        self._position.write(np.ascontiguousarray(face.vertices, np.float32))
        self._normal.write(np.ascontiguousarray(self._model.normals(face.vertices), np.float32))
        self._albedo.write(np.ascontiguousarray(self._model.albedo(face.coefficients.albedo), np.float32))
        if "light" in program:
            program["light"].write(np.ascontiguousarray(face.coefficients.light.reshape(3, 9).T, np.float32))
        self._bump(face.bump, slot).use(BUMP_UNIT)

    def _bump(self, height: np.ndarray, slot: int) -> moderngl.Texture:
        """The height map's texture, uploaded only when the array is another one than last time."""
        known, texture = self._bumps.get(slot, (None, None))
        if texture is None or texture.size != height.shape[::-1]:
            if texture is not None:
                texture.release()
            texture = self._context.texture(height.shape[::-1], 1, dtype="f2")
            texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
            texture.repeat_x = texture.repeat_y = False
        if known is not height:
            texture.write(np.ascontiguousarray(height, np.float16))
        self._bumps[slot] = (height, texture)
        return texture

    def _array(self, view: View) -> moderngl.VertexArray:
        if view.name not in self._arrays:
            program = load_program(self._context, view.vertex, view.fragment)
            if view.vertex == "wire.vert":
                self._arrays[view.name] = self._context.vertex_array(
                    program,
                    [
                        (self._corner_position, "3f", "in_position"),
                        (self._corner_opacity, "1f", "in_opacity"),
                        (self._corner_edges, "3f1", "in_edges"),
                    ],
                )
            else:
                self._arrays[view.name] = self._context.vertex_array(
                    program,
                    [
                        (self._position, "3f", "in_position"),
                        (self._normal, "3f", "in_normal"),
                        (self._albedo, "3f", "in_albedo"),
                        (self._fixed, "2f 1f", "in_uv", "in_opacity"),
                    ],
                    index_buffer=self._index,
                    skip_errors=True,  # a view that does not read an attribute has none
                )
        return self._arrays[view.name]


def _depth_line(z: np.ndarray, index: int, count: int) -> tuple[float, float]:
    """Scale and offset that take the nearest and farthest z of face `index` to its slice of clip depth -1..1."""
    near, far = float(z.min()), float(z.max())
    scale = 2.0 / (count * max(far - near, 1e-3))
    return scale, -1.0 + 2.0 * index / count - scale * near
