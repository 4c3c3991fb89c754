"""What SQLite has of a table as the text of CREATE TABLE alone, and what a table that was made anew is left without."""

from __future__ import annotations

from collections import Counter
from typing import Iterator, List, NamedTuple, Sequence, Tuple

from .reader import Reader
from .tokens import Token, tokenize


class Object(NamedTuple):
    """A row of ``sqlite_master``.

    :param kind: ``table``, ``index``, ``trigger`` or ``view``.
    :param table: the one that it is of.
    """

    kind: str
    name: str
    table: str
    root: int
    sql: str


def find_left_out(before: Sequence[Object], after: Sequence[Object]) -> Iterator[Tuple[str, str]]:
    """Yield what a table had before it was rebuilt and has no longer, each by its kind and its name.

    :param before: the table with its indexes and triggers.
    """
    there = {(one.kind, one.name) for one in after}
    for one in before:
        if one.kind != "table" and one.sql and (one.kind, one.name) not in there:
            yield one.kind, one.name
    old, new = (
        Counter(_list_features(next((one.sql for one in side if one.kind == "table"), ""))) for side in (before, after)
    )
    for feature in (old - new).elements():
        yield feature


def _list_features(sql: str) -> List[Tuple[str, str]]:
    """Return what is written in a CREATE TABLE and SQLAlchemy does not always know of."""
    tokens, found = tokenize(sql, "sqlite"), []
    for place, token in enumerate(tokens):
        following = tokens[place + 1].word if place + 1 < len(tokens) else ""
        if token.word == "CHECK" and following == "(":
            condition = " ".join(one.text for one in _read_parentheses(tokens, place + 1))
            named = place >= 2 and tokens[place - 2].word == "CONSTRAINT"
            found.append(("check", f"{_unquote(tokens[place - 1].text)} ({condition})" if named else f"({condition})"))
        elif token.word in ("AUTOINCREMENT", "STRICT"):
            found.append(("option", token.word))
        elif (token.word, following) == ("WITHOUT", "ROWID"):
            found.append(("option", "WITHOUT ROWID"))
        elif token.word == "COLLATE" and place + 1 < len(tokens):
            found.append(("option", f"COLLATE {_unquote(tokens[place + 1].text).upper()}"))
    return found


def _unquote(name: str) -> str:
    return name.strip("\"'`[]")


def _read_parentheses(tokens: Sequence[Token], place: int) -> Sequence[Token]:
    reader = Reader(tokens, place)
    reader.skip_parentheses()
    return tokens[place + 1 : reader.place - 1]
