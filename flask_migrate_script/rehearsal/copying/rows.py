"""Rows from the real database into the copy, in small pieces, exactly as they are, whatever drivers make of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, List, Sequence

from ...seam.driver import OtherConnection
from ...seam.driver_errors import read_driver_error
from ...sql.quoting import identifier
from .catalog import Catalog, Column, ForeignKey, Table

PIECE = 1_000
"""Rows that are read in one statement."""

TABLE_BYTES, ALL_BYTES = 64 << 20, 512 << 20
"""What of one table, and of all together, is copied at the most, as the server says how long rows are."""

_BATCH_ROWS, _BATCH_CHARACTERS = 200, 500_000

_BINARY = (
    *("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector", "geometry", "point", "linestring"),
    *("polygon", "multipoint", "multilinestring", "multipolygon", "geomcollection", "geometrycollection"),
)
_TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json")
_NUMBERS = ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal")

Row = Sequence[Any]


@dataclass
class Copied:
    """What of a table is in the copy.

    :param rows: how many rows.
    :param whole: these are all of them.
    :param why: what kept the others from being copied, where the server said something.
    """

    rows: int
    whole: bool
    why: str = ""


class Rows:
    """Copies rows.

    :param source: leads to the real database; it is read in autocommit, at READ COMMITTED.
    :param target: leads to the copy.
    :param most: rows of a table that are copied at the most.
    """

    def __init__(self, source: OtherConnection, target: OtherConnection, catalog: Catalog, most: int) -> None:
        self.source, self.target, self.catalog, self.most = source, target, catalog, most
        self.mark = "?" if target.dialect.paramstyle == "qmark" else "%s"
        self._left = ALL_BYTES

    def copy(self, table: Table, most: int) -> Copied:
        """Copy rows of a table, up to a number of them.

        Where rows have no key, nothing says which were read already: they are read in one piece.
        """
        try:
            return self._copy(table, most)
        except Exception as exc:  # the driver's own class: it is in use, or may not be read
            rows = int(self.target.value(f"SELECT COUNT(*) FROM {self._quote(table.name)}"))
            return Copied(rows, False, read_driver_error(exc).text.strip())

    def _copy(self, table: Table, most: int) -> Copied:
        bound = self._bound(table, most)
        piece = max(PIECE, bound // 20) if table.key else bound
        copied = 0
        while copied < bound:
            rows = self._read(table, min(piece, bound - copied), copied)
            self._write(table, rows)
            copied += len(rows)
            if len(rows) < piece:
                break
        more = self.source.run(f"SELECT 1 FROM {self._quote(table.name)} LIMIT 1 OFFSET {copied}")
        self._left -= copied * table.row_bytes
        return Copied(copied, not more)

    def _bound(self, table: Table, most: int) -> int:
        fitting = min(TABLE_BYTES, max(self._left, 0)) // max(table.row_bytes, 1)
        return min(most, fitting)

    def _read(self, table: Table, number: int, offset: int) -> List[Row]:
        order = f" ORDER BY {', '.join(map(self._quote, table.key))}" if table.key else ""
        sql = f"SELECT {self._expressions(table.columns)} FROM {self._quote(table.name)}{order}"
        return list(self.source.run(f"{sql} LIMIT {number} OFFSET {offset}"))

    def _expressions(self, columns: Iterable[Column], of: str = "") -> str:
        return ", ".join(_reading(column).format(of + self._quote(column.name)) for column in columns) or "1"

    def _write(self, table: Table, rows: Sequence[Row]) -> None:
        """Write rows; one that has moved on between two pieces, and was read twice, is ignored."""
        columns = table.columns
        names = ", ".join(self._quote(column.name) for column in columns)
        place = f"({', '.join(_writing(column).format(self.mark) for column in columns)})"
        head = f"INSERT IGNORE INTO {self._quote(table.name)} ({names}) VALUES "
        head = head if self.mark == "?" else head.replace("%", "%%")
        for batch in _batches(rows):
            values = [value for row in batch for value in row] if columns else []
            self.target.run(head + ", ".join([place] * len(batch)), values)

    def close_over(self, key: ForeignKey) -> int:
        """Copy the rows that those in the copy refer to by a foreign key; return how many there were.

        :param key: between two tables under their names in both databases.
        """
        child, parent = self.catalog.tables.get(key.table), self.catalog.tables.get(key.parent)
        if child is None or parent is None:
            return 0
        of_child = [_find(child, column) for column, _ in key.pairs]
        of_parent = [_find(parent, column) for _, column in key.pairs]
        total = 0
        while True:
            rows = self.target.run(self._ask_missing(key, of_child))
            found = [row for piece in _batches(rows) for row in self._find_rows(parent, of_parent, piece)]
            self._write(parent, found)
            total += len(found)
            if not found:
                return total

    def _ask_missing(self, key: ForeignKey, columns: Sequence[Column]) -> str:
        pairs = [(f"c.{self._quote(one)}", f"p.{self._quote(other)}") for one, other in key.pairs]
        filled = " AND ".join(f"{one} IS NOT NULL" for one, _ in pairs)
        same = " AND ".join(f"{other} = {one}" for one, other in pairs)
        return (
            f"SELECT DISTINCT {self._expressions(columns, 'c.')} FROM {self._quote(key.table)} c WHERE {filled}"
            f" AND NOT EXISTS (SELECT 1 FROM {self._quote(key.parent)} p WHERE {same}) LIMIT {PIECE}"
        )

    def _find_rows(self, table: Table, columns: Sequence[Column], keys: Sequence[Row]) -> List[Row]:
        one = " AND ".join(f"{self._quote(column.name)} = {_comparing(column).format(self.mark)}" for column in columns)
        sql = f"SELECT {self._expressions(table.columns)} FROM {self._quote(table.name)} WHERE "
        sql = sql if self.mark == "?" else sql.replace("%", "%%")
        values = [value for key in keys for value in key]
        return list(self.source.run(sql + " OR ".join([f"({one})"] * len(keys)), values)) if keys else []

    def _quote(self, name: str) -> str:
        return identifier(name, self.source.dialect)


def _find(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name.lower() == name.lower())


def _reading(column: Column) -> str:
    """Return how a column is read so that no driver and no character set changes its value."""
    if column.kind in _BINARY:
        return "HEX({0})"
    if column.kind in _TEXTS:
        return "HEX(CONVERT({0} USING utf8mb4))"
    if column.kind in ("float", "double"):
        return "{0} + 0e0"
    if column.kind in ("bit", "year"):
        return "{0} + 0"
    return "{0}" if column.kind in _NUMBERS else "CAST({0} AS CHAR)"


def _writing(column: Column) -> str:
    if column.kind in _BINARY:
        return "UNHEX({0})"
    return "CONVERT(UNHEX({0}) USING utf8mb4)" if column.kind in _TEXTS else "{0}"


def _comparing(column: Column) -> str:
    """The same where it is compared: in the column's own character set, so that its index is used."""
    if column.kind in _TEXTS and column.charset and column.collation:
        return f"CONVERT(UNHEX({{0}}) USING {column.charset}) COLLATE {column.collation}"
    return _writing(column)


def _batches(rows: Sequence[Row]) -> Iterable[List[Row]]:
    batch: List[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, (str, bytes)))
        if len(batch) >= _BATCH_ROWS or size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
