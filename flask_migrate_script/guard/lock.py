"""One at a time: a lock a database, held on a connection of its own, that ends with its holder."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from contextlib import contextmanager, suppress
from typing import Any, Callable, Dict, Iterator, Optional, Protocol

from ..errors import MigrateError
from ..seam.driver import driver_connection, run

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two tries: short at first, as most migrations are."""


class Lock(Protocol):
    """The lock of one database."""

    @property
    def identity(self) -> str:
        """What tells the database from every other: two binds may lead to the same one."""

    def acquire(self) -> bool:
        """Take it if it is free, without waiting."""

    def holder(self) -> str:
        """Return who holds it, as far as can be known."""

    def release(self) -> None:
        """Give it back, and everything that was opened for it."""


@contextmanager
def held(lock: Lock, shown: str, timeout: float, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock for the block; wait for whoever has it.

    :param shown: the database, as messages name it.
    :param timeout: seconds to wait.
    :param say: called once, with who has the lock, where it has to wait.
    :raises MigrateError: if it is still held after that.
    """
    try:
        _wait(lock, shown, timeout, say)
        yield
    finally:
        lock.release()


def _wait(lock: Lock, shown: str, timeout: float, say: Callable[[str], None]) -> None:
    end, pause, said = time.monotonic() + timeout, FIRST_PAUSE, False
    while not lock.acquire():
        if time.monotonic() >= end:
            raise MigrateError(
                f"Another migration of {shown} is still running after {timeout:g} seconds{_by(lock)}.",
                "Nothing was changed. Wait for it and run the command again, or give it longer: --lock-timeout SECONDS",
            )
        if not said:
            say(f"Another migration of {shown} is running{_by(lock)}; waiting for it, {timeout:g} seconds at the most.")
            said = True
        time.sleep(min(pause, max(end - time.monotonic(), 0)))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _by(lock: Lock) -> str:
    holder = lock.holder()
    return f" ({holder})" if holder else ""


def lock_for(connection: Any) -> Optional[Lock]:
    """Return the lock of the database a connection is to, or None where there is none to take."""
    make = _LOCKS.get(connection.dialect.name)
    return make(connection) if make else None


class _ServerLock:
    """A lock of the server's, on a connection of its own that holds no snapshot: it is in autocommit."""

    def __init__(self, connection: Any) -> None:
        # The pool knows how env.py's engine connects, with arguments that its URL does not have.
        self.pool = connection.engine.pool.recreate()
        self.pooled = self.pool.connect()
        self.driver = driver_connection(self.pooled)
        connection.dialect.set_isolation_level(self.driver, "AUTOCOMMIT")

    def value(self, sql: str) -> Any:
        rows = run(self.driver, sql)
        return rows[0][0] if rows else None

    def release(self) -> None:
        """Close the connection: the server gives the lock back with it."""
        self.pooled.invalidate()
        self.pool.dispose()


class PostgreSQLLock(_ServerLock):
    """A session advisory lock; PostgreSQL keeps advisory locks a database, so the key can be the same in each.

    It is asked for again and again instead of waited for: a waiting statement holds a snapshot, and
    ``CREATE INDEX CONCURRENTLY`` waits for every older snapshot.
    """

    KEY = int.from_bytes(hashlib.sha256(b"flask_migrate_script").digest()[:8], "big", signed=True)

    @property
    def identity(self) -> str:
        return str(self.value("SELECT current_database() || ' ' || pg_postmaster_start_time()"))

    def acquire(self) -> bool:
        return bool(self.value(f"SELECT pg_try_advisory_lock({self.KEY})"))

    def holder(self) -> str:
        high, low = (self.KEY >> 32) & 0xFFFFFFFF, self.KEY & 0xFFFFFFFF
        rows = run(
            self.driver,
            "SELECT a.pid, a.usename, a.client_addr, a.application_name, date_trunc('second', a.backend_start)"
            " FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted"
            f" AND l.objsubid = 1 AND l.classid = {high} AND l.objid = {low}"
            " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        if not rows:
            return ""
        pid, user, address, application, since = rows[0]
        called = f" {application}" if application else ""
        return f"process {pid}{called} of {user} from {address or 'this host'}, connected since {since}"


class MySQLLock(_ServerLock):
    """A lock of ``GET_LOCK``; its names are the server's, so the database's name is in it, hashed to fit in 64."""

    @property
    def identity(self) -> str:
        return str(self.value("SELECT CONCAT_WS(' ', DATABASE(), @@hostname, @@port)"))

    @property
    def name(self) -> str:
        database = str(self.value("SELECT DATABASE()"))
        return "flask_migrate_script." + hashlib.sha256(database.encode()).hexdigest()[:32]

    def acquire(self) -> bool:
        return bool(self.value(f"SELECT GET_LOCK('{self.name}', 0)") == 1)

    def holder(self) -> str:
        connection_id = self.value(f"SELECT IS_USED_LOCK('{self.name}')")
        if connection_id is None:
            return ""
        rows = run(
            self.driver, f"SELECT user, host FROM information_schema.processlist WHERE id = {int(connection_id)}"
        )
        return f"connection {connection_id}" + (f" of {rows[0][0]} from {rows[0][1]}" if rows else "")


class SQLiteLock:
    """A locked file beside the database: every process on the host sees it, and it ends with its holder.

    Not a lock on the database file itself: closing that file a second time in one process drops the locks that SQLite
    holds on it (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """

    def __init__(self, connection: Any) -> None:
        files = {name: path for _, name, path in run(driver_connection(connection), "PRAGMA database_list")}
        database = files.get("main")
        self.path = f"{os.path.realpath(database)}.migrating" if database else ""
        self.file: Optional[int] = None

    @property
    def identity(self) -> str:
        return self.path or f"memory {id(self)}"

    def acquire(self) -> bool:
        if not self.path:
            return True  # a database in memory has no second user
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        if _lock_file(file) and self._is_at_path(file):
            self.file = file
            os.truncate(file, 0)
            os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
            return True
        os.close(file)
        return False

    def _is_at_path(self, file: int) -> bool:
        """Its last holder removes the file: a lock on a removed one is worth nothing."""
        try:
            return os.path.samestat(os.fstat(file), os.stat(self.path))
        except FileNotFoundError:
            return False

    def holder(self) -> str:
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read()
        except OSError:
            return ""

    def release(self) -> None:
        if self.file is not None:
            with suppress(OSError):  # Windows removes no open file
                os.unlink(self.path)
            os.close(self.file)
            self.file = None


def _lock_file(file: int) -> bool:
    """Lock an open file without waiting; the system unlocks it when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        return _lock_file_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_file_on_windows(file: int) -> bool:
    import importlib

    msvcrt: Any = importlib.import_module("msvcrt")
    try:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


_LOCKS: Dict[str, Callable[[Any], Lock]] = {
    "postgresql": PostgreSQLLock,
    "mysql": MySQLLock,
    "mariadb": MySQLLock,
    "sqlite": SQLiteLock,
}
