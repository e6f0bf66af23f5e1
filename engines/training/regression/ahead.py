"""Samples made ahead of the training, so that all processors are the network's own while it learns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from engines.training.regression.bump_targets import dequantise, quantise
from engines.training.regression.mirror import IMAGES, Mirror
from engines.training.regression.samples import RegressionBatches

Progress = Callable[[Iterable[int]], Iterable[int]]
BITS = ("mask", "judged")
# How much brighter or darker a crop is shown than it was made: of all channels, and of each.
GAIN, TINT = 0.12, 0.03
DISPLAY_GAMMA = 2.2  # sRGB is close to this power


def make_ahead(batches: RegressionBatches, count: int, folder: Path, key: str, progress: Progress = iter) -> Path:
    """Writes the first `count` batches into a folder, one file per field, unless it holds them.

    Args:
        batches: what to write.
        count: how many batches.
        folder: where to.
        key: names what the batches were made from: samples of another key are made anew.
        progress: wraps the batches' numbers while they are worked through.
    """
    key_path = folder / "key"
    asked = (count, batches.count, batches.size, batches.seed, batches.rendered)
    key = hashlib.sha256(" ".join(map(str, (key, *asked))).encode()).hexdigest()
    if key_path.exists() and key_path.read_text() == key:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    key_path.unlink(missing_ok=True)
    files: dict[str, np.memmap] = {}
    for number in progress(range(count)):
        rows = _packed(batches[number])
        if not files:
            files = {
                name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", r.dtype, (count * len(r), *r.shape[1:]))
                for name, r in rows.items()
            }
        for name, values in rows.items():
            files[name][number * len(values) : (number + 1) * len(values)] = values
    for file in files.values():
        file.flush()
    key_path.write_text(key)  # last: its presence says that the files are whole
    return folder


def _packed(batch: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """A batch as small as it goes."""
    rows = {name: values.numpy() for name, values in batch.items()}
    for name in BITS:
        rows[name] = rows[name][:, 0].astype(np.uint8)
    rows["bump"] = quantise(rows["bump"][:, 0], rows.pop("bump_known")[:, 0] > 0.5)
    return rows


def _unpacked(rows: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """The inverse of `_packed`."""
    rows = dict(rows)
    rows["bump"], rows["bump_known"] = (values[:, None] for values in dequantise(rows["bump"]))
    for name in BITS:
        rows[name] = rows[name][:, None].astype(np.float32)
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in rows.items()}


class StoredBatches(Dataset):
    """Batch number n, always the same for one seed, drawn from samples made ahead; half of them mirrored.

    Args:
        folder: what `make_ahead` wrote.
        count: crops in a batch.
        seed: of everything.
        mirror: of the face model.
    """

    def __init__(self, folder: Path, count: int, seed: int, mirror: Mirror) -> None:
        self.files = {path.stem: np.load(path, mmap_mode="r") for path in sorted(folder.glob("*.npy"))}
        self.count, self.seed, self.mirror = count, seed, mirror

    def __len__(self) -> int:
        return len(self.files["image"])

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        # Every sample comes once before any comes again.
        per_round = len(self) // self.count
        order = np.random.default_rng((self.seed, number // per_round)).permutation(len(self))
        start = number % per_round * self.count
        rows = np.sort(order[start : start + self.count])
        batch = _unpacked({name: values[rows] for name, values in self.files.items()})
        rng = np.random.default_rng((self.seed, number, 1))
        batch = exposed(batch, rng)
        return self.mirror.apply(batch) if rng.random() < 0.5 else batch


def exposed(batch: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """The batch in other exposures and white balances, its light with them."""
    count = len(batch["light"])
    gain = np.exp(rng.normal(0, GAIN, (count, 1)) + rng.normal(0, TINT, (count, 3))).astype(np.float32)
    factor = torch.from_numpy(gain ** (1 / DISPLAY_GAMMA))[:, None, None, :]
    out = dict(batch)
    for name in IMAGES:
        out[name] = (batch[name] * factor).clamp_(0, 255).to(torch.uint8)
    out["light"] = batch["light"] * torch.from_numpy(np.repeat(gain, 9, axis=1))
    return out
