"""The contour network: what lies in front of the face, and the parts of the complete face behind it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engines.networks.blocks import EncoderDecoder, check_image, mirror
from realtime.frames import PART_NAMES


@dataclass(frozen=True)
class ContourConfig:
    """The dimensions of a contour network; they travel with its weights."""

    size: int = 128  # px, the side of the crops it is trained on
    channels: tuple[int, ...] = (32, 64, 128, 192)
    parts: tuple[str, ...] = PART_NAMES
    skip: int = 3  # px, the side of the kernels through which the encoder's levels reach the decoder
    parts_kernel: int = 3  # px, the side of the kernels that draw the parts


# For video on the CPU, in int8: four fifths of the time.
SLIM = ContourConfig(skip=1, parts_kernel=1)


class ContourNetwork(nn.Module):
    """Occlusion mask and part map of one aligned crop."""

    def __init__(self, config: ContourConfig | None = None) -> None:
        super().__init__()
        self.config = config or ContourConfig()
        self.body = EncoderDecoder(2 * 3, 1, self.config.channels, overview=True, skip=self.config.skip)
        # Both are exact to the pixel: an eye is ten pixels high.
        side = self.config.parts_kernel
        self.parts = nn.Conv2d(self.config.channels[0], 4 * len(self.config.parts), side, padding=side // 2)

    def logits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """What the losses want: (N, 3, S, S) RGB in [-1, 1] -> mask (N, 1, S, S), parts (N, 14, S, S)."""
        check_image("image", image, 3, self.body.multiple)
        features = self.body.features(beside_mirror_image(image))
        return self.body.leave(self.body.head(features)), self.body.leave(self.parts(features))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities.

        Args:
            image: (N, 3, S, S) RGB in [-1, 1], S a multiple of 32.

        Returns:
            mask: (N, 1, S, S) that a foreign thing covers the pixel.
            parts: (N, 14, S, S) of each part of the *complete* face, in the order of `PART_NAMES`.
        """
        mask, parts = self.logits(image)
        return torch.sigmoid(mask), torch.softmax(parts, 1)


def beside_mirror_image(image: Tensor) -> Tensor:
    """(N, 3, S, S) -> (N, 6, S, S): where one brow is hidden, the other one tells of it."""
    return torch.cat([image, mirror(image)], 1)
