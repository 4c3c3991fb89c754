"""Which tables have transactions: what is written into one of MyISAM or Aria stays, whatever becomes of the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...seam.driver import run
from .took_effect import find_error_number

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection

_BEFORE_ANY_ROW = (1054, 1064, 1136, 1146)
"""ER_BAD_FIELD_ERROR, ER_PARSE_ERROR, ER_WRONG_VALUE_COUNT_ON_ROW, ER_NO_SUCH_TABLE: the statement is not begun."""


def is_transactional(driver: DBAPIConnection, table: str) -> bool:
    """Return whether a write into a table can be rolled back; True where the server does not say, as of a view.

    :param table: its name without quotes, with that of its database before it where it is another than the current one.
    """
    schema, _, name = table.rpartition(".")
    of_schema = _write_literal(schema) if schema else "DATABASE()"
    found = run(
        driver,
        "SELECT transactions FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine"
        f" WHERE t.table_schema = {of_schema} AND t.table_name = {_write_literal(name)}",
    )
    return not found or found[0][0] != "NO"


def wrote_nothing(exc: BaseException) -> bool:
    """Return whether a write that failed is known to have changed no row, with or without transactions."""
    return find_error_number(exc) in _BEFORE_ANY_ROW


def _write_literal(name: str) -> str:
    return "_utf8mb4 0x" + name.encode().hex()
