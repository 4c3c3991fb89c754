"""What SQLite does to the values of a column whose type is changed.

It keeps whatever it is given, however long, by five affinities: https://www.sqlite.org/datatype3.html. What is lost is
lost in the rebuild of the table that Alembic makes: it copies a column with a CAST where SQLAlchemy's affinity of the
type in the database is another one than that of the new type. To a CAST all that is no text and no bytes is a number:
of a date, it leaves the year.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional

from ..quoting import quote_values
from .change import CONVERTED, FITS, ROUNDED, UNREADABLE, TypeChange, cannot_tell, lose
from .column_type import ColumnType, Reader, decimal, names, plain, sized

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

READERS: Dict[str, Reader] = {
    **names(decimal(None), "NUMERIC", "DECIMAL"),
    **names(sized("text"), "VARCHAR", "CHAR", "NVARCHAR", "NCHAR", "TEXT"),
    **names(plain("boolean"), "BOOLEAN", "BOOL"),
    **names(plain("json"), "JSON"),
}

_DIGITS = 15
"""Decimal digits that a REAL has as a text."""


def compare(old: Optional[ColumnType], new: ColumnType, type_: TypeEngine[object], dialect: Dialect) -> TypeChange:
    """Return what becomes of the values in a rebuild of the table.

    :param old: None where it is not known, and then it is not known whether they are cast.
    :param type_: the new type.
    """
    if old is None:
        return cannot_tell("the old type is not known")
    if new.values and not (old.values and set(old.values) <= set(new.values)):
        return lose(_not_one_of(new), UNREADABLE, "the models know other values only")
    if new.family == "boolean" and old.family != "boolean" and _affinity(old.text) == "INTEGER":
        return lose("c NOT IN (0, 1)", UNREADABLE, "to the models every number but 0 is true")
    if new.family == "json" and old.family == "text":
        return lose("NOT JSON_VALID(c)", UNREADABLE, "the models read JSON only")
    if _is_cast(old, type_, dialect):
        return _cast(old, new)
    if _affinity(new.text) == "REAL" and _affinity(old.text) != "REAL":
        return _real(old, new)
    return FITS


def _not_one_of(new: ColumnType) -> str:
    return f"c NOT IN ({quote_values(new.values, 'sqlite')})"


def _is_cast(old: ColumnType, type_: TypeEngine[object], dialect: Any) -> bool:
    """Return whether Alembic writes a CAST, as it decides that (seen on Alembic 1.4 to 1.20).

    The affinity of a type, and the type that a text is read as from a table, have private names in SQLAlchemy (1.3 to
    2.1). JSON is what Alembic never casts to.
    """
    from sqlalchemy.types import JSON

    reflected: Any = dialect._resolve_type_affinity(old.text)
    return reflected._type_affinity is not type_._type_affinity and not isinstance(type_, JSON)


def _cast(old: ColumnType, new: ColumnType) -> TypeChange:
    before, after = _affinity(old.text), _affinity(new.text)
    if (before, after) == ("BLOB", "TEXT"):
        return cannot_tell("whether bytes are a text depends on its character set")
    if after in ("TEXT", "BLOB"):
        if before not in ("NUMERIC", "REAL") or old.family == "boolean" or _holds_texts(old) or _is_exact(old):
            return FITS
        return lose(_changed(new, "FALSE"), ROUNDED, f"a number is written with {_DIGITS} digits")
    if before == "INTEGER" or old.family == "boolean":
        return _real(old, new) if after == "REAL" else FITS
    if before in ("NUMERIC", "REAL") and not _holds_texts(old) and after != "INTEGER":
        return _real(old, new) if after == "REAL" else FITS
    texts = f"{_trimmed(f'CAST(CAST(c AS {new.text}) AS TEXT)')} <> {_trimmed('c')}"
    why = "a number loses its fraction" if before in ("NUMERIC", "REAL") and not _holds_texts(old) else _OF_A_TEXT
    return lose(_changed(new, texts), CONVERTED, why)


_OF_A_TEXT = "SQLite takes from a text the number that it begins with: from a date, the year"


def _real(old: ColumnType, new: ColumnType) -> TypeChange:
    """A REAL has 15 digits of a large integer."""
    if _is_exact(old) or old.family == "boolean" or _affinity(old.text) == "REAL":
        return FITS
    return lose(_changed(new, "FALSE"), ROUNDED, f"it keeps {_DIGITS} digits of a number")


def _changed(new: ColumnType, texts: str) -> str:
    """Return the condition of the values that are others when they are cast there and back.

    :param texts: the condition of the texts.
    """
    there = f"CAST(c AS {new.text})"
    numbers = f"CAST({there} AS NUMERIC) <> c"
    return f"CASE TYPEOF(c) WHEN 'text' THEN {texts} WHEN 'blob' THEN CAST({there} AS BLOB) <> c ELSE {numbers} END"


def _trimmed(text: str) -> str:
    """Return a number in SQL without the zeros at the end of its fraction."""
    return f"CASE WHEN INSTR({text}, '.') > 0 THEN RTRIM(RTRIM({text}, '0'), '.') ELSE {text} END"


def _is_exact(old: ColumnType) -> bool:
    """Return whether the numbers of a decimal are as exact in a REAL."""
    return old.family == "decimal" and old.precision is not None and old.precision <= _DIGITS


def _holds_texts(old: ColumnType) -> bool:
    """Return whether SQLAlchemy writes texts into a column that is one of numbers to SQLite."""
    return old.text.upper().startswith(("DATE", "TIME", "JSON"))


def _affinity(text: str) -> str:
    """Return the affinity of a declared type, by the rules of its documentation, in their order."""
    upper = text.upper()
    for affinity, words in _AFFINITIES.items():
        if any(word in upper for word in words):
            return affinity
    return "NUMERIC"


_AFFINITIES = {
    "INTEGER": ("INT",),
    "TEXT": ("CHAR", "CLOB", "TEXT"),
    "BLOB": ("BLOB",),
    "REAL": ("REAL", "FLOA", "DOUB"),
}
