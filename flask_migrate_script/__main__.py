"""``python -m flask_migrate_script manage.py …``: runs an old manage.py, unmodified, on today's Flask and Python.

PYTHON_ARGCOMPLETE_OK
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import runpy
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Dict, List, Optional, Sequence

from . import compat, startup

USAGE = "usage: python -m flask_migrate_script MANAGE.PY [ARGUMENT ...]"


def main(argv: List[str]) -> None:
    """Repair what old scripts need, then run the script as ``__main__`` with its own arguments.

    :param argv: the script's path and its arguments.
    :raises SystemExit: 2 where there is no such script; else as the script ends.
    """
    argv = argv or _script_to_complete()
    if not argv or argv[0] in ("-h", "--help", "-?"):
        print(f"{USAGE}\nRuns an old manage.py, unmodified, on today's Flask and Python.")
        sys.exit(0 if argv else 2)
    if not os.path.isfile(argv[0]):
        print(f"Error: there is no file {argv[0]}.\n       {USAGE}", file=sys.stderr)
        sys.exit(2)
    sys.argv[:] = argv
    sys.path[0] = os.path.dirname(os.path.abspath(argv[0]))
    compat.launcher = "python -m flask_migrate_script"
    startup.explain_databases(compat.launcher)
    sys.meta_path.insert(0, OldNames())
    runpy.run_path(argv[0], run_name="__main__")


def _script_to_complete() -> List[str]:
    """Return the script on the command line that argcomplete asks about: it starts a module without any words."""
    if not compat.is_completing():
        return []
    before = int(os.environ["_ARGCOMPLETE"])
    os.environ["_ARGCOMPLETE"] = str(before + 1)  # the first of the script's own words
    return os.environ["COMP_LINE"].split()[before : before + 1]


class OldNames(MetaPathFinder, Loader):
    """Finds today's module for a name that old scripts import: ``flask.ext.X``, ``flask_migrate``, ``flask_script``.

    Flask-Script is repaired when the script imports it and not before: one that has gone over to Flask-Script-NG never
    does.
    """

    def __init__(self) -> None:
        self._own_specs: Dict[str, Optional[ModuleSpec]] = {}
        self._repairing = False

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        to_repair = fullname == "flask_script" and not self._repairing
        if fullname == "flask.ext" or to_repair or _find_todays_name(fullname):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        today = _find_todays_name(spec.name)
        if spec.name == "flask_script":
            module = self._import_flask_script()
        elif today:
            module = importlib.import_module(today)
        else:
            return None
        self._own_specs[spec.name] = module.__spec__
        return module

    def _import_flask_script(self) -> ModuleType:
        self._repairing = True
        try:
            return compat.import_flask_script()
        finally:
            self._repairing = False

    def exec_module(self, module: ModuleType) -> None:
        """Give an existing module back the spec that the import system has just replaced."""
        named = module.__spec__.name if module.__spec__ else ""
        module.__spec__ = self._own_specs.pop(named, module.__spec__)


def _find_todays_name(name: str) -> str:
    """Return the module that an old name means, or nothing where the name is as good as ever."""
    if name.startswith("flask.ext."):
        return "flask_" + name[len("flask.ext.") :]
    package, _, rest = name.partition(".")
    if package == "flask_migrate" and not _has_migrate_command():
        return ".".join(filter(None, ("flask_migrate_script", rest)))
    return ""


def _has_migrate_command() -> bool:
    """An installed Flask-Migrate before 3.0 has a MigrateCommand of its own."""
    for finder in sys.meta_path:
        if isinstance(finder, OldNames):
            continue
        spec = finder.find_spec("flask_migrate", None)
        if spec and spec.origin:
            with open(spec.origin, encoding="utf-8") as source:
                return "MigrateCommand" in source.read()
    return False


if __name__ == "__main__":
    main(sys.argv[1:])
