"""An upgrade or a downgrade before it is done: run and rolled back, or read from the scripts; nothing is changed."""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ContextManager,
    Dict,
    Iterable,
    Iterator,
    List,
    NoReturn,
    Optional,
    Set,
    Tuple,
)

from flask import current_app

from ..config import get_state
from ..databases import find_engines
from ..errors import CannotConnect, MigrateError, list_chain
from ..explain import explain_errors
from ..guard.account import find_book
from ..guard.options import Settings
from ..guard.outcome import SHOWN_STATEMENTS
from ..guard.resume.interrupted import read_interrupted
from ..passwords import Mask, masked, masker
from ..scratch.opening import ScratchRefused, find_scratch_url
from ..seam import binds
from ..seam.database import Call, Database, Sent
from ..seam.events import is_same
from ..seam.parts import Part
from ..seam.watch import KEY, Run
from ..sql.targets import find_target
from ..sql.text import Kind, reads, split
from .copying.copy import Copy, NotCopied, open_copy
from .copying.deciding import Deciding
from .copying.recorder import CopyRecorder
from .held_back import IN_BLOCK, find_limit, hold_back, stays_outside
from .measuring import Measure, SQLiteMeasure, measure_for
from .options import RehearsalOptions
from .recording import MeasuringRecorder, Recorder
from .results import (
    Rehearsal,
    RehearsalFailure,
    RehearsalStop,
    RehearsedCopy,
    RehearsedDatabase,
    RehearsedLock,
    RehearsedStep,
)
from .scripts import Script
from .sequences import Sequences
from .uncommitted import (
    Stopped,
    Uncommitted,
    checks_constraints,
    find_rollback,
    has_rollback,
    is_left,
    is_refusal,
)

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.operations import MigrateOperation, Operations
    from alembic.runtime.migration import MigrationStep
    from sqlalchemy.engine import Connection, Engine

Change = Callable[[Callable[["Config"], None]], None]
"""Calls a function with an open Config, under the guard, with nothing committed."""


def rehearse_command(
    name: str, target: str, tag: Optional[str], settings: Settings, options: RehearsalOptions, change: Change
) -> Rehearsal:
    """Return what an upgrade or a downgrade would do, and change nothing.

    :param name: ``"upgrade"`` or ``"downgrade"``.
    :param target: where to.
    :param tag: free text for env.py.
    :param options: how it is to be done.
    :returns: the databases with their steps, and the failure where a step would fail.
    :raises MigrateError: if it cannot begin: no such revision, no database that answers.
    """
    attempts: List[Rehearsing] = []

    def attempt(config: Config) -> None:
        attempts.append(Rehearsing(settings, options))
        attempts[-1].run(config, lambda: _alembics(name)(config, target, tag=tag))

    with explain_errors(target), _no_new_files():
        try:
            change(attempt)
        except MigrateError as error:
            if not attempts or not attempts[-1].failed(error):
                raise
    return Rehearsal(attempts[-1].databases, attempts[-1].changed)


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
    engines = find_engines(get_state().db).values()
    files = {str(engine.url.database or ""): engine for engine in engines if engine.dialect.name == "sqlite"}
    return {path: engine for path, engine in files.items() if path not in ("", ":memory:")}


@dataclass
class State:
    """One database during a rehearsal.

    :param script: where it is to be read, because nothing can be rolled back there.
    :param copy: where it runs on a copy.
    :param outside: a real run would be outside of a transaction now.
    :param committed: a real run would have committed since the first step began.
    :param commits_steps: it would commit after each step.
    :param checking: what is deferred is to be checked, as a real run would commit.
    """

    found: RehearsedDatabase
    database: Database
    engine: Engine
    sequences: Sequences = field(default_factory=Sequences)
    uncommitted: Optional[Uncommitted] = None
    script: Optional[Script] = None
    steps: Iterator[Any] = field(default_factory=lambda: iter(()))
    recorder: Optional[Recorder] = None
    copy: Optional[Copy] = None
    measure: Optional[Measure] = None
    outside: bool = False
    committed: bool = False
    commits_steps: bool = False
    checking: bool = False
    mask: Mask = field(default_factory=masker)
    limit: str = ""
    limited: Optional[float] = None
    began: float = field(default_factory=time.perf_counter)
    locks: List[Tuple[RehearsedLock, float]] = field(default_factory=list)
    warned: Set[str] = field(default_factory=set)


@dataclass
class Rehearsing(Part):
    """One attempt, and every database that env.py opens in it."""

    settings: Settings
    options: RehearsalOptions = field(default_factory=RehearsalOptions)
    databases: List[RehearsedDatabase] = field(default_factory=list)
    states: List[State] = field(default_factory=list)
    over: bool = False
    through: bool = False
    changed: bool = False

    def run(self, config: Config, migrate: Callable[[], None]) -> None:
        """Call one of Alembic's commands so that nothing it does lasts."""
        run: Run = config.attributes[KEY]
        run.parts = [self, *run.parts]
        try:
            migrate()
        except BaseException as exc:  # an env.py may make anything of what ends a rehearsal
            if not (self.over or isinstance(exc, Stopped)) or isinstance(exc, KeyboardInterrupt):
                raise
        for database in run.databases:
            if isinstance(database.failure, Stopped) or self.over:
                database.failure, database.ran = None, True
        self.through = True
        for state in self.states:
            if state.found.stopped:
                left = list(state.steps)
                state.found.stopped.left = [str(step.revision.revision) for step in left]
                state.script = Script(state.found, state.engine, state.database, steps=left)
        self._read_scripts(config)

    def failed(self, error: MigrateError) -> bool:
        """Note an error as the failure of the last step that was run; False where it is none."""
        state = next((one for one in reversed(self.states) if one.script is None and one.found.steps), None)
        if state is None or self.through or isinstance(error, CannotConnect):
            return False
        found = state.found
        if state.copy:
            _tell_of_copy(error, state.copy, found)
        statements = (getattr(exc, "statement", None) for exc in list_chain(error))
        statement = next((one for one in statements if one), None)
        words = masked(" ".join(str(statement).split())) if statement else None
        found.failure = RehearsalFailure(found.steps[-1].revision, words, error.problem.splitlines()[0], error)
        return True

    def configuring(self, database: Database) -> None:
        rolls_back = has_rollback(database)
        mode = "rehearsed" if rolls_back else "read"
        found = RehearsedDatabase(database.name or binds.DEFAULT, database.shown, mode)
        state = State(found, database, database.connection.engine)
        database.state[Rehearsing] = state
        self.databases.append(state.found)
        self.states.append(state)
        # Alembic makes no version table then.
        database.environment.context_opts["dont_mutate"] = not rolls_back
        if rolls_back:
            state.commits_steps = bool(database.arguments.get("transaction_per_migration"))
            database.arguments.update(transactional_ddl=True, transaction_per_migration=False)
            state.uncommitted = Uncommitted(database, self._stop)
        else:
            state.script = Script(state.found, state.engine, database)

    def redirect(self, database: Database) -> Optional[Connection]:
        """Let it run on a copy, where nothing can be rolled back and a copy may be made."""
        state = _state(database)
        if state.script is None or database.dialect not in ("mysql", "mariadb") or self.options.no_copy:
            return None
        url = find_scratch_url(current_app.config, state.found.name)
        with ExitStack() as opening:
            try:
                state.copy = open_copy(database, self.options, url, self.settings.ddl_timeout, opening)
            except (NotCopied, ScratchRefused) as error:
                if url is not None and isinstance(error, ScratchRefused):
                    raise
                state.found.why, state.found.advice = error.problem, error.advice
                return None
            database.run.held.enter_context(opening.pop_all())
        state.script, state.found.mode = None, "rehearsed on a copy"
        state.found.copy = describe_copy(state.copy)
        database.environment.context_opts["dont_mutate"] = False
        return state.copy.connection

    def configured(self, database: Database) -> None:
        # "Running upgrade" would be said of what is not done.
        logging.getLogger("alembic.runtime.migration").setLevel(logging.WARNING)

    def follow_steps(self, database: Database, steps: Iterable[MigrationStep]) -> Iterable[MigrationStep]:
        state = _state(database)
        state.found.current = database.before
        if state.script is None:
            state.steps = iter(steps)
            return state.steps
        assert database.context is not None
        state.script.steps, state.script.unfinished = list(steps), read_interrupted(database.context)
        return ()

    @contextmanager
    def around_run(self, database: Database) -> Iterator[None]:
        """In a transaction where env.py opens none."""
        state, context = _state(database), database.context
        started = time.perf_counter()
        transaction: ContextManager[Any] = nullcontext()
        if state.uncommitted and context is not None and not database.connection.in_transaction():
            transaction = context.begin_transaction()
        try:
            with transaction, state.uncommitted.refuse_commits() if state.uncommitted else nullcontext():
                yield
        finally:
            ended = time.perf_counter()
            if state.measure is not None:
                state.measure.close()
            state.found.seconds = ended - started
            for lock, since in state.locks:
                lock.seconds = ended - since

    @contextmanager
    def around_step(self, database: Database, step: MigrationStep) -> Iterator[None]:
        state = _state(database)
        running = described(step)
        state.found.steps.append(running)
        if state.copy:
            with self._around_step_on_copy(database, state, state.copy, running):
                yield
            return
        assert state.uncommitted is not None
        if state.measure is None:
            state.measure = measure_for(database.connection)
            state.measure.version_table = _name_version_table(database)
            if isinstance(state.measure, SQLiteMeasure):
                state.uncommitted.hear = state.measure.hear
        recorder = MeasuringRecorder(running, database.connection, state.mask, state.measure)
        state.outside = False
        state.committed = state.committed or (state.commits_steps and len(state.found.steps) > 1)
        started = time.perf_counter()
        try:
            with state.uncommitted.around_step():
                state.recorder = recorder
                yield
                recorder.finish(database.touched)
                self._note_locks(state, running)
        except Exception as exc:
            if is_refusal(exc):
                self._stop(database, state.uncommitted.explain(exc))
            if state.limit:
                self._stop(database, state.limit)
            if self._is_late(state):
                self._stop(database, self._tell_late())
            raise
        finally:
            running.seconds = time.perf_counter() - started
            state.recorder = None
        if find_book(database).ended or state.uncommitted.refused:  # the script has gone on after the refusal
            self._stop(database, state.uncommitted.explain())

    @contextmanager
    def _around_step_on_copy(
        self, database: Database, state: State, copy: Copy, running: RehearsedStep
    ) -> Iterator[None]:
        started = time.perf_counter()
        state.recorder = CopyRecorder(running, copy, state.mask)
        try:
            yield
        except Exception as exc:
            doubt = Deciding(copy).find_doubt(exc)
            if doubt:
                self._stop(database, doubt)
            raise
        finally:
            running.seconds = time.perf_counter() - started
            state.recorder = None

    def replace_autocommit(self, database: Database) -> Optional[ContextManager[None]]:
        if not _state(database).uncommitted:
            return None
        if database.external:  # seen: Alembic 1.20 refuses it with an AssertionError, 1.4.3 does not
            self._stop(database, "it leaves a transaction that env.py has begun (autocommit_block)")
        return self._stay(database)

    @contextmanager
    def _stay(self, database: Database) -> Iterator[None]:
        """Run an autocommit_block() inside of the transaction."""
        state = _state(database)
        assert state.uncommitted is not None
        state.uncommitted.check_as_committed()
        state.found.steps[-1].add_note(IN_BLOCK)
        state.outside = state.committed = True
        try:
            yield
        finally:
            state.outside = False

    def around_operation(
        self, database: Database, operations: Operations, operation: MigrateOperation
    ) -> ContextManager[None]:
        recorder = _state(database).recorder
        return recorder.operation(operation) if recorder else nullcontext()

    def around_flush(self, database: Database) -> ContextManager[None]:
        recorder = _state(database).recorder
        return recorder.flush() if recorder else nullcontext()

    def before_statement(self, database: Database, sent: Sent) -> None:
        """See to it that a rollback takes back what a step is about to do."""
        state = _state(database)
        if not isinstance(state.recorder, (MeasuringRecorder, CopyRecorder)):
            return
        if self.over:
            raise Stopped(None)
        if state.copy:
            self._look_at(database, sent, state.copy)
            state.recorder.sends(sent.text)
            return
        if is_left(database, sent.connection):
            self._stop(database, "it leaves the transaction (AUTOCOMMIT)")
        if self._is_late(state):
            self._stop(database, self._tell_late())
        word = find_rollback(sent.text, database.dialect)
        if word:
            self._stop(database, f"it ends the transaction itself ({word})")
        state.recorder.sends(sent.text)
        passed = hold_back(sent.text, database.dialect, state.outside)
        for note in passed.notes:
            state.recorder.step.add_note(note)
        sent.text, state.checking = passed.text, passed.commits
        state.outside = (state.outside or (passed.commits and stays_outside(sent.connection))) and not passed.begins
        state.committed = state.committed or passed.commits
        state.sequences.keep(sent.connection, sent.text)
        self._warn(database, state, sent.text)
        self._limit(state)

    def _warn(self, database: Database, state: State, sql: str) -> None:
        """Say beforehand that others will have to wait, where a statement defines something about a large table."""
        assert state.measure is not None
        for statement in split(sql, database.dialect):
            target = find_target(statement) if statement.kind is Kind.DDL else None
            if target is None or target.written in state.warned:
                continue
            state.warned.add(target.written)
            rows = state.measure.estimate_rows(target.written)
            if rows:
                database.say(
                    f"{target.plain} is large (about {rows:,} rows): from here on until the rehearsal is rolled back,"
                    f" other sessions may have to wait for it. --rehearse-seconds limits that"
                    f" ({self.settings.rehearse_seconds:g})."
                )

    def _limit(self, state: State) -> None:
        left = self._find_seconds_left(state)
        if state.measure is not None and left is not None and (state.limited is None or left < state.limited / 2):
            state.limited = left
            state.measure.limit_seconds(left)

    def _find_seconds_left(self, state: State) -> Optional[float]:
        """Return how long the rehearsal of a database may still go on; None for as long as it takes."""
        limit = self.settings.rehearse_seconds
        return max(limit - (time.perf_counter() - state.began), 0) if limit else None

    def _is_late(self, state: State) -> bool:
        return self._find_seconds_left(state) == 0

    def _tell_late(self) -> str:
        return f"it has taken {self.settings.rehearse_seconds:g} seconds (--rehearse-seconds)"

    def _note_locks(self, state: State, step: RehearsedStep) -> None:
        assert state.measure is not None
        for lock in state.measure.list_locks():
            blocks = "reads and writes" if lock.mode == "AccessExclusiveLock" else "writes"
            step.locks.append(RehearsedLock(lock.table, lock.mode, blocks))
            state.locks.append((step.locks[-1], lock.since))

    def after_statement(self, database: Database, sent: Sent) -> None:
        recorder = _state(database).recorder
        if isinstance(recorder, CopyRecorder):
            recorder.count_deleted(sent.text, getattr(sent.cursor, "rowcount", -1))
        if recorder:
            recorder.sent(sent.text)

    def execute(self, database: Database, call: Call) -> Optional[bool]:
        """Measure what a statement does while it is executed."""
        state = database.state.get(Rehearsing)
        if state is None or not isinstance(state.recorder, MeasuringRecorder):
            return None
        assert state.uncommitted is not None
        if state.uncommitted.is_over():
            self._stop(database, state.uncommitted.explain())
        if state.checking:
            state.checking = False
            state.uncommitted.check_as_committed()
        state.uncommitted.listen()
        checks = checks_constraints(call.statement, database.dialect)
        try:
            with state.uncommitted.around_check() if checks else nullcontext():
                state.recorder.execute(call.execute, call.statement)
        except Exception as exc:  # the driver's own class
            state.limit = find_limit(exc, state.outside, state.committed)
            raise
        state.limit = ""
        if not reads(call.statement, database.dialect):
            self._note_locks(state, state.recorder.step)
        return True

    def _look_at(self, database: Database, sent: Sent, copy: Copy) -> None:
        """Send nothing that may reach past the copy."""
        if self._is_late(_state(database)):
            self._stop(database, self._tell_late())
        reach = copy.find_reach(sent.text)
        if reach:
            self._stop(database, f"a statement would reach past the copy: {reach}")

    def before_foreign_statement(self, database: Database, sent: Sent) -> None:
        state = _state(database)
        if state.copy and state.script is None:
            self._look_at_foreign(database, sent, state.copy)
            return
        if reads(sent.text, sent.connection.dialect.name):
            return
        if _state(database).script is not None:
            raise MigrateError("it writes on a connection of its own")
        self._stop(database, "it writes on a connection of its own, which a rehearsal cannot roll back")

    def _look_at_foreign(self, database: Database, sent: Sent, copy: Copy) -> None:
        """Let a script ask other databases; the real one does not know what it has done on the copy."""
        if is_same(sent.connection, copy.real):
            return
        if sent.connection.engine is copy.connection.engine:
            self._look_at(database, sent, copy)
        elif not reads(sent.text, sent.connection.dialect.name):
            self._stop(database, "it writes on a connection of its own, which does not lead to the copy")
        elif sent.connection.dialect.name == database.dialect:
            self._stop(database, "it reads on a connection of its own, which does not lead to the copy")

    def driver_taken(self, database: Database) -> None:
        state = _state(database)
        if state.copy and state.script is None and not self.over:
            self._stop(database, "it uses the driver's own connection, on which its statements are not seen")

    def foreign_driver_taken(self, database: Database) -> None:
        if _state(database).script is not None:
            raise MigrateError("it has a driver's connection of its own")
        self._stop(database, "it has a driver's connection of its own, on which nothing is seen")

    def committing(self, database: Database) -> None:
        state = database.state.get(Rehearsing)
        if state and state.uncommitted:
            state.uncommitted.commit(stepping=state.recorder is not None)

    def preparing(self, database: Database) -> None:
        """A transaction in two phases is at its end: what is raised here rolls it back."""
        state = database.state.get(Rehearsing)
        if state and state.uncommitted:
            state.uncommitted.check_constraints()
            raise Stopped(None)

    def _read_scripts(self, config: Config) -> None:
        from alembic.runtime.environment import EnvironmentContext
        from alembic.script import ScriptDirectory

        for state in self.states:
            if state.script is not None:
                with EnvironmentContext(config, ScriptDirectory.from_config(config), as_sql=True) as environment:
                    state.script.read_anywhere(environment, described, self.settings.ddl_timeout, state)

    def _stop(self, database: Database, reason: str) -> NoReturn:
        found = _state(database).found
        if not self.over and found.steps:
            found.stopped = RehearsalStop(found.steps[-1].revision, reason)
        self.over = True
        raise Stopped(reason)


def _name_version_table(database: Database) -> str:
    assert database.context is not None
    return ".".join(filter(None, (database.context.version_table_schema, database.context.version_table)))


def _state(database: Database) -> State:
    found: State = database.state[Rehearsing]
    return found


def describe_copy(copy: Copy) -> RehearsedCopy:
    """Return what a copy is, and what it is not, for a person and for a program."""
    partial = {name: one.rows for name, one in copy.copied.items() if not one.whole}
    left_out = [f"{one.kind} {one.name}: {one.reason}" for one in copy.left_out]
    left_out += [f"rows of {name}: {one.why}" for name, one in copy.copied.items() if one.why]
    rows = sum(one.rows for one in copy.copied.values())
    differences = list(copy.scratch.differences)
    return RehearsedCopy(copy.seconds, len(copy.copied), rows, partial, copy.rows_why, left_out, differences)


def _tell_of_copy(error: MigrateError, copy: Copy, found: RehearsedDatabase) -> None:
    """Let an error of the copy say what is true of the real database, under its own name."""
    left = [text for one in error.outcomes for text in one.left]
    error.problem = error.problem.replace(copy.scratch.name, copy.catalog.name)
    at = f"at {', '.join(found.current)}" if found.current else "at no revision yet"
    error.outcome = [f"It failed on a copy. Nothing was changed, the database is {at}."]
    if left:
        error.outcome.append("The real run would leave these statements in effect:")
        error.outcome += [f"  {text}" for text in left[:SHOWN_STATEMENTS]]
        error.outcome += [f"  and {len(left) - SHOWN_STATEMENTS} more"] if len(left) > SHOWN_STATEMENTS else []


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
