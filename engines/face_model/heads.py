"""Our mesh on any head of the scan-based model, and the components learned from many of them (build time only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from engines.face_model import eyeball
from engines.face_model.landmarks import FACE_LANDMARKS, NOSE_TIP, OVAL, LandmarkMap
from engines.face_model.makehuman import BaseMesh
from engines.face_model.registration import Anchors, Carrier, Filler, radial_weights, register, similarity
from engines.face_model.scans import ScanModel, fit_spheres
from engines.face_model.surface import Surface
from engines.face_model.topology import CHARTS, Topology

Points = NDArray[np.float64]
TIE_DISTANCE = 1.0  # mm: vertices that registration left farther away are filled in, not tied
SOCKET_GAP = 0.35  # mm between the eyeball and the inside of the lids
MOUTH_REACH = 48.0  # mm around the lips: the skin that moves teeth, tongue and inner mouth
MOUTH_CONTROLS = 220
# How much a region counts when components are chosen: the face, the rest of the skin, everything inside.
FACE_WEIGHT, OUTER_WEIGHT, INNER_WEIGHT = 1.0, 0.25, 0.01
FACE_RADIUS = 95.0  # mm around the tip of the nose


@dataclass(frozen=True)
class Identity:
    """Linear statistics of heads without size, place or orientation."""

    mean: Points  # (V, 3) mm
    basis: Points  # (K, V, 3) mm per standard deviation
    eye_centers: Points  # (2, 3) mm
    eye_center_basis: Points  # (K, 2, 3) mm
    explained: Points  # (K,) the share of the variance that the first k components hold


class HeadMaker:
    """Registers our mesh to the mean scan once, then makes it for any other scan of the same model."""

    def __init__(self, topology: Topology, base: BaseMesh, scans: ScanModel, landmarks: LandmarkMap) -> None:
        self._topology, self._scans = topology, scans
        self._skin = topology.vertices_of("skin")
        triangles = topology.triangles_of("skin")
        start = self._place(base, landmarks)
        self._socket = ~np.isin(topology.source[self._skin], base.quads[base.body_part == "head"])
        scan = scans.skin(scans.mean)
        chosen = np.setdiff1d(np.arange(FACE_LANDMARKS), OVAL)
        anchors = Anchors(
            landmarks.triangle[chosen],
            landmarks.barycentric[chosen],
            scans.landmarks[chosen],
            np.hypot(landmarks.sigma, scans.landmark_sigma)[chosen],
        )
        skin = register(start[self._skin], triangles, scan, anchors, (~self._socket).astype(float))
        normals = Surface(skin, triangles).vertex_normals
        _, _, distance = scan.closest(skin, normals, 0.3)
        self._carrier = Carrier.tie(skin, normals, scan, ~self._socket & (distance < TIE_DISTANCE))
        self._filler = Filler(triangles, self._carrier.tied)
        self._mean_skin = skin
        self._inside = np.flatnonzero((topology.source >= 0) & (topology.chart != list(CHARTS).index("skin")))
        self._controls = self._mouth_controls(start)
        self._weights = radial_weights(start[self._controls], start[self._inside])
        self._inside_start, self._controls_start = start[self._inside], start[self._controls]

    def _place(self, base: BaseMesh, landmarks: LandmarkMap) -> Points:
        """(V, 3) mm the base mesh moved onto the mean scan as a whole."""
        vertices = base.vertices[np.maximum(self._topology.source, 0)]
        inner = np.setdiff1d(np.arange(FACE_LANDMARKS), OVAL)
        ours = landmarks.on(vertices, self._topology.triangles)
        scale, rotation, shift = similarity(ours[inner], self._scans.landmarks[inner])
        return scale * vertices @ rotation.T + shift

    def _mouth_controls(self, start: Points) -> NDArray[np.int64]:
        """The inner lips' rim, exactly, and skin around the mouth, evenly thinned out."""
        inside = self._topology.vertices_of("inner_mouth")
        rim = np.unique(self._topology.weld[inside])
        rim = rim[rim < len(self._skin)]
        distance = np.linalg.norm(start[self._skin] - start[rim].mean(0), axis=1)
        around = np.setdiff1d(np.flatnonzero(distance < MOUTH_REACH), rim)
        return np.concatenate([rim, around[:: max(1, len(around) // MOUTH_CONTROLS)]])

    def make(self, scan_vertices: Points) -> tuple[Points, Points]:
        """(V, 3) mm our mesh on this scan, and (2, 3) mm its eyeballs' centres."""
        vertices = np.zeros((len(self._topology.source), 3))
        carried = self._carrier.carry(self._scans.skin(scan_vertices))
        skin = self._mean_skin + self._filler.fill(carried - self._mean_skin)
        centers, radii = fit_spheres(scan_vertices)
        side = (skin[self._socket, 0] > 0).astype(int)
        spoke = skin[self._socket] - centers[side]
        spoke /= np.linalg.norm(spoke, axis=1, keepdims=True)
        skin[self._socket] = centers[side] + spoke * (radii[side] + SOCKET_GAP)[:, None]
        vertices[self._skin] = skin
        moved = skin[self._controls] - self._controls_start
        vertices[self._inside] = self._inside_start + self._weights @ moved
        welded = self._topology.weld < len(self._skin)
        vertices[welded] = vertices[self._topology.weld[welded]]
        ball = eyeball.make_eyeball().points
        for (first, end), center, radius in zip(self._topology.eye_ranges, centers, radii, strict=True):
            vertices[first:end] = center + radius * ball
        return vertices, centers


def _face(topology: Topology, mean: Points, landmarks: LandmarkMap) -> NDArray[np.bool_]:
    """(V,) the skin within FACE_RADIUS of the tip of the nose."""
    tip = landmarks.on(mean, topology.triangles)[NOSE_TIP]
    skin = topology.chart == list(CHARTS).index("skin")
    return skin & (np.linalg.norm(mean - tip, axis=1) < FACE_RADIUS)


def _region_weights(topology: Topology, mean: Points, landmarks: LandmarkMap) -> Points:
    """(V,) how much each vertex counts in the statistics."""
    skin = topology.chart == list(CHARTS).index("skin")
    return np.where(_face(topology, mean, landmarks), FACE_WEIGHT, np.where(skin, OUTER_WEIGHT, INNER_WEIGHT))


def learn_identity(
    maker: HeadMaker,
    topology: Topology,
    scans: ScanModel,
    landmarks: LandmarkMap,
    components: int,
    heads: int,
    seed: int,
) -> Identity:
    """Sample heads, add their mirror images, take size and pose away, and find the principal components."""
    mean, centers = maker.make(scans.mean)
    mean, centers = (mean + _mirrored(mean, topology)) / 2, (centers + centers[::-1] * [-1, 1, 1]) / 2
    origin = centers.mean(0)
    mean, centers = mean - origin, centers - origin
    face = _face(topology, mean, landmarks)
    random = np.random.default_rng(seed)
    sampled, sampled_eyes = [], []
    for _ in tqdm(range(heads), desc="registering heads"):
        head, eye = maker.make(scans.shape(random.normal(size=len(scans.basis))))
        scale, rotation, shift = similarity(head[face], mean[face])
        head, eye = scale * head @ rotation.T + shift, scale * eye @ rotation.T + shift
        sampled += [head, _mirrored(head, topology)]
        sampled_eyes += [eye, eye[::-1] * [-1, 1, 1]]
    shapes, eyes = np.array(sampled), np.array(sampled_eyes)
    mean, centers = shapes.mean(0), eyes.mean(0)
    weights = np.sqrt(_region_weights(topology, mean, landmarks))
    centred = shapes - mean
    scores, singular, _ = np.linalg.svd((centred * weights[:, None]).reshape(len(shapes), -1), full_matrices=False)
    # Scores of unit variance: regressing the unweighted shapes on them folds the standard deviations in.
    scores = scores[:, :components] * np.sqrt(len(shapes))
    explained = np.cumsum(singular**2) / (singular**2).sum()
    origin = centers.mean(0)
    return Identity(
        mean=mean - origin,
        basis=np.tensordot(scores.T, centred, 1) / len(shapes),
        eye_centers=centers - origin,
        eye_center_basis=np.tensordot(scores.T, eyes - centers, 1) / len(shapes),
        explained=explained[:components],
    )


def held_out_distance(
    identity: Identity,
    maker: HeadMaker,
    topology: Topology,
    scans: ScanModel,
    landmarks: LandmarkMap,
    heads: int,
    seed: int,
) -> Points:
    """(heads,) mm: mean distance from our fitted skin within FACE_RADIUS to scans that were not learned from."""
    face = _face(topology, identity.mean, landmarks)
    weights = _region_weights(topology, identity.mean, landmarks)
    basis = identity.basis.reshape(len(identity.basis), -1).T
    weighted = basis * np.repeat(weights, 3)[:, None]
    solver = np.linalg.inv(weighted.T @ basis) @ weighted.T
    random = np.random.default_rng(seed)
    distances = []
    for _ in tqdm(range(heads), desc="measuring held-out heads"):
        scan_vertices = scans.shape(random.normal(size=len(scans.basis)))
        head, _ = maker.make(scan_vertices)
        scale, rotation, shift = similarity(head[face], identity.mean[face])
        aligned = scale * head @ rotation.T + shift
        coefficients = solver @ (aligned - identity.mean).ravel()
        ours = (identity.mean + np.tensordot(coefficients, identity.basis, 1) - shift) @ rotation / scale
        _, _, distance = scans.skin(scan_vertices).closest(ours[face])
        distances.append(distance.mean())
    return np.array(distances)


def _mirrored(vertices: Points, topology: Topology) -> Points:
    """(V, 3) the head in a mirror."""
    return vertices[topology.mirror] * [-1, 1, 1]
