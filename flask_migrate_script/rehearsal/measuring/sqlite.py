"""SQLite: its count of changes, what its authorizer says that a statement writes, and old tables beside new ones."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Set, Tuple

from ...seam.driver import find_innermost
from ...sql.counting import BOUND, Count, bounded
from ...sql.sqlite_schema import Object, find_left_out
from .measure import Execute, Measure
from .tally import CHANGED, LOST, NOT_COUNTED, Loss, Rebuilt, Tally, Vanished

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


@dataclass
class Schema:
    """What there is, and the columns of each table with their types."""

    objects: Dict[Tuple[str, str], Object] = field(default_factory=dict)
    columns: Dict[str, List[Tuple[str, str]]] = field(default_factory=dict)

    @property
    def tables(self) -> Set[str]:
        return {name for kind, name in self.objects if kind == "table"}


_WRITES = {sqlite3.SQLITE_INSERT: "insert", sqlite3.SQLITE_UPDATE: "update", sqlite3.SQLITE_DELETE: "delete"}
_INSTRUCTIONS = 100_000
"""Of SQLite's virtual machine, after which the time is looked at."""

_KEYS = "flask_migrate_script_keys"
_PLACE = "flask_migrate_script_place"


class SQLiteMeasure(Measure):
    """Measures on SQLite, whose authorizer has to tell ``hear`` of what it is asked."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.schema = Schema()
        self._version = -1
        self._listening = False
        self._actions: Set[Tuple[int, str]] = set()
        self._made: List[str] = []
        self._dropped: Dict[str, Dict[str, Optional[List[Loss]]]] = {}
        self._was: Dict[str, List[Object]] = {}
        self._rebuilt: Set[str] = set()

    def hear(self, action: int, first: Any, second: Any, database: Any, inside: Any) -> None:
        """Note what SQLite is about to prepare."""
        if self._listening and database in (None, "main"):
            self._actions.add((action, str(first)))

    def begin_step(self) -> None:
        self._made, self._dropped, self._was = [], {}, {}
        self._rebuilt.clear()
        self.renamed.clear()
        self._read_schema()
        self._changes = self._count_changes()

    def limit_seconds(self, seconds: float) -> None:
        own, end = find_innermost(self.driver), time.monotonic() + seconds
        if hasattr(own, "set_progress_handler") and not hasattr(own, "_execute"):  # aiosqlite's is in another thread
            own.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)

    def close(self) -> None:
        own = find_innermost(self.driver)
        if hasattr(own, "set_progress_handler") and not hasattr(own, "_execute"):
            own.set_progress_handler(None, _INSTRUCTIONS)

    def forget(self) -> None:
        self._version = -1
        self._read_schema()
        self._changes = self._count_changes()

    def execute(self, execute: Execute, sql: str) -> Tally:
        if not self._keeps_savepoints(sql):
            self._send(execute)
            return self.catch_up()
        missed = self.catch_up()  # the driver's own connection may have changed something since
        self._begin()
        self._actions, self._changes = set(), self._count_changes()
        try:
            self._listen(execute)
        except Exception:
            with suppress(sqlite3.OperationalError):  # the failure has rolled back all of it
                self._release()
            raise
        tally = (
            self._measure_schema(execute) if self._ask_version() != self._version else self._measure_rows(execute, sql)
        )
        self._release()
        self._changes = self._count_changes()
        tally.add(missed)
        return tally

    def catch_up(self) -> Tally:
        if self._ask_version() == self._version and self._count_changes() == self._changes:
            return Tally()
        tally, before = Tally(), self.schema
        if self._count_changes() != self._changes:
            tally = Tally(None, None, None, [Loss("", None, None, NOT_COUNTED)])
        self._read_schema()
        for table in before.tables - self.schema.tables:
            tally.lose_rows(table, None, NOT_COUNTED)
        self._changes = self._count_changes()
        return tally

    def _listen(self, execute: Execute) -> None:
        self._listening = True
        try:
            self._send(execute)
        finally:
            self._listening = False

    def _count_changes(self) -> int:
        own = find_innermost(self.driver)
        return int(getattr(own, "_conn", own).total_changes)  # aiosqlite's property waits for its thread

    # Rows

    def _measure_rows(self, execute: Execute, sql: str) -> Tally:
        """Return what a statement wrote: all of it is of one kind in one table, or the keys are compared."""
        changes = self._count_changes() - self._changes
        writes = {(_WRITES[action], table) for action, table in self._actions if action in _WRITES}
        if not changes:
            return Tally()
        if len(writes) == 1 and not self._may_replace(sql):
            ((kind, table),) = writes
            inserted, updated, deleted = (changes * (kind == one) for one in _WRITES.values())
            tally = Tally(inserted, updated, deleted)
            if kind == "delete":
                tally.lose_rows(table, bounded(changes))
            return tally
        return self._compare_keys(execute, writes)

    def _may_replace(self, sql: str) -> bool:
        """Return whether a row may have to go for another one: by OR REPLACE, or a constraint's ON CONFLICT REPLACE."""
        texts = (sql, *(one.sql for one in self.schema.objects.values()))
        return any("REPLACE" in text.upper() for text in texts)

    def _compare_keys(self, execute: Execute, writes: Set[Tuple[str, str]]) -> Tally:
        """Undo the statement, keep the keys of the tables that it writes, do it again, and see which are gone."""
        tables = sorted({table for _, table in writes if table in self.schema.tables})
        self._undo()
        keys = {table: self._keep_keys(number, table) for number, table in enumerate(tables)}
        before = {table: self._count_rows(table) for table in tables}
        begun = self._count_changes()
        self._send(execute)
        changes, tally = self._count_changes() - begun, Tally()
        for number, table in enumerate(tables):
            if not keys[table]:
                tally.add(Tally(None, None, None, [Loss(table, None, None, NOT_COUNTED)]))
                continue
            on = " AND ".join(f"old.k{place} IS new.{key}" for place, key in enumerate(keys[table]))
            query = (
                f"SELECT COUNT(*) FROM {_KEYS}{number} old"
                f" WHERE NOT EXISTS (SELECT 1 FROM main.{_quote(table)} new WHERE {on})"
            )
            gone = int(self._ask(query)[0][0])
            came = self._count_rows(table) - before[table] + gone
            tally.add(Tally(came, 0, gone))
            if gone:
                tally.lose_rows(table, bounded(gone))
            self._ask(f"DROP TABLE temp.{_KEYS}{number}")
        self._find_updated(tally, writes, changes)
        return tally

    def _find_updated(self, tally: Tally, writes: Set[Tuple[str, str]], changes: int) -> None:
        """Tell how many rows were updated where that follows from the count of all changes."""
        if not any(kind == "update" for kind, _ in writes) or tally.inserted is None:
            return
        replaces = {table for kind, table in writes if kind != "delete"}
        deletes = {table for kind, table in writes if kind == "delete"}
        certain = not (replaces & deletes) and tally.deleted is not None
        tally.updated = max(changes - tally.inserted - (tally.deleted or 0), 0) if certain else None

    def _keep_keys(self, number: int, table: str) -> List[str]:
        """Keep the keys of a table's rows in one of ours; return what they are, in SQL."""
        keys = ["rowid"]
        if self._is_without_rowid(table):
            keys = [_quote(name) for name in self._key_columns(table)]
        kept = ", ".join(f"{key} AS k{place}" for place, key in enumerate(keys))
        self._ask(f"CREATE TEMPORARY TABLE {_KEYS}{number} AS SELECT {kept} FROM main.{_quote(table)}")
        return keys

    def _is_without_rowid(self, table: str) -> bool:
        try:
            self._ask(f"SELECT rowid FROM main.{_quote(table)} LIMIT 0")
        except sqlite3.OperationalError:
            return True
        return False

    def _count_rows(self, table: str) -> int:
        return int(self._ask(f"SELECT COUNT(*) FROM main.{_quote(table)}")[0][0])

    # Schema

    def _ask_version(self) -> int:
        return int(self._ask("PRAGMA main.schema_version")[0][0])

    def _read_schema(self) -> None:
        """Look at what there is; the columns of a table that is as it was are known."""
        version = self._ask_version()
        if version == self._version:
            return
        rows = self._ask("SELECT type, name, tbl_name, rootpage, sql FROM main.sqlite_master")
        objects = {
            (kind, name): Object(kind, name, table, int(root or 0), sql or "") for kind, name, table, root, sql in rows
        }
        before, self.schema, self._version = self.schema, Schema(objects), version
        for one in (key[1] for key in objects if key[0] == "table"):
            if before.objects.get(("table", one)) == objects[("table", one)] and one in before.columns:
                self.schema.columns[one] = before.columns[one]
            else:
                self.schema.columns[one] = self._read_columns(one)

    def _read_columns(self, table: str) -> List[Tuple[str, str]]:
        return [(row[1], row[2]) for row in self._ask(f"PRAGMA main.table_xinfo({_quote(table)})")]

    def _measure_schema(self, execute: Execute) -> Tally:
        """Return what a definition did, counted after it was undone where rows or values went with it."""
        before = self.schema
        self._read_schema()
        after, tally = self.schema, Tally()
        dropped, columns = self._find_dropped(before, after), list(self._find_dropped_columns(before, after))
        if dropped or columns:
            self._undo()
            for table in dropped:
                tally.losses.append(self._count_lost_rows(table))
                self._dropped[table] = {one: self._compare(table, one) for one in self._made if one != table}
                self._was.setdefault(table, [one for one in before.objects.values() if one.table == table])
            tally.losses += [self._count_values(*one) for one in columns]
            tally.vanished += [Vanished("column", f"{table}.{column}") for table, column in columns]
            self._send(execute)
        self._version = self._ask_version()
        tally.vanished += self._find_vanished(before, after)
        if any(action == sqlite3.SQLITE_CREATE_TABLE for action, _ in self._actions):
            self._made += sorted(after.tables - before.tables)
        for old, new in self._find_renamed(before, after).items():
            losses = self._dropped.get(new, {}).get(old)
            if losses is not None:
                self._rebuilt.add(new)
                tally.rebuilt.append(Rebuilt(new, losses))
            self._made = [new if one == old else one for one in self._made]
        return tally

    def finish_step(self, touched: bool) -> Tally:
        tally = super().finish_step(touched)
        for table in sorted(self._rebuilt):
            now = [one for one in self.schema.objects.values() if one.table == table]
            for kind, name in find_left_out(self._was[table], now):
                tally.vanished.append(
                    Vanished(kind, f"{table}.{name}" if kind in ("index", "trigger") else f"{table}: {name}")
                )
        return tally

    def _find_renamed(self, before: Schema, after: Schema) -> Dict[str, str]:
        """Return the new name of a table that was renamed."""
        if not any(action == sqlite3.SQLITE_ALTER_TABLE for action, _ in self._actions):
            return {}
        gone, new = before.tables - after.tables, after.tables - before.tables
        return {next(iter(gone)): next(iter(new))} if len(gone) == len(new) == 1 else {}

    def _find_dropped(self, before: Schema, after: Schema) -> List[str]:
        return sorted(before.tables - after.tables - set(self._find_renamed(before, after)))

    def _find_dropped_columns(self, before: Schema, after: Schema) -> Iterator[Tuple[str, str]]:
        for table in before.tables & after.tables:
            old, new = ([name for name, _ in one.columns[table]] for one in (before, after))
            if len(new) < len(old):
                yield from ((table, name) for name in old if name not in new)

    def _find_vanished(self, before: Schema, after: Schema) -> Iterator[Vanished]:
        """Yield what is gone; not what is a part of a table that went with it."""
        renamed = self._find_renamed(before, after)
        gone = {name for name in before.tables - after.tables if name not in renamed}
        for key, one in before.objects.items():
            if key in after.objects or one.name in renamed or one.name.startswith("sqlite_"):
                continue
            if one.kind == "table" or one.table not in gone:
                yield Vanished(one.kind, one.name if one.kind in ("table", "view") else f"{one.table}.{one.name}")

    def _count_lost_rows(self, table: str) -> Loss:
        query = f"SELECT COUNT(*) FROM (SELECT 1 FROM main.{_quote(table)} LIMIT {BOUND + 1})"
        rows = int(self._ask(query)[0][0])
        return Loss(table, None, Count(min(rows, BOUND), rows > BOUND))

    def _count_values(self, table: str, column: str) -> Loss:
        query = (
            f"SELECT COUNT(*), COUNT(c) FROM (SELECT {_quote(column)} AS c FROM main.{_quote(table)} LIMIT {BOUND + 1})"
        )
        rows, values = self._ask(query)[0]
        return Loss(table, column, Count(int(values), int(rows) > BOUND))

    # Rebuilt tables

    def _compare(self, old: str, new: str) -> Optional[List[Loss]]:
        """Return what a table has that another one has not; None where they are no pair."""
        names = {name for name, _ in self._read_columns(new)}
        columns = self.schema.columns.get(old) or self._read_columns(old)
        pairs = [(name, self.renamed.get(name, name)) for name, _ in columns]
        if not any(there in names for _, there in pairs):
            return None
        before, after = self._count_rows(old), self._count_rows(new)
        on = self._find_key(old, new)
        if not on and before == after:
            on = f"o.{_PLACE} = n.{_PLACE}"
        if not on:
            rows = [Loss(old, None, Count(before - after, at_least=True))] if after < before else []
            return rows + [Loss(old, name, None, NOT_COUNTED) for name, _ in pairs]
        return self._compare_rows(old, new, on, [(name, there if there in names else None) for name, there in pairs])

    def _find_key(self, old: str, new: str) -> str:
        """Return the condition that finds the same row in two tables by their key; empty where there is none."""
        keys = self._key_columns(old)
        renamed = [_quote(self.renamed.get(name, name)) for name in keys]
        if not keys or renamed != [_quote(name) for name in self._key_columns(new)]:
            return ""
        return " AND ".join(f"o.{_quote(name)} IS n.{there}" for name, there in zip(keys, renamed))

    def _compare_rows(self, old: str, new: str, on: str, pairs: List[Tuple[str, Optional[str]]]) -> List[Loss]:
        """Compare two tables: a number is the same as another one, a text is the same where it can be read again.

        :param pairs: each column with its name in the new table, None where it is not there.
        """
        conditions = [
            f"o.{_quote(name)} IS NOT NULL" + (f" AND {_differs(_quote(name), _quote(there))}" if there else "")
            for name, there in pairs
        ]
        counts = ", ".join(f"COUNT(CASE WHEN n.{_PLACE} AND {condition} THEN 1 END)" for condition in conditions)
        query = f"SELECT COUNT(*) - COUNT(n.{_PLACE}), {counts} FROM {self._numbered(old)} o"
        try:
            gone, *changed = self._ask(f"{query} LEFT JOIN {self._numbered(new)} n ON {on}")[0]
        except sqlite3.OperationalError:  # before SQLite 3.25 there is no row_number()
            return [Loss(old, name, None, NOT_COUNTED) for name, _ in pairs]
        rows = [Loss(old, None, bounded(int(gone)))] if gone else []
        return rows + [
            Loss(old, name, bounded(int(count)), CHANGED if there else LOST)
            for (name, there), count in zip(pairs, changed)
            if count or not there
        ]

    def _numbered(self, table: str) -> str:
        """Return a table whose rows have the number of their place, from 1 on."""
        order = ", ".join(map(_quote, self._key_columns(table))) if self._is_without_rowid(table) else "rowid"
        return f"(SELECT row_number() OVER (ORDER BY {order}) AS {_PLACE}, * FROM main.{_quote(table)})"

    def _key_columns(self, table: str) -> List[str]:
        rows = self._ask(f"PRAGMA main.table_info({_quote(table)})")
        return [str(row[1]) for row in sorted(rows, key=lambda row: int(row[5])) if row[5]]


def _differs(old: str, new: str) -> str:
    return f"+o.{old} IS NOT +n.{new} AND CAST(o.{old} AS TEXT) IS NOT CAST(n.{new} AS TEXT)"


def _quote(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
