"""The tokens of a text of SQL: words, names in quotes, strings, numbers, placeholders and symbols.

Sources: "Lexical Structure" in PostgreSQL's manual; "Language Structure" and "Comments" in those of MySQL and MariaDB;
"SQLite Keywords" and src/tokenize.c of SQLite. Modes of a server that change how its text is read are not known here:
what is assumed is the default of each (``standard_conforming_strings`` on, no ``ANSI_QUOTES``).
"""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import Dict, List, NamedTuple, Optional, Pattern


class TokenKind(enum.Enum):
    """What a token is; ``BROKEN`` is a quote or a comment without its end, up to the end of the text."""

    WORD = "word"
    NAME = "name in quotes"
    STRING = "string"
    NUMBER = "number"
    PLACEHOLDER = "placeholder or variable"
    SYMBOL = "symbol"
    BROKEN = "broken"


WORD, NAME, STRING, NUMBER = TokenKind.WORD, TokenKind.NAME, TokenKind.STRING, TokenKind.NUMBER
PLACEHOLDER, SYMBOL, BROKEN = TokenKind.PLACEHOLDER, TokenKind.SYMBOL, TokenKind.BROKEN


class Token(NamedTuple):
    """One token.

    :param text: as written.
    :param spaced: white space or a comment stands before it.
    :param word: a word in upper case, or a symbol; empty for everything else, so that it is never what is quoted.
    :param start: its place in the text.
    """

    kind: TokenKind
    text: str
    spaced: bool
    word: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


FAMILIES: Dict[str, str] = {
    **{"postgresql": "postgresql", "cockroachdb": "postgresql", "redshift": "postgresql"},
    **{"mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite", "mssql": "mssql", "oracle": "oracle"},
}
"""SQLAlchemy's names of dialects by the rules that their text follows; other names follow the standard."""


def tokenize(sql: str, dialect: str) -> List[Token]:
    """Return the tokens of a text, without white space and comments.

    :param dialect: SQLAlchemy's name.
    """
    return _Tokenizer(sql, dialect).tokenize()


_SPACE = r"[ \t\n\r\f\v\x00]"
_LETTER, _LETTERS = r"A-Za-z_\x80-\U0010ffff", r"\w\x80-\U0010ffff"
_TO_THE_END_OF_LINE = r"--[^\n\r]*"
_NUMBER = r"0[xX][0-9A-Fa-f]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_STRING = r"'[^']*(?:''[^']*)*'(?!')"
_WITH_BACKSLASHES = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')"
_IN_DOUBLE_QUOTES = r'"[^"]*(?:""[^"]*)*"(?!")'
_IN_BACKTICKS = r"`[^`]*(?:``[^`]*)*`(?!`)"
_IN_DOLLARS = rf"\$(?P<tag>(?:[{_LETTER}][{_LETTERS}]*)?)\$.*?\$(?P=tag)\$"
_ON_THE_NEXT_LINE = rf"[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:{_SPACE}|--[^\n\r]*[\n\r])*"
_OF_DRIVERS = rf"%\([^()]*\)s|%s(?!\w)|(?<![{_LETTERS}:\\]):[A-Za-z_]\w*"
"""What stands for a value: ``%(name)s`` and ``%s`` of drivers, ``:name`` of SQLAlchemy and of SQLite."""


class _Rules(NamedTuple):
    """How the text of one family of databases is read: regular expressions, which are tried in this order.

    :param prefixed: what begins like a word and is none: a letter that belongs to a string.
    :param symbol: those that begin nothing else; the others come last.
    :param broken: what begins a quote, which has no end where nothing before it fits.
    :param nested: whether a comment in ``/* */`` may have others in it.
    """

    prefixed: str = "[nNbBxX]'"
    word: str = rf"[{_LETTER}][{_LETTERS}$]*"
    symbol: str = r"[(),;=+<>]|\*(?!/)|\.(?!\d)"
    comment: str = _TO_THE_END_OF_LINE
    string: str = f"[nNbBxX]?{_STRING}"
    name: str = _IN_DOUBLE_QUOTES
    placeholder: str = _OF_DRIVERS
    number: str = _NUMBER
    broken: str = "['\"]"
    nested: bool = False


_RULES: Dict[str, _Rules] = {
    # E'…' has backslashes, and a string goes on behind a line break.
    "postgresql": _Rules(
        prefixed="[eEnNbBxX]'|[uU]&['\"]",
        string=rf"[eE]{_WITH_BACKSLASHES}(?:{_ON_THE_NEXT_LINE}{_WITH_BACKSLASHES})*"
        rf"|(?:[nNbBxX]|[uU]&)?{_STRING}(?:{_ON_THE_NEXT_LINE}{_STRING})*|{_IN_DOLLARS}",
        name=rf"(?:[uU]&)?{_IN_DOUBLE_QUOTES}",
        placeholder=rf"{_OF_DRIVERS}|\$\d+",
        broken=r"['\"]|\$\w*\$",
        nested=True,
    ),
    # A word may begin with a digit or $, -- needs white space behind it, "…" is a string.
    "mysql": _Rules(
        word=rf"[{_LETTER}$][{_LETTERS}$]*|\d+[{_LETTER}$][{_LETTERS}$]*",
        comment=r"--(?=[\x00-\x20]|\Z)[^\n]*|\#[^\n]*",
        string=rf'[nNbBxX]?{_WITH_BACKSLASHES}|"[^"\\]*(?:(?:\\.|"")[^"\\]*)*"(?!")',
        name=_IN_BACKTICKS,
        placeholder=rf"{_OF_DRIVERS}|@@?(?:[{_LETTERS}$.]+|{_IN_BACKTICKS}|'[^']*'|\"[^\"]*\")",
        broken="['\"`]",
    ),
    "sqlite": _Rules(
        prefixed="[xX]'",
        comment=r"--[^\n]*",
        string=f"[xX]?{_STRING}",
        name=rf"{_IN_DOUBLE_QUOTES}|{_IN_BACKTICKS}|\[[^\]]*\]",
        placeholder=rf"{_OF_DRIVERS}|\?\d+|[@$]\w+",
        broken=r"['\"`\[]",
    ),
    "mssql": _Rules(
        word=rf"[{_LETTER}\#][{_LETTERS}$\#@]*",
        name=rf"{_IN_DOUBLE_QUOTES}|\[[^\]]*(?:\]\][^\]]*)*\](?!\])",
        placeholder=rf"{_OF_DRIVERS}|@@?[{_LETTERS}$\#]+",
        broken=r"['\"\[]",
        nested=True,
    ),
    "oracle": _Rules(
        prefixed="[nN]?[qQ]'|[nN]'",
        word=rf"[{_LETTER}][{_LETTERS}$\#]*",
        string=rf"[nN]?[qQ]'(?:\[.*?\]|\{{.*?\}}|\(.*?\)|<.*?>|(?P<quote>[^\s\[{{(<]).*?(?P=quote))'|[nN]?{_STRING}",
    ),
    "": _Rules(
        string=rf"[nNbBxX]?{_STRING}|{_IN_DOLLARS}", name=rf"{_IN_DOUBLE_QUOTES}|{_IN_BACKTICKS}", broken="['\"`]"
    ),
}

_KINDS: Dict[Optional[str], TokenKind] = {
    **{"word": WORD, "symbol": SYMBOL, "other": SYMBOL, "name": NAME, "string": STRING, "number": NUMBER},
    "placeholder": PLACEHOLDER,
}


@lru_cache(maxsize=None)
def _compile_pattern(family: str) -> Pattern[str]:
    rules = _RULES[family]
    tokens = (
        rf"(?P<word>(?!{rules.prefixed})(?:{rules.word}))|(?P<symbol>{rules.symbol})|(?P<comment>{rules.comment})"
        rf"|(?P<opened>/\*)|(?P<string>{rules.string})|(?P<name>{rules.name})|(?P<placeholder>{rules.placeholder})"
        rf"|(?P<number>{rules.number})|(?P<closed>\*/)|(?P<broken>{rules.broken})|(?P<other>::|:=|[^\s\x00])"
    )
    return re.compile(rf"{_SPACE}*(?:{tokens})|{_SPACE}+", re.DOTALL | re.ASCII)


class _Tokenizer:
    """Reads one text from its beginning to its end.

    ``executed`` is how many ``/*! … */`` are open: MySQL executes what stands in them.
    """

    def __init__(self, sql: str, dialect: str) -> None:
        self.sql, self.dialect = sql, dialect
        self.family = FAMILIES.get(dialect, "")
        self.tokens: List[Token] = []
        self.executed = 0

    def tokenize(self) -> List[Token]:
        sql, match, place, spaced = self.sql, _compile_pattern(self.family).match, 0, False
        while place < len(sql):
            found = match(sql, place)
            assert found is not None, "every character is white space or begins a token"
            name, start = found.lastgroup, found.start(found.lastindex or 0)
            kind = _KINDS.get(name)
            if kind:
                text = sql[start : found.end()]
                word = text.upper() if kind is WORD else text if kind is SYMBOL else ""
                self.tokens.append(Token(kind, text, spaced or start > place, word, start))
                place, spaced = found.end(), False
            elif name == "opened":
                place, spaced = self._skip_comment(start, spaced or start > place), True
            elif name == "closed" and not self.executed:
                place, spaced = self._add(SYMBOL, start, start + 1, spaced or start > place), False
            elif name == "broken":
                place = self._add(BROKEN, start, len(sql), spaced or start > place)
            else:
                self.executed -= name == "closed"
                place, spaced = found.end(), True
        return self.tokens

    def _add(self, kind: TokenKind, start: int, end: int, spaced: bool) -> int:
        text = self.sql[start:end]
        self.tokens.append(Token(kind, text, spaced, text if kind is SYMBOL else "", start))
        return end

    def _skip_comment(self, start: int, spaced: bool) -> int:
        """Return where to go on: behind a comment, or within one that is executed."""
        if self.family == "mysql":
            executed = _find_executed_mark(self.sql, start, self.dialect)
            if executed:
                self.executed += 1
                return executed
        end = self._find_end_of_comment(start)
        if end is not None:
            return end
        # SQLite takes it for a comment up to the end of the text.
        return len(self.sql) if self.family == "sqlite" else self._add(BROKEN, start, len(self.sql), spaced)

    def _find_end_of_comment(self, start: int) -> Optional[int]:
        # MySQL's have none in them, but one for another release has, which would be executed there.
        if not (_RULES[self.family].nested or (self.family == "mysql" and _EXECUTED.match(self.sql, start))):
            end = self.sql.find("*/", start + 2)
            return None if end < 0 else end + 2
        depth = 0
        for mark in _COMMENT_MARK.finditer(self.sql, start):
            depth += 1 if mark[0] == "/*" else -1
            if not depth:
                return mark.end()
        return None


_COMMENT_MARK = re.compile(r"/\*|\*/")
_EXECUTED = re.compile(r"/\*M?!(\d{5,6})?")


def _find_executed_mark(sql: str, start: int, dialect: str) -> Optional[int]:
    """Return the end of the ``/*!`` or ``/*!50110`` that begins here; None where it begins a comment.

    A server executes what stands in it from the release of that number on. No server has come to 99999, with which
    dumps write what none is to run; MariaDB leaves out 50700 to 99999, which are releases of MySQL alone. "mysql" is
    what SQLAlchemy calls MariaDB, too.
    """
    found = _EXECUTED.match(sql, start)
    if not found:
        return None
    release = int(found[1] or 0)
    only_mysql = 50700 <= release <= 99999 and sql[start + 2] == "!"
    return None if release in (99999, 999999) or (only_mysql and dialect == "mariadb") else found.end()
