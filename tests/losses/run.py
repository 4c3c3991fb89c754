"""Runs a scenario: the dry run of all its revisions, then each of them for real, and compares dumps around it."""

import contextlib
import io
import logging
import random
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from . import dumps
from .actions import Scenario

REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = {revision!r}, {parent!r}, None, None


def upgrade():
    {body}
"""


@dataclass
class Judged:
    """What a scenario showed.

    :param wrong: sentences of the dry run that are not true, in words.
    """

    steps: int = 0
    losses: int = 0
    failed: bool = False
    stopped: bool = False
    uncounted: int = 0
    wrong: list = field(default_factory=list)


class Workshop:
    """An application on one database, in this process.

    :param kind: of the database.
    """

    def __init__(self, kind):
        from flask import Flask
        from flask_sqlalchemy import SQLAlchemy

        import flask_migrate_script as package

        self.folder = Path(tempfile.mkdtemp(prefix="losses-"))
        self.database, self.package = dumps.make(kind, self.folder), package
        self.app = Flask("losses")
        self.app.config["SQLALCHEMY_DATABASE_URI"] = self.database.url
        self.app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
        with self.app.app_context():
            package.Migrate(self.app, SQLAlchemy(self.app))

    def __enter__(self):
        self.writes = sys.dont_write_bytecode
        sys.dont_write_bytecode = True  # a file that is as long and as old as the one before would be taken for it
        logging.disable(logging.CRITICAL)
        return self

    def __exit__(self, *exc):
        logging.disable(logging.NOTSET)
        sys.dont_write_bytecode = self.writes
        self._disconnect()
        self.database.drop()
        shutil.rmtree(self.folder)

    def _disconnect(self):
        with self.app.app_context():
            self.app.extensions["migrate"].db.engine.dispose()

    def judge(self, seed, number):
        """Run the scenario of a number."""
        scenario = Scenario(self.database.kind, random.Random(f"{seed} {number}"))
        steps = scenario.steps()
        self._disconnect()  # a pool would go on with the file that was there before
        self.database.reset(scenario.setup)
        migrations = self._write(steps)
        with (
            self.app.app_context(),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            return self._judge(steps, str(migrations)), scenario, steps

    def _write(self, steps):
        folder = self.folder / "migrations"
        shutil.rmtree(folder, ignore_errors=True)
        source = Path(self.package.__file__).parent / "templates" / "flask"
        (folder / "versions").mkdir(parents=True)
        shutil.copy(source / "env.py", folder / "env.py")
        shutil.copy(source / "alembic.ini.mako", folder / "alembic.ini")
        for number, step in enumerate(steps):
            body = "\n    ".join(step.code.splitlines())
            text = REVISION.format(revision=f"r{number}", parent=f"r{number - 1}" if number else None, body=body)
            (folder / "versions" / f"r{number}.py").write_text(text, encoding="utf-8")
        return folder

    def _judge(self, steps, migrations):
        judged, before = Judged(), self.database.dump()
        (found,) = self.package.rehearse("upgrade", directory=migrations).databases
        if self.database.dump() != before:
            judged.wrong.append("the dry run has changed the database")
        judged.stopped = found.stopped is not None
        for number, step in enumerate(steps[: len(found.steps)]):
            self.database.keep()
            try:
                self.package.upgrade(directory=migrations, revision=f"r{number}")
            except self.package.MigrateError as error:
                judged.failed = True
                if found.failure is None or found.failure.revision != f"r{number}":
                    judged.wrong.append(f"r{number} fails, which was not said: {error.problem}")
                break
            if found.failure is not None and found.failure.revision == f"r{number}":
                judged.wrong.append(f"r{number} does not fail, but it was said: {found.failure.error}")
                break
            self._compare(judged, found.steps[number], step, number)
        return judged

    def _compare(self, judged, rehearsed, step, number):
        expected, came = self.database.compare(step)
        said, at_least, uncounted = {}, set(), set()
        for one in (loss for operation in rehearsed.operations for loss in operation.losses):
            key = (one.table, one.column)
            if one.lost is None:
                uncounted.add(key)
                continue
            said[key] = said.get(key, 0) + one.lost
            if one.at_least:
                at_least.add(key)
        judged.steps += 1
        judged.losses += len(expected)
        judged.uncounted += len(uncounted)
        for key in sorted({*expected, *said}, key=str):
            lost, told = expected.get(key, 0), said.get(key, 0)
            enough = told <= lost and (key in at_least or key in uncounted or ("", None) in uncounted)
            if lost != told and not enough:
                judged.wrong.append(f"r{number}: {told} of {key} said, {lost} lost")
        inserted = [one.inserted for one in rehearsed.operations]
        if not step.partly and None not in inserted and sum(inserted) != came:
            judged.wrong.append(f"r{number}: {sum(inserted)} rows inserted said, {came} came")
