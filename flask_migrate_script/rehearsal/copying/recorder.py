"""What a step does on the copy: losses of tables that are there in part are counted in the real database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator, Optional

from ...sql.counting import Count
from ...sql.definitions import find_table_to_decide
from ...sql.destroying import find_destroyed, is_delete
from ...sql.mysql import find_table_changed
from ...sql.quoting import identifier
from .. import losses
from ..recording import Recorder
from ..results import RehearsedStep
from .copy import Copy
from .deciding import Deciding

if TYPE_CHECKING:
    from alembic.operations import MigrateOperation


class CopyRecorder(Recorder):
    """What one step does on a copy.

    :param copy: where it runs.
    """

    def __init__(self, step: RehearsedStep, copy: Copy) -> None:
        super().__init__(step, copy.connection)
        self.copy, self.deciding = copy, Deciding(copy)

    @contextmanager
    def operation(self, operation: MigrateOperation) -> Iterator[None]:
        outermost = not self.inside
        with super().operation(operation):
            if outermost:
                self._note(self.deciding.decide(operation))
            yield

    def count_operation(self, operation: MigrateOperation, name: str) -> Optional[losses.Loss]:
        table = getattr(operation, "table_name", None)
        if table is None or not self.copy.find_partial(str(table)):
            return super().count_operation(operation, name)
        return losses.of_operation(self.copy.real, self.deciding.to_real(operation), name)

    def count_statement(self, sql: str) -> Iterator[losses.Loss]:
        if is_delete(sql, "mysql"):
            return
        for _, _, thing in find_destroyed(sql, "mysql"):
            real = self.copy.find_partial(thing[0]) if thing else None
            if real:
                columns = [self.copy.identities.find_column(thing[0], one.replace("`", "")) for one in thing[1:]]
                names = tuple(identifier(name, self.copy.real.dialect) for name in (real, *columns))
            loss = losses.of_thing(self.copy.real, names) if real else losses.of_thing(self.connection, thing)
            if loss:
                yield loss

    def deleted(self, sql: str, rows: int) -> losses.Loss:
        table = find_table_changed(sql)
        real = self.copy.find_partial(table) if table else None
        if real is None:
            return super().deleted(sql, rows)
        return losses.Loss(Count(rows, at_least=True), "rows", f"lost, of {self.copy.describe_sample(real)}")

    def sent(self, sql: str, rows: int) -> None:
        super().sent(sql, rows)
        table = find_table_to_decide(sql) if self.entry and self.entry.operation == "execute" else None
        if table:
            self._note(self.deciding.doubt_statement(table))
        self.copy.identities.follow(sql)

    def _note(self, note: Optional[str]) -> None:
        if note and note not in self.step.note:
            self.step.note = "; ".join(filter(None, (self.step.note, note)))
