"""Patient: a server that is not up yet, and a lock in the database that is not free yet."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable, Iterator, TypeVar

from ..errors import CannotConnect, MigrateError
from ..seam.driver import driver_connection, is_autocommit, run
from ..seam.parts import Part

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep
    from sqlalchemy.engine import Connection

    from ..seam.database import Database

T = TypeVar("T")


def retry_until_connected(attempt: Callable[[], T], seconds: float, say: Callable[[str], None]) -> T:
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


def retry_until_unlocked(attempt: Callable[[], T], retries: int, say: Callable[[str], None]) -> T:
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


class LockTimeout(Part):
    """Lets the statements of a migration wait no longer than that for a lock in the database.

    :param seconds: how long; 0 leaves the server's own setting.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    @contextmanager
    def around_run(self, database: Database) -> Iterator[None]:
        with limit_waiting(database.connection, self.seconds):
            yield

    def began(self, database: Database) -> None:
        if database.in_run:
            self._limit_transaction(database)

    @contextmanager
    def around_step(self, database: Database, step: MigrationStep) -> Iterator[None]:
        if not database.run.refuses:  # in a dry run a step ends no transaction
            self._limit_transaction(database)  # the step before may have ended the transaction by itself
        yield

    def _limit_transaction(self, database: Database) -> None:
        if self.seconds and database.dialect == "postgresql" and not is_autocommit(database.connection):
            run(driver_connection(database.connection), _limit_locally(self.seconds))

    @contextmanager
    def inside_autocommit(self, database: Database) -> Iterator[None]:
        """The same on PostgreSQL where there is no transaction."""
        if not self.seconds or database.dialect != "postgresql":
            yield
            return
        driver = driver_connection(database.connection)
        before = run(driver, "SHOW lock_timeout")[0][0]
        run(driver, f"SET lock_timeout = {_count_milliseconds(self.seconds)}")
        try:
            yield
        finally:
            run(driver, f"SET lock_timeout = '{before}'")


@contextmanager
def limit_waiting(connection: Connection, seconds: float) -> Iterator[None]:
    """Let statements on this connection wait no longer than that for a lock; afterwards it is as it was.

    On PostgreSQL it holds for the transaction that is open.

    :param seconds: 0 leaves the connection alone.
    """
    dialect = connection.dialect.name
    if seconds and dialect in ("mysql", "mariadb"):
        with _limit_on_mysql(connection, seconds):
            yield
        return
    if seconds and dialect == "postgresql" and connection.in_transaction():
        run(driver_connection(connection), _limit_locally(seconds))
    yield


def _limit_locally(seconds: float) -> str:
    return f"SET LOCAL lock_timeout = {_count_milliseconds(seconds)}"


def _count_milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1)


@contextmanager
def _limit_on_mysql(connection: Connection, seconds: float) -> Iterator[None]:
    driver = driver_connection(connection)
    before = run(driver, "SELECT @@SESSION.lock_wait_timeout")[0][0]
    run(driver, f"SET SESSION lock_wait_timeout = {max(round(seconds), 1)}")
    try:
        yield
    finally:
        if not connection.closed and not connection.invalidated:
            run(driver, f"SET SESSION lock_wait_timeout = {before}")
