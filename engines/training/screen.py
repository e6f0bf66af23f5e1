"""Finds photographs whose face is already covered: real glasses, hats, hands are no clean truth."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch

from engines.networks import ContourNetwork
from engines.training.labels import HEADWEAR, OUTSIDE, oval_mask
from engines.training.samples import GLASSES, to_network
from engines.training.store import FaceStore
from realtime.alignment import crop_matrix, to_crop

FILE = "left_out.json"
COVERED = 0.01  # the share of the face above which it counts as covered
BATCH = 32


def left_out_names(faces: Path) -> list[str]:
    """The photographs that an earlier `screen` found covered; none before it has run."""
    path = faces / FILE
    return json.loads(path.read_text()) if path.exists() else []


def without_maps(store: FaceStore, names: list[str]) -> list[str]:
    """Those of the names whose covers no hand-made map marks."""
    mapped = {name for name, hand_made in zip(store.names, store.hand_made, strict=True) if hand_made}
    return [name for name in names if name not in mapped]


@torch.no_grad()
def covered_shares(store: FaceStore, network: ContourNetwork, progress=lambda numbers: numbers) -> np.ndarray:
    """(N,) the share of each face's oval that the network takes for an occluder or that its map marks as one."""
    size = network.config.size
    shares = np.zeros(len(store))
    for start in progress(range(0, len(store), BATCH)):
        rows = range(start, min(start + BATCH, len(store)))
        matrices = [crop_matrix(store.landmarks[i], size) for i in rows]
        crops = [
            cv2.warpAffine(store.images[i], m, (size, size), borderMode=cv2.BORDER_REPLICATE)
            for i, m in zip(rows, matrices, strict=True)
        ]
        masks = network(to_network(torch.from_numpy(np.stack(crops))))[0][:, 0].numpy() > 0.5
        for i, matrix, found in zip(rows, matrices, masks, strict=True):
            codes = cv2.warpAffine(store.labels[i], matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=OUTSIDE)
            face = (oval_mask(to_crop(store.landmarks[i], matrix), size) > 0) & (codes != OUTSIDE)
            marked = found | (codes == HEADWEAR) | (codes == GLASSES)
            shares[i] = marked[face].mean() if face.any() else 1.0
    return shares


def screen(store: FaceStore, network: ContourNetwork, faces: Path, progress=lambda numbers: numbers) -> list[str]:
    """Writes the names of the photographs that are covered beside the stored faces, and returns them."""
    shares = covered_shares(store, network, progress)
    names = [name for name, share in zip(store.names, shares, strict=True) if share > COVERED]
    (faces / FILE).write_text(json.dumps(names))
    return names
