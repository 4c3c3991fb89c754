"""What a dry run counts, and what it leaves alone: sequences, other databases, locks that are not free."""

import json
import sqlite3

import pytest
import sqlalchemy as sa
from conftest import initialised
from test_dry_run import CREATE, losses, rehearsed, unchanged
from test_several_databases import BINDS, bound

NARROWER = """
op.alter_column("things", "word", existing_type=sa.String(20), type_=sa.String(3))
op.alter_column("things", "wide", existing_type=sa.String(20), type_=sa.String(90))
op.alter_column("things", "number", existing_type=sa.BigInteger, type_=sa.SmallInteger)
op.alter_column("things", "price", existing_type=sa.Numeric(12, 4), type_=sa.Numeric(5, 2))
op.alter_column("things", "maybe", existing_type=sa.Integer, nullable=False)
"""
THINGS = [
    "CREATE TABLE things (word VARCHAR(20), wide VARCHAR(20), number BIGINT, price NUMERIC(12, 4), maybe INTEGER)",
    "INSERT INTO things VALUES ('abcd', 'abcd', 40000, 1.23, 1)",
    "INSERT INTO things VALUES ('abcde', 'abcd', -40000, 1.234, 1)",
    "INSERT INTO things VALUES ('ab', 'abcd', 4, 12345.0, NULL)",
    "INSERT INTO things VALUES (NULL, NULL, NULL, NULL, 1)",
]


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_values_that_a_narrower_type_cuts_or_refuses(make_project, new_database, kind):
    project = initialised(make_project(new_database(kind)))
    project.database.run(*THINGS)
    counted = {
        "alter column things.word: type VARCHAR(3)": (2, "values"),
        "alter column things.number: type SMALLINT": (2, "values"),
        "alter column things.price: type NUMERIC(5, 2)": (2, "values"),
        "alter column things.maybe: not null": (1, "rows"),
    }
    lines = NARROWER.strip().splitlines()
    for number, line in enumerate(lines):
        project.revision(f"aaa{number}", f"aaa{number - 1}" if number else None, line)
    with unchanged(project.database):
        if kind == "mysql":
            assert losses(rehearsed(project, "upgrade", "--no-copy")[0]) == counted
        (found,) = rehearsed(project, "upgrade", code=1)
    words, lost = next(iter(counted.items()))
    assert losses(found) == {words: lost}
    assert found["failure"]["revision"] == "aaa0"
    project.database.run("UPDATE things SET word = NULL, number = 4", "DELETE FROM things WHERE price > 1000")
    (found,) = rehearsed(project, "upgrade")
    assert losses(found) == {"alter column things.price: type NUMERIC(5, 2)": (1, "values")}
    told = "cut or refused" if kind == "mysql" else "changed"
    assert f"1 value {told}" in project.db("upgrade", "--dry-run").ok().out


def test_what_sqlite_cuts_in_a_rebuilt_table(project):
    project.database.run("CREATE TABLE things (word VARCHAR(20), number VARCHAR(20))")
    project.database.run("INSERT INTO things VALUES ('abcd', '12'), ('abcde', 'x'), (NULL, NULL)")
    rebuild = """
        with op.batch_alter_table("things") as batch:
            batch.alter_column("word", existing_type=sa.String(20), type_=sa.String(3))
            batch.alter_column("number", existing_type=sa.String(20), type_=sa.Integer)
            batch.add_column(sa.Column("more", sa.Integer))
        """
    project.revision("aaa1", None, rebuild)
    with unchanged(project.database):
        (found,) = rehearsed(project, "upgrade")
    assert losses(found) == {"alter column things.number: type INTEGER": (1, "values")}
    assert [one["operation"] for one in found["steps"][0]["operations"]] == [
        "alter_column",
        "alter_column",
        "add_column",
    ]
    assert any("_alembic_tmp_things" in sql for sql in found["steps"][0]["sql"])


def test_what_sqlite_makes_a_number_of_in_a_rebuilt_table(project):
    project.database.run(
        "CREATE TABLE things (moment DATETIME, day DATE, text VARCHAR(20), rate VARCHAR(9), same DATETIME)",
        "INSERT INTO things VALUES ('2020-01-02 03:04:05', '2020-01-02', '2020-01-02', '1.5', '2020-01-02')",
    )
    rebuild = """
        with op.batch_alter_table("things") as batch:
            batch.alter_column("moment", existing_type=sa.DateTime(), type_=sa.Date())
            batch.alter_column("day", type_=sa.DateTime())
            batch.alter_column("text", existing_type=sa.DateTime(), type_=sa.DateTime())
            batch.alter_column("rate", existing_type=sa.String(9), type_=sa.Numeric(5, 2))
            batch.alter_column("same", existing_type=sa.String(9), type_=sa.DateTime())
        """
    project.revision("aaa1", None, rebuild)
    with unchanged(project.database):
        (found,) = rehearsed(project, "upgrade")
    assert losses(found) == {
        "alter column things.moment: type DATE": (1, "values"),
        "alter column things.day: type DATETIME": (1, "values"),
        "alter column things.text: type DATETIME": (1, "values"),
    }
    project.db("upgrade").ok()
    assert sqlite3.connect(project.folder.parent / "database0" / "test.db").execute(
        "SELECT * FROM things"
    ).fetchall() == [(2020, 2020, 2020, 1.5, "2020-01-02")]


FITTING = {
    "postgresql": [
        ("mood", "sa.Enum('b', name='mood2'), postgresql_using='mood::text::mood2'", 1),
        ("mood", "sa.Enum('b', name='mood2'), postgresql_using=\"REPLACE(mood::text, 'a', 'b')::mood2\"", 1),
        ("moment", "sa.Date()", 1),
        ("moment", "sa.Time()", 2),
    ],
    "mysql": [
        ("mood", "sa.Enum('b')", 1),
        ("number", "mysql.TINYINT()", 1),
        ("number", "sa.Boolean(create_constraint=False)", 1),
        ("number", "sa.Boolean(name='truth', create_constraint=True)", 2),
        ("number", "mysql.INTEGER(unsigned=True)", 1),
        ("text", "mysql.TINYTEXT()", 1),
        ("data", "mysql.VARBINARY(2)", 1),
        ("price", "sa.Numeric()", 1),
        ("moment", "sa.Date()", 1),
        ("moment", "sa.Time()", 2),
    ],
}
OLD = {
    "mood": "sa.Enum('a', 'b', name='mood')",
    "number": "sa.Integer()",
    "text": "sa.Text()",
    "data": "sa.LargeBinary()",
    "price": "sa.Numeric(8, 2)",
    "moment": "sa.DateTime()",
}


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_values_that_do_not_fit_types_of_every_kind(make_project, new_database, kind):
    project = initialised(make_project(new_database(kind)))
    mood = "ENUM('a', 'b')"
    types = f"mood {mood}, number INTEGER, text TEXT, data BLOB, price NUMERIC(8, 2), moment DATETIME"
    if kind == "postgresql":
        project.database.run(f"CREATE TYPE mood AS {mood}", "CREATE TYPE mood2 AS ENUM ('b')")
        types = types.replace(mood, "mood").replace("BLOB", "BYTEA").replace("DATETIME", "TIMESTAMP")
    project.database.run(
        f"CREATE TABLE things ({types})",
        f"INSERT INTO things VALUES ('a', -300, '{'é' * 200}', 'abc', 1.25, '2020-01-02 03:04:05')",
        "INSERT INTO things VALUES ('b', 7, 'x', 'a', 1, '2020-01-02 00:00:00'), (NULL, NULL, NULL, NULL, NULL, NULL)",
    )
    for column, new, count in FITTING[kind]:
        alter = f"op.alter_column('things', '{column}', existing_type={OLD[column]}, type_={new})"
        project.revision("aaa1", None, f"from sqlalchemy.dialects import mysql\n{alter}")
        refused = kind == "postgresql" and column == "mood" and "REPLACE" not in new
        with unchanged(project.database):
            (found,) = rehearsed(project, "upgrade", "--no-copy", code=int(bool(refused)))
        assert [lost for lost, _ in losses(found).values()] == ([] if count is None else [count]), alter


def test_raw_sql_that_loses_rows_and_values(any_project):
    project = any_project
    project.database.run(*THINGS, "CREATE TABLE other (id INTEGER)", "INSERT INTO other VALUES (1)")
    lost = {"ALTER TABLE things DROP COLUMN word": 3, "DELETE FROM other": 1, "DROP TABLE things": 4}
    if project.database.kind == "sqlite" and sqlite3.sqlite_version_info < (3, 35):
        del lost["ALTER TABLE things DROP COLUMN word"]  # older ones have no such statement
    statements = list(lost)
    project.revision("aaa1", None, "\n".join(f'op.get_bind().execute(sa.text("{one}"))' for one in statements))
    with unchanged(project.database):
        (found,) = rehearsed(project, "upgrade")
    assert {words.partition(" ")[2]: counted[0] for words, counted in losses(found).items()} == lost
    assert found["steps"][0]["sql"] == statements


def test_raw_sql_of_several_tables_statements_or_columns(make_project, new_database):
    for kind in ("postgresql", "mysql"):
        project = initialised(make_project(new_database(kind), kind))
        project.database.run(*THINGS, "CREATE TABLE other (id INTEGER)", "INSERT INTO other VALUES (1)")
        texts = {
            "DROP TABLE IF EXISTS things, other CASCADE": (5, "rows"),
            "DELETE FROM other; DROP TABLE things": (5, "rows"),
            "ALTER TABLE things DROP word, DROP COLUMN maybe": (6, "values"),
            "ALTER TABLE things DROP word; DROP TABLE other": (1, "rows"),
            "TRUNCATE TABLE other -- all": (1, "rows"),
        }
        for text, lost in texts.items():
            project.revision("aaa1", None, f"op.execute({text!r})")
            with unchanged(project.database):
                (found,) = rehearsed(project, "upgrade", "--no-copy")
            assert list(losses(found).values()) == [lost], text


def test_counting_stops_at_a_million(project):
    project.database.run(
        "CREATE TABLE many (id INTEGER, word TEXT)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000002)"
        " INSERT INTO many SELECT i, CASE WHEN i <= 7 THEN 'x' END FROM n",
    )
    drop = "with op.batch_alter_table('many') as batch:\n    batch.drop_column('word')\nop.drop_table('many')"
    project.revision("aaa1", None, drop)
    done = project.db("upgrade", "--dry-run").ok()
    assert "drop column many.word" in done.out
    assert " 7 values lost\n" in done.out, "the whole table was read, to make it anew"
    assert " over 1,000,000 rows lost\n" in done.out


MOVES = [
    "op.execute(\"INSERT INTO users (name) VALUES ('z')\")",
    "op.bulk_insert(sa.table('users', sa.column('name')), [{'name': 'a'}, {'name': 'b'}])",
    "op.execute(\"INSERT INTO numbered (name) VALUES ('z')\")",
    "op.execute(\"UPDATE users SET name = 'audited'\")",
    "op.execute(\"SELECT setval('users_id_seq', 500)\")",
    "op.get_bind().execute(sa.text(\"SELECT nextval('users_id_seq')\"))",
    "op.execute('CREATE TABLE made (id SERIAL)')\nop.execute('INSERT INTO made DEFAULT VALUES')",
]
WHERE_THEY_ARE = """
import json
import sqlalchemy as sa
from flask_migrate_script import rehearse
from manage import app, db

where = "SELECT (SELECT last_value FROM {0}_id_seq), (SELECT is_called FROM {0}_id_seq)"
with app.app_context():
    for number in range(%d):
        (database,) = rehearse("upgrade", f"aaa{number}").databases
        assert database.steps and database.failure is None, database
        with db.engine.connect() as connection:
            rows = [connection.execute(sa.text(where.format(one))) for one in ("users", "audit", "numbered")]
            seen = [tuple(row.fetchone()) for row in rows]
        print(json.dumps([number, seen, [sql for sql in database.steps[0].sql if "SEQUENCE" in sql]]))
"""


def test_sequences_stay_where_they_are(make_project, postgresql):
    project = initialised(make_project(postgresql))
    postgresql.run(
        "CREATE TABLE users (id SERIAL PRIMARY KEY, name TEXT)",
        "CREATE TABLE audit (id SERIAL PRIMARY KEY, name TEXT)",
        "CREATE TABLE numbered (id INTEGER GENERATED ALWAYS AS IDENTITY, name TEXT)",
        "INSERT INTO users (name) VALUES ('x'), ('y')",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN INSERT INTO audit (name) VALUES (NEW.name); RETURN NEW; END'",
        "CREATE TRIGGER note AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note()",
    )
    for number, move in enumerate(MOVES):
        project.revision(f"aaa{number}", None, move)
    project.write("where.py", WHERE_THEY_ARE % len(MOVES))
    with unchanged(postgresql):
        found = [json.loads(line) for line in project.python("where.py").ok().out.splitlines()]
    assert found == [[number, [[2, True], [1, False], [1, False]], []] for number in range(len(MOVES))]


def test_what_would_fail_at_the_commit_fails(make_project, postgresql):
    postgresql.run(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    )
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, "op.execute('INSERT INTO child VALUES (1)')")
    with unchanged(postgresql):
        (found,) = rehearsed(project, "upgrade", code=1)
    assert "violates foreign key constraint" in found["failure"]["error"]
    assert project.db("upgrade").failed()


def test_a_rehearsal_does_not_queue_behind_a_long_query(make_project, postgresql):
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, CREATE.format("busy"), "op.drop_table('busy')")
    project.db("upgrade").ok()
    with postgresql.engine().connect() as reader:
        transaction = reader.begin()
        reader.execute(sa.text("SELECT * FROM busy")).fetchall()
        refused = project.db("downgrade", "--dry-run", "--ddl-timeout", "0.5").failed()
        transaction.rollback()
    assert "Revision aaa1" in refused.err
    assert "lock" in refused.err.lower()
    assert (
        "Another session has the lock: run the command again when it is done, or with --ddl-retries 3;" in refused.err
    )
    assert postgresql.version() == ["aaa1"]


OWN_ENGINE = """
import os
with sa.create_engine(os.environ["DATABASE_URL"]).begin() as other:
    other.execute(sa.text("DELETE FROM users"))
"""

LIVE = """
for row in op.get_bind().execute(sa.text("SELECT name FROM users")).fetchall():
    op.execute(sa.text("DELETE FROM users"))
"""


def test_scripts_that_need_a_connection_are_named_where_nothing_is_executed(make_project, mysql):
    project = initialised(make_project(mysql))
    project.revision("aaa1", None, CREATE.format("users"))
    project.db("upgrade").ok()
    mysql.run("INSERT INTO users (name) VALUES ('x')")
    project.revision("bbb2", "aaa1", CREATE.format("second") + "\n" + LIVE.strip())
    project.revision("ddd4", "ccc3", OWN_ENGINE)
    project.revision(
        "ccc3", "bbb2", "from alembic import context\nassert context.is_offline_mode()\nop.drop_table('users')"
    )
    with unchanged(mysql):
        done = project.db("upgrade", "--dry-run", "--no-copy").ok()
        (found,) = rehearsed(project, "upgrade", "--no-copy")
    assert "     needs a live connection, so not all of it is known (AttributeError: " in done.out
    assert [bool(step["note"]) for step in found["steps"]] == [True, False, True]
    assert losses(found) == {"drop table users": (1, "rows")}
    assert mysql.version() == ["aaa1"]


def test_rows_that_cannot_be_counted_are_not_told_as_none(make_project, mysql):
    project = initialised(make_project(mysql))
    mysql.run("CREATE TABLE a (id INTEGER)", "CREATE TABLE b (id INTEGER)", "INSERT INTO a VALUES (1)")
    project.revision("aaa1", None, "op.drop_table('b')\nop.execute('DROP TABLE a, b')\nop.drop_table('nowhere')")
    with mysql.engine().connect() as other:
        other.execute(sa.text("LOCK TABLES b WRITE"))
        done = project.db("upgrade", "--dry-run", "--no-copy", "--ddl-timeout", "1").ok()
        (found,) = rehearsed(project, "upgrade", "--no-copy", "--ddl-timeout", "1")
        other.execute(sa.text("UNLOCK TABLES"))
    assert [" ".join(line.split()) for line in done.out.splitlines()[3:6]] == [
        "drop table b rows not counted",
        "execute DROP TABLE a, b at least 1 row lost",
        "drop table nowhere",
    ]
    told = [(one["lost"], one["lost_unit"], one["lost_how"]) for one in found["steps"][0]["operations"]]
    assert told == [(None, "rows", "not counted"), (1, "rows", "lost"), (None, None, "lost")]


def test_a_history_of_branches_merges_labels_and_dependencies(project):
    drop = "op.drop_table('{0}')"
    project.revision("aaa1", None, CREATE.format("a"), drop.format("a"), branch_labels=("left",))
    project.revision("bbb2", "aaa1", CREATE.format("b"), drop.format("b"))
    project.revision("ccc3", None, CREATE.format("c"), drop.format("c"), depends_on="bbb2")
    project.revision("ddd4", ("bbb2", "ccc3"))
    (found,) = rehearsed(project, "upgrade", "left@head")
    assert [step["revision"] for step in found["steps"]] == ["aaa1", "bbb2", "ccc3", "ddd4"]
    assert found["steps"][3]["down_revision"] == ["bbb2", "ccc3"]
    assert "  4  bbb2, ccc3 -> ddd4  ddd4\n" in project.db("upgrade", "--dry-run").ok().out
    project.db("upgrade").ok()
    with unchanged(project.database):
        down = project.db("downgrade", "--dry-run", "base").ok()
        assert "  1  ddd4 -> bbb2, ccc3  ddd4\n" in down.out
        assert "     drop table b" in down.out


FIRST = """
revision = "1111"
down_revision = branch_labels = depends_on = None
from alembic import op
import sqlalchemy as sa


def upgrade(engine_name):
    op.create_table("made", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO made VALUES (1)")


def downgrade(engine_name):
    op.drop_table("made")
"""


def test_several_databases_each_by_its_name(make_project, new_database):
    kinds = ("postgresql", "sqlite", "mysql")
    first, second, third = databases = [new_database(kind) for kind in kinds]
    project = bound(make_project(first), my_bind=second, late=third)
    project.write("manage.py", BINDS)
    project.initialise("--multidb")
    project.write("migrations/versions/1111.py", FIRST)
    second.run("PRAGMA journal_mode = WAL")
    with unchanged(*databases):
        found = rehearsed(project, "upgrade")
    project.db("upgrade").ok()
    with unchanged(*databases):
        back = project.db("downgrade", "--dry-run", "base").ok()
        one = project.db("downgrade", "--dry-run", "base", "--bind", "my-bind").ok()
    assert [(one["name"], one["mode"]) for one in found] == [
        ("default", "rehearsed"),
        ("my-bind", "rehearsed"),
        ("late", "rehearsed on a copy"),
    ]
    assert [one["steps"][0]["revision"] for one in found] == ["1111"] * 3
    assert back.out.count("1 row lost") == 3
    assert (one.out.count("1 row lost"), "default" in one.out) == (1, False)
    assert one.out.endswith("To do it: python manage.py db downgrade base --bind my-bind\n")


def test_databases_that_commit_in_two_phases(make_project, new_database):
    databases = new_database("postgresql"), new_database("postgresql")
    project = bound(make_project(databases[0]), my_bind=databases[1])
    project.write("manage.py", BINDS)
    project.initialise("--multidb")
    env = project.folder / "migrations" / "env.py"
    env.write_text(env.read_text().replace("USE_TWOPHASE = False", "USE_TWOPHASE = True"))
    project.write("migrations/versions/1111.py", FIRST)
    with unchanged(*databases):
        found = rehearsed(project, "upgrade")
    assert [(one["mode"], len(one["steps"]), one["failure"]) for one in found] == [("rehearsed", 1, None)] * 2


def test_the_command_that_would_do_it_is_the_one_that_was_asked_for(project):
    project.revision("aaa1", None, CREATE.format("a"), "op.drop_table('a')")
    done = project.flask(
        "db",
        "upgrade",
        "--dry-run",
        "-d",
        "migrations",
        "-x",
        "who=a b",
        "--tag",
        "t",
        "--lock-timeout",
        "9",
        "--wait",
        "0",
        "-v",
        "aaa1",
    ).ok()
    assert "       CREATE TABLE a (\n" in done.out
    command = "python -m flask db -d migrations -x 'who=a b' upgrade aaa1 --tag t --lock-timeout 9 --wait 0"
    assert done.out.endswith(f"Nothing was changed. To do it: {command}\n")
    again = project.db("upgrade", "--dry-run", "--ddl-timeout", "1.50", "--ddl-retries", "0").ok().out
    assert again.endswith("To do it: python manage.py db upgrade --ddl-timeout 1.50 --ddl-retries 0\n")
    for words in (["--json", "--sql"], ["--dry-run", "--sql"]):
        assert "Nothing was changed." in project.db("upgrade", *words).failed().err
    assert "Can't locate revision" in project.db("upgrade", "--dry-run", "nowhere").failed().err
    assert project.db("-q", "upgrade", "--dry-run").ok().out == ""


def test_from_python_it_returns_what_it_found(project):
    project.revision("aaa1", None, CREATE.format("a"), "op.drop_table('a')")
    project.revision("bbb2", "aaa1", "op.execute('INSERT INTO nowhere VALUES (1)')")
    project.write(
        "look.py",
        """
        import json
        from flask_migrate_script import MigrateError, Rehearsal, rehearse, upgrade
        from manage import app

        with app.app_context():
            good, bad = rehearse("upgrade", "aaa1"), rehearse("upgrade")
            upgrade(revision="aaa1")
            back = rehearse("downgrade")
            try:
                rehearse("sideways")
            except MigrateError as error:
                wrong = str(error)
        assert isinstance(good, Rehearsal) and good.failure is None and not good.changed
        step = back.databases[0].steps[0]
        print(json.dumps([bad.failure.revision, step.direction, step.operations[0].lost, wrong]))
        """,
    )
    assert json.loads(project.python("look.py").ok().out) == [
        "bbb2",
        "downgrade",
        0,
        'There is no rehearsal of \'sideways\'.\nIt is "upgrade" or "downgrade".',
    ]


RENAMED = [
    "op.rename_table('old', 'new')",
    "op.alter_column('new', 'word', new_column_name='name', existing_type=sa.String(9))",
    "op.execute('ALTER TABLE other RENAME TO old')",
    "op.execute('ALTER TABLE new DROP COLUMN name')\nop.drop_table('new')\nop.drop_table('old')",
]


def test_what_was_renamed_before_is_counted_by_the_name_that_it_has_now(any_project):
    project = any_project
    if project.database.kind == "sqlite" and sqlite3.sqlite_version_info < (3, 35):
        pytest.skip("SQLite 3.35 is the first that drops a column by itself")
    project.database.run(
        "CREATE TABLE old (id INTEGER, word VARCHAR(9))",
        "CREATE TABLE other (id INTEGER)",
        "INSERT INTO old VALUES (1, 'a'), (2, 'b'), (3, NULL)",
        "INSERT INTO other VALUES (1)",
    )
    for number, code in enumerate(RENAMED):
        if "alter_column" in code and project.database.kind == "sqlite":
            code = "op.execute('ALTER TABLE new RENAME COLUMN word TO name')"
        project.revision(f"aaa{number}", f"aaa{number - 1}" if number else None, code)
    with unchanged(project.database):
        (found,) = rehearsed(project, "upgrade")
    assert losses(found) == {
        "execute ALTER TABLE new DROP COLUMN name": (2, "values"),
        "drop table new": (3, "rows"),
        "drop table old": (1, "rows"),
    }
