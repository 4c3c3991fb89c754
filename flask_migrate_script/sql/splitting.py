"""Where one statement ends and the next begins: at a semicolon that is not in parentheses or in a program.

Programs are the bodies of triggers, functions, procedures and events, and MariaDB's ``BEGIN NOT ATOMIC``.
"""

from __future__ import annotations

from typing import Iterator, List, Sequence, Tuple

from .reader import Reader
from .tokens import PLACEHOLDER, STRING, Token

_NONE, _BLOCKS, _ATOMIC, _ALL = "none", "blocks", "atomic", "all"
"""No program; one in BEGIN … END; PostgreSQL's BEGIN ATOMIC … END; one up to the end of the text."""

_ROUTINES = ("TRIGGER", "FUNCTION", "PROCEDURE", "PROC", "EVENT", "PACKAGE")
_LOOPS = ("IF", "LOOP", "WHILE", "REPEAT", "FOR")
_BEGINS_A_STATEMENT = ("", ";", "BEGIN", "ATOMIC", "THEN", "ELSE", "DO", "LOOP", "REPEAT", ":")
_BEFORE_A_BODY = (")", "ROW", "DATA", "SQL", "DETERMINISTIC", "INVOKER", "DEFINER")


def find_statements(tokens: Sequence[Token], family: str) -> Iterator[Tuple[int, int]]:
    """Yield the places of the first token of each statement and of the semicolon behind it, or the end.

    :param family: of the dialect, one of ``FAMILIES``.
    """
    start, depth, program = 0, 0, _Program(tokens, 0, family)
    for place, token in enumerate(tokens):
        if token.word == "(":
            depth += 1
        elif token.word == ")":
            depth = max(depth - 1, 0)
        elif not depth and token.word == ";" and not program.is_open:
            yield start, place
            start, program = place + 1, _Program(tokens, place + 1, family)
        elif not depth and program.kind != _NONE:
            program.read(place)
    if start < len(tokens):
        yield start, len(tokens)


class _Program:
    """The blocks that are open within a statement.

    :param start: the place of its first token.
    """

    def __init__(self, tokens: Sequence[Token], start: int, family: str) -> None:
        self.tokens, self.start, self.family = tokens, start, family
        self.kind = _find_program(Reader(tokens, start), family)
        self.open: List[str] = []

    @property
    def is_open(self) -> bool:
        return bool(self.open) or self.kind == _ALL

    def read(self, place: int) -> None:
        """Note what a word outside of parentheses opens or closes."""
        word = self.tokens[place].word
        before = self.tokens[place - 1].word if place > self.start else ""
        if word == "END":
            if self.open and (self.open[-1] == "CASE" or before in _BEGINS_A_STATEMENT):
                self.open.pop()
        elif before != "END" and self._opens(place, word, before):
            self.open.append(word)

    def _opens(self, place: int, word: str, before: str) -> bool:
        following = self.tokens[place + 1].word if place + 1 < len(self.tokens) else ""
        if word == "BEGIN":
            in_the_body = bool(self.open) and before in _BEGINS_A_STATEMENT
            return in_the_body or (not self.open and (self.kind != _ATOMIC or following == "ATOMIC"))
        if word == "CASE":
            return bool(self.open) or self._begins_a_statement(place, before)
        # A FOR EACH ROW is that of a trigger, an IF EXISTS that of a DROP.
        is_a_loop = self.family == "mysql" and word in _LOOPS and following not in ("EACH", "EXISTS", "NOT")
        return is_a_loop and self._begins_a_statement(place, before)

    def _begins_a_statement(self, place: int, before: str) -> bool:
        if place == self.start or (before and before in _BEGINS_A_STATEMENT):
            return True
        return not self.open and (before in _BEFORE_A_BODY or self.tokens[place - 1].kind is STRING)


def _find_program(reader: Reader, family: str) -> str:
    """Return what kind of program a statement has or is."""
    first, second = reader.look(), reader.look(1)
    if first in ("CREATE", "ALTER"):
        if find_created_kind(reader) not in _ROUTINES and not (family == "oracle" and reader.look() == "TYPE"):
            return _NONE
        return {"postgresql": _ATOMIC, "mssql": _ALL, "oracle": _ALL}.get(family, _BLOCKS)
    if family == "mysql":
        return _BLOCKS if first in (*_LOOPS, "CASE") or (first, second) == ("BEGIN", "NOT") else _NONE
    if family == "oracle":
        return _ALL if first in ("BEGIN", "DECLARE") else _NONE
    if family == "mssql":
        begins_a_block = first == "BEGIN" and second not in ("TRAN", "TRANSACTION", "DISTRIBUTED")
        return _ALL if first in ("IF", "WHILE") or begins_a_block else _NONE
    return _NONE


_MODIFIERS = (
    *("OR", "REPLACE", "ALTER", "TEMPORARY", "TEMP", "GLOBAL", "LOCAL", "UNLOGGED", "VIRTUAL", "FOREIGN", "CONSTRAINT"),
    *("AGGREGATE", "EDITIONABLE", "NONEDITIONABLE", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "CLUSTERED"),
    *("NONCLUSTERED", "BITMAP", "RECURSIVE", "MATERIALIZED", "ONLINE", "OFFLINE", "IGNORE", "PUBLIC"),
)


def find_created_kind(reader: Reader) -> str:
    """Go on from a CREATE, ALTER or DROP to the word that says of what, and return it: TABLE, INDEX, TRIGGER."""
    reader.place += 1
    while True:
        reader.skip_any(*_MODIFIERS)
        if reader.skip("DEFINER", "="):
            reader.place += 1
            reader.skip_parentheses()
            while reader.place < len(reader.tokens) and reader.tokens[reader.place].kind is PLACEHOLDER:
                reader.place += 1
        elif reader.skip("SQL", "SECURITY") or reader.skip("ALGORITHM", "="):
            reader.place += 1
        else:
            return reader.look()
