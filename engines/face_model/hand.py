"""A left hand with its forearm that can be posed: MakeHuman's mesh and rig (CC0), kept in `hand_model.npz`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.face_model.registration import laplacian
from engines.face_model.surface import Surface

Points = NDArray[np.floating]
Bones = dict[str, tuple[Points, Points]]  # name -> head and tail, mm
MODEL = Path(__file__).with_name("hand_model.npz")
FINGERS, JOINTS = 5, 3  # the thumb first; from the palm out
HALF_CLOSED = np.array([10.0, 6.0, 1.0, -5.0, -11.0])  # degrees of `lean` that half close the fan of the rest pose
SKIN, KNUCKLE, NAIL = (0.64, 0.405, 0.30), (0.60, 0.295, 0.21), (0.72, 0.45, 0.37)  # linear RGB
NAIL_LENGTH, NAIL_WIDTH = 11.0, 5.0  # mm from the tip, and to each side


@dataclass(frozen=True)
class Hand:
    """A mesh and the bones in it; mm, x to the person's left, y up, z forward, the arm held out to the side."""

    vertices: Points  # (N, 3)
    quads: NDArray[np.int64]  # (Q, 4) counter-clockwise from outside
    bones: Bones
    weights: Points  # (N, bones), in that order, 1 in all for each vertex

    def save(self, path: Path = MODEL) -> None:
        """Writes it."""
        np.savez_compressed(
            path,
            vertices=self.vertices.astype(np.float32),
            quads=self.quads.astype(np.uint16),
            names=np.array(list(self.bones)),
            bones=np.array(list(self.bones.values()), np.float32),
            weights=self.weights.astype(np.float16),
        )

    @classmethod
    def load(cls, path: Path = MODEL) -> Hand:
        """The one that is shipped, or another that was saved."""
        with np.load(path) as stored:
            bones = {
                str(name): (head, tail) for name, (head, tail) in zip(stored["names"], stored["bones"], strict=True)
            }
            weights = stored["weights"].astype(np.float64)
            return cls(stored["vertices"], stored["quads"].astype(np.int64), bones, weights / weights.sum(1)[:, None])

    @property
    def axes(self) -> Points:
        """(3, 3) rows: across, up along the middle finger, and out of the back of the hand."""
        up = self.bones["finger3-1.L"][0] - self.bones["wrist.L"][0]
        up = up / np.linalg.norm(up)
        out = np.cross(self.bones["finger2-1.L"][0] - self.bones["finger5-1.L"][0], up)
        out /= np.linalg.norm(out)
        return np.stack([np.cross(up, out), up, out])


def pose(hand: Hand, bend: Points, lean: Points) -> Hand:
    """The hand with its fingers bent and fanned out otherwise: linear blend skinning along each chain.

    Args:
        hand: at rest.
        bend: (5, 3) degrees at the joints of each finger, towards the palm; of the thumb across it.
        lean: (5,) degrees, in the palm's plane, towards the little finger's side. At rest the hand is fanned out.
    """
    bones = hand.bones
    across = bones["finger2-1.L"][0] - bones["finger5-1.L"][0]
    along = bones["finger3-1.L"][0] - bones["wrist.L"][0]
    palm = np.cross(across, along)  # out of the back of the hand
    moves = {name: (np.eye(3), np.zeros(3)) for name in bones}
    for finger in range(FINGERS):
        rotation, shift = np.eye(3), np.zeros(3)
        for joint in range(JOINTS):
            name = f"finger{finger + 1}-{joint + 1}.L"
            head, tail = bones[name]
            # The thumb bends across the palm, the fingers towards it.
            hinge = np.cross(palm, tail - head) if finger else palm + 0.6 * np.cross(palm, tail - head) / 40
            turn = _rotation(hinge, bend[finger][joint] * (-1 if finger == 0 else 1))
            if joint == 0:
                turn = _rotation(palm, lean[finger]) @ turn
            # The joint's own turn about its head, then all that its parents do.
            local = head - turn @ head
            rotation, shift = rotation @ turn, rotation @ local + shift
            moves[name] = (rotation, shift)
    moved = np.stack([hand.vertices @ r.T + s for r, s in (moves[name] for name in bones)], 1)
    posed = {name: (r @ bones[name][0] + s, r @ bones[name][1] + s) for name, (r, s) in moves.items()}
    return Hand((moved * hand.weights[..., None]).sum(1), hand.quads, posed, hand.weights)


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


def smooth_surface(hand: Hand, steps: int) -> tuple[Points, NDArray[np.int64], Points]:
    """Vertices (N, 3) mm, triangles (T, 3) and normals (N, 3) of a hand, subdivided so many times."""
    vertices, quads = hand.vertices, hand.quads
    for _ in range(steps):
        vertices, quads = subdivide(vertices, quads)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return vertices, triangles, Surface(vertices, triangles).vertex_normals


def albedo(
    hand: Hand, vertices: Points, triangles: NDArray[np.int64], normals: Points, polish: Points | None = None
) -> Points:
    """(N, 3) linear RGB of a surface of `smooth_surface`: redder near knuckles and tips, darker in creases.

    Args:
        hand: what the surface is of.
        vertices, triangles, normals: the surface.
        polish: (3,) linear RGB of painted nails; None: they are not painted.
    """
    joints = np.array([place for name, ends in hand.bones.items() if name.startswith("finger") for place in ends])
    near = np.linalg.norm(vertices[:, None] - joints[None], axis=2).min(1)
    red = 0.55 * np.exp(-((near / 11.0) ** 2))[:, None]
    color = (1 - red) * np.array(SKIN) + red * np.array(KNUCKLE)
    smooth = laplacian(triangles, len(vertices))
    hollow = -(smooth @ vertices * normals).sum(1)
    for _ in range(8):
        hollow -= 0.7 * (smooth @ hollow)
    nail = _nails(hand, vertices, normals)[:, None]
    color = (1 - nail) * color + nail * np.array(NAIL if polish is None else polish)
    return color * np.clip(1 - 2.5 * np.clip(hollow, 0, None), 0.55, 1)[:, None]


def _nails(hand: Hand, vertices: Points, normals: Points) -> Points:
    """(N,) 0..1 how much of a nail a vertex is: near a finger's end, on its back."""
    nail = np.zeros(len(vertices))
    across = hand.axes[0]
    for finger in range(2, FINGERS + 1):
        head, tail = hand.bones[f"finger{finger}-3.L"]
        along = (tail - head) / np.linalg.norm(tail - head)
        side = (across @ along) * along - across
        side /= np.linalg.norm(side)
        offset = vertices - tail
        length = np.clip((NAIL_LENGTH + offset @ along) / 1.5, 0, 1)
        width = np.clip(NAIL_WIDTH - np.abs(offset @ side), 0, 1)
        back = np.clip((normals @ np.cross(along, side) - 0.5) / 0.2, 0, 1)
        near = np.linalg.norm(offset, axis=1) < 2 * NAIL_LENGTH
        nail = np.maximum(nail, near * length * width * back)
    return nail
