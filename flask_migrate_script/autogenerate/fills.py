"""Columns that need a value: NOT NULL where the database has rows that have none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, List, Optional, Union

from alembic.operations import ops

from ..seam.database import get_connection
from ..sql.counting import Count, count, is_empty
from ..sql.quoting import identifier, qualified
from .changes import Source, walk_tables, write_name
from .scripted import FillNulls, InBatch
from .values import DoesNotFit, can_write, write_literal

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy import Column
    from sqlalchemy.engine import Connection, Dialect


@dataclass
class Need:
    """A column that becomes NOT NULL, and the rows of the database at hand that have no value for it.

    :param table: the ModifyTableOps with the operation.
    :param operation: adds the column, or alters it.
    :param column: as the models have it.
    :param dialect: SQLAlchemy's dialect of the database at hand.
    :param rows: how many; for a column that is added, only whether there are any, unless it is unique.
    """

    table: ops.ModifyTableOps
    operation: Union[ops.AddColumnOp, ops.AlterColumnOp]
    column: Column[object]
    dialect: Dialect
    rows: Count

    @property
    def name(self) -> str:
        return write_name(self.table.schema, self.table.table_name, self.column.name)

    @property
    def is_added(self) -> bool:
        return isinstance(self.operation, ops.AddColumnOp)

    @property
    def position(self) -> int:
        """The column's place in its table: older Alembics have added columns in any order (seen on 1.4.3)."""
        return list(self.column.table.columns.keys()).index(self.column.key)

    @property
    def obstacle(self) -> str:
        """Why no one value will do for the rows; empty where one will."""
        if not can_write(self.column, self.dialect):
            return f"a value of type {self.column.type} cannot be given here"
        if _is_unique(self.column) and self.rows.number > 1:
            return f"{self.name} is unique, and {self.rows.shown('row')} would get the value"
        return ""

    def __str__(self) -> str:
        table = write_name(self.table.schema, self.table.table_name)
        if self.is_added:
            return f"{self.name} is NOT NULL without a server default, and {table} has rows."
        return f"{self.name} becomes NOT NULL and has {self.rows.shown('null')}."


def find_needs(container: ops.UpgradeOps, context: MigrationContext, source: Source) -> List[Need]:
    """Return the columns that become NOT NULL without a value of the database's own.

    :param container: Alembic's UpgradeOps of one database.
    :param context: its MigrationContext.
    """
    found = []
    for table, operation in walk_tables(container):
        if isinstance(operation, ops.AddColumnOp) and _has_no_value(operation.column):
            place = qualified(context.dialect, table.schema, source(table.schema, table.table_name)[0])
            rows = _count_rows(get_connection(context), place, operation.column)
            found.append(Need(table, operation, operation.column, context.dialect, rows))
        elif isinstance(operation, ops.AlterColumnOp) and operation.modify_nullable is False:
            column = _find_column(context, table, operation)
            if column is not None:
                nulls = _count_nulls(context, table, operation, source)
                found.append(Need(table, operation, column, context.dialect, nulls))
    return sorted(found, key=lambda need: (container.ops.index(need.table), need.position))


def fill(container: ops.UpgradeOps, need: Need, value: str) -> None:
    """Give the rows that are there a value before the column becomes NOT NULL.

    :raises DoesNotFit: if the column cannot hold the value.
    """
    in_sql = write_literal(value, need.column, need.dialect)
    statement = FillNulls(need.table.table_name, need.column.name, in_sql, need.table.schema)
    place = container.ops.index(need.table)
    operation = need.operation
    if isinstance(operation, ops.AlterColumnOp) and operation.modify_type is None:
        container.ops.insert(place, statement)
        return
    # What the column is comes first, in which the value fits; then the value; then NOT NULL.
    table, schema, column = need.table.table_name, need.table.schema, need.column
    if isinstance(operation, ops.AddColumnOp):
        nullable = ops.AddColumnOp.from_column_and_tablename(schema, table, _copy_nullable(column))
        need.table.ops[need.table.ops.index(operation)] = nullable
    else:
        operation.modify_nullable, operation.existing_nullable = None, True
    not_null = ops.AlterColumnOp(
        table,
        column.name,
        schema=schema,
        existing_type=column.type,
        existing_server_default=column.server_default or False,
        existing_comment=column.comment,
        modify_nullable=False,
        existing_nullable=True,
    )
    kind = InBatch if need.dialect.name == "sqlite" else ops.ModifyTableOps
    container.ops[place + 1 : place + 1] = [statement, kind(table, [not_null], schema=schema)]


def make_check(need: Need) -> Callable[[str], Optional[str]]:
    """Return a function that says what is wrong with a value for a column, or None."""

    def check(value: str) -> Optional[str]:
        try:
            write_literal(value, need.column, need.dialect)
        except DoesNotFit as error:
            return f"{need.name}: {error}."
        return None

    return check


def _has_no_value(column: Column[object]) -> bool:
    return not (column.nullable or column.server_default is not None or column.primary_key)


def _count_rows(connection: Connection, place: str, column: Column[object]) -> Count:
    if _is_unique(column):
        return count(connection, place)
    return Count(0 if is_empty(connection, place) else 1)


def _is_unique(column: Column[object]) -> bool:
    """Return whether no two rows may have one value in a column; a unique index of some rows does not say so."""
    from sqlalchemy import UniqueConstraint

    table = column.table
    constraints = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    indexes = [one for one in table.indexes if one.unique and not any("where" in key for key in one.dialect_kwargs)]
    alone = [*(one.columns for one in constraints), *(one.columns for one in indexes)]
    return any([known.name for known in columns] == [column.name] for columns in alone)


def _find_column(
    context: MigrationContext, table: ops.ModifyTableOps, operation: ops.AlterColumnOp
) -> Optional[Column[object]]:
    """Return the column of the models that an operation alters."""
    metadata = context.opts["target_metadata"]
    place = write_name(table.schema, table.table_name)
    for one in metadata if isinstance(metadata, (list, tuple)) else [metadata]:
        for name, known in one.tables.items():
            if name == place:
                return next((column for column in known.columns if column.name == operation.column_name), None)
    return None


def _count_nulls(
    context: MigrationContext, table: ops.ModifyTableOps, operation: ops.AlterColumnOp, source: Source
) -> Count:
    old, column = source(table.schema, table.table_name, operation.column_name)
    # In the whole table: one null past the bound, and the column cannot be NOT NULL.
    place, name = qualified(context.dialect, table.schema, old), identifier(column, context.dialect)
    return count(get_connection(context), f"{place} WHERE {name} IS NULL")


def _copy_nullable(column: Column[object]) -> Column[object]:
    """Return a copy of a column that takes nulls; the models' own stays as it is."""
    from sqlalchemy import MetaData

    table = column.table
    copied = (table.to_metadata if hasattr(table, "to_metadata") else table.tometadata)(MetaData())
    found = copied.columns[column.key]
    found.nullable = True
    return found
