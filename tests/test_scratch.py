"""A scratch database is made, or taken, and gone again; nothing else is ever dropped."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa
from conftest import make_database, wait_for
from sqlalchemy.engine.url import make_url

from flask_migrate_script.databases import change_database
from flask_migrate_script.scratch.opening import ScratchRefused, find_scratch_url, open_scratch
from flask_migrate_script.scratch.places import MARKER

SERVERS = ["postgresql", "mysql"]


@pytest.fixture(params=SERVERS)
def server(request, new_database):
    """A database of each kind of server."""
    return new_database(request.param)


def databases(server):
    """Return the names of all databases of a server."""
    listing = {"postgresql": "SELECT datname FROM pg_database", "mysql": "SHOW DATABASES"}
    return {name for (name,) in server.rows(listing[server.kind])}


def execute(engine, *statements):
    """Run statements that a transaction may not have around them."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement.replace(":", r"\:")))


def tables(engine):
    with engine.connect() as connection:
        return sa.inspect(connection).get_table_names()


def url_of(url):
    """Return a URL as a text with its password."""
    return url.render_as_string(hide_password=False) if hasattr(url, "render_as_string") else str(url)


def test_a_scratch_database_is_there_for_a_block(database):
    database.run("CREATE TABLE users (id INTEGER)")
    real = database.engine()
    with open_scratch(real) as scratch:
        assert scratch.made
        assert scratch.differences == ()
        assert tables(scratch.engine) == ([] if database.kind == "sqlite" else [MARKER])
        assert scratch.engine.url.database == scratch.name
        execute(scratch.engine, "CREATE TABLE users (id INTEGER)", "INSERT INTO users VALUES (1)")
        if database.kind != "sqlite":
            assert scratch.name in databases(database)
            assert scratch.name.startswith(f"{make_url(database.url).database}_scratch_")
    assert database.rows("SELECT COUNT(*) FROM users") == [(0,)]
    if database.kind == "sqlite":
        assert not Path(scratch.name).parent.exists()
    else:
        assert scratch.name not in databases(database)


def test_an_error_in_the_block_leaves_nothing_behind(server):
    with pytest.raises(ValueError, match="the block"), open_scratch(server.engine()) as scratch:
        raise ValueError("the block")
    assert scratch.name not in databases(server)


def test_a_scratch_database_of_mysql_connects_as_the_real_one_does(mysql):
    real = sa.create_engine(mysql.url, connect_args={"init_command": "SET @made_by = 'the application'"})
    with open_scratch(real) as scratch, scratch.engine.connect() as one, scratch.engine.connect() as other:
        for connection in (one, other):
            row = connection.execute(sa.text("SELECT @made_by, DATABASE()")).fetchone()
            assert tuple(row) == ("the application", scratch.name)
        assert one.dialect.default_schema_name == scratch.name


HOLDS = """
import sys
import sqlalchemy as sa
from flask_migrate_script.scratch.opening import open_scratch
with open_scratch(sa.create_engine(sys.argv[1])) as scratch:
    print(scratch.name, flush=True)
    sys.stdin.read()
"""


def test_what_a_kill_leaves_behind_is_dropped_by_the_next_one(server):
    def start():
        command = [sys.executable, "-c", HOLDS, server.url]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
        return process, process.stdout.readline().strip()

    prefix = f"{make_url(server.url).database}_scratch_"
    foreign, unrelated = f"{prefix}without_marker", f"{prefix[:-9]}xscratch_{uuid.uuid4().hex[:8]}"
    killed, left = start()
    working, held = start()
    try:
        execute(server.engine(), f"CREATE DATABASE {foreign}", f"CREATE DATABASE {unrelated}")
        assert {left, held} <= databases(server), "the second has not dropped what the first one holds"
        killed.kill()
        killed.wait()

        def is_gone():
            with open_scratch(server.engine()):
                return left not in databases(server)

        wait_for(is_gone)  # the server may take a moment to see that its client is gone
        assert {held, foreign, unrelated} <= databases(server)
        working.communicate()
        assert working.returncode == 0
        assert held not in databases(server)
    finally:
        for process in (killed, working):
            process.kill()
            process.wait()
        execute(server.engine(), f"DROP DATABASE IF EXISTS {foreign}", f"DROP DATABASE IF EXISTS {unrelated}")
        with open_scratch(server.engine()):
            pass


def test_a_database_that_is_configured_is_emptied_and_kept(server, new_database):
    own = new_database(server.kind)
    if server.kind == "postgresql":
        own.run("CREATE SCHEMA more", "CREATE TABLE more.t (id INTEGER)", "DROP SCHEMA more CASCADE")
    for _ in range(2):
        with open_scratch(server.engine(), own.url) as scratch:
            assert not scratch.made
            assert scratch.name == make_url(own.url).database
            assert tables(scratch.engine) == [MARKER]
            execute(
                scratch.engine,
                "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
                "CREATE TABLE child (id INTEGER, FOREIGN KEY (id) REFERENCES parent (id))",
                "CREATE VIEW seen AS SELECT * FROM parent",
            )
            with (
                pytest.raises(ScratchRefused, match="in use by another command"),
                open_scratch(server.engine(), own.url),
            ):
                raise AssertionError("two at once")
        assert own.tables() == [MARKER]
    own.run("CREATE TABLE left_by_a_kill (id INTEGER)")
    with open_scratch(server.engine(), own.url) as scratch:
        assert tables(scratch.engine) == [MARKER]


def test_the_real_database_and_one_with_something_in_it_are_refused(server, new_database):
    other = new_database(server.kind)
    other.run("CREATE TABLE users (id INTEGER)", "INSERT INTO users VALUES (1)")
    same = make_url(server.url)
    spelled = server.url.replace("127.0.0.1", "localhost") if "127.0.0.1" in server.url else server.url
    function = {"postgresql": "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'"}
    routines = new_database(server.kind)
    execute(routines.engine(), function.get(server.kind, "CREATE PROCEDURE f() SELECT 1"))
    refused = {
        server.url: "is the real database itself",
        spelled: "is the real database itself",
        other.url: "is not empty",
        routines.url: "is not empty",
        "sqlite:///somewhere.db": "is no scratch database for",
        url_of(change_database(same, "")): "is no scratch database for",
        url_of(change_database(same, "fms_is_not_there")): "cannot be reached",
    }
    for url, reason in refused.items():
        with pytest.raises(ScratchRefused, match=reason), open_scratch(server.engine(), url):
            raise AssertionError(url)
    assert other.rows("SELECT * FROM users") == [(1,)]
    assert server.tables() == []


@pytest.fixture
def account(server):
    """Return the URL of an account that may use one database and make none."""
    name, url = f"fms_{uuid.uuid4().hex[:8]}", make_url(server.url)
    if server.kind == "postgresql":
        execute(server.engine(), f"CREATE ROLE {name} LOGIN PASSWORD 'secret word'")
        drop = f"DROP ROLE {name}"
    else:
        execute(
            server.engine(),
            f"CREATE USER {name}@'%' IDENTIFIED BY 'secret word'",
            f"CREATE USER {name}@'localhost' IDENTIFIED BY 'secret word'",
            f"GRANT ALL ON `{url.database}`.* TO {name}@'%'",
            f"GRANT ALL ON `{url.database}`.* TO {name}@'localhost'",
        )
        drop = f"DROP USER {name}@'%', {name}@'localhost'"
    made = (
        sa.engine.url.URL(url.drivername, name, "secret word", url.host, url.port, url.database)
        if not hasattr(url, "set")
        else url.set(username=name, password="secret word")
    )
    yield made
    execute(server.engine(), drop)


def test_an_account_that_may_make_none_is_told_which_grant_lets_it(server, account):
    real = sa.create_engine(account, poolclass=sa.pool.NullPool)
    with pytest.raises(ScratchRefused) as refused, open_scratch(real):
        raise AssertionError("it may make none")
    text = str(refused.value)
    assert "secret word" not in text
    assert 'app.config["MIGRATE_SCRATCH_URL"] = "…"' in text
    grant = text.split("Let its account make some: ")[1].splitlines()[0]
    execute(server.engine(), grant)
    with open_scratch(real) as scratch:
        execute(scratch.engine, "CREATE TABLE users (id INTEGER)")


def test_a_server_that_behaves_otherwise_is_told_of(mysql, new_database):
    other = new_database("mysql")
    name = make_url(other.url).database
    execute(other.engine(), f"ALTER DATABASE {name} CHARACTER SET latin1 COLLATE latin1_bin")
    strict = sa.create_engine(mysql.url, connect_args={"sql_mode": "ANSI_QUOTES"})
    with open_scratch(strict, other.url) as scratch:
        told = "\n".join(scratch.differences)
    assert "The collation of the scratch database is latin1_bin, of the real one utf8mb4" in told
    assert "of the real one ANSI_QUOTES." in told
    assert "server version" not in told


def test_there_is_a_url_for_each_bind():
    assert find_scratch_url({}) is None
    one = {"MIGRATE_SCRATCH_URL": "mysql://a"}
    assert (find_scratch_url(one), find_scratch_url(one, "users")) == ("mysql://a", None)
    each = {"MIGRATE_SCRATCH_URL": {None: "mysql://a", "users": "mysql://b"}}
    assert (find_scratch_url(each), find_scratch_url(each, "users")) == ("mysql://a", "mysql://b")


def test_nothing_of_a_database_is_changed_by_a_scratch_database_beside_it(tmp_path):
    database, drop = make_database("sqlite", tmp_path)
    database.run("CREATE TABLE users (id INTEGER)")
    before = Path(make_url(database.url).database).read_bytes()
    with open_scratch(database.engine()) as scratch:
        execute(scratch.engine, "CREATE TABLE more (id INTEGER)")
    assert Path(make_url(database.url).database).read_bytes() == before
    drop()
