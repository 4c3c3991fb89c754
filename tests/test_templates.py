"""What `init` writes works with every kind of database object, and shows no password anywhere."""

import os

import pytest
from conftest import FLASK, MANAGE, on_path

PLAIN = """
import os
from flask import Flask
from sqlalchemy import Column, Integer, MetaData, Table, create_engine
from flask_migrate_script import Manager, Migrate, MigrateCommand


class Database:
    metadata = MetaData()
    engine = create_engine(os.environ["DATABASE_URL"])


app = Flask(__name__)
Table("users", Database.metadata, Column("id", Integer, primary_key=True))
migrate = Migrate(app, Database())
manager = Manager(app)
manager.add_command("db", MigrateCommand)

if __name__ == "__main__":
    manager.run()
"""


def walk(project, template=()):
    """Make a repository, write a revision, run it both ways, and see that there is nothing more to write."""
    project.db("init", *template).ok()
    project.db("migrate", "-m", "users", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    assert project.database.tables() == ["users"]
    nothing = project.db("migrate", "-m", "nothing").ok()
    assert "No changes in schema detected." in nothing.err
    assert [path.name for path in project.versions()] == ["1111_users.py"]
    assert "CREATE TABLE users" in project.db("upgrade", "--sql").ok().out + _written(project)
    project.db("downgrade").ok()
    assert project.database.tables() == []


def _written(project):
    """Return the SQL that a repository for several databases writes to a file."""
    path = project.folder / ".sql"
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("template", [(), ("--multidb",)], ids=["one", "several"])
def test_plain_sqlalchemy(make_project, sqlite, template):
    project = make_project(sqlite)
    project.write("manage.py", PLAIN)
    walk(project, template)


def test_an_object_with_get_engine_only(make_project, sqlite):
    project = make_project(sqlite)
    engine = '    engine = create_engine(os.environ["DATABASE_URL"])\n'
    method = engine.replace("engine =", "_engine =") + "\n    def get_engine(self):\n        return self._engine\n"
    project.write("manage.py", PLAIN.replace(engine, method))
    walk(project)


LITE = """
import os
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from flask_migrate_script import Manager, Migrate, MigrateCommand


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)


class Models(SQLAlchemy):
    metadata = Base.metadata


app = Flask(__name__)
app.config["SQLALCHEMY_ENGINES"] = {"default": os.environ["DATABASE_URL"], "other": "sqlite:///other.db"}
db = Models(app)
migrate = Migrate(app, db)
manager = Manager(app)
manager.add_command("db", MigrateCommand)

if __name__ == "__main__":
    manager.run()
"""


@pytest.mark.skipif(FLASK < (3,), reason="Flask-SQLAlchemy-Lite needs Flask 3 and SQLAlchemy 2")
@pytest.mark.parametrize("template", [(), ("--multidb",)], ids=["one", "several"])
def test_flask_sqlalchemy_lite(make_project, sqlite, package, template):
    project = make_project(sqlite)
    # It uses the asyncio parts of SQLAlchemy and Flask, which need greenlet and asgiref.
    project.env.update(on_path(*map(package, ["Flask-SQLAlchemy-Lite", "greenlet", "asgiref"])))
    project.write("manage.py", LITE)
    walk(project, template)


PASSWORD = "p%40ss%25word%2F100%25"  # p@ss%word/100%


@pytest.fixture
def secret(postgresql):
    """A PostgreSQL database whose URL has a password with @, % and / in it."""
    scheme, _, rest = postgresql.url.partition("://")
    user, _, place = rest.rpartition("@")
    postgresql.url = f"{scheme}://{user.partition(':')[0]}:{PASSWORD}@{place}"
    return postgresql


@pytest.mark.parametrize("template", [(), ("--multidb",)], ids=["one", "several"])
def test_a_password_with_percent_and_at_works_and_is_shown_nowhere(make_project, secret, template):
    """Whether the server asks for the password or not, the URL with it has to come through whole."""
    project = make_project(secret)
    source = MANAGE.replace("manager = Manager", "CHECK\nmanager = Manager").replace("CHECK", CHECK)
    project.write("manage.py", source)
    outputs = [project.db("init", *template).ok()]
    outputs += [
        project.db(*words)
        for words in (["migrate", "-m", "users"], ["upgrade"], ["current", "-v"], ["upgrade", "--sql"])
    ]
    for one in outputs:
        one.ok()
    assert secret.tables() == ["users"]
    outputs += [project.db("upgrade", "nowhere").failed(), project.db("upgrade", "nowhere", "--raiseerr")]
    files = [path for path in project.folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    shown = [text for one in outputs for text in (one.out, one.err)] + [path.read_text() for path in files]
    for part in (PASSWORD, "p@ss%word/100%", "p%%40", "ss%word"):
        assert not [text for text in shown if part in text.replace(CHECK, "")], part


CHECK = """
from sqlalchemy import event
from sqlalchemy.engine import Engine


@event.listens_for(Engine, "do_connect")
def connecting(dialect, record, args, kwargs):
    assert kwargs["password"] == "p@ss" + "%word/100%", "another password arrived"
"""


def test_a_template_of_ones_own_by_its_path(make_project, sqlite):
    import flask_migrate_script

    own = make_project(sqlite, "own")
    own.write("manage.py", MANAGE)
    original = os.path.join(os.path.dirname(flask_migrate_script.__file__), "templates", "flask")
    for name in os.listdir(original):
        if os.path.isfile(os.path.join(original, name)):
            with open(os.path.join(original, name), encoding="utf-8") as source:
                own.write(f"templates/mine/{name}", source.read())
    own.write("templates/mine/env.py", "print('my own env.py')\n")
    own.db("init", "-t", "templates/mine/").ok()
    assert (own.folder / "migrations" / "env.py").read_text() == "print('my own env.py')\n"
    assert "list-templates" in own.flask("db", "init", "-d", "other", "--template", "no-such").failed().err
    assert not (own.folder / "other").exists()
    assert "no-such" in own.flask("db", "init", "-d", "other", "--template", "./no-such").failed().err


def test_list_templates_and_package(make_project, sqlite):
    project = make_project(sqlite)
    project.write("manage.py", MANAGE)
    listed = project.db("list-templates").ok().out.splitlines()
    assert listed[0] == "Available templates:"
    assert [line.partition(" - ")[0] for line in listed if " - " in line] == ["flask", "flask-multidb"]
    assert project.flask("db", "list-templates").ok().out.splitlines() == listed
    project.db("init", "--package").ok()
    for folder in ("migrations", "migrations/versions"):
        assert (project.folder / folder / "__init__.py").read_text() == ""
    ini = (project.folder / "migrations" / "alembic.ini").read_text()
    assert "sqlalchemy.url" not in ini
    assert str(project.folder) not in ini
