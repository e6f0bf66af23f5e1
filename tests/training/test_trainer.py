"""The training loop, and the tasks that it runs."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.networks import CompletionConfig, CompletionNetwork, ContourConfig, ContourNetwork, load_network  # noqa: E402
from engines.training import completion, contour, slim  # noqa: E402
from engines.training.samples import Batches, make_sample, to_network  # noqa: E402
from engines.training.trainer import LONGEST_STEP, Average, Plan, Trainer  # noqa: E402
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
    config = ContourConfig(size=32, channels=(SMALL[0] // 2, *SMALL[1:]), skip=1, parts_kernel=1)
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


def test_a_pause_is_no_training_time(tmp_path, store, samples, no_curves, monkeypatch):
    clock = [0.0]

    def monotonic():
        clock[0] += 1000.0  # as if the machine had slept in every step
        return clock[0]

    monkeypatch.setattr("engines.training.trainer.time.monotonic", monotonic)
    trainer = contour_trainer(samples, tmp_path, 2)
    trainer.run(batches(store))
    assert trainer.seconds == 2 * LONGEST_STEP
