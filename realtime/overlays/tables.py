"""Reads the tables of an overlay file: every value checked, every key known."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from realtime.errors import UserError

HELP = "The format is described in docs/overlays.md."


class Table:
    """One table of a TOML file; what is asked for is checked, `finish` finds what nobody asked for.

    Args:
        values: the table.
        where: what to call it in errors, "prop 2".
    """

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self._values, self._where = values, where
        self._asked: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        value = self._take(key)
        return default if value is None else self._number(key, value, low, high)

    def numbers(self, key: str, default: Sequence[float], low: float, high: float) -> tuple[float, ...]:
        """As many numbers from `low` to `high` as `default` has."""
        value = self._take(key)
        if value is None:
            return tuple(default)
        if not isinstance(value, list) or len(value) != len(default):
            raise self.error(f"{key} must be a list of {len(default)} numbers", f"Write it like {list(default)}.")
        return tuple(self._number(key, each, low, high) for each in value)

    def indices(self, key: str, limit: int) -> tuple[int, ...]:
        """Whole numbers from 0 to below `limit`: at least one; () where the key is not given."""
        value = self._take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not value or not all(_is_index(each, limit) for each in value):
            raise self.error(f"{key} must be a list of whole numbers", f"They run from 0 to {limit - 1}.")
        return tuple(value)

    def index(self, key: str, limit: int) -> int:
        """A whole number from 0 to below `limit`."""
        value = self._take(key)
        if not _is_index(value, limit):
            raise self.error(f"{key} must be a whole number", f"They run from 0 to {limit - 1}.")
        return int(value)  # type: ignore[arg-type]

    def text(self, key: str) -> str | None:
        """Some text; None where the key is not given."""
        value = self._take(key)
        if value is not None and not (isinstance(value, str) and value):
            raise self.error(f"{key} must be a text", f'Write it like {key} = "name".')
        return value

    def file(self, key: str) -> str:
        """A file's name; it must be given."""
        name = self.text(key)
        if name is None:
            raise self.error(f"{key} is missing", f"Name a file: {key} = ...")
        return name

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """One of `choices`; the first where the key is not given."""
        value = self.text(key) or choices[0]
        if value not in choices:
            raise self.error(f"{key} is {value!r}", f"Choose one of: {', '.join(choices)}.")
        return value

    def table(self, key: str) -> Table | None:
        """A table within this one; None where the key is not given."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.error(f"{key} must be a table", HELP)
        return Table(value, f"{self._where}, {key}" if self._where else key)

    def tables(self, key: str) -> list[Table]:
        """All tables of one name, [[key]]."""
        values = self._take(key)
        if values is None:
            return []
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.error(f"{key} must be written [[{key}]]", HELP)
        return [Table(value, f"{key} {number}") for number, value in enumerate(values, start=1)]

    def finish(self) -> None:
        """Raises `UserError` for a key that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, 1)
                remedy = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(self._asked)}."
                raise self.error(f"there is no key {key!r}", remedy)

    def error(self, message: str, remedy: str) -> UserError:
        """A user's mistake in this table."""
        return UserError(f"{self._where}: {message}." if self._where else f"{message[0].upper()}{message[1:]}.", remedy)

    def _take(self, key: str) -> Any:
        self._asked.append(key)
        return self._values.get(key)

    def _number(self, key: str, value: Any, low: float, high: float) -> float:
        # Whole numbers have no limit in TOML: compare before converting. NaN compares false.
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.error(f"{key} must be a number from {low:g} to {high:g}", HELP)
        return float(value)


def _is_index(value: Any, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < limit
