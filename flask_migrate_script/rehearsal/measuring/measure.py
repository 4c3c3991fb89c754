"""What every measuring has: where something that was not counted vanishes, it is undone, counted and done again."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List

from ...seam.driver import driver_connection, run
from ...sql.text import Kind, split
from .tally import Tally

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

Execute = Callable[[], None]
"""Sends a statement; it may be called twice."""

_SAVEPOINT = "flask_migrate_script"
_OF_SAVEPOINTS = (Kind.SAVEPOINT, Kind.ROLLBACK_TO, Kind.RELEASE)


class Measure:
    """Measures statements on one connection.

    :param connection: the one that the statements are sent over.

    ``seconds`` is how long the last statement took; ``renamed`` are columns that a rebuild of a table gives new names.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.dialect = str(connection.dialect.name)
        self.driver: Any = driver_connection(connection)
        self.seconds = 0.0
        self.renamed: Dict[str, str] = {}

    def begin_step(self) -> None:
        """Look at what there is before the script of a revision runs."""

    def execute(self, execute: Execute, sql: str) -> Tally:
        """Send a statement and return what it did.

        :raises Exception: whatever the statement raises.
        """
        raise NotImplementedError

    def finish_step(self) -> Tally:
        """Return what was done since the last statement that was measured, and what rebuilt tables are left without."""
        return self.catch_up()

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
        begun = time.perf_counter()
        execute()
        self.seconds = time.perf_counter() - begun

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
