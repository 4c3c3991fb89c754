"""What a person types is data, and so is what is in the database: nothing of it runs, and no terminal obeys it."""

import ast
import itertools
import json
import re
import subprocess
import sys

import pytest
import sqlalchemy as sa
from conftest import MANAGE, initialised, wait_for
from terminal import Terminal

from flask_migrate_script.console.terminal import remove_controls
from flask_migrate_script.revisions.typed import Message

TABLE = "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(64)))"
RED, TITLE = "\x1b[31m", "\x1b]0;owned\x07"

EACH_IN_A_FORK = """
import contextlib, io, json, os, shlex, sys
import alembic.command, alembic.autogenerate
import flask_migrate_script.running, flask_migrate_script.config, flask_migrate_script.guard.run
import flask_migrate_script.explanations, flask_migrate_script.revisions.problems, manage

def state():
    found = {}
    for folder, folders, names in os.walk(sys.argv[2]):
        for name in folders:
            found[os.path.join(folder, name)] = None
        for name in [one for one in names if not folder.endswith("__pycache__")]:
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.join(folder, name)] = file.read()
    return {name: content for name, content in found.items() if "__pycache__" not in name}

def ask(words, settings):
    reading, writing = os.pipe()
    if os.fork() == 0:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                manage.app.config.update(settings)
                sys.argv[:] = ["manage.py", "db", *words]
                manage.manager.run()
                code = 0
            except SystemExit as exit:
                code = exit.code
            except BaseException as exc:
                code = repr(exc)
        with open(writing, "w") as file:
            json.dump([code, out.getvalue(), err.getvalue()], file)
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        result = json.load(file)
    os.wait()
    return result

results, before = [], state()
for words, settings in json.load(open(sys.argv[1])):
    results.append([*ask(words, settings), state() == before])
print(json.dumps(results))
"""
"""Answers many command lines at the price of one: exit code, stdout, stderr, and whether all is as it was."""

USAGE = [
    ["upgrade", "--wait", "-1"],
    ["upgrade", "--wait", "nan"],
    ["upgrade", "--wait", "inf"],
    ["upgrade", "--wait", ""],
    ["upgrade", "--lock-timeout", "-5"],
    ["upgrade", "--ddl-timeout", "soon"],
    ["upgrade", "--ddl-retries", "-1"],
    ["upgrade", "--ddl-retries", "1.5"],
    ["upgrade", "--ddl-retries", f"1{RED}"],
    ["downgrade", "--wait=-0.5"],
    ["stamp", "--lock-timeout=-1", "head"],
    ["reset", "--yes", "--wait=-1"],
    ["ensure-version", "--lock-timeout=x"],
    ["journal", "--lock-timeout=-1"],
    ["current", "--wait=-1"],
    ["status", "--wait", "1 s"],
    ["migrate", "--wait=-1"],
    ["history", "--wait=-1"],
    ["lint", "--wait=x"],
    ["graph", "--format", "gif"],
    ["upgrade", "--json=yes"],
    ["upgrade", "one", "two"],
    ["merge"],
    ["frobnicate"],
    [f"up{RED}grade"],
    ["upgrade", f"--sq{TITLE}l"],
    ["-d", "other"],
    ["-z"],
]
REFUSED = [
    *(
        ["revision", "--rev-id", one]
        for one in ("../../outside", "/tmp/outside", "a\\b", "a b", "a\nb", "a\0b", f"a{RED}")
    ),
    *(["revision", "--rev-id", one] for one in ("a'b", 'a"""b', "a,b", "$a", "..", ".hidden", "a\u202eb", "x" * 33)),
    *(["revision", "--rev-id", one] for one in ("head", "heads", "base", "current", "aaaa11", "a@b", "a+1")),
    ["merge", "--rev-id", "../outside", "bbbb22", "cccc33"],
    *(["revision", "--branch-label", one] for one in ("", " ", f"a{RED}", "a\nb")),
    *(["revision", "--version-path", one] for one in ("/tmp", "..", "../outside", "migrations", f"migrations{RED}")),
    ["edit", "head"],
    *([verb, f"a{RED}{TITLE}"] for verb in ("upgrade", "downgrade", "stamp", "show")),
    ["history", "-r", f"a{RED}:b"],
    ["history", "-r", "::::"],
    ["upgrade", "../../etc/passwd"],
    ["revision", "--head", f"a{RED}"],
    ["revision", "--depends-on", "nope"],
    ["upgrade", "--bind", f"nosuch{RED}"],
    ["journal", "--forget", f"nope{RED}"],
    ["migrate", "--rename", f"a{RED}"],
    ["migrate", "--fill", "x"],
    ["graph", "-o", f"/nosuch{RED}/picture"],
    ["graph", "-o", "migrations"],
    ["init", "-t", f"../no{RED}such", "-d", "other"],
    ["init", "-d", "migrations"],
    ["-d", "/dev/null", "upgrade"],
    ["-d", f"no{RED}where", "upgrade"],
    ["-c", f"no{RED}where.ini", "upgrade"],
    ["-n", f"no{RED}where", "upgrade"],
    ["lint", "nope"],
    ["upgrade", "--sql", "--json"],
    ["reset"],
]
SETTINGS = [
    *(
        {f"MIGRATE_{name}": value}
        for name in ("LOCK_TIMEOUT", "WAIT", "DDL_TIMEOUT")
        for value in (-1, "soon", None, True)
    ),
    *({"MIGRATE_DDL_RETRIES": value} for value in (-1, "twice", 1.5, float("inf"))),
    *({f"MIGRATE_{name}": value} for name in ("LOCK", "JOURNAL", "FOREIGN_KEY_CHECK") for value in ("False", "no")),
]


@pytest.fixture
def three(project):
    """Three revisions, two of them heads, and nothing applied."""
    project.database.run("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    project.revision("aaaa11", upgrade=TABLE)
    project.revision("bbbb22", "aaaa11")
    project.revision("cccc33", "aaaa11")
    return project


def ask_each(project, cases):
    """Return what became of each command line, with settings of the application's: code, stdout, stderr, unchanged."""
    cases = [(words, settings) for words, settings in cases]
    project.write("driver.py", EACH_IN_A_FORK)
    (project.folder / "cases.json").write_text(json.dumps(cases))
    done = project.python("driver.py", "cases.json", str(project.folder.parent), env={"EDITOR": "", "VISUAL": ""}).ok()
    return json.loads(done.out)


def test_more_than_sixty_bad_inputs_are_refused_in_two_lines_and_change_nothing(three):
    cases = [*((words, {}) for words in [*USAGE, *REFUSED]), *((["upgrade", "aaaa11"], one) for one in SETTINGS)]
    assert len(cases) >= 60
    expected = [*[2] * len(USAGE), *[1] * len(REFUSED), *[2] * len(SETTINGS)]
    for (words, settings), code, found in zip(cases, expected, ask_each(three, cases)):
        result, out, err, unchanged = found
        assert (result, unchanged) == (code, True), (words, settings, found)
        assert re.match(r"Error: .+\n {7}\S", err[err.index("Error: ") :]), (words, settings, found)
        assert remove_controls(out + err) == out + err, (words, settings, found)
        assert "Traceback" not in err, (words, settings, found)
        assert all(name in err for name in settings), (settings, found)


def test_flask_db_refuses_the_same(three):
    for words in (["upgrade", "--wait", "-1"], ["upgrade", "--ddl-retries", "-1"], ["upgrade", "--ddl-timeout", "nan"]):
        result = three.flask("db", *words).failed(2)
        assert re.fullmatch(
            rf"Error: .*{words[1]}.*'{words[2]}' is not a number of .*\n +See .*--help\n", result.err
        ), result
    assert "'/' is in it" in three.flask("db", "revision", "--rev-id", "../x").failed().err
    three.flask(
        "db", "revision", "--head", "bbbb22", "--rev-id", "a" * 32, env={"FLASK_DB_REVISION_MESSAGE": "C:\\Users"}
    ).ok()
    assert "C:\\Users" in three.db("history").ok().out


def test_a_folder_with_longer_identifiers_takes_others_as_long(three):
    """Its version table has been made wider."""
    three.revision("d" * 40, "bbbb22")
    three.db("revision", "--head", "d" * 40, "--rev-id", "e" * 40).ok()
    assert "has 41 characters" in three.db("revision", "--head", "e" * 40, "--rev-id", "f" * 41).failed().err


def test_any_message_is_a_string_of_pythons_that_means_it():
    for count in range(5):
        for parts in itertools.product(["\\", '"', "'", "a", "\n", '"""', "\x1b", "\0", "\udcff", "é"], repeat=count):
            message = "".join(parts)
            for quotes in ('"""', "'''"):
                assert ast.literal_eval(f"{quotes}{Message(message)}{quotes}") == message


def test_a_message_makes_a_file_that_loads_and_runs_nothing(project):
    messages = ["move C:\\Users", '"""; open("owned", "w"); """', "ends in \\", 'a "quote"', f"red{RED}", "two\nlines"]
    for number, message in enumerate(messages):
        project.db("revision", "-m", message, "--rev-id", f"r{number}").ok()
    project.db("upgrade").ok()
    listed = {one["revision"]: one["message"] for one in json.loads(project.db("history", "--json").ok().out)}
    assert [listed[f"r{number}"] for number in range(len(messages))] == messages
    assert not (project.folder / "owned").exists()
    project.db("merge", "-m", '"""+open("owned", "w")+"""', "r5", "r5")
    assert not (project.folder / "owned").exists()


def test_no_terminal_gets_a_command_from_a_message_a_label_or_a_row(project):
    """Its own colours and the line below the log are sequences, too; what the data have is none of them."""
    project.revision("aaaa11", upgrade=TABLE, message=f"red {RED}{TITLE}", branch_labels=f"label{RED}")
    insert = f"op.execute(\"INSERT INTO users VALUES (1, 'x{RED}')\")"
    project.revision("bbbb22", "aaaa11", message=f"next {RED}", upgrade=f"op.create_unique_constraint\n{insert}")
    raise_ = f"raise ValueError('{RED}{TITLE}')"
    project.revision("cccc33", "bbbb22", message=f"last {RED}", upgrade=raise_)
    assert RED in project.db("history").ok().out, "in a pipe it is as Alembic prints it"
    lines = ["history -v", "upgrade --sql", "upgrade bbbb22", "upgrade --raiseerr", "status", "graph"]
    for line in lines:
        terminal = Terminal(project, "manage.py", "db", *line.split(), columns=200)
        terminal.end()
        assert RED.encode() not in terminal.raw, (line, terminal.raw)
        assert TITLE.encode() not in terminal.raw, (line, terminal.raw)


def test_an_error_that_quotes_a_row_is_clean_in_a_pipe_too(make_project, postgresql):
    project = initialised(make_project(postgresql))
    insert = f"op.execute(\"INSERT INTO users VALUES (1, 'x{RED}'), (2, 'x{RED}')\")"
    project.revision("aaaa11", upgrade=f"{TABLE}\n{insert}\nop.create_unique_constraint('u', 'users', ['name'])")
    for words in (["upgrade"], ["upgrade", "--raiseerr"], ["upgrade", "--dry-run"]):
        result = project.db(*words)
        assert result.code == 1
        assert "x?[31m" in result.err, result
        assert "\x1b" not in result.err + result.out, result


def test_a_table_with_a_line_end_in_its_name_runs_nothing_in_a_script(project):
    project.database.run("CREATE TABLE \"old\nopen('owned', 'w')\" (id INTEGER)")
    project.db("migrate").ok()
    (path,) = project.versions()
    ast.parse(path.read_text())
    project.db("history").ok()
    assert not (project.folder / "owned").exists()


SECRET_URLS = [
    "postgresql+psycopg2://someone@127.0.0.1:1/d?sslpassword=s3cretword&sslmode=prefer",
    "postgresql+psycopg2://someone:0ther@127.0.0.1:1/d?options=-c%20app.key%3Ds3cretword",
    "mysql+pymysql://someone@127.0.0.1:1/d?ssl_key_password=s3cretword",
    "sqlite:////nosuch/x.db?hexkey=s3cretword&access_token=s3cretword",
]


def test_a_secret_in_the_query_of_a_url_shows_nowhere(three):
    cases = [(words, url) for url in SECRET_URLS for words in (["status", "--json"], ["upgrade", "--raiseerr"])]
    for words, url in cases:
        result = three.db(*words, env={"DATABASE_URL": url})
        assert result.code == 1
        assert "s3cretword" not in result.out + result.err, result
    url = f"{three.database.url}?timeout=5&uri=false&cached_key=s3cretword"
    for words in (["status", "--json"], ["upgrade", "--dry-run", "bbbb22"], ["reset", "--yes"]):
        result = three.db(*words, env={"DATABASE_URL": url})
        assert "cached_key=***" in result.out + result.err, result
        assert "s3cretword" not in result.out + result.err, result


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_sigterm_and_ctrl_c_end_a_statement_that_runs(make_project, new_database, kind):
    """The driver waits in C for it; there is no end to this one."""
    project = initialised(make_project(new_database(kind)))
    project.db("upgrade").ok()
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
    statement = endless if kind == "sqlite" else "SELECT pg_sleep(3600)"
    project.revision("aaaa11", None, f"{TABLE}\nopen('begun', 'w').close()\nop.execute('{statement}')")
    for number in (2, 15):
        process = project.start("db", "upgrade")
        wait_for((project.folder / "begun").exists)
        process.send_signal(number)
        err = process.communicate()[1]
        assert process.returncode == 1, err
        assert "Error: Interrupted." in err
        assert "Rolled back, nothing changed." in err
        assert "Traceback" not in err
        assert project.database.tables() == []
        (project.folder / "begun").unlink()


def test_ctrl_c_ends_a_reset_that_waits_for_a_table(make_project, postgresql):
    project = initialised(make_project(postgresql))
    postgresql.run("CREATE TABLE busy (id INTEGER)")
    with postgresql.engine().begin() as connection:
        connection.execute(sa.text("LOCK TABLE busy IN ACCESS SHARE MODE"))
        process = project.start("db", "reset", "--yes")
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'DROP TABLE%busy%'"
        wait_for(lambda: postgresql.rows(waiting))
        process.send_signal(15)
        err = process.communicate()[1]
    assert process.returncode == 1, err
    assert "Error: Interrupted." in err
    assert postgresql.tables() == ["busy"]


def test_a_stdout_that_takes_nothing_is_one_line_and_exit_1(three):
    three.db("upgrade", "bbbb22").ok()
    cases = [("history", "1"), ("history", ""), ("status", ""), ("heads --json", "")]
    for line, unbuffered in cases:
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "manage.py", "db", *line.split()],
                cwd=str(three.folder),
                env={**three.env, "PYTHONUNBUFFERED": unbuffered},
                stdout=full,
                stderr=subprocess.PIPE,
                universal_newlines=True,
            )
        assert done.returncode == 1, (line, done.stderr)
        last = done.stderr.splitlines()[-1]
        assert last == "Error: What there is to print cannot be written to standard output: No space left on device."
        assert "Traceback" not in done.stderr
    closed = subprocess.run(
        f"{sys.executable} manage.py db heads >&-",
        shell=True,
        cwd=str(three.folder),
        env=three.env,
        stderr=subprocess.PIPE,
    )
    assert (closed.returncode, closed.stderr) == (0, b"")


def test_two_migrates_on_one_application_have_a_command_each(project):
    source = MANAGE.replace(
        'manager.add_command("db"', 'Migrate(app, db, directory="others", command="other")\nmanager.add_command("db"'
    )
    source = source.replace(
        "MigrateCommand)\n\n\n", 'MigrateCommand)\nmanager.add_command("other", type(MigrateCommand)())\n\n\n', 1
    )
    project.write("manage.py", source)
    project.revision("aaaa11")
    project.manage("other", "init").ok()
    project.revision("bbbb22", folder="others")
    for run in (project.manage, project.flask):
        assert run("db", "heads").ok().out == "aaaa11 (head)\n"
        assert run("other", "heads").ok().out == "bbbb22 (head)\n"
    project.write("manage.py", source.replace(', command="other"', ""))
    failed = project.db("heads")
    assert failed.code == 1
    assert "Two Migrate objects on one application share the command 'db'" in failed.err
