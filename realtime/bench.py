"""Speed and memory on this machine: `python -m realtime.bench`, or `make bench`. Prints Markdown tables."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from realtime import cli  # isort: skip - it limits the libraries' threads, so it comes before them

import numpy as np
import psutil

from realtime.bench_networks import network_rows
from realtime.config import Config, OutputConfig, SourceConfig
from realtime.errors import OK, tells_user_errors
from realtime.outputs.programs.options import PORTS, Address, ProgramOptions
from realtime.timing import Timings

SIZE = (640, 480)
SAMPLE_SECONDS = 5.0  # between two looks at the memory
SETTLED_SECONDS = 60.0  # until then buffers fill and caches warm; growth is counted from here
MEGABYTE = 1024**2
DEMO_FRAMES = 300  # all of it: the hand comes in its second half


@tells_user_errors
def main() -> int:
    """Runs what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", default="demo", help="video to work on (default: the demo)")
    parser.add_argument("--view", default="shaded")
    parser.add_argument("--frames", type=int, default=300, help="frames of each measurement (default: 300)")
    parser.add_argument("--minutes", type=float, default=0.0, help="also watch the memory for so long")
    args = parser.parse_args()
    cli.limit_threads()
    print(f"{machine()}\n\nClip: {Path(args.clip).name} at {SIZE[0]}x{SIZE[1]}, one face, view {args.view}.\n")
    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            source=SourceConfig(name=args.clip, realtime=False, size=SIZE, loop=True, frames=args.frames),
            output=OutputConfig(headless=True, record=Path(folder) / "bench.mp4"),
            view=args.view,
        )
        report_networks()
        report_speed(config)
        report_age(config)
        report_fit(config)
        report_everything(config, Path(folder))
        if args.minutes:
            report_memory(config, args.minutes)
    return OK


def machine() -> str:
    """What this runs on, in words."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    load = f", load before {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"Machine: {name}, {os.cpu_count()} cores{load}, {platform.system()}, Python {platform.python_version()}."


def report_networks() -> None:
    """The networks alone."""
    print("### The networks, one thread\n")
    print_table(("network", "precision", "p50, ms", "p95, ms"), network_rows())


def report_everything(config: Config, folder: Path) -> None:
    """The demo, with a hand passing before the face: alone, then with an overlay and outputs on top."""
    covered = replace(config, source=replace(config.source, name="demo", frames=DEMO_FRAMES), view="complete")
    everything = replace(
        covered,
        view="off",
        overlays=("glasses",),
        programs=ProgramOptions(
            osc=Address("127.0.0.1", PORTS["--osc"]),
            ifacialmocap=Address("127.0.0.1", PORTS["--ifacialmocap"]),
            livelink=Address("127.0.0.1", PORTS["--livelink"]),
            csv=folder / "bench.csv",
        ),
    )
    rows = []
    for name, chosen in (("a hand before the face", covered), ("and glasses, every sender, CSV", everything)):
        fast = run_app(chosen)
        paced = run_app(replace(chosen, source=replace(chosen.source, realtime=True, drop=True)))
        ages = "/".join(f"{age:.0f}" for age in paced.ages())
        rows.append((name, f"{fast.frames_per_second:.1f}", ages, f"{sum(fast.cpu().values()):.1f}"))
    print("### The demo: a hand passes before the face, which is completed\n")
    print_table(("what is on", "fps as fast as possible", "age p50/p95 paced, ms", "CPU ms a frame"), rows)
    print("### All of it on: what each part costs, as fast as possible\n")
    print_stages(fast)


def report_speed(config: Config) -> None:
    """As fast as possible, with recording."""
    with rss_samples() as samples:
        timings = run_app(config)
    print(f"### As fast as possible, headless, recording: {timings.frames_per_second:.1f} fps\n")
    print_stages(timings)
    print(f"Resident memory: {max(samples):.0f} MB at most.\n")


def report_age(config: Config) -> None:
    """At the pace of a camera."""
    timings = run_app(replace(config, source=replace(config.source, realtime=True, drop=True)))
    p50, p95 = timings.ages()
    print("### Paced at 30 frames a second, headless, recording\n")
    print_table(
        ("age p50, ms", "age p95, ms", "shown", "dropped", "CPU ms a frame"),
        [(f"{p50:.0f}", f"{p95:.0f}", timings.shown, timings.dropped, f"{sum(timings.cpu().values()):.1f}")],
    )


def report_fit(config: Config) -> None:
    """The fit alone, process CPU time, frame by frame."""
    from engines.face_model.model import MorphableModel
    from realtime.camera import assumed_camera
    from realtime.fitting import Fit, Fitter
    from realtime.sources.base import frames
    from realtime.sources.open import open_source
    from realtime.tracking import MediaPipeTracker

    fitter, tracker = Fitter(MorphableModel.load()), MediaPipeTracker()
    camera = assumed_camera(*SIZE)
    first, spent = 0.0, []
    fit: Fit | None = None
    for frame in frames(open_source(config.source), size=SIZE, loop=True, count=config.source.frames):
        for face in tracker.track(frame):
            start = time.process_time()
            known = fit
            fit = fitter.follow(face.landmarks, camera, known) if known else fitter.fit(face.landmarks, camera)
            elapsed = (time.process_time() - start) * 1e3
            if known:
                spent.append(elapsed)
            else:
                first = elapsed
    tracker.close()
    print("### The fit alone, process CPU time\n")
    if not spent:
        print("No face was found.\n")
        return
    print_table(
        ("first frame, ms", "mean, ms", "p50, ms", "p95, ms"),
        [tuple(f"{value:.1f}" for value in (first, np.mean(spent), *np.percentile(spent, (50, 95))))],
    )


def report_memory(config: Config, minutes: float) -> None:
    """A long run at the pace of a camera."""
    source = replace(config.source, realtime=True, drop=True, frames=None, seconds=60 * minutes)
    with rss_samples() as samples:
        timings = run_app(replace(config, source=source))
    settled = samples[min(int(SETTLED_SECONDS / SAMPLE_SECONDS), len(samples) - 1) :]
    print(f"### {minutes:g} minutes paced at 30 frames a second: memory\n")
    print_table(
        ("frames shown", f"after {SETTLED_SECONDS:.0f} s, MB", "at the end, MB", "most, MB", "growth, MB"),
        [
            (
                timings.shown,
                *(f"{value:.0f}" for value in (settled[0], settled[-1], max(samples))),
                f"{settled[-1] - settled[0]:+.1f}",
            )
        ],
    )


def run_app(config: Config) -> Timings:
    """One run of the program itself."""
    from realtime.app import run as run_program

    return run_program(config)


@contextmanager
def rss_samples() -> Iterator[list[float]]:
    """Resident memory, MB, sampled while the block runs."""
    process, stop = psutil.Process(), threading.Event()
    samples: list[float] = []

    def sample() -> None:
        while not stop.wait(SAMPLE_SECONDS if samples else 0.0):
            samples.append(process.memory_info().rss / MEGABYTE)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()
        samples.append(process.memory_info().rss / MEGABYTE)


def print_stages(timings: Timings) -> None:
    """Wall and CPU time of every stage."""
    walls, cpu = timings.stages(), timings.cpu()
    rows = [
        (
            name,
            *(f"{value:.1f}" for value in walls.get(name, ())),
            *([""] * (2 - len(walls.get(name, ())))),
            f"{cpu[name]:.1f}" if name in cpu else "",
        )
        for name in dict.fromkeys([*walls, *cpu])
    ]
    print_table(("stage", "p50, ms", "p95, ms", "CPU ms a frame"), [*rows, ("all", "", "", f"{sum(cpu.values()):.1f}")])


def print_table(head: tuple[str, ...], rows: list[tuple]) -> None:
    """A Markdown table."""
    for row in (head, ("---",) * len(head), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


if __name__ == "__main__":
    sys.exit(main())
