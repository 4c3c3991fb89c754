"""Where DDL cannot be rolled back, an interrupted migration goes on where it stopped."""

from typing import Any


def has_journal(connection: Any) -> bool:
    """Return whether a database is of the kind that needs one; the rest of this room is loaded only then."""
    return connection.dialect.name in ("mysql", "mariadb")
