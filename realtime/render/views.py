"""The views one can switch between while the program runs: names and ingredients, nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from realtime.errors import UserError

Hands = Literal["show", "half", "remove"]
HANDS: dict[Hands, str] = {
    "show": "what is in front of the face hides what is drawn",
    "half": "what is in front of the face is half transparent",
    "remove": "what is in front of the face is gone",
}


@dataclass(frozen=True)
class View:
    """What one view shows."""

    name: str
    about: str  # for the help
    vertex: str = ""  # in shaders/; without them no face is drawn
    fragment: str = ""
    picture: str = "frame"  # what lies under the faces: a key of pictures.PICTURES
    right_half: bool = False  # draw in the right half only, so that the left shows the frame
    hands: Hands = "remove"  # what becomes of a real hand before the face, unless the user chooses
    is_blended: bool = False  # it is laid over what has been drawn at the same depth

    @property
    def is_wire(self) -> bool:
        """Whether lines are drawn, not surfaces."""
        return self.vertex == "wire.vert"

    def picture_below(self, hands: Hands) -> str:
        """What lies under the faces: a key of pictures.PICTURES. Without a mesh, the completed frame is the face."""
        return "complete" if self.name == "off" and hands != "show" else self.picture


_ALL = (
    View("shaded", "model skin in the estimated light", "face.vert", "shaded.frag"),
    View("texture", "own pixels under a circling lamp", "face.vert", "texture.frag", "complete"),
    View("bump", "bump-mapped normals as colours", "face.vert", "bump.frag"),
    View("wire", "wireframe over the frame", "wire.vert", "wire.frag"),
    View("split", "left the frame, right shaded", "face.vert", "shaded.frag", right_half=True),
    View("off", "the frame alone, or with overlays", hands="show"),
    View("complete", "the frame with what is covered painted in", picture="complete"),
    View("parts", "parts of the complete face", picture="parts"),
    View("mask", "what covers the face", picture="mask", hands="show"),
    View("source", "seen grey, memory green, mirror blue, completion orange", picture="source"),
)
_BY_NAME = {view.name: view for view in _ALL}
VIEWS = tuple(_BY_NAME)


def find_view(name: str) -> View:
    """The view called `name`; a name that does not exist is the user's mistake."""
    if name not in _BY_NAME:
        raise UserError(f"There is no view called {name!r}.", f"Choose one of: {', '.join(VIEWS)}.")
    return _BY_NAME[name]
