"""The bump map's own training: what it is judged by, and that nothing else changes."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from engines.networks import RegressionConfig, RegressionNetwork, save_network  # noqa: E402
from engines.training.regression.relief import HIDDEN, PHOTOS, BumpTask, bump_error  # noqa: E402

SIDE = 128


def truth(count=2, rendered=1.0):
    bump = torch.zeros(count, 1, SIDE, SIDE)
    bump += 0.3 * torch.sin(torch.arange(SIDE) / 4.0)
    return {
        "bump": bump,
        "bump_known": torch.ones_like(bump),
        "mask": torch.zeros_like(bump),
        "rendered": torch.full((count,), rendered),
        "image": (torch.rand(count, SIDE, SIDE, 3) * 255).to(torch.uint8),
    }


def test_the_truth_costs_nothing_and_a_smooth_mesh_something():
    batch = truth()
    assert float(sum(bump_error(batch["bump"], batch).values())) == pytest.approx(0, abs=1e-6)
    assert float(bump_error(torch.zeros_like(batch["bump"]), batch)["slope"]) > 0.3


def test_a_constant_height_has_no_slope():
    batch = truth()
    errors = bump_error(batch["bump"] + 0.5, batch)
    assert float(errors["slope"]) == pytest.approx(0, abs=1e-5)
    assert float(errors["height"]) > 0


def test_what_is_unknown_does_not_count():
    batch = truth()
    batch["bump_known"][..., 64:] = 0
    wrong = batch["bump"].clone()
    wrong[..., 66:] += torch.rand(SIDE - 66)
    assert float(bump_error(wrong, batch)["slope"]) == pytest.approx(0, abs=1e-6)


def test_a_photographs_map_counts_less_beside_a_rendered_one():
    batch = truth()
    batch["rendered"][1] = 0
    first, second = batch["bump"].clone(), batch["bump"].clone()
    first[0], second[1] = 0, 0
    ratio = float(bump_error(second, batch)["slope"]) / float(bump_error(first, batch)["slope"])
    assert ratio == pytest.approx(PHOTOS, rel=1e-3)


def test_what_is_hidden_counts_less_than_what_is_seen():
    batch = truth()
    batch["mask"][1] = 1
    seen, hidden = batch["bump"].clone(), batch["bump"].clone()
    seen[0], hidden[1] = 0, 0
    for name in ("slope", "height"):
        ratio = float(bump_error(hidden, batch)[name]) / float(bump_error(seen, batch)[name])
        assert ratio == pytest.approx(HIDDEN, rel=1e-3)


def test_only_the_bump_map_learns(tmp_path):
    torch.manual_seed(0)
    config = RegressionConfig(identity=7, albedo=5)
    path = tmp_path / "trained.pt"
    save_network(path, RegressionNetwork(config))
    network = RegressionNetwork(config)
    task = BumpTask(SimpleNamespace(samples={}, mesh=None, network=network), path)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    batch = truth()
    costs = [sum(task.step(batch, number).values()) for number in range(12)]
    assert min(costs[-3:]) < 0.8 * costs[0]
    changed = {n for n, value in network.state_dict().items() if not torch.equal(value, before[n])}
    assert changed
    assert all(name.startswith("bump.") for name in changed)
