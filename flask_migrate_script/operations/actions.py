"""What an operation does, in the imperative: ``drop column users.name``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict

from ..passwords import masked
from ..sql.counting import plural
from ..sql.text import shorten
from .subject import Subject, write_type

if TYPE_CHECKING:
    from alembic.operations.ops import AlterColumnOp, BulkInsertOp, ExecuteSQLOp, MigrateOperation, RenameTableOp

FIRST_WORDS = 60
"""Characters of a statement that are shown in words."""


def describe_action(operation: MigrateOperation, subject: Subject) -> str:
    """Return what an operation does, in words.

    :param subject: what it is about.
    """
    return _WORDS.get(subject.operation, _describe_any)(operation, subject)


def describe_statement(sql: str) -> str:
    """Return what a statement is, in words: its beginning, without passwords."""
    return f"execute {shorten(masked(sql), FIRST_WORDS)}"


def _describe_any(operation: MigrateOperation, subject: Subject) -> str:
    """Return the operation, what it makes or drops, and the table that it does so on."""
    words = [_write_out(subject), *([subject.name] if subject.name else [])]
    if subject.table:
        words += ["on", subject.table]
    return " ".join(words)


def _write_out(subject: Subject) -> str:
    return subject.operation.replace("_", " ")


def _describe_execute(operation: ExecuteSQLOp, subject: Subject) -> str:
    return describe_statement(str(operation.sqltext))


def _describe_table(operation: MigrateOperation, subject: Subject) -> str:
    return f"{_write_out(subject)} {subject.table}"


def _describe_column(operation: MigrateOperation, subject: Subject) -> str:
    return f"{_write_out(subject)} {subject.table}.{subject.column}"


def _describe_rename_table(operation: RenameTableOp, subject: Subject) -> str:
    return f"rename table {subject.table} to {operation.new_table_name}"


def _describe_bulk_insert(operation: BulkInsertOp, subject: Subject) -> str:
    return f"bulk insert into {subject.table}: {plural(len(operation.rows or ()), 'row')}"


def _describe_alter_column(operation: AlterColumnOp, subject: Subject) -> str:
    changes = [
        f"rename to {operation.modify_name}" if operation.modify_name else "",
        f"type {write_type(operation.modify_type)}" if operation.modify_type is not None else "",
        "" if operation.modify_nullable is None else "null" if operation.modify_nullable else "not null",
        "server default" if operation.modify_server_default is not False else "",
    ]
    listed = ", ".join(filter(None, changes))
    return f"{_describe_column(operation, subject)}{': ' if listed else ''}{listed}"


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
