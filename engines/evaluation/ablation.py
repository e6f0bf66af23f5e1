"""What each part is worth: the same pictures with a part left out, in one process instead of through `run.py`.

Beside it what others make of them: MediaPipe alone, and after OpenCV's Telea has inpainted what the true mask hides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from engines.engine import Engine, choose_engine, shipped_networks
from engines.evaluation.groups import facts_of, group, mean, over_kinds, share_group
from engines.evaluation.markdown import markdown
from engines.evaluation.metrics import drift, hidden_points, interocular, psnr
from engines.evaluation.pairs import Pair, StillMesh
from engines.evaluation.score import Pictures, Scored, inpainted, read_pictures
from engines.face_model.model import MorphableModel
from realtime.camera import picture_vertices
from realtime.covered_faces import CoveredFaces
from realtime.crop_mesh import MediaPipeCropMesh
from realtime.frames import Array, Frame, FrameResult, Image
from realtime.reconstruction import TRUST, Options, Reconstructor
from realtime.regressor import Regressor, Trust
from realtime.several_looks import SeveralLooks
from realtime.tracking import MediaPipeTracker
from realtime.unocclude import Unoccluder

FIGURES = {
    "drift": "all landmarks against MediaPipe's on the clean picture, % of the interocular distance",
    "hidden": "the landmarks under the occluder, likewise",
    "psnr": "dB over hidden face pixels",
}
GROUPS: dict[str, Callable[[Scored], str | None]] = {
    "kind": lambda row: row.pair.kind,
    "share": lambda row: share_group(row.share),
    **{fact: lambda row, fact=fact: facts_of(row.pair.face).get(fact) for fact in ("ethnicity", "sex", "age")},
}
Answer = tuple[Array | None, Image]  # landmarks (478, 2) px or None, the completed picture
Look = Callable[[Image], FrameResult]
Variant = Callable[[Pictures], Answer]
Score = Callable[[Pair, Pictures], dict[str, float]]
Progress = Callable[[Sequence[Pair]], Iterable[Pair]]


class StandIn:
    """Takes an engine's place in the program, with its buffers; what it answers is up to those below."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.spec, self.device, self.precision, self.why = engine.spec, engine.device, engine.precision, engine.why

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The engine's own buffers."""
        return self._engine.inputs


class WithoutGuide(StandIn):
    """A completion engine that is told nothing about where the parts are."""

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """As the engine, but every part is as likely as any other everywhere."""
        parts = self._engine.inputs["parts"]
        parts[:] = 1 / parts.shape[1]
        return self._engine.run(**arrays)


class WithoutCompletion(StandIn):
    """A completion engine that paints nothing: it hands back what is in front of the face."""

    def run(self, **arrays: Array) -> Mapping[str, Array]:
        """The picture as it came in."""
        return {"complete": self._engine.inputs["image"]}


class Workbench:
    """The program on single pictures, as `run.py --stills` puts it together, with parts that may be exchanged."""

    def __init__(self) -> None:
        self.model = MorphableModel.load()
        self.contour, self.completion = (choose_engine(n, "cpu", precision="f32") for n in ("contour", "completion"))
        self.regressor = None
        if "regression" in shipped_networks():
            self.regressor = Regressor(choose_engine("regression", "cpu", precision="f32"), self.model.in_mirror)
        self._tracker, self._mesh = MediaPipeTracker(stills=True), MediaPipeCropMesh(stills=True)

    def blind(self) -> Look:
        """Without any network but the tracker's."""
        return self._look(None, TRUST)

    def seeing(self, contour: Engine | None = None, painter: Engine | None = None, trust: Trust = TRUST) -> Look:
        """With a contour and a completion network, the shipped ones unless given."""
        engines = contour or self.contour, SeveralLooks(painter or self.completion)
        return self._look(CoveredFaces(Unoccluder(*engines, self._mesh, stills=True), stills=True), trust)

    def _look(self, covered: CoveredFaces | None, trust: Trust) -> Look:
        reconstructor = Reconstructor(self.model, Options(stills=True), covered, self.regressor, trust)

        def look(image: Image) -> FrameResult:
            frame = Frame(image, 0.0, 0.0, 0, "still")
            return reconstructor.process(frame, self._tracker.track(frame))

        return look


def variants(bench: Workbench) -> dict[str, Variant]:
    """Name -> what the program says of a pair's covered picture when something is left out, and what others say."""
    model, blind, others = bench.model, bench.blind(), StillMesh()
    pieces = {
        "without the regression network": Trust(),
        "of the regression only the prior of expression": Trust(expression=TRUST.expression),
        "of the regression only the hidden landmarks": Trust(hidden=TRUST.hidden, hidden_weight=TRUST.hidden_weight),
    }
    trusting = {name: bench.seeing(trust=trust) for name, trust in pieces.items()} if bench.regressor else {}

    def mean_face(image: Image) -> Answer:
        result = blind(image)
        if not result.faces:
            return None, image
        rest = model.vertices(np.zeros(len(model.identity_basis)), np.zeros(len(model.expression_names)))
        pose = result.faces[0].coefficients.pose
        return model.landmarks(picture_vertices(rest, pose, result.camera)[:, :2]), image

    def after_telea(pictures: Pictures) -> Answer:
        painted = inpainted(pictures)
        return others.find(painted), painted

    def of_covered(look: Callable[[Image], Answer]) -> Variant:
        return lambda pictures: look(pictures.covered)

    ours = {
        "everything": bench.seeing(),
        "without the contour guide": bench.seeing(painter=WithoutGuide(bench.completion)),
        "without completion": bench.seeing(painter=WithoutCompletion(bench.completion)),
        **trusting,
        "without the networks: landmark fit only": blind,
    }
    return {
        **{name: of_covered(lambda image, look=look: answer(look(image))) for name, look in ours.items()},
        "mean face in the pose of that fit": of_covered(mean_face),
        "MediaPipe alone": of_covered(lambda image: (others.find(image), image)),
        "MediaPipe after Telea with the true mask": after_telea,
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


def scored(
    folder: Path, pairs: Sequence[Pair], scores: Mapping[str, Score], progress: Progress = iter
) -> dict[str, list[Scored]]:
    """Name -> the figures of every pair.

    Args:
        folder: of the pairs.
        pairs: which.
        scores: name -> what it makes of a pair.
        progress: wraps the pairs while they are worked through.
    """
    rows: dict[str, list[Scored]] = {name: [] for name in scores}
    for pair in progress(pairs):
        pictures = read_pictures(folder, pair)
        share = float((pictures.mask & pictures.face).sum() / pictures.face.sum())
        for name, score in scores.items():
            rows[name].append(Scored(pair, share, score(pair, pictures)))
    return rows


def measure(
    folder: Path, pairs: Sequence[Pair], looks: Mapping[str, Variant], progress: Progress = iter
) -> dict[str, list[Scored]]:
    """Variant -> the figures of every pair; the arguments are those of `scored`."""

    def score_of(look: Variant) -> Score:
        return lambda pair, pictures: figures(pair, pictures, look(pictures))

    return scored(folder, pairs, {name: score_of(look) for name, look in looks.items()}, progress)


def report(rows: Mapping[str, Sequence[Scored]]) -> str:
    """Markdown: a table of the means over the kinds, and for each figure one by group; variants are columns there."""
    lines = [[name, *(f"{over_kinds(of, figure)[0]:.2f}" for figure in FIGURES)] for name, of in rows.items()]
    numbers = "\n".join(f"{number}. {name}" for number, name in enumerate(rows, start=1))
    parts = [f"## What each part is worth\n\n{markdown(['variant', *FIGURES], lines)}", f"Columns below:\n\n{numbers}"]
    parts += [f"## {figure}: {meaning}\n\n{by_group(rows, figure)}" for figure, meaning in FIGURES.items()]
    return "\n\n".join(parts) + "\n"


def by_group(rows: Mapping[str, Sequence[Scored]], figure: str) -> str:
    """Markdown: one figure, a line for each kind, share hidden, ethnicity, sex and age, a column for each variant."""
    lines = []
    for key in GROUPS.values():
        groups = {name: group(of, key) for name, of in rows.items()}
        for label, members in next(iter(groups.values())).items():
            means = (mean(of[label], figure) for of in groups.values())
            lines.append([label, str(len(members)), *("" if np.isnan(m) else f"{m:.2f}" for m in means)])
    return markdown(["group", "pairs", *(str(number) for number in range(1, len(rows) + 1))], lines)


def ablation_table(folder: Path, pairs: Sequence[Pair], progress: Progress = iter) -> str:
    """The report of all variants."""
    return report(measure(folder, pairs, variants(Workbench()), progress))
