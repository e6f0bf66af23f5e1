"""`python -m realtime overlay new NAME`: a folder to start an overlay from."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cv2

from engines.face_model.model import MorphableModel
from realtime.errors import UserError
from realtime.outputs.paths import make_folder
from realtime.overlays.load import SHIPPED
from realtime.overlays.template import uv_template

EXAMPLE_MODEL = SHIPPED / "glasses" / "glasses.glb"
START = """\
# An overlay. Try it: python run.py --overlay {path}
# Save this file, or one that it names, while the program runs: the change is seen at once.
# Everything that can stand here is described in docs/overlays.md.

# A picture on the skin, laid out like template.png. Copy that, paint on a layer of its own, save with transparency.
[[paint]]
image = "template.png"
blend = "normal" # or "multiply": the skin's own lines and light show through
opacity = 0.8

# A thing in space: glTF 2.0 (.glb or .gltf), in metres, y up, facing along z.
[[prop]]
model = "glasses.glb"
anchor = {{ landmarks = [168] }} # the bridge of the nose; numbers as on template.png
position = [0, 0, 0]           # mm: to the person's left, up, out of the face
rotation = [0, 0, 0]           # degrees, about these axes, one after the other
scale = 1.0
"""


def new_overlay(folder: Path, model: MorphableModel) -> Path:
    """Makes `folder` with an overlay that works, a UV template and a prop in it.

    Args:
        folder: where; its name becomes the overlay's. It must not exist yet.
        model: the face model.

    Returns:
        The overlay file.

    Raises:
        UserError: the folder exists, or cannot be made; or its name would not do as a file's.
    """
    if not re.fullmatch(r"[\w.-]*\w[\w.-]*", folder.name):
        raise UserError(f"{folder.name!r} will not do as a name.", "Use letters, digits, - and _.")
    if folder.exists():
        raise UserError(f"{folder} exists already.", "Choose another name: nothing is written over.")
    make_folder(folder)
    path = folder / f"{folder.name}.toml"
    template = cv2.cvtColor(uv_template(model), cv2.COLOR_RGBA2BGRA)
    try:
        cv2.imencode(".png", template)[1].tofile(folder / "template.png")
        shutil.copyfile(EXAMPLE_MODEL, folder / EXAMPLE_MODEL.name)
        path.write_text(START.format(path=path), encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{folder} cannot be filled: {reason}.", "Make room there, or name another place.") from error
    return path
