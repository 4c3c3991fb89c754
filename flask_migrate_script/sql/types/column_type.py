"""What a column type is to a database: how the dialect writes it, and how much it holds.

A type is read as its dialect writes it into a CREATE TABLE. So types that a database does not tell apart are one here
(Unicode and String; a type of the application's and the one it stands on), whatever classes they have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

    SqlType = Union[TypeEngine[object], Type[TypeEngine[object]]]


@dataclass(frozen=True)
class ColumnType:
    """A type of a database.

    :param family: ``text``, ``binary``, ``integer``, ``decimal``, ``float``, ``boolean``, ``date``, ``time``,
        ``moment``, ``interval``, ``enum``, ``set``, ``bits``, ``year``, ``json``, ``uuid``, ``inet``, ``array`` …;
        ``other`` for one that is not known here.
    :param text: as the dialect writes it.
    :param size: the most characters, bytes or bits of a value; None without a bound.
    :param in_bytes: ``size`` counts the bytes of a text.
    :param padded: each value has its full size, filled with blanks or zeros.
    :param low: the smallest integer, ``high`` the largest.
    :param precision: decimal digits in all, None without a bound, ``scale`` of them behind the point; of a float, the
        bits of its mantissa.
    :param fraction: digits of a second.
    :param zoned: it knows a time zone.
    :param values: those of an enum or a set, or the only ones that the models know in a text.
    :param checked: a CHECK comes with it, which holds a text to these values, or a boolean that is a number to 0 and 1.
    :param charset: the character set or collation that is written with it.
    :param element: what an array holds.
    """

    family: str
    text: str
    size: Optional[int] = None
    in_bytes: bool = False
    padded: bool = False
    low: int = 0
    high: int = 0
    unsigned: bool = False
    precision: Optional[int] = None
    scale: int = 0
    fraction: int = 0
    zoned: bool = False
    values: Tuple[str, ...] = ()
    checked: bool = False
    charset: str = ""
    element: Optional[ColumnType] = None


@dataclass(frozen=True)
class Written:
    """The text of a type, taken apart.

    :param name: its words in upper case, without those of a sign, a time zone or a character set.
    :param numbers: those in its parentheses.
    """

    text: str
    name: str
    numbers: Tuple[int, ...] = ()
    unsigned: bool = False
    zoned: bool = False
    charset: str = ""

    def number(self, default: Optional[int] = None, place: int = 0) -> Optional[int]:
        return self.numbers[place] if len(self.numbers) > place else default

    @property
    def bits(self) -> int:
        """How many there are: one where that is not written."""
        return self.numbers[0] if self.numbers else 1


Reader = Callable[[Written], ColumnType]
"""Returns what a type is from its text."""


def read_type(type_: Optional[SqlType], dialect: Dialect, readers: Mapping[str, Reader]) -> Optional[ColumnType]:
    """Return what a type is; None where it is not given, or the dialect has no such type.

    :param readers: by the name of a type, those of the dialect.
    """
    from sqlalchemy.types import to_instance

    if type_ is None:
        return None
    made: TypeEngine[object] = to_instance(type_)
    try:
        text = str(made.compile(dialect=dialect))
        inner = _find_innermost(made, dialect)
    except Exception:  # whatever a type of the application's raises; the dialect has no word for others
        return None
    return _add_values(read_written(text, readers), inner, dialect)


def _add_values(found: ColumnType, type_: TypeEngine[object], dialect: Dialect) -> ColumnType:
    """Add what only SQLAlchemy's type says."""
    from sqlalchemy.types import Boolean, Enum

    if getattr(type_, "__visit_name__", "") == "SET":  # MySQL's
        return ColumnType("set", found.text, values=tuple(map(str, getattr(type_, "values", ()))))
    if isinstance(type_, Boolean):
        return replace(found, checked=bool(type_.create_constraint) and not dialect.supports_native_boolean)
    if not isinstance(type_, Enum):
        return found
    values = tuple(map(str, type_.enums))
    if type_.native_enum and dialect.supports_native_enum:
        return ColumnType("enum", found.text, values=values)
    return replace(found, values=values, checked=bool(type_.create_constraint))


def read_written(text: str, readers: Mapping[str, Reader]) -> ColumnType:
    """Return what a type is by the text that a dialect writes."""
    if text.endswith("[]"):
        element = read_written(text[:-2], readers)
        return element if element.family == "array" else ColumnType("array", text, element=element)
    written = _take_apart(text)
    reader = readers.get(written.name)
    return reader(written) if reader else ColumnType("other", text)


def _find_innermost(type_: TypeEngine[object], dialect: Dialect) -> TypeEngine[object]:
    """Return what a type of the application's stands on, in a dialect."""
    from sqlalchemy.types import TypeDecorator

    found: TypeEngine[object] = type_.dialect_impl(dialect)
    while isinstance(found, TypeDecorator):
        found = found.load_dialect_impl(dialect)
    return found


_CHARSETS = ("CHARACTER", "CHARSET", "COLLATE")


def _take_apart(text: str) -> Written:
    head, _, tail = text.partition("(")
    inside, _, rest = tail.partition(")")
    words: List[str] = head.upper().split()
    words += rest.upper().split()
    charset: List[str] = []
    for place, word in enumerate(words):
        if word in _CHARSETS and words[place + 1 : place + 2] != ["VARYING"] and place:
            words, charset = words[:place], words[place:]
            break
    zone = _come_together(words, "WITH", "TIME", "ZONE"), _come_together(words, "WITHOUT", "TIME", "ZONE")
    name = [word for word in words if word not in ("UNSIGNED", "ZEROFILL", "WITH", "WITHOUT")]
    if any(zone):
        name = name[: name.index("ZONE") - 1]
    numbers = tuple(int(one) for one in inside.split(",") if one.strip().lstrip("-").isdigit())
    unsigned = "UNSIGNED" in words or "ZEROFILL" in words
    return Written(text, " ".join(name), numbers, unsigned, zone[0], " ".join(charset))


def _come_together(words: Sequence[str], *others: str) -> bool:
    return any(tuple(words[place : place + len(others)]) == others for place in range(len(words)))


def integer(bits: int) -> Reader:
    """Return the reader of an integer of so many bits."""

    def read(written: Written) -> ColumnType:
        if written.unsigned:
            return ColumnType("integer", written.text, low=0, high=2**bits - 1)
        return ColumnType("integer", written.text, low=-(2 ** (bits - 1)), high=2 ** (bits - 1) - 1)

    return read


def decimal(precision: Optional[int]) -> Reader:
    """Return the reader of a decimal number, with the digits that it has where none are written."""

    def read(written: Written) -> ColumnType:
        digits, scale = written.number(precision), written.number(0, 1) or 0
        return ColumnType("decimal", written.text, precision=digits, scale=scale, unsigned=written.unsigned)

    return read


def plain(family: str, **what: Any) -> Reader:
    """Return the reader of a type that has no size."""
    return lambda written: ColumnType(family, written.text, **what)


def timed(family: str, digits: int) -> Reader:
    """Return the reader of a type with digits of a second, so many where none are written."""
    return lambda written: ColumnType(family, written.text, fraction=written.number(digits) or 0, zoned=written.zoned)


def floating(usual: int) -> Reader:
    """Return the reader of a floating point number, of so many bits where none are written."""

    def read(written: Written) -> ColumnType:
        bits = 24 if (written.number(usual) or 0) <= 24 else 53
        known = len(written.numbers) < 2  # MySQL's FLOAT(7, 4) rounds as a decimal does
        return ColumnType("float" if known else "other", written.text, precision=bits, unsigned=written.unsigned)

    return read


def sized(family: str, size: Optional[int] = None, padded: bool = False, in_bytes: bool = False) -> Reader:
    """Return the reader of a type with a length, and that which it has where none is written."""

    def read(written: Written) -> ColumnType:
        length = written.number(size)
        return ColumnType(family, written.text, length, padded=padded, in_bytes=in_bytes, charset=written.charset)

    return read


def names(reader: Reader, *words: str) -> Dict[str, Reader]:
    """Return a reader under each of its names."""
    return dict.fromkeys(words, reader)
