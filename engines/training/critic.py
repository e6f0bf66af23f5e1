"""The critic of the completion: which patches of a picture look painted."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Critic(nn.Module):
    """(N, 3, S, S) in [-1, 1] -> one score for each patch, and the features on the way."""

    def __init__(self, channels: Sequence[int] = (32, 64, 128, 160)) -> None:
        super().__init__()
        widths = (3, *channels)
        self.layers = nn.ModuleList(
            nn.Sequential(spectral_norm(nn.Conv2d(a, b, 4, 2, 1)), nn.LeakyReLU(0.2))
            for a, b in zip(widths, channels, strict=False)
        )
        self.score = spectral_norm(nn.Conv2d(channels[-1], 1, 3, 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores (N, 1, S / 16, S / 16), high for real; features of each layer."""
        features, x = [], image
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return self.score(x), features
