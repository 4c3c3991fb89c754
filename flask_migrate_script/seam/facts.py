"""What the database says of the transaction that a migration runs in: whether it is still the same one, and what became
of the last.

PostgreSQL: ``now()`` is the time at which a transaction began, and with its number it tells one transaction from the
next; ``txid_status`` tells what became of one that is over. SQLite: every BEGIN, COMMIT and ROLLBACK is traced,
whoever sends it. MySQL and MariaDB: the session's own counters of commits and rollbacks. It costs one round trip a
revision on the servers, none on SQLite.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..sql.text import Kind, split
from .driver import call_sqlite, driver_connection, find_innermost, is_in_transaction, run

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from .driver import OtherConnection


class Ending(enum.Enum):
    """What became of the transaction that a step began in, when its script is over.

    ``LOST``: something that was written was rolled back. ``OVER``: it is over, and nothing that was written was rolled
    back. ``UNKNOWN``: it is over, and the database does not say whether something was.
    """

    NONE = "none"
    OVER = "over"
    LOST = "lost"
    UNKNOWN = "unknown"


class Aborted(Exception):
    """The transaction takes no more statements: one has failed in it, and the script went on."""


@dataclass
class Hints:
    """What was seen of a step on the way to the database; the database is asked what it means.

    :param commits: how often a commit was seen.
    :param rollbacks: how often a rollback of a whole transaction was seen.
    :param savepoints: how often one to a savepoint was seen.
    :param unseen: how often a transaction was found to be over that had not been seen to end.
    :param touched: the script has had the driver's own connection, on which it is not seen.
    :param foreign: the script has written over another connection.
    :param writes: something was seen to be written since the last end.
    :param lost_writes: something that was seen to be written was seen to be rolled back.
    :param may_have_lost: something was seen to be rolled back, and the database does not say whether it was written.
    :param commands: how many statements were seen that change rows or definitions, by the word that says what they do;
        and what the journal has sent, with its commits and rollbacks.
    """

    commits: int = 0
    rollbacks: int = 0
    savepoints: int = 0
    unseen: int = 0
    touched: bool = False
    foreign: bool = False
    writes: bool = False
    lost_writes: bool = False
    may_have_lost: bool = False
    commands: Counter[str] = field(default_factory=Counter)


class Facts:
    """The transactions of one connection; this one is for databases of which nothing more is known than was seen.

    :param connection: the one that env.py gave to Alembic.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def mark(self) -> None:
        """Take note of the transaction that a step begins in."""

    def has_written(self, hints: Hints) -> Optional[bool]:
        """Return whether something is written in the transaction that is open, and about to be rolled back.

        :returns: None where the database does not say.
        """
        return hints.writes

    def learn(self) -> None:
        """Something was written in the transaction that a step began in: note what the database calls it."""

    def ask(self, hints: Hints) -> Ending:
        """Return what became of that transaction, and take note of the one that is open now.

        :raises Aborted: where the database takes no more statements in it.
        """
        if hints.lost_writes:
            return Ending.LOST
        return Ending.OVER if hints.commits or hints.rollbacks else Ending.NONE

    def count_unseen(self, hints: Hints) -> int:
        """Return how many statements the server has executed that were not seen, as far as it counts them."""
        return 0

    def keep_place(self) -> bool:
        """Leave something in the transaction that goes with it; return whether that can be done."""
        return False

    def is_in_place(self) -> bool:
        """Return whether it is still there, and a rollback takes back all that was written since."""
        return False

    def counts(self, failure: BaseException) -> bool:
        """Return whether the server is known to count a statement that has failed so as one that it has executed."""
        return False

    def begin_turns(self) -> None:
        """From here on, statements may be sent that are not seen: note which transaction of the session this is."""

    def end_turns(self) -> None:
        """Note which one it is now."""

    def is_same(self) -> bool:
        """Return whether the transaction that is open is known to be the one that the step began in."""
        return False

    def may_have_committed(self, other: OtherConnection) -> bool:
        """Return whether some session has committed something since the step began: it may have been this one."""
        return False

    def find_out(self, number: str, other: OtherConnection) -> Optional[bool]:
        """Return whether a transaction was committed; None where the database does not say."""
        return None

    def count_gone_back(self) -> int:
        """Return how often, at the most, the transaction that is open has gone back to a savepoint after a write."""
        return 0

    def may_have_gone_back(self, other: OtherConnection, hints: Hints) -> bool:
        """Return whether the transaction that the step began in may have gone back to a savepoint that was not seen."""
        return False

    def look_elsewhere(self) -> bool:
        """Return whether another connection may have committed something since the step began, as this one can tell."""
        return True

    def may_have_committed_elsewhere(self, other: OtherConnection) -> bool:
        """The same, as another one can tell."""
        return True

    def was_committed(self, other: OtherConnection) -> Optional[bool]:
        """Return whether the transaction that the step began in was committed; None where the database does not say."""
        return None

    def detach(self) -> None:
        """Ask nothing more."""


def make_facts(connection: Connection) -> Facts:
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
    _NUMBERS = (
        "SELECT count(*) FROM generate_series({0}::bigint, {1}::bigint - 1) AS number WHERE txid_status(number) = '{2}'"
    )
    _MOST = 100_000

    _TURN = "SELECT virtualtransaction FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'virtualxid'"
    """Its second part counts the transactions of a session, whether they write or not."""

    _mark: _Place = ("", None, "0")
    _turn: Optional[int] = None
    _turns: Optional[int] = None
    _of_step: bool = False

    def mark(self) -> None:
        self._mark, self._turn = self._locate(), None

    def ask(self, hints: Hints) -> Ending:
        before, now = self._mark, self._locate()
        self._mark, self._turn = now, None
        if before[0] == now[0] and before[1] in (None, now[1]):
            return Ending.NONE
        ending = self._judge(before, now, hints)
        if ending is Ending.LOST:
            self._mark = before  # what is asked after the failure is about the step
        return ending

    def _judge(self, before: _Place, now: _Place, hints: Hints) -> Ending:
        """Return what became of a transaction that is over.

        Numbers that were given out meanwhile and rolled back may be those of other sessions, and of savepoints: of
        PL/pgSQL's blocks with an EXCEPTION, too.
        """
        status = self._read_status(before[1]) if before[1] is not None else None
        if status == "aborted" or hints.lost_writes:
            return Ending.LOST
        seen = bool(hints.commits or hints.rollbacks) and not (hints.unseen or hints.touched)
        if seen or self._count_rolled_back(before[2], now[2]) <= hints.savepoints:
            return Ending.OVER
        return Ending.UNKNOWN

    def has_written(self, hints: Hints) -> Optional[bool]:
        try:
            return self._locate()[1] is not None
        except Aborted:
            return hints.writes

    def learn(self) -> None:
        if self._mark[1] is None:
            now = self._locate()
            if now[0] == self._mark[0]:
                self._mark = (now[0], now[1], self._mark[2])

    def may_have_committed_elsewhere(self, other: OtherConnection) -> bool:
        return self.may_have_committed(other)

    def find_number(self) -> Optional[str]:
        """Return the number of the transaction that is open; None where nothing is written in it."""
        return self._locate()[1]

    def count_gone_back(self) -> int:
        _, number, following = self._locate()  # a savepoint's number comes after that of its transaction
        return self._count_rolled_back(number, following) if number else 0

    def may_have_gone_back(self, other: OtherConnection, hints: Hints) -> bool:
        end = str(other.value("SELECT txid_snapshot_xmax(txid_current_snapshot())"))
        first = self._mark[1] or self._mark[2]
        return int(other.value(self._ask_numbers(first, end, "aborted"))) > hints.savepoints

    def was_committed(self, other: OtherConnection) -> Optional[bool]:
        return None if self._mark[1] is None else self.find_out(self._mark[1], other)

    def find_out(self, number: str, other: OtherConnection) -> Optional[bool]:
        status = other.value(f"SELECT txid_status({number})")
        return {"committed": True, "aborted": False}.get(str(status))

    def is_same(self) -> bool:
        try:
            return self._locate()[0] == self._mark[0]
        except Aborted:
            return False

    def begin_turns(self) -> None:
        if self._turn is not None:
            return  # it is about everything since the connection was taken first
        self._turn, self._turns = self._find_turn(), None
        self._of_step = self._locate()[0] == self._mark[0]
        self.learn()

    def end_turns(self) -> None:
        self._turns = None if self._turn is None else self._find_turn() - self._turn

    def _find_turn(self) -> int:
        return int(str(run(driver_connection(self.connection), self._TURN)[0][0]).rpartition("/")[2])

    def may_have_committed(self, other: OtherConnection) -> bool:
        if self._turns == 0 or (self._turns == 1 and self._of_step and self.was_committed(other) is False):
            return False  # there is no other transaction than that one, and the one that is open
        end = str(other.value("SELECT txid_snapshot_xmax(txid_current_snapshot())"))
        return bool(int(other.value(self._ask_numbers(self._mark[2], end, "committed"))))

    def _count_rolled_back(self, first: str, end: str) -> int:
        sql = self._ask_numbers(first, end, "aborted")
        return int(run(driver_connection(self.connection), sql)[0][0])

    def _ask_numbers(self, first: str, end: str, status: str) -> str:
        return self._NUMBERS.format(max(int(first), int(end) - self._MOST), end, status)

    def _read_status(self, number: str) -> Optional[str]:
        status = run(driver_connection(self.connection), f"SELECT txid_status({number})")[0][0]
        return None if status is None else str(status)

    def _locate(self) -> _Place:
        try:
            begun, number, following = run(driver_connection(self.connection), self._WHERE)[0]
        except Exception as exc:
            if _find_sqlstate(exc) == "25P02":
                raise Aborted from exc
            raise
        return begun, number, following


def _find_sqlstate(exc: BaseException) -> Optional[str]:
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

    ``on_any`` is called before anything is executed; ``on_end`` with True after a commit, False after a rollback, of
    whoever sends it; ``on_statement`` with the text of each statement that may write, before it is executed;
    ``on_savepoint`` with the name of one that begins, or that is gone back to.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.on_end: Callable[[bool], None] = lambda committed: None
        self.on_statement: Callable[[str], None] = lambda text: None
        self.on_any: Callable[[], None] = lambda: None
        self.on_savepoint: Callable[[str, bool], None] = lambda name, begin: None
        self._traced = _Traced()
        self._changed_by_ddl = False
        self._changes = 0
        self._open = False
        self._ending: Optional[Kind] = None
        self._version = 0
        self._own = find_innermost(driver_connection(connection))
        self._trace(self._hear)

    def detach(self) -> None:
        self._trace(None)

    def mark(self) -> None:
        self.settle()
        self._traced = _Traced()
        self._open = is_in_transaction(self._own)
        self._version = self._read_data_version()

    def look_elsewhere(self) -> bool:
        return self._read_data_version() != self._version

    def _read_data_version(self) -> int:
        """Return the number that SQLite changes where another connection has committed something."""
        return int(run(driver_connection(self.connection), "PRAGMA data_version")[0][0])

    def ask(self, hints: Hints) -> Ending:
        self.settle()
        traced, self._traced = self._traced, _Traced()
        if traced.lost:
            return Ending.LOST
        return Ending.OVER if traced.commits or traced.rollbacks else Ending.NONE

    def _trace(self, heard: Optional[Callable[[str], None]]) -> None:
        call_sqlite(driver_connection(self.connection), "set_trace_callback", heard)

    def _count_changes(self) -> int:
        own = getattr(self._own, "_conn", self._own)  # aiosqlite's property waits for its thread, which may be this one
        return int(own.total_changes)

    def _is_in_transaction(self) -> bool:
        own = getattr(self._own, "_conn", self._own)
        return bool(own.in_transaction)

    def _hear(self, text: str) -> None:
        """SQLite is about to execute a statement; it may not be asked anything by SQL here."""
        self.settle()
        self.on_any()
        if text.startswith("--") and "\n" not in text:  # a statement of a trigger
            return
        word = text.lstrip("( \t\r\n")[:6].upper()
        if word in ("SELECT", "PRAGMA"):
            return
        if word in ("INSERT", "UPDATE", "DELETE"):
            self.on_statement(text)
            return
        statement = next(iter(split(text, "sqlite")), None)
        kind = statement.kind if statement else Kind.READ
        if kind in (Kind.COMMIT, Kind.ROLLBACK, Kind.RELEASE):
            self._hear_end(kind)
        elif kind in (Kind.SAVEPOINT, Kind.ROLLBACK_TO) and statement:
            self.on_savepoint(statement.tokens[-1].text, kind is Kind.SAVEPOINT)
        elif kind in (Kind.DDL, Kind.DML, Kind.UPKEEP, Kind.UNKNOWN, Kind.CALL):
            self._changed_by_ddl = self._changed_by_ddl or kind is not Kind.DML
            self.on_statement(text)

    def _hear_end(self, kind: Kind) -> None:
        if self._is_in_transaction():
            self._ending = kind
            if kind is Kind.ROLLBACK and (self._changed_by_ddl or self._count_changes() != self._changes):
                self._traced.lost = True

    def settle(self) -> None:
        """Look what became of the last end, and whether a transaction has ended or begun without one."""
        is_open, ending = self._is_in_transaction(), self._ending
        self._ending = None
        if self._open and not is_open:
            self._note_end(ending)
        elif not is_open:
            self.on_end(True)  # a statement in autocommit
        if is_open != self._open:
            self._changed_by_ddl, self._changes = False, self._count_changes()
        self._open = is_open

    def _note_end(self, ending: Optional[Kind]) -> None:
        if ending in (Kind.COMMIT, Kind.RELEASE):  # the outermost savepoint is a transaction
            self._traced.commits += 1
            self.on_end(True)
            return
        self._traced.rollbacks += 1
        if ending is None and (self._changed_by_ddl or self._count_changes() != self._changes):
            self._traced.lost = True  # by ON CONFLICT ROLLBACK, RAISE(ROLLBACK) or a full disk
        self.on_end(False)


class MySQLFacts(Facts):
    """The session's own counters on MySQL and MariaDB, which count what anybody sends over it.

    ``gone_back`` is how often the last step went back to a savepoint.

    A transaction ends with each DDL statement there. What counts is a rollback of something that was written: those
    that were seen are in the hints, and one that was not seen counts where the session has written more than was seen.
    """

    _CHANGES_ROWS = ("insert", "update", "delete", "replace")
    _CHANGES_DEFINITIONS = ("create", "alter", "drop", "rename", "truncate")
    _COMMITS_TOO = ("begin", "set", "lock")
    """START TRANSACTION, SET autocommit, which is among Com_set_option, and LOCK TABLES."""

    _PLACE = "flask_migrate_script"
    _WITHOUT_TRANSACTIONS = (
        "SELECT count(*) FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = DATABASE()"
        " AND (engine IS NULL OR engine NOT IN"
        " (SELECT engine FROM information_schema.engines WHERE transactions = 'YES'))"
    )
    """Tables whose rows last at once; what is said is about this database."""

    _ROWS = ("handler_write", "handler_update", "handler_delete")
    _COUNTERS = (
        "SHOW SESSION STATUS WHERE Variable_name RLIKE '^Com_(commit|rollback|rollback_to_savepoint)$"
        f"|^Handler_(write|update|delete)$|^Com_({'|'.join((*_CHANGES_ROWS, *_CHANGES_DEFINITIONS, *_COMMITS_TOO))})'"
    )

    # ER_BAD_NULL_ERROR, ER_BAD_DB_ERROR, ER_TABLE_EXISTS_ERROR, ER_BAD_TABLE_ERROR, ER_BAD_FIELD_ERROR,
    # ER_DUP_FIELDNAME, ER_DUP_KEYNAME, ER_DUP_ENTRY, ER_CANT_DROP_FIELD_OR_KEY, ER_WRONG_VALUE_COUNT_ON_ROW,
    # ER_NO_SUCH_TABLE, the errors of foreign keys, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, ER_WARN_DATA_OUT_OF_RANGE,
    # ER_TRUNCATED_WRONG_VALUE, ER_NO_DEFAULT_FOR_FIELD, ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ER_DATA_TOO_LONG,
    # ER_DUP_ENTRY_WITH_KEY_NAME, the errors of CHECK
    _OF_EXECUTION = frozenset(
        (
            *(1048, 1049, 1050, 1051, 1054, 1060, 1061, 1062, 1091, 1136, 1146, 1205, 1213, 1216, 1217, 1264, 1292),
            *(1364, 1366, 1406, 1451, 1452, 1586, 3819, 4025),
        )
    )
    """Errors of statements that the server has begun to execute. One that its parser refuses is not counted; seen on
    MariaDB 10.11, where 1064 is not the only number of those."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._mark: Dict[str, int] = {}
        self.gone_back = 0

    def mark(self) -> None:
        self._mark = self._read_counters()

    def ask(self, hints: Hints) -> Ending:
        before, self._mark = self._mark, self._read_counters()
        self.gone_back = self._count_since(before, "com_rollback_to_savepoint")
        if hints.lost_writes:
            return Ending.LOST
        rolled_back = self._count_since(before, "com_rollback") - hints.rollbacks - hints.commands["rollback"]
        committed = self._count_since(before, "com_commit") - hints.commits - hints.commands["commit"]
        if rolled_back > 0:
            if hints.unseen and committed <= 0 and not self._may_have_committed(self._mark, before, hints):
                return Ending.LOST
            # What came first, a write, a commit or the rollback, is not known.
            perhaps = hints.unseen or hints.writes or self._wrote_unseen(self._mark, before, hints)
            return Ending.UNKNOWN if perhaps else Ending.OVER
        if hints.may_have_lost:
            return Ending.UNKNOWN
        return Ending.OVER if hints.commits or hints.rollbacks or committed > 0 else Ending.NONE

    def _count_since(self, before: Dict[str, int], name: str) -> int:
        return self._mark.get(name, 0) - before.get(name, 0)

    def has_written(self, hints: Hints) -> Optional[bool]:
        now = self._read_counters()
        if hints.writes or not self._wrote_unseen(now, self._mark, hints):
            return hints.writes
        ended = any(now[name] > self._mark.get(name, 0) for name in ("com_commit", "com_rollback"))
        return None if ended or self._may_have_committed(now, self._mark, Hints()) else True

    def _may_have_committed(self, now: Dict[str, int], before: Dict[str, int], hints: Hints) -> bool:
        """Return whether something was executed that was not seen, and that commits without a word."""
        words = (*self._CHANGES_DEFINITIONS, *self._COMMITS_TOO)
        return self._count_more(now, before, hints, words) > 0

    def _wrote_unseen(self, now: Dict[str, int], before: Dict[str, int], hints: Hints) -> bool:
        """Rows are counted where nothing was seen, not even of the journal; else statements."""
        if hints.commands:
            return self._count_more(now, before, hints, self._CHANGES_ROWS) > 0
        return any(now.get(name, 0) > before.get(name, 0) for name in self._ROWS)

    def count_unseen(self, hints: Hints) -> int:
        words = (*self._CHANGES_ROWS, *self._CHANGES_DEFINITIONS)
        return self._count_more(self._read_counters(), self._mark, hints, words)

    def keep_place(self) -> bool:
        """A savepoint goes with its transaction, by DDL, START TRANSACTION and SET autocommit, too."""
        run(driver_connection(self.connection), f"SAVEPOINT {self._PLACE}")
        return True

    def is_in_place(self) -> bool:
        driver = driver_connection(self.connection)
        try:
            run(driver, f"RELEASE SAVEPOINT {self._PLACE}")
        except Exception:  # the driver's own class: there is no such savepoint, or no connection any more
            return False
        return not run(driver, self._WITHOUT_TRANSACTIONS)[0][0]

    def _count_more(self, now: Dict[str, int], before: Dict[str, int], hints: Hints, words: Sequence[str]) -> int:
        """Return how many more statements were counted than seen, kind by kind: Com_insert_select is an INSERT."""
        executed: Counter[str] = Counter()
        for name, count in now.items():
            if name.startswith("com_"):
                executed[name.split("_")[1]] += count - before.get(name, 0)
        return sum(max(executed[word] - hints.commands[word], 0) for word in words)

    def counts(self, failure: BaseException) -> bool:
        from .driver_errors import read_driver_error

        return read_driver_error(failure).number in self._OF_EXECUTION

    def _read_counters(self) -> Dict[str, int]:
        rows: List[Any] = run(driver_connection(self.connection), self._COUNTERS)
        return {str(name).lower(): int(value) for name, value in rows}


_FACTS: Dict[str, Callable[[Connection], Facts]] = {
    "postgresql": PostgreSQLFacts,
    "sqlite": SQLiteFacts,
    "mysql": MySQLFacts,
    "mariadb": MySQLFacts,
}
