"""The operations of an upgrade that destroy data, and what each would destroy in the database at hand."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from alembic.operations import ops

from ..sql.counting import count
from ..sql.quoting import identifier, qualified
from ..sql.types import ALL, compare_types
from .changes import Source, in_tables, shown
from .operations import remarked

Loss = Tuple[Any, str]
"""An operation, and a line that says what it destroys."""


def mark(container: Any, context: Any, source: Source) -> List[Loss]:
    """Put a remark above each operation that destroys data, and return these operations with what they destroy.

    :param container: Alembic's UpgradeOps of one database.
    :param context: its MigrationContext, on whose connection is counted.
    """
    found: List[Loss] = []
    for holder, operation in [*((container, one) for one in container.ops), *in_tables(container)]:
        said = _said(operation, context, source)
        if said:
            marked = remarked(operation, said[0])
            holder.ops[holder.ops.index(operation)] = marked
            found.append((marked, said[1]))
    return found


def _said(operation: Any, context: Any, source: Source) -> Optional[Tuple[str, str]]:
    """Return the remark for the script and the line for the screen, or None where nothing is destroyed."""
    if isinstance(operation, ops.DropTableOp):
        name = shown(operation.schema, operation.table_name)
        rows = count(context.connection, qualified(context.dialect, operation.schema, operation.table_name))
        return f"destroys data: table {name}", f"drops table {name}: {rows.shown('row')}"
    if type(operation) not in (ops.DropColumnOp, ops.AlterColumnOp):
        return None
    name = shown(operation.schema, operation.table_name, operation.column_name)
    old, column = source(operation.schema, operation.table_name, operation.column_name)
    place = qualified(context.dialect, operation.schema, old), identifier(column, context.dialect)
    if isinstance(operation, ops.DropColumnOp):
        values = count(context.connection, *place, "c IS NOT NULL")
        return f"destroys data: column {name}", f"drops column {name}: {values.shown('value')}"
    return _changed_type(name, operation, context, place)


def _changed_type(name: str, operation: Any, context: Any, place: Tuple[str, str]) -> Optional[Tuple[str, str]]:
    """Return what is said of a column whose type is changed.

    :param place: the table and the column in the database, quoted.
    """
    old, new = operation.existing_type, operation.modify_type
    if new is None:
        return None
    change = compare_types(old, new, context.dialect, using=operation.kw.get("postgresql_using"))
    if change.fits:
        return None
    becomes = f"{name} becomes {new} from {old}"
    if change.may_lose and change.condition:
        values = count(context.connection, *place, change.condition)
        return f"destroys data: {becomes}", f"{becomes}: {values.shown('value')} that may not fit"
    values = count(context.connection, *place, ALL)
    line = f"{becomes}: not known whether its {values.shown('value')} fit ({change.why})"
    return f"may destroy data: {becomes}", line
