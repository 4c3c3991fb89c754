"""The names of SQLAlchemy and Alembic that a script imports, with those that have changed as they were.

Nothing is replaced in the libraries: a script's ``import`` gives it a view of the module instead. A view has what the
module has, but for functions that take something else now, and names that are gone.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any, Callable, Dict, Tuple

from . import operations, statements
from .callers import Manners
from .versions import SQLALCHEMY

_VIEWED = ("alembic", "alembic.op")


class View(ModuleType):
    """A module as an old script sees it."""

    def __init__(self, module: ModuleType, names: Names) -> None:
        super().__init__(module.__name__, module.__doc__)
        self.__dict__.update({name: value for name, value in vars(module).items() if name[:2] == name[-2:] == "__"})
        self.__dict__.update(_module=module, _names=names)

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        value = own["_names"].find(own["_module"], name)
        if callable(value) or isinstance(value, View):  # a value may change, as context.config does
            own[name] = value
        return value

    def __dir__(self) -> Any:
        return dir(self.__dict__["_module"])


class Names:
    """What the scripts of one run see."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self._views: Dict[str, View] = {}
        self._replaced: Dict[int, Tuple[Any, Any]] = {}
        if SQLALCHEMY >= (1, 4):
            self._replace_functions()

    def view(self, module: ModuleType, everything: bool = False) -> ModuleType:
        """Return how a script sees a module.

        :param everything: it imports every name.
        """
        name = module.__name__
        if name.partition(".")[0] != "sqlalchemy" and name not in _VIEWED:
            return module
        found = self._views.get(name)
        if found is None:
            found = self._views[name] = View(module, self)
        if everything:
            for one in vars(module):
                getattr(found, one)
        return found

    def find(self, module: ModuleType, name: str) -> Any:
        """Return what a name stands for in a module.

        :raises AttributeError: as the module does.
        """
        if module.__name__ == "alembic.op":
            return operations.find_operation(self.manners, module, name)
        value = getattr(module, name, _GONE)
        if value is _GONE:
            return self._find_gone(module, name)
        if isinstance(value, ModuleType):
            return self.view(value)
        return self._replaced.get(id(value), (None, value))[1]

    def _find_gone(self, module: ModuleType, name: str) -> Any:
        for (of, old), (now, since) in _RENAMED.items():
            if old == name and of == module.__name__ and since <= SQLALCHEMY:
                self.manners.note(sys._getframe(2), name)
                return getattr(module, now)
        return getattr(module, name)

    def _replace_functions(self) -> None:
        import sqlalchemy

        for name, (old, since) in statements.FUNCTIONS.items():
            if since <= SQLALCHEMY:
                function = getattr(sqlalchemy, name)
                self._replaced[id(function)] = function, _make_old(self.manners, function, old)


_GONE = object()
_RENAMED = {
    ("sqlalchemy", "Binary"): ("LargeBinary", (1, 4)),
    ("sqlalchemy.types", "Binary"): ("LargeBinary", (1, 4)),
    ("sqlalchemy.orm", "relation"): ("relationship", (2, 0)),
}
"""A name that is gone, by its module, with the one that took its place, and since when."""


def _make_old(manners: Manners, function: Callable[..., Any], old: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*args: object, **kwargs: object) -> Any:
        return old(manners, sys._getframe(1), function, *args, **kwargs)

    return called
