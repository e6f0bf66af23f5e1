"""A square prop for the tests of overlays."""

import numpy as np

from realtime.overlays.overlay import Material, Piece, Prop

SIZE = 32  # px, the side of the pictures that it is laid into
RED = (1.0, 0.0, 0.0, 1.0)


def square(left, top, right, bottom, z, color=RED, **material):
    """A prop that covers these px of the picture where z is 0; z in mm, out of the face."""
    x0, x1, y0, y1 = left - SIZE / 2, right - SIZE / 2, SIZE / 2 - top, SIZE / 2 - bottom
    corners = np.float32([[x0, y1, z], [x1, y1, z], [x1, y0, z], [x0, y0, z]])
    return Prop(
        (
            Piece(
                positions=corners,
                normals=np.tile(np.float32([0, 0, 1]), (4, 1)),
                uv=np.float32([[0, 1], [1, 1], [1, 0], [0, 0]]),
                colors=np.ones((4, 4), np.float32),
                triangles=np.int32([[0, 1, 2], [0, 2, 3]]),
                material=Material(**{"color": color, "is_unlit": True} | material),
            ),
        )
    )
