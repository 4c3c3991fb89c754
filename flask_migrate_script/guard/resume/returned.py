"""The rows of ``INSERT … RETURNING``: a script that goes on with them needs them again when the INSERT is skipped.

SQLAlchemy 2 uses RETURNING on MariaDB where a session inserts several objects at once.
"""

from __future__ import annotations

import json
from typing import Any, Optional

_KEPT = (int, float, str, type(None))


def keep_rows(cursor: Any) -> Optional[str]:
    """Return the rows on a cursor as text, and leave them there.

    None where it has none, or of other types, or where the driver cannot go back to the first one.
    """
    if not cursor.description or not hasattr(cursor, "scroll"):
        return None
    rows = [list(row) for row in cursor.fetchall()]
    if rows:
        cursor.scroll(0, "absolute")
    if not all(isinstance(value, _KEPT) for row in rows for value in row):
        return None
    return json.dumps([[column[0] for column in cursor.description], rows])


def say_again(cursor: Any, text: str) -> None:
    """Put rows that were kept on a cursor."""
    names, rows = json.loads(text)
    first = ", ".join(f"%s AS `{name.replace('`', '``').replace('%', '%%')}`" for name in names)
    others = [", ".join(["%s"] * len(names))] * (len(rows) - 1)
    selects = " UNION ALL SELECT ".join([first, *others])
    values = [value for row in rows or [[None] * len(names)] for value in row]
    cursor.execute(f"SELECT {selects}{'' if rows else ' LIMIT 0'}", values)
