"""Waits on MySQL and MariaDB: rows of InnoDB and metadata locks.

MySQL 8 and newer say of both who holds them, in ``performance_schema``. MariaDB and MySQL 5.7 say it of rows, in
``information_schema.innodb_lock_waits``; of metadata locks only where ``performance_schema`` keeps them. Where it does
not, the transactions that are older than the wait are what is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from ...seam.driver import OtherConnection
from .own import OwnSessions, find_session_number
from .sessions import Row, Session, Wait, follow_edges

_WAITS = re.compile(r"Waiting for .*lock|User lock", re.I)
"""The states of a statement that waits for a lock other than a row's."""

_NO_CLIENTS = ("Daemon", "Binlog Dump", "Binlog Dump GTID", "Slave_IO", "Slave_SQL", "Slave_worker", "Connect")
"""Commands of the process list that are the server's own."""

_NO_WRITES = ("SHARED_NO_WRITE", "SHARED_NO_READ_WRITE", "EXCLUSIVE")
_WRITES = ("SHARED_WRITE", "SHARED_WRITE_LOW_PRIO")
_KEEPS_WAITING: Dict[str, Tuple[str, ...]] = {
    "INTENTION_EXCLUSIVE": ("SHARED", "EXCLUSIVE"),
    "SHARED": ("INTENTION_EXCLUSIVE", "EXCLUSIVE"),
    "SHARED_HIGH_PRIO": ("EXCLUSIVE",),
    "SHARED_READ": ("SHARED_NO_READ_WRITE", "EXCLUSIVE"),
    "SHARED_WRITE": ("SHARED_READ_ONLY", *_NO_WRITES),
    "SHARED_WRITE_LOW_PRIO": ("SHARED_READ_ONLY", *_NO_WRITES),
    "SHARED_UPGRADABLE": ("SHARED_UPGRADABLE", *_NO_WRITES),
    "SHARED_READ_ONLY": (*_WRITES, "SHARED_NO_READ_WRITE", "EXCLUSIVE"),
    "SHARED_NO_WRITE": (*_WRITES, "SHARED_UPGRADABLE", *_NO_WRITES),
    "SHARED_NO_READ_WRITE": ("SHARED_READ", *_WRITES, "SHARED_UPGRADABLE", "SHARED_READ_ONLY", *_NO_WRITES),
}
"""Which granted metadata locks keep one of a type waiting; EXCLUSIVE waits for every other
(https://dev.mysql.com/doc/dev/mysql-server/latest/classMDL__lock.html)."""


@dataclass
class _Known:
    """What the server says at one moment.

    :param processes: its sessions by number: user, host, command, seconds, state and statement.
    :param transactions: when the open ones began, in the server's words, and how many seconds ago.
    :param edges: who waits for whom, where it says so.
    """

    processes: Dict[int, Row] = field(default_factory=dict)
    transactions: Dict[int, Tuple[str, int]] = field(default_factory=dict)
    edges: List[Tuple[int, int]] = field(default_factory=list)


@dataclass
class MySQL:
    """Asks a server about waits.

    :param server: the connection it asks on.
    """

    server: OtherConnection

    def is_answering(self) -> bool:
        """Return whether the numbers that the driver knows are the server's: a proxy between has its own."""
        return bool(find_session_number(self.server.driver) == self.server.value("SELECT CONNECTION_ID()"))

    def find_waits(self, own: OwnSessions, migration: int) -> List[Wait]:
        """Return the waits of this process's sessions.

        :param migration: the number of the session that the migration runs in.
        """
        processes = self._read_processes()
        busy = [n for n, row in processes.items() if row["Info"] and _is_own(own, row)]
        if not busy:
            return []
        known = _Known(processes, self._read_transactions(), self._read_row_edges() + self._read_metadata_edges())
        waiters = [waiter for waiter, _ in known.edges]
        waiting = [n for n in busy if n in waiters or _WAITS.search(processes[n]["State"] or "")]
        return [self._make_wait(number, known, own, migration) for number in waiting]

    def cancel(self, wait: Wait) -> bool:
        """End the statement that waits, if it is still the same one."""
        row = self._read_processes().get(wait.number)
        if row is None or row["Info"] != wait.statement:
            return False
        self.server.run(f"KILL QUERY {wait.number}")
        return True

    def _make_wait(self, number: int, known: _Known, own: OwnSessions, migration: int) -> Wait:
        seconds = int(known.processes[number]["Time"] or 0)
        holders = follow_edges(number, known.edges)
        certain = bool(holders)
        if not certain:
            holders = [one for one in self._find_candidates(known, seconds) if one != number]
        sessions = tuple(self._make_session(one, seconds, known, own, migration) for one in holders)
        return Wait(number, known.processes[number]["Info"], sessions, certain)

    def _find_candidates(self, known: _Known, seconds: int) -> List[int]:
        """Return whose transaction or statement is older than a wait; a lock of LOCK TABLES is seen nowhere."""
        older = [one for one, (_, age) in known.transactions.items() if age >= seconds]
        working = [
            one
            for one, row in known.processes.items()
            if row["Command"] not in ("Sleep", *_NO_CLIENTS)
            and row["User"] not in ("system user", "event_scheduler")
            and int(row["Time"] or 0) >= seconds
        ]
        return list(dict.fromkeys([*older, *working]))

    def _make_session(self, number: int, seconds: int, known: _Known, own: OwnSessions, migration: int) -> Session:
        row = known.processes.get(number, {})
        sleeps = row.get("Command") == "Sleep"
        return Session(
            number=number,
            kind="connection",
            user=row.get("User") or "",
            host=row.get("Host") or "",
            application=self._find_application(number),
            since=known.transactions.get(number, ("", 0))[0],
            at_work=not sleeps if row else None,
            statement=row.get("Info") or "",
            idle_since_before=sleeps and int(row.get("Time") or 0) >= seconds,
            own=bool(row) and _is_own(own, row),
            ours=number == migration,
        )

    def _find_application(self, number: int) -> str:
        """Return what a client calls itself; it is known where ``performance_schema`` is on."""
        rows = self._read_rows(
            "SELECT attr_value FROM performance_schema.session_account_connect_attrs"
            f" WHERE processlist_id = {number} AND attr_name = 'program_name'"
        )
        return str(rows[0][0] or "") if rows else ""

    def _read_processes(self) -> Dict[int, Row]:
        """Return the process list: of other users' sessions it takes the privilege PROCESS."""
        names = ("Id", "User", "Host", "db", "Command", "Time", "State", "Info")
        rows = [dict(zip(names, map(_decode, row))) for row in self.server.run("SHOW FULL PROCESSLIST")]
        return {int(row["Id"]): row for row in rows}

    def _read_transactions(self) -> Dict[int, Tuple[str, int]]:
        rows = self._read_rows(
            "SELECT trx_mysql_thread_id, trx_started, TIMESTAMPDIFF(SECOND, trx_started, NOW())"
            " FROM information_schema.innodb_trx"
        )
        return {int(row[0]): (str(row[1]), int(row[2])) for row in rows or ()}

    def _read_row_edges(self) -> List[Tuple[int, int]]:
        """Return who waits for whose rows."""
        trx = "information_schema.innodb_trx"
        pairs = (
            (
                "performance_schema.data_lock_waits",
                "requesting_engine_transaction_id",
                "blocking_engine_transaction_id",
            ),
            ("information_schema.innodb_lock_waits", "requesting_trx_id", "blocking_trx_id"),
        )
        for table, waiter, holder in pairs:
            rows = self._read_rows(
                f"SELECT w.trx_mysql_thread_id, h.trx_mysql_thread_id FROM {table} l"
                f" JOIN {trx} w ON w.trx_id = l.{waiter} JOIN {trx} h ON h.trx_id = l.{holder}"
            )
            if rows is not None:
                return [(int(row[0]), int(row[1])) for row in rows]
        return []

    def _read_metadata_edges(self) -> List[Tuple[int, int]]:
        """Return who waits for whose metadata locks."""
        rows = self._read_rows(
            "SELECT w.processlist_id, wl.lock_type, h.processlist_id, hl.lock_type, hl.lock_status"
            " FROM performance_schema.metadata_locks wl"
            " JOIN performance_schema.metadata_locks hl ON hl.object_type = wl.object_type"
            " AND hl.object_schema <=> wl.object_schema AND hl.object_name <=> wl.object_name"
            " AND hl.owner_thread_id <> wl.owner_thread_id"
            " JOIN performance_schema.threads w ON w.thread_id = wl.owner_thread_id"
            " JOIN performance_schema.threads h ON h.thread_id = hl.owner_thread_id"
            " WHERE wl.lock_status = 'PENDING' AND h.processlist_id IS NOT NULL"
        )
        granted = [row for row in rows or () if row[4] == "GRANTED" and _keeps_waiting(row[1], row[3])]
        held = {row[0] for row in granted}
        queued = [row for row in rows or () if row[0] not in held and row[4] == "PENDING" and row[3] == "EXCLUSIVE"]
        return [(int(row[0]), int(row[2])) for row in [*granted, *queued]]

    def _read_rows(self, sql: str) -> Optional[List[Any]]:
        """Return the rows of a query, or None where the server has no such table or the user may not read it."""
        try:
            return self.server.run(sql)
        except Exception:  # the driver's own class
            return None


def _keeps_waiting(wanted: str, granted: str) -> bool:
    return wanted == "EXCLUSIVE" or granted in _KEEPS_WAITING.get(wanted, ())


def _is_own(own: OwnSessions, row: Row) -> bool:
    host, _, port = str(row["Host"] or "").rpartition(":")
    return own.find(int(row["Id"]), host, int(port) if port.isdigit() else 0) is not None


def _decode(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else value
