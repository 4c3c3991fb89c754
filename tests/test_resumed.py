"""On MySQL and MariaDB, which commit DDL as it lands, an interrupted migration goes on where it stopped.

``TEST_KILLS`` is how many random kills there are (3 by default); the seed is printed, ``TEST_SEED`` sets it.
"""

import json
import os
import random
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from conftest import ALEMBIC, SQLALCHEMY, initialised, wait_for
from test_killed import KILLS, drop_everything, how_long, killed

FAIL = 'op.execute("INSERT INTO nowhere VALUES (1)")'


@pytest.fixture
def project(make_project, mysql):
    return initialised(make_project(mysql))


def definitions(database):
    """Return the definition of each table, without the counter of its keys."""
    shown = {name: database.rows(f"SHOW CREATE TABLE {name}")[0][1] for name in database.tables()}
    return {name: re.sub(r" AUTO_INCREMENT=\d+", "", text) for name, text in shown.items()}


def everything(database):
    """Return the definition and the rows of each table."""
    return {name: (text, database.rows(f"SELECT * FROM {name}")) for name, text in definitions(database).items()}


def content(database):
    """Return what is in the database of the mixed history; a key that a rollback has used up is not given again."""
    columns = ", ".join(name for name in database.columns("users") if name != "id")
    users = database.rows(f"SELECT {columns} FROM users ORDER BY name")
    authors = database.rows("SELECT name FROM posts JOIN users ON users.id = user_id")
    return definitions(database), users, authors, database.rows("SELECT total FROM counted")


def journal(database):
    return [text for (text,) in database.rows("SELECT text FROM alembic_journal ORDER BY position")]


def write_mixed_history(project):
    """Six revisions of DDL and DML, the later of which read what the earlier wrote."""
    project.revision(
        "rev1",
        None,
        """
        import time
        users = op.create_table(
            "users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(90))
        )
        op.bulk_insert(users, [{"id": number, "name": f"user {number}"} for number in range(1, 21)])
        op.create_table("posts", sa.Column("id", sa.Integer, primary_key=True), sa.Column("user_id", sa.Integer))
        time.sleep(0.01)
        key = op.get_bind().execute(users.insert().values(name="author")).inserted_primary_key[0]
        op.execute(f"INSERT INTO posts (user_id) VALUES ({key}), (LAST_INSERT_ID())")
        op.execute("ALTER TABLE users ADD UNIQUE (name)")
        op.create_table("counted", sa.Column("total", sa.Integer))
        op.execute("INSERT INTO counted VALUES (0)")
        """,
    )
    for number in range(2, 7):
        project.revision(
            f"rev{number}",
            f"rev{number - 1}",
            f"""
            import time
            op.add_column("users", sa.Column("total{number}", sa.Integer))
            time.sleep(0.01)
            for key, in op.get_bind().execute(sa.text("SELECT id FROM users ORDER BY id LIMIT 5")).fetchall():
                op.execute(f"UPDATE users SET total{number} = {{key * {number}}} WHERE id = {{key}}")
            op.execute("INSERT INTO users (name) SELECT CONCAT('copy {number} ', name) FROM users")
            with op.batch_alter_table("users") as batch:
                batch.alter_column("total{number}", type_=sa.BigInteger, existing_type=sa.Integer)
            op.execute("UPDATE users SET total{number} = COALESCE(total{number}, 0) + 1")
            op.execute("UPDATE counted SET total = total + 1")
            op.create_index("by_total{number}", "users", ["total{number}"])
            """,
            f"""
            op.execute("DELETE FROM users WHERE name LIKE 'copy {number} %'")
            op.drop_column("users", "total{number}")
            op.execute("UPDATE counted SET total = total + 1")
            """,
        )


@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
def test_every_kill_is_resumed_to_what_an_unbroken_run_leaves(project, direction):
    database = project.database
    write_mixed_history(project)
    begun = how_long(project)
    if direction == "downgrade":
        project.db("downgrade", "rev1").ok()
    unbroken = content(database)
    seed = int(os.environ.get("TEST_SEED") or random.randrange(10**6))
    print(f"seed {seed}, {KILLS} kills within {begun:.2f} s")
    moments = random.Random(seed)
    for _ in range(KILLS if direction == "upgrade" else (KILLS + 2) // 3):
        drop_everything(database)
        words = ["db", "upgrade"]
        if direction == "downgrade":
            project.db("upgrade").ok()
            words = ["db", "downgrade", "rev1"]
        killed(project, moments.uniform(0, begun), *words)
        project.manage(*words, "--lock-timeout", "20").ok()
        assert content(database) == unbroken, f"seed {seed}"
        assert journal(database) == []


DDL = [
    "CREATE TABLE one (id INT PRIMARY KEY, name VARCHAR(20), other INT)",
    "ALTER TABLE one ADD UNIQUE (name)",
    "ALTER TABLE one ADD COLUMN more INT, DROP COLUMN other",
    "CREATE INDEX by_more ON one (more)",
    "DROP INDEX by_more ON one",
    "ALTER TABLE one RENAME TO first_name",
    "RENAME TABLE first_name TO two",
    "ALTER TABLE two RENAME COLUMN more TO most",
    "CREATE VIEW seen AS SELECT id FROM two",
    "DROP VIEW seen",
    "CREATE PROCEDURE fill()\n-- of several lines\nBEGIN\n  INSERT INTO two (id) VALUES (1);\n"
    "  INSERT INTO two (id) VALUES (2);\nEND",
    "CREATE TRIGGER counted BEFORE INSERT ON two FOR EACH ROW BEGIN SET NEW.most = 7; END",
    "DROP TRIGGER counted",
    "CREATE TABLE three (id INT PRIMARY KEY)",
    "DROP TABLE three",
    "CREATE EVENT later ON SCHEDULE EVERY 1 DAY DO DELETE FROM two",
    "DROP EVENT later",
]


def test_ddl_that_took_effect_is_not_run_again_whatever_it_is(project):
    """The process ends right after each statement, before it can be written down that it is done."""
    database = project.database
    steps = [
        f"op.execute({text!r})\nif os.environ['CRASH_AFTER'] == '{at}': os._exit(9)" for at, text in enumerate(DDL)
    ]
    project.revision("aaa1", None, "import os\n" + "\n".join(steps) + "\nop.execute('CALL fill()')")
    for at, text in enumerate(DDL):
        project.db("upgrade", env={"CRASH_AFTER": str(at)})
        assert journal(database)[-1].split() == text.split()
    project.db("upgrade", env={"CRASH_AFTER": ""}).ok()
    assert database.tables() == ["two"]
    assert database.columns("two") == ["id", "name", "most"]
    assert database.rows("SELECT id, most FROM two ORDER BY id") == [(1, None), (2, None)]
    assert len([row for row in database.rows("SHOW INDEX FROM two") if row[4] == "name"]) == 1
    assert journal(database) == []


REPEATED = [
    "CREATE TABLE p (id INT PRIMARY KEY, a INT, b INT, KEY by_a (a))",
    "CREATE TABLE c (id INT, p_id INT)",
    "CREATE VIEW v AS SELECT 1",
    "DROP VIEW v",
    "CREATE SEQUENCE s",
    "DROP SEQUENCE s",
    "CREATE UNIQUE INDEX by_b ON p (b)",
    "DROP INDEX by_b ON p",
    "ALTER TABLE p ADD COLUMN more INT",
    "ALTER TABLE p ADD INDEX by_more (more)",
    "ALTER TABLE c ADD PRIMARY KEY (id)",
    "ALTER TABLE c ADD CONSTRAINT to_p FOREIGN KEY (p_id) REFERENCES p (id)",
    "ALTER TABLE c ADD CONSTRAINT positive CHECK (p_id > 0)",
    "ALTER TABLE c DROP CONSTRAINT positive",
    "ALTER TABLE c DROP FOREIGN KEY to_p",
    "ALTER TABLE c DROP PRIMARY KEY",
    "ALTER TABLE p DROP INDEX by_more",
    "ALTER TABLE p DROP COLUMN more",
    "ALTER TABLE p CHANGE a renamed INT",
    "ALTER TABLE p RENAME COLUMN renamed TO again",
    "ALTER TABLE c RENAME TO d",
    "RENAME TABLE d TO e",
    "DROP TABLE e",
    "CREATE PROCEDURE f() SELECT 1",
    "DROP PROCEDURE f",
    "CREATE FUNCTION f() RETURNS INT RETURN 1",
    "DROP FUNCTION f",
    "CREATE TRIGGER t BEFORE INSERT ON p FOR EACH ROW SET NEW.b = 1",
    "DROP TRIGGER t",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
    "DROP EVENT e",
    "CREATE DATABASE {database}_more",
    "DROP DATABASE {database}_more",
    "CREATE USER {database}_user",
    "GRANT SELECT ON p TO {database}_user",
    "REVOKE SELECT ON p FROM {database}_user",
    "DROP USER {database}_user",
]
"""Statements that the server refuses a second time, and what they need."""


def test_the_errors_of_a_repeated_statement_mean_that_it_had_taken_effect(mysql):
    from flask_migrate_script.guard.resume.took_effect import find_error_number, means_done

    name = mysql.rows("SELECT DATABASE()")[0][0]
    is_mariadb = "MariaDB" in mysql.rows("SELECT VERSION()")[0][0]
    for statement in [text.format(database=name) for text in REPEATED if is_mariadb or "SEQUENCE" not in text]:
        mysql.run(statement)
        if statement.startswith("GRANT"):
            continue  # it can be repeated
        with pytest.raises(sa.exc.DBAPIError) as again:
            mysql.run(statement)
        assert means_done(statement, again.value.orig), (statement, again.value.orig)
    with pytest.raises(sa.exc.DBAPIError) as missing:
        mysql.run("ALTER TABLE nowhere ADD COLUMN a INT")
    assert find_error_number(missing.value.orig) == 1146
    assert not means_done("ALTER TABLE nowhere ADD COLUMN a INT", missing.value.orig)


def test_a_failing_statement_is_mended_and_the_migration_goes_on(project):
    database = project.database
    project.revision("aaa1", None, "op.create_table('plain', sa.Column('id', sa.Integer, primary_key=True))")
    project.db("upgrade").ok()
    assert journal(database) == []
    script = """
        import os
        from datetime import datetime
        bind = op.get_bind()
        op.execute("CREATE TEMPORARY TABLE scratch (id INT)")
        op.execute("INSERT INTO scratch VALUES (5), (6)")
        op.execute("SET @offset = 10")
        users = op.create_table(
            "users",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("name", sa.String(20)),
            sa.Column("made", sa.DateTime, default=datetime.utcnow),
        )
        done = bind.execute(users.insert().values(name="one"))
        assert (done.inserted_primary_key[0], done.rowcount) == (1, 1)
        op.execute("INSERT INTO users (name) SELECT LAST_INSERT_ID()")
        op.bulk_insert(users, [{"name": "three"}, {"name": "four"}])
        assert [name for name, in bind.execute(sa.text("SELECT name FROM users ORDER BY id"))][:2] == ["one", "1"]
        try:
            op.execute("ALTER TABLE users DROP FOREIGN KEY not_there")
        except sa.exc.DBAPIError as error:
            assert error.orig.args[0] == 1091
        with op.batch_alter_table("users") as batch:
            batch.add_column(sa.Column("total", sa.Integer))
        op.execute("LOCK TABLES users WRITE")
        op.execute("UPDATE users SET total = id")
        op.execute("UNLOCK TABLES")
        op.execute(
            '''
            CREATE PROCEDURE add_users()
            BEGIN
                INSERT INTO users (name) VALUES ('five; by a procedure');
                UPDATE users SET total = total + 1;
            END
            '''
        )
        op.execute("CALL add_users()")
        with op.get_context().autocommit_block():
            op.execute("UPDATE users SET total = total + 100")
        op.execute("ALTER TABLE users ADD CHECK (total > 0)")
        op.execute("INSERT INTO users (name, total) SELECT @offset + id, 1 FROM scratch")
    """
    path = project.revision("bbb2", "aaa1", script + f"    {FAIL}")
    failed = project.db("upgrade").failed()
    assert "nowhere" in failed.err
    assert "CREATE TABLE users" in failed.err
    assert "They are remembered: once the cause is fixed, python manage.py db upgrade goes on after them." in failed.err

    remembered = project.db("journal").ok().out
    assert "default: upgrade of revision bbb2, interrupted after" in remembered
    assert re.search(r"done +CREATE PROCEDURE add_users\(\)", remembered)
    assert re.search(r"failed +ALTER TABLE users DROP FOREIGN KEY not_there", remembered)
    document = json.loads(project.flask("db", "journal", "--json").ok().out)
    (only,) = document["databases"]
    assert (only["name"], only["unfinished"][0]["revision"]) == ("default", "bbb2")
    assert [one["position"] for one in only["unfinished"][0]["statements"]][:2] == [1, 2]

    again = project.db("upgrade").failed()
    assert "CREATE TABLE users" in again.err, "what took effect in the first run is in the report of the second"
    path.write_text(path.read_text().replace("nowhere VALUES (1)", "plain VALUES (7)"))
    resumed = project.db("upgrade").ok()
    assert "revision bbb2 was interrupted; it goes on after statement" in resumed.err
    rows = database.rows("SELECT id, name, total FROM users ORDER BY id")
    assert [row[:2] for row in rows[:5]] == [
        (1, "one"),
        (2, "1"),
        (3, "three"),
        (4, "four"),
        (5, "five; by a procedure"),
    ]
    assert [row[2] for row in rows] == [102, 103, 104, 105, None, 1, 1]
    assert [name for _, name, _ in rows[5:]] == ["15", "16"]
    assert database.rows("SELECT id FROM plain") == [(7,)]
    assert journal(database) == []
    assert project.db("journal").ok().out == "No migration is unfinished.\n"


def test_rows_that_an_insert_returned_are_there_again(project):
    database = project.database
    if "MariaDB" not in database.rows("SELECT VERSION()")[0][0]:
        pytest.skip("MySQL has no INSERT ... RETURNING")
    script = """
        bind = op.get_bind()
        op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20)))
        returned = bind.execute(sa.text("INSERT INTO users (name) VALUES ('o%e'), ('two') RETURNING id, name AS `a%b`"))
        assert [tuple(row) for row in returned] == [(1, "o%e"), (2, "two")]
        op.execute("CREATE INDEX by_name ON users (name)")
    """
    if SQLALCHEMY >= (1, 4):
        script += """
        from sqlalchemy.orm import Session, declarative_base
        class User(declarative_base()):
            __tablename__ = "users"
            id = sa.Column(sa.Integer, primary_key=True)
            name = sa.Column(sa.String(20))
        session = Session(bind=bind)
        people = [User(name=str(number)) for number in range(5)]
        session.add_all(people)
        session.flush()
        op.execute("CREATE INDEX by_both ON users (id, name)")
        assert [one.id for one in people] == [3, 4, 5, 6, 7]
        people[0].name = "changed"
        session.flush()
    """
    path = project.revision("aaa1", None, script + f"    {FAIL}")
    project.db("upgrade").failed()
    failed = project.db("upgrade").failed()
    assert "nowhere" in failed.err, "it came as far as before"
    path.write_text(path.read_text().replace("nowhere VALUES (1)", "users VALUES (9, 'end')"))
    project.db("upgrade").ok()
    rows = database.rows("SELECT id FROM users ORDER BY id")
    assert [key for (key,) in rows] == [*range(1, 8 if SQLALCHEMY >= (1, 4) else 3), 9]


def test_the_journal_shows_in_nothing_else(project):
    manage = project.folder / "manage.py"
    project.revision(
        "aaa1",
        None,
        "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(64)))",
    )
    assert "alembic_journal" not in project.db("upgrade", "--sql").ok().out
    project.db("upgrade").ok()
    assert "alembic_journal" in [name for (name,) in project.database.rows("SHOW TABLES")]
    assert "No changes in schema detected." in project.db("migrate").ok().err
    if ALEMBIC >= (1, 9):
        project.db("check").ok()

    project.revision("bbb2", "aaa1", f"op.create_table('extra', sa.Column('id', sa.Integer))\n{FAIL}")
    manage.write_text(manage.read_text().replace("db = SQL", "app.config['MIGRATE_JOURNAL'] = False\ndb = SQL"))
    failed = project.db("upgrade").failed()
    assert "remembered" not in failed.err
    assert journal(project.database) == []
    assert "already exists" in project.db("upgrade").failed().err


def test_the_status_and_a_dry_run_tell_what_is_unfinished_and_write_nothing(project):
    database, manage = project.database, project.folder / "manage.py"
    create = "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True))\n"
    project.revision("aaa1", None, create.format("first"))
    project.db("upgrade").ok()
    half = "op.drop_table('first')\n" + create.format("second")
    project.revision("bbb2", "aaa1", half + FAIL)
    project.db("upgrade").failed()
    before = everything(database), database.rows("SELECT * FROM alembic_journal")

    told = "the upgrade of bbb2 was interrupted, 2 statements have taken effect; to go on:"
    shown = project.db("status").ok().out
    assert f"  1 revision behind: at aaa1\n  {told} python manage.py db upgrade\n" in shown
    assert f"  {told} python -m flask db upgrade\n" in project.flask("db", "status").ok().out
    (found,) = json.loads(project.db("status", "--json").ok().out)["databases"]
    (remembered,) = json.loads(project.db("journal", "--json").ok().out)["databases"]
    assert found["unfinished"] == remembered["unfinished"]
    assert [len(one["statements"]) for one in found["unfinished"]] == [2]

    note = "was interrupted: 2 statements have taken effect already; what has will be skipped"
    assert f"     {note}\n" in project.db("upgrade", "--dry-run").ok().out
    project.revision("bbb2", "aaa1", half + "op.get_bind().execute(sa.text('SELECT 1')).scalar()")
    (dry,) = json.loads(project.db("upgrade", "--dry-run", "--json").ok().out)["databases"]
    assert re.match(rf"{note}; needs a live connection", dry["steps"][0]["note"])

    text = manage.read_text()
    manage.write_text(text.replace("db = SQL", "app.config['MIGRATE_JOURNAL'] = False\ndb = SQL"))
    dry_run = project.db("upgrade", "--dry-run").failed()  # as the real run does then: it does not skip anything
    assert "interrupted" not in project.db("status").ok().out + dry_run.out + dry_run.err
    assert json.loads(project.db("status", "--json").ok().out)["databases"][0]["unfinished"] == []
    manage.write_text(text)
    assert (everything(database), database.rows("SELECT * FROM alembic_journal")) == before

    database.run("UPDATE alembic_version SET version_num = 'bbb2'")
    assert "if it is over: python manage.py db journal --forget bbb2\n" in project.db("status").ok().out
    database.run("UPDATE alembic_version SET version_num = 'aaa1'")
    project.db("upgrade").ok()
    assert "  up to date: at bbb2\n  ✓ aaa1" in project.db("status").ok().out
    assert json.loads(project.db("status", "--json").ok().out)["databases"][0]["unfinished"] == []


def test_whoever_may_read_the_version_and_not_the_journal_still_sees_the_status(project):
    database = project.database
    project.revision("aaa1", None, "op.create_table('first', sa.Column('id', sa.Integer))")
    project.db("upgrade").ok()
    ((name,),) = database.rows("SELECT DATABASE()")
    reader = f"r_{name[-20:]}"
    database.run(f"CREATE USER {reader}@'%' IDENTIFIED BY 'read'", f"GRANT SELECT ON alembic_version TO {reader}@'%'")
    where = database.url.partition("@")[2]
    project.env["DATABASE_URL"] = f"{database.url.partition('://')[0]}://{reader}:read@{where}"
    shown = project.db("status")
    database.run(f"DROP USER {reader}@'%'")
    assert "  up to date: at aaa1\n" in shown.ok().out


def test_an_edited_script_is_stopped_with_both_ways_on(project):
    database = project.database
    first = "op.create_table('first', sa.Column('id', sa.Integer, primary_key=True))"
    second = "op.create_table('second', sa.Column('id', sa.Integer, primary_key=True))"
    insert = "op.execute('INSERT INTO first VALUES (1)')"
    values = "op.get_bind().execute(sa.text('INSERT INTO first VALUES (:key)'), {0})"
    new = "op.create_table('third', sa.Column('id', sa.Integer, primary_key=True))"
    start = [first, insert, values.format({"key": 2}), second]
    project.revision("aaa1", None, "\n".join([*start, FAIL]))
    project.db("upgrade").failed()
    before = everything(database)

    def stopped(*body):
        project.revision("aaa1", None, "\n".join(body))
        failed = project.db("upgrade").failed()
        assert everything(database) == before
        assert "Nothing was done." in failed.err
        assert "python manage.py db journal --forget aaa1" in failed.err
        assert "CREATE TABLE second" in failed.err, "the report says what took effect then"
        return failed.err

    changed = stopped(first.replace("Integer", "BigInteger"), *start[1:], new)
    assert re.search(r"then: CREATE TABLE first \( id INTEGER.*\n +now:  CREATE TABLE first \( id BIGINT", changed)
    assert "statement 3 differs, with other values" in stopped(first, insert, values.format({"key": 3}), second, new)
    gone = stopped(first, insert, second, new)
    assert re.search(r"then: INSERT INTO first VALUES .*\n +now:  CREATE TABLE second", gone)
    assert re.search(r"then: CREATE TABLE second .*\n +now:  nothing: the script ends before it", stopped(*start[:3]))
    assert "statement 3 differs" in stopped(first, insert, second, start[2], new), "moved"
    caught = f"try:\n    {second}\nexcept Exception:\n    pass"
    assert "statement 3 differs" in stopped(first, insert, caught, new), "even where the script catches everything"

    project.revision("aaa1", None, "\n".join([*start, new]))  # put back, and the failing statement mended
    project.db("upgrade").ok()
    assert database.rows("SELECT id FROM first ORDER BY id") == [(1,), (2,)]
    assert database.tables() == ["first", "second", "third"]

    project.revision("bbb2", "aaa1", "\n".join(["op.drop_table('third')", FAIL]))
    project.db("upgrade").failed()
    project.revision("bbb2", "aaa1", "op.drop_table('second')")
    assert "statement 1 differs" in project.db("upgrade").failed().err
    assert "Nothing is remembered of a revision zzz9." in project.db("journal", "--forget", "zzz9").failed().err
    assert "of revision bbb2 is forgotten" in project.db("journal", "--forget", "bbb").ok().out
    project.db("upgrade").ok()
    assert database.tables() == ["first"]


def test_a_loop_that_finds_other_rows_the_second_time_is_stopped_and_a_stamp_ends_it(project):
    database = project.database
    project.revision(
        "aaa1",
        None,
        "op.create_table('jobs', sa.Column('id', sa.Integer, primary_key=True), sa.Column('done', sa.Integer))\n"
        "op.execute('INSERT INTO jobs VALUES (1, 0), (2, 0), (3, 0)')",
    )
    project.db("upgrade").ok()
    script = """
        for key, in op.get_bind().execute(sa.text("SELECT id FROM jobs WHERE done = 0")).fetchall():
            op.get_bind().execute(sa.text("UPDATE jobs SET done = 1 WHERE id = :key"), {"key": key})
        op.execute("ALTER TABLE jobs MODIFY done INTEGER NOT NULL")
    """
    project.revision("bbb2", "aaa1", script + f"    {FAIL}")
    project.db("upgrade").failed()
    database.run("INSERT INTO jobs VALUES (4, 0)")
    stopped = project.db("upgrade").failed()
    assert "statement 1 differs, with other values" in stopped.err
    assert database.rows("SELECT id FROM jobs WHERE done = 0") == [(4,)]
    stamped = project.db("stamp", "bbb2").ok()
    assert "the journal of revision bbb2 is removed" in stamped.err
    assert journal(database) == []


def test_the_journal_keeps_no_secret_and_forgets_only_what_is_named(project):
    database = project.database
    user = f"fms_{random.randrange(10**9)}"
    create = f"op.execute(\"CREATE USER {user}@'localhost' IDENTIFIED BY 's3cret-1'\")"
    insert = "op.execute(\"INSERT INTO users VALUES (1, 's3cret-2')\")"
    table = "op.create_table('users', sa.Column('id', sa.Integer), sa.Column('name', sa.String(20)))"
    project.revision("aaa1", None, "\n".join([table, insert, create, FAIL]))
    try:
        said = [project.db("upgrade"), project.db("journal"), project.db("journal", "--json"), project.db("status")]
        project.revision("aaa1", None, "\n".join([table, insert.replace("s3cret-2", "s3cret-3"), create, FAIL]))
        said.append(project.db("upgrade"))
        assert "statement 2 differs" in said[-1].err
        assert not [one for one in said if "s3cret" in one.out + one.err]
        assert not [text for text in journal(database) if "s3cret" in text]
        project.revision("aaa1", None, "\n".join([table, insert, create]))
        project.db("upgrade").ok()
    finally:
        database.run(f"DROP USER IF EXISTS {user}@'localhost'")
    values = "'upgrade', 1, REPEAT('0', 64), 'DROP TABLE x', 'done', NOW())"
    for revision in ("1", "12", "131", "132"):
        database.run(
            "INSERT INTO alembic_journal (revision, direction, position, digest, text, state, time)"
            f" VALUES ('{revision}', {values}"
        )
    several = project.db("journal", "--forget", "13").failed()
    assert "Several revisions that are remembered begin with 13: 131, 132." in several.err
    assert "of revision 1 is forgotten" in project.db("journal", "--forget", "1").ok().out
    assert "of revision 132 is forgotten" in project.db("journal", "--forget", "132").ok().out
    assert database.rows("SELECT revision FROM alembic_journal ORDER BY revision") == [("12",), ("131",)]


def test_a_call_that_was_cut_off_is_not_repeated(project):
    database = project.database
    project.revision(
        "aaa1",
        None,
        """
        op.create_table("first", sa.Column("id", sa.Integer))
        op.execute(
            "CREATE PROCEDURE two_steps()"
            " BEGIN INSERT INTO first VALUES (1); COMMIT; INSERT INTO nowhere VALUES (1); END"
        )
        op.execute("CALL two_steps()")
        """,
    )
    project.db("upgrade").failed()
    stopped = project.db("upgrade").failed()
    assert "it is not known how far it came" in stopped.err
    assert database.rows("SELECT id FROM first") == [(1,)]


def test_a_statement_that_the_server_is_still_at_is_waited_for(project):
    """The client is killed while ALTER TABLE waits for a reader; so it is unknown to it whether that will succeed."""
    database = project.database
    project.revision("aaa1", None, "op.create_table('first', sa.Column('name', sa.String(9)))")
    project.db("upgrade").ok()
    project.revision("bbb2", "aaa1", "op.execute('ALTER TABLE first ADD UNIQUE (name)')")
    waiting = "SELECT id FROM information_schema.processlist WHERE info LIKE 'ALTER TABLE first%' AND db = DATABASE()"
    with database.engine().connect() as reader:
        reader.execute(sa.text("SELECT * FROM first")).fetchall()
        for _ in range(10):  # MariaDB ends a statement that waits where it notices that its client has gone
            process = project.start("db", "upgrade")
            wait_for(lambda: database.rows(waiting))
            process.kill()
            process.communicate()
            refused = project.db("upgrade", "--lock-timeout", "0", "--ddl-timeout", "2").failed()
            if "The server is still at a statement of a migration that was interrupted" in refused.err:
                break
        else:
            pytest.fail(refused.err)
    with ThreadPoolExecutor(2) as pool:  # two hosts at once
        for done in [pool.submit(project.db, "upgrade") for _ in range(2)]:
            done.result().ok()
    assert len(database.rows("SHOW INDEX FROM first")) == 1
    assert database.version() == ["bbb2"]


def test_ddl_that_was_started_and_had_no_effect_is_run_or_replaced(project):
    database = project.database
    project.revision("aaa1", None, "op.create_table('first', sa.Column('name', sa.String(9)))")
    project.db("upgrade").ok()
    waiting = "SELECT id FROM information_schema.processlist WHERE info LIKE 'ALTER TABLE first%' AND db = DATABASE()"
    for revision, parent, edited in (("bbb2", "aaa1", "two"), ("ccc3", "bbb2", "three")):
        project.revision(revision, parent, f"op.execute('ALTER TABLE first ADD COLUMN {revision} INT')")
        with database.engine().connect() as reader:
            reader.execute(sa.text("SELECT * FROM first")).fetchall()
            process = project.start("db", "upgrade")
            ((session,),) = wait_for(lambda: database.rows(waiting))
            process.kill()
            process.communicate()
            database.run(f"KILL {session}")
            wait_for(lambda: not database.rows(waiting))
        assert journal(database) == [f"ALTER TABLE first ADD COLUMN {revision} INT"]
        assert "interrupted, one statement may have taken effect; to go on" in project.db("status").ok().out
        if edited == "three":
            project.revision(revision, parent, "op.execute('ALTER TABLE first ADD COLUMN three INT')")
        project.db("upgrade").ok()
    assert database.columns("first") == ["name", "bbb2", "three"]


def test_a_downgrade_that_failed_goes_on(project):
    database = project.database
    create = "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True))"
    down = ["op.drop_table('first')", "op.execute('INSERT INTO second VALUES (1)')"]
    project.revision("aaa1", None, create.format("first") + "\n" + create.format("second"), "\n".join([*down, FAIL]))
    project.db("upgrade").ok()
    failed = project.db("downgrade").failed()
    assert "python manage.py db downgrade goes on after them." in failed.err
    # SQLAlchemy before 2 commits the INSERT too.
    effect = {1: "1 statement has taken effect", 2: "2 statements have taken effect"}[len(journal(database))]
    told = f"the downgrade of aaa1 was interrupted, {effect}; to go on: python manage.py db downgrade"
    assert f"  unfinished: at aaa1\n  {told}\n" in project.db("status").ok().out
    assert f"{effect} already" in project.db("downgrade", "--dry-run").ok().out
    project.revision("aaa1", None, "pass", "\n".join([*down, "op.drop_table('second')"]))
    project.db("downgrade").ok()
    assert database.tables() == []
    assert journal(database) == []


def test_nothing_turns_round_on_what_is_half_done(project):
    """A downgrade of the revision below would destroy what is whole, and leave what is half done."""
    database = project.database
    project.revision("aaa1", None, "op.execute('CREATE TABLE kept (id INT)')", "op.execute('DROP TABLE kept')")
    project.db("upgrade").ok()
    project.revision("bbb2", "aaa1", f"op.execute('CREATE TABLE half (id INT)')\n{FAIL}", "pass")
    project.db("upgrade").failed()
    for words in (["downgrade"], ["downgrade", "--dry-run"]):
        refused = project.db(*words).failed()
        assert "The upgrade of bbb2 was interrupted and is not finished: 1 statement has taken effect." in refused.err
        assert "No downgrade was begun. Finish it first: python manage.py db upgrade\n" in refused.err
        assert "python manage.py db journal --forget bbb2" in refused.err
    assert (database.tables(), database.version()) == (["half", "kept"], ["aaa1"])
    database.run("DROP TABLE half")
    project.db("journal", "--forget", "bbb2").ok()
    project.db("downgrade").ok()
    assert (database.tables(), database.version()) == ([], [])


@pytest.mark.parametrize(
    ("version", "resumable"),
    [
        ("10.11.6-MariaDB-0+deb12u1", True),
        ("5.5.5-10.6.4-MariaDB-log", True),
        ("10.5.23-MariaDB", False),
        ("8.0.36", True),
        ("8.4.0-commercial", True),
        ("5.7.44-log", False),
    ],
)
def test_servers_without_atomic_ddl_are_told_from_the_others(version, resumable):
    from flask_migrate_script.guard.resume.resumption import is_resumable

    assert is_resumable(version) is resumable


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        ("read", "  (SELECT 1) UNION (SELECT 2)"),
        ("read", "-- first\n/* then */ select 'INSERT; INTO'"),
        ("read", "WITH a AS (SELECT 1) SELECT * FROM a FOR UPDATE"),
        ("read", "SET @a = 'x;y'"),
        ("dml", "SET STATEMENT max_statement_time=1 FOR DELETE FROM a"),
        ("read", "ANALYZE TABLE a"),
        ("read", "# DELETE FROM a\nCHECK TABLE a"),
        ("read", "SELECT f(); SELECT 'it\\'s; DELETE FROM a'"),
        ("dml", "ANALYZE DELETE FROM a"),
        ("dml", "UPDATE a SET b = 'it\\'s; DROP TABLE a' # all of it"),
        ("dml", "WITH a AS (SELECT 1) UPDATE b, a SET c = 1"),
        ("dml", "insert into a values ('it''s; -- fine')"),
        ("dml", "REPLACE INTO a VALUES (1);"),
        ("ddl", "CREATE TABLE a (b INT)"),
        ("ddl", "/*!40101 CREATE TABLE a (b INT) */"),
        ("ddl", "RENAME TABLE a TO b, c TO d"),
        ("ddl", "CREATE OR REPLACE PROCEDURE a() BEGIN SELECT 1; SELECT 2; END"),
        ("unknown", "RENAME TABLE a TO tmp, b TO a, tmp TO b"),
        ("unknown", "CALL a()"),
        ("unknown", "INSERT INTO a VALUES (1); DROP TABLE b"),
        ("unknown", "SELECT 1; DROP TABLE b"),
        ("unknown", "BEGIN NOT ATOMIC DROP TABLE a; END"),
        ("unknown", "ALTER TABLE a EXCHANGE PARTITION p WITH TABLE b"),
    ],
)
def test_what_a_statement_is(kind, statement):
    from flask_migrate_script.sql import mysql as statements

    atomic = statements.is_atomic(statement)
    found = "read" if statements.is_read(statement) else "dml" if statements.is_dml(statement) else ""
    assert (found or ("ddl" if atomic else "unknown")) == kind
