"""Waiting: a migration that waits inside the database tells for whom, and never waits for its own process.

A thread looks while nothing has been heard of the migration for five seconds, on a connection of its own that it opens
for that. Where nothing waits, no connection is opened and nothing is asked.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Dict, FrozenSet, Iterator, Optional, Tuple, Union

from ..errors import MigrateError, list_chain
from ..passwords import Mask, masked, masker
from ..seam.database import Database, Sent
from ..seam.driver import OtherConnection, driver_connection
from ..seam.driver_errors import is_lock_timeout, read_driver_error
from ..seam.parts import Part
from .waits import sqlite
from .waits.own import OwnSessions, find_session_number, is_alone
from .waits.sessions import Wait, shorten_statement
from .waits.timing import AFTER, BESIDE_OTHER_THREADS, BESIDE_OTHER_TRANSACTIONS

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from .waits.mysql import MySQL
    from .waits.postgresql import PostgreSQL

TICK = 0.5
"""Seconds between two looks at the clock."""

PAUSES = (1.0, 5.0)
"""Seconds between two questions: in the first half minute of a wait, and later."""

_SERVERS = ("postgresql", "mysql", "mariadb")
"""Dialects whose servers can be asked."""

_CANCELLED = ("57014", 1317)
"""A statement was ended by its number: PostgreSQL's query_canceled, MySQL's ER_QUERY_INTERRUPTED."""


@dataclass
class Waiting(Part):
    """The part of a run that looks whether its databases keep it waiting.

    :param after: seconds of silence after which it looks; fewer where a statement may wait for less than that.
    """

    after: float = AFTER
    _watches: Dict[int, Watch] = field(default_factory=dict)

    @classmethod
    def within(cls, timeout: float) -> Waiting:
        """Return the part for statements that wait no longer than that: it looks before they give up.

        :param timeout: seconds; 0 for no limit of ours.
        """
        return cls(min(AFTER, timeout / 2) if timeout else AFTER)

    @contextmanager
    def around_run(self, database: Database) -> Iterator[None]:
        """Watch one database for as long as its migrations run.

        :raises MigrateError: if a statement waited for this very process; it has been ended.
        """
        watch = Watch(database, masker(), self.after)
        self._watches[id(database)] = watch
        try:
            with watch.watching():
                yield
        except Exception as exc:
            error = watch.explain(exc) or _explain_sqlite(watch, exc)
            if error is None:
                raise
            raise error from exc
        finally:
            del self._watches[id(database)]

    def before_statement(self, database: Database, sent: Sent) -> None:
        """Take a statement that begins for a sign of life."""
        self._note(database, sent)

    def after_statement(self, database: Database, sent: Sent) -> None:
        """Take one that ends for another."""
        self._note(database, sent)

    def before_foreign_statement(self, database: Database, sent: Sent) -> None:
        """The script may wait for the migration's own transaction on another connection."""
        self._note(database, sent)

    def _note(self, database: Database, sent: Sent) -> None:
        watch = self._watches.get(id(database))
        if watch:
            watch.moved, watch.executing = time.monotonic(), sent.connection


@dataclass
class Watch:
    """The thread that looks after one database, and what it has found.

    :param moved: when something was last heard of the migration.
    :param executing: the connection that the script has sent its last statement over.
    :param seen: the wait for this very process that was seen last.
    :param endless: the one of them that was ended.
    """

    database: Database
    mask: Mask
    after: float
    moved: float = 0.0
    executing: Optional[Connection] = None
    seen: Optional[Wait] = None
    endless: Optional[Wait] = None
    _migrating: int = field(default_factory=threading.get_ident)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: Optional[threading.Thread] = None
    _server: Optional[Union[PostgreSQL, MySQL]] = None
    _told: Tuple[float, FrozenSet[int]] = (0.0, frozenset())

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Let the thread run for the block, where the server can be asked and its driver can be left in a thread."""
        connection = self.database.connection
        self.driver, self.moved = driver_connection(connection), time.monotonic()
        dialect = connection.dialect
        known = (
            dialect.name in _SERVERS and not getattr(dialect, "is_async", False) and find_session_number(self.driver)
        )
        if not known:
            yield
            return
        self._thread = threading.Thread(target=self._watch, name="flask_migrate_script.waiting", daemon=True)
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join(TICK)  # it may be connecting to a server that does not answer

    def explain(self, exc: BaseException) -> Optional[MigrateError]:
        """Return the error in place of the driver's where this watch has ended the statement."""
        given_up = any(map(is_lock_timeout, list_chain(exc)))
        wait = self.endless if any(map(_is_cancelled, list_chain(exc))) else self.seen if given_up else None
        holder = wait.endless if wait else None
        if wait is None or holder is None:
            return None
        statement, session = shorten_statement(wait.statement, masked), replace(holder, own=False).describe(masked)
        if wait.certain:
            problem = (
                f"In {self.database.shown} this process waits for itself: {statement}\n"
                f"Another session of this very process holds the lock: {session}"
            )
        else:
            problem = (
                f"In {self.database.shown} a statement waits for a lock: {statement}\n"
                f"The server does not say who holds it. {_describe_candidates(wait)} another session of this\n"
                f"very process, which does nothing: {session}"
            )
        return MigrateError(problem, _OWN_MIGRATION if holder.ours else sqlite.OWN_SESSION)

    def _watch(self) -> None:
        asked = began = 0.0
        while not self._over.wait(TICK):
            now = time.monotonic()
            if now - self.moved < self.after:
                self._close()
                began = now
            elif now - asked >= PAUSES[now - began > 30]:
                try:
                    self._look(self.moved)
                except Exception:  # the driver's own class: nothing can be said then, and nothing is
                    self._close()
                asked = time.monotonic()
        self._close()

    def _look(self, moved: float) -> None:
        """Ask the server who waits for whom."""
        server = self._open()
        if server is None:
            return
        own = OwnSessions(self.driver)
        migration = find_session_number(self.driver) or 0
        for wait in server.find_waits(own, migration):
            if self.moved != moved or self._over.is_set():
                return
            session = own.find(wait.number)
            if session is not None and self._is_migrating(session.driver):
                self._tell_or_end(server, wait, moved)

    def _tell_or_end(self, server: Union[PostgreSQL, MySQL], wait: Wait, moved: float) -> None:
        alone = is_alone(self._migrating)
        patience = self.after if alone else max(self.after, BESIDE_OTHER_THREADS)
        if wait.candidates > 1:
            patience = max(patience, BESIDE_OTHER_TRANSACTIONS)
        self.seen = wait if wait.endless else None
        if wait.endless and time.monotonic() - moved >= patience and self.endless is None:
            self.endless = wait
            if server.cancel(wait):
                return
            self.endless = None
        told = (moved, frozenset(holder.number for holder in wait.holders))
        if told != self._told and time.monotonic() - moved >= AFTER:
            self._told = told
            self.database.say("\n".join(wait.lines(self.database.shown, self.mask)))

    def _is_migrating(self, driver: Any) -> bool:
        """Return whether it is the thread of the migration that waits on a connection.

        Another thread of the program may wait for the migration, and that is as it should be.
        """
        if driver is self.driver or is_alone(self._migrating):
            return True
        executing = self.executing
        return executing is not None and not executing.closed and driver_connection(executing) is driver

    def _open(self) -> Optional[Union[PostgreSQL, MySQL]]:
        if self._server is None:
            connection = self.database.connection
            self._server = _make_server(connection)
        return self._server if self._server.is_answering() else None

    def _close(self) -> None:
        if self._server is not None:
            self._server.server.close()
            self._server = None


def _make_server(connection: Connection) -> Union[PostgreSQL, MySQL]:
    """Return what asks the server of a connection, on another one."""
    if connection.dialect.name == "postgresql":
        from .waits.postgresql import PostgreSQL

        return PostgreSQL(OtherConnection(connection))
    from .waits.mysql import MySQL

    return MySQL(OtherConnection(connection))


def _describe_candidates(wait: Wait) -> str:
    if wait.candidates == 1:
        return "The only transaction that is older than the wait is"
    return f"Of {wait.candidates} transactions that are older than the wait, one is"


_OWN_MIGRATION = (
    "That is the migration's own transaction: in a revision, db.session and every connection but op.get_bind() wait\n"
    "for it. Use op.get_bind() there, or a session on it: sqlalchemy.orm.Session(bind=op.get_bind())."
)


def _explain_sqlite(watch: Watch, exc: BaseException) -> Optional[MigrateError]:
    """Return the error for a file that this migration itself had locked; SQLite gives up by itself."""
    database, executing = watch.database, watch.executing
    if database.dialect != "sqlite" or executing is None:
        return None
    locked = next((one for one in list_chain(exc) if sqlite.is_locked(one)), None)
    if locked is None or not sqlite.locks_itself(database.connection, executing):
        return None
    statement = shorten_statement(str(getattr(locked, "statement", None) or ""), masked)
    return MigrateError(
        f"In {database.shown} this process waited for itself (database is locked): {statement}\n"
        "The migration's own transaction has the file locked.",
        _OWN_MIGRATION,
    )


def _is_cancelled(exc: BaseException) -> bool:
    error = read_driver_error(exc)
    return error.sqlstate in _CANCELLED or error.number in _CANCELLED
