"""A connection of its own beside the one that a migration runs on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, List

from ..seam.driver import driver_connection, run

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


class SeparateConnection:
    """A connection to the database that another one is to; it holds no snapshot, because it is in autocommit."""

    def __init__(self, connection: Connection) -> None:
        # The pool knows how env.py's engine connects, with arguments that its URL does not have.
        self._pool = connection.engine.pool.recreate()
        try:
            self._pooled = self._pool.connect()
            self.driver = driver_connection(self._pooled)
            connection.dialect.set_isolation_level(self.driver, "AUTOCOMMIT")
        except BaseException:
            self._pool.dispose()
            raise

    def rows(self, sql: str) -> List[Any]:
        """Return the rows of a statement."""
        return run(self.driver, sql)

    def value(self, sql: str) -> Any:
        """Return the first value of a statement, or None where it has no row."""
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Close the connection; the server ends with it what hangs on it."""
        with suppress(Exception):  # the server may have closed it first
            self._pooled.invalidate()
        self._pool.dispose()
