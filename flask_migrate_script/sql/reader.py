"""Reads what a statement names, token by token."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional, Sequence

from .tokens import NAME, STRING, WORD, Token


class Name(NamedTuple):
    """A name, with those it is in.

    :param written: as it stands in the statement: ``a."B c"``.
    :param plain: without quotes: ``a.B c``.
    """

    written: str
    plain: str


class Reader:
    """A place in the tokens of a statement, which moves on as they are read."""

    def __init__(self, tokens: Sequence[Token], place: int = 0) -> None:
        self.tokens, self.place = tokens, place

    def look(self, ahead: int = 0) -> str:
        """Return the word or symbol that comes next; empty for what is quoted, and at the end."""
        place = self.place + ahead
        return self.tokens[place].word if place < len(self.tokens) else ""

    def skip(self, *words: str) -> bool:
        """Go on behind some words where they come next, one after another."""
        if any(self.look(ahead) != word for ahead, word in enumerate(words)):
            return False
        self.place += len(words)
        return True

    def skip_any(self, *words: str) -> None:
        """Go on behind each of some words, in whatever order they come next."""
        while self.look() in words and self.place < len(self.tokens):
            self.place += 1

    def skip_to(self, *words: str) -> bool:
        """Go on to one of some words outside of parentheses; return whether one is there."""
        depth = 0
        while self.place < len(self.tokens):
            word = self.look()
            if not depth and word in words:
                return True
            depth += (word == "(") - (word == ")")
            self.place += 1
        return False

    def skip_parentheses(self) -> bool:
        """Go on behind a pair of parentheses and what is in it, where one begins here."""
        if self.look() != "(":
            return False
        self.place += 1
        self.skip_to(")")
        self.place += 1
        return True

    @property
    def rest(self) -> Sequence[Token]:
        """The tokens that are not read yet."""
        return self.tokens[self.place :]

    def skip_if_exists(self) -> None:
        if not self.skip("IF", "EXISTS"):
            self.skip("IF", "NOT", "EXISTS")

    def read_name(self) -> Optional[Name]:
        """Return a name; None where none comes next."""
        parts: List[str] = []
        while self.place < len(self.tokens) and _is_name(self.tokens[self.place]):
            parts.append(self.tokens[self.place].text)
            self.place += 1
            if not self.skip("."):
                break
        return Name(".".join(parts), ".".join(map(_unquote, parts))) if parts else None

    def read_names(self) -> Iterator[Name]:
        """Yield the names of a list, as that of a DROP TABLE or a TRUNCATE."""
        while True:
            self.skip("ONLY")
            name = self.read_name()
            if name is None:
                return
            yield name
            self.skip("*")
            if not self.skip(","):
                return


def _is_name(token: Token) -> bool:
    """MySQL in its mode ANSI_QUOTES and SQLite, which is tolerant, take strings for names, too."""
    return token.kind in (WORD, NAME) or (token.kind is STRING and token.text[0] in "'\"")


def _unquote(text: str) -> str:
    end = {"[": "]"}.get(text[0], text[0])
    return text[1:-1].replace(end * 2, end) if text[0] in "'\"`[" else text
