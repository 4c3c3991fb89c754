"""One run of a verb under the guard: its parts, its attempts, and what is true when it is over."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, TypeVar

from .. import invocation
from ..config import alembic_version
from ..databases import shown_url
from ..errors import Asked, CannotConnect, MigrateError
from ..explain import explain_errors
from ..seam import hook
from ..seam.database import Database
from ..seam.driver import driver_connection, keep_session, prepare_nothing
from ..seam.driver_errors import is_lock_timeout
from ..seam.parts import Part
from ..seam.watch import Run, tell
from . import lock, logs, patience
from .account import Account
from .atomic import Atomic
from .journal import HiddenJournal, Journal
from .options import Settings, ShowSteps
from .outcome import Verdict, describe_bypass, settle
from .rebuilt import Rebuilt
from .results import DatabaseOutcome
from .signals import interruptible
from .waiting import Waiting

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep
    from sqlalchemy.engine import Connection, Engine

T = TypeVar("T")


def run_guarded(
    action: Callable[[Run], None], settings: Settings, asked: Asked = None, parts: Sequence[Part] = ()
) -> List[DatabaseOutcome]:
    """Run an action of Alembic's under the guard, and return what is true of each database that it may have changed.

    :param action: opens a Config, attaches the run to it and calls one function of ``alembic.command``; it may be
        called again where nothing was done.
    :param asked: the revisions that the caller named.
    :param parts: what stands around it beside the guard.
    :raises MigrateError: if it fails, with what is true now.
    """

    def attempt() -> List[DatabaseOutcome]:
        return patience.retry_until_connected(lambda: _attempt(action, settings, asked, parts), settings.wait, tell)

    with lock.run_alone(settings.lock_timeout, tell), logs.keep_logging(), interruptible():
        return patience.retry_until_unlocked(attempt, settings.ddl_retries, tell)


def run_connected(attempt: Callable[[], T], settings: Settings) -> T:
    """Return what an attempt returns, once the databases answer.

    :raises MigrateError: if it fails.
    """

    def explained_attempt() -> T:
        with explain_errors():
            return attempt()

    return patience.retry_until_connected(explained_attempt, settings.wait, tell)


@contextmanager
def lock_databases(engines: Iterable[Engine], settings: Settings) -> Iterator[None]:
    """Hold the lock of each database for the block.

    :raises MigrateError: if one is still held when ``lock_timeout`` is over.
    """
    with interruptible(), ExitStack() as held:
        locks = Locks(settings, held)
        for engine in engines:
            with engine.connect() as connection:
                locks.take(connection, shown_url(engine.url))
        yield


_LOOK_AGAIN = 0.1
"""Seconds for which the answer that a lock is held counts, where nothing is about to be committed."""


@dataclass
class Locks(Part):
    """The locks of one run; two names of one database take one.

    :param looked: when the server was last asked whether they are still held, by the monotonic clock.
    """

    settings: Settings
    held: ExitStack
    taken: Dict[str, lock.Lock] = field(default_factory=dict)
    looked: float = 0.0

    def configuring(self, database: Database) -> None:
        if database.dialect == "postgresql":
            self.held.enter_context(prepare_nothing(driver_connection(database.connection)))
        self.take(database.connection, database.shown)

    def take(self, connection: Connection, shown: str) -> None:
        """Take the lock of the database that a connection is to, and hold it until the run is over."""
        # A dry run on SQLite needs none of its own: SQLite lets one write at a time, and the folder may be read-only.
        if not self.settings.lock or (connection.dialect.name == "sqlite" and not self.settings.commits):
            return
        one = lock.make_lock(connection)
        if one is None:
            if self.settings.verbose:
                tell(f"{shown}: no lock, because there is none for {connection.dialect.name}.")
        elif one.identity in self.taken:
            one.release()
        else:
            keep_alive = partial(keep_session, connection)
            self.held.enter_context(lock.hold(one, shown, self.settings.lock_timeout, tell, keep_alive))
            self.taken[one.identity] = one
            self.held.callback(self.taken.pop, one.identity)

    @contextmanager
    def around_step(self, database: Database, step: MigrationStep) -> Iterator[None]:
        if time.monotonic() - self.looked >= _LOOK_AGAIN:
            self._refuse_to_go_on()
        yield

    def committing(self, database: Database) -> None:
        self._refuse_to_go_on()

    def _refuse_to_go_on(self) -> None:
        """Look whether every lock is still held.

        :raises MigrateError: if one is not.
        """
        self.looked = time.monotonic()
        for one in self.taken.values():
            if not lock.is_still_held(one):
                raise MigrateError(
                    "The lock of this run was lost: its session ended, or its file was removed. Another migration may"
                    " be running now.",
                    "Look with {db} status, then run the command again.",
                )


class Progress(Part):
    """Lets whoever shows the steps see them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.show: Optional[ShowSteps] = None

    def configuring(self, database: Database) -> None:
        self.show = self.show or database.run.held.enter_context(self.settings.progress())

    def follow_steps(self, database: Database, steps: Iterable[MigrationStep]) -> Iterable[Any]:
        assert self.show is not None
        return self.show(database.name or "", steps)  # type: ignore[arg-type]  # those of a stamp show, too


def _make_parts(settings: Settings, held: ExitStack) -> List[Part]:
    """Return what stands around the migrations of a verb; the first is the outermost."""
    if not settings.changes:
        return [HiddenJournal()]
    journal = [Journal(settings.lock_timeout if settings.lock else None)] if settings.journal else []
    return [
        HiddenJournal(),
        Locks(settings, held),
        Waiting.within(settings.ddl_timeout),
        patience.LockTimeout(settings.ddl_timeout),
        *journal,
        *([Rebuilt()] if settings.commits else []),
        Account(),
        Atomic(settings.lock_timeout, settings.check_foreign_keys, "COMMIT" if settings.commits else "ROLLBACK"),
        Progress(settings),
    ]


def _attempt(
    action: Callable[[Run], None], settings: Settings, asked: Asked, parts: Sequence[Part]
) -> List[DatabaseOutcome]:
    run = Run(chosen=settings.binds, guards=settings.changes, refuses=settings.changes and not settings.commits)
    run.parts = [*parts, *_make_parts(settings, run.held)]
    hook.install()
    with run.watch(), _accept_old_manners(run, settings.old_scripts):
        try:
            with explain_errors(asked):
                action(run)
                run.finish()
                if settings.commits:
                    _refuse_uncommitted(run)
        except MigrateError as error:
            raise _tell_what_is_true(run, error, asked) from error.__cause__
        except KeyboardInterrupt as exc:
            _tell_of_interruption(run, exc)
            raise
    return [settle(database, None).outcome for database in run.databases if database.chosen and settings.changes]


@contextmanager
def _accept_old_manners(run: Run, era: Optional[str]) -> Iterator[None]:
    """Let scripts have the manners of SQLAlchemy 1 and of older Alembics, where the installed ones lack them."""
    if era is None or not _has_dropped_manners():
        yield
        return
    from ..manners.callers import Manners
    from ..manners.part import accept_old_manners

    with accept_old_manners(Manners(run, era, invocation.get_invocation().quiet)) as part:
        run.parts = [*run.parts, part]
        yield


def _has_dropped_manners() -> bool:
    """Return whether SQLAlchemy is 1.4 or newer, or Alembic 1.5."""
    from sqlalchemy import __version__ as sqlalchemy

    return alembic_version >= (1, 5) or not sqlalchemy.startswith("1.3.")


def _refuse_uncommitted(run: Run) -> None:
    """Alembic leaves a transaction alone that was open before ``context.configure``, and so may env.py.

    :raises MigrateError: if what ran in it is not in the database.
    """
    lost = [name for database in run.databases if database.begun for name in settle(database, None).lost]
    if lost:
        raise MigrateError(
            f"Nothing committed what ran: {', '.join(dict.fromkeys(lost))}. env.py executes something before\n"
            "context.configure(); SQLAlchemy begins a transaction for it, which Alembic leaves to env.py.",
            "In env.py, end it first: connection.commit() above context.configure().",
        )


def _tell_what_is_true(run: Run, error: MigrateError, asked: Asked) -> MigrateError:
    """Return the error with what is true now, a database at a time, where a migration had begun."""
    verdicts = [settle(database, error) for database in run.databases if database.chosen and run.guards]
    verdicts += [describe_bypass(one, error) for one in run.bypasses]
    begun = [verdict for verdict in verdicts if verdict.begun]
    error.outcomes = [verdict.outcome for verdict in verdicts]
    if not begun:
        return error
    if isinstance(error, CannotConnect) and _leads_further(asked) and any(one.outcome.applied for one in begun):
        outcomes = error.outcomes
        error = MigrateError(error.problem, error.advice)  # of the next database: no reason to try the first again
        error.outcomes = outcomes
    error.outcome = [line for verdict in begun for line in verdict.lines]
    if is_lock_timeout(error.__cause__ or error):
        error.can_retry = _explain_why_safe(begun)
    return error


def _tell_of_interruption(run: Run, exc: KeyboardInterrupt) -> None:
    """Note on the exception what is true of each database, for the command line to show."""
    error = MigrateError("Interrupted.")
    _tell_what_is_true(run, error, None)
    exc.outcome, exc.outcomes = error.outcome, error.outcomes  # type: ignore[attr-defined]  # ours, on its way up


def _leads_further(asked: Asked) -> bool:
    """Return whether a revision counts from where the database is, so that asking for it again leads further."""
    return re.search(r"[+-]\d+$", str(asked)) is not None


def _explain_why_safe(begun: List[Verdict]) -> str:
    """Return why a failed run may be repeated, empty where it may not: a relative target would lead further then."""
    partly = [verdict for verdict in begun if verdict.outcome.left]
    certain = all(verdict.outcome.state != "unknown" for verdict in begun)
    if any(verdict.outcome.applied for verdict in begun) or not all(one.remembers for one in partly) or not certain:
        return ""
    return "What took effect is remembered." if partly else "Rolled back."
