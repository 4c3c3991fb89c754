"""The part of a run that accepts old manners."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Iterator

from ..seam.parts import Part
from .callers import Manners
from .loading import load_scripts
from .versions import SQLALCHEMY

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationStep

    from ..seam.database import Database


class OldManners(Part):
    """Lets scripts have old manners.

    :param manners: those of the run.
    """

    def __init__(self, manners: Manners) -> None:
        self.manners = manners

    def configuring(self, database: Database) -> None:
        self.manners.databases.append(database)

    @contextmanager
    def around_step(self, database: Database, step: MigrationStep) -> Iterator[None]:
        """What a script has changed on the connection is over when it is."""
        before, self.manners.held = self.manners.held, ExitStack()
        try:
            with self.manners.held:
                yield
        finally:
            self.manners.held = before


@contextmanager
def accept_old_manners(manners: Manners) -> Iterator[OldManners]:
    """Yield the part for a run, and let the scripts that are loaded in the block have old manners.

    :raises MigrateError: where a library no longer has what it takes.
    """
    _replace_methods(bool(manners.era))
    with load_scripts(manners):
        yield OldManners(manners)


def _replace_methods(of_era: bool) -> None:
    """Replace the methods of SQLAlchemy's classes once and for all; only scripts see a difference."""
    if SQLALCHEMY >= (1, 4):
        from . import connections, eras, metadata, statements

        connections.replace_methods()
        metadata.replace_methods()
        statements.replace_methods()
        if of_era:
            eras.replace_methods()
