"""What the database says of one statement: rows written, rows and values lost, and what is no longer there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional

from ...sql.counting import Count

ROWS, VALUES = "rows", "values"
LOST, CHANGED, NOT_COUNTED = "lost", "changed", "not counted"
HIDDEN = "not counted: row level security hides rows"
UNREADABLE = "not counted: no right to read them"


@dataclass
class Loss:
    """Rows of a table, or values of a column.

    :param count: None where the database does not say.
    :param how: ``"lost"``, ``"changed"`` by another type, or why they are not counted.
    """

    table: str
    column: Optional[str]
    count: Optional[Count]
    how: str = LOST

    @property
    def unit(self) -> str:
        return ROWS if self.column is None else VALUES


@dataclass(frozen=True)
class Vanished:
    """Something that the catalog had before.

    :param kind: ``"table"``, ``"column"``, ``"trigger"`` and the like.
    :param name: with the table it is on.
    """

    kind: str
    name: str


@dataclass
class Rebuilt:
    """A table that was dropped before, and whose name another one has taken now: its rows are those of that one.

    :param losses: what the other one has not.
    """

    table: str
    losses: List[Loss]


@dataclass
class Tally:
    """What one statement, or several, did.

    :param inserted: rows; None where the database does not say.
    :param rebuilt: the tables that were not lost after all.
    """

    inserted: Optional[int] = 0
    updated: Optional[int] = 0
    deleted: Optional[int] = 0
    losses: List[Loss] = field(default_factory=list)
    vanished: List[Vanished] = field(default_factory=list)
    rebuilt: List[Rebuilt] = field(default_factory=list)

    def lose_rows(self, table: str, count: Optional[Count], how: str = LOST) -> None:
        """Note rows of a table that are gone."""
        self.losses.append(Loss(table, None, count, how))

    def add(self, other: Tally) -> None:
        """Add what another statement did."""
        self.inserted = _sum(self.inserted, other.inserted)
        self.updated = _sum(self.updated, other.updated)
        self.deleted = _sum(self.deleted, other.deleted)
        self.losses += other.losses
        self.vanished += other.vanished
        self.rebuilt += other.rebuilt


def _sum(one: Optional[int], other: Optional[int]) -> Optional[int]:
    return None if one is None or other is None else one + other
