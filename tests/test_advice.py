"""Advice fits the cause: "fix the script" only where the script is at fault."""

import os
import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from conftest import FLASK_MIGRATE, FLASK_SQLALCHEMY, MANAGE, initialised

from flask_migrate_script.databases import name_server
from flask_migrate_script.explanations import explain
from flask_migrate_script.explanations.failure import Failure
from flask_migrate_script.failure_context import FirstError, note

TABLE = "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True))"
BINDS_ALONE = MANAGE.replace(
    'app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]',
    'app.config["SQLALCHEMY_BINDS"] = {"users": os.environ["DATABASE_URL"]}',
).replace("class User(db.Model):", 'class User(db.Model):\n    __bind_key__ = "users"')
needs_engines = pytest.mark.skipif(FLASK_SQLALCHEMY < (3,), reason="before, there is always a default database")


def failed(project, *words, **kwargs):
    """Return what a command that fails says; never a traceback."""
    result = project.db(*words, **kwargs).failed()
    assert "Traceback" not in result.err, result
    return result.err[result.err.index("Error: ") :]


# What a database says of a statement is the same whether its server is full or pretends to be.
RAISED = {
    "53100": "There is no room left",
    "53200": "no memory or no connection left",
    "25006": "can only be read",
    "57014": "The server stopped the statement",
    "55P03": "Another session has the lock",
    "40P01": "Another session has the lock",
    "40001": "Another session has the lock",
    "42501": "lacks a privilege",
    "XX001": "Check the disk",
    "23514": "The rows in the database do not allow this",
}


def test_what_is_not_the_scripts_fault_on_postgresql(make_project, postgresql):
    project = initialised(make_project(postgresql))
    for state, advice in RAISED.items():
        project.revision(
            "aaaa11", upgrade=f"op.execute(\"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$\")"
        )
        said = failed(project, "upgrade")
        assert "Revision aaaa11 (" in said, said
        assert advice in said, said
        assert "Fix the script" not in said, said


SIGNALED = {
    1114: "There is no room left",
    1041: "no memory or no connection left",
    1792: "can only be read",
    1317: "The server stopped the statement",
    1205: "Another session has the lock",
    1142: "lacks a privilege",
    1194: "Check the disk",
    1927: "The connection to the database was lost",
    1062: "The rows in the database do not allow this",
}


def test_what_is_not_the_scripts_fault_on_mysql(make_project, mysql):
    project = initialised(make_project(mysql))
    for number, advice in SIGNALED.items():
        project.revision("aaaa11", upgrade=f"op.execute(\"SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = {number}\")")
        said = failed(project, "upgrade")
        assert advice in said, said
        assert "Fix the script" not in said, said


ON_SQLITE = {
    "op.execute('PRAGMA query_only = 1')\n" + TABLE: "can only be read",
    TABLE
    + "\nop.execute('PRAGMA max_page_count = 5')\nop.execute('CREATE TABLE full AS SELECT zeroblob(1000000) AS b')": (
        "There is no room left"
    ),
    "import errno, os\nraise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))": "There is no room left",
    TABLE + "\nop.execute('INSERT INTO users VALUES (1)')\nop.execute('INSERT INTO users VALUES (1)')": (
        "The rows in the database do not allow this"
    ),
}


def test_what_is_not_the_scripts_fault_on_sqlite(project):
    for upgrade, advice in ON_SQLITE.items():
        project.revision("aaaa11", upgrade=upgrade)
        said = failed(project, "upgrade")
        assert advice in said, said
        assert "Fix the script" not in said, said


def test_what_is_the_scripts_fault(any_project):
    any_project.revision("aaaa11", upgrade="op.execute('SELEC 1')")
    assert "Fix the script and run the command again" in failed(any_project, "upgrade")


KILL = {
    "postgresql": "op.execute('SELECT pg_terminate_backend(pg_backend_pid())')",
    "mysql": "op.get_bind().execute(sa.text('KILL CONNECTION_ID()'))\nop.execute('SELECT 1')",
}


@pytest.mark.parametrize("kind", list(KILL))
def test_a_connection_that_is_killed(make_project, new_database, kind):
    project = initialised(make_project(new_database(kind)))
    project.revision("aaaa11", upgrade=KILL[kind])
    said = failed(project, "upgrade")
    assert "The connection to the database was lost" in said or "The server stopped the statement" in said, said
    assert "Fix the script" not in said, said


def test_the_privilege_that_is_missing_is_named_on_postgresql(make_project, postgresql):
    project = initialised(make_project(postgresql))
    role = postgresql.url.rsplit("/", 1)[1].partition("?")[0]
    postgresql.run(f"CREATE ROLE {role}", "CREATE TABLE mine (id INTEGER)", "CREATE SCHEMA closed")
    refused = {
        "op.execute('CREATE TABLE closed.users (id INTEGER)')": "GRANT CREATE ON SCHEMA closed TO",
        "op.execute('UPDATE mine SET id = 1')": "GRANT UPDATE ON mine TO",
        "op.execute('ALTER TABLE mine ADD x INTEGER')": "ALTER TABLE mine OWNER TO",
    }
    try:
        for statement, grant in refused.items():
            project.revision("aaaa11", upgrade=f"op.execute('SET LOCAL ROLE {role}')\n{statement}")
            said = failed(project, "upgrade")
            assert grant in said, said
            assert "Fix the script" not in said, said
    finally:
        postgresql.run(f"DROP ROLE {role}")


def test_the_privilege_that_is_missing_is_named_on_mysql(make_project, mysql):
    name = mysql.url.rsplit("/", 1)[1].partition("?")[0]
    project = initialised(make_project(mysql))
    user = f"'{name}'@'%'"
    mysql.run(
        "CREATE TABLE users (id INTEGER)",
        f"CREATE USER {user} IDENTIFIED BY 'x'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON {name}.* TO {user}",
    )
    project.env["DATABASE_URL"] = re.sub(r"://[^@]*@", f"://{name}:x@", mysql.url)
    try:
        project.revision("aaaa11", upgrade="op.add_column('users', sa.Column('name', sa.String(64)))")
        said = failed(project, "upgrade")
        assert re.search(r"GRANT ALTER ON .*users.* TO <user>", said), said
    finally:
        mysql.run(f"DROP USER {user}")


def test_tables_that_are_there_and_were_never_recorded(any_project):
    """db.create_all() made them, and the first revision cannot make them again."""
    any_project.revision("aaaa11", upgrade=TABLE, downgrade="op.drop_table('users')")
    any_project.revision("aaaa22", "aaaa11")
    any_project.database.run("CREATE TABLE users (id INTEGER PRIMARY KEY)")
    said = failed(any_project, "upgrade")
    assert "this revision is not recorded as applied" in said, said
    assert "python manage.py db stamp REVISION" in said, said
    assert "Fix the script" not in said, said
    any_project.db("stamp", "aaaa11").ok()
    any_project.db("upgrade").ok()
    any_project.revision("aaaa33", "aaaa22", upgrade=TABLE)
    said = failed(any_project, "upgrade")
    assert "stamp" not in said, said
    assert "drop it; otherwise fix the script" in said, said


@pytest.mark.parametrize("handler", ["    op.execute('SELECT 1')", "    pass\nop.execute('SELECT 1')"])
def test_the_statement_that_failed_first_is_named_where_the_script_went_on(make_project, postgresql, handler):
    project = initialised(make_project(postgresql))
    upgrade = f"try:\n    op.execute('ALTER TABLE nosuch ADD x INTEGER')\nexcept Exception:\n{handler}"
    project.revision("aaaa11", upgrade=upgrade)
    said = failed(project, "upgrade")
    assert re.search(r"Revision aaaa11 .* failed: relation .nosuch. does not exist", said), said
    assert "Statement: ALTER TABLE nosuch ADD x INTEGER" in said, said
    assert "The script went on after that error" in said, said
    assert "Statement: SELECT 1" in said, said
    assert "begin_nested" in said, said


def test_a_caught_error_is_not_taken_for_the_reason(any_project):
    """What the script raised itself is what failed; the error that it caught before is not."""
    any_project.revision(
        "aaaa11",
        upgrade="""
        try:
            op.execute("SELEC 1")
        except Exception:
            raise ValueError("no tenants") from None
        """,
    )
    assert "failed: ValueError: no tenants" in failed(any_project, "upgrade")


@needs_engines
def test_binds_alone(make_project, sqlite):
    """An application without a default database: its env.py, made by `init --multidb`, migrates the binds."""
    project = make_project(sqlite)
    project.write("manage.py", BINDS_ALONE)
    project.initialise("--multidb")
    project.db("migrate", "--rev-id", "aaaa11").ok()
    text = project.versions()[0].read_text()
    assert "def upgrade_users():" in text
    assert "def upgrade_():" not in text
    project.db("upgrade").ok()
    assert sqlite.tables() == ["users"]
    assert sqlite.version() == ["aaaa11"]
    project.db("downgrade").ok()
    assert sqlite.tables() == []


ENV_PY_OF_2 = """
from alembic import context
from flask import current_app

url = current_app.config.get("SQLALCHEMY_DATABASE_URI").replace("%", "%%")
context.config.set_main_option("sqlalchemy.url", url)
"""
OURS_BEFORE = 'NAMES = ["", *bind_names()]'


@needs_engines
@pytest.mark.parametrize("env", ["ours before", "ours for one", "Flask-Migrate's", "Flask-Migrate's for one", "2.x"])
def test_an_env_py_that_asks_for_a_default_database_where_there_is_none(make_project, sqlite, env):
    project = make_project(sqlite)
    project.write("manage.py", BINDS_ALONE)
    project.db("init", *([] if env.endswith("for one") else ["--multidb"])).ok()
    path = project.folder / "migrations" / "env.py"
    if env == "ours before":
        path.write_text(re.sub(r"^NAMES = .*$", OURS_BEFORE, path.read_text(), flags=re.M))
    elif env == "2.x":
        path.write_text(ENV_PY_OF_2)
    elif env.startswith("Flask-Migrate's"):
        if not FLASK_MIGRATE:
            pytest.skip("Flask-Migrate is not installed")
        import flask_migrate

        kind = "flask" if env.endswith("for one") else "flask-multidb"
        theirs = Path(flask_migrate.__file__).parent / "templates" / kind / "env.py"
        path.write_text(theirs.read_text())
    said = failed(project, "upgrade")
    assert "env.py asks for the default database, and the application has none" in said, said
    assert "the application's binds are: users" in said, said
    assert "python manage.py db init --multidb -d FOLDER" in said, said


MULTIDB = MANAGE.replace(
    "db = SQLAlchemy(app)", 'app.config["SQLALCHEMY_BINDS"] = {"users": os.environ["OTHER_URL"]}\ndb = SQLAlchemy(app)'
)


@pytest.fixture
def multidb(make_project, sqlite, new_database):
    """An application with a default database and the bind "users", and a folder made with --multidb."""
    project = make_project(sqlite)
    project.other = new_database("sqlite")
    project.env["OTHER_URL"] = project.other.url
    project.write("manage.py", MULTIDB)
    project.initialise("--multidb")
    return project


def test_a_bind_that_is_not_configured(multidb):
    path = multidb.folder / "migrations" / "env.py"
    path.write_text(re.sub(r"^NAMES = .*$", 'NAMES = ["", "orders"]', path.read_text(), flags=re.M))
    said = failed(multidb, "upgrade")
    assert "env.py asks for the database of the bind orders, which is not configured" in said, said
    assert "the application's binds are: users" in said, said
    assert "SQLALCHEMY_BINDS" in said, said


def test_a_revision_for_one_database_under_an_env_py_for_several(multidb):
    multidb.revision("aaaa11", upgrade=TABLE)
    said = failed(multidb, "upgrade")
    assert re.search(r"(Revision aaaa11|aaaa11.py) was made for one database, and env.py is for several", said), said
    assert "upgrade() takes no engine_name" in said, said
    assert "def upgrade(engine_name):" in said, said


def test_a_revision_for_several_databases_under_an_env_py_for_one(project):
    path = project.revision("aaaa11", upgrade=TABLE)
    path.write_text(path.read_text().replace("def upgrade():", "def upgrade(engine_name):"))
    said = failed(project, "upgrade")
    assert re.search(r"(Revision aaaa11|aaaa11.py) was made for several databases, and env.py is for one", said), said


def test_a_revision_without_a_function_for_a_bind(multidb):
    """Flask-Migrate's script for several databases calls upgrade_users() by its name."""
    path = multidb.revision("aaaa11", upgrade='globals()["upgrade_%s" % engine_name]()')
    path.write_text(
        path.read_text().replace("def upgrade():", "def upgrade_():\n    pass\n\n\ndef upgrade(engine_name):")
    )
    said = failed(multidb, "upgrade")
    assert re.search(r"Revision aaaa11 .*: it has no upgrade_users\(\), which is for the bind users", said), said
    assert "def upgrade_users(): pass" in said, said


def test_an_object_without_metadata(project):
    """As Flask-SQLAlchemy-Lite's: the models have a base of their own."""
    source = project.folder / "manage.py"
    lite = "class Lite:\n    engine = property(lambda self: db.engine)\n\n\nmigrate = Migrate(app, Lite())"
    source.write_text(source.read_text().replace("migrate = Migrate(app, db)", lite))
    said = failed(project, "migrate")
    assert re.search(
        r"migrations/env.py, line \d+: the Lite object given to Migrate\(app, db\) has no metadata", said
    ), said
    assert "Base.metadata" in said, said


def test_a_url_without_a_database(make_project, mysql):
    project = initialised(make_project(mysql))
    project.revision("aaaa11", upgrade=TABLE)
    project.env["DATABASE_URL"] = mysql.url.rsplit("/", 1)[0]
    said = failed(project, "upgrade")
    assert "The database URL names no database." in said, said
    assert "SQLALCHEMY_DATABASE_URI" in said, said


def test_a_database_that_refuses_env_py_is_not_env_pys_fault(any_project):
    path = any_project.folder / "migrations" / "env.py"
    call = "    with database_engine().connect() as connection:\n"
    asks = f"{call}        connection.execute(__import__('sqlalchemy').text('SELECT * FROM tenants'))\n"
    path.write_text(path.read_text().replace(call, asks))
    said = failed(any_project, "upgrade")
    assert re.search(r"Error: The database refused: .*tenants", said), said
    assert re.search(r"Asked by: migrations/env.py, line \d+", said), said
    assert "Fix that file" not in said, said


def test_the_file_of_the_application_that_fails_is_named(project):
    project.write("models.py", "def connect():\n    return {}['tenant']\n")
    path = project.folder / "migrations" / "env.py"
    path.write_text(path.read_text() + "\nimport models\nmodels.connect()\n")
    said = failed(project, "upgrade")
    assert "Error: models.py, line 2: KeyError: 'tenant'" in said, said


def test_a_folder_that_is_not_there_says_in_full_where_it_was_looked_for(make_project, sqlite):
    project = make_project(sqlite)
    project.write("manage.py", MANAGE)
    for words, folder in ((["upgrade"], "migrations"), (["-d", "other", "upgrade"], "other")):
        said = failed(project, *words)
        assert f"It was looked for in {os.path.realpath(project.folder)}/{folder}." in said, said


def test_python_2_is_called_by_its_name(project):
    for line in ("print 'x'", "exec 'x'", "raise ValueError, 'x'", "x = ur'x'"):
        project.revision("aaaa11", upgrade=line)
        said = failed(project, "upgrade")
        assert re.search(r"aaaa11.py, line 12: this is Python 2", said), said
        assert "Rewrite that line for Python 3" in said, said


def test_both_files_of_one_identifier_are_named_in_folders_of_their_own(project):
    ini = project.folder / "migrations" / "alembic.ini"
    ini.write_text(ini.read_text().replace("[alembic]", "[alembic]\nversion_locations = one two\n", 1))
    for folder in ("one", "two"):
        project.write(f"{folder}/aaaa11.py", "revision = 'aaaa11'\ndown_revision = None\n")
    said = failed(project, "history")
    assert "Two revision files have the id aaaa11: one/aaaa11.py and two/aaaa11.py" in said, said


def test_a_value_that_is_computed_is_left_to_alembic(project):
    """Only what is written as a literal is claimed of a file."""
    project.write("migrations/versions/aaaa11.py", "revision = 'aaaa' + '11'\ndown_revision = None\n")
    project.revision("bbbb22", "aaaa11")
    assert project.db("history").ok().out.startswith("aaaa11 -> bbbb22 (head)")
    project.revision("cccc33", "nosuch")
    assert "nosuch, which is in no file" in failed(project, "history")


@pytest.mark.skipif(FLASK_SQLALCHEMY < (3,), reason="Flask-SQLAlchemy 2 makes another path of a file: URL")
def test_sqlite_that_is_read_only(make_project, sqlite):
    project = initialised(make_project(sqlite))
    project.revision("aaaa11", upgrade=TABLE)
    path = sqlite.url.partition("///")[2]
    sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close()
    project.env["DATABASE_URL"] = f"sqlite:///file:{path}?mode=ro&uri=true"
    said = failed(project, "upgrade")
    assert "can only be read" in said, said


def test_what_was_noted_on_the_way_is_used():
    """Whoever watches the statements of a step notes which one failed first, where the script caught its error."""
    first = sqlalchemy.exc.ProgrammingError("ALTER TABLE nosuch ADD x INTEGER", {}, Refused("42P01", "no such table"))
    later = sqlalchemy.exc.InternalError("SELECT 1", {}, Refused("25P02", "current transaction is aborted"))
    note(later, first_error=FirstError("ALTER TABLE nosuch ADD x INTEGER", first), versions=("aaaa11",))
    note(later, versions=("of the next run",))
    failure = Failure(_raised_in_a_revision(later), [])
    assert failure.context.versions == ("aaaa11",)
    said = str(explain(failure.exc))
    assert re.match(r"Revision aaaa11 \(.*, line 2\) failed: no such table\nStatement: ALTER TABLE nosuch", said), said
    assert "The script went on after that error" in said
    assert said.endswith("with op.get_bind().begin_nested():")


class Refused(Exception):
    """As psycopg's errors are."""

    def __init__(self, sqlstate, words):
        super().__init__(words)
        self.sqlstate = sqlstate


def _raised_in_a_revision(exc):
    names = {"revision": "aaaa11", "down_revision": None, "exc": exc}
    exec(compile("def upgrade():\n    raise exc\n", "aaaa11.py", "exec"), names)
    with pytest.raises(type(exc)) as caught:
        names["upgrade"]()
    return caught.value


def test_mariadb_is_called_mariadb(mysql):
    engine = mysql.engine()
    with engine.connect() as connection:
        version = connection.execute(sqlalchemy.text("SELECT VERSION()")).scalar()
    assert name_server(engine.dialect) == ("MariaDB" if "MariaDB" in version else "MySQL")
