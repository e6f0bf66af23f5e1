"""The one exception type whose text is meant for the person at the keyboard, and how it is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

OK, USER_ERROR = 0, 2  # exit statuses

Arguments = ParamSpec("Arguments")


class UserError(Exception):
    """Something the user can mend: what happened, and what to do about it; both fit on one line."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}"


def tells_user_errors(main: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Decorates a command line's `main`: a `UserError` ends as two lines on stderr and the exit status 2."""

    @wraps(main)
    def told(*arguments: Arguments.args, **named: Arguments.kwargs) -> int:
        try:
            return main(*arguments, **named)
        except UserError as error:
            print(error, file=sys.stderr)
            return USER_ERROR

    return told
