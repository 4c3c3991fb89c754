"""Where DDL cannot be rolled back, an interrupted migration goes on where it stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def has_journal(connection: Connection) -> bool:
    """Return whether a database is of the kind that needs one; the rest of this room is loaded only then."""
    return connection.dialect.name in ("mysql", "mariadb")
