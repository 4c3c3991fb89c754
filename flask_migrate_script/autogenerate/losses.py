"""The operations of an upgrade that destroy data, and what each would destroy in the database at hand."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from alembic.operations import ops

from ..counting import count
from ..quoting import identifier, qualified, quoted
from .changes import Source, in_tables, shown
from .operations import remarked

Loss = Tuple[Any, str]
"""An operation, and a line that says what it destroys."""

Narrowing = Tuple[str, str]
"""What is lost, in words, and the SQL condition of the values that are."""


def mark(container: Any, context: Any, source: Source) -> List[Loss]:
    """Put a remark above each operation that destroys data, and return these operations with what they destroy.

    :param container: Alembic's UpgradeOps of one database.
    :param context: its MigrationContext, on whose connection is counted.
    """
    found: List[Loss] = []
    for holder, operation in [*((container, one) for one in container.ops), *in_tables(container)]:
        said = _said(operation, context, source)
        if said:
            marked = remarked(operation, f"destroys data: {said[0]}")
            holder.ops[holder.ops.index(operation)] = marked
            found.append((marked, said[1]))
    return found


def _said(operation: Any, context: Any, source: Source) -> Optional[Tuple[str, str]]:
    """Return the remark for the script and the line for the screen, or None where nothing is destroyed."""
    if isinstance(operation, ops.DropTableOp):
        name = shown(operation.schema, operation.table_name)
        rows = count(context.connection, qualified(context.dialect, operation.schema, operation.table_name))
        return f"table {name}", f"drops table {name}: {rows.shown('row')}"
    if type(operation) not in (ops.DropColumnOp, ops.AlterColumnOp):
        return None
    name = shown(operation.schema, operation.table_name, operation.column_name)
    old, column = source(operation.schema, operation.table_name, operation.column_name)
    place = qualified(context.dialect, operation.schema, old), identifier(column, context.dialect)
    if isinstance(operation, ops.DropColumnOp):
        values = count(context.connection, *place, "c IS NOT NULL")
        return f"column {name}", f"drops column {name}: {values.shown('value')}"
    narrowing = narrowed(operation.existing_type, operation.modify_type, "c", context.dialect)
    if narrowing is None:
        return None
    what, condition = narrowing
    values = count(context.connection, *place, condition)
    return f"{name} {what}", f"{name} {what}: {values.shown('value')} that may not fit"


def narrowed(old: Any, new: Any, column: str, dialect: Any) -> Optional[Narrowing]:
    """Return what a change of type may lose, or None where every value fits the new type.

    :param column: its name in SQL.
    """
    if old is None or new is None:
        return None
    what = f"becomes {new} from {old}"
    lost = [one for one in getattr(old, "enums", ()) if one not in getattr(new, "enums", [one])]
    if lost:
        return what, f"{column} IN ({', '.join(quoted(one, dialect) for one in lost)})"
    sizes = _sizes(old), _sizes(new)
    if sizes[0] == sizes[1] or (sizes[1][0] == "text" and sizes[1][1] is None):
        return None
    if sizes[0][0] != sizes[1][0]:
        return (what, f"{column} IS NOT NULL") if not _widens(sizes[0][0], sizes[1][0], dialect) else None
    if not _smaller(sizes[0][1], sizes[1][1]):
        return None
    if sizes[0][0] == "text":
        return what, f"{_LENGTH.get(dialect.name, 'length')}({column}) > {sizes[1][1]}"
    if sizes[0][0] == "integer":
        return what, f"{column} NOT BETWEEN {-(2 ** sizes[1][1])} AND {2 ** sizes[1][1] - 1}"
    return what, f"{column} IS NOT NULL"


_LENGTH = {"mysql": "char_length", "mariadb": "char_length"}


def _widens(old: str, new: str, dialect: Any) -> bool:
    """Return whether every value of one family is one of the other: a date is a moment, but in SQLite.

    There both are texts, of which a batch makes numbers: CAST('2024-12-31' AS DATETIME) is 2024.
    """
    if (old, new) == ("date", "moment"):
        return bool(dialect.name != "sqlite")
    return (old, new) in (("integer", "number"), ("boolean", "integer"))


def _smaller(old: Any, new: Any) -> bool:
    """Return whether the new size holds less; None is without a bound."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        return any(_smaller(*pair) for pair in zip(old, new))
    return new is not None and (old is None or new < old)


def _sizes(kind: Any) -> Tuple[str, Any]:
    """Return the family of a type and how much it holds."""
    from sqlalchemy import types

    if isinstance(kind, types.Enum):
        return "enum", None
    if isinstance(kind, types.String):
        return "text", kind.length
    if isinstance(kind, types.Boolean):
        return "boolean", None
    if isinstance(kind, types.Integer):
        small, big = isinstance(kind, types.SmallInteger), isinstance(kind, types.BigInteger)
        return "integer", 15 if small else 63 if big else 31
    if isinstance(kind, types.Float):
        return "number", None
    if isinstance(kind, types.Numeric):
        scale = kind.scale
        return "number", (kind.precision - (scale or 0), scale or 0) if kind.precision else None
    if isinstance(kind, types.DateTime):
        return "moment", None
    if isinstance(kind, types.Date):
        return "date", None
    return type(kind).__name__, None
