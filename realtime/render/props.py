"""Draws props: meshes in millimetres that are placed before the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import moderngl
import numpy as np

from realtime.camera import NEAREST
from realtime.frames import Array, Camera, FaceState, Image
from realtime.overlays.overlay import Material, Piece
from realtime.render.programs import load_program, set_uniforms
from realtime.render.surface import light_uniform

BASE_UNIT = 2  # texture unit; the first two are the face's
WHITE = np.full((1, 1, 4), 255, np.uint8)


@dataclass(frozen=True)
class View3D:
    """How a picture's things in space are seen."""

    camera: Camera
    size: tuple[int, int]  # px
    origin: float  # mm from the camera to the head's origin
    depth_line: tuple[float, float]  # clip z = scale * z + offset, z in px at the head's origin

    @classmethod
    def of(cls, face: FaceState, camera: Camera, size: tuple[int, int], depth_line: tuple[float, float]) -> View3D:
        """For what belongs to `face`."""
        return cls(camera, size, max(float(face.coefficients.pose[2, 3]), NEAREST), depth_line)


class PieceBuffers:
    """The GL side of one piece."""

    def __init__(
        self, context: moderngl.Context, piece: Piece, program: moderngl.Program, texture: moderngl.Texture | None
    ) -> None:
        content = np.hstack([piece.positions, piece.normals, piece.uv, piece.colors]).astype(np.float32)
        self._vertices = context.buffer(content.tobytes())
        self._index = context.buffer(piece.triangles.astype(np.int32).tobytes())
        names = ("in_position", "in_normal", "in_uv", "in_color")
        self._array = context.vertex_array(
            program, [(self._vertices, "3f 3f 2f 4f", *names)], index_buffer=self._index, skip_errors=True
        )
        self.material: Material = piece.material
        self.texture = texture
        self.middle = np.append((piece.positions.min(axis=0) + piece.positions.max(axis=0)) / 2, 1.0)

    def render(self) -> None:
        """The draw call alone."""
        self._array.render()

    def release(self) -> None:
        """Give the memory back now."""
        for thing in (self._array, self._vertices, self._index, self.texture):
            if thing is not None:
                thing.release()


class PropPainter:
    """Uploads pieces and draws them onto the current framebuffer, with depth; opaque ones first."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._program = load_program(context, "prop.vert", "prop.frag")
        self._depth_program = load_program(context, "prop.vert", "depth.frag")
        self._white = upload_picture(context, WHITE)

    def upload(self, pieces: Sequence[Piece]) -> tuple[PieceBuffers, ...]:
        """Pieces that `draw` takes; those of one picture share its texture, and release it together."""
        pictures = {id(piece.material.texture): piece.material.texture for piece in pieces}
        textures = {
            key: None if picture is None else upload_picture(self._context, picture)
            for key, picture in pictures.items()
        }
        return tuple(
            PieceBuffers(self._context, piece, self._program, textures[id(piece.material.texture)]) for piece in pieces
        )

    def upload_depth(self, piece: Piece) -> PieceBuffers:
        """A piece that `draw_depth` takes."""
        return PieceBuffers(self._context, piece, self._depth_program, None)

    def draw_depth(self, buffers: PieceBuffers, placement: Array, view: View3D) -> None:
        """Nothing to be seen, but it hides what is behind it."""
        self._set_view(self._depth_program, placement, view)
        self._context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self._context.front_face = "cw"
        buffers.render()

    def draw(self, things: Sequence[tuple[PieceBuffers, Array]], face: FaceState, view: View3D) -> None:
        """Draw pieces, each with its (4, 4) placement, in the light on `face`; the farthest of the blended first."""
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        self._context.front_face = "cw"
        self._program["light"] = light_uniform(face)
        solid = [thing for thing in things if not thing[0].material.is_blended]
        blended = [thing for thing in things if thing[0].material.is_blended]
        for buffers, placement in solid + sorted(blended, key=_depth, reverse=True):
            material = buffers.material
            flags = moderngl.DEPTH_TEST
            flags |= moderngl.NOTHING if material.is_double_sided else moderngl.CULL_FACE
            flags |= moderngl.BLEND if material.is_blended else moderngl.NOTHING
            self._context.enable_only(flags)
            self._set_view(self._program, placement, view)
            (buffers.texture or self._white).use(BASE_UNIT)
            set_uniforms(
                self._program,
                base=BASE_UNIT,
                factor=material.color,
                metallic=material.metallic,
                roughness=material.roughness,
                emission=material.emission,
                cutoff=material.cutoff,
                unlit=material.is_unlit,
                blended=material.is_blended,
            )
            buffers.render()
        self._context.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA

    def _set_view(self, program: moderngl.Program, placement: Array, view: View3D) -> None:
        set_uniforms(
            program,
            placement=tuple(placement.T.ravel().tolist()),  # GL wants columns
            focal=view.camera.focal,
            center=view.camera.center,
            origin=view.origin,
            picture_size=view.size,
            depth_line=view.depth_line,
        )


def upload_picture(context: moderngl.Context, picture: Image) -> moderngl.Texture:
    """An (H, W, 4) picture as a texture that may also be seen from afar."""
    height, width = picture.shape[:2]
    texture = context.texture((width, height), 4, np.ascontiguousarray(picture).tobytes())
    texture.build_mipmaps()
    texture.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
    return texture


def _depth(thing: tuple[PieceBuffers, Array]) -> float:
    """mm from the camera's plane to a piece's middle."""
    buffers, placement = thing
    return float(placement[2] @ buffers.middle)
