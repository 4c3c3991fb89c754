"""What the database says of the transaction that a migration runs in: whether it is still the same one, and what became
of the last.

PostgreSQL: ``now()`` is the time at which a transaction began, and with its number it tells one transaction from the
next; ``txid_status`` tells what became of one that is over. SQLite: every BEGIN, COMMIT and ROLLBACK is traced,
whoever sends it. MySQL and MariaDB: the session's own counters of commits and rollbacks. It costs one round trip a
revision on the servers, none on SQLite.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple

from ..sql.text import Kind, split
from .driver import call_sqlite, driver_connection, in_transaction, innermost, run

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from .driver import OtherConnection


class Ending(enum.Enum):
    """What became of the transaction that a step began in, when its script is over.

    ``LOST``: something that was written was rolled back. ``OVER``: it is over, and nothing that was written was rolled
    back.
    """

    NONE = "none"
    OVER = "over"
    LOST = "lost"


class Aborted(Exception):
    """The transaction takes no more statements: one has failed in it, and the script went on."""


@dataclass
class Hints:
    """What was seen of a step on the way to the database; the database is asked what it means.

    :param commits: how often a commit was seen.
    :param rollbacks: how often a rollback of a whole transaction was seen.
    :param savepoints: how often one to a savepoint was seen.
    :param unseen: how often a transaction was found to be over that had not been seen to end.
    :param writes: something was seen to be written since the last end.
    :param lost_writes: something that was seen to be written was seen to be rolled back.
    :param inserts_and_updates: how many statements of these kinds were seen.
    """

    commits: int = 0
    rollbacks: int = 0
    savepoints: int = 0
    unseen: int = 0
    writes: bool = False
    lost_writes: bool = False
    inserts_and_updates: int = 0


class Facts:
    """The transactions of one connection; this one is for databases of which nothing more is known than was seen.

    :param connection: the one that env.py gave to Alembic.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def mark(self) -> None:
        """Take note of the transaction that a step begins in."""

    def ask(self, hints: Hints) -> Ending:
        """Return what became of that transaction, and take note of the one that is open now.

        :raises Aborted: where the database takes no more statements in it.
        """
        if hints.lost_writes:
            return Ending.LOST
        return Ending.OVER if hints.commits or hints.rollbacks else Ending.NONE

    def was_committed(self, other: OtherConnection) -> Optional[bool]:
        """Return whether the transaction that the step began in was committed; None where the database does not say."""
        return None

    def detach(self) -> None:
        """Ask nothing more."""


def facts_for(connection: Connection) -> Facts:
    """Return the facts of the kind of database a connection is to."""
    make = _FACTS.get(str(connection.dialect.name), Facts)
    if make is PostgreSQLFacts and (connection.dialect.server_version_info or ()) < (10,):
        return Facts(connection)
    return make(connection)


_Place = Tuple[str, Optional[str], str]
"""When a transaction began, its number, and the number that the next one will be given."""


class PostgreSQLFacts(Facts):
    """PostgreSQL 10 and newer, which can be asked for the number of a transaction without giving it one.

    ``txid_…`` are the names that every release has. Other sessions take numbers, too: of those that were given out
    meanwhile and rolled back, it is not known whose they were.
    """

    _WHERE = "SELECT now()::text, txid_current_if_assigned()::text, txid_snapshot_xmax(txid_current_snapshot())::text"
    _ROLLED_BACK = (
        "SELECT count(*) FROM generate_series({0}::bigint, {1}::bigint - 1) AS number"
        " WHERE txid_status(number) = 'aborted'"
    )
    _MOST = 100_000

    _mark: _Place = ("", None, "0")

    def mark(self) -> None:
        self._mark = self._where()

    def ask(self, hints: Hints) -> Ending:
        before, now = self._mark, self._where()
        self._mark = now
        if before[0] == now[0] and before[1] in (None, now[1]):
            return Ending.NONE
        return Ending.LOST if self._is_lost(before, now, hints) else Ending.OVER

    def _is_lost(self, before: _Place, now: _Place, hints: Hints) -> bool:
        if before[1] is not None and self._status(before[1]) == "aborted":
            return True
        if hints.lost_writes:
            return True
        if hints.commits and not (hints.rollbacks or hints.unseen):
            return False  # what was rolled back meanwhile was rolled back by others
        rolled_back = self._count_rolled_back(before[2], now[2])
        return rolled_back > hints.savepoints

    def was_committed(self, other: OtherConnection) -> Optional[bool]:
        number = self._mark[1]
        if number is None:
            return None
        status = other.value(f"SELECT txid_status({number})")
        return {"committed": True, "aborted": False}.get(str(status))

    def _count_rolled_back(self, first: str, end: str) -> int:
        if int(end) - int(first) > self._MOST:
            first = str(int(end) - self._MOST)
        return int(run(driver_connection(self.connection), self._ROLLED_BACK.format(first, end))[0][0])

    def _status(self, number: str) -> Optional[str]:
        status = run(driver_connection(self.connection), f"SELECT txid_status({number})")[0][0]
        return None if status is None else str(status)

    def _where(self) -> _Place:
        try:
            begun, number, following = run(driver_connection(self.connection), self._WHERE)[0]
        except Exception as exc:
            if _sqlstate(exc) == "25P02":
                raise Aborted from exc
            raise
        return begun, number, following


def _sqlstate(exc: BaseException) -> Optional[str]:
    from .driver_errors import read_driver_error

    return read_driver_error(exc).sqlstate


@dataclass
class _Traced:
    """What SQLite was seen to execute since the last mark."""

    commits: int = 0
    rollbacks: int = 0
    lost: bool = False


class SQLiteFacts(Facts):
    """SQLite tells of each statement that it begins to execute, and counts the rows that it has changed.

    An application that traces its connection itself is not told while migrations run.

    ``on_end`` is called with True after a commit, False after a rollback, of whoever sends it.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.on_end: Callable[[bool], None] = lambda committed: None
        self._traced = _Traced()
        self._changed_by_ddl = False
        self._changes = 0
        self._open = False
        self._ending: Optional[Kind] = None
        self._own = innermost(driver_connection(connection))
        self._trace(self._heard)

    def detach(self) -> None:
        self._trace(None)

    def mark(self) -> None:
        self.settle()
        self._traced = _Traced()
        self._open = in_transaction(self._own)

    def ask(self, hints: Hints) -> Ending:
        self.settle()
        traced, self._traced = self._traced, _Traced()
        if traced.lost:
            return Ending.LOST
        return Ending.OVER if traced.commits or traced.rollbacks else Ending.NONE

    def _trace(self, heard: Optional[Callable[[str], None]]) -> None:
        call_sqlite(driver_connection(self.connection), "set_trace_callback", heard)

    def _total_changes(self) -> int:
        own = getattr(self._own, "_conn", self._own)  # aiosqlite's property waits for its thread, which may be this one
        return int(own.total_changes)

    def _in_transaction(self) -> bool:
        own = getattr(self._own, "_conn", self._own)
        return bool(own.in_transaction)

    def _heard(self, text: str) -> None:
        """SQLite is about to execute a statement; it may not be asked anything by SQL here."""
        self.settle()
        if text.startswith("--"):  # a statement of a trigger
            return
        if text[:1].upper() not in "BCDAER-/ \n\t":  # most statements change rows, and SQLite counts them
            return
        statements = split(text, "sqlite")
        kind = statements[0].kind if statements else Kind.READ
        if kind in (Kind.COMMIT, Kind.ROLLBACK) and self._in_transaction():
            self._ending = kind
            if kind is Kind.ROLLBACK and (self._changed_by_ddl or self._total_changes() != self._changes):
                self._traced.lost = True
        elif kind is Kind.DDL:
            self._changed_by_ddl = True

    def settle(self) -> None:
        """Look what became of the last end, and whether a transaction has ended or begun without one."""
        is_open, ending = self._in_transaction(), self._ending
        self._ending = None
        if self._open and not is_open:
            self._note_end(ending)
        if is_open != self._open:
            self._changed_by_ddl, self._changes = False, self._total_changes()
        self._open = is_open

    def _note_end(self, ending: Optional[Kind]) -> None:
        if ending is Kind.COMMIT:
            self._traced.commits += 1
            self.on_end(True)
            return
        self._traced.rollbacks += 1
        if ending is None and (self._changed_by_ddl or self._total_changes() != self._changes):
            self._traced.lost = True  # by ON CONFLICT ROLLBACK, RAISE(ROLLBACK) or a full disk
        self.on_end(False)


class MySQLFacts(Facts):
    """The session's own counters on MySQL and MariaDB, which count what anybody sends over it.

    A transaction ends with each DDL statement there. What counts is a rollback of something that was written: those
    that were seen are in the hints, and one that was not seen counts where the session has written more than was seen.
    """

    _WRITES = ("com_insert", "com_insert_select", "com_update", "com_update_multi")
    """What a session of ours writes into its journal is REPLACE and DELETE."""

    _COUNTERS = (
        "SHOW SESSION STATUS WHERE Variable_name IN ('Com_commit', 'Com_rollback', 'Com_insert', 'Com_insert_select',"
        " 'Com_update', 'Com_update_multi')"
    )

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._mark: Dict[str, int] = {}

    def mark(self) -> None:
        self._mark = self._counters()

    def ask(self, hints: Hints) -> Ending:
        before, self._mark = self._mark, self._counters()
        if hints.lost_writes:
            return Ending.LOST
        rolled_back = self._mark.get("com_rollback", 0) - before.get("com_rollback", 0)
        if rolled_back > hints.rollbacks:
            return Ending.LOST if hints.writes or self._wrote_unseen(before, hints) else Ending.OVER
        committed = self._mark.get("com_commit", 0) > before.get("com_commit", 0)
        return Ending.OVER if hints.commits or rolled_back or committed else Ending.NONE

    def _wrote_unseen(self, before: Dict[str, int], hints: Hints) -> bool:
        written = sum(self._mark.get(name, 0) - before.get(name, 0) for name in self._WRITES)
        return written > hints.inserts_and_updates

    def _counters(self) -> Dict[str, int]:
        rows: List[Any] = run(driver_connection(self.connection), self._COUNTERS)
        return {str(name).lower(): int(value) for name, value in rows}


_FACTS: Dict[str, Callable[[Connection], Facts]] = {
    "postgresql": PostgreSQLFacts,
    "sqlite": SQLiteFacts,
    "mysql": MySQLFacts,
    "mariadb": MySQLFacts,
}
