"""The operations of an upgrade that destroy data, and what each would destroy in the database at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, NamedTuple, Optional, Tuple

from alembic.operations import ops

from ..operations.subject import write_type
from ..seam.database import get_connection
from ..sql.counting import count
from ..sql.quoting import identifier, qualified
from ..sql.types import ALL, compare_types
from .changes import Source, walk_tables, write_name
from .scripted import add_remark

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


class Loss(NamedTuple):
    """What an operation destroys.

    :param remark: for the script.
    :param line: for the screen.
    :param is_known: the database said how much it is; else it is not known whether it is anything.
    """

    operation: ops.MigrateOperation
    remark: str
    line: str
    is_known: bool = True


def mark(container: ops.UpgradeOps, context: MigrationContext, source: Source) -> List[Loss]:
    """Put a remark above each operation that destroys data, and return these operations with what they destroy.

    :param container: Alembic's UpgradeOps of one database.
    :param context: its MigrationContext, on whose connection is counted.
    """
    found: List[Loss] = []
    for holder, operation in [*((container, one) for one in container.ops), *walk_tables(container)]:
        loss = _find_loss(operation, context, source)
        if loss:
            marked = add_remark(operation, loss.remark)
            holder.ops[holder.ops.index(operation)] = marked
            found.append(loss._replace(operation=marked))
    return found


def _find_loss(operation: ops.MigrateOperation, context: MigrationContext, source: Source) -> Optional[Loss]:
    if isinstance(operation, ops.DropTableOp):
        name = write_name(operation.schema, operation.table_name)
        rows = count(get_connection(context), qualified(context.dialect, operation.schema, operation.table_name))
        return Loss(operation, f"destroys data: table {name}", f"drops table {name}: {rows.shown('row')}")
    if type(operation) not in (ops.DropColumnOp, ops.AlterColumnOp):
        return None
    assert isinstance(operation, (ops.DropColumnOp, ops.AlterColumnOp))
    name = write_name(operation.schema, operation.table_name, operation.column_name)
    old, column = source(operation.schema, operation.table_name, operation.column_name)
    place = qualified(context.dialect, operation.schema, old), identifier(column, context.dialect)
    if isinstance(operation, ops.DropColumnOp):
        values = count(get_connection(context), *place, ALL)
        return Loss(operation, f"destroys data: column {name}", f"drops column {name}: {values.shown('value')}")
    return _find_misfits(name, operation, context, place)


def _find_misfits(
    name: str, operation: ops.AlterColumnOp, context: MigrationContext, place: Tuple[str, str]
) -> Optional[Loss]:
    """Return what a change of a column's type destroys.

    :param place: the table and the column in the database, quoted.
    """
    old, new = operation.existing_type, operation.modify_type
    if new is None or old is None:
        return None
    change = compare_types(old, new, context.dialect, using=operation.kw.get("postgresql_using"))
    if change.fits:
        return None
    after, before = (write_type(type_, context.dialect) for type_ in (new, old))
    becomes = f"{name} becomes {after} from {before}"
    if change.may_lose and change.condition:
        values = count(get_connection(context), *place, change.condition)
        return Loss(operation, f"destroys data: {becomes}", f"{becomes}: {values.shown('value')} that may not fit")
    values = count(get_connection(context), *place, ALL)
    line = f"{becomes}: whether all of it fits is not known: {values.shown('value')} ({change.why})"
    return Loss(operation, f"may destroy data: {becomes}", line, is_known=False)
