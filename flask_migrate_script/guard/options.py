"""What a verb asks of the guard: from its options, else from the application's configuration."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, ContextManager, Iterable, Iterator, Sequence, Union

Over = Callable[[str, Iterable[Any]], Iterable[Any]]
"""Takes the name of a database and the steps that are to run in it, and yields them."""


@contextmanager
def unseen() -> Iterator[Over]:
    """Yield a function that leaves the steps as they are."""
    yield lambda name, steps: steps


@dataclass(frozen=True)
class Settings:
    """What a verb asks of the guard.

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
    :param journal: where DDL cannot be rolled back, remember what took effect, and go on there.
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
    progress: Callable[[], ContextManager[Over]] = unseen
    journal: bool = True


def settings(
    changes: bool = False,
    bind: Union[str, Sequence[str], None] = None,
    lock_timeout: Any = None,
    no_lock: bool = False,
    wait: Any = None,
    ddl_timeout: Any = None,
    ddl_retries: Any = None,
    verbose: bool = False,
    commits: bool = True,
    progress: Callable[[], ContextManager[Over]] = unseen,
) -> Settings:
    """Return the settings for a verb; what it does not say, the application's ``MIGRATE_…`` configuration does.

    :raises MigrateError: if a bind is not configured.
    """
    from flask import current_app

    from ..config import registered_state
    from ..seam.binds import check_names

    configured = current_app.config

    def value(given: Any, name: str, default: Any) -> Any:
        return given if given is not None else configured.get(name, default)

    chosen = [bind] if isinstance(bind, str) else list(bind or ())
    return Settings(
        changes=changes,
        lock=not no_lock and configured.get("MIGRATE_LOCK", True),
        lock_timeout=float(value(lock_timeout, "MIGRATE_LOCK_TIMEOUT", 300)),
        wait=float(value(wait, "MIGRATE_WAIT", 0)),
        ddl_timeout=float(value(ddl_timeout, "MIGRATE_DDL_TIMEOUT", 0)),
        ddl_retries=int(value(ddl_retries, "MIGRATE_DDL_RETRIES", 0)),
        binds=check_names(chosen, registered_state().db) if chosen else (),
        check_foreign_keys=configured.get("MIGRATE_FOREIGN_KEY_CHECK", True),
        verbose=verbose,
        commits=commits,
        progress=progress,
        journal=commits and configured.get("MIGRATE_JOURNAL", True),
    )
