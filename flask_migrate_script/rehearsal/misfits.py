"""What becomes of the values of a column whose type is changed: of the type that it has in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..sql.types import TypeChange, are_alike, compare_types

if TYPE_CHECKING:
    from alembic.operations.ops import AlterColumnOp
    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine


def compare_column(connection: Connection, operation: AlterColumnOp) -> TypeChange:
    """Return what becomes of a column's values.

    :param operation: one with a new type.
    """
    old, using = _old_type(connection, operation), operation.kw.get("postgresql_using")
    return compare_types(old, operation.modify_type, connection.dialect, using=using and str(using))


def _old_type(connection: Connection, operation: AlterColumnOp) -> Optional[TypeEngine[Any]]:
    """Return the type in the database; that of the script where it says more of the same, such as an Enum's values.

    Where there is no such column yet, as an earlier step would make it, that of the script is all there is.
    """
    reflected, written = _reflected(connection, operation), operation.existing_type
    if reflected is None or are_alike(reflected, written, connection.dialect):
        return written
    return reflected


def _reflected(connection: Connection, operation: AlterColumnOp) -> Optional[TypeEngine[Any]]:
    from sqlalchemy import inspect
    from sqlalchemy.exc import SQLAlchemyError

    try:
        columns = inspect(connection).get_columns(operation.table_name, schema=operation.schema)
    except SQLAlchemyError:  # a table that an earlier step would make
        return None
    return next((one["type"] for one in columns if one["name"] == operation.column_name), None)
