"""A migration happens whole or not at all, and what is true after a failure is said."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import SQLALCHEMY, Database, initialised, schema, wait_for

CREATE = "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(20)))"

ENFORCING = """
from sqlalchemy import event
from sqlalchemy.engine import Engine

@event.listens_for(Engine, "connect")
def enforce(connection, record):
    connection.execute("PRAGMA foreign_keys = ON")

"""


ENFORCING_OUTSIDE = """
from sqlalchemy import event
from sqlalchemy.engine import Engine

@event.listens_for(Engine, "connect")
def enforce(connection, record):
    connection.autocommit = True
    connection.execute("PRAGMA foreign_keys = ON")
    connection.autocommit = False

"""

PARENT_AND_CHILD = """
op.create_table("parent", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(9)))
op.create_table(
    "child",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE")),
)
op.execute("INSERT INTO parent VALUES (1, 'one'), (2, 'two')")
op.execute("INSERT INTO child VALUES (1, 1), (2, 2), (3, 2)")
"""
REBUILD = """
with op.batch_alter_table("parent", recreate="always") as batch:
    batch.alter_column("name", type_=sa.String({0}))
"""

PG_ASLEEP = "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(20)' AND datname = current_database()"
MYSQL_ASLEEP = "SELECT id FROM information_schema.processlist WHERE info = 'SELECT SLEEP(20)' AND db = DATABASE()"


def failing_after(*statements):
    return "\n".join([*statements, "op.execute('INSERT INTO nowhere VALUES (1)')"])


def test_a_failed_upgrade_leaves_nothing_behind(any_project):
    database = any_project.database
    any_project.revision("aaa1", None, CREATE.format("first"), "op.drop_table('first')")
    any_project.db("upgrade").ok()
    any_project.revision("bbb2", "aaa1", CREATE.format("second"), "op.drop_table('second')")
    any_project.revision(
        "ccc3", "bbb2", failing_after(CREATE.format("third"), "op.execute(\"INSERT INTO first VALUES (1, 'x')\")")
    )
    failed = any_project.db("upgrade").failed()
    assert re.search(r"Revision ccc3 \(migrations/versions/ccc3\.py, line \d+\) failed", failed.err)
    assert "nowhere" in failed.err
    assert "INSERT INTO nowhere VALUES (1)" in failed.err
    if database.kind == "mysql":
        assert database.tables() == ["first", "second", "third"]
        assert "Applied before it, and kept: bbb2." in failed.err
        assert "CREATE TABLE third" in failed.err
        # On SQLAlchemy 1.3 every statement outside a transaction commits itself, and this one is then in the report.
        assert ("INSERT INTO first" in failed.err) is bool(database.rows("SELECT * FROM first"))
        assert "The database is at bbb2." in failed.err
        assert database.version() == ["bbb2"]
    else:
        assert database.tables() == ["first"]
        assert "Rolled back, nothing changed. The database is at aaa1." in failed.err
        assert database.version() == ["aaa1"]
        assert database.rows("SELECT * FROM first") == []


def test_a_failed_downgrade_leaves_nothing_behind(any_project):
    database = any_project.database
    any_project.revision("aaa1", None, CREATE.format("first"), failing_after("op.drop_table('first')"))
    any_project.db("upgrade").ok()
    failed = any_project.db("downgrade").failed()
    assert database.version() == ["aaa1"]
    if database.kind == "mysql":
        assert "DROP TABLE first" in failed.err
        assert database.tables() == []
    else:
        assert "Rolled back, nothing changed. The database is at aaa1." in failed.err
        assert database.tables() == ["first"]


def test_rebuilding_a_parent_table_keeps_the_rows_of_its_children(project):
    manage = project.folder / "manage.py"
    manage.write_text(ENFORCING + manage.read_text())
    project.revision("aaa1", None, PARENT_AND_CHILD)
    project.revision("bbb2", "aaa1", REBUILD.format(50), REBUILD.format(9))
    project.db("upgrade").ok()
    assert project.database.rows("SELECT count(*) FROM child") == [(3,)]
    project.db("downgrade").ok()
    assert project.database.rows("SELECT count(*) FROM child") == [(3,)]

    project.revision("ccc3", "bbb2", "op.execute('DELETE FROM parent WHERE id = 2')")
    failed = project.db("upgrade").failed()
    assert "child, row 2: no such row in parent" in failed.err
    assert "child, row 3: no such row in parent" in failed.err
    assert project.database.version() == ["aaa1"]
    assert project.database.rows("SELECT count(*) FROM parent") == [(2,)]


BEGINNING = """
from sqlalchemy import event
from sqlalchemy.engine import Engine

@event.listens_for(Engine, "connect")
def leave_transactions_to_us(connection, record):
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")

@event.listens_for(Engine, "begin")
def begin(connection):
    getattr(connection, "exec_driver_sql", connection.execute)("BEGIN")

"""
"""SQLAlchemy's manual has this for every application that wants SQLite's transactions to be real."""


@pytest.mark.parametrize("opened", ["connect", "begin"])
def test_an_application_that_begins_the_transactions_of_sqlite_itself(project, opened):
    manage, env = project.folder / "manage.py", project.folder / "migrations" / "env.py"
    manage.write_text(BEGINNING + manage.read_text())
    env.write_text(env.read_text().replace("database_engine().connect() as", f"database_engine().{opened}() as"))
    project.revision("aaa1", None, PARENT_AND_CHILD)
    project.db("upgrade").ok()
    project.revision("bbb2", "aaa1", REBUILD.format(50))
    project.db("upgrade", "--dry-run").ok()
    assert project.database.version() == ["aaa1"]
    project.db("upgrade").ok()
    assert project.database.rows("SELECT count(*) FROM child") == [(3,)]
    project.revision("ccc3", "bbb2", failing_after(CREATE.format("first")))
    assert "Rolled back, nothing changed. The database is at bbb2." in project.db("upgrade").failed().err
    assert project.database.tables() == ["child", "parent"]


@pytest.mark.skipif(sys.version_info < (3, 12) or SQLALCHEMY < (2,), reason="sqlite3 has it since Python 3.12")
def test_an_application_with_a_driver_that_is_always_in_a_transaction(project):
    manage = project.folder / "manage.py"
    options = 'app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"autocommit": False}}\n'
    manage.write_text(ENFORCING_OUTSIDE + manage.read_text().replace("db = SQLA", f"{options}db = SQLA"))
    project.revision("aaa1", None, PARENT_AND_CHILD)
    project.revision("bbb2", "aaa1", REBUILD.format(50))
    project.db("upgrade").ok()
    assert project.database.rows("SELECT count(*) FROM child") == [(3,)]
    project.revision("ccc3", "bbb2", failing_after(CREATE.format("first")))
    assert "Rolled back, nothing changed. The database is at bbb2." in project.db("upgrade").failed().err
    assert project.database.tables() == ["child", "parent"]


def test_a_session_of_the_same_program_that_is_writing(project):
    manage = project.folder / "manage.py"
    manage.write_text(ENFORCING + manage.read_text())
    project.revision("aaa1", None, PARENT_AND_CHILD)
    project.db("upgrade").ok()
    project.revision("bbb2", "aaa1", "op.execute('DELETE FROM parent')")
    project.write("program.py", WRITING)
    done = project.python("program.py").ok()
    assert "Another connection of this very process is writing to sqlite:///" in done.out
    assert "Commit it, roll it back or close it before upgrade() is called" in done.out
    assert "no such row in parent" in done.out
    assert done.out.endswith("[1]\n[1]\n")
    assert project.database.version() == ["aaa1"]


WRITING = """
import sqlalchemy as sa
from flask_migrate_script import MigrateError, upgrade
from manage import app, db

# One connection, and what a migration does to it is seen afterwards.
engine = sa.create_engine(app.config["SQLALCHEMY_DATABASE_URI"], poolclass=sa.pool.QueuePool, pool_size=1)
type(db).engine = engine

def enforced():
    with engine.connect() as connection:
        return [row[0] for row in connection.execute(sa.text("PRAGMA foreign_keys"))]

def attempt():
    with app.app_context():
        try:
            upgrade()
        except MigrateError as error:
            print(error)

app.config["MIGRATE_LOCK_TIMEOUT"] = 60
writing = sa.create_engine(app.config["SQLALCHEMY_DATABASE_URI"]).connect()
transaction = writing.begin()
writing.execute(sa.text("INSERT INTO parent VALUES (9, 'nine')"))
attempt()
first = enforced()
transaction.rollback()
app.config["MIGRATE_LOCK_TIMEOUT"] = 300
attempt()
print(first, enforced(), sep="\\n")
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_script_that_ends_the_transaction_itself(make_project, new_database, kind):
    """As scripts did before Alembic had autocommit_block()."""
    project = initialised(make_project(new_database(kind)))
    project.revision("aaa1", None, CREATE.format("first"))
    steps = [CREATE.format("second"), "op.execute('COMMIT')", "op.execute('CREATE INDEX by_name ON second (name)')"]
    project.revision("bbb2", "aaa1", failing_after(*steps))
    failed = project.db("upgrade").failed()
    assert "Rolled back" not in failed.err
    assert "Applied before it, and kept: aaa1." in failed.err
    assert "CREATE TABLE second" in failed.err
    # psycopg 3 begins a transaction again, psycopg 2 and sqlite3 do not.
    assert ("CREATE INDEX" in failed.err) is bool(schema(project.database)["second"]["indexes"])
    assert "The database is at aaa1." in failed.err
    project.database.run("DROP TABLE second")
    steps[1] += "\nop.execute('BEGIN')\nop.execute('ROLLBACK')"
    project.revision("bbb2", "aaa1", failing_after("op.execute('ROLLBACK')"))
    assert "Rolled back, nothing changed. The database is at aaa1." in project.db("upgrade").failed().err


@pytest.mark.skipif(SQLALCHEMY < (2,), reason="connections have commit() since SQLAlchemy 2.0")
def test_a_script_that_commits_on_its_connection_has_its_version_recorded(any_project):
    any_project.revision("aaa1", None, CREATE.format("first"))
    commit = "op.get_bind().commit()"
    any_project.revision("bbb2", "aaa1", f"{CREATE.format('second')}\n{commit}\nop.execute('DELETE FROM first')")
    any_project.db("upgrade").ok()
    assert any_project.database.version() == ["bbb2"]
    block = "with op.get_context().autocommit_block():\n    op.execute('DELETE FROM first')"
    any_project.revision("ccc3", "bbb2", f"{block}\nop.execute(\"INSERT INTO first VALUES (1, 'x')\")")
    any_project.db("upgrade").ok()
    assert (any_project.database.version(), any_project.database.rows("SELECT id FROM first")) == (["ccc3"], [(1,)])


@pytest.mark.skipif(SQLALCHEMY < (2,), reason="a statement begins a transaction since SQLAlchemy 2.0")
def test_an_env_py_that_executes_something_first_and_commits_nothing(any_project):
    """Written for SQLAlchemy 1, where it worked."""
    env, database = any_project.folder / "migrations" / "env.py", any_project.database
    text = env.read_text()
    first = "        connection.exec_driver_sql('SELECT 1')\n"
    env.write_text(text.replace("        context.configure(connection", f"{first}        context.configure(connection"))
    any_project.revision("aaa1", None, CREATE.format("first"))
    failed = any_project.db("upgrade").failed()
    assert "Nothing committed what ran: aaa1." in failed.err
    assert "The database is at no revision yet." in failed.err
    assert ("Rolled back, nothing changed" in failed.err) is (database.kind != "mysql")
    assert database.tables() == (["first"] if database.kind == "mysql" else [])
    any_project.db("upgrade", "--dry-run").ok()
    env.write_text(env.read_text().replace(first, f"{first}        connection.commit()\n"))
    any_project.db("upgrade").ok()
    assert (database.version(), database.tables()) == (["aaa1"], ["first"])


@pytest.mark.parametrize("name", ["AlembicVersion", "version"])
def test_what_is_true_is_told_by_a_version_table_of_another_name(any_project, name):
    manage, database = any_project.folder / "manage.py", any_project.database
    manage.write_text(manage.read_text().replace("Migrate(app, db)", f"Migrate(app, db, version_table={name!r})"))
    any_project.revision("aaa1", None, CREATE.format("first"))
    any_project.db("upgrade").ok()
    any_project.revision("bbb2", "aaa1", failing_after(CREATE.format(f"app_{name.lower()}")))
    failed = any_project.db("upgrade").failed()
    assert "The database is at aaa1." in failed.err
    assert ("Rolled back, nothing changed" in failed.err) is (database.kind != "mysql")
    assert ("CREATE TABLE app_" in failed.err) is (database.kind == "mysql")


def test_what_is_true_of_a_database_in_memory(project):
    project.env["DATABASE_URL"] = "sqlite://"
    project.revision("aaa1", None, CREATE.format("first"))
    project.revision("bbb2", "aaa1", failing_after(CREATE.format("second")))
    project.write(
        "program.py",
        """
        from flask_migrate_script import MigrateError, upgrade
        from manage import app

        with app.app_context():
            upgrade(revision="aaa1")
            try:
                upgrade()
            except MigrateError as error:
                print(error)
        """,
    )
    assert "Rolled back, nothing changed. The database is at aaa1." in project.python("program.py").ok().out


def test_a_migration_for_each_transaction_where_env_py_asks_for_it(any_project):
    database = any_project.database
    env = any_project.folder / "migrations" / "env.py"
    env.write_text(env.read_text().replace("**arguments)", "transaction_per_migration=True, **arguments)"))
    any_project.revision("aaa1", None, CREATE.format("first"))
    any_project.revision("bbb2", "aaa1", failing_after(CREATE.format("second")))
    failed = any_project.db("upgrade").failed()
    assert "Applied before it, and kept: aaa1." in failed.err
    assert "The database is at aaa1." in failed.err
    assert database.version() == ["aaa1"]
    assert database.tables() == (["first", "second"] if database.kind == "mysql" else ["first"])


def test_an_env_py_with_an_engine_of_its_own_and_no_transaction(project):
    """Alembic commits each migration on SQLite by itself where env.py opens no transaction; here too."""
    project.write("migrations/env.py", OWN_ENGINE)
    project.revision("aaa1", None, CREATE.format("first"), "op.drop_table('first')")
    project.db("upgrade").ok()
    assert project.database.tables() == ["first"]
    project.revision("bbb2", "aaa1", failing_after(CREATE.format("second")))
    assert "Rolled back, nothing changed. The database is at aaa1." in project.db("upgrade").failed().err
    assert project.database.tables() == ["first"]
    project.db("downgrade").ok()
    assert project.database.tables() == []


OWN_ENGINE = """
from alembic import context
from flask import current_app
from sqlalchemy import engine_from_config, pool

settings = {"sqlalchemy.url": current_app.config["SQLALCHEMY_DATABASE_URI"]}
connection = engine_from_config(settings, poolclass=pool.NullPool).connect()
context.configure(connection=connection)
context.run_migrations()
connection.close()
"""


def test_an_autocommit_block_works_and_says_what_it_gives_up(any_project):
    database = any_project.database
    outside = "CREATE INDEX CONCURRENTLY by_name ON first (name)" if database.kind == "postgresql" else "SELECT 1"
    any_project.revision("aaa1", None, CREATE.format("first"))
    any_project.revision(
        "bbb2",
        "aaa1",
        f"""
        op.execute("INSERT INTO first VALUES (1, 'kept')")
        with op.get_context().autocommit_block():
            op.execute("{outside}")
            op.execute("INSERT INTO first VALUES (2, 'kept too')")
        op.execute("INSERT INTO first VALUES (3, 'rolled back')")
        raise ValueError("after the block")
        """,
    )
    if database.kind == "mysql":
        any_project.db("upgrade", "aaa1").ok()
    failed = any_project.db("upgrade").failed()
    assert "Revision bbb2 leaves the transaction (autocommit_block): what it runs there stays." in failed.err
    told = "***" if database.kind == "mysql" else "kept too"  # the journal keeps no text of rows
    assert f"INSERT INTO first VALUES (2, '{told}')" in failed.err
    assert "The database is at aaa1." in failed.err
    names = [name for (name,) in database.rows("SELECT name FROM first ORDER BY id")]
    assert names[:2] == ["kept", "kept too"]
    assert ("INSERT INTO first VALUES (3" in failed.err) is (len(names) == 3)
    assert database.version() == ["aaa1"]


def test_a_full_disk_leaves_the_database_as_it_was(project):
    """PRAGMA max_page_count gives the error of a full disk (SQLITE_FULL) wherever the file is."""
    project.revision("aaa1", None, CREATE.format("first"))
    project.db("upgrade").ok()
    fill = "op.execute(\"INSERT INTO second (name) VALUES ('\" + 'x' * 5000 + \"')\")"
    limit = "op.execute('PRAGMA max_page_count = 20')"
    project.revision("bbb2", "aaa1", f"{CREATE.format('second')}\n{limit}\nfor _ in range(50):\n    {fill}")
    failed = project.db("upgrade").failed()
    assert "database or disk is full" in failed.err
    assert "Rolled back, nothing changed. The database is at aaa1." in failed.err
    assert project.database.tables() == ["first"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_really_full_disk_too(project, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)], check=True)
    try:
        project.env["DATABASE_URL"] = f"sqlite:///{disk / 'small.db'}"
        database = Database("sqlite", project.env["DATABASE_URL"])
        project.revision("aaa1", None, CREATE.format("first"))
        project.db("upgrade").ok()
        fill = "op.execute(\"INSERT INTO second (name) VALUES ('\" + 'x' * 5000 + \"')\")"
        project.revision("bbb2", "aaa1", f"{CREATE.format('second')}\nfor _ in range(100):\n    {fill}")
        failed = project.db("upgrade").failed()
        assert "Rolled back, nothing changed. The database is at aaa1." in failed.err, failed
        assert database.tables() == ["first"]
        assert database.rows("PRAGMA integrity_check") == [("ok",)]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


SESSIONS = {
    "postgresql": ("SELECT pg_sleep(20)", "SELECT pg_terminate_backend({0})", PG_ASLEEP),
    "mysql": ("SELECT SLEEP(20)", "KILL {0}", MYSQL_ASLEEP),
}


@pytest.mark.parametrize("kind", sorted(SESSIONS))
def test_a_session_that_the_server_ends_in_mid_migration(make_project, new_database, kind):
    database = new_database(kind)
    sleep, end, asleep = SESSIONS[kind]
    project = initialised(make_project(database))
    project.revision("aaa1", None, CREATE.format("first"))
    project.revision("bbb2", "aaa1", CREATE.format("second") + f"\nop.execute('{sleep}')")
    project.db("upgrade", "aaa1").ok()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(project.db, "upgrade")
        (session,) = wait_for(lambda: database.rows(asleep))
        database.run(end.format(session[0]))
        failed = running.result().failed()
    assert "Revision bbb2 (migrations/versions/bbb2.py, line" in failed.err
    assert "The database is at aaa1." in failed.err
    assert ("Rolled back, nothing changed" in failed.err) is (kind == "postgresql")
    assert ("CREATE TABLE second" in failed.err) is (kind == "mysql")
    assert database.version() == ["aaa1"]
