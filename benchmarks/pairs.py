"""The pairs of applications that the cases compare, each made when a case first asks for it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Optional, Tuple

from .projects import Project

Pair = Tuple[Project, Project]
"""The same application with this package and with Flask-Migrate."""


class Pairs:
    """What there is to measure.

    :param folder: where to make the applications.
    :param revisions: the length of their histories.
    :param tables: how many models the one with many tables has.
    :param postgresql: the URL of an empty database there; None where there is no server.
    :param changing: another empty database there.
    :param mysql: the same on MariaDB or MySQL.
    """

    def __init__(
        self,
        folder: Path,
        revisions: int,
        tables: int,
        postgresql: Optional[str],
        changing: Optional[str],
        mysql: Optional[str],
    ) -> None:
        self.folder, self.revisions, self.tables = folder, revisions, tables
        self.postgresql, self.changing, self.mysql = postgresql, changing, mysql

    @cached_property
    def upgraded(self) -> Pair:
        """On SQLite, at the last revision, with 100,000 rows in its table."""
        ours, theirs = self._made("upgraded", self.revisions)
        return ours.upgraded().filled(), theirs.upgraded().filled()

    @cached_property
    def many_tables(self) -> Pair:
        """On SQLite, with a column that the models have by another name than the database."""
        ours, theirs = self._made("tables", 0)
        return ours.with_tables(self.tables), theirs.with_tables(self.tables)

    @cached_property
    def branched(self) -> Pair:
        """600 revisions, of which 20 are merges."""
        return self._made("branched", 600, merges=20)

    @cached_property
    def on_sqlite(self) -> Pair:
        """To be upgraded from nothing, again and again."""
        return self._made("sqlite", self.revisions)

    @cached_property
    def on_postgresql(self) -> Pair:
        """The same on PostgreSQL."""
        return self._made("postgresql", self.revisions, url=self.postgresql)

    @cached_property
    def journalled(self) -> Pair:
        """Ours twice where DDL cannot be rolled back: with the journal of what took effect, and without."""
        package, folder = "flask_migrate_script", self.folder / "mysql"
        without = Project(folder / "without", package, self.revisions, self.mysql, config={"MIGRATE_JOURNAL": False})
        return Project(folder / "with", package, self.revisions, self.mysql), without

    @cached_property
    def changed(self) -> Pair:
        """On SQLite, with revisions that are not applied yet."""
        ours, theirs = self._made("changed", self._most)
        return ours.upgraded().with_changes(self._changes), theirs.upgraded().with_changes(self._changes)

    @cached_property
    def changed_on_postgresql(self) -> Pair:
        """The same on PostgreSQL, in one database: ours changes nothing, and what theirs does is undone."""
        ours, theirs = self._made("changed-postgresql", self._most, url=self.changing)
        return ours.upgraded().with_changes(self._changes), theirs.with_changes(self._changes)

    @property
    def _most(self) -> int:
        """How many tables there are that revisions change."""
        return min(self.revisions, 200)

    @property
    def _changes(self) -> int:
        """How many revisions change one."""
        return min(self.revisions, 50)

    def _made(self, name: str, revisions: int, **kwargs: Any) -> Pair:
        folder = self.folder / name
        ours = Project(folder / "ours", "flask_migrate_script", revisions, **kwargs)
        return ours, Project(folder / "theirs", "flask_migrate", revisions, **kwargs)
