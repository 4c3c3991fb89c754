"""Parts: what stands around a migration. Each has the same few hooks; a verb says which parts it wants."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, ContextManager, Iterable, Optional, Set

if TYPE_CHECKING:
    from alembic.operations import MigrateOperation, Operations
    from alembic.runtime.migration import MigrationStep
    from sqlalchemy.engine import Connection

    from .database import Call, Database, Sent


class Part:
    """One thing that holds around a migration. A hook that a part leaves out does nothing.

    The hooks are called for the chosen databases only, those of the first part first. Contexts of the first part are
    the outermost ones.
    """

    def configuring(self, database: Database) -> None:
        """Before Alembic sees the arguments of ``context.configure``, which may be changed."""

    def redirect(self, database: Database) -> Optional[Connection]:
        """Return the connection that Alembic is to use in the place of env.py's; None leaves it that."""
        return None

    def configured(self, database: Database) -> None:
        """Alembic has made its MigrationContext, ``database.context``."""

    def follow_steps(self, database: Database, steps: Iterable[MigrationStep]) -> Iterable[MigrationStep]:
        """Return the steps that are to run in a database."""
        return steps

    def around_run(self, database: Database) -> ContextManager[None]:
        """Around ``run_migrations``: env.py's transaction may begin before it and end after it."""
        return nullcontext()

    def around_step(self, database: Database, step: MigrationStep) -> ContextManager[None]:
        """Around the script of one revision; its version has not moved yet."""
        return nullcontext()

    def version_moved(self, database: Database, step: MigrationStep, heads: Set[str]) -> None:
        """The version table says ``heads`` now, inside the transaction."""

    def step_over(self, database: Database, step: MigrationStep) -> None:
        """A step is over; a transaction of its own, where Alembic opened one, is committed."""

    def before_autocommit(self, database: Database) -> None:
        """A script is about to leave the transaction by ``autocommit_block()``."""

    def replace_autocommit(self, database: Database) -> Optional[ContextManager[None]]:
        """Return what is around an ``autocommit_block()`` that stays in the transaction; None lets it leave it."""
        return None

    def inside_autocommit(self, database: Database) -> ContextManager[None]:
        """Around what a script does in an ``autocommit_block()``, where the connection is in autocommit."""
        return nullcontext()

    def around_operation(
        self, database: Database, operations: Operations, operation: MigrateOperation
    ) -> ContextManager[None]:
        """Around one of Alembic's operations; operations may contain others."""
        return nullcontext()

    def around_flush(self, database: Database) -> ContextManager[None]:
        """Around the statements that a batch sends when it ends."""
        return nullcontext()

    def statement_failed(self, database: Database, sent: Sent, exc: BaseException) -> None:
        """The database has refused a statement that SQLAlchemy sent."""

    def began(self, database: Database) -> None:
        """SQLAlchemy begins a transaction."""

    def committing(self, database: Database) -> None:
        """SQLAlchemy is about to commit."""

    def rolling_back(self, database: Database) -> None:
        """SQLAlchemy is about to roll back."""

    def preparing(self, database: Database) -> None:
        """SQLAlchemy is about to prepare, or commit, a transaction in two phases."""

    def before_statement(self, database: Database, sent: Sent) -> None:
        """SQLAlchemy is about to send a statement, whose text may be changed."""

    def after_statement(self, database: Database, sent: Sent) -> None:
        """The database has executed a statement that SQLAlchemy sent."""

    def execute(self, database: Database, call: Call) -> Optional[bool]:
        """Make the driver's call that SQLAlchemy is about to make and return True; None leaves it to SQLAlchemy."""
        return None

    def before_foreign_statement(self, database: Database, sent: Sent) -> None:
        """While a script runs, SQLAlchemy is about to send a statement over another connection."""

    def after_foreign_statement(self, database: Database, sent: Sent) -> None:
        """The database has executed a statement that was sent over another connection while a script runs."""

    def driver_taken(self, database: Database) -> None:
        """A script is about to take the driver's connection in its hands, on which nothing is seen."""

    def foreign_driver_taken(self, database: Database) -> None:
        """While a script runs, it takes a driver's connection in its hands that is not Alembic's."""

    def foreign_commit(self, database: Database, sent: Sent) -> None:
        """While a script runs, SQLAlchemy commits on another connection; ``sent`` has no text."""
