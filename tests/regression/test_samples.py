import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from engines.networks import ContourNetwork  # noqa: E402
from engines.training import labels  # noqa: E402
from engines.training.regression.bump_targets import BUMP_SIDE, UNKNOWN  # noqa: E402
from engines.training.regression.examples import Examples, centered  # noqa: E402
from engines.training.regression.mesh import FaceMesh, project  # noqa: E402
from engines.training.regression.pseudo_truth import STORE_CAMERA  # noqa: E402
from engines.training.regression.samples import Source, exposure, fill, make_sample, stack  # noqa: E402
from engines.training.regression.task import RegressionTask, hidden_points, relit  # noqa: E402
from engines.training.store import SIDE  # noqa: E402
from realtime.camera import FACING, make_pose, picture_vertices  # noqa: E402


@pytest.fixture
def source(model, rng):
    identity = rng.standard_normal((1, len(model.identity_basis))).astype(np.float32)
    expression = np.zeros((1, 52), np.float32)
    vertices = model.vertices(identity[0], expression[0])
    pose = centered(model, vertices, make_pose(FACING, np.array([0.0, 0.0, 700.0])))
    points = model.landmarks(picture_vertices(vertices, pose, STORE_CAMERA))[:, :2]
    bump = np.full((1, BUMP_SIDE, BUMP_SIDE), UNKNOWN, np.int8)
    bump[:, 40:120, 40:120] = 30
    examples = Examples(
        images=rng.integers(60, 200, (1, SIDE, SIDE, 3)).astype(np.uint8),
        landmarks=points[None],
        fitted=points[None],
        identity=identity,
        expression=expression,
        pose=pose[None],
        albedo=np.zeros((1, len(model.albedo_basis)), np.float32),
        light=rng.normal(size=(1, 27)).astype(np.float32),
        bump=bump,
    )
    return Source(examples, np.array([0]), True)


def test_truth_moves_with_the_jittered_crop(model, source):
    """Coefficients and pose of a jittered crop still project onto its landmarks."""
    mesh = FaceMesh(model)
    for seed in range(5):
        sample = make_sample(source, 0, None, np.random.default_rng(seed), 128, jitter=1.0)
        points = project(
            mesh.landmarks(*(torch.from_numpy(a)[None] for a in (sample.identity, sample.expression))),
            torch.from_numpy(sample.pose)[None],
        )
        assert np.abs(128 * (points[0].numpy() - sample.mesh_landmarks)).mean() < 0.35
        np.testing.assert_allclose(sample.landmarks, sample.mesh_landmarks, atol=1e-6)


def test_bump_follows_the_crop(source):
    sample = make_sample(source, 0, None, np.random.default_rng(0), 128, jitter=0.0)
    known = sample.bump_known > 0
    assert known[50:80, 50:80].all()
    assert not known[:10].any()
    np.testing.assert_allclose(sample.bump[known], 0.5, atol=1e-3)


def test_the_same_seed_gives_the_same_sample(source):
    one, two = (make_sample(source, 0, None, np.random.default_rng(3), 128) for _ in range(2))
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(one.pose, two.pose)


def test_fill_touches_only_what_is_hidden(rng):
    image = rng.integers(0, 255, (64, 64, 3)).astype(np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 20:40] = 1
    for seed in range(6):
        out = fill(image, mask, [image], np.random.default_rng(seed))
        np.testing.assert_array_equal(out[:16], image[:16])
        np.testing.assert_array_equal(out[44:], image[44:])
    assert fill(image, np.zeros_like(mask), [image], rng) is image


def test_exposure(rng):
    before = rng.integers(40, 120, (20, 20, 3)).astype(np.uint8)
    skin = np.ones((20, 20), bool)
    np.testing.assert_allclose(exposure(before, before, skin), 1, atol=1e-6)
    assert (exposure(before, (before * 1.5).astype(np.uint8), skin) > 1.5).all()
    np.testing.assert_array_equal(exposure(before, before, ~skin), 1)


def test_a_step_learns_and_a_sheet_is_drawn(model, source):
    torch.manual_seed(0)
    samples = [make_sample(source, 0, None, np.random.default_rng(i), 128) for i in range(4)]
    start = {"landmarks": torch.full((478, 2), 0.5), "light": torch.zeros(27)}
    task = RegressionTask(model, {"clear": samples}, start)
    for group in task.optimisers["network"].param_groups:
        group["lr"] = 3e-4
    losses = [task.step(stack(samples), number)["landmarks"] for number in range(8)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    task.network.eval()
    with torch.no_grad():
        assert task.validate(task.network)["points_clear"] > 0
        assert task.sheet(task.network).shape == (6 * 128, 4 * 128, 3)


def test_hidden_points_are_those_under_the_mask(source):
    batch = stack([make_sample(source, 0, None, np.random.default_rng(0), 128, jitter=0.0)])
    assert not hidden_points(batch).any()
    nose = (batch["landmarks"][0, 1] * 128).long()
    batch["mask"][0, 0, nose[1], nose[0]] = 1
    assert hidden_points(batch)[0, 1]


def test_relit_flat_is_grey():
    assert (relit(np.full((8, 8), 0.7, np.float32)) == 128).all()


def test_codes_of_photographs_say_what_is_judged(source):
    codes = np.full((1, SIDE, SIDE), labels.PART["hair"], np.uint8)
    hairy = Source(source.examples, source.indices, False, codes)
    assert not make_sample(hairy, 0, None, np.random.default_rng(0), 128).judged.any()


def test_what_the_contour_network_lends_learns_more_slowly(model, source):
    samples = [make_sample(source, 0, None, np.random.default_rng(i), 128) for i in range(2)]
    start = {"landmarks": torch.full((478, 2), 0.5), "light": torch.zeros(27)}
    task = RegressionTask(model, {"clear": samples}, start, ContourNetwork())
    own, lent = task.optimisers["network"].param_groups
    assert lent["factor"] < 1
    assert any(p is task.network.stem.conv.weight for p in lent["params"])
    assert len(own["params"]) + len(lent["params"]) == len(list(task.network.parameters()))
    task.step(stack(samples), 0)
    assert task.network.heads.weight.grad is not None


def test_a_wrong_data_folder_is_a_clear_mistake(tmp_path, monkeypatch, capsys):
    from engines.training import __main__ as command

    monkeypatch.setattr(command, "prepare_process", lambda: None)
    monkeypatch.setattr("sys.argv", ["training", "regression", "--data", str(tmp_path / "none"), "--threads", "1"])
    assert command.main() == 2
    message = capsys.readouterr().err.strip().splitlines()
    assert len(message) == 2
    assert "no data folder" in message[0]
