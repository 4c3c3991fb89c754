"""What SQLAlchemy sends: its events on env.py's connection, and on every other one while a script runs.

Listeners are added once and for all: to take one away while another thread runs a statement could break that.
"""

from __future__ import annotations

import functools
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, Tuple

from ..failure_context import FirstError
from .active import ACTIVE
from .database import Call, Database, Sent
from .driver import cancel_statement, driver_connection, looking
from .parts import Part

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from .watch import Bypass


KEY = "flask_migrate_script"
"""Where the ``info`` of a connection has its Database."""


def install() -> None:
    """Listen to what any engine sends."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not event.contains(Engine, "before_cursor_execute", _before_any):
        event.listen(Engine, "before_cursor_execute", _before_any)
        event.listen(Engine, "after_cursor_execute", _after_any)
        event.listen(Engine, "commit", _commit_of_any)
        event.listen(Engine, "handle_error", _failed_past)


def follow(database: Database, held: ExitStack) -> None:
    """Let the parts of a database hear what is sent over its connection, until the run is over."""
    from sqlalchemy import event

    connection = database.connection
    if not event.contains(connection.engine, "handle_error", _note_failure):
        event.listen(connection.engine, "handle_error", _note_failure)
    for name, listener in _LISTENERS.items():
        if not event.contains(connection, name, listener):
            event.listen(connection, name, listener, **({"retval": True} if name == "before_cursor_execute" else {}))
    if any(type(part).execute is not Part.execute for part in database.parts):
        for name, making in _CALLS.items():
            if not event.contains(connection.engine, name, making):
                event.listen(connection.engine, name, making)
    with looking():
        info = connection.info
    if KEY not in info:
        held.callback(info.pop, KEY, None)
    info[KEY] = database


def leave(database: Database) -> None:
    """Let the parts of a database no longer hear what is sent over its connection."""
    with looking():
        database.connection.info.pop(KEY, None)


def _find_database(connection: Connection) -> Optional[Database]:
    if connection.closed or connection.invalidated:
        return None
    with looking():
        found: Optional[Database] = connection.info.get(KEY)
    return found


def _before_execute(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool
) -> Tuple[str, Any]:
    database = _find_database(connection)
    if database is None:
        return statement, parameters
    sent = Sent(connection, cursor, statement, parameters)
    for part in database.parts:
        part.before_statement(database, sent)
    return sent.text, sent.values


def _after_execute(connection: Connection, cursor: Any, statement: str, parameters: Any, *others: Any) -> None:
    database = _find_database(connection)
    if database is not None:
        sent = Sent(connection, cursor, statement, parameters)
        for part in database.parts:
            part.after_statement(database, sent)


def _note_failure(context: Any) -> None:
    connection = context.connection
    database = _find_database(connection) if connection is not None else None
    if database is not None and context.statement is not None:
        sent = Sent(connection, None, context.statement, context.parameters)
        for part in database.parts:
            part.statement_failed(database, sent, context.original_exception)


def _tell(hook: str) -> Callable[..., None]:
    def tell(connection: Connection, *others: Any) -> None:
        database = _find_database(connection)
        if database is not None:
            for part in database.parts:
                getattr(part, hook)(database)

    return tell


_LISTENERS: Dict[str, Callable[..., Any]] = {
    "before_cursor_execute": _before_execute,
    "after_cursor_execute": _after_execute,
    "begin": _tell("began"),
    "commit": _tell("committing"),
    "rollback": _tell("rolling_back"),
    "prepare_twophase": _tell("preparing"),
    "commit_twophase": _tell("preparing"),
}


_last_sent: Dict[int, Tuple[Engine, Any]] = {}
"""By thread: the engine and the cursor of the statement that runs, or was the last to run."""


def stop_statement(thread: threading.Thread) -> None:
    """Have the database stop the statement that a thread waits for, from another thread; one that is over stays so."""
    sent = _last_sent.get(thread.ident or 0)
    if sent:
        engine, cursor = sent
        cancel_statement(engine, cursor.connection)


def _before_any(connection: Connection, cursor: Any, statement: str, parameters: Any, *others: Any) -> None:
    _last_sent[threading.get_ident()] = connection.engine, cursor
    for database in _find_foreign(connection):
        for part in database.parts:
            part.before_foreign_statement(database, Sent(connection, cursor, statement, parameters))


def _after_any(connection: Connection, cursor: Any, statement: str, parameters: Any, *others: Any) -> None:
    for bypass in _bypasses(connection):
        bypass.first_error = None
    for database in _find_foreign(connection):
        for part in database.parts:
            part.after_foreign_statement(database, Sent(connection, cursor, statement, parameters))


def _failed_past(context: Any) -> None:
    for bypass in _bypasses(context.connection) if context.connection is not None and context.statement else ():
        exc = context.sqlalchemy_exception or context.original_exception
        bypass.first_error = bypass.first_error or FirstError(" ".join(context.statement.split()), exc)


def _bypasses(connection: Connection) -> Iterator[Bypass]:
    """Yield the migrations that run past the seam on a connection."""
    for run in ACTIVE:
        yield from (one for one in run.bypasses if is_same(one.connection, connection))


def _commit_of_any(connection: Connection) -> None:
    for database in _find_foreign(connection):
        for part in database.parts:
            part.foreign_commit(database, Sent(connection, None, ""))


def _find_foreign(connection: Connection) -> Iterator[Database]:
    """Yield the database whose script runs now and sends something over a connection that is not Alembic's."""
    for run in ACTIVE:
        database = run.stepping
        if database is not None and run.is_ours() and not is_same(database.connection, connection):
            yield database


def is_same(one: Connection, other: Connection) -> bool:
    """Return whether two connections are one; SQLAlchemy may have several objects for it."""
    if one.closed or other.closed:
        return False
    return one is other or driver_connection(one) is driver_connection(other)


def _execute(cursor: Any, statement: str, parameters: Any, context: Any) -> Optional[bool]:
    return _make_call("do_execute", context, cursor, statement, parameters)


def _executemany(cursor: Any, statement: str, parameters: Any, context: Any) -> Optional[bool]:
    return _make_call("do_executemany", context, cursor, statement, parameters)


def _execute_no_params(cursor: Any, statement: str, context: Any) -> Optional[bool]:
    return _make_call("do_execute_no_params", context, cursor, statement)


_CALLS: Dict[str, Callable[..., Optional[bool]]] = {
    "do_execute": _execute,
    "do_executemany": _executemany,
    "do_execute_no_params": _execute_no_params,
}


def _make_call(name: str, context: Any, *given: Any) -> Optional[bool]:
    database = _find_database(context.root_connection) if context is not None else None
    if database is None:
        return None
    execute = functools.partial(getattr(context.dialect, name), *given, context)
    cursor, statement, *values = given
    call = Call(cursor, statement, values, context, execute)
    for part in database.parts:
        if part.execute(database, call):
            return True
    return None
