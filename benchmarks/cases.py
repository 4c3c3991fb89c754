"""What is measured: each case is a pair of commands, ours and Flask-Migrate's, and may have a bound on their ratio."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Callable, Iterator, List, Optional, Tuple

from .pairs import Pair, Pairs
from .projects import Project

Sample = Callable[[], float]
"""Measures once; returns seconds."""


@dataclass(frozen=True)
class Case:
    """One line of the table.

    :param name: what is measured.
    :param samples: returns what measures this package and what measures Flask-Migrate.
    :param bound: the largest ratio of ours to theirs that is accepted; None for any.
    """

    name: str
    samples: Callable[[], Tuple[Sample, Sample]]
    bound: Optional[float] = None


def all_cases(pairs: Pairs) -> List[Case]:
    """Return every case that can be measured here; a new one is a new line here."""
    return [
        Case("import and Migrate(app, db)", lambda: _each(_added_by, pairs.upgraded), bound=0.10),
        Case("manage.py db --help", lambda: _manage_and_flask(pairs.upgraded, "--help")),
        Case("flask db --help", lambda: _each(_flask, pairs.upgraded, "--help")),
        Case("manage.py db history", lambda: _manage_and_flask(pairs.upgraded, "history")),
        Case("flask db history", lambda: _each(_flask, pairs.upgraded, "history")),
        # Flask-Migrate draws nothing: the same history, listed by it, is what there is to compare with.
        Case(
            "graph, 600 revisions with 20 merges",
            lambda: (_manage(pairs.branched[0], "graph"), _flask(pairs.branched[1], "history")),
        ),
        Case("manage.py db upgrade, nothing to do", lambda: _manage_and_flask(pairs.upgraded, "upgrade")),
        Case("flask db upgrade, nothing to do", lambda: _each(_flask, pairs.upgraded, "upgrade"), bound=1.05),
        Case("flask db migrate, many tables", lambda: _each(_migrate, pairs.many_tables), bound=1.05),
        # Flask-Migrate has no dry run: theirs is the real one.
        Case(
            "downgrade --dry-run, 100,000 rows",
            lambda: (_back(pairs.upgraded[0], "--dry-run"), _back(pairs.upgraded[1])),
            bound=1.25,
        ),
        Case(
            "upgrade --dry-run, SQLite",
            lambda: (_flask(pairs.changed[0], "upgrade", "--dry-run"), _forth(pairs.changed[1])),
            bound=1.5,
        ),
        Case("upgrade from nothing, SQLite", lambda: _each(_from_nothing, pairs.on_sqlite), bound=0.55),
        *_on_servers(pairs),
    ]


def _on_servers(pairs: Pairs) -> Iterator[Case]:
    if pairs.postgresql:
        yield Case(
            "upgrade --dry-run, PostgreSQL",
            lambda: (
                _flask(pairs.changed_on_postgresql[0], "upgrade", "--dry-run"),
                _there_and_back(pairs.changed_on_postgresql[1]),
            ),
            bound=1.5,
        )
        yield Case("upgrade from nothing, PostgreSQL", lambda: _each(_from_nothing, pairs.on_postgresql), bound=1.10)
    if pairs.mysql:
        yield Case("upgrade on MariaDB, beside no journal", lambda: _each(_from_nothing, pairs.journalled), bound=1.25)


def _each(measure: Callable[..., Sample], pair: Pair, *words: str) -> Tuple[Sample, Sample]:
    return measure(pair[0], *words), measure(pair[1], *words)


def _manage_and_flask(pair: Pair, *words: str) -> Tuple[Sample, Sample]:
    """Flask-Migrate has no manage.py: theirs is its ``flask db``."""
    return _manage(pair[0], *words), _flask(pair[1], *words)


def _from_nothing(project: Project) -> Sample:
    upgrade = _flask(project, "upgrade")

    def sample() -> float:
        project.emptied()
        return upgrade()

    return sample


def _migrate(project: Project) -> Sample:
    """Measure autogenerate with what is done to its script; the script goes again."""
    migrate, before = _flask(project, "migrate"), project.scripts()

    def sample() -> float:
        seconds = migrate()
        for script in project.scripts() - before:
            script.unlink()
        return seconds

    return sample


def _back(project: Project, *options: str) -> Sample:
    """Measure one step back, which takes the rows with it."""
    downgrade = _flask(project, "downgrade", *options)

    def sample() -> float:
        with project.kept():
            return downgrade()

    return sample


def _forth(project: Project) -> Sample:
    """Measure an upgrade, and put the database back."""
    upgrade = _flask(project, "upgrade")

    def sample() -> float:
        with project.kept():
            return upgrade()

    return sample


def _there_and_back(project: Project) -> Sample:
    """Measure an upgrade, and undo it."""
    upgrade, downgrade = _flask(project, "upgrade"), _flask(project, "downgrade", f"{project.tables:012d}")

    def sample() -> float:
        seconds = upgrade()
        downgrade()
        return seconds

    return sample


REGISTRATION = """
import time
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
db = SQLAlchemy(app)
begun = time.perf_counter()
from {package} import Migrate
Migrate(app, db)
print(time.perf_counter() - begun)
"""


def _added_by(project: Project) -> Sample:
    """Measure what the package adds to a process that has Flask and Flask-SQLAlchemy already."""
    program = REGISTRATION.format(package=project.package)
    return lambda: float(project.run(sys.executable, "-c", program))


def _manage(project: Project, *words: str) -> Sample:
    return _whole_process(project, sys.executable, "manage.py", "db", *words)


def _flask(project: Project, *words: str) -> Sample:
    return _whole_process(project, sys.executable, "-m", "flask", "db", *words)


def _whole_process(project: Project, *command: str) -> Sample:
    def sample() -> float:
        begun = time.perf_counter()
        project.run(*command, stderr=subprocess.DEVNULL)
        return time.perf_counter() - begun

    return sample
