"""Waits on SQLite: a file that another connection is writing to or reading, and the process that has it locked."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Iterator, List, Union

from ...console.terminal import fit, join_lines
from ...errors import MigrateError
from ...passwords import masked
from ...seam.driver import driver_connection, is_in_transaction, run
from .own import is_alone
from .timing import AFTER, BESIDE_OTHER_THREADS

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection

_PENDING = 0x40000000
_RESERVED = _PENDING + 1
_SHARED = (_PENDING + 2, _PENDING + 511)
"""The bytes of the file that stand for SQLite's locks (https://www.sqlite.org/src/file/src/os_unix.c)."""

_WAL_WRITE = 120
"""The byte of the file FILE-shm that stands for writing with a write-ahead log
(https://www.sqlite.org/walformat.html)."""

_PAUSE = 0.05
_PAUSE_BETWEEN_QUESTIONS = 1.0

_SHOWN_COMMAND = 80

OWN_SESSION = (
    "Commit it, roll it back or close it before upgrade() is called: db.session.commit(), db.session.rollback() or\n"
    "db.session.remove(). Then run the command again."
)
"""What to do about a session of this process that the application left open."""


@dataclass(frozen=True)
class BusyFile:
    """A database file that is locked.

    :param writing: it is locked for another connection's writing; else the own commit waits for one that reads.
    """

    writing: bool

    @property
    def _busy(self) -> str:
        return "writing to" if self.writing else "reading"

    def run_when_free(
        self, driver: DBAPIConnection, sql: str, shown: str, timeout: float, say: Callable[[str], None]
    ) -> None:
        """Run the beginning or the end of a transaction, again while another connection has the file locked.

        :param shown: the database, as messages name it.
        :param timeout: seconds to wait.
        :param say: is told after five seconds of waiting who has it, and again when that is another.
        :raises MigrateError: if it is still locked after that, or if it is this process that has it.
        """
        began, ask_at, holder, told = time.monotonic(), min(AFTER, timeout), "", ""
        with _turn_waiting_off(driver):
            while True:
                try:
                    run(driver, sql)
                    return
                except sqlite3.OperationalError as exc:
                    if "locked" not in str(exc):
                        raise
                    waited = time.monotonic() - began
                    if waited >= ask_at:
                        holder, ask_at = self.find_holder(driver), waited + _PAUSE_BETWEEN_QUESTIONS
                    if holder == OWN and waited >= min(_choose_patience(), timeout):
                        raise self._explain_own_lock(shown) from exc
                    if waited >= timeout:
                        raise self._explain_in_use(shown, timeout, holder) from exc
                if holder != told:
                    self._tell(shown, timeout, holder, say)
                    told = holder
                time.sleep(_PAUSE)

    def find_holder(self, driver: DBAPIConnection) -> str:
        """Return who has the file locked, in words: ``OWN``, other processes, or that it is not known."""
        path = find_file(driver)
        pids = self._find_pids(path)
        others = [pid for pid in pids if pid != os.getpid()]
        if others:
            return " and ".join(map(_describe_process, dict.fromkeys(others)))
        if os.getpid() in pids and (self.writing or _is_open_in_this_process(path, driver)):
            return OWN
        return "which process is not known"

    def _find_pids(self, path: str) -> List[int]:
        """Return the processes that have what is waited for, as far as the system says.

        Only Linux lists locks. A process of another container is not in its list.
        """
        if not self.writing:
            return _find_holders(path, "READ", *_SHARED)
        return _find_holders(path, "WRITE", _PENDING, _SHARED[1]) + _find_holders(
            f"{path}-shm", "WRITE", _WAL_WRITE, _WAL_WRITE
        )

    def _tell(self, shown: str, timeout: float, holder: str, say: Callable[[str], None]) -> None:
        say(f"Another connection is {self._busy} {shown} ({holder}); waiting for it, {timeout:g} seconds at the most.")

    def _explain_own_lock(self, shown: str) -> MigrateError:
        return MigrateError(
            f"Another connection of this very process is {self._busy} {shown} (database is locked):"
            "\nthe migration would wait for its own process for ever.",
            OWN_SESSION,
        )

    def _explain_in_use(self, shown: str, timeout: float, holder: str) -> MigrateError:
        by = f"{holder}; " if holder else ""
        return MigrateError(
            f"Another connection is still {self._busy} {shown} after {timeout:g} seconds ({by}database is locked).",
            "If it is a session of this program, commit it or roll it back before. Otherwise wait and run the command\n"
            "again, or give it longer: --lock-timeout SECONDS",
        )


OWN = "a session of this very process"


def find_file(driver: Union[DBAPIConnection, sqlite3.Connection]) -> str:
    """Return the path of the database that a connection is to, empty where it is in memory."""
    files = {row[1]: row[2] for row in run(driver, "PRAGMA database_list")}
    return os.path.realpath(files["main"]) if files.get("main") else ""


def _choose_patience() -> float:
    """Return how long to wait for this process itself: another thread may be about to end its transaction."""
    return AFTER if is_alone(threading.get_ident()) else BESIDE_OTHER_THREADS


@contextmanager
def _turn_waiting_off(driver: DBAPIConnection) -> Iterator[None]:
    """Let SQLite not wait by itself: it would do so in silence."""
    before = run(driver, "PRAGMA busy_timeout")[0][0]
    run(driver, "PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        run(driver, f"PRAGMA busy_timeout = {before}")


def _find_holders(path: str, kind: str, first: int, last: int) -> List[int]:
    """Return the processes that have a lock on some of a file's bytes: lines of ``/proc/locks`` (proc_locks(5))."""
    try:
        status = os.stat(path)
        with open("/proc/locks", encoding="ascii") as file:
            lines = [line.split() for line in file]
    except OSError:
        return []
    name = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    held = [line[1:] for line in lines if line[1] == "POSIX" and line[3] == kind and line[5] == name]
    return [int(pid) for _, _, _, pid, _, start, end in held if _overlaps(start, end, first, last)]


def _overlaps(start: str, end: str, first: int, last: int) -> bool:
    return int(start) <= last and (end == "EOF" or int(end) >= first)


def _describe_process(pid: int) -> str:
    words = ""
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        words = join_lines(masked(file.read().replace(b"\0", b" ").decode("utf-8", "replace")))
    return f"process {pid}{f': {fit(words, _SHOWN_COMMAND)}' if words else ''}"


def _is_open_in_this_process(path: str, driver: DBAPIConnection) -> bool:
    """Return whether another connection of this process to the file is in a transaction.

    sqlite3's connections are seen here since Python 3.10.
    """
    if not isinstance(driver, sqlite3.Connection):
        return False
    others = (one for one in gc.get_objects() if issubclass(type(one), sqlite3.Connection) and one is not driver)
    return any(_is_reading(one, path) for one in others)


def _is_reading(connection: sqlite3.Connection, path: str) -> bool:
    try:
        return connection.in_transaction and find_file(connection) == path
    except sqlite3.Error:  # closed, or of another thread that lets nobody else use it
        return False


def is_locked(exc: BaseException) -> bool:
    """Return whether SQLite refused a statement because another connection has the file locked."""
    orig = getattr(exc, "orig", exc)
    return isinstance(orig, sqlite3.OperationalError) and "locked" in str(orig)


def locks_itself(migration: Connection, failed: Connection) -> bool:
    """Return whether a connection found a file locked because a migration of this process has it.

    :param migration: the migration's connection.
    :param failed: the connection that failed.
    """
    driver = driver_connection(migration)
    if failed.dialect.name != "sqlite" or (not failed.closed and driver_connection(failed) is driver):
        return False
    file = find_file(driver)
    return bool(file) and is_in_transaction(driver) and os.path.realpath(failed.engine.url.database or "") == file
