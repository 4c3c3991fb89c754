"""The next step that a message names works when it is typed to the letter."""

import re
import shlex
import sys

import pytest
from conftest import FLASK, MANAGE, initialised
from test_old_idioms import FACTORY, USERS


@pytest.fixture
def behind(make_project, sqlite):
    """A repository in a folder that is not the registered one, and an empty database."""
    project = make_project(sqlite)
    project.write("manage.py", MANAGE)
    project.db("init", "-d", "my migrations").ok()
    project.revision("1111", upgrade=USERS, folder="my migrations")
    return project


def typed(project, pattern, result):
    """Run the command that a message has in its first group, as it stands there."""
    found = re.search(pattern, result.err + result.out, re.M)
    assert found, result
    python, *words = shlex.split(found[1])
    if python == "flask":
        words = ["-m", "flask", *words]
    return project.python(*words)


@pytest.mark.parametrize("words", ["-d 'my migrations' {}", "{} --directory 'my migrations'"], ids=["before", "after"])
def test_the_folder_is_named_again(behind, words):
    refused = behind.db(*shlex.split(words.format("migrate"))).failed()
    typed(behind, "Bring it up to date first: (.*)$", refused).ok()
    assert behind.database.version() == ["1111"]
    behind.env["FLASK_APP"] = "manage.py"
    missing = behind.flask("db", *shlex.split(words.format("downgrade zzzz"))).failed()
    listed = typed(behind, r"Nothing was changed\. (.*) lists the revisions", missing).ok()
    assert "<base> -> 1111 (head)" in listed.out


def test_status_and_the_dry_run_name_it_too(behind):
    assert "To do it: python manage.py db -d 'my migrations' upgrade" in behind.db(
        "upgrade", "--dry-run", "-d", "my migrations"
    ).out.replace("\n", " ")
    typed(behind, "^Next: (.*)$", behind.db("status", "-d", "my migrations").ok()).ok()
    assert behind.database.version() == ["1111"]


def test_what_env_py_and_alembic_were_told_is_said_again(behind):
    behind.write("deploy.ini", (behind.folder / "my migrations" / "alembic.ini").read_text() + "[other]\n")
    env = behind.folder / "my migrations" / "env.py"
    env.write_text(env.read_text() + "\nprint(context.get_x_argument(), config.config_ini_section)\n")
    line = ["-c", "deploy.ini", "-n", "other", "-x", "a=1", "status", "-d", "my migrations", "-x", "b=two words"]
    done = typed(behind, "^Next: (.*)$", behind.db(*line).ok()).ok()
    assert "['a=1', 'b=two words'] other\n" in done.out
    assert behind.database.version() == ["1111"]


def test_what_the_environment_says_is_not_repeated(behind):
    behind.env.update(FLASK_DB_DIRECTORY="my migrations", FLASK_DB_X_ARG="a=1")
    assert behind.db("status").ok().out.endswith("\nNext: python manage.py db upgrade\n")
    behind.env.update(FLASK_DB_DIRECTORY="", FLASK_DB_STATUS_DIRECTORY="my migrations")
    assert behind.db("status").ok().out.endswith("\nNext: python manage.py db -d 'my migrations' upgrade\n")


def test_a_password_is_not_said_again(behind):
    for password in ("s3cret", "two words"):
        done = behind.db("-d", "my migrations", "-x", f"password={password}", "status").ok()
        assert done.out.endswith("Next: python manage.py db -d 'my migrations' -x 'password=***' upgrade\n")


def test_the_applications_own_options_and_the_path_of_the_script(make_project, sqlite, new_database):
    """Without them the next step would be taken in another database."""
    other = new_database("sqlite")
    project = make_project(sqlite)
    project.write("manage.py", FACTORY)
    project.write("db.cfg", f"SQLALCHEMY_DATABASE_URI = {other.url!r}\n")
    project.initialise()
    project.revision("1111", upgrade=USERS)
    line = [sys.executable, "./manage.py", "-c", "db.cfg", "db", "status"]
    typed(project, "^Next: (python ./manage.py -c db.cfg db upgrade)$", project.run(*line).ok()).ok()
    assert (sqlite.tables(), other.tables()) == ([], ["users"])


@pytest.mark.skipif(FLASK < (2, 2), reason="flask --app came with Flask 2.2")
def test_the_application_that_flask_was_given(make_project, sqlite):
    project = initialised(make_project(sqlite))
    project.revision("1111", upgrade=USERS)
    status = project.python("-m", "flask", "--app", "manage:app", "db", "status").ok()
    typed(project, "^Next: (python -m flask --app manage:app db upgrade)$", status).ok()
    assert sqlite.version() == ["1111"]
