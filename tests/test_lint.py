"""What will hurt in a revision file is told before it is run: lint."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import MANAGE, initialised

from flask_migrate_script.linting.data import WORDS, find_lost
from flask_migrate_script.linting.files import read_file
from flask_migrate_script.linting.written import read_operations
from flask_migrate_script.sql.destroying import find_destroyed

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text(encoding="utf-8")
MARK = re.compile(r"# finds ([a-z, -]+)$", re.MULTILINE)
NOWHERE = "postgresql+psycopg2://nobody:secret@127.0.0.1:1/none"
"""A PostgreSQL database that does not answer: what is read from files needs none."""

needs_squawk = pytest.mark.skipif(
    not (shutil.which("squawk", path=sysconfig.get_path("scripts")) or shutil.which("squawk")),
    reason="squawk-cli is not installed here",
)
CONVENTION = '{"uq": "uq_%(table_name)s_%(column_0_name)s", "ck": "ck_%(table_name)s_%(constraint_name)s"}'
NAMED = f"SQLAlchemy(app, metadata=sqlalchemy.MetaData(naming_convention={CONVENTION}))"


def told(project, *words, code=1):
    """Run lint and return its findings: (file, line, name)."""
    done = project.db("lint", *words, "--json")
    assert done.code == code, done
    findings = json.loads(done.out)["findings"]
    assert all(each[key] for each in findings for key in ("path", "line", "revision", "what", "why", "instead"))
    return [(os.path.basename(each["path"]), each["line"], each["name"]) for each in findings]


def expected(*paths):
    """Return what the files say that lint finds in them: a line that ends in ``# finds NAME, NAME``."""
    return [
        (path.name, number, name)
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for found in re.findall(MARK, line)
        for name in found.split(", ")
    ]


def on_nowhere(make_project, source=MANAGE):
    project = make_project()
    project.env["DATABASE_URL"] = NOWHERE
    return initialised(project, source)


DESTROYING = '''
import textwrap
import sqlalchemy as sa
from alembic import op as o
from sqlalchemy import delete, text

revision = "aaa1"
down_revision = None

USERS = "users"
users = sa.table(USERS, sa.column("name"))
EMPTY = """
    -- what is in a comment is not run: DROP TABLE
    TRUNCATE TABLE users; SELECT 'DROP TABLE users';
"""


def upgrade():
    o.drop_table("people")  # finds drop-table
    o.drop_column(USERS, "name")  # finds drop-column
    with o.batch_alter_table(USERS, schema=None) as batch:
        batch.drop_column("nick")  # finds drop-column
        batch.drop_index(batch.f("ix_users_nick"))
        narrower(batch)
    o.execute("DROP TABLE IF EXISTS people")  # finds drop-table
    o.execute(EMPTY)  # finds truncate-table
    connection = o.get_bind()
    connection.execute(text(f"DELETE FROM {USERS}"))  # finds delete-all
    connection.execute(text("DELETE FROM users WHERE name IS NULL"))
    connection.execute(sa.text("ALTER TABLE users DROP COLUMN name, DROP CONSTRAINT ck"))  # finds drop-column
    connection.execute(sa.text("ALTER TABLE users DROP CONSTRAINT ck, ALTER id DROP DEFAULT"))
    o.execute(users.delete())  # finds delete-all
    o.execute(delete(users))  # finds delete-all
    o.execute(sa.delete(users).where(users.c.name == "x"))
    o.execute(users.delete().where(users.c.name == "x"))
    o.execute("DROP INDEX ix_users_name; DROP VIEW seen")

    o.execute(textwrap.dedent("DROP TABLE {}").format("users"))  # finds drop-table
    o.execute("DELETE FROM {}".format(USERS))  # finds delete-all

    o.create_table("passing", sa.Column("id", sa.Integer))
    o.drop_table("passing")
    o.execute("CREATE TEMPORARY TABLE scratch AS SELECT 1")
    o.execute("DROP TABLE scratch")

    # migrate: allow drop-table
    o.drop_table("old")
    o.drop_table("older")  # migrate: allow drop-column, drop-table
    o.drop_table("oldest")  # finds drop-table
    o.drop_table("a")  # migrate: allow drop-column # finds drop-table
    o.drop_column(
        "users",
        "x",  # migrate: allow drop-column
    )
    print("# migrate: allow drop-table"); o.drop_table("b")  # finds drop-table


def narrower(operations):
    operations.alter_column("name", existing_type=sa.String(128), type_=sa.Integer())  # finds narrow-type
    operations.alter_column("name", existing_type=sa.String(64), type_=sa.String(128))
    operations.alter_column("name", existing_type=sa.String(64), nullable=False)


def downgrade():
    o.drop_table("passing")
'''


def test_what_destroys_data_is_found_wherever_it_stands(project):
    path = project.write("migrations/versions/aaa1.py", DESTROYING)
    assert told(project) == expected(path)
    shown = project.flask("db", "lint").failed()
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if '"people"' in text)
    first, why, instead = shown.out.splitlines()[:3]
    assert first == f"migrations/versions/aaa1.py:{line}: drop-table: the table people is dropped"
    assert why.split()[0] == "Why:"
    assert instead.split()[0] == "Instead:"
    assert shown.err.splitlines()[-2] == f"Error: {len(expected(path))} findings in 1 revision."
    assert project.database.tables() == []
    path.write_text(path.read_text().replace("# finds", "# migrate: allow"))
    assert project.db("lint").ok().out == "No findings in 1 revision.\n"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("sa.String(128)", "sa.String(64)", True),
        ("sa.VARCHAR(length=64)", "sa.String(length=64)", False),
        ("sa.Text()", "sa.String(64)", True),
        ("sa.String", "sa.Text", False),
        ("sa.Text()", "sa.Unicode()", False),
        ("sa.String(9)", "sa.String(n)", False),
        ("sa.String(9)", "sa.String(length=three)", True),
        ("sa.BigInteger()", "sa.Integer()", True),
        ("sa.SmallInteger", "sa.BigInteger", False),
        ("sa.Integer()", "sa.Boolean()", True),
        ("sa.Numeric(10, 2)", "sa.Numeric(10, 1)", True),
        ("sa.Numeric(10, 2)", "sa.Numeric(precision=12, scale=4)", False),
        ("sa.Numeric(10, 2)", "sa.Numeric(10, 4)", True),
        ("sa.Numeric(8, 5)", "sa.Numeric()", False),
        ("sa.Numeric(4)", "sa.Integer()", False),
        ("sa.Numeric(10, 2)", "sa.Integer()", True),
        ("sa.Float()", "sa.Integer()", True),
        ("sa.Integer()", "sa.Float()", False),
        ("sa.DateTime()", "sa.Date()", True),
        ("sa.Date()", "sa.DateTime()", False),
        ("sa.DateTime()", "postgresql.TIMESTAMP(precision=0)", True),
        ("sa.String(10)", "sa.Integer()", True),
        ("sa.Integer()", "sa.String(11)", False),
        ("sa.Integer()", "sa.String(3)", True),
        ("sa.Integer()", "sa.Numeric(5, 2)", True),
        ("sa.Integer()", "sa.Numeric()", False),
        ("sa.Float()", "sa.Numeric(5, 2)", True),
        ("sa.Date()", "sa.String(8)", True),
        ("sa.Enum('a', 'bcde', name='e')", "sa.String(3)", True),
        ("sa.Enum('a', 'bcde', name='e')", "sa.String(4)", False),
        ("sa.Boolean()", "sa.Text", False),
        ("sa.Enum('a', 'b', name='e')", "sa.Enum('a', name='e')", True),
        ("sa.Enum('a', name='e')", "sa.Enum('b', 'a', name='e')", False),
        ("sa.ARRAY(sa.BigInteger())", "sa.ARRAY(sa.Integer)", True),
        ("sa.Text()", "sa.Text().with_variant(sa.String(3), 'postgresql')", True),
        ("own.Type(3)", "own.Type(2)", False),
        ("own.Type(3)", "sa.String(2)", False),
        ("sa.String(n)", "sa.String(64)", False),
        ("sa.Enum(own.Colors)", "sa.Enum('a', name='e')", False),
        ("sa.String(*sizes)", "sa.String(**sizes)", False),
        ("sa.String(1, 2, 3, 4, 5)", "sa.String('long')", False),
        ("sa.create_engine('sqlite://')", "sa.text('x')", False),
    ],
)
def test_a_narrower_type(old, new, expected, tmp_path):
    assert narrow_types(tmp_path, old, new) == (["narrow-type"] if expected else [])


def test_a_narrower_type_of_one_of_several_databases(tmp_path):
    """SQLite keeps a text of any length, and MySQL's LONGTEXT is another type than its TEXT."""
    assert narrow_types(tmp_path, "sa.String(9)", "sa.String(3)", "sqlite") == []
    assert narrow_types(tmp_path, "sa.String(9)", "sa.String(3)", "mysql", "sqlite") == ["narrow-type"]
    assert narrow_types(tmp_path, "mysql.LONGTEXT()", "sa.Text()", "mysql") == ["narrow-type"]
    assert narrow_types(tmp_path, "mysql.LONGTEXT()", "sa.Text()", "postgresql") == []
    assert narrow_types(tmp_path, "sa.LargeBinary()", "sa.LargeBinary(9)", "mysql") == ["narrow-type"]


def test_a_type_is_cast_by_using(tmp_path):
    for using, names in [("'c::integer'", ["narrow-type"]), ("f'({column} + 1)::integer'", []), ("'LENGTH(c)'", [])]:
        assert narrow_types(tmp_path, "sa.String(9)", f"sa.Integer(), postgresql_using={using}") == names


def narrow_types(folder, old, new, *dialects):
    """Return the names of what lint finds in a change of a type."""
    path = folder / "revision.py"
    heads = ["import own", "import sqlalchemy as sa", "from alembic import op", "three = 3"]
    heads.append("from sqlalchemy.dialects import mysql, postgresql")
    body = f"def upgrade():\n    op.alter_column('t', 'c', existing_type={old}, type_={new})"
    path.write_text("\n".join([*heads, body]), encoding="utf-8")
    file = read_file(str(path))
    return [one.name for one in find_lost(file, read_operations(file, "upgrade"), dialects or ("postgresql",))]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("drop table users", ["drop-table"]),
        ('DROP TABLE IF EXISTS "Users" CASCADE', ["drop-table"]),
        ("DROP SCHEMA old CASCADE", ["drop-schema"]),
        ("ALTER TABLE users DROP name", ["drop-column"]),
        ("ALTER TABLE IF EXISTS ONLY a.users DROP COLUMN IF EXISTS name, DROP COLUMN nick", ["drop-column"] * 2),
        ("ALTER TABLE users DROP PRIMARY KEY, ALTER COLUMN id DROP NOT NULL", []),
        ("DELETE FROM users", ["delete-all"]),
        ("DELETE FROM users USING old WHERE old.id = users.id", []),
        ("WITH old AS (SELECT 1) DELETE FROM users", ["delete-all"]),
        ("DELETE FROM users -- WHERE id = 1", ["delete-all"]),
        ("DELETE FROM users /* all */; TRUNCATE ONLY users", ["delete-all", "truncate-table"]),
        ("UPDATE users SET name = 'x; DROP TABLE users'", []),
        ("CREATE FUNCTION f() RETURNS int AS $$ BEGIN; DELETE FROM users; END $$", []),
        ("CREATE TABLE a (id INT REFERENCES b ON DELETE CASCADE)", []),
        ("DROP TABLE a, b.c CASCADE; TRUNCATE d, ONLY e", ["drop-table"] * 2 + ["truncate-table"] * 2),
        ("DELETE FROM users LIMIT 10", []),
        ("DROP INDEX ix", []),
    ],
)
def test_sql_that_destroys(sql, names):
    for dialect in ("postgresql", "sqlite", "mysql", "another"):
        assert [found.name for found in find_destroyed(sql, dialect)] == names


@pytest.mark.parametrize(
    ("dialect", "sql", "things"),
    [
        (
            "sqlite",
            "CREATE TRIGGER t DELETE ON a BEGIN DELETE FROM b; DELETE FROM c; END; DROP TABLE d",
            [("d",)],
        ),
        ("mysql", "# old\nDROP TABLE `a b`, c # all of it", [("`a b`",), ("c",)]),
        ("mysql", r"UPDATE a SET b = 'it\'s; DROP TABLE a'; DELETE QUICK FROM c", [("c",)]),
        (
            "mysql",
            "/*!40000 DROP TABLE a */; ALTER TABLE a DROP b, DROP FOREIGN KEY d",
            [("a",), ("a", "b")],
        ),
        ("mysql", "DELETE a FROM a JOIN b ON a.id = b.id; DROP TEMPORARY TABLE c", []),
        ("postgresql", "SELECT E'it\\'s; DROP TABLE a'; DROP TABLE U&\"d\"", [('U&"d"',)]),
        ("postgresql", "EXPLAIN ANALYZE DELETE FROM a; EXPLAIN DELETE FROM b", [("a",)]),
        ("postgresql", "WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone", [("a",)]),
        ("postgresql", 'DROP TABLE a."B c", d /* e */; /* /* */ DROP TABLE f */', [('a."B c"',), ("d",)]),
        ("mssql", "ALTER TABLE [a b] DROP COLUMN c, d", [("[a b]", "c"), ("[a b]", "d")]),
        ("mssql", "DELETE TOP (10) FROM a; DELETE b", [("b",)]),
        ("oracle", "ALTER TABLE a DROP (b, c)", [("a", "b"), ("a", "c")]),
    ],
)
def test_sql_that_destroys_is_read_by_the_rules_of_its_database(dialect, sql, things):
    assert [found.thing for found in find_destroyed(sql, dialect)] == things


REVERSALS = {
    "pass": "def downgrade():  # finds irreversible\n    pass",
    "said": 'def downgrade():  # finds irreversible\n    "It stays."\n    print("it stays")\n    return None',
    "raises": "def downgrade():  # finds irreversible\n    refuse()\n\n\ndef refuse():\n    raise RuntimeError('no')",
    "allowed": "def downgrade():\n    # The rows stay.  No harm.\n    # migrate: allow irreversible\n    pass",
    "something": "def downgrade():\n    back()\n\n\ndef back():\n    op.execute('SELECT 1')",
}


def test_what_cannot_be_taken_back(project):
    previous = None
    for name, downgrade in REVERSALS.items():
        path = project.revision(name, previous, "op.execute('SELECT 1')")
        path.write_text(path.read_text().replace("def downgrade():\n    pass", downgrade))
        previous = name
    project.revision("merges_nothing", previous, '"""Nothing to do."""')
    missing = project.revision("without", "merges_nothing", "op.execute('SELECT 1')  # noqa")
    upgrade_only = missing.read_text().replace("def upgrade():", "def upgrade():  # finds irreversible")
    missing.write_text(upgrade_only[: upgrade_only.index("def downgrade")])
    paths = [project.folder / "migrations" / "versions" / f"{name}.py" for name in (*REVERSALS, "without")]
    assert told(project) == expected(*paths)
    assert len(expected(*paths)) == 4


def test_several_databases_are_told_apart(make_project, new_database):
    binds = 'app.config["SQLALCHEMY_BINDS"] = {"old-events": os.environ["EVENTS_URL"]}\ndb = SQLAlchemy(app)'
    project = make_project(new_database("sqlite"))
    project.env["EVENTS_URL"] = NOWHERE
    project.write("manage.py", MANAGE.replace("db = SQLAlchemy(app)", binds))
    project.initialise("--multidb")
    project.db("revision", "--rev-id", "aaa1").ok()
    (path,) = project.versions()
    batch = 'with op.batch_alter_table("users") as batch:\n        batch.create_unique_constraint(None, ["name"])'
    made = text = path.read_text()
    text = text.replace("def upgrade_():\n    pass", f"def upgrade_():\n    {batch}  # finds unnamed-constraint")
    text = text.replace("def downgrade_():", "def downgrade_():  # finds irreversible")
    quiet = f"{batch}  # migrate: allow disallowed-unique-constraint"
    text = text.replace("def upgrade_old_events():\n    pass", f"def upgrade_old_events():\n    {quiet}")
    path.write_text(text.replace("def downgrade_old_events():\n    pass", "def downgrade_old_events():\n    op.f('x')"))
    assert told(project, "base:head") == expected(path)
    assert len(expected(path)) == 2
    assert not list(project.folder.glob("*.sql")), "env.py would write one for each database"

    path.write_text(made)
    project.env["EVENTS_URL"] = new_database("sqlite").url
    project.db("upgrade", "--bind", "default").ok()
    assert project.db("lint").ok().out == "No findings in 1 revision.\n", "one of them has it still to come"
    project.db("upgrade").ok()
    assert project.db("lint").ok().out == "No findings in 0 revisions.\n"


def test_two_heads(project):
    project.revision("1111")
    project.revision("2222", "1111")
    path = project.revision("3333", "1111")
    assert told(project) == [("3333.py", 5, "two-heads")]
    assert "python manage.py db merge heads" in project.db("lint", "base:head").failed().out
    path.write_text(path.read_text().replace('"3333"\n', '"3333"  # migrate: allow two-heads\n'))
    assert told(project, code=0) == []
    path.write_text(path.read_text().replace("  # migrate: allow two-heads", ""))
    project.db("merge", "heads", "-m", "joined").ok()
    assert project.db("lint").ok().out == "No findings in 4 revisions.\n"


def test_a_missing_parent_and_a_revision_that_is_there_twice(project):
    project.revision("1111")
    project.revision("2222", "gone")
    project.revision("3333", ("1111", "2222"), depends_on="lost")
    project.revision("4444", "3333", branch_labels=("side",))
    twice = project.revision("5555", "1111", depends_on="side")
    shutil.copy(str(twice), str(twice.with_name("again.py")))
    assert told(project) == [
        ("2222.py", 6, "missing-parent"),
        ("3333.py", 8, "missing-parent"),
        ("again.py", 5, "duplicate-revision"),
    ]
    both = project.db("lint").failed()
    assert "follows gone, which is in no file" in both.out
    assert "depends on lost, which is in no file" in both.out
    assert "Nothing else was looked at" in both.err
    twice.unlink()
    project.revision("gone")
    project.revision("lost")
    assert {name for _, _, name in told(project, "base:head")} == {"two-heads"}


def test_revisions_that_follow_one_another_in_a_circle(project):
    project.revision("1111", "2222")
    project.revision("2222", "1111")
    assert told(project) == [("1111.py", 6, "cycle")]
    assert "in a circle: 1111, 2222" in project.db("lint").failed().out


UNNAMED = """
with op.batch_alter_table("users") as batch_op:
    batch_op.create_unique_constraint(None, ["name"])  # finds unnamed-constraint
    batch_op.create_foreign_key(None, "users", ["id"], ["id"])  # finds unnamed-constraint
    batch_op.create_check_constraint(constraint_name=None, condition="id > 1")  # finds unnamed-constraint
    batch_op.drop_constraint(None, type_="unique")  # finds unnamed-constraint
    batch_op.add_column(sa.Column("x", sa.Integer, sa.ForeignKey("users.id")))  # finds unnamed-constraint
    batch_op.add_column(sa.Column("y", sa.Integer, unique=True))  # finds unnamed-constraint
    batch_op.create_unique_constraint("uq_users_name", ["name"])
    batch_op.add_column(sa.Column("z", sa.Integer, sa.ForeignKey("users.id", name="fk_users_z")))
    # migrate: allow unnamed-constraint
    batch_op.create_unique_constraint(None, ["name"])
"""


def test_a_constraint_without_a_name_in_a_batch_on_sqlite(project):
    path = project.revision("aaa1", None, UNNAMED, UNNAMED)
    assert told(project) == expected(path)
    assert len(expected(path)) == 12
    project.write("manage.py", MANAGE.replace("SQLAlchemy(app)", NAMED).replace("import os", "import os, sqlalchemy"))
    text = re.sub(r".*(unique_constraint\(None|unique=True).*", "", path.read_text())
    without_unique = expected(project.write("expected.py", text))
    assert len(without_unique) == 8
    assert told(project) == [("aaa1.py", line, name) for _, line, name in without_unique]


def test_the_range_says_which_revisions(project):
    for name, previous in (("aaa1", None), ("bbb2", "aaa1"), ("ccc3", "bbb2")):
        project.revision(name, previous, f"op.drop_table('{name}')", "op.execute('SELECT 1')")
    project.database.run(*(f"CREATE TABLE {name} (id INTEGER)" for name in ("aaa1", "bbb2", "ccc3")))

    def files(*words, code=1):
        return [name[:4] for name, _, _ in told(project, *words, code=code)]

    assert files() == ["aaa1", "bbb2", "ccc3"]
    assert files("aaa1:bbb2") == ["aaa1", "bbb2"]
    assert files("bbb2:") == ["bbb2", "ccc3"]
    assert files("bbb2") == ["bbb2"]
    project.db("upgrade", "bbb2").ok()
    assert files() == ["ccc3"]
    assert files("head") == ["ccc3"]
    assert files("base:current") == ["aaa1", "bbb2"]
    project.db("upgrade").ok()
    assert project.flask("db", "lint").ok().out == "No findings in 0 revisions.\n"
    assert files("base:head") == ["aaa1", "bbb2", "ccc3"]
    project.database.run("UPDATE alembic_version SET version_num = 'gone'")
    assert "'gone'" in project.db("lint").failed().err
    project.db("stamp", "--purge", "head").ok()
    unknown = project.db("lint", "nope").failed()
    assert "nope" in unknown.err
    project.write("migrations/versions/ccc3.py", "def broken(:")
    assert "migrations/versions/ccc3.py, line 1" in project.db("lint").failed().err


def test_only_the_default_range_needs_the_database(make_project):
    project = on_nowhere(make_project)
    project.revision("aaa1", None, "op.drop_table('users')", "op.execute('SELECT 1')")
    assert [each[2] for each in told(project, "base:head")] == ["drop-table"]
    unreachable = project.db("lint").failed()
    assert "python manage.py db lint base:head" in unreachable.err
    assert "secret" not in unreachable.err
    assert unreachable.out == ""


LOCKING = """
op.create_table("fresh", sa.Column("id", sa.Integer, primary_key=True))
op.create_index("ix_fresh_id", "fresh", ["id"])
op.create_index("ix_users_name", "users", ["name"])  # finds require-concurrent-index-creation
with op.get_context().autocommit_block():
    op.create_index("ix_users_id", "users", ["id"], postgresql_concurrently=True)
op.create_unique_constraint("uq", "users", ["name"])  # finds disallowed-unique-constraint
op.alter_column(  # finds changing-column-type
    "users",
    "age",
    existing_type=sa.Integer(),
    type_=sa.BigInteger(),
)
op.alter_column("users", "name", existing_type=sa.String(64), type_=sa.Text())
op.create_unique_constraint("uq2", "users", ["name"])  # migrate: allow disallowed-unique-constraint
with op.batch_alter_table("users") as batch_op:  # finds adding-not-nullable-field
    batch_op.alter_column("name", existing_type=sa.Text(), nullable=False)
    # migrate: allow disallowed-unique-constraint
    batch_op.create_unique_constraint("uq3", ["name"])
op.add_column("users", sa.Column("full_name", sa.String(64)))
"""


@needs_squawk
def test_long_locks_on_postgresql_are_judged_by_squawk_on_the_migrations_own_sql(make_project):
    project = on_nowhere(make_project)
    path = project.revision("aaa1", None, LOCKING, "op.drop_table('fresh')")
    assert told(project, "base:head") == expected(path)
    shown = project.db("lint", "aaa1").failed()
    assert "CREATE INDEX ix_users_name ON users (name) (found by Squawk)" in shown.out
    assert "autocommit_block" in shown.out

    project.revision("bbb2", "aaa1", "print('printed')\nop.get_bind().execute('SELECT 1').fetchall()", "op.f('x')")
    own = "connection = sa.create_engine('sqlite:///own.db').connect()\n"
    project.revision("ccc3", "bbb2", f"{own}connection.execute(sa.text('CREATE TABLE own (id INTEGER)'))", "op.f('x')")
    skipped = project.db("lint", "bbb2:", "--json").ok()
    printed = json.loads(skipped.out)
    assert (printed["revisions"], printed["findings"], len(printed["notes"])) == (["bbb2", "ccc3"], [], 2)
    assert "migrations/versions/bbb2.py: its locks on PostgreSQL were not judged" in skipped.err
    assert "migrations/versions/ccc3.py: its locks on PostgreSQL were not judged: it runs statements" in skipped.err
    own = project.folder / "own.db"
    assert not own.exists() or own.stat().st_size == 0


def test_a_squawk_that_answers_otherwise_is_an_error(make_project):
    project = on_nowhere(make_project)
    project.revision("aaa1", None, "op.add_column('users', sa.Column('x', sa.Integer))", "op.f('x')")
    squawk = project.write("bin/squawk", "#!/bin/sh\necho no such option >&2\nexit 2\n")
    squawk.chmod(0o755)
    failed = project.run(*without_squawk(project), "base:head", env={"PATH": f"{squawk.parent}:/bin"}).failed()
    assert "no such option" in failed.err
    assert "pip install --upgrade squawk-cli" in failed.err


def test_without_squawk_the_locks_are_said_to_be_skipped(make_project):
    project = on_nowhere(make_project)
    path = project.revision("aaa1", None, LOCKING, "op.drop_table('fresh')")
    skipped = project.run(*without_squawk(project), "base:head", env={"PATH": "/bin"}).ok()
    assert skipped.out == "No findings in 1 revision.\n"
    assert "Squawk is not installed. pip install 'Flask-Migrate-Script[lint]'" in skipped.err
    project.env["DATABASE_URL"] = "sqlite://"
    path.write_text(path.read_text().replace('batch_op.create_unique_constraint("uq3"', 'batch_op.f("uq3"'))
    assert project.run(*without_squawk(project), "base:head", env={"PATH": "/bin"}).ok().err == ""


def without_squawk(project):
    """Return the command for lint, in an environment that has what this one has except for Squawk."""
    environment = project.folder / "environment"
    if not environment.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        packages = [sysconfig.get_path("purelib"), *filter(None, [os.environ.get("PYTHONPATH")])]
        project.env["PYTHONPATH"] = os.pathsep.join(packages)
    return environment / "bin" / "python", "manage.py", "db", "lint"


def test_the_example_has_no_findings(make_project, sqlite):
    project = make_project(sqlite)
    shutil.copy(str(ROOT / "manage_example.py"), str(project.folder))
    shutil.copytree(str(ROOT / "example"), str(project.folder / "example"))
    done = project.python("manage_example.py", "db", "lint")
    assert done.ok().out == "No findings in 6 revisions.\n"


def test_the_readme_names_every_finding():
    table = re.search(r"^finding +what it is\n=[= ]+\n(.*?)^=", README, re.MULTILINE | re.DOTALL)[1]
    marked = {name for source in (DESTROYING, UNNAMED, *REVERSALS.values()) for name in re.findall(MARK, source)}
    graph = {"two-heads", "missing-parent", "duplicate-revision", "cycle"}
    named = set(re.findall(r"``([a-z]+-?[a-z]+)``", table))
    assert named == {*WORDS, *", ".join(marked).split(", "), *graph}


def test_from_python_a_finding_raises(project):
    project.revision("aaa1", None, "op.drop_table('users')", "op.execute('SELECT 1')")
    project.write(
        "look.py",
        """
        from flask_migrate_script import MigrateError, lint
        from manage import app

        with app.app_context():
            try:
                lint(rev_range="base:head")
            except MigrateError as error:
                print("raised:", error.problem)
        """,
    )
    done = project.python("look.py").ok()
    assert "drop-table: the table users is dropped" in done.out
    assert done.out.splitlines()[-1] == "raised: 1 finding in 1 revision."


def test_findings_for_code_hosts(project):
    project.revision("aaa1", None, "op.drop_table('a')\nop.drop_column('a', 'b')", "op.execute('SELECT 1')")
    annotations = project.db("lint", "base:head", "--format", "github").failed().out.splitlines()
    path = "migrations/versions/aaa1.py"
    assert annotations[0].startswith(f"::error file={path},line=12,title=drop-table::the table a is dropped%0A")
    assert len(annotations) == 2
    sarif = json.loads(project.db("lint", "base:head", "--format", "sarif").failed().out)
    assert sarif["version"] == "2.1.0"
    (run,) = sarif["runs"]
    places = [one["locations"][0]["physicalLocation"] for one in run["results"]]
    assert [(one["artifactLocation"]["uri"], one["region"]["startLine"]) for one in places] == [(path, 12), (path, 13)]
    assert {one["id"] for one in run["tool"]["driver"]["rules"]} == {one["ruleId"] for one in run["results"]}
    as_json = project.db("lint", "base:head", "--format", "json").failed().out
    assert as_json == project.db("lint", "base:head", "--json").failed().out


def test_a_baseline_accepts_what_there_is(project):
    path = project.revision("aaa1", None, "op.drop_table('a')", "op.execute('SELECT 1')")
    assert project.db("lint", "base:head", "--baseline", "write").ok().out == (
        "1 finding written to migrations/lint-baseline.json.\n"
    )
    path.write_text(path.read_text().replace("op.drop_table", "\n    op.drop_table"))
    accepted = project.db("lint", "base:head").ok()
    assert accepted.out == "No findings in 1 revision.\n"
    assert "1 finding left out: migrations/lint-baseline.json accepts them." in accepted.err
    assert told(project, "base:head", "--baseline", "ignore") == [("aaa1.py", 13, "drop-table")]
    project.revision("bbb2", "aaa1", "op.drop_table('b')", "op.execute('SELECT 1')")
    assert told(project, "base:head") == [("bbb2.py", 12, "drop-table")]
    project.write("migrations/lint-baseline.json", "{}")
    assert "lint --baseline write" in project.db("lint", "base:head").failed().err


def test_only_what_a_branch_has_added(project):
    def git(*words):
        who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
        subprocess.run(["git", *who, *words], cwd=str(project.folder), check=True, capture_output=True)

    drop = ("op.drop_table('a')", "op.execute('SELECT 1')")
    project.revision("aaa1", None, *drop)
    no_git = project.db("lint", "base:head", "--since", "main").failed()
    assert "not a git repository" in no_git.err
    git("init", "--initial-branch", "main")
    git("add", ".")
    git("commit", "-m", "first")
    git("checkout", "-b", "feature")
    project.revision("bbb2", "aaa1", *drop)
    git("add", ".")
    git("commit", "-m", "second")
    project.revision("ccc3", "bbb2", *drop)
    assert told(project, "base:head", "--since", "main") == [
        ("bbb2.py", 12, "drop-table"),
        ("ccc3.py", 12, "drop-table"),
    ]
    assert told(project, "base:head", "--since", "HEAD") == [("ccc3.py", 12, "drop-table")]
    for unknown in ("nowhere", "--output=x"):
        assert "git could not say" in project.db("lint", "base:head", f"--since={unknown}").failed().err
    assert not (project.folder / "x").exists()


@needs_squawk
def test_what_could_not_be_judged_fails_where_that_is_asked(make_project):
    project = on_nowhere(make_project)
    project.revision("aaa1", None, "op.get_bind().execute(sa.text('SELECT 1')).fetchall()", "op.f('x')")
    project.db("lint", "base:head", "--pg-version", "15.2").ok()
    assert "could not be judged" in project.db("lint", "base:head", "--strict").failed().err.splitlines()[-1]


def test_a_loop_over_a_query_has_an_end(project):
    body = "q = sa.select(sa.text('1'))\nfor n in range(2):\n    q = q.where(sa.text('1 = 1'))\nop.execute(q)"
    project.revision("aaa1", None, body, "op.execute('SELECT 1')")
    project.db("lint", "base:head").ok()
