"""This process's own sessions: which sessions of a server are connections that this very process has open."""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

Place = Tuple[str, int]
"""Where one end of a connection is: host and port, or the path of a socket and 0."""

_DRIVERS = ("psycopg2", "psycopg", "pymysql", "MySQLdb", "mysql", "mariadb")


@dataclass(frozen=True)
class OwnSession:
    """A connection of this process.

    :param number: the server's number of its session.
    :param here: its end on this side, as the server may know it.
    :param there: the server's end.
    """

    number: int
    driver: object
    here: Optional[Place]
    there: Optional[Place]


_OUR_THREADS = "flask_migrate_script."
"""How the names of the threads of this package begin."""


class OwnSessions:
    """The connections that this process has open, whoever opened them: not every one comes from a pool.

    :param like: a driver's connection to the server that is asked about.
    """

    def __init__(self, like: object) -> None:
        self._like = _make_own_session(like)
        self._found = [self._like, *map(_make_own_session, _walk_connections())]

    @property
    def numbers(self) -> List[int]:
        """The numbers of their sessions; one on another server may have a number that this one has, too."""
        return sorted({one.number for one in self._found if one.number})

    def find(self, number: int, host: str = "", port: int = 0) -> Optional[OwnSession]:
        """Return the connection that is a session of the server, or None where it is none of this process.

        :param host: where the session comes from, as the server says.
        """
        for one in self._found:
            if one.number == number and (one is self._like or self._is_the_same_server(one, host, port)):
                return one
        return None

    def _is_the_same_server(self, one: OwnSession, host: str, port: int) -> bool:
        """Numbers are a server's own: it is the same one at the same address, or where it knows our end by its port."""
        same = one.there is not None and one.there == self._like.there
        return same or (port > 0 and one.here == (_write_host(host), port))


def find_session_number(driver: Any) -> Optional[int]:
    """Return the server's number of a connection's session, as the driver knows it without asking; None if it does not.

    psycopg and psycopg2 have ``info.backend_pid``, PyMySQL and mysqlclient ``thread_id()``, the connectors of MySQL
    and MariaDB ``connection_id``.
    """
    finds: Tuple[Callable[[], Any], ...] = (
        lambda: driver.info.backend_pid,
        lambda: driver.get_backend_pid(),
        lambda: driver.thread_id(),
        lambda: driver.connection_id,
    )
    for find in finds:
        with suppress(Exception):  # another driver, or a connection that is closed
            number = find()
            if isinstance(number, int) and number > 0:
                return number
    return None


def _walk_connections() -> Iterator[object]:
    kinds: Dict[type, bool] = {}
    for thing in gc.get_objects():
        kind = type(thing)
        if kind not in kinds:
            kinds[kind] = _is_connection(kind)
        if kinds[kind]:
            yield thing


def is_alone(thread: int) -> bool:
    """Return whether a thread is the only one of this process; those of this package do not count."""
    ours = {one.ident for one in threading.enumerate() if one.name.startswith(_OUR_THREADS)}
    return not set(sys._current_frames()) - {thread, *ours}


def _is_connection(kind: type) -> bool:
    modules = [str(getattr(one, "__module__", "")).partition(".")[0] for one in kind.__mro__]
    return any(module in _DRIVERS for module in modules) and hasattr(kind, "cursor") and hasattr(kind, "commit")


def _make_own_session(driver: object) -> OwnSession:
    here, there = _find_ends(driver)
    return OwnSession(find_session_number(driver) or 0, driver, here, there)


def _find_ends(driver: Any) -> Tuple[Optional[Place], Optional[Place]]:
    """Return both ends of a connection, where its driver lets its socket be seen.

    psycopg, psycopg2 and mysqlclient have ``fileno()``; PyMySQL's socket has a private name, ``_sock`` (seen on 0.9 to
    1.2).
    """
    try:
        number = (getattr(driver, "_sock", None) or driver).fileno()
        # Another descriptor of the same socket, so that closing it closes nothing of the driver's.
        with socket.socket(fileno=os.dup(number)) as end:
            return _make_place(end.getsockname()), _make_place(end.getpeername())
    except Exception:  # another driver, or a connection that is closed
        return None, None


def _make_place(name: object) -> Place:
    return (_write_host(str(name[0])), int(name[1])) if isinstance(name, tuple) else (str(name), 0)


def _write_host(host: str) -> str:
    """Return an address as it is written without IPv6: a server may listen on both."""
    return host[7:] if host.startswith("::ffff:") else host
