"""A tiny face model and results made of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from realtime.frames import Camera, Coefficients, FaceState, Frame, FrameResult

FACING = (0.0, 0.0, -1.0)  # a normal towards the camera
GREY_LIGHT = np.concatenate([[1 / 0.282095], np.zeros(8)])  # one channel: radiance 1 from everywhere


@dataclass
class Sheets:
    """Flat rectangles, each with a front and a back that are welded at the rim, so that no border fades."""

    rectangles: list[tuple[float, float, float, float, float]]  # x0, y0, x1, y1, z in px
    colors: list[tuple[float, float, float]]  # linear RGB of each front; backs are green
    normal: tuple[float, float, float] = FACING
    mean: np.ndarray = field(init=False)
    triangles: np.ndarray = field(init=False)
    uv: np.ndarray = field(init=False)
    weld: np.ndarray = field(init=False)
    painted: np.ndarray = field(init=False)

    def __post_init__(self):
        front = np.array(
            [[[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]] for x0, y0, x1, y1, z in self.rectangles], np.float32
        )
        count = len(front)
        self.vertices = np.concatenate([front, front], axis=1).reshape(-1, 3)  # px; the 1 mm : 1 px head is the mean
        self.mean = self.vertices * np.float32([1, -1, -1])
        # y points down in the picture: this order is clockwise on the screen's own axes, outward is -z.
        quad = np.array([[0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7]], np.int32)
        self.triangles = np.concatenate([quad + 8 * index for index in range(count)])
        self.uv = np.tile(np.float32([[0, 1], [1, 1], [1, 0], [0, 0]]), (2 * count, 1))
        self.weld = np.concatenate([8 * index + np.r_[:4, :4] for index in range(count)]).astype(np.int32)
        self.painted = np.zeros(len(self.mean), bool)

    def normals(self, vertices):
        return np.tile(np.float32(self.normal), (len(vertices), 1))

    def albedo(self, coefficients):
        back = np.tile(np.float32([0, 1, 0]), (4, 1))
        return np.concatenate([np.concatenate([np.tile(np.float32(color), (4, 1)), back]) for color in self.colors])


def make_face(model: Sheets, light=None, bump=None, gaze=None, landmarks=None, vertices=None) -> FaceState:
    light = np.tile(GREY_LIGHT, 3) if light is None else light
    return FaceState(
        id=0,
        coefficients=Coefficients(
            np.zeros(1, np.float32),
            np.zeros(52, np.float32),
            np.eye(4, dtype=np.float32),
            np.zeros(1, np.float32),
            np.asarray(light, np.float32),
        ),
        vertices=model.vertices if vertices is None else vertices,
        neutral=model.mean,
        landmarks=np.zeros((478, 2), np.float32) if landmarks is None else landmarks,
        bump=np.zeros((256, 256), np.float16) if bump is None else bump,
        visibility=np.ones(len(model.mean), np.float32),
        gaze=np.float32([FACING, FACING]) if gaze is None else gaze,
    )


def make_result(image: np.ndarray, *faces: FaceState, time: float = 0.0) -> FrameResult:
    height, width = image.shape[:2]
    return FrameResult(Frame(image, 0.0, time, 0, "test"), Camera(500.0, (width / 2, height / 2)), faces)


def grey(width: int, height: int, level: int = 100) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)
