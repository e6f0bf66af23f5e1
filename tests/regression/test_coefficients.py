"""The coefficients' own training: they come nearer to the truth, and nothing else changes."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from engines.networks import RegressionConfig, RegressionNetwork, save_network  # noqa: E402
from engines.training.regression import coefficients  # noqa: E402
from engines.training.regression.mesh import FaceMesh  # noqa: E402

COUNT = 6


@pytest.fixture
def task(model, tmp_path, monkeypatch):
    monkeypatch.setattr(coefficients, "choose_precision", lambda *_: torch.float32)
    torch.manual_seed(0)
    config = RegressionConfig(identity=len(model.identity_basis), albedo=len(model.albedo_basis))
    path = tmp_path / "trained.pt"
    trained = RegressionNetwork(config)
    save_network(path, trained)
    around = SimpleNamespace(samples={}, mesh=FaceMesh(model), network=RegressionNetwork(config))
    task = coefficients.CoefficientsTask(around, path)
    assert torch.equal(task.network.heads.weight, trained.heads.weight)
    return task


def batch(network):
    """Crops that all differ, of the same head."""
    image = (torch.rand(COUNT, 128, 128, 3) * 255).to(torch.uint8)
    with torch.no_grad():
        truth = RegressionNetwork(network.config)(torch.zeros(2, 3, 128, 128))._asdict()
    truth = {name: value[:1].repeat(COUNT, *[1] * (value.ndim - 1)) for name, value in truth.items()}
    truth["identity"] += 0.5
    return truth | {
        "image": image,
        "clean": image,
        "mesh_landmarks": truth["landmarks"],
        "bump_known": torch.ones(COUNT, 1, 128, 128),
        "rendered": torch.ones(COUNT),
        "judged": torch.ones(COUNT, 1, 128, 128),
    }


def test_coefficients_come_nearer_and_the_rest_stays(task):
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    crops = batch(task.network)
    costs = [task.step(crops, number)["identity"] for number in range(20)]
    assert min(costs[-3:]) < 0.8 * costs[0]
    changed = {name for name, value in task.network.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in changed} == {"features", "heads"}


def test_the_bump_map_is_not_asked_for(task):
    assert not {"bump", "slope"} & set(task.step(batch(task.network), 0))
