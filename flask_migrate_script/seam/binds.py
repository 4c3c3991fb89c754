"""One of several databases: which of them a run is for, and which one Alembic is at."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from ..errors import MigrateError

if TYPE_CHECKING:
    from alembic.operations.ops import MigrationScript
    from alembic.runtime.migration import MigrationContext

DEFAULT = "default"


def check_names(chosen: Sequence[str], db: Any) -> List[str]:
    """Return the chosen binds.

    :raises MigrateError: if one is not configured.
    """
    from ..databases import list_binds

    known = [DEFAULT, *list_binds(db)]
    for name in chosen:
        if name not in known:
            raise MigrateError(
                f"There is no bind {name!r}.", f"Nothing was changed. The binds are: {', '.join(known)}."
            )
    return list(chosen)


def name_bind(arguments: Dict[str, Any]) -> Optional[str]:
    """Return the bind that a ``context.configure`` is for, or None where the repository has one database.

    The env.py files for several databases, Flask-Migrate's and this package's, name the bind in ``upgrade_token``:
    ``users_upgrades``, and ``_upgrades`` for the default one.
    """
    token = arguments.get("upgrade_token") or "upgrades"
    if not token.endswith("_upgrades"):
        return None
    return token[: -len("_upgrades")] or DEFAULT


def is_chosen(name: Optional[str], chosen: Sequence[str]) -> bool:
    """Return whether a run for the chosen binds is for this one; no choice is every one."""
    return not chosen or (name or DEFAULT) in chosen


def drop_empty_script(env_hook: Optional[Callable[..., None]], expected: int) -> Callable[..., None]:
    """Return env.py's ``process_revision_directives``, followed by the look for an empty script.

    env.py looks for one when every bind has been compared, which never comes where only some are.

    :param expected: how many binds are compared.
    """

    def process(context: MigrationContext, revision: object, directives: List[MigrationScript]) -> None:
        if env_hook:
            env_hook(context, revision, directives)
        found = directives[0].upgrade_ops_list if directives else []
        if len(found) == expected and all(ops.is_empty() for ops in found):
            directives[:] = []
            logging.getLogger("alembic.env").info("No changes in schema detected.")

    return process
