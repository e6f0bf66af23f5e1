"""Exact pixels of the scene on tiny targets."""

import threading

import numpy as np
import pytest
from tiny_faces import FACING, GREY_LIGHT, Sheets, grey, make_face, make_result

from realtime.errors import UserError
from realtime.light import sh_basis
from realtime.render.views import VIEWS

pytestmark = pytest.mark.gl


def srgb(linear):
    """Linear 0..1 -> sRGB 0..255, float."""
    c = np.clip(np.asarray(linear, np.float64), 0, 1)
    return 255 * np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [(4, 4), (5, 3)])
def test_without_a_face_every_view_is_the_frame(make_scene, view, size):
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    drawn = make_scene(Sheets([(0, 0, 1, 1, 0)], [(1, 0, 0)]), size).render(make_result(image), view)
    outside_line = np.ones(size[0], bool)
    if view == "split":
        outside_line[size[0] // 2 - 1 : size[0] // 2 + 1] = False
    np.testing.assert_array_equal(drawn[:, outside_line], image[:, outside_line])


@pytest.mark.parametrize("view", VIEWS)
def test_one_pixel_is_a_picture_too(make_scene, view):
    model = Sheets([(-4, -4, 4, 4, 0)], [(1, 0, 0)])
    assert make_scene(model, (1, 1)).render(make_result(grey(1, 1), make_face(model)), view).shape == (1, 1, 3)


def test_a_face_covers_exactly_its_pixels_in_exactly_its_colour(make_scene):
    model = Sheets([(3, 0, 12, 9, 0)], [(0.2, 0.5, 0.0)])
    drawn = make_scene(model, (12, 12)).render(make_result(grey(12, 12), make_face(model)), "shaded")
    color = np.rint(srgb([0.2, 0.5, 0.0]))
    assert (drawn[:7, 5:] == color).all()  # up to the picture's own edges
    assert (drawn[9:] == 100).all()
    assert (drawn[:, :3] == 100).all()
    rim = np.concatenate([drawn[:9, 3], drawn[8, 3:]])  # softened, but only inside
    assert ((rim > np.minimum(color, 100)) & (rim < np.maximum(color, 100))).all()


def test_the_layer_of_the_picture_before_does_not_show_through(make_scene):
    model = Sheets([(8, 8, 24, 24, 0)], [(1, 0, 0)])
    scene = make_scene(model, (32, 32))
    expected = scene.render(make_result(grey(32, 32), make_face(model)), "shaded")
    larger = make_face(model, vertices=model.vertices * 1.3 - 5)
    scene.render(make_result(grey(32, 32), larger), "shaded")
    np.testing.assert_array_equal(scene.render(make_result(grey(32, 32), make_face(model)), "shaded"), expected)


def test_back_faces_are_culled(make_scene):
    model = Sheets([(0, 0, 4, 4, 0)], [(1, 0, 0)])
    model.triangles = model.triangles[:, ::-1]  # turned inside out, only the green back faces us
    drawn = make_scene(model, (4, 4)).render(make_result(grey(4, 4), make_face(model)), "shaded")
    assert (drawn == (0, 255, 0)).all()


@pytest.mark.parametrize("z_first", [-1.0, 1.0])
def test_the_nearer_sheet_hides_the_farther_whatever_the_order(make_scene, z_first):
    model = Sheets([(0, 0, 4, 4, z_first), (0, 0, 4, 4, 0.0)], [(1, 0, 0), (0, 0, 1)])
    drawn = make_scene(model, (4, 4)).render(make_result(grey(4, 4), make_face(model)), "shaded")
    assert (drawn == ((255, 0, 0) if z_first < 0 else (0, 0, 255))).all()


def test_the_first_face_hides_the_second_whatever_their_depths(make_scene):
    model = Sheets([(0, 0, 4, 4, 0)], [(1, 1, 1)])
    red, blue = (np.concatenate([GREY_LIGHT if c == k else np.zeros(9) for c in range(3)]) for k in (0, 2))
    near = make_face(model, light=red, vertices=model.vertices + np.float32([0, 0, 50]))
    far = make_face(model, light=blue)
    drawn = make_scene(model, (4, 4)).render(make_result(grey(4, 4), near, far), "shaded")
    assert (drawn == (255, 0, 0)).all()


@pytest.mark.parametrize("seed", range(8))
def test_shading_equals_the_numpy_light(make_scene, seed):
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=3)
    normal[2] = -abs(normal[2]) - 1.0  # towards the camera, so that nothing fades
    normal /= np.linalg.norm(normal)
    light = np.concatenate([GREY_LIGHT * 0.6 + rng.normal(size=9) * 0.15 for _ in range(3)])
    albedo = rng.uniform(0.2, 0.9, 3)
    model = Sheets([(0, 0, 4, 4, 0)], [tuple(albedo)], tuple(normal))
    drawn = make_scene(model, (4, 4)).render(make_result(grey(4, 4), make_face(model, light=light)), "shaded")
    shading = sh_basis(normal[None])[0] @ light.reshape(3, 9).T
    assert np.abs(drawn - srgb(albedo * shading)).max() <= 1.0


def dome(row, column, height=1.0, width=20.0):
    """(256, 256) mm: a hill at a row and column of the map."""
    rows, columns = np.mgrid[:256, :256]
    return (height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2))).astype(np.float16)


def test_a_bump_lit_from_the_left_is_brighter_on_its_left(make_scene):
    model = Sheets([(0, 0, 32, 32, 0)], [(0.5, 0.5, 0.5)])
    light = np.tile(GREY_LIGHT, 3).reshape(3, 9).copy()
    light[:, 3] = -0.8  # brighter where the normal points to smaller x
    face = make_face(model, light=light.ravel(), bump=dome(128, 128, 3.0))
    drawn = make_scene(model, (32, 32)).render(make_result(grey(32, 32), face), "shaded")[..., 0].astype(int)
    flat = drawn[0, 0]
    assert drawn[16, 12] > flat + 10
    assert drawn[16, 20] < flat - 10
    assert abs(drawn[12, 16] - drawn[20, 16]) <= 2


@pytest.mark.parametrize(
    ("row", "column", "quarter"), [(64, 64, (0, 0)), (64, 192, (0, 1)), (192, 64, (1, 0)), (192, 192, (1, 1))]
)
def test_row_0_of_the_bump_map_is_v_1(make_scene, row, column, quarter):
    """The sheet's uv has v = 1 at its top edge: the map lies on it as it would look on a page."""
    model = Sheets([(0, 0, 32, 32, 0)], [(0.5, 0.5, 0.5)])
    drawn = make_scene(model, (32, 32)).render(
        make_result(grey(32, 32), make_face(model, bump=dome(row, column, 3.0, 10.0))), "bump"
    )
    tilt = np.abs(drawn.astype(int) - drawn[0, 31 * (quarter[1] == 0)]).sum(axis=2)
    by_quarter = tilt.reshape(2, 16, 2, 16).sum(axis=(1, 3))
    assert np.unravel_index(by_quarter.argmax(), (2, 2)) == quarter
    assert by_quarter[quarter] > 0.95 * by_quarter.sum()


def test_a_ramp_tilts_the_normal_by_its_slope(make_scene):
    """2 px per mm: a ramp that rises 4 mm over 16 mm has a slope of 1 : 4 in millimetres and in pixels."""
    model = Sheets([(0, 0, 32, 32, 0)], [(0.5, 0.5, 0.5)])
    model.mean = model.mean / 2
    ramp = np.tile(np.linspace(0, 4, 256, dtype=np.float16), (256, 1))
    drawn = make_scene(model, (32, 32)).render(make_result(grey(32, 32), make_face(model, bump=ramp)), "bump")
    normal = np.array([-0.25, 0, -1]) / np.hypot(0.25, 1)
    expected = 255 * (0.5 + 0.5 * normal * (1, -1, -1))
    assert np.abs(drawn[4:-4, 4:-4] - expected).max() <= 3  # half floats, and steps of a quarter texel


def test_a_changed_bump_map_is_uploaded_and_a_kept_one_stays(make_scene):
    model = Sheets([(0, 0, 32, 32, 0)], [(0.5, 0.5, 0.5)])
    scene = make_scene(model, (32, 32))
    first, second = (make_face(model, bump=dome(128, c, 3.0)) for c in (80, 180))
    pictures = [scene.render(make_result(grey(32, 32), face), "bump") for face in (first, first, second, first)]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[1] != pictures[2]).any()
    np.testing.assert_array_equal(pictures[0], pictures[3])


def test_the_normals_colours_point_right_up_and_towards_us(make_scene):
    colors = {}
    for name, normal in {"facing": FACING, "right": (0.6, 0, -0.8), "up": (0, -0.6, -0.8)}.items():
        model = Sheets([(0, 0, 4, 4, 0)], [(0.5, 0.5, 0.5)], normal)
        colors[name] = make_scene(model, (4, 4)).render(make_result(grey(4, 4), make_face(model)), "bump")[2, 2]
    assert np.abs(colors["facing"].astype(int) - (128, 128, 255)).max() <= 1
    assert np.abs(colors["right"].astype(int) - (204, 128, 230)).max() <= 1
    assert np.abs(colors["up"].astype(int) - (128, 204, 230)).max() <= 1


def test_texture_shows_the_frames_own_pixels_under_a_moving_lamp(make_scene):
    model = Sheets([(0, 0, 4, 4, 0)], [(1, 0, 0)], (0.5, 0.0, -np.sqrt(0.75)))
    image = grey(4, 4, 60)
    image[0, 0] = (200, 20, 20)
    scene = make_scene(model, (4, 4))
    lamp_left = scene.render(make_result(image, make_face(model), time=0.0), "texture").astype(int)
    lamp_right = scene.render(make_result(image, make_face(model), time=3.0), "texture").astype(int)
    assert lamp_left[0, 0, 0] > 3 * lamp_left[0, 0, 1]  # the red pixel is still red, in its own place
    assert (lamp_right[1:] > lamp_left[1:] + 10).all()  # this surface faces right


def test_split_leaves_the_left_half_and_draws_a_line(make_scene):
    model = Sheets([(0, 0, 16, 16, 0)], [(1, 0, 0)])
    drawn = make_scene(model, (16, 16)).render(make_result(grey(16, 16), make_face(model)), "split")
    assert (drawn[:, :7] == 100).all()
    assert (drawn[:, 7:9] == 255).all()
    assert (drawn[:, 9:] == (255, 0, 0)).all()


def test_wire_draws_the_quads_edges_without_their_diagonals(make_scene):
    model = Sheets([(4, 4, 28, 28, 0)], [(1, 0, 0)])
    drawn = make_scene(model, (32, 32)).render(make_result(grey(32, 32), make_face(model)), "wire")
    changed = (drawn != 100).any(axis=2)
    assert changed[4, 8:24].all()
    assert changed[8:24, 4].all()
    assert not changed[7:25, 7:25].any()
    assert not changed[:3].any()


def test_samples_soften_a_slanted_edge(make_scene):
    model = Sheets([(0, 0, 16, 16, 0)], [(1, 1, 1)])
    vertices = model.vertices.copy()
    vertices[[1, 5], 0] = 9.0  # the right edge now leans
    result = make_result(grey(16, 16, 0), make_face(model, vertices=vertices))
    hard = make_scene(model, (16, 16)).render(result, "shaded")
    soft_scene = make_scene(model, (16, 16), samples=4)
    if soft_scene.samples == 0:
        pytest.skip("this GL has no multisampling")
    soft = soft_scene.render(result, "shaded")
    assert len(np.unique(soft)) > len(np.unique(hard))
    soft_scene.samples = 0
    np.testing.assert_array_equal(soft_scene.render(result, "shaded"), hard)


def test_samples_keep_the_background_exact(make_scene):
    image = np.random.default_rng(1).integers(0, 256, (7, 9, 3), np.uint8)
    model = Sheets([(0, 0, 1, 1, 0)], [(1, 1, 1)])
    np.testing.assert_array_equal(make_scene(model, (9, 7), samples=4).render(make_result(image), "shaded"), image)


def test_the_picture_may_change_its_size(make_scene):
    model = Sheets([(-9, -9, 3, 90, 0)], [(1, 0, 0)])
    scene = make_scene(model, (4, 4))
    for width, height in ((4, 4), (8, 6), (3, 5), (4, 4)):
        drawn = scene.render(make_result(grey(width, height), make_face(model)), "shaded")
        assert drawn.shape == (height, width, 3)
        assert scene.size == (width, height)
        assert (drawn[:, 0] == (255, 0, 0)).all()
        assert (drawn[:, 3:] == 100).all()


def test_a_face_beyond_the_picture_is_clipped(make_scene):
    model = Sheets([(-50, -50, 5, 90, 0)], [(1, 0, 0)])
    drawn = make_scene(model, (8, 8)).render(make_result(grey(8, 8), make_face(model)), "shaded")
    assert (drawn[:, :3] == (255, 0, 0)).all()
    assert (drawn[:, 5:] == 100).all()


def test_a_face_wholly_outside_leaves_the_frame_alone(make_scene):
    model = Sheets([(-50, -50, -5, -2, 0)], [(1, 0, 0)])
    drawn = make_scene(model, (8, 8)).render(make_result(grey(8, 8), make_face(model)), "shaded")
    assert (drawn == 100).all()


def test_each_read_is_an_array_of_its_own(make_scene):
    model = Sheets([(0, 0, 1, 1, 0)], [(1, 1, 1)])
    scene = make_scene(model, (4, 4))
    first = scene.render(make_result(grey(4, 4, 10)), "off")
    scene.render(make_result(grey(4, 4, 20)), "off")
    assert (first == 10).all()


def test_present_scales_into_the_viewport_the_right_way_up(make_scene, context):
    image = grey(2, 2, 0)
    image[0, 0], image[0, 1] = (255, 0, 0), (0, 255, 0)
    model = Sheets([(0, 0, 1, 1, 0)], [(1, 1, 1)])
    scene = make_scene(model, (2, 2))
    scene.draw(make_result(image), "off")
    window = context.simple_framebuffer((12, 8), 4)
    window.clear(0, 0, 1, 1)
    scene.present(window, (2, 0, 8, 8))
    shown = np.frombuffer(window.read(components=3, alignment=1), np.uint8).reshape(8, 12, 3)[::-1]  # y up
    assert (shown[:, :2] == (0, 0, 255)).all()
    assert (shown[:, 10:] == (0, 0, 255)).all()
    assert tuple(shown[0, 2]) == (255, 0, 0)
    assert tuple(shown[0, 9]) == (0, 255, 0)
    assert tuple(shown[7, 2]) == (0, 0, 0)


def test_gaze_marks_lie_on_the_irises_and_point_where_the_eyes_look(make_scene):
    model = Sheets([(0, 0, 64, 64, 0)], [(0, 0, 0)])
    landmarks = np.zeros((478, 2), np.float32)
    landmarks[468], landmarks[473] = (16, 16), (16, 48)
    gaze = np.float32([[0.8, 0, -0.6], FACING])  # the right eye looks to the picture's right, the left one at us
    face = make_face(model, landmarks=landmarks, gaze=gaze)
    scene = make_scene(model, (64, 64))
    result = make_result(grey(64, 64), face)
    ray = (
        np.abs(scene.render(result, "shaded", gaze=True).astype(int) - scene.render(result, "shaded")).sum(axis=2) > 60
    )
    assert ray[16, 16:30].all()
    assert not ray[16, :13].any()
    assert not ray[24:40].any()
    assert ray[48, 16]
    assert not ray[48, 24:].any()


def test_an_unknown_view_names_those_that_exist(make_scene):
    scene = make_scene(Sheets([(0, 0, 1, 1, 0)], [(1, 1, 1)]), (4, 4))
    with pytest.raises(UserError) as error:
        scene.render(make_result(grey(4, 4)), "shadde")
    assert "shadde" in error.value.message
    assert all(view in error.value.remedy for view in VIEWS)


def test_drawing_in_another_thread_is_refused_instead_of_black(make_scene):
    scene = make_scene(Sheets([(0, 0, 1, 1, 0)], [(1, 1, 1)]), (4, 4))
    caught = []

    def draw():
        try:
            scene.render(make_result(grey(4, 4)), "off")
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=draw)
    thread.start()
    thread.join()
    assert caught


def test_a_picture_beyond_gls_limit_is_the_users_to_mend(make_scene, context):
    limit = context.info["GL_MAX_TEXTURE_SIZE"]
    with pytest.raises(UserError, match=str(limit)):
        make_scene(Sheets([(0, 0, 1, 1, 0)], [(1, 1, 1)]), (limit + 1, 1))


@pytest.mark.parametrize("view", VIEWS)
def test_warming_up_leaves_nothing_behind(make_scene, view):
    model = Sheets([(3, 3, 9, 9, 0)], [(0.2, 0.5, 0.0)])
    result = make_result(grey(12, 12), make_face(model))
    cold, warm = make_scene(model, (12, 12)), make_scene(model, (16, 8))
    warm.warm_up(view)
    np.testing.assert_array_equal(warm.render(result, view), cold.render(result, view))
