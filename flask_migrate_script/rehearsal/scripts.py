"""Read from the scripts: where DDL cannot be rolled back, each step writes its SQL and nothing is executed."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from typing import Any, List, Sequence

from ..errors import MigrateError
from ..explanations.failure import name_error
from ..guard import patience
from ..guard.resume.interrupted import Interrupted, refuse_to_turn_round
from ..passwords import masked, masker
from ..seam.database import Database
from ..seam.driver import AsyncThread, is_async
from .names import Names
from .recording import ReadingRecorder, Recorder
from .results import RehearsalFailure, RehearsedDatabase, RehearsedStep


@dataclass
class Script:
    """The steps of one database, to be read when env.py is through.

    :param engine: where losses are counted, before the first step.
    :param database: what env.py has given to Alembic.
    :param unfinished: what the database remembers of interrupted migrations.
    """

    found: RehearsedDatabase
    engine: Any
    database: Database
    steps: List[Any] = field(default_factory=list)
    unfinished: Sequence[Interrupted] = ()

    def read_anywhere(self, environment: Any, described: Any, ddl_timeout: float, state: Any) -> None:
        """Do the same for an async driver, too, whose event loop is over by now."""
        if not is_async(self.engine):
            self.read(environment, described, ddl_timeout, state)
            return
        thread = AsyncThread()
        try:
            thread.call(lambda: self.read(environment, described, ddl_timeout, state))
        finally:
            thread.close()

    def read(self, environment: Any, described: Any, ddl_timeout: float, state: Any) -> None:
        """Fill in what each step would do.

        :param environment: Alembic's EnvironmentContext, made for offline mode.
        :param described: makes a RehearsedStep of one of Alembic's steps.
        :param ddl_timeout: seconds that counting may wait for a lock.
        :param state: of the rehearsal, which is given the recorder of each step.
        """
        started = time.perf_counter()
        self._turn_round([described(step) for step in self.steps[:1]])
        with self.engine.connect() as connection, patience.limit_waiting(connection, ddl_timeout):
            names = Names()
            for step in self.steps:
                rehearsed = described(step)
                rehearsed.executed = False
                rehearsed.note = self._done_already(rehearsed)
                self.found.steps.append(rehearsed)
                begun = time.perf_counter()
                state.recorder = ReadingRecorder(rehearsed, connection, masker(), names)
                self._read(environment, step, state.recorder)
                state.recorder = None
                rehearsed.seconds = time.perf_counter() - begun
        self.found.seconds += time.perf_counter() - started

    def _turn_round(self, first: Sequence[RehearsedStep]) -> None:
        """Note the failure of a run that something interrupted in the other direction is in the way of."""
        for step in first:
            others = [one for one in self.unfinished if one.revision != step.revision]
            try:
                refuse_to_turn_round(others, step.direction)
            except MigrateError as error:
                self.found.failure = RehearsalFailure(step.revision, None, error.problem, error)

    def _done_already(self, step: RehearsedStep) -> str:
        """Return what of a step took effect before it was interrupted, in words; empty where nothing is known of it."""
        begun = [one for one in self.unfinished if (one.revision, one.direction) == (step.revision, step.direction)]
        return "".join(f"was interrupted: {one.effect} already; what has will be skipped" for one in begun)

    def _read(self, environment: Any, step: Any, recorder: Recorder) -> None:
        from alembic.operations import Operations

        sql = _Statements(recorder)
        environment.configure(
            dialect_name=recorder.connection.dialect.name,
            output_buffer=sql,
            target_metadata=self.database.arguments.get("target_metadata"),
        )
        self.database.run.adopt(environment.get_context(), self.database)
        try:
            with Operations.context(environment.get_context()), self.database.run.follow_script(self.database):
                step.migration_fn(**self.database.keywords)
        except (Exception, SystemExit) as exc:  # whatever the script does with a connection that is not there
            unknown = masked(f"needs a live connection, so not all of it is known ({name_error(exc)})")
            recorder.step.add_note(unknown)


class _Statements(io.StringIO):
    """Where Alembic writes a step's SQL: a statement at a time, ended by a semicolon and an empty line."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def write(self, text: str) -> int:
        sql = text.strip().rstrip(";").strip()
        if sql and not sql.startswith("--"):
            self.recorder.sends(sql)
        return len(text)
