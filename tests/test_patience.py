"""A server that is not up yet is waited for; a lock in the database is not."""

import socket
import threading

import pytest
import sqlalchemy as sa
from conftest import Database, initialised, read_until
from own_server import OwnServer
from sqlalchemy.engine.url import make_url

CREATE = "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(20)))"
SERVERS = ["postgresql", "mysql"]


class Door:
    """A port in front of a database server, where nobody answers until it is opened."""

    def __init__(self, url):
        parsed = make_url(url)
        self.server = (parsed.host, parsed.port or {"postgresql": 5432, "mysql": 3306}[parsed.get_backend_name()])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        where = f"127.0.0.1:{self.port}"
        self.url = url.replace(url.partition("@")[2].partition("/")[0], where, 1)
        self.listener = None

    def open(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.server)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source, sink):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                end.close()


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_comes_up_while_it_is_waited_for(make_project, new_database, kind):
    database = new_database(kind)
    project = initialised(make_project(database))
    project.revision("aaa1", None, CREATE.format("first"))
    door = Door(database.url)
    project.env["DATABASE_URL"] = door.url
    at_once = project.db("upgrade").failed()
    assert "Cannot connect" in at_once.err
    waiting = project.start("db", "upgrade", "--wait", "120")
    said = read_until(waiting.stderr, "Trying again for 120 seconds")
    door.open()
    _, rest = waiting.communicate()
    assert waiting.returncode == 0, rest
    door.close()
    assert "Cannot connect" in said
    assert "Trying again" not in rest
    assert database.version() == ["aaa1"]
    gone = project.db("current", "--wait", "1").failed()
    assert "Cannot connect" in gone.err
    assert f":{door.port}" in gone.err


SECOND = """
from sqlalchemy import create_engine

create_engine("postgresql+psycopg2://postgres@127.0.0.1:1/second").connect()
"""


def test_a_step_back_is_not_taken_again_while_the_next_database_is_waited_for(make_project, sqlite):
    """With an env.py that migrates one database after the other."""
    project = initialised(make_project(sqlite))
    for name, parent in [("aaa1", None), ("bbb2", "aaa1"), ("ccc3", "bbb2")]:
        project.revision(name, parent, CREATE.format(name), f"op.drop_table('{name}')")
    project.db("upgrade").ok()
    env = project.folder / "migrations" / "env.py"
    env.write_text(env.read_text() + SECOND)
    failed = project.db("downgrade", "--wait", "3").failed()
    assert "Cannot connect to" in failed.err
    assert (sqlite.version(), sqlite.tables()) == (["bbb2"], ["aaa1", "bbb2"])
    waited = project.db("downgrade", "aaa1", "--wait", "1").failed()
    assert "Trying again for 1 seconds" in waited.err


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_is_stopped_and_started(make_project, kind):
    with OwnServer(kind) as server:
        server.start()
        database = Database(kind, server.url)
        project = initialised(make_project(database))
        project.revision("aaa1", None, CREATE.format("first"))
        project.db("upgrade", "--wait", "60").ok()
        project.revision("bbb2", "aaa1", CREATE.format("second"))
        server.stop()
        assert "Cannot connect" in project.db("upgrade").failed().err
        waiting = project.start("db", "upgrade", "--wait", "120")
        read_until(waiting.stderr, "Trying again for 120 seconds")
        server.start()
        _, rest = waiting.communicate()
        assert waiting.returncode == 0, rest
        assert (database.version(), database.tables()) == (["bbb2"], ["first", "second"])


@pytest.mark.parametrize("kind", SERVERS)
def test_a_migration_does_not_queue_behind_a_long_query(make_project, new_database, kind):
    database = new_database(kind)
    project = initialised(make_project(database))
    project.revision("aaa1", None, CREATE.format("busy"))
    project.db("upgrade").ok()
    project.revision("bbb2", "aaa1", "op.add_column('busy', sa.Column('more', sa.Integer))")
    with database.engine().connect() as reader:
        transaction = reader.begin()
        reader.execute(sa.text("SELECT * FROM busy")).fetchall()
        refused = project.db("upgrade", "--ddl-timeout", "1").failed()
        assert "Revision bbb2" in refused.err
        assert "lock" in refused.err.lower()
        assert "The database is at aaa1." in refused.err
        patient = project.start("db", "upgrade", "--ddl-timeout", "1", "--ddl-retries", "9")
        said = read_until(patient.stderr, "Trying again")
        transaction.rollback()
        _, rest = patient.communicate()
    assert "Trying again in 1 seconds (1 of 9)." in said
    assert patient.returncode == 0, rest
    assert database.version() == ["bbb2"]
    assert "more" in database.columns("busy")


def test_what_took_effect_before_a_busy_table_is_not_run_again(make_project, mysql):
    project = initialised(make_project(mysql))
    project.revision("aaa1", None, CREATE.format("busy"))
    project.db("upgrade").ok()
    more = "op.add_column('busy', sa.Column('more', sa.Integer))"
    insert = "op.execute(\"INSERT INTO second VALUES (1, 'one')\")"
    project.revision("bbb2", "aaa1", "\n".join([CREATE.format("second"), insert, more]))
    with mysql.engine().connect() as reader:
        transaction = reader.begin()
        reader.execute(sa.text("SELECT * FROM busy")).fetchall()
        patient = project.start("db", "upgrade", "--ddl-timeout", "1", "--ddl-retries", "9")
        said = read_until(patient.stderr, "Trying again")
        transaction.rollback()
        _, rest = patient.communicate()
    assert "What took effect is remembered. Trying again in 1 seconds (1 of 9)." in said
    assert "Rolled back" not in said
    assert patient.returncode == 0, rest
    assert "revision bbb2 was interrupted; it goes on after statement 2." in rest
    assert mysql.version() == ["bbb2"]
    assert mysql.rows("SELECT id, more FROM second, (SELECT COUNT(more) AS more FROM busy) AS counted") == [(1, 0)]


def test_without_a_journal_a_busy_table_is_not_tried_again_where_something_lasts(make_project, mysql):
    project = initialised(make_project(mysql))
    manage = project.folder / "manage.py"
    manage.write_text(manage.read_text().replace("db = SQLA", "app.config['MIGRATE_JOURNAL'] = False\ndb = SQLA"))
    project.revision("aaa1", None, CREATE.format("busy"))
    project.db("upgrade").ok()
    project.revision("bbb2", "aaa1", CREATE.format("second") + "\nop.drop_table('busy')")
    with mysql.engine().connect() as reader, reader.begin():
        reader.execute(sa.text("SELECT * FROM busy")).fetchall()
        failed = project.db("upgrade", "--ddl-timeout", "1", "--ddl-retries", "1").failed()
    assert "Trying again" not in failed.err
    assert "CREATE TABLE second" in failed.err


def test_a_timeout_by_configuration_holds_in_an_autocommit_block_too(make_project, postgresql):
    project = initialised(make_project(postgresql))
    manage = project.folder / "manage.py"
    manage.write_text(manage.read_text().replace("db = SQLA", 'app.config["MIGRATE_DDL_TIMEOUT"] = 1.5\ndb = SQLA'))
    show = "print('timeout', op.get_bind().execute(sa.text('SHOW lock_timeout')).scalar())"
    project.revision("aaa1", None, f"{show}\nwith op.get_context().autocommit_block():\n    {show}\n{show}")
    assert project.db("upgrade").ok().out == "timeout 1500ms\n" * 3
