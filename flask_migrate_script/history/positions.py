"""Where each database is: env.py says which databases there are, and Alembic reads their version tables.

In a verb, with ``--bind`` and ``--wait`` honoured, and with whatever else is to be read in the same run::

    def found(config):
        return picture(ScriptDirectory.from_config(config), positions(config))

    look(found, directory, x_arg, bind=bind, wait=wait)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Tuple

from ..databases import shown_url
from ..guard.resume.interrupted import Interrupted, told
from ..look import in_each_database
from ..seam.binds import DEFAULT, of_arguments


@dataclass(frozen=True)
class Position:
    """One database, and the revisions it is at.

    :param name: ``"default"`` or the bind key.
    :param url: its URL without the password.
    :param versions: what its version table holds, sorted; empty at base.
    :param unfinished: what its journal has of interrupted migrations, on MySQL and MariaDB.
    """

    name: str
    url: str
    versions: Tuple[str, ...]
    unfinished: Tuple[Interrupted, ...] = ()


def positions(config: Any) -> List[Position]:
    """Return the position of each database that env.py configures, in its order.

    :param config: an open Config.
    """
    return in_each_database(config, _position)


def _position(context: Any) -> Position:
    name = of_arguments(context.opts) or DEFAULT
    versions = tuple(sorted(context.get_current_heads()))
    return Position(name, shown_url(context.connection.engine.url), versions, told(context))
