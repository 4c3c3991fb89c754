"""What a migration does, as it does it: Alembic's operations in words, the statements they send, and what they lose.

Every ``op.…`` and ``batch.…`` goes through ``Operations.invoke``. It is wrapped once and for all; the wrapper does
nothing outside a recorded step, so that other threads and other users of Alembic see no difference.
"""

from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Optional

from ..passwords import masked
from ..rehearsal import losses
from ..rehearsal.results import RehearsedOperation, RehearsedStep
from ..sql.counting import bounded, plural
from ..sql.destroying import is_delete
from .driver import driver_connection

FIRST_WORDS = 60
"""Characters of a statement that are shown in words."""


@dataclass
class Recorder:
    """What one step does in one database.

    :param connection: where losses are counted, just before an operation.
    :param before: is given each statement that any engine of SQLAlchemy's is about to execute, and its connection;
        what it raises goes through.
    :param executes: the operations are executed, and not only written as SQL.
    """

    step: RehearsedStep
    connection: Any
    before: Callable[[Any, str], None]
    executes: bool = True
    inside: int = 0
    entry: Optional[RehearsedOperation] = None

    @contextmanager
    def operation(self, operations: Any, operation: Any) -> Iterator[None]:
        """Note an operation for as long as it runs; those that it consists of are a part of it."""
        if not self.inside:
            _flush_inside(operations, self)
            self.entry = _described(operation)
            self._lose(losses.of_operation(self.connection, operation, self.entry.operation))
            self.step.operations.append(self.entry)
        with self.within():
            yield

    @contextmanager
    def within(self) -> Iterator[None]:
        """What is sent to the database in the block is part of an operation that is noted already."""
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    def sends(self, sql: str) -> None:
        """Note a statement that is about to be sent."""
        executed = bool(self.inside and self.entry and self.entry.operation == "execute")
        if reads(sql) and not executed:
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


_recorder: ContextVar[Optional[Recorder]] = ContextVar("flask_migrate_script.recorder", default=None)


def current() -> Optional[Recorder]:
    """Return the recorder of the step that this thread is in."""
    return _recorder.get()


@contextmanager
def recorded(recorder: Recorder) -> Iterator[None]:
    """Note every operation of Alembic's and every statement in the block, in this thread."""
    _wrap_invoke()
    _hear_statements()
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)


def _wrap_invoke() -> None:
    from alembic.operations import Operations

    home = next(kind for kind in Operations.__mro__ if "invoke" in vars(kind))  # of BatchOperations, too
    original: Callable[..., Any] = vars(home)["invoke"]
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def invoke(self: Any, operation: Any) -> Any:
        recorder = _recorder.get()
        if recorder is None:
            return original(self, operation)
        with recorder.operation(self, operation):
            return original(self, operation)

    home.invoke = invoke  # type: ignore[attr-defined]  # see the module's docstring


def _flush_inside(operations: Any, recorder: Recorder) -> None:
    """A batch sends its statements when it ends: they belong to its operations, noted before."""
    impl = getattr(operations, "impl", None)
    flush = getattr(impl, "flush", None)
    if flush is None or impl is None or "flush" in vars(impl):
        return

    def flush_inside() -> None:
        with recorder.within():
            flush()

    impl.flush = flush_inside


def reads(sql: str) -> bool:
    """Return whether a statement only looks, or only has to do with the session."""
    text = plain(sql)
    if first_word(text) == "WITH":
        return not re.search(r"\b(INSERT|UPDATE|DELETE|MERGE)\b", text, re.I)
    return first_word(text) in _READS and not re.search(r"\b(next|set)val\b", text, re.I)


_READS = ("SELECT", "SHOW", "PRAGMA", "EXPLAIN", "DESCRIBE", "DESC", "SET", "SAVEPOINT", "RELEASE", "ROLLBACK")


def first_word(sql: str) -> str:
    return plain(sql).partition(" ")[0].upper().strip("(;")


def plain(sql: str) -> str:
    """Return a statement on one line, without the comments before it."""
    return " ".join(re.sub(r"^(?:\s+|--[^\n]*\n|/\*.*?\*/)+", "", sql, flags=re.DOTALL).split())


def _of_statement(sql: str) -> RehearsedOperation:
    text = masked(plain(sql))
    words = text if len(text) <= FIRST_WORDS else text[:FIRST_WORDS].rsplit(" ", 1)[0] + " …"
    return RehearsedOperation("execute", words=f"execute {words}")


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


def _hear_statements() -> None:
    """Once and for all, too: another thread may be sending a statement where a listener is taken away."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not event.contains(Engine, "before_cursor_execute", _before_execute):
        event.listen(Engine, "before_cursor_execute", _before_execute)
        event.listen(Engine, "after_cursor_execute", _after_execute)


def _before_execute(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
    recorder = _recorder.get()
    if recorder:
        recorder.before(connection, statement)
        if recorder.executes and is_own(recorder.connection, connection):
            recorder.sends(statement)


def _after_execute(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
    recorder = _recorder.get()
    if recorder and recorder.executes and is_own(recorder.connection, connection):
        recorder.sent(statement, getattr(cursor, "rowcount", -1))


def is_own(own: Any, connection: Any) -> bool:
    """Return whether two connections are one; SQLAlchemy may have several objects for it."""
    return driver_connection(connection) is driver_connection(own)
