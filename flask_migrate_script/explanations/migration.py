"""A revision's own code that failed: which one, where, at which statement, and what is behind it."""

from __future__ import annotations

import re
from types import FrameType
from typing import Optional, Tuple

from ..errors import MigrateError
from ..failure_context import FirstError
from ..seam.driver_errors import Cause, is_driver_error, read_cause
from .causes import FIX_THE_SCRIPT, NEVER_STAMPED, advise
from .failure import TRACEBACK, Failure, quote_error, quote_statement, shorten_path


def explain_migration(failure: Failure) -> Optional[MigrateError]:
    """Nothing is claimed of what the revision had done until then: that is for whoever has asked the database."""
    first = find_first_error(failure)
    # Migrations that run out of the seam's sight fail when their version moves, past the script.
    place = _find_place(failure) or (_find_place(Failure(first.exc, failure.asked)) if first else None)
    if place is None:
        return None
    frame, line = place
    names = frame.f_globals
    where = f"Revision {names['revision']} ({shorten_path(frame.f_code.co_filename)}, line {line}) failed"
    lacking = _explain_missing_bind(failure, names["revision"], frame, where)
    if lacking:
        return lacking
    if first:
        return _explain_first(failure, first, where)
    words, statement = quote_error(failure.database_error or failure.exc)
    advice = NEVER_STAMPED if _is_never_stamped(failure) else advise(failure) or f"{FIX_THE_SCRIPT}; {TRACEBACK}"
    return MigrateError("\n".join(filter(None, (f"{where}: {words}", statement))), advice)


def find_first_error(failure: Failure) -> Optional[FirstError]:
    """Return the error after which PostgreSQL refused what followed: it was noted, or is in the chain."""
    if failure.cause is not Cause.ABORTED:
        return None
    if failure.context.first_error:
        return failure.context.first_error
    for exc in failure.chain:
        if is_driver_error(exc) and read_cause(exc) is not Cause.ABORTED:
            return FirstError(str(getattr(exc, "statement", "") or ""), exc)
    return None


def _explain_first(failure: Failure, first: FirstError, where: str) -> MigrateError:
    words, _ = quote_error(first.exc)
    later, statement = quote_error(failure.database_error or failure.exc)
    problem = [
        f"{where}: {words}",
        quote_statement(first.statement),
        f"The script went on after that error, so the next statement failed too: {later}",
        statement,
    ]
    advice = advise(Failure(first.exc, failure.asked)) or (
        f"{FIX_THE_SCRIPT}. A statement that may fail goes into a savepoint:\nwith op.get_bind().begin_nested():"
    )
    return MigrateError("\n".join(filter(None, problem)), advice)


def _find_place(failure: Failure) -> Optional[Tuple[FrameType, int]]:
    """Return the innermost frame of a function in a revision file."""
    for frame, line in failure.list_frames():
        names = frame.f_globals
        if "down_revision" in names and isinstance(names.get("revision"), str) and frame.f_code.co_name != "<module>":
            return frame, line
    return None


def _is_never_stamped(failure: Failure) -> bool:
    """Return whether something was there already where Alembic has nothing recorded, so that it began at the start."""
    if failure.cause is not Cause.EXISTS:
        return False
    if failure.context.versions is not None:
        return not failure.context.versions
    return any(
        frame.f_globals.get("revision") and frame.f_globals.get("down_revision", "") is None
        for frame, _ in failure.list_frames()
        if frame.f_code.co_name.startswith("upgrade")
    )


def _explain_missing_bind(failure: Failure, revision: str, frame: FrameType, where: str) -> Optional[MigrateError]:
    """Answer where Flask-Migrate's script for several databases has no function for one: it calls it by its name."""
    found = re.fullmatch(r"((up|down)grade)_(\w*)", str(failure.exc.args[0])) if failure.exc.args else None
    if not isinstance(failure.exc, KeyError) or found is None or frame.f_code.co_name != found[1]:
        return None
    bind = f"the bind {found[3]}" if found[3] else "the default database"
    return MigrateError(
        f"{where}: it has no {found[0]}(), which is for {bind}.",
        f"If it changes nothing there, add these two functions to the file:\n"
        f"    def upgrade_{found[3]}(): pass\n    def downgrade_{found[3]}(): pass",
    )
