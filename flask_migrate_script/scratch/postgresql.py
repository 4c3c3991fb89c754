"""Scratch databases on PostgreSQL."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any, List, Optional

from ..seam.driver import OtherConnection
from ..sql.quoting import identifier, quoted
from .places import MARKER, Traits, make_engine

LONGEST = 63
"""Bytes of a name."""

KEY = int.from_bytes(hashlib.sha256(b"flask_migrate_script.scratch").digest()[:8], "big", signed=True)
"""Of the advisory lock: PostgreSQL keeps them a database, so it can be the same in each."""


class PostgreSQLPlace:
    """A database of a PostgreSQL server, over a connection to it, once it is there.

    :param engine: leads to any database of the server.
    """

    def __init__(self, engine: Any, name: str) -> None:
        self.name, self._engine = name, engine
        self._server: Optional[OtherConnection] = None

    @property
    def server(self) -> OtherConnection:
        assert self._server is not None, "it is open"
        return self._server

    def logs(self) -> bool:
        return False

    def session(self) -> List[str]:
        return []

    def create(self, like: OtherConnection) -> None:
        encoding, collation, kind = like.run(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database"
            " WHERE datname = current_database()"
        )[0]
        text = [quoted(str(one), like.dialect) for one in (encoding, collation, kind)]
        like.run(
            f"CREATE DATABASE {identifier(self.name, like.dialect)} TEMPLATE template0"
            f" ENCODING {text[0]} LC_COLLATE {text[1]} LC_CTYPE {text[2]}"
        )

    def open(self) -> None:
        self._server = OtherConnection(make_engine(self._engine.url, self.name))

    def lock(self) -> bool:
        return bool(self.server.value(f"SELECT pg_try_advisory_lock({KEY})"))

    def has_marker(self) -> bool:
        return self.server.value(f"SELECT to_regclass('public.{MARKER}')") is not None

    def is_empty(self) -> bool:
        return not self.server.value(_THINGS)

    def mark(self) -> None:
        self.server.run("CREATE SCHEMA IF NOT EXISTS public")
        self.server.run(f"CREATE TABLE IF NOT EXISTS public.{MARKER} (dropped_without_asking integer PRIMARY KEY)")

    def _end_sessions(self) -> None:
        """End the sessions that are in it: what they have open would keep it from being dropped."""
        with suppress(Exception):  # the driver's own class: the account may not end those of others
            self.server.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def clear(self) -> None:
        self._end_sessions()
        for (schema,) in self.server.run(_SCHEMAS):
            if schema != "public":
                self.server.run(f"DROP SCHEMA {identifier(str(schema), self.server.dialect)} CASCADE")
        self.server.run(_CLEAR)

    def drop(self) -> None:
        self._end_sessions()
        self.close()
        with OtherConnection(self._engine) as other:
            other.run(f"DROP DATABASE IF EXISTS {identifier(self.name, other.dialect)}")

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    @staticmethod
    def list_databases(server: OtherConnection, prefix: str) -> List[str]:
        rows = server.run(
            "SELECT datname FROM pg_database WHERE datallowconn"
            f" AND left(datname, {len(prefix)}) = {quoted(prefix, server.dialect)} ORDER BY datname"
        )
        return [str(row[0]) for row in rows]

    @staticmethod
    def read_traits(server: OtherConnection) -> Traits:
        values = server.run(
            "SELECT current_setting('server_version'), pg_encoding_to_char(encoding), datcollate, datctype"
            " FROM pg_database WHERE datname = current_database()"
        )[0]
        return dict(zip(("server version", "encoding", "collation", "character type"), map(str, values)))

    @staticmethod
    def write_grant(server: OtherConnection, prefix: str) -> str:
        return f"ALTER ROLE {identifier(str(server.value('SELECT current_user')), server.dialect)} CREATEDB"


_SCHEMAS = (
    "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg~_%' ESCAPE '~' AND nspname <> 'information_schema'"
)

_OWN = (
    " SELECT 1 FROM {0} one JOIN ({1}) AS own(name) ON true JOIN pg_namespace n ON n.nspname = own.name"
    " AND n.oid = one.{2} WHERE NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = one.tableoid"
    " AND e.objid = one.oid AND e.deptype = 'e')"
)

_THINGS = (
    "SELECT EXISTS ("
    + " UNION ALL".join(
        _OWN.format(catalog, _SCHEMAS, column)
        for catalog, column in (("pg_class", "relnamespace"), ("pg_proc", "pronamespace"), ("pg_type", "typnamespace"))
    )
    + ")"
)
"""Whether there is anything outside of the system's schemas and of extensions."""

_CLEAR = f"""
    DO $$ BEGIN
        DROP SCHEMA IF EXISTS public CASCADE;
        CREATE SCHEMA public;
        CREATE TABLE public.{MARKER} (dropped_without_asking integer PRIMARY KEY);
    END $$
"""
"""In one step, so that what a kill leaves behind has the marker."""
