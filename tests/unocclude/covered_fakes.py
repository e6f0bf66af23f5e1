"""Networks and a mesh that answer as they are told: the covered pixels are those that are pure green."""

import numpy as np

from engines.engine import COMPLETION_SIZE, CONTOUR_SIZE, SPECS
from realtime.frames import PART_NAMES
from realtime.seen import OVAL

SKIN = PART_NAMES.index("skin")
PAINT = (200, 120, 40)


def ring(center, radius):
    """(478, 3) landmarks of a face of this radius (px) that looks into the camera."""
    points = np.zeros((478, 3), np.float32)
    points[:, :2] = center
    angles = -np.pi / 2 + np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    points[list(OVAL), :2] += radius * np.stack([np.cos(angles), np.sin(angles)], 1)
    for indices, offset in (((33, 133), (-0.4, -0.3)), ((362, 263), (0.4, -0.3)), ((61, 291), (0, 0.5))):
        points[list(indices), :2] += radius * np.float32(offset)
    return points


class FakeEngine:
    """What the networks would say, from rules."""

    device, precision, why = "cpu", "f32", "fake"

    def __init__(self, name):
        self.spec = SPECS[name]
        self.inputs = {t.name: np.zeros(t.shape, np.float32) for t in self.spec.inputs}
        self.outputs = {t.name: np.zeros(t.shape, np.float32) for t in self.spec.outputs}
        self.runs = 0
        self.certain = True

    def run(self, **arrays):
        self.runs += 1
        image = self.inputs["image"][0]
        if self.spec.name == "contour":
            green = (image[1] > 0.9) & (image[0] < -0.5) & (image[2] < -0.5)
            self.outputs["mask"][0, 0] = np.where(green, 0.9, 0.1)
            y, x = np.mgrid[:CONTOUR_SIZE, :CONTOUR_SIZE]
            face = np.hypot(x - CONTOUR_SIZE / 2, y - CONTOUR_SIZE / 2) < CONTOUR_SIZE * 0.36
            parts = self.outputs["parts"][0]
            parts[:] = 0
            parts[SKIN], parts[0] = face, ~face
            if not self.certain:
                parts[:] = 1 / len(parts)
        else:
            paint = np.float32(PAINT) / 127.5 - 1
            self.outputs["complete"][0] = paint[:, None, None]
        return self.outputs


class FakeMesh:
    """Always finds the face in the middle of the crop, or nothing."""

    def __init__(self):
        self.finds = True
        self.crops = []

    def find(self, crop):
        self.crops.append(crop)
        return ring((COMPLETION_SIZE / 2, COMPLETION_SIZE / 2), COMPLETION_SIZE * 0.36) if self.finds else None
