"""How a user's mistake ends every command line of this repository."""

import re
from pathlib import Path

import pytest

from realtime.errors import USER_ERROR, UserError, tells_user_errors

REPOSITORY = Path(__file__).parents[2]


def test_two_lines_and_the_status(capsys):
    @tells_user_errors
    def main(name: str) -> int:
        raise UserError(f"There is no {name}.", "Take another.")

    assert main("camera") == USER_ERROR
    assert capsys.readouterr() == ("", "There is no camera.\nTake another.\n")


def test_what_goes_well_and_what_is_a_bug_pass_through(capsys):
    @tells_user_errors
    def main(divisor: int) -> int:
        return 6 // divisor

    assert main(divisor=2) == 3
    with pytest.raises(ZeroDivisionError):
        main(0)
    assert capsys.readouterr() == ("", "")


def test_the_text_is_message_and_remedy():
    error = UserError("The disk is full.", "Make room.")
    assert str(error) == "The disk is full.\nMake room."
    assert (error.message, error.remedy) == ("The disk is full.", "Make room.")


def test_nothing_tells_mistakes_in_a_way_of_its_own():
    """A second `except UserError` that prints is a second way to say the same thing."""
    own = re.compile(r"except UserError(?: as \w+)?:\n\s+(?:print|sys\.exit)\(")
    files = [path for folder in ("realtime", "engines", "tools") for path in (REPOSITORY / folder).rglob("*.py")]
    assert len(files) > 50
    own_way = {path.name for path in files if own.search(path.read_text())}
    assert own_way == {"errors.py"}
