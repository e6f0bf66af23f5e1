"""Lines of sight, drawn from the irises."""

from __future__ import annotations

import moderngl
import numpy as np

from realtime.frames import Array, FaceState
from realtime.render.mesh import px_per_mm
from realtime.render.programs import load_program

IRIS_LANDMARKS = (468, 473)  # MediaPipe's iris centres: right eye, left eye, as in FaceState.gaze
RAY_MM = 45.0
DOT_MM = 1.6
COLOR = (1.0, 0.83, 0.25)


def gaze_segments(face: FaceState) -> Array:
    """(2, 4) px: from each iris to the end of its line of sight, foreshortened as seen from the camera."""
    irises = face.landmarks[list(IRIS_LANDMARKS)]
    ends = irises + face.gaze[:, :2] * (RAY_MM * px_per_mm(face))
    return np.hstack([irises, ends]).astype(np.float32)


class GazeRays:
    """Draws `gaze_segments` onto the current framebuffer, over whatever is there."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._program = load_program(context, "gaze.vert", "gaze.frag")
        self._buffer = context.buffer(reserve=2 * 7 * 4)
        self._rays = context.vertex_array(
            self._program, [(self._buffer, "2f 2f 3f /i", "in_from", "in_to", "in_color")]
        )

    def draw(self, face: FaceState, picture_size: tuple[int, int]) -> None:
        """Both eyes of one face."""
        self._buffer.write(np.hstack([gaze_segments(face), np.tile(np.array(COLOR, np.float32), (2, 1))]).tobytes())
        self._program["picture_size"] = picture_size
        self._program["radius"] = max(1.2, DOT_MM * px_per_mm(face))
        self._context.enable_only(moderngl.BLEND)
        self._rays.render(moderngl.TRIANGLE_STRIP, vertices=4, instances=2)
        self._context.disable(moderngl.BLEND)
