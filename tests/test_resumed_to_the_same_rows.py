"""On MySQL and MariaDB a migration that failed and went on leaves the rows that an unbroken run leaves."""

import pytest
from conftest import initialised
from test_resumed import FAIL, journal

TABLE = "op.execute('CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)')\n"


@pytest.fixture
def project(make_project, mysql):
    return initialised(make_project(mysql))


def is_mariadb(database):
    return "MariaDB" in database.rows("SELECT VERSION()")[0][0]


def only_on_mariadb(project):
    if not is_mariadb(project.database):
        pytest.skip("MySQL has no such statement")


def resumed(project, body, then="pass"):
    """Upgrade with a revision that fails after these statements, mend it, upgrade again; return the first failure."""
    path = project.revision("aaa1", None, f"{TABLE}{body}\n{FAIL}")
    failed = project.db("upgrade").failed()
    assert "nowhere" in failed.err
    path.write_text(path.read_text().replace(FAIL, then))
    project.db("upgrade").ok()
    assert journal(project.database) == []
    return failed


def numbers(project):
    return [number for (number,) in project.database.rows("SELECT n FROM t ORDER BY id")]


def test_rows_of_a_procedure_that_were_rolled_back_are_written_again(project):
    resumed(
        project,
        "op.execute('CREATE PROCEDURE fill() INSERT INTO t (n) VALUES (1)')\nop.execute('CALL fill()')",
    )
    assert numbers(project) == [1]


def test_a_procedure_that_committed_everything_is_not_called_again(project):
    only_on_mariadb(project)
    resumed(
        project,
        "op.execute('CREATE PROCEDURE add_it() BEGIN INSERT INTO t (n) VALUES (1); ALTER TABLE t ADD m INT; END')\n"
        "op.execute('CALL add_it()')",
    )
    assert numbers(project) == [1]


MYISAM = "op.execute('ALTER TABLE t ENGINE=MyISAM')\n"


def test_rows_of_a_table_without_transactions_are_written_once(project, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("5\n6\n")
    project.env["DATABASE_URL"] += f"{'&' if '?' in project.database.url else '?'}local_infile=1"
    body = f"""
bind = op.get_bind()
op.execute('INSERT INTO t (n) VALUES (1)')
{MYISAM}
op.execute('INSERT INTO t (n) VALUES (2)')
op.execute(f"INSERT INTO `{{bind.engine.url.database}}`.`t` (n) VALUES (3)")
op.execute("UPDATE t SET n = n * 2")
op.execute("LOAD DATA LOCAL INFILE '{rows}' INTO TABLE t (n)")
"""
    if project.database.rows("SELECT @@local_infile") != [(1,)]:
        body = body.replace(body[body.index('op.execute("LOAD') :], "op.execute('INSERT INTO t (n) VALUES (5), (6)')\n")
    resumed(project, body, then="op.execute('INSERT INTO t (n) VALUES (7)')")
    assert numbers(project) == [2, 4, 6, 5, 6, 7]


def test_a_write_without_transactions_that_failed_in_the_middle_is_not_repeated(project):
    body = f"{TABLE}{MYISAM}op.execute('INSERT INTO t VALUES (1, 1), (2, 2), (1, 3), (4, 4)')"
    project.revision("aaa1", None, body)
    project.db("upgrade").failed()
    stopped = project.db("upgrade").failed()
    assert "it is not known how far it came" in stopped.err
    assert "INSERT INTO t VALUES (1, 1)" in stopped.err
    assert "python manage.py db journal --forget aaa1" in stopped.err
    assert numbers(project) == [1, 2]


def test_a_write_without_transactions_that_was_wrong_from_the_start_can_be_mended(project):
    wrong = "op.execute('INSERT INTO t (m) VALUES (1)')"
    path = project.revision("aaa1", None, f"{TABLE}{MYISAM}{wrong}")
    assert "Unknown column" in project.db("upgrade").failed().err
    path.write_text(path.read_text().replace("(m)", "(n)"))
    project.db("upgrade").ok()
    assert numbers(project) == [1]


def test_a_statement_with_settings_of_its_own_is_what_follows_them(project):
    only_on_mariadb(project)
    setting = "SET STATEMENT max_statement_time=9, sql_mode='' FOR"
    resumed(
        project,
        "op.execute('INSERT INTO t (n) VALUES (1)')\n"
        f'op.execute("{setting} UPDATE t SET n = n + 1")\nop.execute("{setting} ALTER TABLE t ADD m INT")',
    )
    assert numbers(project) == [2]


@pytest.mark.parametrize("drop", ["DROP TABLE", "DROP TEMPORARY TABLE IF EXISTS"])
def test_a_table_that_takes_the_name_of_a_temporary_one_is_written_once(project, drop):
    resumed(
        project,
        f"op.execute('CREATE TEMPORARY TABLE u (n INT)')\nop.execute('{drop} u')\n"
        "op.execute('CREATE TABLE u (n INT)')\nop.execute('INSERT INTO u VALUES (1)')\n"
        "op.execute('ALTER TABLE t ADD m INT')",
        then="op.execute('INSERT INTO t (n) SELECT n FROM u')",
    )
    assert numbers(project) == [1]


def test_a_lock_that_waits_for_some_seconds_is_taken(project):
    only_on_mariadb(project)
    resumed(
        project,
        "op.execute('LOCK TABLES t WRITE WAIT 5')\nop.execute('INSERT INTO t (n) VALUES (1)')\n"
        "op.execute('UNLOCK TABLES')",
    )
    assert numbers(project) == [1]


def test_a_script_that_uses_another_database_for_a_while_goes_on(project, new_database):
    here, there = (one.rows("SELECT DATABASE()")[0][0] for one in (project.database, new_database("mysql")))
    resumed(
        project,
        f"op.execute('USE {there}')\nop.execute('CREATE TABLE u (n INT)')\nop.execute('INSERT INTO u VALUES (3)')\n"
        f"op.execute('ALTER TABLE u ADD m INT')\nop.execute('INSERT INTO {here}.t (n) SELECT n FROM u')\n"
        f"op.execute('USE {here}')",
    )
    assert numbers(project) == [3]


def test_what_a_drop_of_several_tables_did_before_it_failed_is_told(project):
    """MariaDB drops those that are there; MySQL, none."""
    only_on_mariadb(project)
    project.revision("aaa1", None, f"{TABLE}op.execute('DROP TABLE t, nowhere')")
    project.db("upgrade").failed()
    assert project.database.tables() == []
    assert "1 statement has taken effect, and one more may have" in project.db("status").ok().out
    for _ in range(2):
        stopped = project.db("upgrade").failed()
        assert "it is not known how far it came. Nothing was done.\n         DROP TABLE t, nowhere\n" in stopped.err


@pytest.mark.parametrize("statement", ["ALTER TABLE t ADD m INT", "INSERT INTO t (n) VALUES (1)"])
def test_a_connection_that_is_lost_is_named_and_the_migration_goes_on(project, statement):
    cut = """
key = op.get_bind().execute(sa.text("SELECT CONNECTION_ID()")).scalar()
with sa.create_engine(op.get_bind().engine.url).connect() as other:
    other.execute(sa.text(f"KILL {key}"))
"""
    path = project.revision("aaa1", None, f"{TABLE}{cut}op.execute('{statement}')")
    failed = project.db("upgrade").failed()
    assert "Lost connection" in failed.err or "gone away" in failed.err or "was killed" in failed.err
    path.write_text(path.read_text().replace('f"KILL {key}"', '"SELECT 1"'))
    project.db("upgrade").ok()
    assert journal(project.database) == []


AUTOCOMMIT = "app.config['SQLALCHEMY_ENGINE_OPTIONS'] = {'isolation_level': 'AUTOCOMMIT'}\n"

DIES_IN_FRONT_OF_THE_VERSION = """
import os
from sqlalchemy import event
from sqlalchemy.engine import Engine

@event.listens_for(Engine, "before_cursor_execute")
def die(connection, cursor, statement, *others):
    if "INTO alembic_version" in statement and "DIE" in os.environ:
        os._exit(9)
"""


def test_in_autocommit_the_journal_goes_when_the_version_moves(project):
    manage, env = project.folder / "manage.py", project.folder / "migrations" / "env.py"
    manage.write_text(manage.read_text().replace("db = SQL", f"{AUTOCOMMIT}db = SQL"))
    env.write_text(DIES_IN_FRONT_OF_THE_VERSION + env.read_text())
    project.revision("aaa1", None, f"{TABLE}op.execute('INSERT INTO t (n) VALUES (1)')")
    project.revision("bbb2", "aaa1", "op.execute('INSERT INTO t (n) VALUES (2)')")
    assert project.db("upgrade", env={"DIE": "1"}).code == 9
    project.db("upgrade").ok()
    assert numbers(project) == [1, 2]
    assert (project.database.version(), journal(project.database)) == (["bbb2"], [])
