"""What a migration does, as it does it: Alembic's operations in words, the statements they send, and what they lose."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Optional

from ..passwords import masked
from ..sql.counting import bounded, plural
from ..sql.destroying import is_delete
from ..sql.text import reads, shorten
from . import losses
from .results import RehearsedOperation, RehearsedStep

FIRST_WORDS = 60
"""Characters of a statement that are shown in words."""


@dataclass
class Recorder:
    """What one step does in one database.

    :param connection: where losses are counted, just before an operation.
    :param executes: the operations are executed, and not only written as SQL.
    """

    step: RehearsedStep
    connection: Any
    executes: bool = True
    inside: int = 0
    entry: Optional[RehearsedOperation] = None

    @contextmanager
    def operation(self, operation: Any) -> Iterator[None]:
        """Note an operation for as long as it runs; those that it consists of are a part of it."""
        if not self.inside:
            self.entry = _described(operation)
            self._lose(losses.of_operation(self.connection, operation, self.entry.operation))
            self.step.operations.append(self.entry)
        with self.within():
            yield

    @contextmanager
    def within(self) -> Iterator[None]:
        """What is sent to the database in the block is part of an operation that is noted already.

        A batch sends its statements when it ends: they belong to its operations, noted before.
        """
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    def sends(self, sql: str) -> None:
        """Note a statement that is about to be sent."""
        executed = bool(self.inside and self.entry and self.entry.operation == "execute")
        if reads(sql, self.connection.dialect.name) and not executed:
            return
        self.step.sql.append(masked(sql.strip()))
        if not self.inside:
            self.entry = _of_statement(sql)
            self.step.operations.append(self.entry)
        if self.entry and self.entry.operation == "execute":
            count = losses.of_statement if self.executes else losses.of_unexecuted_statement
            for loss in count(self.connection, sql):
                self._lose(loss)

    def sent(self, sql: str, rows: int) -> None:
        """Note how many rows a statement has deleted."""
        if (
            self.entry
            and self.entry.operation == "execute"
            and is_delete(sql, self.connection.dialect.name)
            and rows >= 0
        ):
            self._lose(losses.Loss(bounded(rows), "rows"))

    def _lose(self, loss: Optional[losses.Loss]) -> None:
        """Add to what an operation loses; where it is rows and values, the rows are told."""
        if not loss or not self.entry or (self.entry.lost and self.entry.lost_unit == "rows" != loss.unit):
            return
        entry, uncounted = self.entry, self.entry.lost_how == losses.NOT_COUNTED
        if loss.count is None:
            entry.lost_at_least = entry.lost is not None
            entry.lost_unit, entry.lost_how = loss.unit, entry.lost_how if entry.lost_at_least else loss.how
            return
        before = entry.lost or 0 if entry.lost_unit == loss.unit else 0
        entry.lost, entry.lost_unit, entry.lost_how = before + loss.count.number, loss.unit, loss.how
        entry.lost_at_least = entry.lost_at_least or loss.count.at_least or uncounted


def _of_statement(sql: str) -> RehearsedOperation:
    return RehearsedOperation("execute", words=f"execute {shorten(masked(sql), FIRST_WORDS)}")


def _described(operation: Any) -> RehearsedOperation:
    name = _name(operation)
    if name == "execute":
        return _of_statement(str(operation.sqltext))
    table, column = _table(operation), _column(operation)
    found = RehearsedOperation(name, table, column)
    found.words = _WORDS.get(name, _plainly)(operation, found)
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
    name = getattr(operation, "column_name", None) or getattr(getattr(operation, "column", None), "name", None)
    return str(name) if name else None


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
