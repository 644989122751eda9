"""Errors that a user reads: one sentence that says what is wrong, one hint that says what to do."""

from __future__ import annotations


class AppError(Exception):
    """Something the user can act on. Never shown as a traceback.

    Args:
        message: One plain sentence that says what is wrong, naming the file where there is one.
        hint: One plain sentence that says what to do; empty when the message already does.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[type[AppError], tuple[str, str]]:
        return type(self), (self.message, self.hint)


class BadInput(AppError):
    """A file, folder, prompt or value that cannot be used (exit status 3 on the command line)."""


class MissingModel(AppError):
    """A model that is unknown, or whose weights are not on this machine (exit status 3)."""


class EngineFailure(AppError):
    """A computation that failed or whose process ended."""


class Stopped(EngineFailure):
    """An estimate that ended because the user asked for it; nothing to worry about."""


class Cancelled(Exception):
    """Raised inside a job when its token was cancelled."""
