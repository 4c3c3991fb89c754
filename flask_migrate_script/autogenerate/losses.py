"""The operations of an upgrade that destroy data, and what each would destroy in the database at hand."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from alembic.operations import ops
from sqlalchemy import types

from ..sql.counting import count
from ..sql.quoting import identifier, qualified, quoted
from ..sql.types import MYSQL, bounds, digits, instance, most_bytes
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
    condition = _unfitting(instance(old), instance(new), column, dialect)
    return (f"becomes {new} from {old}", condition) if condition else None


def _unfitting(old: Any, new: Any, column: str, dialect: Any) -> Optional[str]:
    """Return the condition of the values that may not fit the new type, or None where every one does."""
    lost = [one for one in getattr(old, "enums", ()) if one not in getattr(new, "enums", [one])]
    if lost:
        return f"{column} IN ({', '.join(quoted(one, dialect) for one in lost)})"
    most = most_bytes(new) if dialect.name in MYSQL else None
    if most and (most_bytes(old) or 0) > most:
        return f"length({column}) > {most}"
    (family, size), (other, room) = _sizes(old, dialect), _sizes(new, dialect)
    if (family, size) == (other, room) or (other == "text" and room is None):
        return None
    if other == "text" and isinstance(old, types.Enum):
        family, size = "text", old.length
    if family != other:
        return None if _widens(family, size, other, room, dialect) else f"{column} IS NOT NULL"
    if not _smaller(size, room):
        return None
    if family == "text":
        return f"{_LENGTH.get(dialect.name, 'length')}({column}) > {room}"
    if family == "integer":
        return f"{column} NOT BETWEEN {-room[0]} AND {room[1]}"
    return f"{column} IS NOT NULL"


_LENGTH = {"mysql": "char_length", "mariadb": "char_length"}


def _widens(old: str, size: Any, new: str, room: Any, dialect: Any) -> bool:
    """Return whether every value of one family is one of the other: a date is a moment, a number can be text.

    Not a date in SQLite: where Alembic rebuilds a table it is cast to a moment, which leaves its year.
    """
    if (old, new) == ("date", "moment"):
        return bool(dialect.name != "sqlite")
    if new == "text":
        written = {"boolean": 5, "date": 10, "integer": max(map(len, map(str, size))) if old == "integer" else 0}
        return bool(0 < written.get(old, 0) <= room)
    if (old, new) == ("integer", "number"):
        return room is None or bool(max(size) < 10 ** room[0])
    if (old, new) == ("number", "integer"):
        return bool(size and size[1] == 0 and 10 ** size[0] <= min(room))
    return (old, new) == ("boolean", "integer")


def _smaller(old: Any, new: Any) -> bool:
    """Return whether the new size holds less; None is without a bound."""
    if isinstance(old, tuple) and isinstance(new, tuple):
        return any(_smaller(*pair) for pair in zip(old, new))
    return new is not None and (old is None or new < old)


def _sizes(kind: Any, dialect: Any) -> Tuple[str, Any]:
    """Return the family of a type and how much it holds."""
    if isinstance(kind, types.Enum):
        return "enum", None
    if isinstance(kind, types.String):
        return "text", kind.length
    if isinstance(kind, types.Boolean):
        return "boolean", None
    if isinstance(kind, types.Integer):
        low, high = bounds(kind)
        return "integer", (-low, high)
    if isinstance(kind, types.Float):
        return "number", None
    if isinstance(kind, types.Numeric):
        return "number", digits(kind, dialect.name)
    if isinstance(kind, types.DateTime):
        return "moment", None
    if isinstance(kind, types.Date):
        return "date", None
    return type(kind).__name__, None
