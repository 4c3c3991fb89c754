"""SQL written out in a migration: what its statements destroy, and which tables they create."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Sequence, Tuple

from .reader import Name, Reader
from .targets import find_alteration, find_created_table, find_dropped_columns
from .text import Statement, split
from .tokens import Token

Thing = Tuple[str, ...]
"""A table, or a table and its column, as they are written; empty for what is neither."""


class Destroyed(NamedTuple):
    """What a statement destroys.

    :param name: of the finding, as lint has it.
    :param what: says it.
    """

    name: str
    what: str
    thing: Thing


def find_destroyed(sql: str, dialect: str) -> Iterator[Destroyed]:
    """Yield what the statements of a text destroy.

    :param sql: one statement or more.
    :param dialect: SQLAlchemy's name.
    """
    for statement in split(sql, dialect):
        yield from _find_dropped(statement)
        yield from _find_emptied(statement)


def is_delete(sql: str, dialect: str) -> bool:
    """Return whether a text is one statement, a DELETE: the database says how many rows it has deleted."""
    statements = split(sql, dialect)
    if len(statements) != 1 or statements[0].word not in ("DELETE", "WITH"):
        return False
    return Reader(statements[0].executed).look() == "DELETE"


def find_created(sql: str, dialect: str) -> Iterator[Thing]:
    """Yield the tables that the statements of a text create."""
    for statement in split(sql, dialect):
        created = find_created_table(statement)
        if created:
            yield (created.written,)


def _find_dropped(statement: Statement) -> Iterator[Destroyed]:
    reader = Reader(statement.executed)
    if reader.skip("DROP", "TABLE"):
        reader.skip_if_exists()
        for table in reader.read_names():
            yield Destroyed("drop-table", f"the table {table.written} is dropped", (table.written,))
    elif reader.skip("DROP", "SCHEMA") or reader.skip("DROP", "DATABASE"):
        kind = reader.tokens[1].text.lower()
        reader.skip_if_exists()
        for schema in reader.read_names():
            yield Destroyed("drop-schema", f"the {kind} {schema.written} is dropped", ())
    alteration = find_alteration(statement)
    if alteration:
        table = alteration.table
        for column in find_dropped_columns(alteration):
            what = f"the column {table.written}.{column.written} is dropped"
            yield Destroyed("drop-column", what, (table.written, column.written))


def _find_emptied(statement: Statement) -> Iterator[Destroyed]:
    reader = Reader(statement.executed)
    if reader.skip("TRUNCATE"):
        reader.skip("TABLE")
        reader.skip_if_exists()
        for table in reader.read_names():
            yield Destroyed("truncate-table", f"the table {table.written} is emptied", (table.written,))
    for deletion in (statement.executed, *_find_deletions_within(statement)):
        emptied = _find_emptied_table(Reader(deletion))
        if emptied:
            yield Destroyed("delete-all", f"every row of {emptied.written} is deleted", (emptied.written,))


def _find_deletions_within(statement: Statement) -> Iterator[Sequence[Token]]:
    """Yield each DELETE of a WITH, up to the parenthesis that closes it."""
    tokens = statement.tokens if statement.word == "WITH" else ()
    for place in range(1, len(tokens) - 1):
        if [token.word for token in tokens[place - 1 : place + 2]] == ["(", "DELETE", "FROM"]:
            reader = Reader(tokens, place)
            reader.skip_to(")")
            yield tokens[place : reader.place]


def _find_emptied_table(reader: Reader) -> Optional[Name]:
    """Return the table of a DELETE that has no condition."""
    if not reader.skip("DELETE"):
        return None
    reader.skip_any("LOW_PRIORITY", "QUICK", "IGNORE", "FROM", "ONLY")
    table = reader.read_name()
    # A TOP stands before the table, a join is a condition of its own.
    limited = table is None or table.written.upper() == "TOP" or reader.skip_to("WHERE", "LIMIT", "JOIN")
    return None if limited else table
