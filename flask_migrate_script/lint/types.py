"""Whether a column's new type holds less than its old one did, as both are written in the script."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, FrozenSet, Optional, Tuple

from ..history.metadata import literal

_UNBOUND = 2**40
_TEXTS = {"TINYTEXT": 2**8, "TEXT": 2**30, "MEDIUMTEXT": 2**31, "LONGTEXT": 2**32}
_KINDS: Dict[str, Tuple[str, int]] = {
    **dict.fromkeys(("STRING", "VARCHAR", "UNICODE", "NVARCHAR", "CHAR", "NCHAR", "VARCHAR2"), ("text", 2**29)),
    **{name: ("text", size) for name, size in _TEXTS.items()},
    **dict.fromkeys(("UNICODETEXT", "CLOB", "NCLOB"), ("text", 2**30)),
    **dict.fromkeys(("LARGEBINARY", "BLOB", "BYTEA", "BINARY", "VARBINARY"), ("binary", 2**30)),
    **{"TINYBLOB": ("binary", 2**8), "MEDIUMBLOB": ("binary", 2**31), "LONGBLOB": ("binary", 2**32)},
    **{"BOOLEAN": ("whole", 0), "TINYINT": ("whole", 1), "MEDIUMINT": ("whole", 3)},
    **dict.fromkeys(("SMALLINTEGER", "SMALLINT"), ("whole", 2)),
    **dict.fromkeys(("INTEGER", "INT"), ("whole", 4)),
    **dict.fromkeys(("BIGINTEGER", "BIGINT"), ("whole", 8)),
    **dict.fromkeys(("NUMERIC", "DECIMAL"), ("decimal", _UNBOUND)),
    **dict.fromkeys(("FLOAT", "REAL", "DOUBLE", "DOUBLE_PRECISION"), ("float", _UNBOUND)),
    **dict.fromkeys(("DATETIME", "TIMESTAMP"), ("moment", 0)),
    **{"DATE": ("date", 0), "TIME": ("time", 0), "ENUM": ("enum", 0)},
}
_LOSES = {
    **{("text", kind): True for kind in ("whole", "decimal", "float", "moment", "date", "time", "enum")},
    ("float", "whole"): True,
    ("float", "decimal"): True,
    ("decimal", "whole"): True,
    ("moment", "date"): True,
    ("moment", "time"): True,
}
_DIGITS = {1: 3, 2: 5, 3: 7, 4: 10, 8: 19}
"""Of a whole number, by its bytes."""


@dataclass(frozen=True)
class Type:
    """A column type.

    :param size: what it holds, comparable within its kind.
    :param scale: the digits after the point.
    :param values: those of an enum.
    """

    kind: str
    size: int
    scale: int = 0
    values: FrozenSet[str] = field(default_factory=frozenset)


def narrows(old: Optional[ast.expr], new: Optional[ast.expr]) -> bool:
    """Return whether values of the old type may not fit into the new one; False where that cannot be told.

    :param old: the expression of the old type; None where the script does not say it.
    """
    before, after = _type(old), _type(new)
    if before is None or after is None:
        return False
    if before.kind != after.kind:
        if after.kind == "text":
            return after.size < _written(before)
        if (before.kind, after.kind) == ("whole", "decimal"):
            return after.size - after.scale < _DIGITS.get(before.size, 0)
        whole = before.kind == "decimal" and before.size != _UNBOUND and before.scale == 0
        return bool(_LOSES.get((before.kind, after.kind))) and not whole
    if before.kind == "enum":
        return bool(before.values and after.values and before.values - after.values)
    if before.kind == "decimal":
        return after.scale < before.scale or after.size - after.scale < before.size - before.scale
    return after.size < before.size


def _written(kind: Type) -> int:
    """Return how many characters the longest value of a type takes, its sign left out; 0 where that is not known."""
    if kind.kind == "enum":
        return max(map(len, kind.values), default=0)
    return _DIGITS.get(kind.size, 0) if kind.kind == "whole" else 10 if kind.kind == "date" else 0


def _type(node: Optional[ast.expr]) -> Optional[Type]:
    call = node if isinstance(node, ast.Call) else None
    name = call.func if call else node
    word = str(getattr(name, "attr", None) or getattr(name, "id", ""))
    kind, size = _KINDS.get(word.upper(), ("", 0))
    if not kind:
        return None
    sized = _SIZED.get(kind)
    return sized(kind, size, call) if sized else Type(kind, size)


def _lengthy(kind: str, size: int, call: Any) -> Optional[Type]:
    length = _number(call, 0, "length", size)
    return None if length is None else Type(kind, length)


def _decimal(kind: str, size: int, call: Any) -> Optional[Type]:
    precision, scale = _number(call, 0, "precision", size), _number(call, 1, "scale", 0)
    return None if precision is None or scale is None else Type(kind, precision, scale)


def _enum(kind: str, size: int, call: Any) -> Type:
    values = [literal(argument) for argument in call.args] if call else []
    return Type(kind, size, 0, frozenset(values if all(isinstance(value, str) for value in values) else ()))


_SIZED: Dict[str, Callable[[str, int, Any], Optional[Type]]] = {
    "text": _lengthy,
    "binary": _lengthy,
    "decimal": _decimal,
    "enum": _enum,
}


def _number(call: Any, place: int, name: str, default: int) -> Optional[int]:
    """Return a number that a type is given, or its default; None where it is not written as a number."""
    if call is None:
        return default
    named = [keyword.value for keyword in call.keywords if keyword.arg == name]
    found = named or call.args[place : place + 1]
    value = literal(found[0]) if found else default
    return value if isinstance(value, int) else None
