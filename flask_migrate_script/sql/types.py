"""How much a column type holds, so that two types can be compared by it."""

from __future__ import annotations

from typing import Any, Optional, Tuple

_BITS = {"tinyint": 8, "mediumint": 24}
_BYTES = {
    **dict.fromkeys(("tinytext", "tinyblob"), 2**8 - 1),
    **dict.fromkeys(("text", "unicode_text", "blob", "large_binary"), 2**16 - 1),
    **dict.fromkeys(("mediumtext", "mediumblob"), 2**24 - 1),
    **dict.fromkeys(("longtext", "longblob"), 2**32 - 1),
}

MYSQL = ("mysql", "mariadb")


def instance(kind: Any) -> Any:
    """Return a type as an object, where a script names its class; for one of the application's, what it stands on."""
    from sqlalchemy.types import TypeDecorator

    made = kind() if isinstance(kind, type) else kind
    return instance(made.impl) if isinstance(made, TypeDecorator) else made


def bounds(integer: Any) -> Tuple[int, int]:
    """Return the smallest and the largest number of an integer type; a boolean is the smallest of MySQL's."""
    from sqlalchemy import types

    small, big = isinstance(integer, types.SmallInteger), isinstance(integer, types.BigInteger)
    usual = 8 if isinstance(integer, types.Boolean) else 16 if small else 64 if big else 32
    bits = _BITS.get(_name(integer), usual)
    return (0, 2**bits - 1) if getattr(integer, "unsigned", False) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def digits(numeric: Any, dialect: str) -> Optional[Tuple[int, int]]:
    """Return how many digits of a number are kept before the point and behind it; None where there is no bound.

    :param dialect: the database's name: without a precision, MySQL keeps ten digits, none of them behind the point.
    """
    precision = numeric.precision or (10 if dialect in MYSQL else None)
    return (precision - (numeric.scale or 0), numeric.scale or 0) if precision else None


def most_bytes(kind: Any) -> Optional[int]:
    """Return how many bytes of a text, or of binary data, a type of MySQL keeps; None where it counts characters."""
    if _name(kind) in ("binary", "varbinary"):
        return getattr(kind, "length", None)
    return None if getattr(kind, "length", None) else _BYTES.get(_name(kind))


def _name(kind: Any) -> str:
    return str(getattr(kind, "__visit_name__", "")).lower()
