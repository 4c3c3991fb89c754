"""What an error means: what is wrong, in the words of the one that found it, and what to do next.

Imported when something has failed. An explanation is a function that takes the failure and returns the MigrateError,
or None where it is about something else; ``_EXPLANATIONS`` lists them, the first that fits is shown. "Nothing was
changed" is said where that is certain, and only there.
"""

from __future__ import annotations

from typing import Callable, Optional, Tuple

from ..errors import Asked, MigrateError
from .asked import explain_command_error, explain_step_beyond_the_end
from .database import explain_connection, explain_database, explain_driver, explain_url
from .environment import (
    explain_binds,
    explain_metadata,
    explain_number_of_databases,
    explain_url_without_database,
    explain_users_code,
)
from .failure import Failure, name_error
from .folder import explain_clash, explain_no_environment, explain_os_error, explain_settings, explain_template
from .migration import explain_migration
from .revision_files import explain_revision_files

Explanation = Callable[[Failure], Optional[MigrateError]]


def explain(exc: BaseException, asked: Asked = None) -> MigrateError:
    """Return the MigrateError for an exception.

    :param asked: the revisions that the caller named; one that is not among them came from the database.
    """
    failure = Failure(exc, [asked] if isinstance(asked, str) else [str(one) for one in asked or () if one])
    known = next((one for one in failure.chain if isinstance(one, MigrateError)), None)
    return known or next(error for error in (attempt(failure) for attempt in _EXPLANATIONS) if error)


def explain_unusable_database(exc: BaseException) -> Optional[MigrateError]:
    """Return the MigrateError for an exception that is about a database URL, a driver or a connection, else None."""
    failure = Failure(exc, [])
    return next(
        (
            error
            for error in (attempt(failure) for attempt in (explain_driver, explain_url, explain_connection))
            if error
        ),
        None,
    )


def explain_no_application(failure: Failure) -> Optional[MigrateError]:
    if "outside of application context" not in failure.text.lower():
        return None
    return MigrateError(
        "There is no application here: this runs outside of an application context.",
        "Call it inside `with app.app_context():`.",
    )


def explain_unexpected(failure: Failure) -> MigrateError:
    return MigrateError(name_error(failure.exc), "Run the command again with --raiseerr to see where it comes from.")


_EXPLANATIONS: Tuple[Explanation, ...] = (
    explain_migration,
    explain_no_application,
    explain_number_of_databases,
    explain_binds,
    explain_metadata,
    explain_settings,
    explain_revision_files,
    explain_command_error,
    explain_step_beyond_the_end,
    explain_driver,
    explain_url,
    explain_connection,
    explain_url_without_database,
    explain_database,
    explain_no_environment,
    explain_template,
    explain_clash,
    explain_os_error,
    explain_users_code,
    explain_unexpected,
)
