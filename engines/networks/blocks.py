"""The building blocks of the image-to-image networks: only layers that quantise well and stay small in FP16."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.1  # of the leaky ReLUs
DILATIONS = (1, 2, 4)  # of the middle: 30 cells of 16 px in all, so that it sees the whole crop


class ConvBlock(nn.Sequential):
    """3x3 convolution, batch normalisation, leaky ReLU; (N, A, H, W) -> (N, B, H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = nn.LeakyReLU(SLOPE)


class UpBlock(nn.Module):
    """Joins a level with the one below it: (N, B, H / 2, W / 2) and (N, A, H, W) -> (N, A, H, W).

    The lower level is brought to A channels while it is still small, and added: to join both at full size before the
    first 3x3 convolution, as a U-Net does, costs three times as much and more than the whole encoder.

    Args:
        below: B.
        here: A.
        skip: 3 or 1, the side of the kernels through which this level goes.
    """

    def __init__(self, below: int, here: int, skip: int = 3) -> None:
        super().__init__()
        self.lower = nn.Conv2d(below, here, 1, bias=False)
        self.lower_norm = nn.BatchNorm2d(here)
        self.skip = nn.Conv2d(here, here, skip, padding=skip // 2, bias=False)
        self.skip_norm = nn.BatchNorm2d(here)
        self.act = nn.LeakyReLU(SLOPE)
        self.refine = ConvBlock(here, here)

    def forward(self, below: Tensor, here: Tensor) -> Tensor:
        """See the class."""
        lower = F.interpolate(self.lower_norm(self.lower(below)), scale_factor=2.0, mode="nearest")
        return self.refine(self.act(self.skip_norm(self.skip(here)) + lower))


class Overview(nn.Module):
    """The lowest level seen from one level below, where a few cells are the whole crop: (N, C, H, W) -> the same.

    What is added begins as nothing, so that a trained network can be given one and loses nothing by it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.look = nn.Sequential(ConvBlock(channels, channels, stride=2), ConvBlock(channels, channels))
        self.tell = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.tell.weight)
        nn.init.zeros_(self.tell.bias)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x + F.interpolate(self.tell(self.look(x)), scale_factor=2.0, mode="nearest")


class EncoderDecoder(nn.Module):
    """A U-Net that works at half resolution inside: (N, A, S, S) -> (N, B, S, S).

    Pixel-unshuffle on the way in and pixel-shuffle on the way out cost next to nothing, double the receptive
    field and quarter the work of the widest layers. The lowest level is joined by a dilated residual stack.

    Args:
        inputs: A.
        outputs: B.
        channels: of the levels, at half the resolution first.
        beside: channels that are given at half the resolution already, besides the A.
        overview: whether the lowest level is looked at from below, too.
        skip: of the `UpBlock`s.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        channels: Sequence[int],
        beside: int = 0,
        overview: bool = False,
        skip: int = 3,
    ) -> None:
        super().__init__()
        steps = list(pairwise(channels))
        self.multiple = (4 if overview else 2) * 2 ** len(steps)  # the side of the input is a multiple of this
        self.enter = nn.PixelUnshuffle(2)
        self.stem = ConvBlock(4 * inputs + beside, channels[0])
        self.down = nn.ModuleList(nn.Sequential(ConvBlock(a, b, stride=2), ConvBlock(b, b)) for a, b in steps)
        self.middle = nn.Sequential(*(ConvBlock(channels[-1], channels[-1], dilation=d) for d in DILATIONS))
        self.overview = Overview(channels[-1]) if overview else nn.Identity()
        self.up = nn.ModuleList(UpBlock(b, a, skip) for a, b in reversed(steps))
        self.head = nn.Conv2d(channels[0], 4 * outputs, 3, padding=1)
        self.leave = nn.PixelShuffle(2)

    def features(self, x: Tensor, beside: Tensor | None = None) -> Tensor:
        """(N, A, S, S) and (N, beside, S / 2, S / 2) -> (N, channels[0], S / 2, S / 2): what the heads read."""
        entered = self.enter(x)
        levels = [self.stem(entered if beside is None else torch.cat([entered, beside], 1))]
        for down in self.down:
            levels.append(down(levels[-1]))
        y = levels.pop()
        y = self.overview(y + self.middle(y))
        for up in self.up:
            y = up(y, levels.pop())
        return y

    def forward(self, x: Tensor, beside: Tensor | None = None) -> Tensor:
        """(N, A, S, S) and (N, beside, S / 2, S / 2) -> (N, B, S, S) without a final activation."""
        return self.leave(self.head(self.features(x, beside)))


def mirror(x: Tensor) -> Tensor:
    """(N, C, H, W) with left and right swapped; picked by index, which every runtime of ONNX files can do."""
    return x[..., torch.arange(x.shape[-1] - 1, -1, -1)]


def check_image(name: str, image: Tensor, channels: int, multiple: int) -> None:
    """Raises ValueError unless `image` is (N, channels, H, W) with sides that are multiples of `multiple`."""
    shape = tuple(image.shape)
    if len(shape) != 4 or shape[1] != channels or shape[2] % multiple or shape[3] % multiple:
        raise ValueError(f"{name}: expected (N, {channels}, H, W) with H and W multiples of {multiple}, got {shape}")
