"""What a table and a column of the copy are called in the real database, before this run has renamed them."""

from __future__ import annotations

from typing import Dict, Iterable, Optional, Set

from ...sql.definitions import find_renames
from ...sql.destroying import find_created
from ...sql.reader import Reader
from ...sql.targets import find_target
from ...sql.text import Kind, split


class Identities:
    """The names, which are followed statement by statement.

    :param tables: the names that both databases have when the run begins.
    """

    def __init__(self, tables: Iterable[str]) -> None:
        self._tables: Dict[str, Optional[str]] = {name.lower(): name for name in tables}
        self._columns: Dict[str, Dict[str, str]] = {}
        self._changed: Set[str] = set()
        self._all_changed = False

    def find_table(self, name: str) -> Optional[str]:
        """Return the real table of one of the copy; None where this run has made it."""
        return self._tables.get(_plain(name))

    def find_column(self, table: str, column: str) -> str:
        """Return the real name of a column of the copy."""
        return self._columns.get(_plain(table), {}).get(_plain(column), column)

    def has_changed(self, table: str) -> bool:
        """Return whether this run may have changed rows of a table of the copy."""
        return self._all_changed or _plain(table) in self._changed

    def follow(self, sql: str) -> None:
        """Note what the statements of a text, which have been executed, rename, make, drop and change."""
        for rename in find_renames(sql):
            table = _plain(rename.table)
            if rename.column is None:
                self._rename_table(table, _plain(rename.new))
            else:
                names = self._columns.setdefault(table, {})
                names[_plain(rename.new)] = names.pop(_plain(rename.column), rename.column)
        for thing in find_created(sql, "mysql"):
            self._forget(_plain(thing[0]))
        for statement in split(sql, "mysql"):
            reader = Reader(statement.core)
            if reader.skip("DROP", "TABLE"):
                reader.skip_if_exists()
                for name in reader.read_names():
                    self._forget(_plain(name.plain))
            elif statement.kind in (Kind.DML, Kind.CALL, Kind.UNKNOWN):
                target = find_target(statement)
                if target is None or statement.kind is not Kind.DML:
                    self._all_changed = True
                else:
                    self._changed.add(_plain(target.plain))

    def _rename_table(self, old: str, new: str) -> None:
        self._tables[new] = self._tables.pop(old, None)
        self._columns[new] = self._columns.pop(old, {})
        if old in self._changed:
            self._changed.add(new)

    def _forget(self, table: str) -> None:
        self._tables.pop(table, None)
        self._columns.pop(table, None)


def _plain(name: str) -> str:
    """Return a name without quotes, in lower case: servers differ in what case means."""
    return name.replace("`", "").lower()
