"""The face model's albedo and normals."""

from __future__ import annotations

import numpy as np
from model_parts import skin_triangles

from engines.face_model.model import LEFT
from engines.face_model.teeth import rows


def test_albedo_is_what_a_surface_can_reflect(model):
    extreme = model.albedo(np.full(40, 4.0))
    assert extreme.min() >= 0
    assert extreme.max() <= 1


def test_mean_albedo_is_skin(model):
    red, green, blue = model.albedo(np.zeros(40))[np.unique(skin_triangles(model))].mean(0)
    assert 0.25 < red < 0.6
    assert red > green > blue > 0.05


def test_albedo_of_features(model):
    def tone(name):
        return model.albedo_mean[model.parts == model.mesh_part_names.index(name)].mean()

    assert tone("left_brow") < 0.75 * tone("skin")
    assert tone("teeth") > tone("inner_mouth")
    first, _ = model.eye_ranges[LEFT]
    assert model.albedo_mean[first].max() < 0.02  # the pupil


def test_first_albedo_component_is_tone(model):
    skin = np.unique(skin_triangles(model))
    assert (np.sign(model.albedo_basis[0][skin].mean(1)) == 1).mean() > 0.9


def test_inside_of_the_mouth_has_no_albedo_components(model):
    inside = np.isin(model.parts, [model.mesh_part_names.index(n) for n in ("teeth", "tongue", "left_eye")])
    assert np.abs(model.albedo_basis[:, inside]).max() == 0


def test_normals_are_unit_and_shared_at_seams(model):
    normals = model.normals(model.mean)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    np.testing.assert_array_equal(normals[model.weld], normals)


def test_normals_against_plain_sums(model):
    vertices = model.vertices(np.random.default_rng(7).normal(size=80), np.zeros(52)).astype(np.float64)
    a, b, c = vertices[model.triangles].swapaxes(0, 1)
    expected = np.zeros_like(vertices)
    for corner in model.weld[model.triangles].T:
        np.add.at(expected, corner, np.cross(b - a, c - a))
    expected = expected[model.weld] / np.linalg.norm(expected[model.weld], axis=1, keepdims=True)
    smooth = model.parts != model.mesh_part_names.index("teeth")  # their biting edges are sharp
    np.testing.assert_allclose(model.normals(vertices.astype(np.float32))[smooth], expected[smooth], atol=2e-3)


def test_the_edges_of_front_teeth_face_forward(model):
    teeth = model.parts == model.mesh_part_names.index("teeth")
    edges = teeth & (np.abs(model.mean[:, 0]) < 10) & (model.mean[:, 1] > -73) & (model.mean[:, 1] < -70)
    assert np.count_nonzero(edges) >= 6  # of both rows
    assert model.normals(model.mean)[edges, 2].min() > 0.8


def test_upper_front_teeth_reach_below_the_lips_and_stand_before_the_lower(model):
    teeth = model.parts == model.mesh_part_names.index("teeth")
    middle = np.abs(model.mean[:, 0]) < 3
    low, high = (model.mean[row[middle[row]]] for row in rows(model.mean, model.triangles, teeth))
    upper, lower = high[high[:, 1].argmin()], low[low[:, 1].argmax()]  # the biting edges
    lip = middle & (model.parts == model.mesh_part_names.index("lower_lip"))
    assert 2 < model.mean[lip, 1].max() - upper[1] < 4  # below where the closed lips meet
    assert upper[1] < lower[1]
    assert upper[2] > lower[2] + 1


def test_normals_turn_with_the_head(model):
    turn = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], np.float32)
    np.testing.assert_allclose(model.normals(model.mean @ turn.T), model.normals(model.mean) @ turn.T, atol=1e-3)
