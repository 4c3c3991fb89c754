"""One of several databases: --bind."""

import re

import pytest
from conftest import MANAGE

BINDS = MANAGE.replace(
    "db = SQLAlchemy(app)",
    'app.config["SQLALCHEMY_BINDS"] = {"events": os.environ["EVENTS_URL"]}\ndb = SQLAlchemy(app)',
).replace(
    "if __name__",
    """class Event(db.Model):
    __bind_key__ = "events"
    __tablename__ = "events"
    id = db.Column(db.Integer, primary_key=True)


if __name__""",
)


@pytest.fixture
def two(make_project, new_database):
    project = make_project(new_database("sqlite"))
    project.events = new_database("sqlite")
    project.env["EVENTS_URL"] = project.events.url
    project.write("manage.py", BINDS)
    project.initialise("--multidb")
    project.db("migrate", "-m", "both", "--rev-id", "aaa1").ok()
    return project


def test_a_verb_works_on_the_chosen_database_only(two):
    two.database.run("DROP TABLE alembic_version")  # migrate has made it
    two.db("upgrade", "--bind", "events").ok()
    assert (two.database.tables(), two.events.tables()) == ([], ["events"])
    assert two.database.rows("SELECT name FROM sqlite_master") == []
    assert two.flask("db", "current", "--bind", "events").ok().out == "aaa1 (head)\n"
    assert two.flask("db", "current", "--bind", "default").ok().out == ""
    two.db("upgrade", "--bind", "default", "--bind", "events").ok()
    assert two.database.tables() == ["users"]
    two.db("downgrade", "--bind", "events").ok()
    assert (two.database.tables(), two.events.tables()) == (["users"], [])
    two.flask("db", "stamp", "--bind", "events", "head").ok()
    assert two.events.version() == ["aaa1"]
    assert two.events.tables() == []
    two.db("stamp", "--purge", "--bind", "events", "base").ok()
    assert (two.database.version(), two.events.version()) == (["aaa1"], [])


def test_migrate_compares_the_chosen_database_only(two):
    two.db("upgrade").ok()
    two.events.run("DROP TABLE events")
    nothing = two.db("migrate", "--bind", "default").ok()
    assert "No changes in schema detected." in nothing.err
    assert len(two.versions()) == 1
    two.db("migrate", "--bind", "events", "--rev-id", "bbb2").ok()
    text = next(path for path in two.versions() if "bbb2" in path.name).read_text()
    assert "create_table('events'" in text
    assert "users" not in text


def test_an_unknown_name_is_listed_against_the_known_ones(two):
    unknown = two.db("upgrade", "--bind", "evnts").failed()
    assert "There is no bind 'evnts'." in unknown.err
    assert "default, events" in unknown.err
    assert two.events.tables() == []


def test_a_failure_in_one_database_rolls_back_every_one_and_says_so(make_project, database, new_database):
    project = make_project(database)
    events = new_database(database.kind)
    project.env["EVENTS_URL"] = events.url
    project.write("manage.py", BINDS)
    project.initialise("--multidb")
    project.db("migrate", "-m", "both", "--rev-id", "aaa1").ok()
    (script,) = project.versions()
    script.write_text(
        script.read_text().replace("def downgrade_events", "    op.execute('nonsense')\n\n\ndef downgrade_events")
    )
    failed = project.db("upgrade").failed()
    assert events.version() == []
    assert "events: " in failed.err
    assert "default: " in failed.err
    if database.kind == "mysql":
        assert "events: Of revision aaa1 these statements took effect" in failed.err
        assert "CREATE TABLE events" in failed.err
        assert "default: " in failed.err
    else:
        assert "default: Rolled back, nothing changed. The database is at no revision yet." in failed.err
        assert "events: Rolled back, nothing changed. The database is at no revision yet." in failed.err
        assert (database.tables(), events.tables()) == ([], [])
    if database.kind == "mysql":  # the version of the first database goes with the failure of the second
        past = "    op.get_bind().connection.cursor().execute('CREATE TABLE past (a INTEGER)')\n"
        script.write_text(re.sub(r"(def upgrade_\(\):\n)(.*\n)+?\n", r"\1" + past + "\n", script.read_text()))
        database.run("DROP TABLE users, alembic_journal")
        failed = project.db("upgrade").failed()
        assert "default: Revision aaa1 also had the driver's own connection" in failed.err
        assert database.tables() == ["past"]
