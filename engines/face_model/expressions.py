"""MakeHuman's 52 ARKit expressions (CC0), fitted to the learned mean face (build time only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, diags, identity

from engines.face_model.closing import Rims, close, split_loop, upper_side
from engines.face_model.makehuman import BaseMesh
from engines.face_model.surface import Surface
from engines.face_model.topology import EYES, Topology
from engines.face_model.unwrap import directed_edges

Points = NDArray[np.float64]
SMOOTHING = 6  # rounds of averaging the local stretch over neighbours
RIDGE = 0.15  # pull of the local stretch towards the overall scale
LID_REACH = 5.0  # mm around the lid's edge that closing moves
LID_GAP = 1.3  # mm between a closed lid and the eyeball, cornea included


def carry_expressions(
    topology: Topology, base: BaseMesh, mean: Points, eye_centers: Points, targets: dict[str, Points]
) -> tuple[tuple[str, ...], Points]:
    """Names in alphabetical order and (52, V, 3) mm offsets on `mean`, mirrored pairs exactly alike.

    Args:
        topology: the mesh.
        base: the mesh that the targets belong to.
        mean: (V, 3) mm the learned mean.
        eye_centers: (2, 3) mm on the mean.
        targets: name -> (B, 3) mm offsets of the base mesh's vertices.
    """
    stretch = _local_stretch(topology, base.vertices[np.maximum(topology.source, 0)], mean)
    moving = topology.source >= 0
    names = tuple(sorted(targets))
    offsets = np.zeros((len(names), len(mean), 3))
    for row, name in enumerate(names):
        offsets[row, moving] = np.einsum("nij,nj->ni", stretch[moving], targets[name][topology.source[moving]])
    twin = [names.index(_other_side(name)) for name in names]
    offsets = (offsets + offsets[twin][:, topology.mirror] * [-1, 1, 1]) / 2
    for eye, side in enumerate(("Right", "Left")):
        blink = offsets[names.index(f"eyeBlink{side}")]
        blink += _closed_lids(topology, base, mean, mean + blink, eye, eye_centers[eye]) - (mean + blink)
    return names, offsets


def _other_side(name: str) -> str:
    """The expression's name on the other side of the face."""
    swap = {"Left": "Right", "Right": "Left"}
    return next((name.removesuffix(side) + other for side, other in swap.items() if name.endswith(side)), name)


def _closed_lids(topology: Topology, base: BaseMesh, mean: Points, posed: Points, eye: int, center: Points) -> Points:
    """(V, 3) mm `posed` with one eye's lids meeting, outside the eyeball."""
    loop = lid_loop(topology, base, eye)
    upper, lower = split_loop(mean[loop])
    rims, posed_rims = (Rims(v[loop][upper], v[loop][lower]) for v in (mean, posed))
    above = upper_side(mean, topology.weld[topology.triangles], loop[upper], loop[lower])[topology.weld]
    closed = posed + close(mean, posed, rims, posed_rims, above, share=1.0, reach=LID_REACH)
    ball = topology.vertices_of(EYES[eye])
    floor = np.linalg.norm(mean[ball] - center, axis=1).max() + LID_GAP
    moved = (np.linalg.norm(posed - mean, axis=1) > 0.2) & (topology.source >= 0)
    spoke = closed - center
    distance = np.linalg.norm(spoke, axis=1)
    # Only what slid in front of the ball is pushed out; the socket's own rings stay behind the lid.
    front = moved & (spoke[:, 2] > 0.5 * distance)
    socket = np.isin(topology.source, base.quads[base.body_part == "head"], invert=True)
    limit = np.where(socket, floor - 0.6, floor)
    closed[front] = center + spoke[front] * (np.maximum(distance, limit) / distance)[front, None]
    return closed


def lid_loop(topology: Topology, base: BaseMesh, eye: int) -> NDArray[np.int64]:
    """The vertices, in order, where the skin of one eye's lids turns inward into the socket."""
    return shared_loop(topology, base, ("eye_cavity.R", "eye_cavity.L")[eye])


def shared_loop(topology: Topology, base: BaseMesh, cavity: str) -> NDArray[np.int64]:
    """Our vertices, in order, along which the skin borders one of the head's cavities."""
    body = base.groups == "body"
    inner, skin = (base.quads[body & (base.body_part == part)] for part in (cavity, "head"))
    sides = {(int(a), int(b)) for quad in skin for a, b in zip(quad, np.roll(quad, -1), strict=True)}
    # A side that two quads share runs in opposite directions in them.
    borders = [(int(a), int(b)) for quad in inner for a, b in zip(np.roll(quad, -1), quad, strict=True)]
    following = dict(side for side in borders if side in sides)
    vertex = next(iter(following))
    loop = []
    while vertex in following:
        loop.append(vertex)
        vertex = following.pop(vertex)
    position = {int(s): i for i, s in enumerate(topology.source) if s >= 0 and topology.weld[i] == i}
    return np.array([position[v] for v in loop])


def _local_stretch(topology: Topology, source: Points, mean: Points) -> Points:
    """(V, 3, 3) the linear map around every vertex that takes the base mesh's surroundings to the mean's."""
    welded = topology.weld[topology.triangles]
    count = len(mean)
    edges = np.unique(np.sort(directed_edges(welded), axis=1), axis=0)
    start, end = np.concatenate([edges, edges[:, ::-1]]).T
    a, b = source[end] - source[start], mean[end] - mean[start]
    scale = np.sqrt(np.median((b**2).sum(1)) / np.median((a**2).sum(1)))
    reach = np.bincount(start, np.linalg.norm(a, axis=1), count) / np.maximum(np.bincount(start, minlength=count), 1)
    moments, cross = np.zeros((2, count, 3, 3))
    np.add.at(moments, start, a[:, :, None] * a[:, None, :])
    np.add.at(cross, start, b[:, :, None] * a[:, None, :])
    # A normal of the edges' typical length stands for the direction that the edges do not span.
    before, after = (Surface(v, welded).vertex_normals * reach[:, None] for v in (source, mean))
    moments += 2 * before[:, :, None] * before[:, None, :]
    cross += 2 * scale * after[:, :, None] * before[:, None, :]
    ridge = RIDGE * (reach**2 + 1e-6)[:, None, None] * np.eye(3)
    stretch = ((cross + scale * ridge) @ np.linalg.inv(moments + ridge)).reshape(count, 9)
    neighbours = coo_matrix((np.ones(len(start)), (start, end)), (count, count)).tocsr() + identity(count)
    average = diags(1 / np.asarray(neighbours.sum(1)).ravel()) @ neighbours
    for _ in range(SMOOTHING):
        stretch = average @ stretch
    return stretch.reshape(count, 3, 3)[topology.weld]
