"""The face model's mesh: sizes, orientation, symmetry, seams, parts."""

from __future__ import annotations

import numpy as np
from model_parts import CHIN, LIP_LEFT, NOSE_TIP, skin_triangles

from engines.face_model.model import LEFT, RIGHT


def test_sizes(model):
    assert 3000 < len(model.mean) < 5000
    assert len(model.identity_basis) == 80
    assert len(model.albedo_basis) == 40
    assert model.expression_basis.shape == (52, len(model.mean), 3)


def test_arrays_are_single_precision(model):
    for name in ("mean", "identity_basis", "expression_basis", "albedo_mean", "albedo_basis", "uv"):
        assert getattr(model, name).dtype == np.float32


def test_every_vertex_is_used(model):
    assert len(np.unique(model.triangles)) == len(model.mean)


def test_no_degenerate_triangles(model):
    a, b, c = model.mean[model.triangles].swapaxes(0, 1)
    assert (np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-6).mean() > 0.999


def test_sides_have_at_most_two_triangles_in_opposite_directions(model):
    welded = model.weld[model.triangles]
    sides = np.concatenate([welded[:, [0, 1]], welded[:, [1, 2]], welded[:, [2, 0]]])
    assert np.unique(sides, axis=0, return_counts=True)[1].max() == 1


def test_eyeball_triangles_point_outward(model):
    for eye, (first, end) in enumerate(model.eye_ranges):
        own = model.triangles[(model.triangles >= first).all(1) & (model.triangles < end).all(1)]
        a, b, c = model.mean[own].swapaxes(0, 1)
        assert (np.cross(b - a, c - a) * (a - model.eye_centers[eye])).sum(1).min() > 0


def test_face_triangles_point_outward(model):
    normals = model.normals(model.mean)
    corners = model.triangles[model.landmark_triangle]
    # Forehead, cheeks, nose tip and chin look out of the face.
    for landmark in (10, 151, 50, 280, NOSE_TIP, 199):
        assert normals[corners[landmark]].mean(0)[2] > 0.3
    left, right = normals[corners[454]].mean(0), normals[corners[234]].mean(0)
    assert left[0] > 0.5
    assert right[0] < -0.5


def test_frame_of_reference(model):
    points = model.landmarks(model.mean)
    np.testing.assert_allclose(model.eye_centers.mean(0), 0, atol=1e-3)
    assert model.eye_centers[RIGHT, 0] < 0 < model.eye_centers[LEFT, 0]
    assert points[NOSE_TIP, 2] > points[CHIN, 2] > -20
    assert points[CHIN, 1] < points[NOSE_TIP, 1] < 0


def test_golden_positions(model):
    """Millimetres of the shipped mean face; a rebuilt model may move them by tenths."""
    points = model.landmarks(model.mean)
    np.testing.assert_allclose(points[NOSE_TIP], [0.05, -39.09, 50.51], atol=0.5)
    np.testing.assert_allclose(points[CHIN], [0.05, -112.50, 23.14], atol=0.5)
    np.testing.assert_allclose(points[LIP_LEFT], [24.22, -70.86, 23.10], atol=0.5)
    np.testing.assert_allclose(points[468], [-30.76, 0.03, 16.20], atol=0.5)


def test_mirror_is_an_involution(model):
    np.testing.assert_array_equal(model.mirror[model.mirror], np.arange(len(model.mean)))


def test_mean_is_symmetric(model):
    np.testing.assert_allclose(model.mean[model.mirror] * [-1, 1, 1], model.mean, atol=0.1)
    np.testing.assert_allclose(model.albedo_mean[model.mirror], model.albedo_mean, atol=0.01)


def test_mirrored_triangles_are_triangles(model):
    def keys(triangles):
        return {tuple(sorted(t)) for t in triangles.tolist()}

    assert keys(model.mirror[skin_triangles(model)]) == keys(skin_triangles(model))


def test_mirror_swaps_the_eyes(model):
    first, end = model.eye_ranges[RIGHT]
    np.testing.assert_array_equal(np.sort(model.mirror[first:end]), np.arange(*model.eye_ranges[LEFT]))


def test_weld_points_to_the_first_vertex_at_the_same_place(model):
    np.testing.assert_array_equal(model.weld[model.weld], model.weld)
    assert (model.weld <= np.arange(len(model.weld))).all()
    np.testing.assert_array_equal(model.mean[model.weld], model.mean)
    assert (model.weld != np.arange(len(model.weld))).sum() > 30


def test_seams_stay_closed_under_every_coefficient(model):
    random = np.random.default_rng(0)
    moved = model.vertices(random.normal(size=80), random.uniform(size=52))
    np.testing.assert_allclose(moved[model.weld], moved, atol=1e-3)


def test_parts(model):
    assert model.parts.max() < len(model.mesh_part_names)
    counts = np.bincount(model.parts, minlength=len(model.mesh_part_names))
    assert (counts > 0).all()
    height = {name: model.mean[model.parts == i, 1].mean() for i, name in enumerate(model.mesh_part_names)}
    assert height["scalp"] > height["left_brow"] > height["eyelids"] > height["nose"]
    assert height["nose"] > height["upper_lip"] > height["lower_lip"]
    assert model.mean[model.parts == model.mesh_part_names.index("neck"), 1].min() == model.mean[:, 1].min()
    side = {name: model.mean[model.parts == i, 0].mean() for i, name in enumerate(model.mesh_part_names)}
    assert side["left_brow"] > 10 > -10 > side["right_brow"]
