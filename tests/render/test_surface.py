from dataclasses import replace

import numpy as np
from tiny_faces import GREY_LIGHT, Sheets, grey, make_face, make_result

from realtime.render.surface import height_slopes


def test_slopes_of_a_ramp_are_constant_and_per_map_side():
    rows, columns = np.mgrid[:8, :16].astype(np.float32)
    slopes = height_slopes((0.5 * columns + 0.25 * rows).astype(np.float16)).astype(np.float32)
    np.testing.assert_allclose(slopes[1:-1, 1:-1, 0], 0.5 * 16)
    np.testing.assert_allclose(slopes[1:-1, 1:-1, 1], 0.25 * 8)


def test_the_rim_leans_half_and_a_flat_map_not_at_all():
    ramp = np.tile(np.arange(8, dtype=np.float16), (8, 1))
    assert (height_slopes(ramp)[:, 0, 0] == 4).all()
    assert not height_slopes(np.full((8, 8), 3, np.float16)).any()


class TintedSheets(Sheets):
    """One sheet; its albedo's only coefficient is how red it is."""

    def albedo(self, coefficients):
        return np.tile(np.float32([coefficients[0], 0, 0]), (8, 1))


def tinted(model, red, **changes):
    face = make_face(model)
    coefficients = replace(face.coefficients, albedo=np.float32([red]))
    return make_result(grey(12, 12), replace(face, coefficients=coefficients, **changes))


def test_a_changed_albedo_is_uploaded(make_scene):
    model = TintedSheets([(0, 0, 12, 12, 0)], [(0, 0, 0)])
    scene = make_scene(model, (12, 12))
    reds = [scene.render(tinted(model, red), "shaded")[6, 6, 0] for red in (0.1, 0.1, 0.5)]
    assert reds[0] == reds[1] < reds[2]


def test_what_is_painted_hardly_takes_the_cast_that_skin_gives_the_light(make_scene):
    model = Sheets([(0, 0, 12, 12, 0), (12, 0, 24, 12, 0)], [(0.5, 0.5, 0.5)] * 2)
    model.painted[8:] = True
    face = make_face(model, light=np.concatenate([0.8 * GREY_LIGHT, GREY_LIGHT, 1.2 * GREY_LIGHT]))
    picture = make_scene(model, (24, 12)).render(make_result(grey(24, 12), face), "shaded").astype(int)
    skin, white = picture[6, 6], picture[6, 18]
    assert skin[2] - skin[0] > 3 * (white[2] - white[0]) > 0
    assert abs(white.mean() - skin.mean()) < 3


def test_a_face_is_drawn_with_its_own_normals_where_it_has_some(make_scene):
    model = Sheets([(0, 0, 12, 12, 0)], [(0.5, 0.5, 0.5)])
    scene = make_scene(model, (12, 12))
    from_model = scene.render(tinted(model, 0), "bump")[6, 6]
    sideways = np.tile(np.float32([0.6, 0, -0.8]), (8, 1))
    own = scene.render(tinted(model, 0, normals=sideways), "bump")[6, 6]
    assert own[0] > from_model[0] + 50
    np.testing.assert_array_equal(own[1], from_model[1])
