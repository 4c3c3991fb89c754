"""Database URLs, drivers, connections, and what a database refuses."""

from __future__ import annotations

import re
import traceback
from types import FrameType
from typing import Any, Optional, Tuple

from ..errors import CannotConnect, MigrateError
from ..passwords import masked
from ..seam.driver_errors import Cause
from .causes import advise
from .failure import TRACEBACK, UNCHANGED, Failure, name_module, quote_database, quote_error, shorten_path


def explain_driver(failure: Failure) -> Optional[MigrateError]:
    """A database URL that no installed dialect or driver answers to."""
    for exc in failure.chain:
        if type(exc).__name__ == "NoSuchModuleError":
            return _explain_no_dialect(str(exc))
        if isinstance(exc, ModuleNotFoundError) and _is_raised_in(exc, "sqlalchemy.dialects"):
            return _explain_no_driver(exc.name or str(exc))
    return None


def _explain_no_dialect(text: str) -> MigrateError:
    name = text.rpartition(":")[2].replace(".", "+")
    if name.partition("+")[0] == "postgres":
        return MigrateError(
            "The database URL begins with postgres://, which SQLAlchemy does not know.",
            f"{UNCHANGED} Write postgresql:// instead in SQLALCHEMY_DATABASE_URI.",
        )
    return MigrateError(
        f"SQLAlchemy knows no database of the name {name}.",
        f"{UNCHANGED} Check what stands before :// in SQLALCHEMY_DATABASE_URI, or install what provides it.",
    )


_DRIVERS = {
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "psycopg": '"psycopg[binary]"',
    "pymysql": "PyMySQL",
}


def _explain_no_driver(module: str) -> MigrateError:
    return MigrateError(
        f"The database driver {module} is not installed.",
        f"{UNCHANGED} Install it: pip install {_DRIVERS.get(module, module)}\n"
        "or name another after the database in SQLALCHEMY_DATABASE_URI, as in postgresql+psycopg2://",
    )


def _is_raised_in(exc: BaseException, package: str) -> bool:
    """Tell a missing driver, which SQLAlchemy imports, from a module that the application or a script misses."""
    frames = [frame for frame, _ in traceback.walk_tb(exc.__traceback__) if "importlib" not in frame.f_code.co_filename]
    return bool(frames) and name_module(frames[-1]).startswith(package)


def explain_url(failure: Failure) -> Optional[MigrateError]:
    """What SQLAlchemy says of a URL it cannot read may be the URL itself, so it is not repeated."""
    for exc in failure.chain:
        if type(exc).__name__ in ("ArgumentError", "ValueError") and _is_raised_in(exc, "sqlalchemy.engine.url"):
            return MigrateError(
                "The database URL cannot be read.",
                f"{UNCHANGED} SQLALCHEMY_DATABASE_URI reads like postgresql://user@host:5432/database; a password\n"
                "follows the user and a colon, with its @ : / and % quoted (urllib.parse.quote_plus).",
            )
    return None


def explain_connection(failure: Failure) -> Optional[MigrateError]:
    """A connection that could not be made; asyncpg and others raise an OSError, which SQLAlchemy leaves as it is."""
    exc: Any = failure.find_kind("DBAPIError") or next((exc for exc in failure.chain if isinstance(exc, OSError)), None)
    if (
        exc is None
        or getattr(exc, "statement", None)
        or not any(_is_connecting(frame) for frame, _ in failure.list_frames())
    ):
        return None
    words = quote_database(exc)
    advice = next(advice for pattern, advice in _CONNECTION_ADVICE if re.search(pattern, words))
    return CannotConnect(f"Cannot connect to {_find_url(failure)}: {words}", advice)


def _is_connecting(frame: FrameType) -> bool:
    return frame.f_code.co_name == "connect" and name_module(frame) == "sqlalchemy.engine.default"


_CONNECTION_ADVICE: Tuple[Tuple[str, str], ...] = (
    (r"unable to open database file", "Is its folder there, and may you write to it? See SQLALCHEMY_DATABASE_URI."),
    (r"database .* does not exist|Unknown database", "Create it, or correct its name in SQLALCHEMY_DATABASE_URI."),
    (
        r"too many (clients|connections)|remaining connection slots|Too many connections",
        "The server has no connection left. Close other sessions, or raise its limit, then run the command again.",
    ),
    (r"starting up|shutting down|in recovery", "The server is starting or stopping: wait, or use --wait SECONDS."),
    (r"password|Access denied|role .* does not exist", "Check the user and the password in SQLALCHEMY_DATABASE_URI."),
    (r"resolve|translate host name|not known|getaddrinfo", "Check the host in SQLALCHEMY_DATABASE_URI."),
    (r"", "Is the server running, and does SQLALCHEMY_DATABASE_URI have its host and port?"),
)


def _find_url(failure: Failure) -> str:
    """Return the URL that was connected to, as its engine shows it: an application may have several."""
    for frame, _ in failure.list_frames():
        url = getattr(frame.f_locals.get("self"), "url", None)
        if url is not None and name_module(frame).startswith("sqlalchemy."):
            return masked(repr(url))
    return "the database"


def explain_database(failure: Failure) -> Optional[MigrateError]:
    """What the database said outside of any migration, and which of the user's files was asking."""
    exc = failure.database_error
    if exc is None:
        return None
    words, statement = quote_error(exc)
    place = failure.find_users_frame()
    where = f"Asked by: {shorten_path(place[0].f_code.co_filename)}, line {place[1]}" if place else ""
    lost = failure.cause is Cause.LOST
    problem = f"{'The connection to the database failed' if lost else 'The database refused'}: {words}"
    advice = advise(failure) or f"Run it again: {TRACEBACK}"
    return MigrateError("\n".join(filter(None, (problem, statement, where))), advice)
