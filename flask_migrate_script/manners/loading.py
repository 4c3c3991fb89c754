"""Loading a script: with built-ins of its own, whose import shows it SQLAlchemy and Alembic as they were."""

from __future__ import annotations

import builtins
import functools
import importlib.util
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional

from .callers import KEY, Manners
from .names import Names
from .replacing import report_missing

if TYPE_CHECKING:
    import os

_ACCEPTED: List[Names] = []
"""Those of the runs that are going on: one, or one inside another."""


@contextmanager
def load_scripts(manners: Manners) -> Iterator[None]:
    """Let what Alembic loads in the block have old manners."""
    _replace_loader()
    names = Names(manners)
    _ACCEPTED.append(names)
    try:
        yield
    finally:
        _ACCEPTED.remove(names)


def _replace_loader() -> None:
    """Replace ``alembic.util.pyfiles.load_module_py``, which takes a name and a path; seen on Alembic 1.5 to 1.20.

    :raises MigrateError: where it is not there.
    """
    from alembic.util import pyfiles

    original: Optional[Callable[..., ModuleType]] = getattr(pyfiles, "load_module_py", None)
    if original is None:
        raise report_missing("alembic", "util.pyfiles.load_module_py")
    if getattr(original, KEY, False):
        return

    @functools.wraps(original)
    def load_module_py(module_id: str, path: Any) -> ModuleType:
        names = next((one for one in reversed(_ACCEPTED) if one.manners.run.is_ours()), None)
        return original(module_id, path) if names is None else _load(names, module_id, path)

    setattr(load_module_py, KEY, True)
    pyfiles.load_module_py = load_module_py


def _load(names: Names, module_id: str, path: os.PathLike[str]) -> ModuleType:
    spec = importlib.util.spec_from_file_location(module_id, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__builtins__"] = _make_builtins(names)
    spec.loader.exec_module(module)
    return module


def _make_builtins(names: Names) -> Dict[str, Any]:
    def import_(name: str, *args: Any, **kwargs: Any) -> ModuleType:
        module = builtins.__import__(name, *args, **kwargs)
        if not name.startswith(("sqlalchemy", "alembic")):
            return module
        wanted = args[2] if len(args) > 2 else kwargs.get("fromlist")
        return names.view(module, "*" in (wanted or ()))

    return {**vars(builtins), "__import__": import_, KEY: names.manners}
