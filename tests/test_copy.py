"""A dry run on MySQL and MariaDB really runs, on a copy: nothing else is reached, disturbed or changed."""

import json
import signal
import uuid

import pytest
import sqlalchemy as sa
from conftest import SQLALCHEMY, initialised, wait_for
from own_server import OwnServer
from sqlalchemy.engine.url import make_url
from test_dry_run import CREATE, losses, rehearsed, unchanged
from test_every_run_is_seen import ASYNC, online
from test_scratch import databases, execute, url_of


@pytest.fixture
def copied(make_project, mysql):
    """An application on MySQL or MariaDB."""
    return initialised(make_project(mysql))


def rows_of(project, number, table="users", values="CONCAT('name', n)"):
    """Give a table that many rows, with ids from 1."""
    project.database.run(
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name VARCHAR(40))",
        f"INSERT INTO {table} WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {number})"
        f" SELECT n, {values} FROM r",
    )


def left_behind(database):
    return {name for name in databases(database) if name.startswith(f"{make_url(database.url).database}_scratch_")}


EVERY_TYPE = """
CREATE TABLE things (
    id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, a TINYINT, b DECIMAL(30, 10), c FLOAT, d DOUBLE, e BIT(20),
    f DATETIME(6), g TIMESTAMP(3) NULL, h DATE, i TIME(2), j YEAR, k VARCHAR(20) CHARACTER SET latin1, l TEXT,
    m VARBINARY(20), n LONGBLOB, o ENUM('a', 'é'), p SET('x', 'y', 'z'), q JSON, r GEOMETRY,
    s INTEGER GENERATED ALWAYS AS (a + 1) VIRTUAL, t INTEGER GENERATED ALWAYS AS (a + 2) STORED, `a%b c` INTEGER,
    UNIQUE KEY (b), KEY (k)
)
"""
VALUES = [
    "INSERT INTO things (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, `a%b c`) VALUES"
    " (-1, 12345678901234567890.0123456789, 0.1, 1e300, b'1010101', '2020-01-02 03:04:05.678901',"
    " '2020-01-02 03:04:05.678', '0000-00-00', '-800:00:00.25', 1999, 'é€', '😀\\'\"%', X'00ff27', X'deadbeef', 'é',"
    " 'x,z', '{\"a\": [1, \"é\"]}', ST_GeomFromText('POINT(1.5 2)', 4326), 7)",
    "INSERT INTO things (id, a, c, d, f, h, l) VALUES (0, 5, 16777217, 0.1, '0000-00-00 00:00:00', '2021-02-00', '')",
    "INSERT INTO things (a) VALUES (NULL), (3)",
]
CHECKSUM = """
lines = [str(op.get_bind().execute(sa.text(one)).fetchone()[-1]) for one in (
    "CHECKSUM TABLE things", "CHECKSUM TABLE second", "SHOW CREATE TABLE things",
    "SELECT f()", "SELECT COUNT(*) FROM v2",
    "SELECT DATABASE()", "SELECT @@SESSION.sql_mode",
)]
open("seen", "w", encoding="utf-8").write(repr(lines))
"""


def test_the_copy_is_what_the_database_is(copied):
    database = copied.database
    relaxed = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'"
    database.run(
        relaxed,
        EVERY_TYPE,
        *[one.replace(":", r"\:") for one in VALUES],
        "CREATE TABLE second (id INTEGER, thing BIGINT UNSIGNED, FOREIGN KEY (thing) REFERENCES things (id))",
        "INSERT INTO second VALUES (1, 0), (2, 1), (3, NULL)",
        "CREATE FUNCTION f() RETURNS INTEGER READS SQL DATA RETURN (SELECT COUNT(*) FROM things)",
        "CREATE VIEW v1 AS SELECT id FROM things",
        "CREATE VIEW a_view AS SELECT id FROM v1",
        "CREATE VIEW v2 AS SELECT id FROM a_view",
        "CREATE TRIGGER counted BEFORE INSERT ON second FOR EACH ROW SET NEW.id = NEW.id + 100",
    )
    copied.revision("aaa1", None, CHECKSUM + "\nop.execute('INSERT INTO second VALUES (4, NULL)')")
    with unchanged(database):
        (found,) = rehearsed(copied, "upgrade")
    assert found["copy"]["left_out"] == []
    seen = eval((copied.folder / "seen").read_text(encoding="utf-8"))
    (real,) = database.rows("SELECT @@SESSION.sql_mode")
    things = [database.rows(one)[0][-1] for one in ("CHECKSUM TABLE things", "CHECKSUM TABLE second")]
    assert seen[:2] == list(map(str, things))
    assert seen[2] == database.rows("SHOW CREATE TABLE things")[0][1]
    assert seen[3:5] == ["4", "4"]
    assert seen[5].startswith(f"{make_url(database.url).database}_scratch_")
    assert seen[6] == real[0]
    assert left_behind(database) == set()


def test_a_step_really_runs_and_fails_as_the_real_one_would(copied):
    database = copied.database
    copied.revision("aaa1", None, CREATE.format("users"))
    copied.db("upgrade").ok()
    database.run(
        "INSERT INTO users (name) VALUES ('x'), (NULL)",
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER, parent INTEGER, KEY by_parent (parent),"
        " FOREIGN KEY (parent) REFERENCES parent (id))",
    )
    fails = {
        "op.drop_index('by_parent', 'child')": "needed in a foreign key constraint",
        "op.execute('INSERT INTO nowhere VALUES (1)')": "nowhere",
        "op.alter_column('users', 'name', existing_type=sa.String(20), nullable=False)": "",
    }
    for code, words in fails.items():
        copied.revision("bbb2", "aaa1", CREATE.format("second") + "\n" + code)
        with unchanged(database):
            done = copied.db("upgrade", "--dry-run").failed()
            (found,) = rehearsed(copied, "upgrade", code=1)
        assert found["mode"] == "rehearsed on a copy"
        assert found["failure"]["revision"] == "bbb2"
        assert words in found["failure"]["error"]
        assert "It failed on a copy. Nothing was changed, the database is at aaa1." in done.err
        assert "The real run would leave these statements in effect:\n         CREATE TABLE second" in done.err
        assert "_scratch_" not in done.err + done.out
        assert "rehearsed on a copy in" in done.out
        assert "The copy: 5 tables with 3 rows, made in" in done.out
    real = copied.db("upgrade").failed()
    line = next(line for line in real.err.splitlines() if line.startswith("Error:"))
    assert line in done.err
    assert left_behind(database) == set()


REACHING = {
    "op.execute('UPDATE {real}.users SET name = 1')": "it names the database {real}",
    "op.execute('CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW DELETE FROM {real}.users')": "it names",
    "op.execute('USE {real}')": "USE is about more",
    "op.execute('GRANT ALL ON {real}.* TO nobody')": "GRANT is about more",
    "op.execute('SET GLOBAL max_connections = 99')": "it says GLOBAL",
    "op.execute(\"PREPARE s FROM 'DELETE FROM {real}.users'\")": "PREPARE is about more",
    "op.get_bind().connection.cursor().execute('DELETE FROM {real}.users')": "the driver's own connection",
    "sa.create_engine({url!r}).connect().execute(sa.text('DELETE FROM users'))": "it writes on a connection",
    "sa.create_engine({url!r}).connect().execute(sa.text('SELECT * FROM users'))": "it reads on a connection",
    "op.get_bind().engine.connect().execute(sa.text('DELETE FROM {real}.users'))": "it names the database {real}",
    "op.execute('SELECT 1 FROM information_schema.tables WHERE table_schema = \"{real}\"')": "by its name",
    "op.create_table('f', sa.Column('id', sa.Integer), mysql_engine='FEDERATED')": "tables of the engine FEDERATED",
}


def test_nothing_reaches_the_real_database(copied):
    database = copied.database
    real = make_url(database.url).database
    rows_of(copied, 3)
    copied.revision("ccc3", "bbb2", "pass")
    for code, reason in REACHING.items():
        copied.revision("bbb2", None, CREATE.format("second") + "\n" + code.format(real=real, url=database.url))
        with unchanged(database):
            (found,) = rehearsed(copied, "upgrade")
        assert reason.format(real=real) in found["stopped"]["reason"], code
        assert found["stopped"]["left"] == ["ccc3"]
    copied.revision("bbb2", None, "op.get_bind().engine.connect().execute(sa.text('SELECT * FROM users'))")
    (found,) = rehearsed(copied, "upgrade")
    assert found["stopped"] is None
    assert left_behind(database) == set()


def test_what_may_reach_the_real_database_is_not_copied(copied, new_database):
    database, other = copied.database, new_database("mysql")
    real, elsewhere = make_url(database.url).database, make_url(other.url).database
    rows_of(copied, 3)
    other.run("CREATE TABLE log (id INTEGER PRIMARY KEY)", "INSERT INTO log VALUES (1)")
    database.run(
        "CREATE TABLE audit (name VARCHAR(40))",
        f"CREATE TABLE linked (id INTEGER, log INTEGER, FOREIGN KEY (log) REFERENCES {elsewhere}.log (id))",
        "INSERT INTO linked VALUES (1, 1)",
        f"CREATE TRIGGER audited AFTER UPDATE ON users FOR EACH ROW INSERT INTO {real}.audit VALUES (OLD.name)",
        f"CREATE PROCEDURE emptied_log() DELETE FROM {elsewhere}.log",
        "CREATE PROCEDURE built() BEGIN PREPARE s FROM 'SELECT 1'; END",
        f"CREATE VIEW logged AS SELECT id FROM {elsewhere}.log",
        "CREATE TRIGGER fine BEFORE UPDATE ON users FOR EACH ROW SET NEW.name = UPPER(NEW.name)",
        "CREATE EVENT emptied ON SCHEDULE AT '2037-01-01' DO DELETE FROM users",
    )
    copied.revision("aaa1", None, "op.execute('UPDATE users SET name = 1')\nop.drop_table('linked')")
    with unchanged(database, other):
        (found,) = rehearsed(copied, "upgrade")
        done = copied.db("upgrade", "--dry-run").ok()
    assert found["stopped"] is found["failure"] is None
    told = "\n".join(found["copy"]["left_out"])
    for thing in (
        f"foreign key of linked to {elsewhere}.log: it leads to another database",
        f"trigger audited: it names the database {real}",
        f"procedure emptied_log: it names the database {elsewhere}",
        "procedure built: it says PREPARE",
        f"view logged: it names the database {elsewhere}",
        "event emptied: it would run by itself",
    ):
        assert thing in told
        assert f"Not in it: {thing}" in done.out
    assert len(found["copy"]["left_out"]) == 6
    copied.revision("aaa1", None, "op.execute('CALL emptied_log()')")
    with unchanged(database, other):
        (found,) = rehearsed(copied, "upgrade")
    assert "it uses the procedure emptied_log, which is not in the copy" in found["stopped"]["reason"]
    database.run("DROP TABLE linked")


def test_the_application_goes_on_meanwhile(copied):
    database = copied.database
    rows_of(copied, 900)
    copied.revision(
        "aaa1",
        None,
        """
        import os, time
        op.execute("UPDATE users SET name = 'copy'")
        open("begun", "w").close()
        while not os.path.exists("end"):
            time.sleep(0.05)
        op.drop_table("users")
        """,
    )
    running = copied.start("db", "upgrade", "--dry-run", "--json")
    wait_for((copied.folder / "begun").exists)
    database.run(
        "SET SESSION lock_wait_timeout = 1",
        "SET SESSION innodb_lock_wait_timeout = 1",
        "UPDATE users SET name = 'real'",
        "ALTER TABLE users ADD COLUMN more INTEGER",
    )
    (copied.folder / "end").touch()
    out, err = running.communicate()
    assert running.returncode == 0, err
    assert losses(json.loads(out)["databases"][0]) == {"drop table users": (900, "rows")}
    assert database.rows("SELECT DISTINCT name FROM users") == [("real",)]


def test_a_killed_rehearsal_leaves_nothing_that_the_next_one_does_not_drop(copied):
    database = copied.database
    rows_of(copied, 10)
    copied.revision(
        "aaa1", None, "op.execute('DELETE FROM users')\nopen('begun', 'w').close()\nimport time; time.sleep(600)"
    )
    with unchanged(database):
        running = copied.start("db", "upgrade", "--dry-run")
        wait_for((copied.folder / "begun").exists)
        running.send_signal(signal.SIGKILL)
        running.communicate()
        assert len(left_behind(database)) == 1
        copied.revision("aaa1", None, "pass")

        def is_gone():
            copied.db("upgrade", "--dry-run").ok()
            return not left_behind(database)

        wait_for(is_gone)


def test_a_sample_of_rows_decides_nothing_by_itself(copied):
    """Ten rows are copied of tables with more: what passes and fails there is asked of the real ones."""
    database = copied.database
    rows_of(copied, 50)
    rows_of(copied, 50, "parents")
    database.run(
        "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER, other INTEGER, word VARCHAR(20),"
        " FOREIGN KEY (parent) REFERENCES parents (id))",
        "INSERT INTO children SELECT id, 51 - id, 51 - id, IF(id = 50, 'word49', CONCAT('word', id)) FROM parents",
    )
    few = ("--rehearse-rows", "10")
    passes = {
        "op.create_foreign_key('f', 'children', 'parents', ['other'], ['id'])": "FOREIGN KEY (other) of children",
        "op.create_unique_constraint('u', 'users', ['name'])": "UNIQUE (name) of users",
        "op.alter_column('users', 'name', existing_type=sa.String(40), nullable=False)": "NOT NULL of users.name",
        "op.create_check_constraint('c', 'users', 'id > 0')": "CHECK (id > 0) of users",
    }
    for code, words in passes.items():
        copied.revision("aaa1", None, code)
        with unchanged(database):
            (found,) = rehearsed(copied, "upgrade", *few)
        assert f"{words}: holds in the real table" in found["steps"][0]["note"]
        assert found["copy"]["partial"]["users"] == 10
        assert found["copy"]["partial"]["parents"] == 20, "those that the children in the copy have"
    database.run("UPDATE users SET name = 'name49' WHERE id = 50", "UPDATE children SET other = 99 WHERE id = 50")
    fails = {
        "op.create_unique_constraint('u', 'users', ['name'])": "does not hold in the real table: name49",
        "op.create_index('u', 'children', ['word'], unique=True)": "UNIQUE (word) of children does not hold",
        "op.create_foreign_key('f', 'children', 'parents', ['other'], ['id'])": "does not hold in the real table: 99",
        "op.create_check_constraint('c', 'users', 'id < 50')": "CHECK (id < 50) of users does not hold",
    }
    for code, words in fails.items():
        copied.revision("aaa1", None, code)
        with unchanged(database):
            (found,) = rehearsed(copied, "upgrade", *few, code=1)
        assert words in found["failure"]["error"]
    doubtful = {
        "op.execute('ALTER TABLE users ADD UNIQUE (name)')": "not decided for users: 10 of 50 rows were tried",
        "op.execute('UPDATE users SET name = id')\nop.create_unique_constraint('u', 'users', ['name'])": (
            "UNIQUE (name) of users: not decided: 10 of 50 rows were tried"
        ),
        "op.add_column('users', sa.Column('n', sa.Integer))\nop.create_unique_constraint('u', 'users', ['n'])": (
            "UNIQUE (n) of users: not decided: 10 of 50 rows were tried"
        ),
    }
    for code, note in doubtful.items():
        copied.revision("aaa1", None, code)
        with unchanged(database):
            (found,) = rehearsed(copied, "upgrade", *few)
        assert note in found["steps"][0]["note"]
    copied.revision("aaa1", None, "op.execute('ALTER TABLE children ADD FOREIGN KEY (other) REFERENCES parents (id)')")
    database.run("UPDATE children SET other = 35")
    (found,) = rehearsed(copied, "upgrade", *few)
    assert found["stopped"]["reason"].startswith("not decided: a row refers to one that is not in the copy")


def test_losses_of_a_table_that_is_copied_in_part_are_those_of_the_real_one(copied):
    database = copied.database
    rows_of(copied, 50)
    rows_of(copied, 30, "posts")
    copied.revision("aaa1", None, "op.rename_table('users', 'people')\nop.execute('RENAME TABLE posts TO users')")
    copied.revision(
        "bbb2",
        "aaa1",
        """
        op.alter_column('people', 'name', new_column_name='full_name', existing_type=sa.String(40))
        op.execute('DELETE FROM people WHERE id <= 5')
        op.drop_column('people', 'full_name')
        op.execute('TRUNCATE users')
        op.execute('DROP TABLE people')
        """,
    )
    for few, deleted in (("10", 5), ("0", 0)):
        with unchanged(database):
            (found,) = rehearsed(copied, "upgrade", "--rehearse-rows", few)
        assert losses(found) == {
            "execute DELETE FROM people WHERE id <= 5": (deleted, "rows"),
            "drop column people.full_name": (50, "values"),
            "execute TRUNCATE users": (30, "rows"),
            "execute DROP TABLE people": (50, "rows"),
        }
        (delete,) = [one for step in found["steps"] for one in step["operations"] if "DELETE" in one["words"]]
        assert (delete["lost_at_least"], delete["lost_how"]) == (True, f"lost, of {few} of 50 rows")
    done = copied.db("upgrade", "--dry-run", "--rehearse-rows", "10").ok()
    assert "Not all rows are in it of: posts (10 rows), users (10 rows)" in done.out
    assert "at least 5 rows lost, of 10 of 50 rows" in done.out


def test_scripts_are_read_where_no_copy_is_wanted_or_none_can_be_made(copied):
    database = copied.database
    rows_of(copied, 3)
    copied.revision("aaa1", None, "op.drop_table('users')")
    with unchanged(database):
        (found,) = rehearsed(copied, "upgrade", "--no-copy")
        done = copied.db("upgrade", "--dry-run", "--no-copy").ok()
    assert (found["mode"], found["copy"], losses(found)) == ("read", None, {"drop table users": (3, "rows")})
    assert "\n\nNot executed: a step can still fail.\n\nNothing was changed." in done.out
    database.run(
        "CREATE TABLE alembic_journal (revision VARCHAR(255), direction VARCHAR(9), position INT, digest CHAR(64),"
        " text MEDIUMTEXT, state VARCHAR(7), lastrowid BIGINT UNSIGNED, affected BIGINT, returned MEDIUMTEXT,"
        " definition VARCHAR(64), error TEXT, time DATETIME)",
        "INSERT INTO alembic_journal (revision, direction, position, digest, text, state, time)"
        " VALUES ('aaa1', 'upgrade', 1, '', 'x', 'done', NOW())",
    )
    (found,) = rehearsed(copied, "upgrade")
    assert (found["mode"], found["why"]) == ("read", "an interrupted migration is not finished")
    assert "was interrupted: 1 statement has taken effect" in found["steps"][0]["note"]


def with_account(project, *grants):
    """Let the application use an account with these rights alone; return the function that drops it."""
    database, name = project.database, f"fms_{uuid.uuid4().hex[:8]}"
    hosts = [f"{name}@'%'", f"{name}@'localhost'"]
    for account in hosts:
        execute(database.engine(), f"CREATE USER {account} IDENTIFIED BY 'secret word'")
        execute(database.engine(), *[grant.format(account) for grant in grants])
    url = make_url(database.url)
    project.env["DATABASE_URL"] = (
        f"{url.drivername}://{name}:secret%20word@{url.host}:{url.port or 3306}/{url.database}"
    )
    return lambda: execute(database.engine(), f"DROP USER {', '.join(hosts)}")


def test_an_account_that_may_make_none_and_one_that_may_reach_nothing_else(copied, new_database):
    database, own = copied.database, new_database("mysql")
    real, scratch = make_url(database.url).database, make_url(own.url).database
    rows_of(copied, 3)
    copied.revision("aaa1", None, "op.drop_table('users')")
    drop = with_account(copied, f"GRANT ALL ON `{real}`.* TO {{0}}")
    try:
        with unchanged(database):
            (found,) = rehearsed(copied, "upgrade")
            done = copied.db("upgrade", "--dry-run").ok()
        assert (found["mode"], losses(found)) == ("read", {"drop table users": (3, "rows")})
        pattern = real.replace("_", r"\_") + r"\_scratch\_%"
        assert f"GRANT ALL ON `{pattern}`.* TO 'fms_" in done.out
        assert "secret" not in done.out + done.err
    finally:
        drop()
    drop = with_account(copied, f"GRANT ALL ON `{scratch}`.* TO {{0}}")
    account, copied.env["DATABASE_URL"] = copied.env["DATABASE_URL"], database.url
    try:
        url = account.rsplit("/", 1)[0] + "/" + scratch
        manage = (copied.folder / "manage.py").read_text()
        setting = 'app.config["MIGRATE_SCRATCH_URL"] = os.environ["SCRATCH"]\ndb = SQLAlchemy(app)'
        copied.write("manage.py", manage.replace("db = SQLAlchemy(app)", setting))
        copied.env["SCRATCH"] = url
        with unchanged(database):
            (found,) = rehearsed(copied, "upgrade")
        assert found["why"] is None
        assert (found["mode"], losses(found)) == ("rehearsed on a copy", {"drop table users": (3, "rows")})
        assert own.tables() == ["flask_migrate_script_scratch"]
        copied.env["SCRATCH"] = database.url
        refused = copied.db("upgrade", "--dry-run").failed()
        assert "is the real database itself" in refused.err
    finally:
        drop()


@pytest.fixture
def own_server(make_project):
    """A server of its own that may be set up otherwise, and an application on it."""
    with OwnServer("mysql") as server:
        yield server


def test_a_server_that_writes_a_log_or_nothing_at_all(make_project, own_server):
    own_server.start("--log-bin", "--server-id=1")
    root = sa.create_engine(own_server.url.replace("tester", "root"), poolclass=sa.pool.NullPool)
    execute(
        root,
        "CREATE USER app@'127.0.0.1'",
        "GRANT ALL ON *.* TO app@'127.0.0.1'",
        "REVOKE SUPER, BINLOG ADMIN ON *.* FROM app@'127.0.0.1'",
        "CREATE TABLE users (id INTEGER PRIMARY KEY)",
        "INSERT INTO users VALUES (1), (2)",
    )
    project = initialised(make_project())
    project.revision("aaa1", None, "op.execute('INSERT INTO users VALUES (3)')\nop.drop_table('users')")

    def dry_run(user, *words):
        project.env["DATABASE_URL"] = url_of(make_url(own_server.url)).replace("tester", user)
        return rehearsed(project, "upgrade", *words)[0]

    def position():
        with root.connect() as connection:
            return tuple(connection.execute(sa.text("SHOW MASTER STATUS")).fetchone())

    before = position()
    found = dry_run("tester")
    assert (found["copy"]["rows"], found["copy"]["rows_why"]) == (2, "")
    assert position() == before, "nothing of it is logged"
    found = dry_run("app")
    assert found["copy"]["rows"] == 0
    assert "--copy-logged copies them all the same" in found["copy"]["rows_why"]
    assert losses(found) == {"drop table users": (2, "rows")}
    assert position() != before
    assert dry_run("app", "--copy-logged")["copy"]["rows"] == 2
    execute(root, "SET GLOBAL read_only = 1")
    found = dry_run("app")
    assert (found["mode"], found["why"]) == ("read", "the server is read-only")


def test_the_python_function_takes_the_same(copied):
    rows_of(copied, 3)
    copied.revision("aaa1", None, "op.drop_table('users')")
    copied.write(
        "call.py",
        """
        from flask_migrate_script import rehearse
        from manage import app

        with app.app_context():
            found = rehearse("upgrade", rehearse_rows=2)
            print(found.databases[0].mode, found.databases[0].copy.rows)
            print(rehearse("upgrade", no_copy=True).databases[0].mode)
        """,
    )
    done = copied.python("call.py").ok()
    assert done.out.split("\n")[:2] == ["rehearsed on a copy 2", "read"]


@pytest.mark.skipif(SQLALCHEMY < (2,), reason="the async drivers of the test extra go with SQLAlchemy 2")
def test_an_async_engine_is_copied_too(copied):
    pytest.importorskip("aiomysql")
    rows_of(copied, 3)
    online(copied, ASYNC)
    copied.revision("aaa1", None, "op.execute('DELETE FROM users WHERE id = 1')\nop.drop_table('users')")
    with unchanged(copied.database):
        (found,) = rehearsed(copied, "upgrade")
    assert (found["mode"], found["copy"]["rows"]) == ("rehearsed on a copy", 3)
    assert [lost for lost, _ in losses(found).values()] == [1, 2]
    assert left_behind(copied.database) == set()
