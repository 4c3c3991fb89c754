"""Never committed: the database itself refuses to end the transaction of a rehearsal, whoever asks it to.

env.py commits by itself, and with several databases all of them together: SQLAlchemy tells of a commit before it asks
the driver for one, and the driver is rolled back then. What goes past SQLAlchemy is refused by the database. SQLite
asks before each statement, and is told to refuse COMMIT and ROLLBACK while a script runs. On PostgreSQL a deferred
trigger on a temporary table makes every COMMIT of the transaction fail, and the session's later transactions are
read-only.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Callable, Iterator, NoReturn, Optional

from ..guard.account import find_book
from ..seam.driver import (
    call_sqlite,
    driver_connection,
    find_innermost,
    is_autocommit,
    is_driver_autocommit,
    is_in_transaction,
    run,
)
from ..seam.driver_errors import read_driver_error
from ..seam.facts import SQLiteFacts
from ..sql.text import Kind, split

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from ..seam.database import Database


class Stopped(BaseException):
    """The rehearsal goes no further; not an Exception, so that no migration takes it for a failure of its own.

    :param reason: why; None where it is at its end.
    """

    def __init__(self, reason: Optional[str]) -> None:
        self.reason = reason
        super().__init__(reason)


_REFUSED = "flask_migrate_script refuses to commit a dry run"
_READ_ONLY = "25006"  # read_only_sql_transaction


def has_rollback(database: Database) -> bool:
    """Return whether everything that a migration does in a database can be rolled back, and it may be done at all."""
    if database.dialect == "postgresql":
        driver = driver_connection(database.connection)
        return str(run(driver, "SHOW transaction_read_only")[0][0]) == "off"
    return database.dialect == "sqlite"


def is_left(database: Database, connection: Connection) -> bool:
    """Return whether a script has taken its connection out of the transaction, into AUTOCOMMIT."""
    if database.dialect == "postgresql" and is_driver_autocommit(driver_connection(connection)):
        return True
    return is_autocommit(connection) and not database.engine_autocommit


def find_rollback(sql: str, dialect: str) -> str:
    """Return the word that rolls the transaction back; empty where none does."""
    ending = next((one for one in split(sql, dialect) if one.kind is Kind.ROLLBACK), None)
    return ending.word if ending else ""


def checks_constraints(sql: str, dialect: str) -> bool:
    """Return whether a text has PostgreSQL check constraints now that are deferred."""
    if dialect != "postgresql":
        return False
    return any([token.word for token in one.core[:2]] == ["SET", "CONSTRAINTS"] for one in split(sql, dialect))


def is_refusal(exc: BaseException) -> bool:
    """Return whether a database has refused to end the transaction, or to go on after it."""
    error = read_driver_error(exc)
    return _REFUSED in error.text or "not authorized" in error.text or error.sqlstate == _READ_ONLY


class Uncommitted:
    """The transactions of one connection."""

    def __init__(self, database: Database, stop: Callable[[Database, str], NoReturn]) -> None:
        self.database, self.connection, self.stop = database, database.connection, stop
        self.refused = ""
        self.hear: Callable[..., None] = lambda *asked: None

    @contextmanager
    def refuse_commits(self) -> Iterator[None]:
        """Let PostgreSQL refuse every commit; what the trigger is in goes with the transaction."""
        if self.database.dialect == "postgresql":
            self._prepare()
        yield

    def _prepare(self) -> None:
        driver = driver_connection(self.connection)
        nothing_is_written = run(driver, "SELECT txid_current_if_assigned() IS NULL")[0][0]
        if nothing_is_written and self._commit_nothing(driver):
            before = str(run(driver, "SHOW default_transaction_read_only")[0][0])
            run(driver, "SET default_transaction_read_only = on")
            driver.commit()
            run(driver, "SET TRANSACTION READ WRITE")
            self.database.run.held.callback(self._put_back, driver, before)
        for statement in _TRIGGER:
            run(driver, statement)

    def _commit_nothing(self, driver: Any) -> bool:
        """End a transaction in which nothing is written, so that what env.py has SET stays.

        :returns: False where it is one of two phases, which a driver does not commit like that.
        """
        dbapi: Any = self.connection.dialect.dbapi
        try:
            driver.commit()
        except dbapi.ProgrammingError:
            return False
        return True

    def _put_back(self, driver: Any, read_only: str) -> None:
        with suppress(Exception):  # a connection that is closed is as it should be
            driver.rollback()
            run(driver, f"SET default_transaction_read_only = {read_only}")
            driver.commit()

    def commit(self, stepping: bool) -> None:
        """SQLAlchemy is about to commit: roll back, so that it has nothing left to commit.

        :param stepping: a script asks for it.
        """
        if stepping:
            self.stop(self.database, "it commits by itself")
        if self.database.dialect != "sqlite":  # there the guard itself checks, and sends ROLLBACK
            self.check_constraints()
            driver_connection(self.connection).rollback()

    def explain(self, exc: Optional[BaseException] = None) -> str:
        """Return why a rehearsal stops where the database has refused to go on.

        :param exc: the refusal, where it has reached us.
        """
        detail = read_driver_error(exc).text.partition("DETAIL:")[2] if exc else ""
        statement = self.refused or detail.strip().partition("\n")[0]
        verb = {"ROLLBACK": "rolls back", "": "ends the transaction"}.get(statement, "commits")
        return f"it {verb} on the driver's own connection{f' ({statement})' if statement else ''}"

    @contextmanager
    def around_check(self) -> Iterator[None]:
        """Let a script check deferred constraints by itself: the trigger that refuses a COMMIT is one of them."""
        driver = driver_connection(self.connection)
        run(driver, "SET LOCAL flask_migrate_script.commits = 'checked'")
        yield
        run(driver, "SET LOCAL flask_migrate_script.commits = ''")
        run(driver, "SET CONSTRAINTS pg_temp.refuse DEFERRED")
        run(driver, _TRIGGER[-1])

    def check_as_committed(self) -> None:
        """Check the same where a script would commit and goes on: afterwards constraints are deferred as before."""
        if self.database.dialect == "postgresql":
            driver = driver_connection(self.connection)
            run(driver, "SAVEPOINT flask_migrate_script_commit")
            self.check_constraints()
            run(driver, "ROLLBACK TO SAVEPOINT flask_migrate_script_commit")
            run(driver, "RELEASE SAVEPOINT flask_migrate_script_commit")

    def check_constraints(self) -> None:
        """Check what PostgreSQL would check when it commits: constraints that are deferred."""
        if self.database.dialect == "postgresql":
            driver = driver_connection(self.connection)
            run(driver, "SET LOCAL flask_migrate_script.commits = 'checked'")
            run(driver, "SET CONSTRAINTS ALL IMMEDIATE")

    @contextmanager
    def around_step(self) -> Iterator[None]:
        """While a script runs, let SQLite refuse COMMIT and ROLLBACK, as PostgreSQL does.

        An application that has an authorizer of its own loses it by this.
        """
        if self.database.dialect != "sqlite":
            yield
            return
        facts = find_book(self.database).facts
        self.listen()
        if isinstance(facts, SQLiteFacts):
            facts.on_any = self._ask_again
        try:
            yield
        finally:
            if isinstance(facts, SQLiteFacts):
                facts.on_any = lambda: None
            # Before Python 3.11, None is called like any other, and what is no answer is a refusal.
            call_sqlite(driver_connection(self.connection), "set_authorizer", _allow)

    def is_over(self) -> bool:
        """Return whether SQLite has ended the transaction by itself, as ON CONFLICT ROLLBACK lets it."""
        over = self.database.dialect == "sqlite" and not is_in_transaction(self._own)
        if over:
            self.refused = "ROLLBACK"
        return over

    def listen(self) -> None:
        """Have SQLite ask again of statements that it has prepared before."""
        if self.database.dialect == "sqlite":
            call_sqlite(driver_connection(self.connection), "set_authorizer", self._authorize)

    def _authorize(self, action: int, word: Any, *others: Any) -> int:
        self.hear(action, word, *others)
        if action == sqlite3.SQLITE_TRANSACTION and word in ("COMMIT", "ROLLBACK"):
            self.refused = str(word)
            return sqlite3.SQLITE_DENY
        sets = action == sqlite3.SQLITE_PRAGMA and others[0] is not None
        if (sets or action in _WRITES) and not is_in_transaction(self._own):
            self.refused = "ROLLBACK"  # by ON CONFLICT ROLLBACK, RAISE(ROLLBACK) or a full disk
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    def _ask_again(self) -> None:
        """Let SQLite ask before each statement, not only where Python has not kept it prepared."""
        self._own.set_authorizer(self._authorize)

    @property
    def _own(self) -> Any:
        own = find_innermost(driver_connection(self.connection))
        return getattr(own, "_conn", own)  # aiosqlite's, in whose thread this is called


_WRITES = frozenset(
    number
    for name, number in vars(sqlite3).items()
    if name.startswith(("SQLITE_CREATE_", "SQLITE_DROP_", "SQLITE_ALTER_"))
    or name in ("SQLITE_INSERT", "SQLITE_UPDATE", "SQLITE_DELETE", "SQLITE_REINDEX", "SQLITE_ANALYZE")
)
"""What SQLite calls that which changes a database."""


def _allow(*others: Any) -> int:
    return sqlite3.SQLITE_OK


_TRIGGER = (
    "CREATE TEMPORARY TABLE flask_migrate_script_dry_run (one integer) ON COMMIT DROP",
    f"""
    CREATE FUNCTION pg_temp.flask_migrate_script_refuse() RETURNS trigger LANGUAGE plpgsql AS $refuse$
    BEGIN
        IF current_setting('flask_migrate_script.commits', true) IS DISTINCT FROM 'checked' THEN
            RAISE EXCEPTION '{_REFUSED}' USING DETAIL = current_query();
        END IF;
        RETURN NULL;
    END $refuse$
    """,
    "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON flask_migrate_script_dry_run DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE PROCEDURE pg_temp.flask_migrate_script_refuse()",
    "INSERT INTO pg_temp.flask_migrate_script_dry_run VALUES (1)",
)
