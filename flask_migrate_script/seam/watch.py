"""One run of a verb: its parts, the databases that env.py opens in it, and what went past it.

Who is watching travels with Alembic's Config (``config.attributes``), so it holds in every thread and every event loop
in which env.py runs its migrations. The seam fails closed: steps that it has not seen are an error.
"""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from .. import invocation
from ..console.terminal import remove_controls
from ..databases import shown_url
from ..errors import MigrateError
from ..failure_context import FirstError
from ..sql.quoting import qualified
from . import binds, events
from .active import ACTIVE
from .database import Database
from .driver import OtherConnection
from .parts import Part

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext, MigrationStep
    from sqlalchemy.engine import Connection

KEY = "flask_migrate_script"
"""Where ``config.attributes`` has the Run."""


class Unguarded(MigrateError):
    """Migrations would run, or have run, where the seam does not see them."""


class Bypass:
    """Migrations that have run out of the seam's sight.

    :param context: the MigrationContext that they ran with.
    :param before: what its version table had.

    ``first_error`` is the first of the errors that no statement has followed which succeeded.
    """

    def __init__(self, context: MigrationContext, before: Tuple[str, ...]) -> None:
        assert context.connection is not None
        self.connection, self.before = context.connection, before
        self.shown = shown_url(self.connection.engine.url)
        self._table = qualified(context.dialect, context.version_table_schema, context.version_table)
        self.first_error: Optional[FirstError] = None
        self._known = False
        self._after: Optional[Tuple[str, ...]] = None

    @property
    def after(self) -> Optional[Tuple[str, ...]]:
        """What the version table has once env.py is through, as another connection sees it; None where nothing says."""
        if not self._known:
            self._known = True
            with suppress(Exception), OtherConnection(self.connection) as other:
                rows = other.run(f"SELECT version_num FROM {self._table}")
                self._after = tuple(sorted(str(row[0]) for row in rows))
        return self._after

    @property
    def moved(self) -> bool:
        return self.after is None or set(self.after) != set(self.before)


def tell(text: str) -> None:
    """Tell the person at the command line something that is not a result."""
    print(remove_controls(text), file=sys.stderr, flush=True)


@dataclass
class Run:
    """One attempt of a verb.

    :param parts: what stands around its migrations.
    :param chosen: the binds it is for; none for all.
    :param guards: migrations may run only in sight of the seam.
    :param refuses: where they would run out of its sight, they are refused before, and not only told of afterwards.
    """

    parts: Sequence[Part] = ()
    chosen: Sequence[str] = ()
    guards: bool = False
    refuses: bool = False
    databases: List[Database] = field(default_factory=list)
    bypasses: List[Bypass] = field(default_factory=list)
    refusal: Optional[Unguarded] = None
    held: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self._commands: List[Tuple[EnvironmentContext, Dict[str, Any]]] = []
        self._contexts: Dict[int, Database] = {}
        self._known_threads: Set[Optional[int]] = {one.ident for one in threading.enumerate()}
        self._thread = threading.get_ident()
        self._invocation = invocation.get_invocation()
        self.configuring: Set[int] = set()
        self.stepping: Optional[Database] = None

    def attach(self, config: Config) -> None:
        """Let everything that works with this Config be watched."""
        config.attributes[KEY] = self

    def say(self, text: str) -> None:
        """Tell the person at the command line something that is not a result."""
        tell(text)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watch for the block, and give back at its end what the parts hold.

        ``hook.install()`` comes before it.
        """
        with self.held, _silence_thread_failures(self):
            ACTIVE.append(self)
            try:
                yield
            finally:
                ACTIVE.remove(self)

    def is_ours(self) -> bool:
        """Return whether this thread is the run's own, or was begun in the course of it."""
        thread = threading.get_ident()
        return thread == self._thread or thread not in self._known_threads

    @contextmanager
    def as_invoked(self) -> Iterator[None]:
        """Use the words of the command line in a thread of env.py's own, too."""
        if threading.get_ident() == self._thread:
            yield
        else:
            with invocation.use_invocation(self._invocation):
                yield

    def find(self, context: MigrationContext) -> Optional[Database]:
        """Return the database that Alembic's context was made for; None where it was made past the seam."""
        return self._contexts.get(id(context))

    def take_database(self, environment: EnvironmentContext, arguments: Dict[str, Any]) -> Database:
        """Take note of a database that env.py is about to give to Alembic, and let the parts see it."""
        command = self._find_command(environment)
        others = arguments.get("kw", {})
        fn = others.pop("fn", None) or command.get("fn")
        connection = arguments["connection"]
        database = Database(self, environment, arguments, fn, external=bool(connection.in_transaction()))
        database.chosen = binds.is_chosen(database.name, self.chosen)
        if not database.chosen:
            # It is not even looked at: MySQL keeps a lock on a version table that it was asked for.
            environment.context_opts.update(fn=_run_no_steps, dont_mutate=True, purge=False)
            return database
        environment.context_opts.update({option: command.get(option, False) for option in ("dont_mutate", "purge")})
        environment.context_opts["fn"] = database.walk_steps if self.guards else fn
        if self.guards:
            _append_callback(arguments, database)
        if self.chosen and database.name:
            hook_of_env = arguments.get("process_revision_directives")
            arguments["process_revision_directives"] = binds.drop_empty_script(hook_of_env, len(self.chosen))
        events.follow(database, self.held)
        for part in database.parts:
            part.configuring(database)
        self._redirect(database)
        return database

    def _redirect(self, database: Database) -> None:
        """Let a part give Alembic another connection, on which it is heard then, and not on env.py's."""
        for part in database.parts:
            other = part.redirect(database)
            if other is not None:
                events.leave(database)
                database.redirect(other)
                events.follow(database, self.held)
                return

    def take_context(self, database: Database, context: MigrationContext) -> None:
        """Take note of the context that Alembic has made for a database."""
        self.adopt(context, database)
        self.databases.append(database)
        for part in database.parts:
            part.configured(database)

    def adopt(self, context: MigrationContext, database: Database) -> None:
        """Let what is done with a context be seen as done to a database."""
        database.context = context
        self._contexts[id(context)] = database

    @contextmanager
    def enter_run(self, database: Database) -> Iterator[None]:
        """Put the parts around ``run_migrations``, and remember how it ended."""
        database.in_run, database.failure = True, None
        try:
            with self.as_invoked(), ExitStack() as around:
                for part in database.parts:
                    around.enter_context(part.around_run(database))
                yield
            database.ran = True
        except BaseException as exc:
            database.failure = exc
            raise
        finally:
            database.in_run = False

    @contextmanager
    def enter_step(self, database: Database, step: MigrationStep) -> Iterator[None]:
        """Put the parts around the script of one revision."""
        database.running, database.begun = step, True
        # An error leaves it as it is: it names the revision that failed.
        with self.follow_script(database), ExitStack() as around:
            for part in database.parts:
                around.enter_context(part.around_step(database, step))
            yield

    @contextmanager
    def follow_script(self, database: Database) -> Iterator[None]:
        """Let the parts of a database hear what its script sends over other connections."""
        self.stepping = database
        try:
            yield
        finally:
            self.stepping = None

    def touch(self, connection: Optional[Connection]) -> None:
        """A script takes a driver's own connection in its hands.

        :param connection: whose it is; None for one that has none of SQLAlchemy's around it.
        """
        database = self.stepping
        if database is None or not self.is_ours():
            return
        if connection is not None and events.is_same(database.connection, connection):
            database.touched = True
            for part in database.parts:
                part.driver_taken(database)
            return
        for part in database.parts:
            part.foreign_driver_taken(database)

    def bypass(self, context: MigrationContext) -> bool:
        """Return whether migrations that are about to run past the seam may do so.

        :raises Unguarded: where they may not.
        """
        if not self.guards or not self.is_ours() or context.as_sql:
            return False
        if self.refuses:
            self.refusal = self.refusal or Unguarded(
                "env.py runs migrations out of sight: on a MigrationContext, or with a Config, of its own.",
                "Nothing of them was run. Let env.py call context.configure() and context.run_migrations().",
            )
            raise self.refusal
        return True

    def finish(self) -> None:
        """Look whether everything that ran was seen.

        :raises Unguarded: where something was not, or nothing was run at all.
        """
        if self.refusal:
            raise self.refusal
        moved = [one for one in self.bypasses if one.moved]
        if moved:
            moves = [
                f"  {one.shown}: from {show_revisions(one.before)} to {show_revisions(one.after)}" for one in moved
            ]
            raise Unguarded(
                "Migrations ran unguarded, on a MigrationContext, or with a Config, of env.py's own: without a lock,"
                " in env.py's own transactions.\n" + "\n".join(moves),
                "Let env.py call context.configure() and context.run_migrations(), and look with {db} current.",
            )
        for database in self.databases:
            if database.failure is not None and not self._succeeded_later(database):
                raise database.failure
        if self.guards and not any(database.ran for database in self.databases):
            called = "context.run_migrations()" if self.databases else "context.configure() with a connection"
            raise Unguarded(
                f"env.py came to its end and did not call {called}: no migration was run.",
                "Correct env.py: {line} init -d FOLDER makes a new one to compare it with.",
            )

    def _succeeded_later(self, database: Database) -> bool:
        """Return whether env.py has tried the same database again, and got through."""
        later = self.databases[self.databases.index(database) + 1 :]
        return any(one.ran and one.failure is None and one.shown == database.shown for one in later)

    def _find_command(self, environment: EnvironmentContext) -> Dict[str, Any]:
        """Return what Alembic's command asked for, before it was changed for one of the databases."""
        for known, command in self._commands:
            if known is environment:
                return command
        self._commands.append((environment, dict(environment.context_opts)))
        return self._commands[-1][1]


def _append_callback(arguments: Dict[str, Any], database: Database) -> None:
    """Let Alembic tell of each move of the version, after env.py's own ``on_version_apply``."""
    given = arguments.get("on_version_apply")
    callbacks = tuple(given) if isinstance(given, (list, tuple, set)) else (given,) if given else ()

    def moved(heads: Set[str], **others: object) -> None:
        step, database.running = database.running, None
        assert step is not None, "a version moves when its step has run"
        for part in database.parts:
            part.version_moved(database, step, set(heads))

    arguments["on_version_apply"] = (*callbacks, moved)


@contextmanager
def _silence_thread_failures(run: Run) -> Iterator[None]:
    """Keep Python from printing a traceback where a thread of env.py's ends with a failure that the run will tell."""
    before = threading.excepthook

    def unless_told(args: threading.ExceptHookArgs) -> None:
        if not any(database.failure is args.exc_value for database in run.databases):
            before(args)

    threading.excepthook = unless_told
    try:
        yield
    finally:
        threading.excepthook = before


def _run_no_steps(heads: object, context: object) -> List[MigrationStep]:
    return []


def show_revisions(versions: Optional[Sequence[str]]) -> str:
    """Return where a database is, in words."""
    return "a place that it does not tell" if versions is None else ", ".join(versions) or "no revision"
