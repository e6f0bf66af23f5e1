"""The chain from a picture to the regression network's answer, as the program runs it on stills."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import WEIGHTS
from engines.face_model.model import MorphableModel
from engines.openvino_engine import open_openvino
from engines.training.regression.examples import usable
from engines.training.regression.pseudo_truth import PseudoTruth, open_pseudo_truth
from engines.training.samples import faces_for
from engines.training.store import FaceStore, open_store
from realtime.covered_faces import at_still_sides, unoccluder_for_stills
from realtime.errors import OK, tells_user_errors
from realtime.frames import Array, Image, TrackedFace
from realtime.quiet import quiet_native_logs
from realtime.regressor import Regression, Regressor
from realtime.seen import Seen
from realtime.unocclude import Unoccluder

LANDMARKS = 478


@dataclass(frozen=True)
class Recovery:
    """The three networks as the program runs them on stills, and the face model."""

    model: MorphableModel
    unoccluder: Unoccluder
    regressor: Regressor

    @classmethod
    def load(cls, weights: Path = WEIGHTS) -> Recovery:
        """From a folder of exported weights; in float32, so that the figures hold on every machine."""
        engine = partial(open_openvino, precision="f32", folder=weights)
        unoccluder = unoccluder_for_stills(lambda name: at_still_sides(name, partial(engine, name)))
        model = MorphableModel.load()
        return cls(model, unoccluder, Regressor(engine("regression"), model.in_mirror))

    def regress(self, image: Image, landmarks: Array) -> tuple[Seen, Regression]:
        """One face.

        Args:
            image: (H, W, 3) RGB.
            landmarks: (478, 2 or more) px, the tracker's.
        """
        points = np.zeros((LANDMARKS, 3), np.float32)
        points[:, :2] = landmarks[:, :2]
        seen = self.unoccluder.look(image, TrackedFace(0, points, is_new=True))
        return seen, self.regressor.look(seen)


@dataclass(frozen=True)
class KeptOut:
    """The stored faces that no network has seen."""

    store: FaceStore
    truth: PseudoTruth
    chosen: NDArray[np.intp]  # those whose fit can be believed


def kept_out(data: Path, faces: Path, run: Path) -> KeptOut:
    """Faces and pseudo-truth, solved for first unless the training's folder `run` holds it."""
    store = open_store(data, faces)
    truth = open_pseudo_truth(store, run / "pseudo_truth.npz")
    return KeptOut(store, truth, usable(truth, faces_for(store, validation=True)))


class StillLandmarks:
    """MediaPipe on single pictures; a context manager."""

    def __enter__(self) -> StillLandmarks:
        with quiet_native_logs():
            from mediapipe.python.solutions.face_mesh import FaceMesh

            self._mesh = FaceMesh(static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3)
        return self

    def __exit__(self, *_: object) -> None:
        self._mesh.close()

    def find(self, image: Image) -> Array | None:
        """(478, 2) px, or None where no face is found."""
        pad = image.shape[1] // 4
        padded = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        found = self._mesh.process(padded).multi_face_landmarks
        if not found:
            return None
        size = np.array([padded.shape[1], padded.shape[0]], np.float32)
        return np.array([(p.x, p.y) for p in found[0].landmark], np.float32) * size - pad


Report = Callable[[argparse.Namespace, Recovery], str]


@tells_user_errors
def command(name: str, about: str, report: Report, arguments: list[str] | None = None) -> int:
    """The command line of one table: prints it and returns the exit status.

    Args:
        name: of the module in this package.
        about: one line for `--help`.
        report: the options and the networks -> Markdown.
        arguments: of the command line; None: this process's.
    """
    parser = argparse.ArgumentParser(prog=f"python -m engines.evaluation.{name}", description=about)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="(default: %(default)s)")
    parser.add_argument("--faces", type=Path, default=Path("runs/faces"), help="cut-out faces (default: %(default)s)")
    parser.add_argument(
        "--run", type=Path, default=Path("runs/regression"), help="the training, for its fits (default: %(default)s)"
    )
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="exported networks (default: those shipped)")
    parser.add_argument("--count", type=int, default=100, help="heads (default: %(default)s)")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    print(report(options, Recovery.load(options.weights)))
    return OK
