"""Old code keeps its idioms: what Flask-Script's documentation taught, and what grew around MigrateCommand."""

import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import FLASK, MANAGE, on_path

WITH_COMMANDS = MANAGE.replace(
    'if __name__ == "__main__":',
    '''
@manager.command
def hello(name="world", loud=False, times=1):
    """Say hello."""
    for _ in range(int(times)):
        print("HELLO " + name.upper() if loud else "hello " + name)


@manager.command
def seed(name):
    db.session.add(User(name=name))
    db.session.commit()
    print(User.query.count())


@manager.option("-n", "--name", dest="name", default="joe")
@manager.option("-c", "--count", dest="count", type=int, default=1)
def greet(name, count):
    print(" ".join(["hi", name] * count))


@MigrateCommand.command
def seeded():
    "Is there a user?"
    print(User.query.count() > 0)


@MigrateCommand.option("-r", "--rows", dest="rows", type=int, default=2)
def fill(rows):
    for number in range(rows):
        db.session.add(User(name=str(number)))
    db.session.commit()


class Clear(Command):
    "Remove every user."

    option_list = (
        Option("--sure", action="store_true", dest="sure"),
        Group(Option("--a"), Option("--b"), exclusive=True),
    )

    def run(self, sure, a, b):
        if sure or prompt_bool("Sure"):
            User.query.delete()
            db.session.commit()
            print("cleared")


MigrateCommand.add_command("clear", Clear())
reports = Manager(usage="Reports about users")
reports.add_command("database", MigrateCommand)


@reports.command
def count():
    print(User.query.count())


manager.add_command("reports", reports)
manager.add_command("shell", Shell(make_context=lambda: {"app": app, "db": db, "User": User}))


@manager.command
def ask():
    print(prompt("Name", default="none"), prompt_choices("Pick", ["a", "b"]), prompt_bool("Yes"), prompt_pass)


if __name__ == "__main__":''',
).replace(
    "import Manager, Migrate, MigrateCommand",
    "import (Command, Group, Manager, Migrate, MigrateCommand, Option, Server, Shell,"
    " prompt, prompt_bool, prompt_choices, prompt_pass)",
)


@pytest.fixture
def old(make_project, sqlite):
    project = make_project(sqlite)
    project.write("manage.py", WITH_COMMANDS)
    project.db("init").ok()
    project.revision("1111", upgrade=USERS, downgrade="op.drop_table('users')")
    return project


USERS = """
op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(64)))
"""


def test_commands_and_options_of_the_application(old):
    assert old.manage("hello").ok().out == "hello world\n"
    assert old.manage("hello", "--name", "ann", "--loud", "-t", "2").ok().out == "HELLO ANN\nHELLO ANN\n"
    assert old.manage("greet", "-c", "2", "--name", "bo").ok().out == "hi bo hi bo\n"
    assert "Say hello." in old.manage("-?").ok().out
    assert "too many arguments" in old.manage("hello", "more").failed(2).err


def test_commands_added_to_the_migrate_command(old):
    old.db("upgrade").ok()
    assert old.manage("seed", "ann").ok().out == "1\n"
    assert old.db("seeded").ok().out == "True\n"
    old.db("fill", "-r", "3").ok()
    assert old.database.rows("SELECT COUNT(*) FROM users") == [(4,)]
    assert old.db("clear", "--sure").ok().out == "cleared\n"
    assert old.database.rows("SELECT COUNT(*) FROM users") == [(0,)]
    shown = old.db("--help").ok().out
    for name, text in [
        ("seeded", "Is there a user?"),
        ("clear", "Remove every user."),
        ("upgrade", "Upgrade to a later"),
    ]:
        assert re.search(rf"^    {name} +{re.escape(text)}", shown, re.M), shown


def test_a_migrate_command_inside_a_sub_manager_under_another_name(old):
    assert old.manage("reports", "database", "upgrade").ok().code == 0
    assert old.database.version() == ["1111"]
    assert old.manage("reports", "count").ok().out == "0\n"
    assert old.manage("reports").code == 2
    assert old.manage("reports", "database", "--help").ok().out.startswith("usage: Perform database migrations\n")
    behind = old.manage("reports", "database", "downgrade", "-5").failed()
    assert "python manage.py reports database history" in behind.err


def test_a_migrate_command_registered_under_another_name(make_project, sqlite):
    project = make_project(sqlite)
    project.write("manage.py", MANAGE.replace('"db", MigrateCommand', '"database", MigrateCommand'))
    project.manage("database", "init").ok()
    project.manage("database", "migrate").ok()
    project.manage("database", "upgrade").ok()
    assert sqlite.tables() == ["users"]
    assert "python manage.py database --help" in project.manage("database", "upgrad").failed(2).err


def test_the_shell_has_the_application_in_it(make_project, sqlite, old):
    lines = "print(app.name)\nfrom flask import current_app\nprint(current_app.name)\n"
    plain = make_project(sqlite, "plain")
    plain.write("manage.py", MANAGE)
    assert plain.manage("shell", "--no-ipython", "--no-bpython", input=lines).ok().out.count("manage") == 2
    old.db("upgrade").ok()
    assert "0 users" in old.manage("shell", input="print(User.query.count(), 'users')\n").ok().out


def test_the_prompts_ask_and_answer(old):
    asked = old.manage("ask", input="\nb\ny\n").ok().out
    assert "Name [none]" in asked
    assert "none b True <function prompt_pass" in asked


def test_runserver_serves_the_application(make_project, sqlite):
    project = make_project(sqlite)
    project.write(
        "manage.py", MANAGE.replace("class User", '@app.route("/")\ndef page():\n    return "served"\n\n\nclass User')
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "manage.py", "runserver", "--port", str(port), "--no-reload"]
    with open(project.folder / "server.log", "w") as log:
        server = subprocess.Popen(command, cwd=str(project.folder), env=project.env, stdout=log, stderr=log)
    try:
        assert _page(server, f"http://127.0.0.1:{port}/") == "served", (project.folder / "server.log").read_text()
    finally:
        server.kill()
        server.wait()


def _page(server, url):
    """Return the page as soon as the server answers; nothing where it has ended instead."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(url) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.1)
    return None


FACTORY = """
import os
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_migrate_script import Manager, Migrate, MigrateCommand

db = SQLAlchemy()
migrate = Migrate()


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(64))


def create_app(config=None):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
    if config:
        app.config.from_pyfile(config)
    db.init_app(app)
    migrate.init_app(app, db)
    return app


manager = Manager(create_app)
manager.add_option("-c", "--config", dest="config", required=False)
manager.add_command("db", MigrateCommand)

if __name__ == "__main__":
    manager.run()
"""


def test_an_application_factory_takes_its_options_before_db(make_project, sqlite, new_database):
    other = new_database("sqlite")
    project = make_project(sqlite)
    project.write("manage.py", FACTORY)
    project.write("production.cfg", f"SQLALCHEMY_DATABASE_URI = {other.url!r}\n")
    project.db("init").ok()
    project.revision("1111", upgrade=USERS)
    project.manage("-c", "production.cfg", "db", "upgrade").ok()
    assert (sqlite.tables(), other.tables()) == ([], ["users"])
    project.db("upgrade").ok()
    assert sqlite.tables() == ["users"]
    assert "nowhere.ini" in project.manage("-c", "production.cfg", "db", "-c", "nowhere.ini", "current").failed().err


def test_an_applications_option_of_the_same_name_is_another_one(make_project, sqlite, new_database):
    """All options of a Flask-Script command line share one namespace: --dry-run must not be left to the application."""
    other = new_database("sqlite")
    source = FACTORY.replace("config=None", "db_name=None, dry_run=False, verbose=False")
    source = source.replace("    if config:\n        app.config.from_pyfile(config)\n", "    print(dry_run, verbose)\n")
    source = source.replace('os.environ["DATABASE_URL"]', 'db_name or os.environ["DATABASE_URL"]')
    source = source.replace('"-c", "--config", dest="config", required=False', '"--db-name"')
    options = "".join(f'manager.add_option("--{name}", action="store_true")\n' for name in ("dry-run", "verbose"))
    project = make_project(sqlite)
    project.write("manage.py", source.replace('manager.add_command("db"', f'{options}manager.add_command("db"'))
    project.db("init").ok()
    project.revision("1111", upgrade=USERS, downgrade="op.drop_table('users')")
    assert project.manage("--db-name", other.url, "--verbose", "db", "upgrade").ok().out == "False True\n"
    assert (sqlite.tables(), other.tables()) == ([], ["users"])
    dry = project.manage("--db-name", other.url, "db", "downgrade", "--dry-run", "-v").ok()
    assert dry.out.startswith("False False\n")
    assert "DROP TABLE users" in dry.out
    assert other.tables() == ["users"]


needs_ng = pytest.mark.skipif(FLASK < (2, 2, 4), reason="Flask-Script-NG needs Flask 2.2.4")


ON_NG = """
import sys
assert isinstance(MigrateCommand, sys.modules["flask_script_ng"].Manager)
assert "flask_script" not in sys.modules
"""


@needs_ng
@pytest.mark.parametrize(
    "imports",
    [
        "from flask_script_ng import Manager\nfrom flask_migrate_script import Migrate, MigrateCommand",
        "from flask_migrate_script import Migrate, MigrateCommand\nfrom flask_script_ng import Manager",
        "from flask_migrate_script import Manager, Migrate, MigrateCommand\nimport flask_script_ng",
    ],
    ids=["before", "after", "through"],
)
def test_an_application_on_flask_script_ng(make_project, sqlite, package, imports):
    project = make_project(sqlite)
    project.env.update(on_path(package("Flask-Script-NG")))
    source = MANAGE.replace("from flask_migrate_script import Manager, Migrate, MigrateCommand", imports)
    project.write("manage.py", source.replace("if __name__", f"{ON_NG}\nif __name__"))
    assert project.db().code == 2
    project.db("init").ok()
    project.db("migrate").ok()
    project.db("upgrade").ok()
    assert sqlite.tables() == ["users"]
    assert "Did you mean upgrade?" in project.db("upgrad").failed(2).err
    project.launch("db", "downgrade", "-1").ok()
    assert sqlite.tables() == []


COMPAT = """
import argparse, inspect, sys, warnings
warnings.simplefilter("ignore")
import flask
MISSING = object()
real = (getattr(flask, "_request_ctx_stack", MISSING), getattr(inspect, "getargspec", MISSING))
patched = {name: value for name, value in vars(argparse.ArgumentParser).items()}
try:
    import flask._compat as compat
except ImportError:
    compat = None
from flask_migrate_script import Manager, MigrateCommand
assert (getattr(flask, "_request_ctx_stack", MISSING), getattr(inspect, "getargspec", MISSING)) == real
assert sys.modules.get("flask._compat") is compat
assert dict(vars(argparse.ArgumentParser)) == patched
import flask_script, flask_script.commands
assert flask_script.Manager is Manager and isinstance(MigrateCommand, Manager)
assert flask_script.text_type is (compat.text_type if compat else str)
if real[0] is not MISSING:
    assert flask_script.commands._request_ctx_stack is real[0]
"""


def test_what_is_lent_to_flask_script_is_taken_back_and_what_works_is_left_alone(make_project):
    project = make_project()
    project.write("check.py", COMPAT)
    project.python("check.py").ok()
    project.python("-m", "flask_migrate_script", "check.py").ok()


@pytest.mark.skipif(FLASK >= (2,), reason="on Flask 2.0 and newer Flask-Script cannot be imported before it is mended")
def test_flask_script_imported_first(make_project, sqlite):
    project = make_project(sqlite)
    old_first = "from flask_script import Manager\nfrom flask_migrate_script import Migrate, MigrateCommand"
    project.write(
        "manage.py", MANAGE.replace("from flask_migrate_script import Manager, Migrate, MigrateCommand", old_first)
    )
    project.db("init").ok()
    project.db("migrate").ok()
    project.db("upgrade").ok()
    assert sqlite.tables() == ["users"]
