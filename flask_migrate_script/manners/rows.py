"""Rows as SQLAlchemy 1 gave them: tuples that are mappings as well, by name and by column."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Type

from sqlalchemy.engine import Row

from .callers import Manners, find_manners, find_script
from .replacing import report_missing


class OldRow(Row):  # type: ignore[type-arg]  # of any columns
    """A row that is a mapping as well.

    Made of a library's row by what pickle does with one, the same on SQLAlchemy 1.4 to 2.1, where its class is fixed.
    """

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, (int, slice)):
            return super().__getitem__(key)
        _note("row[...]")
        try:
            return self._mapping[key]
        except KeyError:
            name = _find_name(self, key)
            if name is None:
                raise
            return self._mapping[name]

    def __contains__(self, key: Any) -> bool:
        _note("a row as a mapping")
        return key in self._mapping

    def keys(self) -> List[str]:
        """Return the names of its columns."""
        _note("a row as a mapping")
        return list(self._mapping.keys())

    def values(self) -> List[Any]:
        """Return what is in its columns."""
        _note("a row as a mapping")
        return list(self)

    def items(self) -> List[Tuple[str, Any]]:
        """Return names and values."""
        _note("a row as a mapping")
        return list(zip(self._mapping.keys(), self))

    def has_key(self, key: Any) -> bool:
        """Return whether it has a column."""
        return key in self

    def iterkeys(self) -> Iterator[str]:
        """Yield the names of its columns."""
        return iter(self.keys())

    def itervalues(self) -> Iterator[Any]:
        """Yield what is in its columns."""
        return iter(self.values())

    def iteritems(self) -> Iterator[Tuple[str, Any]]:
        """Yield names and values."""
        return iter(self.items())


def _find_name(row: Any, key: Any) -> Optional[str]:
    """Return the name by which 1.x found a column in the result of a text: the label, or the name."""
    for name in (getattr(key, "_label", None), getattr(key, "name", None)):
        if name is not None and name in row._mapping:
            return str(name)
    return None


def _note(kind: str) -> None:
    script = find_script(sys._getframe(2))
    manners = find_manners(script) if script is not None else None
    if script is not None and manners is not None:
        manners.note(script, kind)


def _age(row: Any) -> Any:
    """Return a row as 1.x gave it; None, and a row that is one already, as it is."""
    if row is None or hasattr(type(row), "has_key") or not isinstance(row, Row):
        return row
    old = OldRow.__new__(OldRow)
    old.__setstate__(row.__getstate__())
    return old


_classes: Dict[Type[Any], Type[Any]] = {}


def age_result(manners: Manners, frame: FrameType, result: Any) -> Any:
    """Return a result as 1.x gave it, where the script has anything that could be about a row as a mapping.

    The class of the result is another one then: its own attributes stay, and nothing of the library is replaced.

    :raises MigrateError: where the class of a result cannot be another one.
    """
    kind = type(result)
    if kind in _classes.values() or not hasattr(result, "keys") or not manners.may_use_mappings(frame):
        return result
    if kind not in _classes:
        _classes[kind] = _make_class(kind)
    try:
        result.__class__ = _classes[kind]
    except TypeError as exc:
        raise report_missing("sqlalchemy", f"{kind.__name__} that can be given another class") from exc
    return result


def _make_class(kind: Type[Any]) -> Type[Any]:
    """Return a class of results whose rows are mappings as well, and whose ``keys()`` is a list.

    :param kind: the library's class, of the same layout.
    """

    def one(name: str) -> Callable[..., Any]:
        return lambda self, *args, **kwargs: _age(getattr(kind, name)(self, *args, **kwargs))

    def several(name: str) -> Callable[..., Any]:
        return lambda self, *args, **kwargs: [_age(row) for row in getattr(kind, name)(self, *args, **kwargs)]

    methods: Dict[str, Any] = {
        "__slots__": (),
        "__iter__": lambda self: map(_age, kind.__iter__(self)),
        "keys": lambda self: list(kind.keys(self)),
        **{name: one(name) for name in ("__next__", "fetchone", "first", "one", "one_or_none") if hasattr(kind, name)},
        **{name: several(name) for name in ("fetchall", "fetchmany", "all") if hasattr(kind, name)},
    }
    return type(f"Old{kind.__name__}", (kind,), methods)
