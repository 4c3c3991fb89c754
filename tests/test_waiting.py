"""Nobody waits in silence, and nobody waits for himself."""

import subprocess
import sys
import threading
import time

import pytest
import sqlalchemy as sa
from conftest import MANAGE, initialised, wait_for

CREATE = "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(20)))"
ADD = "op.add_column('users', sa.Column('age', sa.Integer))"
SERVERS = ["postgresql", "mysql"]
SQLALCHEMY = tuple(int(part) for part in sa.__version__.split(".")[:2])


def watching(make_project, database, source=MANAGE):
    """Return a project at a first revision with a table that has a row."""
    project = make_project(database)
    initialised(project, source)
    project.revision("aaa1", None, f"{CREATE}\nop.execute(\"INSERT INTO users VALUES (1, 'one')\")")
    project.db("upgrade").ok()
    project.fresh = True  # the timeout of a command holds only for one with an interpreter of its own
    return project


@pytest.fixture
def hold():
    """Return a function that begins a transaction in another process's session; it is over after the test."""
    holders = []

    def hold(database, sql):
        holders.append(Holder(database, sql))
        return holders[-1]

    yield hold
    for holder in holders:
        holder.release()


class Holder:
    """Another process's session that has begun a transaction and holds a table."""

    def __init__(self, database, sql):
        self.connection = database.engine().connect()
        self.transaction = self.connection.begin()
        self.connection.execute(sa.text(sql))
        number = {"postgresql": "pg_backend_pid()", "mysql": "connection_id()"}[database.kind]
        self.number = self.connection.execute(sa.text(f"SELECT {number}")).scalar()
        # What it ran last is what is told of it.
        self.connection.execute(sa.text(sql)).close()

    def release(self):
        if not self.connection.closed:
            self.transaction.rollback()
            self.connection.close()


def read_lines(process):
    """Collect what a process writes to stderr."""
    lines = []

    def read():
        for line in process.stderr:
            lines.append(line)

    threading.Thread(target=read, daemon=True).start()
    return lines


def finish(process, lines):
    assert process.wait(60) == 0, lines
    return "".join(lines)


@pytest.mark.parametrize("kind", SERVERS)
def test_a_table_in_use_is_told_after_five_seconds(make_project, new_database, hold, kind):
    database = new_database(kind)
    project = watching(make_project, database)
    project.revision("bbb2", "aaa1", ADD)
    project.env["OTHER_URL"] = "postgresql://someone:sesame99@elsewhere/db"
    holder = hold(database, "SELECT '\x1b[31m', 'sesame99', 'password=opensesame', name FROM users")
    process = project.start("db", "upgrade")
    lines = read_lines(process)
    began = time.monotonic()
    wait_for(lambda: any(str(holder.number) in line for line in lines), 40)
    assert time.monotonic() - began > 4.5
    holder.release()
    err = finish(process, lines)
    assert err.count("Waiting for a lock in ") == 1
    assert "ALTER TABLE users ADD COLUMN age INTEGER" in err
    assert "in a transaction since 2" in err
    assert "this very process" not in err
    assert "\x1b" not in err
    assert "sesame" not in err
    if kind == "postgresql":
        assert f"process {holder.number} of user postgres from 127.0.0.1" in err
        assert "It is held by:" in err
        assert "idle; its last statement: SELECT '?[31m', '***', 'password=***'" in err
    else:
        assert f"connection {holder.number} of user root from " in err
    assert database.version() == ["bbb2"]


def test_rows_of_mysql_have_a_holder(make_project, hold, mysql):
    project = watching(make_project, mysql)
    project.revision("bbb2", "aaa1", "op.execute(\"UPDATE users SET name = 'two'\")")
    holder = hold(mysql, "UPDATE users SET name = 'three'")
    process = project.start("db", "upgrade")
    lines = read_lines(process)
    wait_for(lambda: any(str(holder.number) in line for line in lines), 40)
    holder.release()
    err = finish(process, lines)
    assert "It is held by:" in err
    assert f"connection {holder.number} of user root from " in err
    assert err.count("Waiting for a lock") == 1


def test_the_next_holder_is_told_too(make_project, hold, postgresql):
    project = watching(make_project, postgresql)
    project.revision("bbb2", "aaa1", ADD)
    first = hold(postgresql, "SELECT * FROM users")
    second = hold(postgresql, "SELECT count(*) FROM users")
    process = project.start("db", "upgrade")
    lines = read_lines(process)
    wait_for(lambda: any(str(first.number) in line for line in lines), 40)
    first.release()
    wait_for(lambda: "".join(lines).count("Waiting for a lock") == 2, 40)
    second.release()
    err = finish(process, lines)
    assert str(first.number) not in err[err.rindex("Waiting for a lock") :]
    assert str(second.number) in err[err.rindex("Waiting for a lock") :]


def test_a_long_statement_that_waits_for_nobody_says_nothing(make_project, mysql):
    """Of PostgreSQL the test of another thread says the same."""
    project = watching(make_project, mysql)
    project.revision("bbb2", "aaa1", "op.execute('SELECT sleep(7)')")
    done = project.db("upgrade").ok()
    assert "Waiting" not in done.err
    assert "not known" not in done.err


LEFT_OPEN = """
import time
from manage import app, db, User
from flask_migrate_script import MigrateError, upgrade

with app.app_context():
    {use}
    began = time.monotonic()
    try:
        upgrade()
    except MigrateError as error:
        print(error)
    print("after", int(time.monotonic() - began))
    {end}
    upgrade()
"""


def test_a_session_that_the_application_left_open(make_project, database):
    project = watching(make_project, database)
    project.revision("bbb2", "aaa1", ADD)
    use = {"sqlite": "db.session.add(User(id=2, name='two')); db.session.flush()"}.get(
        database.kind, "print(User.query.count())"
    )
    project.write("program.py", LEFT_OPEN.format(use=use, end="db.session.remove()"))
    done = project.python("program.py", timeout=60).ok()
    assert "very process" in done.out
    assert "run the command again when it is done" not in done.out
    assert "db.session.rollback()" in done.out
    seconds = int(done.out.rpartition("after ")[2].split()[0])
    assert 4 <= seconds <= 20, done  # 15 where other transactions of the server are older
    if database.kind != "sqlite":
        assert "ALTER TABLE users ADD COLUMN age INTEGER" in done.out
        assert "The database is at aaa1." in done.out
    assert database.version() == ["bbb2"]


def test_an_own_session_beside_an_older_one_of_another_process(make_project, mysql, hold):
    """MariaDB does not say who holds a table: it is no hang, and no claim."""
    project = watching(make_project, mysql)
    mysql.run("CREATE TABLE other (id INTEGER)")
    project.revision("bbb2", "aaa1", ADD)
    hold(mysql, "SELECT * FROM other")
    project.write("program.py", LEFT_OPEN.format(use="print(User.query.count())", end="db.session.remove()"))
    done = project.python("program.py", timeout=60).ok()
    assert "of this very process" in done.out.replace("\n", " ")
    assert "this process waits for itself" not in done.out or "Another session of this very process holds" in done.out
    assert mysql.version() == ["bbb2"]


IN_A_REVISION = """
from flask import current_app
from sqlalchemy import text
db = current_app.extensions["migrate"].db
op.execute("UPDATE users SET name = 'two'")
db.session.execute(text("UPDATE users SET name = 'three'"))
db.session.commit()
"""


def test_a_session_in_a_revision_waits_for_the_migration_itself(make_project, database):
    if database.kind == "mysql" and SQLALCHEMY < (1, 4):
        pytest.skip("SQLAlchemy 1.3 commits each statement there, so the migration keeps no row locked")
    project = watching(make_project, database)
    project.revision("bbb2", "aaa1", IN_A_REVISION)
    began = time.monotonic()
    failed = project.db("upgrade", timeout=60).failed()
    assert time.monotonic() - began < 25
    assert "this process waits for itself" in failed.err or "this process waited for itself" in failed.err
    assert "UPDATE users SET name = 'three'" in failed.err
    assert "op.get_bind()" in failed.err
    assert "when it is done" not in failed.err
    assert database.version() == ["aaa1"]
    assert database.rows("SELECT name FROM users") == [("one",)]


def test_another_thread_of_the_program_may_wait_for_the_migration(make_project, postgresql):
    project = watching(make_project, postgresql)
    sleep = f"{ADD}\nop.execute('SELECT pg_sleep(8)')"
    project.revision("bbb2", "aaa1", sleep)
    project.write(
        "program.py",
        """
        import threading, time
        from manage import app, User
        from flask_migrate_script import upgrade

        def use():
            time.sleep(2)
            with app.app_context():
                print(User.query.with_entities(User.name).all())

        thread = threading.Thread(target=use)
        thread.start()
        with app.app_context():
            upgrade()
        thread.join()
        """,
    )
    done = project.python("program.py", timeout=60).ok()
    assert "one" in done.out
    assert "Waiting" not in done.err
    assert postgresql.version() == ["bbb2"]


def test_a_session_of_another_thread_that_ends_in_time_is_no_error(make_project, postgresql):
    project = watching(make_project, postgresql)
    project.revision("bbb2", "aaa1", ADD)
    project.write(
        "program.py",
        """
        import threading, time
        from manage import app, db, User
        from flask_migrate_script import upgrade

        def use():
            with app.app_context():
                User.query.with_entities(User.name).all()
                began.set()
                time.sleep(7)
                db.session.remove()

        began = threading.Event()
        thread = threading.Thread(target=use)
        thread.start()
        began.wait()
        with app.app_context():
            upgrade()
        thread.join()
        """,
    )
    done = project.python("program.py", timeout=60).ok()
    assert "It is a session of this very process." in done.err
    assert postgresql.version() == ["bbb2"]


def test_a_timeout_that_is_shorter_names_the_own_session_too(make_project, postgresql):
    project = watching(make_project, postgresql)
    project.revision("bbb2", "aaa1", ADD)
    program = LEFT_OPEN.format(use="print(User.query.count())", end="db.session.remove()")
    project.write("program.py", program.replace("upgrade()", "upgrade(ddl_timeout=3, ddl_retries=2)", 1))
    done = project.python("program.py", timeout=60).ok()
    assert "very process" in done.out
    assert "when it is done" not in done.out
    assert "Trying again" not in done.err


WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
cursor = connection.execute(sys.argv[3])
cursor.fetchone()
print("begun", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_that_another_process_is_writing_to(make_project, sqlite, mode):
    project = watching(make_project, sqlite)
    sqlite.run(f"PRAGMA journal_mode = {mode}")
    project.revision("bbb2", "aaa1", ADD)
    path = sqlite.url.partition("///")[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, path, "BEGIN IMMEDIATE", "UPDATE users SET name = 'two'"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )
    writer.stdout.readline()
    process = project.start("db", "upgrade")
    lines = read_lines(process)
    wait_for(lambda: any("Another connection is writing to" in line for line in lines), 40)
    writer.communicate("\n")
    err = finish(process, lines)
    assert err.count("Another connection is writing to") == 1
    if sys.platform == "linux":
        assert f"(process {writer.pid}: {sys.executable} -c " in err
    assert sqlite.version() == ["bbb2"]


def test_a_file_that_is_still_written_to_when_the_time_is_over(make_project, sqlite):
    project = watching(make_project, sqlite)
    project.revision("bbb2", "aaa1", ADD)
    connection = sqlite.engine().connect()
    driver = connection.connection
    driver.isolation_level = None
    driver.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    failed = project.db("upgrade", "--lock-timeout", "1").failed()
    assert time.monotonic() - began < 5
    assert "Another connection is still writing to sqlite:///" in failed.err
    assert "after 1 seconds" in failed.err
    driver.execute("ROLLBACK")
    connection.close()


BINDS = MANAGE.replace(
    "db = SQLAlchemy(app)",
    'app.config["SQLALCHEMY_BINDS"] = {"events": os.environ["EVENTS_URL"]}\ndb = SQLAlchemy(app)',
)


def with_binds(make_project, database, events):
    project = make_project(database)
    project.env["EVENTS_URL"] = events
    project.write("manage.py", BINDS)
    project.db("init", "--multidb").ok()
    body = "def upgrade_():\n    {0}\n\n\ndef upgrade_events():\n    {0}\n"
    project.write(
        "migrations/versions/aaa1.py",
        "from alembic import op\nimport sqlalchemy as sa\nrevision, down_revision = 'aaa1', None\n\n\n"
        "def upgrade(engine_name):\n    globals()['upgrade_' + engine_name]()\n\n\n"
        "def downgrade(engine_name):\n    pass\n\n\n" + body.format(CREATE),
    )
    return project


def spelled_differently(database):
    """Return another URL of the same database."""
    if database.kind == "sqlite":
        head, _, path = database.url.partition("///")
        return f"{head}///{path.rpartition('/')[0]}/./link.db"
    assert "127.0.0.1" in database.url
    return database.url.replace("127.0.0.1", "localhost")


def test_two_binds_that_lead_to_one_database_are_refused(make_project, database):
    other = spelled_differently(database)
    if database.kind == "sqlite":
        database.run("SELECT 1")
        link = other.partition("///")[2]
        subprocess.run(["ln", "-s", database.url.partition("///")[2], link], check=True)
    project = with_binds(make_project, database, other)
    for verb in (["upgrade"], ["downgrade", "base"], ["migrate"], ["upgrade", "--dry-run"]):
        refused = project.db(*verb, timeout=20).failed()
        assert "The binds 'default' and 'events' lead to the same database" in refused.err
        assert "Nothing was changed." in refused.err
        assert "--bind default" in refused.err
        assert "Running" not in refused.err
    assert database.tables() == []
    assert database.version() == []
    assert len(project.versions()) == 1
    project.db("upgrade", "--bind", "events").ok()
    assert database.version() == ["aaa1"]
    assert database.tables() == ["users"]


def test_schemas_of_one_database_are_binds_of_their_own(make_project, postgresql):
    postgresql.run("CREATE SCHEMA events")
    project = with_binds(make_project, postgresql, f"{postgresql.url}?options=-csearch_path%3Devents")
    project.db("upgrade").ok()
    assert postgresql.rows("SELECT count(*) FROM events.users") == [(0,)]
    assert postgresql.rows("SELECT count(*) FROM public.users") == [(0,)]


def test_databases_of_other_names_are_not_asked(make_project, postgresql, new_database):
    other = new_database("postgresql")
    project = with_binds(make_project, postgresql, other.url)
    manage = project.folder / "manage.py"
    asked = "import flask_migrate_script.guard.shared as shared\nshared._identify = None\n"
    manage.write_text(asked + manage.read_text())
    project.db("upgrade").ok()
    assert (postgresql.version(), other.version()) == (["aaa1"], ["aaa1"])


def test_a_folder_for_one_database_does_not_care(make_project, sqlite):
    project = make_project(sqlite)
    project.env["EVENTS_URL"] = sqlite.url
    initialised(project, BINDS)
    project.revision("aaa1", None, CREATE)
    project.db("upgrade").ok()
    assert sqlite.version() == ["aaa1"]
