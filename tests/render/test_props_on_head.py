"""What the head hides of props, on the real mesh."""

from dataclasses import replace

import numpy as np
import pytest
from props import SIZE, square
from tiny_faces import grey, make_face, make_result

from engines.face_model.model import MorphableModel
from realtime.camera import FACING, assumed_camera, make_pose, picture_vertices, rotation_from_vector
from realtime.frames import Camera
from realtime.overlays.overlay import Overlay, Prop
from realtime.render.scene import SceneRenderer
from realtime.render.skull import skull, skull_placement

pytestmark = pytest.mark.gl


@pytest.fixture(scope="module")
def head():
    return MorphableModel.load()


def turned_head(model, yaw):
    camera = assumed_camera(320, 240)
    pose = make_pose(FACING @ rotation_from_vector(np.array([0, yaw, 0])), np.array([0, 0, 1100]))
    face = make_face(model, vertices=picture_vertices(model.mean, pose, camera))
    return replace(face, coefficients=replace(face.coefficients, pose=pose)), camera


def bar(x, z):
    """A small prop beside the head, visible from all sides."""
    prop = square(SIZE / 2 - 4, SIZE / 2 - 4, SIZE / 2 + 4, SIZE / 2 + 4, 0, is_double_sided=True)
    corners = prop.pieces[0].positions
    crossed = np.concatenate([corners, corners[:, [2, 1, 0]]]) + np.float32([x, 5, z])
    piece = replace(
        prop.pieces[0],
        positions=crossed.astype(np.float32),
        **{name: np.tile(getattr(prop.pieces[0], name), (2, 1)) for name in ("normals", "uv", "colors")},
        triangles=np.int32([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]),
    )
    return Overlay((Prop((piece,)),))


def red_pixels(context, model, yaw, x, z):
    face, camera = turned_head(model, yaw)
    result = make_result(grey(320, 240), face)
    scene = SceneRenderer((320, 240), model, 0, context, lambda: (bar(x, z),))
    drawn = scene.render(replace(result, camera=Camera(camera.focal, camera.center)), "off")
    return int((drawn[..., 0].astype(int) - drawn[..., 1] > 60).sum())


@pytest.mark.parametrize("side", [-1, 1])
def test_the_far_temple_is_behind_the_head_and_the_near_one_is_not(context, head, side):
    """Turned by half a radian to one side, what lies beyond the cheek on the far side is hidden."""
    yaw = 0.6 * side  # the person's left comes nearer where this is negative
    assert red_pixels(context, head, yaw, side * 80, -45) == pytest.approx(0, abs=0)
    assert red_pixels(context, head, yaw, -side * 80, -45) > 30


@pytest.mark.parametrize("z", [-120, -150])
def test_the_skull_hides_where_the_mesh_ends(context, head, z):
    assert head.mean[:, 2].min() > z
    assert red_pixels(context, head, 0.0, 0, z) == 0
    assert red_pixels(context, head, np.pi / 2, -90, z) > 0


def test_the_skull_lies_below_the_skin_and_grows_with_the_head(head):
    ours = np.isin(head.parts, [head.mesh_part_names.index(name) for name in ("skin", "scalp")])
    shell = skull()
    center = (shell.positions.max(0) + shell.positions.min(0)) / 2
    radii = (shell.positions.max(0) - shell.positions.min(0)) / 2
    outside = np.linalg.norm((head.mean[ours] - center) / radii, axis=1)
    assert outside.min() > 0.95
    face, _ = turned_head(head, 0.0)
    larger = replace(face, neutral=head.mean * 1.2)
    at = skull_placement(larger, head.mean) @ np.append(center, 1)
    np.testing.assert_allclose(at, face.coefficients.pose @ np.append(1.2 * center, 1), atol=0.05)
