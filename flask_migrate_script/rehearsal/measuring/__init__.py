"""Measuring: what a statement that really runs does, as the database counts it, on whatever database it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Dict

from .measure import Lock, Measure
from .postgresql import PostgreSQLMeasure
from .sqlite import SQLiteMeasure
from .tally import Loss, Tally, Vanished

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = ["Lock", "Loss", "Measure", "SQLiteMeasure", "Tally", "Vanished", "measure_for"]

_MEASURES: Dict[str, Callable[[Connection], Measure]] = {
    "postgresql": PostgreSQLMeasure,
    "sqlite": SQLiteMeasure,
}


def measure_for(connection: Connection) -> Measure:
    """Return what measures on a connection.

    :raises KeyError: for a kind of database that is not measured.
    """
    return _MEASURES[str(connection.dialect.name)](connection)
