"""How a dry run is to be done: in place, on a copy, or by reading the scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

ROWS = 10_000
"""Rows of a table that are copied at the most, unless another number is given."""


@dataclass(frozen=True)
class RehearsalOptions:
    """What a person asks of a dry run.

    :param no_copy: where nothing can be rolled back, read the scripts, and copy nothing.
    :param rows: how many rows of each table are copied at the most; None for :data:`ROWS`, 0 for none.
    :param copy_logged: copy rows even where the server's binary log, and so its replicas, get them.
    :param on_scratch: where the database could roll back, rehearse on a copy of its schema all the same.
    """

    no_copy: bool = False
    rows: Optional[int] = None
    copy_logged: bool = False
    on_scratch: bool = False

    @property
    def most_rows(self) -> int:
        """Rows of a table that are copied at the most."""
        return ROWS if self.rows is None else max(self.rows, 0)
