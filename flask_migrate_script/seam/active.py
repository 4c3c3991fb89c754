"""The runs that are going on: one, or one inside another."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

if TYPE_CHECKING:
    from .watch import Run

ACTIVE: List[Run] = []
