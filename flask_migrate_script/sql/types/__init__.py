"""Whether the values of a column fit another type: one answer, for autogenerate, lint and the dry run alike.

What is claimed here is measured: tests/test_type_changes.py changes the types of columns on each database, and compares
value by value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Callable, Dict, Mapping, Optional, Tuple

from . import mysql, postgresql, sqlite
from .change import ALL, FITS, TypeChange, Verdict, cannot_tell
from .column_type import ColumnType, Reader, read_type

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

    from .column_type import SqlType

__all__ = ["ALL", "TypeChange", "Verdict", "are_alike", "compare_types", "load_dialect"]

_READERS: Dict[str, Mapping[str, Reader]] = {
    "postgresql": postgresql.READERS,
    "mysql": mysql.READERS,
    "mariadb": mysql.READERS,
    "sqlite": sqlite.READERS,
}


def compare_types(
    old: Optional[SqlType],
    new: Optional[SqlType],
    dialect: Dialect,
    *,
    using: Optional[str] = None,
    server_version: Optional[Tuple[int, ...]] = None,
) -> TypeChange:
    """Return what becomes of a column's values where its type is changed.

    :param old: SQLAlchemy's type, or its class; None where it is not known: the verdict is that, then, with what can
        be asked of the values all the same.
    :param new: the same; None where the script has a type that cannot be read.
    :param dialect: SQLAlchemy's.
    :param using: the expression of PostgreSQL's USING; None where there is none.
    :param server_version: the server's; that of the dialect by default.
    """
    from sqlalchemy.types import to_instance

    version = tuple(server_version or getattr(dialect, "server_version_info", None) or ())
    before, after = _read(old, dialect), _read(new, dialect)
    if after is None or new is None:
        return cannot_tell("the new type is not known here")
    if before is not None and before == after and using is None:
        return FITS
    if dialect.name == "sqlite":
        return sqlite.compare(before, after, to_instance(new), dialect)
    if dialect.name == "postgresql":
        return postgresql.compare(before, after, using, version)
    if dialect.name in _READERS:
        return mysql.compare(before, after)
    return cannot_tell(f"the types of {dialect.name} are not known here")


def are_alike(one: Optional[SqlType], other: Optional[SqlType], dialect: Dialect) -> bool:
    """Return whether two types are the same to a database; to MariaDB JSON is a LONGTEXT."""
    read = [_read(type_, dialect) for type_ in (one, other)]
    if {type_.family for type_ in read if type_} == {"json", "text"} and dialect.name in ("mysql", "mariadb"):
        return any(type_ and type_.text.startswith("LONGTEXT") for type_ in read)
    known = {(type_.text, type_.family, type_.values if type_.family == "enum" else ()) for type_ in read if type_}
    return None not in read and len(known) == 1


def _read(type_: Optional[SqlType], dialect: Dialect) -> Optional[ColumnType]:
    return read_type(type_, dialect, _READERS.get(dialect.name, {}))


@lru_cache(maxsize=None)
def load_dialect(name: str) -> Dialect:
    """Return the dialect of a kind of database, with no connection."""
    from sqlalchemy.dialects import registry

    make: Callable[[], Dialect] = registry.load(name)
    return make()
