"""Never committed: on the connection that env.py gave to Alembic, a commit rolls back, whoever asks for it.

env.py commits by itself, and with several databases all of them together. SQLAlchemy tells of a commit before it asks
the driver for one: the driver is rolled back then, and has nothing left to commit. What cannot be rolled back after
all is not begun: there the rehearsal stops.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Iterator, NoReturn, Optional

from ..errors import MigrateError
from ..seam.driver import driver_connection, is_autocommit, run
from ..seam.recorder import current, is_own, plain, reads


class Stopped(BaseException):
    """The rehearsal goes no further; not an Exception, so that no migration takes it for a failure of its own.

    :param reason: why; None where it is at its end.
    """

    def __init__(self, reason: Optional[str]) -> None:
        self.reason = reason
        super().__init__(reason)


class Committed(MigrateError):
    """A migration has ended the transaction where a rehearsal does not see it."""


def can_roll_back(connection: Any) -> bool:
    """Return whether DDL on a connection is part of a transaction; SQLite's is under the guard."""
    driver = driver_connection(connection)
    if connection.dialect.name == "postgresql":
        return not is_autocommit(connection) and not getattr(driver, "autocommit", False)
    return connection.dialect.name == "sqlite" and not is_autocommit(connection)


@dataclass
class Uncommitted:
    """The transactions of one connection."""

    connection: Any
    stop: Callable[[str], NoReturn]

    def attach(self) -> None:
        """Let nothing be committed from now on."""
        from sqlalchemy import event

        event.listen(self.connection, "commit", self._commit)
        event.listen(self.connection, "prepare_twophase", self._end)
        event.listen(self.connection, "commit_twophase", self._end)

    def _commit(self, connection: Any) -> None:
        driver = driver_connection(connection)
        if current() is None:
            _check_constraints(connection)
        driver.rollback()
        if current() is not None:
            self.stop("it commits by itself")

    def _end(self, connection: Any, *others: Any) -> NoReturn:
        """A transaction in two phases is at its end: what is raised here rolls it back."""
        _check_constraints(connection)
        raise Stopped(None)


@contextmanager
def in_one_transaction(connection: Any, revision: str, stop: Callable[[str], NoReturn]) -> Iterator[None]:
    """See to it that a step does not commit on the driver's own connection, of which SQLAlchemy tells nothing.

    :raises MigrateError: on PostgreSQL, where it cannot be prevented, once it has happened.
    """
    on_its_own = _sqlite if connection.dialect.name == "sqlite" else _postgresql
    with on_its_own(driver_connection(connection), revision, stop):
        yield


@contextmanager
def _sqlite(driver: Any, revision: str, stop: Callable[[str], NoReturn]) -> Iterator[None]:
    """SQLite asks before each statement; an application that has an authorizer of its own loses it by this."""
    refused = []

    def authorize(action: int, word: Any, *others: Any) -> int:
        if action == sqlite3.SQLITE_TRANSACTION and word == "COMMIT":
            refused.append(word)
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    driver.set_authorizer(authorize)
    try:
        yield
    except Exception:
        if refused:
            stop("it commits on the driver's own connection")
        raise
    finally:
        # Before Python 3.11, None is called like any other, and what is no answer is a refusal.
        driver.set_authorizer(None if sys.version_info >= (3, 11) else lambda *others: sqlite3.SQLITE_OK)


@contextmanager
def _postgresql(driver: Any, revision: str, stop: Callable[[str], NoReturn]) -> Iterator[None]:
    before = run(driver, "SELECT txid_current()")
    yield
    if run(driver, "SELECT txid_current()") != before:
        raise Committed(
            f"Revision {revision} ended the transaction on the driver's own connection, unseen by the rehearsal.",
            "What it had done until then is in the database, if it committed. Give it op.execute() instead.",
        )


def _check_constraints(connection: Any) -> None:
    """Check what PostgreSQL would check when it commits: constraints that are deferred."""
    if connection.dialect.name == "postgresql":
        connection.execute(_text("SET CONSTRAINTS ALL IMMEDIATE"))


def _text(sql: str) -> Any:
    from sqlalchemy import text

    return text(sql)


def refuse_to_commit(own: Any, connection: Any, sql: str, stop: Callable[[str], NoReturn]) -> None:
    """Stop before a statement that a rollback of the own connection does not take back."""
    if not is_own(own, connection):
        if not reads(sql):
            stop("it writes on a connection of its own, which a rehearsal cannot roll back")
    elif not can_roll_back(connection):
        stop("it leaves the transaction (AUTOCOMMIT)")
    elif _ends_the_transaction(sql):
        stop(f"it ends the transaction itself ({_ends_the_transaction(sql)})")


def _ends_the_transaction(sql: str) -> str:
    """Return the word that ends the transaction; empty where none does. SQLite runs no statement behind another."""
    text = plain(re.sub(r"\$(\w*)\$.*?\$\1\$|'[^']*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL))
    text = re.sub(r"\bBEGIN ATOMIC\b.*?; ?END\b", " ", text, flags=re.I)  # the body of a function of PostgreSQL 14
    trigger = re.match(r"CREATE (?:TEMP(?:ORARY)? )?TRIGGER\b", text, re.I)
    found = re.match(rf"({_ENDS})\b", text, re.I) or (not trigger and re.search(rf"; ?({_ENDS})\b", text, re.I))
    return found[1].upper() if found else ""


_ENDS = r"COMMIT|END|ABORT|PREPARE TRANSACTION|ROLLBACK(?! (?:(?:WORK|TRANSACTION) )?TO\b)"
