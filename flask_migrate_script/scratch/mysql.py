"""Scratch databases on MySQL and MariaDB."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any, Dict, List

from ..seam.driver import OtherConnection
from ..sql.quoting import identifier, quoted
from .places import MARKER, Traits

LONGEST = 64
"""Characters of a name."""


class MySQLPlace:
    """A database of a MySQL or MariaDB server, over a connection to the server.

    :param engine: leads to the server, whatever database it names.
    """

    def __init__(self, engine: Any, name: str) -> None:
        self.name = name
        self._server = OtherConnection(engine)
        self.quoted = identifier(name, self.server.dialect)
        self._text = quoted(name, self.server.dialect)
        self._logs = bool(int(self.server.value("SELECT @@log_bin") or 0)) and not self._stop_logging()

    @property
    def server(self) -> OtherConnection:
        return self._server

    def _stop_logging(self) -> bool:
        try:
            self.server.run(_NOT_LOGGED)
        except Exception:  # the driver's own class: the account may not
            return False
        return True

    def logs(self) -> bool:
        return self._logs

    def session(self) -> List[str]:
        logged_by_default = bool(int(self.server.value("SELECT @@log_bin") or 0))
        return [*([_NOT_LOGGED] if logged_by_default and not self._logs else []), f"USE {self.quoted}"]

    def create(self, like: OtherConnection) -> None:
        charset, collation = like.run("SELECT @@character_set_database, @@collation_database")[0]
        self.server.run(f"CREATE DATABASE {self.quoted} CHARACTER SET {charset} COLLATE {collation}")

    def open(self) -> None:
        self.server.run(f"USE {self.quoted}")

    def lock(self) -> bool:
        """Locks are the server's, so the name of the database is in the lock's, hashed to fit in 64 characters."""
        name = "flask_migrate_script.scratch." + hashlib.sha256(self.name.encode()).hexdigest()[:32]
        return bool(self.server.value(f"SELECT GET_LOCK('{name}', 0)") == 1)

    def has_marker(self) -> bool:
        return self._count("tables", "table_schema", f" AND table_name = '{MARKER}'") > 0

    def is_empty(self) -> bool:
        parts = (("tables", "table_schema"), ("routines", "routine_schema"), ("events", "event_schema"))
        return not any(self._count(*part) for part in parts)

    def _count(self, what: str, schema: str, condition: str = "") -> int:
        sql = f"SELECT COUNT(*) FROM information_schema.{what} WHERE {schema} = {self._text}{condition}"
        return int(self.server.value(sql))

    def mark(self) -> None:
        table = f"{self.quoted}.{MARKER}"
        self.server.run(f"CREATE TABLE IF NOT EXISTS {table} (dropped_without_asking INTEGER PRIMARY KEY)")

    def clear(self) -> None:
        self._end_sessions()
        self.mark()
        self.server.run("SET SESSION foreign_key_checks = 0")
        for kind, name in self.server.run(_CONTENTS.format(self._text)):
            if name != MARKER:
                self.server.run(f"DROP {_KINDS.get(kind, kind)} {self.quoted}.{identifier(name, self.server.dialect)}")

    def _end_sessions(self) -> None:
        """End the sessions that are in it: what they have open would keep it from being dropped."""
        with suppress(Exception):  # the driver's own class: those of other accounts may not be seen
            sql = "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = "
            for (number,) in self.server.run(sql + self._text):
                with suppress(Exception):  # it has ended meanwhile
                    self.server.run(f"KILL {int(number)}")

    def drop(self) -> None:
        self._end_sessions()
        self.server.run(f"DROP DATABASE IF EXISTS {self.quoted}")

    def close(self) -> None:
        self.server.close()

    @staticmethod
    def list_databases(server: OtherConnection, prefix: str) -> List[str]:
        like = quoted(_escape(prefix), server.dialect)
        rows = server.run(
            f"SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE CONCAT({like}, '%')"
        )
        return sorted(str(row[0]) for row in rows)

    @staticmethod
    def read_traits(server: OtherConnection) -> Traits:
        values = server.run(
            "SELECT VERSION(), @@character_set_database, @@collation_database, @@SESSION.sql_mode,"
            " @@lower_case_table_names"
        )[0]
        return dict(
            zip(
                ("server version", "character set", "collation", "sql_mode", "lower_case_table_names"), map(str, values)
            )
        )

    @staticmethod
    def write_grant(server: OtherConnection, prefix: str) -> str:
        account = ""
        with suppress(Exception):  # the driver's own class
            user, _, host = str(server.value("SELECT CURRENT_USER()")).rpartition("@")
            account = f"{quoted(user, server.dialect)}@{quoted(host, server.dialect)}"
        return f"GRANT ALL ON `{_escape(prefix)}%`.* TO {account or '<user>'}"


def _escape(name: str) -> str:
    """Return a name as a pattern that fits it alone."""
    return name.replace("\\", "\\\\").replace("_", r"\_").replace("%", r"\%")


_NOT_LOGGED = "SET SESSION sql_log_bin = 0"

_CONTENTS = (
    "SELECT table_type, table_name FROM information_schema.tables WHERE table_schema = {0}"
    " UNION ALL SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = {0}"
    " UNION ALL SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = {0}"
)
_KINDS: Dict[str, str] = {"BASE TABLE": "TABLE", "SYSTEM VERSIONED": "TABLE", "SYSTEM VIEW": "VIEW"}
