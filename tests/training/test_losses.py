"""The losses: what teaches, what does not, and what counts more."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.training import losses  # noqa: E402
from engines.training.labels import HEADWEAR, PART, UNKNOWN  # noqa: E402


def test_unknown_labels_teach_nothing():
    logits = torch.randn(1, 13, 2, 2, requires_grad=True)
    codes = torch.tensor([[[PART["skin"], UNKNOWN], [HEADWEAR, PART["hair"]]]])
    losses.parts_loss(logits, codes, torch.ones(13), torch.zeros(1, 2, 2)).backward()
    taught = logits.grad.abs().sum(1)[0] > 0
    assert taught.tolist() == [[True, False], [False, True]]


def test_the_parts_loss_is_the_weighted_cross_entropy_where_nothing_is_hidden():
    torch.manual_seed(0)
    logits, codes, weights = torch.randn(2, 13, 4, 4), torch.randint(0, 13, (2, 4, 4)), torch.rand(13) + 0.5
    found = losses.parts_loss(logits, codes, weights, torch.zeros(2, 4, 4))
    assert found.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, codes, weights).item(), rel=1e-5)


def test_hidden_parts_teach_more():
    logits = torch.zeros(1, 13, 1, 2, requires_grad=True)
    codes = torch.full((1, 1, 2), PART["skin"])
    losses.parts_loss(logits, codes, torch.ones(13), torch.tensor([[[0.0, 1.0]]])).backward()
    seen, hidden = logits.grad.abs().sum(1)[0, 0].tolist()
    assert hidden == pytest.approx((1 + losses.HIDDEN_PARTS) * seen)


def test_unjudged_pixels_do_not_teach_the_mask():
    logits = torch.randn(1, 1, 2, 2, requires_grad=True)
    judged = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
    face = torch.ones(1, 1, 2, 2)
    losses.mask_loss(logits, torch.ones(1, 1, 2, 2), judged, face).backward()
    assert (logits.grad[0, 0] != 0).tolist() == [[True, False], [False, True]]


def test_a_right_mask_costs_less_than_a_wrong_one():
    truth = torch.zeros(1, 1, 8, 8)
    truth[..., :4] = 1
    whole = torch.ones_like(truth)
    right, wrong = (losses.mask_loss(s * (truth * 10 - 5), truth, whole, whole) for s in (1, -1))
    assert right < 0.05 < 2 < wrong


def test_a_thin_thing_missed_costs_nearly_as_much_as_a_large_one():
    thin, large, whole = torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 32), torch.ones(1, 1, 32, 32)
    thin[..., 4], large[..., :16] = 1, 1
    nothing = torch.full_like(whole, -2.0)
    costs = [float(losses.mask_loss(nothing, truth, whole, whole)) for truth in (thin, large)]
    assert costs[0] > 0.4 * costs[1]


def test_a_mistake_on_the_face_costs_more_than_one_beside_it():
    truth, face = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
    face[..., :4], truth[..., 3:5] = 1, 1
    wrong = 10 * truth - 5
    on_face, beside = wrong.clone(), wrong.clone()
    on_face[..., 3], beside[..., 4] = -5, -5
    costs = [float(losses.mask_loss(x, truth, torch.ones_like(truth), face)) for x in (on_face, beside)]
    assert costs[0] > costs[1] + 0.2


def test_the_log_error_is_minus_the_mean_psnr():
    clean, weight = torch.zeros(2, 3, 8, 8), torch.ones(2, 1, 8, 8)
    found = torch.stack([torch.full((3, 8, 8), 0.2), torch.full((3, 8, 8), 0.4)])
    decibels = -10 / np.log(10) * float(losses.log_error(found, clean, weight))
    # Values in -1..1 have a range of 2.
    expected = np.mean([10 * np.log10(1 / (x**2 + losses.LEAST_ERROR)) for x in (0.2, 0.4)])
    assert decibels == pytest.approx(expected, abs=1e-3)


def test_crops_in_which_nothing_is_hidden_have_no_log_error():
    clean, weight = torch.zeros(2, 3, 8, 8), torch.ones(2, 1, 8, 8)
    weight[1] = 0
    found = torch.full((2, 3, 8, 8), 0.2)
    found[1] = 1
    alone = losses.log_error(found[:1], clean[:1], weight[:1])
    assert float(losses.log_error(found, clean, weight)) == pytest.approx(float(alone))
    assert float(losses.log_error(found, clean, 0 * weight)) == 0


def test_eyeglasses_do_not_disturb_what_lies_behind_them():
    logits = torch.randn(1, 14, 2, 2, requires_grad=True)
    losses.eyeglasses_loss(logits, torch.ones(1, 2, 2), torch.ones(1, 2, 2)).backward()
    assert logits.grad[:, :-1].abs().max() == 0
    assert (logits.grad[:, -1] < 0).all()


def test_style_is_blind_to_where_and_sees_only_the_hole():
    features = [torch.randn(1, 4, 8, 8)]
    weight = torch.zeros(1, 1, 8, 8)
    weight[..., :4, :] = 1
    moved = [torch.cat([features[0][..., :4, :].flip(-1), torch.randn(1, 4, 4, 8)], 2)]
    assert losses.style_distance(moved, features, weight) == pytest.approx(0, abs=1e-5)
    assert losses.style_distance([features[0] * 2], features, weight) > 0.5


def test_weighted_l1_is_a_mean_over_the_weight():
    a, b = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    weight = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    assert losses.weighted_l1(a, b, weight) == pytest.approx(1.0)


def test_tone_sees_light_and_not_texture():
    texture = torch.rand(1, 3, 16, 16)
    weight = torch.ones(1, 1, 16, 16)
    shuffled = texture.reshape(1, 3, 2, 8, 2, 8).flip(3, 5).reshape(1, 3, 16, 16)
    assert losses.tone_distance(shuffled, texture, weight) == pytest.approx(0, abs=1e-6)
    assert losses.tone_distance(texture + 0.5, texture, weight) == pytest.approx(0.5, abs=1e-5)
