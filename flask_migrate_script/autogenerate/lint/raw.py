"""SQL written out in a migration: the statements that destroy data."""

from __future__ import annotations

import re
from typing import Iterator, List, Match, Optional, Tuple

_NAME = r"""((?:"[^"]+"|`[^`]+`|\[[^\]]+\]|[^\s;,()"`\[\]]+)(?:\.(?:"[^"]+"|`[^`]+`|[^\s;,()"`]+))*)"""
_NO_COLUMN = r"(?:CONSTRAINT|INDEX|KEY|PRIMARY|FOREIGN|CHECK|PARTITION|DEFAULT|NOT|IDENTITY|EXPRESSION)\b"
_DELETED = r"(?:WITH\b.*?)?\bDELETE\s+FROM\s+(?:ONLY\s+)?"
_DROPPED_COLUMN = re.compile(rf"\bDROP\s+(?:COLUMN\s+)?(?!COLUMN\b)(?!{_NO_COLUMN})(?:IF\s+EXISTS\s+)?{_NAME}", re.I)
_NOT_RUN = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.S)


Thing = Tuple[str, ...]
"""A table, or a table and its column; empty for what is neither."""


def destroying(sql: str) -> Iterator[Tuple[str, str, Thing]]:
    """Yield the name of a finding, what it says and what is lost, for each statement that destroys data.

    :param sql: one statement or more.
    """
    for statement in _statements(sql):
        if dropped := _match(rf"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_NAME}", statement):
            yield "drop-table", f"the table {dropped[1]} is dropped", (dropped[1],)
        elif dropped := _match(rf"DROP\s+(SCHEMA|DATABASE)\s+(?:IF\s+EXISTS\s+)?{_NAME}", statement):
            yield "drop-schema", f"the {dropped[1].lower()} {dropped[2]} is dropped", ()
        elif emptied := _match(rf"TRUNCATE\s+(?:TABLE\s+)?(?:ONLY\s+)?{_NAME}", statement):
            yield "truncate-table", f"the table {emptied[1]} is emptied", (emptied[1],)
        elif altered := _match(rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{_NAME}", statement):
            for column in _DROPPED_COLUMN.findall(statement, altered.end()):
                yield "drop-column", f"the column {altered[1]}.{column} is dropped", (altered[1], column)
        elif deleted := _match(rf"{_DELETED}{_NAME}(?!.*\bWHERE\b)", statement):
            yield "delete-all", f"every row of {deleted[1]} is deleted", (deleted[1],)


def creating(sql: str) -> Iterator[Thing]:
    """Yield the tables that statements create."""
    for statement in _statements(sql):
        if created := _match(rf"CREATE\s+(?:\w+\s+){{0,2}}TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}", statement):
            yield (created[1],)


def _match(pattern: str, statement: str) -> Optional[Match[str]]:
    return re.match(pattern, statement, re.IGNORECASE | re.DOTALL)


def _statements(sql: str) -> List[str]:
    """Return the statements, without comments and with what is quoted in them left out."""
    bare = _NOT_RUN.sub(lambda found: "''" if found[0][0] in "'$" else " ", sql)
    return [statement.strip() for statement in bare.split(";") if statement.strip()]
