"""What a statement names: the tables it changes, creates and drops, and what an ALTER TABLE does."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .kinds import Kind
from .reader import Name, Reader
from .splitting import find_created_kind
from .text import Statement
from .tokens import Token

_BEFORE_A_TABLE = ("LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE", "INTO", "FROM", "TABLE", "ONLY")
_OR_ELSE = ("ROLLBACK", "ABORT", "REPLACE", "FAIL", "IGNORE")


class Alteration(NamedTuple):
    """An ALTER TABLE.

    :param actions: each of them as a place from which its words can be read.
    """

    table: Name
    actions: List[Reader]


def find_target(statement: Statement) -> Optional[Name]:
    """Return the table that a statement changes, where one is named first."""
    reader = Reader(statement.executed)
    word = reader.look()
    if word in ("INSERT", "REPLACE", "UPDATE", "DELETE", "TRUNCATE", "MERGE"):
        reader.place += 1
        if reader.skip("OR"):  # SQLite's INSERT OR IGNORE
            reader.skip_any(*_OR_ELSE)
        reader.skip_any(*_BEFORE_A_TABLE)
        return reader.read_name()
    if word == "LOAD" and reader.skip_to("INTO"):
        reader.skip_any("INTO", "TABLE")
        return reader.read_name()
    if word == "COPY":
        reader.place += 1
        return reader.read_name()
    if word in ("CREATE", "ALTER", "DROP"):
        return _find_defined(reader)
    return None


def find_alteration(statement: Statement) -> Optional[Alteration]:
    """Return what an ALTER TABLE does; None for other statements."""
    reader = Reader(statement.executed)
    if reader.look() != "ALTER" or find_created_kind(reader) != "TABLE":
        return None
    table = _find_table(reader)
    reader.skip("*")
    return Alteration(table, [Reader(clause) for clause in split_at_commas(reader.rest)]) if table else None


def find_dropped_columns(alteration: Alteration) -> Iterator[Name]:
    """Yield the columns that an ALTER TABLE drops: ``DROP a``, ``DROP COLUMN a``, Oracle's ``DROP (a, b)``."""
    dropping = False
    for action in alteration.actions:
        if action.skip("DROP"):
            dropping = action.look() == "COLUMN"
        elif not dropping or len(action.rest) != 1 + (action.look() == "COLUMN"):
            dropping = False
            continue  # else it is one more column of SQL Server's DROP COLUMN a, b
        if action.look() == "(":
            yield from Reader(action.tokens, action.place + 1).read_names()
            continue
        is_a_column = action.skip("COLUMN") or action.look() not in _NO_COLUMNS
        action.skip_if_exists()
        column = action.read_name() if is_a_column else None
        if column:
            yield column


def find_added_columns(alteration: Alteration) -> Iterator[Tuple[Name, Sequence[Token]]]:
    """Yield the columns that an ALTER TABLE adds, each with what is said of it: ``ADD a int``, ``ADD COLUMN a int``."""
    for action in alteration.actions:
        if not action.skip("ADD"):
            continue
        is_a_column = action.skip("COLUMN") or action.look() not in _NO_COLUMNS
        action.skip_if_exists()
        column = action.read_name() if is_a_column else None
        if column:
            yield column, action.rest


def find_created_table(statement: Statement) -> Optional[Name]:
    """Return the table that a CREATE TABLE or a SELECT … INTO makes."""
    reader = Reader(statement.executed)
    if reader.look() == "CREATE":
        return _find_table(reader) if find_created_kind(reader) == "TABLE" else None
    if reader.look() == "SELECT" and statement.kind is Kind.DDL and reader.skip_to("INTO"):
        reader.skip_any("INTO", "TEMPORARY", "TEMP", "UNLOGGED", "TABLE")
        return reader.read_name()
    return None


def split_at_commas(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yield what stands between the commas outside of parentheses."""
    reader = Reader(tokens)
    while reader.place < len(tokens):
        start = reader.place
        reader.skip_to(",")
        yield tokens[start : reader.place]
        reader.place += 1


_NO_COLUMNS = (
    *("CONSTRAINT", "INDEX", "KEY", "PRIMARY", "FOREIGN", "CHECK", "PARTITION", "DEFAULT", "NOT", "IDENTITY"),
    *("EXPRESSION", "SYSTEM", "PERIOD", "UNIQUE"),
)


def _find_defined(reader: Reader) -> Optional[Name]:
    """Return the table of an ALTER or DROP TABLE, or of a CREATE or DROP INDEX … ON."""
    created = reader.look() == "CREATE"
    kind = find_created_kind(reader)
    if kind == "TABLE" and not created:
        return _find_table(reader)
    if kind == "INDEX" and reader.skip_to("ON"):
        reader.skip_any("ON", "ONLY")
        return reader.read_name()
    return None


def _find_table(reader: Reader) -> Optional[Name]:
    """Return the name that follows the word TABLE."""
    reader.place += 1
    reader.skip_if_exists()
    reader.skip("ONLY")
    return reader.read_name()
