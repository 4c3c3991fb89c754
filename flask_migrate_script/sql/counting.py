"""Rows and values of a table: counted up to a bound, past which the table is not read, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

BOUND = 1_000_000
"""Rows that are read at the most, so that a look at a large table stays short."""


@dataclass(frozen=True)
class Count:
    """How many there are.

    :param number: as far as was counted.
    :param at_least: there are more rows than were read.
    """

    number: int
    at_least: bool = False

    def __bool__(self) -> bool:
        return self.number > 0

    def shown(self, noun: str) -> str:
        """Return it in words: ``1,204 values``, ``1 row``, ``over 1,000,000 rows``, ``at least 7 values``."""
        if not self.at_least:
            return plural(self.number, noun)
        return f"{'over' if self.number == BOUND else 'at least'} {plural(self.number, noun)}"


def plural(number: int, noun: str) -> str:
    """Return a number of things: ``1 row`` or ``1,204 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def bounded(number: int) -> Count:
    """Return a number of rows that is known as a count, which says no more than one that was counted."""
    return Count(min(number, BOUND), number > BOUND)


def count(connection: Connection, source: str, column: str = "1", condition: str = "1 = 1") -> Count:
    """Count the rows in which a condition holds.

    :param connection: SQLAlchemy's.
    :param source: the table, quoted. With a WHERE, as much is read as it takes to find the rows.
    :param column: quoted; the condition calls it ``c``.
    """
    from sqlalchemy import text

    sql = query(connection.dialect.name, source, column, condition)
    return counted(*connection.execute(text(sql.replace(":", r"\:"))).fetchall()[0])


def is_empty(connection: Connection, table: str) -> bool:
    """Return whether a table has no row.

    :param table: quoted.
    """
    from sqlalchemy import text

    sql = _limit(connection.dialect.name, table, "1", 1).replace(":", r"\:")
    return connection.execute(text(sql)).fetchone() is None


def query(dialect: str, source: str, column: str = "1", condition: str = "1 = 1") -> str:
    """Return the statement that counts; ``counted`` takes the row that it returns."""
    rows = _limit(dialect, source, column, BOUND + 1)
    return f"SELECT COUNT(*), COUNT(CASE WHEN {condition} THEN 1 END) FROM ({rows}) counted"


def counted(read: int, found: int) -> Count:
    """Return the count from the rows that were read and those of them in which the condition held."""
    return Count(min(found, BOUND), read > BOUND)


_LIMITS = {
    **dict.fromkeys(("sqlite", "mysql", "mariadb", "postgresql"), "SELECT {column} AS c FROM {source} LIMIT {most}"),
    "mssql": "SELECT TOP {most} {column} AS c FROM {source}",
    "oracle": "SELECT {column} AS c FROM {source} FETCH FIRST {most} ROWS ONLY",
}


def _limit(dialect: str, source: str, column: str, most: int) -> str:
    """Return a query of some rows; of all of them in a database whose words for a limit are not known here."""
    return _LIMITS.get(dialect, "SELECT {column} AS c FROM {source}").format(source=source, column=column, most=most)
