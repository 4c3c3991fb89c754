"""An upgrade or a downgrade before it is done: run and rolled back, or read from the scripts; nothing is changed."""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List, NoReturn, Optional, Sequence

from ..config import XArg, registered_state
from ..databases import configured_engines, shown_url
from ..errors import CannotConnect, MigrateError, explained
from ..guard import Settings, settings
from ..guard.resume.interrupted import told
from ..guard.shared import refuse_shared_databases
from ..look import look
from ..passwords import masked
from ..seam import binds, hook
from ..seam import recorder as operations
from .results import Rehearsal, RehearsalFailure, RehearsalStop, RehearsedDatabase, RehearsedStep
from .scripts import Script
from .sequences import Sequences
from .uncommitted import Committed, Stopped, Uncommitted, can_roll_back, in_one_transaction, refuse_to_commit

DEFAULTS = {"upgrade": "head", "downgrade": "-1"}


def rehearse(
    verb: str,
    revision: Optional[str] = None,
    directory: Optional[str] = None,
    x_arg: XArg = None,
    tag: Optional[str] = None,
    **guard: Any,
) -> Rehearsal:
    """Return what an upgrade or a downgrade would do, and change nothing.

    On PostgreSQL and SQLite the migrations run, in a transaction that is never committed; they hold the locks of the
    real run until it is rolled back. Elsewhere, and where a connection is in autocommit mode, they are read in offline
    mode and nothing is executed. What a migration writes past SQLAlchemy cannot be held back. What env.py prints
    goes to stderr.

    :param verb: ``"upgrade"`` or ``"downgrade"``.
    :param revision: where to; ``"head"`` for an upgrade, ``"-1"`` for a downgrade.
    :param directory: the migrations folder; None for the registered one.
    :param x_arg: arguments for env.py.
    :param tag: free text for env.py.
    :param guard: ``bind``, ``lock_timeout``, ``no_lock``, ``wait``, ``ddl_timeout`` and ``ddl_retries`` as
        :func:`flask_migrate_script.upgrade` has them.
    :returns: the databases with their steps, and the failure where a step would fail.
    :raises MigrateError: if it cannot begin: no such revision, no database that answers.
    """
    if verb not in DEFAULTS:
        raise MigrateError(f"There is no rehearsal of {verb!r}.", 'It is "upgrade" or "downgrade".')
    target = DEFAULTS[verb] if revision is None else str(revision)
    attempts: List[_Rehearsing] = []

    def attempt(config: Any) -> None:
        attempts.append(_Rehearsing(settings(**guard)))
        refuse_shared_databases(config, registered_state().db, attempts[-1].settings.binds)
        attempts[-1].run(config, lambda: _alembics(verb)(config, target, tag=tag))

    with explained(target), _no_new_files():
        try:
            look(attempt, directory, x_arg, target, changes=True, commits=False, **guard)
        except MigrateError as error:
            if not attempts or not attempts[-1].failed(error):
                raise
    return Rehearsal(attempts[-1].databases, attempts[-1].committed)


def _alembics(verb: str) -> Callable[..., None]:
    from alembic import command

    found: Callable[..., None] = getattr(command, verb)
    return found


@contextmanager
def _no_new_files() -> Iterator[None]:
    """Remove the empty file that SQLite makes of a database which was not there."""
    missing = {path: engine for path, engine in _sqlite_files().items() if not os.path.exists(path)}
    try:
        yield
    finally:
        for path, engine in missing.items():
            if os.path.isfile(path) and not os.path.getsize(path):
                engine.dispose()  # a connection that it keeps would write into the removed file
                os.remove(path)


def _sqlite_files() -> Dict[str, Any]:
    engines = configured_engines(registered_state().db).values()
    files = {str(engine.url.database or ""): engine for engine in engines if engine.dialect.name == "sqlite"}
    return {path: engine for path, engine in files.items() if path not in ("", ":memory:")}


@dataclass
class _Rehearsing:
    """One attempt, and every database that env.py opens in it."""

    settings: Settings
    databases: List[RehearsedDatabase] = field(default_factory=list)
    scripts: List[Script] = field(default_factory=list)
    coming: Optional[RehearsedDatabase] = None
    steps: Iterator[Any] = field(default_factory=lambda: iter(()))
    running: Optional[RehearsedStep] = None
    over: bool = False
    through: bool = False
    committed: bool = False

    def run(self, config: Any, migrate: Callable[[], None]) -> None:
        """Call one of Alembic's commands so that nothing it does lasts."""
        try:
            with hook.watching(self):
                migrate()
        except BaseException as exc:  # an env.py may make anything of what ends a rehearsal
            if not (self.over or isinstance(exc, Stopped)) or isinstance(exc, KeyboardInterrupt):
                raise
        self.through = True
        self._list_what_is_left()
        self._read_scripts(config)

    def _list_what_is_left(self) -> None:
        for stopped in filter(None, (found.stopped for found in self.databases)):
            stopped.left = [str(step.revision.revision) for step in self.steps]

    def failed(self, error: MigrateError) -> bool:
        """Note an error as the failure of the last step that was run; False where it is none."""
        found = next((one for one in reversed(self.databases) if one.mode == "rehearsed" and one.steps), None)
        if found is None or self.through or isinstance(error, CannotConnect):
            return False
        self.committed = isinstance(error, Committed)
        error.outcome = [] if self.committed else error.outcome
        statement = next((exc.statement for exc in _causes(error) if getattr(exc, "statement", None)), None)
        words = masked(" ".join(str(statement).split())) if statement else None
        found.failure = RehearsalFailure(found.steps[-1].revision, words, error.problem.splitlines()[0], error)
        return True

    def configuring(self, environment: Any, arguments: Dict[str, Any]) -> None:
        name, connection = binds.of_arguments(arguments), arguments["connection"]
        self.coming = None
        # Alembic makes no version table then.
        environment.context_opts["dont_mutate"] = True
        if not binds.is_chosen(name, self.settings.binds):
            return
        rolls_back = can_roll_back(connection)
        shown = shown_url(connection.engine.url)
        self.coming = RehearsedDatabase(name or binds.DEFAULT, shown, "rehearsed" if rolls_back else "scripts")
        self.databases.append(self.coming)
        environment.context_opts["dont_mutate"] = not rolls_back
        fn = environment.context_opts["fn"]
        if rolls_back:
            arguments.update(transactional_ddl=True, transaction_per_migration=False)
            environment.context_opts["fn"] = self._recorded(fn, self.coming, connection)
        else:
            self.scripts.append(Script(self.coming, connection.engine, dict(arguments)))
            environment.context_opts["fn"] = self._put_aside(fn, self.coming, self.scripts[-1])

    def configured(self, context: Any) -> None:
        found = self.coming
        if found is None:
            return
        # "Running upgrade" would be said of what is not done.
        logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)
        context.run_migrations = self._timed(found, context, context.run_migrations)
        if found.mode == "rehearsed":
            Uncommitted(context.connection, self._stop).attach()
            context.autocommit_block = self._never_entered

    def _recorded(
        self, fn: Callable[..., Iterable[Any]], found: RehearsedDatabase, connection: Any
    ) -> Callable[..., Iterator[Any]]:
        """Return the function that yields the steps, each with its migration recorded."""
        sequences = Sequences()

        def recorded(heads: Any, context: Any) -> Iterator[Any]:
            found.current = tuple(heads)
            self.steps = iter(fn(heads, context))
            for step in self.steps:
                step.migration_fn = self._recording(step, found, connection, sequences)
                yield step

        return recorded

    def _recording(
        self, step: Any, found: RehearsedDatabase, connection: Any, sequences: Sequences
    ) -> Callable[..., None]:
        migrate = step.migration_fn

        def recording(**keywords: Any) -> None:
            self.running = described(step)
            found.steps.append(self.running)
            recorder = operations.Recorder(self.running, connection, self._before_each(connection, sequences))
            in_one = in_one_transaction(connection, self.running.revision, self._stop)
            started = time.perf_counter()
            try:
                with in_one, operations.recorded(recorder):
                    migrate(**keywords)
            finally:
                self.running.seconds = time.perf_counter() - started

        return recording

    def _put_aside(
        self, fn: Callable[..., Iterable[Any]], found: RehearsedDatabase, script: Script
    ) -> Callable[..., List[Any]]:
        """Return the function that gives Alembic no steps, and keeps them to be read."""

        def put_aside(heads: Any, context: Any) -> List[Any]:
            found.current = tuple(heads)
            script.steps, script.unfinished = list(fn(heads, context)), told(context)
            return []

        return put_aside

    def _timed(
        self, found: RehearsedDatabase, context: Any, run_migrations: Callable[..., None]
    ) -> Callable[..., None]:
        """Return Alembic's run_migrations, in a transaction where env.py opens none."""

        def timed(**keywords: Any) -> None:
            if found.mode == "scripts":
                self.scripts[-1].keywords = keywords
            started = time.perf_counter()
            try:
                with ExitStack() as transaction:
                    if found.mode == "rehearsed" and not context.connection.in_transaction():
                        transaction.enter_context(context.begin_transaction())
                    run_migrations(**keywords)
            finally:
                found.seconds = time.perf_counter() - started

        return timed

    def _read_scripts(self, config: Any) -> None:
        from alembic.runtime.environment import EnvironmentContext
        from alembic.script import ScriptDirectory

        for script in self.scripts:
            with EnvironmentContext(config, ScriptDirectory.from_config(config), as_sql=True) as environment:
                script.read(environment, described, self.settings.ddl_timeout)

    def _before_each(self, own: Any, sequences: Sequences) -> Callable[[Any, str], None]:
        """Return what is done before each statement of a step: it may not be one that lasts."""

        def before(connection: Any, sql: str) -> None:
            if self.over:
                raise Stopped(None)
            refuse_to_commit(own, connection, sql, self._stop)
            sequences.keep(connection, sql)

        return before

    @contextmanager
    def _never_entered(self) -> Iterator[None]:
        self._stop("it leaves the transaction (autocommit_block), and what it runs there would stay")
        yield

    def _stop(self, reason: str) -> NoReturn:
        found, step = self.databases[-1], self.running
        if not self.over and step is not None:
            found.stopped = RehearsalStop(step.revision, reason)
        self.over = True
        raise Stopped(reason)


def described(step: Any) -> RehearsedStep:
    """Return one of Alembic's steps, nothing of it done yet."""
    revision = step.revision
    message = (revision.doc or "").splitlines()
    return RehearsedStep(
        revision.revision,
        revision.down_revision,
        masked(message[0] if message else ""),
        "upgrade" if step.is_upgrade else "downgrade",
    )


def _causes(error: BaseException) -> Sequence[Any]:
    """Return an exception and those it was raised from, outermost first."""
    found: List[BaseException] = []
    exc: Optional[BaseException] = error
    while exc is not None and exc not in found:
        found.append(exc)
        exc = exc.__cause__ or exc.__context__
    return found
