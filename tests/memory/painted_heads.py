"""Heads whose texture is known, and pictures of them."""

import functools

import cv2
import numpy as np

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE
from engines.face_model.model import MorphableModel
from realtime.frames import PART_NAMES, Coefficients, FaceState, TrackedFace
from realtime.raster import rasterise
from realtime.remembered import SIZE, Surface
from realtime.seen import Seen

SIDE = COMPLETION_SIZE  # pictures are as large as crops: the way between them is the identity
IDENTITY = np.float32([[1, 0, 0], [0, 1, 0]])


@functools.cache
def model():
    return MorphableModel.load()


@functools.cache
def surface():
    return Surface(model())


def vertices(yaw=0.0, at=(96.0, 90.0), scale=0.85):
    """(V, 3) px of the mean head, turned by `yaw` degrees, in a picture of SIDE px."""
    angle = np.radians(yaw)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return ((model().mean @ turn.T) * (scale, -scale, -scale) + (*at, 0)).astype(np.float32)


@functools.cache
def texture(seed=0):
    """(SIZE, SIZE, 3) a smooth pattern of skin-like brightness; every seed is another person."""
    noise = np.random.default_rng(seed).normal(0, 1, (24, 24, 3)).astype(np.float32)
    pattern = cv2.resize(noise, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return np.clip(130 + 22 * pattern, 40, 220).astype(np.uint8)


def picture(points, colours, background=90):
    """(SIDE, SIDE, 3) the head with these colours (SIZE, SIZE, 3) over UV."""
    out = np.full((SIDE * SIDE, 3), background, np.uint8)
    hits = rasterise(points, model().triangles, SIDE)
    u, v = hits.mix(np.ascontiguousarray(model().uv.T))
    where = np.stack([u * SIZE - 0.5, (1 - v) * SIZE - 0.5], -1).astype(np.float32)
    rows = -(-len(where) // 256)
    padded = np.zeros((rows * 256, 2), np.float32)
    padded[: len(where)] = where
    found = cv2.remap(colours, padded.reshape(rows, 256, 2), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    out[hits.pixels] = found.reshape(-1, 3)[: len(where)]
    return out.reshape(SIDE, SIDE, 3)


def state(points, visibility=None, expression=None, number=3):
    """A face's state with the mesh at `points` (V, 3) px."""
    face = model()
    seen = np.clip(-face.normals(points)[:, 2] * 3, 0, 1) if visibility is None else visibility
    coefficients = Coefficients(
        identity=np.zeros(len(face.identity_basis), np.float32),
        expression=np.zeros(52, np.float32) if expression is None else expression,
        pose=np.eye(4, dtype=np.float32),
        albedo=np.zeros(len(face.albedo_basis), np.float32),
        light=np.zeros(27, np.float32),
    )
    return FaceState(
        id=number,
        coefficients=coefficients,
        vertices=points,
        neutral=face.mean,
        landmarks=face.landmarks(points)[:, :2],
        bump=np.zeros((256, 256), np.float16),
        visibility=seen.astype(np.float32),
        gaze=np.zeros((2, 3), np.float32),
    )


def seen(image, points, doubted=None, number=3, fresh=True):
    """What the networks would say of the head in `image`."""
    parts = np.zeros((len(PART_NAMES), CONTOUR_SIZE, CONTOUR_SIZE), np.float32)
    parts[PART_NAMES.index("skin")] = 1
    face = TrackedFace(number, model().landmarks(points).astype(np.float32), is_new=False)
    return Seen(face, IDENTITY, image, parts, visible=1.0, doubted=doubted, fresh=fresh)


def box(top, bottom, left, right):
    """(SIDE, SIDE) 1 inside a rectangle."""
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[top:bottom, left:right] = 1
    return mask


def weight_of(points):
    """(SIZE, SIZE) how well a head at `points` shows each texel."""
    return surface().unwrapper.spread(state(points).visibility)


@functools.cache
def clear_view():
    """(SIZE, SIZE) bool: the texels that a head which looks into the camera shows well."""
    return (
        cv2.erode(((weight_of(vertices()) > 0.9) & surface().unwrapper.covered).astype(np.uint8), np.ones((5, 5))) > 0
    )


def apart(found, colours):
    """How far two textures are apart where a head that looks into the camera shows them, grey levels."""
    return float(np.abs(found.astype(np.float32) - colours)[clear_view()].mean())
