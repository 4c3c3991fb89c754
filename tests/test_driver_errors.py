"""One reader for the errors of every driver: real errors of real servers, bare and wrapped by SQLAlchemy.

Drivers that are not installed are skipped: CI has those of the test extra.
"""

import asyncio
import errno
import importlib
import os
import re
import sqlite3
import sys

import pytest
import sqlalchemy as sa
from conftest import SQLALCHEMY, make_database

from flask_migrate_script.seam.driver_errors import Cause, is_lock_timeout, is_lost, read_cause, read_driver_error

DRIVERS = {
    "postgresql+psycopg2": "psycopg2",
    "postgresql+psycopg": "psycopg",
    "postgresql+pg8000": "pg8000",
    "postgresql+asyncpg": "asyncpg",
    "mysql+pymysql": "pymysql",
    "mysql+mysqldb": "MySQLdb",
    "mysql+mysqlconnector": "mysql.connector",
    "mariadb+mariadbconnector": "mariadb",
    "mysql+aiomysql": "aiomysql",
    "mysql+asyncmy": "asyncmy",
    "sqlite": "sqlite3",
    "sqlite+aiosqlite": "aiosqlite",
}
ASYNC = ("asyncpg", "aiomysql", "asyncmy", "aiosqlite")
KIND = {"mariadb": "mysql"}


@pytest.fixture(params=list(DRIVERS))
def execute(request, tmp_path):
    """Return a function that runs SQL with one driver on a database of its own, and returns the error it ends in."""
    module = DRIVERS[request.param]
    try:
        importlib.import_module(module)
    except ImportError:
        pytest.skip(f"{module} is not installed")
    name = re.split(r"\W", request.param)[0]
    if SQLALCHEMY < (2,) and module not in ("psycopg2", "pg8000", "pymysql", "MySQLdb", "mysql.connector", "sqlite3"):
        pytest.skip("SQLAlchemy has no dialect for it, or not in each release")
    database, drop = make_database(KIND.get(name, name), tmp_path)
    url = re.sub(r"^[\w+]+", request.param.replace("+", r"+"), database.url)

    def run(*statements):
        if module in ASYNC:
            return asyncio.run(_run_async(url, statements))
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        try:
            with engine.begin() as connection:
                for statement in statements:
                    connection.execute(sa.text(statement))
        except Exception as exc:
            return exc
        return None

    run.kind = KIND.get(name, name)
    yield run
    drop()


async def _run_async(url, statements):
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url, poolclass=sa.pool.NullPool)
    try:
        async with engine.begin() as connection:
            for statement in statements:
                await connection.execute(sa.text(statement))
    except Exception as exc:
        return exc
    finally:
        await engine.dispose()
    return None


KEYED = "CREATE TABLE keyed (id INTEGER PRIMARY KEY)"
SAID = {
    "no such table": {
        "statements": ["SELECT * FROM nosuch"],
        "postgresql": (None, "42P01", "nosuch"),
        "mysql": (1146, "42S02", "nosuch"),
        "sqlite": (1, "", "no such table: nosuch"),
        "cause": None,
    },
    "exists": {
        "statements": [KEYED, KEYED],
        "postgresql": (None, "42P07", "keyed"),
        "mysql": (1050, "42S01", "keyed"),
        "sqlite": (1, "", "table keyed already exists"),
        "cause": Cause.EXISTS,
    },
    "data": {
        "statements": [
            "DROP TABLE IF EXISTS keyed",
            KEYED,
            "INSERT INTO keyed VALUES (1)",
            "INSERT INTO keyed VALUES (1)",
        ],
        "postgresql": (None, "23505", "keyed"),
        "mysql": (1062, "23000", "Duplicate entry '1'"),
        "sqlite": (19, "", "UNIQUE constraint failed: keyed.id"),
        "cause": Cause.DATA,
    },
}


@pytest.mark.parametrize("said", list(SAID))
def test_number_sqlstate_and_words(execute, said):
    number, sqlstate, words = SAID[said][execute.kind]
    wrapped = execute(*SAID[said]["statements"])
    for exc in (wrapped, wrapped.orig):
        found = read_driver_error(exc)
        if sys.version_info >= (3, 11) or number != 1:  # SQLITE_ERROR is not known by its words
            assert found.number == number, (exc, found)
        assert found.sqlstate in (sqlstate, ""), (exc, found)
        assert found.sqlstate or number is not None, (exc, found)
        assert words in found.text, (exc, found)
        assert not found.text.startswith(("(", "<class", "1146 (")), found
        assert read_cause(exc) is SAID[said]["cause"], (exc, found)


KILLED = {
    "postgresql": "SELECT pg_terminate_backend(pg_backend_pid())",
    "mysql": "KILL CONNECTION_ID()",
}


def test_a_killed_connection(execute):
    if execute.kind == "sqlite":
        pytest.skip("it has no connection to lose")
    exc = execute(KILLED[execute.kind], "SELECT 1")
    # MySQL says of a session that kills itself that its statement was interrupted.
    expected = (Cause.LOST, Cause.CANCELED) if execute.kind == "mysql" else (Cause.LOST,)
    assert read_cause(exc) in expected, (type(exc), exc, read_driver_error(exc))
    if read_cause(exc) is Cause.LOST:
        assert is_lost(getattr(exc, "orig", exc)), read_driver_error(exc)


def test_a_read_only_transaction(execute):
    if execute.kind == "sqlite":
        statements = ["PRAGMA query_only = 1", KEYED]
    elif execute.kind == "mysql":
        statements = [KEYED, "START TRANSACTION READ ONLY", "INSERT INTO keyed VALUES (1)"]
    else:
        statements = ["SET TRANSACTION READ ONLY", KEYED]
    assert read_cause(execute(*statements)) is Cause.READ_ONLY


def test_a_transaction_that_has_failed_already(execute):
    if execute.kind != "postgresql":
        pytest.skip("only PostgreSQL refuses what follows")
    exc = execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '25P02'; END $$")
    assert read_cause(exc) is Cause.ABORTED


RAISED = {
    "55P03": Cause.LOCK,
    "40P01": Cause.LOCK,
    "40001": Cause.LOCK,
    "53100": Cause.DISK_FULL,
    "53200": Cause.NO_RESOURCES,
    "53300": Cause.NO_RESOURCES,
    "25006": Cause.READ_ONLY,
    "42501": Cause.DENIED,
    "57014": Cause.CANCELED,
    "57P01": Cause.LOST,
    "23514": Cause.DATA,
    "22003": Cause.DATA,
    "XX001": Cause.STORAGE,
    "42601": None,
}
"""What a function of the server can raise."""


def test_every_sqlstate_is_read_from_every_driver(execute):
    for state, cause in RAISED.items():
        if execute.kind == "postgresql":
            exc = execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")
        elif execute.kind == "mysql":
            exc = execute(f"SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO = {NUMBERS.get(state, 1644)}")
        else:
            pytest.skip("it has no statement that raises an error of choice")
        assert read_cause(exc) is cause, (state, exc, read_driver_error(exc))


NUMBERS = {
    "55P03": 1205,
    "40P01": 1213,
    "40001": 1213,
    "53100": 1114,
    "53200": 1041,
    "53300": 1040,
    "25006": 1792,
    "42501": 1142,
    "57014": 1317,
    "57P01": 1927,
    "23514": 4025,
    "22003": 1264,
    "XX001": 1194,
    "42601": 1064,
}
"""The numbers of MySQL for the same: those that its signals may have, with these SQLSTATEs or others."""


def test_sqlite_that_is_locked_full_or_read_only(tmp_path):
    path = tmp_path / "some.db"
    first, second = (sqlite3.connect(str(path), timeout=0, isolation_level=None) for _ in range(2))
    first.execute("CREATE TABLE t (x)")
    first.execute("BEGIN EXCLUSIVE")
    assert read_cause(_error(second, "INSERT INTO t VALUES (1)")) is Cause.LOCK
    assert is_lock_timeout(sa.exc.OperationalError("INSERT", {}, _error(second, "INSERT INTO t VALUES (1)")))
    first.execute("COMMIT")
    first.execute("PRAGMA max_page_count = 3")
    full = _error(first, "INSERT INTO t SELECT zeroblob(100000)")
    assert read_cause(full) is Cause.DISK_FULL
    read_only = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert read_cause(_error(read_only, "INSERT INTO t VALUES (1)")) is Cause.READ_ONLY
    for connection in (first, second, read_only):
        connection.close()


def test_sqlite_before_python_3_11_is_known_by_its_words():
    for words, number in {
        "database is locked": 5,
        "database table is locked: t": 6,
        "database or disk is full": 13,
        "attempt to write a readonly database": 8,
        "NOT NULL constraint failed: t.x": 19,
    }.items():
        assert read_driver_error(sqlite3.OperationalError(words)).number == number


def test_what_no_driver_raised_has_no_number():
    for exc in (ValueError(1205, "x"), KeyError(1205), OSError(errno.EPIPE, "x"), SystemExit(3)):
        assert read_driver_error(exc).number is None
        assert read_driver_error(exc).sqlstate == ""
        assert not is_lock_timeout(exc)
        assert not is_lost(exc)
    assert read_cause(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) is Cause.DISK_FULL


def _error(connection, sql):
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute(sql)
    return caught.value
