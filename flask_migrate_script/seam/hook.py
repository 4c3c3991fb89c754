"""Where this package stands between Alembic and the database: the only methods of theirs that it replaces.

env.py files are the user's and make engines of their own, so what must hold around a migration hangs on
``context.configure``, which every one of them calls. Each method is replaced once and for all, and does what it did
before for everybody who is not watched, so that other threads and other users of Alembic see no difference.
"""

from __future__ import annotations

import functools
import inspect
import sys
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Callable, ContextManager, Dict, Iterator, Optional, Tuple

from ..failure_context import note
from . import events
from .active import ACTIVE
from .driver import is_looking, looking
from .watch import KEY, Bypass, Run

if TYPE_CHECKING:
    from alembic.operations import MigrateOperation, Operations
    from alembic.operations.batch import BatchOperationsImpl
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.pool import PoolProxiedConnection

    from .database import Database

_OURS = "_flask_migrate_script"


def install() -> None:
    """Replace Alembic's methods, where that is not done yet, and listen to SQLAlchemy."""
    from alembic import context  # noqa: F401  # makes its functions from the class as it is now
    from alembic.operations import Operations
    from alembic.operations.batch import BatchOperationsImpl
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.engine import Engine

    invoking = next(kind for kind in Operations.__mro__ if "invoke" in vars(kind))  # of BatchOperations, too
    _replace(EnvironmentContext, "configure", _configure)
    _replace(MigrationContext, "run_migrations", _run_migrations)
    _replace(MigrationContext, "autocommit_block", _autocommit_block)
    _replace(invoking, "invoke", _invoke)
    _replace(BatchOperationsImpl, "flush", _flush)
    _replace(Engine, "raw_connection", _raw_connection)
    _watch_driver_connection()
    events.install()


def _replace(owner: type, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put our method around a class's own, unless it is there already, below another library's wrapper even."""
    method: Any = vars(owner)[name]
    known = method
    while known is not None:
        if getattr(known, _OURS, False) and known.__dict__.get(_OURS) is make:
            return
        known = getattr(known, "__wrapped__", None)
    ours = functools.wraps(method)(make(method))
    ours.__dict__[_OURS] = make
    setattr(owner, name, ours)


def _watch_driver_connection() -> None:
    """Note where a script takes the driver's own connection in its hands: what it does with it goes past SQLAlchemy."""
    from sqlalchemy.engine import Connection

    original: Any = vars(Connection)["connection"]
    if getattr(original.fget, _OURS, False):
        return

    @functools.wraps(original.fget)
    def connection(self: Connection) -> PoolProxiedConnection:
        if ACTIVE and not is_looking() and not _is_sqlalchemys(inspect.currentframe()):
            for run in ACTIVE:
                run.touch(self)
        found: PoolProxiedConnection = original.fget(self)
        return found

    connection.__dict__[_OURS] = True
    Connection.connection = property(connection, doc=original.__doc__)  # type: ignore[assignment,method-assign]  # see above


def _raw_connection(original: Callable[..., Any]) -> Callable[..., Any]:
    """Note where a script takes a driver's connection out of an engine's pool: SQLAlchemy never sees what it does."""

    def raw_connection(self: Engine, *args: Any, **kwargs: Any) -> Any:
        if ACTIVE and not is_looking() and not _is_sqlalchemys(inspect.currentframe()):
            for run in ACTIVE:
                run.touch(None)
        return original(self, *args, **kwargs)

    return raw_connection


def _is_sqlalchemys(frame: Optional[FrameType]) -> bool:
    """Return whether it is SQLAlchemy itself that calls the function of a frame, as to begin or to commit.

    An async connection's is called for whoever has it, from no frame.
    """
    caller = frame.f_back if frame else None
    name = str(caller.f_globals.get("__name__")) if caller else ""
    return name.startswith(("sqlalchemy.engine.", "sqlalchemy.dialects."))


def _configure(original: Callable[..., None]) -> Callable[..., None]:
    def configure(self: EnvironmentContext, *args: Any, **kwargs: Any) -> None:
        run: Optional[Run] = self.config.attributes.get(KEY)
        arguments = _name_arguments(original, self, args, kwargs)
        offline = self.is_offline_mode() or arguments.get("connection") is None
        if run is None or offline or id(self) in run.configuring:
            original(self, *args, **kwargs)
            return
        run.configuring.add(id(self))
        try:
            with run.as_invoked():
                database = run.take_database(self, arguments)
            original(self, **_flatten(arguments))
            with run.as_invoked():
                run.take_context(database, self.get_context())
        finally:
            run.configuring.discard(id(self))

    return configure


def _name_arguments(
    original: Callable[..., Any], self: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]
) -> Dict[str, Any]:
    """Return the arguments of a call by name; what is not in the signature is under ``kw``.

    Another library's wrapper may hide the signature: then all are as they were given, and the first is the connection.
    """
    signature = inspect.signature(original)
    if "connection" in signature.parameters:
        found = dict(signature.bind(self, *args, **kwargs).arguments)
        found.pop(next(iter(found)))
        return found
    return {**dict(zip(("connection", "url", "dialect_name", "dialect_opts"), args)), **kwargs}


def _flatten(arguments: Dict[str, Any]) -> Dict[str, Any]:
    found = dict(arguments)
    return {**found, **found.pop("kw", {})}


def _run_migrations(original: Callable[..., None]) -> Callable[..., None]:
    def run_migrations(self: MigrationContext, **kwargs: Any) -> None:
        database = find(self)
        if database is None:
            _run_unseen(self, functools.partial(original, self, **kwargs))
        elif not database.chosen:
            database.ran = True
        elif database.in_run:
            original(self, **kwargs)
        else:
            database.keywords = kwargs
            with database.run.enter_run(database):
                original(self, **kwargs)

    return run_migrations


def _run_unseen(context: MigrationContext, run_migrations: Callable[[], None]) -> None:
    """Run migrations past the seam, where they may, and note what became of the version table."""
    bypassed = [run for run in ACTIVE if run.bypass(context)]
    if not bypassed:
        run_migrations()
        return
    bypass = Bypass(context, tuple(context.get_current_heads()))
    bypassed[-1].bypasses.append(bypass)
    try:
        run_migrations()
    except BaseException as exc:
        note(exc, first_error=bypass.first_error)
        raise


def _autocommit_block(original: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def autocommit_block(self: MigrationContext) -> Iterator[None]:
        database = find(self)
        if database is None or database.in_autocommit:
            with original(self):
                yield
            return
        replaced = next(filter(None, (part.replace_autocommit(database) for part in database.parts)), None)
        if replaced is not None:
            with replaced:
                yield
            return
        for part in database.parts:
            part.before_autocommit(database)
        database.in_autocommit = True
        try:
            with _enter_quietly(original(self)):
                try:
                    with ExitStack() as inside:
                        for part in database.parts:
                            inside.enter_context(part.inside_autocommit(database))
                        yield
                finally:
                    database.in_autocommit = False  # at its end the block begins a transaction again
        finally:
            database.in_autocommit = False

    return autocommit_block


@contextmanager
def _enter_quietly(block: ContextManager[None]) -> Iterator[None]:
    """Enter and leave a block of Alembic's, which looks at the driver's connection itself."""
    with looking():
        block.__enter__()
    try:
        yield
    except BaseException:
        with looking():
            if not block.__exit__(*sys.exc_info()):
                raise
    else:
        with looking():
            block.__exit__(None, None, None)


def _invoke(original: Callable[..., Any]) -> Callable[..., Any]:
    def invoke(self: Operations, operation: MigrateOperation) -> object:
        if not ACTIVE:
            return original(self, operation)
        database = find(self.migration_context)
        if database is None:
            for run in ACTIVE:
                run.bypass(self.migration_context)
            return original(self, operation)
        with ExitStack() as around:
            for part in database.parts:
                around.enter_context(part.around_operation(database, self, operation))
            return original(self, operation)

    return invoke


def _flush(original: Callable[..., None]) -> Callable[..., None]:
    def flush(self: BatchOperationsImpl) -> None:
        database = find(self.operations.migration_context) if ACTIVE else None
        if database is None:
            original(self)
            return
        with ExitStack() as around:
            for part in database.parts:
                around.enter_context(part.around_flush(database))
            original(self)

    return flush


def find(context: MigrationContext) -> Optional[Database]:
    """Return the database that one of Alembic's contexts was made for, in a run that is going on."""
    for run in ACTIVE:
        database = run.find(context)
        if database is not None:
            return database
    return None
