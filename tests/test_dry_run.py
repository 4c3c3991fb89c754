"""A dry run shows what would happen and what would be lost, and changes nothing."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import SQLALCHEMY, initialised, wait_for
from sqlalchemy.engine.url import make_url
from test_existing_repositories import BY_HAND, RELEASES, generated
from test_several_databases import BINDS, bound

from flask_migrate_script.console.terminal import measure

CREATE = "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(20)))"
DUMPS = {"postgresql": "pg_dump", "mysql": "mysqldump"}


def dump(database):
    """Return everything that is in a database: the file's bytes, or what the server's own tool writes of it."""
    if database.kind == "sqlite":
        path = Path(make_url(database.url).database)
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None
    tool = DUMPS[database.kind]
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    url = make_url(database.url)
    env = {**os.environ, "PGPASSWORD": url.password or "", "MYSQL_PWD": url.password or ""}
    where = ["-h", url.host, *(["-p" if tool == "pg_dump" else "-P", str(url.port)] if url.port else [])]
    user = ["-U" if tool == "pg_dump" else "-u", url.username]
    words = [tool, *where, *user, *([] if tool == "pg_dump" else ["--skip-comments", "--hex-blob"]), url.database]
    done = subprocess.run(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 0, done.stderr
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("--", "\\")))


@contextmanager
def unchanged(*databases):
    before = [dump(one) for one in databases]
    yield
    assert [dump(one) for one in databases] == before


def rehearsed(project, *words, code=0):
    """Return the databases of a dry run's JSON."""
    done = project.db(*words, "--dry-run", "--json", "-v")
    assert done.code == code, done
    found = json.loads(done.out)
    assert found["changed"] is False
    return found["databases"]


def losses(database):
    """Return what each operation of a database loses, those that lose nothing left out."""
    operations = [one for step in database["steps"] for one in step["operations"]]
    return {one["words"]: (one["lost"], one["lost_unit"]) for one in operations if one["lost"] is not None}


HISTORY = [
    (
        "aaa1",
        None,
        CREATE.format("users") + "\nop.create_index('by_name', 'users', ['name'])",
        "op.drop_table('users')",
    ),
    (
        "bbb2",
        "aaa1",
        CREATE.format("posts")
        + "\nop.execute(\"INSERT INTO users (name) VALUES ('x')\")"
        + "\nop.bulk_insert(sa.table('posts', sa.column('id'), sa.column('name')),"
        + " [{'id': n, 'name': 'p'} for n in range(1, 6)])",
        "op.drop_table('posts')",
    ),
    (
        "ccc3",
        "bbb2",
        "op.get_bind().execute(sa.text(\"UPDATE users SET name = 'y'\"))\n"
        "op.add_column('users', sa.Column('mail', sa.String(99)))",
        "with op.batch_alter_table('users') as batch:\n    batch.drop_column('mail')",
    ),
]


def historied(project):
    for revision in HISTORY:
        project.revision(*revision)
    return project


def test_a_dry_run_of_the_whole_history_there_and_back(any_project):
    project, database = historied(any_project), any_project.database
    with unchanged(database):
        done = project.db("upgrade", "--dry-run").ok()
    assert "\n\n  1  base -> aaa1  aaa1\n     create table users\n     create index by_name on users\n" in done.out
    assert "bulk insert into posts: 5 rows" in done.out
    assert done.out.endswith("\nNothing was changed. To do it: python manage.py db upgrade\n")
    assert "Running upgrade" not in done.err
    copied = database.kind == "mysql"
    assert ("rehearsed on a copy in" if copied else "rehearsed and rolled back in") in done.out
    (found,) = rehearsed(project, "upgrade", "bbb2")
    assert found["mode"] == ("rehearsed on a copy" if copied else "rehearsed")
    assert [step["revision"] for step in found["steps"]] == ["aaa1", "bbb2"]
    assert [one["operation"] for one in found["steps"][1]["operations"]] == ["create_table", "execute", "bulk_insert"]
    assert "CREATE TABLE posts" in found["steps"][1]["sql"][0]
    assert not any("alembic_version" in sql for step in found["steps"] for sql in step["sql"])

    project.db("upgrade").ok()
    database.run("UPDATE users SET mail = 'm'", "INSERT INTO users (name) VALUES ('none')")
    with unchanged(database):
        done = project.db("downgrade", "--dry-run", "base").ok()
        (found,) = rehearsed(project, "downgrade", "base")
        nothing = project.db("upgrade", "--dry-run").ok()
    assert losses(found) == {
        "drop column users.mail": (1, "values"),
        "drop table posts": (5, "rows"),
        "drop table users": (2, "rows"),
    }
    assert [(one["revision"], one["down_revision"], one["direction"]) for one in found["steps"]] == [
        ("ccc3", "bbb2", "downgrade"),
        ("bbb2", "aaa1", "downgrade"),
        ("aaa1", None, "downgrade"),
    ]
    lines = [line for line in done.out.splitlines() if line.endswith("lost")]
    assert [" ".join(line.split()) for line in lines][:2] == [
        "drop column users.mail 1 value lost",
        "drop table posts 5 rows lost",
    ]
    assert len(set(map(len, lines))) == 1, "what is lost ends in one column"
    assert done.out.endswith("\nNothing was changed. To do it: python manage.py db downgrade base\n")
    assert "at ccc3: nothing to do\n\nNothing was changed.\n" in nothing.out
    project.db("downgrade", "base").ok()
    assert database.tables() == []


def test_a_file_that_is_not_there_is_not_there_afterwards(project):
    historied(project)
    with unchanged(project.database):
        project.db("upgrade", "--dry-run").ok()
    assert dump(project.database) is None


def test_the_report_is_aligned_and_commands_no_terminal(project):
    project.database.run('CREATE TABLE "表" (id INTEGER)', "CREATE TABLE users (id INTEGER)")
    drops = "op.drop_table('表')\nop.drop_table('users')\nop.execute('SELECT 1 -- \\x1b[2J')"
    project.revision("aaa1", None, drops, message=r"clear \x1b[2Jit")
    done = project.db("upgrade", "--dry-run").ok()
    assert "\x1b" not in done.out
    assert "  1  base -> aaa1  clear ?[2Jit\n" in done.out
    assert len({measure(line) for line in done.out.splitlines() if line.endswith("0 rows lost")}) == 1


FAILS = """
op.execute("DELETE FROM users WHERE name = 'x'")
op.execute("INSERT INTO nowhere VALUES (1)")
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def transactional(request, make_project, new_database):
    """An application on each kind of database that rolls DDL back, upgraded to a table of users with one row."""
    project = initialised(make_project(new_database(request.param)))
    project.revision("aaa1", None, CREATE.format("users"), "op.drop_table('users')")
    project.db("upgrade").ok()
    project.database.run("INSERT INTO users (name) VALUES ('x')")
    return project


def test_a_step_that_would_fail_is_reported_as_the_real_run_would(transactional):
    project, database = transactional, transactional.database
    project.revision("bbb2", "aaa1", CREATE.format("second"))
    project.revision("ccc3", "bbb2", FAILS)
    project.revision("ddd4", "ccc3", CREATE.format("never"))
    with unchanged(database):
        dry = project.db("upgrade", "--dry-run").failed()
        (found,) = rehearsed(project, "upgrade", code=1)
    real = project.db("upgrade").failed()
    assert dry.err[dry.err.index("Error:") :] == real.err[real.err.index("Error:") :]
    assert "Rolled back, nothing changed. The database is at aaa1." in dry.err
    assert "create table second" in dry.out
    assert "To do it" not in dry.out
    assert [step["revision"] for step in found["steps"]] == ["bbb2", "ccc3"]
    assert losses(found) == {"execute DELETE FROM users WHERE name = 'x'": (1, "rows")}
    assert (found["failure"]["revision"], found["failure"]["statement"]) == ("ccc3", "INSERT INTO nowhere VALUES (1)")
    assert "nowhere" in found["failure"]["error"]


def test_what_a_rebuilt_table_leaves_without_its_parent_fails_as_well(project):
    project.database.run(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER REFERENCES parent)",
        "INSERT INTO parent VALUES (1)",
        "INSERT INTO child VALUES (1)",
    )
    project.revision("aaa1", None, "import time; time.sleep(1.1)\nop.execute('DELETE FROM parent')")
    with unchanged(project.database):
        done = project.db("upgrade", "--dry-run").failed()
    assert (
        "The migration would leave rows that point to nothing:\n         child, row 1: no such row in parent"
        in done.err
    )
    assert re.search(r"^  1  base -> aaa1  aaa1  \(1\.\d s\)$", done.out, re.M)
    assert "To do it" not in done.out


def test_a_rehearsal_waits_for_a_migration_that_is_running(project):
    project.revision("aaa1", None, "open('begun', 'w').close()\nimport time; time.sleep(2)")
    running = project.start("db", "upgrade")
    wait_for((project.folder / "begun").exists)
    refused = project.db("upgrade", "--dry-run", "--lock-timeout", "0.1").failed()
    waited = project.db("upgrade", "--dry-run").ok()
    running.communicate()
    assert "Another connection is still writing" in refused.err
    assert "manage.py db upgrade" in refused.err, "a dry run needs no lock file: the database tells who it waits for"
    assert "at aaa1: nothing to do" in waited.out


OWN_CONNECTION = """
engine = op.get_bind().engine
with engine.connect() as other:
    other.execute(sa.text("INSERT INTO users (id, name) VALUES (7, 'y')"))
"""
RAW = "raw = op.get_bind().engine.raw_connection()\n"
DRIVERS = "raw = op.get_bind().engine.connect().connection\n"
WRITE_RAW = "raw.cursor().execute(\"INSERT INTO users (id, name) VALUES (8, 'z')\")\nraw.commit()"
STOPS = {
    "op.execute('ROLLBACK')\nop.execute('DELETE FROM users')": "it ends the transaction itself (ROLLBACK)",
    "with op.get_context().autocommit_block():\n    op.execute('VACUUM')": "cannot be in a transaction",
    OWN_CONNECTION: "it writes on a connection of its own",
    RAW + WRITE_RAW: "it has a driver's connection of its own",
    DRIVERS + WRITE_RAW: "it has a driver's connection of its own",
}
if SQLALCHEMY < (2,):
    STOPS[
        "other = op.get_bind().execution_options(isolation_level='AUTOCOMMIT')\nother.execute('DELETE FROM users')"
    ] = ("it leaves the transaction (AUTOCOMMIT)", "it commits on the driver's own connection")  # as sqlite3 does first
else:
    STOPS["op.get_bind().commit()\nop.execute('DELETE FROM users')"] = "it commits by itself"


def test_a_rehearsal_stops_before_what_it_could_not_roll_back(transactional):
    project, database = transactional, transactional.database
    project.revision("ddd4", "bbb2", CREATE.format("never"))
    for code, reason in STOPS.items():
        project.revision("bbb2", "aaa1", CREATE.format("second") + "\n" + code)
        with unchanged(database):
            (found,) = rehearsed(project, "upgrade")
        reasons = (reason,) if isinstance(reason, str) else reason
        assert any(one in found["stopped"]["reason"] for one in reasons)
        assert found["stopped"]["left"] == ["ddd4"]
        assert found["failure"] is None
        assert found["steps"][0]["operations"][0]["operation"] == "create_table"
        assert losses(found) == {}
        assert [(one["revision"], one["executed"]) for one in found["steps"]] == [("bbb2", True), ("ddd4", False)]
    done = project.db("upgrade", "--dry-run").ok()
    assert f"The rehearsal stopped in revision bbb2: {found['stopped']['reason']}.\nNot rehearsed, only" in done.out
    assert "only read from the scripts: ddd4." in done.out
    assert "  2  bbb2 -> ddd4  ddd4  (only read)\n     create table never\n" in done.out


def test_a_rehearsal_stops_where_an_error_has_rolled_back(make_project, sqlite):
    """Where SQLite itself ends the transaction, what follows would last; Python keeps statements prepared."""
    project = initialised(make_project(sqlite))
    sqlite.run("CREATE TABLE t (a INTEGER)", "CREATE TABLE one (a INTEGER PRIMARY KEY)", "INSERT INTO one VALUES (1)")
    ended = "try:\n    op.execute('INSERT OR ROLLBACK INTO one VALUES (1)')\nexcept Exception:\n    pass\n"
    by_driver = "op.get_bind().connection.cursor().execute('INSERT INTO t VALUES (1)')\n"
    for write in ("op.execute('INSERT INTO t VALUES (1)')\n", by_driver):
        project.revision("aaa1", None, write + ended + write)
        with unchanged(sqlite):
            (found,) = rehearsed(project, "upgrade")
        assert found["stopped"] == {
            "revision": "aaa1",
            "reason": "it rolls back on the driver's own connection (ROLLBACK)",
            "left": [],
        }


GOES_ON = {
    "with op.get_context().autocommit_block():\n    op.execute('DELETE FROM users')": "inside of the transaction",
    "op.execute('COMMIT')\nop.execute('DELETE FROM users')": "COMMIT was not sent: a real run commits there",
    "op.execute('BEGIN')\nop.execute('DELETE FROM users')\nop.execute('END')": "BEGIN was not sent",
}
CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.create_index("by_name", "users", ["name"], postgresql_concurrently=True)
    op.execute("ALTER TYPE mood ADD VALUE 'glad'")
"""
ENDED = 'op.execute("COMMIT")\nop.execute("DROP INDEX CONCURRENTLY by_name")'


def test_a_rehearsal_goes_on_where_the_script_commits(transactional):
    project, database = transactional, transactional.database
    project.revision("ccc3", "bbb2", "op.drop_table('second')")
    for code, note in GOES_ON.items():
        project.revision("bbb2", "aaa1", CREATE.format("second") + "\n" + code)
        with unchanged(database):
            (found,) = rehearsed(project, "upgrade")
        assert note in found["steps"][0]["note"]
        assert (found["stopped"], found["failure"]) == (None, None)
        assert losses(found) == {"execute DELETE FROM users": (1, "rows"), "drop table second": (0, "rows")}
    if database.kind == "sqlite":
        return
    database.run("CREATE TYPE mood AS ENUM ('sad')", "CREATE TABLE feelings (mood mood)")
    project.revision("bbb2", "aaa1", CREATE.format("second") + CONCURRENTLY)
    project.revision("ccc3", "bbb2", "op.execute(\"INSERT INTO feelings VALUES ('glad')\")")
    project.revision("ddd4", "ccc3", "pass")
    with unchanged(database):
        (found,) = rehearsed(project, "upgrade")
    assert "CONCURRENTLY was left out" in found["steps"][0]["note"]
    assert "a value of an enum that was added in the same transaction" in found["stopped"]["reason"]
    assert [one["executed"] for one in found["steps"]] == [True, True, False]
    project.db("upgrade").ok()
    project.revision("eee5", "ddd4", ENDED)
    with unchanged(database):
        dry = project.db("upgrade", "--dry-run")
    assert dry.code == project.db("upgrade").code, "whether the driver begins another transaction"


def test_it_says_what_blocks_others_and_what_does_nothing(transactional):
    project = transactional
    project.revision("bbb2", "aaa1", "op.add_column('users', sa.Column('mail', sa.String(9)))")
    project.revision("ccc3", "bbb2", "op.create_index('by_mail', 'users', ['mail'])")
    project.revision("ddd4", "ccc3")
    (found,) = rehearsed(project, "upgrade")
    done = project.db("upgrade", "--dry-run").ok()
    assert "  3  ccc3 -> ddd4  ddd4\n     does nothing\n" in done.out
    assert [one["sql"] for one in found["steps"][0]["slowest"]] == found["steps"][0]["sql"]
    locks = [(one["table"], one["blocks"]) for step in found["steps"] for one in step["locks"]]
    if project.database.kind == "sqlite":
        assert locks == []
        return
    assert locks == [("users", "reads and writes"), ("users", "writes")]
    assert re.search(r"add column users\.mail\n     blocks reads and writes of users \(\d\.\d s\)\n", done.out)


def test_a_rehearsal_ends_in_time(transactional):
    project, database = transactional, transactional.database
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    for slow in (f"op.execute({endless!r})", "import time; time.sleep(1.1); op.execute('DELETE FROM users')"):
        project.revision("bbb2", "aaa1", slow)
        with unchanged(database):
            done = project.db("upgrade", "--dry-run", "--rehearse-seconds", "1").ok()
        assert "in revision bbb2: it has taken 1 seconds (--rehearse-seconds)" in done.out
        assert done.out.endswith("To do it: python manage.py db upgrade\n")


def test_a_large_table_is_named_before_it_is_locked(make_project, postgresql):
    project = initialised(make_project(postgresql))
    postgresql.run(
        "CREATE TABLE large AS SELECT repeat('x', 1000) AS text FROM generate_series(1, 20000)", "ANALYZE large"
    )
    project.revision("aaa1", None, "op.add_column('large', sa.Column('more', sa.Integer))")
    done = project.db("upgrade", "--dry-run").ok()
    assert "large is large (about 20,000 rows): from here on until the rehearsal is rolled back" in done.err


def test_a_text_of_several_statements_is_sent_without_its_commit(make_project, postgresql):
    project = initialised(make_project(postgresql))
    postgresql.run("CREATE TABLE users (id INTEGER)", "INSERT INTO users VALUES (1)")
    for text in (
        "BEGIN; DELETE FROM users; END;",
        "DELETE FROM users;\nEND TRANSACTION",
        "BEGIN; DELETE FROM users; COMMIT",
    ):
        project.revision("aaa1", None, f"op.execute({text!r})")
        with unchanged(postgresql):
            (found,) = rehearsed(project, "upgrade")
        word = "COMMIT" if "COMMIT" in text else "END"
        assert f"{word} was not sent" in found["steps"][0]["note"]
        assert [lost for lost, _ in losses(found).values()] == [1]


BODIES = {
    "sqlite": "CREATE TRIGGER t AFTER DELETE ON users BEGIN DELETE FROM users; END;",
    "postgresql": "CREATE FUNCTION f() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$;"
    " DO $do$ BEGIN PERFORM f(); END; $do$",
}


def test_the_end_of_a_body_ends_no_transaction(transactional):
    project = transactional
    project.revision("bbb2", "aaa1", f"op.execute({BODIES[project.database.kind]!r})")
    with unchanged(project.database):
        (found,) = rehearsed(project, "upgrade")
    assert (found["stopped"], found["failure"]) == (None, None)


DRIVERS_OWN = """
driver = op.get_bind().connection
driver.cursor().execute("INSERT INTO users (id, name) VALUES (7, 'y')")
driver.commit()
"""


REFUSED = {
    DRIVERS_OWN: "it commits on the driver's own connection (COMMIT)",
    f"\nop.execute('COMMIT'){DRIVERS_OWN}": "it commits on the driver's own connection (COMMIT)",
    DRIVERS_OWN.replace(
        "commit()", "rollback()\ndriver.cursor().execute('DELETE FROM users')"
    ): "the driver's own connection",
    DRIVERS_OWN.replace(
        "driver.commit()", "try:\n    driver.commit()\nexcept Exception:\n    pass"
    ): "the driver's own",
}
CHECKED = "\nop.execute('SET CONSTRAINTS ALL IMMEDIATE')\nop.execute('DELETE FROM users')"
SCRIPT = """
driver = op.get_bind().connection
driver.executescript("INSERT INTO users (id, name) VALUES (7, 'y'); DELETE FROM users")
"""


def test_a_commit_of_the_drivers_own_is_refused(transactional):
    project = transactional
    refused = dict(REFUSED)
    if project.database.kind == "sqlite":
        refused[SCRIPT] = "it commits on the driver's own connection (COMMIT)"
    else:
        refused[CHECKED + DRIVERS_OWN] = "it commits on the driver's own connection (COMMIT)"
    for code, reason in refused.items():
        project.revision("bbb2", "aaa1", CREATE.format("second") + code)
        with unchanged(project.database):
            (found,) = rehearsed(project, "upgrade")
        assert reason in found["stopped"]["reason"], code
    if project.database.kind == "postgresql":
        project.revision("bbb2", "aaa1", CREATE.format("second") + CHECKED)
        (found,) = rehearsed(project, "upgrade")
        assert (found["stopped"], found["failure"]) == (None, None), "a check is no commit"


def test_a_session_of_the_orm_in_a_migration_is_rehearsed_too(transactional):
    project = transactional
    project.revision(
        "bbb2",
        "aaa1",
        """
        from sqlalchemy.orm import Session

        session = Session(bind=op.get_bind())
        session.execute(sa.text("UPDATE users SET name = 'z'"))
        session.commit()
        op.add_column("users", sa.Column("mail", sa.String(9)))
        """,
    )
    with unchanged(project.database):
        (found,) = rehearsed(project, "upgrade")
    words = [one["words"] for one in found["steps"][0]["operations"]]
    assert words == ["execute UPDATE users SET name = 'z'", "add column users.mail"]
    assert found["stopped"] is None
    project.db("upgrade").ok()


OWN_ENGINE = """
from alembic import context
from flask import current_app
from sqlalchemy import engine_from_config, pool

print("said by env.py")
settings = {{"sqlalchemy.url": current_app.config["SQLALCHEMY_DATABASE_URI"]}}
connection = engine_from_config(settings, poolclass=pool.NullPool).connect()
{0}
connection.close()
"""
ENV_PYS = [
    "context.configure(connection=connection)\ncontext.run_migrations()",
    "context.configure(connection=connection, transactional_ddl=False)\ncontext.run_migrations()",
    "context.configure(connection=connection, transaction_per_migration=True)\n"
    "with context.begin_transaction():\n    context.run_migrations()",
    "with connection.begin():\n    context.configure(connection=connection)\n    context.run_migrations()",
    "context.configure(connection=connection)\nwith connection.begin():\n    context.run_migrations()",
]


def test_whatever_env_py_does_with_its_transactions(transactional):
    project = transactional
    project.revision("bbb2", "aaa1", CREATE.format("second"))
    project.revision("ccc3", "bbb2", "op.execute('INSERT INTO second (id) VALUES (1)')\nop.drop_table('users')")
    for body in ENV_PYS:
        project.write("migrations/env.py", OWN_ENGINE.format(body))
        with unchanged(project.database):
            (found,) = rehearsed(project, "upgrade")
        assert [step["revision"] for step in found["steps"]] == ["bbb2", "ccc3"]
        assert losses(found) == {"drop table users": (1, "rows")}
        assert found["mode"] == "rehearsed"


def test_an_engine_in_autocommit_mode_is_taken_out_of_it(transactional):
    project = transactional
    project.revision("bbb2", "aaa1", "op.drop_table('users')")
    body = "connection = connection.execution_options(isolation_level='AUTOCOMMIT')\n" + ENV_PYS[0]
    project.write("migrations/env.py", OWN_ENGINE.format(body))
    with unchanged(project.database):
        (found,) = rehearsed(project, "upgrade")
    assert (found["mode"], losses(found)) == ("rehearsed", {"drop table users": (1, "rows")})


@pytest.mark.parametrize("release", [RELEASES[0], RELEASES[-1]])
def test_the_env_py_of_flask_migrate_for_several_databases(make_project, new_database, package, release):
    databases = new_database("sqlite"), new_database("postgresql")
    project = bound(make_project(databases[0]), my_bind=databases[1])
    project.write("manage.py", BINDS.replace("my-bind", "mybind"))
    project.env["BINDS"] = project.env["BINDS"].replace("my-bind", "mybind")
    generated(project, package, release, "flask-multidb")
    project.write("migrations/versions/1111.py", BY_HAND)
    with unchanged(*databases):
        found = rehearsed(project, "upgrade")
    assert [(one["name"], one["mode"], len(one["steps"])) for one in found] == [
        ("default", "rehearsed", 1),
        ("mybind", "rehearsed", 1),
    ]


def test_what_a_script_has_dropped_past_sqlalchemy_is_not_asked_about(make_project, sqlite):
    project = initialised(make_project(sqlite))
    sqlite.run("CREATE TABLE gone (a INTEGER)", "CREATE TABLE t (a INTEGER)", "CREATE INDEX ix ON t (a)")
    drop = "op.get_bind().connection.cursor().execute('DROP TABLE gone')\nop.drop_index('ix', table_name='t')"
    project.revision("aaa1", None, drop)
    with unchanged(sqlite):
        (found,) = rehearsed(project, "upgrade")
    assert (found["failure"], found["stopped"]) == (None, None)


def test_a_dry_run_stops_before_a_block_in_a_transaction_that_env_py_has_begun(make_project, sqlite):
    """Alembic has no transaction there that it could commit, and newer releases refuse the block."""
    project = initialised(make_project(sqlite))
    env = project.folder / "migrations" / "env.py"
    env.write_text(env.read_text().replace("database_engine().connect() as", "database_engine().begin() as"))
    project.revision("aaa1", None, "with op.get_context().autocommit_block():\n    pass")
    (found,) = rehearsed(project, "upgrade")
    assert found["stopped"]["reason"] == "it leaves a transaction that env.py has begun (autocommit_block)"
