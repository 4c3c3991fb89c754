"""A value that a person typed, as it stands in SQL."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from typing import Any, Callable, Dict, Optional

from ..sql.quoting import quoted

_RANGES = {"SmallInteger": 15, "Integer": 31, "BigInteger": 63}
"""The bits of each kind of number, without its sign."""


class DoesNotFit(ValueError):
    """A value is not one of the column's type; the text says why."""


def literal(value: str, column: Any, dialect: Any) -> str:
    """Return a value as SQL, quoted.

    :param column: SQLAlchemy's, of the models.
    :raises DoesNotFit: if the column cannot hold it.
    """
    kind, convert = _python_type(column.type), _conversion(column.type, dialect)
    if convert is None:
        raise DoesNotFit(f"a value of type {column.type} cannot be given here")
    try:
        return convert(value, column.type, dialect)
    except DoesNotFit:
        raise
    except (ValueError, ArithmeticError):
        raise DoesNotFit(f"{value!r} is not {_WORDS.get(kind, kind.__name__)}") from None


def takes(column: Any, dialect: Any) -> bool:
    """Return whether a value for a column can be given as a text at all."""
    return _conversion(column.type, dialect) is not None


def _conversion(kind: Any, dialect: Any) -> Optional[Callable[[str, Any, Any], str]]:
    """Return what makes SQL of a text; PostgreSQL reads a value of any type from one."""
    return _CONVERSIONS.get(_python_type(kind), _text if dialect.name == "postgresql" else None)


def _python_type(kind: Any) -> type:
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


def _text(value: str, kind: Any, dialect: Any) -> str:
    from sqlalchemy import Enum

    if isinstance(kind, Enum) and value not in kind.enums:
        raise DoesNotFit(f"{value!r} is not one of {', '.join(map(str, kind.enums))}")
    length = getattr(kind, "length", None)
    if length and len(value) > length:
        raise DoesNotFit(f"{value!r} is longer than {length} characters")
    return quoted(value, dialect)


def _whole_number(value: str, kind: Any, dialect: Any) -> str:
    number = int(value)
    bits = next((bits for name, bits in _RANGES.items() if name in _family(kind)), 31)
    if not -(2**bits) <= number < 2**bits:
        raise DoesNotFit(f"{value} is out of the range of {kind}")
    return str(number)


def _family(kind: Any) -> Any:
    """Return the name of the first generic type that a type is one of."""
    return [one.__name__ for one in type(kind).__mro__ if one.__name__ in _RANGES][:1]


def _number(value: str, kind: Any, dialect: Any) -> str:
    number = decimal.Decimal(value)
    if not number.is_finite():
        raise DoesNotFit(f"{value} is not a number that a column can hold")
    precision, scale = getattr(kind, "precision", None), getattr(kind, "scale", None)
    if precision and scale is not None and abs(number) >= decimal.Decimal(10) ** (precision - scale):
        raise DoesNotFit(f"{value} is out of the range of {kind}")
    return f"{number:f}"


def _truth(value: str, kind: Any, dialect: Any) -> str:
    words = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}
    if value.lower() not in words:
        raise ValueError(value)
    return words[value.lower()]


def _moment(value: str, kind: Any, dialect: Any) -> str:
    given = datetime.datetime.fromisoformat(value)
    if dialect.name != "postgresql":  # the others store no offset: SQLAlchemy and the drivers leave it out too
        given = given.replace(tzinfo=None)
    return quoted(given.isoformat(" ", "microseconds" if dialect.name == "sqlite" else "auto"), dialect)


def _day(value: str, kind: Any, dialect: Any) -> str:
    return quoted(datetime.date.fromisoformat(value).isoformat(), dialect)


def _time(value: str, kind: Any, dialect: Any) -> str:
    given = datetime.time.fromisoformat(value)
    return quoted(given.isoformat("microseconds" if dialect.name == "sqlite" else "auto"), dialect)


def _document(value: str, kind: Any, dialect: Any) -> str:
    from sqlalchemy import ARRAY

    if isinstance(kind, ARRAY):
        return quoted(_array(json.loads(value)), dialect)
    return quoted(json.dumps(json.loads(value)), dialect)


def _array(given: Any) -> str:
    """Return a list as PostgreSQL reads it: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO."""
    if not isinstance(given, list):
        raise DoesNotFit(f"{given!r} is not a list in JSON")
    return f"{{{','.join(map(_element, given))}}}"


def _element(given: Any) -> str:
    if isinstance(given, list):
        return _array(given)
    if isinstance(given, str):
        escaped = given.replace("\\", r"\\").replace('"', r"\"")
        return f'"{escaped}"'
    return "NULL" if given is None else json.dumps(given)


def _bytes(value: str, kind: Any, dialect: Any) -> str:
    given = value.encode("utf-8")
    return f"'\\x{given.hex()}'" if dialect.name == "postgresql" else f"X'{given.hex()}'"


def _identifier(value: str, kind: Any, dialect: Any) -> str:
    given = uuid.UUID(value)
    return quoted(str(given) if dialect.name == "postgresql" else given.hex, dialect)


_CONVERSIONS: Dict[type, Callable[[str, Any, Any], str]] = {
    str: _text,
    int: _whole_number,
    float: _number,
    decimal.Decimal: _number,
    bool: _truth,
    datetime.datetime: _moment,
    datetime.date: _day,
    datetime.time: _time,
    dict: _document,
    list: _document,
    uuid.UUID: _identifier,
    bytes: _bytes,
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
