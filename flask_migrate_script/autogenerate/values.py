"""A value that a person typed, as it stands in SQL."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from typing import TYPE_CHECKING, Callable, Dict, List, Optional

from ..sql.quoting import quoted

if TYPE_CHECKING:
    from sqlalchemy import Column
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

Convert = Callable[[str, "TypeEngine[object]", "Dialect"], str]
"""Writes a text as a value of a type."""

_RANGES = {"SmallInteger": 15, "Integer": 31, "BigInteger": 63}
"""The bits of each kind of number, without its sign."""


class DoesNotFit(ValueError):
    """A value is not one of the column's type; the text says why."""


def write_literal(value: str, column: Column[object], dialect: Dialect) -> str:
    """Return a value as SQL, quoted.

    :param column: SQLAlchemy's, of the models.
    :raises DoesNotFit: if the column cannot hold it.
    """
    kind, convert = _find_python_type(column.type), _find_conversion(column.type, dialect)
    if convert is None:
        raise DoesNotFit(f"a value of type {column.type} cannot be given here")
    try:
        return convert(value, column.type, dialect)
    except DoesNotFit:
        raise
    except (ValueError, ArithmeticError):
        raise DoesNotFit(f"{value!r} is not {_WORDS.get(kind, kind.__name__)}") from None


def can_write(column: Column[object], dialect: Dialect) -> bool:
    """Return whether a value for a column can be given as a text at all."""
    return _find_conversion(column.type, dialect) is not None


def _find_conversion(kind: TypeEngine[object], dialect: Dialect) -> Optional[Convert]:
    """Return what makes SQL of a text; PostgreSQL reads a value of any type from one."""
    return _CONVERSIONS.get(_find_python_type(kind), _write_text if dialect.name == "postgresql" else None)


def _find_python_type(kind: TypeEngine[object]) -> type:
    import sqlalchemy

    # Not by its python_type: that is the Enum of Python, where it is made from one; any object (seen on 2.1); a text.
    for name, known in (("Enum", str), ("JSON", dict), ("Uuid", uuid.UUID)):
        if isinstance(kind, getattr(sqlalchemy, name, ())):
            return known
    try:
        python_type: type = kind.python_type
    except NotImplementedError:
        return str
    return python_type


def _write_text(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    from sqlalchemy import Enum

    if isinstance(kind, Enum) and value not in kind.enums:
        raise DoesNotFit(f"{value!r} is not one of {', '.join(map(str, kind.enums))}")
    length = getattr(kind, "length", None)
    if length and len(value) > length:
        raise DoesNotFit(f"{value!r} is longer than {length} characters")
    return quoted(value, dialect)


def _write_whole_number(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    number = int(value)
    bits = next((bits for name, bits in _RANGES.items() if name in _find_family(kind)), 31)
    if not -(2**bits) <= number < 2**bits:
        raise DoesNotFit(f"{value} is out of the range of {kind}")
    return str(number)


def _find_family(kind: TypeEngine[object]) -> List[str]:
    """Return the name of the first generic type that a type is one of."""
    return [one.__name__ for one in type(kind).__mro__ if one.__name__ in _RANGES][:1]


def _write_number(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    number = decimal.Decimal(value)
    if not number.is_finite():
        raise DoesNotFit(f"{value} is not a number that a column can hold")
    precision, scale = getattr(kind, "precision", None), getattr(kind, "scale", None)
    if precision and scale is not None and abs(number) >= decimal.Decimal(10) ** (precision - scale):
        raise DoesNotFit(f"{value} is out of the range of {kind}")
    return f"{number:f}"


def _write_truth(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    words = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
    if value.lower() not in words:
        raise ValueError(value)
    return words[value.lower()]


def _write_moment(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    given = datetime.datetime.fromisoformat(value)
    if dialect.name != "postgresql":  # the others store no offset: SQLAlchemy and the drivers leave it out too
        given = given.replace(tzinfo=None)
    return quoted(given.isoformat(" ", "microseconds" if dialect.name == "sqlite" else "auto"), dialect)


def _write_day(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    return quoted(datetime.date.fromisoformat(value).isoformat(), dialect)


def _write_time(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    given = datetime.time.fromisoformat(value)
    return quoted(given.isoformat("microseconds" if dialect.name == "sqlite" else "auto"), dialect)


def _write_document(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    from sqlalchemy import ARRAY

    if isinstance(kind, ARRAY):
        return quoted(_write_array(json.loads(value)), dialect)
    return quoted(json.dumps(json.loads(value)), dialect)


def _write_array(given: object) -> str:
    """Return a list as PostgreSQL reads it: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO."""
    if not isinstance(given, list):
        raise DoesNotFit(f"{given!r} is not a list in JSON")
    return f"{{{','.join(map(_write_element, given))}}}"


def _write_element(given: object) -> str:
    if isinstance(given, list):
        return _write_array(given)
    if isinstance(given, str):
        escaped = given.replace("\\", r"\\").replace('"', r"\"")
        return f'"{escaped}"'
    return "NULL" if given is None else json.dumps(given)


def _write_bytes(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    given = value.encode("utf-8")
    return f"'\\x{given.hex()}'" if dialect.name == "postgresql" else f"X'{given.hex()}'"


def _write_identifier(value: str, kind: TypeEngine[object], dialect: Dialect) -> str:
    given = uuid.UUID(value)
    return quoted(str(given) if dialect.name == "postgresql" else given.hex, dialect)


_CONVERSIONS: Dict[type, Convert] = {
    str: _write_text,
    int: _write_whole_number,
    float: _write_number,
    decimal.Decimal: _write_number,
    bool: _write_truth,
    datetime.datetime: _write_moment,
    datetime.date: _write_day,
    datetime.time: _write_time,
    dict: _write_document,
    list: _write_document,
    uuid.UUID: _write_identifier,
    bytes: _write_bytes,
}

_WORDS = {
    int: "a whole number",
    float: "a number",
    decimal.Decimal: "a number",
    bool: "true or false",
    datetime.datetime: "a date and time, like 2024-12-31 23:59:59",
    datetime.date: "a date, like 2024-12-31",
    datetime.time: "a time, like 23:59:59",
    dict: "JSON",
    list: "JSON",
    uuid.UUID: "a UUID",
}
