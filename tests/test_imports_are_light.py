"""A process pays for what it uses: no Alembic, Mako or Flask-Script where nothing migrates."""

import re

import pytest

from benchmarks.report import Row, exit_code, table
from flask_migrate_script import invocation
from flask_migrate_script.options import name_command
from flask_migrate_script.verbs import VERBS

HEAVY = {"alembic", "mako"}
MANAGE_WITH_COMMAND = """
from manage import app
from flask_migrate_script import Manager, MigrateCommand

manager = Manager(app)
manager.add_command("db", MigrateCommand)


@manager.command
def hello():
    "Say hello"
    print("hello")


manager.run()
"""


def imported(result):
    """Return the top-level packages that ``-X importtime`` saw."""
    return set(re.findall(r"^import time:.*\| +(\w+)", result.ok().err, re.M))


@pytest.fixture
def application(make_project, sqlite):
    project = make_project(sqlite)
    project.write(
        "manage.py",
        """
        from flask import Flask
        from flask_sqlalchemy import SQLAlchemy
        from flask_migrate_script import Migrate

        app = Flask(__name__)
        app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
        Migrate(app, SQLAlchemy(app))
        """,
    )
    project.write("own.py", MANAGE_WITH_COMMAND)
    return project


def test_a_web_worker_loads_neither_alembic_nor_flask_script(application):
    loaded = imported(application.python("-X", "importtime", "manage.py"))
    assert "flask_migrate_script" in loaded
    assert not loaded & {*HEAVY, "flask_script", "flask_script_ng"}


def test_help_and_own_commands_load_no_alembic(application):
    def loaded(*words):
        return application.python("-X", "importtime", *words, env={"FLASK_APP": "manage.py"})

    for words in (["own.py", "db", "--help"], ["own.py", "hello"], ["-m", "flask", "db", "--help"]):
        packages = imported(loaded(*words))
        assert "flask_migrate_script" in packages
        assert not packages & HEAVY, words
    assert imported(loaded("own.py", "db", "list-templates")) >= HEAVY, "and this is how it would be seen"


def test_the_benchmarks_fail_where_a_ratio_is_above_its_bound():
    within, above = Row("within", 0.009, 0.1, 0.10), Row("above", 0.011, 0.1, 0.10)
    unbound = Row("unbound", 3, 0.1)
    assert exit_code([within, unbound]) == 0
    assert exit_code([within, above]) == 1
    assert table([above]).splitlines()[3] == "above  11.0 ms  100 ms           0.11   0.10"


def test_the_verbs_that_are_known_without_loading_them_are_all_there_are():
    assert {name_command(verb) for verb in VERBS} == invocation.VERB_NAMES
