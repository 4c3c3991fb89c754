"""Names and texts as they stand in a statement that is written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Optional

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


def identifier(name: str, dialect: Dialect) -> str:
    """Return a name, quoted where it has to be.

    SQLAlchemy's own quoting doubles a % for some drivers; ``text()`` does so again, and a driver that is given no
    parameters takes it as it is.

    :param dialect: SQLAlchemy's.
    """
    preparer = dialect.identifier_preparer
    if preparer.quote(name) == name:
        return str(name)
    end = preparer.final_quote
    return f"{preparer.initial_quote}{name.replace(end, end * 2)}{end}"


def qualified(dialect: Dialect, *names: Optional[str]) -> str:
    """Return a name with those it is in: a schema, a table, a column; those that are None are left out."""
    return ".".join(identifier(name, dialect) for name in names if name)


def quoted(text: str, dialect: Dialect) -> str:
    """Return a string literal; in MySQL's a backslash means something."""
    return _quote(text, dialect.name)


def quote_values(values: Iterable[str], dialect: str) -> str:
    """Return strings as they stand between the parentheses of an IN.

    :param dialect: SQLAlchemy's name of it.
    """
    return ", ".join(_quote(one, dialect) for one in values)


def _quote(text: str, dialect: str) -> str:
    if dialect in ("mysql", "mariadb"):
        text = text.replace("\\", "\\\\")
    return "'" + text.replace("'", "''") + "'"
