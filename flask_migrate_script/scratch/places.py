"""What a scratch database is on a server: what each kind of server has to know of it."""

from __future__ import annotations

from typing import Any, Dict, List, Protocol

from ..databases import change_database
from ..seam.driver import OtherConnection

MARKER = "flask_migrate_script_scratch"
"""The table that says of a database that it may be emptied and dropped without asking."""

Traits = Dict[str, str]
"""What makes one server behave unlike another, in words, and its value."""


class Place(Protocol):
    """One database of a server that is, or is about to be, a scratch database; over a connection of its own."""

    name: str

    @property
    def server(self) -> OtherConnection:
        """The connection to it."""

    def create(self, like: OtherConnection) -> None:
        """Make the database, with the character set of another one, the real one."""

    def open(self) -> None:
        """Go into the database, which is there."""

    def lock(self) -> bool:
        """Take its lock where that is free, without waiting; it is given back with the connection."""

    def has_marker(self) -> bool:
        """Return whether it has the marker."""

    def is_empty(self) -> bool:
        """Return whether nothing is in it."""

    def mark(self) -> None:
        """Put the marker into it."""

    def clear(self) -> None:
        """Drop what is in it, and mark it."""

    def drop(self) -> None:
        """Drop the database itself; nothing can be done with this place afterwards."""

    def logs(self) -> bool:
        """Return whether what is done there goes into a log that other servers read, and cannot be kept out of it."""

    def session(self) -> List[str]:
        """Return the statements with which each connection to it begins."""

    def close(self) -> None:
        """Close the connection, and give the lock back."""


def make_engine(url: Any, name: str) -> Any:
    """Return an engine that keeps no connection, to another database of a URL's server."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    return create_engine(change_database(url, name), poolclass=NullPool)
