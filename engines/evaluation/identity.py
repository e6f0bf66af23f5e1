"""Whether a completed face is still that person: distances in the descriptor of a face-recognition network.

The network is dlib's (128 numbers to a face, two pictures of one person are usually nearer than 0.6). All pictures of a
pair are aligned by the landmarks of the clean one, so that nothing but what is seen of the face makes the difference;
whether dlib's own detector would have found the face at all is counted beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.evaluation.markdown import markdown
from engines.evaluation.pairs import Pair
from engines.evaluation.score import read_pictures, read_result
from realtime.errors import UserError
from realtime.frames import Array, Image

PACKAGES = ("dlib", "face_recognition_models")
WEIGHTS = "models/dlib_face_recognition_resnet_model_v1.dat"
# MediaPipe's landmarks for dlib's five: corners of the left eye (outer, inner), of the right one, below the nose.
FIVE = (263, 362, 33, 133, 2)
CHIP, PADDING = 150, 0.25  # px of what the network sees; room around the face
SAME_PERSON = 0.6

Progress = Callable[[Sequence[Pair]], Iterable[Pair]]


@dataclass(frozen=True)
class Distances:
    """N pairs: how far each picture is from the clean one, 0 for the same picture."""

    kinds: Sequence[str]  # of occluder
    covered: NDArray[np.float64]  # (N,)
    completed: NDArray[np.float64]  # (N,)
    stranger: NDArray[np.float64]  # (N,) the clean picture of somebody else
    found: NDArray[np.bool_]  # (N, 2) whether a detector finds the face, covered and completed


def is_installed() -> bool:
    """Whether the packages of the extra `evaluation` are there."""
    return all(find_spec(name) for name in PACKAGES)


class Recogniser:
    """dlib's face-recognition network and its face detector.

    Raises:
        UserError: they are not installed.
    """

    def __init__(self) -> None:
        if not is_installed():
            raise UserError("The face-recognition network is not installed.", "make install EXTRAS=train,evaluation")
        import dlib

        # The models' own package asks for pkg_resources when it is imported: only its folder is of use.
        weights = Path(find_spec(PACKAGES[1]).origin).parent / WEIGHTS
        self._dlib, self._network = dlib, dlib.face_recognition_model_v1(str(weights))
        self._detector = dlib.get_frontal_face_detector()

    def describe(self, image: Image, landmarks: Array) -> Array:
        """(128,) of the face in a picture (H, W, 3) RGB at landmarks (478, 2) px."""
        points = [self._dlib.point(round(float(x)), round(float(y))) for x, y in landmarks[list(FIVE), :2]]
        whole = self._dlib.rectangle(0, 0, image.shape[1], image.shape[0])
        found = self._dlib.full_object_detection(whole, self._dlib.points(points))
        chip = self._dlib.get_face_chip(np.ascontiguousarray(image), found, size=CHIP, padding=PADDING)
        return np.array(self._network.compute_face_descriptor(chip))

    def finds(self, image: Image) -> bool:
        """Whether the detector finds a face in a picture (H, W, 3) RGB."""
        return len(self._detector(np.ascontiguousarray(image), 0)) > 0


def measure(folder: Path, pairs: Sequence[Pair], covered: Path, network: Recogniser, progress: Progress) -> Distances:
    """All distances.

    Args:
        folder: of the pairs.
        pairs: of at least two people.
        covered: the program's dump of the covered pictures.
        network: tells people apart.
        progress: wraps the pairs while they are worked through.
    """
    clean: dict[str, Array] = {}
    described: list[tuple[Array, Array]] = []
    found: list[tuple[bool, bool]] = []
    for pair in progress(pairs):
        pictures = read_pictures(folder, pair)
        if pair.face not in clean:
            clean[pair.face] = network.describe(pictures.clean, pair.landmarks)
        shown = pictures.covered, read_result(covered / f"{pair.id}_occ.npz").complete
        described.append(tuple(network.describe(image, pair.landmarks) for image in shown))
        found.append(tuple(network.finds(image) for image in shown))
    people = list(clean)
    own = np.stack([clean[pair.face] for pair in pairs])
    other = np.stack([clean[people[(people.index(pair.face) + 1) % len(people)]] for pair in pairs])
    behind, painted = (np.stack(column) for column in zip(*described, strict=True))
    distances = (np.linalg.norm(own - them, axis=1) for them in (behind, painted, other))
    return Distances([pair.kind for pair in pairs], *distances, np.array(found))


def table(distances: Distances) -> str:
    """Markdown: means by kind of occluder."""
    lines = []
    kinds = np.array(distances.kinds)
    for name in (*dict.fromkeys(distances.kinds), "all"):
        of = (kinds == name) | (name == "all")
        columns = (distances.covered[of], distances.completed[of], distances.stranger[of])
        nearer = 100 * float((columns[1] < columns[0]).mean())
        found = 100 * distances.found[of].mean(0)
        shares = (nearer, *found)
        lines.append([name, str(of.sum()), *(f"{c.mean():.3f}" for c in columns), *(f"{s:.0f}" for s in shares)])
    head = ["kind", "pairs", "covered", "completed", "somebody else", "nearer, %", "found covered, %", "completed, %"]
    return markdown(head, lines)


def report(folder: Path, pairs: Sequence[Pair], covered: Path, progress: Progress = iter) -> str:
    """The table, or one line that says what is missing."""
    try:
        network = Recogniser()
    except UserError as error:
        return f"Not measured: {error.message} {error.remedy}"
    return (
        "Distance from the clean picture in the descriptor of dlib's face-recognition network, which takes two pictures"
        f" for one person's below {SAME_PERSON}; nearer: pairs in which the completed picture is nearer than the "
        "covered one; found: by dlib's face detector.\n\n"
    ) + table(measure(folder, pairs, covered, network, progress))
