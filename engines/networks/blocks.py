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


class EncoderDecoder(nn.Module):
    """A U-Net that works at half resolution inside: (N, A, S, S) -> (N, B, S, S).

    Pixel-unshuffle on the way in and pixel-shuffle on the way out cost next to nothing, double the receptive
    field and quarter the work of the widest layers. The lowest level is joined by a dilated residual stack.
    """

    def __init__(self, inputs: int, outputs: int, channels: Sequence[int]) -> None:
        super().__init__()
        steps = list(pairwise(channels))
        self.multiple = 2 * 2 ** len(steps)  # the side of the input is a multiple of this
        self.enter = nn.PixelUnshuffle(2)
        self.stem = ConvBlock(4 * inputs, channels[0])
        self.down = nn.ModuleList(nn.Sequential(ConvBlock(a, b, stride=2), ConvBlock(b, b)) for a, b in steps)
        self.middle = nn.Sequential(*(ConvBlock(channels[-1], channels[-1], dilation=d) for d in DILATIONS))
        self.up = nn.ModuleList(nn.Sequential(ConvBlock(a + b, a), ConvBlock(a, a)) for a, b in reversed(steps))
        self.head = nn.Conv2d(channels[0], 4 * outputs, 3, padding=1)
        self.leave = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, A, S, S) -> (N, B, S, S) without a final activation."""
        levels = [self.stem(self.enter(x))]
        for down in self.down:
            levels.append(down(levels[-1]))
        y = levels.pop()
        y = y + self.middle(y)
        for up in self.up:
            y = up(torch.cat([F.interpolate(y, scale_factor=2.0, mode="nearest"), levels.pop()], 1))
        return self.leave(self.head(y))


def check_image(name: str, image: Tensor, channels: int, multiple: int) -> None:
    """Raises ValueError unless `image` is (N, channels, H, W) with sides that are multiples of `multiple`."""
    shape = tuple(image.shape)
    if len(shape) != 4 or shape[1] != channels or shape[2] % multiple or shape[3] % multiple:
        raise ValueError(f"{name}: expected (N, {channels}, H, W) with H and W multiples of {multiple}, got {shape}")
