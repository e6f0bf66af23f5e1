"""Draws a frame and the faces found in it, in one of the views."""

from __future__ import annotations

import math
from typing import TypedDict, Unpack

import moderngl
import numpy as np

from realtime.camera import assumed_camera
from realtime.errors import UserError
from realtime.frames import Coefficients, FaceState, Frame, FrameResult, Image
from realtime.light import NEUTRAL
from realtime.render.context import check_owner, headless_context
from realtime.render.gaze import GazeRays
from realtime.render.hands import FrontLayer, feather_px, without_hair
from realtime.render.hud import Hud
from realtime.render.overlays import OverlayModel, OverlayRenderer, OverlaySource
from realtime.render.pictures import PICTURES
from realtime.render.programs import load_program
from realtime.render.surface import FRAME_UNIT, FaceSurface, Place
from realtime.render.targets import FaceLayer, PictureTarget, Rectangle
from realtime.render.views import Hands, View, find_view

OUTLINE_MARGIN = 1  # px that the softening of an outline looks at beyond what is shown
SPLIT_LINE_PX = 2
FRONT_STRENGTH = {"show": 1.0, "half": 0.5}
WITHOUT_HANDS = ("complete", "parts", "source")  # the pictures that lack what is in front of a face


class Extras(TypedDict, total=False):
    """What `SceneRenderer.draw` takes beyond the result and the view."""

    hud: list[str] | None
    gaze: bool
    hands: Hands | None


class SceneRenderer:
    """Owns the GL objects of one face model; every call must come from the context's own thread.

    `draw` makes the picture, `read` fetches it, `present` shows it in a window; `render` is `draw` and `read`.
    The picture has the frame's size, whatever it is, and is remade when that changes.
    """

    def __init__(
        self,
        size: tuple[int, int],
        model: OverlayModel,
        samples: int = 0,
        context: moderngl.Context | None = None,
        overlays: OverlaySource | None = None,
    ) -> None:
        self.context = context or headless_context()
        self._samples = min(samples, self.context.max_samples)
        self._model = model
        self._surface = FaceSurface(self.context, model)
        self._overlays = OverlayRenderer(self.context, model, self._surface, overlays) if overlays else None
        self._front: FrontLayer | None = None  # made when a hand is first to be seen
        self._gaze = GazeRays(self.context)
        self._hud = Hud(self.context)
        self._present_program = load_program(self.context, "present.vert", "present.frag")
        self._present = self.context.vertex_array(self._present_program, [])
        self._target, self._layer = self._make_targets(size)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture drawn last."""
        return self._target.size

    @property
    def samples(self) -> int:
        """Samples per pixel of a face; 0 without anti-aliasing."""
        return self._samples

    @samples.setter
    def samples(self, samples: int) -> None:
        self._samples = min(samples, self.context.max_samples)

    def draw(
        self,
        result: FrameResult,
        view: str,
        hud: list[str] | None = None,
        gaze: bool = False,
        hands: Hands | None = None,
    ) -> None:
        """Draw `result` into the renderer's own framebuffer; without `hands`, the view's own choice."""
        check_owner(self.context)
        chosen = find_view(view)
        hands = hands or chosen.hands
        height, width = result.frame.image.shape[:2]
        shown = (width // 2 if chosen.right_half else 0, 0, width, height)
        self._fit_targets((width, height))
        below = chosen.picture_below(hands)
        self._target.begin(PICTURES[below](result))
        if self._overlays:
            result = self._overlays.begin(result)
        if chosen.fragment:
            self._draw_faces(result, chosen, shown)
        if self._overlays:
            self._overlays.draw(self._target, result, shown, self._samples)
        if hands != "remove" and (chosen.fragment or self._overlays or below == "complete"):
            self._draw_front(result, below, hands, shown)
        if chosen.right_half:
            middle = (max(0, width // 2 - SPLIT_LINE_PX // 2), 0, SPLIT_LINE_PX, height)
            self._target.canvas.clear(1.0, 1.0, 1.0, 1.0, viewport=middle)
        if gaze:
            for face in result.faces:
                self._gaze.draw(face, (width, height))
        if hud:
            self._hud.draw(hud, (width, height), top_down=True)

    def warm_up(self, view: str) -> None:
        """Draw a face at rest, without overlays: what GL compiles when it first draws a view is ready then."""
        check_owner(self.context)
        chosen, result = find_view(view), _face_at_rest(self._model, self.size)
        self._target.begin(result.frame.image)
        if chosen.fragment:
            self._draw_faces(result, chosen, (0, 0, *self.size))
        self._target.read()

    def read(self) -> Image:
        """(H, W, 3) uint8 RGB: what `draw` made, as a new array."""
        check_owner(self.context)
        return self._target.read()

    def render(self, result: FrameResult, view: str, **extras: Unpack[Extras]) -> Image:
        """(H, W, 3) uint8 RGB: `draw` and `read`."""
        self.draw(result, view, **extras)
        return self.read()

    def present(self, framebuffer: moderngl.Framebuffer, viewport: tuple[int, int, int, int]) -> None:
        """Show what `draw` made in `viewport` (x, y, width, height; y up) of a window's framebuffer, scaled."""
        check_owner(self.context)
        framebuffer.use()
        framebuffer.viewport = viewport
        self.context.enable_only(moderngl.NOTHING)
        self._target.color.use(FRAME_UNIT)
        self._present.render(moderngl.TRIANGLE_STRIP, vertices=4)

    def _draw_faces(self, result: FrameResult, view: View, shown: Rectangle) -> None:
        width, height = size = self._target.size
        laid = _intersection(_face_rectangle(result), shown)
        if laid:
            self._layer.begin(_intersection(_grown(laid, OUTLINE_MARGIN), (0, 0, width, height)) or laid)
            self._target.frame.use(FRAME_UNIT)
            for index, face in enumerate(result.faces):
                self._surface.draw(face, view, result.frame.time, size, Place(index, len(result.faces)))
            self._layer.lay_over(self._target.canvas, laid, "plain" if view.is_wire else "soft")

    def _draw_front(self, result: FrameResult, below: str, hands: Hands, shown: Rectangle) -> None:
        if result.occlusion is None or not result.faces:
            return
        self._front = self._front or FrontLayer(self.context)
        if below in WITHOUT_HANDS:
            self._target.load(result.frame.image)
        self._front.draw(
            self._target.canvas,
            self._target.frame,
            without_hair(result.occlusion, result.parts),
            feather_px(result.faces[0]),
            shown,
            FRONT_STRENGTH[hands],
        )

    def _fit_targets(self, size: tuple[int, int]) -> None:
        if (size, self._samples) != (self._target.size, self._layer.samples):
            old = self._target, self._layer
            self._target, self._layer = self._make_targets(size)
            # GL keeps the framebuffer that it used last bound: it must outlive the making of the next.
            self._target.canvas.use()
            for target in old:
                target.release()

    def _make_targets(self, size: tuple[int, int]) -> tuple[PictureTarget, FaceLayer]:
        limit = self.context.info["GL_MAX_TEXTURE_SIZE"]
        if max(size) > limit:
            raise UserError(
                f"A picture of {size[0]}x{size[1]} px is larger than this GL can draw ({limit} px).",
                "Choose a smaller one with --size.",
            )
        return PictureTarget(self.context, size), FaceLayer(self.context, size, self._samples)


def _face_at_rest(model: OverlayModel, size: tuple[int, int]) -> FrameResult:
    """The mean face in the middle of a black picture."""
    width, height = size
    scale = min(size) / max(2 * float(np.abs(model.mean).max()), 1.0)
    face = FaceState(
        id=0,
        coefficients=Coefficients(
            np.zeros(1, np.float32), np.zeros(52, np.float32), np.eye(4), np.zeros(1, np.float32), NEUTRAL
        ),
        vertices=model.mean * np.array([scale, -scale, -scale], np.float32)
        + np.array([width / 2, height / 2, 0], np.float32),
        neutral=model.mean,
        landmarks=np.zeros((478, 2), np.float32),
        bump=np.zeros((2, 2), np.float16),
        visibility=np.ones(len(model.mean), np.float32),
        gaze=np.tile(np.array([0, 0, -1], np.float32), (2, 1)),
    )
    frame = Frame(np.zeros((height, width, 3), np.uint8), 0.0, 0.0, 0, "")
    return FrameResult(frame, assumed_camera(width, height), (face,))


def _face_rectangle(result: FrameResult) -> Rectangle:
    """The px that the faces may touch, inside the picture or not; empty without a face."""
    if not result.faces:
        return 0, 0, 0, 0
    x, y = np.concatenate([face.vertices[:, :2] for face in result.faces]).T  # numpy is slow along short rows
    return math.floor(x.min()), math.floor(y.min()), math.ceil(x.max()), math.ceil(y.max())


def _grown(rectangle: Rectangle, margin: int) -> Rectangle:
    left, top, right, bottom = rectangle
    return left - margin, top - margin, right + margin, bottom + margin


def _intersection(first: Rectangle, second: Rectangle) -> Rectangle | None:
    left, top = max(first[0], second[0]), max(first[1], second[1])
    right, bottom = min(first[2], second[2]), min(first[3], second[3])
    return (left, top, right, bottom) if left < right and top < bottom else None
