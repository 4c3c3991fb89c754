"""What autogenerate found dropped and added in one database, by the names a person knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from alembic.operations import ops

Place = Tuple[Optional[str], str]
"""A schema, None for the default one, and a table in it."""

Source = Callable[..., Tuple[str, str]]
"""Returns the names that a table and a column of the models have in the database at hand."""


def shown(schema: Optional[str], table: str, column: Optional[str] = None) -> str:
    """Return a name as a person writes it: ``users``, ``users.name``, ``schema.users.name``."""
    return ".".join(str(part) for part in (schema, table, column) if part)


@dataclass
class Changes:
    """The operations that drop and that add, by name."""

    dropped_tables: Dict[str, Any] = field(default_factory=dict)
    added_tables: Dict[str, Any] = field(default_factory=dict)
    dropped_columns: Dict[str, Any] = field(default_factory=dict)
    added_columns: Dict[str, Any] = field(default_factory=dict)

    def dropped(self) -> List[str]:
        return sorted([*self.dropped_tables, *self.dropped_columns])

    def added(self) -> List[str]:
        return sorted([*self.added_tables, *self.added_columns])


def changes(container: Any) -> Changes:
    """Return what a container of operations drops and adds.

    :param container: Alembic's UpgradeOps of one database.
    """
    found = Changes()
    for operation in container.ops:
        if isinstance(operation, ops.DropTableOp):
            found.dropped_tables[shown(operation.schema, operation.table_name)] = operation
        elif isinstance(operation, ops.CreateTableOp):
            found.added_tables[shown(operation.schema, operation.table_name)] = operation
    for table, operation in in_tables(container):
        if isinstance(operation, ops.DropColumnOp):
            found.dropped_columns[shown(table.schema, table.table_name, operation.column_name)] = operation
        elif isinstance(operation, ops.AddColumnOp):
            found.added_columns[shown(table.schema, table.table_name, operation.column.name)] = operation
    return found


def in_tables(container: Any) -> Iterator[Tuple[Any, Any]]:
    """Yield each operation on a table that stays, with the ModifyTableOps that it is in."""
    for table in tables(container):
        for operation in list(table.ops):
            yield table, operation


def all_in(container: Any) -> List[Any]:
    """Return every operation of a container, those on its tables too."""
    return [*container.ops, *(operation for _, operation in in_tables(container))]


def tables(container: Any) -> List[Any]:
    """Return the ModifyTableOps of a container."""
    return [operation for operation in container.ops if isinstance(operation, ops.ModifyTableOps)]
