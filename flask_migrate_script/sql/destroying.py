"""SQL written out in a migration: the statements that destroy data."""

from __future__ import annotations

import re
from typing import Iterator, List, Match, Optional, Tuple

_NAME = r"""((?:"[^"]+"|`[^`]+`|\[[^\]]+\]|[^\s;,()"`\[\]]+)(?:\.(?:"[^"]+"|`[^`]+`|[^\s;,()"`]+))*)"""
_NO_COLUMN = r"(?:CONSTRAINT|INDEX|KEY|PRIMARY|FOREIGN|CHECK|PARTITION|DEFAULT|NOT|IDENTITY|EXPRESSION)\b"
_DELETED = r"(?:WITH\b.*?)?\bDELETE\s+FROM\s+(?:ONLY\s+)?"
_DROPPED_COLUMN = re.compile(rf"\bDROP\s+(?:COLUMN\s+)?(?!COLUMN\b)(?!{_NO_COLUMN})(?:IF\s+EXISTS\s+)?{_NAME}", re.I)
_ONE_OF_SEVERAL = re.compile(rf"\s*(?:ONLY\s+)?{_NAME}(?:\s*\*)?\s*(,?)", re.I)
_BODY = re.compile(r"\bCREATE\s[^;]*?\b(?:TRIGGER|FUNCTION|PROCEDURE|EVENT)\s[^;]*?\bBEGIN\b.*\bEND\b", re.I | re.S)
_NOT_RUN = re.compile(r"--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.S)


Thing = Tuple[str, ...]
"""A table, or a table and its column; empty for what is neither."""


def destroying(sql: str) -> Iterator[Tuple[str, str, Thing]]:
    """Yield the name of a finding, what it says and what is lost, for each statement that destroys data.

    :param sql: one statement or more.
    """
    for statement in _statements(sql):
        if dropped := _match(r"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?", statement):
            for table in _listed(statement, dropped.end()):
                yield "drop-table", f"the table {table} is dropped", (table,)
        elif dropped := _match(rf"DROP\s+(SCHEMA|DATABASE)\s+(?:IF\s+EXISTS\s+)?{_NAME}", statement):
            yield "drop-schema", f"the {dropped[1].lower()} {dropped[2]} is dropped", ()
        elif emptied := _match(r"TRUNCATE\s+(?:TABLE\s+)?", statement):
            for table in _listed(statement, emptied.end()):
                yield "truncate-table", f"the table {table} is emptied", (table,)
        elif altered := _match(rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{_NAME}", statement):
            for column in _DROPPED_COLUMN.findall(statement, altered.end()):
                yield "drop-column", f"the column {altered[1]}.{column} is dropped", (altered[1], column)
        elif deleted := _match(rf"{_DELETED}{_NAME}(?!.*\b(?:WHERE|LIMIT)\b)", statement):
            yield "delete-all", f"every row of {deleted[1]} is deleted", (deleted[1],)


def is_a_delete(sql: str) -> bool:
    """Return whether a text is one statement, a DELETE: the database says how many rows it has deleted."""
    statements = _statements(sql)
    return len(statements) == 1 and bool(_match(r"DELETE\b", statements[0]))


def creating(sql: str) -> Iterator[Thing]:
    """Yield the tables that statements create."""
    for statement in _statements(sql):
        if created := _match(rf"CREATE\s+(?:\w+\s+){{0,2}}TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}", statement):
            yield (created[1],)


def _match(pattern: str, statement: str) -> Optional[Match[str]]:
    return re.match(pattern, statement, re.IGNORECASE | re.DOTALL)


def _listed(statement: str, start: int) -> Iterator[str]:
    """Yield the tables of a list from a place on: its first, and those behind a comma."""
    found = _ONE_OF_SEVERAL.match(statement, start)
    while found:
        yield found[1]
        found = _ONE_OF_SEVERAL.match(statement, found.end()) if found[2] else None


def _statements(sql: str) -> List[str]:
    """Return the statements that are run now, without comments and with what is quoted in them left out."""
    bare = _BODY.sub(" ", _NOT_RUN.sub(lambda found: "''" if found[0][0] in "'$" else " ", sql))
    return [statement.strip() for statement in bare.split(";") if statement.strip()]
