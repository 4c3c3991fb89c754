"""Patient: a server that is not up yet, and a lock in the database that is not free yet."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, TypeVar

from ..errors import CannotConnect, MigrateError
from ..seam.driver import driver_connection, is_autocommit, run
from ..seam.driver_errors import is_lock_timeout as is_lock_timeout

T = TypeVar("T")


def until_connected(attempt: Callable[[], T], seconds: float, say: Callable[[str], None]) -> T:
    """Call until it no longer fails for want of a connection, for some seconds.

    :param seconds: how long to go on; 0 for one attempt.
    :param say: called once, where it has to wait.
    :raises CannotConnect: the last failure, when the time is over.
    """
    end, pause, said = time.monotonic() + seconds, 0.1, False
    while True:
        try:
            return attempt()
        except CannotConnect as error:
            left = end - time.monotonic()
            if left <= 0:
                raise
            if not said:
                say(f"{error.problem} Trying again for {seconds:g} seconds.")
                said = True
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, 2)


def until_unlocked(attempt: Callable[[], T], retries: int, say: Callable[[str], None]) -> T:
    """Call again, after growing pauses, what failed because a lock in the database was not free.

    :param retries: how often to try again at the most.
    :raises MigrateError: the last failure.
    """
    for tried in range(retries + 1):
        try:
            return attempt()
        except MigrateError as error:
            if tried == retries or not error.can_retry:
                raise
            pause = min(2**tried, 60)
            say(f"{error.problem}\n{error.can_retry} Trying again in {pause} seconds ({tried + 1} of {retries}).")
            time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def lock_timeout(connection: Any, seconds: float) -> Iterator[None]:
    """Let statements on this connection wait no longer than that for a lock; afterwards it is as it was.

    :param seconds: 0 leaves the connection alone.
    """
    dialect = connection.dialect.name
    if seconds and dialect == "postgresql":
        with _on_postgresql(connection, seconds):
            yield
    elif seconds and dialect in ("mysql", "mariadb"):
        with _on_mysql(connection, seconds):
            yield
    else:
        yield


@contextmanager
def _on_postgresql(connection: Any, seconds: float) -> Iterator[None]:
    """SET LOCAL at the start of each transaction: it ends with the transaction, however that ends."""
    from sqlalchemy import event

    def begin(began: Any) -> None:
        if not is_autocommit(began):
            run(driver_connection(began), f"SET LOCAL lock_timeout = {_milliseconds(seconds)}")

    event.listen(connection, "begin", begin)
    if connection.in_transaction():
        begin(connection)
    yield


@contextmanager
def autocommit_lock_timeout(connection: Any, seconds: float) -> Iterator[None]:
    """The same on PostgreSQL where there is no transaction, inside ``autocommit_block()``."""
    if not seconds or connection.dialect.name != "postgresql":
        yield
        return
    driver = driver_connection(connection)
    before = run(driver, "SHOW lock_timeout")[0][0]
    run(driver, f"SET lock_timeout = {_milliseconds(seconds)}")
    try:
        yield
    finally:
        run(driver, f"SET lock_timeout = '{before}'")


def _milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1)


@contextmanager
def _on_mysql(connection: Any, seconds: float) -> Iterator[None]:
    driver = driver_connection(connection)
    before = run(driver, "SELECT @@SESSION.lock_wait_timeout")[0][0]
    run(driver, f"SET SESSION lock_wait_timeout = {max(round(seconds), 1)}")
    try:
        yield
    finally:
        if not connection.closed and not connection.invalidated:
            run(driver, f"SET SESSION lock_wait_timeout = {before}")
