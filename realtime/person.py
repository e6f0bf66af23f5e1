"""One person's memory as a file: `--person FILE` loads and saves it, or learns it from a photograph.

The file is an .npz with

    version      () int: `VERSION`
    colours      (256, 256, 3) uint8: sRGB over UV, row 0 is v = 1
    weight       (256, 256) float16: how often each texel was seen, 0: never
    identity     (K,) float32: the face model's coefficients, standard deviations
    relief       (256, 256) float16: mm along the normal, over UV

It holds a likeness of a person. Nothing is written unless it was asked for.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from engines.face_model.model import MorphableModel
from realtime.errors import UserError
from realtime.frames import Array, Frame, Image
from realtime.memory import Memories
from realtime.outputs.paths import check_writable
from realtime.remembered import SIZE as SIDE
from realtime.remembered import Person

VERSION = 1
ENDING = ".npz"
LARGEST = 8 << 20  # bytes, of a file and of what is unpacked from it
MOST_DEVIATIONS = 10.0  # of an identity
MOST_RELIEF = 10.0  # mm
LEAST_FACE = 80  # px across, in a photograph to learn from
MOST_HIDDEN = 0.25  # of its landmarks
REMEDY = "Name another file, or delete it and let the program learn anew."


def load_person(path: Path, model: MorphableModel) -> Person:
    """Reads and checks a file that `save_person` wrote.

    Raises:
        UserError: it is missing, damaged, too large, or belongs to another face model.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        content = io.BytesIO(path.read_bytes())
        with zipfile.ZipFile(content) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise ValueError("it unpacks to too much")
        with np.load(content, allow_pickle=False) as file:
            if int(file["version"]) != VERSION:
                raise ValueError(f"it is of version {int(file['version'])}, not {VERSION}")
            person = Person(
                file["colours"],
                file["weight"].astype(np.float32),
                file["identity"].astype(np.float32),
                file["relief"].astype(np.float16),
            )
        _check(person, model)
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        lines = reason.splitlines() or [type(error).__name__]
        raise UserError(f"{path} is no person's memory ({lines[0]}).", REMEDY) from error
    return person


def save_person(path: Path, person: Person) -> None:
    """Writes the file at once: whoever reads meanwhile finds the old one or the new one.

    Raises:
        UserError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    data = io.BytesIO()
    np.savez_compressed(
        data,
        version=np.int32(VERSION),
        colours=person.colours,
        weight=person.weight.astype(np.float16),
        identity=person.identity.astype(np.float32),
        relief=person.relief.astype(np.float16),
    )
    try:
        beside.write_bytes(data.getbuffer())
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path} cannot be written: {reason}.", "Name another file with --person.") from error


def open_person(path: Path, model: MorphableModel, device: str = "auto", keep_glasses: bool = False) -> Person | None:
    """What `--person` names: a file's memory, None for one that is to be written first, or a photograph's.

    Args:
        path: the file.
        model: the face model.
        device: where the networks run that look at a photograph.
        keep_glasses: eyeglasses in it are learned as a part of the face; else they would be painted back on.

    Raises:
        UserError: the file is damaged or could not be written, or the photograph shows no clear face.
    """
    if path.suffix.lower() != ENDING:
        return enrol(path, model, device, keep_glasses)
    person = load_person(path, model) if path.exists() else None
    check_writable(path)  # now, rather than when all is learned
    return person


def enrol(path: Path, model: MorphableModel, device: str = "auto", keep_glasses: bool = False) -> Person:
    """Learns a person from one clear photograph; arguments as for `open_person`.

    Raises:
        UserError: it cannot be read, or shows no face, one that is covered, or one that is too small.
    """
    from realtime.sources.pictures import SUFFIXES, Pictures

    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path} is neither a photograph nor a person's memory.", f"Name a {ENDING} file or a photo.")
    if not path.is_file():
        raise UserError(f"There is no photograph {path}.", "Check the spelling.")
    image = next(iter(Pictures(path, slides=True).shots())).image
    return learn_from(image, model, str(path), device, keep_glasses)


def learn_from(
    image: Image,
    model: MorphableModel,
    name: str = "The photograph",
    device: str = "auto",
    keep_glasses: bool = False,
) -> Person:
    """Learns a person from a picture (H, W, 3) RGB; see `enrol`."""
    from realtime.covered_faces import open_covered_faces
    from realtime.reconstruction import Options, Reconstructor
    from realtime.tracking import MediaPipeTracker

    remedy = "Take a photograph that shows one face from the front, large and uncovered."
    memories = Memories(model)
    covered = open_covered_faces(True, device, keep_glasses, memories)
    if covered is None:
        raise UserError("Without networks nobody can be remembered.", "Restore the files in engines/weights with git.")
    tracker = MediaPipeTracker(stills=True)
    frame = Frame(image, 0.0, 0.0, 0, "photograph")
    try:
        result = Reconstructor(model, Options(stills=True), covered).process(frame, tracker.track(frame))
    finally:
        tracker.close()
    if not result.faces:
        raise UserError(f"{name} shows no face.", remedy)
    state = result.faces[0]
    if float(np.ptp(state.landmarks[:, 0])) < LEAST_FACE:
        raise UserError(f"The face in {name} is less than {LEAST_FACE} pixels wide.", remedy)
    memories.settle()
    person = memories.learned
    if person is None or _hidden(result.occlusion, state.landmarks) > MOST_HIDDEN:
        raise UserError(f"The face in {name} is covered.", remedy)
    return person


@contextmanager
def kept(path: Path | None, memories: Memories) -> Iterator[None]:
    """Saves what was learned of the person when the context is left; a photograph or None: nothing is saved."""
    try:
        yield
    finally:
        person = memories.learned
        if path is not None and path.suffix.lower() == ENDING and person is not None:
            save_person(path, person)


def _hidden(occlusion: Image | None, landmarks: Array) -> float:
    """The share of landmarks (N, 2) px that something covers; `occlusion` (H, W) 0 or 255."""
    if occlusion is None:
        return 0.0
    height, width = occlusion.shape
    x, y = np.floor(landmarks).astype(int).T
    return float((occlusion[y.clip(0, height - 1), x.clip(0, width - 1)] > 0).mean())


def _check(person: Person, model: MorphableModel) -> None:
    """Raises ValueError where a memory cannot be one of this face model."""
    shapes = {
        "colours": (person.colours, (SIDE, SIDE, 3)),
        "weight": (person.weight, (SIDE, SIDE)),
        "identity": (person.identity, (len(model.identity_basis),)),
        "relief": (person.relief, (SIDE, SIDE)),
    }
    for name, (array, shape) in shapes.items():
        if array.shape != shape:
            raise ValueError(f"{name} is {array.shape}, not {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} is not finite")
    if person.colours.dtype != np.uint8:
        raise ValueError(f"colours is {person.colours.dtype}, not uint8")
    if person.weight.min() < 0:
        raise ValueError("weight is below 0")
    if np.abs(person.identity).max() > MOST_DEVIATIONS or np.abs(person.relief).max() > MOST_RELIEF:
        raise ValueError("it describes no face")
