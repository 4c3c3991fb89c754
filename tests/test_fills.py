"""A column that becomes NOT NULL gets a value for the rows that are there, or `migrate` says what will fail."""

import re

import pytest
import sqlalchemy as sa
from conftest import application, initialised, on_a_terminal, schema, script

BEFORE = """
class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    nick = db.Column(db.String(20))


class Empty(db.Model):
    __tablename__ = "empty"
    id = db.Column(db.Integer, primary_key=True)
"""

AFTER = """
class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    nick = db.Column(db.String(20), nullable=False)
    email = db.Column(db.String(20), nullable=False, index=True)
    order = db.Column(db.Integer, nullable=False)
    active = db.Column(db.Boolean, nullable=False)
    born = db.Column(db.DateTime, nullable=False)
    score = db.Column(db.Numeric(5, 2), nullable=False)
    kind = db.Column(db.String(9), nullable=False, server_default="plain")


class Empty(db.Model):
    __tablename__ = "empty"
    id = db.Column(db.Integer, primary_key=True)
    word = db.Column(db.String(9), nullable=False)
"""

FILLS = {
    "users.nick": 'it\'s \\:a 100% "b"',
    "users.email": "",
    "users.order": "-7",
    "users.active": "yes",
    "users.born": "2024-02-29 12:30",
    "users.score": "1.5",
}


def fills(values):
    return [word for name, value in values.items() for word in ("--fill", f"{name}={value}")]


def changed(project, after=AFTER):
    """Make a database with two rows by one set of models, and write the other."""
    project.write("manage.py", application(BEFORE))
    project.initialise()
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    project.database.run("INSERT INTO users (nick) VALUES ('Ann')", "INSERT INTO users (nick) VALUES (NULL)")
    project.write("manage.py", application(after))
    return project


def test_rows_are_filled_before_a_column_is_not_null(make_project, database):
    project = changed(make_project(database))
    before = schema(database)
    done = project.db("migrate", "--rev-id", "2222", *fills({**FILLS, "empty.word": "w"})).ok()
    assert "--fill" not in done.err
    assert len(re.findall(r"op\.execute\(sa\.table\(.*\n +\.update\(\)", script(project, "2222"))) == 7
    project.db("upgrade").ok()
    columns = {name: nullable for name, _, nullable, _ in schema(database)["users"]["columns"]}
    assert not any(columns.values()), columns
    look = "SELECT nick, email, active, score, kind FROM users ORDER BY id"
    expected = [(nick, "", True, 1.5, "plain") for nick in ("Ann", FILLS["users.nick"])]
    assert [(a, b, bool(c), float(d), e) for a, b, c, d, e in database.rows(look)] == expected
    assert [str(row[0])[:16] for row in database.rows("SELECT born FROM users")] == ["2024-02-29 12:30"] * 2
    there = (schema(database), database.rows(look))

    project.db("downgrade").ok()
    assert schema(database) == before
    assert database.rows("SELECT nick FROM users ORDER BY id") == [("Ann",), (FILLS["users.nick"],)]
    project.db("upgrade").ok()
    assert (schema(database), database.rows(look)) == there
    # The application reads what was filled in as a value of its own.
    read = project.python("-c", "from manage import *\nwith app.app_context(): print(User.query.first().born)").ok()
    assert read.out == "2024-02-29 12:30:00\n"


@pytest.fixture
def behind(make_project, sqlite):
    return changed(make_project(sqlite))


def test_without_a_terminal_it_says_what_will_fail(behind):
    done = behind.flask("db", "revision", "--autogenerate", "--rev-id", "2222", "--fill", "users.order=1").ok()
    assert "The upgrade fails where rows have no value" in done.err
    lines = re.findall(r"^  --fill (\S+)=VALUE +(.*)$", done.err, re.M)
    assert dict(lines) == {
        "users.nick": "users.nick becomes NOT NULL and has 1 null.",
        **{
            f"users.{name}": f"users.{name} is NOT NULL without a server default, and users has rows."
            for name in ("email", "active", "born", "score")
        },
    }
    assert script(behind, "2222").count("op.execute(") == 1
    assert behind.db("upgrade").failed()


def test_on_a_terminal_each_value_is_asked_for(make_project, sqlite):
    project = changed(make_project(sqlite), AFTER.replace("    born", "    # born").replace("    score", "    # score"))
    answers = "nobody\nno@x\nabc\n99999999999\n3\nno\n"
    code, _, err = on_a_terminal(project, answers, "manage.py", "db", "migrate", "--rev-id", "2222")
    assert code == 0, err
    assert "users.email is NOT NULL without a server default, and users has rows. A value for them" in err
    assert "users.order: 'abc' is not a whole number." in err
    assert "users.order: 99999999999 is out of the range of INTEGER." in err
    assert "users.nick becomes NOT NULL and has 1 null." in err
    project.db("upgrade").ok()
    assert sqlite.rows('SELECT nick, email, "order", active FROM users') == [
        ("Ann", "no@x", 3, 0),
        ("nobody", "no@x", 3, 0),
    ]


def test_an_empty_answer_fills_nothing(make_project, sqlite):
    project = changed(make_project(sqlite), BEFORE.replace("db.String(20)", "db.String(20), nullable=False"))
    code, _, err = on_a_terminal(project, "\n", "-m", "flask", "db", "migrate", "--rev-id", "2222")
    assert code == 0, err
    assert "--fill users.nick=VALUE" in err
    assert "op.execute" not in script(project, "2222")


REFUSED = {
    "users.order=abc": "'abc' is not a whole number.",
    "users.email=123456789012345678901": "is longer than 20 characters.",
    "users.active=perhaps": "'perhaps' is not true or false.",
    "users.born=yesterday": "'yesterday' is not a date and time, like 2024-12-31 23:59:59.",
    "users.score=1000": "1000 is out of the range of NUMERIC(5, 2).",
    "users.kind=x": "no column of that name needs a value. Those that need one: users.active, users.born,",
    "users.email": "it takes NAME=VALUE.",
}


def test_what_does_not_fit_is_refused(behind):
    for given, problem in REFUSED.items():
        refused = behind.db("migrate", "--fill", given).failed()
        assert f"\nError: --fill {given}: " in f"\n{refused.err}", refused
        assert problem in refused.err
        assert "Nothing was written." in refused.err
    assert len(behind.versions()) == 1


def test_fill_and_rename_are_for_autogenerate(project):
    for option in ("--fill", "--rename"):
        refused = project.db("revision", option, "a.b=c").failed()
        assert "--rename and --fill go with --autogenerate." in refused.err
    assert project.versions() == []


def test_a_renamed_column_is_counted_and_filled_by_its_old_name(make_project, sqlite):
    database = sqlite
    project = initialised(make_project(database), application(BEFORE))
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    database.run("INSERT INTO users (nick) VALUES (NULL)")
    after = BEFORE.replace("nick = db.Column(db.String(20)", "name = db.Column(db.String(20), nullable=False")
    project.write("manage.py", application(after.replace('"users"', '"people"')))
    pairs = ["--rename", "users=people", "--rename", "users.nick=people.name"]
    assert "people.name becomes NOT NULL and has 1 null." in project.db("migrate", "--rev-id", "2222", *pairs).ok().err
    project.versions()[1].unlink()
    project.db("migrate", *pairs, "--fill", "people.name=none").ok()
    project.db("upgrade").ok()
    assert database.rows("SELECT name FROM people") == [("none",)]
    project.db("downgrade").ok()
    assert database.rows("SELECT nick FROM users") == [("none",)]


def test_a_script_of_one_database_fills_another(make_project, sqlite, postgresql):
    """``user`` is a table's name in SQLite, and the current user in PostgreSQL."""
    project = make_project(sqlite)
    project.write("manage.py", application(BEFORE.replace('"users"', '"user"')))
    project.initialise()
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    sqlite.run("INSERT INTO user (nick) VALUES ('Ann')")
    changed_only = "    email = db.Column(db.String(40), nullable=False)\n    nick"
    project.write("manage.py", application(BEFORE.replace('"users"', '"user"').replace("    nick", changed_only, 1)))
    project.db("migrate", "--rev-id", "2222", "--fill", "user.email=it's 10:30, 5%").ok()
    elsewhere = {"DATABASE_URL": postgresql.url}
    project.db("upgrade", "1111", env=elsewhere).ok()
    postgresql.run("INSERT INTO \"user\" (nick) VALUES ('Ann')")
    project.db("upgrade", env=elsewhere).ok()
    assert postgresql.rows('SELECT email FROM "user"') == [("it's 10:30, 5%",)]
    project.db("upgrade").ok()
    assert sqlite.rows("SELECT email FROM user") == [("it's 10:30, 5%",)]
    offline = project.db("upgrade", "1111:2222", "--sql", env=elsewhere).ok()
    # A % is doubled there on some drivers, as in any SQL that SQLAlchemy writes for them.
    assert """UPDATE "user" SET email='it''s 10:30, 5%""" in offline.out


TYPES = """
import enum
from sqlalchemy import types


class Colour(enum.Enum):
    red = 1
    blue = 2


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    nick = db.Column(db.String(20))
    colour = db.Column(db.Enum(Colour, native_enum=False, length=9), nullable=False)
    seen = db.Column(db.DateTime(timezone=True), nullable=False)
    key = db.Column(db.LargeBinary, nullable=False)
    more = db.Column(types.JSON, nullable=False)
"""

READ = """
from manage import *
with app.app_context():
    for one in User.query.all():
        print(one.colour, one.seen.isoformat()[:19], one.key, one.more)
"""


def test_values_of_all_types_are_read_as_the_application_writes_them(make_project, database):
    project = changed(make_project(database), TYPES)
    values = {"colour": "blue", "seen": "2024-02-29T12:30:00+00:00", "key": "it's", "more": '{"a: b": [1, "\\\\ 5%"]}'}
    project.db("migrate", "--rev-id", "2222", *fills({f"users.{name}": value for name, value in values.items()})).ok()
    project.db("upgrade").ok()
    expected = """Colour.blue 2024-02-29T12:30:00 b"it's" {'a: b': [1, '\\\\ 5%']}\n"""
    assert project.python("-c", READ).ok().out == expected * 2


def test_lists_and_what_only_postgresql_has(make_project, postgresql):
    columns = """
    nick = db.Column(db.String(20))
    words = db.Column(dialect.ARRAY(db.String), nullable=False)
    none = db.Column(dialect.ARRAY(db.Integer), nullable=False)
    host = db.Column(dialect.INET, nullable=False)
    """
    models = BEFORE.replace("    nick = db.Column(db.String(20))", columns.strip("\n"))
    project = changed(make_project(postgresql), f"from sqlalchemy.dialects import postgresql as dialect\n{models}")
    words = r"""users.words=["a\"b", "c\\d, e", null, "it's"]"""
    done = project.db("migrate", "--fill", words, "--fill", "users.none=[]", "--fill", "users.host=127.0.0.1")
    assert "cannot be given" not in done.ok().err
    project.db("upgrade").ok()
    found = postgresql.rows("SELECT DISTINCT words, \"none\", host = '127.0.0.1' FROM users")
    assert found == [(['a"b', "c\\d, e", None, "it's"], [], True)]


def test_a_column_of_another_type_is_filled_with_a_value_of_that_type(make_project, database):
    """The type comes first, then the value, then NOT NULL; what MySQL has to be told of the column is kept."""
    project = make_project(database)
    before = BEFORE.replace("nick = db.Column(db.String(20)", "nick = db.Column(db.Integer, comment='x'")
    after = BEFORE.replace("db.String(20)", "db.String(20), nullable=False, comment='y'")
    project.write("manage.py", application(before).replace("Migrate(app, db", "Migrate(app, db, compare_type=True"))
    project.initialise()
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    database.run("INSERT INTO users (nick) VALUES (7)", "INSERT INTO users (nick) VALUES (NULL)")
    project.write("manage.py", application(after).replace("Migrate(app, db", "Migrate(app, db, compare_type=True"))
    project.db("migrate", "--rev-id", "2222", "--fill", "users.nick=nobody").ok()
    project.db("upgrade").ok()
    assert database.rows("SELECT nick FROM users ORDER BY id") == [("7",), ("nobody",)]
    assert not {name: null for name, _, null, _ in schema(database)["users"]["columns"]}["nick"]
    if database.kind != "sqlite":
        with database.engine().connect() as connection:
            assert sa.inspect(connection).get_columns("users")[1]["comment"] == "y"


UNIQUE = BEFORE.replace("db.String(20)", "db.String(20), nullable=False").replace(
    "    nick", "    email = db.Column(db.String(20), nullable=False, index=True, unique=True)\n    nick"
)
NO_ONE_VALUE = "users.email is unique, and 2 rows would get the value"


def test_one_value_is_not_for_several_rows_of_a_unique_column(make_project, sqlite):
    project = changed(make_project(sqlite), UNIQUE)
    refused = project.db("migrate", "--fill", "users.email=x").failed()
    assert f"--fill users.email=x: {NO_ONE_VALUE}." in refused.err
    assert "Nothing was written. Let the column be nullable first" in refused.err
    assert len(project.versions()) == 1
    # What can be filled is asked for all the same.
    code, _, err = on_a_terminal(project, "nobody\n", "manage.py", "db", "migrate", "--rev-id", "2222")
    assert code == 0, err
    assert "users.nick becomes NOT NULL and has 1 null. A value for them" in err
    assert f"users.email is NOT NULL without a server default, and users has rows. But {NO_ONE_VALUE}." in err
    assert "--fill users.email=" not in err
    sqlite.run("DELETE FROM users WHERE nick IS NULL")
    project.versions()[1].unlink()
    project.db("migrate", "--fill", "users.email=x").ok()
    project.db("upgrade").ok()
    assert sqlite.rows("SELECT nick, email FROM users") == [("Ann", "x")]
