"""How well the mesh's landmarks fit the tracker's on a folder of portraits: a Markdown table.

    python -m engines.evaluation.landmark_fit --data ../shared/data [--limit N]

Distances are in % of the interocular distance (landmarks 33 to 263) of the tracker's own landmarks.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.model import MorphableModel
from realtime.camera import assumed_camera, project, to_camera
from realtime.errors import OK, UserError, tells_user_errors
from realtime.face_landmarks import INNER_LIPS, IRISES, LEFT_BROW, LEFT_EYE, LIPS, OVAL, RIGHT_BROW, RIGHT_EYE
from realtime.fitting import Fitter
from realtime.frames import Array, Camera, Image
from realtime.quiet import quiet_native_logs

FOLDER = "faces_generated"
SCORED = 468  # without the irises, as the published figures count

NOSE = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 97, 326, 327, 64, 294, 48, 278, 49, 279, 131, 360, 115, 344)
REGIONS = {
    "oval": OVAL,
    "brows": RIGHT_BROW + LEFT_BROW,
    "eyes": RIGHT_EYE + LEFT_EYE,
    "nose": NOSE,
    "lips": LIPS + INNER_LIPS,
    "irises": IRISES,
}


def interocular(landmarks: Array) -> float:
    """px between the outer corners of the eyes."""
    return float(np.hypot(*(landmarks[33, :2] - landmarks[263, :2])))


def errors(found: Array, tracked: Array) -> NDArray[np.float64]:
    """(478,) distances between two sets of landmarks, % of the interocular distance of the second."""
    return np.hypot(*(found[:, :2] - tracked[:, :2]).T.astype(np.float64)) / interocular(tracked) * 100


def fit_errors(model: MorphableModel, fitter: Fitter, tracked: Array, camera: Camera) -> NDArray[np.float64] | None:
    """(478,) errors of the mesh fitted to one face's tracked landmarks; None where there is no fit."""
    fit = fitter.fit(tracked, camera)
    if fit is None:
        return None
    points = model.landmarks(model.vertices(fit.identity, fit.expression))
    return errors(project(to_camera(points, fit.pose), camera), tracked)


def track_stills(paths: list[Path]) -> Iterator[tuple[Path, Image, Array]]:
    """The first face's (478, 3) px landmarks in every picture that has one, by MediaPipe in static mode."""
    with quiet_native_logs():
        import mediapipe

        mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True)
        mesh.process(np.zeros((64, 64, 3), np.uint8))  # what it has to say about its set-up, it says now
    with mesh:
        for path in paths:
            picture = cv2.imread(str(path))
            if picture is None:
                continue
            image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            found = mesh.process(image).multi_face_landmarks
            if found:
                size = np.array([image.shape[1], image.shape[0], image.shape[1]])
                yield path, image, (np.array([[p.x, p.y, p.z] for p in found[0].landmark]) * size).astype(np.float32)


def table(names: list[str], scores: NDArray[np.float64]) -> str:
    """Markdown: one row for all, one per group of the file names (sex_ethnicity_number), one per region.

    Args:
        names: N file stems.
        scores: (N, 478) errors.
    """
    faces = scores[:, :SCORED].mean(1)
    parts = [name.split("_") for name in names]
    rows = [("all", faces), ("all, irises too", scores.mean(1))]
    for position, labels in ((0, {"f": "women", "m": "men"}), (1, {})):
        groups = sorted({part[position] for part in parts if len(part) > 2})
        for group in groups:
            chosen = np.array([len(part) > 2 and part[position] == group for part in parts])
            rows.append((labels.get(group, group), faces[chosen]))
    rows += [(f"region: {name}", scores[:, list(indices)].mean(1)) for name, indices in REGIONS.items()]
    lines = ["| faces | number | mean | median | p95 |", "|---|---|---|---|---|"]
    for name, values in rows:
        figures = " | ".join(f"{figure:.2f}" for figure in (values.mean(), *np.percentile(values, (50, 95))))
        lines.append(f"| {name} | {len(values)} | {figures} |")
    return "\n".join(lines)


def portraits(data: Path, limit: int | None) -> list[Path]:
    """The portraits to measure; with a limit, evenly spread over the folder.

    Raises:
        UserError: there are none.
    """
    paths = sorted((data / FOLDER).glob("*.jpg"))
    if not paths:
        raise UserError(f"No portraits in {data / FOLDER}.", f"Give the folder that holds {FOLDER}/ with --data.")
    if limit is not None and limit < len(paths):
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, limit).round().astype(int)]
    return paths


def measure(paths: list[Path], progress: Callable[[int], None]) -> tuple[list[str], NDArray[np.float64], float]:
    """Tracks and fits every portrait.

    Returns:
        The stems, their (N, 478) errors, and the median CPU milliseconds of a fit.
    """
    model = MorphableModel.load()
    fitter = Fitter(model)
    names, scores, spent = [], [], []
    for path, image, tracked in track_stills(paths):
        start = time.process_time()
        score = fit_errors(model, fitter, tracked, assumed_camera(image.shape[1], image.shape[0]))
        spent.append((time.process_time() - start) * 1e3)
        if score is not None:
            names.append(path.stem)
            scores.append(score)
        progress(len(spent))
    return names, np.array(scores).reshape(-1, 478), float(np.median(spent)) if spent else 0.0


@tells_user_errors
def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m engines.evaluation.landmark_fit", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with faces_generated/")
    parser.add_argument("--limit", type=int, help="measure only so many portraits, evenly spread")
    options = parser.parse_args(arguments)
    paths = portraits(options.data, options.limit)

    def progress(done: int) -> None:
        if sys.stderr.isatty() or done % 500 == 0:
            print(f"\r{done}/{len(paths)}", end="", file=sys.stderr, flush=True)

    names, scores, milliseconds = measure(paths, progress)
    print(file=sys.stderr)
    if not names:
        raise UserError("The tracker found no face in any of the portraits.", "Try other pictures.")
    print(
        f"Landmark distance, % of the interocular distance; {len(paths)} portraits, {len(paths) - len(names)} lost.\n"
    )
    print(table(names, scores))
    print(f"\nMedian CPU time of a fit from a standing start: {milliseconds:.1f} ms.")
    return OK


if __name__ == "__main__":
    sys.exit(main())
