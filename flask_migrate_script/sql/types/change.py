"""What a change of a column's type does to the values: the answer that every comparison of types gives."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Optional


class Verdict(enum.Enum):
    """Whether values can be lost."""

    FITS = "fits"
    MAY_LOSE = "may lose"
    CANNOT_TELL = "cannot tell"


REFUSED, CUT, ROUNDED, CONVERTED, UNREADABLE = "refused", "cut", "rounded", "converted", "unreadable"


@dataclass(frozen=True)
class TypeChange:
    """The answer for one change of a type.

    :param condition: SQL on a column called ``c``, true for each value that is refused, or that is another one when
        its type is changed there and back; None where there is none to write. Where the verdict is ``CANNOT_TELL``,
        it is true for the values of which it is known. It raises no error, whatever the column holds.
    :param effect: what becomes of most of these values: the server refuses them, so that the statement fails, or cuts,
        rounds or converts them to something else; ``unreadable`` are those that it keeps and the new type of the
        models has no word for. Empty where every value fits.
    :param why: the reason, in plain words; empty where it is plain that the new type holds everything.
    """

    verdict: Verdict
    condition: Optional[str] = None
    effect: str = ""
    why: str = ""

    @property
    def fits(self) -> bool:
        return self.verdict is Verdict.FITS

    @property
    def may_lose(self) -> bool:
        return self.verdict is Verdict.MAY_LOSE


FITS = TypeChange(Verdict.FITS)

EXACT_DIGITS = {24: 6, 53: 15}
"""Decimal digits that a float gives back, by the bits of its mantissa."""

ALL = "c IS NOT NULL"
"""The condition where not one value stays what it is."""


def lose(condition: Optional[str], effect: str, why: str) -> TypeChange:
    """Return that values may be lost, and which."""
    return TypeChange(Verdict.MAY_LOSE, condition, effect, why)


def cannot_tell(why: str, condition: Optional[str] = None, effect: str = "") -> TypeChange:
    """Return that it is not known whether every value fits."""
    return TypeChange(Verdict.CANNOT_TELL, condition, effect, why)
