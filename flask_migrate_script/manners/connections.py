"""Connections, engines and sessions as SQLAlchemy 1 had them: strings, parameters by keyword, ``engine.execute``."""

from __future__ import annotations

from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple, Type
from weakref import WeakKeyDictionary

from ..sql.text import reads
from .callers import Manners
from .replacing import add, replace
from .rows import age_result
from .versions import SQLALCHEMY

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.orm import Session

Real = Callable[..., Any]

_NOW = {"parameters", "params", "execution_options", "bind_arguments", "bind", "mapper"}
"""Keywords of today's ``execute``; any other was a parameter of the statement."""


def replace_methods() -> None:
    """Replace methods of Connection, Session and Engine that took something else in 1.x; seen on 1.4.0 to 2.1.9."""
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.orm import Session

    replace(Connection, "execute", _execute)
    replace(Session, "execute", _execute_in_session)
    if SQLALCHEMY < (2, 0):
        replace(Engine, "execute", _execute_on_known_engine)
        return
    replace(Connection, "scalar", _scalar)
    replace(Session, "scalar", _scalar_in_session)
    replace(Connection, "begin", _begin)
    replace(Connection, "execution_options", _set_options)
    add(Engine, "execute", _execute_on_engine)
    add(Engine, "scalar", _scalar_on_engine)
    add(Engine, "has_table", _has_table)
    add(Engine, "table_names", _table_names)
    _add_execute_of_statements()


def _execute(
    manners: Manners,
    frame: FrameType,
    real: Real,
    connection: Connection,
    statement: Any,
    *args: object,
    **kwargs: object,
) -> Any:
    """``connection.execute("…", …)``, ``execute(statement, a=1)``, ``execute(statement, {…}, {…})``"""
    if SQLALCHEMY < (2, 0):
        return age_result(manners, frame, real(connection, statement, *args, **kwargs))
    settled = _settle(connection)
    if isinstance(statement, str):
        manners.note(frame, "a string in execute()")
        result = _execute_string(connection, statement, args, kwargs)
    else:
        given, options = _read_parameters(manners, frame, args, kwargs)
        result = real(connection, statement, *given, **options)
    settled(statement)
    return age_result(manners, frame, result)


def _execute_string(connection: Connection, statement: str, args: Tuple[object, ...], kwargs: Dict[str, Any]) -> Any:
    """Send a text as 1.x did: as it is, with parameters in the driver's own style."""
    options = {name: kwargs.pop(name) for name in ("execution_options",) if name in kwargs}
    sets = [one if hasattr(one, "keys") else tuple(one) for one in _distill(args, kwargs)]
    return connection.exec_driver_sql(statement, sets or None, **options)


def _distill(args: Tuple[object, ...], kwargs: Dict[str, object]) -> Sequence[Any]:
    """Return sets of parameters from what 1.x took for them: mappings, sequences, single values, keywords."""
    if not args or args == (None,):
        return [kwargs] if kwargs else []
    first = args[0]
    if len(args) > 1:
        return list(args) if _is_set(first) else [args]
    if isinstance(first, (list, tuple)):
        return first if not first or _is_set(first[0]) else [first]
    return [first] if hasattr(first, "keys") else [[first]]


def _is_set(given: Any) -> bool:
    return hasattr(given, "__iter__") and not hasattr(given, "strip")


def _read_parameters(
    manners: Manners, frame: FrameType, args: Tuple[object, ...], kwargs: Dict[str, object]
) -> Tuple[List[Any], Dict[str, Any]]:
    """Return the parameters of a statement as they are given today, and the other arguments."""
    if len(args) < 2 and not set(kwargs) - _NOW:
        return list(args), kwargs
    kind = "execute(statement, {...}, {...})" if args else "execute(statement, name=value)"
    manners.note(frame, kind)
    options = {name: kwargs.pop(name) for name in ("execution_options",) if name in kwargs}
    sets = list(_distill(args, kwargs))
    return [sets if len(sets) > 1 else sets[0]], options


def _scalar(
    manners: Manners,
    frame: FrameType,
    real: Real,
    connection: Connection,
    statement: Any,
    *args: object,
    **kwargs: object,
) -> Any:
    """``connection.scalar("…", …)``"""
    if isinstance(statement, str):
        manners.note(frame, "a string in scalar()")
        return _execute_string(connection, statement, args, kwargs).scalar()
    given, options = _read_parameters(manners, frame, args, kwargs)
    return real(connection, statement, *given, **options)


def _execute_in_session(
    manners: Manners, frame: FrameType, real: Real, session: Session, statement: Any, *args: object, **kwargs: object
) -> Any:
    """``session.execute("… :name", {…})``: a session made a ``text()`` of it."""
    statement = _make_text(manners, frame, statement, "execute()")
    return age_result(manners, frame, real(session, statement, *args, **kwargs))


def _scalar_in_session(
    manners: Manners, frame: FrameType, real: Real, session: Session, statement: Any, *args: object, **kwargs: object
) -> Any:
    """``session.scalar("…")``"""
    return real(session, _make_text(manners, frame, statement, "scalar()"), *args, **kwargs)


def _make_text(manners: Manners, frame: FrameType, statement: Any, where: str) -> Any:
    if SQLALCHEMY < (2, 0) or not isinstance(statement, str):
        return statement
    from sqlalchemy import text

    manners.note(frame, f"a string in {where}")
    return text(statement)


class InnerTransaction:
    """What ``connection.begin()`` gave inside of a transaction: it ends nothing, but to roll it back rolls all back."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.is_active = True

    def commit(self) -> None:
        """Leave it to the transaction around it."""
        self.is_active = False

    def rollback(self) -> None:
        """Roll back the transaction around it."""
        around = self.connection.get_transaction()
        if self.is_active and around is not None:
            around.rollback()
        self.is_active = False

    def close(self) -> None:
        """Roll back, unless it is over."""
        self.rollback()

    def __enter__(self) -> InnerTransaction:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], exc: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if kind is None and self.is_active:
            self.commit()
        else:
            self.rollback()


def _begin(manners: Manners, frame: FrameType, real: Real, connection: Connection) -> Any:
    """``connection.begin()`` inside of a transaction"""
    if _has_begun_itself(connection):
        connection.commit()
    if not connection.in_transaction():
        return real(connection)
    manners.note(frame, "begin() inside a transaction")
    return InnerTransaction(connection)


def _set_options(manners: Manners, frame: FrameType, real: Real, connection: Connection, **options: Any) -> Any:
    """``execution_options(isolation_level="AUTOCOMMIT")`` inside of a transaction: it is committed before."""
    if "isolation_level" in options and _has_begun_itself(connection):
        connection.commit()
    database = manners.find_database(connection)
    autocommit = options.get("isolation_level") == "AUTOCOMMIT" and connection.in_transaction()
    if not autocommit or database is None or database.context is None:
        return real(connection, **options)
    manners.note(
        frame,
        "execution_options(isolation_level=...)",
        how="the transaction is committed here, and until the script ends each statement commits itself",
    )
    manners.held.enter_context(database.context.autocommit_block())
    del options["isolation_level"]
    return real(connection, **options) if options else connection


def _execute_on_engine(
    manners: Manners, frame: FrameType, engine: Engine, statement: Any, *args: object, **kwargs: object
) -> Any:
    """``engine.execute(…)``: on the migration's own connection, and in its transaction, where it is to that database.

    To another database it commits itself, as it did.
    """
    manners.note(frame, "engine.execute()")
    connection = manners.find_connection(engine)
    if connection is not None:
        return _execute_quietly(manners, frame, connection, statement, args, kwargs)
    with engine.connect() as own:
        result = _execute_quietly(manners, frame, own, statement, args, kwargs)
        if not result.returns_rows:
            return result
        return age_result(manners, frame, result.freeze()())


def _execute_on_known_engine(
    manners: Manners, frame: FrameType, real: Real, engine: Engine, *args: Any, **kwargs: Any
) -> Any:
    """The same where SQLAlchemy has an ``engine.execute``."""
    connection = manners.find_connection(engine)
    if connection is None:
        return real(engine, *args, **kwargs)
    return age_result(manners, frame, connection.execute(*args, **kwargs))


def _execute_quietly(
    manners: Manners,
    frame: FrameType,
    connection: Connection,
    statement: Any,
    args: Tuple[object, ...],
    kwargs: Dict[str, object],
) -> Any:
    real = getattr(type(connection).execute, "__wrapped__", type(connection).execute)
    return _execute(manners, frame, real, connection, statement, *args, **kwargs)


def _scalar_on_engine(manners: Manners, frame: FrameType, engine: Engine, *args: object, **kwargs: object) -> Any:
    return _execute_on_engine(manners, frame, engine, *args, **kwargs).scalar()


def _has_table(
    manners: Manners, frame: FrameType, engine: Engine, table_name: str, schema: Optional[str] = None
) -> bool:
    from sqlalchemy import inspect

    manners.note(frame, "engine.has_table()")
    return bool(inspect(manners.find_connection(engine) or engine).has_table(table_name, schema))


def _table_names(
    manners: Manners, frame: FrameType, engine: Engine, schema: Optional[str] = None, connection: Any = None
) -> List[str]:
    from sqlalchemy import inspect

    manners.note(frame, "engine.table_names()")
    found: List[str] = inspect(connection or manners.find_connection(engine) or engine).get_table_names(schema)
    return found


_begun: WeakKeyDictionary[Connection, Any] = WeakKeyDictionary()
"""Transactions that SQLAlchemy 2 has begun by itself on a connection of a script's own."""


def _has_begun_itself(connection: Connection) -> bool:
    return connection in _begun and _begun[connection] is connection.get_transaction()


def _settle(connection: Connection) -> Callable[[Any], None]:
    """Return what commits a change where nobody has begun a transaction: 1.x committed it by itself.

    Alembic's connection, and a session's, are in a transaction before a script sees them.
    """
    alone = not connection.in_transaction() or _has_begun_itself(connection)

    def settle(statement: Any) -> None:
        if not alone or not connection.in_transaction():
            return
        _begun[connection] = connection.get_transaction()
        if _changes(connection, statement):
            connection.commit()

    return settle


def _changes(connection: Connection, statement: Any) -> bool:
    return not reads(str(statement), connection.dialect.name)


def _execute_bound(manners: Manners, frame: FrameType, statement: Any, *args: object, **kwargs: object) -> Any:
    """``statement.execute()``, where its tables are in a MetaData with a bind"""
    bind = find_bind(statement)
    if bind is None:
        raise AttributeError(f"{type(statement).__name__!r} object has no attribute 'execute'")
    manners.note(frame, "statement.execute()")
    if hasattr(bind, "exec_driver_sql"):
        return _execute_quietly(manners, frame, bind, statement, args, kwargs)
    return _execute_on_engine(manners, frame, bind, statement, *args, **kwargs)


def find_bind(element: Any) -> Any:
    """Return what the MetaData of one of a statement's tables is bound to; None where there is nothing."""
    from sqlalchemy.sql import visitors

    for one in visitors.iterate(element):
        bind = vars(one.metadata).get("bind") if hasattr(one, "metadata") else None
        if bind is not None:
            return bind
    return None


def _add_execute_of_statements() -> None:
    from sqlalchemy.sql.expression import Executable

    add(Executable, "execute", _execute_bound)
    add(Executable, "scalar", lambda *given, **kwargs: _execute_bound(*given, **kwargs).scalar())
