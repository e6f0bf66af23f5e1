"""Which of MakeHuman's quads make the face, cut into charts, with eyeballs of our own (build time only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from engines.face_model import eyeball
from engines.face_model.makehuman import BaseMesh
from engines.face_model.unwrap import boundary_loops, directed_edges, unwrap

BACK = 53.0  # mm, base mesh: what lies behind is left out, but for the ears
EYELID_RINGS = 2  # rings of the eye socket kept, so that the lids have a thickness
# Where each chart lies in the picture: centre and radius of its circle. The skin fills it, the rest sits in corners.
CHARTS = {
    "skin": (0.5, 0.5, 0.496),
    "inner_mouth": (0.082, 0.082, 0.078),
    "upper_teeth": (0.954, 0.118, 0.03),
    "lower_teeth": (0.882, 0.046, 0.03),
    "tongue_top": (0.954, 0.046, 0.03),
    "tongue_bottom": (0.882, 0.118, 0.03),
    "right_eye": (0.082, 0.918, 0.078),
    "left_eye": (0.918, 0.918, 0.078),
}
EYES = ("right_eye", "left_eye")


@dataclass(frozen=True)
class Topology:
    """The face mesh without positions. V vertices; those at a seam occur once per chart."""

    source: NDArray[np.int64]  # (V,) MakeHuman's vertex, -1 for the eyeballs
    triangles: NDArray[np.int64]  # (T, 3) counter-clockwise from outside
    chart: NDArray[np.int64]  # (V,) index into CHARTS
    weld: NDArray[np.int64]  # (V,) the first vertex at the same place
    mirror: NDArray[np.int64]  # (V,) the vertex on the other side, in the mirrored chart
    eye_ranges: NDArray[np.int64]  # (2, 2) first vertex and one past the last: right eye, left eye

    def vertices_of(self, chart: str) -> NDArray[np.int64]:
        """The indices of one chart's vertices."""
        return np.flatnonzero(self.chart == list(CHARTS).index(chart))

    def triangles_of(self, chart: str) -> NDArray[np.int64]:
        """(T, 3) one chart's triangles."""
        return self.triangles[self.chart[self.triangles[:, 0]] == list(CHARTS).index(chart)]


def make_topology(base: BaseMesh, ears: NDArray[np.bool_]) -> Topology:
    """Choose the quads, split them symmetrically, and append an eyeball for each side.

    `ears` (B,) marks the base mesh's vertices on the ears.
    """
    charts = _chart_quads(base, ears | ears[base.mirror])
    sources, triangles, chart, mirror = [], [], [], []
    count = 0
    for index, quads in enumerate(charts.values()):
        used = np.unique(quads)
        position = np.full(len(base.vertices), -1)
        position[used] = count + np.arange(len(used))
        triangles.append(position[_symmetric_triangles(base, quads)])
        mirror.append(position[base.mirror[used]])
        sources.append(used)
        chart.append(np.full(len(used), index))
        count += len(used)
    ball = eyeball.make_eyeball()
    size = len(ball.points)
    for side in range(2):
        start, other = count + side * size, count + (1 - side) * size
        triangles.append(start + ball.triangles)
        mirror.append(other + eyeball.mirror_index())
        sources.append(np.full(size, -1))
        chart.append(np.full(size, list(CHARTS).index(EYES[side])))
    source = np.concatenate(sources)
    return Topology(
        source=source,
        triangles=np.concatenate(triangles),
        chart=np.concatenate(chart),
        weld=_weld(source),
        mirror=np.concatenate(mirror),
        eye_ranges=count + np.array([[0, size], [size, 2 * size]]),
    )


def make_uv(topology: Topology, vertices: NDArray[np.float64], importance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(V, 2) in 0..1, v up, the person's left at larger u. `vertices` (V, 3) must be symmetric."""
    uv = np.zeros((len(vertices), 2))
    for chart, (u, v, radius) in CHARTS.items():
        indices = topology.vertices_of(chart)
        if chart in EYES:
            flat = eyeball.make_eyeball().flat
        else:
            position = np.full(len(vertices), -1)
            position[indices] = np.arange(len(indices))
            triangles = position[topology.triangles_of(chart)]
            mirror = position[topology.mirror[indices]]
            outer = np.array(boundary_loops(triangles)[0])
            middle = outer[mirror[outer] == outer]
            start = int(middle[vertices[indices][middle, 1:].sum(1).argmax()])
            flat = unwrap(vertices[indices], triangles, start, importance[indices])
            flat = (flat + flat[mirror] * [-1, 1]) / 2  # takes the solver's rounding away
        uv[indices] = [u, v] + radius * flat
    return uv


def _chart_quads(base: BaseMesh, ears: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
    """The quads of every chart but the eyes, as indices into the base mesh."""
    body = base.groups == "body"
    front = (base.vertices[base.quads][:, :, 2].min(1) > BACK) | ears[base.quads].any(1)
    skin = base.quads[body & (base.body_part == "head") & front]
    sockets = base.quads[body & np.isin(base.body_part, ["eye_cavity.L", "eye_cavity.R"])]
    for _ in range(EYELID_RINGS):
        touching = np.isin(sockets, skin).any(1)
        skin, sockets = np.concatenate([skin, sockets[touching]]), sockets[~touching]
    tongue = base.quads[base.groups == "helper-tongue"]
    a, b, c, d = base.vertices[tongue].swapaxes(0, 1)
    upward = np.cross(c - a, d - b)[:, 1] > 0
    return {
        "skin": _largest_piece(skin),
        "inner_mouth": base.quads[body & (base.body_part == "mouth_cavity")],
        "upper_teeth": base.quads[base.groups == "helper-upper-teeth"],
        "lower_teeth": base.quads[base.groups == "helper-lower-teeth"],
        "tongue_top": _largest_piece(tongue[upward]),
        "tongue_bottom": _largest_piece(tongue[~upward]),
    }


def _largest_piece(quads: NDArray[np.int64]) -> NDArray[np.int64]:
    """The quads of the largest piece that hangs together."""
    edges = directed_edges(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))
    size = quads.max() + 1
    _, piece = connected_components(coo_matrix((np.ones(len(edges)), edges.T), (size, size)), directed=False)
    label = piece[quads[:, 0]]
    return quads[label == np.bincount(label).argmax()]


def _symmetric_triangles(base: BaseMesh, quads: NDArray[np.int64]) -> NDArray[np.int64]:
    """Split every quad along its shorter diagonal; a quad and its mirror image are split alike."""
    a, b, c, d = base.vertices[quads].swapaxes(0, 1)
    first = np.linalg.norm(c - a, axis=1) - np.linalg.norm(d - b, axis=1)
    other = {tuple(sorted(quad)): row for row, quad in enumerate(quads.tolist())}
    short = {}
    for row, quad in enumerate(quads.tolist()):
        twin = other[tuple(sorted(base.mirror[quad].tolist()))]
        # The twin decides by the mirror image of the same diagonal, so that a tie cannot split the pair apart.
        lead = min(row, twin)
        diagonal = {quads[lead, 0], quads[lead, 2]} if first[lead] <= 0 else {quads[lead, 1], quads[lead, 3]}
        short[row] = diagonal if lead == row else set(base.mirror[list(diagonal)])
    triangles = []
    for row, (i, j, k, m) in enumerate(quads.tolist()):
        triangles += [[i, j, k], [i, k, m]] if i in short[row] else [[i, j, m], [j, k, m]]
    return np.array(triangles)


def _weld(source: NDArray[np.int64]) -> NDArray[np.int64]:
    """(V,) the first vertex with the same source; eyeball vertices are all their own."""
    first: dict[int, int] = {}
    return np.array([i if s < 0 else first.setdefault(s, i) for i, s in enumerate(source.tolist())])
