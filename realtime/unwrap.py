"""The face's own pixels laid out over its UV map, and the unseen ones filled in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.frames import Array, FaceState, Image
from realtime.light import sh_basis, to_linear
from realtime.texels import TexelGrid

# A mirrored pixel is lit anew by at most this factor, and its inverse: the estimated light is no better than that.
LARGEST_RELIGHTING = 2.5
SEAM_TEXELS = 1 / 128  # of the map's side: the blur of the seams between own, mirrored and model pixels
_NO_MAP = np.empty(0, np.float32)  # both coordinates are in the first map


class Unwrapper:
    """Fetches values of one face model's surface into (size, size) maps; row 0 is v = 1.

    Texels off the mesh take what the nearest texel on it has, so that bilinear sampling finds no rim.

    Attributes:
        size: texels along a side.
        covered: (size, size) bool, texels that lie on the mesh.
    """

    def __init__(self, model: MorphableModel, size: int = 256) -> None:
        grid = TexelGrid(model, size)
        self.size = size
        self.covered = np.zeros((size, size), bool)
        self.covered.flat[grid.covered] = True
        nearest = _nearest(self.covered, grid.covered)
        self._corners = np.ascontiguousarray(grid.corners[:, nearest], np.int32)
        self._shares = np.ascontiguousarray(grid.barycentric[:, nearest])

    def unwrap(self, image: Image, vertices: Array) -> Image:
        """(size, size, 3) the pixels of `image` (H, W, 3) under each texel, whether they show the face or not.

        Args:
            image: any 8 bit picture.
            vertices: (V, 2 or more) px in it.
        """
        xy = np.ascontiguousarray(vertices[:, :2], np.float32).view(np.complex64)[:, 0]  # two numbers per gather
        where = self._mix(xy) - np.complex64(0.5 + 0.5j)  # OpenCV counts from the middle of the first pixel
        flat = where.view(np.float32).reshape(self.size, self.size, 2)
        return np.asarray(cv2.remap(image, flat, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)

    def spread(self, values: Array) -> Array:
        """(V,) or (V, C) values of the vertices -> (size, size) or (size, size, C)."""
        if values.ndim == 1:
            return self._mix(np.asarray(values, np.float32)).reshape(self.size, self.size)
        return np.stack([self.spread(np.ascontiguousarray(channel)) for channel in values.T], axis=-1)

    def _mix(self, values: NDArray) -> NDArray:
        mixed = values.take(self._corners[0]) * self._shares[0]
        mixed += values.take(self._corners[1]) * self._shares[1]
        mixed += values.take(self._corners[2]) * self._shares[2]
        return mixed


def whole_texture(unwrapper: Unwrapper, model: MorphableModel, image: Image, face: FaceState) -> Image:
    """(size, size, 3) sRGB: the face's own pixels; unseen ones from its other side, else the model's skin.

    Mirrored pixels are relit for the side that they come to lie on, and the model's skin takes on the tone of
    what is seen, so that the seams do not show.
    """
    shading = np.maximum(sh_basis(model.normals(face.vertices)) @ face.coefficients.light.reshape(3, 9).T, 0.02)
    seen = face.visibility * _inside(face.vertices, image)
    relighting = np.clip(shading / shading[model.mirror], 1 / LARGEST_RELIGHTING, LARGEST_RELIGHTING)

    own = to_linear(unwrapper.unwrap(image, face.vertices))
    other = to_linear(unwrapper.unwrap(image, face.vertices[model.mirror])) * unwrapper.spread(relighting)
    skin = unwrapper.spread(model.albedo(face.coefficients.albedo) * shading)

    own_share = _feathered(unwrapper.spread(seen))[..., None]
    other_share = (1 - own_share) * _feathered(unwrapper.spread(seen[model.mirror]))[..., None]
    weight = own_share * unwrapper.covered[..., None]
    if weight.sum() > 0:
        skin *= (weight * own).sum((0, 1)) / np.maximum((weight * skin).sum((0, 1)), 1e-6)
    mixed = own_share * own + other_share * other + (1 - own_share - other_share) * skin
    return to_srgb(mixed)


def _nearest(covered: NDArray[np.bool_], indices: NDArray) -> NDArray[np.intp]:
    """(size * size,) for every texel, which of `indices` (the covered ones, flat) lies nearest."""
    _, labels = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = labels.ravel()
    of_label = np.zeros(labels.max() + 1, np.intp)
    of_label[labels[indices]] = np.arange(len(indices))
    return of_label[labels]


def _inside(vertices: Array, image: Image) -> Array:
    """(V,) 1 where a vertex lies in the picture, else 0."""
    height, width = image.shape[:2]
    x, y = vertices[:, 0], vertices[:, 1]
    return ((x >= 0) & (x <= width) & (y >= 0) & (y <= height)).astype(np.float32)


def _feathered(seen: Array) -> Array:
    """Soft on the seen side of every edge only: nothing unseen is let in."""
    blurred = cv2.GaussianBlur(seen, (0, 0), max(1.0, SEAM_TEXELS * len(seen)))
    return np.minimum(seen, np.clip(2 * blurred - 1, 0, 1))


def to_srgb(linear: Array) -> Image:
    """Linear 0..1 -> sRGB 0..255."""
    c = np.clip(linear, 0, 1)
    srgb = np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** np.float32(1 / 2.4) - 0.055)
    return np.rint(255 * srgb).astype(np.uint8)
