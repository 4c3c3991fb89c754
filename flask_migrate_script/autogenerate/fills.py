"""Columns that need a value: NOT NULL where the database has rows that have none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, List, Optional

from alembic.operations import ops

from ..sql.counting import Count, count, is_empty
from ..sql.quoting import identifier, qualified
from .changes import Source, in_tables, shown
from .operations import FillNulls, InBatch
from .values import DoesNotFit, literal, takes


@dataclass
class Need:
    """A column that becomes NOT NULL, and the rows of the database at hand that have no value for it.

    :param table: the ModifyTableOps with the operation.
    :param operation: adds the column, or alters it.
    :param column: as the models have it.
    :param dialect: SQLAlchemy's dialect of the database at hand.
    :param rows: how many; for a column that is added, only whether there are any, unless it is unique.
    """

    table: Any
    operation: Any
    column: Any
    dialect: Any
    rows: Count

    @property
    def name(self) -> str:
        return shown(self.table.schema, self.table.table_name, self.column.name)

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
        if not takes(self.column, self.dialect):
            return f"a value of type {self.column.type} cannot be given here"
        if _is_unique(self.column) and self.rows.number > 1:
            return f"{self.name} is unique, and {self.rows.shown('row')} would get the value"
        return ""

    def __str__(self) -> str:
        table = shown(self.table.schema, self.table.table_name)
        if self.is_added:
            return f"{self.name} is NOT NULL without a server default, and {table} has rows."
        return f"{self.name} becomes NOT NULL and has {self.rows.shown('null')}."


def needs(container: Any, context: Any, source: Source) -> List[Need]:
    """Return the columns that become NOT NULL without a value of the database's own.

    :param container: Alembic's UpgradeOps of one database.
    :param context: its MigrationContext.
    """
    found = []
    for table, operation in in_tables(container):
        if isinstance(operation, ops.AddColumnOp) and _has_no_value(operation.column):
            place = qualified(context.dialect, table.schema, source(table.schema, table.table_name)[0])
            rows = _rows(context.connection, place, operation.column)
            found.append(Need(table, operation, operation.column, context.dialect, rows))
        elif isinstance(operation, ops.AlterColumnOp) and operation.modify_nullable is False:
            column = _of_models(context, table, operation)
            if column is not None:
                nulls = _nulls(context, table, operation, source)
                found.append(Need(table, operation, column, context.dialect, nulls))
    return sorted(found, key=lambda need: (container.ops.index(need.table), need.position))


def fill(container: Any, need: Need, value: str) -> None:
    """Give the rows that are there a value before the column becomes NOT NULL.

    :raises DoesNotFit: if the column cannot hold the value.
    """
    in_sql = literal(value, need.column, need.dialect)
    statement = FillNulls(need.table.table_name, need.column.name, in_sql, need.table.schema)
    place = container.ops.index(need.table)
    if not need.is_added and need.operation.modify_type is None:
        container.ops.insert(place, statement)
        return
    # What the column is comes first, in which the value fits; then the value; then NOT NULL.
    table, schema, column = need.table.table_name, need.table.schema, need.column
    if need.is_added:
        nullable = ops.AddColumnOp.from_column_and_tablename(schema, table, _nullable(column))
        need.table.ops[need.table.ops.index(need.operation)] = nullable
    else:
        need.operation.modify_nullable, need.operation.existing_nullable = None, True
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


def refused(need: Need) -> Callable[[str], Optional[str]]:
    """Return a function that says what is wrong with a value for a column, or None."""

    def check(value: str) -> Optional[str]:
        try:
            literal(value, need.column, need.dialect)
        except DoesNotFit as error:
            return f"{need.name}: {error}."
        return None

    return check


def _has_no_value(column: Any) -> bool:
    return not (column.nullable or column.server_default is not None or column.primary_key)


def _rows(connection: Any, place: str, column: Any) -> Count:
    if _is_unique(column):
        return count(connection, place)
    return Count(0 if is_empty(connection, place) else 1)


def _is_unique(column: Any) -> bool:
    """Return whether no two rows may have one value in a column; a unique index of some rows does not say so."""
    from sqlalchemy import UniqueConstraint

    table = column.table
    alone = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    alone += [one for one in table.indexes if one.unique and not any("where" in key for key in one.dialect_kwargs)]
    return any([known.name for known in one.columns] == [column.name] for one in alone)


def _of_models(context: Any, table: Any, operation: Any) -> Any:
    """Return the column of the models that an operation alters."""
    metadata = context.opts["target_metadata"]
    place = shown(table.schema, table.table_name)
    for one in metadata if isinstance(metadata, (list, tuple)) else [metadata]:
        for name, known in one.tables.items():
            if name == place:
                return next((column for column in known.columns if column.name == operation.column_name), None)
    return None


def _nulls(context: Any, table: Any, operation: Any, source: Source) -> Count:
    old, column = source(table.schema, table.table_name, operation.column_name)
    # In the whole table: one null past the bound, and the column cannot be NOT NULL.
    place, name = qualified(context.dialect, table.schema, old), identifier(column, context.dialect)
    return count(context.connection, f"{place} WHERE {name} IS NULL")


def _nullable(column: Any) -> Any:
    """Return a copy of a column that takes nulls; the models' own stays as it is."""
    from sqlalchemy import MetaData

    table = column.table
    copied = (table.to_metadata if hasattr(table, "to_metadata") else table.tometadata)(MetaData())
    found = copied.columns[column.key]
    found.nullable = True
    return found
