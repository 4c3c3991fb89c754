"""Atomic on SQLite: a real transaction around the DDL, and foreign keys that a rebuilt table does not fire.

Python's sqlite3 begins no transaction before DDL. Here the driver is put in autocommit mode for as long as a
transaction of SQLAlchemy's lasts, on this one connection, and BEGIN and COMMIT are sent for real.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, List, Tuple

from ..errors import MigrateError
from .raw import driver_connection, is_autocommit, run

Violation = Tuple[str, Any, str, int]
"""A row of ``PRAGMA foreign_key_check``: table, rowid, parent table, number of the foreign key."""

SHOWN_VIOLATIONS = 20


@dataclass
class SQLiteTransactions:
    """The transactions of one connection, from SQLAlchemy's events to SQLite's statements.

    :param connection: the connection that env.py gave to Alembic.
    :param timeout: seconds to wait for another process that is writing.
    :param check_foreign_keys: look for new violations before each commit.
    :param ending: what a commit sends: ``ROLLBACK`` where nothing is to last.
    """

    connection: Any
    timeout: float
    check_foreign_keys: bool = True
    ending: str = "COMMIT"
    _enforced: Any = None
    _level: Any = None
    _ours: bool = False
    _changed: bool = False
    _before: List[Violation] = field(default_factory=list)

    def attach(self) -> None:
        """Follow the connection's transactions from now on, the one it may be in already included."""
        from sqlalchemy import event

        event.listen(self.connection, "begin", self._begin)
        event.listen(self.connection, "commit", self._commit)
        event.listen(self.connection, "rollback", self._rollback)
        event.listen(self.connection, "before_cursor_execute", self._before_execute)
        if self.connection.in_transaction():
            self._begin(self.connection)

    def _begin(self, connection: Any) -> None:
        driver = driver_connection(connection)
        if driver.in_transaction or is_autocommit(connection):
            return
        self._level, self._ours, self._changed = driver.isolation_level, True, False
        driver.isolation_level = None
        self._enforced = run(driver, "PRAGMA foreign_keys")[0][0]
        # https://www.sqlite.org/lang_altertable.html, section 7: off before the transaction, checked before its end.
        run(driver, "PRAGMA foreign_keys = OFF")
        self._patiently(driver, "BEGIN IMMEDIATE")

    def _before_execute(self, connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        """See what was wrong before, once something is about to change; a run with nothing to do looks at no rows."""
        if self._ours and not self._changed and not statement.lstrip()[:6].upper().startswith(("SELECT", "PRAGMA")):
            self._changed = True
            if self.check_foreign_keys:
                self._before = _violations(driver_connection(connection))

    def _commit(self, connection: Any) -> None:
        driver = driver_connection(connection)
        if not (self._ours and driver.in_transaction):
            return
        if self._changed and self.check_foreign_keys:
            _refuse(_new(self._before, _violations(driver)))
        self._patiently(driver, self.ending)
        self._end(driver)

    def _rollback(self, connection: Any) -> None:
        driver = driver_connection(connection)
        if self._ours:
            if driver.in_transaction:
                run(driver, "ROLLBACK")
            self._end(driver)

    def _end(self, driver: Any) -> None:
        """Leave the driver and the foreign keys as the application had them."""
        run(driver, f"PRAGMA foreign_keys = {self._enforced}")
        driver.isolation_level = self._level
        self._ours = False

    def _patiently(self, driver: Any, sql: str) -> None:
        """Run the beginning or the end of a transaction, again while another process is reading or writing."""
        end = time.monotonic() + self.timeout
        while True:
            try:
                run(driver, sql)
                return
            except sqlite3.OperationalError as exc:
                if "locked" not in str(exc) or time.monotonic() >= end:
                    raise
                time.sleep(0.05)


def _violations(driver: Any) -> List[Violation]:
    """Return every row whose parent is missing; a table that cannot be checked counts as one violation."""
    try:
        return [tuple(row) for row in run(driver, "PRAGMA foreign_key_check")]
    except sqlite3.OperationalError:
        tables = run(driver, "SELECT name FROM sqlite_master WHERE type = 'table'")
        return [found for (table,) in tables for found in _violations_of(driver, table)]


def _violations_of(driver: Any, table: str) -> List[Violation]:
    quoted = table.replace('"', '""')
    try:
        return [tuple(row) for row in run(driver, f'PRAGMA foreign_key_check("{quoted}")')]
    except sqlite3.OperationalError as exc:
        return [(table, None, str(exc), 0)]


def _new(before: List[Violation], after: List[Violation]) -> List[Violation]:
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
    lines = [_line(violation) for violation in violations[:SHOWN_VIOLATIONS]]
    more = len(violations) - len(lines)
    if more > 0:
        lines.append(f"  and {more:,} more")
    raise MigrateError(
        "The migration would leave rows that point to nothing:\n" + "\n".join(lines),
        "Correct the migration so that these rows go, or point to rows that are there.",
    )


def _line(violation: Violation) -> str:
    table, row, parent, _ = violation
    if row is None and " " in parent:  # what SQLite said instead of checking the table
        return f"  {table}: {parent}"
    return f"  {table}, row {'?' if row is None else row}: no such row in {parent}"
