"""The networks (torch), their configurations and how they are stored."""

from engines.networks.checkpoint import KINDS, load_network, save_network
from engines.networks.completion import CompletionConfig, CompletionNetwork, blend
from engines.networks.contour import ContourConfig, ContourNetwork
from engines.networks.regression import Regressed, RegressionConfig, RegressionNetwork

__all__ = [
    "KINDS",
    "CompletionConfig",
    "CompletionNetwork",
    "ContourConfig",
    "ContourNetwork",
    "Regressed",
    "RegressionConfig",
    "RegressionNetwork",
    "blend",
    "load_network",
    "save_network",
]
