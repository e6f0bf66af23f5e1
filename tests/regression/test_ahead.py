import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from engines.training.regression.ahead import StoredBatches, exposed, make_ahead  # noqa: E402
from engines.training.regression.mesh import FaceMesh, project  # noqa: E402
from engines.training.regression.mirror import Mirror  # noqa: E402
from realtime.light import sh_basis  # noqa: E402

SIDE, COUNT = 16, 4


class Made:
    """Batches whose content is their number."""

    count, size, seed, rendered = COUNT, SIDE, 0, 0.45

    def __init__(self, model):
        self.model, self.made = model, 0

    def __getitem__(self, number):
        self.made += 1
        rng = np.random.default_rng(number)

        def some(*shape):
            return torch.from_numpy(rng.uniform(0.1, 0.9, (COUNT, *shape)).astype(np.float32))

        picture = torch.from_numpy(rng.integers(50, 200, (COUNT, SIDE, SIDE, 3)).astype(np.uint8))
        known = (some(1, SIDE, SIDE) > 0.5).float()
        return {
            "image": picture,
            "clean": picture.clone(),
            "mask": (some(1, SIDE, SIDE) > 0.5).float(),
            "judged": (some(1, SIDE, SIDE) > 0.5).float(),
            "bump": torch.round(60 * some(1, SIDE, SIDE)) / 60 * known,
            "bump_known": known,
            "identity": some(len(self.model.identity_basis)),
            "expression": some(52),
            "albedo": some(len(self.model.albedo_basis)),
            "light": some(27),
            "pose": some(9),
            "landmarks": some(478, 2),
            "mesh_landmarks": some(478, 2),
            "rendered": torch.zeros(COUNT),
        }


@pytest.fixture
def made(model):
    return Made(model)


@pytest.fixture(scope="module")
def mirror(model):
    return Mirror.of(model, model.landmarks(model.mean)[:, :2])


def test_samples_are_made_once(made, tmp_path):
    make_ahead(made, 3, tmp_path / "samples", "faces")
    make_ahead(made, 3, tmp_path / "samples", "faces")
    assert made.made == 3
    make_ahead(made, 3, tmp_path / "samples", "other faces")
    assert made.made == 6


def test_an_interrupted_making_starts_anew(made, tmp_path):
    class Broken(Made):
        def __getitem__(self, number):
            if number == 1:
                raise KeyError(number)
            return super().__getitem__(number)

    with pytest.raises(KeyError):
        make_ahead(Broken(made.model), 3, tmp_path, "faces")
    make_ahead(made, 3, tmp_path, "faces")
    assert made.made == 3


def test_every_sample_comes_once_a_round(made, mirror, tmp_path):
    batches = StoredBatches(make_ahead(made, 3, tmp_path, "faces"), COUNT, 5, mirror)
    seen = torch.cat([batches[n]["expression"].sum(1) for n in range(3)]).sort().values
    every = torch.cat([made[n]["expression"].sum(1) for n in range(3)]).sort().values
    torch.testing.assert_close(seen, every)
    torch.testing.assert_close(batches[1]["image"], batches[1]["image"])


def test_what_is_stored_comes_back(made, mirror, tmp_path):
    make_ahead(made, 1, tmp_path, "faces")
    batches = StoredBatches(tmp_path, COUNT, 0, mirror)
    number = next(n for n in range(20) if not _is_mirrored(batches, n))
    got, want = batches[number], made[0]
    for name in ("mask", "judged", "bump", "bump_known", "pose", "landmarks", "identity"):
        torch.testing.assert_close(got[name], want[name], atol=1e-3, rtol=0)


def _is_mirrored(batches, number):
    return not torch.allclose(batches[number]["pose"], torch.from_numpy(np.array(batches.files["pose"])))


def test_mirror_twice_is_nothing(made, mirror):
    batch = made[0]
    again = mirror.apply(mirror.apply(batch))
    for name, value in batch.items():
        # The learned colours are not quite symmetric.
        tolerance = 1.5 if name == "albedo" else 0.02
        torch.testing.assert_close(again[name].float(), value.float(), atol=tolerance, rtol=0, msg=name)


def test_mirrored_coefficients_describe_the_mirrored_face(model, made, mirror):
    """Projected landmarks of mirrored coefficients are the mirrored landmarks."""
    mesh, batch = FaceMesh(model), made[0]
    batch["pose"] = torch.tensor([[0.9, 0.2, 0.1, 0.1, -0.95, 0.2, 0.5, 0.05, -0.03]]).repeat(COUNT, 1)
    batch["landmarks"] = project(mesh.landmarks(batch["identity"], batch["expression"]), batch["pose"])
    flipped = mirror.apply(batch)
    found = project(mesh.landmarks(flipped["identity"], flipped["expression"]), flipped["pose"])
    assert 128 * (found - flipped["landmarks"]).abs().mean() < 0.3  # px of a crop


def test_mirrored_light_shades_the_mirrored_normal_alike(made, mirror):
    batch = made[0]
    normals = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    before = sh_basis(normals) @ batch["light"][0].reshape(3, 9).numpy().T
    after = sh_basis(normals * [-1, 1, 1]) @ mirror.apply(batch)["light"][0].reshape(3, 9).numpy().T
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_exposure_brightens_light_and_picture_alike(made):
    batch = made[0]
    out = exposed(batch, np.random.default_rng(0))
    gain = out["light"][:, 0] / batch["light"][:, 0]
    seen = (out["image"][..., 0].float() / batch["image"][..., 0].float()).mean((1, 2)) ** 2.2
    torch.testing.assert_close(seen, gain, atol=0.05, rtol=0.05)
