"""An application that cannot start because of its database: explained where a migrations command was asked for.

Flask-SQLAlchemy 3 makes its engines while the application is made, so a URL or a driver that does not work is an
uncaught exception of the application's own module, before any verb has begun. ``sys.excepthook`` is the one place that
sees it. It is set only in a process that was started to run a verb, and leaves every other exception as it was.
"""

from __future__ import annotations

import shlex
import sys
from types import TracebackType
from typing import Optional, Type

from . import invocation
from .console.stdout import flush_stdout


def explain_databases(launcher: Optional[str] = None) -> None:
    """Set the hook, once, if this process runs a verb.

    :param launcher: how ``manage.py`` was started; without it, the running command is ``flask``, or none of ours.
    """
    words = invocation.repeat_command_line(f"{launcher} {shlex.quote(sys.argv[0])}" if launcher else "flask")
    if not words or hasattr(sys.excepthook, "explains_databases"):
        return
    if launcher is None and not _in_flask():
        return
    previous = sys.excepthook

    def hook(kind: Type[BaseException], exc: BaseException, trace: Optional[TracebackType]) -> None:
        shown = _explanation(exc, words)
        if shown is None:
            previous(kind, exc, trace)
        else:
            flush_stdout()
            print(shown, file=sys.stderr)

    hook.explains_databases = True  # type: ignore[attr-defined]  # so that it is not set twice
    sys.excepthook = hook


def _explanation(exc: BaseException, words: str) -> Optional[str]:
    from .errors import format_error, format_traceback
    from .explanations import explain_unusable_database

    with invocation.use_invocation(invocation.Invocation(words)):
        error = explain_unusable_database(exc)
    if error is None:
        return None
    error.__cause__ = exc
    return format_traceback(error) if "--raiseerr" in sys.argv else format_error(error)


def _in_flask() -> bool:
    """A click context is active while ``flask`` loads the application."""
    click = sys.modules.get("click")
    return click is not None and click.get_current_context(silent=True) is not None
