"""An overlay file (TOML) and all that it names -> `Overlay`."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from realtime.camera import rotation_from_vector
from realtime.errors import UserError
from realtime.frames import Array
from realtime.overlays.environment import environment_light
from realtime.overlays.files import OverlayFolder, read_limited
from realtime.overlays.gltf import load_model
from realtime.overlays.overlay import (
    BLENDS,
    Anchor,
    HeadAnchor,
    LandmarkAnchor,
    Light,
    Overlay,
    Paint,
    Piece,
    Prop,
    Span,
    TriangleAnchor,
)
from realtime.overlays.pictures import MOST_BYTES
from realtime.overlays.tables import HELP, Table

SHIPPED = Path(__file__).parent.parent / "assets" / "overlays"
MOST_TOML_BYTES = 256 << 10
MOST_PARTS = 16  # props, and paints, in one file
LANDMARKS = 478
FARTHEST = 2000.0  # mm


def shipped_overlays() -> tuple[str, ...]:
    """The names of the overlays that come with the program."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*/*.toml")))


def find_overlay(name: str) -> Path:
    """The overlay file that the user means: a path, or the name of a shipped one.

    Raises:
        UserError: there is no such thing.
    """
    path = Path(name)
    if not path.exists():
        if name in shipped_overlays():
            return SHIPPED / name / f"{name}.toml"
        raise UserError(
            f"There is no overlay {name!r}.",
            f"Name a .toml file or one of: {', '.join(shipped_overlays())}. "
            "Begin one with: python -m realtime overlay new NAME",
        )
    if path.is_dir():
        raise UserError(f"The overlay {name!r} is a folder.", "Name the .toml file in it.")
    return path


def load_overlay(path: Path, triangles: int, read_files: list[Path] | None = None) -> Overlay:
    """Reads an overlay.

    Args:
        path: the .toml file; all that it names lies in its folder or below.
        triangles: how many the face model has.
        read_files: if given, it is filled with the files that were read, or tried, even if one was bad.

    Raises:
        UserError: a mistake in one of the files; its message begins with the overlay's name.
    """
    folder = OverlayFolder(path.parent)
    try:
        return _read(path, folder, triangles)
    except UserError as error:
        raise UserError(f"Overlay {path.name}: {error.message}", error.remedy) from error
    finally:
        if read_files is not None:
            read_files[:] = [path, *folder.read_files]


def _read(path: Path, folder: OverlayFolder, triangles: int) -> Overlay:
    data = read_limited(path, path.name, MOST_TOML_BYTES)
    try:
        values = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"it is not valid TOML: {reason}.", "Mend that line; texts stand in quotes.") from error
    table = Table(values, "")
    props, paints, light = table.tables("prop"), table.tables("paint"), table.table("light")
    table.finish()
    if max(len(props), len(paints)) > MOST_PARTS:
        raise UserError(f"it has more than {MOST_PARTS} props or paints.", "Share them out among several overlays.")
    if not (props or paints or light):
        raise UserError("it is empty.", f"Give it a [[prop]], a [[paint]] or a [light]. {HELP}")
    return Overlay(
        props=tuple(_prop(each, folder, triangles) for each in props),
        paints=tuple(_paint(each, folder) for each in paints),
        light=None if light is None else _light(light, folder),
        files=(path, *folder.read_files),
    )


def _prop(table: Table, folder: OverlayFolder, triangles: int) -> Prop:
    name = table.file("model")
    anchor = _anchor(table, triangles)
    span = _span(table)
    scale = table.number("scale", 1.0, 1e-3, 1e3)
    turn = table.numbers("rotation", (0.0, 0.0, 0.0), -360.0, 360.0)
    shift = table.numbers("position", (0.0, 0.0, 0.0), -FARTHEST, FARTHEST)
    table.finish()
    turned = rotation(turn)
    pieces = load_model(name, folder)
    return Prop(tuple(_moved(piece, turned, scale, shift) for piece in pieces), anchor, span)


def _anchor(table: Table, triangles: int) -> Anchor:
    inner = table.table("anchor")
    if inner is None:
        return HeadAnchor()
    landmarks = inner.indices("landmarks", LANDMARKS)
    if landmarks and "triangle" in inner:
        raise inner.error("it names landmarks and a triangle", "Keep one of the two.")
    if landmarks:
        inner.finish()
        return LandmarkAnchor(landmarks)
    if "triangle" not in inner:
        inner.finish()
        raise inner.error("it names neither landmarks nor a triangle", "Leave it out to anchor to the head.")
    triangle = inner.index("triangle", triangles)
    shares = inner.numbers("barycentric", (1 / 3, 1 / 3, 1 / 3), 0.0, 1.0)
    inner.finish()
    if abs(sum(shares) - 1) > 1e-3:
        raise inner.error("barycentric must add up to 1", "The middle is [0.3333, 0.3333, 0.3334].")
    return TriangleAnchor(triangle, (shares[0], shares[1], shares[2]))


def _span(table: Table) -> Span | None:
    inner = table.table("span")
    if inner is None:
        return None
    landmarks = inner.indices("landmarks", LANDMARKS)
    mm = inner.number("mm", 0.0, 1.0, FARTHEST)
    inner.finish()
    if len(landmarks) != 2 or landmarks[0] == landmarks[1] or not mm:
        raise inner.error("it needs two landmarks and mm", "Write it like { landmarks = [127, 356], mm = 146 }.")
    return Span((landmarks[0], landmarks[1]), mm)


def _paint(table: Table, folder: OverlayFolder) -> Paint:
    name = table.file("image")
    blend = table.choice("blend", BLENDS)
    opacity = table.number("opacity", 1.0, 0.0, 1.0)
    table.finish()
    image = folder.decode(folder.read(name, MOST_BYTES), name)
    return Paint(image, next(each for each in BLENDS if each == blend), opacity)


def _light(table: Table, folder: OverlayFolder) -> Light:
    estimated = table.number("estimated", 1.0, 0.0, 10.0)
    name = table.text("environment")
    strength = table.number("strength", 1.0, 0.0, 100.0)
    turn = table.number("turn", 0.0, -360.0, 360.0)
    table.finish()
    if name is None:
        return Light(estimated)
    panorama = folder.decode(folder.read(name, MOST_BYTES), name)
    return Light(estimated, environment_light(panorama, turn) * np.float32(strength))


def rotation(degrees: Sequence[float]) -> Array:
    """(3, 3) about x first, then y, then z."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees)):
        matrix = rotation_from_vector(np.eye(3)[axis] * angle) @ matrix
    return matrix


def _moved(piece: Piece, turned: Array, scale: float, shift: Sequence[float]) -> Piece:
    positions = scale * (piece.positions @ turned.T) + np.asarray(shift)
    return replace(piece, positions=positions.astype(np.float32), normals=(piece.normals @ turned.T).astype(np.float32))
