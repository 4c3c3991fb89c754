"""How this run was started: the words to name the next step in, and what was said before the verb."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Mapping, Optional


@dataclass(frozen=True)
class Invocation:
    """One run of a command line; the defaults are those of a call from Python.

    :param words: the command line up to the verb, as the user types it: ``python manage.py db``.
    :param ini: the configuration file to use instead of ``alembic.ini`` in the migrations folder.
    :param section: the section of that file that Alembic reads.
    :param quiet: Alembic's own results are not printed.
    :param typed: it comes from a command line, and not from a program.
    """

    words: str = "flask db"
    ini: Optional[str] = None
    section: str = "alembic"
    quiet: bool = False
    typed: bool = False


_FROM_PYTHON = Invocation()
_current: ContextVar[Invocation] = ContextVar("flask_migrate_script.invocation", default=_FROM_PYTHON)


def current() -> Invocation:
    """Return the invocation in force."""
    return _current.get()


@contextmanager
def invoked(invocation: Invocation) -> Iterator[None]:
    """Run the block as started by this invocation."""
    token = _current.set(invocation)
    try:
        yield
    finally:
        _current.reset(token)


def typed(words: str, before: Mapping[str, Any]) -> Invocation:
    """Return the invocation of a command line.

    :param words: the command line up to the verb.
    :param before: the values of the options before the verb, by name.
    """
    section = before.get("name") or "alembic"
    return Invocation(words, before.get("config"), section, bool(before.get("quiet")), typed=True)


def run_verb(verb: Callable[..., None], words: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Run a verb as a command line says, and show its failure as both do.

    :param words: the command line up to the verb.
    :param before: the values of the options before the verb, by name; those after it win, or are added to them.
    :param after: the values of its own options and arguments, and ``raiseerr``.
    :raises SystemExit: 1 if it fails.
    """
    from .errors import shown
    from .options import chosen_directory

    values = dict(after)
    raiseerr = bool(values.pop("raiseerr", False) or before.get("raiseerr"))
    values["directory"] = chosen_directory(verb, values.get("directory"), before.get("directory"))
    values["x_arg"] = [*(before.get("x_arg") or ()), *(values.get("x_arg") or ())]
    with invoked(typed(words, before)), shown(raiseerr):
        verb(**values)
