"""The training loop that all networks share: time, learning rate, averages, checkpoints, figures, pictures."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from engines.networks.checkpoint import describe, kind_of, read_checkpoint, write_atomically
from engines.training.report import draw_curves, write_png
from engines.training.warm_start import warm_start
from realtime.errors import UserError
from realtime.frames import Image

WARM_UP = 100  # steps until the full learning rate
LOG_EVERY = 25  # steps that one line of log.jsonl sums up
GOING_ON = 0.5  # the rate of a training that goes on from trained weights, in those of a fresh one
STEEPEST = 5.0  # norm of a gradient that is followed
LONGEST_STEP = 20.0  # seconds: a step that took longer was paused, and counts as no more


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train."""

    minutes: float  # of training, interruptions not counted
    rate: float  # the highest learning rate
    steps: int | None = None  # end after so many steps instead
    save_every: float = 120.0  # seconds
    show_every: float = 900.0  # seconds between validations

    def progress(self, step: int, seconds: float) -> float:
        """0 at the start, 1 when done."""
        return step / self.steps if self.steps else seconds / 60 / self.minutes

    def rate_at(self, step: int, progress: float) -> float:
        """A short linear warm-up, then half a cosine down to 2 %."""
        cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return self.rate * min(1.0, (step + 1) / WARM_UP) * cosine


class Task(ABC):
    """What differs from network to network."""

    network: nn.Module
    modules: dict[str, nn.Module]  # everything that learns, the network under "network"
    optimisers: dict[str, torch.optim.Optimizer]

    @abstractmethod
    def step(self, batch: dict[str, Tensor], number: int) -> dict[str, float]:
        """Learns from batch number `number`; returns the losses."""

    @abstractmethod
    def validate(self, network: nn.Module) -> dict[str, float]:
        """Figures of a network (the averaged one) on the validation set."""

    @abstractmethod
    def sheet(self, network: nn.Module) -> Image:
        """A picture (H, W, 3) RGB of validation samples, to be looked at."""


class Average:
    """An exponential moving average of a network, the one that is validated and shipped."""

    def __init__(self, network: nn.Module, decay: float = 0.998) -> None:
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Takes in the weights after step number `step`; early steps count more."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)


class Trainer:
    """Runs a task; everything it writes lies in one folder."""

    def __init__(self, task: Task, plan: Plan, folder: Path, seed: int) -> None:
        self.task, self.plan, self.folder, self.seed = task, plan, folder, seed
        self.step, self.seconds = 0, 0.0
        self.average = Average(task.network)
        self.log: list[dict[str, float]] = []

    @property
    def checkpoint(self) -> Path:
        """Where the averaged weights, and all that is needed to go on, are kept."""
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        """Writes the checkpoint in one step."""
        training = {
            "step": self.step,
            "seconds": self.seconds,
            "seed": self.seed,
            "rate": self.plan.rate,
            "modules": {name: module.state_dict() for name, module in self.task.modules.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.task.optimisers.items()},
        }
        write_atomically(self.checkpoint, describe(self.task.network, self.average.state) | {"training": training})
        (self.folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in self.log))

    def resume(self) -> None:
        """Goes on where the checkpoint ended.

        Raises:
            UserError: there is none, or it is of another network or of other shapes.
        """
        content = read_checkpoint(self.checkpoint)
        kind, training = kind_of(self.task.network), content.get("training")
        if content.get("kind") != kind or training is None:
            raise UserError(f"{self.checkpoint} is no interrupted {kind} training.", "Choose another --run folder.")
        try:
            for name, module in self.task.modules.items():
                module.load_state_dict(training["modules"][name])
            for name, optimiser in self.task.optimisers.items():
                optimiser.load_state_dict(training["optimisers"][name])
        except (RuntimeError, ValueError, KeyError) as error:
            raise UserError(
                f"{self.checkpoint} is of another shape than this {kind} network.",
                "Start anew in another --run folder.",
            ) from error
        self.average.state = content["state"]
        self.step, self.seconds, self.seed = training["step"], training["seconds"], training["seed"]
        self.plan = replace(self.plan, rate=training.get("rate", self.plan.rate))  # not in older checkpoints
        log = self.folder / "log.jsonl"
        self.log = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def start_from(self, weights: Path) -> None:
        """Begins with other weights, as far as they fit, and in smaller strides; see `warm_start`."""
        print(f"{warm_start(self.task.network, weights)} tensors taken from {weights}")
        self.average = Average(self.task.network)
        self.plan = replace(self.plan, rate=GOING_ON * self.plan.rate)

    def show(self) -> dict[str, float]:
        """Validates the average, and writes the sample sheet and the curves."""
        network = type(self.task.network)(self.task.network.config)
        network.load_state_dict(self.average.state)
        network.eval()
        with torch.no_grad():
            figures = self.task.validate(network)
            write_png(self.folder / f"sheet_{self.step:06d}.png", self.task.sheet(network))
        self.log.append({"step": self.step, "minutes": round(self.seconds / 60, 2)} | figures)
        draw_curves(self.folder / "curves.png", self.log)
        return figures

    def run(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Trains to the end of the plan; an interruption (Ctrl-C) saves first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sums: dict[str, float] = {}
        first_step, first_second = self.step, self.seconds
        shown = saved = clock = time.monotonic()
        begin = self.plan.progress(self.step, self.seconds)
        with tqdm(total=1.0, initial=begin, bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}") as bar:
            try:
                for batch in batches:
                    progress = self.plan.progress(self.step, self.seconds)
                    if progress >= 1:
                        break
                    for optimiser in self.task.optimisers.values():
                        for group in optimiser.param_groups:
                            group["lr"] = self.plan.rate_at(self.step, progress) * group.get("factor", 1.0)
                    losses = self.task.step(batch, self.step)
                    self.step += 1
                    self.average.update(self.task.network, self.step)
                    now = time.monotonic()
                    self.seconds += min(now - clock, LONGEST_STEP)
                    clock = now
                    for name, value in losses.items():
                        sums[name] = sums.get(name, 0.0) + value
                    if self.step % LOG_EVERY == 0:
                        means: dict[str, Any] = {name: round(value / LOG_EVERY, 5) for name, value in sums.items()}
                        self.log.append({"step": self.step, "minutes": round(self.seconds / 60, 2)} | means)
                        sums = {}
                        pace = (self.seconds - first_second) / (self.step - first_step)
                        bar.set_postfix({"step": self.step, "s/step": round(pace, 2)} | means)
                        bar.n = min(1.0, self.plan.progress(self.step, self.seconds))
                        bar.refresh()
                    if now - shown > self.plan.show_every:
                        tqdm.write(json.dumps({"step": self.step} | self.show()))
                        shown = time.monotonic()
                    if now - saved > self.plan.save_every:
                        self.save()
                        saved = time.monotonic()
            except KeyboardInterrupt:
                self.save()
                raise UserError(
                    "The training was interrupted; what was learned is kept.", "Go on with --resume."
                ) from None
        tqdm.write(json.dumps({"step": self.step} | self.show()))
        self.save()


def learn(
    optimiser: torch.optim.Optimizer, parameters: Iterable[nn.Parameter], terms: dict[str, Tensor]
) -> dict[str, float]:
    """One step down the sum of the losses; returns them as numbers."""
    optimiser.zero_grad(set_to_none=True)
    sum(terms.values()).backward()
    nn.utils.clip_grad_norm_(parameters, STEEPEST)
    optimiser.step()
    return {name: term.item() for name, term in terms.items()}


def choose_precision(network: nn.Module, inputs: tuple[Tensor, ...]) -> torch.dtype:
    """bfloat16 where this processor is faster with it, else float32: measured on one step of the network."""

    def seconds(dtype: torch.dtype) -> float:
        best = math.inf
        for _ in range(3):
            start = time.perf_counter()
            with autocast(dtype):
                out = network(*inputs)
            sum(o.float().mean() for o in (out if isinstance(out, tuple) else (out,))).backward()
            best = min(best, time.perf_counter() - start)
        network.zero_grad(set_to_none=True)
        return best

    state = {name: value.clone() for name, value in network.state_dict().items()}
    times = {dtype: seconds(dtype) for dtype in (torch.float32, torch.bfloat16)}
    network.load_state_dict(state)  # the running statistics of batch normalisation have moved
    chosen = min(times, key=times.get)
    print("seconds a step: " + ", ".join(f"{str(d)[6:]} {t:.2f}" for d, t in times.items()) + f" -> {str(chosen)[6:]}")
    return chosen


def autocast(dtype: torch.dtype) -> torch.autocast:
    """Mixed precision on the CPU; float32 leaves everything as it is."""
    return torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16)
