"""What a step does on the copy: losses of tables that are there in part are counted in the real database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterable, Iterator

from ...passwords import Mask
from ...sql.counting import Count, bounded
from ...sql.definitions import find_table_to_decide
from ...sql.destroying import Thing, find_destroyed, is_delete
from ...sql.mysql import find_table_changed
from ...sql.quoting import identifier
from .. import predictions
from ..measuring import Loss
from ..names import Names
from ..recording import ReadingRecorder
from ..results import RehearsedOperation, RehearsedStep
from .copy import Copy
from .deciding import Deciding

if TYPE_CHECKING:
    from alembic.operations import MigrateOperation


class CopyRecorder(ReadingRecorder):
    """What one step does on a copy.

    :param copy: where it runs.
    """

    def __init__(self, step: RehearsedStep, copy: Copy, mask: Mask) -> None:
        super().__init__(step, copy.connection, mask, Names())
        self.copy, self.deciding = copy, Deciding(copy)

    @contextmanager
    def _around(self, operation: MigrateOperation, entry: RehearsedOperation) -> Iterator[None]:
        with super()._around(operation, entry):
            note = self.deciding.decide(operation)
            if note:
                self.step.add_note(note)
            yield

    def predict_operation(self, operation: MigrateOperation, name: str) -> Iterable[Loss]:
        table = getattr(operation, "table_name", None)
        if table is None or not self.copy.find_partial(str(table)):
            return predictions.of_operation(self.connection, operation, name)
        return predictions.of_operation(self.copy.real, self.deciding.to_real(operation), name)

    def predict_statement(self, sql: str) -> Iterable[Loss]:
        """The same for a text: what a single DELETE has deleted is its own count of rows."""
        if is_delete(sql, "mysql"):
            return
        for _, _, thing in find_destroyed(sql, "mysql"):
            real = self.copy.find_partial(thing[0]) if thing else None
            loss = (
                predictions.of_thing(self.copy.real, self._find_real(real, thing))
                if real
                else predictions.of_thing(self.connection, thing)
            )
            if loss:
                yield loss

    def _find_real(self, real: str, thing: Thing) -> Thing:
        names = [self.copy.identities.find_column(thing[0], one.replace("`", "")) for one in thing[1:]]
        return tuple(identifier(name, self.copy.real.dialect) for name in (real, *names))

    def count_deleted(self, sql: str, rows: int) -> None:
        """Note how many rows a DELETE has deleted; on a sample that is no more than a part."""
        if not (self.entry and self.entry.operation == "execute" and is_delete(sql, "mysql") and rows >= 0):
            return
        table = find_table_changed(sql)
        real = self.copy.find_partial(table) if table else None
        if real:
            loss = Loss(table or "", None, Count(rows, at_least=True), f"lost, of {self.copy.describe_sample(real)}")
        else:
            loss = Loss(table or "", None, bounded(rows))
        self._lose(self.entry, [loss])

    def sent(self, sql: str) -> None:
        super().sent(sql)
        table = find_table_to_decide(sql) if self.entry and self.entry.operation == "execute" else None
        note = self.deciding.doubt_statement(table) if table else None
        if note:
            self.step.add_note(note)
        self.copy.identities.follow(sql)
