"""SQL written out in a migration: what its statements destroy, and which tables they create."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Sequence, Tuple

from .reader import Name, Reader
from .targets import find_alteration, find_created_table, find_dropped_columns
from .text import Statement, split
from .tokens import NUMBER, STRING, Token, tokenize

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
    if limited and reader.skip("WHERE"):
        begun = reader.place
        limited = reader.skip_to("LIMIT") or not _is_always_true(_read_condition(reader.tokens[begun:]))
    return None if limited else table


def is_always_true(condition: str) -> bool:
    """Return whether a condition in SQL is one that each row meets: ``1 = 1``, ``x = 2 OR true``."""
    return _is_always_true(tokenize(condition, ""))


def _read_condition(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens of a condition, which ends where what comes behind it begins."""
    reader = Reader(tokens)
    reader.skip_to("RETURNING", "ORDER", ")")
    return tokens[: reader.place]


def _is_always_true(tokens: Sequence[Token]) -> bool:
    if tokens and tokens[0].word == "(" and _closes_last(tokens):
        return _is_always_true(tokens[1:-1])
    for word, holds in (("OR", any), ("AND", all)):
        parts = _divide(tokens, word)
        if len(parts) > 1:
            return holds(_is_always_true(part) for part in parts)
    if tokens and tokens[0].word == "NOT":
        return [token.word for token in tokens[1:]] == ["FALSE"]
    if len(tokens) == 1:
        number = tokens[0].kind is NUMBER and tokens[0].text.strip("0.") != ""
        return tokens[0].word == "TRUE" or number
    left, sign, right = tokens if len(tokens) == 3 else (None, None, None)
    literals = left is not None and right is not None and {left.kind, right.kind} <= {NUMBER, STRING}
    if not literals or left is None or sign is None or right is None:
        return False
    return (left.text == right.text) == (sign.text == "=") if sign.text in ("=", "<>", "!=") else False


def _closes_last(tokens: Sequence[Token]) -> bool:
    reader = Reader(tokens)
    reader.skip_parentheses()
    return reader.place == len(tokens)


def _divide(tokens: Sequence[Token], word: str) -> Sequence[Sequence[Token]]:
    """Return the parts between the appearances of a word outside of parentheses."""
    parts, reader, begun = [], Reader(tokens), 0
    while reader.skip_to(word):
        parts.append(tokens[begun : reader.place])
        reader.place += 1
        begun = reader.place
    return [*parts, tokens[begun:]]
