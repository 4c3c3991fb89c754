"""What a statement meant in the SQLAlchemy that the scripts were written for: division, and the CHECKs of types."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Callable, Optional

from .callers import Manners, find_manners, find_script
from .replacing import replace
from .versions import SQLALCHEMY

Real = Callable[..., Any]


def replace_methods() -> None:
    """Replace the division of columns, and how Boolean and Enum are made; seen on 1.4.0 to 2.1.9."""
    from sqlalchemy import Boolean, Enum
    from sqlalchemy.sql.operators import ColumnOperators

    if SQLALCHEMY >= (2, 0):
        replace(ColumnOperators, "__truediv__", _divide)
        replace(ColumnOperators, "__rtruediv__", _divide_other)
    _wrap_type(Boolean, given=1)
    _wrap_type(Enum, given=None)


def _divide(manners: Manners, frame: FrameType, real: Real, left: Any, right: Any) -> Any:
    """``a / b``, which 2.x makes a division of decimals"""
    if not manners.era:
        return real(left, right)
    from sqlalchemy import literal

    other = right if hasattr(right, "type") else literal(right)
    return left.op("/", precedence=_PRECEDENCE, return_type=_find_type(left.type, other.type))(right)


def _divide_other(manners: Manners, frame: FrameType, real: Real, right: Any, left: Any) -> Any:
    """``1 / a``"""
    if not manners.era:
        return real(right, left)
    from sqlalchemy import literal

    return _divide(manners, frame, real, literal(left), right)


_PRECEDENCE = 8
"""That of ``*`` and ``/`` among SQLAlchemy's operators, 1.3 to 2.1."""


def _find_type(left: Any, right: Any) -> Any:
    """Return the type of a quotient in 1.x: that of the left side, but for an integer by a number of another type."""
    from sqlalchemy import Integer, Numeric

    return right if isinstance(left, Integer) and isinstance(right, Numeric) else left


def _wrap_type(kind: Any, given: Optional[int]) -> None:
    """Let a type that a script makes, or that is made for it, have its CHECK as in 1.3.

    A class is made an instance inside the library: ``Column("on", Boolean)``.

    :param given: how many arguments by position there are when the first says whether it has one.
    """
    import functools

    original: Any = vars(kind)["__init__"]
    if getattr(original, "_flask_migrate_script_manners", False):
        return

    @functools.wraps(original)
    def __init__(self: Any, *args: object, **kwargs: object) -> None:
        if "create_constraint" not in kwargs and not (given and args) and _is_of_era(sys._getframe(1), "1.3"):
            kwargs["create_constraint"] = True
        original(self, *args, **kwargs)

    __init__.__dict__["_flask_migrate_script_manners"] = True
    kind.__init__ = __init__


def _is_of_era(frame: FrameType, era: str) -> bool:
    script = find_script(frame)
    manners = find_manners(script) if script is not None else None
    return manners is not None and manners.era == era
