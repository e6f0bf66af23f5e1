"""The one exception type whose text is meant for the person at the keyboard."""


class UserError(Exception):
    """Something the user can mend: what happened, and what to do about it.

    `run.py` prints the two parts as two lines on stderr and exits with 2.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}"
