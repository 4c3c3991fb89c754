"""MigrateError: what is wrong, and the advice that goes with it; how both command lines show it."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator, List, Sequence, Union

from . import invocation
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

    def __init__(self, problem: str, advice: str = "") -> None:
        self.problem = masked(problem.strip())
        run = invocation.get_invocation()
        self.advice = masked(advice.replace("{db}", run.words).replace("{line}", run.line))
        self.outcome: List[str] = []
        self.outcomes: List[DatabaseOutcome] = []
        self.can_retry = ""
        super().__init__(problem)

    def __str__(self) -> str:
        return "\n".join(filter(None, (self.problem, *map(masked, self.outcome), self.advice)))


class CannotConnect(MigrateError):
    """A database did not answer; nothing was done in it."""


def describe_interruption() -> MigrateError:
    """Return what Ctrl-C is answered with."""
    return MigrateError("Interrupted.", "{db} current shows where the database is.")


def format_error(error: MigrateError) -> str:
    """Return the error as the command lines show it: what is wrong, and below it what to do."""
    lines = str(error).splitlines()
    return "\n".join([f"Error: {lines[0]}", *(f"       {line}" for line in lines[1:])])


def format_usage_error(command: str, problem: str, near: Sequence[str] = ()) -> str:
    """Return what both command lines say of a command that they cannot read.

    :param command: the command as far as it was understood, which can be asked for ``--help``.
    :param near: what the user may have meant.
    """
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"Error: {command}: {problem.rstrip('.')}.{meant}\n       See {command} --help"


def format_traceback(error: MigrateError) -> str:
    """Return the traceback of what went wrong, without passwords, as ``--raiseerr`` shows it."""
    cause = error.__cause__ or error
    return masked("".join(traceback.format_exception(type(cause), cause, cause.__traceback__))).rstrip()


@contextmanager
def show_failure(raiseerr: bool) -> Iterator[None]:
    """Show a failure of the block as both command lines do, and end the command with 1.

    :param raiseerr: show the traceback instead of what is wrong.
    """
    try:
        yield
        sys.stdout.flush()
    except MigrateError as error:
        sys.stdout.flush()
        print(format_traceback(error) if raiseerr else format_error(error), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"\n{format_error(describe_interruption())}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read the output has gone: nothing to say it to
        sys.exit(1)


@contextmanager
def explain_errors(asked: Asked = None) -> Iterator[None]:
    """Turn whatever the block raises into a MigrateError that says what is wrong and what to do.

    :param asked: the revisions that the caller named; one that is not among them came from the database.
    :raises MigrateError: for any exception, SystemExit included; KeyboardInterrupt passes.
    """
    try:
        with _raise_graph_warnings():
            yield
    except MigrateError:
        raise
    except BrokenPipeError:
        raise  # whoever read the output has gone: that is for the command line, not an error of the verb
    except (Exception, SystemExit) as exc:
        from .explanations import diagnosed

        raise diagnosed(exc, asked) from exc


@contextmanager
def _raise_graph_warnings() -> Iterator[None]:
    """Alembic only warns of a duplicate or a missing revision, and then goes on or ends in a KeyError."""
    with warnings.catch_warnings():
        for message in (r"Revision \S+ is present more than once", r"Revision \S+ referenced from .* is not present"):
            warnings.filterwarnings("error", message=message, category=UserWarning)
        yield
