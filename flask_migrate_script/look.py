"""A look at the migrations folder and the databases: under the guard, with nothing changed and nothing printed."""

from __future__ import annotations

from typing import Any, Callable, List, TypeVar

from .config import XArg, opened_config
from .console.stdout import divert_prints
from .errors import Asked
from .guard import guarded, settings
from .history.cycles import refuse_cycles

T = TypeVar("T")


def look(see: Callable[[Any], T], directory: Any, x_arg: XArg, asked: Asked = None, **guard: Any) -> T:
    """Return what a function finds: ``look(positions, directory, x_arg, bind=bind, wait=wait)``.

    What the application or env.py prints meanwhile goes to stderr: stdout is for the result.

    :param see: is given the open Config; it may be called again, where a server did not answer.
    :param directory: the migrations folder; None for the registered one.
    :param x_arg: arguments for env.py.
    :param asked: the revisions that the caller named.
    :param guard: ``bind`` and ``wait`` (seconds), as verbs have them.
    :raises MigrateError: if the function fails, a database does not answer, or the revisions make no graph.
    """
    seen: List[T] = []

    def once() -> None:
        with divert_prints(), opened_config(directory, x_arg) as config:
            refuse_cycles(config)
            seen[:] = [see(config)]

    guarded(once, settings(**guard), asked)
    return seen[0]


def in_each_database(config: Any, see: Callable[[Any], T]) -> List[T]:
    """Return what a function finds in each database that env.py configures, in its order; nothing is run there.

    To be called under the guard, as ``look`` does: binds that are not chosen are left out there.

    :param config: an open Config.
    :param see: is given Alembic's MigrationContext.
    """
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    found: List[T] = []

    def note(heads: Any, context: Any) -> List[Any]:
        found.append(see(context))
        return []

    scripts = ScriptDirectory.from_config(config)
    # dont_mutate: Alembic makes no version table where there is none.
    with EnvironmentContext(config, scripts, fn=note, dont_mutate=True):
        scripts.run_env()
    return found
