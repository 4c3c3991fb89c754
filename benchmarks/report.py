"""The table of what was measured, and whether every ratio is within its bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence


@dataclass(frozen=True)
class Row:
    """The medians of one case, in seconds, and the largest ratio that is accepted."""

    name: str
    ours: float
    theirs: float
    bound: Optional[float] = None

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table that can stand in a reStructuredText file as it is."""
    lines = [["what", "ours", "Flask-Migrate's", "ratio", "bound"], *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    rule = "  ".join("=" * width for width in widths)
    first, *rest = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    return "\n".join([rule, first, rule, *rest, rule])


def exit_code(rows: Sequence[Row]) -> int:
    """Return 1 where a ratio is above its bound."""
    return int(any(row.bound is not None and row.ratio > row.bound for row in rows))


def _cells(row: Row) -> List[str]:
    bound = f"{row.bound:.2f}" if row.bound is not None else "-"
    return [row.name, _milliseconds(row.ours), _milliseconds(row.theirs), f"{row.ratio:.2f}", bound]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.02 else f"{seconds * 1000:.1f} ms"
