"""The two applications that are compared: the same one, migrated by this package and by Flask-Migrate."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Sequence, Set

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

MANAGE = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from {package} import Migrate

app = Flask(__name__)
app.config.update(SQLALCHEMY_DATABASE_URI={url!r}, **{config!r})
db = SQLAlchemy(app)
Migrate(app, db)


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)


if __name__ == "__main__":
    from flask_migrate_script import Manager, MigrateCommand

    manager = Manager(app)
    manager.add_command("db", MigrateCommand)
    manager.run()
"""

REVISION = '''"""step {number}"""
import sqlalchemy as sa
from alembic import op

revision = "{number:012d}"
down_revision = {parent!r}


def upgrade():
    op.create_table("table{number}", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("table{number}")
'''

CHANGE = '''"""change {number}"""
import sqlalchemy as sa
from alembic import op

revision = "{number:012d}"
down_revision = "{parent:012d}"


def upgrade():
    op.add_column("table{table}", sa.Column("name", sa.String(20)))
    op.create_index("by_name{table}", "table{table}", ["name"])
    op.execute("UPDATE table{table} SET name = 'x'")


def downgrade():
    op.drop_index("by_name{table}", "table{table}")
    with op.batch_alter_table("table{table}") as batch:
        batch.drop_column("name")
'''

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'table%'"
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n"


TABLE = """
class Table{number}(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(64), index=True)
    user_id = db.Column(db.Integer, db.ForeignKey("user.id"))


"""


_OF_THE_SERVER = {"postgresql": "postgres", "mysql": "information_schema"}
"""A database that is always there, to be connected to while another one is made anew."""


class Project:
    """An application in a folder, with a history of revisions of one table each.

    :param folder: where to make it.
    :param package: the package it imports ``Migrate`` from.
    :param revisions: how many revisions.
    :param url: its database; SQLite in the folder by default.
    :param merges: how many of the revisions join two branches, evenly spread.
    :param config: more of its ``app.config``.
    """

    def __init__(
        self,
        folder: Path,
        package: str,
        revisions: int,
        url: Optional[str] = None,
        merges: int = 0,
        config: Optional[Dict[str, Any]] = None,
    ) -> None:
        self.folder = folder
        self.package = package
        self.tables = revisions  # each makes one
        folder.mkdir(parents=True)
        self.url = url or f"sqlite:///{folder}/app.db"
        (folder / "manage.py").write_text(MANAGE.format(package=package, url=self.url, config=config or {}))
        self.run(sys.executable, "-m", "flask", "db", "init")
        for number in range(1, revisions + 1):
            self._write_revision(number, _parents(number, revisions // merges if merges else 0))

    def upgraded(self) -> Project:
        """Bring the database to the last revision, and return the project."""
        self.run(sys.executable, "-m", "flask", "db", "upgrade", stderr=subprocess.DEVNULL)
        return self

    def with_tables(self, tables: int) -> Project:
        """Give the application that many models more, migrate, and rename a column of one."""
        path = self.folder / "manage.py"
        head, main, tail = path.read_text().partition("if __name__")
        models = "".join(TABLE.format(number=number) for number in range(tables))
        path.write_text(head + models + main + tail)
        for verb in ("migrate", "upgrade"):
            self.run(sys.executable, "-m", "flask", "db", verb, stderr=subprocess.DEVNULL)
        path.write_text(path.read_text().replace("    name = ", "    full_name = ", 1))
        return self

    def with_changes(self, changes: int) -> Project:
        """Write that many revisions more, each of which changes one of the tables, and return the project."""
        for table in range(1, changes + 1):
            number = self.tables + table
            path = self.folder / "migrations" / "versions" / f"{number:012d}_change.py"
            path.write_text(CHANGE.format(number=number, parent=number - 1, table=table))
        return self

    def scripts(self) -> Set[Path]:
        """Return the revision files."""
        return set((self.folder / "migrations" / "versions").glob("*.py"))

    def emptied(self) -> None:
        """Make the database anew, empty."""
        if self.url.startswith("sqlite"):
            (self.folder / "app.db").unlink(missing_ok=True)
            return
        url = make_url(self.url)
        server = create_engine(
            url.set(database=_OF_THE_SERVER[url.get_backend_name()]), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {url.database}"))
            connection.execute(text(f"CREATE DATABASE {url.database}"))
            if server.dialect.name == "postgresql":
                connection.execute(text("CHECKPOINT"))  # or what was dropped is written while the next one is measured

    def filled(self) -> Project:
        """Give the last table 100,000 rows, in SQLite, and return the project."""
        connection = sqlite3.connect(self.folder / "app.db")
        last = max(int(name[5:]) for (name,) in connection.execute(_TABLES))
        connection.execute(f"INSERT INTO table{last} {_NUMBERS}")
        connection.commit()
        connection.close()
        return self

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Put its database, in SQLite, back after the block."""
        shutil.copyfile(self.folder / "app.db", self.folder / "kept.db")
        yield
        shutil.copyfile(self.folder / "kept.db", self.folder / "app.db")

    def run(self, *command: str, **kwargs: Any) -> str:
        """Run a command in the folder and return what it prints.

        :raises subprocess.CalledProcessError: if it fails.
        """
        env = {**os.environ, "FLASK_APP": "manage.py"}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # compiling is not what is compared
        done = subprocess.run(
            command, cwd=self.folder, env=env, check=True, text=True, stdout=subprocess.PIPE, **kwargs
        )
        return done.stdout

    def _write_revision(self, number: int, parents: Sequence[int]) -> None:
        names = tuple(f"{parent:012d}" for parent in parents)
        parent = names if len(names) > 1 else "".join(names) or None
        path = self.folder / "migrations" / "versions" / f"{number:012d}_step.py"
        path.write_text(REVISION.format(number=number, parent=parent))


def _parents(number: int, every: int) -> Sequence[int]:
    """Return the numbers of a revision's parents.

    :param every: each so many revisions the last one joins the two before it, which follow the same one; 0 for never.
    """
    if every and number % every == 0:
        return [number - 1, number - 2]
    if every and number % every == every - 1:
        return [number - 2]
    return [number - 1] if number > 1 else []
