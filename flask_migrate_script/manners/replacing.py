"""Replacing a method of a library for scripts: everybody else calls the library's own."""

from __future__ import annotations

import functools
import sys
from types import FrameType
from typing import Any, Callable, Optional

from ..errors import MigrateError
from .callers import Manners, find_manners
from .versions import LABEL

Old = Callable[..., Any]
"""Takes the Manners, the frame that calls, the library's method, and then what that was called with."""

_OURS = "_flask_migrate_script_manners"


def replace(owner: type, name: str, old: Old) -> None:
    """Let a method of a class do something else where a script calls it.

    :param old: what it does there.
    :raises MigrateError: if the class has no such method of its own.
    """
    found: Any = vars(owner).get(name)
    original = found.__func__ if isinstance(found, staticmethod) else found
    if original is None:
        raise report_missing(owner.__module__, f"{owner.__name__}.{name}")
    if getattr(original, "__dict__", {}).get(_OURS):
        return

    @functools.wraps(original)
    def method(*args: object, **kwargs: object) -> Any:
        frame = sys._getframe(1)
        manners = find_manners(frame)
        if manners is None:
            return original(*args, **kwargs)
        return old(manners, frame, original, *args, **kwargs)

    method.__dict__[_OURS] = True
    setattr(owner, name, staticmethod(method) if isinstance(found, staticmethod) else method)


def add(owner: type, name: str, old: Old) -> None:
    """Give a class a method that only scripts see, where it has none."""
    if name not in dir(owner):
        setattr(owner, name, ForScripts(name, old))


def add_value(owner: type, name: str, old: Old) -> None:
    """Give a class an attribute that only scripts see, where it has none; an object's own comes first."""
    if name not in dir(owner):
        setattr(owner, name, ForScripts(name, old, is_method=False))


class ForScripts:
    """An attribute that is not there for anybody but scripts.

    :param old: takes the Manners, the frame that calls and the object, and then what the method is called with.
    :param is_method: otherwise it is a value, which ``old`` returns.
    """

    def __init__(self, name: str, old: Old, is_method: bool = True) -> None:
        self.name, self.old, self.is_method = name, old, is_method

    def __get__(self, instance: Any, owner: Optional[type] = None) -> Any:
        frame = sys._getframe(1)
        manners = find_manners(frame)
        if manners is None or instance is None:
            who = f"type object {owner!r}" if instance is None else f"{type(instance).__name__!r} object"
            raise AttributeError(f"{who} has no attribute {self.name!r}")
        bound = functools.partial(_call, self.old, manners, instance)
        return bound if self.is_method else self.old(manners, frame, instance)


def _call(old: Old, manners: Manners, instance: Any, *args: object, **kwargs: object) -> Any:
    frame: FrameType = sys._getframe(1)
    return old(manners, frame, instance, *args, **kwargs)


def report_missing(module: str, what: str) -> MigrateError:
    """Return the error that says which name a library no longer has."""
    label = LABEL["Alembic" if module.startswith("alembic") else "SQLAlchemy"]
    return MigrateError(
        f"{label} has no {what}: old manners of migrations cannot be understood with it.",
        "Nothing was changed. MIGRATE_OLD_SCRIPTS = False in the application's configuration does without them.",
    )
