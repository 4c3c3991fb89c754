"""The casts of an expression of USING."""

from __future__ import annotations

from typing import Optional, Tuple

from ..reader import Reader
from ..tokens import NAME, NUMBER, WORD, tokenize

_OF_A_TYPE = ("(", ")", ",", ".", "[", "]")


def read_casts(using: str) -> Optional[Tuple[str, ...]]:
    """Return the types that an expression casts one column to, in turn; None where it is anything else."""
    reader = Reader(tokenize(using, "postgresql"))
    casts = _read_casts(reader, using)
    return None if reader.rest else casts


def _read_casts(reader: Reader, using: str) -> Optional[Tuple[str, ...]]:
    casts: Optional[Tuple[str, ...]] = ()
    if reader.skip("CAST", "("):
        casts = _read_with_type(reader, using, _read_casts(reader, using), "AS")
        closed = reader.skip(")")
    elif reader.skip("("):
        casts, closed = _read_casts(reader, using), reader.skip(")")
    else:
        closed = reader.read_name() is not None
    while closed and reader.look() == "::":
        casts = _read_with_type(reader, using, casts, "::")
    return casts if closed else None


def _read_with_type(
    reader: Reader, using: str, casts: Optional[Tuple[str, ...]], before: str
) -> Optional[Tuple[str, ...]]:
    """Return the casts and the type that comes next, behind a word or a symbol."""
    if casts is None or not reader.skip(before) or not reader.rest:
        return None
    start = end = reader.rest[0].start
    depth = 0
    for token in list(reader.rest):
        depth += (token.word == "(") - (token.word == ")")
        if depth < 0 or (token.kind not in (WORD, NAME, NUMBER) and token.word not in _OF_A_TYPE):
            break
        end, reader.place = token.end, reader.place + 1
    return (*casts, using[start:end]) if end > start else None
