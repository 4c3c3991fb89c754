"""`flask db`: every verb and every option, the environment variables, and that `manage.py db` has the same ones."""

import json
import shutil

import pytest
from conftest import ALEMBIC, FLASK, MANAGE

from flask_migrate_script.verbs import VERBS

PACKAGE = """
import os
from flask import Flask
from app.models import db
from flask_migrate_script import Migrate

app = Flask(__name__)
app.config.from_mapping({
    "SQLALCHEMY_DATABASE_URI": os.environ.get("DATABASE_URL"),
    "SQLALCHEMY_TRACK_MODIFICATIONS": False,
})
db.init_app(app)
Migrate(app, db)
"""

MODELS = """
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()


class Owner(db.Model):
    __tablename__ = "owners"
    id = db.Column(db.Integer, primary_key=True)
    first_name = db.Column(db.String(50), nullable=False)
"""


@pytest.fixture
def tutorial(make_project, postgresql):
    """The package application of the tutorial; from Flask 1.0 on, .flaskenv says where it and its database are."""
    project = make_project(postgresql)
    project.write("app/__init__.py", PACKAGE)
    project.write("app/models.py", MODELS)
    project.write("flask_migrate_test.py", "from app import app\n")
    settings = {"FLASK_APP": "flask_migrate_test.py", "DATABASE_URL": postgresql.url}
    if FLASK < (1,):
        project.env.update(settings)
    else:
        del project.env["DATABASE_URL"]
        project.write(".flaskenv", "".join(f"{name}={value}\n" for name, value in settings.items()))
    return project


def test_every_verb_and_option_once(tutorial):
    def db(*words, **kwargs):
        return tutorial.python("-m", "flask", "db", *words, **kwargs)

    assert "flask-multidb - " in db("list-templates").ok().out
    db("init", "--package", "-t", "flask").ok()
    assert (tutorial.folder / "migrations" / "versions" / "__init__.py").exists()
    _second_folder(tutorial)
    first = ["--rev-id", "1111", "--head", "base", "--branch-label", "core", "--version-path", "migrations/versions"]
    db("revision", "-m", "first", *first).ok()
    db("upgrade", "--tag", "night").ok()
    db("migrate", "-m", "owners", "--rev-id", "2222", "--head", "core@head").ok()
    assert "CREATE TABLE owners" in db("upgrade", "1111:2222", "--sql").ok().out
    assert tutorial.database.tables() == []
    db("upgrade", "+1").ok()
    assert tutorial.database.tables() == ["owners"]
    if ALEMBIC >= (1, 9):
        assert db("check").ok().out == "No new upgrade operations detected.\n"
    else:
        assert "check needs Alembic 1.9 or newer" in db("check").failed().err
    nothing = db("revision", "--autogenerate", "-m", "nothing", "--sql").failed()
    assert "--sql" in nothing.err
    other = ["--splice", "--head", "1111", "--rev-id", "3333", "--branch-label", "side", "--depends-on", "2222"]
    db("revision", "-m", "aside", *other, "--version-path", "migrations/other").ok()
    assert (tutorial.folder / "migrations" / "other" / "3333_aside.py").exists()
    assert "1111" in db("branches", "-v").ok().out
    assert [line.split()[0] for line in db("heads").ok().out.splitlines()] == ["2222", "3333"]
    assert "Path: " in db("heads", "--verbose", "--resolve-dependencies").ok().out
    db("upgrade", "heads").ok()
    assert "Rev: 3333 (head)" in db("current", "-v").ok().out
    db("merge", "-m", "joined", "--rev-id", "5555", "--branch-label", "joined", "2222", "3333").ok()
    assert "joined" in db("history", "-v", "-i", "-r", "1111:").ok().out
    assert db("show", "joined").ok().out.startswith("Rev: 5555 (head) (mergepoint)\n")
    db("upgrade").ok()
    checked = db("current", "--check-heads")
    if ALEMBIC >= (1, 17, 1):
        assert checked.ok().out == "5555 (head) (mergepoint)\n"
    else:
        assert "current --check-heads needs Alembic 1.17.1 or newer" in checked.failed().err
    assert "UPDATE alembic_version" in db("downgrade", "5555:3333", "--sql", "--tag", "x").ok().out
    db("downgrade", "core@base").ok()
    assert tutorial.database.tables() == []
    assert "INSERT INTO alembic_version" in db("stamp", "--sql", "--tag", "x", "5555").ok().out
    db("stamp", "--purge", "2222", "3333").ok()
    assert tutorial.database.version() == ["2222", "3333"]
    ensured = db("ensure-version", "--sql")
    if ALEMBIC >= (1, 7, 6):
        assert ensured.ok()
    else:
        assert "ensure-version needs Alembic 1.7.6 or newer" in ensured.failed().err
    editor = tutorial.write("editor", '#!/bin/sh\ncp /dev/null "$1"\n')
    editor.chmod(0o755)
    db("edit", "5555", env={"EDITOR": str(editor), "VISUAL": ""}).ok()
    assert (tutorial.folder / "migrations" / "versions" / "5555_joined.py").read_text() == ""
    db("reset", "--yes").ok()
    assert tutorial.database.version() == []


def _second_folder(project):
    ini = project.folder / "migrations" / "alembic.ini"
    locations = "[alembic]\nversion_locations = %(here)s/versions %(here)s/other\n"
    ini.write_text(ini.read_text().replace("[alembic]\n", locations, 1))
    (project.folder / "migrations" / "other").mkdir()


BOTH = """
import json
from manage import app, MigrateCommand

import click
group = app.cli.commands["db"]
context = click.Context(group)
ours = {"": MigrateCommand.get_options()}
ours.update((name, command.get_options()) for name, command in MigrateCommand._commands.items())
theirs = {"": group.params}
theirs.update((name, group.get_command(context, name).params) for name in group.list_commands(context))


def argparse_says(option):
    kind = {"store_true": "flag", "append": "many"}.get(option.kwargs.get("action"), "value")
    if option.kwargs.get("nargs") in ("+", "*"):
        kind = "many"
    flags = [flag for flag in option.args if flag.startswith("-")]
    default = str(option.kwargs.get("default") or "")
    return [flags or option.kwargs["metavar"], kind, option.kwargs["help"] if flags else "", default]


def click_says(param):
    kind = "flag" if getattr(param, "is_flag", False) else "many" if param.multiple or param.nargs == -1 else "value"
    default = "" if kind == "flag" or type(param.default).__name__ == "Sentinel" else param.default
    name = param.opts if param.opts[0].startswith("-") else param.name
    return [name, kind, getattr(param, "help", "") or "", str(default or "")]


print(json.dumps([
    {name: sorted(map(argparse_says, options), key=str) for name, options in ours.items()},
    {name: sorted(map(click_says, params), key=str) for name, params in theirs.items()},
]))
"""


def test_both_command_lines_have_the_same_verbs_and_options(make_project, sqlite):
    project = make_project(sqlite)
    project.write("manage.py", MANAGE)
    source = BOTH.replace("param.multiple", 'getattr(param, "multiple", False)')
    project.write("both.py", source)
    manage, flask = json.loads(project.python("both.py").ok().out)
    assert len(manage) == len(VERBS) + 1
    assert manage["upgrade"]
    for name in manage:
        assert _without_many_defaults(manage[name]) == _without_many_defaults(flask.get(name)), name
    assert set(manage) == set(flask)


def _without_many_defaults(options):
    """click gives an argument that takes several words no default; the verb's own default stands in for it."""
    return [[*option[:3], "" if option[1] == "many" else option[3]] for option in options]


@pytest.fixture(params=["flask", "manage"])
def db(request, project):
    """Return a function that runs a verb in one of the command lines."""
    return project.db if request.param == "manage" else lambda *words, **kwargs: project.flask("db", *words, **kwargs)


ENV = """
import sys
from alembic import context

print("x", context.get_x_argument(), "tag", context.get_tag_argument(), file=sys.stderr)
context.configure(dialect_name="sqlite", url="sqlite://")
if context.is_offline_mode():
    with context.begin_transaction():
        context.run_migrations()
"""


def test_the_environment_variables_and_what_wins_over_them(project, db):
    for name in ("group", "verb", "line"):
        shutil.copytree(project.folder / "migrations", project.folder / name)
        project.revision(f"in_{name}", folder=name)
    project.revision("in_migrations")
    group, verb = {"FLASK_DB_DIRECTORY": "group"}, {"FLASK_DB_HEADS_DIRECTORY": "verb"}
    assert db("heads").ok().out == "in_migrations (head)\n"
    assert db("heads", env=group).ok().out == "in_group (head)\n"
    assert db("heads", env={**group, **verb}).ok().out == "in_verb (head)\n"
    assert db("heads", "-d", "line", env={**group, **verb}).ok().out == "in_line (head)\n"
    assert db("-d", "line", "heads", env={**group, **verb}).ok().out == "in_line (head)\n"
    assert db("-d", "group", "heads", "-d", "line").ok().out == "in_line (head)\n"
    assert db("current", env=verb).ok().err.count("Context impl") == 1


def test_a_variable_for_every_option(project, db):
    project.write("migrations/env.py", ENV)
    project.revision("1111", upgrade="op.execute('SELECT 1111')")
    sql = {
        "FLASK_DB_UPGRADE_SQL": "1",
        "FLASK_DB_X_ARG": "a=1 b=2",
        "FLASK_DB_UPGRADE_X_ARG": "c=3",
        "FLASK_DB_UPGRADE_TAG": "t",
    }
    ran = db("upgrade", env=sql).ok()
    assert "SELECT 1111" in ran.out
    assert "x ['a=1', 'b=2', 'c=3'] tag t" in ran.err
    assert "x ['d=4', 'e=5'] tag None" in db("-x", "d=4", "upgrade", "--sql", "-x", "e=5").ok().err
    assert "Path: " in db("history", env={"FLASK_DB_HISTORY_VERBOSE": "true"}).ok().out
    assert "Path: " not in db("history", env={"FLASK_DB_HISTORY_VERBOSE": "0"}).ok().out
    db("revision", env={"FLASK_DB_REVISION_MESSAGE": "from the environment", "FLASK_DB_REVISION_REV_ID": "2222"}).ok()
    assert (project.folder / "migrations" / "versions" / "2222_from_the_environment.py").exists()


def test_what_is_said_more_than_once_takes_the_place_of_its_variable(project, db):
    project.write("migrations/env.py", ENV)
    project.revision("1111")
    env = {"FLASK_DB_X_ARG": "a=1 b=2", "FLASK_DB_UPGRADE_X_ARG": "c=3", "FLASK_DB_UPGRADE_BIND": "nowhere"}
    done = db("-x", "d=4", "upgrade", "--sql", "-x", "e=5", "--bind", "default", env=env).ok()
    assert "x ['d=4', 'e=5'] tag None" in done.err


def test_a_variable_of_the_applications_own_is_none_of_ours(project, db):
    """Flask derives FLASK_DB_NAME from --name before the verb, which no variable stands for."""
    project.revision("1111")
    env = {"FLASK_DB_NAME": "shop", "FLASK_DB_CONFIG": "shop.cfg", "FLASK_DB_QUIET": "1", "FLASK_DB_RAISEERR": "1"}
    assert db("heads", env=env).ok().out == "1111 (head)\n"
    assert "Traceback" not in db("upgrade", "zzzz", env=env).failed().err


def test_a_negative_revision_is_bare(project, db):
    for name, parent in [("1111", None), ("2222", "1111"), ("3333", "2222")]:
        project.revision(name, parent)
    db("upgrade").ok()
    db("downgrade", "-1").ok()
    assert project.database.version() == ["2222"]
    db("upgrade", "+1").ok()
    db("downgrade", "-d", "migrations", "-2", "-x", "a=b").ok()
    assert project.database.version() == ["1111"]
    assert "--nonsense" in db("downgrade", "--nonsense").failed(2).err
    assert "unknown option '--dryrun'. Did you mean --dry-run?" in db("downgrade", "--dryrun", "-1").failed(2).err
    assert project.database.version() == ["1111"]


def test_the_options_before_the_verb_are_those_of_alembic(project, db):
    project.revision("1111")
    project.write("other.ini", "[alembic]\nfile_template = own_%%(rev)s\n[section]\nfile_template = section_%%(rev)s\n")
    assert db("-q", "heads").ok().out == ""
    db("-c", "other.ini", "revision", "--rev-id", "2222").ok()
    db("--config", "other.ini", "--name", "section", "revision", "--rev-id", "3333").ok()
    assert [path.name for path in project.versions()] == ["1111.py", "own_2222.py", "section_3333.py"]
    for words in (["--raiseerr", "show", "nowhere"], ["show", "nowhere", "--raiseerr"]):
        raised = db(*words)
        assert raised.code == 1
        assert raised.err.startswith("Traceback (most recent call last):"), raised
        assert "CommandError: " in raised.err
    assert "Traceback" not in db("show", "nowhere").failed().err


def test_the_group_has_the_name_that_migrate_was_given(make_project, sqlite):
    project = make_project(sqlite)
    project.write(
        "manage.py", MANAGE.replace("Migrate(app, db)", 'Migrate(app, db, directory="alembic", command="database")')
    )
    project.flask("database", "init").ok()
    project.revision("1111", folder="alembic")
    project.flask("database", "upgrade").ok()
    assert sqlite.version() == ["1111"]
    assert "flask database history" in project.flask("database", "downgrade", "-3").failed().err
    assert "Perform database migrations." in project.flask("database", "--help").ok().out
