"""What one face looks like: its texture over UV, averaged from where it was seen, in the light it was last seen in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from engines.face_model.model import MorphableModel
from realtime.frames import Array, Image
from realtime.likeness import LikenessTest
from realtime.unwrap import Unwrapper, to_srgb

SIZE = 256  # texels along a side: about the pixels of a face in a 640x480 picture
# A texel's looks count together as no more than this many: the newest always have a say.
MOST = 4.0
# A texel is known once it was seen this well.
ENOUGH = 0.35
# A look that is blurrier than the sharpest so far counts by this power of the ratio of their gradients.
BLUR_POWER = 3.0
SHARPEST_FADES = 0.98  # per look, so that one noisy frame does not set the measure for ever
# What differs by this many grey levels from what is known there (light apart) begins to be, and is, doubted.
DOUBT = (30.0, 70.0)
LEAST_BELIEF = 0.12  # of what is doubted: true changes come through in the end
AROUND = 9  # texels: from where unknown ones take their colour
# Relative sizes of the blurs of the light's gain, in shares of the map's side, and how much the wider ones count.
GAIN_CELLS = 32
GAIN_BLURS = ((2.5, 1.0), (7.0, 1.0))
GAIN_LIMIT = 2.5
GAIN_OF_ALL, GAIN_OF_NONE = 1e-3, 1e-4
# A cell whose colour (its logarithm) changed by this much more or less than most did is doubted, or left out.
ODD_CHANGE = (0.3, 0.5)
GAIN_FLOOR = 4.0  # grey levels added to both sides: black stays black


@dataclass(frozen=True)
class Texture:
    """A face's colours over UV, and how each texel is known; row 0 is v = 1."""

    colours: Image  # (SIZE, SIZE, 3) sRGB
    shares: Image  # (SIZE, SIZE, 2) 0..255: how far the texel was seen itself, and how far on the other side only


@dataclass(frozen=True)
class Person:
    """What is remembered of one person."""

    colours: Image  # (SIZE, SIZE, 3) sRGB over UV
    weight: Array  # (SIZE, SIZE) how often each texel was seen
    identity: Array  # (K,) standard deviations
    relief: Array  # (256, 256) float16 mm along the normal, over UV

    def relief_at(self, size: int) -> tuple[Array, Array]:
        """The relief in mm and how far it is known, 0..1, both (size, size) float32."""
        relief, weight = (
            cv2.resize(values.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
            for values in (self.relief, self.weight)
        )
        return relief, np.clip(weight, 0, 1)


class Surface:
    """What depends on the face model alone; shared by all faces."""

    def __init__(self, model: MorphableModel) -> None:
        self.model = model
        self.unwrapper = Unwrapper(model, SIZE)
        self.likeness = LikenessTest(to_srgb(self.unwrapper.spread(model.albedo_mean)))
        names = model.mesh_part_names
        index = {name: number for number, name in enumerate(names)}
        self.mouth_inside = np.isin(model.parts, [index[name] for name in ("inner_mouth", "teeth", "tongue")])
        self.eyes = np.stack([model.parts == index["right_eye"], model.parts == index["left_eye"]])
        flipped = np.abs(model.uv[model.mirror] * (-1, 1) + (1, 0) - model.uv).max(1) < 1e-3
        # Where the map is its own mirror image: everywhere but inside the mouth.
        self.symmetric = self.unwrapper.spread((flipped & ~self.mouth_inside).astype(np.float32)) > 0.99
        names = model.expression_names
        self._blinks = [names.index("eyeBlinkRight"), names.index("eyeBlinkLeft")]
        self._jaw, self._closed = names.index("jawOpen"), names.index("mouthClose")

    def shown(self, expression: Array) -> Array:
        """(V,) 0..1: how far an expression (52,) lets the parts of the mesh be seen that it can cover.

        The coarse depth test cannot tell an eyeball from the lid before it, nor teeth from lips.
        """
        out = np.ones(len(self.mouth_inside), np.float32)
        for eye, blink in zip(self.eyes, self._blinks, strict=True):
            out[eye] = np.clip(1.5 - 3 * float(expression[blink]), 0, 1)
        opening = float(expression[self._jaw]) - float(expression[self._closed])
        out[self.mouth_inside] = np.clip(4 * opening - 0.3, 0, 1)
        return out


class FaceMemory:
    """The texture of one person's face.

    Attributes:
        colours: (SIZE, SIZE, 3) float32 sRGB 0..255, where `weight` is above 0.
        weight: (SIZE, SIZE) how often each texel was seen, each look counting 0..1.
        sharpest: the mean gradient of the sharpest look so far, fading.
    """

    def __init__(self, surface: Surface) -> None:
        self._surface = surface
        self.colours = np.zeros((SIZE, SIZE, 3), np.float32)
        self.weight = np.zeros((SIZE, SIZE), np.float32)
        self.sharpest = 0.0
        self._texture: Texture | None = None

    def start_from(self, person: Person) -> None:
        """Begins with what is remembered from elsewhere."""
        self.colours, self.weight = person.colours.astype(np.float32), np.minimum(person.weight, MOST)
        self._texture = None

    def likeness(self, seen: Image, weight: Array) -> float | None:
        """How alike a look and what is remembered are; arguments as for `add`, the result as `LikenessTest` has it."""
        known = np.clip(np.rint(self.colours), 0, 255).astype(np.uint8)
        return self._surface.likeness.likeness(seen, known, np.minimum(weight, self.known))

    def add(self, seen: Image, weight: Array) -> None:
        """Blends in one look.

        Args:
            seen: (SIZE, SIZE, 3) sRGB, the picture laid out over the map.
            weight: (SIZE, SIZE) 0..1: how far each texel shows the face, and how well.
        """
        sharp = sharpness(seen, weight)
        self.sharpest = max(sharp, self.sharpest * SHARPEST_FADES, 1e-6)
        weight = weight * np.float32((sharp / self.sharpest) ** BLUR_POWER)
        both = np.minimum(weight, self.weight)
        if both.sum() > 0.01 * both.size:
            # What was seen before takes on the light of now, and only the difference that is left is new.
            self.colours *= light_gain(seen, self.colours, both)
            weight = weight * _belief(seen, self.colours, self.weight)
        self.weight = np.minimum(self.weight, MOST) + weight
        share = weight / np.maximum(self.weight, 1e-6)
        self.colours += cv2.merge([share] * 3) * (seen - self.colours)
        self._texture = None

    @property
    def texture(self) -> Texture:
        """What is known, texels that were only seen on the other side filled in from there."""
        if self._texture is None:
            self._texture = self._filled()
        return self._texture

    @property
    def known(self) -> Array:
        """(SIZE, SIZE) 0..1: how far each texel is known at first hand."""
        return np.clip(self.weight * np.float32(1 / ENOUGH), 0, 1)

    def _filled(self) -> Texture:
        own = self.known
        other = np.ascontiguousarray(own[:, ::-1]) * (1 - own) * self._surface.symmetric
        colours = self.colours
        if (other > 0.02).any():
            flipped = np.ascontiguousarray(self.colours[:, ::-1])
            relit = flipped * light_gain(self.colours, flipped, np.minimum(own, own[:, ::-1]))
            share = other / np.maximum(own + other, 1e-6)
            colours = colours + share[..., None] * (relit - colours)
        # What is not known takes on the surroundings' colour, for the sake of bilinear samples at its edge.
        known = cv2.merge([own + other] * 3)
        around = cv2.blur(colours * known, (AROUND, AROUND)) / np.maximum(cv2.blur(known, (AROUND, AROUND)), 1e-3)
        colours = around + known * (colours - around)
        shares = np.rint(np.dstack([own, other]) * 255).astype(np.uint8)
        return Texture(np.clip(np.rint(colours), 0, 255).astype(np.uint8), shares)


def light_gain(now: Array, before: Array, weight: Array) -> Array:
    """What colours seen before have to be multiplied with to look as they do now: smooth, known everywhere.

    Where nothing is seen now it is that of the surroundings, and of the whole.

    Args:
        now: (S, S, 3) 0..255.
        before: (S, S, 3) 0..255, the same surface.
        weight: (S, S) 0..1: where both are known.

    Returns:
        (S, S, 3) float32.
    """
    size = (GAIN_CELLS, GAIN_CELLS)
    each = cv2.merge([weight] * 3)
    new, old, small = (
        cv2.resize(values, size, interpolation=cv2.INTER_AREA) for values in (now * each, before * each, weight)
    )
    gain = cell_gain(new, old, small[..., None])
    return cv2.resize(gain, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)


def cell_gain(new: Array, old: Array, weight: Array) -> Array:
    """The smooth ratio (C, C, 3) of sums of colours in the cells of a grid.

    Args:
        new: (C, C, 3) sums of weighted colours now, 0..255 times the weight.
        old: (C, C, 3) the same before.
        weight: (C, C, 1) the sums of the weights.
    """
    new, old = new + GAIN_FLOOR * weight, old + GAIN_FLOOR * weight
    belief = _fitting(new, old, weight[..., 0])
    new, old = new * belief, old * belief
    # Far from all that is seen it is that of the whole; where nothing is seen, 1.
    above = GAIN_OF_ALL * new.mean((0, 1)) + GAIN_OF_NONE
    below = GAIN_OF_ALL * old.mean((0, 1)) + GAIN_OF_NONE
    for sigma, strength in GAIN_BLURS:
        above = above + strength * cv2.GaussianBlur(new, (0, 0), sigma)
        below = below + strength * cv2.GaussianBlur(old, (0, 0), sigma)
    return np.clip(above / below, 1 / GAIN_LIMIT, GAIN_LIMIT).astype(np.float32)


def _fitting(new: Array, old: Array, weight: Array) -> Array:
    """(C, C, 1) 1 for cells whose colour changed about as those of most did, 0 for those that show another thing."""
    seen = weight > 0.2 * max(float(weight.max()), 1e-6)
    if not seen.any():
        return np.ones((*weight.shape, 1), np.float32)
    change = np.log((new + 1e-6) / (old + 1e-6))
    off = np.abs(change - np.median(change[seen], axis=0)).max(2)
    near, far = ODD_CHANGE
    return np.clip((far - off) / (far - near), 0, 1)[..., None]


def sharpness(image: Image, weight: Array) -> float:
    """The mean gradient of (S, S, 3) over where `weight` (S, S) is, grey levels per texel."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    detail = cv2.absdiff(grey, cv2.blur(grey, (3, 3)))
    return float((detail * weight).sum() / max(float(weight.sum()), 1e-6))


def _belief(seen: Image, known: Array, weight: Array) -> Array:
    """(S, S) 1 where a look agrees with what is known, less where something else may lie before the face."""
    small = (SIZE // 2, SIZE // 2)  # fine detail is not compared anyway
    first, second = (cv2.resize(image, small, interpolation=cv2.INTER_AREA) for image in (seen, known))
    change = cv2.absdiff(cv2.blur(first, (3, 3)).astype(np.float32), cv2.blur(second, (3, 3)))
    red, green, blue = cv2.split(change)
    off = cv2.resize(cv2.max(cv2.max(red, green), blue), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    near, far = DOUBT
    doubt = np.clip((off - near) / (far - near), 0, 1) * np.clip(weight, 0, 1)
    return 1 - (1 - LEAST_BELIEF) * doubt
