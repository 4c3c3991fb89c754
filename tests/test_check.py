"""`check` says in words what differs between the models and each database, below Alembic's own line."""

import json
import re

import pytest
from conftest import ALEMBIC, MANAGE, initialised
from test_several_databases import BINDS, bound

if ALEMBIC < (1, 9):
    pytestmark = pytest.mark.skip(reason="check needs Alembic 1.9")

MODELS = """
class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    full_name = db.Column(db.String(128))
    email = db.Column(db.String(64), nullable=False)
    born = db.Column(db.Date, index=True)
    age = db.Column(db.Integer)
    __table_args__ = (db.UniqueConstraint("email", name="one_email"),)


class Post(db.Model):
    __tablename__ = "posts"
    id = db.Column(db.Integer, primary_key=True)
    author_id = db.Column(db.Integer, db.ForeignKey("users.id", name="fk_author"))
    __table_args__ = (db.UniqueConstraint("id", "author_id", name="one_author"),)


class Tag(db.Model):
    __tablename__ = "tags"
    id = db.Column(db.Integer, primary_key=True)


if __name__"""

EXISTING = [
    "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(64), email VARCHAR(32), born DATE, age INTEGER)",
    "CREATE TABLE posts (id INTEGER NOT NULL PRIMARY KEY, author_id INTEGER)",
    "CREATE TABLE logs (id INTEGER NOT NULL PRIMARY KEY)",
    "CREATE INDEX ix_users_age ON users (age)",
]


@pytest.fixture
def blog(make_project, database):
    head, _, _ = MANAGE.partition("class User")
    project = initialised(make_project(database), head + MODELS.strip() + MANAGE.partition("if __name__")[2])
    database.run(*EXISTING)
    return project


ALEMBICS_OWN = """
from alembic import command
from alembic.config import Config
from manage import app

config = Config("migrations/alembic.ini")
config.set_main_option("script_location", "migrations")
with app.app_context():
    try:
        command.check(config)
    except command.util.CommandError as error:
        print(f"Error: {error}")
"""


def without_addresses(text):
    return re.sub("0x[0-9a-f]+", "", text)


def test_every_kind_of_difference_in_words(blog):
    found = blog.db("check").failed()
    first, *lines = [line for line in found.err.splitlines() if line.startswith(("Error: ", "     "))]
    alembics_own = blog.write("alembics_own.py", ALEMBICS_OWN)
    assert without_addresses(f"{first}\n") == without_addresses(blog.python(alembics_own).ok().out)
    assert found.out == ""
    assert lines[-1] == "       python manage.py db migrate writes a revision with them."
    words = {line.strip() for line in lines[:-1]}
    assert words >= {
        "tags: the table is in the models, not in the database",
        "logs: the table is in the database, not in the models",
        "users: column full_name is in the models, not in the database",
        "users: column name is in the database, not in the models",
        "users: index ix_users_born (born) is in the models, not in the database",
        "users: index ix_users_age (age) is in the database, not in the models",
        "users: unique constraint one_email (email) is in the models, not in the database",
        "posts: unique constraint one_author (id, author_id) is in the models, not in the database",
        "posts: foreign key fk_author (author_id) to users.id is in the models, not in the database",
        "users: column email is VARCHAR(32) in the database, VARCHAR(64) in the models; "
        "it may be null in the database, not in the models",
    }
    assert len(words) == 10


def test_as_data_and_when_all_is_well(blog):
    found = blog.flask("db", "check", "--json").failed()
    (database,) = json.loads(found.out)["databases"]
    assert (database["name"], database["up_to_date"]) == ("default", False)
    differences = {one.pop("text"): one for one in database["differences"]}
    assert len(differences) == 10
    assert differences["users: column full_name is in the models, not in the database"] == {
        "operation": "add_column",
        "table": "users",
        "column": "full_name",
        "name": None,
    }
    foreign_key = next(one for one in differences.values() if one["operation"] == "create_foreign_key")
    assert (foreign_key["table"], foreign_key["name"]) == ("posts", "fk_author")
    assert "users: column full_name is in the models" in found.err

    blog.db("migrate").ok()
    behind = blog.db("check", "--json").failed()
    assert behind.out == ""
    assert "Target database is not up to date" in behind.err
    blog.db("upgrade").ok()
    assert blog.db("check").ok().out == "No new upgrade operations detected.\n"
    well = json.loads(blog.db("check", "--json").ok().out)["databases"]
    assert [(one["up_to_date"], one["differences"]) for one in well] == [(True, [])]


def test_a_default_and_a_comment_that_differ(make_project, postgresql):
    source = MANAGE.replace("db.String(64)", 'db.String(64), server_default="nobody", comment="as shown"')
    project = initialised(
        make_project(postgresql), source.replace("(app, db)", "(app, db, compare_server_default=True)")
    )
    postgresql.run("CREATE TABLE users (id SERIAL PRIMARY KEY, name VARCHAR(64))", "COMMENT ON TABLE users IS 'people'")
    err = project.db("check").failed().err
    assert (
        "users: column name has no server default in the database, the server default nobody in the models; "
        "it has no comment in the database, the comment 'as shown' in the models\n"
    ) in err
    assert "users: the table has no comment in the models, not in the database\n" in err


HOOK = """
def leave_alone(context, revision, directives):
    directives[0].upgrade_ops.ops[:] = []

"""


def test_what_env_py_leaves_out_is_no_difference(project):
    env = project.folder / "migrations" / "env.py"
    text = env.read_text().replace("def run_migrations_online", HOOK.strip() + "\n\n\ndef run_migrations_online")
    env.write_text(
        text.replace(
            'process_revision_directives"] = write_no_empty_script', 'process_revision_directives"] = leave_alone'
        )
    )
    assert project.db("check").ok().out == "No new upgrade operations detected.\n"
    assert json.loads(project.db("check", "--json").ok().out)["databases"][0]["up_to_date"] is True


def test_several_databases_each_by_name(make_project, sqlite, new_database):
    project = bound(make_project(sqlite), my_bind=new_database("sqlite"))
    project.write("manage.py", BINDS)
    project.initialise("--multidb")
    sqlite.run("CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY)")
    found = project.db("check", "--json").failed()
    assert "       my-bind: groups: the table is in the models, not in the database\n" in found.err
    databases = json.loads(found.out)["databases"]
    assert [(one["name"], one["up_to_date"], len(one["differences"])) for one in databases] == [
        ("default", True, 0),
        ("my-bind", False, 1),
    ]
