"""How this run was started: the words to name the next step in, and what was said before the verb."""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator, List, Optional

from .passwords import masked

if TYPE_CHECKING:
    from .options import Values, Verb

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


def _repeat_options(values: Values, before: Values) -> str:
    """Return the options that lead any other verb to the same migrations; what the environment says, it says again."""
    from .options import name_variable

    variables = {name: os.environ.get(name_variable(None, name)) or "" for name in ("directory", "x_arg")}
    given = {
        "-d": [values["directory"]] if values["directory"] != variables["directory"] else [],
        "-x": values["x_arg"] if values["x_arg"] != variables["x_arg"].split() else [],
        "-c": [before.get("config")],
        "-n": [before.get("name")],
    }
    words = [word for flag, said in given.items() for one in said if one for word in (flag, one)]
    return " ".join(shlex.quote(_SECRET.sub(r"\1***", masked(word))) for word in words)


_SECRET = re.compile(r"^(\w*(?:password|passwd|pwd|secret|token)\w*=).+", re.IGNORECASE | re.DOTALL)
"""An argument for env.py that no message repeats."""


def run_verb(verb: Verb, line: str, before: Values, after: Values) -> None:
    """Run a verb as a command line says, and show its failure as both do.

    :param line: the command line up to the name of the group.
    :param before: the values of the options before the verb, by name; those after it win, or are added to them.
    :param after: the values of its own options and arguments, and ``raiseerr``.
    :raises SystemExit: 1 if it fails.
    """
    from .console.stdout import reserve_stdout
    from .errors import show_failure
    from .options import choose_directory

    values = dict(after)
    raiseerr = bool(values.pop("raiseerr", False) or before.get("raiseerr"))
    values["directory"] = choose_directory(verb, values.get("directory"), before.get("directory"))
    values["x_arg"] = [*(before.get("x_arg") or ()), *(values.get("x_arg") or ())]
    alone = reserve_stdout() if values.get("json") and repeat_command_line("") else nullcontext()
    with use_invocation(make_invocation(line, before, _repeat_options(values, before))), show_failure(raiseerr), alone:
        verb(**values)
