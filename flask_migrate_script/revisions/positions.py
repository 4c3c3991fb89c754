"""Where each database is: env.py says which databases there are, and Alembic reads their version tables.

To be called under the guard, so that ``--bind`` and ``--wait`` hold: ``Call(…).find(read_positions)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, List, Tuple

from ..databases import shown_url
from ..guard.resume.interrupted import Interrupted, read_interrupted
from ..seam.binds import DEFAULT, name_bind
from ..seam.database import get_connection
from ..seam.visit import visit_databases

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext


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


def read_positions(config: Config) -> List[Position]:
    """Return the position of each database that env.py configures, in its order.

    :param config: an open Config.
    """
    return visit_databases(config, _read_position)


def _read_position(context: MigrationContext) -> Position:
    connection = get_connection(context)
    name = name_bind(context.opts) or DEFAULT
    versions = tuple(sorted(context.get_current_heads()))
    return Position(name, shown_url(connection.engine.url), versions, read_interrupted(context))
