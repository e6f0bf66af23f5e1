"""How well a face holds while things pass before it: the program, its completion network alone, and MediaPipe."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from engines.evaluation.clip_scene import COVERS, RATE, CoveredFrame, cover_clip, demo_clip, read_clip
from engines.evaluation.clip_score import (
    ClipRun,
    flicker,
    found_share,
    frames_to_recover,
    hidden_drift,
    hidden_psnr,
    lost,
)
from engines.evaluation.table import markdown
from engines.face_model.model import MorphableModel
from engines.training.occluders import Library, load_library
from engines.training.sources import data_folder
from realtime.covered_faces import open_covered_faces
from realtime.errors import UserError
from realtime.frames import Array, Frame, Image
from realtime.memory import Memories
from realtime.reconstruction import Reconstructor
from realtime.regressor import open_regressor
from realtime.tracking import MediaPipeTracker

CLIPS = ("d18", "d19", "d10")
MEANINGS = """\
iou: of the mask inside the face, over the frames in which something covers it.
psnr: dB over the hidden pixels of the face, against the clean frames; alone: with the completion network only.
drift: hidden landmarks against the same system's own on the clean clip, % of the distance between the outer eye
corners; flicker: their motion from frame to frame beyond that on the clean clip, likewise; mp: MediaPipe in the same
frames. back: frames in clear view until the landmarks are within 1 % again. lost: covered frames without a face
(drift 30). ms: processor time per frame in clear view and covered, the tracker's included."""
COLUMNS = (
    "iou",
    "psnr",
    "alone",
    "drift",
    "drift mp",
    "flicker",
    "flicker mp",
    "back",
    "lost",
    "lost mp",
    "ms clear",
    "ms",
    "ms alone",
)
WARM = 10  # frames until everything has started, not counted as processor time
STRIP = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # moments that are shown: from just before the cover comes to when it has gone
DEMO = "demo"


def run_program(model: MorphableModel, images: Sequence[Image], remember: bool = True) -> ClipRun:
    """The program on a clip, put together as `realtime.app` does it, but on one thread.

    Args:
        model: the face model.
        images: the frames.
        remember: False: the completion network alone paints what is hidden.
    """
    covered = open_covered_faces(stills=False, device="cpu", memories=Memories(model) if remember else None)
    if covered is None:
        raise UserError("No networks are shipped with this copy.", "Restore the files in engines/weights with git.")
    reconstructor = Reconstructor(
        model, covered=covered, regressor=open_regressor(stills=False, device="cpu", model=model)
    )
    tracker = MediaPipeTracker()
    landmarks, complete, spent, masks = [], [], [], []
    for frame in _frames(images):
        started = time.process_time()
        result = reconstructor.process(frame, tracker.track(frame))
        spent.append((time.process_time() - started) * 1e3)
        landmarks.append(result.faces[0].landmarks if result.faces else None)
        complete.append(frame.image if result.complete is None else result.complete)
        nothing = np.zeros(frame.image.shape[:2], bool)
        masks.append(nothing if result.occlusion is None else result.occlusion > 0)
    tracker.close()
    return ClipRun(landmarks, complete, spent, masks)


def run_mediapipe(images: Sequence[Image]) -> ClipRun:
    """MediaPipe alone on a clip."""
    tracker = MediaPipeTracker()
    tracked = [tracker.track(frame) for frame in _frames(images)]
    tracker.close()
    return ClipRun([faces[0].landmarks[:, :2] if faces else None for faces in tracked])


def evaluate_clips(data: str | Path, out: Path, only: Sequence[str] = ()) -> str:
    """The report as Markdown; strips of frames, covered and completed, go into `out`.

    Args:
        data: folder of video/ and occluders/; the demonstration alone needs none.
        out: made if it is missing.
        only: clips and covers to take, by name; all unless given.
    """
    out.mkdir(parents=True, exist_ok=True)
    model, rows = MorphableModel.load(), {}
    chosen, covers = _chosen((*CLIPS, DEMO), only), _chosen(tuple(COVERS), only)
    if "hand" not in covers:
        chosen = [clip for clip in chosen if clip != DEMO]  # it has no other cover
    for clip in chosen:
        demo = demo_clip() if clip == DEMO else []
        images = [frame.clean for frame in demo] or read_clip(data_folder(data) / "video" / f"{clip}.mp4")
        clean_mp, clean = run_mediapipe(images), run_program(model, images)
        truth = [points for points in clean_mp.landmarks if points is not None]
        if len(truth) < len(images):
            raise UserError(f"MediaPipe loses the face in the clean clip {clip}.", "Use another clip.")
        takes = {"hand": demo} if demo else {name: _covered(clip, images, truth, data, name) for name in covers}
        for cover, frames in takes.items():
            seen = [frame.covered for frame in frames]
            ours, alone, theirs = (
                run_program(model, seen),
                run_program(model, seen, remember=False),
                run_mediapipe(seen),
            )
            hidden = [index for index, frame in enumerate(frames) if frame.mask.any()]
            rows[f"{clip} {cover}"] = {
                "iou": found_share(frames, truth, ours),
                "psnr": hidden_psnr(frames, truth, ours),
                "alone": hidden_psnr(frames, truth, alone),
                "drift": hidden_drift(frames, truth, clean, ours),
                "drift mp": hidden_drift(frames, truth, clean_mp, theirs),
                "flicker": flicker(frames, truth, clean, ours),
                "flicker mp": flicker(frames, truth, clean_mp, theirs),
                "back": frames_to_recover(frames, truth, clean, ours),
                "lost": lost(ours),
                "lost mp": lost(theirs),
                "ms clear": float(np.mean(ours.cpu_ms[WARM : hidden[0]])),
                "ms": float(np.mean([ours.cpu_ms[index] for index in hidden])),
                "ms alone": float(np.mean([alone.cpu_ms[index] for index in hidden])),
            }
            write_strip(out / f"{clip}_{cover}.png", frames, hidden, alone, ours)
    return report(rows)


def report(rows: dict[str, dict[str, float]]) -> str:
    """A Markdown table with a line per clip, and the means; `rows` maps a clip's name to its figures."""
    means = {column: float(np.mean([row[column] for row in rows.values()])) for column in COLUMNS}
    lines = [[name, *(f"{row[column]:.2f}" for column in COLUMNS)] for name, row in {**rows, "mean": means}.items()]
    return f"{MEANINGS}\n\n{markdown(['clip', *COLUMNS], lines)}\n"


def _covered(
    clip: str, images: Sequence[Image], truth: Sequence[Array], data: str | Path, cover: str
) -> list[CoveredFrame]:
    """The clip under a cover, always the same."""
    rng = np.random.default_rng([CLIPS.index(clip), list(COVERS).index(cover)])
    return cover_clip(images, truth, COVERS[cover](_library(data), rng))


@cache
def _library(data: str | Path) -> Library:
    return load_library(data_folder(data), validation=True)


def write_strip(path: Path, frames: Sequence[CoveredFrame], hidden: Sequence[int], *runs: ClipRun) -> None:
    """A picture of some frames: covered, completed by each run, and the truth, one above the other.

    Args:
        path: where to.
        frames: the clip.
        hidden: those of its frames in which something is covered.
        runs: on the covered clip.
    """
    first, last = hidden[0] - 1, min(hidden[-1] + 2, len(frames) - 1)
    shown = [first + round(moment * (last - first)) for moment in STRIP]
    rows = [
        np.hstack([frames[index].covered for index in shown]),
        *(np.hstack([run.complete[index] for index in shown]) for run in runs),
        np.hstack([frames[index].clean for index in shown]),
    ]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def _frames(images: Sequence[Image]) -> Iterator[Frame]:
    for index, image in enumerate(images):
        yield Frame(image, time.monotonic(), index / RATE, index, f"frame_{index:06d}")


def _chosen(names: Sequence[str], only: Sequence[str]) -> list[str]:
    """Those of `names` that are among `only`; all where none is."""
    return [name for name in names if name in only] or list(names)
