import numpy as np
import pytest

torch = pytest.importorskip("torch")

from engines.networks.regression import Regressed  # noqa: E402
from engines.training.regression import losses  # noqa: E402
from engines.training.regression.mesh import FaceMesh, project, rotation_of, torch_sh_basis  # noqa: E402
from realtime.camera import FACING, picture_vertices, rotation_from_vector  # noqa: E402
from realtime.light import sh_basis  # noqa: E402
from realtime.regressed import CropPose, crop_camera  # noqa: E402


@pytest.fixture(scope="module")
def mesh(model):
    return FaceMesh(model)


def coefficients(model, rng, count=3):
    identity = rng.standard_normal((count, len(model.identity_basis))).astype(np.float32)
    expression = np.zeros((count, 52), np.float32)
    expression[:, rng.integers(0, 52, 5)] = 0.5
    poses = [
        CropPose(rotation_from_vector(rng.normal(0, 0.3, 3)) @ FACING, 0.47, rng.normal(0, 0.05, 2))
        for _ in range(count)
    ]
    return identity, expression, poses


def test_landmarks_fall_where_the_numpy_model_has_them(model, mesh, rng):
    identity, expression, poses = coefficients(model, rng)
    # The eyeballs turn in the model; here only their first order does.
    look = [i for i, name in enumerate(model.expression_names) if name.startswith("eyeLook")]
    expression[:, look] = 0
    found = project(
        mesh.landmarks(torch.from_numpy(identity), torch.from_numpy(expression)),
        torch.from_numpy(np.stack([p.vector() for p in poses])),
    )
    for i, pose in enumerate(poses):
        vertices = model.vertices(identity[i], expression[i])
        points = model.landmarks(picture_vertices(vertices, pose.pose(), crop_camera(128)))[:, :2]
        np.testing.assert_allclose(128 * found[i].numpy(), points, atol=0.05)


def test_rotation_agrees_with_numpy(rng):
    vector = rng.normal(size=(4, 9)).astype(np.float32)
    expected = [CropPose.from_vector(v).rotation for v in vector]
    np.testing.assert_allclose(rotation_of(torch.from_numpy(vector)).numpy(), expected, atol=1e-5)


def test_sh_basis_agrees_with_numpy(rng):
    normals = rng.normal(size=(20, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    np.testing.assert_allclose(torch_sh_basis(torch.from_numpy(normals)[None])[0].numpy(), sh_basis(normals), atol=1e-5)


@pytest.fixture
def perfect(model, mesh, rng):
    identity, expression, poses = (torch.from_numpy(np.stack(a)) for a in (
        *(c for c in coefficients(model, rng)[:2]), [p.vector() for p in coefficients(model, rng)[2]],
    ))  # fmt: skip
    points = project(mesh.landmarks(identity, expression), poses)
    bump = torch.rand(3, 1, 128, 128)
    albedo, light = torch.zeros(3, len(model.albedo_basis)), torch.rand(3, 27)
    out = Regressed(identity, expression, albedo, light, poses, points, bump)
    truth = out._asdict() | {
        "mesh_landmarks": points,
        "bump_known": torch.ones(3, 1, 128, 128),
        "rendered": torch.tensor([0.0, 1.0, 0.0]),
        "target": torch.rand(3, 3, 128, 128),
        "judged": torch.zeros(3, 1, 128, 128),
    }
    return out, truth


def test_losses_vanish_at_the_truth(mesh, perfect):
    for name, value in losses.regression_losses(*perfect, mesh).items():
        assert float(value) == pytest.approx(0, abs=2e-4), name


@pytest.mark.parametrize("name", ["identity", "expression", "pose", "landmarks", "bump", "light"])
def test_every_output_is_asked_for(mesh, perfect, name):
    out, truth = perfect
    moved = out._replace(**{name: getattr(out, name) + 0.1 * torch.rand_like(getattr(out, name))})
    assert float(losses.total(losses.regression_losses(moved, truth, mesh))) > 1e-3


def test_unknown_bump_does_not_count(mesh, perfect):
    out, truth = perfect
    truth = truth | {"bump_known": torch.zeros(3, 1, 128, 128)}
    found = losses.regression_losses(out._replace(bump=-out.bump), truth, mesh)
    assert float(found["bump"]) == 0
    assert float(found["slope"]) == 0


def test_photometric_is_zero_where_the_colours_are_the_models(mesh, model):
    """An even grey picture, and a light that makes an even grey of the skin: only the albedo's pattern is left."""
    identity, expression = torch.zeros(1, len(model.identity_basis)), torch.zeros(1, 52)
    pose = torch.from_numpy(CropPose(FACING, 0.47, np.array([0.0, -0.1])).vector()[None])
    light = torch.zeros(1, 27)
    light[:, [0, 9, 18]] = 2.0
    out = Regressed(identity, expression, torch.zeros(1, len(model.albedo_basis)), light, pose, None, None)
    color, facing = mesh.skin_color(out.albedo, light, pose)
    mean = color[facing > 0].mean(0)
    truth = {
        "identity": identity, "expression": expression, "pose": pose,
        "target": mean[None, :, None, None].expand(1, 3, 128, 128).contiguous(),
        "judged": torch.ones(1, 1, 128, 128),
    }  # fmt: skip
    near = float(losses.photometric(out, truth, mesh))
    far = float(losses.photometric(out._replace(light=3 * light), truth, mesh))
    assert near < 0.25 < far
