"""A failure on its way to being explained: its exception, its frames, and how they are written in a message."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from types import FrameType
from typing import List, Optional, Tuple

from ..errors import list_chain
from ..failure_context import FailureContext, read_context
from ..seam.driver_errors import Cause, is_driver_error, read_cause, read_driver_error

AGAIN = "and run the command again."
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
        return list_chain(self.exc)

    @property
    def context(self) -> FailureContext:
        """What was known where it came past."""
        return read_context(self.chain)

    @property
    def reasons(self) -> List[BaseException]:
        """The exception and those it was raised *from*; one that was caught is none, but for SQLAlchemy."""
        found = [self.exc]
        while found[-1].__cause__ is not None and found[-1].__cause__ not in found:
            found.append(found[-1].__cause__)
        own = any(is_driver_error(exc) for exc in found) or not type(self.exc).__module__.startswith("sqlalchemy.")
        return found if own else self.chain

    @property
    def database_error(self) -> Optional[BaseException]:
        """The exception of a driver that is the reason, wrapped by SQLAlchemy or not."""
        return next((exc for exc in self.reasons if is_driver_error(exc)), None)

    @property
    def cause(self) -> Optional[Cause]:
        """What is behind it where a database or a disk has said so."""
        return next((cause for cause in map(read_cause, self.reasons) if cause), None)

    def find_kind(self, name: str) -> Optional[BaseException]:
        """Return the outermost exception in the chain of a class, or of one derived from it, by its name."""
        return next((exc for exc in self.chain if name in (kind.__name__ for kind in type(exc).__mro__)), None)

    def list_frames(self) -> List[Tuple[FrameType, int]]:
        """Return the frames the exception came through and their lines, innermost first."""
        return [pair for exc in self.chain for pair in traceback.walk_tb(exc.__traceback__)][::-1]

    def find_users_frame(self) -> Optional[Tuple[FrameType, int]]:
        """Return the innermost frame of a file that is the user's, and its line."""
        return next((pair for pair in self.list_frames() if is_users(pair[0].f_code.co_filename)), None)


def quote_error(exc: BaseException) -> Tuple[str, str]:
    """Return what an exception says, and the statement that a database said it of, on a line of its own."""
    if not is_driver_error(exc):
        return name_error(exc), ""
    return quote_database(exc), quote_statement(getattr(exc, "statement", None))


def quote_statement(statement: Optional[str]) -> str:
    return f"Statement: {put_on_one_line(str(statement))}" if statement else ""


def quote_database(exc: BaseException) -> str:
    """Return a driver's error on one line as the driver writes it; pg8000 writes a dict of fields."""
    driver: BaseException = getattr(exc, "orig", exc)
    fields = bool(driver.args) and isinstance(driver.args[0], dict)
    return put_on_one_line(read_driver_error(exc).text if fields else str(driver))


def is_alembics(failure: Failure) -> bool:
    return bool({"CommandError", "RevisionError"} & {kind.__name__ for kind in type(failure.exc).__mro__})


def name_module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def is_users(path: str) -> bool:
    """A file that is neither Python's nor an installed package's."""
    inside = (
        os.sep + "site-packages" + os.sep,
        os.sep + "dist-packages" + os.sep,
        os.path.dirname(os.__file__) + os.sep,
    )
    own = os.path.dirname(os.path.dirname(__file__)) + os.sep
    return os.path.isfile(path) and not path.startswith(own) and not any(part in path for part in inside)


def name_error(exc: BaseException) -> str:
    text = put_on_one_line(str(exc))
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def put_on_one_line(text: str, longest: int = 600) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[:longest] + " …"


def shorten_path(path: object) -> str:
    """Return a path as short as it can be written from the folder the command runs in."""
    absolute = os.path.abspath(str(path))
    relative = os.path.relpath(absolute)
    return absolute if relative.startswith(os.pardir) else relative
