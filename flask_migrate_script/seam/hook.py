"""The one place where this package sees the connection that env.py gives to Alembic.

env.py files are the user's and make engines of their own, so what must hold around a migration hangs on the arguments
of ``context.configure``, which every one of them calls. ``EnvironmentContext.configure`` is wrapped once and for all;
the wrapper does nothing outside a guarded run, so that other threads and other users of Alembic see no difference.
"""

from __future__ import annotations

import functools
import inspect
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Callable, Dict, Iterator, Protocol, Tuple


class Watcher(Protocol):
    """Who is told of each database that env.py configures."""

    def configuring(self, environment: Any, arguments: Dict[str, Any]) -> None:
        """Before Alembic sees the arguments, which may be changed."""

    def configured(self, context: Any) -> None:
        """With the MigrationContext that Alembic made of them."""


_watchers: ContextVar[Tuple[Watcher, ...]] = ContextVar("flask_migrate_script.guard", default=())


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Tell the watcher of every ``context.configure`` in the block, in this thread, after those of blocks around it."""
    _wrap_configure()
    token = _watchers.set((*_watchers.get(), watcher))
    try:
        yield
    finally:
        _watchers.reset(token)


def _wrap_configure() -> None:
    from alembic import context  # noqa: F401  # makes its functions from the class as it is now
    from alembic.runtime.environment import EnvironmentContext

    original: Callable[..., None] = EnvironmentContext.configure
    if hasattr(original, "__wrapped__"):
        return
    signature = inspect.signature(original)

    @functools.wraps(original)
    def configure(self: EnvironmentContext, *args: Any, **kwargs: Any) -> None:
        watchers = _watchers.get()
        given = signature.bind(self, *args, **kwargs)
        if not watchers or self.is_offline_mode() or given.arguments.get("connection") is None:
            original(self, *args, **kwargs)
            return
        for watcher in watchers:
            watcher.configuring(self, given.arguments)
        original(*given.args, **given.kwargs)
        for watcher in watchers:
            watcher.configured(self.get_context())

    EnvironmentContext.configure = configure  # type: ignore[method-assign]  # see the module's docstring
