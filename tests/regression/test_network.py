import pytest

torch = pytest.importorskip("torch")

from engines.networks import ContourNetwork, RegressionConfig, RegressionNetwork, load_network, save_network  # noqa: E402
from engines.networks.contour import beside_mirror_image  # noqa: E402


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return RegressionNetwork(RegressionConfig(identity=7, albedo=5)).eval()


@pytest.fixture
def image():
    return torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_shapes(network, image):
    out = network(image)
    shapes = {name: tuple(value.shape) for name, value in out._asdict().items()}
    assert shapes == {
        "identity": (2, 7),
        "expression": (2, 52),
        "albedo": (2, 5),
        "light": (2, 27),
        "pose": (2, 9),
        "landmarks": (2, 478, 2),
        "bump": (2, 1, 128, 128),
    }


def test_ranges_hold_for_wild_weights(network, image):
    wild = RegressionNetwork(network.config).eval()
    with torch.no_grad():
        for parameter in wild.parameters():
            parameter.mul_(10)
        out = wild(image)
    assert out.expression.min() >= 0
    assert out.expression.max() <= 1
    assert out.bump.abs().max() <= network.config.bump_limit


def test_untrained_answers_with_the_face_it_starts_from(image):
    network = RegressionNetwork(RegressionConfig()).eval()
    mean = torch.rand(478, 2)
    light = torch.rand(27)
    network.start_from(mean, light)
    out = network(image)
    torch.testing.assert_close(out.landmarks, mean.expand(2, -1, -1), atol=0.05, rtol=0)
    torch.testing.assert_close(out.light, light.expand(2, -1), atol=0.05, rtol=0)
    assert out.expression.max() < 0.2


def test_rows_of_a_batch_do_not_mix(network, image):
    both, first = network(image), network(image[:1])
    torch.testing.assert_close(both.landmarks[:1], first.landmarks, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(both.bump[:1], first.bump, atol=1e-5, rtol=1e-5)


def test_wrong_input_says_what_was_expected(network):
    with pytest.raises(ValueError, match="multiples of 32"):
        network(torch.zeros(1, 3, 100, 100))


def test_checkpoint_round_trip(tmp_path, network, image):
    save_network(tmp_path / "r.pt", network)
    again = load_network(tmp_path / "r.pt", "regression")
    assert again.config == network.config
    torch.testing.assert_close(again(image).identity, network(image).identity)


def test_half_precision_range(network, image):
    """No activation comes near what FP16 can hold."""
    largest = []
    hooks = [m.register_forward_hook(lambda _m, _i, o: largest.append(o.abs().max())) for m in network.modules()
             if isinstance(m, torch.nn.Conv2d)]  # fmt: skip
    network(image)
    for hook in hooks:
        hook.remove()
    assert max(largest) < 1000


def test_takes_the_encoder_of_a_contour_network(image):
    contour, network = ContourNetwork().eval(), RegressionNetwork().eval()
    body = contour.body
    torch.nn.init.zeros_(body.stem.conv.weight[:, 12:])  # what it makes of the mirror image
    taken = network.take_encoder(contour)
    assert len(taken) == 1 + len(body.down)
    with torch.no_grad():
        expected = body.down[1](body.down[0](body.stem(body.enter(beside_mirror_image(image)))))
        found = taken[2](taken[1](taken[0](network.enter(image))))
    torch.testing.assert_close(found, expected)
