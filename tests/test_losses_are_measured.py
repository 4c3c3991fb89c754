"""The loss that a dry run says is the one of the real run: random migrations, and each kind that was once missed.

``TEST_LOSS_SCRIPTS`` is how many random ones each database gets (25), ``TEST_LOSS_SEED`` their seed; see tests/losses.
"""

import os
import sys
from pathlib import Path

import pytest
from conftest import initialised
from test_dry_run import rehearsed, unchanged

sys.path.insert(0, str(Path(__file__).parent))
from losses.run import Workshop  # it is found now

SCRIPTS = int(os.environ.get("TEST_LOSS_SCRIPTS", "25"))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_random_migrations_lose_what_the_dry_run_says(kind):
    seed, wrong, losses = os.environ.get("TEST_LOSS_SEED", "2026"), [], 0
    try:
        shop = Workshop(kind)
    except LookupError as missing:
        pytest.fail(str(missing)) if os.environ.get("TEST_ALL_DATABASES") else pytest.skip(str(missing))
    with shop:
        for number in range(SCRIPTS):
            judged, _, steps = shop.judge(seed, number)
            losses += judged.losses
            wrong += [(number, sentence, [step.code for step in steps]) for sentence in judged.wrong]
    assert not wrong
    assert losses >= SCRIPTS / 3, "something is lost in many of them"


def said(operation):
    """Return what is said of each table and column, and what has vanished."""
    losses = {(one["table"], one["column"]): one["lost"] for one in operation["losses"]}
    return losses, [(one["kind"], one["name"]) for one in operation["vanished"]]


def look(project, *statements, code=0, **options):
    """Rehearse one revision, and return what is said of each of its operations."""
    project.revision("aaa1", None, "\n".join(f"op.execute({one!r})" for one in statements), **options)
    with unchanged(project.database):
        (found,) = rehearsed(project, "upgrade", code=code)
    return [said(one) for one in found["steps"][0]["operations"]]


POSTGRESQL = [
    "CREATE TABLE parents (id INTEGER PRIMARY KEY, at TIMESTAMP, size DOUBLE PRECISION, word TEXT)",
    "CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents ON DELETE CASCADE)",
    "INSERT INTO parents VALUES (1, '2020-01-02 03:04:05.5', 0.1, '2'), (2, '2020-01-02', 1, '2.0')",
    "INSERT INTO parents VALUES (3, NULL, NULL, NULL)",
    "INSERT INTO children SELECT id, 1 + id % 2 FROM generate_series(1, 4) id",
    'CREATE TABLE "user" (id INTEGER)',
    'INSERT INTO "user" VALUES (1), (2)',
    "CREATE SCHEMA other CREATE TABLE things (id INTEGER)",
    "INSERT INTO other.things VALUES (1)",
    "CREATE TYPE mood AS ENUM ('sad', 'glad')",
    "ALTER TABLE \"user\" ADD mood mood DEFAULT 'sad'",
    "CREATE VIEW grown AS SELECT id, size FROM parents",
]
SAID = {
    "TRUNCATE parents CASCADE": ({("parents", None): 3, ("children", None): 4}, []),
    "DELETE FROM parents WHERE id = 1": ({("parents", None): 1, ("children", None): 2}, []),
    'DROP TABLE public."user"': ({("user", None): 2}, [("table", "user")]),
    "DROP SCHEMA other CASCADE": ({("other.things", None): 1}, [("table", "other.things")]),
    "DROP TYPE mood CASCADE": ({("user", "mood"): 2}, [("column", "user.mood"), ("type", "mood")]),
    "DO $$ BEGIN EXECUTE 'DROP TABLE children'; DELETE FROM parents; END $$": (
        {("children", None): 4, ("parents", None): 3},
        [("table", "children")],
    ),
    "ALTER TABLE parents ALTER at TYPE timestamp(0)": ({("parents", "at"): 1}, []),
    "ALTER TABLE parents DROP size CASCADE": (
        {("parents", "size"): 2},
        [("view", "grown"), ("column", "parents.size")],
    ),
}


def test_each_kind_of_loss_on_postgresql(make_project, postgresql):
    project = initialised(make_project(postgresql))
    postgresql.run(*POSTGRESQL)
    for statement, expected in SAID.items():
        assert look(project, statement) == [expected], statement
    assert look(project, "DROP VIEW grown", "ALTER TABLE parents ALTER size TYPE real") == [
        ({}, [("view", "grown")]),
        ({("parents", "size"): 1}, []),
    ]
    (refused,) = look(project, "ALTER TABLE parents ALTER word TYPE integer USING word::integer", code=1)
    assert refused == ({}, [])


def test_hidden_rows_are_not_told_as_none(make_project, postgresql):
    """The role of the application owns the table, and is under its policy all the same."""
    role = f"r{postgresql.url.rpartition('_')[2]}"
    postgresql.run(
        f"CREATE ROLE {role} LOGIN",
        "CREATE TABLE secrets (id INTEGER, owner TEXT)",
        "INSERT INTO secrets VALUES (1, 'somebody')",
        "ALTER TABLE secrets ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE secrets FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE secrets OWNER TO {role}",
        f"GRANT ALL ON SCHEMA public TO {role}",
    )
    project = initialised(make_project(postgresql))
    project.env["DATABASE_URL"] = postgresql.url.replace("postgres@", f"{role}@")
    try:
        project.revision("aaa1", None, "op.drop_column('secrets', 'owner')\nop.drop_table('secrets')")
        out = project.db("upgrade", "--dry-run").ok().out
    finally:
        postgresql.run(f"DROP OWNED BY {role}", f"DROP ROLE {role}")
    assert "values not counted: row level security hides rows" in out
    assert "rows not counted: row level security hides rows" in out


SQLITE = [
    "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, age INTEGER CHECK (age > 0))",
    "CREATE TABLE logs (id INTEGER)",
    "CREATE INDEX lowered ON users (lower(name))",
    "CREATE TRIGGER forget AFTER DELETE ON users BEGIN DELETE FROM logs WHERE id = OLD.id; END",
    "INSERT INTO users VALUES (1, 'a', 1), (2, 'b', 2)",
    "INSERT INTO logs VALUES (1), (2), (3)",
]


def test_each_kind_of_loss_on_sqlite(project):
    project.database.run(*SQLITE)
    deleted = {("users", None): 1, ("logs", None): 1}
    assert look(project, "DELETE FROM users WHERE id = 1") == [(deleted, [])]
    assert look(project, "INSERT OR REPLACE INTO users VALUES (2, 'c', 3), (4, 'd', 4)") == [({}, [])]
    rebuild = "with op.batch_alter_table('users', recreate='always') as batch:\n    batch.drop_column('age')"
    project.revision("aaa1", None, rebuild)
    with unchanged(project.database):
        (found,) = rehearsed(project, "upgrade")
        done = project.db("upgrade", "--dry-run").ok()
    losses, vanished = said(found["steps"][0]["operations"][0])
    assert losses == {("users", "age"): 2}
    left_out = [
        ("check", "users: (age > 0)"),
        ("index", "users.lowered"),
        ("option", "users: AUTOINCREMENT"),
        ("trigger", "users.forget"),
    ]
    assert sorted(vanished) == left_out
    assert "       also drops trigger users.forget\n" in done.out
    real = project.db("upgrade").ok()
    assert (
        "users was made anew without its check (age > 0), index lowered, option AUTOINCREMENT and trigger forget"
        in real.err
    )


def test_describing_an_operation_fails_no_step(make_project, postgresql):
    project = initialised(make_project(postgresql))
    postgresql.run("CREATE TABLE t (v VARCHAR(9))")
    project.revision("aaa1", None, "op.alter_column('t', sa.Column('v', sa.Text), type_=sa.Text())")
    dry, real = project.db("upgrade", "--dry-run"), project.db("upgrade")
    assert dry.code == real.code, (dry, real)


def test_what_is_written_is_said_beside(project):
    project.database.run("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)", "INSERT INTO users VALUES (1, 'a')")
    project.revision(
        "aaa1",
        None,
        """
        op.execute("INSERT INTO users VALUES (2, 'b'), (3, 'c')")
        op.execute("UPDATE users SET name = 'd'")
        op.execute("DELETE FROM users WHERE id = 1")
        """,
    )
    (found,) = rehearsed(project, "upgrade")
    written = [(one["inserted"], one["updated"], one["deleted"]) for one in found["steps"][0]["operations"]]
    assert written == [(2, 0, 0), (0, 3, 0), (0, 0, 1)]
    out = project.db("upgrade", "--dry-run").ok().out
    assert "2 rows inserted\n" in out
    assert "3 rows updated\n" in out
