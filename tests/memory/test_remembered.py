"""The texture of one face over time."""

import cv2
import numpy as np
import pytest
from painted_heads import model, picture, surface, texture, vertices, weight_of

from realtime.remembered import MOST, SIZE, FaceMemory, Person, cell_gain, light_gain, sharpness

ALL = np.ones((SIZE, SIZE), np.float32)
FLAT = np.full((SIZE, SIZE, 3), 120, np.uint8)


def half(left=True):
    weight = np.zeros((SIZE, SIZE), np.float32)
    weight[:, : SIZE // 2] = 1
    return weight if left else weight[:, ::-1].copy()


@pytest.fixture
def memory():
    return FaceMemory(surface())


def test_nothing_is_known_at_first(memory):
    assert memory.known.max() == 0
    assert memory.texture.shares.max() == 0


def test_one_look_is_remembered_as_it_was(memory):
    memory.add(texture(), ALL)
    np.testing.assert_array_equal(memory.texture.colours, texture())
    assert (memory.texture.shares[..., 0] == 255).all()


def test_what_was_not_seen_stays_unknown(memory):
    memory.add(texture(), half())
    assert (memory.known[:, SIZE // 2 :] == 0).all()
    assert (memory.known[:, : SIZE // 2] == 1).all()


def test_looks_are_averaged(memory):
    rng = np.random.default_rng(0)
    for _ in range(12):
        memory.add(np.clip(texture() + rng.normal(0, 12, FLAT.shape), 0, 255).astype(np.uint8), ALL)
    assert np.abs(memory.colours - texture()).mean() < 5


def test_the_newest_looks_always_have_a_say(memory):
    for _ in range(50):
        memory.add(FLAT, ALL)
    assert memory.weight.max() <= MOST + 1


def test_a_blurred_look_counts_little(memory):
    sharp = np.random.default_rng(1).integers(100, 140, FLAT.shape).astype(np.uint8)
    memory.add(sharp, ALL)
    memory.add(cv2.GaussianBlur(sharp, (0, 0), 3), ALL)
    assert np.abs(memory.colours - sharp).mean() < 1


def test_sharpness_falls_with_blur():
    sharp = np.random.default_rng(1).integers(0, 255, FLAT.shape).astype(np.uint8)
    assert sharpness(cv2.GaussianBlur(sharp, (0, 0), 1), ALL) < 0.5 * sharpness(sharp, ALL)
    assert sharpness(FLAT, ALL) == 0


def test_a_thing_that_was_missed_hardly_gets_in(memory):
    for _ in range(5):
        memory.add(texture(), ALL)
    with_thing = texture().copy()
    with_thing[100:140, 100:140] = (0, 255, 0)
    memory.add(with_thing, ALL)
    assert np.abs(memory.colours[105:135, 105:135] - texture()[105:135, 105:135]).mean() < 8


def test_a_true_change_comes_through_in_the_end(memory):
    memory.add(texture(), ALL)
    changed = texture().copy()
    changed[100:140, 100:140] = (60, 40, 30)
    for _ in range(60):
        memory.add(changed, ALL)
    assert np.abs(memory.colours[105:135, 105:135] - changed[105:135, 105:135].astype(float)).mean() < 15


@pytest.mark.parametrize("gain", [0.6, 1.4])
def test_a_new_light_leaves_no_patches(memory, gain):
    memory.add(texture(), ALL)
    lit = np.clip(texture() * gain, 0, 255).astype(np.uint8)
    memory.add(lit, half())
    right = memory.colours[:, 3 * SIZE // 4 :]  # not seen in the new light
    assert np.abs(right - lit[:, 3 * SIZE // 4 :]).mean() < 4


@pytest.mark.parametrize("gain", [(0.7, 0.7, 0.7), (1.3, 1.0, 0.8)])
def test_light_gain_recovers_a_known_gain(gain):
    now = np.clip(texture() * np.float32(gain), 0, 255).astype(np.float32)
    found = light_gain(now, texture().astype(np.float32), half())
    np.testing.assert_allclose(found.mean((0, 1)), gain, rtol=0.04)  # where nothing is seen, too


def test_light_gain_follows_light_from_one_side():
    slope = np.linspace(0.7, 1.3, SIZE, dtype=np.float32)[None, :, None]
    found = light_gain(texture() * slope, texture().astype(np.float32), ALL)
    np.testing.assert_allclose(found[:, 40:-40], np.broadcast_to(slope, found.shape)[:, 40:-40], atol=0.08)


def test_light_gain_of_black_is_bounded():
    black = np.zeros((SIZE, SIZE, 3), np.float32)
    assert np.isfinite(light_gain(black, black, ALL)).all()
    assert light_gain(black, black + 255, ALL).min() > 0
    assert np.isfinite(cell_gain(np.zeros((4, 4, 3)), np.zeros((4, 4, 3)), np.zeros((4, 4, 1)))).all()


def test_the_unseen_side_is_the_mirror_image(memory):
    memory.add(texture(), half())
    filled = memory.texture
    checked = surface().symmetric & surface().unwrapper.covered
    checked[:, : SIZE // 2 + 12] = False
    mirrored = texture()[:, ::-1]
    assert filled.shares[..., 0][checked].max() == 0
    assert filled.shares[..., 1][checked].min() == 255
    assert np.abs(filled.colours[checked].astype(int) - mirrored[checked]).mean() < 6


def test_the_mirror_image_is_lit_for_its_side(memory):
    even = ((texture().astype(np.float32) + texture()[:, ::-1]) / 2) * 0.9
    slope = np.linspace(0.8, 1.2, SIZE, dtype=np.float32)[None, :, None]
    lit = (even * slope).astype(np.uint8)
    weight = ALL.copy()
    weight[110:160, 150:200] = 0  # one cheek was never seen
    memory.add(lit, weight)
    found = memory.texture.colours[115:155, 155:195].astype(float)
    unlit = lit[:, ::-1][115:155, 155:195]
    assert (
        np.abs(found - lit[115:155, 155:195]).mean() < 0.6 * np.abs(unlit - lit[115:155, 155:195].astype(float)).mean()
    )


def test_the_inside_of_the_mouth_is_not_mirrored():
    texels = surface().unwrapper.spread(surface().mouth_inside.astype(np.float32)) > 0.5
    assert not surface().symmetric[texels].any()


def test_what_is_first_hand_comes_before_the_mirror_image(memory):
    memory.add(texture(), ALL)
    assert memory.texture.shares[..., 1].max() == 0


def expression(**values):
    out = np.zeros(52, np.float32)
    for name, value in values.items():
        out[model().expression_names.index(name)] = value
    return out


def test_a_closed_eye_says_nothing_of_the_eyeball():
    shown = surface().shown(expression(eyeBlinkRight=0.9))
    assert shown[surface().eyes[0]].max() == 0
    assert shown[surface().eyes[1]].min() == 1


def test_a_closed_mouth_says_nothing_of_its_inside():
    inside = surface().mouth_inside
    assert surface().shown(expression())[inside].max() == 0
    assert surface().shown(expression(jawOpen=0.6, mouthClose=0.6))[inside].max() == 0
    assert surface().shown(expression(jawOpen=0.6))[inside].min() == 1


def test_a_picture_goes_into_the_map_and_comes_back():
    points = vertices()
    found = surface().unwrapper.unwrap(picture(points, texture()), points)
    clearly = (weight_of(points) > 0.95) & surface().unwrapper.covered
    clearly = cv2.erode(clearly.astype(np.uint8), np.ones((5, 5))) > 0
    assert clearly.sum() > 0.2 * clearly.size
    assert np.abs(found[clearly].astype(int) - texture()[clearly]).mean() < 6


def test_a_face_is_like_itself_in_another_light(memory):
    memory.add(texture(), ALL)
    assert memory.likeness(np.clip(texture() * 0.6 + 10, 0, 255).astype(np.uint8), ALL) > 0.9


def test_a_face_is_not_like_another(memory):
    memory.add(texture(), ALL)
    assert memory.likeness(texture(1), ALL) < 0.4


def test_too_little_in_view_says_nothing(memory):
    memory.add(texture(), ALL)
    few = np.zeros_like(ALL)
    few[:40] = 1
    assert memory.likeness(texture(1), few) is None


def test_it_starts_from_a_person(memory):
    person = Person(texture(), ALL * 2, np.zeros(80, np.float32), np.zeros((256, 256), np.float16))
    memory.start_from(person)
    np.testing.assert_array_equal(memory.texture.colours, texture())


def test_a_persons_relief_at_another_size():
    relief = np.full((256, 256), 0.5, np.float16)
    heights, known = Person(texture(), half() * 3, np.zeros(80, np.float32), relief).relief_at(128)
    np.testing.assert_allclose(heights, 0.5)
    assert known[:, :60].min() == 1
    assert known[:, 68:].max() == 0
