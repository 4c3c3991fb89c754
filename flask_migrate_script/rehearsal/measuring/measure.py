"""What every measuring has: where something that was not counted vanishes, it is undone, counted and done again."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, NamedTuple

from ...seam.driver import driver_connection, run
from ...sql.text import Kind, split
from .tally import Tally

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

Execute = Callable[[], None]
"""Sends a statement; it may be called twice."""


class Lock(NamedTuple):
    """A lock on a table.

    :param since: when the statement began that took it, by ``time.perf_counter()``.
    """

    table: str
    mode: str
    since: float


_SAVEPOINT = "flask_migrate_script"
_OF_SAVEPOINTS = (Kind.SAVEPOINT, Kind.ROLLBACK_TO, Kind.RELEASE)


class Measure:
    """Measures statements on one connection.

    :param connection: the one that the statements are sent over.

    ``seconds`` is how long the last statement took; ``renamed`` are columns that a rebuild of a table gives new names;
    what Alembic writes into ``version_table`` between two scripts is not measured.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.dialect = str(connection.dialect.name)
        self.driver: Any = driver_connection(connection)
        self.seconds = self.begun = 0.0
        self.renamed: Dict[str, str] = {}
        self.version_table = "alembic_version"

    def begin_step(self) -> None:
        """Look at what there is before the script of a revision runs."""

    def list_locks(self) -> List[Lock]:
        """Return the locks that other sessions wait for and that were not there when it was asked last."""
        return []

    def estimate_rows(self, table: str) -> int:
        """Return about how many rows a large table has; 0 for one that is not large.

        :param table: as it is written in a statement.
        """
        return 0

    def close(self) -> None:
        """Leave the connection as it was."""

    def limit_seconds(self, seconds: float) -> None:
        """Let no statement run longer than that, where the database has such a limit."""

    def execute(self, execute: Execute, sql: str) -> Tally:
        """Send a statement and return what it did.

        :raises Exception: whatever the statement raises.
        """
        raise NotImplementedError

    def finish_step(self, touched: bool) -> Tally:
        """Return what was done since the last statement that was measured, and what rebuilt tables are left without.

        :param touched: the script has had the driver's own connection, on which it is not seen.
        """
        return self.catch_up() if touched else Tally()

    def catch_up(self) -> Tally:
        """Return what was done since the last statement that was measured, past this connection's sight."""
        raise NotImplementedError

    def forget(self) -> None:
        """A rollback to a savepoint has brought back what there was: look anew."""

    @contextmanager
    def after_failure(self) -> Iterator[None]:
        """Ask something where a statement has failed; afterwards the transaction is as useless as before."""
        self._undo()
        try:
            yield
        finally:
            with suppress(Exception):  # it fails, on purpose
                run(self.driver, "SELECT 1 / 0")

    def _send(self, execute: Execute) -> None:
        self.begun = time.perf_counter()
        execute()
        self.seconds = time.perf_counter() - self.begun

    def _ask(self, sql: str) -> List[Any]:
        return run(self.driver, sql)

    def _keeps_savepoints(self, sql: str) -> bool:
        """Return whether a text leaves the transaction's savepoints alone, so that one of ours can be around it."""
        return not any(one.kind in _OF_SAVEPOINTS for one in split(sql, self.dialect))

    def _begin(self) -> None:
        run(self.driver, f"SAVEPOINT {_SAVEPOINT}")

    def _undo(self) -> None:
        run(self.driver, f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")

    def _release(self) -> None:
        run(self.driver, f"RELEASE SAVEPOINT {_SAVEPOINT}")
