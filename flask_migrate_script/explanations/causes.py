"""What to do about an error of a database: by what is behind it, which is often not the script."""

from __future__ import annotations

from typing import Dict, Optional

from ..seam.driver_errors import Cause, read_driver_error
from .failure import TRACEBACK, Failure
from .privileges import find_grant

FIX_THE_SCRIPT = "Fix the script and run the command again"


def advise(failure: Failure) -> Optional[str]:
    """Return what to do about a failure whose cause a database or a disk has named; None where it has not."""
    cause = failure.cause
    if cause is None:
        return None
    return _advise_on_privilege(failure) if cause is Cause.DENIED else _ADVICE[cause]


_ADVICE: Dict[Cause, str] = {
    Cause.LOST: "The connection to the database was lost. Check that the server runs, then run the command again.",
    Cause.CANCELED: (
        "The server stopped the statement: it took longer than a timeout allows, or somebody canceled it.\n"
        "Run the command again, with a longer timeout if there is one."
    ),
    Cause.LOCK: (
        f"Another session has the lock: run the command again when it is done, or with --ddl-retries 3; {TRACEBACK}"
    ),
    Cause.DISK_FULL: (
        "There is no room left, on the disk or within a limit of the database. Make room, then run the command again."
    ),
    Cause.NO_RESOURCES: (
        "The server has no memory or no connection left. Close other sessions, or raise its limit, then run the command"
        " again."
    ),
    Cause.READ_ONLY: (
        "The database can only be read here: it is a standby, the server or session is set to read-only, or you may\n"
        "not write to its file. Connect to one that can be written to, then run the command again."
    ),
    Cause.LOGIN: "Check the user and the password in SQLALCHEMY_DATABASE_URI.",
    Cause.ABORTED: (
        "An earlier statement of the same transaction failed, and the script went on: PostgreSQL refuses the rest.\n"
        "Let that error end the script, or run that statement in a savepoint: with op.get_bind().begin_nested():"
    ),
    Cause.EXISTS: (
        "It exists already. If it was made by hand or by an earlier run, drop it; otherwise fix the script.\n"
        "Then run the command again."
    ),
    Cause.DATA: "The rows in the database do not allow this. Fix the rows or the script, and run the command again.",
    Cause.STORAGE: "The database cannot read or write its files. Check the disk; restore a backup if need be.",
}

NEVER_STAMPED = (
    "It exists already, but this revision is not recorded as applied. If the tables were made without migrations\n"
    "(by db.create_all(), or by hand), compare them with the models and record the revision that they are at:\n"
    "{db} stamp REVISION\n"
    "If they are left from an earlier run, drop them; if the script makes it twice, fix the script."
)


def _advise_on_privilege(failure: Failure) -> str:
    exc = failure.database_error
    grant = find_grant(read_driver_error(exc).text, str(getattr(exc, "statement", "") or "")) if exc else ""
    todo = f"An administrator can run:\n    {grant}" if grant else "Ask an administrator for it."
    return f"The database's user lacks a privilege. {todo}\nThen run the command again."
