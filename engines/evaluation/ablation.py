"""What each part is worth: the same pictures with a part left out, in one process instead of through `run.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from engines.engine import Engine, choose_engine, shipped_networks
from engines.evaluation.groups import over_kinds
from engines.evaluation.metrics import drift, hidden_points, interocular, psnr
from engines.evaluation.pairs import Pair
from engines.evaluation.score import Pictures, Scored, read_pictures
from engines.evaluation.table import markdown
from engines.face_model.model import MorphableModel
from realtime.camera import picture_vertices
from realtime.covered_faces import CoveredFaces
from realtime.crop_mesh import MediaPipeCropMesh
from realtime.frames import Array, Frame, FrameResult, Image
from realtime.reconstruction import TRUST, Options, Reconstructor
from realtime.regressor import Regressor, Trust
from realtime.tracking import MediaPipeTracker
from realtime.unocclude import Unoccluder

FIGURES = ("drift", "hidden", "psnr")
Answer = tuple[Array | None, Image]  # landmarks (478, 2) px or None, the completed picture


class WithoutGuide:
    """A completion engine that is told nothing about where the parts are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.spec, self.device, self.precision, self.why = engine.spec, engine.device, engine.precision, engine.why

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The engine's own buffers."""
        return self._engine.inputs

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """As the engine, but every part is as likely as any other everywhere."""
        parts = self._engine.inputs["parts"]
        parts[:] = 1 / parts.shape[1]
        return self._engine.run(**arrays)


def variants(model: MorphableModel) -> dict[str, Callable[[Image], Answer]]:
    """Name -> what the program says of a picture (H, W, 3) when something is left out."""
    tracker = MediaPipeTracker(stills=True)
    contour, completion = (choose_engine(name, "cpu", precision="f32") for name in ("contour", "completion"))
    mesh = MediaPipeCropMesh(stills=True)
    regressor = None
    if "regression" in shipped_networks():
        regressor = Regressor(choose_engine("regression", "cpu", precision="f32"), stills=True)

    def program(covered: CoveredFaces | None, trust: Trust = TRUST) -> Callable[[Image], FrameResult]:
        reconstructor = Reconstructor(model, Options(stills=True), covered, regressor, trust)

        def look(image: Image) -> FrameResult:
            frame = Frame(image, 0.0, 0.0, 0, "still")
            return reconstructor.process(frame, tracker.track(frame))

        return look

    def seeing(painter: Engine, trust: Trust = TRUST) -> Callable[[Image], FrameResult]:
        return program(CoveredFaces(Unoccluder(contour, painter, mesh, stills=True), stills=True), trust)

    sees_all, unguided, blind = seeing(completion), seeing(WithoutGuide(completion)), program(None)
    pieces = {
        "without the regression network": Trust(),
        "of the regression only the prior of expression": Trust(expression=TRUST.expression),
        "of the regression only the hidden landmarks": Trust(hidden=TRUST.hidden, hidden_weight=TRUST.hidden_weight),
    }
    trusting = {name: seeing(completion, trust) for name, trust in pieces.items()} if regressor else {}

    def mean_face(image: Image) -> Answer:
        result = blind(image)
        if not result.faces:
            return None, image
        rest = model.vertices(np.zeros(len(model.identity_basis)), np.zeros(len(model.expression_names)))
        pose = result.faces[0].coefficients.pose
        return model.landmarks(picture_vertices(rest, pose, result.camera)[:, :2]), image

    return {
        "everything": lambda image: answer(sees_all(image)),
        "without the contour guide": lambda image: answer(unguided(image)),
        **{name: (lambda image, look=look: answer(look(image))) for name, look in trusting.items()},
        "without the networks: landmark fit only": lambda image: answer(blind(image)),
        "mean face in the pose of that fit": mean_face,
    }


def answer(result: FrameResult) -> Answer:
    """The largest face's landmarks, and the picture with the faces completed."""
    landmarks = result.faces[0].landmarks if result.faces else None
    return landmarks, result.frame.image if result.complete is None else result.complete


def figures(pair: Pair, pictures: Pictures, found: Answer) -> dict[str, float]:
    """Drift, hidden drift and PSNR, as `metrics` defines them."""
    landmarks, complete = found
    error = drift(landmarks, pair.landmarks, interocular(pair.landmarks))
    hidden = hidden_points(pair.landmarks, pictures.mask)
    out = {
        "drift": error.mean(),
        "hidden": error[hidden].mean() if hidden.any() else None,
        "psnr": psnr(complete, pictures.clean, pictures.mask & pictures.face),
    }
    return {name: float(value) for name, value in out.items() if value is not None}


def ablation_table(folder: Path, pairs: Sequence[Pair]) -> str:
    """Markdown: one line per variant, means over the kinds of occluder."""
    lines = []
    for name, look in variants(MorphableModel.load()).items():
        rows = []
        for pair in pairs:
            pictures = read_pictures(folder, pair)
            rows.append(Scored(pair, 0.0, figures(pair, pictures, look(pictures.covered))))
        lines.append([name, *(f"{over_kinds(rows, figure)[0]:.2f}" for figure in FIGURES)])
    return markdown(["variant", *FIGURES], lines)
