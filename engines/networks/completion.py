"""The completion network: paints what the occluder hides, guided by the part map."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks.blocks import EncoderDecoder, check_image, mirror
from realtime.frames import PART_NAMES

# What the network sees is brought towards this mean colour of skin (sRGB, 0..1), and what it paints back from there.
TYPICAL_SKIN = (0.60, 0.46, 0.38)
EVENED = 0.7  # how far, as a power of the ratio of both
LEAST_GAIN, MOST_GAIN = 0.4, 2.5
FEW = 0.004  # share of the crop: where less skin is seen, the typical counts more
BRIGHTEST = 1.5  # of what the network sees, in units of -1..1


@dataclass(frozen=True)
class CompletionConfig:
    """The dimensions of a completion network; they travel with its weights."""

    size: int = 192  # px, the side of the crops it is used on; it is trained at 128 first
    channels: tuple[int, ...] = (48, 96, 192, 256)
    parts: tuple[str, ...] = PART_NAMES
    skip: int = 3  # px, the side of the kernels through which the encoder's levels reach the decoder


# For video on the CPU, in int8: two thirds of the time.
SLIM = CompletionConfig(channels=(48, 64, 160, 256), skip=1)


class CompletionNetwork(nn.Module):
    """The complete face of one aligned crop."""

    def __init__(self, config: CompletionConfig | None = None) -> None:
        super().__init__()
        self.config = config or CompletionConfig()
        if self.config.parts[-1] != "eyeglasses":
            raise ValueError("the last part must be the eyeglasses: the guide leaves it out")
        self.skin = [self.config.parts.index(name) for name in ("skin", "nose")]
        self.register_buffer("typical", torch.tensor(TYPICAL_SKIN).view(1, 3, 1, 1), persistent=False)
        guides = len(self.config.parts) - 1
        self.body = EncoderDecoder(2 * (3 + 1), 3, self.config.channels, guides, overview=True, skip=self.config.skip)

    def forward(self, image: Tensor, mask: Tensor, parts: Tensor) -> Tensor:
        """Paints the whole crop; `blend` keeps the visible pixels.

        The hidden pixels are removed in here, so that nothing of the occluder can show through. The crop is upright
        and centred on the face, so its mirror image shows each pixel what lies on the other cheek: no layer would
        reach that far at full resolution. The guide is the distribution over the parts of the face itself, given that
        the pixel were free of eyeglasses.

        The skin in view is brought to much the same colour in all crops first (see `gain`): how dark, or how orange,
        a picture is need not be learned then.

        Args:
            image: (N, 3, S, S) RGB in [-1, 1], S a multiple of 32.
            mask: (N, 1, S, S) in 0..1, 1 where the pixel is to be painted; it may be soft.
            parts: (N, 14, P, P) probabilities of the contour network; brought to half of S, where the network works.

        Returns:
            (N, 3, S, S) RGB in [-1, 1]: the painting, also where the face is visible.
        """
        check_image("image", image, 3, self.body.multiple)
        guide = parts[:, :-1]
        guide = guide / guide.sum(1, keepdim=True).clamp_min(1e-3)
        half = (image.shape[-2] // 2, image.shape[-1] // 2)
        guide = F.interpolate(guide, size=half, mode="bilinear", align_corners=False)
        gain = self.gain(image, mask, guide)
        evened = ((image + 1) * gain - 1).clamp(max=BRIGHTEST)
        seen = torch.cat([evened * (1 - mask) - mask, mask], 1)
        painted = torch.tanh(0.5 * self.body(torch.cat([seen, mirror(seen)], 1), guide))
        return ((painted + 1) / gain - 1).clamp(max=1.0)

    def gain(self, image: Tensor, mask: Tensor, guide: Tensor) -> Tensor:
        """(N, 3, 1, 1) what each channel is multiplied by, counted from black, so that the skin looks typical.

        Args:
            image, mask: see `forward`.
            guide: (N, 13, S / 2, S / 2) probabilities of the parts.
        """
        colour = F.avg_pool2d((image + 1) / 2, 2)
        weight = guide[:, self.skin].sum(1, keepdim=True) * (1 - F.max_pool2d(mask, 2))
        share = weight.mean((2, 3), keepdim=True)
        mean = ((colour * weight).mean((2, 3), keepdim=True) + FEW * self.typical) / (share + FEW)
        return (self.typical / mean.clamp_min(0.02)).clamp(LEAST_GAIN, MOST_GAIN) ** EVENED


def blend(image: Tensor, mask: Tensor, painting: Tensor) -> Tensor:
    """The visible pixels as they are, the hidden ones from the painting; all (N, C, S, S), mask in 0..1."""
    return image * (1 - mask) + painting * mask
