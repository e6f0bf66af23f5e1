"""MediaPipe's 478 landmarks as points on our mesh, and the mesh's parts (build time only)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model import eyeball
from engines.face_model.makehuman import BaseMesh
from engines.face_model.surface import Surface
from engines.face_model.topology import Topology

Points = NDArray[np.float64]
FACE_LANDMARKS = 468  # the rest are the irises
# Landmarks on the outline of the face: they slide along it as the head turns.
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
RIGHT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
LEFT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
INNER_LIPS = ((78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308), (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308))
NOSE_TIP = 1
BROW_MARGIN = 1.0  # mm around the brow landmarks that still counts as brow
MIN_SIGMA = 0.4  # mm

PART_NAMES = (
    "skin",
    "left_brow",
    "right_brow",
    "left_eye",
    "right_eye",
    "nose",
    "upper_lip",
    "inner_mouth",
    "lower_lip",
    "ears",
    "neck",
    "eyelids",
    "teeth",
    "tongue",
    "scalp",
)
# The calibration's own labels of MakeHuman's head.
LABEL_NOSE, LABEL_LIPS, LABEL_EAR, LABEL_EYELID, LABEL_NECK_SCALP = 3, 4, 5, 6, 10


@dataclass(frozen=True)
class Calibration:
    """The calibrated landmark map on MakeHuman's own vertices."""

    vertices: NDArray[np.int64]  # (478, 3) indices into MakeHuman's base mesh
    barycentric: Points  # (478, 3)
    sigma: Points  # (478,) mm
    label: NDArray[np.int64]  # (19158,) part of every vertex of the base mesh, -1 outside the head

    @classmethod
    def load(cls, folder: str | Path, base: BaseMesh) -> Calibration:
        """Read the map; its files count only the vertices of the head, in the base mesh's order."""
        helpers = ("helper-l-eye", "helper-r-eye", "helper-upper-teeth", "helper-lower-teeth", "helper-tongue")
        parts = ("head", "eye_cavity.R", "eye_cavity.L", "mouth_cavity")
        head = ((base.groups == "body") & np.isin(base.body_part, parts)) | np.isin(base.groups, helpers)
        used = np.unique(base.quads[head])
        label = np.full(len(base.vertices), -1)
        with np.load(Path(folder) / "mh_head80.npz") as file:
            label[used] = file["labels"]
        with np.load(Path(folder) / "lm2_mh.npz") as file:
            return cls(used[file["verts"]], file["bary"], np.maximum(file["res"], MIN_SIGMA), label)

    def positions(self, base: BaseMesh) -> Points:
        """(478, 3) mm on the base mesh."""
        return np.einsum("lcd,lc->ld", base.vertices[self.vertices], self.barycentric)


@dataclass(frozen=True)
class LandmarkMap:
    """Landmarks on our triangles."""

    triangle: NDArray[np.int64]  # (478,)
    barycentric: Points  # (478, 3)
    sigma: Points  # (478,) mm

    def on(self, vertices: Points, triangles: NDArray[np.int64]) -> Points:
        """(478, 3) where the landmarks lie."""
        return np.einsum("lcd,lc->ld", vertices[triangles[self.triangle]], self.barycentric)


def map_landmarks(topology: Topology, base: BaseMesh, calibration: Calibration) -> LandmarkMap:
    """Carry the calibrated map over to our triangulation; the irises go to the eyeballs' rings."""
    vertices = base.vertices[np.maximum(topology.source, 0)]
    positions = calibration.positions(base)
    skin = topology.triangles_of("skin")  # the mesh begins with them
    source = topology.source[skin]
    triangle = np.zeros(len(positions), np.int64)
    barycentric = np.zeros((len(positions), 3))
    for landmark in range(FACE_LANDMARKS):
        # Only triangles of the same quad: closed lips lie on top of each other.
        support = calibration.vertices[landmark][calibration.barycentric[landmark] > 1e-6]
        shared = np.isin(source, support).sum(1)
        if not np.isin(support, source).all():
            raise ValueError(f"landmark {landmark} lies outside the mesh")
        candidates = np.flatnonzero(shared == shared.max())
        found, weights, _ = Surface(vertices, skin[candidates]).closest(positions[landmark : landmark + 1])
        triangle[landmark], barycentric[landmark] = candidates[found[0]], weights[0]
    triangle[FACE_LANDMARKS:], barycentric[FACE_LANDMARKS:] = _irises(topology)
    return LandmarkMap(triangle, barycentric, calibration.sigma)


def _irises(topology: Topology) -> tuple[NDArray[np.int64], Points]:
    """The ten iris landmarks: centre, then the iris's edge at the picture's right, top, left and bottom, per eye."""
    ring = 1 + eyeball.IRIS_RING * eyeball.SEGMENTS
    quarter = eyeball.SEGMENTS // 4
    wanted = [0, *(ring + k * quarter for k in range(4))]
    triangles, weights = [], []
    for first, _ in topology.eye_ranges:
        for vertex in wanted:
            triangle = int(np.flatnonzero((topology.triangles == first + vertex).any(1))[0])
            triangles.append(triangle)
            weights.append(topology.triangles[triangle] == first + vertex)
    return np.array(triangles), np.array(weights, float)


def name_parts(topology: Topology, mean: Points, landmarks: Points, calibration: Calibration) -> NDArray[np.uint8]:
    """(V,) index into PART_NAMES; `landmarks` (478, 3) mm on the mean."""
    index = {name: i for i, name in enumerate(PART_NAMES)}
    label = np.where(topology.source >= 0, calibration.label[np.maximum(topology.source, 0)], -1)
    parts = np.zeros(len(mean), np.uint8)
    for value, name in ((LABEL_NOSE, "nose"), (LABEL_EAR, "ears"), (LABEL_EYELID, "eyelids")):
        parts[label == value] = index[name]
    parts[(label == LABEL_NECK_SCALP) & (mean[:, 1] > 0)] = index["scalp"]
    parts[(label == LABEL_NECK_SCALP) & (mean[:, 1] <= 0)] = index["neck"]
    upper, lower = (landmarks[list(row)] for row in INNER_LIPS)
    line = (upper + lower) / 2
    above = mean[:, 1] > np.interp(mean[:, 0], line[:, 0], line[:, 1])
    parts[(label == LABEL_LIPS) & above] = index["upper_lip"]
    parts[(label == LABEL_LIPS) & ~above] = index["lower_lip"]
    front = mean[:, 2] > landmarks[[33, 263], 2].min() - 5
    for polygon, name in ((RIGHT_BROW, "right_brow"), (LEFT_BROW, "left_brow")):
        outline = landmarks[list(polygon), :2].astype(np.float32)
        inside = [cv2.pointPolygonTest(outline, (float(x), float(y)), True) > -BROW_MARGIN for x, y in mean[:, :2]]
        parts[np.array(inside) & front & (label >= 0)] = index[name]
    charts = {
        "left_eye": "left_eye",
        "right_eye": "right_eye",
        "inner_mouth": "inner_mouth",
        "upper_teeth": "teeth",
        "lower_teeth": "teeth",
        "tongue_top": "tongue",
        "tongue_bottom": "tongue",
    }
    for chart, name in charts.items():
        parts[topology.vertices_of(chart)] = index[name]
    return parts
