"""What a sample of rows does not decide is asked of the real table, or is said to be not decided."""

from __future__ import annotations

from copy import copy as copied_from
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Tuple

from ...errors import MigrateError
from ...operations.subject import name_operation
from ...seam.driver import driver_connection, run
from ...seam.driver_errors import read_driver_error
from ...sql.quoting import identifier
from .catalog import ForeignKey
from .copy import Copy

if TYPE_CHECKING:
    from alembic.operations import MigrateOperation

_NO_PARENT = (1452, 1216)
"""MySQL's and MariaDB's errors: a row refers to one that is not there."""


@dataclass(frozen=True)
class Question:
    """What a new constraint asks of all rows of a table.

    :param table: of the copy, as the script names it.
    :param words: what is asked, for a person.
    :param sql: selects something where the constraint does not hold; of the real table. Empty where that has it not.
    :param key: the foreign key that it is about.
    """

    table: str
    words: str
    sql: str
    key: Optional[ForeignKey] = None


class Deciding:
    """Asks the real database for what the copy cannot tell."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.asked: List[str] = []

    def find_doubt(self, exc: BaseException) -> str:
        """Return why a failure on the copy does not say that the real run fails; empty where it does."""
        missing = self.copy.find_missing(str(exc))
        if missing:
            return f"it uses the {missing.kind} {missing.name}, which is not in the copy: {missing.reason}"
        if read_driver_error(exc).number in _NO_PARENT and self.copy.any_partial:
            return "not decided: a row refers to one that is not in the copy, which has not all rows"
        return ""

    def decide(self, operation: MigrateOperation) -> Optional[str]:
        """Ask the real table what an operation that is about to run asks of all rows; return a note for a person.

        :raises MigrateError: where it does not hold there.
        """
        name = name_operation(operation)
        make = _QUESTIONS.get(name)
        question = make(self, operation) if make else None
        if question is None:
            return None
        if question.key:
            self.copy.close_over(question.key)
        real = self.copy.find_partial(question.table)
        parent = self.copy.find_partial(question.key.parent) if question.key else None
        if real is None and parent is None:
            return None
        self.asked.append(question.table)
        if self.copy.identities.has_changed(question.table) or not question.sql:
            return self._doubt(question, real or parent)
        try:
            found = run(driver_connection(self.copy.real), question.sql)
        except Exception:  # the driver's own class: a column that this run has made
            return self._doubt(question, real or parent)
        if found:
            raise MigrateError(
                f"{question.words} does not hold in the real table: {_show(found[0])}",
                "Asked with a SELECT in the real database; the copy has not all of its rows.",
            )
        return f"{question.words}: holds in the real table"

    def doubt_statement(self, table: str) -> Optional[str]:
        """Return the note for a statement of the script's own that asks something of all rows of a table."""
        real = self.copy.find_partial(table)
        return f"not decided for {table}: {self.copy.describe_sample(real)} were tried" if real else None

    def _doubt(self, question: Question, real: Optional[str]) -> Optional[str]:
        return f"{question.words}: not decided: {self.copy.describe_sample(real)} were tried" if real else None

    def _real(self, table: str) -> Optional[str]:
        found = self.copy.identities.find_table(table)
        return identifier(found, self.copy.real.dialect) if found else None

    def _columns(self, table: str, names: Sequence[Any]) -> List[str]:
        identities, dialect = self.copy.identities, self.copy.real.dialect
        return [identifier(identities.find_column(table, str(name)), dialect) for name in names]

    def ask_unique(self, table: str, names: Sequence[Any]) -> Optional[Question]:
        real = self._real(table)
        if real is None or not all(isinstance(name, str) for name in names):
            return Question(table, f"UNIQUE on {table}", "")
        columns = self._columns(table, names)
        filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        listed = ", ".join(columns)
        sql = f"SELECT {listed}, COUNT(*) FROM {real} WHERE {filled} GROUP BY {listed} HAVING COUNT(*) > 1 LIMIT 1"
        return Question(table, f"UNIQUE ({', '.join(map(str, names))}) of {table}", sql)

    def ask_foreign_key(self, key: ForeignKey) -> Optional[Question]:
        child, parent = self._real(key.table), self._real(key.parent)
        words = f"FOREIGN KEY ({', '.join(one for one, _ in key.pairs)}) of {key.table}"
        if child is None or parent is None:
            return Question(key.table, words, "", key)
        ours = self._columns(key.table, [one for one, _ in key.pairs])
        theirs = self._columns(key.parent, [other for _, other in key.pairs])
        filled = " AND ".join(f"c.{one} IS NOT NULL" for one in ours)
        same = " AND ".join(f"p.{other} = c.{one}" for one, other in zip(ours, theirs))
        shown = ", ".join(f"c.{one}" for one in ours)
        sql = (
            f"SELECT {shown} FROM {child} c WHERE {filled}"
            f" AND NOT EXISTS (SELECT 1 FROM {parent} p WHERE {same}) LIMIT 1"
        )
        return Question(key.table, words, sql, key)

    def ask_not_null(self, table: str, column: str) -> Optional[Question]:
        real = self._real(table)
        (name,) = self._columns(table, [column])
        sql = f"SELECT 1 FROM {real} WHERE {name} IS NULL LIMIT 1" if real else ""
        return Question(table, f"NOT NULL of {table}.{column}", sql)

    def ask_check(self, table: str, condition: str) -> Optional[Question]:
        real = self._real(table)
        sql = f"SELECT 1 FROM {real} WHERE NOT ({condition}) LIMIT 1" if real else ""
        return Question(table, f"CHECK ({condition}) of {table}", sql)

    def to_real(self, operation: Any) -> Any:
        """Return an operation about a table and a column under the names that they have in the real database."""
        found = copied_from(operation)
        table = getattr(operation, "table_name", None)
        if table is not None:
            found.table_name = self.copy.identities.find_table(table) or table
            if getattr(operation, "column_name", None) is not None:
                found.column_name = self.copy.identities.find_column(table, operation.column_name)
        return found


def _show(row: Tuple[Any, ...]) -> str:
    return ", ".join(str(value) for value in row)


def _unique(deciding: Deciding, operation: Any) -> Optional[Question]:
    return deciding.ask_unique(operation.table_name, operation.columns)


def _index(deciding: Deciding, operation: Any) -> Optional[Question]:
    return deciding.ask_unique(operation.table_name, operation.columns) if operation.unique else None


def _foreign_key(deciding: Deciding, operation: Any) -> Optional[Question]:
    pairs = list(zip(operation.local_cols, operation.remote_cols))
    return deciding.ask_foreign_key(ForeignKey(operation.source_table, operation.referent_table, pairs))


def _check(deciding: Deciding, operation: Any) -> Optional[Question]:
    return deciding.ask_check(operation.table_name, str(operation.condition))


def _alter_column(deciding: Deciding, operation: Any) -> Optional[Question]:
    if operation.modify_nullable is not False:
        return None
    return deciding.ask_not_null(operation.table_name, operation.column_name)


_QUESTIONS: Any = {
    "create_unique_constraint": _unique,
    "create_primary_key": _unique,
    "create_index": _index,
    "create_foreign_key": _foreign_key,
    "create_check_constraint": _check,
    "alter_column": _alter_column,
}
