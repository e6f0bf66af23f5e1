"""The shipped model, looking straight at the camera in a picture of two colours."""

import numpy as np
import pytest

from engines.face_model.model import MorphableModel
from realtime.frames import Coefficients, FaceState, Frame
from realtime.light import NEUTRAL

SIDE = 200  # px
PX_PER_MM = 0.7


@pytest.fixture(scope="session")
def model():
    return MorphableModel.load()


@pytest.fixture(scope="session")
def face(model):
    expression = np.zeros(52, np.float32)
    expression[model.expression_names.index("jawOpen")] = 0.5
    shape = model.vertices(np.zeros(1, np.float32), expression)
    vertices = shape * np.float32([PX_PER_MM, -PX_PER_MM, -PX_PER_MM]) + np.float32([SIDE / 2, SIDE / 2, 0])
    pose = np.diag(np.float32([1, -1, -1, 1]))
    return FaceState(
        id=0,
        coefficients=Coefficients(
            np.zeros(len(model.identity_basis), np.float32),
            expression,
            pose,
            np.zeros(len(model.albedo_basis), np.float32),
            NEUTRAL,
        ),
        vertices=vertices,
        neutral=model.neutral(np.zeros(1)),
        landmarks=model.landmarks(vertices[:, :2]),
        bump=np.zeros((256, 256), np.float16),
        visibility=np.ones(len(vertices), np.float32),
        gaze=np.float32([[0, 0, -1], [0, 0, -1]]),
    )


@pytest.fixture(scope="session")
def frame():
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    image[:, : SIDE // 2] = (180, 90, 60)  # the person's right
    image[:, SIDE // 2 :] = (60, 90, 180)
    return Frame(image, 0.0, 0.0, 0, "test")
