"""One at a time: a lock a database, held on a connection of its own, that ends with its holder."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Protocol

from ..databases import identify_database
from ..errors import MigrateError
from ..seam.driver import OtherConnection, driver_connection, run
from .waits.sqlite import find_file
from .waits.timing import AFTER

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two tries: short at first, as most migrations are."""


class Lock(Protocol):
    """The lock of one database."""

    identity: str
    """What tells the database from every other: two binds may lead to the same one."""

    def acquire(self) -> bool:
        """Take it if it is free, without waiting."""

    def find_holder(self) -> str:
        """Return who holds it, as far as can be known."""

    def is_held(self) -> bool:
        """Return whether it is still this run's; whatever is raised instead means that it is not."""

    def release(self) -> None:
        """Give it back, and everything that was opened for it."""


@dataclass(frozen=True)
class _Holder:
    """Who holds a lock in this process."""

    process: int
    thread: int
    name: str


_held_here: Dict[str, _Holder] = {}
"""The locks that this process holds, by the identity of their database; a child of it inherits the list only."""

_one_in_this_process = threading.RLock()
"""Alembic keeps the running environment in the globals of ``alembic.context``: two threads cannot run it at once."""

_running: List[str] = []
"""The names of the threads that are in :func:`alone_in_this_process`, the same one again where a run is in another."""


@contextmanager
def run_alone(timeout: float, say: Callable[[str], None]) -> Iterator[None]:
    """Let one thread of this process run the block at a time; a run inside a run is the same thread's.

    :param timeout: seconds to wait.
    :param say: is told after five seconds which thread is waited for.
    :raises MigrateError: if that one is still at it then.
    """
    soon = min(AFTER, timeout)
    if not _one_in_this_process.acquire(timeout=soon):
        at_the_most = f"waiting for it, {timeout:g} seconds at the most"
        say(f"Another thread of this process{_describe_running_thread()} is using Alembic; {at_the_most}.")
        if not _one_in_this_process.acquire(timeout=max(timeout - soon, 0)):
            raise MigrateError(
                f"Another thread of this process{_describe_running_thread()} is still using Alembic"
                f" after {timeout:g} seconds.",
                "Nothing was changed. Run it again when that thread is done, or wait longer: --lock-timeout SECONDS",
            )
    _running.append(threading.current_thread().name)
    try:
        yield
    finally:
        _running.pop()
        _one_in_this_process.release()


def _describe_running_thread() -> str:
    return f" ({_running[-1]})" if _running else ""


@contextmanager
def hold(
    lock: Lock, shown: str, timeout: float, say: Callable[[str], None], keep_alive: Callable[[], None]
) -> Iterator[None]:
    """Hold a lock for the block; wait for the process that has it.

    :param shown: the database, as messages name it.
    :param timeout: seconds to wait.
    :param say: called once, with who has the lock, where it has to wait.
    :param keep_alive: called again and again meanwhile: a server may end the session of the connection that waits.
    :raises MigrateError: if it is still held after that, or if this very thread holds it.
    """
    try:
        _wait(lock, shown, timeout, say, keep_alive)
        here = threading.current_thread()
        _held_here[lock.identity] = _Holder(os.getpid(), threading.get_ident(), here.name)
        try:
            yield
        finally:
            del _held_here[lock.identity]
    finally:
        lock.release()


def is_still_held(lock: Lock) -> bool:
    """Return whether a lock is still this run's."""
    try:
        return lock.is_held()
    except Exception:  # whatever the driver raises of a session that is gone
        return False


def _wait(lock: Lock, shown: str, timeout: float, say: Callable[[str], None], keep_alive: Callable[[], None]) -> None:
    end, pause, said = time.monotonic() + timeout, FIRST_PAUSE, False
    while not lock.acquire():
        _refuse_to_wait_for_itself(lock, shown)
        if time.monotonic() >= end:
            raise MigrateError(
                f"Another migration of {shown} is still running after {timeout:g} seconds{_describe_holder(lock)}.",
                "Nothing was changed. Wait for it and run the command again, or give it longer: --lock-timeout SECONDS",
            )
        if not said:
            say(
                f"Another migration of {shown} is running{_describe_holder(lock)}"
                f"; waiting for it, {timeout:g} seconds at the most."
            )
            said = True
        keep_alive()
        time.sleep(min(pause, max(end - time.monotonic(), 0)))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _refuse_to_wait_for_itself(lock: Lock, shown: str) -> None:
    """A run inside a run, in a revision or in env.py, would wait for the one around it.

    :raises MigrateError: if this very thread holds the lock.
    """
    holder = _find_holder_here(lock)
    if holder and holder.thread == threading.get_ident():
        raise MigrateError(
            f"A migration of {shown} is running in this very process already, and this one was called inside it.",
            "This one changed nothing. Do not call upgrade() or another verb from a revision or from env.py.",
        )


def _find_holder_here(lock: Lock) -> Optional[_Holder]:
    holder = _held_here.get(lock.identity)
    return holder if holder and holder.process == os.getpid() else None


def _describe_holder(lock: Lock) -> str:
    holder, here = lock.find_holder(), _find_holder_here(lock)
    own = f"thread {here.name} of this very process" if here else ""
    return f" ({', '.join(filter(None, (holder, own)))})" if holder or own else ""


def make_lock(connection: Connection) -> Optional[Lock]:
    """Return the lock of the database a connection is to, or None where there is none to take."""
    make = _LOCKS.get(connection.dialect.name)
    return make(connection) if make else None


class _ServerLock:
    """A lock of the server's, on a connection of its own: the server gives it back with the connection."""

    def __init__(self, connection: Connection) -> None:
        self.server = OtherConnection(connection)
        self.identity = identify_database(connection.dialect.name, self.server.run)

    def release(self) -> None:
        """Close the connection."""
        self.server.close()


class PostgreSQLLock(_ServerLock):
    """An advisory lock of a transaction that stays open on a connection of its own and does nothing else.

    It ends with the transaction, also behind a pooler that gives the connection to another client then, where a lock of
    the session would stay for ever. The transaction holds no snapshot and no table; timeouts that would end it are off
    in it. PostgreSQL keeps advisory locks a database, so the key can be the same in each.

    It is asked for again and again instead of waited for: a waiting statement holds a snapshot, and
    ``CREATE INDEX CONCURRENTLY`` waits for every older snapshot.
    """

    _BEGUN = "SELECT pg_backend_pid()::text || ' ' || now()::text"
    """Tells one transaction from another."""

    KEY = int.from_bytes(hashlib.sha256(b"flask_migrate_script").digest()[:8], "big", signed=True)

    def acquire(self) -> bool:
        self.server.run("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY")
        # transaction_timeout is there since PostgreSQL 17.
        self.server.run(
            "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN"
            " ('idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout')"
        )
        if self.server.value(f"SELECT pg_try_advisory_xact_lock({self.KEY})"):
            self._since = self.server.value(self._BEGUN)
            return True
        self.server.run("ROLLBACK")
        return False

    def is_held(self) -> bool:
        """Return whether the transaction that has the lock is still there; to look into pg_locks reads every lock."""
        return bool(self.server.value(self._BEGUN) == self._since)

    def _is_it(self) -> str:
        """Return the condition on pg_locks that selects this lock where it is held."""
        high, low = (self.KEY >> 32) & 0xFFFFFFFF, self.KEY & 0xFFFFFFFF
        return (
            f"locktype = 'advisory' AND granted AND objsubid = 1 AND classid = {high} AND objid = {low}"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )

    def find_holder(self) -> str:
        rows = self.server.run(
            "SELECT a.pid, a.usename, a.client_addr, a.application_name, date_trunc('second', a.backend_start)"
            f" FROM pg_stat_activity a WHERE a.pid IN (SELECT pid FROM pg_locks WHERE {self._is_it()})",
        )
        if not rows:
            return ""
        pid, user, address, application, since = rows[0]
        called = f" {application}" if application else ""
        return f"process {pid}{called} of {user} from {address or 'this host'}, connected since {since}"


class MySQLLock(_ServerLock):
    """A lock of ``GET_LOCK``; its names are the server's, so the database's name is in it, hashed to fit in 64."""

    @property
    def name(self) -> str:
        database = str(self.server.value("SELECT DATABASE()"))
        return "flask_migrate_script." + hashlib.sha256(database.encode()).hexdigest()[:32]

    def acquire(self) -> bool:
        # Nothing is said on it for as long as the migration takes; a year is the most there is.
        self.server.run("SET SESSION wait_timeout = 31536000")
        return bool(self.server.value(f"SELECT GET_LOCK('{self.name}', 0)") == 1)

    def is_held(self) -> bool:
        return bool(self.server.value(f"SELECT IS_USED_LOCK('{self.name}') = CONNECTION_ID()"))

    def find_holder(self) -> str:
        connection_id = self.server.value(f"SELECT IS_USED_LOCK('{self.name}')")
        if connection_id is None:
            return ""
        rows = self.server.run(f"SELECT user, host FROM information_schema.processlist WHERE id = {int(connection_id)}")
        return f"connection {connection_id}" + (f" of {rows[0][0]} from {rows[0][1]}" if rows else "")


class SQLiteLock:
    """A locked file beside the database: every process on the host sees it, and it ends with its holder.

    Not a lock on the database file itself: closing that file a second time in one process drops the locks that SQLite
    holds on it (https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """

    def __init__(self, connection: Connection) -> None:
        driver = driver_connection(connection)
        database = find_file(driver)
        self.path = f"{database}.migrating" if database else ""
        self.identity = identify_database("sqlite", partial(run, driver)) or f"memory {id(self)}"
        self.file: Optional[int] = None

    def acquire(self) -> bool:
        if not self.path:
            return True  # a database in memory has no second user
        file = _open_lock_file(self.path)
        try:
            if _lock_file(file, self.path) and self._is_at_path(file):
                self.file = file
                _sign_lock_file(file)
                return True
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        return False

    def is_held(self) -> bool:
        return self.file is None or self._is_at_path(self.file)

    def _is_at_path(self, file: int) -> bool:
        """Its last holder removes the file: a lock on a removed one is worth nothing."""
        try:
            return os.path.samestat(os.fstat(file), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def find_holder(self) -> str:
        """Return what the holder has signed with; what else may be in the file is not repeated."""
        with suppress(OSError, UnicodeDecodeError):
            file = os.open(self.path, os.O_RDONLY | _NO_LINK)
            try:
                text = os.read(file, 400).decode()
            finally:
                os.close(file)
            if re.fullmatch(r"process \d+ on [\w.-]+", text):
                return text
        return ""

    def release(self) -> None:
        if self.file is not None:
            with suppress(OSError):  # Windows removes no open file
                os.unlink(self.path)
            os.close(self.file)
            self.file = None


_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def _open_lock_file(path: str) -> int:
    """Open the lock file, and make it where there is none; a symbolic link is not followed.

    One that another user's process has left behind can perhaps only be read, which is enough to lock it.

    :raises MigrateError: if it is a symbolic link.
    """
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
    except PermissionError:
        with suppress(OSError):
            return os.open(path, os.O_RDONLY | _NO_LINK)
        raise
    except OSError as exc:
        if exc.errno != errno.ELOOP:
            raise
        raise MigrateError(
            f"The lock file {path} is a symbolic link, which is not followed.",
            "Nothing was changed. Find out who made the link, remove it, and run the command again.",
        ) from exc


def _sign_lock_file(file: int) -> None:
    """Write who has the lock into its file: not where the file has a second name, and is perhaps another one."""
    if os.fstat(file).st_nlink != 1:
        return
    with suppress(OSError):  # opened to be read, or no room: it is locked all the same
        os.truncate(file, 0)
        os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _lock_file(file: int, path: str) -> bool:
    """Lock an open file without waiting; the system unlocks it when the process ends, however it ends.

    :raises MigrateError: if the file system cannot lock.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return _lock_file_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as exc:
        raise MigrateError(
            f"The file system of {path} cannot lock a file: {exc.strerror}.",
            "Nothing was changed. Where nobody else migrates this database now, run it with --no-lock.",
        ) from exc
    return True


def _lock_file_on_windows(file: int) -> bool:
    import importlib

    msvcrt: Any = importlib.import_module("msvcrt")
    try:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    return True


_LOCKS: Dict[str, Callable[["Connection"], Lock]] = {
    "postgresql": PostgreSQLLock,
    "mysql": MySQLLock,
    "mariadb": MySQLLock,
    "sqlite": SQLiteLock,
}
