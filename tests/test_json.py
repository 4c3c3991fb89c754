"""`--json`: one document on stdout and nothing else there."""

import inspect
import json
import re
import sys
from threading import Event, Thread

import pytest
from conftest import ALEMBIC, FLASK, MANAGE, initialised
from test_several_databases import BINDS, bound

import flask_migrate_script
from flask_migrate_script.console.stdout import divert_prints
from flask_migrate_script.options import name_command
from flask_migrate_script.verbs import VERBS as EVERY_VERB

VERBS = ["history", "heads", "branches", "show", "current", "status", "check"]
REVISION_KEYS = {
    *("revision", "down_revisions", "depends_on", "branch_labels", "message", "created", "path", "is_head", "is_base")
}


def read(result):
    """Return the document that a command printed."""
    return json.loads(result.ok().out)


@pytest.fixture
def grown(project):
    """Branches with a label, a dependency and a merge, and a branch of its own; with and without dates."""
    created = "Revision ID: 1111\nCreate Date: {}\n"
    project.revision("1111", message=f"users\n\n{created.format('2013-06-10 14:37:16.385345')}")
    project.revision(
        "2222", "1111", branch_labels=("core",), message=f"two\n\n{created.format('2015-03-01 10:00:00Z')}"
    )
    project.revision("3333", "1111", depends_on="core", message=f"a\nb\n\n{created.format('10 June 2013')}")
    project.revision("4444", ("2222", "3333"))
    project.revision("5555", branch_labels=("apart",))
    project.revision("6666", "5555", depends_on=("1111",))
    return project


def test_a_revision_as_data(grown):
    found = {one["revision"]: one for one in read(grown.db("history", "--json"))}
    assert found["1111"] == {
        "revision": "1111",
        "down_revisions": [],
        "depends_on": [],
        "branch_labels": [],
        "message": "users",
        "created": "2013-06-10T14:37:16.385345",
        "path": str(grown.folder / "migrations" / "versions" / "1111.py"),
        "is_head": False,
        "is_base": True,
    }
    assert found["2222"]["created"] == "2015-03-01T10:00:00+00:00"
    assert found["3333"]["created"] is None
    assert found["3333"]["message"] == "a\nb"
    assert (found["3333"]["down_revisions"], found["3333"]["depends_on"]) == (["1111"], ["2222"]), "not the label"
    assert (found["4444"]["down_revisions"], found["4444"]["branch_labels"]) == (["2222", "3333"], ["core"])
    assert sorted(name for name, one in found.items() if one["is_head"]) == ["4444", "6666"]
    assert sorted(name for name, one in found.items() if one["is_base"]) == ["1111", "5555"]
    assert all(set(one) == REVISION_KEYS for one in found.values())


def test_the_same_revisions_in_the_same_order_as_in_the_text(grown):
    def same(*words, pattern=r"^(?:.* -> )?(\w{4})\b"):
        text = re.findall(pattern, grown.db(*words).ok().out, re.M)
        assert [one["revision"] for one in read(grown.db(*words, "--json"))] == text, words
        return text

    assert len(same("history", "-v", pattern=r"^Rev: (\w+)")) == 6
    assert same("history", "-r", "1111:4444") == ["4444", "3333", "2222", "1111"]
    same("history", "-r", ":current")
    grown.db("upgrade", "3333").ok()
    assert same("history", "-r", ":current")[0] == "3333"
    same("history", "-r", "current:")
    assert same("heads") == ["4444", "6666"]
    assert same("heads", "--resolve-dependencies") == ["4444", "6666"]
    assert same("branches", pattern=r"^(\w+)") == ["1111"]
    assert read(grown.db("branches", "--json"))[0]["branches_into"] == ["2222", "3333"]
    text = re.findall(r"^(\w+)", grown.db("current").ok().out, re.M)
    assert read(grown.db("current", "--json"))["databases"][0]["current"] == sorted(text)


def test_show_is_one_revision_or_a_list_where_the_name_means_none_or_several(grown):
    assert read(grown.db("show", "core@head", "--json"))["revision"] == "4444"
    assert read(grown.db("show", "22", "--json"))["revision"] == "2222"
    assert [one["revision"] for one in read(grown.db("show", "heads", "--json"))] == ["4444", "6666"]
    assert read(grown.db("show", "current", "--json")) == []
    grown.db("upgrade", "3333").ok()
    assert read(grown.db("show", "current", "--json"))["revision"] == "3333"
    marked = read(grown.flask("db", "history", "-i", "--json"))
    assert [one["revision"] for one in marked if one["is_current"]] == ["3333"]
    assert len(marked) == 6


def test_where_a_database_is_in_both_command_lines(grown):
    grown.db("upgrade", "2222").ok()
    documents = [
        read(run("db", verb, "--json")) for run in (grown.manage, grown.flask) for verb in ("current", "status")
    ]
    assert all(document == documents[0] for document in documents)
    (database,) = documents[0]["databases"]
    assert [one["revision"] for one in database.pop("pending")][-1] in ("4444", "6666")
    assert database == {
        "name": "default",
        "url": grown.database.url,
        "current": ["2222"],
        "heads": ["4444", "6666"],
        "unknown": [],
        "up_to_date": False,
        "unfinished": [],
    }


def test_check_heads_still_decides_the_exit_code(grown):
    checked = grown.db("current", "--check-heads", "--json")
    if ALEMBIC < (1, 17, 1):
        assert checked.failed().out == ""
        assert "needs Alembic 1.17.1" in checked.err
        return
    assert json.loads(checked.failed().out)["databases"][0]["up_to_date"] is False
    assert "python manage.py db upgrade heads" in checked.err
    grown.db("upgrade", "heads").ok()
    assert read(grown.db("current", "-c", "--json"))["databases"][0]["up_to_date"] is True


def test_a_database_at_a_revision_that_no_file_has(grown):
    grown.db("upgrade", "heads").ok()
    grown.database.run("DELETE FROM alembic_version", "INSERT INTO alembic_version VALUES ('9999'), ('5555')")
    (database,) = read(grown.db("current", "--json"))["databases"]
    assert (database["current"], database["unknown"]) == (["5555", "9999"], ["9999"])
    assert (database["pending"], database["up_to_date"]) == ([], False), "what is pending cannot be known"
    assert len(read(grown.db("history", "--json"))) == len(read(grown.db("history", "-i", "--json"))) == 6
    assert len(read(grown.db("heads", "--json"))) == 2
    lost = grown.db("history", "-r", "current:", "--json").failed()
    assert lost.out == ""
    assert "db stamp --purge" in lost.err


NOISY = """
import sys
import logging

logging.basicConfig(stream=sys.stdout, level=logging.DEBUG)
"""


def test_nothing_else_is_on_stdout_and_failures_leave_it_empty(make_project, sqlite):
    """env.py prints and leaves the logging to the application, which logs and echoes its SQL to stdout."""
    source = MANAGE.replace("migrate = ", 'app.config["SQLALCHEMY_ECHO"] = True\nmigrate = ')
    project = initialised(make_project(sqlite), NOISY + source)
    project.revision("1111", upgrade="op.create_table('users', sa.Column('id', sa.Integer, primary_key=True))")
    env = project.folder / "migrations" / "env.py"
    env.write_text("print('env.py is here')\n" + env.read_text().replace("fileConfig(", "dict(path="))
    project.db("upgrade").ok()
    for verb in VERBS:
        if verb == "check" and ALEMBIC < (1, 9):
            continue
        result = project.db(verb, "--json")
        assert isinstance(json.loads(result.out), (list, dict)), verb
        assert ("env.py is here" in result.err) == (verb in ("current", "status", "check")), verb
    for words in (["history", "-r", "nope:"], ["show", "nope"], ["status", "--bind", "nope"]):
        assert project.db(*words, "--json").failed().out == "", words
    (project.folder / "migrations/versions/2222.py").write_text("revision =")
    for verb in ("heads", "status"):
        assert project.db(verb, "--json").failed().out == "", verb


LOUD = """
import atexit, ctypes, logging.config, os, subprocess, sys, warnings


def shout(where):
    print("print in", where)
    logging.info("log in %s", where)
    own = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}
    logging.config.dictConfig(
        {"version": 1, "disable_existing_loggers": False,
         "handlers": {"own": own}, "loggers": {"loud": {"handlers": ["own"], "level": "INFO"}}}
    )
    logging.getLogger("loud").info("own handler in %s", where)
    print("__stdout__ in", where, file=sys.__stdout__, flush=True)
    os.write(1, b"descriptor in %s\\n" % where.encode())
    subprocess.run(["echo", "child in", where], check=True)
    ctypes.CDLL(None).puts(b"C in " + where.encode())
"""
WAYS = ["print", "log", "own handler", "__stdout__", "descriptor", "child", "C"]


@pytest.fixture
def loud(make_project, sqlite):
    """It logs to stdout from its first line; env.py, teardown and exit handlers write there in every way."""
    source = MANAGE.replace("db = ", "app.teardown_appcontext(lambda error: shout('teardown'))\ndb = ")
    project = initialised(make_project(sqlite), f"{NOISY}{LOUD}\natexit.register(shout, 'exit')\n{source}")
    project.revision(
        "1111",
        upgrade="""
        op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(64)))
        """,
        downgrade='op.drop_table("users")',
    )
    project.db("upgrade").ok()
    env = project.folder / "migrations" / "env.py"
    env.write_text(f"import __main__\ngetattr(__main__, 'shout', print)('env.py')\n{env.read_text()}")
    project.fresh = True
    return project


JSON_COMMANDS = [
    [name_command(verb), *(["--dry-run"] if "dry_run" in parameters else [])]
    for verb, parameters in ((verb, inspect.signature(verb).parameters) for verb in EVERY_VERB)
    if "json" in parameters
]


@pytest.mark.parametrize("words", JSON_COMMANDS, ids=" ".join)
def test_one_document_whatever_the_application_writes_in_whatever_way(loud, words):
    if words == ["check"] and ALEMBIC < (1, 9):
        pytest.skip("check needs Alembic 1.9")
    result = loud.db(*words, "--json")
    assert json.loads(result.ok().out) is not None
    places = ["teardown", "exit", *(["env.py"] if "env.py" in result.err else [])]
    assert (len(places) == 3) == (words[0] not in ("history", "heads", "branches", "show")), "these run no env.py"
    for where in places:
        assert not {f"{way} in {where}" for way in WAYS} - set(re.findall(r"[\w ]+ in [\w.]+", result.err)), result


def test_one_document_from_the_launcher_and_from_flask(loud):
    for run in (loud.launch, loud.flask):
        assert json.loads(run("db", "status", "--json").ok().out)["databases"], run
    refused = loud.db("history", "-r", "nope:", "--json").failed()
    assert refused.out == ""
    assert json.loads(loud.db("history", "--json", env={"PYTHONUNBUFFERED": "1"}).ok().out)


def test_a_program_gets_one_document_and_keeps_its_own_words(loud):
    loud.write("program.py", CALLS)
    for verb in ("history", "status"):
        out = loud.python("program.py", verb).ok().out
        before, document, after = re.split(r"^(?:before|after)\n", out, flags=re.M)
        assert json.loads(document), out
        assert "setup plugin" not in before + after


CALLS = """
import sys
import flask_migrate_script
from manage import app

context = app.app_context()
context.push()
print("before")
getattr(flask_migrate_script, sys.argv[1])(json=True)
print("after")
"""


@pytest.mark.skipif(FLASK < (1, 0), reason="Flask 0.12 has no test_cli_runner")
def test_a_runner_of_tests_reads_the_document_and_its_own_stdout_stays(grown):
    grown.write("program.py", RUNNER)
    first, *rest, last = grown.python("program.py", "db", "heads", "--json").ok().out.splitlines()
    assert (first, last) == ("before", "after")
    assert [one["revision"] for one in json.loads("\n".join(rest))] == ["4444", "6666"]


RUNNER = """
from manage import app

print("before")
print(app.test_cli_runner().invoke(args=["db", "heads", "--json"]).output)
print("after")
"""


def test_threads_that_look_at_the_same_time_leave_stdout_as_it_was(capsys):
    stdout, inside, go = sys.stdout, Event(), Event()

    def look():
        with divert_prints():
            inside.set()
            go.wait(60)

    thread = Thread(target=look)
    thread.start()
    inside.wait(60)
    with divert_prints():
        print("before the other has left")
        go.set()
        thread.join()
        print("after it")
    assert sys.stdout is stdout
    assert capsys.readouterr() == ("", "before the other has left\nafter it\n")


def test_several_databases_and_no_password(make_project, new_database, postgresql):
    project = bound(make_project(postgresql), my_bind=new_database("sqlite"))
    project.env["DATABASE_URL"] = re.sub(r"//(\w+)(:\w+)?@", r"//\1:hidden-word@", postgresql.url)
    project.write("manage.py", BINDS)
    project.initialise("--multidb")
    project.revision("1111")
    found = project.db("status", "--json").ok()
    assert "hidden-word" not in found.out + found.err
    assert [one["name"] for one in read(found)["databases"]] == ["default", "my-bind"]
    assert "//postgres:***@" in read(found)["databases"][0]["url"]
    bind = read(project.db("current", "--json", "--bind", "my-bind"))["databases"]
    assert [one["name"] for one in bind] == ["my-bind"]
    assert read(project.db("history", "-r", ":current", "--json")), "once, not once a database"
    assert len(read(project.db("history", "-i", "--json"))) == 1


def test_from_python_json_comes_after_the_parameters_there_were(project):
    for verb in VERBS:
        parameters = inspect.signature(getattr(flask_migrate_script, verb)).parameters
        assert (list(parameters)[-1], parameters["json"].default) == ("json", False)
    env = project.folder / "migrations" / "env.py"
    env.write_text(f"import __main__\n__main__.inside.set()\n__main__.said.wait(60)\n{env.read_text()}")
    project.write("program.py", PROGRAM)
    printed, _, after = project.python("program.py").ok().out.partition("\n")
    assert printed == "of another thread"
    assert json.loads(after)["databases"][0]["up_to_date"] is True


PROGRAM = """
import sys
from threading import Event, Thread
from manage import app
from flask_migrate_script import current

inside, said, stdout = Event(), Event(), sys.stdout


def look():
    with app.app_context():
        current(json=True)


thread = Thread(target=look)
thread.start()
inside.wait(60)
print("of another thread")
said.set()
thread.join()
assert sys.stdout is stdout
"""


CREATE = "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True))"


def moved(result, code=0):
    """Return the databases of what an upgrade or a downgrade printed."""
    assert result.code == code, result
    return json.loads(result.out)["databases"]


def test_what_an_upgrade_and_a_downgrade_did(any_project):
    project, url = any_project, any_project.database.url
    project.revision("1111", None, CREATE.format("first"), "op.drop_table('first')")
    project.revision("2222", "1111", CREATE.format("second"), "op.drop_table('second')")
    (up,) = moved(project.db("upgrade", "--json"))
    assert up.pop("url").partition("?")[0] == url.replace(":@", "@").partition("?")[0]
    nothing = {"name": "default", "left": [], "error": None, "doubtful": []}
    assert up == {**nothing, "before": [], "after": ["2222"], "applied": ["1111", "2222"], "state": "applied"}
    (down,) = moved(project.flask("db", "downgrade", "--json"))
    del down["url"]
    assert down == {**nothing, "before": ["2222"], "after": ["1111"], "applied": ["2222"], "state": "applied"}
    (again,) = moved(project.db("upgrade", "1111", "--json"))
    del again["url"]
    assert again == {**nothing, "before": ["1111"], "after": ["1111"], "applied": [], "state": "unchanged"}


def test_what_is_true_after_a_failure_as_data(any_project):
    project = any_project
    project.revision("1111", None, CREATE.format("first"), "op.drop_table('first')")
    project.db("upgrade").ok()
    project.revision("2222", "1111", f"{CREATE.format('second')}\nop.execute('INSERT INTO nowhere VALUES (1)')")
    failed = project.db("upgrade", "--json").failed()
    assert "Revision 2222" in failed.err
    (found,) = moved(failed, code=1)
    lasts = project.database.kind == "mysql"
    assert found["state"] == ("partly" if lasts else "unchanged")
    assert [one.partition(" (")[0] for one in found["left"]] == (["CREATE TABLE second"] if lasts else [])
    assert (found["before"], found["after"], found["applied"]) == (["1111"], ["1111"], [])
    assert found["error"]["revision"] == "2222"
    assert found["error"]["statement"] == "INSERT INTO nowhere VALUES (1)"
    assert "nowhere" in found["error"]["message"]


def test_nothing_but_the_document_is_on_stdout_where_it_never_began(project):
    project.revision("1111")
    project.write("manage.py", MANAGE.replace("app = Flask", "print('said by the application')\napp = Flask"))
    env = project.folder / "migrations" / "env.py"
    env.write_text("print('said by env.py')\n" + env.read_text())
    # Unbuffered, it would have left the process before the verb begins.
    ended = project.db("upgrade", "nowhere", "--json", env={"PYTHONUNBUFFERED": ""}).failed()
    assert "Can't locate revision" in ended.err
    assert "said by the application" in ended.err
    assert all(one["applied"] == [] for one in json.loads(ended.out)["databases"])
    refused = project.db("upgrade", "--json", "--sql", env={"PYTHONUNBUFFERED": ""}).failed()
    assert "--sql" in refused.err
    assert refused.out == ""


def test_each_database_is_in_the_document(make_project, sqlite, new_database):
    two = bound(make_project(sqlite), my_bind=new_database("sqlite"))
    two.write("manage.py", BINDS)
    two.initialise("--multidb")
    two.db("migrate", "--rev-id", "1111").ok()
    names = [one["name"] for one in moved(two.db("upgrade", "--json"))]
    assert names == ["default", "my-bind"]
    assert [one["name"] for one in moved(two.db("downgrade", "--json", "--bind", "my-bind"))] == ["my-bind"]
