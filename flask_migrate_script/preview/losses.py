"""What is lost: counted in the database just before the operation, on the connection that is about to run it.

Counting reads a million rows of a table at the most, and past SQLAlchemy's events, so that a rehearsal does not see
it as a part of the migration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Optional

from .. import counting
from ..counting import Count
from ..guard.raw import driver_connection, run
from ..quoting import identifier, qualified
from ..raw_sql import destroying, is_a_delete


@dataclass(frozen=True)
class Loss:
    """What an operation loses.

    :param unit: ``"rows"`` or ``"values"``.
    :param how: ``"lost"``, ``"cut or refused"`` or ``"refused"``.
    """

    count: Count
    unit: str
    how: str = "lost"


def of_operation(connection: Any, operation: Any, name: str) -> Optional[Loss]:
    """Return what one of Alembic's operations loses; None where that is nothing, or cannot be known.

    :param name: Alembic's name for it.
    """
    count = _LOSING.get(name)
    return count(connection, operation) if count else None


def of_statement(connection: Any, sql: str) -> Iterator[Loss]:
    """Yield what each statement of a text loses, where it drops or empties a table or drops a column.

    What a single DELETE deletes is not counted: its own count of rows says that.
    """
    return iter(()) if is_a_delete(sql) else of_unexecuted_statement(connection, sql)


def of_unexecuted_statement(connection: Any, sql: str) -> Iterator[Loss]:
    """The same for a text that is not run, so that no count of rows of its own is to be had."""
    for _, _, thing in destroying(sql):
        loss = _values(connection, *thing) if len(thing) == 2 else _rows(connection, *thing) if thing else None
        if loss:
            yield loss


def _dropped_table(connection: Any, operation: Any) -> Optional[Loss]:
    return _rows(connection, _table(connection, operation))


def _dropped_column(connection: Any, operation: Any) -> Optional[Loss]:
    return _values(connection, _table(connection, operation), identifier(operation.column_name, connection.dialect))


def _altered_column(connection: Any, operation: Any) -> Optional[Loss]:
    """Count what the new type cuts or refuses, else the rows without a value in a column that must have one."""
    table, column = _table(connection, operation), identifier(operation.column_name, connection.dialect)
    new, old = operation.modify_type, operation.existing_type
    misfit = _misfit(connection.dialect.name, new, old) if new is not None else None
    if misfit:
        query = counting.query(connection.dialect.name, table, column, misfit.format("c"))
        found = _counted(connection, query, "values", "cut or refused")
        if found and found.count:
            return found
    if operation.modify_nullable is False:
        query = counting.query(connection.dialect.name, table, column, "c IS NULL")
        found = _counted(connection, query, "rows", "refused")
        return found if found and found.count else None
    return None


_LOSING: Dict[str, Callable[[Any, Any], Optional[Loss]]] = {
    "drop_table": _dropped_table,
    "drop_column": _dropped_column,
    "alter_column": _altered_column,
}


def _rows(connection: Any, table: str) -> Optional[Loss]:
    return _counted(connection, counting.query(connection.dialect.name, table), "rows", "lost")


def _values(connection: Any, table: str, column: str) -> Optional[Loss]:
    query = counting.query(connection.dialect.name, table, column, "c IS NOT NULL")
    return _counted(connection, query, "values", "lost")


def _counted(connection: Any, query: str, unit: str, how: str) -> Optional[Loss]:
    rows = _answer(connection, query)
    return Loss(counting.counted(*rows[0]), unit, how) if rows else None


def _answer(connection: Any, sql: str) -> Any:
    """Return the rows of a query; None where it fails, with the transaction as good as it was."""
    driver = driver_connection(connection)
    # An error there ends the transaction.
    keeps = connection.dialect.name == "postgresql" and not getattr(driver, "autocommit", False)
    try:
        if keeps:
            run(driver, "SAVEPOINT counting")
        return run(driver, sql)
    except Exception:  # a table that an earlier step would have made, a right that is missing: whatever the driver says
        if keeps:
            run(driver, "ROLLBACK TO SAVEPOINT counting")
        return None
    finally:
        if keeps:
            run(driver, "RELEASE SAVEPOINT counting")


def _table(connection: Any, operation: Any) -> str:
    return qualified(connection.dialect, operation.schema, operation.table_name)


def _misfit(dialect: str, new: Any, old: Any) -> Optional[str]:
    """Return the condition under which a value, ``{0}``, does not fit a new type; None where every one does.

    SQLite keeps whatever it is given, so there only a change to a whole number cuts.
    """
    from sqlalchemy import types

    new, old = (one() if isinstance(one, type) else one for one in (new, old))
    if isinstance(new, types.Integer):
        return None if _at_least_as_wide(new, old) else _NOT_WHOLE[_family(dialect)].format("{0}", *_bounds(new))
    if _family(dialect) == "sqlite":
        return None
    if isinstance(new, types.String) and not isinstance(new, types.Enum) and new.length:
        wide = isinstance(old, types.String) and old.length is not None and old.length <= new.length
        return None if wide else _LENGTH[_family(dialect)].format("{0}", new.length)
    if isinstance(new, types.Numeric) and not isinstance(new, types.Float) and new.precision:
        scale = new.scale or 0
        return _TOO_PRECISE[_family(dialect)].format("{0}", new.precision - scale, scale)
    return None


def _family(dialect: str) -> str:
    return dialect if dialect in ("postgresql", "sqlite") else "mysql"


def _at_least_as_wide(new: Any, old: Any) -> bool:
    from sqlalchemy import types

    return isinstance(old, types.Integer) and _bounds(old)[1] <= _bounds(new)[1]


def _bounds(integer: Any) -> Any:
    from sqlalchemy import types

    bits = 63 if isinstance(integer, types.BigInteger) else 15 if isinstance(integer, types.SmallInteger) else 31
    return -(2**bits), 2**bits - 1


_TEXT = "CAST({0} AS text)"
_DIGITS = "'^[[:space:]]*[+-]?[0-9]+([.]0*)?[[:space:]]*$'"
_NUMBER = "'^[[:space:]]*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)[[:space:]]*$'"

_NOT_WHOLE = {
    "sqlite": "CAST({0} AS INTEGER) <> {0}",
    "postgresql": f"{{0}} IS NOT NULL AND {_TEXT} NOT IN ('true', 'false') AND CASE WHEN {_TEXT} ~ {_DIGITS}"
    f" THEN CAST({_TEXT} AS numeric) NOT BETWEEN {{1}} AND {{2}} ELSE TRUE END",
    "mysql": f"{{0}} NOT REGEXP {_DIGITS} OR {{0}} NOT BETWEEN {{1}} AND {{2}}",
}
_LENGTH = {"postgresql": f"CHAR_LENGTH({_TEXT}) > {{1}}", "mysql": "CHAR_LENGTH({0}) > {1}"}
_TOO_PRECISE = {
    "postgresql": f"{{0}} IS NOT NULL AND CASE WHEN {_TEXT} ~ {_NUMBER}"
    f" THEN ABS(CAST({_TEXT} AS numeric)) >= 1e{{1}} OR CAST({_TEXT} AS numeric)"
    f" <> ROUND(CAST({_TEXT} AS numeric), {{2}}) ELSE TRUE END",
    "mysql": f"{{0}} NOT REGEXP {_NUMBER} OR ABS({{0}}) >= 1e{{1}} OR {{0}} <> ROUND({{0}}, {{2}})",
}
