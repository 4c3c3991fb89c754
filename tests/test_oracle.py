"""Whatever Flask-Migrate 4.1 and Alembic's own command line have is here, and repositories go both ways."""

import inspect

import pytest
import sqlalchemy as sa
from conftest import FLASK_MIGRATE, MANAGE
from test_several_databases import BINDS, bound

pytestmark = pytest.mark.skipif(FLASK_MIGRATE < (4, 1), reason="lane without Flask-Migrate")

OURS = "from flask_migrate_script import Manager, Migrate, MigrateCommand"
THEIRS = "from flask_migrate_script import Manager, MigrateCommand\nfrom flask_migrate import Migrate"


def our_options():
    """Return the flags of each verb, those before the verb under an empty name."""
    from flask_migrate_script.cli import DatabaseGroup

    group = DatabaseGroup("db")
    commands = {name: group.get_command(None, name) for name in group.list_commands(None)}
    return {"": _click_flags(group), **{name: _click_flags(command) for name, command in commands.items()}}


def _click_flags(command):
    """Return each flag with its default and its type; click 8.3 has a mark of its own for no default."""
    flags = {}
    for param in command.params:
        default = None if type(param.default).__name__ == "Sentinel" else param.default
        flags.update((name, (default, param.type.name)) for name in param.opts)
    return flags


def test_every_verb_and_flag_of_flask_migrate_with_the_same_default():
    from flask_migrate.cli import db as theirs

    ours = our_options()
    assert set(theirs.commands) <= set(ours)
    for name, command in [("", theirs), *theirs.commands.items()]:
        wanted = _click_flags(command)
        assert wanted.keys() <= ours[name].keys(), name
        same = {flag: ours[name][flag] for flag in wanted}
        if name == "stamp":  # theirs takes one revision, ours several, for which click has no default
            assert wanted.pop("revision") == ("head", "text")
            same.pop("revision")
        assert same == wanted, name


VERBS = """init list_templates revision migrate edit merge upgrade downgrade show history heads branches current stamp
check"""


@pytest.mark.parametrize("verb", VERBS.split())
def test_every_parameter_of_flask_migrates_functions_in_the_same_order(verb):
    import flask_migrate

    import flask_migrate_script

    theirs = inspect.signature(inspect.unwrap(getattr(flask_migrate, verb))).parameters
    ours = inspect.signature(getattr(flask_migrate_script, verb)).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    assert [ours[name].default for name in theirs] == [given.default for given in theirs.values()]


@pytest.mark.parametrize("name", ["Migrate", "Migrate.init_app", "Migrate.configure", "Migrate.get_config", "Config"])
def test_every_parameter_of_flask_migrates_classes_in_the_same_order(name):
    import flask_migrate

    import flask_migrate_script

    def parameters(module):
        thing = module
        for part in name.split("."):
            thing = getattr(thing, part)
        return [(p.name, p.kind, p.default) for p in inspect.signature(thing).parameters.values()]

    assert parameters(flask_migrate_script) == parameters(flask_migrate)


def test_every_public_name_of_flask_migrate():
    import flask_migrate

    import flask_migrate_script

    made_there = {
        name
        for name, value in vars(flask_migrate).items()
        if getattr(value, "__module__", "") == "flask_migrate" and not name.startswith("_") and name != "catch_errors"
    }
    assert "upgrade" in made_there
    assert made_there | {"alembic_version"} <= set(flask_migrate_script.__all__)


def test_every_verb_and_flag_of_alembics_own_command_line():
    from alembic.config import CommandLine

    ours = our_options()
    parser = CommandLine("alembic").parser
    (verbs,) = [action for action in parser._actions if hasattr(action, "_name_parser_map")]
    renamed = {"list_templates": "list-templates", "ensure_version": "ensure-version"}
    left = {"-h", "--help", "--version"}
    assert not _argparse_flags(parser) - left - ours[""].keys()
    for name, command in verbs.choices.items():
        own = ours[renamed.get(name, name)]
        missing = _argparse_flags(command) - left - own.keys() - {"--indicate_current"}
        assert not missing - (ours[""].keys() if name in ("init", "list_templates") else set()), (name, missing)


def _argparse_flags(parser):
    return {flag for action in parser._actions for flag in action.option_strings}


def schema(database):
    """Return the tables, columns and types of a database, without the guard's own table."""
    inspector = sa.inspect(database.engine())
    return {
        table: sorted(
            (column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)
        )
        for table in inspector.get_table_names()
        if table != "alembic_journal"
    }


RICH = MANAGE.replace(
    "\n\nif __name__",
    """

class Post(db.Model):
    __tablename__ = "posts"
    id = db.Column(db.Integer, primary_key=True)
    title = db.Column(db.String(200), nullable=False, index=True, unique=True)
    author_id = db.Column(db.Integer, db.ForeignKey("users.id"))
    created = db.Column(db.DateTime, server_default=db.func.now())


if __name__""",
)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_an_upgrade_by_either_gives_the_same_schema(make_project, new_database, kind):
    """A repository made here and one made there, each run by the other, in `flask db` and `manage.py db`."""
    ours_db, theirs_db = new_database(kind), new_database(kind)
    ours, theirs = make_project(ours_db, "ours"), make_project(theirs_db, "theirs")
    for project in (ours, theirs):
        project.write("manage.py", RICH)
        project.write("original.py", RICH.replace(OURS, THEIRS))
    ours.db("init").ok()
    ours.flask("db", "migrate", app="original.py").ok()
    ours.flask("db", "upgrade", app="original.py").ok()
    theirs.flask("db", "init", app="original.py").ok()
    theirs.db("migrate").ok()
    theirs.db("upgrade").ok()
    assert sorted(schema(ours_db)) == ["alembic_version", "posts", "users"]
    assert schema(ours_db) == schema(theirs_db)
    ours.flask("db", "check", app="original.py").ok()
    theirs.db("check").ok()
    ours.flask("db", "downgrade", app="original.py").ok()
    theirs.db("downgrade").ok()
    assert ours_db.tables() == theirs_db.tables() == []


def test_a_multidb_repository_goes_both_ways(make_project, new_database):
    for made_by, run_by in [("manage.py", "original.py"), ("original.py", "manage.py")]:
        first, second = new_database("sqlite"), new_database("sqlite")
        project = bound(make_project(first, f"made_by_{made_by[:-3]}"), mybind=second)
        source = BINDS.replace("my-bind", "mybind")
        project.write("manage.py", source)
        project.write("original.py", source.replace(OURS, THEIRS))
        project.flask("db", "init", "--multidb", app=made_by).ok()
        project.flask("db", "migrate", app=run_by).ok()
        project.flask("db", "upgrade", app=run_by).ok()
        assert (first.tables(), second.tables()) == (["users"], ["groups"])
        project.flask("db", "downgrade", app=run_by).ok()
        assert (first.tables(), second.tables()) == ([], [])


CALLBACK = """@migrate.configure
def told(config):
    print("configured", config.cmd_opts.x)
    return config
"""


def test_the_migrate_command_of_an_application_that_registered_flask_migrates_own_migrate(make_project, sqlite):
    project = make_project(sqlite)
    source = MANAGE.replace(OURS, THEIRS).replace("Migrate(app, db)", 'Migrate(app, db, directory="own")')
    project.write("manage.py", source.replace("class User", CALLBACK + "\n\nclass User"))
    assert "configured ['b=2']" in project.db("init", "-x", "b=2").ok().out
    made = project.db("migrate", "-m", "users", "-x", "a=1").ok()
    assert "configured ['a=1']" in made.out
    project.db("upgrade").ok()
    assert sqlite.tables() == ["users"]
    project.db("check").ok()
    project.db("downgrade").ok()
    assert sqlite.tables() == []
    assert len(list((project.folder / "own" / "versions").glob("*.py"))) == 1
