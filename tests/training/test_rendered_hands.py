"""Rendered hands as occluders."""

import numpy as np
import pytest

pytest.importorskip("torch")

from engines.face_model.hand import Hand
from engines.training.occluders import rendered_hands
from engines.training.occluders.hand import EYES, PIXEL, RENDERED, hand
from engines.training.occluders.rendered_hands import open_rendered_hands, random_side, render_hand
from engines.training.occluders.scene import Scene
from engines.training.sources import Sprite

from .faces import draw_face, face_points, library


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The folder and what was rendered into it."""
    folder = tmp_path_factory.mktemp("hands")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendered_hands, "COUNT", 6)
        yield folder, open_rendered_hands(folder)


def test_each_is_a_cut_out_of_its_own(few):
    for sprite in few[1]:
        assert sprite.kind == RENDERED
        opaque = sprite.rgba[..., 3] > 30
        assert opaque.any(0).all()
        assert opaque.any(1).all()
        assert 0.15 < opaque.mean() < 0.9
        skin = np.median(sprite.rgba[sprite.rgba[..., 3] > 250][:, :3], 0)
        assert skin[0] >= skin[1] >= skin[2] - 12  # skin, in whatever light
    shapes = {sprite.rgba.tobytes() for sprite in few[1]}
    assert len(shapes) == len(few[1])


def test_edges_keep_the_skins_colour(few):
    """Straight alpha: a half covered pixel is not half black."""
    for sprite in few[1]:
        edge = (sprite.rgba[..., 3] > 80) & (sprite.rgba[..., 3] < 180)
        inside = sprite.rgba[..., 3] == 255
        assert sprite.rgba[edge][:, :3].mean() > 0.5 * sprite.rgba[inside][:, :3].mean()


def test_the_same_seed_gives_the_same_hand():
    first, second = (render_hand(Hand.load(), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_they_are_rendered_once(few, monkeypatch):
    monkeypatch.setattr(rendered_hands, "render_hand", lambda *_: pytest.fail("rendered again"))
    again = open_rendered_hands(few[0])
    assert [sprite.name for sprite in again] == [sprite.name for sprite in few[1]]
    np.testing.assert_array_equal(again[2].rgba, few[1][2].rgba)


def test_other_settings_are_rendered_anew_beside_them(tmp_path, monkeypatch):
    monkeypatch.setattr(rendered_hands, "render_hand", lambda *_: np.zeros((4, 4, 4), np.uint8))
    for count in (2, 3):
        monkeypatch.setattr(rendered_hands, "COUNT", count)
        assert len(open_rendered_hands(tmp_path)) == count
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_a_rendering_that_was_interrupted_leaves_nothing_that_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(rendered_hands, "COUNT", 3)

    def interrupted(_, rng):
        raise KeyboardInterrupt

    monkeypatch.setattr(rendered_hands, "render_hand", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_rendered_hands(tmp_path)
    monkeypatch.setattr(rendered_hands, "render_hand", lambda *_: np.full((4, 4, 4), 255, np.uint8))
    assert len(open_rendered_hands(tmp_path)) == 3


def test_backs_are_seen_more_often_than_palms():
    rng = np.random.default_rng(0)
    facing = np.cos(np.radians([random_side(rng) for _ in range(2000)]))
    assert 0.5 < (facing > 0.5).mean() < 0.75
    assert 0.15 < (facing < -0.5).mean() < 0.4


def drawn(sprites, seeds=range(60)):
    points = face_points()
    scene = Scene(draw_face(points), points)
    return [hand(scene, sprites, np.random.default_rng(seed)) for seed in seeds]


def test_without_rendered_hands_the_photographed_ones_come_as_ever():
    """The seeded validation pictures must not change when trainings are given more hands."""
    areas = [[float(layer.alpha.sum()) for layer in layers] for layers in drawn(library(), range(4))]
    assert areas == [pytest.approx(each, abs=1) for each in ([9451], [12076], [28274], [59230, 12086])]


def test_both_kinds_come_and_a_fist_is_no_larger_than_a_hand():
    """A rendered hand is sized by its millimetres, not by how much of it there is."""
    sprites = library()
    fist = np.full((40, 40, 4), 255, np.uint8)
    sprites.sprites.pop("hands")
    sprites.sprites[RENDERED] = [Sprite(f"{RENDERED}/0.png", RENDERED, fist)]
    points = face_points()
    scene = Scene(draw_face(points), points)
    shares = []
    for seed in range(80):
        layers = hand(scene, sprites, np.random.default_rng(seed))
        across = [np.sqrt((layer.alpha > 0.5).sum()) / scene.iod * EYES for layer in layers]
        shares += across
    # 40 px of a rendered hand, with a forearm below it at most two and a half times as long, in mm.
    assert np.median(shares) < 2.2 * 40 * PIXEL
