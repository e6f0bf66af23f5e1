import pytest

torch = pytest.importorskip("torch")

from engines.engine import get_spec  # noqa: E402
from engines.export import to_onnx  # noqa: E402
from engines.networks import (  # noqa: E402
    CompletionConfig,
    CompletionNetwork,
    ContourConfig,
    ContourNetwork,
    RegressionNetwork,
    blend,
    load_network,
    save_network,
)
from engines.networks.blocks import Overview  # noqa: E402
from engines.networks.completion import EVENED, MOST_GAIN, TYPICAL_SKIN  # noqa: E402
from engines.training.warm_start import warm_start  # noqa: E402
from realtime.errors import UserError  # noqa: E402
from realtime.frames import PART_NAMES  # noqa: E402

SMALL = (4, 6, 8, 10)


@pytest.fixture
def contour():
    torch.manual_seed(0)
    return ContourNetwork(ContourConfig(size=32, channels=SMALL)).eval()


@pytest.fixture
def completion():
    torch.manual_seed(0)
    return CompletionNetwork(CompletionConfig(size=32, channels=SMALL)).eval()


@pytest.mark.parametrize("side", [32, 64])
def test_contour_gives_probabilities(contour, side):
    mask, parts = contour(torch.rand(2, 3, side, side) * 2 - 1)
    assert mask.shape == (2, 1, side, side)
    assert parts.shape == (2, len(PART_NAMES), side, side)
    assert 0 <= mask.min() <= mask.max() <= 1
    assert torch.allclose(parts.sum(1), torch.ones(2, side, side), atol=1e-5)


def test_logits_are_what_the_probabilities_come_from(contour):
    image = torch.rand(1, 3, 32, 32)
    (mask, parts), (mask_logits, part_logits) = contour(image), contour.logits(image)
    assert torch.allclose(mask, mask_logits.sigmoid())
    assert torch.allclose(parts, part_logits.softmax(1))


@pytest.mark.parametrize("guide", [32, 16, 64])
def test_completion_paints_in_range_with_guides_of_any_size(completion, guide):
    out = completion(torch.rand(2, 3, 32, 32) * 2 - 1, torch.rand(2, 1, 32, 32), torch.rand(2, 14, guide, guide))
    assert out.shape == (2, 3, 32, 32)
    assert out.abs().max() <= 1


def test_nothing_of_the_occluder_shows_through(completion):
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 8:24] = 1
    parts = torch.rand(1, 14, 32, 32).softmax(1)
    image = torch.rand(1, 3, 32, 32)
    other = blend(image, mask, torch.rand(1, 3, 32, 32))
    assert not torch.equal(image, other)
    assert torch.equal(completion(image, mask, parts), completion(other, mask, parts))


def test_eyeglasses_do_not_change_the_guide(completion):
    image, mask = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32)
    face = torch.rand(1, 13, 32, 32).softmax(1)
    with_glasses = torch.cat([face * 0.1, torch.full((1, 1, 32, 32), 0.9)], 1)
    without = torch.cat([face, torch.zeros(1, 1, 32, 32)], 1)
    assert torch.allclose(completion(image, mask, with_glasses), completion(image, mask, without), atol=1e-5)


def test_blending_keeps_visible_pixels():
    image, painting, mask = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4), torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    out = blend(image, mask, painting)
    assert torch.equal(out[..., 2:], image[..., 2:])
    assert torch.equal(out[..., :2], painting[..., :2])


@pytest.mark.parametrize("shape", [(1, 4, 32, 32), (1, 3, 32, 40), (3, 32, 32)])
def test_a_wrong_input_is_named(contour, shape):
    with pytest.raises(ValueError, match=r"image: expected \(N, 3, H, W\)"):
        contour(torch.zeros(shape))


def test_the_eyeglasses_must_be_last():
    with pytest.raises(ValueError, match="eyeglasses"):
        CompletionNetwork(CompletionConfig(channels=SMALL, parts=("eyeglasses", "skin")))


def test_the_size_of_the_shipped_networks():
    millions = [sum(p.numel() for p in n().parameters()) / 1e6 for n in (ContourNetwork, CompletionNetwork)]
    assert millions == pytest.approx([2.98, 5.64], abs=0.01)


@pytest.mark.parametrize("kind", ["contour", "completion"])
def test_a_checkpoint_gives_the_same_network_back(tmp_path, request, kind):
    network = request.getfixturevalue(kind)
    save_network(tmp_path / "n.pt", network, note="kept")
    loaded = load_network(tmp_path / "n.pt", kind)
    assert loaded.config == network.config
    assert not loaded.training
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_checkpoint_errors_are_the_users(tmp_path, contour):
    with pytest.raises(UserError, match="no checkpoint"):
        load_network(tmp_path / "none.pt", "contour")
    (tmp_path / "text.pt").write_text("not a checkpoint")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_network(tmp_path / "text.pt", "contour")
    save_network(tmp_path / "contour.pt", contour)
    with pytest.raises(UserError, match="holds 'contour', not 'completion'"):
        load_network(tmp_path / "contour.pt", "completion")
    whole = (tmp_path / "contour.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_network(tmp_path / "cut.pt", "contour")


def test_a_checkpoint_whose_weights_do_not_fit_its_configuration(tmp_path, contour):
    save_network(tmp_path / "n.pt", contour, config={"size": 32, "channels": (4, 6, 8, 12), "parts": PART_NAMES})
    with pytest.raises(UserError, match="do not fit"):
        load_network(tmp_path / "n.pt", "contour")


def with_distinct_weights(network):
    """All as distinct as trained ones: equal weights are stored once."""
    for value in network.state_dict().values():
        if value.is_floating_point():
            torch.nn.init.uniform_(value, 0.01, 0.1)
    return network


@pytest.mark.parametrize(("kind", "network"), [("contour", ContourNetwork), ("regression", RegressionNetwork)])
def test_the_shipped_weights_are_a_start(tmp_path, kind, network):
    """What `engines.export` wrote can be trained on, to the precision of float16.

    The regression network has a linear layer without a bias, which the exporter transposes and leaves without a name.
    """
    trained, fresh = with_distinct_weights(network().eval()), network()
    wanted = {name: value.clone() for name, value in trained.state_dict().items() if value.is_floating_point()}
    (tmp_path / "n.onnx").write_bytes(to_onnx(trained, get_spec(kind)))
    assert warm_start(fresh, tmp_path / "n.onnx") == len(wanted)
    for name, value in wanted.items():
        assert torch.allclose(fresh.state_dict()[name], value, atol=1e-4), name


def test_a_damaged_onnx_file_is_named(tmp_path, contour):
    (tmp_path / "n.onnx").write_bytes(b"no model")
    with pytest.raises(UserError, match="not a readable ONNX"):
        warm_start(contour, tmp_path / "n.onnx")


def test_warm_start_from_an_own_checkpoint_copies_all(tmp_path, contour):
    save_network(tmp_path / "n.pt", contour)
    torch.manual_seed(5)
    other = ContourNetwork(contour.config)
    warm_start(other, tmp_path / "n.pt")
    assert torch.equal(other.body.stem.conv.weight, contour.body.stem.conv.weight)


def test_a_convolution_given_more_inputs_begins_by_ignoring_them(tmp_path, contour):
    """A network that learned to see more than it did loses nothing at the start."""
    state = contour.state_dict()
    name = "body.stem.conv.weight"
    narrow = state | {name: state[name][:, :12]}
    torch.save({"kind": "contour", "config": {}, "state": narrow}, tmp_path / "n.pt")
    torch.manual_seed(5)
    other = ContourNetwork(contour.config)
    assert warm_start(other, tmp_path / "n.pt") == len(state)
    assert torch.equal(other.state_dict()[name][:, :12], state[name][:, :12])
    assert other.state_dict()[name][:, 12:].abs().max() == 0


def test_warm_start_names_what_does_not_fit(tmp_path, contour, completion):
    save_network(tmp_path / "completion.pt", completion)
    with pytest.raises(UserError, match="not 'contour'"):
        warm_start(contour, tmp_path / "completion.pt")
    wide = ContourNetwork(ContourConfig(channels=(5, 7, 9, 11)))
    torch.save({"kind": "contour", "config": {}, "state": {"x": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(UserError, match="Nothing in"):
        warm_start(wide, tmp_path / "other.pt")


def test_a_trained_network_loses_nothing_by_an_overview():
    torch.manual_seed(0)
    overview = Overview(6).eval()
    x = torch.randn(2, 6, 4, 4)
    assert torch.equal(overview(x), x)
    overview.train()(x).square().sum().backward()
    assert overview.tell.weight.grad.abs().sum() > 0  # and it can learn


def of_skin(colour, parts=PART_NAMES):
    """A crop (1, 3, 32, 32) of one colour (sRGB, 0..1) that is skin all over, and its part map."""
    image = torch.tensor(colour).view(1, 3, 1, 1).expand(1, 3, 32, 32) * 2 - 1
    guide = torch.zeros(1, len(parts) - 1, 16, 16)
    guide[:, parts.index("skin")] = 1
    return image, guide


def test_typical_skin_is_seen_as_it_is(completion):
    image, guide = of_skin(TYPICAL_SKIN)
    assert torch.allclose(completion.gain(image, torch.zeros(1, 1, 32, 32), guide), torch.ones(3), atol=1e-5)


def test_dark_and_orange_skin_is_brought_towards_the_typical(completion):
    image, guide = of_skin([0.5, 0.2, 0.1])
    gain = completion.gain(image, torch.zeros(1, 1, 32, 32), guide).flatten()
    wanted = torch.tensor(TYPICAL_SKIN) / torch.tensor([0.5, 0.2, 0.1])
    assert torch.allclose(gain[:2], wanted[:2] ** EVENED, rtol=0.02)
    assert gain[2] == pytest.approx(MOST_GAIN**EVENED, rel=1e-4)  # no more noise than that


def test_hidden_pixels_do_not_say_how_skin_looks(completion):
    image, guide = of_skin([0.3, 0.25, 0.2])
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 16:, :] = 1
    before = completion.gain(image, mask, guide)
    image = image.clone()
    image[..., 16:, :] = 1.0
    assert torch.equal(completion.gain(image, mask, guide), before)
    nothing = completion.gain(image, torch.ones_like(mask), guide)
    assert torch.allclose(nothing, torch.ones(3), atol=1e-5)
