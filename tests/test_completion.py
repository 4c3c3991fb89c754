"""TAB completes verbs, options and revisions: in manage.py by argcomplete, in `flask db` by click."""

import os
import sys
from pathlib import Path

import pytest
from conftest import MANAGE, on_path, release
from test_old_idioms import needs_ng
from test_several_databases import BINDS, bound

CLICK = release("click")
MARK = "# PYTHON_ARGCOMPLETE_OK\n"
FACTORY = """
def create_app(config=None):
    print("made")
    app.config["MIGRATIONS"] = config
    Migrate(app, db, directory=config or "migrations")
    return app


manager = Manager(create_app)
manager.add_option("-c", "--config", dest="config", required=False)
manager.add_command("db", MigrateCommand)
"""

ASK = """
compopt() { :; }
for line in "$@"; do
    COMP_LINE=$line COMP_POINT=${#line} COMP_WORDS=($line) COMPREPLY=()
    if [[ $line == *" " ]]; then COMP_WORDS+=(""); fi
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    %s "${COMP_WORDS[0]}"
    echo "${COMPREPLY[*]}"
done
"""
"""Does what bash does at the end of each line: compopt is there while it completes only."""

ARGCOMPLETE = 'eval "$(activate-global-python-argcomplete --dest=-)"'
OF_CLICK = 'eval "$(_FLASK_COMPLETE=bash_source flask)"'


@pytest.fixture
def history(project):
    """An application whose migrations have messages, a branch and labels."""
    project.write("manage.py", MARK + MANAGE)
    project.revision("aaa111", message="users")
    project.revision("abb222", "aaa111", message="posts of users", branch_labels=("about",))
    project.revision("ccc333", "aaa111", message="tags")
    return project


def shell(project, script, *lines, env=None):
    """Run a script in bash with command lines for its arguments, and return what it prints; nothing on stderr."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {"PATH": path, "FLASK_APP": "manage.py", **(env or {})}
    done = project.run("bash", "-c", script, "bash", *lines, env=env).ok()
    assert done.err == ""
    return done.out.splitlines()


def argcomplete(project, *lines):
    """Return the words that bash offers at the end of each line; the lines start a manage.py."""
    return shell(project, ARGCOMPLETE + ASK % "_python_argcomplete_global", *lines)


def click(project, *lines, env=None):
    """Return the words that bash offers at the end of each line; the lines start `flask`."""
    return shell(project, OF_CLICK + ASK % "_flask_completion", *lines, env=env)


def answered(complete, project, expected):
    """Return what is offered at the end of the lines of a dictionary, as another one."""
    return dict(zip(expected, complete(project, *expected)))


def test_manage_py_offers_verbs_options_and_revisions(history):
    expected = {
        "python manage.py d": "db",
        "python manage.py db upg": "upgrade",
        "python manage.py db upgrade --lo": "--lock-timeout",
        "python manage.py db upgrade a": "about abb222 aaa111",
        "python manage.py db merge abb222 c": "ccc333",
        "python manage.py db migrate --head b": "base",
        "python manage.py db revision --depends-on=ab": "about abb222",
        "python manage.py db history -r aaa111:ab": "about abb222",
        "python manage.py db history -r ccc": "ccc333:",
        "python manage.py db init -t flask-": "flask-multidb",
        "python -m flask_migrate_script manage.py db stamp cc": "ccc333",
    }
    assert answered(argcomplete, history, expected) == expected


def test_a_shell_that_shows_what_a_word_means_is_told_the_message(history):
    def zsh(line):
        asked = {"_ARGCOMPLETE": "2", "_ARGCOMPLETE_SHELL": "zsh", "COMP_LINE": line, "COMP_POINT": str(len(line))}
        settings = {"_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SUPPRESS_SPACE": "1"}
        return shell(history, "python manage.py 8>&1 >/dev/null 2>/dev/null", env={**asked, **settings})

    shown = zsh("python manage.py db upgrade a")
    assert shown == ["about:branch label", "abb222:posts of users", "aaa111:users"]
    assert zsh("python manage.py db upg") == ["upgrade:Upgrade to a later version."]


def test_the_folder_and_the_application_are_those_of_the_line(history):
    """The application is made with the options on the line; what it prints meanwhile goes nowhere."""
    history.revision("eee555", folder="other")
    for name in ("env.py", "script.py.mako", "alembic.ini"):
        history.write(f"other/{name}", (history.folder / "migrations" / name).read_text())
    lines = ["python manage.py db -d other upgrade e", "python manage.py db upgrade -d other e"]
    assert argcomplete(history, *lines) == ["eee555", "eee555"]
    registered = 'migrate = Migrate(app, db)\nmanager = Manager(app)\nmanager.add_command("db", MigrateCommand)\n'
    assert registered in MANAGE
    history.write("manage.py", MARK + MANAGE.replace(registered, FACTORY))
    lines = ["python manage.py -c other db upgrade e", "python manage.py db upgrade c"]
    assert argcomplete(history, *lines) == ["eee555", "ccc333"]


@pytest.mark.skipif(CLICK < (8,), reason="click before 8 completes in another way, tested below")
def test_flask_db_offers_verbs_options_and_revisions(history):
    expected = {
        "flask db upg": "upgrade",
        "flask db upgrade --lo": "--lock-timeout",
        "flask db upgrade a": "about abb222 aaa111",
        "flask db merge abb222 c": "ccc333",
        "flask db migrate --head b": "base",
        "flask db history -r ccc": "ccc333:",
        "flask db nosuch upg": "upgrade",
    }
    assert answered(click, history, expected) == expected
    zsh = {"_FLASK_COMPLETE": "zsh_complete", "COMP_WORDS": "flask db upgrade a", "COMP_CWORD": "3"}
    shown = shell(history, "flask", env=zsh)
    assert shown == ["plain", "about", "branch label", "plain", "abb222", "posts of users", "plain", "aaa111", "users"]


@pytest.mark.skipif(CLICK >= (8,), reason="newer clicks complete in another way, tested above")
def test_flask_db_offers_what_an_older_click_can(history):
    def complete(line, instruction="complete"):
        asked = {"_FLASK_COMPLETE": instruction, "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return shell(history, "flask || true", env=asked)

    assert complete("flask db upg") == ["upgrade"]
    assert complete("flask db upgrade --lo") == ["--lock-timeout"]
    revisions = ["about", "abb222", "aaa111"] if CLICK >= (7,) else []
    assert sorted(complete("flask db upgrade a")) == sorted(revisions)
    if CLICK >= (7,):
        shown = complete("flask db upgrade ab", "complete_zsh")
        assert sorted(shown) == ["abb222", "about", "branch label", "posts of users"]


def test_bind_names(make_project, new_database):
    project = bound(make_project(new_database("sqlite")), my_bind=new_database("sqlite"))
    project.write("manage.py", MARK + BINDS)
    assert argcomplete(project, "python manage.py db upgrade --bind ") == ["default my-bind"]


@needs_ng
def test_an_application_on_flask_script_ng(history, package):
    history.env.update(on_path(package("Flask-Script-NG")))
    history.write("manage.py", MARK + "import flask_script_ng" + MANAGE)
    assert argcomplete(history, "python manage.py db upg", "python manage.py db upgrade c") == ["upgrade", "ccc333"]


def test_what_cannot_be_read_completes_nothing_and_says_nothing(history):
    broken = history.write("migrations/versions/broken.py", "syntax error")
    assert argcomplete(history, "python manage.py db upgrade --head a") == [""]
    if CLICK >= (8,):
        assert click(history, "flask db upgrade a") == [""]
        broken.unlink()
        nowhere = {"DATABASE_URL": "sqlite:////nosuch/folder/app.db"}
        assert click(history, "flask db upgrade c", env=nowhere) == ["ccc333"], "no database is asked"
