"""What a migration does, as it does it: Alembic's operations in words, the statements they send, and what they lose."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator, Optional

from ..operations.actions import describe_action, describe_statement
from ..operations.parts import read_parts
from ..passwords import masked
from ..sql.counting import bounded
from ..sql.destroying import is_delete
from ..sql.text import reads
from . import losses
from .results import RehearsedOperation, RehearsedStep

if TYPE_CHECKING:
    from alembic.operations.ops import MigrateOperation


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
            self.entry = _note_operation(operation)
            self._lose(self.count_operation(operation, self.entry.operation))
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
            self.entry = _note_statement(sql)
            self.step.operations.append(self.entry)
        if self.entry and self.entry.operation == "execute":
            for loss in self.count_statement(sql):
                self._lose(loss)

    def count_operation(self, operation: MigrateOperation, name: str) -> Optional[losses.Loss]:
        """Return what an operation that is about to run loses."""
        return losses.of_operation(self.connection, operation, name)

    def count_statement(self, sql: str) -> Iterator[losses.Loss]:
        """Yield what a statement that is about to be sent loses."""
        count = losses.of_statement if self.executes else losses.of_unexecuted_statement
        return count(self.connection, sql)

    def sent(self, sql: str, rows: int) -> None:
        """Note how many rows a statement has deleted."""
        if (
            self.entry
            and self.entry.operation == "execute"
            and is_delete(sql, self.connection.dialect.name)
            and rows >= 0
        ):
            self._lose(self.deleted(sql, rows))

    def deleted(self, sql: str, rows: int) -> losses.Loss:
        """Return what a DELETE has lost."""
        return losses.Loss(bounded(rows), "rows")

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


def _note_statement(sql: str) -> RehearsedOperation:
    return RehearsedOperation("execute", words=describe_statement(sql))


def _note_operation(operation: MigrateOperation) -> RehearsedOperation:
    parts = read_parts(operation)
    return RehearsedOperation(parts.operation, parts.table, parts.column, describe_action(operation, parts))
