"""A slimmer network cut out of a trained one."""

import pytest

torch = pytest.importorskip("torch")

from engines.networks import CompletionConfig, CompletionNetwork  # noqa: E402
from engines.training.slim import slimmed  # noqa: E402
from realtime.errors import UserError  # noqa: E402

WIDE = CompletionConfig(channels=(16, 24, 32))


def inputs():
    generator = torch.Generator().manual_seed(5)
    image = torch.rand(1, 3, 32, 32, generator=generator) * 2 - 1
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:20, 8:20] = 1
    return image, mask, torch.softmax(torch.randn(1, 14, 16, 16, generator=generator), 1)


@pytest.fixture
def trained():
    """A network whose batch normalisation has seen something."""
    torch.manual_seed(2)
    network = CompletionNetwork(WIDE)
    for value in network.parameters():
        if value.ndim == 1:
            torch.nn.init.uniform_(value, 0.5, 1.5)
    for name, value in network.named_buffers():
        if "running" in name:
            torch.nn.init.uniform_(value, 0.5, 1.5)
    return network.eval()


def paints(network):
    with torch.no_grad():
        return network.eval()(*inputs())


def test_with_all_channels_it_is_the_same_network(trained):
    assert torch.equal(paints(slimmed(trained, WIDE)), paints(trained))


def test_channels_that_nobody_needs_go_first(trained):
    state = trained.state_dict()
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
    for norm, channels in idle.items():
        for value in ("weight", "bias"):
            state[f"body.{norm}.{value}"][channels] = 0
    slim = slimmed(trained, CompletionConfig(channels=(12, 22, 32)))
    assert sum(p.numel() for p in slim.parameters()) < sum(p.numel() for p in trained.parameters())
    torch.testing.assert_close(paints(slim), paints(trained), atol=1e-5, rtol=0)


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
