"""`reset` shows what it would drop, asks, and leaves a database that an upgrade can start from."""

import os
import pty
import re
import subprocess
import sys

import sqlalchemy as sa
from conftest import MANAGE, initialised

TABLE = "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(64)))"
ODD_NAMES = ["a b", "Upper", "select", "colon:name", "per%cent", 'quo"te', "it's", "täble"]


def filled(project):
    """Give a project one migration, apply it, and put a row in."""
    project.revision("aaaa11", upgrade=TABLE, downgrade="op.drop_table('users')")
    project.db("upgrade").ok()
    project.database.run("INSERT INTO users (id, name) VALUES (1, 'one')")
    return project


def everything(database):
    """Return the names of what is in a database, without what belongs to it or to an extension."""
    queries = {
        "sqlite": "SELECT name FROM sqlite_master",
        "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
        "postgresql": """
            SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
            WHERE nspname NOT LIKE 'pg!_%' ESCAPE '!' AND nspname <> 'information_schema'
            UNION ALL SELECT typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
            WHERE nspname NOT LIKE 'pg!_%' ESCAPE '!' AND nspname <> 'information_schema' AND typtype IN ('e', 'd')""",
    }
    return sorted(row[0] for row in database.rows(queries[database.kind]))


def on_a_terminal(project, answer, *words):
    """Run `… db reset` on a pseudo-terminal and answer its question; return the exit code, stdout and stderr."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *words, "reset"],
        cwd=str(project.folder),
        env={**project.env, "FLASK_APP": "manage.py"},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    os.write(ours, f"{answer}\n".encode())
    out, err = process.communicate()
    os.close(ours)
    os.close(theirs)
    return process.returncode, out, err


def test_it_lists_asks_and_drops(any_project):
    project = filled(any_project)
    before = everything(project.database)

    refused = project.db("reset").failed()
    assert re.search(r"^default: \w+.*://.*\n", refused.out), refused
    assert re.search(r"^  table +(public\.)?alembic_version +1 row$", refused.out, re.M), refused
    assert re.search(r"^  table +(public\.)?users +1 row$", refused.out, re.M), refused
    assert refused.err == (
        "Error: Nothing was dropped: there is no terminal to ask on.\n"
        "       To drop without asking: python manage.py db reset --yes\n"
    )
    assert everything(project.database) == before

    code, out, err = on_a_terminal(project, "n", "manage.py", "db")
    assert code == 1
    assert "users" in out
    assert err == "Drop all of this? [y/N] Error: Nothing was dropped.\n"
    assert everything(project.database) == before

    code, out, err = on_a_terminal(project, "y", "-m", "flask", "db")
    assert code == 0, err
    tables = 3 if project.database.kind == "mysql" else 2  # alembic_journal is the third
    assert out.endswith(f"default: dropped {tables} tables.\n")
    assert err == "Drop all of this? [y/N] "
    assert everything(project.database) == []

    assert project.db("reset").ok().out.endswith(" is empty.\n")
    project.db("upgrade").ok()
    assert project.database.tables() == ["users"]
    assert project.flask("db", "reset", "--yes").ok().out.endswith(f"default: dropped {tables} tables.\n")
    assert everything(project.database) == []


VIEWS = ["CREATE VIEW names AS SELECT name FROM users", "CREATE VIEW short AS SELECT name FROM names"]

CIRCLE = [
    "CREATE TABLE chicken (id INTEGER PRIMARY KEY, egg INTEGER)",
    "CREATE TABLE egg (id INTEGER PRIMARY KEY, chicken INTEGER REFERENCES chicken (id))",
]

MORE = {
    "sqlite": [
        "CREATE VIRTUAL TABLE docs USING fts5(body)",
        "INSERT INTO docs VALUES ('some words')",
        "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)",
        "INSERT INTO counted DEFAULT VALUES",
    ],
    "mysql": ["ALTER TABLE chicken ADD FOREIGN KEY (egg) REFERENCES egg (id)"],
    "postgresql": [
        "ALTER TABLE chicken ADD FOREIGN KEY (egg) REFERENCES egg (id)",
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE TYPE pair AS (a INTEGER, b INTEGER)",
        "CREATE DOMAIN positive AS INTEGER CHECK (VALUE > 0)",
        "CREATE TABLE felt (id SERIAL PRIMARY KEY, mood mood, size positive, both_of pair)",
        "CREATE MATERIALIZED VIEW moods AS SELECT mood FROM felt",
        "CREATE SEQUENCE tickets",
        "CREATE SCHEMA other",
        "CREATE TABLE other.users (id INTEGER)",
        "CREATE TYPE other.mood AS ENUM ('so', 'so so')",
        "CREATE TABLE parted (id INTEGER, day INTEGER) PARTITION BY RANGE (day)",
        "CREATE TABLE parted_one PARTITION OF parted FOR VALUES FROM (1) TO (2)",
    ],
}


def test_it_leaves_nothing(any_project):
    project = filled(any_project)
    database = project.database
    database.run(*VIEWS, *CIRCLE, *MORE[database.kind])
    with database.engine().begin() as connection:
        for name in ODD_NAMES:
            sa.Table(name, sa.MetaData(), sa.Column("id", sa.Integer)).create(connection)
    done = project.db("reset", "--yes").ok()
    assert done.err == ""
    assert "view" in done.out
    assert everything(database) == ([] if database.kind != "sqlite" else ["sqlite_sequence"])
    project.db("upgrade").ok()
    assert [name for name in database.tables() if name != "sqlite_sequence"] == ["users"]


def test_what_belongs_to_an_extension_stays(make_project, postgresql):
    """Extensions belong to whoever may create them; without their objects they are broken."""
    postgresql.run("CREATE EXTENSION pg_stat_statements", "CREATE EXTENSION citext")
    project = filled(initialised(make_project(postgresql)))
    owned = "SELECT count(*) FROM pg_depend WHERE deptype = 'e'"
    before = postgresql.rows(owned)
    assert project.db("reset", "--yes").ok().out.endswith("default: dropped 2 tables.\n")
    assert postgresql.rows(owned) == before
    assert before[0][0] > 0


def test_every_configured_database(make_project, new_database):
    main, log = new_database("sqlite"), new_database("sqlite")
    project = make_project(main)
    binds = "db = SQLAlchemy(app)"
    configured = f'app.config["SQLALCHEMY_BINDS"] = {{"log": {log.url!r}, "same": os.environ["DATABASE_URL"]}}\n{binds}'
    project.write("manage.py", MANAGE.replace(binds, configured))
    main.run("CREATE TABLE one (id INTEGER)", "INSERT INTO one VALUES (1)", "INSERT INTO one VALUES (2)")
    log.run("CREATE TABLE entries (id INTEGER)", "CREATE VIEW last AS SELECT id FROM entries")
    listed = project.db("reset").failed()
    expected = (
        r"default: sqlite:///\S+\n  table  one  2 rows\nlog: sqlite:///\S+\n  view   last\n  table  entries  0 rows\n"
    )
    assert re.fullmatch(expected, listed.out), listed
    done = project.db("reset", "--yes").ok()
    assert done.out == listed.out + "default: dropped 1 table.\nlog: dropped 1 view and 1 table.\n"
    assert main.tables() == log.tables() == []


def test_nothing_is_dropped_where_one_database_cannot_be_reached(make_project, sqlite):
    project = make_project(sqlite)
    binds = "db = SQLAlchemy(app)"
    configured = f'app.config["SQLALCHEMY_BINDS"] = {{"log": "sqlite:////nosuch/folder/log.db"}}\n{binds}'
    project.write("manage.py", MANAGE.replace(binds, configured))
    sqlite.run("CREATE TABLE one (id INTEGER)")
    refused = project.db("reset", "--yes").failed()
    assert refused.err.startswith("Error: Cannot connect to sqlite:////nosuch/folder/log.db: "), refused
    assert sqlite.tables() == ["one"]
