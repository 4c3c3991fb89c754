"""PostgreSQL's catalog as it was seen last: what there is, by its identity, and what a look at it finds changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .tally import Vanished

Ask = Callable[[str], List[Any]]


class Thing(NamedTuple):
    """One row of the catalog.

    :param catalog: ``relation``, ``column``, ``trigger``, ``constraint``, ``type`` or ``function``.
    :param oid: of a column, that of its table.
    :param number: of a column, 0 for all else.
    :param table: the oid of the table that it belongs to; 0 for none.
    :param kind: relkind, contype, typtype or a column's type with its modifiers.
    :param file: of a relation, the number of its file.
    """

    catalog: str
    oid: int
    number: int
    table: int
    schema: str
    name: str
    kind: str
    file: int

    @property
    def key(self) -> Tuple[str, int, int]:
        return (self.catalog, self.oid, self.number)

    @property
    def is_table(self) -> bool:
        return self.catalog == "relation" and self.kind in "rp"

    @property
    def has_rows(self) -> bool:
        """Whether it is a table that has a file of its own; that of a partitioned one is its partitions'."""
        return self.catalog == "relation" and self.kind == "r"


@dataclass
class Difference:
    """What has changed between two looks.

    :param vanished: what is no longer there, as it was.
    :param changed: what is there, as it was and as it is.
    :param new: what was not there.
    """

    vanished: List[Thing] = field(default_factory=list)
    changed: List[Tuple[Thing, Thing]] = field(default_factory=list)
    new: List[Thing] = field(default_factory=list)

    @property
    def tables(self) -> List[Thing]:
        """The tables with rows that vanished."""
        return [one for one in self.vanished if one.has_rows]

    @property
    def refiled(self) -> List[Thing]:
        """The tables whose rows are in another file: emptied, or written anew."""
        return [old for old, new in self.changed if old.has_rows and old.file != new.file]

    def columns(self) -> Iterator[Thing]:
        """Yield the columns that vanished of tables that are still there."""
        gone = {one.oid for one in self.vanished if one.catalog == "relation"}
        return (one for one in self.vanished if one.catalog == "column" and one.oid not in gone)

    def retyped(self) -> Iterator[Thing]:
        """Yield the columns whose values were written anew for another type."""
        files = {one.oid for one in self.refiled}
        for old, new in self.changed:
            if old.catalog == "column" and old.kind != new.kind and old.oid in files:
                yield old


class Catalog:
    """What there is in the schemas of a database, temporary tables left out.

    A look asks only for the rows that the transaction has written since the one before: their transaction numbers are
    not older than the one that was next to be given out then. It holds where each change is made below a savepoint.
    """

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.things: Dict[Tuple[str, int, int], Thing] = {}
        self.schema = ""
        self._next: Optional[str] = None

    def load(self) -> None:
        """See everything."""
        self.schema = str(self.ask("SELECT coalesce(current_schema(), '')")[0][0])
        self.things, self._next = self._look(None, set(CATALOGS.values()))

    def compare(self, written: Optional[Set[str]] = None, deleted: Optional[Set[str]] = None) -> Difference:
        """Return what has changed, and leave what is known as it is.

        :param written: the catalogs in which something was written since; None for whatever may have changed, under
            whatever savepoint.
        :param deleted: those in which something was deleted.
        """
        if written is None or self._next is None:
            self._seen, self._following = self._look(None, set(CATALOGS.values()))
            missing = set(self.things) - set(self._seen)
        else:
            self._seen, self._following = self._look(self._next, written)
            missing = self._find_missing(deleted or set())
        difference = Difference(vanished=[self.things[key] for key in missing])
        self._missing = missing
        for key, thing in self._seen.items():
            before = self.things.get(key)
            if before is None:
                difference.new.append(thing)
            elif before != thing:
                difference.changed.append((before, thing))
        return difference

    def accept(self) -> None:
        """Take what was compared last for what there is."""
        for key in self._missing:
            self.things.pop(key, None)
        self.things.update(self._seen)
        self._next = self._following

    def name(self, thing: Thing) -> str:
        """Return the name of a thing, with its table or its schema where that is not the current one."""
        if (thing.table and thing.table != thing.oid) or thing.catalog == "column":
            owner = self.things.get(("relation", thing.table, 0))
            return f"{self.name(owner)}.{thing.name}" if owner else thing.name
        return thing.name if thing.schema in ("", self.schema) else f"{thing.schema}.{thing.name}"

    def list_vanished(self, vanished: List[Thing]) -> Iterator[Vanished]:
        """Yield what vanished; not what is a part of something that vanished with it."""
        tables = {one.oid for one in vanished if one.catalog == "relation"}
        constraints = {(one.table, one.name) for one in vanished if one.catalog == "constraint"}
        for one in sorted(vanished, key=lambda thing: (_ORDER.index(thing.catalog), thing.oid, thing.number)):
            inside = one.table in tables or (one.catalog == "column" and one.oid in tables)
            doubled = one.kind in ("i", "I") and (one.table, one.name) in constraints
            if not inside and not doubled:
                yield Vanished(_WORDS.get(one.kind if one.catalog == "relation" else "", one.catalog), self.name(one))

    def _look(self, since: Optional[str], catalogs: Set[str]) -> Tuple[Dict[Tuple[str, int, int], Thing], str]:
        """Return what there is, and the transaction number to look from the next time.

        :param since: look only for what was written from this number on.
        """
        recent = f"AND age({{0}}.xmin) <= age('{since}'::xid)" if since else ""
        parts = [
            part.replace("{recent}", recent.format(alias)) for name, (alias, part) in _PARTS.items() if name in catalogs
        ]
        rows = self.ask(" UNION ALL ".join([*parts, *([] if since else [_PLACE])])) if parts else []
        found: Dict[Tuple[str, int, int], Thing] = {}
        following, dropped = since or "", set()
        for catalog, oid, number, table, schema, name, kind, file, written in rows:
            if since and written:
                following = _later(following, written)
            if catalog == "place":
                following = str(name)
            elif kind == "dropped":
                dropped.add(("column", int(oid), int(number)))
            else:
                thing = Thing(catalog, int(oid), int(number), int(table), schema, name, kind, int(file))
                found[thing.key] = thing
        self._dropped = dropped
        return found, following

    def _find_missing(self, deleted: Set[str]) -> Set[Tuple[str, int, int]]:
        """Return the keys of what is known and no longer there."""
        missing = {key for key in self._dropped if key in self.things}
        for catalog in deleted - {"column"}:  # those of a table that is gone are found below
            known = {key for key in self.things if key[0] == catalog}
            there = self.ask(_PARTS[catalog][1].replace("{recent}", ""))
            missing |= known - {(row[0], int(row[1]), int(row[2])) for row in there}
        gone = {oid for catalog, oid, _ in missing if catalog == "relation"}
        return missing | {key for key in self.things if key[0] == "column" and key[1] in gone} if gone else missing


def _later(one: str, written: str) -> str:
    """Return the later of a transaction number and the one that follows another; they begin anew after 2 ** 32."""
    following = (int(written) + 1) % 2**32
    return str(following) if (following - int(one)) % 2**32 < 2**31 else one


_ORDER = ("relation", "column", "type", "trigger", "constraint", "function")
_WORDS = {
    **{"r": "table", "p": "table", "f": "foreign table", "v": "view", "m": "materialized view", "i": "index"},
    **{"I": "index", "S": "sequence", "c": "type"},
}
_SCHEMAS = "JOIN pg_namespace n ON n.oid = {0}.{1} AND n.nspname !~ '^pg_(toast|temp)'"
CATALOGS = {
    1259: "relation",  # pg_class
    1249: "column",  # pg_attribute
    2620: "trigger",  # pg_trigger
    2606: "constraint",  # pg_constraint
    1247: "type",  # pg_type
    1255: "function",  # pg_proc
}
"""PostgreSQL's catalogs by their identity, which is the same on every release."""

_PARTS = {
    "relation": (
        "c",
        "SELECT 'relation', c.oid::bigint, 0, coalesce(i.indrelid, 0)::bigint, n.nspname::text, c.relname::text,"
        f" c.relkind::text, c.relfilenode::bigint, c.xmin::text FROM pg_class c {_SCHEMAS.format('c', 'relnamespace')}"
        " LEFT JOIN pg_index i ON i.indexrelid = c.oid"
        " WHERE c.oid >= 16384 AND c.relkind <> 't' AND c.relpersistence <> 't' {recent}",
    ),
    "column": (
        "a",
        "SELECT 'column', a.attrelid::bigint, a.attnum::int, a.attrelid::bigint, '', a.attname::text,"
        " CASE WHEN a.attisdropped THEN 'dropped' ELSE format_type(a.atttypid, a.atttypmod) END, 0::bigint,"
        " a.xmin::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        f" {_SCHEMAS.format('c', 'relnamespace')}"
        " WHERE a.attrelid >= 16384 AND a.attnum > 0 AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' {recent}",
    ),
    "trigger": (
        "t",
        "SELECT 'trigger', t.oid::bigint, 0, t.tgrelid::bigint, '', t.tgname::text, '', 0::bigint, t.xmin::text"
        " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE NOT t.tgisinternal AND t.oid >= 16384 AND c.relpersistence <> 't' {recent}",
    ),
    "constraint": (
        "k",
        "SELECT 'constraint', k.oid::bigint, 0, k.conrelid::bigint, n.nspname::text, k.conname::text, k.contype::text,"
        f" 0::bigint, k.xmin::text FROM pg_constraint k {_SCHEMAS.format('k', 'connamespace')}"
        " WHERE k.oid >= 16384 AND k.contype IN ('c', 'f', 'p', 'u', 'x') {recent}",
    ),
    "type": (
        "y",
        "SELECT 'type', y.oid::bigint, 0, 0::bigint, n.nspname::text, y.typname::text, y.typtype::text, 0::bigint,"
        f" y.xmin::text FROM pg_type y {_SCHEMAS.format('y', 'typnamespace')}"
        " WHERE y.oid >= 16384 AND y.typtype IN ('e', 'd', 'r') {recent}",
    ),
    "function": (
        "f",
        "SELECT 'function', f.oid::bigint, 0, 0::bigint, n.nspname::text, f.proname::text, '', 0::bigint, f.xmin::text"
        f" FROM pg_proc f {_SCHEMAS.format('f', 'pronamespace')} WHERE f.oid >= 16384 {{recent}}",
    ),
}
_PLACE = (
    "SELECT 'place', 0, 0, 0, '', (txid_snapshot_xmax(txid_current_snapshot()) & 4294967295)::text, '', 0::bigint, ''"
)
