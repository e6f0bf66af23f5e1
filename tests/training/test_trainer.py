import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.networks import CompletionConfig, CompletionNetwork, ContourConfig, ContourNetwork, load_network  # noqa: E402
from engines.training import completion, contour, losses, screen, slim  # noqa: E402
from engines.training.labels import HEADWEAR, PART, UNKNOWN  # noqa: E402
from engines.training.samples import Batches, make_sample, to_network  # noqa: E402
from engines.training.trainer import LONGEST_STEP, Average, Plan, Trainer  # noqa: E402
from engines.training.validation import mask_iou, part_ious, psnr  # noqa: E402
from realtime.errors import UserError  # noqa: E402

from .faces import library, store_of  # noqa: E402

SMALL = (4, 6, 8, 10)


@pytest.fixture(scope="module")
def store():
    return store_of(8)


@pytest.fixture(scope="module")
def samples(store):
    kinds = {"hand": ["hand"], "glasses": ["glasses"], "clear": []}
    return {
        name: [make_sample(store, i, library(), np.random.default_rng(i), 32, k) for i in range(4)]
        for name, k in kinds.items()
    }


@pytest.fixture(autouse=True)
def one_thread_no_measuring(monkeypatch):
    torch.set_num_threads(1)
    for module in (contour, completion):
        monkeypatch.setattr(module, "choose_precision", lambda *_: torch.float32)


@pytest.fixture
def no_curves(monkeypatch):
    monkeypatch.setattr("engines.training.trainer.draw_curves", lambda *_: None)


def contour_trainer(samples, folder, steps, seed=3):
    torch.manual_seed(seed)
    task = contour.ContourTask(samples, ContourNetwork(ContourConfig(size=32, channels=SMALL)))
    return Trainer(task, Plan(1.0, 1e-3, steps=steps), folder, seed)


def batches(store, start=0):
    source = Batches(store, np.arange(len(store)), library(), ((32, 2),), 3)
    number = start
    while True:
        yield source[number]
        number += 1


def test_resumed_training_ends_where_an_uninterrupted_one_does(tmp_path, store, samples, no_curves):
    whole = contour_trainer(samples, tmp_path / "whole", 4)
    whole.run(batches(store))
    part = contour_trainer(samples, tmp_path / "part", 4)

    def interrupted():
        for i, batch in enumerate(batches(store)):
            if i == 2:
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(UserError, match="interrupted"):
        part.run(interrupted())
    rest = contour_trainer(samples, tmp_path / "part", 4, seed=99)
    rest.resume()
    assert rest.step == 2
    rest.run(batches(store, rest.step))
    for name, value in whole.task.network.state_dict().items():
        assert torch.equal(value, rest.task.network.state_dict()[name]), name
    assert all(torch.equal(value, rest.average.state[name]) for name, value in whole.average.state.items())


def test_a_run_leaves_a_network_curves_and_a_sheet(tmp_path, store, samples):
    trainer = contour_trainer(samples, tmp_path, 2)
    trainer.run(batches(store))
    assert load_network(tmp_path / "checkpoint.pt", "contour").config.channels == SMALL
    assert (tmp_path / "curves.png").stat().st_size > 0
    assert (tmp_path / "sheet_000002.png").stat().st_size > 0
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"iou", "iou_hand", "false", "parts", "iou_eyeglasses"} <= set(rows[-1])
    assert not list(tmp_path.glob("*.part"))


def test_a_checkpoint_of_another_shape_is_refused(tmp_path, store, samples, no_curves):
    contour_trainer(samples, tmp_path, 1).run(batches(store))
    other = Trainer(
        contour.ContourTask(samples, ContourNetwork(ContourConfig(size=32, channels=(4, 6, 8, 12)))),
        Plan(1.0, 1e-3),
        tmp_path,
        0,
    )
    with pytest.raises(UserError, match="another shape"):
        other.resume()


def test_who_goes_on_from_trained_weights_takes_smaller_strides(tmp_path, samples):
    first = contour_trainer(samples, tmp_path / "first", 1)
    (tmp_path / "first").mkdir()
    first.save()
    second = contour_trainer(samples, tmp_path / "second", 1)
    second.start_from(first.checkpoint)
    assert second.plan.rate < first.plan.rate
    (tmp_path / "second").mkdir()
    second.save()
    third = contour_trainer(samples, tmp_path / "second", 1)
    third.resume()  # in the strides that it was begun with
    assert third.plan.rate == second.plan.rate


def test_resuming_nothing_is_the_users_mistake(tmp_path, samples):
    with pytest.raises(UserError, match="no checkpoint"):
        contour_trainer(samples, tmp_path, 1).resume()


def test_the_completion_learns_and_repeats_itself(tmp_path, store, samples, no_curves):
    def run(folder):
        torch.manual_seed(1)
        guide = ContourNetwork(ContourConfig(size=32, channels=SMALL))
        task = completion.CompletionTask(guide, samples, 1, CompletionNetwork(CompletionConfig(channels=SMALL)))
        trainer = Trainer(task, Plan(1.0, 1e-3, steps=2), folder, 1)
        trainer.run(batches(store))
        return trainer

    first, second = run(tmp_path / "a"), run(tmp_path / "b")
    assert torch.equal(first.task.network.body.head.weight, second.task.network.body.head.weight)
    assert {"psnr", "psnr_hand", "sharpness"} <= set(first.log[-1])
    assert not any(p.requires_grad for p in first.task.guide.network.parameters())
    assert load_network(tmp_path / "a" / "checkpoint.pt", "completion")


def test_a_slim_painter_learns_from_a_large_one_and_leaves_it_alone(tmp_path, store, samples, no_curves):
    torch.manual_seed(1)
    teacher = CompletionNetwork(CompletionConfig(channels=SMALL))
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    config = CompletionConfig(channels=(SMALL[0] // 2, *SMALL[1:]), skip=1)
    task = slim.SlimCompletionTask(ContourNetwork(ContourConfig(size=32, channels=SMALL)), samples, 1, teacher, config)
    trainer = Trainer(task, Plan(1.0, 1e-3, steps=2), tmp_path, 1)
    trainer.run(batches(store))
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    assert {"psnr", "psnr_hand", "sharpness"} <= set(trainer.log[-1])
    assert load_network(tmp_path / "checkpoint.pt", "completion").config == config


def test_a_slim_contour_network_learns_from_a_large_one_beside_the_truth(
    tmp_path, store, samples, no_curves, monkeypatch
):
    """A teacher that sees ears everywhere, where the truth has none."""
    torch.manual_seed(1)
    teacher = ContourNetwork(ContourConfig(size=32, channels=SMALL)).eval()
    ears = teacher.config.parts.index("ears")
    with torch.no_grad():
        teacher.parts.bias.view(-1, 4)[ears] = 2.0
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    config = ContourConfig(size=32, channels=(SMALL[0] // 2, *SMALL[1:]), skip=1, drawn=1)
    image = to_network(torch.from_numpy(np.stack([s.covered for s in samples["hand"]])))
    share = {}
    for weight in (slim.TAUGHT_PARTS, 0.0):
        monkeypatch.setattr(slim, "TAUGHT_PARTS", weight)
        folder = tmp_path / str(weight)
        trainer = Trainer(slim.SlimContourTask(samples, teacher, config), Plan(1.0, 3e-2, steps=120), folder, 1)
        trainer.run(batches(store))
        assert {"iou", "iou_hand", "false"} <= set(trainer.log[-1])
        slim_one = load_network(folder / "checkpoint.pt", "contour")
        assert slim_one.config == config
        with torch.no_grad():
            share[weight] = float(slim_one(image)[1][:, ears].mean())
    taught, untaught = share.values()
    assert taught > untaught + 0.1
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_the_plan_warms_up_and_dies_away():
    plan = Plan(minutes=10, rate=1.0)
    assert plan.progress(0, 300) == 0.5
    assert plan.rate_at(0, 0.0) == pytest.approx(0.01)
    assert plan.rate_at(500, 0.0) == pytest.approx(1.0)
    assert plan.rate_at(500, 1.0) == pytest.approx(0.02)
    assert plan.rate_at(500, 0.2) > plan.rate_at(500, 0.4)


def test_the_average_follows_slowly_and_counts_exactly():
    layer = torch.nn.BatchNorm2d(1)
    average = Average(layer, decay=0.9)
    with torch.no_grad():
        layer.weight.fill_(2.0)
        layer.num_batches_tracked.fill_(7)
    average.update(layer, step=10_000)
    assert average.state["weight"].item() == pytest.approx(1.1)
    assert average.state["num_batches_tracked"].item() == 7


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


def test_masks_to_paint_are_wider_than_found_and_repeat(samples):
    task = completion.CompletionTask(ContourNetwork(ContourConfig(size=32, channels=SMALL)), samples, 1)
    truth = torch.zeros(6, 1, 48, 48)
    truth[..., 16:32, 16:32] = 1
    found = torch.nn.functional.interpolate(truth, size=(32, 32))
    masks = task.masks(found, truth, 4)
    assert masks.shape == truth.shape
    assert 0 <= masks.min() <= masks.max() <= 1
    assert (masks[..., 18:30, 18:30] == 1).all()
    assert torch.equal(masks, task.masks(found, truth, 4))


def test_iou_is_counted_inside_the_face_only(samples):
    sample = samples["clear"][0]
    everything = np.ones((32, 32), bool)
    assert mask_iou(everything, sample) == 0.0
    assert mask_iou(~everything, sample) is None


def test_part_iou_of_a_known_case():
    truth, found = np.array([[1, 1, 2, 255]], np.uint8), np.array([[1, 2, 2, 9]], np.uint8)
    assert part_ious([found], [truth], [truth < 255]) == {1: 0.5, 2: 0.5}


def test_psnr_of_a_known_error():
    a = np.zeros((4, 4, 3), np.uint8)
    assert psnr(a, a + 255, np.ones((4, 4), bool)) == pytest.approx(0.0)
    assert psnr(a, a + 51, np.eye(4, dtype=bool)) == pytest.approx(20 * np.log10(5))


def test_screening_leaves_covered_faces_out(tmp_path, store):
    class Blind(torch.nn.Module):
        config = ContourConfig(size=32)

        def forward(self, image):
            return torch.zeros(len(image), 1, 32, 32), None

    codes = store.labels.copy()
    codes[3][codes[3] == PART["nose"]] = PART["eyeglasses"]
    changed = type(store)(store.names, store.images, codes, store.landmarks, store.hand_made)
    assert screen.screen(changed, Blind(), tmp_path) == [store.names[3]]
    assert screen.left_out_names(tmp_path) == [store.names[3]]
    assert screen.left_out_names(tmp_path / "elsewhere") == []


def test_a_pause_is_no_training_time(tmp_path, store, samples, no_curves, monkeypatch):
    clock = [0.0]

    def monotonic():
        clock[0] += 1000.0  # as if the machine had slept in every step
        return clock[0]

    monkeypatch.setattr("engines.training.trainer.time.monotonic", monotonic)
    trainer = contour_trainer(samples, tmp_path, 2)
    trainer.run(batches(store))
    assert trainer.seconds == 2 * LONGEST_STEP
