"""What is known of each failure: what is wrong, in the words of whoever found it, and what to do next.

Imported when something has failed. An explanation is a function that takes the failure and returns the MigrateError,
or None where it is about something else; ``_EXPLANATIONS`` lists them, the first that fits is shown. "Nothing was
changed" is said where that is certain, and only there.
"""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from ..errors import Asked, MigrateError
from ..guard.patience import is_lock_timeout
from .asked import beyond_the_end, command_error
from .database import connection, database, driver, url
from .failure import TRACEBACK, Failure, is_users, named, said, shown
from .folder import clash, no_environment, os_error, settings, template
from .graph import cycle, duplicate, incomplete_file, missing_parent, unreadable_file

Explanation = Callable[[Failure], Optional[MigrateError]]


def diagnosed(exc: BaseException, asked: Asked = None) -> MigrateError:
    """Return the MigrateError for an exception.

    :param asked: the revisions that the caller named; one that is not among them came from the database.
    """
    failure = Failure(exc, [asked] if isinstance(asked, str) else [str(one) for one in asked or () if one])
    known = next((one for one in failure.chain if isinstance(one, MigrateError)), None)
    return known or next(error for error in (explain(failure) for explain in _EXPLANATIONS) if error)


def unusable_database(exc: BaseException) -> Optional[MigrateError]:
    """Return the MigrateError for an exception that is about a database URL, a driver or a connection, else None."""
    failure = Failure(exc, [])
    return next((error for error in (explain(failure) for explain in (driver, url, connection)) if error), None)


def migration_failed(failure: Failure) -> Optional[MigrateError]:
    """Whatever a revision's own code raised: nothing is claimed of what it had done until then."""
    for frame, line in failure.frames():
        names = frame.f_globals
        if "down_revision" in names and isinstance(names.get("revision"), str) and frame.f_code.co_name != "<module>":
            where = f"Revision {names['revision']} ({shown(frame.f_code.co_filename)}, line {line}) failed"
            words, statement = said(failure)
            problem = "\n".join(filter(None, (f"{where}: {words}", statement)))
            return MigrateError(problem, f"{_to_do(failure)}; {TRACEBACK}")
    return None


def _to_do(failure: Failure) -> str:
    """A lock that another session has is no fault of the script."""
    if any(map(is_lock_timeout, failure.chain)):
        return "Another session has the lock: run the command again when it is done, or with --ddl-retries 3"
    return "Mend the script and run the command again"


def no_application(failure: Failure) -> Optional[MigrateError]:
    if "outside of application context" not in failure.text.lower():
        return None
    return MigrateError(
        "There is no application here: this runs outside of an application context.",
        "Call it inside `with app.app_context():`.",
    )


def users_code(failure: Failure) -> Optional[MigrateError]:
    """A revision file, env.py or the application's own code that fails while it runs."""
    for frame, line in failure.frames():
        path = frame.f_code.co_filename
        if is_users(path):
            return MigrateError(
                f"{shown(path)}, line {line}: {named(failure.exc)}",
                f"Mend that file and run the command again; {TRACEBACK}",
            )
    return None


def unexpected(failure: Failure) -> MigrateError:
    return MigrateError(named(failure.exc), "Run the command again with --raiseerr to see where it comes from.")


_EXPLANATIONS: Tuple[Explanation, ...] = (
    migration_failed,
    no_application,
    duplicate,
    cycle,
    missing_parent,
    command_error,
    beyond_the_end,
    driver,
    url,
    connection,
    database,
    no_environment,
    incomplete_file,
    unreadable_file,
    settings,
    template,
    clash,
    os_error,
    users_code,
    unexpected,
)
