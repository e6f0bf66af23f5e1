import numpy as np
from tiny_faces import Sheets, make_face

from realtime.render.mesh import boundary_loops, mesh_opacity, px_per_mm, wire_edges


def grid(size):
    """A square of size x size quads with 1 mm sides: (V, 3), (T, 3)."""
    side = size + 1
    ys, xs = np.mgrid[:side, :side]
    vertices = np.stack([xs.ravel(), -ys.ravel(), np.zeros(side * side)], axis=1).astype(np.float32)
    corner = (np.arange(size)[:, None] * side + np.arange(size)).ravel()
    quads = np.stack([corner, corner + side, corner + side + 1, corner + 1], axis=1)
    return vertices, quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int32)


class Grid:
    def __init__(self, size, hole=()):
        self.mean, self.triangles = grid(size)
        self.triangles = np.delete(self.triangles, [2 * q + k for q in hole for k in (0, 1)], axis=0)
        self.weld = np.arange(len(self.mean), dtype=np.int32)


def test_a_hole_is_a_border_of_its_own():
    loops = boundary_loops(Grid(5, hole=[12]).triangles)
    assert sorted(len(loop) for loop in loops) == [4, 20]


def test_welded_seams_are_no_border():
    model = Sheets([(0, 0, 1, 1, 0)], [(1, 1, 1)])
    assert boundary_loops(model.weld[model.triangles]) == []
    assert len(boundary_loops(model.triangles)) == 2
    assert (mesh_opacity(model) == 1).all()


def test_opacity_grows_inwards_and_ignores_the_hole():
    model = Grid(20, hole=[20 * 10 + 10])
    opacity = mesh_opacity(model, feather=5.0).reshape(21, 21)
    assert (opacity[0] == 0).all()
    assert (opacity[:, -1] == 0).all()
    assert (np.diff(opacity[:6, 10]) > 0).all()
    assert (opacity[5:-5, 5:-5] == 1).all()


def test_scale_is_pixels_per_millimetre_and_ignores_place():
    model = Sheets([(0, 0, 10, 20, 0)], [(1, 1, 1)])
    face = make_face(model, vertices=model.vertices * 3 + np.float32([100, 50, 0]))
    assert abs(px_per_mm(face) - 3) < 1e-4


def test_diagonals_of_quads_are_hidden_and_other_edges_are_not():
    _, triangles = grid(2)
    edges = wire_edges(triangles).reshape(-1, 3, 3)
    hidden = edges.min(axis=1)  # 1 where a component is 1 at all three corners
    assert (hidden.sum(axis=1) == 1).all()
    for triangle, flags in zip(triangles, hidden, strict=True):
        opposite = int(np.argmax(flags))
        a, b = (triangle[k] for k in range(3) if k != opposite)
        assert abs(int(b) - int(a)) == 4  # down one row and right one column of a 3 x 3 grid


def test_a_lone_triangle_keeps_all_edges():
    np.testing.assert_array_equal(wire_edges(np.int32([[0, 1, 2]])), np.eye(3, dtype=np.uint8))


def test_the_scalp_fades_upwards():
    model = Sheets([(0, -120, 10, 0, 0)], [(1, 1, 1)])  # px down are mm up: from the eyes to above the crown
    opacity = mesh_opacity(model)
    np.testing.assert_array_equal(opacity[:4], [0, 0, 1, 1])
