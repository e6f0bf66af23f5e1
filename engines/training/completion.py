"""Trains the completion network, with the masks and part maps that the contour network really finds."""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines.networks import CompletionNetwork, ContourNetwork, blend
from engines.networks.contour import beside_mirror_image
from engines.training import losses
from engines.training.critic import Critic
from engines.training.labels import OUTSIDE
from engines.training.report import PALETTE, grey, grid
from engines.training.samples import Sample, stack, to_network
from engines.training.trainer import Task, autocast, choose_precision, learn
from engines.training.validation import face_region, face_table, psnr
from realtime.frames import Image

RATE = 6e-4
CRITIC_FACTOR = 0.5  # the critic's rate in those of the network
# Sides of the crops it sees and how many of them make a batch of about one cost: it paints video at 192 px, and stills
# at 128, too, where it sees more of the face at once.
BATCHES = ((128, 16), (192, 8))

TRUE_MASKS = 0.3  # share of the samples that get the true mask instead of the one found
SEEN = 0.15  # weight of visible pixels in the painting; hidden ones have 1
L1, DECIBELS, TONE, PERCEPTUAL, STYLE, ADVERSARIAL, MATCHING = 8.0, 0.7, 3.0, 0.8, 0.3, 0.12, 0.8
CRITIC_ALONE = 100  # steps in which only the critic's own loss uses its scores

MASK_THRESHOLD = 0.35  # the mask that validation paints under: found above this, widened by one pixel at 128 px


def resize(x: Tensor, side: int) -> Tensor:
    """(N, C, S, S) to another side, bilinear."""
    return x if x.shape[-1] == side else F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)


def widen(mask: Tensor, pixels: int) -> Tensor:
    """(N, 1, S, S) grown by some pixels on every side."""
    return F.max_pool2d(mask, 2 * pixels + 1, 1, pixels) if pixels else mask


class Guide:
    """The trained contour network: finds mask and parts, and lends its encoder as a measure of likeness.

    Its encoder has learned on these faces what tells eyes from brows and skin from cloth, so its features serve as
    the perceptual network of the losses.
    """

    def __init__(self, network: ContourNetwork) -> None:
        self.network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    @torch.no_grad()
    def find(self, image: Tensor, near: bool = False) -> tuple[Tensor, Tensor]:
        """(N, 3, S, S) -> mask (N, 1, 128, 128) and parts (N, 14, 128, 128).

        Video finds contours at 128 px; stills look more closely, at S (`near`).
        """
        size = self.network.config.size
        if not near:
            return self.network(resize(image, size))
        mask, parts = self.network(image)
        return resize(mask, size), resize(parts, size)

    def features(self, image: Tensor) -> list[Tensor]:
        """(N, 3, S, S) -> features at half, a quarter and an eighth of the resolution."""
        body = self.network.body
        out = [body.stem(body.enter(beside_mirror_image(image)))]
        for down in list(body.down)[:2]:
            out.append(down(out[-1]))
        return out


class CompletionTask(Task):
    """The complete face from the covered crop."""

    def __init__(
        self,
        guide: ContourNetwork,
        samples: dict[str, list[Sample]],
        seed: int,
        network: CompletionNetwork | None = None,
    ) -> None:
        self.guide, self.samples = Guide(guide), samples
        self.network = (network or CompletionNetwork()).to(memory_format=torch.channels_last)
        self.critic = Critic().to(memory_format=torch.channels_last)
        self.modules = {"network": self.network, "critic": self.critic}
        self.optimisers = {
            "network": torch.optim.AdamW(self.network.parameters(), RATE, betas=(0.5, 0.99), weight_decay=1e-3),
            "critic": torch.optim.Adam(self.critic.parameters(), RATE, betas=(0.0, 0.99)),
        }
        for group in self.optimisers["critic"].param_groups:
            group["factor"] = CRITIC_FACTOR
        self.seed = seed
        self.is_face = face_table()
        parts = len(self.network.config.parts)
        self.dtype = choose_precision(
            self.network, (torch.zeros(4, 3, 128, 128), torch.zeros(4, 1, 128, 128), torch.zeros(4, parts, 128, 128))
        )

    def masks(self, found: Tensor, truth: Tensor, number: int) -> Tensor:
        """What to paint: the mask found at some threshold and width, or the true one; (N, 1, S, S), soft edges."""
        rng = np.random.default_rng((self.seed, number))
        side = truth.shape[-1]
        out = []
        for f, t in zip(found.split(1), truth.split(1), strict=True):
            if rng.random() < TRUE_MASKS:
                out.append(widen(t, int(rng.integers(0, 3))))
            else:
                out.append(resize(widen((f > rng.uniform(0.15, 0.5)).float(), int(rng.integers(0, 3))), side))
        return torch.cat(out)

    def step(self, batch: dict[str, Tensor], number: int) -> dict[str, float]:
        """See `Task`."""
        self.network.train()
        clean, covered = to_network(batch["clean"]), to_network(batch["covered"])
        truth = batch["mask"][:, None].float()
        with autocast(self.dtype):
            # Every other round of the batches' sizes, so that each size is guided as video is and as stills are.
            found, parts = self.guide.find(covered, near=number // len(BATCHES) % 2 > 0)
        hidden = self.masks(found.float(), truth, number)
        real = (batch["parts"] != OUTSIDE)[:, None].float()

        with autocast(self.dtype):
            painting = self.network(covered, hidden, parts.float()).float()
            mixed = blend(clean, hidden, painting)
            self.critic.requires_grad_(False)
            score, matched = self.critic(mixed)
            features = self.guide.features(mixed)
            with torch.no_grad():
                _, matched_clean = self.critic(clean)
                features_clean = self.guide.features(clean)
        weight = (torch.maximum(hidden, truth) + SEEN) * real
        face = self.is_face[batch["parts"].long()][:, None]
        terms = {
            "l1": L1 * losses.weighted_l1(painting, clean, weight),
            "decibels": DECIBELS * losses.log_error(painting, clean, torch.minimum(truth, hidden) * face),
            "tone": TONE * losses.tone_distance(painting, clean, hidden * real),
            "perceptual": PERCEPTUAL * losses.feature_distance(features, features_clean),
            "style": STYLE * losses.style_distance(features, features_clean, hidden * real),
            "matching": MATCHING * losses.feature_distance(matched, matched_clean),
        }
        if number >= CRITIC_ALONE:
            terms["adversarial"] = -ADVERSARIAL * min(1.0, (number - CRITIC_ALONE) / 200) * score.float().mean()
        figures = learn(self.optimisers["network"], self.network.parameters(), terms)

        self.critic.requires_grad_(True)
        with autocast(self.dtype):
            score_real, _ = self.critic(clean)
            score_fake, _ = self.critic(mixed.detach())
        critic = losses.critic_loss(score_real.float(), score_fake.float())
        self.optimisers["critic"].zero_grad(set_to_none=True)
        critic.backward()
        self.optimisers["critic"].step()
        return figures | {"critic": critic.item()}

    def complete(self, network: nn.Module, samples: list[Sample]) -> tuple[list[Image], np.ndarray, np.ndarray]:
        """Pictures (S, S, 3) with the found mask painted, the mask (N, S, S), the parts (N, 128, 128)."""
        covered = to_network(stack(samples)["covered"])
        found, parts = self.guide.find(covered)
        hidden = resize(widen((found > MASK_THRESHOLD).float(), 1), covered.shape[-1])
        mixed = blend(covered, hidden, network(covered, hidden, parts))
        pictures = ((mixed + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
        return list(pictures), hidden[:, 0].numpy(), parts[:, :-1].argmax(1).numpy()

    def validate(self, network: nn.Module) -> dict[str, float]:
        """PSNR of hidden face pixels and sharpness (gradients, completed over clean), by kind and on average."""
        figures: dict[str, float] = {}
        sharpness = []
        for kind, samples in self.samples.items():
            if kind == "clear":
                continue
            pictures, _, _ = self.complete(network, samples)
            values = []
            for picture, sample in zip(pictures, samples, strict=True):
                hole = face_region(sample) & (sample.mask > 0)
                if hole.sum() > 50:
                    values.append(psnr(picture, sample.clean, hole))
                    sharpness.append(sharpness_of(picture, sample.clean, hole))
            figures[f"psnr_{kind}"] = float(np.mean(values))
        figures["psnr"] = float(np.mean(list(figures.values())))
        figures["sharpness"] = float(np.nanmean(sharpness))
        return {name: round(value, 3) for name, value in figures.items()}

    def sheet(self, network: nn.Module) -> Image:
        """Per kind: covered, mask found, parts found, completed, clean."""
        rows = []
        for samples in self.samples.values():
            shown = samples[:3] + samples[-6:]
            pictures, masks, parts = self.complete(network, shown)
            size = shown[0].clean.shape[:2]
            rows += [
                [s.covered for s in shown],
                [grey(m) for m in masks],
                [PALETTE[cv2.resize(p.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)] for p in parts],
                pictures,
                [s.clean for s in shown],
            ]
        return grid(rows)


def sharpness_of(found: Image, clean: Image, where: np.ndarray) -> float:
    """Mean gradient of `found` over that of `clean` well inside `where` (S, S) bool; NaN where too little is left."""
    inner = cv2.erode(where.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    if inner.sum() < 30:
        return float("nan")
    strength = []
    for image in (found, clean):
        grey_levels = image.astype(np.float64).mean(2)
        gradient = np.hypot(cv2.Sobel(grey_levels, -1, 1, 0), cv2.Sobel(grey_levels, -1, 0, 1))
        strength.append(gradient[inner].mean())
    return float(strength[0] / max(1e-6, strength[1]))
