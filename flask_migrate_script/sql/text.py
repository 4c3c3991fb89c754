"""SQL as it is written: its statements, and what each of them is.

It is read only where nothing is executed, or to be ready for what comes: what a statement did, the database says.
Every function takes SQLAlchemy's name of a dialect; for one that is not known here the rules of the standard hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Iterator, Optional, Sequence, Tuple

from . import kinds
from .kinds import Kind, classify, find_core, find_executed
from .splitting import find_statements
from .tokens import FAMILIES, Token, tokenize

__all__ = ["Kind", "Statement", "commits", "ends_transaction", "flatten", "join", "reads", "shorten", "split"]

_CHANGES_NOTHING = (Kind.READ, Kind.SESSION, Kind.BEGIN, Kind.SAVEPOINT, Kind.ROLLBACK_TO, Kind.RELEASE)


@dataclass(frozen=True)
class Statement:
    """One statement of a text.

    :param text: as written, without the semicolon.
    :param dialect: SQLAlchemy's name.
    :param known: its tokens, where they have been read already.
    """

    text: str
    dialect: str
    known: Optional[Tuple[Token, ...]] = field(default=None, repr=False, compare=False)

    @cached_property
    def tokens(self) -> Tuple[Token, ...]:
        """What it consists of, without white space and comments."""
        return tuple(tokenize(self.text, self.dialect)) if self.known is None else self.known

    @cached_property
    def kind(self) -> Kind:
        """What it is."""
        return Kind.DML if _is_plain(self.text, self.dialect) else classify(self.tokens, self.dialect)

    @cached_property
    def core(self) -> Sequence[Token]:
        """Its tokens from its first word on; those behind MariaDB's ``SET STATEMENT … FOR``."""
        return find_core(self.tokens)

    @property
    def word(self) -> str:
        """Its first word in upper case; empty where it begins with something else."""
        return self.core[0].word if self.core else ""

    @cached_property
    def executed(self) -> Sequence[Token]:
        """The tokens of what is executed, from the word on that says what is done.

        They begin behind a ``WITH …``, and with the DELETE of an EXPLAIN ANALYZE DELETE.
        """
        return find_executed(self.tokens, self.dialect)

    @property
    def bare(self) -> str:
        """The statement on one line, without comments; what is quoted stays as it is."""
        return join(self.tokens)

    @property
    def writes(self) -> bool:
        """Whether it may change more than the session."""
        return self.kind not in (*_CHANGES_NOTHING, Kind.COMMIT, Kind.ROLLBACK)

    @property
    def is_of_temporary_table(self) -> bool:
        """Whether it creates or drops a temporary table: it is the session's, and gone with it."""
        return kinds.is_of_temporary_table(self.tokens)

    @property
    def autocommit(self) -> Optional[bool]:
        """What it sets MySQL's autocommit to; True where that cannot be told, None where it does not set it."""
        return kinds.find_autocommit(self.tokens)

    @property
    def commits(self) -> bool:
        """Whether it commits the transaction it is in."""
        return kinds.commits(self.tokens, self.kind, self.dialect)

    @property
    def ending(self) -> Optional[Kind]:
        """How it ends the transaction by its own words, COMMIT or ROLLBACK; None where it does not."""
        family = FAMILIES.get(self.dialect)
        if self.kind in (Kind.COMMIT, Kind.ROLLBACK):
            return self.kind
        if self.kind is Kind.BEGIN and family == "mysql":
            return Kind.COMMIT
        if family == "mssql":  # it takes one statement behind another without a semicolon
            return next((Kind[token.word] for token in self.tokens if token.word in ("COMMIT", "ROLLBACK")), None)
        return None


def split(sql: str, dialect: str) -> Tuple[Statement, ...]:
    """Return the statements of a text; the body of a trigger or a function is a part of its statement."""
    return _split(sql, dialect) if len(sql) <= _WORTH_KEEPING else _split_long(sql, dialect)


def reads(sql: str, dialect: str) -> bool:
    """Return whether every statement of a text only looks at the database, or is about the session alone.

    A SELECT that moves a sequence, or calls a function that is not known, may do more; COMMIT and ROLLBACK do.
    """
    return all(statement.kind in _CHANGES_NOTHING for statement in split(sql, dialect))


def ends_transaction(sql: str, dialect: str) -> Optional[Kind]:
    """Return how the first statement that ends the transaction does so, COMMIT or ROLLBACK; None where none does.

    It is about words that say so, BEGIN on MySQL among them; see :func:`commits` for DDL that does it as well.
    """
    endings = (statement.ending for statement in split(sql, dialect))
    return next((ending for ending in endings if ending), None)


def commits(sql: str, dialect: str) -> bool:
    """Return whether a text commits the transaction it is in; on MySQL and Oracle, DDL does."""
    return any(statement.commits for statement in split(sql, dialect))


def flatten(sql: str, dialect: str) -> str:
    """Return a text on one line, without comments; what is quoted stays as it is."""
    return join(tokenize(sql, dialect))


def shorten(sql: str, most: int = 60, dialect: str = "") -> str:
    """Return the beginning of a text as it is put into words: on one line, without comments.

    :param sql: with its passwords masked: half of one would not be recognized.
    :param most: characters that are shown.
    """
    text = " ".join(flatten(sql, dialect).split())
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0] + " …"


_WORTH_KEEPING = 20_000
"""Characters of a text that is kept with its tokens, which take a multiple of its memory."""

_PLAIN = re.compile(
    r"\s*(?:INSERT|UPDATE|DELETE)\s[^;'\"`$#\[\\/-]*(?:'[^'\\]*'[^;'\"`$#\[\\/-]*)*(?:;\s*)?", re.IGNORECASE
)


def _is_plain(sql: str, dialect: str) -> bool:
    """Return whether a text is one change of rows without anything that could make something else of it."""
    return dialect != "mssql" and _PLAIN.fullmatch(sql) is not None


def _split_now(sql: str, dialect: str) -> Tuple[Statement, ...]:
    if _is_plain(sql, dialect):
        return (Statement(sql.strip().rstrip("; \t\r\n"), dialect),)
    return tuple(_read_statements(sql, dialect))


_split = lru_cache(maxsize=128)(_split_now)
_split_long = lru_cache(maxsize=2)(_split_now)


def _read_statements(sql: str, dialect: str) -> Iterator[Statement]:
    tokens, begun = tokenize(sql, dialect), 0
    for first, last in find_statements(tokens, FAMILIES.get(dialect, "")):
        end = tokens[last].start if last < len(tokens) else len(sql)
        if first < last:
            yield Statement(sql[begun:end].strip(), dialect, tuple(tokens[first:last]))
        begun = end + 1


def join(tokens: Sequence[Token]) -> str:
    """Return tokens as a text on one line."""
    return "".join(f" {token.text}" if token.spaced else token.text for token in tokens).strip(" ;")
