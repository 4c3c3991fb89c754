"""What a database says of an error: its number, its SQLSTATE and its words, whichever driver brings them.

Read of psycopg2, psycopg, asyncpg, pg8000, PyMySQL, mysqlclient, MySQL Connector/Python, MariaDB Connector/Python,
aiomysql, asyncmy, sqlite3 and aiosqlite, bare or wrapped by SQLAlchemy.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Dict, Optional, Pattern, Tuple, Type

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


@dataclass(frozen=True)
class DriverError:
    """An error as the database, or its driver, says it.

    :param number: MySQL's or MariaDB's number, 0 for a connection that is closed; or SQLite's primary result code;
        None where there is none.
    :param sqlstate: five characters, empty where there is none.
    :param text: in its own words; the driver's prefixes are left out where it has the words without them.
    """

    number: Optional[int]
    sqlstate: str
    text: str


def read_driver_error(exc: BaseException) -> DriverError:
    """Return what a driver's exception says; of any other exception only its text.

    :param exc: the driver's own exception, or SQLAlchemy's DBAPIError around it.
    """
    wrapped = getattr(exc, "orig", None)
    if isinstance(wrapped, BaseException):
        return _read(wrapped)
    return _read(exc) if _is_a_drivers(exc) else DriverError(None, "", str(exc))


def get_error_class(connection: Connection) -> Type[Exception]:
    """Return what the driver of a connection raises for whatever goes wrong in the database."""
    module = connection.dialect.dbapi
    assert module is not None, "a connection has a driver"
    return module.Error


def is_driver_error(exc: BaseException) -> bool:
    """Return whether an exception is a driver's, bare or wrapped by SQLAlchemy."""
    return isinstance(getattr(exc, "orig", None), BaseException) or _is_a_drivers(exc)


def _is_a_drivers(exc: BaseException) -> bool:
    kinds = [kind for kind in type(exc).__mro__ if kind.__module__ != "sqlalchemy.exc"]
    return any(kind.__name__ in _PEP_249 or kind.__module__.startswith("sqlalchemy.dialects.") for kind in kinds)


_PEP_249 = frozenset(
    (
        "DatabaseError",
        "InterfaceError",
        "DataError",
        "OperationalError",
        "IntegrityError",
        "InternalError",
        "ProgrammingError",
        "NotSupportedError",
        "PostgresError",  # asyncpg's own, which is no driver of PEP 249
    )
)
"""Names of the classes that drivers derive their errors from: MariaDB Connector's have no DatabaseError above them."""


def _read(exc: BaseException) -> DriverError:
    arguments = exc.args or ("",)
    if isinstance(arguments[0], dict):  # pg8000: the fields of PostgreSQL's message by their letters
        fields: Dict[str, Any] = arguments[0]
        detail = f"DETAIL:  {fields['D']}" if "D" in fields else ""
        return DriverError(None, str(fields.get("C", "")), "\n".join(filter(None, (str(fields.get("M", "")), detail))))
    sqlstate = getattr(exc, "sqlstate", None) or getattr(exc, "pgcode", None)
    if not sqlstate and len(arguments) > 1 and re.fullmatch(r"[0-9A-Z]{5}", str(arguments[0])):
        sqlstate = arguments[0]  # pyodbc
    text = _find_text(exc)
    return DriverError(_find_number(exc, text), str(sqlstate or ""), text)


def _find_text(exc: BaseException) -> str:
    own = getattr(exc, "msg", None)  # of both connectors
    if isinstance(own, str) and own:
        return own
    if len(exc.args) > 1 and isinstance(exc.args[0], int):
        return str(exc.args[1]).strip()
    return re.sub(r"^<class '[\w.]+'>: ", "", str(exc)).strip()  # asyncpg under SQLAlchemy


def _find_number(exc: BaseException, text: str) -> Optional[int]:
    """Return the number; errno is that of the connectors, an OSError's means something else."""
    if _is_sqlites(exc):
        code = getattr(exc, "sqlite_errorcode", None)  # Python 3.11 and newer
        return _find_sqlite_code(text) if code is None else int(code) & 0xFF
    number = exc.args[0] if exc.args else None
    if not isinstance(number, int) and not isinstance(exc, OSError):
        number = getattr(exc, "errno", None)
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None


def _is_sqlites(exc: BaseException) -> bool:
    return "sqlite" in type(exc).__module__.partition(".")[0]


def _find_sqlite_code(text: str) -> Optional[int]:
    return next((code for code, words in _SQLITE_WORDS if re.search(words, text)), None)


_SQLITE_WORDS: Tuple[Tuple[int, str], ...] = (
    (5, r"^database is locked"),
    (6, r"^database (table|schema) is locked"),
    (7, r"^out of memory"),
    (8, r"^attempt to write a readonly database"),
    (9, r"^interrupted"),
    (10, r"^disk I/O error"),
    (11, r"^database disk image is malformed"),
    (13, r"^database or disk is full"),
    (14, r"^unable to open database file"),
    (19, r"constraint failed"),
    (26, r"^file is not a database"),
)
"""SQLite's result codes by the words that sqlite3_errstr() has for them, for Python before 3.11."""


class Cause(Enum):
    """What is behind an error."""

    LOST = "the connection was lost"
    CANCELED = "the statement was canceled"
    LOCK = "another session has the lock"
    DISK_FULL = "there is no room on the disk"
    NO_RESOURCES = "the server is out of memory or connections"
    READ_ONLY = "the database is read-only"
    LOGIN = "the login was refused"
    DENIED = "the user lacks a privilege"
    ABORTED = "an earlier statement of the transaction failed"
    EXISTS = "the object exists already"
    DATA = "the data do not allow it"
    STORAGE = "the disk or the database's files are damaged"


def read_cause(exc: BaseException) -> Optional[Cause]:
    """Return what is behind an error of a database or a disk; None where that is another thing, or not known.

    :param exc: the driver's own exception, or SQLAlchemy's DBAPIError around it.
    """
    if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return Cause.DISK_FULL
    if not is_driver_error(exc):
        return None
    error = read_driver_error(exc)
    numbers = _SQLITE_CODES if _is_sqlites(getattr(exc, "orig", exc)) else _MYSQL_NUMBERS
    return (
        _find_cause(numbers, error.number)
        or _find_cause(_SQLSTATES, error.sqlstate)
        or _find_cause(_SQLSTATE_CLASSES, error.sqlstate[:2])
        or next((cause for cause, words in _WORDS if words.search(error.text)), None)
        # SQLAlchemy's dialect knows it by the driver's words.
        or (Cause.LOST if getattr(exc, "connection_invalidated", False) else None)
    )


def is_lost(exc: BaseException) -> bool:
    """Return whether the connection is gone."""
    return read_cause(exc) is Cause.LOST


def is_lock_timeout(exc: BaseException) -> bool:
    """Return whether the database gave up waiting for a lock, or chose this session to break a deadlock."""
    return read_cause(exc) is Cause.LOCK


def _find_cause(codes: Dict[Cause, Tuple[Any, ...]], code: Any) -> Optional[Cause]:
    return next((cause for cause, known in codes.items() if code in known), None)


_SQLSTATES: Dict[Cause, Tuple[str, ...]] = {
    # admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout,
    # idle_in_transaction_session_timeout, transaction_timeout
    Cause.LOST: ("57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04"),
    Cause.CANCELED: ("57014",),  # query_canceled
    Cause.LOCK: ("55P03", "40P01", "40001"),  # lock_not_available, deadlock_detected, serialization_failure
    Cause.DISK_FULL: ("53100",),  # disk_full
    Cause.READ_ONLY: ("25006",),  # read_only_sql_transaction
    Cause.DENIED: ("42501",),  # insufficient_privilege
    Cause.ABORTED: ("25P02",),  # in_failed_sql_transaction
    # duplicate_table, _object, _column, _schema, _database, _function
    Cause.EXISTS: ("42P07", "42710", "42701", "42P06", "42P04", "42723"),
    Cause.STORAGE: ("58030", "XX001", "XX002"),  # io_error, data_corrupted, index_corrupted
}
"""Source: PostgreSQL's manual, appendix A. MySQL's have the same meaning where they have the same letters."""

_SQLSTATE_CLASSES: Dict[Cause, Tuple[str, ...]] = {
    Cause.LOST: ("08",),  # connection_exception
    Cause.NO_RESOURCES: ("53",),  # insufficient_resources: memory, connections
    Cause.LOGIN: ("28",),  # invalid_authorization_specification
    Cause.DATA: ("22", "23"),  # data_exception, integrity_constraint_violation
}

_MYSQL_NUMBERS: Dict[Cause, Tuple[int, ...]] = {
    # A closed connection of PyMySQL's and mysqlclient's; ER_SERVER_SHUTDOWN, ER_FORCING_CLOSE, ER_NEW_ABORTING_CONN…,
    # the ER_NET_… errors; MariaDB's ER_CONNECTION_KILLED; CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR,
    # CR_SERVER_GONE_ERROR, CR_SERVER_LOST, CR_SERVER_LOST_EXTENDED; MySQL's ER_SESSION_WAS_KILLED and
    # ER_CLIENT_INTERACTION_TIMEOUT
    Cause.LOST: (
        *(0, 1053, 1080, 1152, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161, 1184),
        *(1927, 2002, 2003, 2006, 2013, 2055, 3169, 4031),
    ),
    Cause.CANCELED: (1317, 1969, 3024),  # ER_QUERY_INTERRUPTED, MariaDB's ER_STATEMENT_TIMEOUT, ER_QUERY_TIMEOUT
    Cause.LOCK: (1205, 1213, 3572),  # ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, MySQL's ER_LOCK_NOWAIT
    Cause.DISK_FULL: (3, 20, 1021, 1114),  # EE_WRITE, EE_DISK_FULL, ER_DISK_FULL, ER_RECORD_FILE_FULL
    # ER_OUTOFMEMORY, ER_OUT_OF_SORTMEMORY, ER_CON_COUNT_ERROR, ER_OUT_OF_RESOURCES, ER_TOO_MANY_USER_CONNECTIONS,
    # ER_LOCK_TABLE_FULL, ER_USER_LIMIT_REACHED
    Cause.NO_RESOURCES: (1037, 1038, 1040, 1041, 1203, 1206, 1226),
    # ER_OPTION_PREVENTS_STATEMENT, ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_READ_ONLY_MODE
    Cause.READ_ONLY: (1290, 1792, 1836),
    # ER_ACCESS_DENIED_ERROR, ER_HOST_IS_BLOCKED, ER_HOST_NOT_PRIVILEGED, ER_ACCESS_DENIED_NO_PASSWORD_ERROR
    Cause.LOGIN: (1045, 1129, 1130, 1698),
    # ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR,
    # ER_SPECIFIC_ACCESS_DENIED_ERROR, ER_PROCACCESS_DENIED_ERROR
    Cause.DENIED: (1044, 1142, 1143, 1227, 1370),
    # ER_DB_CREATE_EXISTS, ER_TABLE_EXISTS_ERROR, ER_DUP_FIELDNAME, ER_DUP_KEYNAME, ER_SP_ALREADY_EXISTS,
    # ER_TRG_ALREADY_EXISTS, ER_FK_DUP_NAME
    Cause.EXISTS: (1007, 1050, 1060, 1061, 1304, 1359, 1826),
    # ER_BAD_NULL_ERROR, ER_DUP_ENTRY, ER_INVALID_USE_OF_NULL, ER_NO_REFERENCED_ROW, ER_ROW_IS_REFERENCED,
    # ER_WARN_DATA_OUT_OF_RANGE, WARN_DATA_TRUNCATED, ER_TRUNCATED_WRONG_VALUE, ER_DIVISION_BY_ZERO,
    # ER_TRUNCATED_WRONG_VALUE_FOR_FIELD, ER_DATA_TOO_LONG, ER_ROW_IS_REFERENCED_2, ER_NO_REFERENCED_ROW_2,
    # ER_DUP_ENTRY_WITH_KEY_NAME, MySQL's ER_CHECK_CONSTRAINT_VIOLATED, MariaDB's ER_CONSTRAINT_FAILED
    Cause.DATA: (
        *(1048, 1062, 1138, 1216, 1217, 1264, 1265, 1292, 1365, 1366, 1406, 1451, 1452, 1525, 1586),
        *(3819, 4025),
    ),
    Cause.STORAGE: (1034, 1194, 1195),  # ER_NOT_KEYFILE, ER_CRASHED_ON_USAGE, ER_CRASHED_ON_REPAIR
}
"""Source: the error message references of MySQL 8.0 and of MariaDB (share/errmsg-utf8.txt in both servers)."""

_SQLITE_CODES: Dict[Cause, Tuple[int, ...]] = {
    Cause.LOCK: (5, 6),  # SQLITE_BUSY, SQLITE_LOCKED
    Cause.NO_RESOURCES: (7,),  # SQLITE_NOMEM
    Cause.READ_ONLY: (8, 14),  # SQLITE_READONLY; SQLITE_CANTOPEN, of its journal where the folder is read-only
    Cause.CANCELED: (9,),  # SQLITE_INTERRUPT
    Cause.STORAGE: (10, 11, 26),  # SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB
    Cause.DISK_FULL: (13,),  # SQLITE_FULL
    Cause.DATA: (19,),  # SQLITE_CONSTRAINT
}
"""Source: https://sqlite.org/rescode.html"""

_WORDS: Tuple[Tuple[Cause, Pattern[str]], ...] = (
    # ENOSPC in the errors of MySQL and MariaDB that are about a file: 1005, 1025, 1026, 1030
    (Cause.DISK_FULL, re.compile(r"No space left on device|errno: 28\b|Got error 28\b")),
    # SQLITE_ERROR, which has no number for it
    (
        Cause.EXISTS,
        re.compile(r"^(?:table|index|view|trigger) .* already exists$|^there is already a|^duplicate column name"),
    ),
    # libpq, psycopg, pg8000 and the connectors, of a connection that is gone: neither a number nor a SQLSTATE
    (
        Cause.LOST,
        re.compile(
            r"server closed the connection|connection (?:already|is|was|has been) (?:closed|lost)|connection not open"
            r"|terminating connection|could not (?:receive|send) data|server has gone away|consuming input failed"
            r"|network error|Broken pipe|Connection reset",
            re.I,
        ),
    ),
)
"""What is known only by its words: those of the databases and drivers in their English."""
