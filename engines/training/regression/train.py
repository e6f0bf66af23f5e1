"""Puts pseudo-truth, rendered heads and the trainer together for the regression network."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from engines.engine import digest
from engines.face_model.model import MorphableModel
from engines.networks import load_network
from engines.training.occluders import JUDGED, Library, load_library
from engines.training.regression.ahead import StoredBatches, make_ahead
from engines.training.regression.examples import head_examples, photo_examples, usable
from engines.training.regression.losses import SIZE
from engines.training.regression.mirror import Mirror
from engines.training.regression.pseudo_truth import open_pseudo_truth
from engines.training.regression.relief import RATE as BUMP_RATE
from engines.training.regression.relief import RENDERED as BUMP_RENDERED
from engines.training.regression.relief import BumpTask
from engines.training.regression.samples import (
    RENDERED,
    Complete,
    RegressionBatches,
    Sample,
    Source,
    complete_samples,
    make_sample,
)
from engines.training.regression.task import BATCH, RATE, Completer, RegressionTask
from engines.training.samples import faces_for, loader
from engines.training.screen import left_out_names
from engines.training.sources import data_folder
from engines.training.store import MARGIN, SIDE, FaceStore, open_store
from engines.training.trainer import Plan, Trainer
from realtime.errors import UserError

HEADS, VALIDATION_HEADS = 3000, 100
BUMP_PHOTOS = 3000  # at least so many photographs have their bump map solved for
AHEAD = 560  # batches made ahead
SHOW_EVERY = 240.0  # seconds
VALIDATION_PER_KIND = 40
VALIDATION_SEED = 30_000


def sources(store: FaceStore, cache: Path, left_out: list[str], validation: bool) -> tuple[Source, Source]:
    """Photographs and rendered heads of one part of the split; made first (half an hour) unless `cache` holds them.

    Args:
        store: the faces.
        cache: folder of what is made.
        left_out: photographs not to be used.
        validation: which part.
    """
    truth = open_pseudo_truth(store, cache / "pseudo_truth.npz", lambda rows: tqdm(rows, "fits"))
    # What is made does not depend on what is left out: a later screening does not make it anew.
    fitted = usable(truth, faces_for(store, validation))
    part = "validation" if validation else "training"
    bumps = fitted[:: max(1, len(fitted) // BUMP_PHOTOS)]
    photos = photo_examples(store, truth, bumps, cache / f"bump_{part}.npy", lambda rows: tqdm(rows, "bump maps"))
    count = VALIDATION_HEADS if validation else HEADS
    folder = cache / f"heads_{part}"
    heads = head_examples(store, truth, fitted, count, int(validation), folder, lambda rows: tqdm(rows, "heads"))
    chosen = np.intersect1d(fitted, faces_for(store, validation, left_out))
    return Source(photos, chosen, False, store.labels), Source(heads, np.arange(count), True)


def validation_samples(
    photos: Source, heads: Source, library: Library, size: int, complete: Complete | None
) -> dict[str, list[Sample]]:
    """Kind -> samples, always the same: photographs under each kind of occluder, clear ones, and rendered heads."""
    sets = {}
    for number, kind in enumerate((*JUDGED, "clear", "rendered")):
        rng = np.random.default_rng((VALIDATION_SEED, number))
        source = heads if kind == "rendered" else photos
        kinds = [kind] if kind in JUDGED else None
        samples = [
            make_sample(source, int(i), library if kinds else None, rng, size, kinds, jitter=0.6)
            for i in rng.choice(source.indices, VALIDATION_PER_KIND)
        ]
        sets[kind] = complete_samples(samples, rng, complete)
    return sets


def completer(contour: Path, completion: Path) -> Complete | None:
    """What paints the hidden pixels, or None before these two networks are trained."""
    try:
        return Completer(contour, completion)
    except UserError:
        return None


def prepare(
    options: argparse.Namespace, name: str = "samples", rendered: float = RENDERED
) -> tuple[RegressionTask, StoredBatches]:
    """Everything that training needs: made (half an hour) unless the run's folder holds it.

    Args:
        options: the command line.
        name: the sub-folder of the samples.
        rendered: share of them that show rendered heads.
    """
    data = data_folder(options.data)
    store = open_store(data, options.faces, lambda photos: tqdm(photos, "faces"))
    folder = folder_of(options)
    model = MorphableModel.load()
    left_out = left_out_names(options.faces)
    photos, heads = sources(store, folder, left_out, validation=False)
    validation = sources(store, folder, left_out, validation=True)
    complete = completer(options.contour, options.completion)
    print("completed crops: " + ("makeshift only" if complete is None else "by the trained networks"))
    batches = RegressionBatches(photos, heads, load_library(data), SIZE, BATCH, options.seed, complete, rendered)
    of = [folder / "pseudo_truth.npz", options.contour, options.completion]
    key = " ".join([*(digest(path.read_bytes()) for path in of if path.exists()), *left_out])
    made = make_ahead(batches, AHEAD, folder / name, key, lambda numbers: tqdm(numbers, "samples"))
    samples = validation_samples(*validation, load_library(data, validation=True), SIZE, complete)
    contour = load_network(options.contour, "contour") if options.contour.exists() else None
    start = average_of(photos)
    task = RegressionTask(model, samples, start, contour)
    return task, StoredBatches(made, BATCH, options.seed, Mirror.of(model, start["landmarks"].numpy()))


def folder_of(options: argparse.Namespace) -> Path:
    """The run's folder."""
    return options.run or Path("runs/regression")


def train(options: argparse.Namespace) -> None:
    """One training run, as the command line describes it."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads or os.cpu_count() or 1)
    task, batches = prepare(options)
    trainer = Trainer(task, Plan(options.minutes, RATE, show_every=SHOW_EVERY), folder_of(options), options.seed)
    if options.resume:
        trainer.resume()
    elif options.init:
        trainer.start_from(options.init)
    trainer.run(loader(batches, trainer.step, workers=0 if options.threads == 1 else 1))


def train_bump(options: argparse.Namespace) -> None:
    """Trains the bump map of the regression network in the run's folder, into its sub-folder `bump`."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads or os.cpu_count() or 1)
    task, batches = prepare(options, "bump_samples", BUMP_RENDERED)
    folder = folder_of(options)
    bump = BumpTask(task, options.init or folder / "checkpoint.pt")
    trainer = Trainer(bump, Plan(options.minutes, BUMP_RATE, show_every=SHOW_EVERY), folder / "bump", options.seed)
    if options.resume:
        trainer.resume()
    trainer.run(loader(batches, trainer.step, workers=0 if options.threads == 1 else 1))


def average_of(photos: Source) -> dict[str, torch.Tensor]:
    """The average landmarks (478, 2) in crop widths and light (27,) of the photographs."""
    points = photos.examples.landmarks[photos.indices].mean(0) / SIDE
    return {
        "landmarks": torch.from_numpy((points - 0.5) * MARGIN + 0.5).float(),
        "light": torch.from_numpy(photos.examples.light[photos.indices].mean(0)).float(),
    }
