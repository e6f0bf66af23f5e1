"""A face model of five vertices, and faces that fit it."""

from dataclasses import dataclass, field

import numpy as np

from realtime.frames import Coefficients, FaceState

VERTICES, IDENTITIES, ALBEDOS = 5, 4, 3
RNG = np.random.default_rng(2)


@dataclass
class TinyModel:
    """What `MorphableModel` has, as far as the sinks look."""

    mean: np.ndarray = field(default_factory=lambda: np.zeros((VERTICES, 3), np.float32))
    triangles: np.ndarray = field(default_factory=lambda: np.array([[0, 1, 2], [2, 3, 4]], np.int32))
    uv: np.ndarray = field(default_factory=lambda: RNG.random((VERTICES, 2), np.float32))
    identity_basis: np.ndarray = field(default_factory=lambda: np.zeros((IDENTITIES, VERTICES, 3), np.float32))
    albedo_basis: np.ndarray = field(default_factory=lambda: np.zeros((ALBEDOS, VERTICES, 3), np.float32))
    expression_names: tuple = tuple(f"expression{index}" for index in range(52))
    landmark_triangle: np.ndarray = field(default_factory=lambda: RNG.integers(0, 2, 478).astype(np.int32))
    landmark_barycentric: np.ndarray = field(default_factory=lambda: RNG.dirichlet([1, 1, 1], 478).astype(np.float32))

    def landmarks(self, vertices):
        corners = vertices[self.triangles[self.landmark_triangle]]
        return (corners * self.landmark_barycentric[..., None]).sum(1)


def make_face(model, size=100.0, visible=1.0, number=0):
    vertices = (RNG.random((VERTICES, 3)) * size).astype(np.float32)
    coefficients = Coefficients(
        identity=RNG.standard_normal(IDENTITIES).astype(np.float32),
        expression=RNG.random(52, np.float32),
        pose=np.eye(4, dtype=np.float32),
        albedo=np.zeros(ALBEDOS, np.float32),
        light=RNG.random(27, np.float32),
    )
    return FaceState(
        id=number,
        coefficients=coefficients,
        vertices=vertices,
        neutral=vertices / 2,
        landmarks=model.landmarks(vertices)[:, :2],
        bump=RNG.random((256, 256)).astype(np.float16),
        visibility=np.full(VERTICES, visible, np.float32),
        gaze=np.array([[0, 0, -1], [0, 0, -1]], np.float32),
    )
