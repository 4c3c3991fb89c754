"""The options of the guard: as a person gives them, and as the application's configuration completes them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ContextManager,
    Iterable,
    Iterator,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from ..errors import UsageError

if TYPE_CHECKING:
    from alembic.runtime.migration import RevisionStep

ShowSteps = Callable[[str, "Iterable[RevisionStep]"], "Iterable[RevisionStep]"]
"""Takes the name of a database and the steps that are to run in it, and yields them."""

Progress = Callable[[], ContextManager[ShowSteps]]

Number = TypeVar("Number", int, float)


@contextmanager
def show_nothing() -> Iterator[ShowSteps]:
    """Yield a function that leaves the steps as they are."""
    yield lambda name, steps: steps


@dataclass(frozen=True)
class GuardOptions:
    """What a person asks of the guard, as every verb has it; None is left to the application's configuration.

    :param bind: only these of several databases.
    :param lock_timeout: seconds to wait for another migration of the same database.
    :param no_lock: take no lock.
    :param wait: seconds to wait for a server that is not up yet.
    :param ddl_timeout: seconds that a statement may wait for a lock in the database.
    :param ddl_retries: how often to try again after such a wait.
    :param verbose: say what is not done.
    :param rehearse_seconds: seconds that a dry run may hold its locks.
    """

    bind: Union[str, Sequence[str], None] = None
    lock_timeout: Optional[float] = None
    no_lock: bool = False
    wait: Optional[float] = None
    ddl_timeout: Optional[float] = None
    ddl_retries: Optional[int] = None
    verbose: bool = False
    rehearse_seconds: Optional[float] = None


@dataclass(frozen=True)
class Settings:
    """What the guard does in one run.

    :param changes: it changes databases: lock, transaction and report. Without, env.py's logging is put back, and
        ``wait`` and ``binds`` hold.
    :param lock: take the lock of each database.
    :param lock_timeout: seconds to wait for it.
    :param wait: seconds to wait for a server that does not answer.
    :param ddl_timeout: seconds that a statement may wait for a lock in the database; 0 for the server's own setting.
    :param ddl_retries: how often a migration that such a wait has ended is tried again.
    :param binds: the names of the databases it is for; none for all.
    :param check_foreign_keys: on SQLite, refuse a migration that leaves rows which point to nothing.
    :param verbose: say what is not done.
    :param commits: what SQLite is sent at the end of a transaction is COMMIT, and not ROLLBACK.
    :param progress: open for each attempt, it yields the function that the steps of each database go through.
    :param rehearse_seconds: how long the rehearsal of a database may go on; 0 for as long as it takes.
    :param journal: where DDL cannot be rolled back, remember what took effect, and go on there.
    :param old_scripts: scripts may have the manners of SQLAlchemy 1 and of older Alembics: ``"1.3"`` or ``"1.4"`` where
        they mean what they meant in that one, empty where they mean what they mean today; None for no.
    """

    changes: bool = False
    lock: bool = True
    lock_timeout: float = 300
    wait: float = 0
    ddl_timeout: float = 0
    ddl_retries: int = 0
    binds: Sequence[str] = ()
    check_foreign_keys: bool = True
    verbose: bool = False
    commits: bool = True
    progress: Progress = show_nothing
    journal: bool = True
    old_scripts: Optional[str] = ""
    rehearse_seconds: float = 600


def complete_options(
    options: GuardOptions,
    configured: Mapping[str, Any],
    changes: bool = False,
    commits: bool = True,
    progress: Progress = show_nothing,
) -> Settings:
    """Return the settings of a run; what the options leave open, the application's configuration says.

    :param configured: ``app.config``, with its ``MIGRATE_…`` names.
    :raises UsageError: if one has a value that it cannot have.
    """

    def choose(given: Any, name: str, default: float) -> Tuple[Any, str]:
        option = name.replace("MIGRATE", "-").replace("_", "-").lower()
        return (given, option) if given is not None else (configured.get(name, default), name)

    return Settings(
        changes=changes,
        lock=not options.no_lock and _read_switch(configured, "MIGRATE_LOCK"),
        lock_timeout=_read_number(float, *choose(options.lock_timeout, "MIGRATE_LOCK_TIMEOUT", 300)),
        wait=_read_number(float, *choose(options.wait, "MIGRATE_WAIT", 0)),
        ddl_timeout=_read_number(float, *choose(options.ddl_timeout, "MIGRATE_DDL_TIMEOUT", 0)),
        ddl_retries=_read_number(int, *choose(options.ddl_retries, "MIGRATE_DDL_RETRIES", 0)),
        binds=list_words(options.bind),
        check_foreign_keys=_read_switch(configured, "MIGRATE_FOREIGN_KEY_CHECK"),
        verbose=options.verbose,
        commits=commits,
        progress=progress,
        journal=commits and keeps_journal(configured),
        old_scripts=choose_era(configured),
        rehearse_seconds=_read_number(float, *choose(options.rehearse_seconds, "MIGRATE_REHEARSE_SECONDS", 600)),
    )


def keeps_journal(configured: Mapping[str, Any]) -> bool:
    """Return whether an application lets interrupted migrations be remembered.

    :raises UsageError: if it says so in words.
    """
    return _read_switch(configured, "MIGRATE_JOURNAL")


def _read_number(kind: Type[Number], value: Any, name: str) -> Number:
    """Return the value of an option or a setting that counts seconds or times; a text may come from a variable."""
    with suppress(TypeError, ValueError, OverflowError):
        number = kind(value)
        if 0 <= number < inf and not isinstance(value, bool) and (isinstance(value, str) or number == value):
            return number
    what = "a number of seconds" if kind is float else "a number of times"
    raise UsageError(f"{name} is {value!r}, which is not {what}.", f"Nothing was changed. Correct {name}.")


def _read_switch(configured: Mapping[str, Any], name: str) -> bool:
    """Return the value of a setting that is on unless the application says otherwise.

    A text is refused: "False" and "0" would be on.
    """
    value = configured.get(name, True)
    if value is None or isinstance(value, int):
        return bool(value)
    raise UsageError(f"{name} is {value!r}, which is neither True nor False.", f"Nothing was changed. Correct {name}.")


ERAS = ("1.3", "1.4")


def choose_era(configured: Mapping[str, Any]) -> Optional[str]:
    """Return the SQLAlchemy that the scripts were written for, empty for any; None where old manners are not accepted.

    :raises UsageError: if the application's configuration says something else.
    """
    era = configured.get("MIGRATE_OLD_SCRIPTS", True)
    if era is False:
        return None
    if era is True or era is None:
        return ""
    if str(era) not in ERAS:
        raise UsageError(
            f"MIGRATE_OLD_SCRIPTS is {era!r}; there is no such choice.",
            'Nothing was changed. It is False, True, "1.3" or "1.4".',
        )
    return str(era)


def list_words(given: Union[str, Sequence[str], None]) -> Sequence[str]:
    """Return what a repeatable option was given: none, one or several."""
    return [given] if isinstance(given, str) else list(given or ())
