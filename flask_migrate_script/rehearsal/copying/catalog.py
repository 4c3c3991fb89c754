"""What is in the real database: its tables with their columns and keys, and what stands around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from ...seam.driver import OtherConnection

SYSTEM = ("information_schema", "performance_schema", "mysql", "sys")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    :param kind: its type's first word, ``varchar``.
    :param charset: None where it has none.
    """

    name: str
    kind: str
    charset: Optional[str]
    collation: Optional[str]


@dataclass
class Table:
    """A table.

    :param columns: those that are stored, in their order; what the server generates is left out.
    :param key: the columns of its primary key.
    :param row_bytes: what the server takes for the length of a row.
    """

    name: str
    kind: str
    engine: str
    row_bytes: int = 0
    columns: List[Column] = field(default_factory=list)
    key: List[str] = field(default_factory=list)


@dataclass
class ForeignKey:
    """A foreign key from one table to another one, or to itself."""

    table: str
    parent: str
    pairs: List[Tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Routine:
    """A procedure, a function or a trigger.

    :param kind: ``"PROCEDURE"``, ``"FUNCTION"`` or ``"TRIGGER"``.
    """

    kind: str
    name: str


@dataclass
class Catalog:
    """What is in one database.

    :param name: of the database.
    :param databases: the names of all others on its server, those of the system among them.
    :param referring: the tables of other databases with a foreign key into this one, and where it leads to.
    """

    name: str
    databases: List[str] = field(default_factory=list)
    tables: Dict[str, Table] = field(default_factory=dict)
    views: List[str] = field(default_factory=list)
    sequences: List[str] = field(default_factory=list)
    routines: List[Routine] = field(default_factory=list)
    events: List[str] = field(default_factory=list)
    foreign_keys: List[ForeignKey] = field(default_factory=list)
    referring: List[Tuple[str, str]] = field(default_factory=list)


def read_catalog(source: OtherConnection) -> Catalog:
    """Return what is in the database of a connection."""
    catalog = Catalog(str(source.value("SELECT DATABASE()")))
    catalog.databases = [
        name for (name,) in _ask(source, "SELECT schema_name FROM information_schema.schemata") if name != catalog.name
    ]
    catalog.databases += [name for name in SYSTEM if name not in catalog.databases]
    for name, kind, engine, length in _ask(source, _TABLES):
        if kind == "VIEW":
            catalog.views.append(name)
        elif kind == "SEQUENCE":
            catalog.sequences.append(name)
        else:
            catalog.tables[name] = Table(name, kind, engine or "", int(length or 0))
    for table, name, kind, charset, collation in _ask(source, _COLUMNS):
        if table in catalog.tables:
            catalog.tables[table].columns.append(Column(name, kind.lower(), charset, collation))
    for table, name in _ask(source, _PRIMARY):
        if table in catalog.tables:
            catalog.tables[table].key.append(name)
    catalog.foreign_keys = _read_foreign_keys(source)
    catalog.routines = [Routine(kind, name) for kind, name in _ask(source, _ROUTINES)]
    catalog.events = [name for (name,) in _ask(source, _EVENTS)]
    catalog.referring = [(f"{schema}.{table}", parent) for schema, table, parent in _ask(source, _REFERRING)]
    return catalog


def _read_foreign_keys(source: OtherConnection) -> List[ForeignKey]:
    found: Dict[Tuple[str, str], ForeignKey] = {}
    for constraint, table, column, parent, key in _ask(source, _FOREIGN_KEYS):
        known = found.setdefault((table, constraint), ForeignKey(table, parent))
        known.pairs.append((column, key))
    return list(found.values())


def _ask(source: OtherConnection, sql: str) -> List[Tuple[Any, ...]]:
    """Return the rows of a query; MySQL Connector may give texts of the catalog as bytes."""
    return [tuple(one.decode() if isinstance(one, bytes) else one for one in row) for row in source.run(sql)]


_TABLES = (
    "SELECT table_name, table_type, engine, avg_row_length FROM information_schema.tables"
    " WHERE table_schema = DATABASE() ORDER BY table_name"
)
_COLUMNS = (
    "SELECT table_name, column_name, data_type, character_set_name, collation_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND (generation_expression IS NULL OR generation_expression = '')"
    " ORDER BY table_name, ordinal_position"
)
_PRIMARY = (
    "SELECT table_name, column_name FROM information_schema.statistics WHERE table_schema = DATABASE()"
    " AND index_name = 'PRIMARY' ORDER BY table_name, seq_in_index"
)
_FOREIGN_KEYS = (
    "SELECT constraint_name, table_name, column_name, referenced_table_name, referenced_column_name"
    " FROM information_schema.key_column_usage WHERE table_schema = DATABASE()"
    " AND referenced_table_schema = DATABASE() ORDER BY table_name, constraint_name, ordinal_position"
)
_ROUTINES = (
    "SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = DATABASE()"
    " AND routine_type IN ('PROCEDURE', 'FUNCTION')"
    " UNION ALL SELECT 'TRIGGER', trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()"
)
_EVENTS = "SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()"
_REFERRING = (
    "SELECT DISTINCT table_schema, table_name, referenced_table_name FROM information_schema.key_column_usage"
    " WHERE referenced_table_schema = DATABASE() AND table_schema <> DATABASE()"
)
