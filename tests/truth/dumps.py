"""Databases for the scripts: made, emptied, and read to the last row, past SQLAlchemy and past what is tested."""

import contextlib
import os
import sqlite3
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple
from urllib.parse import urlsplit

BOOKKEEPING = ("alembic_version", "alembic_journal")
"""Tables that are no one's data: their being there, empty, is no change of a real run."""


@dataclass
class Dump:
    """Everything that is in a database.

    :param tables: by name the columns, the indexes and constraints, and the rows.
    :param others: what is no table: views, functions, triggers.
    :param counters: sequences and the like, which no rollback sets back.
    """

    tables: Dict[str, Any] = field(default_factory=dict)
    others: List[Any] = field(default_factory=list)
    counters: List[Any] = field(default_factory=list)

    @property
    def version(self) -> Tuple[str, ...]:
        table = self.tables.get("alembic_version")
        return tuple(sorted(str(row[0]) for row in table["rows"])) if table else ()

    def data(self) -> Any:
        """Return all but the bookkeeping and the counters."""
        return {name: table for name, table in self.tables.items() if name not in BOOKKEEPING}, self.others

    def differences(self, other: "Dump") -> List[str]:
        """Return what another dump has that this one does not, and the other way round, in words."""
        found = []
        for name in sorted({*self.tables, *other.tables}):
            ours, theirs = self.tables.get(name), other.tables.get(name)
            if ours != theirs:
                words = "is new" if ours is None else "is gone" if theirs is None else _difference(ours, theirs)
                found.append(f"{name} {words}")
        for part in ("others", "counters"):
            ours, theirs = getattr(self, part), getattr(other, part)
            if ours != theirs:
                lost, new = [one for one in ours if one not in theirs], [one for one in theirs if one not in ours]
                found.append(f"{part}: {lost} became {new}")
        return found


def _difference(ours, theirs):
    """Return what differs between a table and itself, in words."""
    found = []
    for part in ("columns", "indexes", "rows"):
        lost = [one for one in ours[part] if one not in theirs[part]]
        new = [one for one in theirs[part] if one not in ours[part]]
        found += [f"lost {part} {lost}"] if lost else []
        found += [f"has new {part} {new}"] if new else []
    return " and ".join(found) or f"{ours} became {theirs}"


class SQLite:
    """A file."""

    kind = "sqlite"

    def __init__(self, folder):
        self.path = os.path.join(str(folder), "truth.db")

    def url(self, driver=""):
        return f"sqlite:///{self.path}?timeout=0.1"

    def reset(self, tables):
        """Make the database anew, with these tables: by name the statements that make them; return the dump."""
        statements = [one for made in tables.values() for one in made]
        for name in (self.path, f"{self.path}-journal", f"{self.path}-wal", f"{self.path}-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(name)
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.executescript(";\n".join(["BEGIN", *statements, "COMMIT"]))
        return self.dump()

    def dump(self):
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            master = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
            found = Dump()
            for kind, name, table, sql in master:
                if kind == "table":
                    columns = [row[1:] for row in connection.execute(f'PRAGMA table_info("{name}")')]
                    rows = sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
                    indexes = [row[1:] for row in master if row[0] == "index" and row[2] == name]
                    found.tables[name] = {"columns": columns, "indexes": indexes, "rows": rows, "sql": sql}
                elif kind != "index":
                    found.others.append((kind, name, table, sql))
            sequences = found.tables.pop("sqlite_sequence", None)
            found.counters = sequences["rows"] if sequences else []
            found.counters += connection.execute("PRAGMA user_version").fetchall()
            return found

    def drop(self):
        pass


class PostgreSQL:
    """A database of its own on a server."""

    kind = "postgresql"

    def __init__(self, server):
        import psycopg2

        parts = urlsplit(server)
        self.where = {"host": parts.hostname, "port": parts.port or 5432, "user": parts.username}
        self.password = parts.password
        self.name = f"fms_truth_{uuid.uuid4().hex[:10]}"
        connect = psycopg2.connect
        self.admin = connect(dbname=parts.path[1:] or "postgres", password=self.password, **self.where)
        self.admin.autocommit = True
        self.admin.cursor().execute(f"CREATE DATABASE {self.name}")
        self.connection = connect(dbname=self.name, password=self.password, **self.where)
        self.connection.autocommit = True
        self.pid = self.connection.info.backend_pid

    def url(self, driver="psycopg2"):
        word = f":{self.password}" if self.password else ""
        return f"postgresql+{driver}://{self.where['user']}{word}@{self.where['host']}:{self.where['port']}/{self.name}"

    def _rows(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def reset(self, tables):
        statements = [one for made in tables.values() for one in made]
        self._quiet(0)
        begin = ["SET client_min_messages = error", "DROP SCHEMA public CASCADE", "CREATE SCHEMA public"]
        self._rows(";\n".join([*begin, *statements]))
        return self.dump()

    def _quiet(self, patience):
        """Wait until nobody else is there, and end whoever stays."""
        others = f"FROM pg_stat_activity WHERE datname = '{self.name}' AND pid <> {self.pid}"
        end = time.monotonic() + patience
        while self._rows(f"SELECT pid {others}"):
            if time.monotonic() > end:
                self._rows(f"SELECT pg_terminate_backend(pid) {others}")
            time.sleep(0.005)

    def dump(self):
        self._quiet(5)
        found = Dump()
        for name, *column in self._rows(_PG_COLUMNS):
            found.tables.setdefault(name, {"columns": [], "indexes": [], "rows": []})["columns"].append(tuple(column))
        for name, *index in self._rows(_PG_INDEXES):
            found.tables[name]["indexes"].append(tuple(index))
        if found.tables:
            selects = [f"SELECT '{name}', (t.*)::text, t.ctid IS NULL FROM \"{name}\" t" for name in found.tables]
            for name, row, _ in self._rows(" UNION ALL ".join(selects) + " ORDER BY 1, 2"):
                found.tables[name]["rows"].append(_values(row))
        found.others = self._rows(_PG_OTHERS)
        found.counters = self._rows("SELECT sequencename::text, last_value FROM pg_sequences ORDER BY 1")
        return found

    def drop(self):
        self.connection.close()
        with self.admin.cursor() as cursor:
            others = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'"
            cursor.execute(others)
            cursor.execute(f"DROP DATABASE {self.name}")
        self.admin.close()


def _values(row):
    """Return the values of a row as PostgreSQL writes it, ``(1,one)``; no value here has a comma or a quote in it."""
    return tuple(int(value) if value.isdigit() else value or None for value in row[1:-1].split(","))


_PG_COLUMNS = """
SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1, a.attnum"""
_PG_INDEXES = """
SELECT t.relname::text, i.relname::text, pg_get_indexdef(x.indexrelid), x.indisvalid
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p')
UNION ALL
SELECT t.relname::text, c.conname::text, pg_get_constraintdef(c.oid), NULL
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid WHERE t.relnamespace = 'public'::regnamespace
ORDER BY 1, 2, 3"""
_PG_OTHERS = """
SELECT 'function', proname::text, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'view', viewname::text, definition FROM pg_views WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgname::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1, 2"""


class MySQL:
    """A database of its own on a server of MariaDB or MySQL."""

    kind = "mysql"

    def __init__(self, server):
        import pymysql

        parts = urlsplit(server)
        self.where = {"host": parts.hostname, "port": parts.port or 3306, "user": parts.username}
        self.password = parts.password or ""
        self.name = f"fms_truth_{uuid.uuid4().hex[:10]}"
        flags = pymysql.constants.CLIENT.MULTI_STATEMENTS
        self.connection = pymysql.connect(password=self.password, client_flag=flags, autocommit=True, **self.where)
        self._run(f"CREATE DATABASE {self.name}", f"USE {self.name}")
        self.pid = self._rows("SELECT CONNECTION_ID()")[0][0]
        self.made = {}

    def url(self, driver="pymysql"):
        word = f":{self.password}" if self.password else ""
        return f"mysql+{driver}://{self.where['user']}{word}@{self.where['host']}:{self.where['port']}/{self.name}"

    def _rows(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def _run(self, *statements):
        with self.connection.cursor() as cursor:
            cursor.execute(";\n".join(statements))
            while cursor.nextset():
                pass

    def reset(self, tables):
        """Here every DDL statement waits for the disk: tables that no script has changed stay."""
        self._quiet(0)
        there = self.dump().tables
        kept = {name for name in there if name in self.made and there[name] == self.made[name][1]}
        kept = {name for name in kept if self.made[name][0] == tables.get(name, self.made[name][0])}
        drops = [f"DROP TABLE {', '.join(sorted(set(there) - kept))}"] if set(there) - kept else []
        missing = [name for name in tables if name not in kept]
        self._run("SELECT 1", *drops, *(one for name in missing for one in tables[name]))
        dump = self.dump()
        self.made.update({name: (tables[name], dump.tables[name]) for name in missing})
        self.made.pop("alembic_version", None)
        return dump

    def _quiet(self, patience):
        others = f"SELECT id FROM information_schema.processlist WHERE db = '{self.name}' AND id <> {self.pid}"
        end = time.monotonic() + patience
        while True:
            found = self._rows(others)
            if not found:
                return
            if time.monotonic() > end:
                for (one,) in found:
                    with contextlib.suppress(Exception):  # it is gone already
                        self._rows(f"KILL {one}")
            time.sleep(0.005)

    def dump(self):
        self._quiet(5)
        here = f"table_schema = '{self.name}'"
        found = Dump()
        columns = "table_name, column_name, column_type, is_nullable, column_default, column_key"
        rows = f"SELECT {columns} FROM information_schema.columns WHERE {here} ORDER BY table_name, ordinal_position"
        for name, *column in self._rows(rows):
            found.tables.setdefault(name, {"columns": [], "indexes": [], "rows": []})["columns"].append(tuple(column))
        columns = "table_name, index_name, seq_in_index, column_name, non_unique"
        for name, *index in self._rows(
            f"SELECT {columns} FROM information_schema.statistics WHERE {here} ORDER BY 1, 2, 3"
        ):
            found.tables[name]["indexes"].append(tuple(index))
        for name, table in found.tables.items():
            table["rows"] = sorted((tuple(row) for row in self._rows(f"SELECT * FROM `{name}`")), key=repr)
        counters = f"SELECT table_name, auto_increment FROM information_schema.tables WHERE {here} ORDER BY 1"
        found.counters = [row for row in self._rows(counters) if row[0] not in BOOKKEEPING]
        return found

    def drop(self):
        self._quiet(0)
        self._run(f"DROP DATABASE {self.name}")
        self.connection.close()


SERVERS = {"postgresql": (PostgreSQL, "TEST_POSTGRESQL_URL"), "mysql": (MySQL, "TEST_MYSQL_URL")}


def make(kind, folder):
    """Return an empty database of a kind; ``drop()`` removes it.

    :raises LookupError: where the environment names no server of that kind.
    """
    if kind == "sqlite":
        return SQLite(folder)
    cls, variable = SERVERS[kind]
    if not os.environ.get(variable):
        raise LookupError(f"{variable} is not set")
    return cls(os.environ[variable])
