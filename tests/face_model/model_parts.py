"""Places on the face model, and short ways to move it."""

from __future__ import annotations

import numpy as np

from engines.face_model.model import LEFT, RIGHT, MorphableModel

NOSE_TIP, CHIN, LIP_LEFT, LIP_RIGHT = 1, 152, 291, 61
UPPER_LIDS, LOWER_LIDS = {RIGHT: 159, LEFT: 386}, {RIGHT: 145, LEFT: 374}
IRISES = {RIGHT: range(468, 473), LEFT: range(473, 478)}


def expression(model: MorphableModel, **values: float) -> np.ndarray:
    weights = np.zeros(52, np.float32)
    for name, value in values.items():
        weights[model.expression_names.index(name)] = value
    return weights


def posed(model: MorphableModel, **values: float) -> np.ndarray:
    return model.vertices(np.zeros(1), expression(model, **values))


def skin_triangles(model: MorphableModel) -> np.ndarray:
    inside = [model.mesh_part_names.index(n) for n in ("inner_mouth", "teeth", "tongue", "left_eye", "right_eye")]
    return model.triangles[~np.isin(model.parts, inside)[model.triangles].any(1)]
