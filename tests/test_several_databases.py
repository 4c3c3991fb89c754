"""Several databases in one application: SQLALCHEMY_BINDS and `init --multidb`."""

import json

import pytest
from conftest import ALEMBIC, Database

BINDS = """
import json
import os
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_migrate_script import Manager, Migrate, MigrateCommand

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
app.config["SQLALCHEMY_BINDS"] = json.loads(os.environ["BINDS"])
app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
db = SQLAlchemy(app)
migrate = Migrate(app, db)
manager = Manager(app)
manager.add_command("db", MigrateCommand)


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)


class Group(db.Model):
    __bind_key__ = "my-bind"
    __tablename__ = "groups"
    id = db.Column(db.Integer, primary_key=True)


if "late" in app.config["SQLALCHEMY_BINDS"]:

    class Event(db.Model):
        __bind_key__ = "late"
        __tablename__ = "events"
        id = db.Column(db.Integer, primary_key=True)


if __name__ == "__main__":
    manager.run()
"""


def bound(project, **databases):
    """Say which binds the application has; an underscore in a name stands for a hyphen."""
    named = ", ".join(f'"{name.replace("_", "-")}": "{database.url}"' for name, database in databases.items())
    project.env["BINDS"] = "{%s}" % named
    return project


@pytest.fixture
def two(make_project, sqlite, new_database):
    """An application on a default database and a bind, "my-bind"."""
    project = bound(make_project(sqlite), my_bind=new_database("sqlite"))
    project.write("manage.py", BINDS)
    project.db("init", "--multidb", "--package").ok()
    return project


@pytest.fixture
def second(two):
    """The database of the bind."""
    return Database("sqlite", json.loads(two.env["BINDS"])["my-bind"])


def test_a_walk_through_every_verb_that_touches_databases(two, sqlite, second, new_database):
    assert (two.folder / "migrations" / "__init__.py").exists()
    assert (two.folder / "migrations" / "versions" / "__init__.py").exists()
    two.db("migrate", "-m", "first", "--rev-id", "1111").ok()
    (first,) = two.versions()
    default, _, bind = first.read_text().partition("def upgrade_my_bind")
    assert "create_table('users'" in default
    assert "create_table('groups'" in bind
    assert "groups" not in default
    upgraded = two.db("upgrade").ok()
    assert "Migrating database my-bind" in upgraded.err
    assert (sqlite.tables(), second.tables()) == (["users"], ["groups"])
    assert (sqlite.version(), second.version()) == (["1111"], ["1111"])
    assert two.db("current").ok().out.count("1111 (head)") == 2
    if ALEMBIC >= (1, 9):
        two.db("check").ok()
        second.run("DROP TABLE groups")
        assert "New upgrade operations detected" in two.db("check").failed().err
        second.run("CREATE TABLE groups (id INTEGER NOT NULL PRIMARY KEY)")
    again = two.db("migrate").ok()
    assert "No changes in schema detected." in again.err
    assert two.versions() == [first]
    two.db("downgrade").ok()
    assert (sqlite.tables(), second.tables(), sqlite.version(), second.version()) == ([], [], [], [])
    two.flask("db", "stamp", "head").ok()
    assert (sqlite.version(), second.version()) == (["1111"], ["1111"])


def test_a_bind_that_was_added_later_starts_from_nothing(two, sqlite, second, new_database):
    two.db("migrate", "--rev-id", "1111").ok()
    two.db("upgrade").ok()
    late = new_database("sqlite")
    bound(two, my_bind=second, late=late)
    two.db("upgrade").ok()
    assert (late.tables(), late.version()) == ([], ["1111"])
    two.db("migrate", "--rev-id", "2222").ok()
    assert "create_table('events'" in two.versions()[1].read_text()
    two.db("upgrade").ok()
    assert late.tables() == ["events"]
    two.db("downgrade", "base").ok()
    assert [one.tables() for one in (sqlite, second, late)] == [[], [], []]


def test_sql_is_written_to_a_file_for_each_database(two, sqlite, second):
    two.db("migrate", "--rev-id", "1111").ok()
    two.db("upgrade", "--sql").ok()
    assert "CREATE TABLE users" in (two.folder / ".sql").read_text()
    bind = (two.folder / "my-bind.sql").read_text()
    assert "CREATE TABLE groups" in bind
    assert "users" not in bind
    assert (sqlite.tables(), second.tables()) == ([], [])


FAILS_IN_ONE = """
revision = "1111"
down_revision = branch_labels = depends_on = None
from alembic import op
import sqlalchemy as sa


def upgrade(engine_name):
    op.create_table("made", sa.Column("id", sa.Integer, primary_key=True))
    if engine_name:
        op.execute("SELECT no_such_function()")


def downgrade(engine_name):
    op.drop_table("made")
"""


def test_a_failure_in_one_database_rolls_back_all_on_postgresql(make_project, new_database):
    first, second = new_database("postgresql"), new_database("postgresql")
    project = bound(make_project(first), my_bind=second)
    project.write("manage.py", BINDS)
    project.initialise("--multidb")
    project.write("migrations/versions/1111.py", FAILS_IN_ONE)
    failed = project.db("upgrade").failed()
    assert "Revision 1111" in failed.err
    assert "no_such_function" in failed.err
    assert [(one.tables(), one.version()) for one in (first, second)] == [([], []), ([], [])]


def test_a_multidb_repository_of_an_application_without_binds(make_project, sqlite):
    project = bound(make_project(sqlite))
    source = BINDS.replace('app.config["SQLALCHEMY_BINDS"] = json.loads(os.environ["BINDS"])', "")
    source = source.replace('__bind_key__ = "my-bind"', "").replace('app.config["SQLALCHEMY_BINDS"]', "()")
    project.write("manage.py", source)
    project.initialise("--multidb")
    project.db("migrate").ok()
    project.db("upgrade").ok()
    assert sqlite.tables() == ["groups", "users"]
