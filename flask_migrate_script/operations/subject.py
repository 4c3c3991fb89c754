"""What one of Alembic's operations is, and what it is about, by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Type, Union

if TYPE_CHECKING:
    from alembic.operations.ops import MigrateOperation
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine


@dataclass(frozen=True)
class Subject:
    """What an operation is about.

    :param operation: Alembic's name for it, ``add_column``; ``execute`` for SQL.
    :param table: the table, with its schema where it names one; None where there is none.
    :param column: the column, where it is about one.
    :param name: the index or the constraint, where it is about one that has a name.
    """

    operation: str
    table: Optional[str] = None
    column: Optional[str] = None
    name: Optional[str] = None


def read_subject(operation: MigrateOperation) -> Subject:
    """Return what an operation is about."""
    return Subject(name_operation(operation), _read_table(operation), _read_column(operation), _read_name(operation))


def name_operation(operation: MigrateOperation) -> str:
    """Return Alembic's name of an operation: ``add_column`` of an ``AddColumnOp``."""
    words = re.sub(r"Ops?$", "", type(operation).__name__)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words).lower()
    return "execute" if name == "execute_sql" else name


def write_type(kind: Union[TypeEngine[object], Type[TypeEngine[object]]], dialect: Optional[Dialect] = None) -> str:
    """Return a type as it stands in a statement.

    :param dialect: of the database that the statement is for; without one, as SQLAlchemy writes it for any.
    """
    try:
        one = kind() if isinstance(kind, type) else kind
        return str(one.compile(dialect=dialect)) if dialect else str(one)
    except Exception:  # whatever a type of the application's own raises, and one that needs its dialect
        return repr(kind) if dialect else type(kind).__name__


def _read_table(operation: MigrateOperation) -> Optional[str]:
    name = getattr(operation, "table_name", None) or getattr(operation, "source_table", None)
    schema = getattr(operation, "schema", None) or getattr(operation, "source_schema", None)
    table = getattr(operation, "table", None)  # of a bulk insert
    if name is None and table is not None:
        name, schema = getattr(table, "name", None), getattr(table, "schema", None)
    return ".".join(map(str, filter(None, (schema, name)))) if name else None


def _read_column(operation: MigrateOperation) -> Optional[str]:
    column = getattr(operation, "column_name", None)
    if column is None:
        column = getattr(operation, "column", None)
    name = getattr(column, "name", column)  # Alembic takes a Column for its name, too
    return None if name is None else str(name)


def _read_name(operation: MigrateOperation) -> Optional[str]:
    name = getattr(operation, "index_name", None) or getattr(operation, "constraint_name", None)
    return str(name) if name else None
