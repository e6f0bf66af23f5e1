"""Heads with exact truth: a photographed face on another shape, in another pose, under another light, with folds.

The new head is drawn from the face model. Its skin is the photograph's, found through the fit of the photograph and
freed of its shading; what the camera did not see comes from the other side of the face. Around the head the
photograph is bent along, so that hair and background stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from engines.training.regression.folds import SIDE as UV_SIDE
from engines.training.regression.pseudo_truth import FRONT, STORE_CAMERA, PseudoTruth, of_parts
from engines.training.regression.pyramid import spread
from engines.training.regression.raster import Fragments, Relief, rasterize, relief_of, shading, to_srgb
from engines.training.store import SIDE
from realtime.camera import picture_vertices, to_camera
from realtime.frames import Array, Image
from realtime.light import to_linear
from realtime.visibility import vertex_visibility

# A vertex of the photograph that is seen less than this lends its pixels to nobody.
SEEN = 0.25
# Shading is not divided by less than this.
DARKEST = 0.12
# px around a point that say how deep it lies
CAVITY = 9
# px around the fitted head that are painted out with it
MARGIN_OF_HEAD = 7


@dataclass(frozen=True)
class FittedPhoto:
    """A photograph and the mesh lying in it; V vertices of any mesh of a face."""

    image: Image  # (SIDE, SIDE, 3) RGB
    backdrop: Image  # (SIDE, SIDE, 3) RGB: the picture with the head painted out by what surrounds it
    points: Array  # (V, 2 or more) px
    normals: Array  # (V, 3) camera frame
    seen: Array  # (V,) 0..1
    light: Array  # (27,)
    fill: Array  # (V, 3) linear RGB albedo where the picture shows nothing


@dataclass(frozen=True)
class Look:
    """How a head is posed, lit and folded."""

    pose: Array  # (4, 4) head -> camera of the store
    light: Array  # (27,)
    displacement: Array  # (UV_SIDE, UV_SIDE) mm in UV
    cavity: float = 0.0  # how much darker the light of the whole sky makes a fold, per mm of depth


@dataclass(frozen=True)
class Picture:
    """A rendered head, all (SIDE, SIDE, ...)."""

    image: Image  # RGB
    bump: Array  # mm along the normal
    bump_known: NDArray[np.bool_]  # where the displacement is the truth
    points: Array  # (V, 3) px: the vertices in the picture
    relief: Relief  # of the smooth surface
    source: Array  # (SIDE, SIDE, 2) px of the photograph whose skin this is; NaN where it shows none


@dataclass(frozen=True)
class Mesh:
    """What rendering needs of a mesh; V vertices."""

    triangles: NDArray  # (T, 3)
    uv: Array  # (V, 2)
    mirror: NDArray  # (V,)
    skin: NDArray[np.bool_]  # (V,) what displacement is known for

    @classmethod
    def of(cls, model: MorphableModel) -> Mesh:
        """The face model's own."""
        return cls(model.triangles, model.uv, model.mirror, of_parts(model, (*FRONT, "neck", "scalp")))


def fitted_photo(model: MorphableModel, image: Image, truth: PseudoTruth, index: int) -> FittedPhoto:
    """A stored face (SIDE, SIDE, 3) RGB with its fit, number `index` of `truth`."""
    pose = truth.pose[index]
    vertices = model.vertices(truth.identity[index], truth.expression[index])
    points = picture_vertices(vertices, pose, STORE_CAMERA)
    normals = model.normals(vertices) @ pose[:3, :3].T
    seen = vertex_visibility(points, model.triangles, normals, STORE_CAMERA)
    head = rasterize(points, model.triangles, SIDE).covered.astype(np.uint8)
    around = 1 - cv2.dilate(head, np.ones((MARGIN_OF_HEAD, MARGIN_OF_HEAD), np.uint8))
    soft = cv2.blur(around.astype(np.float32), (5, 5))[..., None]
    backdrop = (soft * image + (1 - soft) * spread(image, around)).astype(np.uint8)
    return FittedPhoto(image, backdrop, points, normals, seen, truth.light[index], model.albedo(truth.albedo[index]))


def render_head(mesh: Mesh, photo: FittedPhoto, vertices: Array, normals: Array, look: Look) -> Picture:
    """One picture.

    Args:
        mesh: the mesh of `photo` and of the head.
        photo: what the head is textured with.
        vertices: (V, 3) mm, head frame.
        normals: (V, 3) unit, head frame.
        look: pose, light and folds.
    """
    points = picture_vertices(vertices, look.pose, STORE_CAMERA)
    fragments = rasterize(points, mesh.triangles, SIDE)
    attributes = np.hstack([normals @ look.pose[:3, :3].T, to_camera(vertices, look.pose), mesh.uv, mesh.skin[:, None]])
    pixels = fragments.interpolate(mesh.triangles, attributes)
    relief = relief_of(pixels[..., 3:6], pixels[..., :3], fragments.covered)

    x, y = pixels[..., 6] * UV_SIDE - 0.5, (1 - pixels[..., 7]) * UV_SIDE - 0.5
    height = cv2.remap(look.displacement, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    known = relief.valid & (pixels[..., 8] > 0.99)
    height = np.where(known, height, 0).astype(np.float32)

    albedo, background, source = _albedo(mesh, photo, points, fragments)
    cavity = np.exp(look.cavity * (height - cv2.blur(height, (CAVITY, CAVITY))))[..., None]
    colors = to_srgb(albedo * shading(relief.normals_of(height), look.light) * cavity)
    edge = cv2.blur(cv2.erode(fragments.covered.astype(np.float32), np.ones((3, 3))), (3, 3))[..., None]
    image = (edge * colors + (1 - edge) * background).astype(np.uint8)
    return Picture(image, height, known, points, relief, source)


def _albedo(mesh: Mesh, photo: FittedPhoto, points: Array, fragments: Fragments) -> tuple[Array, Image, Array]:
    """What a head is textured with.

    Returns:
        Linear RGB albedo of every covered pixel; the photograph's surroundings bent along with the head (sRGB); the px
        of the photograph that each pixel of the head comes from, NaN where none does.
    """
    triangles = mesh.triangles
    direct = photo.seen[triangles].min(1) >= SEEN
    mirrored = ~direct & (photo.seen[mesh.mirror][triangles].min(1) >= SEEN)
    here, there = photo.points[:, :2], photo.points[mesh.mirror, :2]
    facing, facing_there = photo.normals, photo.normals[mesh.mirror]

    on_own = fragments.interpolate(triangles, np.hstack([here, facing, photo.fill]))
    on_other = fragments.interpolate(triangles, np.hstack([there, facing_there]))
    triangle = np.maximum(fragments.triangle, 0)
    use_other = (fragments.covered & mirrored[triangle])[..., None]
    unseen = fragments.covered & ~(direct | mirrored)[triangle]
    source = np.where(use_other, on_other[..., :2], on_own[..., :2])
    lit_by = np.where(use_other, on_other[..., 2:5], on_own[..., 2:5])
    lit_by = lit_by / np.maximum(np.linalg.norm(lit_by, axis=-1, keepdims=True), 1e-9)

    flow = source - _pixel_grid()
    trusted = fragments.covered & direct[triangle]
    carried = cv2.blur(spread(flow, trusted), (15, 15))  # so that what surrounds the head bends smoothly
    where = (np.where(fragments.covered[..., None], source, _pixel_grid() + carried) - 0.5).astype(np.float32)
    bent, backdrop = (
        cv2.remap(picture, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        for picture in (photo.image, photo.backdrop)
    )
    albedo = to_linear(bent) / np.maximum(shading(lit_by, photo.light), DARKEST)
    albedo = np.where(unseen[..., None], on_own[..., 5:8], np.clip(albedo, 0, 1.2))
    lent = (fragments.covered & ~unseen)[..., None]
    return albedo, backdrop, np.where(lent, source, np.float32(np.nan))


def _pixel_grid() -> Array:
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return np.stack([columns, rows], -1) + 0.5
