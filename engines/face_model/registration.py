"""Pulls MakeHuman's head onto the scan-based mean, and carries it along to every other head (build time only).

All heads of the scan-based model share one mesh, so the careful non-rigid registration is needed once, against its
mean. After it every vertex of ours is tied to a triangle of theirs and moves with that triangle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, coo_matrix, csr_matrix, diags, identity, kron
from scipy.sparse.linalg import splu, spsolve
from tqdm import tqdm

from engines.face_model.surface import Surface
from engines.face_model.unwrap import directed_edges

Points = NDArray[np.float64]
STIFFNESS = np.geomspace(30.0, 0.05, 30)  # how much bending costs, from almost rigid to supple
REACH = np.geomspace(25.0, 2.5, 30)  # mm beyond which a closest point is not believed
MIN_COSINE = 0.6  # between our normal and theirs
LANDMARK_WEIGHT = 0.4
TANGENT_WEIGHT = 0.02  # of a closest point's pull along the surface, where it may slide
SCAN_EDGE = 1e-6


@dataclass(frozen=True)
class Anchors:
    """Landmarks that pull: a barycentric point of our mesh, where it should go, and how well that is known."""

    triangle: NDArray[np.int64]  # (L,)
    barycentric: Points  # (L, 3)
    target: Points  # (L, 3) mm
    sigma: Points  # (L,) mm


def similarity(source: Points, target: Points) -> tuple[float, Points, Points]:
    """Scale, rotation (3, 3) and shift (3,) that take `source` (N, 3) nearest to `target`: s R x + t (Umeyama)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, singular, vt = np.linalg.svd(b.T @ a)
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ sign @ vt
    scale = float((singular * np.diag(sign)).sum() / (a**2).sum())
    return scale, rotation, target.mean(0) - scale * rotation @ source.mean(0)


def laplacian(triangles: NDArray[np.int64], count: int) -> csr_matrix:
    """(count, count) every vertex minus the mean of its neighbours."""
    edges = directed_edges(triangles)
    both = np.concatenate([edges, edges[:, ::-1]])
    adjacency = (coo_matrix((np.ones(len(both)), both.T), (count, count)).tocsr() > 0).astype(float)
    degree = np.maximum(np.asarray(adjacency.sum(1)).ravel(), 1)
    return (identity(count) - diags(1 / degree) @ adjacency).tocsr()


def register(start: Points, triangles: NDArray[np.int64], scan: Surface, anchors: Anchors, pulled: Points) -> Points:
    """Deform our skin onto the scan.

    Args:
        start: (N, 3) mm our skin, already near the scan.
        triangles: (T, 3) of our skin.
        scan: the surface to lie on.
        anchors: landmarks.
        pulled: (N,) 0..1 how much a vertex is drawn to its closest point; 0 where the scan has no such surface.

    Returns:
        (N, 3) mm.
    """
    count = len(start)
    bending = laplacian(triangles, count)
    stiff = kron(bending.T @ bending, identity(3), format="csr")
    rows = np.repeat(np.arange(len(anchors.triangle)), 3)
    pick = csr_matrix(
        (anchors.barycentric.ravel(), (rows, triangles[anchors.triangle].ravel())), (len(anchors.triangle), count)
    )
    weight = LANDMARK_WEIGHT / anchors.sigma**2
    landmark_matrix = kron(pick.T @ diags(weight) @ pick, identity(3), format="csr")
    rim = _rim_triangles(scan.triangles)
    current = start.copy()
    for stiffness, reach in tqdm(list(zip(STIFFNESS, REACH, strict=True)), desc="registering the mean"):
        normals = Surface(current, triangles).vertex_normals
        triangle, barycentric, distance = scan.closest(current, normals, MIN_COSINE)
        believed = pulled * ((triangle >= 0) & (distance < reach) & ~rim[triangle])
        target = np.where(believed[:, None] > 0, scan.at(np.maximum(triangle, 0), barycentric), current)
        direction = scan.triangle_normals[np.maximum(triangle, 0)]
        blocks = believed[:, None, None] * (direction[:, :, None] * direction[:, None, :] + TANGENT_WEIGHT * np.eye(3))
        data = block_diag(blocks, format="csr")
        right = (blocks @ (target - start)[:, :, None]).ravel()
        right += (pick.T @ (weight[:, None] * (anchors.target - pick @ start))).ravel()
        system = data + landmark_matrix + stiffness * stiff + SCAN_EDGE * identity(3 * count)
        current = start + spsolve(system.tocsc(), right).reshape(count, 3)
    return current


def _rim_triangles(triangles: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(T,) whether a triangle touches the open edge of the mesh, where closest points pile up."""
    edges = directed_edges(triangles)
    size = triangles.max() + 1
    key = edges[:, 0] * size + edges[:, 1]
    back = edges[:, 1] * size + edges[:, 0]
    rim = np.unique(edges[~np.isin(key, back)])
    return np.isin(triangles, rim).any(1)


@dataclass(frozen=True)
class Carrier:
    """Ties our vertices to the scan mesh and moves them with it."""

    triangle: NDArray[np.int64]  # (N,) of the scan mesh, for tied vertices
    barycentric: Points  # (N, 3)
    offset: Points  # (N, 3) mm in the triangle's own frame
    tied: NDArray[np.bool_]  # (N,)

    @classmethod
    def tie(cls, vertices: Points, normals: Points, scan: Surface, tied: NDArray[np.bool_]) -> Carrier:
        """Remember where `vertices` (N, 3) lie relative to the scan's triangles."""
        triangle, barycentric, _ = scan.closest(vertices, normals, 0.3)
        tied = tied & (triangle >= 0)
        triangle = np.maximum(triangle, 0)
        gap = vertices - scan.at(triangle, barycentric)
        offset = np.einsum("nij,ni->nj", _frames(scan, triangle), gap)
        return cls(triangle, barycentric, offset, tied)

    def carry(self, scan: Surface) -> Points:
        """(N, 3) where the tied vertices lie on another head; meaningless for the others."""
        frames = _frames(scan, self.triangle)
        return scan.at(self.triangle, self.barycentric) + np.einsum("nij,nj->ni", frames, self.offset)


def _frames(scan: Surface, triangle: NDArray[np.int64]) -> Points:
    """(N, 3, 3) an orthonormal frame per triangle, its axes in columns, the normal last."""
    a, b, _ = scan.vertices[scan.triangles[triangle]].swapaxes(0, 1)
    side = (b - a) / np.maximum(np.linalg.norm(b - a, axis=1, keepdims=True), 1e-12)
    normal = scan.triangle_normals[triangle]
    return np.stack([side, np.cross(normal, side), normal], 2)


class Filler:
    """Extends displacements known at some vertices smoothly to the others: least bending, linear in what is known."""

    def __init__(self, triangles: NDArray[np.int64], known: NDArray[np.bool_]) -> None:
        bending = laplacian(triangles, len(known))
        energy = (bending.T @ bending).tocsr()
        self._known = known
        self._solver = splu((energy[~known][:, ~known] + 1e-9 * identity(int((~known).sum()))).tocsc())
        self._coupling = energy[~known][:, known]

    def fill(self, displacement: Points) -> Points:
        """(N, 3) the same where known, filled in elsewhere."""
        filled = displacement.copy()
        filled[~self._known] = self._solver.solve(-(self._coupling @ displacement[self._known]))
        return filled


def radial_weights(controls: Points, points: Points) -> Points:
    """(P, C) weights that carry displacements at `controls` (C, 3) to `points` (P, 3): |r| splines plus affine."""

    def kernel(a: Points, b: Points) -> Points:
        return np.linalg.norm(a[:, None] - b[None], axis=2)

    def affine(a: Points) -> Points:
        return np.concatenate([np.ones((len(a), 1)), a], 1)

    count = len(controls)
    system = np.zeros((count + 4, count + 4))
    system[:count, :count] = kernel(controls, controls)
    system[:count, count:] = affine(controls)
    system[count:, :count] = affine(controls).T
    evaluation = np.concatenate([kernel(points, controls), affine(points)], 1)
    return np.linalg.solve(system.T, evaluation.T).T[:, :count]
