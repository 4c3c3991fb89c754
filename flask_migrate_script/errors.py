"""MigrateError: what is wrong, and the advice that goes with it."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, List, Optional, Sequence, Union

from . import invocation
from .console.terminal import remove_controls
from .passwords import masked

if TYPE_CHECKING:
    from .guard.results import DatabaseOutcome

Asked = Union[str, Sequence[str], None]


class MigrateError(RuntimeError):
    """A verb could not do what it was asked.

    :param problem: what is wrong.
    :param advice: what to do next; ``{db}`` in it becomes the command line in use, ``python manage.py db`` or
        ``flask db``, with its options; ``{line}`` the same without them.

    ``outcome`` are lines that say what is true now, where a migration had begun; ``outcomes`` say it as data, a
    database at a time. ``can_retry`` says, where it failed for want of a lock and the same may succeed later, what
    makes that safe; it is empty where it may not.
    """

    exit_code = 1
    """What the command lines end with."""

    def __init__(self, problem: str, advice: str = "") -> None:
        self.problem = _make_harmless(problem.strip())
        run = invocation.get_invocation()
        self.advice = _make_harmless(advice.replace("{db}", run.words).replace("{line}", run.line))
        self.outcome: List[str] = []
        self.outcomes: List[DatabaseOutcome] = []
        self.can_retry = ""
        super().__init__(problem)

    def __str__(self) -> str:
        return "\n".join(filter(None, (self.problem, *map(_make_harmless, self.outcome), self.advice)))


class UsageError(MigrateError):
    """An option, or a setting of the application's, has a value that it cannot have; nothing was begun."""

    exit_code = 2


class CannotConnect(MigrateError):
    """A database did not answer; nothing was done in it."""


def list_chain(exc: Optional[BaseException]) -> List[BaseException]:
    """Return an exception and those it was raised from, or in the handling of, outermost first."""
    found: List[BaseException] = []
    while exc is not None and exc not in found:
        found.append(exc)
        exc = exc.__cause__ or exc.__context__
    return found


def describe_interruption(exc: BaseException) -> MigrateError:
    """Return what Ctrl-C is answered with: what the guard has noted on the exception, where a migration had begun."""
    error = MigrateError("Interrupted.", "{db} current shows where the database is.")
    error.outcome = list(getattr(exc, "outcome", ()))
    return error


def format_error(error: MigrateError) -> str:
    """Return the error as the command lines show it: what is wrong, and below it what to do."""
    lines = str(error).splitlines()
    return "\n".join([f"Error: {lines[0]}", *(f"       {line}" for line in lines[1:])])


def format_traceback(error: MigrateError) -> str:
    """Return the traceback of what went wrong, without passwords, as ``--raiseerr`` shows it."""
    cause = error.__cause__ or error
    return _make_harmless("".join(traceback.format_exception(type(cause), cause, cause.__traceback__))).rstrip()


def _make_harmless(text: str) -> str:
    """Return a text without passwords, and without what a terminal would take for a command.

    A database's error quotes the values of rows.
    """
    return remove_controls(masked(text))
