import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.training.occluders import JUDGED, KINDS, OPAQUE, Library, choose_kinds, compose, occlude  # noqa: E402
from engines.training.occluders.fabric import surface  # noqa: E402
from engines.training.occluders.scene import Layer, Scene, layer_of, placing, polygon, skin_tone, warp  # noqa: E402

from .faces import draw_face, face_points, library  # noqa: E402

SIZE = 128


@pytest.fixture(scope="module")
def crop():
    points = face_points(center=(64, 56), unit=26)
    return draw_face(points, SIZE), points


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sprites", [library(), Library()], ids=["sprites", "drawn"])
def test_layers_are_in_bounds(crop, kind, sprites):
    scene = Scene(*crop)
    for seed in range(12):
        for layer in KINDS[kind](scene, sprites, np.random.default_rng(seed)):
            assert layer.light.shape == (SIZE, SIZE, 3)
            assert layer.alpha.shape == (SIZE, SIZE)
            assert layer.alpha.min() >= -1e-4
            assert layer.alpha.max() <= 1 + 1e-4
            assert layer.light.min() >= -1e-2
            assert (layer.light.max(2) <= 255 * layer.alpha + 0.5).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_changes_only_what_its_opacity_covers(crop, kind):
    scene, rng = Scene(*crop), np.random.default_rng(3)
    layers = [Layer(x.light, x.alpha, x.eyeglasses, shadow=0.0) for x in KINDS[kind](scene, library(), rng)]
    covered = compose(crop[0], layers, rng)
    untouched = covered.opacity == 0
    assert untouched.any()
    assert (covered.image[untouched] == crop[0][untouched]).all()


@pytest.mark.parametrize("kind", JUDGED)
def test_every_kind_covers_something_of_most_faces(crop, kind):
    shares = [occlude(*crop, library(), np.random.default_rng(s), [kind]).mask.mean() for s in range(20)]
    assert np.median(shares) > 0.01
    assert max(shares) < 0.95


def test_only_glasses_are_eyeglasses(crop):
    for kind in KINDS:
        covered = occlude(*crop, library(), np.random.default_rng(5), [kind])
        assert (covered.eyeglasses.max() > 0.3) == (kind == "glasses")


def test_what_lies_on_eyeglasses_hides_them(crop):
    whole = np.ones((SIZE, SIZE), np.float32)
    layers = [layer_of(np.zeros(3), whole, eyeglasses=True), layer_of(np.full(3, 200.0), whole)]
    covered = compose(crop[0], layers, np.random.default_rng(0))
    assert covered.eyeglasses.max() == 0
    assert covered.mask.all()


def test_a_clear_lens_is_no_occluder(crop):
    lens = np.full((SIZE, SIZE), OPAQUE - 0.05, np.float32)
    covered = compose(crop[0], [layer_of(np.zeros(3), lens, eyeglasses=True)], np.random.default_rng(0))
    assert not covered.mask.any()


def test_two_thin_layers_can_be_one_opaque_one(crop):
    thin = layer_of(np.zeros(3), np.full((SIZE, SIZE), 0.2, np.float32))
    covered = compose(crop[0], [thin, thin], np.random.default_rng(0))
    assert covered.opacity == pytest.approx(np.full((SIZE, SIZE), 0.36), abs=1e-5)
    assert covered.mask.all()


def test_no_kinds_leave_the_picture_alone(crop):
    covered = occlude(*crop, library(), np.random.default_rng(0), [])
    assert (covered.image == crop[0]).all()
    assert not covered.mask.any()


def test_a_shadow_darkens_but_marks_nothing(crop):
    patch = np.zeros((SIZE, SIZE), np.float32)
    patch[40:80, 40:80] = 1
    with_shadow = [compose(crop[0], [layer_of(np.zeros(3), patch)], np.random.default_rng(s)) for s in range(8)]
    beside = patch == 0
    assert all((c.image[beside] <= crop[0][beside]).all() for c in with_shadow)
    assert any((c.image[beside] < crop[0][beside]).any() for c in with_shadow)
    assert all((c.mask == (patch > 0)).all() for c in with_shadow)


def test_the_same_seed_gives_the_same_picture(crop):
    first, second = (occlude(*crop, library(), np.random.default_rng(9)) for _ in range(2))
    assert (first.image == second.image).all()
    assert (first.opacity == second.opacity).all()


def test_some_faces_stay_clear_and_some_get_several():
    counts = np.bincount([len(choose_kinds(np.random.default_rng(s))) for s in range(600)])
    assert 0.07 < counts[0] / 600 < 0.18
    assert counts[2:].sum() > 60


def test_a_sprite_lands_where_it_is_placed():
    rgba = np.full((20, 40, 4), 255, np.float32)
    layer = warp(rgba, placing(rgba.shape, np.array([64.0, 50.0]), 1.0, 0.0), SIZE)
    rows, columns = np.nonzero(layer.alpha > 0.5)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 59, 44, 83)


def test_shrinking_keeps_a_sprites_mean():
    rng = np.random.default_rng(0)
    rgba = np.dstack([rng.integers(0, 2, (200, 200, 1)).repeat(3, 2) * 255, np.full((200, 200), 255)]).astype(
        np.float32
    )
    layer = warp(rgba, placing(rgba.shape, np.array([64.0, 64.0]), 0.2, 0.0), SIZE)
    inside = layer.alpha > 0.99
    assert layer.light[inside].std() < 25  # black and white pixels are averaged, not picked
    assert layer.light[inside].mean() == pytest.approx(127, abs=6)


def test_a_polygon_is_anti_aliased_and_in_place():
    cover = polygon(np.array([[10, 10], [50.5, 10], [50.5, 30], [10, 30]]), SIZE)
    assert cover[20, 30] == 1
    assert cover[60, 60] == 0
    assert 0 < cover[20, 51] < 1


def test_materials_and_skin_are_colours(crop):
    rng = np.random.default_rng(0)
    for _ in range(10):
        material = surface(rng, library(), 64)
        assert material.shape == (64, 64, 3)
        assert material.min() >= 0
        assert material.max() <= 255
    tones = np.array([skin_tone(Scene(*crop), rng) for _ in range(200)])
    assert np.ptp(tones.mean(1)) > 100  # from dark to light
    assert (tones[:, 0] > tones[:, 2]).mean() > 0.9  # skin is warmer than it is blue
