"""Which values of a column a new type would cut or refuse, as a condition in SQL that calls the column ``c``."""

from __future__ import annotations

import re
from typing import Any, Optional

from ..sql.quoting import quoted
from ..sql.types import bounds, digits, instance, most_bytes


def misfit(connection: Any, operation: Any) -> Optional[str]:
    """Return the condition under which a value does not fit a column's new type; None where every one does.

    :param operation: Alembic's AlterColumnOp, with a new type.
    """
    dialect = connection.dialect
    new, old = instance(operation.modify_type), instance(operation.existing_type)
    if dialect.name == "sqlite":
        return _cut_by_a_rebuild(connection, operation, new)
    if dialect.name != "postgresql":
        return _in_mysql(new, old, dialect)
    return None if _is_mapped(operation, new) else _in_postgresql(new, old, dialect)


def _is_mapped(operation: Any, new: Any) -> bool:
    """Return whether USING makes other words of a value, so that those of an enum or a boolean come from anything."""
    from sqlalchemy import types

    using = str(operation.kw.get("postgresql_using") or operation.column_name)
    return isinstance(new, (types.Enum, types.Boolean)) and not re.fullmatch(_A_CAST, using)


def _cut_by_a_rebuild(connection: Any, operation: Any, new: Any) -> Optional[str]:
    """SQLite keeps whatever it is given, but between types of different kinds Alembic copies a table with a CAST.

    To SQLite all that is no text is a number: of a date, it leaves the year. What the kinds are, SQLAlchemy says by a
    private name, which Alembic goes by as well (SQLAlchemy 1.3 to 2.1).
    """
    from sqlalchemy import types
    from sqlalchemy.exc import SQLAlchemyError

    old = _reflected(connection, operation)
    if old is None or old._type_affinity is new._type_affinity:
        return None
    if isinstance(new, (types.String, types.LargeBinary, types.JSON)):
        return None
    try:
        return f"CAST(c AS {new.compile(dialect=connection.dialect)}) <> c"
    except SQLAlchemyError:  # a type that SQLite has no name for
        return None


def _reflected(connection: Any, operation: Any) -> Any:
    """Return the type that a column has in the database: what a script says of it is not asked in a rebuild."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import SQLAlchemyError

    try:
        columns = inspect(connection).get_columns(operation.table_name, schema=operation.schema)
    except SQLAlchemyError:  # a table that an earlier step would have made
        return None
    return next((one["type"] for one in columns if one["name"] == operation.column_name), None)


def _in_postgresql(new: Any, old: Any, dialect: Any) -> Optional[str]:
    from sqlalchemy import types

    if isinstance(new, types.Enum) and new.native_enum:
        return f"{_TEXT} NOT IN ({_values(new, dialect)})"
    if isinstance(new, types.Boolean):
        return None if isinstance(old, types.Boolean) else f"LOWER({_TEXT}) NOT IN ({_BOOLEANS})"
    if isinstance(new, types.Integer):
        low, high = bounds(new)
        whole = f"CASE WHEN {_TEXT} ~ {_DIGITS} THEN {_AS_NUMBER} NOT BETWEEN {low} AND {high} ELSE TRUE END"
        return None if _holds(new, old) else f"c IS NOT NULL AND {_TEXT} NOT IN ('true', 'false') AND {whole}"
    if isinstance(new, types.String) and new.length:
        return None if _longest(old) <= new.length else f"CHAR_LENGTH({_TEXT}) > {new.length}"
    kept = digits(new, dialect.name) if _is_decimal(new) else None
    if kept:
        before, behind = kept
        cut = f"ABS({_AS_NUMBER}) >= 1e{before} OR {_AS_NUMBER} <> ROUND({_AS_NUMBER}, {behind})"
        return f"c IS NOT NULL AND CASE WHEN {_TEXT} ~ {_NUMBER} THEN {cut} ELSE TRUE END"
    return _of_a_moment("CAST(c AS date) <> c", new, old)


def _in_mysql(new: Any, old: Any, dialect: Any) -> Optional[str]:
    from sqlalchemy import types

    if isinstance(new, types.Enum) and new.native_enum:
        return f"c NOT IN ({_values(new, dialect)})"
    if isinstance(new, (types.Integer, types.Boolean)):
        low, high = bounds(new)
        return None if _holds(new, old) else f"c NOT REGEXP {_DIGITS} OR c NOT BETWEEN {low} AND {high}"
    most = most_bytes(new)
    if most:
        return None if (most_bytes(old) or 4 * _longest(old)) <= most else f"LENGTH(c) > {most}"
    if isinstance(new, types.String) and new.length:
        return None if _longest(old) <= new.length else f"CHAR_LENGTH(c) > {new.length}"
    kept = digits(new, dialect.name) if _is_decimal(new) else None
    if kept:
        before, behind = kept
        return f"c NOT REGEXP {_NUMBER} OR ABS(c) >= 1e{before} OR c <> ROUND(c, {behind})"
    return _of_a_moment("CAST(c AS DATE) <> c", new, old)


def _holds(new: Any, old: Any) -> bool:
    """Return whether every number of the old type is one of the new."""
    from sqlalchemy import types

    if not isinstance(old, (types.Integer, types.Boolean)):
        return False
    return bounds(new)[0] <= bounds(old)[0] and bounds(old)[1] <= bounds(new)[1]


def _longest(old: Any) -> float:
    """Return how many characters the old type holds."""
    from sqlalchemy import types

    return old.length if isinstance(old, types.String) and old.length else float("inf")


def _is_decimal(new: Any) -> bool:
    from sqlalchemy import types

    return isinstance(new, types.Numeric) and not isinstance(new, types.Float)


def _of_a_moment(has_a_time: str, new: Any, old: Any) -> Optional[str]:
    """A date loses the time of a moment, and a time its date."""
    from sqlalchemy import types

    if isinstance(new, types.Date):
        return has_a_time
    return "c IS NOT NULL" if isinstance(new, types.Time) and isinstance(old, types.DateTime) else None


def _values(enum: Any, dialect: Any) -> str:
    return ", ".join(quoted(str(one), dialect) for one in enum.enums)


_A_CAST = r"[\s(\"]*[^\s()\":]+[\s)\"]*(?:::[^(,:]+)*"
_TEXT = "CAST(c AS text)"
_AS_NUMBER = f"CAST({_TEXT} AS numeric)"
_BOOLEANS = "'true', 'false', 't', 'f', 'yes', 'no', 'y', 'n', 'on', 'off', '1', '0'"
_DIGITS = "'^[[:space:]]*[+-]?[0-9]+([.]0*)?[[:space:]]*$'"
_NUMBER = "'^[[:space:]]*[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)[[:space:]]*$'"
