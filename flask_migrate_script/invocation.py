"""How this run was started: the words to name the next step in, and what was said before the verb."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, List, Optional

from .passwords import masked

if TYPE_CHECKING:
    from .options import Values

VERB_NAMES = frozenset(
    (
        "init",
        "list-templates",
        "revision",
        "migrate",
        "check",
        "lint",
        "edit",
        "merge",
        "upgrade",
        "downgrade",
        "show",
        "history",
        "heads",
        "branches",
        "current",
        "status",
        "graph",
        "stamp",
        "ensure-version",
        "journal",
        "reset",
    )
)
"""Every verb, by the name it has on the command lines; here so that to know them takes no import of them."""


@dataclass(frozen=True)
class Invocation:
    """One run of a command line; the defaults are those of a call from Python.

    :param line: the command line up to the name of the group, as the user types it: ``python manage.py db``.
    :param repeated: the options that the next step needs again, as they stand before its verb: ``-d FOLDER``.
    :param ini: the configuration file to use instead of ``alembic.ini`` in the migrations folder.
    :param section: the section of that file that Alembic reads.
    :param quiet: Alembic's own results are not printed.
    :param typed: it comes from a command line, and not from a program.
    """

    line: str = "flask db"
    repeated: str = ""
    ini: Optional[str] = None
    section: str = "alembic"
    quiet: bool = False
    typed: bool = False

    @property
    def words(self) -> str:
        """The command line up to the verb of the next step."""
        return f"{self.line} {self.repeated}".rstrip()


_FROM_PYTHON = Invocation()
_current: ContextVar[Invocation] = ContextVar("flask_migrate_script.invocation", default=_FROM_PYTHON)


def get_invocation() -> Invocation:
    """Return the invocation in force."""
    return _current.get()


@contextmanager
def use_invocation(invocation: Invocation) -> Iterator[None]:
    """Run the block as started by this invocation."""
    token = _current.set(invocation)
    try:
        yield
    finally:
        _current.reset(token)


def make_invocation(line: str, before: Values, repeated: str = "") -> Invocation:
    """Return the invocation of a command line.

    :param line: the command line up to the name of the group.
    :param before: the values of the options before the verb, by name.
    :param repeated: the options that the next step needs again.
    """
    section = before.get("name") or "alembic"
    return Invocation(line, repeated, before.get("config"), section, bool(before.get("quiet")), typed=True)


def repeat_command_line(program: str) -> str:
    """Return the command line up to the name of the group, with the application's own options, which come before it.

    :param program: the words that ``sys.argv[0]`` stands for.
    :returns: nothing where this process was not started to run a verb.
    """
    words = sys.argv[2 if sys.argv[:1] == ["-m"] else 1 :]  # Flask before 2.0 puts -m flask there for python -m flask
    for end, word in enumerate(words, 1):
        if not word.startswith("-") and _find_verb(words[end:]) in VERB_NAMES:
            return masked(" ".join([program, *map(shlex.quote, words[:end])]))
    return ""


def _find_verb(words: List[str]) -> str:
    """Return the word after the options that may stand before the verb."""
    while words and words[0].startswith("-"):
        words = words[2 if words[0] in _WITH_A_VALUE else 1 :]
    return words[0] if words else ""


_WITH_A_VALUE = ("-d", "--directory", "-x", "--x-arg", "-c", "--config", "-n", "--name")
