"""The driver's own connection behind SQLAlchemy's: questions that SQLAlchemy's transactions should not see."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Optional, Sequence, Union

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine


def driver_connection(connection: Any) -> Any:
    """Return the DBAPI connection of a SQLAlchemy connection, or of a connection checked out of a pool.

    SQLAlchemy 1.4.24 named it ``dbapi_connection``; before that it was ``connection``.
    """
    with looking():
        pooled = getattr(connection, "connection", connection) if hasattr(connection, "dialect") else connection
        return getattr(pooled, "dbapi_connection", None) or pooled.connection


class _Looking(threading.local):
    depth = 0


_looking = _Looking()


@contextmanager
def looking() -> Iterator[None]:
    """Let it not count that this package itself takes the driver's connection in its hands in the block."""
    _looking.depth += 1
    try:
        yield
    finally:
        _looking.depth -= 1


def is_looking() -> bool:
    """Return whether it is this package that takes the driver's connection in its hands."""
    return _looking.depth > 0


def find_innermost(driver: Any) -> Any:
    """Return the connection of the driver itself, where SQLAlchemy has put one of its own around an async driver's."""
    return getattr(driver, "driver_connection", driver)


def run(driver: Any, sql: str, values: Sequence[Any] = ()) -> List[Any]:
    """Execute one statement on a DBAPI connection and return its rows, if it has any."""
    cursor = driver.cursor()
    try:
        cursor.execute(sql, *([tuple(values)] if values else []))
        return list(cursor.fetchall()) if cursor.description else []
    finally:
        cursor.close()


def is_autocommit(connection: Connection) -> bool:
    """Return whether SQLAlchemy was told to have a connection in autocommit."""
    return bool(connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT")


def is_driver_autocommit(driver: Any) -> bool:
    """Return whether the driver of PostgreSQL begins no transaction by itself: psycopg2, psycopg, pg8000, asyncpg."""
    level = getattr(driver, "isolation_level", None)
    return bool(getattr(driver, "autocommit", False)) or level == "autocommit"


def is_in_transaction(driver: Any) -> bool:
    """Return whether a transaction is open, as the driver knows it; True where it does not."""
    return read_transaction_status(driver) is not False


def read_transaction_status(driver: Any) -> Optional[bool]:
    """Return whether a transaction is open, as the server said in its last answer; None where the driver does not tell.

    sqlite3 and aiosqlite have it as ``in_transaction``, psycopg2 and psycopg in ``info`` (0 is libpq's "idle"), asyncpg
    as ``is_in_transaction()``; PyMySQL and aiomysql have MySQL's flags, of which SERVER_STATUS_IN_TRANS is 1.
    """
    own = find_innermost(driver)
    status = getattr(getattr(own, "info", None), "transaction_status", None)
    if status is not None:
        return bool(status != 0)
    if hasattr(own, "is_in_transaction"):
        return bool(own.is_in_transaction())
    flags = getattr(own, "server_status", None)
    if isinstance(flags, int):
        return bool(flags & 1)
    known = getattr(own, "in_transaction", None)
    return bool(known) if isinstance(known, (bool, int)) else None


def has_to_commit(driver: Any) -> bool:
    """Return whether a connection to MariaDB has something to commit; True where it cannot be known, as on MySQL."""
    try:
        return bool(run(driver, "SELECT @@in_transaction")[0][0])
    except Exception:  # the driver's own class: MySQL has no such variable
        return True


def is_async(connection: Union[Connection, Engine]) -> bool:
    """Return whether a connection's driver is an async one; SQLAlchemy 1.3 knows none."""
    return bool(getattr(connection.dialect, "is_async", False))


def keep_session(connection: Connection) -> None:
    """Let the server see a sign of life of a session that waits, whose transaction is as it was afterwards."""
    if connection.dialect.name == "sqlite":
        return
    with suppress(Exception):  # a session that is gone is found to be when it is used
        driver = driver_connection(connection)
        idle = read_transaction_status(driver) is False
        run(driver, "SELECT 1")
        if idle:
            driver.rollback()


@contextmanager
def prepare_nothing(driver: Any) -> Iterator[None]:
    """Keep psycopg 3 in the block from preparing on the server what it sends again and again.

    Behind a pooler in transaction mode the next transaction may be on another server connection, which knows nothing of
    it; ``prepare_threshold`` is psycopg's own word for that.
    """
    own = find_innermost(driver)
    if not hasattr(own, "prepare_threshold"):
        yield
        return
    before, own.prepare_threshold = own.prepare_threshold, None
    try:
        yield
    finally:
        own.prepare_threshold = before


def cancel_statement(engine: Engine, driver: Any) -> None:
    """Have the database stop the statement that another thread waits for on the driver's connection.

    psycopg2 and psycopg have ``cancel()`` for it, sqlite3 ``interrupt()``; to MySQL and MariaDB it is said on another
    connection, which number the driver knows: ``thread_id()`` of mysqlclient's and PyMySQL's, ``connection_id`` of both
    connectors.
    """
    own = find_innermost(driver)
    for name in ("cancel", "interrupt"):
        if callable(getattr(own, name, None)):
            getattr(own, name)()
            return
    number = own.thread_id() if hasattr(own, "thread_id") else getattr(own, "connection_id", None)
    if number is not None:
        with OtherConnection(engine) as other:
            other.run(f"KILL QUERY {int(number)}")


class OtherConnection:
    """A connection of its own to a database, made as its engine makes them, in autocommit: it holds no snapshot.

    An async driver's lives in an event loop and a thread of its own, as env.py's loop may be over before it is closed.

    :param connection: SQLAlchemy's connection, or engine, to the database.
    """

    def __init__(self, connection: Union[Connection, Engine]) -> None:
        engine, self.dialect = connection.engine, connection.dialect
        self._loop = AsyncThread() if is_async(connection) else None
        # The pool knows how env.py's engine connects, with arguments that its URL does not have.
        self._pool = engine.pool.recreate()
        try:
            self._call(self._open)
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._pooled = self._pool.connect()
        self.driver = driver_connection(self._pooled)
        self.dialect.set_isolation_level(self.driver, "AUTOCOMMIT")
        own = find_innermost(self.driver)
        if hasattr(own, "prepare_threshold"):  # see prepare_nothing
            own.prepare_threshold = None

    def run(self, sql: str, values: Sequence[Any] = ()) -> List[Any]:
        """Execute one statement and return its rows, if it has any."""
        rows: List[Any] = self._call(lambda: run(self.driver, sql, values))
        return rows

    def value(self, sql: str) -> Any:
        """Return the first value of the first row; None where there is none."""
        rows = self.run(sql)
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Close it, whatever the server is about."""
        with suppress(Exception):  # a server that has gone has closed it already
            self._call(self._close)
        if self._loop:
            self._loop.close()

    def _close(self) -> None:
        pooled = getattr(self, "_pooled", None)
        if pooled is not None:
            pooled.invalidate()
        self._pool.dispose()

    def _call(self, function: Callable[[], Any]) -> Any:
        return self._loop.call(function) if self._loop else function()

    def __enter__(self) -> OtherConnection:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()


class AsyncThread:
    """An event loop in a thread of its own, in which an async driver is used as SQLAlchemy uses it."""

    def __init__(self) -> None:
        import asyncio

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="flask_migrate_script.async", daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], Any]) -> Any:
        """Return what a function returns that uses connections as if their driver were no async one."""
        import asyncio

        from sqlalchemy.util.concurrency import greenlet_spawn

        return asyncio.run_coroutine_threadsafe(greenlet_spawn(function), self._loop).result()

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def call_sqlite(driver: Any, method: str, argument: Any) -> None:
    """Call a method of sqlite3's connection that SQLAlchemy's async one does not have: aiosqlite's is in a thread.

    ``_conn`` and ``_execute`` of its connection were seen on aiosqlite 0.17 to 0.22.

    :raises MigrateError: where aiosqlite no longer has them.
    """
    own = find_innermost(driver)
    if hasattr(own, method) and not hasattr(own, "_execute"):
        getattr(own, method)(argument)
        return
    from ..errors import MigrateError

    execute, connection = getattr(own, "_execute", None), getattr(own, "_conn", None)
    if execute is None or connection is None:
        raise MigrateError("This aiosqlite keeps its connection elsewhere.", "Use another release of aiosqlite.")
    from sqlalchemy.util.concurrency import await_only

    await_only(execute(getattr(connection, method), argument))
