"""The hand that can be posed."""

import numpy as np
import pytest

pytest.importorskip("scipy")
pytest.importorskip("numba")

from engines.face_model.hand import FINGERS, Hand, albedo, pose, smooth_surface, subdivide
from engines.face_model.render_hand import render

CUBE = np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)])
CUBE_QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
REST = np.zeros((FINGERS, 3)), np.zeros(FINGERS)


@pytest.fixture(scope="module")
def hand():
    return Hand.load()


def tips(hand):
    """(5, 3) mm."""
    return np.array([hand.bones[f"finger{finger}-3.L"][1] for finger in range(1, FINGERS + 1)])


def test_subdivide_a_cube():
    vertices, quads = subdivide(CUBE, CUBE_QUADS)
    assert len(vertices) == 26
    assert len(quads) == 24
    np.testing.assert_allclose(np.abs(vertices[:8]), 5 / 9)  # Catmull and Clark's rule for corners of three faces
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    before = np.concatenate([CUBE_QUADS[:, [0, 1, 2]], CUBE_QUADS[:, [0, 2, 3]]])

    def volume(v, t):
        return np.linalg.det(v[t]).sum() / 6

    assert 0 < volume(vertices, triangles) / volume(CUBE, before) < 1


def test_the_mesh_is_a_hand(hand):
    assert hand.weights.shape == (len(hand.vertices), len(hand.bones))
    np.testing.assert_allclose(hand.weights.sum(1), 1)
    assert hand.quads.max() == len(hand.vertices) - 1
    length = np.linalg.norm(tips(hand)[2] - hand.bones["wrist.L"][0])
    assert 150 < length < 220
    across, up, out = hand.axes
    np.testing.assert_allclose(hand.axes @ hand.axes.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(np.cross(across, up), out, atol=1e-6)
    assert ((tips(hand) - hand.bones["wrist.L"][0]) @ up)[1:].min() > 0.6 * length


def test_saved_and_loaded_it_is_the_same(hand, tmp_path):
    hand.save(tmp_path / "hand.npz")
    again = Hand.load(tmp_path / "hand.npz")
    np.testing.assert_array_equal(again.vertices, hand.vertices)
    np.testing.assert_array_equal(again.quads, hand.quads)
    np.testing.assert_allclose(again.weights, hand.weights, atol=1e-3)
    assert list(again.bones) == list(hand.bones)


def test_at_rest_nothing_moves(hand):
    np.testing.assert_allclose(pose(hand, *REST).vertices, hand.vertices, atol=1e-4)


def test_fingers_bend_towards_the_palm_and_the_arm_stays(hand):
    bend = np.zeros((FINGERS, 3))
    bend[1:, 0] = 60  # at the knuckles
    bent = pose(hand, bend, REST[1])
    inward = (tips(bent) - tips(hand)) @ hand.axes[2]
    assert (inward[1:] < -30).all()
    assert inward[0] == pytest.approx(0, abs=1e-6)
    arm = list(hand.bones).index("lowerarm01.L")
    still = hand.weights[:, arm] == 1
    assert still.any()
    np.testing.assert_allclose(bent.vertices[still], hand.vertices[still], atol=1e-4)


def test_bones_move_with_their_skin(hand):
    posed = pose(hand, np.full((FINGERS, 3), 40.0), np.full(FINGERS, 5.0))
    for before, after in zip(tips(hand), tips(posed), strict=True):
        nearest = np.linalg.norm(hand.vertices - before, axis=1).argmin()
        gap = np.linalg.norm(hand.vertices[nearest] - before)
        assert np.linalg.norm(posed.vertices[nearest] - after) == pytest.approx(gap, abs=1.0)


def test_fingers_lean_towards_the_little_one(hand):
    for finger in range(1, FINGERS):
        lean = np.zeros(FINGERS)
        lean[finger] = 10
        moved = tips(pose(hand, REST[0], lean)) - tips(hand)
        assert moved[finger] @ hand.axes[0] < -8
        np.testing.assert_allclose(np.delete(moved, finger, 0), 0, atol=1e-6)


def test_leaning_apart_opens_the_fan(hand):
    fan = pose(hand, REST[0], np.array([0.0, -12, 0, 6, 12]))
    width = np.linalg.norm(tips(hand)[1] - tips(hand)[4])
    assert np.linalg.norm(tips(fan)[1] - tips(fan)[4]) > 1.2 * width


def test_polish_is_on_the_nails_alone(hand):
    surface = smooth_surface(hand, 1)
    plain, painted = albedo(hand, *surface), albedo(hand, *surface, polish=np.array([0.0, 0.0, 1.0]))
    changed = np.abs(plain - painted).max(1) > 0.05
    assert 0.002 < changed.mean() < 0.1
    nearest = np.linalg.norm(surface[0][changed][:, None] - tips(hand)[None, 1:], axis=2).min(1)
    assert nearest.max() < 25
    assert (surface[2][changed] @ hand.axes[2] > 0).mean() > 0.95  # on the back


def test_the_demos_hand_is_what_the_mesh_gives(hand):
    import cv2

    from engines.face_model.render_hand import OUT

    shipped, drawn = cv2.imread(str(OUT), cv2.IMREAD_UNCHANGED), render(hand)[..., [2, 1, 0, 3]]
    opaque = shipped[..., 3] > 0
    assert np.abs(shipped.astype(int) - drawn)[opaque].mean() < 0.5
