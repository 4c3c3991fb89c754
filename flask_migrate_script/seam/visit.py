"""Visiting each database that env.py configures, without running a step in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, TypeVar

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext, RevisionStep

T = TypeVar("T")


def visit_databases(config: Config, see: Callable[[MigrationContext], T]) -> List[T]:
    """Return what a function finds in each database that env.py configures, in its order; nothing is run there.

    To be called under the guard: binds that are not chosen are left out there.

    :param config: an open Config.
    """
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    found: List[T] = []

    def note(heads: object, context: MigrationContext) -> List[RevisionStep]:
        found.append(see(context))
        return []

    scripts = ScriptDirectory.from_config(config)
    # dont_mutate: Alembic makes no version table where there is none.
    with EnvironmentContext(config, scripts, fn=note, dont_mutate=True):
        scripts.run_env()
    return found
