"""The regression network: from a completed crop to the face model's coefficients, the landmarks and a bump map."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.blocks import ConvBlock, check_image
from engines.networks.contour import ContourNetwork

EXPRESSIONS = 52
LIGHT = 27
LANDMARKS = 478
POSE = 9
# A face that looks straight into the crop's camera and fills it as `realtime.alignment` cuts it (see
# `realtime.regressed`): the first two columns of its rotation, its scale, where the head's origin lies.
FRONTAL = (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.5, 0.0, 0.0)
# Where the heads' sigmoids start: expressions are rare.
REST = -2.5
SHADING = 32  # channels in which the bump map reads the pixels


@dataclass(frozen=True)
class RegressionConfig:
    """The dimensions of a regression network; they travel with its weights."""

    size: int = 128  # px, the side of the crops
    channels: tuple[int, ...] = (32, 64, 128, 192, 256)  # at 1/2, 1/4, ... of the crop's side
    features: int = 384  # what all coefficients are read from
    identity: int = 80  # components of the face model
    albedo: int = 40
    bump_limit: float = 2.0  # mm, the largest displacement either way


class Regressed(NamedTuple):
    """What the network says of N crops."""

    identity: Tensor  # (N, K) standard deviations
    expression: Tensor  # (N, 52) 0..1
    albedo: Tensor  # (N, A) standard deviations
    light: Tensor  # (N, 27) spherical harmonics, linear RGB, as `Coefficients.light`
    pose: Tensor  # (N, 9) as `realtime.regressed.CropPose`
    landmarks: Tensor  # (N, 478, 2) crop widths, MediaPipe's order, hidden ones included
    bump: Tensor  # (N, 1, S, S) mm along the normal, in the crop


class BumpDecoder(nn.Module):
    """Feature maps of a halving pyramid, and the picture itself, -> (N, 1, 2 H, 2 W) of its finest level, unbounded.

    What the pyramid keeps of the picture tells who and what is seen; the shading of a fold is read from the pixels.
    """

    def __init__(self, pixels: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        widths = [max(32, c // 4) for c in channels]  # of each level of the way up
        self.enter = nn.Conv2d(channels[-1], widths[-1], 1)
        self.across = nn.ModuleList(nn.Conv2d(c, w, 1) for c, w in zip(channels[:-1], widths[1:], strict=True))
        self.mix = nn.ModuleList(ConvBlock(b, a) for a, b in pairwise(widths))
        self.shading = nn.Sequential(ConvBlock(pixels, SHADING), ConvBlock(SHADING, SHADING))
        self.join = nn.Sequential(ConvBlock(widths[0] + SHADING, 2 * SHADING), ConvBlock(2 * SHADING, SHADING))
        self.head = nn.Conv2d(SHADING, 4, 3, padding=1)
        self.leave = nn.PixelShuffle(2)

    def forward(self, pixels: Tensor, levels: list[Tensor]) -> Tensor:
        """Pixels (N, P, H, W) and levels from fine to coarse, each (N, C, H, W) -> (N, 1, 2 H, 2 W)."""
        y = self.enter(levels[-1])
        for finer, across, mix in reversed(list(zip(levels[:-1], self.across, self.mix, strict=True))):
            y = mix(F.interpolate(y, scale_factor=2.0, mode="nearest") + across(finer))
        return self.leave(self.head(self.join(torch.cat([y, self.shading(pixels)], 1))))


class RegressionNetwork(nn.Module):
    """Coefficients, landmarks and bump map of one aligned, completed crop."""

    def __init__(self, config: RegressionConfig | None = None) -> None:
        super().__init__()
        self.config = config or RegressionConfig()
        channels = self.config.channels
        self.enter = nn.PixelUnshuffle(2)
        self.stem = ConvBlock(12, channels[0])
        self.down = nn.ModuleList(
            nn.Sequential(ConvBlock(a, b, stride=2), ConvBlock(b, b)) for a, b in pairwise(channels)
        )
        self.bump = BumpDecoder(12, channels[:-1])
        cells = (self.config.size // 2 ** len(channels)) ** 2
        self.features = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels[-1] * cells, self.config.features, bias=False),
            nn.BatchNorm1d(self.config.features),
            nn.ReLU(),
        )
        self.sizes = (self.config.identity, EXPRESSIONS, self.config.albedo, LIGHT, POSE, 2 * LANDMARKS)
        self.heads = nn.Linear(self.config.features, sum(self.sizes))
        self.start_from(torch.full((LANDMARKS, 2), 0.5))

    @torch.no_grad()
    def start_from(self, landmarks: Tensor, light: Tensor | None = None) -> None:
        """Lets an untrained network answer with a face at rest that looks into the camera.

        Args:
            landmarks: (478, 2) crop widths, the average over the training crops.
            light: (27,) the average light.
        """
        nn.init.normal_(self.heads.weight, std=0.01)
        self.heads.bias.zero_()
        _, expression, _, lit, pose, points = self.heads.bias.split(self.sizes)
        expression.fill_(REST)
        pose.copy_(torch.tensor(FRONTAL))
        points.copy_(landmarks.flatten())
        if light is not None:
            lit.copy_(light)

    @torch.no_grad()
    def take_encoder(self, contour: ContourNetwork) -> list[nn.Module]:
        """Starts the first levels of the encoder from a trained contour network, which has the same ones.

        Returns:
            These levels, for a trainer that lets them learn more slowly.
        """
        lent = [contour.body.stem, *contour.body.down]
        taken = [self.stem, *self.down][: len(lent)]
        for own, other in zip(taken, lent, strict=True):
            state = other.state_dict()
            if own is self.stem:  # the mirror image that the contour network sees besides comes last
                state["conv.weight"] = state["conv.weight"][:, : own.conv.in_channels]
            own.load_state_dict(state)
        return taken

    def forward(self, image: Tensor) -> Regressed:
        """Everything about the face in one pass.

        Args:
            image: (N, 3, S, S) RGB in [-1, 1], S the configuration's size.

        Returns:
            See `Regressed`.
        """
        levels = self.levels(image)
        out = self.heads(self.features(levels[-1]))
        identity, expression, albedo, light, pose, landmarks = out.split(self.sizes, 1)
        return Regressed(
            identity,
            torch.sigmoid(expression),
            albedo,
            light,
            pose,
            landmarks.unflatten(1, (LANDMARKS, 2)),
            self.bump_map(image, levels),
        )

    def levels(self, image: Tensor) -> list[Tensor]:
        """(N, 3, S, S) -> the encoder's features, from half the resolution down."""
        check_image("image", image, 3, 2 ** len(self.config.channels))
        levels = [self.stem(self.enter(image))]
        for down in self.down:
            levels.append(down(levels[-1]))
        return levels

    def bump_map(self, image: Tensor, levels: list[Tensor]) -> Tensor:
        """(N, 3, S, S) and what `levels` says of it -> (N, 1, S, S) mm along the normal."""
        return self.config.bump_limit * torch.tanh(self.bump(self.enter(image), levels[:-1]))
