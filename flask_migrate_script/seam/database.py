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
    from sqlalchemy.engine import Connection

    from .watch import Run

Steps = Callable[[Any, Any], Iterable[Any]]
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
    cursor: Any
    text: str
    values: Any = None


@dataclass
class Call:
    """One call of the driver that SQLAlchemy is about to make.

    :param context: SQLAlchemy's execution context.
    :param execute: makes the call.
    """

    cursor: Any
    statement: str
    values: Any
    context: Any
    execute: Callable[[], None]

    def answer(self, lastrowid: Optional[int], rows: Optional[int]) -> None:
        """Let SQLAlchemy find on the cursor what a driver says of a statement, where the call is not made."""
        for name, value in (("lastrowid", lastrowid), ("rowcount", rows)):
            with suppress(AttributeError):  # a driver may have them as properties
                setattr(self.cursor, name, value or 0)
        self.context.get_lastrowid = lambda: lastrowid or 0


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
    keywords: Dict[str, Any] = field(default_factory=dict)
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
        self.name = binds.of_arguments(self.arguments)
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
    def parts(self) -> Sequence[Any]:
        return self.run.parts if self.chosen else ()

    def say(self, text: str) -> None:
        """Tell the person at the command line something that is not a result."""
        self.run.say(text)

    def steps(self, heads: Any, context: Any) -> Iterator[Any]:
        """Yield the steps, each with the parts around its script."""
        assert self.fn is not None
        self.before = tuple(sorted(heads))
        steps: Iterable[Any] = self.fn(heads, context)
        for part in self.parts:
            steps = part.follow_steps(self, steps)
        for step in steps:
            self._surround(step)
            yield step
            for part in self.parts:
                part.step_over(self, step)

    def _surround(self, step: Any) -> None:
        migrate = step.migration_fn

        def surrounded(*args: Any, **keywords: Any) -> None:
            with self.run.inside_step(self, step):
                migrate(*args, **keywords)

        surrounded.__name__ = getattr(migrate, "__name__", "upgrade")  # Alembic shows it
        step.migration_fn = surrounded


def revision_of(step: Any) -> str:
    """Return the identifier of a step's revision; empty for a step that has none, as a stamp."""
    revision = getattr(step, "revision", None)
    return str(getattr(revision, "revision", "") or "")
