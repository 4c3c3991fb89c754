"""A failure on its way to being explained: its exception, its frames, and how they are written in a message."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from types import FrameType
from typing import Any, List, Optional, Tuple

UNCHANGED = "Nothing was changed."
TRACEBACK = "--raiseerr shows the traceback."


@dataclass
class Failure:
    """An exception on its way to being explained, and the revisions that the caller named."""

    exc: BaseException
    asked: List[str]

    @property
    def text(self) -> str:
        return str(self.exc).strip() or type(self.exc).__name__

    @property
    def chain(self) -> List[BaseException]:
        """The exception and those it was raised from, outermost first."""
        found: List[BaseException] = []
        exc: Optional[BaseException] = self.exc
        while exc is not None and exc not in found:
            found.append(exc)
            exc = exc.__cause__ or exc.__context__
        return found

    def of_kind(self, name: str) -> Optional[BaseException]:
        """Return the outermost exception in the chain of a class, or of one derived from it, by its name."""
        return next((exc for exc in self.chain if name in (kind.__name__ for kind in type(exc).__mro__)), None)

    def frames(self) -> List[Tuple[FrameType, int]]:
        """Return the frames the exception came through and their lines, innermost first."""
        return [pair for exc in self.chain for pair in traceback.walk_tb(exc.__traceback__)][::-1]


def said(failure: Failure) -> Tuple[str, str]:
    """Return what the database said and the statement it said it of, or just what the exception says."""
    exc: Any = failure.of_kind("DBAPIError")
    if exc is None:
        return named(failure.exc), ""
    statement = f"Statement: {one_line(str(exc.statement))}" if exc.statement else ""
    return one_line(str(exc.orig)), statement


def is_alembics(failure: Failure) -> bool:
    return bool({"CommandError", "RevisionError"} & {kind.__name__ for kind in type(failure.exc).__mro__})


def module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def is_users(path: str) -> bool:
    """A file that is neither Python's nor an installed package's."""
    inside = (
        os.sep + "site-packages" + os.sep,
        os.sep + "dist-packages" + os.sep,
        os.path.dirname(os.__file__) + os.sep,
    )
    own = os.path.dirname(__file__) + os.sep
    return os.path.isfile(path) and not path.startswith(own) and not any(part in path for part in inside)


def named(exc: BaseException) -> str:
    text = one_line(str(exc))
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def one_line(text: str, longest: int = 600) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[:longest] + " …"


def shown(path: Any) -> str:
    """Return a path as short as it can be written from the folder the command runs in."""
    absolute = os.path.abspath(str(path))
    relative = os.path.relpath(absolute)
    return absolute if relative.startswith(os.pardir) else relative
