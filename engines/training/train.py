"""Puts faces, occluders, a task and the trainer together."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tqdm import tqdm

from engines.networks import load_network
from engines.training import completion, contour, slim
from engines.training.occluders import load_library
from engines.training.occluders.rendered_hands import open_rendered_hands
from engines.training.pseudo_labels import with_pseudo_labels, write_pseudo_labels
from engines.training.samples import Batches, Sample, faces_for, loader
from engines.training.screen import left_out_names, screen, without_maps
from engines.training.sources import data_folder
from engines.training.store import open_store
from engines.training.tones import tone_chances
from engines.training.trainer import Plan, Task, Trainer
from engines.training.turned import SHARE, open_turned
from engines.training.validation import validation_samples

VALIDATION_PER_KIND = 18


@dataclass(frozen=True)
class Recipe:
    """How one network is trained."""

    make_task: Callable[[argparse.Namespace, dict[str, list[Sample]]], Task]
    shapes: Sequence[tuple[int, int]]  # (side in px, how many) of the batches, in turn
    rate: float
    validation_side: int  # px
    hand_made_share: float = 0.0
    learns_covers: bool = False  # real glasses and hats teach it, where a hand-made map marks them


_CONTOUR = Recipe(
    lambda options, samples: contour.ContourTask(samples),
    contour.BATCHES,
    contour.RATE,
    validation_side=128,
    hand_made_share=contour.HAND_MADE_SHARE,
    learns_covers=True,
)
_COMPLETION = Recipe(
    lambda options, samples: completion.CompletionTask(load_network(options.contour, "contour"), samples, options.seed),
    completion.BATCHES,
    completion.RATE,
    validation_side=192,
)
# A new network is added here.
RECIPES = {
    "contour": _CONTOUR,
    "teacher": replace(_CONTOUR, shapes=contour.TEACHER_BATCHES, validation_side=192, hand_made_share=1.0),
    "completion": _COMPLETION,
    "slim_contour": replace(
        _CONTOUR,
        make_task=lambda options, samples: slim.SlimContourTask(samples, load_network(options.contour, "contour")),
        shapes=slim.CONTOUR_BATCHES,
    ),
    "slim_completion": replace(
        _COMPLETION,
        make_task=lambda options, samples: slim.SlimCompletionTask(
            load_network(options.contour, "contour"),
            samples,
            options.seed,
            load_network(options.completion, "completion"),
        ),
        shapes=slim.COMPLETION_BATCHES,
    ),
}


def train(options: argparse.Namespace) -> None:
    """One training run, as the command line of `__main__` describes it."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads or os.cpu_count() or 1)
    recipe = RECIPES[options.job]
    data = data_folder(options.data)
    store = open_store(data, options.faces, lambda photos: tqdm(photos, "faces"))
    left_out = left_out_names(options.faces)
    side = recipe.validation_side
    samples = validation_samples(store, load_library(data, validation=True), side, VALIDATION_PER_KIND, left_out)
    task = recipe.make_task(options, samples)
    folder = options.run or Path("runs") / options.job
    trainer = Trainer(task, Plan(options.minutes, recipe.rate), folder, options.seed)
    if options.resume:
        trainer.resume()
    elif options.init:
        trainer.start_from(options.init)
    store = with_pseudo_labels(store, options.faces)  # the figures above are taken on hand-made maps
    unwanted = without_maps(store, left_out) if recipe.learns_covers else left_out
    faces = faces_for(store, validation=False, left_out=unwanted)
    turned = None
    if recipe.hand_made_share < 1:
        turned = open_turned(store, faces, options.faces / "turned", lambda made: tqdm(made, "turned faces"))
    hands = open_rendered_hands(options.faces / "hands", lambda made: tqdm(made, "hands"))
    library = load_library(data, without=options.without, more=hands)
    batches = Batches(
        store,
        faces,
        library,
        recipe.shapes,
        trainer.seed,
        recipe.hand_made_share,
        turned,
        SHARE,
        chances=tone_chances(store, faces),
    )
    trainer.run(loader(batches, trainer.step))


def screen_faces(options: argparse.Namespace) -> None:
    """Looks for covered faces with the trained contour network; see `screen`."""
    store = open_store(options.data, options.faces, lambda photos: tqdm(photos, "faces"))
    names = screen(store, load_network(options.contour, "contour"), options.faces, lambda rows: tqdm(rows, "screen"))
    print(f"{len(names)} of {len(store)} faces are covered: left out of later trainings.")


def label_faces(options: argparse.Namespace) -> None:
    """Lets the teacher draw the part maps of all faces that have no hand-made one; see `pseudo_labels`."""
    store = open_store(options.data, options.faces, lambda photos: tqdm(photos, "faces"))
    teacher = load_network(options.contour, "contour")
    count = write_pseudo_labels(store, teacher, options.faces, lambda rows: tqdm(rows, "label"))
    print(f"The part maps of {count} of {len(store)} faces are drawn: later trainings learn from them.")
