"""Which avatar a face drives: receivers know places, not people."""

from __future__ import annotations

from collections.abc import Iterable


class Slots:
    """Gives every face a number from 0 that it keeps for as long as its track lives.

    A new face takes the lowest number whose owner is not in the picture, so that whoever sits down next drives
    the same avatar, and a face that is lost for a moment finds its own again.

    Args:
        count: how many numbers there are; faces beyond get none.
    """

    def __init__(self, count: int) -> None:
        self._owners: list[int | None] = [None] * count

    def assign(self, ids: Iterable[int]) -> dict[int, int]:
        """Track id -> number, for the faces of one frame, the most important first."""
        ids = list(ids)
        present = set(ids)
        for id_ in ids:
            if id_ not in self._owners:
                free = next((slot for slot, owner in enumerate(self._owners) if owner not in present), None)
                if free is not None:
                    self._owners[free] = id_
        return {id_: self._owners.index(id_) for id_ in ids if id_ in self._owners}
