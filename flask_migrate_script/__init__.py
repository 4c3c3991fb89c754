"""Database migrations for Flask: ``python manage.py db`` and ``flask db`` on every Flask from 0.12 to the newest.

Nothing heavy is imported before it is used: a web process that registers :class:`Migrate` loads neither Alembic nor
Flask-Script.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, List

from .errors import MigrateError
from .extension import Migrate

if TYPE_CHECKING:
    from .config import Config, alembic_version
    from .rehearsal.results import (
        Rehearsal,
        RehearsalFailure,
        RehearsalStop,
        RehearsedDatabase,
        RehearsedOperation,
        RehearsedStep,
    )
    from .running import rehearse
    from .script import (
        Command,
        Group,
        Manager,
        MigrateCommand,
        Option,
        Server,
        Shell,
        prompt,
        prompt_bool,
        prompt_choices,
        prompt_pass,
    )
    from .verbs import (
        branches,
        check,
        current,
        downgrade,
        edit,
        ensure_version,
        graph,
        heads,
        history,
        init,
        journal,
        lint,
        list_templates,
        merge,
        migrate,
        reset,
        revision,
        show,
        stamp,
        status,
        upgrade,
    )

__version__ = "1.0.0"

__all__ = [
    "Command",
    "Config",
    "Group",
    "Manager",
    "Migrate",
    "MigrateCommand",
    "MigrateError",
    "Option",
    "Rehearsal",
    "RehearsalFailure",
    "RehearsalStop",
    "RehearsedDatabase",
    "RehearsedOperation",
    "RehearsedStep",
    "Server",
    "Shell",
    "alembic_version",
    "branches",
    "check",
    "current",
    "downgrade",
    "edit",
    "ensure_version",
    "graph",
    "heads",
    "history",
    "init",
    "journal",
    "lint",
    "list_templates",
    "merge",
    "migrate",
    "prompt",
    "prompt_bool",
    "prompt_choices",
    "prompt_pass",
    "rehearse",
    "reset",
    "revision",
    "show",
    "stamp",
    "status",
    "upgrade",
]

_HOMES = {
    "config": ("Config", "alembic_version"),
    "rehearsal.results": (
        "Rehearsal",
        "RehearsalFailure",
        "RehearsalStop",
        "RehearsedDatabase",
        "RehearsedOperation",
        "RehearsedStep",
    ),
    "running": ("rehearse",),
    "script": (
        "Command",
        "Group",
        "Manager",
        "MigrateCommand",
        "Option",
        "Server",
        "Shell",
        "prompt",
        "prompt_bool",
        "prompt_choices",
        "prompt_pass",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOME.get(name, 'verbs')}")
    return globals().setdefault(name, getattr(home, name))


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
