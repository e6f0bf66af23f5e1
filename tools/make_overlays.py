"""Makes the overlays that are shipped: glasses, a hat and face paint.

    python tools/make_overlays.py

Everything is built from formulas, in the mean face's head frame (millimetres; see realtime/frames.py); no file of
anybody else's is used. The .toml files beside the made ones are written by hand and left alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from glb import Mesh, write_glb  # noqa: E402
from shapes import curve, grid_triangles, join, tube  # noqa: E402

from engines.face_model.model import MorphableModel  # noqa: E402
from realtime.texels import TexelGrid  # noqa: E402

ASSETS = ROOT / "realtime" / "assets" / "overlays"
BRIDGE = np.array([0.0, 2.2, 28.2])  # landmark 168 of the mean face: the glasses' origin

# Glasses: lenses as rounded rectangles on a gently bent front.
LENS_MIDDLE, LENS_HALF, LENS_POWER = np.array([33.5, -6.0]), np.array([25.5, 21.0]), 2.5
FRONT_Z, BEND = 4.0, 1 / 330  # mm before the bridge; how fast the front bends back to the sides, per mm
CORNER = np.array([[56.5, 5, -5.7], [60.5, 4, -7.5], [62, 3, -12]])
ARM = np.array([[61, 3, -6], [65.5, 3, -14], [70, 2.5, -46], [74.5, 1.5, -74], [76.5, 0, -98], [77, -8, -112]])
ARM_FADE = (-60.0, -98.0)  # z, mm: where the arms begin to fade out into the hair, and where they have gone
NOSE_PIECE = np.array([[-7.8, -1, 3.8], [-5, 2.5, 5.6], [0, 4.2, 6.8], [5, 2.5, 5.6], [7.8, -1, 3.8]])
FRAME_COLOR, GLASS_COLOR = (0.060, 0.012, 0.006), (0.02, 0.03, 0.04)

# Hat: rings around the head, (mm beyond the crown, mm above the brim) from the brim's inside to the crown's top.
HAT_MIDDLE, HAT_HALF, HAT_TILT = np.array([0.0, 60.0, -70.0]), np.array([86.0, 106.0]), np.radians(-9)
HAT_PROFILE = np.array(
    [
        *([-2, 0], [20, -1], [42, 0], [45, 1.5], [42, 3], [20, 2], [3, 2.5], [0, 8]),
        *([-2, 40], [-6, 68], [-12, 84], [-24, 93], [-44, 92], [-66, 84], [-85, 81]),
    ]
)
RIBBON_PROFILE = np.array([[1.5, 4], [2.2, 5], [1.2, 22], [-0.8, 23]])
FELT_COLOR, RIBBON_COLOR = (0.21, 0.030, 0.045), (0.02, 0.012, 0.015)

# Face paint: a mask around the eyes.
PAINT_SIDE = 512
INNER_COLOR, OUTER_COLOR, GOLD, ROSE = (30, 190, 185), (120, 60, 190), (240, 190, 80), (232, 122, 138)


def plastic(color: tuple[float, float, float], roughness: float, alpha: float = 1.0) -> dict[str, Any]:
    """A glTF material without metal."""
    surface = {"baseColorFactor": [*color, alpha], "metallicFactor": 0.0, "roughnessFactor": roughness}
    return {"pbrMetallicRoughness": surface}


def lens_rim(side: int, steps: int = 64, scale: float = 1.0) -> NDArray:
    """(steps, 3) around one lens, from the bridge."""
    angle = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    wave = np.stack([np.cos(angle), np.sin(angle)], 1)
    shape = np.sign(wave) * np.abs(wave) ** (2 / LENS_POWER) * LENS_HALF * scale
    shape[:, 0] *= 1 + 0.10 * shape[:, 1] / LENS_HALF[1]  # wider at the top
    x = side * (LENS_MIDDLE[0] + shape[:, 0])
    return np.stack([x, LENS_MIDDLE[1] + shape[:, 1], FRONT_Z - BEND * x**2], 1)


def lens(side: int) -> tuple[NDArray, NDArray]:
    """One lens, bulging a little."""
    sizes = np.array([0.98, 0.75, 0.5, 0.25, 0.02])
    points = np.concatenate([lens_rim(side, scale=size) for size in sizes])
    points[:, 2] += 1.2 * (1 - np.repeat(sizes, len(points) // len(sizes)) ** 2)
    triangles = grid_triangles(len(sizes), len(points) // len(sizes), columns_closed=True)
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return points, triangles if np.cross(b - a, c - a)[:, 2].sum() > 0 else triangles[:, ::-1]


def glasses() -> list[Mesh]:
    """Frame, arms and lenses, in millimetres from the bridge of the nose."""
    parts, arms = [], []
    for side in (-1, 1):
        rim = lens_rim(side)
        thick = 1.7 + 0.6 * np.clip((rim[:, 1] - LENS_MIDDLE[1]) / LENS_HALF[1], 0, 1)
        parts.append(tube(rim, np.stack([thick, np.full(len(rim), 1.7)], 1), (0, 0, 1), closed=True))
        parts.append(tube(curve(CORNER * [side, 1, 1], 8), np.tile([2.0, 3.0], (8, 1)), (0, 1, 0)))
        arms.append(tube(curve(ARM * [side, 1, 1], 36), np.linspace([1.3, 2.9], [1.2, 2.2], 36), (0, 1, 0)))
    parts.append(tube(curve(NOSE_PIECE, 16), np.tile([2.0, 1.8], (16, 1)), (0, 0, 1)))
    arm_vertices, arm_triangles = join(*arms)
    start, end = ARM_FADE
    fading = np.ones((len(arm_vertices), 4))
    fading[:, 3] = np.clip((arm_vertices[:, 2] - end) / (start - end), 0, 1)
    frame = plastic(FRAME_COLOR, 0.4)
    glass = plastic(GLASS_COLOR, 0.2, 0.06) | {"doubleSided": True, "alphaMode": "BLEND"}
    return [
        Mesh("frame", *join(*parts), frame),
        Mesh("arms", arm_vertices, arm_triangles, frame | {"alphaMode": "BLEND"}, colors=fading),
        Mesh("lenses", *join(lens(-1), lens(1)), glass),
    ]


def glasses_shadow(position: NDArray) -> NDArray:
    """(N,) how dark the glasses make the skin at `position` (N, 3) mm: soft lines a little below frame and arms."""
    from_bridge = position - BRIDGE
    lines = np.concatenate([lens_rim(-1), lens_rim(1), curve(NOSE_PIECE, 16)])[:, :2] - [0, 4]
    away = np.sqrt(((from_bridge[:, None, :2] - lines) ** 2).sum(-1)).min(1)
    front = np.exp(-((away / 4) ** 2)) * np.clip((position[:, 2] + 5) / 10, 0, 1)
    arm = curve(ARM, 60)[::-1]
    below = from_bridge[:, 1] + 4 - np.interp(from_bridge[:, 2], arm[:, 2], arm[:, 1])
    beside = np.clip((np.abs(position[:, 0]) - 58) / 6, 0, 1) * np.clip((position[:, 2] + 60) / 25, 0, 1)
    return 0.45 * np.maximum(front, 0.8 * beside * np.exp(-((below / 4) ** 2)))


def revolved(profile: NDArray, steps: int = 72) -> tuple[NDArray, NDArray, NDArray]:
    """Rings of the hat's shape along `profile` (P, 2): vertices in the head frame, triangles, uv."""
    around = np.linspace(0, 2 * np.pi, steps + 1)
    half = np.maximum(HAT_HALF + profile[:, :1], [1.0, 12.0])
    x, z = half[:, :1] * np.sin(around), half[:, 1:] * np.cos(around)
    brim = np.clip((profile[:, :1] + 2) / 45, 0, 1) ** 1.5
    curl = brim * (16 * np.sin(around) ** 2 - 9 * np.cos(around) * np.abs(np.cos(around)))  # sides up, front down
    dent = np.clip((profile[:, 1:] - 60) / 30, 0, 1) * 8 * np.cos(around)  # the crown is higher in front
    y = profile[:, 1:] + curl + dent
    cos, sin = np.cos(HAT_TILT), np.sin(HAT_TILT)
    vertices = HAT_MIDDLE + np.stack([x, cos * y - sin * z, sin * y + cos * z], -1).reshape(-1, 3)
    length = np.r_[0, np.cumsum(np.hypot(*np.diff(profile, axis=0).T))]
    uv = np.stack(np.broadcast_arrays(around / (2 * np.pi) * 8, length[:, None] / 60), -1).reshape(-1, 2)
    return vertices, grid_triangles(len(profile), steps + 1), uv


def felt(side: int = 128) -> bytes:
    """A PNG of fine fibres that tiles."""
    rng = np.random.default_rng(7)
    fibres = cv2.GaussianBlur(np.tile(rng.normal(size=(side, side)), (3, 3)), (0, 0), 1.0, sigmaY=0.7)
    tile = fibres[side : 2 * side, side : 2 * side]
    return png(np.clip(225 + 16 * tile / tile.std(), 0, 255).astype(np.uint8))


def hat() -> list[Mesh]:
    """Felt and ribbon, in the head frame."""
    felt_material = plastic(FELT_COLOR, 0.95) | {"texture": felt(), "doubleSided": True}
    vertices, triangles, uv = revolved(HAT_PROFILE)
    ribbon_vertices, ribbon_triangles, _ = revolved(RIBBON_PROFILE)
    return [
        Mesh("felt", vertices, triangles, felt_material, uv),
        Mesh("ribbon", ribbon_vertices, ribbon_triangles, plastic(RIBBON_COLOR, 0.45)),
    ]


def eye_mask(position: NDArray) -> NDArray:
    """(N, 4) RGBA 0..255: a painted mask around the eyes, gold along its edges."""
    x, y, z = np.abs(position[:, 0]), position[:, 1], position[:, 2]
    top = 25 + 10 * np.clip((x - 12) / 50, 0, 1) ** 1.3 - 9 * np.exp(-((x / 10) ** 2))
    bottom = -20 + 4 * np.exp(-((x / 9) ** 2)) + 26 * np.clip((x - 18) / 50, 0, 1) ** 1.6
    inside = np.minimum(np.minimum(top - y, y - bottom), 1.4 * (70 - x))
    on_front = np.clip((z + 50) / 12, 0, 1)
    share = np.clip((x - 8) / 52, 0, 1)[:, None]
    out = np.zeros((len(position), 4))
    out[:, :3] = (1 - share) * INNER_COLOR + share * OUTER_COLOR
    out[:, 3] = 225 * smooth(inside / 2.5)
    rim = smooth(1.6 - np.abs(inside - 1.2)) * (x < 68)
    for number in range(7):  # dots below the rim, smaller and smaller outwards
        at = 13 + 7.2 * number
        low = -20 + 4 * np.exp(-((at / 9) ** 2)) + 26 * max(0.0, (at - 18) / 50) ** 1.6 - 5
        rim = np.maximum(rim, smooth(2.4 - 0.2 * number - np.hypot(x - at, y - low) + 0.5))
    out[:, :3] += rim[:, None] * (np.array(GOLD) - out[:, :3])
    out[:, 3] = np.maximum(out[:, 3], 245 * rim) * on_front
    return out


def smooth(value: NDArray) -> NDArray:
    """0 below 0, 1 above 1, smooth between."""
    t = np.clip(value, 0, 1)
    return t * t * (3 - 2 * t)


def png(image: NDArray) -> bytes:
    """The bytes of a PNG; colours are RGB or RGBA."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA)
    return cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def main() -> None:
    """Writes all files."""
    model = MorphableModel.load()
    grid = TexelGrid(model, PAINT_SIDE)
    position = grid.spread(model.mean.T).T
    is_skin = np.isin(model.parts, [model.mesh_part_names.index(name) for name in ("left_eye", "right_eye")])
    skin = (grid.spread(is_skin[None].astype(np.float32))[0] < 0.5).astype(np.float32)
    lips = np.isin(model.parts, [model.mesh_part_names.index(name) for name in ("upper_lip", "lower_lip")])

    def over_uv(texels: NDArray) -> NDArray:
        image = np.zeros((PAINT_SIDE * PAINT_SIDE, 4), np.uint8)
        image[grid.covered] = np.rint(texels).astype(np.uint8)
        return image.reshape(PAINT_SIDE, PAINT_SIDE, 4)

    def one_color(color: tuple[int, int, int], alpha: NDArray) -> NDArray:
        return np.column_stack([np.tile(color, (len(alpha), 1)), 255 * alpha])

    on_lips = smooth(2 * grid.spread(lips[None].astype(np.float32))[0] - 0.6)
    mask = eye_mask(position)
    mask[:, 3] *= skin
    write_glb(ASSETS / "glasses" / "glasses.glb", glasses())
    write_glb(ASSETS / "hat" / "hat.glb", hat())
    for path, image in {
        "glasses/shadow.png": one_color((45, 25, 25), glasses_shadow(position) * skin),
        "carnival/mask.png": mask,
        "carnival/lips.png": one_color(ROSE, on_lips),
    }.items():
        (ASSETS / path).write_bytes(png(over_uv(image)))


if __name__ == "__main__":
    main()
