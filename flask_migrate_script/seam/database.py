"""One database in one run, from ``context.configure`` to its last step, and what is sent to it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, Optional, Sequence, Tuple

from ..databases import shown_url
from . import binds
from .driver import is_autocommit

if TYPE_CHECKING:
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext, MigrationStep
    from sqlalchemy.engine import Connection, ExecutionContext
    from sqlalchemy.engine.interfaces import DBAPICursor

    from .parts import Part
    from .watch import Run

Steps = Callable[[Tuple[str, ...], "MigrationContext"], Iterable["MigrationStep"]]
"""The function that Alembic's command gives to ``run_migrations``: it takes the heads and the context."""


@dataclass
class Sent:
    """A statement on its way to a database.

    :param connection: SQLAlchemy's.
    :param cursor: the driver's.
    :param text: as the driver gets it.
    :param values: its parameters.
    """

    connection: Connection
    cursor: Optional[DBAPICursor]
    text: str
    values: object = None


@dataclass
class Call:
    """One call of the driver that SQLAlchemy is about to make.

    :param context: SQLAlchemy's execution context.
    :param execute: makes the call.
    """

    cursor: DBAPICursor
    statement: str
    values: Sequence[object]
    context: ExecutionContext
    execute: Callable[[], None]

    def answer(self, lastrowid: Optional[int], rows: Optional[int]) -> None:
        """Let SQLAlchemy find on the cursor what a driver says of a statement, where the call is not made."""
        for name, value in (("lastrowid", lastrowid), ("rowcount", rows)):
            with suppress(AttributeError):  # a driver may have them as properties
                setattr(self.cursor, name, value or 0)
        self.context.get_lastrowid = lambda: lastrowid or 0  # type: ignore[attr-defined]  # of DefaultExecutionContext


@dataclass
class Database:
    """One database that env.py has given to ``context.configure``.

    :param run: the run that it is a part of.
    :param arguments: those of ``context.configure``, by name.
    :param fn: what yields the steps, as Alembic's command, or env.py, gave it.
    :param external: a transaction was open before ``context.configure``.

    ``keywords`` are those of ``run_migrations``; ``running`` is the step whose script runs now; ``before`` the
    revisions that the version table had before the first step; ``failure`` what ``run_migrations`` ended with;
    ``touched``, a script has had the driver's own connection in its hands. ``given`` is the connection that env.py has
    given, and ``connection`` the one that is used: another one, where a part has redirected it.
    """

    run: Run
    environment: EnvironmentContext
    arguments: Dict[str, Any]
    fn: Optional[Steps]
    external: bool = False
    context: Optional[MigrationContext] = None
    keywords: Dict[str, object] = field(default_factory=dict)
    before: Tuple[str, ...] = ()
    running: Optional[MigrationStep] = None
    begun: bool = False
    in_run: bool = False
    ran: bool = False
    in_autocommit: bool = False
    touched: bool = False
    failure: Optional[BaseException] = None
    chosen: bool = True
    state: Dict[type, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = binds.name_bind(self.arguments)
        self.connection: Connection = self.arguments["connection"]
        self.given = self.connection
        self.shown = shown_url(self.connection.engine.url)
        self.engine_autocommit = is_autocommit(self.connection)

    @property
    def redirected(self) -> bool:
        """Whether Alembic uses another connection than env.py's."""
        return self.connection is not self.given

    def redirect(self, connection: Connection) -> None:
        """Let Alembic use another connection in the place of env.py's."""
        self.connection = self.arguments["connection"] = connection
        self.engine_autocommit = is_autocommit(connection)

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name of the kind of database."""
        return str(self.connection.dialect.name)

    @property
    def parts(self) -> Sequence[Part]:
        return self.run.parts if self.chosen else ()

    def say(self, text: str) -> None:
        """Tell the person at the command line something that is not a result."""
        self.run.say(text)

    def walk_steps(self, heads: Tuple[str, ...], context: MigrationContext) -> Iterator[MigrationStep]:
        """Yield the steps, each with the parts around its script."""
        assert self.fn is not None
        self.before = tuple(sorted(heads))
        steps: Iterable[MigrationStep] = self.fn(heads, context)
        for part in self.parts:
            steps = part.follow_steps(self, steps)
        for step in steps:
            self._surround(step)
            yield step
            for part in self.parts:
                part.step_over(self, step)

    def _surround(self, step: MigrationStep) -> None:
        migrate = step.migration_fn

        def surrounded(*args: object, **keywords: object) -> None:
            with self.run.enter_step(self, step):
                migrate(*args, **keywords)

        surrounded.__name__ = getattr(migrate, "__name__", "upgrade")  # Alembic shows it
        step.migration_fn = surrounded


def get_connection(context: MigrationContext) -> Connection:
    """Return the connection of a context that is for a database, and not for a file of SQL."""
    assert context.connection is not None, "only databases that are connected to are looked at"
    return context.connection


def find_revision(step: MigrationStep) -> str:
    """Return the identifier of a step's revision; empty for a step that has none, as a stamp."""
    revision = getattr(step, "revision", None)
    return str(getattr(revision, "revision", "") or "")
