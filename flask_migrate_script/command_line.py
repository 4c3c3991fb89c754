"""What both command lines share: a verb is run as it was typed, and its failure is shown."""

from __future__ import annotations

import os
import re
import shlex
import sys
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Iterator, Optional, Sequence

from .console.stdout import CannotWrite, flush_stdout, open_closed_streams, reserve_stdout
from .errors import MigrateError, describe_interruption, format_error, format_traceback
from .invocation import make_invocation, repeat_command_line, use_invocation
from .passwords import masked
from .registry import use_registered

if TYPE_CHECKING:
    from .options import Values, Verb


def run_verb(verb: Verb, group: str, line: str, before: Values, after: Values) -> None:
    """Run a verb as a command line says, and show its failure as both do.

    :param group: the name of the group: ``db``.
    :param line: the command line up to the name of the group.
    :param before: the values of the options before the verb, by name; those after it win, or are added to them.
    :param after: the values of its own options and arguments, and ``raiseerr``.
    :raises SystemExit: 1 if it fails.
    """
    from .options import choose_directory

    open_closed_streams()
    values = dict(after)
    raiseerr = bool(values.pop("raiseerr", False) or before.get("raiseerr"))
    values["directory"] = choose_directory(verb, values.get("directory"), before.get("directory"))
    values["x_arg"] = [*(before.get("x_arg") or ()), *(values.get("x_arg") or ())]
    alone = reserve_stdout() if values.get("json") and repeat_command_line("") else nullcontext()
    invocation = make_invocation(line, before, _repeat_options(values, before))
    with use_invocation(invocation), use_registered(group), show_failure(raiseerr), alone:
        verb(**values)


@contextmanager
def show_failure(raiseerr: bool) -> Iterator[None]:
    """Show a failure of the block as both command lines do, and end the command with 1.

    What is true of the databases is said where stdout takes nothing, too: that is an error after it.

    :param raiseerr: show the traceback instead of what is wrong.
    """
    unwritten: Optional[CannotWrite] = None
    shown, code = "", 0
    try:
        yield
    except CannotWrite as error:
        unwritten = error
    except MigrateError as error:
        shown, code = format_traceback(error) if raiseerr else format_error(error), error.exit_code
    except KeyboardInterrupt as exc:
        shown, code = f"\n{format_error(describe_interruption(exc))}", 1
    except OSError as exc:  # a verb's own is a MigrateError
        unwritten = CannotWrite(exc)
    unwritten = flush_stdout() or unwritten
    if shown:
        print(shown, file=sys.stderr)
    if unwritten:
        print(format_error(unwritten), file=sys.stderr)
    if code or unwritten:
        sys.exit(code or 1)


def format_usage_error(command: str, problem: str, near: Sequence[str] = ()) -> str:
    """Return what both command lines say of a command that they cannot read.

    :param command: the command as far as it was understood, which can be asked for ``--help``.
    :param near: what the user may have meant.
    """
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"Error: {command}: {problem.rstrip('.')}.{meant}\n       See {command} --help"


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
