"""Transactions: a real one around a migration, whatever the driver and the application's engine do by themselves.

On SQLite it is around the DDL, too, and foreign keys are off in it, so that a rebuilt table does not fire them.

Python's sqlite3 begins no transaction before DDL. Here the driver is put in autocommit mode for as long as a
transaction of SQLAlchemy's lasts, on this one connection, and BEGIN and COMMIT are sent for real.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable, Iterator, List, Optional, Tuple

from ..errors import MigrateError
from ..seam.database import Database, Sent
from ..seam.driver import driver_connection, is_autocommit, is_driver_autocommit, is_in_transaction, run
from ..seam.parts import Part
from ..sql.text import Kind, split
from .waits.sqlite import BusyFile

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection

Violation = Tuple[str, Optional[int], str, int]
"""A row of ``PRAGMA foreign_key_check``: table, rowid, parent table, number of the foreign key."""

SHOWN_VIOLATIONS = 20

_OPEN = "flask_migrate_script.transaction"
"""The key in a connection's ``info`` while a transaction of this module's is open on it."""

_NOTHING = "SELECT 1 WHERE 0"


@dataclass
class SQLiteTransactions:
    """The transactions of one connection, from SQLAlchemy's events to SQLite's statements.

    :param connection: the connection that env.py gave to Alembic.
    :param shown: the database, as messages name it.
    :param timeout: seconds to wait for another connection that is writing.
    :param say: called once, where it has to wait.
    :param check_foreign_keys: look for new violations before each commit.
    :param ending: what a commit sends: ``ROLLBACK`` where nothing is to last.
    """

    connection: Connection
    shown: str
    timeout: float
    say: Callable[[str], None]
    check_foreign_keys: bool = True
    ending: str = "COMMIT"
    _enforced: int = 0
    _level: Tuple[str, object] = ("isolation_level", None)
    _ours: bool = False
    _changed: bool = False
    _before: List[Violation] = field(default_factory=list)

    def begin(self) -> None:
        """Begin a transaction, where SQLAlchemy begins one."""
        connection = self.connection
        if _OPEN in connection.info:
            return
        driver = driver_connection(connection)
        if is_in_transaction(driver):
            # Begun by the application or by what env.py wrote; foreign keys are on or off for the whole of it.
            run(driver, self.ending)
        connection.info[_OPEN] = self
        self._level, self._ours, self._changed = _turn_autocommit_on(driver), True, False
        self._enforced = run(driver, "PRAGMA foreign_keys")[0][0]
        # https://www.sqlite.org/lang_altertable.html, section 7: off before the transaction, checked before its end.
        run(driver, "PRAGMA foreign_keys = OFF")
        try:
            self._run_patiently(driver, "BEGIN IMMEDIATE", writing=True)
        except BaseException:
            self._end()
            raise

    def look(self, sent: Sent) -> None:
        """See what was wrong before, once something is about to change; a run with nothing to do looks at no rows."""
        if not self._ours:
            return
        statements = split(sent.text, "sqlite")
        begins = len(statements) == 1 and statements[0].kind is Kind.BEGIN
        if begins and is_in_transaction(driver_connection(self.connection)):
            # SQLAlchemy's manual has applications begin SQLite's transactions by an event of their own.
            sent.text = _NOTHING
        elif not self._changed and any(one.writes for one in statements):
            self._changed = True
            if self.check_foreign_keys:
                self._before = _find_violations(driver_connection(self.connection))

    def commit(self) -> None:
        """End the transaction, where SQLAlchemy commits one."""
        if self._ours:
            self._end_with(self.ending)
            self._end()

    def commit_and_begin(self) -> None:
        """Commit, and begin another transaction of which SQLAlchemy need not know."""
        if self._ours:
            driver = driver_connection(self.connection)
            self._end_with(self.ending)
            self._changed = False
            self._run_patiently(driver, "BEGIN IMMEDIATE", writing=True)

    def _end_with(self, ending: str) -> None:
        driver = driver_connection(self.connection)
        try:
            if is_in_transaction(driver):  # else a script has ended it
                if self._changed and self.check_foreign_keys:
                    _refuse(_find_new(self._before, _find_violations(driver)))
                self._run_patiently(driver, ending, writing=False)
        except BaseException:
            self.rollback()
            raise

    def rollback(self) -> None:
        """Roll back, where SQLAlchemy does."""
        if self._ours:
            driver = driver_connection(self.connection)
            if is_in_transaction(driver):
                run(driver, "ROLLBACK")
            self._end()

    def _end(self) -> None:
        """Leave the driver and the foreign keys as the application had them."""
        connection = self.connection
        driver = driver_connection(connection)
        run(driver, f"PRAGMA foreign_keys = {self._enforced}")
        name, value = self._level
        setattr(driver, name, value)
        self._ours = False
        connection.info.pop(_OPEN, None)

    def _run_patiently(self, driver: DBAPIConnection, sql: str, writing: bool) -> None:
        """Run the beginning or the end of a transaction, again while another connection is reading or writing."""
        BusyFile(writing).run_when_free(driver, sql, self.shown, self.timeout, self.say)


class Atomic(Part):
    """Puts a transaction around migrations on SQLite, and on PostgreSQL where the engine is in autocommit.

    :param timeout: seconds to wait for another connection that is writing.
    :param check_foreign_keys: on SQLite, refuse a migration that leaves rows which point to nothing.
    :param ending: what a commit sends on SQLite.
    """

    def __init__(self, timeout: float, check_foreign_keys: bool, ending: str) -> None:
        self.timeout, self.check_foreign_keys, self.ending = timeout, check_foreign_keys, ending

    def configuring(self, database: Database) -> None:
        if database.dialect == "postgresql":
            self._leave_autocommit(database)
        if database.dialect != "sqlite":
            return
        transactions = SQLiteTransactions(
            database.connection, database.shown, self.timeout, database.say, self.check_foreign_keys, self.ending
        )
        database.state[Atomic] = transactions
        if database.arguments.get("transactional_ddl") is None:
            database.arguments["transactional_ddl"] = True
        if database.connection.in_transaction():
            transactions.begin()

    def _leave_autocommit(self, database: Database) -> None:
        """Take an engine in AUTOCOMMIT out of it for as long as the run lasts."""
        connection = database.connection
        driver = driver_connection(connection)
        if not is_driver_autocommit(driver):
            return
        dialect = connection.dialect
        dialect.set_isolation_level(driver, dialect.default_isolation_level or "READ COMMITTED")

        def put_back() -> None:
            with suppress(Exception):  # a connection that is closed is as it should be
                dialect.set_isolation_level(driver, "AUTOCOMMIT")

        database.run.held.callback(put_back)

    @contextmanager
    def around_run(self, database: Database) -> Iterator[None]:
        """A transaction where env.py opens none."""
        connection, context = database.connection, database.context
        if database.dialect == "sqlite" and context is not None and not connection.in_transaction():
            with context.begin_transaction():
                yield
        else:
            yield

    def began(self, database: Database) -> None:
        transactions = _find_transactions(database)
        left_by_script = is_autocommit(database.connection) and not database.engine_autocommit
        if transactions and not (database.in_autocommit or left_by_script):
            transactions.begin()

    def committing(self, database: Database) -> None:
        transactions = _find_transactions(database)
        if transactions:
            transactions.commit()

    def rolling_back(self, database: Database) -> None:
        transactions = _find_transactions(database)
        if transactions:
            transactions.rollback()

    def before_statement(self, database: Database, sent: Sent) -> None:
        transactions = _find_transactions(database)
        if transactions:
            transactions.look(sent)


def _find_transactions(database: Database) -> Optional[SQLiteTransactions]:
    found: Optional[SQLiteTransactions] = database.state.get(Atomic)
    return found


def begin_anew(database: Database) -> None:
    """Commit, and begin another transaction in the place of the one that a script has ended."""
    transactions = _find_transactions(database)
    if transactions:
        transactions.commit_and_begin()
    else:
        driver_connection(database.connection).commit()


def _turn_autocommit_on(driver: DBAPIConnection) -> Tuple[str, object]:
    """Let the driver begin nothing by itself, and return the attribute that did it, with its value until now.

    Python 3.12 has ``autocommit`` beside ``isolation_level``, which counts for nothing where that is False.
    """
    name, value = ("autocommit", True) if getattr(driver, "autocommit", None) is False else ("isolation_level", None)
    before = getattr(driver, name)
    setattr(driver, name, value)
    return name, before


def _find_violations(driver: DBAPIConnection) -> List[Violation]:
    """Return every row whose parent is missing; a table that cannot be checked counts as one violation."""
    try:
        return [tuple(row) for row in run(driver, "PRAGMA foreign_key_check")]
    except sqlite3.OperationalError:
        tables = run(driver, "SELECT name FROM sqlite_master WHERE type = 'table'")
        return [found for (table,) in tables for found in _find_violations_of(driver, table)]


def _find_violations_of(driver: DBAPIConnection, table: str) -> List[Violation]:
    quoted = table.replace('"', '""')
    try:
        return [tuple(row) for row in run(driver, f'PRAGMA foreign_key_check("{quoted}")')]
    except sqlite3.OperationalError as exc:
        return [(table, None, str(exc), 0)]


def _find_new(before: List[Violation], after: List[Violation]) -> List[Violation]:
    """Return the violations that came with the migration.

    Counted by table and parent: a rebuilt table may give its rows and its foreign keys other numbers.
    """
    known = Counter((table, parent) for table, _, parent, _ in before)
    now = Counter((table, parent) for table, _, parent, _ in after)
    grown = {pair for pair in now if now[pair] > known[pair]}
    rows = set(before)
    return [found for found in after if (found[0], found[2]) in grown and found not in rows]


def _refuse(violations: List[Violation]) -> None:
    if not violations:
        return
    lines = [_write_violation(violation) for violation in violations[:SHOWN_VIOLATIONS]]
    more = len(violations) - len(lines)
    if more > 0:
        lines.append(f"  and {more:,} more")
    raise MigrateError(
        "The migration would leave rows that point to nothing:\n" + "\n".join(lines),
        "Correct the migration so that these rows go, or point to rows that are there.",
    )


def _write_violation(violation: Violation) -> str:
    table, row, parent, _ = violation
    if row is None and " " in parent:  # what SQLite said instead of checking the table
        return f"  {table}: {parent}"
    return f"  {table}, row {'?' if row is None else row}: no such row in {parent}"
