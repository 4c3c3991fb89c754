"""What is in a database before and after a revision, and what is lost: rows by their key, values in their columns."""

import contextlib
import os
import shutil
import sqlite3
import uuid
from urllib.parse import urlsplit

HIDDEN = ("alembic_version", "alembic_journal", "sqlite_sequence")


class SQLite:
    """A file, and a copy of it from before."""

    kind = "sqlite"

    def __init__(self, folder):
        self.path, self.kept = os.path.join(str(folder), "losses.db"), os.path.join(str(folder), "kept.db")
        self.url = f"sqlite:///{self.path}"

    def reset(self, statements):
        for path in (self.path, f"{self.path}-journal"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(";\n".join(["PRAGMA synchronous = OFF", "BEGIN", *statements, "COMMIT"]))

    def keep(self):
        shutil.copyfile(self.path, self.kept)

    def dump(self):
        with open(self.path, "rb") as file:
            return file.read()

    def compare(self, step):
        """Return the rows and values that the revision lost, by table and column, and the rows that came."""
        with (
            contextlib.closing(sqlite3.connect(self.path)) as now,
            contextlib.closing(sqlite3.connect(self.kept)) as was,
        ):
            old, new = _read_sqlite(was), _read_sqlite(now)
        return _compare(step, old, new, lambda table, column, one, other: _is_same_in_sqlite(one, other))

    def drop(self):
        pass


def _is_same_in_sqlite(one, other):
    """Return whether a value means what it meant: SQLite writes 1e30 as '1.0e+30', and Python does not."""
    if one == other or str(one) == str(other):
        return True
    with contextlib.suppress(ValueError):
        return isinstance(one, float) and isinstance(other, str) and one == float(other)
    return False


def _read_sqlite(connection):
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {}
    for name in names:
        if name not in HIDDEN:
            cursor = connection.execute(f'SELECT * FROM "{name}"')
            columns = [one[0] for one in cursor.description]
            found[name] = {"columns": columns, "rows": {row[columns.index("id")]: row for row in cursor}}
    return found


class PostgreSQL:
    """A database of its own on a server; what was there before is in a schema of its own."""

    kind = "postgresql"

    def __init__(self, server):
        import psycopg2

        parts = urlsplit(server)
        self.name = f"fms_losses_{uuid.uuid4().hex[:10]}"
        where = {"host": parts.hostname, "port": parts.port or 5432, "user": parts.username, "password": parts.password}
        self.admin = psycopg2.connect(dbname=parts.path[1:] or "postgres", **where)
        self.admin.autocommit = True
        self._run(f"CREATE DATABASE {self.name}", self.admin)
        self.connection = psycopg2.connect(dbname=self.name, **where)
        self.connection.autocommit = True
        self._run("SET client_min_messages = error; SET search_path = public")
        word = f":{parts.password}" if parts.password else ""
        self.url = f"postgresql+psycopg2://{parts.username}{word}@{parts.hostname}:{parts.port or 5432}/{self.name}"

    def _run(self, sql, connection=None):
        with (connection or self.connection).cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def reset(self, statements):
        begin = ["DROP SCHEMA public CASCADE", "DROP SCHEMA IF EXISTS extra CASCADE", "CREATE SCHEMA public"]
        self._run(";\n".join([*begin, *statements]))

    def keep(self):
        """Copy every table, its key and its values, into schemas that no migration names."""
        self._run("DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept")
        self.types = {}
        for schema, name in self._tables():
            key = f"{schema}.{name}" if schema != "public" else name
            self.types[key] = self._types(schema, name)
            # A type of its own would go from the copy, too, where the migration drops it.
            columns = ", ".join(
                f'"{one}"{"::text" if type_ == "mood" else ""}' for one, type_ in self.types[key].items()
            )
            self._run(f'CREATE TABLE kept."{key}" AS SELECT {columns} FROM ONLY "{schema}"."{name}"')

    def _tables(self):
        rows = self._run(_TABLES)
        return [row for row in rows if row[1] not in HIDDEN]

    def _types(self, schema, name):
        return dict(self._run(_TYPES.format(schema, name)))

    def dump(self):
        rows = {}
        for schema, name in self._tables():
            rows[schema, name] = self._run(f'SELECT t::text FROM ONLY "{schema}"."{name}" t ORDER BY 1')
        return rows, self._run(_CATALOG), self._run("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")

    def compare(self, step):
        tables = {f"{schema}.{name}" if schema != "public" else name: (schema, name) for schema, name in self._tables()}
        losses, came = {}, 0
        for key, types in self.types.items():
            place = tables.get(step.tables.get(key, key))
            if place is None:
                losses[key, None] = self._run(f'SELECT count(*) FROM kept."{key}"')[0][0]
                continue
            new, now = f'"{place[0]}"."{place[1]}"', self._types(*place)
            count = "SELECT count(*) FROM {0} a WHERE NOT EXISTS (SELECT 1 FROM {1} b WHERE b.id = a.id)"
            parts = [one for one in tables if one.startswith("parts")] if key.startswith("parts") else []
            there = f"({' UNION ALL '.join(f'SELECT id FROM {one}' for one in parts)})" if parts else new
            losses[key, None] = self._run(count.format(f'kept."{key}"', there))[0][0]
            came += self._run(count.format(new, f'kept."{key}"'))[0][0]
            for column, type_ in types.items():
                name = step.columns.get((key, column), column)
                if name not in now:
                    losses[key, column] = self._run(
                        f'SELECT count(a."{column}") FROM kept."{key}" a JOIN {new} b ON b.id = a.id'
                    )[0][0]
                elif now[name] != type_:
                    losses[key, column] = self._changed(key, column, new, name, type_)
        return {key: lost for key, lost in losses.items() if lost}, came

    def _changed(self, key, column, new, name, type_):
        import psycopg2

        for back in (f'b."{name}"::{type_}', f'b."{name}"::text::{type_}'):
            with contextlib.suppress(psycopg2.Error):
                return self._count_changed(key, column, new, f'a."{column}"', back)
        with contextlib.suppress(psycopg2.Error):
            back = f'b."{name}"::text::{type_}::text'
            return self._count_changed(key, column, new, f'a."{column}"::text', back)
        return self._count_changed(key, column, new, f'a."{column}"::text', f'b."{name}"::text')

    def _count_changed(self, key, column, new, old, back):
        return self._run(
            f'SELECT count(*) FROM kept."{key}" a JOIN {new} b ON b.id = a.id'
            f' WHERE a."{column}" IS NOT NULL AND {old} IS DISTINCT FROM {back}'
        )[0][0]

    def drop(self):
        self.connection.close()
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'", self.admin)
        self._run(f"DROP DATABASE {self.name}", self.admin)
        self.admin.close()


def _compare(step, before, after, is_same):
    losses, came = {}, 0
    for name, old in before.items():
        new = after.get(step.tables.get(name, name))
        if new is None:
            losses[name, None] = len(old["rows"])
            continue
        kept = old["rows"].keys() & new["rows"].keys()
        losses[name, None] = len(old["rows"]) - len(kept)
        came += len(new["rows"]) - len(kept)
        for place, column in enumerate(old["columns"]):
            now = step.columns.get((name, column), column)
            values = [(key, old["rows"][key][place]) for key in kept if old["rows"][key][place] is not None]
            if now not in new["columns"]:
                losses[name, column] = len(values)
            elif step.code.startswith("with op.batch"):  # else a value that changed was UPDATEd
                at = new["columns"].index(now)
                losses[name, column] = sum(
                    not is_same(name, column, value, new["rows"][key][at]) for key, value in values
                )
    return {key: lost for key, lost in losses.items() if lost}, came


_TABLES = """
SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'extra') AND c.relkind = 'r' ORDER BY 1, 2"""
_TYPES = """
SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = '{0}'::regnamespace AND c.relname = '{1}' AND a.attnum > 0 AND NOT a.attisdropped"""
_CATALOG = """
SELECT c.oid, c.relname, c.relkind, c.relnamespace, a.attname, a.atttypid, a.atttypmod, a.attisdropped
FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.oid >= 16384 AND c.relnamespace::regnamespace::text NOT LIKE 'pg\\_%' ORDER BY 1, 5, 6, 7, 8"""


def make(kind, folder):
    """Return an empty database of a kind; ``drop()`` removes it.

    :raises LookupError: where the environment names no server of that kind.
    """
    if kind == "sqlite":
        return SQLite(folder)
    if not os.environ.get("TEST_POSTGRESQL_URL"):
        raise LookupError("TEST_POSTGRESQL_URL is not set")
    return PostgreSQL(os.environ["TEST_POSTGRESQL_URL"])
