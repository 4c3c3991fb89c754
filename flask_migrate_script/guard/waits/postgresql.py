"""Waits on PostgreSQL, as ``pg_stat_activity`` and ``pg_blocking_pids`` tell of them (9.6 or newer)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

from ...seam.driver import OtherConnection
from .own import OwnSessions, find_session_number
from .sessions import Row, Session, Wait, follow_edges

_HIDDEN = "<insufficient privilege>"
"""What stands for the statement of a session that the user may not see."""


@dataclass
class PostgreSQL:
    """Asks a server about waits.

    :param server: the connection it asks on.
    """

    server: OtherConnection

    def is_answering(self) -> bool:
        """Return whether the numbers that the driver knows are the server's: a pooler between has its own."""
        return bool(find_session_number(self.server.driver) == self.server.value("SELECT pg_backend_pid()"))

    def find_waits(self, own: OwnSessions, migration: int) -> List[Wait]:
        """Return the waits of this process's sessions.

        :param migration: the number of the session that the migration runs in.
        """
        waiting = self._read("a.wait_event_type = 'Lock'")
        sessions = [row for row in waiting.values() if self._is_own(own, row)]
        return [self._make_wait(row, waiting, own, migration) for row in sessions]

    def cancel(self, wait: Wait) -> bool:
        """End the statement that waits, if it still waits for the same session."""
        holder = wait.endless
        if holder is None:
            return False
        numbers = [wait.number, *follow_edges(wait.number, _list_edges(self._read("a.wait_event_type = 'Lock'")))]
        return holder.number in numbers and bool(
            self.server.value(
                f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = {wait.number}"
                " AND wait_event_type = 'Lock'"
            )
        )

    def _make_wait(self, row: Row, waiting: Dict[int, Row], own: OwnSessions, migration: int) -> Wait:
        numbers = follow_edges(row["pid"], _list_edges(waiting))
        rows = self._read(f"a.pid IN ({', '.join(map(str, numbers or [0]))})")
        holders = [self._make_session(rows.get(number, {"pid": number}), row, own, migration) for number in numbers]
        return Wait(row["pid"], _find_statement(row), tuple(holders))

    def _make_session(self, row: Row, waiter: Row, own: OwnSessions, migration: int) -> Session:
        state, changed = row.get("state") or "", row.get("changed")
        return Session(
            number=row["pid"],
            kind="process",
            user=row.get("usename") or "",
            host=row.get("host") or ("this host" if state else ""),
            application=row.get("application") or "",
            since=row.get("since") or "",
            at_work=None if not state else state == "active",
            statement=_find_statement(row),
            idle_since_before=state.startswith("idle") and changed is not None and changed <= waiter["began"],
            own=self._is_own(own, row),
            ours=row["pid"] == migration,
        )

    def _is_own(self, own: OwnSessions, row: Row) -> bool:
        return own.find(row["pid"], row.get("host") or "", row.get("port") or 0) is not None

    def _read(self, condition: str) -> Dict[int, Row]:
        """Return the sessions that a condition chooses, by their number."""
        columns = {
            "pid": "a.pid",
            "usename": "a.usename",
            "host": "host(a.client_addr)",
            "port": "a.client_port",
            "application": "a.application_name",
            "since": "date_trunc('second', a.xact_start)::text",
            "state": "a.state",
            "changed": "extract(epoch FROM a.state_change)",
            "began": "extract(epoch FROM a.query_start)",
            "query": "a.query",
            "blocking": "CASE WHEN a.wait_event_type = 'Lock' THEN array_to_string(pg_blocking_pids(a.pid), ' ') END",
        }
        rows = self.server.run(f"SELECT {', '.join(columns.values())} FROM pg_stat_activity a WHERE {condition}")
        return {row[0]: dict(zip(columns, row)) for row in rows}


def _list_edges(waiting: Dict[int, Row]) -> List[Tuple[int, int]]:
    return [(number, int(pid)) for number, row in waiting.items() for pid in (row["blocking"] or "").split()]


def _find_statement(row: Row) -> str:
    query = row.get("query") or ""
    return "" if query == _HIDDEN else query
