"""What is installed, and whether anything that old scripts rely on is gone from it."""

from __future__ import annotations

import re
from typing import Tuple

from alembic import __version__ as _alembic
from sqlalchemy import __version__ as _sqlalchemy


def _numbers(text: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


SQLALCHEMY, ALEMBIC = _numbers(_sqlalchemy), _numbers(_alembic)

LABEL = {"SQLAlchemy": f"SQLAlchemy {_sqlalchemy}", "Alembic": f"Alembic {_alembic}"}
"""What is installed, in words."""
