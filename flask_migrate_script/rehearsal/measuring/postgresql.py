"""PostgreSQL: its counters of the transaction's rows, its catalog by identity, and values compared in the server."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from ...seam.driver import run
from ...seam.driver_errors import read_driver_error
from ...sql.counting import BOUND, Count, bounded
from ...sql.destroying import find_destroyed
from ...sql.text import Kind, split
from .catalog import CATALOGS, Catalog, Difference, Thing
from .measure import Execute, Lock, Measure
from .tally import CHANGED, HIDDEN, LOST, NOT_COUNTED, UNREADABLE, Loss, Rebuilt, Tally

Written = Tuple[int, int, int]
"""Rows inserted, updated and deleted in one table."""

_NOTHING: Written = (0, 0, 0)
_DENIED = "42501"  # insufficient_privilege
_KEPT = "flask_migrate_script_kept"


@dataclass
class Before:
    """What was counted before a statement whose effects it is not asked for afterwards.

    :param rows: of tables by their identity.
    :param values: of columns, those that are not NULL.
    :param kept: the columns of tables whose old values are in a table of ours, numbered in their order.
    """

    rows: Dict[int, Loss] = field(default_factory=dict)
    values: Dict[Tuple[int, int], Loss] = field(default_factory=dict)
    kept: Dict[int, List[Thing]] = field(default_factory=dict)


class PostgreSQLMeasure(Measure):
    """Measures on PostgreSQL 10 and newer."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.catalog = Catalog(self._ask)
        self.counters: Dict[int, Written] = {}
        self._now: Dict[int, Written] = {}
        self.counts = True
        self._made: Set[int] = set()
        self._there_before: Dict[int, str] = {}
        self._large: Dict[str, int] = {}
        self._loaded = False
        self._version = 0
        self._locked: Set[Tuple[int, str]] = set()
        self._new_locks: List[Lock] = []
        self._dropped: Dict[str, Dict[int, Optional[List[Loss]]]] = {}

    def begin_step(self) -> None:
        if not self._loaded:
            self._loaded = True
            self._ask("SET LOCAL synchronize_seqscans = off")  # or a table could be written anew from its middle on
            self.counts = self._ask("SHOW track_counts")[0][0] == "on"
            self.catalog.load()
            tables = [one for one in self.catalog.things.values() if one.is_table]
            self._there_before = {one.oid: self.catalog.name(one) for one in tables}
            sizes = self._ask(_SIZES.format(_LARGE))
            self._large = {
                self._there_before[oid]: max(int(rows), 1) for oid, rows in sizes if oid in self._there_before
            }
            self._version = next((one.oid for one in tables if self.catalog.name(one) == self.version_table), 0)
            self.counters = self._read_counters()
        self._made.clear()
        self._dropped.clear()
        self.renamed.clear()

    def list_locks(self) -> List[Lock]:
        found, self._new_locks = self._new_locks, []
        return found

    def estimate_rows(self, table: str) -> int:
        return self._large.get(table.replace('"', ""), 0)

    def limit_seconds(self, seconds: float) -> None:
        self._ask(_LIMIT.format(max(int(seconds * 1000), 1)))

    def forget(self) -> None:
        self.catalog.load()
        self.counters = self._read_counters()

    def execute(self, execute: Execute, sql: str) -> Tally:
        if not self._keeps_savepoints(sql):
            self._send(execute)
            return self.catch_up()
        statements = split(sql, self.dialect)
        if all(one.kind is Kind.DML for one in statements):
            self._send(execute)
            self._now = self._read_counters()
            if any(self._now.get(oid) != self.counters.get(oid) for oid in CATALOGS):
                return self._tally(self.catalog.compare(), Before())  # a function or a trigger has defined something
            return self._tally_rows(Difference(), Before(), moves=all(one.word == "UPDATE" for one in statements))
        self._begin()
        before = self._count_beforehand(sql)
        self._send(execute)
        difference = self._look()
        if self._is_uncounted(difference, before):
            self._undo()
            before = self._count(difference)
            self.counters = self._read_counters()
            self._send(execute)
            difference = self._look()
        tally = self._tally(difference, before)
        self._release()
        return tally

    def catch_up(self) -> Tally:
        self._now = self._read_counters()
        return self._tally(self.catalog.compare(), Before())

    def _look(self) -> Difference:
        """Return what a statement has changed, by the counters of what it has written."""
        self._now = self._read_counters()
        if not self.counts:
            return self.catalog.compare()
        written = {oid: _subtract(rows, self.counters.get(oid, _NOTHING)) for oid, rows in self._now.items()}
        catalogs = {oid: rows for oid, rows in written.items() if oid in CATALOGS and any(rows)}
        deleted = {CATALOGS[oid] for oid, rows in catalogs.items() if rows[2]}
        return self.catalog.compare({CATALOGS[oid] for oid in catalogs}, deleted)

    def _tally(self, difference: Difference, before: Before) -> Tally:
        tally = self._tally_rows(difference, before, moves=False)
        for table in difference.tables:
            self._lose(tally, table, before.rows.get(table.oid))
        for column in difference.columns():
            if self._has_rows(column.oid):
                self._lose(tally, column, before.values.get((column.oid, column.number)))
        tally.losses += self._compare_values(difference, before)
        tally.vanished += self.catalog.list_vanished(difference.vanished)
        self._note_new(tally, difference)
        self.catalog.accept()
        return tally

    def _has_rows(self, oid: int) -> bool:
        table = self.catalog.things.get(("relation", oid, 0))
        return table is not None and table.has_rows

    def _lose(self, tally: Tally, thing: Thing, loss: Optional[Loss]) -> None:
        column = thing.name if thing.catalog == "column" else None
        table = self.catalog.things.get(("relation", thing.oid, 0))
        name = self.catalog.name(table) if table else thing.name
        tally.losses.append(loss or Loss(name, column, None, NOT_COUNTED))

    # Rows

    def _read_counters(self) -> Dict[int, Written]:
        found = {}
        for oid, mode, new, changed, gone in self._ask(_COUNTERS):
            if mode:
                self._note_lock(int(oid), str(mode))
            elif int(oid) != self._version:
                found[int(oid)] = (int(new), int(changed), int(gone))
        return found

    def _note_lock(self, oid: int, mode: str) -> None:
        table = self._there_before.get(oid)
        if table is not None and (oid, mode) not in self._locked:
            self._locked.add((oid, mode))
            self._new_locks.append(Lock(table, mode, self.begun))

    def _tally_rows(self, difference: Difference, before: Before, moves: bool) -> Tally:
        """Return the rows that were written, and those that are gone from tables that are there.

        :param moves: what is deleted in one partition and inserted in another is an UPDATE.
        """
        tally = Tally() if self.counts else Tally(None, None, None)
        now, old = self._now, self.counters
        self.counters = now
        refiled = {one.oid for one in difference.refiled}
        skipped = {one.oid for one in difference.tables} | refiled | set(CATALOGS)
        written = {oid: _subtract(now[oid], old.get(oid, _NOTHING)) for oid in now if oid not in skipped}
        inserted, updated, deleted = (sum(one[place] for one in written.values()) for place in range(3))
        if moves:
            moved = min(inserted, deleted)
            inserted, updated, deleted = inserted - moved, updated + moved, deleted - moved
            written = dict.fromkeys(written, _NOTHING) if not deleted else written
        if self.counts:
            tally.add(Tally(inserted, updated, deleted))
        for oid, (_, _, rows) in written.items():
            table = self.catalog.things.get(("relation", oid, 0))
            if rows > 0 and table is not None:
                self._lose_deleted(tally, table, rows, written[oid][0], before.rows.get(oid))
        for oid in refiled:
            inserted = _subtract(now.get(oid, _NOTHING), old.get(oid, _NOTHING))[0]
            self._lose_refiled(tally, oid, inserted, before.rows.get(oid))
        return tally

    def _lose_deleted(self, tally: Tally, table: Thing, rows: int, inserted: int, before: Optional[Loss]) -> None:
        """Note deleted rows; where a part was undone within the statement, what is known is how many are left."""
        name = self.catalog.name(table)
        if before is not None and before.count is not None and not before.count.at_least:
            left = self._count_rows(table)
            if left.count is not None and before.count.number + inserted - rows != left.count.number:
                tally.inserted = tally.updated = tally.deleted = None
                missing = before.count.number - left.count.number
                if missing > 0:
                    tally.lose_rows(name, Count(missing, at_least=inserted > 0))
                return
        tally.lose_rows(name, bounded(rows))

    def _lose_refiled(self, tally: Tally, oid: int, inserted: int, before: Optional[Loss]) -> None:
        table = self.catalog.things[("relation", oid, 0)]
        left = self._count_rows(table)
        if before is None or before.count is None or left.count is None:
            tally.losses.append(before or Loss(self.catalog.name(table), None, None, NOT_COUNTED))
            return
        rows = before.count.number - left.count.number + inserted
        if rows > 0:
            tally.lose_rows(self.catalog.name(table), Count(rows, before.count.at_least))
            if tally.deleted is not None:
                tally.deleted += rows

    # What was there before

    def _count(self, difference: Difference) -> Before:
        """Count, where a statement is undone, what it has made vanish, and keep the values that it has rewritten."""
        before = Before()
        self._compare_with_new(difference)
        retyped = list(difference.retyped())
        for table in (*difference.tables, *difference.refiled, *self._find_tables(self._find_deleted())):
            if table.oid not in before.rows:
                before.rows[table.oid] = self._count_rows(table)
        for column in difference.columns():
            if self._has_rows(column.oid):
                before.values[(column.oid, column.number)] = self._count_values(column)
        for oid in {one.oid for one in retyped}:
            columns = [one for one in retyped if one.oid == oid]
            if self._keep(oid, columns):
                before.kept[oid] = columns
        return before

    def _count_beforehand(self, sql: str) -> Before:
        """Count what a text plainly destroys, while the statement has not locked it yet."""
        before = Before()
        if self._made:
            return before  # one of them may be to take the place of what is dropped
        for destroyed in find_destroyed(sql, self.dialect):
            written = destroyed.thing[0].replace("'", "''") if destroyed.thing else ""
            oid = int(self._ask(f"SELECT coalesce(to_regclass('{written}'), 0)::bigint")[0][0]) if written else 0
            table = self.catalog.things.get(("relation", oid, 0))
            if table is None or not table.has_rows:
                continue
            if len(destroyed.thing) == 1:
                before.rows[oid] = self._count_rows(table)
                continue
            for column in self._find_columns(oid):
                if _quote(column.name) == destroyed.thing[1] or column.name == destroyed.thing[1].lower():
                    before.values[(oid, column.number)] = self._count_values(column)
        return before

    def _is_uncounted(self, difference: Difference, before: Before) -> bool:
        """Return whether something is gone, or was written anew, that was not counted before."""
        tables = {one.oid for one in (*difference.tables, *difference.refiled)}
        columns = {(one.oid, one.number) for one in difference.columns() if self._has_rows(one.oid)}
        deleted = any(self._find_tables(self._find_deleted()))
        return deleted or any(difference.retyped()) or bool(tables - set(before.rows) or columns - set(before.values))

    def _find_columns(self, oid: int) -> List[Thing]:
        return [one for one in self.catalog.things.values() if one.catalog == "column" and one.oid == oid]

    def _find_deleted(self) -> Set[int]:
        """Return the tables whose counters say that rows are deleted; an EXCEPTION may have undone that."""
        return {oid for oid, rows in self._now.items() if rows[2] > self.counters.get(oid, _NOTHING)[2]} - set(CATALOGS)

    def _find_tables(self, oids: Set[int]) -> Iterator[Thing]:
        found = (self.catalog.things.get(("relation", oid, 0)) for oid in oids)
        return (one for one in found if one is not None and one.has_rows)

    def _count_rows(self, table: Thing) -> Loss:
        name = self.catalog.name(table)
        query = f"SELECT count(*) FROM (SELECT 1 FROM {self._source(table.oid)} LIMIT {BOUND + 1}) counted"
        return self._counted(table.oid, Loss(name, None, None), query, bounded_by_rows=True)

    def _count_values(self, column: Thing) -> Loss:
        table = self.catalog.things[("relation", column.oid, 0)]
        query = (
            f"SELECT count(*), count(c) FROM (SELECT {_quote(column.name)} AS c FROM {self._source(column.oid)}"
            f" LIMIT {BOUND + 1}) counted"
        )
        return self._counted(
            column.oid, Loss(self.catalog.name(table), column.name, None), query, bounded_by_rows=False
        )

    def _counted(self, oid: int, loss: Loss, query: str, bounded_by_rows: bool) -> Loss:
        """Return a loss with its count, or why there is none."""
        try:
            hidden, counted = self._try(f"SELECT row_security_active({oid}::oid)", query)
        except Exception as exc:  # the driver's own class
            loss.how = UNREADABLE if read_driver_error(exc).sqlstate == _DENIED else NOT_COUNTED
            return loss
        if hidden[0][0]:
            loss.how = HIDDEN
            return loss
        rows = int(counted[0][0])
        number = rows if bounded_by_rows else int(counted[0][1])
        loss.count = Count(min(number, BOUND), rows > BOUND)
        return loss

    def _source(self, oid: int) -> str:
        table = self.catalog.things[("relation", oid, 0)]
        return f"ONLY {_quote(table.schema)}.{_quote(table.name)}"

    def _try(self, *queries: str) -> List[Any]:
        """Return the rows of each query; where one fails, the transaction is as good as it was."""
        run(self.driver, "SAVEPOINT flask_migrate_script_question")
        try:
            found = [run(self.driver, query) for query in queries]
        except Exception:
            run(self.driver, "ROLLBACK TO SAVEPOINT flask_migrate_script_question")
            raise
        finally:
            run(self.driver, "RELEASE SAVEPOINT flask_migrate_script_question")
        return found

    # Values

    def _keep(self, oid: int, columns: Sequence[Thing]) -> bool:
        """Keep the values of columns in a table of ours, each row with its place; return whether that was possible."""
        kept = ", ".join(f"{_quote(one.name)} AS c{one.number}" for one in columns)
        source = f"SELECT row_number() OVER (ORDER BY ctid) AS n, {kept} FROM {self._source(oid)}"
        try:
            self._try(
                f"SELECT 1 / (CASE WHEN row_security_active({oid}::oid) THEN 0 ELSE 1 END)",
                f"CREATE TEMPORARY TABLE {_KEPT}_{oid} ON COMMIT DROP AS SELECT * FROM ({source}) kept"
                f" WHERE n <= {BOUND + 1}",
            )
        except Exception:  # no right to read the table, or rows that are hidden
            return False
        return True

    def _compare_values(self, difference: Difference, before: Before) -> Iterator[Loss]:
        for column in difference.retyped():
            now = self.catalog.things.get(("relation", column.oid, 0))
            loss = Loss(self.catalog.name(now) if now else "", column.name, None, NOT_COUNTED)
            if column in before.kept.get(column.oid, ()):
                self._compare_column(difference, column, loss)
            if loss.count is None or loss.count.number:
                yield loss
        for oid in before.kept:
            run(self.driver, f"DROP TABLE {_KEPT}_{oid}")

    def _compare_column(self, difference: Difference, column: Thing, loss: Loss) -> None:
        """Compare old and new values of a table that was written anew, row by row in their order."""
        new = {now.key: now for _, now in difference.changed}
        name = new.get(column.key, column).name
        table = new.get(("relation", column.oid, 0)) or self.catalog.things[("relation", column.oid, 0)]
        pairs = (
            f"(SELECT row_number() OVER (ORDER BY ctid) AS n, {_quote(name)} AS v FROM ONLY"
            f" {_quote(table.schema)}.{_quote(table.name)}) fresh FULL JOIN {_KEPT}_{column.oid} old USING (n)"
            f" WHERE n <= {BOUND}"
        )
        rows, alone = self._ask(
            f"SELECT count(*), count(CASE WHEN fresh.n IS NULL OR old.n IS NULL THEN 1 END) FROM {pairs}"
        )[0]
        changed = None if alone else self._count_changed(f"old.c{column.number}", "fresh.v", column.kind, pairs)
        if changed is not None:
            loss.count, loss.how = Count(changed, int(rows) >= BOUND), CHANGED

    def _count_changed(self, old: str, new: str, kind: str, pairs: str) -> Optional[int]:
        """Return how many values are others: compared as the old type, or as texts.

        :param kind: the old type.
        :param pairs: the FROM clause.
        """
        for condition in (
            f"{old} IS DISTINCT FROM {new}::{kind}",
            f"{old} IS DISTINCT FROM {new}::text::{kind}",
            f"{old}::text IS DISTINCT FROM {new}::text::{kind}::text",
            f"{old}::text IS DISTINCT FROM {new}::text",
        ):
            query = f"SELECT count(CASE WHEN {old} IS NOT NULL AND {condition} THEN 1 END) FROM {pairs}"
            with suppress(Exception):  # no such cast, or one that refuses a value
                return int(self._try(query)[0][0][0])
        return None

    # Rebuilt tables

    def _compare_tables(self, old: Thing, new: Thing) -> Optional[List[Loss]]:
        """Return what a table has that another one has not; None where they are no pair."""
        columns, names = self._find_columns(old.oid), {one.name for one in self._find_columns(new.oid)}
        name, renamed = self.catalog.name(old), {one.name: self.renamed.get(one.name, one.name) for one in columns}
        if not any(there in names for there in renamed.values()):
            return None
        on = self._find_key(old, new, renamed)
        if not on:
            return [Loss(name, None, None, NOT_COUNTED)]
        pairs = f"{self._source(old.oid)} o LEFT JOIN {self._source(new.oid)} n ON {on}"
        both = f"{self._source(old.oid)} o JOIN {self._source(new.oid)} n ON {on}"
        try:
            gone = int(self._try(f"SELECT count(*) - count(n.ctid) FROM {pairs}")[0][0][0])
        except Exception:  # no right to read one of them
            return [Loss(name, None, None, NOT_COUNTED)]
        losses = [Loss(name, None, bounded(gone))] if gone else []
        for one in columns:
            losses += self._compare_pair(Loss(name, one.name, None, NOT_COUNTED), one, renamed[one.name], names, both)
        return losses

    def _compare_pair(self, loss: Loss, column: Thing, there: str, names: Set[str], both: str) -> Iterator[Loss]:
        old = f"o.{_quote(column.name)}"
        if there not in names:
            loss.count, loss.how = bounded(int(self._ask(f"SELECT count({old}) FROM {both}")[0][0])), LOST
            yield loss
            return
        changed = self._count_changed(old, f"n.{_quote(there)}", column.kind, both)
        if changed is not None:
            loss.count, loss.how = bounded(changed), CHANGED
        if changed != 0:
            yield loss

    def _find_key(self, old: Thing, new: Thing, renamed: Dict[str, str]) -> str:
        """Return the condition that finds the same row in two tables by their key; empty where there is none."""
        keys, others = ([row[0] for row in self._ask(_KEY.format(one.oid))] for one in (old, new))
        if not keys or sorted(renamed.get(key, key) for key in keys) != sorted(others):
            return ""
        return " AND ".join(f"o.{_quote(key)} = n.{_quote(renamed.get(key, key))}" for key in keys)

    def _compare_with_new(self, difference: Difference) -> None:
        """Compare each table that is about to go with those that were made in the revision: one may take its place."""
        made = [self.catalog.things[("relation", oid, 0)] for oid in self._made]
        for table in difference.tables:
            compared = {new.oid: self._compare_tables(table, new) for new in made if new.oid != table.oid}
            self._dropped[self.catalog.name(table)] = compared

    def _note_new(self, tally: Tally, difference: Difference) -> None:
        """Note the tables that are new, and those that have taken the name of one that is gone."""
        self._made -= {one.oid for one in difference.tables}
        self._made |= {one.oid for one in difference.new if one.has_rows}
        for old, new in difference.changed:
            losses = self._dropped.get(self.catalog.name(new), {}).get(new.oid) if old.has_rows else None
            if losses is not None and old.name != new.name:
                tally.rebuilt.append(Rebuilt(self.catalog.name(new), losses))


def _subtract(now: Written, before: Written) -> Written:
    """Return what was written since; counters begin anew where a table is emptied."""
    new, changed, gone = (max(one - other, 0) for one, other in zip(now, before))
    return new, changed, gone


def _quote(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


_LARGE = 16 * 1024 * 1024
"""Bytes from which on a table is large."""

_SIZES = """
SELECT oid::bigint, reltuples::bigint FROM pg_class
WHERE oid >= 16384 AND relkind = 'r' AND pg_relation_size(oid) >= {0}
"""
_LIMIT = """
SELECT set_config('statement_timeout', '{0}', true)
FROM pg_settings WHERE name = 'statement_timeout' AND (setting = '0' OR setting::bigint > {0})
"""
_KEY = """
SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = {0} AND i.indisprimary ORDER BY 1
"""
_COUNTERS = """
SELECT oid, '' AS mode, new, changed, gone FROM (
    SELECT c.oid::bigint AS oid, pg_stat_get_xact_tuples_inserted(c.oid) AS new,
        pg_stat_get_xact_tuples_updated(c.oid) AS changed, pg_stat_get_xact_tuples_deleted(c.oid) AS gone
    FROM pg_class c WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND (c.oid >= 16384 OR c.oid IN ({0}))
) written WHERE new + changed + gone > 0
UNION ALL SELECT DISTINCT relation::bigint, mode, 0, 0, 0 FROM pg_locks
WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
""".format(", ".join(map(str, CATALOGS)))
