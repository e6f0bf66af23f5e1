"""Puts faces, occluders, a task and the trainer together."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import torch
from tqdm import tqdm

from engines.training.contour import BATCH as CONTOUR_BATCH
from engines.training.contour import RATE as CONTOUR_RATE
from engines.training.contour import ContourTask
from engines.training.occluders import load_library
from engines.training.samples import Batches, faces_for, loader
from engines.training.sources import data_folder
from engines.training.store import open_store
from engines.training.trainer import Plan, Trainer
from engines.training.validation import validation_samples
from engines.training.warm_start import warm_start

VALIDATION_PER_KIND = 36
HAND_MADE_SHARE = 0.25  # of the samples, drawn besides from the faces with hand-made maps


def left_out_names(faces: Path) -> list[str]:
    """Photographs that `screen` found covered by real things; empty before it has run."""
    path = faces / "left_out.json"
    return json.loads(path.read_text()) if path.exists() else []


def train(options: argparse.Namespace) -> None:
    """One training run, as the command line describes it."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(os.cpu_count() or 1)
    data = data_folder(options.data)
    store = open_store(data, options.faces, lambda photos: tqdm(photos, "faces"))
    left_out = left_out_names(options.faces)
    size = options.size or 128
    samples = validation_samples(store, load_library(data, validation=True), size, VALIDATION_PER_KIND, left_out)
    task = ContourTask(samples)
    rate, count = options.rate or CONTOUR_RATE, CONTOUR_BATCH
    folder = options.run or Path("runs") / options.network
    trainer = Trainer(task, Plan(options.minutes, rate), folder, options.seed)
    if options.resume:
        trainer.resume()
    elif options.init:
        copied = warm_start(task.network, options.init)
        trainer.average = type(trainer.average)(task.network)
        print(f"{copied} tensors taken from {options.init}")
    batches = Batches(
        store,
        faces_for(store, validation=False, left_out=left_out),
        load_library(data),
        size,
        count,
        trainer.seed,
        HAND_MADE_SHARE,
    )
    trainer.run(loader(batches, trainer.step))
