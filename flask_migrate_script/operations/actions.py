"""What an operation does, in the imperative: ``drop column users.name``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict

from ..passwords import masked
from ..sql.counting import plural
from ..sql.text import shorten
from .parts import Parts, write_type

if TYPE_CHECKING:
    from alembic.operations.ops import AlterColumnOp, BulkInsertOp, ExecuteSQLOp, MigrateOperation, RenameTableOp

FIRST_WORDS = 60
"""Characters of a statement that are shown in words."""


def describe_action(operation: MigrateOperation, parts: Parts) -> str:
    """Return what an operation does, in words.

    :param parts: what it is about.
    """
    return _WORDS.get(parts.operation, _describe_any)(operation, parts)


def describe_statement(sql: str) -> str:
    """Return what a statement is, in words: its beginning, without passwords."""
    return f"execute {shorten(masked(sql), FIRST_WORDS)}"


def _describe_any(operation: MigrateOperation, parts: Parts) -> str:
    """Return the operation, what it makes or drops, and the table that it does so on."""
    words = [_write_out(parts), *([parts.name] if parts.name else [])]
    if parts.table:
        words += ["on", parts.table]
    return " ".join(words)


def _write_out(parts: Parts) -> str:
    return parts.operation.replace("_", " ")


def _describe_execute(operation: ExecuteSQLOp, parts: Parts) -> str:
    return describe_statement(str(operation.sqltext))


def _describe_table(operation: MigrateOperation, parts: Parts) -> str:
    return f"{_write_out(parts)} {parts.table}"


def _describe_column(operation: MigrateOperation, parts: Parts) -> str:
    return f"{_write_out(parts)} {parts.table}.{parts.column}"


def _describe_rename_table(operation: RenameTableOp, parts: Parts) -> str:
    return f"rename table {parts.table} to {operation.new_table_name}"


def _describe_bulk_insert(operation: BulkInsertOp, parts: Parts) -> str:
    return f"bulk insert into {parts.table}: {plural(len(operation.rows or ()), 'row')}"


def _describe_alter_column(operation: AlterColumnOp, parts: Parts) -> str:
    changes = [
        f"rename to {operation.modify_name}" if operation.modify_name else "",
        f"type {write_type(operation.modify_type)}" if operation.modify_type is not None else "",
        "" if operation.modify_nullable is None else "null" if operation.modify_nullable else "not null",
        "server default" if operation.modify_server_default is not False else "",
    ]
    listed = ", ".join(filter(None, changes))
    return f"{_describe_column(operation, parts)}{': ' if listed else ''}{listed}"


_WORDS: Dict[str, Callable[..., str]] = {
    "create_table": _describe_table,
    "drop_table": _describe_table,
    "rename_table": _describe_rename_table,
    "add_column": _describe_column,
    "drop_column": _describe_column,
    "alter_column": _describe_alter_column,
    "bulk_insert": _describe_bulk_insert,
    "execute": _describe_execute,
}
