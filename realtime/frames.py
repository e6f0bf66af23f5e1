"""What the stages hand to each other: one dataclass per stage boundary.

Frames of reference used everywhere:

- *picture*: pixels, x right, y down, the origin at the top left corner of the top left pixel
  (MediaPipe's normalised x times W; no half-pixel shift).
- *head*: millimetres, right-handed, x to the person's left, y up, z out of the face.
- *camera*: millimetres, right-handed, x right, y down, z forward.
- *UV*: both in [0, 1], v up (glTF textures are flipped on export); array row 0 is v = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

# float32 unless a docstring says otherwise. numpy's stubs widen the type of almost every result, so that a
# checker that knew the dtype would complain about correct code everywhere.
Array = NDArray[Any]
Image = NDArray[Any]  # uint8


@dataclass(frozen=True)
class Frame:
    """One picture from a source."""

    image: Image  # (H, W, 3) RGB
    captured: float  # when it reached this program, seconds of time.monotonic()
    time: float  # where it lies in the source's own time line, seconds from its start
    index: int  # 0 for the first frame of the source
    name: str  # the picture's stem, or frame_000123


@dataclass(frozen=True)
class TrackedFace:
    """One face as the tracker sees it."""

    id: int  # stays with the person while the track lives
    landmarks: Array  # (478, 3) px in the picture, MediaPipe's order; z in px, growing away from the camera
    is_new: bool  # the first frame of this track, or the first after it was lost


@dataclass(frozen=True)
class Crop:
    """A square, upright cut-out of one face (a similarity of the picture)."""

    image: Image  # (S, S, 3) RGB
    matrix: Array  # (2, 3) picture px -> crop px


@dataclass(frozen=True)
class Camera:
    """A pinhole without distortion, its principal point at the picture's centre."""

    focal: float  # px
    center: tuple[float, float]  # px


@dataclass(frozen=True)
class Coefficients:
    """The face model's parameters for one face in one frame."""

    identity: Array  # (K,) standard deviations
    expression: Array  # (52,) ARKit blendshapes, 0..1
    pose: Array  # (4, 4) head -> camera
    albedo: Array  # (A,) standard deviations
    light: Array  # (27,) spherical harmonics of band 0..2, nine for red, nine for green, nine for blue; linear RGB


@dataclass(frozen=True)
class FaceState:
    """Everything known about one face in one frame."""

    id: int
    coefficients: Coefficients
    vertices: Array  # (V, 3) px in the picture; z in px, growing away from the camera, 0 at the head's origin
    neutral: Array  # (V, 3) mm, head frame: the identity without expression
    landmarks: Array  # (478, 2) px: the mesh's own, never the tracker's
    bump: NDArray[np.float16]  # (256, 256) mm along the normal, in UV
    visibility: Array  # (V,) 0..1: faces the camera, is not hidden by the head itself nor covered
    gaze: Array  # (2, 3) unit vectors in the camera frame: right eye, left eye
    normals: Array | None = None  # (V, 3) unit, outward, camera frame; None: to be made from the vertices


@dataclass(frozen=True)
class FrameResult:
    """A frame and all that was computed from it; every sink takes this."""

    frame: Frame
    camera: Camera
    faces: tuple[FaceState, ...] = ()  # largest first
    occlusion: Image | None = None  # (H, W) 0 or 255; None: nothing covers a face, or the networks did not run
    parts: Image | None = None  # (H, W) index into PART_NAMES
    complete: Image | None = None  # (H, W, 3) RGB, the frame with the faces completed
    source: Image | None = None  # (H, W) index into SOURCE_NAMES: where each pixel of `complete` comes from
    timings: dict[str, float] = field(default_factory=dict)  # stage -> milliseconds


PART_NAMES = (
    "background",
    "skin",
    "left_brow",
    "right_brow",
    "left_eye",
    "right_eye",
    "nose",
    "upper_lip",
    "inner_mouth",
    "lower_lip",
    "hair",
    "ears",
    "neck",
    "eyeglasses",
)

# Pixels of a face that are seen, remembered, remembered of its other side, or painted by the completion network.
SOURCE_NAMES = ("elsewhere", "seen", "memory", "mirror", "completion")
