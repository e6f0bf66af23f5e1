"""The views one can switch between while the program runs: names and ingredients, nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.errors import UserError


@dataclass(frozen=True)
class View:
    """What one view shows."""

    name: str
    about: str  # for the help
    vertex: str = ""  # in shaders/; without them no face is drawn
    fragment: str = ""
    picture: str = "frame"  # what lies under the faces: a key of pictures.PICTURES
    right_half: bool = False  # draw in the right half only, so that the left shows the frame

    @property
    def is_wire(self) -> bool:
        """Whether lines are drawn, not surfaces."""
        return self.vertex == "wire.vert"


_ALL = (
    View("shaded", "model skin in the estimated light", "face.vert", "shaded.frag"),
    View("texture", "own pixels under a circling lamp", "face.vert", "texture.frag", "complete"),
    View("bump", "bump-mapped normals as colours", "face.vert", "bump.frag"),
    View("wire", "wireframe over the frame", "wire.vert", "wire.frag"),
    View("split", "left the frame, right shaded", "face.vert", "shaded.frag", right_half=True),
    View("off", "the frame alone"),
    View("complete", "the frame with what is covered painted in", picture="complete"),
    View("parts", "parts of the complete face", picture="parts"),
    View("mask", "what covers the face", picture="mask"),
)
_BY_NAME = {view.name: view for view in _ALL}
VIEWS = tuple(_BY_NAME)


def find_view(name: str) -> View:
    """The view called `name`; a name that does not exist is the user's mistake."""
    if name not in _BY_NAME:
        raise UserError(f"There is no view called {name!r}.", f"Choose one of: {', '.join(VIEWS)}.")
    return _BY_NAME[name]
