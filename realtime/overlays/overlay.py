"""What an overlay is once its files are read: plain arrays, ready to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from realtime.frames import Array, Image

Blend = Literal["normal", "multiply"]
BLENDS: tuple[Blend, ...] = ("normal", "multiply")


@dataclass(frozen=True)
class HeadAnchor:
    """Stays with the head: its origin, its axes (see `realtime.frames`)."""


@dataclass(frozen=True)
class LandmarkAnchor:
    """Stays with the middle of some of MediaPipe's 478 landmarks, turned as the head is."""

    landmarks: tuple[int, ...]


@dataclass(frozen=True)
class TriangleAnchor:
    """Sticks to one triangle of the mesh: z along its normal, y along growing v, and moves with the skin."""

    triangle: int
    barycentric: tuple[float, float, float]  # they add up to 1


Anchor = HeadAnchor | LandmarkAnchor | TriangleAnchor


@dataclass(frozen=True)
class Span:
    """A distance on the face without expression that a prop was made for: it grows and shrinks with it."""

    landmarks: tuple[int, int]
    mm: float


@dataclass(frozen=True, eq=False)
class Material:
    """The part of glTF's material that is drawn; colours are linear RGB, alpha is straight."""

    color: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    texture: Image | None = None  # (H, W, 4) sRGB and alpha; row 0 is v = 0, as in glTF
    metallic: float = 1.0
    roughness: float = 1.0
    emission: tuple[float, float, float] = (0.0, 0.0, 0.0)
    cutoff: float = 0.0  # less alpha than this is not drawn
    is_blended: bool = False  # what lies behind shows through
    is_double_sided: bool = False
    is_unlit: bool = False


@dataclass(frozen=True, eq=False)
class Piece:
    """A triangle mesh with one material."""

    positions: Array  # (N, 3) mm, in the prop's own frame: that of its anchor
    normals: Array  # (N, 3) unit
    uv: Array  # (N, 2) glTF's: v down
    colors: Array  # (N, 4) linear RGB and alpha
    triangles: NDArray[np.int32]  # (T, 3) counter-clockwise from outside
    material: Material


@dataclass(frozen=True, eq=False)
class Prop:
    """A thing in space: glasses, a hat."""

    pieces: tuple[Piece, ...]
    anchor: Anchor = HeadAnchor()
    span: Span | None = None


@dataclass(frozen=True, eq=False)
class Paint:
    """A picture on the skin, laid out over the mesh's UV map."""

    image: Image  # (H, W, 4) sRGB and straight alpha; row 0 is v = 1
    blend: Blend = "normal"  # "multiply": what lies under it keeps its light, pores and lines
    opacity: float = 1.0


@dataclass(frozen=True, eq=False)
class Light:
    """What becomes of the light estimated from the face."""

    estimated: float = 1.0  # its share
    added: Array = field(default_factory=lambda: np.zeros(27, np.float32))  # as `Coefficients.light`


@dataclass(frozen=True, eq=False)
class Overlay:
    """One overlay file and all that it names."""

    props: tuple[Prop, ...] = ()
    paints: tuple[Paint, ...] = ()
    light: Light | None = None
    files: tuple[Path, ...] = ()  # all that were read; a change in one of them is a change of the overlay
