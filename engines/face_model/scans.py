"""The scan-based face model (ICT-FaceKit, MIT) that identity is learned from (build time only)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.face_model.surface import Surface
from realtime.errors import UserError

FILE = "ict_facehead_eyes80.npz"
SKIN_VERTICES = 11248  # the first ones; the eyeballs follow
# The outer shells of the eyeballs, the person's right one first: first vertex and one past the last.
EYE_SHELLS = ((12818, 13588), (11248, 12018))


@dataclass(frozen=True)
class ScanModel:
    """Mean and components of the scan-based model, millimetres, its own axes (x to the person's left, y up)."""

    mean: NDArray[np.float64]  # (N, 3)
    basis: NDArray[np.float64]  # (K, N, 3) mm per standard deviation
    triangles: NDArray[np.int64]  # (T, 3) of the skin
    landmarks: NDArray[np.float64]  # (478, 3) on the mean
    landmark_sigma: NDArray[np.float64]  # (478,) mm
    expressions: dict[str, NDArray[np.float64]]  # name -> (N, 3) mm

    @classmethod
    def load(cls, folder: str | Path) -> ScanModel:
        """Read the model from the folder that holds it."""
        path = Path(folder) / FILE
        if not path.is_file():
            raise UserError(f"{path} is missing.", "Pass --data the folder that has shapes/ in it.")
        with np.load(path) as file:
            quads, landmarks = file["quads"].astype(np.int64), file["lmk_verts"]
            four, three = quads[quads[:, 3] >= 0], quads[quads[:, 3] < 0][:, :3]
            triangles = np.concatenate([four[:, [0, 1, 2]], four[:, [0, 2, 3]], three])
            mean = file["mean"].astype(np.float64)
            names = [str(name) for name in file["expr_names"]]
            return cls(
                mean=mean,
                basis=file["id_basis"].astype(np.float64),
                triangles=triangles[(triangles < SKIN_VERTICES).all(1)],
                landmarks=np.einsum("lcd,lc->ld", mean[landmarks], file["lmk_bary"].astype(np.float64)),
                landmark_sigma=file["lmk_sigma_mm"].astype(np.float64),
                expressions=dict(zip(names, file["expr_basis"].astype(np.float64), strict=True)),
            )

    def shape(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) mm the head with these coefficients (K,)."""
        return self.mean + np.tensordot(coefficients, self.basis, 1)

    def skin(self, vertices: NDArray[np.float64]) -> Surface:
        """The skin of a head from `shape`."""
        return Surface(vertices, self.triangles)


def fit_spheres(vertices: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(2, 3) mm centres and (2,) mm radii of the right and left eyeball of a head from `ScanModel.shape`."""
    centers, radii = [], []
    for first, end in EYE_SHELLS:
        shell = vertices[first:end]
        back = shell[shell[:, 2] < shell[:, 2].mean()]  # the front bulges with the cornea
        system = np.concatenate([2 * back, np.ones((len(back), 1))], 1)
        *center, rest = np.linalg.lstsq(system, (back**2).sum(1), rcond=None)[0]
        centers.append(center)
        radii.append(np.sqrt(rest + np.dot(center, center)))
    return np.array(centers), np.array(radii)
