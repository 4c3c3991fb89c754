"""Repositories that Flask-Migrate 1.8 to 4.1 generated run as they are; so do env.py files that people have edited."""

import pytest
from conftest import ALEMBIC, FLASK_MIGRATE, FLASK_SQLALCHEMY, MANAGE
from test_several_databases import BINDS, bound

RELEASES = ["1.8.0", "2.7.0", "3.1.0", "4.1.0"]

GENERATE = """
import os, sys
from alembic import command
from alembic.config import Config
from manage import app


class Theirs(Config):
    def get_template_directory(self):
        return sys.argv[1]


config = Theirs("migrations/alembic.ini")
config.set_main_option("script_location", "migrations")
with app.app_context():
    command.init(config, "migrations", sys.argv[2])
"""

WALK = """
from alembic import __version__
from manage import app
from flask_migrate_script import check, downgrade, migrate, upgrade

with app.app_context():
    migrate(message="users")
    upgrade()
    if tuple(map(int, __version__.split(".")[:2])) >= (1, 9):
        check()
    downgrade()
    upgrade()
"""


def generated(project, package, release, template="flask"):
    """Give a project the repository that a release of Flask-Migrate would; its code need not import here."""
    project.write("generate.py", GENERATE)
    templates = package(f"Flask-Migrate=={release}") / "flask_migrate" / "templates"
    project.python("generate.py", templates, template).ok()
    (project.folder / "generate.py").unlink()
    return project


@pytest.mark.parametrize("release", RELEASES)
def test_a_repository_of_each_release(make_project, sqlite, package, release):
    project = make_project(sqlite)
    project.write("manage.py", MANAGE)
    generated(project, package, release)
    before = {path: path.read_bytes() for path in (project.folder / "migrations").iterdir() if path.is_file()}
    project.db("migrate", "-m", "users").ok()
    (first,) = project.versions()
    assert "create_table('users'" in first.read_text()
    project.db("upgrade").ok()
    assert sqlite.tables() == ["users"]
    if ALEMBIC >= (1, 9):
        project.db("check").ok()
    again = project.db("migrate").ok()
    assert "No changes in schema detected." in again.err
    assert project.versions() == [first]
    assert project.flask("db", "current").ok().out.endswith(" (head)\n")
    assert "DROP TABLE users" in project.db("downgrade", "head:base", "--sql").ok().out
    project.db("downgrade").ok()
    assert sqlite.tables() == []
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_repository_of_each_release_on_a_server(make_project, new_database, package, release, kind):
    """In one process, so env.py is run several times in it; a password that the URL has is none of the output's."""
    database = new_database(kind)
    project = make_project(database)
    project.write("manage.py", MANAGE)
    generated(project, package, release)
    project.write("walk.py", WALK)
    project.python("walk.py").ok()
    assert database.tables() == ["users"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_repository_for_several_databases_of_each_release(make_project, sqlite, new_database, package, release):
    """What their own env.py can do on the installed Flask-SQLAlchemy, it does; what it cannot, it says in a line.

    On Flask-SQLAlchemy 3, that of 2.7 calls ``db.get_engine(app, bind)``, which is no longer there; those of 1.8 and
    3.1 run migrations, but look for every bind's models in ``db.metadata``, where only the default's are.
    """
    second = new_database("sqlite")
    project = bound(make_project(sqlite), my_bind=second)
    old = FLASK_SQLALCHEMY >= (3,) and release != "4.1.0"
    # The script.py.mako of 1.8 and 2.7 makes a function name of the bind's, so here the bind has one that can be.
    project.write("manage.py", BINDS.replace("my-bind", "mybind"))
    project.env["BINDS"] = project.env["BINDS"].replace("my-bind", "mybind")
    generated(project, package, release, "flask-multidb")
    if old and release == "2.7.0":
        assert "get_engine" in project.db("current").failed().err
        return
    if old:
        project.write("migrations/versions/1111.py", BY_HAND)
    else:
        project.db("migrate", "-m", "first").ok()
        (first,) = project.versions()
        assert "create_table('groups'" in first.read_text().partition("def upgrade_mybind")[2]
    project.db("upgrade").ok()
    assert (sqlite.tables(), second.tables()) == (["users"], ["groups"])
    assert project.db("current").ok().out.count(" (head)\n") == 2
    if ALEMBIC >= (1, 9) and not old:
        project.db("check").ok()
    project.db("downgrade").ok()
    assert (sqlite.tables(), second.tables()) == ([], [])


BY_HAND = """
revision = "1111"
down_revision = branch_labels = depends_on = None
from alembic import op
import sqlalchemy as sa

TABLES = {"": "users", "mybind": "groups"}


def upgrade(engine_name):
    op.create_table(TABLES[engine_name], sa.Column("id", sa.Integer, primary_key=True))


def downgrade(engine_name):
    op.drop_table(TABLES[engine_name])
"""

EDITED = {
    "1.8.0": ("target_metadata=target_metadata,\n                      process", "                      "),
    "2.7.0": ("target_metadata=target_metadata,\n            process", "            "),
    "3.1.0": ("target_metadata=target_metadata,\n            process", "            "),
    "4.1.0": ("target_metadata=get_metadata(),\n            **conf_args", "            "),
}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("registered", ["flask_migrate_script", "flask_migrate"])
def test_what_env_py_passes_itself_wins_over_the_same_argument(make_project, sqlite, package, release, registered):
    """`compare_type=False, render_as_batch=False, …, **configure_args` was right before those became defaults."""
    if registered == "flask_migrate" and FLASK_MIGRATE < (4, 1):
        pytest.skip("lane without Flask-Migrate")
    project = make_project(sqlite)
    source = MANAGE.replace(
        "Migrate(app, db)", "Migrate(app, db, compare_server_default=False, process_revision_directives=None)"
    )
    if registered == "flask_migrate":
        source = source.replace(
            "Manager, Migrate, MigrateCommand", "Manager, MigrateCommand\nfrom flask_migrate import Migrate"
        )
    project.write("manage.py", source)
    generated(project, package, release)
    env = project.folder / "migrations" / "env.py"
    text = env.read_text()
    after, indent = EDITED[release]
    assert text.count(after) == 1
    own = f"compare_type=False,\n{indent}render_as_batch=False,\n{indent}compare_server_default=False,\n{indent}"
    first, _, rest = after.partition("\n")
    edited = text.replace(after, f"{first}\n{indent}{own}{rest.strip()}")
    env.write_text(edited)
    sqlite.run("CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(10))")
    unchanged = project.db("migrate").ok()
    assert "No changes in schema detected." in unchanged.err
    sqlite.run("DROP TABLE users", "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY)")
    project.db("migrate", "-m", "name").ok()
    (script,) = project.versions()
    assert "op.add_column('users'" in script.read_text()
    assert "batch" not in script.read_text()
    env.write_text(edited.replace("=False", "=True"))
    project.db("upgrade").ok()
    sqlite.run("DROP TABLE users", "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(10))")
    project.db("migrate", "-m", "wide").ok()
    wide = next(path for path in project.versions() if path != script).read_text()
    assert "batch_alter_table" in wide
    assert "alter_column('name'" in wide
