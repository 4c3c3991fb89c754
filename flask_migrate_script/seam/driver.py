"""The driver's own connection behind SQLAlchemy's: statements that SQLAlchemy's transactions should not see."""

from __future__ import annotations

from typing import Any, List, Sequence


def driver_connection(connection: Any) -> Any:
    """Return the DBAPI connection of a SQLAlchemy connection, or of a connection checked out of a pool.

    SQLAlchemy 1.4.24 named it ``dbapi_connection``; before that it was ``connection``.
    """
    pooled = getattr(connection, "connection", connection) if hasattr(connection, "dialect") else connection
    return getattr(pooled, "dbapi_connection", None) or pooled.connection


def run(driver: Any, sql: str, values: Sequence[Any] = ()) -> List[Any]:
    """Execute one statement on a DBAPI connection and return its rows, if it has any."""
    cursor = driver.cursor()
    try:
        cursor.execute(sql, *([tuple(values)] if values else []))
        return list(cursor.fetchall()) if cursor.description else []
    finally:
        cursor.close()


def is_autocommit(connection: Any) -> bool:
    """Return whether a SQLAlchemy connection is in autocommit, as inside Alembic's ``autocommit_block()``."""
    return bool(connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT")


def in_transaction(driver: Any) -> bool:
    """Return whether a transaction is open, as sqlite3, aiosqlite and psycopg know it; True where a driver does not.

    psycopg's status of no transaction is 0.
    """
    own = getattr(driver, "driver_connection", driver)
    status = getattr(getattr(own, "info", None), "transaction_status", None)
    return bool(getattr(own, "in_transaction", status != 0))


def has_to_commit(driver: Any) -> bool:
    """Return whether a connection to MariaDB has something to commit; True where it cannot be known, as on MySQL."""
    try:
        return bool(run(driver, "SELECT @@in_transaction")[0][0])
    except Exception:  # the driver's own class: MySQL has no such variable
        return True
