"""Exact pixels of props, paint and light on tiny targets."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from props import SIZE, square
from tiny_faces import GREY_LIGHT, Sheets, grey, make_face, make_result

from realtime.camera import FACING, make_pose
from realtime.frames import FrameResult
from realtime.overlays.overlay import LandmarkAnchor, Light, Overlay, Paint
from realtime.render.overlays import premultiplied
from realtime.render.props import PropPainter
from realtime.render.scene import SceneRenderer
from realtime.render.skull import skull
from realtime.render.views import VIEWS

pytestmark = pytest.mark.gl

BLUE = (0.0, 0.0, 1.0, 1.0)
FOCAL = 500.0  # as make_result's camera; at this many mm, a px is a mm


class Model(Sheets):
    """A sheet with one landmark, in its top left corner."""

    landmark_triangle = np.zeros(478, np.int32)
    landmark_barycentric = np.tile(np.float32([1, 0, 0]), (478, 1))


def on_head(model, vertices=None, light=None, shift=(0.0, 0.0)):
    """The sheet as a face whose head frame lies in the picture's middle, one mm to the px."""
    face = make_face(model, vertices=vertices, light=light)
    pose = make_pose(FACING, np.array([*shift, FOCAL]))
    return replace(face, coefficients=replace(face.coefficients, pose=pose))


@pytest.fixture
def without_skull(monkeypatch):
    """What a sheet lacks behind it."""
    monkeypatch.setattr("realtime.render.overlays.skull", lambda: skull(radii=np.full(3, 1e-3)))


@pytest.fixture
def draw(context, without_skull):
    """Draws overlays on one sheet over half of a grey picture; with samples, so that edges are where they are."""

    def draw(*overlays, view="off", faces=None, model=None, image=None, samples=4, hands=None, **more):
        model = model or Model([(0, 0, 16, SIZE, 0)], [(0, 1, 0)])
        faces = (on_head(model),) if faces is None else faces
        result = make_result(grey(SIZE, SIZE) if image is None else image, *faces)
        scene = SceneRenderer((SIZE, SIZE), model, samples, context, lambda: overlays)
        return scene.render(replace(result, **more), view, hands=hands)

    return draw


def test_a_prop_covers_exactly_its_pixels(draw):
    drawn = draw(Overlay((square(4, 6, 12, 20, 0.01),)))
    expected = grey(SIZE, SIZE)
    expected[6:20, 4:12] = (255, 0, 0)
    np.testing.assert_array_equal(drawn, expected)


def test_without_samples_outlines_are_smoothed_to_both_sides(draw):
    drawn = draw(Overlay((square(4, 6, 12, 20, 0.01),)), samples=0)
    inner, outer = drawn[7:19, 5:11], drawn.copy()
    outer[5:21, 3:13] = 100
    assert (inner == (255, 0, 0)).all()
    assert (outer == 100).all()
    row = drawn[12, :, 0].astype(int)
    assert 100 < row[3] < row[4] < 255
    assert 100 < row[12] < row[11] < 255


@pytest.mark.parametrize("samples", [0, 4])
def test_behind_the_face_it_is_hidden_beside_it_it_is_not(draw, samples):
    drawn = draw(Overlay((square(4, 4, 28, 28, -20),)), samples=samples)
    assert (drawn[:, : 16 - (not samples)] == 100).all()
    assert (drawn[8:24, 18:24] == (255, 0, 0)).all()


def test_the_nearer_prop_hides_the_farther_whatever_the_order(draw):
    near, far = square(8, 8, 24, 24, 20), square(8, 8, 24, 24, 10, BLUE)
    for order in ((near, far), (far, near)):
        assert (draw(Overlay(order))[10:22, 10:22] == (255, 0, 0)).all()


def test_perspective_makes_what_is_near_larger(draw):
    drawn = draw(Overlay((square(8, 8, 24, 24, FOCAL / 2),)))  # half as far away: twice as large
    assert (drawn == (255, 0, 0)).all()


def test_blended_pieces_let_through_and_are_sorted(draw):
    glass = {"is_blended": True}
    near = square(4, 4, 12, 12, 20, (1.0, 0.0, 0.0, 0.5), **glass)
    far = square(4, 4, 12, 12, 10, (0.0, 0.0, 1.0, 0.5), **glass)
    first = draw(Overlay((near, far)))[8, 8]
    np.testing.assert_array_equal(first, draw(Overlay((far, near)))[8, 8])
    assert np.abs(first.astype(int) - [153, 25, 89]).max() <= 1  # half red over half blue over grey 100


def test_masked_texels_are_holes(draw):
    texture = np.full((2, 2, 4), 255, np.uint8)
    texture[:, 0, 3] = 0
    prop = square(4, 4, 12, 12, 0.01, texture=texture, cutoff=0.5)
    drawn = draw(Overlay((prop,)))
    assert (drawn[5:11, 4:6] == 100).all()
    assert (drawn[5:11, 10:12] == (255, 0, 0)).all()


def test_textures_lie_the_right_way_up(draw):
    texture = np.zeros((16, 16, 4), np.uint8)
    texture[..., 3] = 255
    texture[:8, :8, 0] = texture[:8, 8:, 1] = 255  # glTF: row 0 is v = 0, the top here
    drawn = draw(Overlay((square(0, 0, 16, 16, 0.01, (1, 1, 1, 1), texture=texture),)))
    assert tuple(drawn[2, 2]) == (255, 0, 0)
    assert tuple(drawn[2, 13]) == (0, 255, 0)
    assert tuple(drawn[13, 2]) == (0, 0, 0)


def test_matt_surfaces_are_lit_by_the_faces_light(draw):
    model = Model([(0, 0, 16, SIZE, 0)], [(0, 1, 0)])
    prop = square(4, 4, 12, 12, 0.01, (0.5, 0.5, 0.5, 1), is_unlit=False, metallic=0.0, roughness=1.0)
    levels = []
    for share in (0.25, 0.5):
        face = on_head(model, light=np.tile(GREY_LIGHT * share, 3))
        levels.append(draw(Overlay((prop,)), faces=(face,), model=model)[8, 8, 0] / 255)
    linear = ((np.array(levels) + 0.055) / 1.055) ** 2.4
    assert linear[1] / linear[0] == pytest.approx(2, rel=0.05)
    assert 0.5 * 0.5 <= linear[1] <= 0.5 * 0.5 + 0.04  # and the four percent that every surface reflects


def test_back_faces_are_culled_unless_double_sided(draw):
    def turned(**material):
        prop = square(4, 4, 12, 12, 0.01, **material)
        return replace(prop, pieces=(replace(prop.pieces[0], triangles=prop.pieces[0].triangles[:, ::-1].copy()),))

    assert (draw(Overlay((turned(),))) == 100).all()
    assert (draw(Overlay((turned(is_double_sided=True),)))[5:11, 5:11] == (255, 0, 0)).all()


def test_the_anchor_follows_the_pose_and_the_mesh(draw):
    model = Model([(0, 0, 16, SIZE, 0)], [(0, 1, 0)])
    by_head = draw(Overlay((square(8, 8, 12, 12, 1),)), faces=(on_head(model, shift=(5, -3)),), model=model)
    assert (by_head[6:8, 14:16] == (255, 0, 0)).all()
    assert (by_head[5:9, 13:17] != 100).any(axis=2).all()
    moved = model.vertices + np.float32([6, 9, 0])  # the landmark lies at (6, 9) px now
    prop = replace(square(16, 16, 20, 20, 1), anchor=LandmarkAnchor((168,)))  # right and down of its origin
    drawn = draw(Overlay((prop,)), faces=(on_head(model, moved),), model=model)
    assert (drawn[9:13, 6:10] == (255, 0, 0)).all()
    assert (drawn[:8] == 100).all()


def quarters():
    """A picture for the skin: red, green / blue, nothing."""
    image = np.zeros((64, 64, 4), np.uint8)
    image[:32, :32] = (255, 0, 0, 255)
    image[:32, 32:] = (0, 255, 0, 255)
    image[32:, :32] = (0, 0, 255, 255)
    return image


def test_paint_lands_on_the_right_uv(draw):
    drawn = draw(Overlay(paints=(Paint(quarters()),)))
    assert (drawn[1:15, 1:7] == (255, 0, 0)).all()
    assert (drawn[1:15, 9:15] == (0, 255, 0)).all()
    assert (drawn[17:31, 1:7] == (0, 0, 255)).all()
    assert (drawn[17:31, 9:15] == 100).all()
    assert (drawn[:, 16:] == 100).all()


def test_multiplied_paint_keeps_what_is_below(draw):
    image = grey(SIZE, SIZE)
    image[::2] = 200
    brown = np.full((4, 4, 4), (128, 255, 0, 255), np.uint8)
    drawn = draw(Overlay(paints=(Paint(brown, "multiply"),)), image=image)
    assert np.abs(drawn[2:30:2, 2:14].astype(int) - [100, 200, 0]).max() <= 1
    assert np.abs(drawn[3:31:2, 2:14].astype(int) - [50, 100, 0]).max() <= 1


def test_a_shadow_darkens_the_paint_that_it_lies_on(draw):
    grey_half = np.full((4, 4, 4), (128, 128, 128, 255), np.uint8)
    drawn = draw(Overlay(paints=(Paint(quarters()), Paint(grey_half, "multiply"))))
    assert np.abs(drawn[2:14, 2:6].astype(int) - [128, 0, 0]).max() <= 1
    assert np.abs(drawn[18:30, 10:14].astype(int) - 50).max() <= 1


def test_opacity_mixes_and_paints_lie_over_one_another(draw):
    white = np.full((4, 4, 4), 255, np.uint8)
    assert np.abs(draw(Overlay(paints=(Paint(white, "normal", 0.5),)))[8, 8].astype(int) - 177).max() <= 1
    both = draw(Overlay(paints=(Paint(quarters()), Paint(np.uint8([[[0, 0, 255, 255]]])))))
    assert (both[1:31, 1:15] == (0, 0, 255)).all()


def test_paint_is_lit_as_the_skin_is(draw):
    model = Model([(0, 0, 16, SIZE, 0)], [(0, 1, 0)])
    face = on_head(model, light=np.tile(GREY_LIGHT * 0.5, 3))
    drawn = draw(Overlay(paints=(Paint(quarters()),)), faces=(face,), model=model)
    assert np.abs(drawn[8, 4].astype(int) - [188, 0, 0]).max() <= 1  # half of white in linear light


def test_hidden_colours_do_not_bleed_into_scaled_paint():
    image = np.uint8([[[255, 255, 255, 0], [10, 20, 30, 255], [100, 200, 50, 128]]])
    np.testing.assert_array_equal(premultiplied(image)[0, :2], [[0, 0, 0, 0], [10, 20, 30, 255]])
    assert np.abs(premultiplied(image)[0, 2].astype(int) - [50, 100, 25, 128]).max() <= 1


def test_an_overlays_light_lights_the_face_too(draw):
    light = Light(0.0, np.concatenate([GREY_LIGHT, np.zeros(18)]).astype(np.float32))
    model = Model([(0, 0, 16, SIZE, 0)], [(1, 1, 1)])
    faces = (on_head(model),)
    assert (draw(Overlay(light=light), view="shaded", faces=faces, model=model)[4:28, 2:14] == (255, 0, 0)).all()
    assert (draw(view="shaded", faces=faces, model=model)[4:28, 2:14] == 255).all()


@pytest.mark.parametrize("view", VIEWS)
def test_props_are_in_every_view(draw, view):
    drawn = draw(Overlay((square(18, 8, 28, 24, 1),)), view=view)
    assert (drawn[10:22, 20:26] == (255, 0, 0)).all()


def test_the_split_views_left_half_stays_the_frame(draw):
    assert (draw(Overlay((square(0, 0, 32, 32, 1),)), view="split")[:, :15] == 100).all()


@pytest.mark.parametrize("view", ["off", "shaded"])
def test_the_first_face_hides_the_seconds_props(draw, view):
    model = Model([(0, 0, 16, SIZE, 0)], [(0, 1, 0)])
    near, far = on_head(model), on_head(model, shift=(4, 0))
    prop = square(20, 8, 24, 12, 5)
    both = draw(Overlay((prop,)), faces=(near, far), model=model, view=view)
    assert (both[9:11, 21:23] == (255, 0, 0)).all()
    assert (both[9:11, 25:27] == (255, 0, 0)).all()
    over_face = square(4, 8, 8, 12, 5)  # the second face's lies at 8 to 12, where the first face is
    hidden = draw(Overlay((over_face,)), faces=(near, far), model=model)
    assert (hidden[9:11, 5:7] == (255, 0, 0)).all()
    assert (hidden[9:11, 10:12] == 100).all()


def test_without_a_face_or_beyond_the_picture_nothing_is_drawn(draw):
    overlay = Overlay((square(4, 4, 12, 12, 1),), (Paint(quarters()),))
    assert (draw(overlay, faces=()) == 100).all()
    assert (draw(Overlay((square(400, 4, 410, 12, 1),))) == 100).all()


@pytest.mark.parametrize("view", ["off", "shaded"])
def test_a_real_hand_is_in_front_of_props_and_paint(draw, view):
    paint = Paint(np.full((4, 4, 4), (0, 255, 0, 255), np.uint8))
    overlay = Overlay((square(16, 0, SIZE, SIZE, 0.01),), (paint,))  # paint on the left half, a prop on the right
    hand = np.zeros((SIZE, SIZE), np.uint8)
    hand[16:] = 255
    draw_it = partial(draw, overlay, view=view, occlusion=hand, complete=grey(SIZE, SIZE) // 2)
    shown, half, removed = (draw_it(hands=hands) for hands in ("show", "half", "remove"))
    assert (shown[18:] == grey(SIZE, SIZE)[18:]).all()
    np.testing.assert_array_equal(shown[:14], removed[:14])
    assert (removed[:, 18:30] == (255, 0, 0)).all()
    np.testing.assert_array_equal(removed[4:14, 4:12], removed[18:28, 4:12])
    mixed = (shown.astype(int) + removed) / 2
    assert np.abs(half[18:, 4:30] - mixed[18:, 4:30]).max() <= 1
    edge = shown[14:18, 24, 1].astype(int)  # from the prop's red to the hand's grey
    assert (np.diff(edge) >= 0).all()
    assert 0 < edge[1] < edge[2] < 100


def test_an_edited_overlay_is_drawn_from_the_next_picture_on(context, without_skull):
    model = Model([(0, 0, 16, SIZE, 0)], [(0, 1, 0)])
    now = [Overlay((square(4, 4, 12, 12, 1),), (Paint(quarters()),))]
    scene = SceneRenderer((SIZE, SIZE), model, 0, context, lambda: tuple(now))
    result = make_result(grey(SIZE, SIZE), on_head(model))
    assert (scene.render(result, "off")[6:10, 6:10] == (255, 0, 0)).all()
    now[0] = Overlay((square(4, 4, 12, 12, 1, BLUE),))
    drawn = scene.render(result, "off")
    assert (drawn[6:10, 6:10] == (0, 0, 255)).all()
    assert (drawn[20:, 2:14] == 100).all()
    now.clear()
    assert (scene.render(result, "off") == 100).all()


def test_pieces_of_one_picture_share_its_texture(context):
    picture = np.full((2, 2, 4), 255, np.uint8)
    piece, other = (square(0, 0, 4, 4, 0, texture=texture).pieces[0] for texture in (picture, picture.copy()))
    plain = square(0, 0, 4, 4, 0).pieces[0]
    first, second, third, fourth = PropPainter(context).upload([piece, piece, other, plain])
    assert first.texture is second.texture
    assert third.texture not in (None, first.texture)
    assert fourth.texture is None
    for each in (first, second, third, fourth):
        each.release()


def test_sizes_and_samples_may_change(context, without_skull):
    model = Model([(0, 0, 16, SIZE, 0)], [(0, 1, 0)])
    overlays = (Overlay((square(4, 4, 12, 12, 0.01),)),)
    scene = SceneRenderer((SIZE, SIZE), model, 0, context, lambda: overlays)
    for size, samples in ((SIZE, 0), (SIZE + 8, 4), (SIZE, 8), (SIZE, 0)):
        scene.samples = samples
        drawn = scene.render(make_result(grey(size, size), on_head(model)), "off")
        half = (size - SIZE) // 2
        assert (drawn[half + 5 : half + 11, half + 5 : half + 11] == (255, 0, 0)).all()


def test_without_overlays_nothing_is_made(make_scene):
    model = Sheets([(0, 0, 4, 4, 0)], [(1, 0, 0)])  # it has no landmarks: whoever asked for them would fail
    result = make_result(grey(4, 4), make_face(model))
    assert isinstance(result, FrameResult)
    assert make_scene(model, (4, 4)).render(result, "off").shape == (4, 4, 3)
