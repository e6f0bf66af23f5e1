"""A slimmer network cut out of a trained one."""

import pytest

torch = pytest.importorskip("torch")

from engines.networks import CompletionConfig, CompletionNetwork, ContourConfig, ContourNetwork  # noqa: E402
from engines.training.slimming import slimmed  # noqa: E402
from realtime.errors import UserError  # noqa: E402

WIDE = CompletionConfig(channels=(16, 24, 32))
WIDE_CONTOUR = ContourConfig(size=32, channels=(16, 24, 32))


def inputs():
    generator = torch.Generator().manual_seed(5)
    image = torch.rand(1, 3, 32, 32, generator=generator) * 2 - 1
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:20, 8:20] = 1
    return image, mask, torch.softmax(torch.randn(1, 14, 16, 16, generator=generator), 1)


def experienced(network):
    """The network, as if its batch normalisation had seen something."""
    torch.manual_seed(2)
    for value in network.parameters():
        if value.ndim == 1:
            torch.nn.init.uniform_(value, 0.5, 1.5)
    for name, value in network.named_buffers():
        if "running" in name:
            torch.nn.init.uniform_(value, 0.5, 1.5)
    return network.eval()


@pytest.fixture
def trained():
    return experienced(CompletionNetwork(WIDE))


@pytest.fixture
def trained_contour():
    return experienced(ContourNetwork(WIDE_CONTOUR))


def paints(network):
    with torch.no_grad():
        return network.eval()(*inputs())


def finds(network):
    with torch.no_grad():
        return network.eval()(inputs()[0])


def test_with_all_channels_it_is_the_same_network(trained):
    assert torch.equal(paints(slimmed(trained, WIDE)), paints(trained))


def silence(network, idle):
    """Lets nothing through some channels of each of these batch normalisations."""
    state = network.state_dict()
    for norm, channels in idle.items():
        for value in ("weight", "bias"):
            state[f"body.{norm}.{value}"][channels] = 0


def test_channels_that_nobody_needs_go_first(trained):
    idle = {
        "stem.norm": [1, 5, 9, 15],
        "down.0.0.norm": [0, 23],
        "down.0.1.norm": [7, 8],
        "up.0.lower_norm": [1, 2],
        "up.0.skip_norm": [1, 2],
        "up.0.refine.norm": [11, 12],
        "up.1.lower_norm": [3, 6, 10, 13],
        "up.1.skip_norm": [3, 6, 10, 13],
        "up.1.refine.norm": [0, 2, 3, 4],
    }
    silence(trained, idle)
    slim = slimmed(trained, CompletionConfig(channels=(12, 22, 32)))
    assert sum(p.numel() for p in slim.parameters()) < sum(p.numel() for p in trained.parameters())
    torch.testing.assert_close(paints(slim), paints(trained), atol=1e-5, rtol=0)


def test_a_contour_network_keeps_what_either_head_reads(trained_contour):
    """Channels that the mask's head alone reads, and some that the parts' head alone reads, are no idle ones."""
    last = "up.1.refine.norm"
    silence(trained_contour, {last: [0, 2, 3, 4]})
    with torch.no_grad():
        trained_contour.body.head.weight[:, [1, 5, 6]] = 0
        trained_contour.parts.weight[:, [7, 8, 9]] = 0
        silence(trained_contour, {name: [0, 1, 2, 3] for name in ("stem.norm", "up.1.lower_norm", "up.1.skip_norm")})
    slim = slimmed(trained_contour, ContourConfig(size=32, channels=(12, 24, 32)))
    for found, wanted in zip(finds(slim), finds(trained_contour), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_parts_drawn_by_one_pixel_are_the_same_in_an_even_picture(trained_contour):
    slim = slimmed(trained_contour, ContourConfig(size=32, channels=WIDE_CONTOUR.channels, parts_kernel=1))
    even = torch.full((1, 16, 8, 8), 0.3)
    torch.testing.assert_close(
        slim.parts(even), trained_contour.parts(even)[..., 3:4, 3:4].expand(-1, -1, 8, 8), atol=1e-5, rtol=1e-5
    )


def test_kernels_of_one_pixel_do_the_same_to_an_even_picture(trained):
    slim = slimmed(trained, CompletionConfig(channels=WIDE.channels, skip=1))
    even = torch.full((1, 16, 8, 8), 0.3)
    for wide, narrow in zip(trained.body.up, slim.body.up, strict=True):
        level = even.repeat(1, 2, 1, 1)[:, : wide.skip.in_channels]
        torch.testing.assert_close(narrow.skip(level), wide.skip(level)[..., 3:4, 3:4].expand(-1, -1, 8, 8))


def test_the_network_it_is_cut_out_of_stays_as_it_was(trained):
    before = paints(trained)
    slimmed(trained, CompletionConfig(channels=(8, 16, 32), skip=1))
    assert torch.equal(paints(trained), before)


@pytest.mark.parametrize("channels", [(16, 24), (16, 24, 24), (20, 24, 32)])
def test_what_cannot_be_cut_out_is_refused(trained, channels):
    with pytest.raises(UserError, match="cannot be cut out"):
        slimmed(trained, CompletionConfig(channels=channels))


def test_kernels_cannot_grow(trained):
    one = slimmed(trained, CompletionConfig(channels=WIDE.channels, skip=1))
    with pytest.raises(UserError, match="cannot be cut out"):
        slimmed(one, WIDE)


@pytest.mark.parametrize("kernels", [{"skip": 1}, {"parts_kernel": 1}])
def test_kernels_of_a_contour_network_cannot_grow(trained_contour, kernels):
    one = slimmed(trained_contour, ContourConfig(size=32, channels=WIDE_CONTOUR.channels, **kernels))
    with pytest.raises(UserError, match="cannot be cut out"):
        slimmed(one, WIDE_CONTOUR)
