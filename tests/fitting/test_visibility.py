"""What of a head the camera sees, and where its eyes look."""

import heads
import numpy as np
import pytest

from realtime.camera import picture_vertices
from realtime.frames import Camera
from realtime.gaze import gaze_vectors
from realtime.visibility import facing, vertex_visibility


def see(pose, camera=heads.CAMERA):
    face = heads.model()
    vertices = picture_vertices(face.mean, pose, camera)
    normals = face.normals(face.mean) @ pose[:3, :3].T
    return vertex_visibility(vertices, face.triangles, normals.astype(np.float32), camera)


def part(name):
    face = heads.model()
    return face.parts == face.mesh_part_names.index(name)


def test_the_middle_of_a_frontal_face_is_seen():
    seen = see(heads.pose())
    assert seen.min() >= 0
    assert seen.max() <= 1
    assert seen[part("nose")].mean() > 0.7
    inner = part("skin") & (np.abs(heads.model().mean[:, 0]) < 40) & (heads.model().mean[:, 1] > -60)
    assert seen[inner].mean() > 0.9


@pytest.mark.parametrize(("yaw", "far_side"), [(50, -1), (-50, 1)])
def test_a_turned_head_hides_its_far_side(yaw, far_side):
    """A positive yaw turns the nose to the picture's left: cheek and ear of the person's right go out of sight."""
    seen = see(heads.pose(yaw))
    x = heads.model().mean[:, 0] * far_side
    ears = part("ears")
    assert seen[ears & (x > 0)].mean() < 0.05
    assert seen[ears & (x < 0)].mean() > 0.3
    cheeks = part("skin") & (heads.model().mean[:, 1] < -10)
    assert seen[cheeks & (x < -30)].mean() > 2 * seen[cheeks & (x > 30)].mean()


def test_the_nose_hides_what_lies_behind_it():
    """At 55 degrees the far inner corner of the eye faces the camera still, but the nose's bridge is in between."""
    face = heads.model()
    pose = heads.pose(55)
    normals = (face.normals(face.mean) @ pose[:3, :3].T).astype(np.float32)
    vertices = picture_vertices(face.mean, pose, heads.CAMERA)
    towards = facing(vertices, normals, heads.CAMERA)
    far = (face.mean[:, 0] < -15) & (np.abs(face.mean[:, 1]) < 25) & (towards > 0.35)
    seen = see(pose)
    assert far.sum() > 10
    assert (seen[far] < 0.5).any()


def test_two_sheets_the_nearer_hides_the_farther():
    y, x = np.mgrid[:20, :20]
    flat = np.stack([x.ravel() * 10.0, y.ravel() * 10.0], 1)
    near = np.column_stack([flat, np.full(400, -100.0)])
    far = np.column_stack([flat, np.zeros(400)])
    corner = (y[:-1, :-1] * 20 + x[:-1, :-1]).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 20, corner + 1], 1), np.stack([corner + 1, corner + 20, corner + 21], 1)]
    )
    triangles = np.concatenate([triangles, triangles + 400]).astype(np.int32)
    normals = np.tile(np.float32([0, 0, -1]), (800, 1))
    camera = Camera(1e5, (100.0, 100.0))
    seen = vertex_visibility(np.concatenate([near, far]).astype(np.float32), triangles, normals, camera)
    assert (seen[:400] == 1).all()
    assert seen[400:].mean() < 0.02


def test_a_head_seen_from_behind_shows_no_face():
    seen = see(heads.pose(180))
    assert seen[part("nose")].max() < 0.05


def test_size_in_the_picture_does_not_matter():
    small = Camera(heads.CAMERA.focal / 20, (16.0, 12.0))
    assert np.abs(see(heads.pose(30), small) - see(heads.pose(30))).mean() < 0.01


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_a_mesh_without_extent_is_not_seen(value):
    face = heads.model()
    normals = np.tile(np.float32([0, 0, -1]), (len(face.mean), 1))
    flat = np.full((len(face.mean), 3), value, np.float32)
    assert (vertex_visibility(flat, face.triangles, normals, heads.CAMERA) == 0).all()


def look(pose, **expression):
    face = heads.model()
    vertices = face.vertices(np.zeros(1), heads.expression(**expression))
    return gaze_vectors(face.landmarks(vertices), face.eye_centers, pose)


def test_eyes_at_rest_look_where_the_face_looks():
    ahead = look(heads.pose())
    np.testing.assert_allclose(np.linalg.norm(ahead, axis=1), 1, atol=1e-6)
    assert (ahead[:, 2] < -0.97).all()
    turned = look(heads.pose(yaw=30))
    np.testing.assert_allclose(turned, ahead @ (heads.rotation(30) @ heads.rotation().T).T, atol=1e-5)


def test_a_look_to_the_persons_left_goes_to_the_pictures_right():
    left = look(heads.pose(), eyeLookOutLeft=1.0, eyeLookInRight=1.0)
    assert (left[:, 0] > 0.4).all()


def test_a_look_up_goes_up_in_the_picture():
    rest = look(heads.pose())
    up = look(heads.pose(), eyeLookUpLeft=1.0, eyeLookUpRight=1.0)
    assert (up[:, 1] < rest[:, 1] - 0.25).all()


def test_each_eye_is_in_its_own_row():
    rest, one = look(heads.pose()), look(heads.pose(), eyeLookOutLeft=1.0)
    assert np.abs(one[0] - rest[0]).max() < 0.02  # the right eye, first, stays
    assert one[1, 0] > rest[1, 0] + 0.3
