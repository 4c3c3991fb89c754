"""What destroys data is said on the screen, with how much of it there is, and above its line in the script."""

import re

from conftest import application, initialised, script

BEFORE = """
class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(64))
    city = db.Column(db.String(20))
    visits = db.Column(db.BigInteger)
    notes = db.Column(db.Text)
    share = db.Column("% share", db.Integer)


class Event(db.Model):
    __tablename__ = "events"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20), index=True)
"""

AFTER = """
class User(db.Model):
    __tablename__ = "people"
    id = db.Column(db.Integer, primary_key=True)
    city = db.Column(db.String(4))
    visits = db.Column(db.SmallInteger)
    notes = db.Column(db.Text, index=False)
    more = db.Column(db.Integer)
"""

FILL = [
    "INSERT INTO users (name, city, visits) VALUES ('Ann', 'Rome', 1)",
    "INSERT INTO users (name, city, visits) VALUES ('Bob', 'Vienna', 70000)",
    "INSERT INTO users (city) VALUES ('Zürich')",
    "INSERT INTO events (name) VALUES ('start')",
]


def test_it_is_counted_and_marked(make_project, database):
    project = initialised(make_project(database), application(BEFORE))
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    database.run(*FILL)
    project.write("manage.py", application(AFTER))
    done = project.db("migrate", "--rev-id", "2222", "--rename", "users=people").ok()
    _, _, told = done.err.partition("The upgrade destroys data; this much in the database at hand:\n")
    changes = [
        r"  people\.visits becomes SMALLINT from BIGINT.*: 1 value that may not fit",
        r"  people\.city becomes VARCHAR\(4\) from VARCHAR\(20\).*: 2 values that may not fit",
    ]
    if database.kind == "sqlite":
        changes = []  # it keeps every number and every text
    lines = sorted(told.splitlines())
    expected = sorted(
        [
            r"  drops table events: 1 row",
            r"  drops column people\.name: 2 values",
            r"  drops column people\.% share: 0 values",
            *changes,
        ]
    )
    assert len(lines) == len(expected), done
    assert all(any(re.fullmatch(one, line) for line in lines) for one in expected), done

    upgrade, _, downgrade = script(project, "2222").partition("def downgrade")
    assert re.search(r"# destroys data: table events\n    op\.drop_table\('events'\)", upgrade)
    assert re.search(r"# destroys data: column people\.name\n +batch_op\.drop_column\('name'\)", upgrade)
    city = r"# destroys data: people\.city becomes VARCHAR\(4\) .*\n +batch_op\.alter_column\('city'"
    assert bool(re.search(city, upgrade)) is bool(changes)
    assert upgrade.count("destroys data") == len(lines)
    assert "destroys" not in downgrade

    database.run("UPDATE users SET city = NULL, visits = NULL")
    before = database.rows("SELECT id, notes FROM users ORDER BY id")
    project.db("upgrade").ok()
    assert database.tables() == ["people"]
    assert database.rows("SELECT id, notes FROM people ORDER BY id") == before
    project.db("downgrade").ok()
    assert database.tables() == ["events", "users"]
    assert database.rows("SELECT id, notes FROM users ORDER BY id") == before
    project.db("upgrade").ok()


def test_nothing_is_said_of_what_destroys_nothing(project):
    done = project.db("migrate", "--rev-id", "1111").ok()
    assert "destroys" not in done.err + script(project, "1111")
    assert done.err.splitlines()[-1].startswith("INFO")
    project.db("upgrade").ok()
    assert "destroys" not in project.db("migrate").ok().err


KEEPS = """
from alembic.operations import ops

def process_revision_directives(context, revision, directives):
    script = directives[0]
    for kind in (script.upgrade_ops, script.downgrade_ops):
        kind.ops = [op for op in kind.ops if not isinstance(op, (ops.DropTableOp, ops.CreateTableOp))]

"""


def test_the_remark_goes_with_the_operation_that_env_py_takes_out(make_project, sqlite):
    project = initialised(make_project(sqlite), application(BEFORE))
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    project.write("manage.py", application(BEFORE.partition("class Event")[0]))
    env = project.folder / "migrations" / "env.py"
    text = env.read_text().replace("def run_migrations_offline", f"{KEEPS}\ndef run_migrations_offline", 1)
    env.write_text(text.replace("write_no_empty_script\n    with", "process_revision_directives\n    with"))
    done = project.db("migrate", "--rev-id", "2222").ok()
    text = script(project, "2222")
    assert "destroys" not in done.err + text
    assert "drop_table" not in text


def test_what_is_not_known_to_be_lost_is_listed_apart(make_project, postgresql):
    model = """
class Event(db.Model):
    __tablename__ = "events"
    id = db.Column(db.Integer, primary_key=True)
    at = db.Column(db.DateTime{0})
    name = db.Column(db.Text)
"""
    project = initialised(make_project(postgresql), application(model.format("")))
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    postgresql.run("INSERT INTO events (at) VALUES ('2024-12-31 23:59:59'), (NULL)")
    project.write("manage.py", application(model.format("(timezone=True)").replace("db.Text", "db.Unicode(9)")))
    done = project.db("migrate", "--rev-id", "2222").ok()
    told = done.err.partition("The upgrade destroys data; this much in the database at hand:\n")[2].splitlines()
    zone = "PostgreSQL reads it in the time zone of the session that makes the change"
    at = "events.at becomes TIMESTAMP WITH TIME ZONE from TIMESTAMP WITHOUT TIME ZONE"
    assert told == [
        "  events.name becomes VARCHAR(9) from TEXT: 0 values that may not fit",
        "The upgrade may destroy data; how much is not known:",
        f"  {at}: whether all of it fits is not known: 1 value ({zone})",
    ]
    assert f"# may destroy data: {at}\n" in script(project, "2222")
    dry = project.db("upgrade", "--dry-run").ok()
    assert "cut or refused" not in dry.out
    project.db("upgrade").ok()
