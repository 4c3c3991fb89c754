"""The databases an application has configured: their engines, what is in them, and emptying them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from .passwords import masked
from .sql.quoting import qualified

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, Dialect, Engine

    from .sql.counting import Count


@dataclass(frozen=True)
class DatabaseObject:
    """A table, view, sequence or type.

    :param kind: what it is, in the words of ``DROP``.
    :param name: its quoted name, with the schema where the database has several.
    :param rows: the rows in a table; None for anything else.
    """

    kind: str
    name: str
    rows: Optional[Count] = None


@dataclass(frozen=True)
class Contents:
    """What is in one database.

    :param name: ``"default"`` or the bind key.
    :param objects: what there is to drop, in the order to drop it.
    """

    name: str
    engine: Engine
    objects: List[DatabaseObject] = field(default_factory=list)


def find_engines(db: Any) -> Dict[str, Engine]:
    """Return an application's engines by name, ``"default"`` first; two names of one database count once.

    :param db: Flask-SQLAlchemy 2 or 3, Flask-SQLAlchemy-Lite, or any object with an ``engine``.
    """
    found: Dict[str, Engine] = {}
    for name, engine in name_engines(db).items():
        if str(engine.url) not in (str(other.url) for other in found.values()):
            found[name] = engine
    return found


def name_engines(db: Any) -> Dict[str, Engine]:
    """Return an application's engines by name, ``"default"`` first, also where two names are one database."""
    return {"default" if key in (None, "", "default") else str(key): engine for key, engine in _find_engines(db)}


def list_binds(db: Any) -> List[str]:
    """Return the names of the databases beside the default one, as the multidb env.py files find them."""
    from flask import current_app

    configured = current_app.config.get("SQLALCHEMY_BINDS")
    if configured is None and hasattr(db, "bind_names"):
        return list(db.bind_names())
    return [str(name) for name in configured or ()]


def name_server(dialect: Dialect) -> str:
    """Return what people call the database of a dialect; MariaDB is known from its version, once connected."""
    name = dialect.name
    if name == "mysql":
        # SQLAlchemy before 1.4 has it as a private property of the version.
        is_mariadb = getattr(dialect, "is_mariadb", None)
        version = getattr(dialect, "server_version_info", None) or ()
        return "MariaDB" if is_mariadb or "MariaDB" in version else "MySQL"
    return {"mariadb": "MariaDB", "postgresql": "PostgreSQL", "sqlite": "SQLite", "oracle": "Oracle"}.get(name, name)


def shown_url(url: Union[str, URL]) -> str:
    """Return a database URL without its password."""
    from sqlalchemy.engine.url import make_url

    return masked(repr(make_url(url))).strip("'")


def change_database(url: Any, name: str) -> Any:
    """Return a URL that names another database of the same server."""
    from sqlalchemy.engine.url import make_url

    changed: Any = copy(make_url(url))
    if hasattr(changed, "set"):
        return changed.set(database=name)
    changed.database = name  # SQLAlchemy 1.3, where it is no tuple
    return changed


def identify_database(dialect: str, ask: Callable[[str], List[Any]]) -> str:
    """Return what tells a database from every other, as it says itself; empty where it cannot say.

    However its URL is spelled: ``localhost``, an address, a socket, a link to the file.

    :param ask: runs a statement on the driver's connection and returns its rows.
    """
    if dialect == "sqlite":
        return _identify_file(ask("PRAGMA database_list"))
    sql = _IDENTITIES.get(dialect)
    return " ".join(map(str, ask(sql)[0])) if sql else ""


_IDENTITIES = {
    # A server knows the microsecond that it was started in; in UTC, as sessions have time zones.
    "postgresql": "SELECT current_database(), current_setting('port'),"
    " extract(epoch FROM pg_postmaster_start_time())::numeric",
    **dict.fromkeys(
        ("mysql", "mariadb"),
        "SELECT IF(@@lower_case_table_names, LOWER(DATABASE()), DATABASE()), @@hostname, @@port, @@datadir",
    ),
}


def _identify_file(listed: List[Any]) -> str:
    path = next((path for _, name, path in listed if name == "main"), "")
    try:
        status = os.stat(path)
        return f"{status.st_dev} {status.st_ino}"
    except OSError:  # in memory, or not made yet
        return os.path.realpath(path) if path else ""


def list_contents(name: str, engine: Engine) -> Contents:
    """Return what is in a database: tables with their rows, views and, on PostgreSQL, sequences and types."""
    with engine.connect() as connection:
        objects = _LISTINGS.get(engine.dialect.name, _list_inspected_objects)(connection)
        return Contents(name, engine, [_count_rows(connection, thing) for thing in objects])


def describe(contents: Contents) -> List[str]:
    """Return the lines that show a database to a person."""
    head = f"{contents.name}: {shown_url(contents.engine.url)}"
    if not contents.objects:
        return [f"{head} is empty."]
    width = max(len(thing.name) for thing in contents.objects)
    kinds = max(len(thing.kind) for thing in contents.objects)
    return [
        head,
        *(
            f"  {thing.kind:<{kinds}}  {thing.name:<{width}}  {_describe_rows(thing)}".rstrip()
            for thing in contents.objects
        ),
    ]


def summarize(contents: Contents) -> str:
    """Return one line for what was dropped: ``default: dropped 2 tables and 1 view.``"""
    from .sql.counting import plural

    kinds = [thing.kind for thing in contents.objects]
    counted = [plural(kinds.count(kind), kind) for kind in dict.fromkeys(kinds)]
    return f"{contents.name}: dropped {' and '.join(filter(None, [', '.join(counted[:-1]), counted[-1]]))}."


def clear(contents: Contents) -> None:
    """Drop everything that was listed: in one transaction where the database can."""
    dialect = contents.engine.dialect.name
    cascade = " CASCADE" if dialect == "postgresql" else ""
    with contents.engine.begin() as connection, _turn_foreign_keys_off(connection, dialect):
        for thing in contents.objects:
            _run(connection, f"DROP {thing.kind.upper()} IF EXISTS {thing.name}{cascade}")


def _find_engines(db: Any) -> Iterator[Tuple[Optional[str], Engine]]:
    engines = getattr(db, "engines", None)
    if isinstance(engines, Mapping):
        yield from sorted(engines.items(), key=lambda item: item[0] not in (None, "", "default"))
        return
    yield None, db.engine if hasattr(db, "engine") else db.get_engine()
    if hasattr(db, "get_engine"):
        from flask import current_app

        for bind in current_app.config.get("SQLALCHEMY_BINDS") or {}:
            yield bind, db.get_engine(bind=bind)


def _run(connection: Connection, sql: str) -> Any:
    from sqlalchemy import text

    return connection.execute(text(sql.replace(":", r"\:")))


def _count_rows(connection: Connection, thing: DatabaseObject) -> DatabaseObject:
    from .sql.counting import count

    if thing.kind != "table":
        return thing
    return DatabaseObject(thing.kind, thing.name, count(connection, thing.name))


def _describe_rows(thing: DatabaseObject) -> str:
    return "" if thing.rows is None else thing.rows.shown("row")


def _list_sqlite_objects(connection: Connection) -> Sequence[DatabaseObject]:
    # A virtual table goes before the shadow tables that go with it.
    rows = _run(
        connection,
        "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        " ORDER BY type DESC, sql NOT LIKE 'CREATE VIRTUAL%', name",
    )
    return [DatabaseObject(kind, qualified(connection.dialect, name)) for kind, name in rows]


def _list_mysql_objects(connection: Connection) -> Sequence[DatabaseObject]:
    kinds = {"VIEW": "view", "SEQUENCE": "sequence"}
    rows = _run(
        connection,
        "SELECT table_type, table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        " ORDER BY table_type = 'VIEW' DESC, table_name",
    )
    return [DatabaseObject(kinds.get(kind, "table"), qualified(connection.dialect, name)) for kind, name in rows]


def _list_postgresql_objects(connection: Connection) -> Sequence[DatabaseObject]:
    """List tables, views, sequences and types outside the system's schemas and outside extensions."""
    kinds = {
        "v": "view",
        "m": "materialized view",
        "f": "foreign table",
        "S": "sequence",
        "c": "type",
        "e": "type",
        "d": "domain",
    }
    rows = _run(
        connection,
        """
        SELECT kind, nspname, name FROM (
            SELECT c.relkind::text AS kind, c.relnamespace AS namespace, c.relname AS name, c.oid AS oid,
                c.tableoid AS catalog, position(c.relkind::text in 'vmfrpSc') AS place
            FROM pg_class c
            WHERE c.relkind::text IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND NOT c.relispartition
                AND NOT EXISTS (SELECT 1 FROM pg_depend o WHERE o.classid = c.tableoid AND o.objid = c.oid
                    AND c.relkind::text = 'S' AND o.deptype::text IN ('a', 'i'))
            UNION ALL
            SELECT t.typtype::text, t.typnamespace, t.typname, t.oid, t.tableoid, 9
            FROM pg_type t WHERE t.typtype::text IN ('e', 'd')
        ) AS things JOIN pg_namespace n ON n.oid = namespace
        WHERE nspname NOT LIKE 'pg~_%' ESCAPE '~' AND nspname <> 'information_schema'
            AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = things.catalog AND e.objid = things.oid
                AND e.deptype::text = 'e')
        ORDER BY place, nspname, name
        """,
    )
    return [
        DatabaseObject(kinds.get(kind, "table"), qualified(connection.dialect, schema, name))
        for kind, schema, name in rows
    ]


def _list_inspected_objects(connection: Connection) -> Sequence[DatabaseObject]:
    """List what SQLAlchemy's inspector sees, on a database that has no listing of its own here."""
    from sqlalchemy import MetaData, inspect

    metadata = MetaData()
    metadata.reflect(bind=connection)
    views = [
        DatabaseObject("view", qualified(connection.dialect, name)) for name in inspect(connection).get_view_names()
    ]
    tables = [
        DatabaseObject("table", qualified(connection.dialect, table.name)) for table in reversed(metadata.sorted_tables)
    ]
    return [*views, *tables]


_LISTINGS: Dict[str, Callable[[Connection], Sequence[DatabaseObject]]] = {
    "sqlite": _list_sqlite_objects,
    "mysql": _list_mysql_objects,
    "mariadb": _list_mysql_objects,
    "postgresql": _list_postgresql_objects,
}


@contextmanager
def _turn_foreign_keys_off(connection: Connection, dialect: str) -> Iterator[None]:
    """Tables can be dropped in any order; on SQLite this also opens the transaction that its driver would not."""
    if dialect == "sqlite":
        enforced = _run(connection, "PRAGMA foreign_keys").scalar()
        _run(connection, "PRAGMA foreign_keys = OFF")
        _run(connection, "BEGIN IMMEDIATE")
        yield
        connection.connection.commit()
        _run(connection, f"PRAGMA foreign_keys = {enforced}")
    elif dialect in ("mysql", "mariadb"):
        _run(connection, "SET SESSION foreign_key_checks = 0")
        yield
        _run(connection, "SET SESSION foreign_key_checks = 1")
    else:
        yield
