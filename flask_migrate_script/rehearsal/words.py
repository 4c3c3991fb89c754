"""Alembic's operations and the statements of a script in words."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Optional

from ..passwords import masked
from ..sql.counting import plural
from ..sql.text import shorten
from .results import RehearsedOperation

FIRST_WORDS = 60
"""Characters of a statement that are shown in words."""


def describe_statement(sql: str) -> RehearsedOperation:
    """Return the entry of a statement that is no operation of Alembic's."""
    return RehearsedOperation("execute", words=f"execute {shorten(masked(sql), FIRST_WORDS)}")


def describe_operation(operation: Any) -> RehearsedOperation:
    """Return the entry of one of Alembic's operations, whatever it was given: what it cannot be asked is left out."""
    found = RehearsedOperation(_name(operation))
    found.words = found.operation.replace("_", " ")
    try:
        if found.operation == "execute":
            return describe_statement(str(operation.sqltext))
        found.table, found.column = _table(operation), _column(operation)
        found.words = _WORDS.get(found.operation, _plainly)(operation, found)
    except Exception:  # an object of the script's own, whose attributes may raise anything
        return found
    return found


def _name(operation: Any) -> str:
    """Return Alembic's own name: ``drop_column`` for a DropColumnOp."""
    name = re.sub(r"Op$", "", type(operation).__name__)
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return "execute" if snake == "execute_sql" else snake


def _table(operation: Any) -> Optional[str]:
    name = getattr(operation, "table_name", None) or getattr(operation, "source_table", None)
    table = getattr(operation, "table", None)
    schema = getattr(operation, "schema", None) or getattr(operation, "source_schema", None)
    if name is None and table is not None:
        name, schema = getattr(table, "name", None), getattr(table, "schema", None)
    return ".".join(map(str, filter(None, (schema, name)))) if name else None


def _column(operation: Any) -> Optional[str]:
    name = getattr(operation, "column_name", None)
    if name is None:
        name = getattr(operation, "column", None)
    named = getattr(name, "name", name)  # a Column is taken for its name, too
    return None if named is None else str(named)


def _plainly(operation: Any, found: RehearsedOperation) -> str:
    """The operation, what it makes or drops, and the table that it does so on."""
    thing = getattr(operation, "index_name", None) or getattr(operation, "constraint_name", None)
    words = [found.operation.replace("_", " "), *([str(thing)] if thing else [])]
    if found.table:
        words += ["on", found.table]
    return " ".join(words)


def _whole_table(operation: Any, found: RehearsedOperation) -> str:
    return f"{found.operation.replace('_', ' ')} {found.table}"


def _one_column(operation: Any, found: RehearsedOperation) -> str:
    return f"{found.operation.replace('_', ' ')} {found.table}.{found.column}"


def _rename_table(operation: Any, found: RehearsedOperation) -> str:
    return f"rename table {found.table} to {operation.new_table_name}"


def _bulk_insert(operation: Any, found: RehearsedOperation) -> str:
    rows = len(operation.rows or ())
    return f"bulk insert into {found.table}: {plural(rows, 'row')}"


def _alter_column(operation: Any, found: RehearsedOperation) -> str:
    changes = [
        f"rename to {operation.modify_name}" if operation.modify_name else "",
        f"type {_type(operation.modify_type)}" if operation.modify_type is not None else "",
        {True: "null", False: "not null"}.get(operation.modify_nullable, ""),
        "server default" if operation.modify_server_default is not False else "",
    ]
    shown = ", ".join(filter(None, changes))
    return f"{_one_column(operation, found)}{': ' if shown else ''}{shown}"


def _type(kind: Any) -> str:
    try:
        return str(kind() if isinstance(kind, type) else kind)
    except Exception:  # a type that cannot be written without its database
        return type(kind).__name__


_WORDS: Dict[str, Callable[[Any, RehearsedOperation], str]] = {
    "create_table": _whole_table,
    "drop_table": _whole_table,
    "create_table_comment": _plainly,
    "drop_table_comment": _plainly,
    "rename_table": _rename_table,
    "add_column": _one_column,
    "drop_column": _one_column,
    "alter_column": _alter_column,
    "bulk_insert": _bulk_insert,
}
