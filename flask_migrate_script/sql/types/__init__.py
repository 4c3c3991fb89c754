"""Whether the values of a column fit another type: one answer, for autogenerate, lint and the dry run alike.

What is claimed here is measured: tests/test_type_changes.py changes the types of columns on each database, and compares
value by value.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Callable, Dict, Mapping, Optional, Tuple

from . import mysql, postgresql, sqlite
from .change import ALL, FITS, REFUSED, UNREADABLE, TypeChange, Verdict, cannot_tell, lose
from .column_type import ColumnType, Reader, read_type

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

    from .column_type import SqlType

__all__ = ["ALL", "TypeChange", "Verdict", "are_alike", "compare_types", "keeps_rows", "load_dialect"]

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
        found = sqlite.compare(before, after, to_instance(new), dialect)
    elif dialect.name == "postgresql":
        found = postgresql.compare(before, after, using, version)
    elif dialect.name in _READERS:
        found = mysql.compare(before, after)
    else:
        found = cannot_tell(f"the types of {dialect.name} are not known here")
    return _add_check(before, after, found, "CAST(c AS BOOLEAN)" if dialect.name == "sqlite" else "c")


def _add_check(old: Optional[ColumnType], new: ColumnType, found: TypeChange, value: str) -> TypeChange:
    """A CHECK that comes with the new type refuses the values that are not its own.

    :param value: what becomes of one, in SQL.
    """
    if not new.checked or old is None or found.verdict is Verdict.CANNOT_TELL:
        return found
    if found.effect == UNREADABLE and new.values:
        return replace(found, effect=REFUSED)
    if new.values or (old.text, old.checked) == (new.text, True):
        return found
    others = f"{value} NOT IN (0, 1)"
    condition = f"{found.condition} OR {others}" if found.condition else others
    return lose(condition, REFUSED, "a boolean is 0 or 1")


def keeps_rows(old: Optional[SqlType], new: Optional[SqlType], dialect: Dialect) -> bool:
    """Return whether a column's type is changed without a look at the rows; False where that is not known.

    :param old: SQLAlchemy's type, or its class; None where it is not known.
    :param new: the same.
    :param dialect: SQLAlchemy's; only of PostgreSQL something is known.
    """
    before, after = _read(old, dialect), _read(new, dialect)
    known = before is not None and after is not None and dialect.name == "postgresql"
    return known and before is not None and after is not None and postgresql.keeps_rows(before, after)


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
