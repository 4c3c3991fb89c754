"""What a migration does, as it does it: its operations, their statements, and what the database says of them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Iterator, List, Optional, Sequence

from ..operations.actions import describe_action, describe_statement
from ..operations.subject import Subject, name_operation, read_subject
from ..passwords import Mask
from ..sql.counting import BOUND
from ..sql.text import Kind, reads, split
from . import predictions
from .measuring import Loss, Measure, Tally, Vanished
from .names import Names
from .results import RehearsedLoss, RehearsedOperation, RehearsedStatement, RehearsedStep, RehearsedVanished

if TYPE_CHECKING:
    from alembic.operations import MigrateOperation
    from sqlalchemy.engine import Connection


SLOWEST = 3
"""Statements of a step that are listed as those that took longest."""


class Recorder:
    """What one step does in one database.

    :param connection: where the step's statements go, or would go.
    :param mask: takes passwords out of a text.
    """

    def __init__(self, step: RehearsedStep, connection: Connection, mask: Mask) -> None:
        self.step, self.connection, self.mask = step, connection, mask
        self.dialect = str(connection.dialect.name)
        self.inside = 0
        self.entry: Optional[RehearsedOperation] = None

    @contextmanager
    def operation(self, operation: MigrateOperation) -> Iterator[None]:
        """Note an operation for as long as it runs; those that it consists of are a part of it."""
        if self.inside:
            yield
            return
        self.entry = _note_operation(operation)
        self.step.operations.append(self.entry)
        with self.within(), self._around(operation, self.entry):
            yield

    @contextmanager
    def _around(self, operation: MigrateOperation, entry: RehearsedOperation) -> Iterator[None]:
        yield

    @contextmanager
    def flush(self) -> Iterator[None]:
        """A batch sends its statements when it ends: they belong to its operations, noted before."""
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
        if reads(sql, self.dialect) and not executed:
            return
        self.step.sql.append(self.mask(sql.strip()))
        if not self.inside:
            self.entry = RehearsedOperation("execute", words=describe_statement(sql))
            self.step.operations.append(self.entry)

    def sent(self, sql: str) -> None:
        """A statement has been executed."""


class ReadingRecorder(Recorder):
    """The same where nothing is executed: what would be lost is asked of the database as it is.

    :param names: what the operations before would have renamed.
    """

    def __init__(self, step: RehearsedStep, connection: Connection, mask: Mask, names: Names) -> None:
        super().__init__(step, connection, mask)
        self.names = names

    @contextmanager
    def _around(self, operation: MigrateOperation, entry: RehearsedOperation) -> Iterator[None]:
        self._lose(entry, self.predict_operation(operation, entry.operation))
        yield

    def sends(self, sql: str) -> None:
        super().sends(sql)
        if self.entry and self.entry.operation == "execute":
            self._lose(self.entry, self.predict_statement(sql))

    def predict_operation(self, operation: MigrateOperation, name: str) -> Iterable[Loss]:
        """Return what an operation loses that is not executed yet.

        :param name: Alembic's name for it.
        """
        now = self.names.translate(operation)
        found = [] if now is None else list(predictions.of_operation(self.connection, now, name))
        self.names.note_operation(operation, name)
        return found

    def predict_statement(self, sql: str) -> Iterable[Loss]:
        """Return what the statements of a text lose that is not executed yet."""
        found = list(predictions.of_statement(self.connection, sql, self.names))
        self.names.note_text(sql, self.dialect)
        return found

    def _lose(self, entry: RehearsedOperation, losses: Iterable[Loss]) -> None:
        for loss in losses:
            told = _describe_loss(loss)
            told.table, told.column = _unquote(told.table), told.column and _unquote(told.column)
            entry.losses.append(told)
        sum_up(entry)


class MeasuringRecorder(Recorder):
    """The same where the step runs.

    :param measure: measures on the connection.
    """

    def __init__(self, step: RehearsedStep, connection: Connection, mask: Mask, measure: Measure) -> None:
        super().__init__(step, connection, mask)
        self.measure = measure
        self._batch: List[RehearsedOperation] = []
        self._flushing = False
        self._savepoints: Dict[str, List[RehearsedOperation]] = {}
        measure.begin_step()

    @contextmanager
    def _around(self, operation: MigrateOperation, entry: RehearsedOperation) -> Iterator[None]:
        self._batch.append(entry)
        renamed = getattr(operation, "modify_name", None)
        if renamed and entry.column:
            self.measure.renamed[entry.column] = str(renamed)
        try:
            yield
        except Exception:
            self._count_refused(operation, entry)
            raise

    def _count_refused(self, operation: MigrateOperation, entry: RehearsedOperation) -> None:
        """Count the values that the database has refused for a new type, or those that are missing."""
        if entry.operation != "alter_column" or self.dialect == "sqlite":
            return
        with suppress(Exception), self.measure.after_failure():
            for loss in predictions.of_operation(self.connection, operation, entry.operation):
                entry.losses.append(_describe_loss(replace(loss, how="refused") if loss.count else loss))
            sum_up(entry)

    @contextmanager
    def flush(self) -> Iterator[None]:
        self._flushing = True
        try:
            with self.within():
                yield
        finally:
            self._flushing = False
            self._batch.clear()
            self.measure.renamed.clear()

    def execute(self, execute: Callable[[], None], sql: str) -> None:
        """Make the driver's call for a statement, and note what the database says of it."""
        if reads(sql, self.dialect):
            execute()
            return
        self._add(self.measure.execute(execute, sql))
        self._time(sql)

    def _time(self, sql: str) -> None:
        """Keep the statements that took longest."""
        if len(self.step.slowest) == SLOWEST and self.measure.seconds <= self.step.slowest[-1].seconds:
            return
        slowest = [*self.step.slowest, RehearsedStatement(self.mask(sql.strip()), self.measure.seconds)]
        self.step.slowest = sorted(slowest, key=lambda one: -one.seconds)[:SLOWEST]

    def sent(self, sql: str) -> None:
        for statement in split(sql, self.dialect):
            if statement.kind is Kind.SAVEPOINT:
                self._savepoints[statement.tokens[-1].text] = list(map(_copy, self.step.operations))
            elif statement.kind is Kind.ROLLBACK_TO:
                self._go_back(self._savepoints.get(statement.tokens[-1].text, []))
                self.measure.forget()

    def finish(self, touched: bool) -> None:
        """The script is over: note what it did past SQLAlchemy.

        :param touched: it has had the driver's own connection in its hands.
        """
        tally = self.measure.finish_step(touched)
        if self.entry is None or any(loss.table == "" for loss in tally.losses) or tally.losses:
            self.entry = RehearsedOperation("execute", words="on the driver's own connection")
            if tally.losses or tally.vanished or any((tally.inserted, tally.updated, tally.deleted)):
                self.step.operations.append(self.entry)
        self._add(tally)

    def _go_back(self, before: Sequence[RehearsedOperation]) -> None:
        """The script has gone back to a savepoint: what was done since is undone."""
        for place, entry in enumerate(self.step.operations):
            as_it_was = before[place] if place < len(before) else RehearsedOperation(entry.operation)
            for name in ("inserted", "updated", "deleted", "losses", "vanished"):
                setattr(entry, name, getattr(as_it_was, name))
            sum_up(entry)

    def _add(self, tally: Tally) -> None:
        """Add what a statement did to the operations that it is a part of."""
        for rebuilt in tally.rebuilt:
            self._take_back(rebuilt.table)
            tally.losses += rebuilt.losses
        for loss in tally.losses:
            self._find(loss.column).losses.append(_describe_loss(loss))
        for one in tally.vanished:
            self._find(_name_column(one)).vanished.append(RehearsedVanished(one.kind, one.name))
        if self.entry and not self._flushing:
            for name in ("inserted", "updated", "deleted"):
                before, now = getattr(self.entry, name), getattr(tally, name)
                setattr(self.entry, name, None if now is None else (before or 0) + now)
        for entry in {id(one): one for one in (*self._batch, self.entry) if one}.values():
            sum_up(entry)

    def _take_back(self, table: str) -> None:
        """A table that was dropped is there again, made anew."""
        for entry in self.step.operations:
            entry.losses = [one for one in entry.losses if (one.table, one.column) != (table, None)]
            entry.vanished = [one for one in entry.vanished if (one.kind, one.name) != ("table", table)]
            sum_up(entry)

    def _find(self, column: Optional[str]) -> RehearsedOperation:
        """Return the entry that is about a column: of a batch, it is one of several."""
        assert self.entry is not None
        if self._flushing:
            for entry in reversed(self._batch):
                if column is not None and entry.column == column:
                    return entry
        return self.entry


def _note_operation(operation: MigrateOperation) -> RehearsedOperation:
    """Return the entry of an operation, whatever the script has given to it: what it cannot be asked is left out."""
    parts = Subject(name_operation(operation))
    words = parts.operation.replace("_", " ")
    with suppress(Exception):  # objects of the script's own, whose attributes may raise anything
        parts = read_subject(operation)
        words = describe_action(operation, parts)
    return RehearsedOperation(parts.operation, parts.table, parts.column, words)


def sum_up(entry: RehearsedOperation) -> None:
    """Say in one number what an operation loses; where it is rows and values, the rows are told."""
    rows = [one for one in entry.losses if one.column is None]
    values = [one for one in entry.losses if one.column is not None]
    chosen = rows if any(one.lost != 0 for one in rows) or not values else values
    counted = [one for one in chosen if one.lost is not None]
    entry.lost_unit = ("rows" if chosen is rows else "values") if chosen else None
    entry.lost = min(sum(one.lost or 0 for one in counted), BOUND) if counted else None
    entry.lost_at_least = any(one.at_least for one in counted) or bool(counted and len(counted) < len(chosen))
    telling = [one for one in counted if one.lost] or counted or chosen
    entry.lost_how = telling[0].how if telling else "lost"


def _describe_loss(loss: Loss) -> RehearsedLoss:
    count = loss.count
    if count is None:
        return RehearsedLoss(loss.table, loss.column, None, False, loss.how)
    return RehearsedLoss(loss.table, loss.column, count.number, count.at_least, loss.how)


def _unquote(name: str) -> str:
    return name.replace("`", "").replace('"', "")


def _copy(entry: RehearsedOperation) -> RehearsedOperation:
    return replace(entry, losses=list(entry.losses), vanished=list(entry.vanished))


def _name_column(vanished: Vanished) -> Optional[str]:
    return vanished.name.rpartition(".")[2] if vanished.kind == "column" else None
