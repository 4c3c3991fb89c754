"""Whatever a person gets wrong: one line that says what, one that says what to do, exit 1 or 2, nothing changed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from conftest import MANAGE, Project, initialised

TABLE = "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(64)))"
COMMAND_LINES = {"manage": "python manage.py db", "flask": "flask db"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A migrations folder with three revisions, made once."""
    project = initialised(
        Project(tmp_path_factory.mktemp("repository")), MANAGE.replace('os.environ["DATABASE_URL"]', '"sqlite://"')
    )
    project.revision("aaaa11", upgrade=TABLE, downgrade="op.drop_table('users')")
    project.revision("aaaa22", "aaaa11")
    project.revision("cccc33", "aaaa22")
    return project.folder / "migrations"


@pytest.fixture
def copied(make_project, repository):
    """Return a function that makes a project with those three revisions on a database."""

    def make(database=None):
        project = make_project(database)
        project.write("manage.py", MANAGE)
        shutil.copytree(str(repository), str(project.folder / "migrations"))
        return project

    return make


@pytest.fixture
def behind(copied, sqlite):
    """The three revisions, and an empty database."""
    return copied(sqlite)


@contextmanager
def unchanged(project):
    """Fail if the block changes a file, a table or the version."""
    before = state(project)
    yield
    assert state(project) == before


def state(project):
    files = {
        str(path): path.read_bytes()
        for path in sorted(project.folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    database = project.database
    if database is None:
        return files
    return files, database.tables(), database.version()


def refused(project, line, problem, advice="", code=1, by="manage", env=None):
    """Run a command, and expect its refusal: what is wrong, and the advice in the words of that command line."""
    run = project.db if by == "manage" else lambda *words, **kwargs: project.flask("db", *words, **kwargs)
    with unchanged(project):
        result = run(*line.split(), env=env).failed(code)
    assert re.search(rf"^Error: .*{problem}", result.err, re.M | re.S), result
    assert advice.replace("{db}", COMMAND_LINES[by]) in result.err, result
    return result


USAGE = [
    ("upgrad", "{db}: unknown verb 'upgrad'. Did you mean upgrade?"),
    ("frobnicate", "{db}: unknown verb 'frobnicate'."),
    ("upgrade --sqll", "{db} upgrade: unknown option '--sqll'. Did you mean --sql?"),
    ("-z", "{db}: unknown option '-z'."),
    ("-d other", "{db}: a verb is missing."),
    ("upgrade one two", "{db} upgrade: .*two"),
    ("merge", "{db} merge: .*(REVISIONS|revisions)"),
    ("upgrade --wait soon", "{db} upgrade: .*--wait.*soon"),
    ("upgrade --ddl-retries 1.5", "{db} upgrade: .*--ddl-retries.*1.5"),
    ("upgrade --wait", "{db} upgrade: .*--wait.*argument"),
    ("graph --format gif", "{db} graph: .*--format.*gif.*mermaid"),
]


@pytest.mark.parametrize("by", ["manage", "flask"])
def test_usage_errors_are_two_lines_that_name_what_is_wrong_and_what_is_near(behind, by):
    for line, problem in USAGE:
        run = behind.db if by == "manage" else lambda *words: behind.flask("db", *words)
        with unchanged(behind):
            result = run(*line.split()).failed(2)
        words = {"manage": "python manage.py db", "flask": "(python -m )?flask db"}[by]
        verb = "" if "{db}:" in problem else f" {line.split()[0]}"
        pattern = f"Error: {problem.format(db=words)}.*\n       See {words}{verb} --help\n"
        assert re.fullmatch(pattern, result.err), result
        assert result.out == "", result


WITH_THREE_REVISIONS = [
    ("migrate", "Target database is not up to date", "{db} upgrade"),
    ("upgrade zzzz", "Can't locate revision identified by 'zzzz'", "{db} history"),
    ("downgrade zzzz", "Can't locate revision identified by 'zzzz'", "{db} history"),
    ("stamp nonsense", "Can't locate revision identified by 'nonsense'", "{db} history"),
    ("revision --head zzzz", "Can't locate revision identified by 'zzzz'", "{db} history"),
    ("upgrade aaaa", "Multiple revisions start with 'aaaa'", "{db} history"),
    ("downgrade -9", "Relative revision -9 didn't produce 9 migrations", "{db} current"),
    ("upgrade +9", "Relative revision \\+9 didn't produce 9 migrations", "{db} current"),
    ("upgrade 1:2", "Range revision not allowed", "--sql"),
    ("downgrade --sql aaaa11", "requires <fromrev>:<torev>", "{db} downgrade --sql"),
    ("history -r nonsense", "History range requires", "{db} history -r current:head"),
    ("history -r cccc33:aaaa11", "does not refer to ancestor", "{db} history"),
    ("revision --head aaaa11", "Revision aaaa11 is not a head revision", "--splice"),
    ("revision --rev-id aaaa11", "There is a revision aaaa11 already", "--rev-id"),
    ("merge --rev-id aaaa22 cccc33", "There is a revision aaaa22 already", "--rev-id"),
    ("revision --rev-id x@y", "'@' not allowed in revision identifier", "another identifier"),
    ("revision --sql", "does not make any sense", "Leave out --sql"),
    (
        "revision --version-path elsewhere",
        "not represented in current version locations",
        "--version-path: migrations/versions",
    ),
    ("init", "already exists and is not empty", "another folder with -d"),
    ("init -t nosuch -d other", "No such template", "{db} list-templates"),
    ("upgrade -d manage.py", "manage.py is not a migrations folder: it is a file|Not a directory", "-d"),
    ("upgrade -d nowhere", "Path doesn't exist", "{db} -d nowhere init"),
    ("init -d manage.py", "manage.py: |already exists", "another folder"),
]


@pytest.mark.parametrize("by", ["manage", "flask"])
def test_a_wrong_argument(behind, by):
    """Half of them in each command line: both go through the same functions."""
    for line, problem, advice in WITH_THREE_REVISIONS[by == "flask" :: 2]:
        refused(behind, line, problem, advice, by=by)


def test_a_step_beyond_the_last_revision_counted_from_another(behind):
    """Alembic 1.4 goes as far as it can; later ones end in an assertion of their own."""
    result = behind.db("upgrade", "aaaa11+9")
    if result.code == 0:
        assert behind.database.version() == ["cccc33"]
    else:
        assert "There is no revision aaaa11+9" in result.failed().err
        assert "python manage.py db history" in result.err


def test_a_configuration_file_that_is_not_there(behind):
    for by in ("manage", "flask"):
        refused(behind, "-c deploy.cfg upgrade", "There is no file deploy.cfg.", "Say with -c where it is", by=by)


def test_no_editor(behind):
    behind.env.pop("EDITOR", None)
    behind.env.pop("VISUAL", None)
    behind.env["PATH"] = ""
    refused(behind, "edit head", "[Ee]ditor", "EDITOR")
    refused(behind, "edit current", "No current revisions", "{db} edit head", env={"EDITOR": "true"})


def test_no_migrations_folder(make_project, sqlite):
    project = make_project(sqlite)
    project.write("manage.py", MANAGE)
    for line in ["upgrade", "migrate", "history"]:
        refused(project, line, "Path doesn't exist", "{db} init")
    refused(project, "current", "Path doesn't exist", "{db} init", by="flask")


def test_a_revision_in_the_database_that_is_in_no_file(behind):
    behind.db("upgrade").ok()
    behind.database.run("UPDATE alembic_version SET version_num = 'dead'")
    for line in ["upgrade", "current", "migrate"]:
        refused(behind, line, "Can't locate revision identified by 'dead'. The database is at", "{db} stamp --purge")
    refused(behind, "downgrade", "Can't locate revision identified by 'dead'", "{db} stamp --purge", by="flask")
    behind.db("stamp", "--purge", "cccc33").ok()
    assert behind.db("current").ok().out == "cccc33 (head)\n"


def test_two_heads(behind):
    behind.revision("dddd44", "aaaa22")
    refused(behind, "upgrade", "Multiple head", "{db} merge heads")
    refused(behind, "revision", "Multiple heads are present", "{db} heads", by="flask")
    behind.db("upgrade", "heads").ok()
    behind.database.run("CREATE TABLE orders (id INTEGER)")
    refused(behind, "migrate", "Multiple heads are present", "{db} merge heads")


HEADER = 'revision = "eeee55"\ndown_revision = "cccc33"\n'
BAD_FILES = {
    "syntax error": (HEADER + "def upgrade(:\n", "eeee55.py, line 3: ", "Fix that file"),
    "failing import": (
        HEADER + "import nosuchmodule\n",
        "eeee55.py, line 3: .*No module named 'nosuchmodule'",
        "Fix that file",
    ),
    "exit": (HEADER + "raise SystemExit(0)\n", "eeee55.py, line 3: SystemExit", "Fix that file"),
    "missing parent": (HEADER.replace("cccc33", "nope"), "eeee55.py: revision eeee55 follows nope", "down_revision"),
    "missing dependency": (
        HEADER + "depends_on = 'nope'\n",
        "eeee55.py: revision eeee55 depends on nope",
        "depends_on",
    ),
    "self-loop": (
        HEADER.replace("cccc33", "eeee55"),
        "(Self-loop|Cycle) is detected in revisions \\(eeee55\\)",
        "follow itself",
    ),
    "duplicate": (
        'revision = "aaaa22"\ndown_revision = "aaaa11"\n',
        "have the id aaaa22: .*eeee55.py",
        "id of its own",
    ),
    "not UTF-8": (HEADER.encode() + b'x = "\xff\xfe"\n', "eeee55.py.*[Uu][Tt][Ff]-8", "as UTF-8"),
    "NUL byte": (HEADER.encode() + b"\x00\n", "eeee55.py.*null bytes", "Fix that file"),
    "no variables": ("x = 1\n", "eeee55.py has no down_revision", "A revision file has"),
    "no upgrade()": (HEADER, "eeee55.py has no upgrade\\(\\)", "A revision file has"),
    "wrong type": ("revision = 55\ndown_revision = 44\n", "eeee55.py, line 1: `revision` is 55", "A revision file has"),
    "label taken": (
        HEADER + "branch_labels = ('aaaa11',)\n",
        "'aaaa11' in revision eeee55 already used",
        "another label",
    ),
}


def test_a_bad_revision_file(behind):
    file = behind.folder / "migrations" / "versions" / "eeee55.py"
    for number, (content, problem, advice) in enumerate(BAD_FILES.values()):
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        refused(behind, "upgrade", problem, advice, by=("manage", "flask")[number % 2])
    file.unlink()
    (behind.folder / "migrations" / "versions" / "helper.py").write_text("x = 1\n")
    refused(behind, "history", "helper.py", "Set `revision` in that file")


@pytest.mark.parametrize(
    "changed",
    [
        {"aaaa11": {"down_revision": "cccc33"}},
        {"eeee55": {"down_revision": "ffff66"}, "ffff66": {"down_revision": "eeee55"}},
        {"aaaa11": {"depends_on": "cccc33"}},
    ],
    ids=["every file", "two files", "dependency"],
)
def test_a_cycle(behind, changed):
    for revision, fields in changed.items():
        behind.revision(revision, **fields)
    for line in ["upgrade", "history"]:
        refused(behind, line, "ycle is detected in revisions", "down_revision")


RAISING = {
    "raise ValueError('boom')": "ValueError: boom",
    "raise KeyError('migrate')": "KeyError: 'migrate'",
    "assert False": "AssertionError",
    "raise SystemExit(0)": "SystemExit: 0",
    "raise RuntimeError('Working outside of application context.')": "RuntimeError: Working outside",
    "open('/nosuch/file')": "FileNotFoundError",
}


def test_a_migration_that_raises(behind):
    behind.db("upgrade").ok()
    for number, (statement, said) in enumerate(RAISING.items()):
        behind.revision("eeee55", "cccc33", statement)
        problem = rf"Revision eeee55 \(migrations/versions/eeee55.py, line \d+\) failed: {said}"
        result = refused(behind, "upgrade", problem, "Fix the script", by=("manage", "flask")[number % 2])
        assert "Nothing was changed" not in result.err, result
    trace = behind.db("upgrade", "--raiseerr")
    assert trace.code == 1
    assert "Traceback" in trace.err
    assert "FileNotFoundError" in trace.err


def test_sql_that_fails(copied, database):
    project = copied(database)
    project.db("upgrade").ok()
    project.revision("eeee55", "cccc33", 'op.execute("SELEC 1")')
    result = refused(project, "upgrade", "Revision eeee55 .* failed: .*(syntax|SQL)", "The database is at cccc33")
    assert "Statement: SELEC 1" in result.err, result
    assert "sqlalche.me" not in result.err, result


@pytest.mark.parametrize("logging", ["2.x alembic.ini", "disabled"])
def test_errors_show_whatever_the_logging_configuration_is(behind, logging):
    """The env.py of 2.x disables the host's loggers, and some applications disable all of them."""
    if logging == "disabled":
        behind.write("manage.py", "import logging\nlogging.disable(logging.CRITICAL)\n" + MANAGE)
    else:
        env = behind.folder / "migrations" / "env.py"
        env.write_text(env.read_text().replace(", disable_existing_loggers=False", ""))
    refused(behind, "upgrade zzzz", "Can't locate revision identified by 'zzzz'", "{db} history")
    refused(behind, "upgrade zzzz", "Can't locate revision identified by 'zzzz'", "{db} history", by="flask")


def test_no_extension_registered(behind):
    behind.write("manage.py", MANAGE.replace("migrate = Migrate(app, db)\n", ""))
    for line in ["upgrade", "history", "init -d other", "reset --yes"]:
        refused(behind, line, "Migrate is not registered on the application", "Migrate(app, db)")


def test_models_that_were_never_imported(behind):
    behind.db("upgrade").ok()
    behind.database.run("CREATE TABLE orders (id INTEGER)")
    source = re.sub(r"class User.*?\n\n\n", "", MANAGE, flags=re.S)
    behind.write("manage.py", source)
    refused(behind, "migrate", "would drop 2 tables \\(orders, users\\)", "{db} migrate --allow-drop-all")
    refused(behind, "revision --autogenerate", "would drop 2 tables", "Import them", by="flask")
    behind.db("migrate", "--allow-drop-all", "--rev-id", "drops").ok()
    text = "".join(path.read_text() for path in behind.versions())
    assert text.count("op.drop_table('orders')") == 1


ENVIRONMENT = {
    "no env.py": ("env.py", None, "migrations is not a migrations folder: it has no env.py", "{db} init"),
    "env.py, syntax": ("env.py", "def x(:\n", "migrations/env.py, line 1: ", "Fix that file"),
    "env.py, raising": (
        "env.py",
        'raise KeyError("migrate")\n',
        "migrations/env.py, line 1: KeyError",
        "Fix that file",
    ),
    "env.py, exit": ("env.py", "import sys\nsys.exit(0)\n", "migrations/env.py, line 2: SystemExit", "Fix that file"),
    "no alembic.ini": ("alembic.ini", None, "alembic.ini", "{db} init"),
    "alembic.ini, no section": (
        "alembic.ini",
        "hello\n",
        "alembic.ini: File contains no section headers",
        "Fix that file",
    ),
    "alembic.ini, twice": (
        "alembic.ini",
        "[alembic]\na=1\n[alembic]\n",
        "alembic.ini: .*already exists",
        "Fix that file",
    ),
    "alembic.ini, reference": (
        "alembic.ini",
        "[alembic]\nversion_locations = %(x)s\n",
        "alembic.ini: Bad value",
        "Fix that file",
    ),
    "alembic.ini, no logging": (
        "alembic.ini",
        "[alembic]\n[loggers]\nkeys=root\n",
        "alembic.ini: logging cannot be set up",
        "Fix",
    ),
    "alembic.ini, bytes": ("alembic.ini", b"[alembic]\nx = \xff\n", "alembic.ini: .*utf-8", "as UTF-8"),
}


def test_a_broken_migrations_folder(behind):
    for number, (name, content, problem, advice) in enumerate(ENVIRONMENT.values()):
        path = behind.folder / "migrations" / name
        kept = path.read_bytes()
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        refused(behind, "upgrade", problem, advice, by=("manage", "flask")[number % 2])
        path.write_bytes(kept)


TEMPLATES = {
    "missing": (None, "script.py.mako: No such file", "Restore that file"),
    "syntax": ("${unfinished\n", "script.py.mako: ", "Fix that file"),
    "unknown name": ("${nosuch.name}\n", "rendering failed", "script.py.mako"),
}


def test_a_broken_script_template(behind):
    path = behind.folder / "migrations" / "script.py.mako"
    for content, problem, advice in TEMPLATES.values():
        path.unlink()
        if content is not None:
            path.write_text(content)
        refused(behind, "revision", problem, advice)
        path.write_text("")


# SQLAlchemy before 1.4 takes postgres:// for PostgreSQL.
BAD_URLS = {
    "postgres://u:s3cret@h/d": ("begins with postgres://|Cannot connect to postgres://", "SQLALCHEMY_DATABASE_URI"),
    "nosuch://u:s3cret@h/d": ("knows no database of the name nosuch", "SQLALCHEMY_DATABASE_URI"),
    "mysql+cymysql://u:s3cret@h/d": ("driver cymysql is not installed", "pip install cymysql"),
    "this is no url s3cret": ("database URL cannot be read", "SQLALCHEMY_DATABASE_URI"),
    "postgresql+psycopg2://u:s3cret@h:port/d": (
        "database URL cannot be read|Cannot connect",
        "SQLALCHEMY_DATABASE_URI",
    ),
}


def unconnected(make_project, repository):
    project = make_project()
    project.write("manage.py", MANAGE)
    shutil.copytree(str(repository), str(project.folder / "migrations"))
    return project


def test_a_database_url_that_cannot_work(make_project, repository):
    """Flask-SQLAlchemy 3 reads the URL while the application is made, before there is a command to catch anything."""
    project = unconnected(make_project, repository)
    for number, (url, (problem, advice)) in enumerate(BAD_URLS.items()):
        env = {"DATABASE_URL": url}
        result = refused(project, "upgrade", problem, advice, by=("manage", "flask")[number % 2], env=env)
        assert "s3cret" not in result.err + result.out, result
    refused(project, "-q -d migrations upgrade", "knows no database", env={"DATABASE_URL": "nosuch://h/d"})
    launched = project.launch("db", "upgrade", env={"DATABASE_URL": "postgres://u:s3cret@h/d"}).failed()
    assert re.match("Error: (The database URL begins with|Cannot connect to) postgres://", launched.err), launched


def test_an_error_that_is_the_applications_own_is_left_alone(make_project, repository):
    project = unconnected(make_project, repository)
    source = MANAGE.replace("migrate = Migrate(app, db)", "raise ValueError('mine')")
    project.write("manage.py", source)
    result = project.db("upgrade", env={"DATABASE_URL": "sqlite://"})
    assert result.code == 1
    assert result.err.startswith("Traceback"), result
    assert result.err.endswith("ValueError: mine\n"), result


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_that_is_not_there(make_project, repository, new_database, kind):
    project = unconnected(make_project, repository)
    url = new_database(kind).url
    driver = url.split("://")[0]
    nowhere = f"{driver}://someone:s3cret@127.0.0.1:1/d"
    problem = re.escape(f"Cannot connect to {driver}://someone:***@127.0.0.1:1/d")
    refused(project, "upgrade", problem, "Is the server running", env={"DATABASE_URL": nowhere})
    refused(project, "reset --yes", problem, "Is the server running", by="flask", env={"DATABASE_URL": nowhere})
    missing = re.sub(r"/\w+$", "/nosuchdatabase", url)
    refused(project, "upgrade", "Cannot connect to .*nosuchdatabase", "Create it", env={"DATABASE_URL": missing})


def test_a_wrong_password(make_project, repository, mysql):
    project = unconnected(make_project, repository)
    url = re.sub(r"://[^@]*@", "://root:wr0ng-one@", mysql.url)
    result = refused(project, "upgrade", "Cannot connect to .*Access denied", "the password", env={"DATABASE_URL": url})
    assert "wr0ng" not in result.err, result


def test_a_database_file_in_no_folder(make_project, repository):
    project = unconnected(make_project, repository)
    refused(
        project, "upgrade", "unable to open database file", "folder", env={"DATABASE_URL": "sqlite:////nosuch/x/y.db"}
    )


@contextmanager
def read_only(folder):
    """Make a folder one that nobody can write to: for root, whom no file mode keeps out, by a mount."""
    if os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], check=True)
    else:
        folder.chmod(0o500)
    try:
        yield
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(folder)], check=True)
        else:
            folder.chmod(0o700)


def test_a_folder_that_cannot_be_written(behind):
    versions = behind.folder / "migrations" / "versions"
    for file in versions.glob("*.py"):
        file.unlink()
    with read_only(versions), unchanged(behind):
        revision = behind.db("revision").failed()
        init = behind.flask("db", "init", "-d", "migrations/versions/new").failed()
    for result in (revision, init):
        pattern = r"^Error: \S+: (Permission denied|Read-only file system)\n +Check that"
        assert re.search(pattern, result.err, re.M), result


@pytest.mark.parametrize("by", ["manage", "flask"])
def test_ctrl_c_during_a_migration(behind, by):
    behind.db("upgrade").ok()
    behind.revision("eeee55", "cccc33", "import time; open('started', 'w').close(); time.sleep(60)")
    words = ["manage.py", "db"] if by == "manage" else ["-m", "flask", "db"]
    process = subprocess.Popen(
        [sys.executable, *words, "upgrade"],
        cwd=str(behind.folder),
        env={**behind.env, "FLASK_APP": "manage.py"},
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    while not (behind.folder / "started").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    err = process.communicate()[1]
    assert process.returncode == 1, err
    assert "Traceback" not in err
    assert "Error: Interrupted." in err
    assert f"{COMMAND_LINES[by]} current" in err
    assert behind.database.version() == ["cccc33"]


@pytest.mark.parametrize("by", ["manage", "flask"])
def test_a_reader_that_goes_away(behind, by):
    """`db history | head -1`: the rest of the output has nowhere to go, which is one line."""
    for number in range(1500):
        behind.revision(f"r{number:04}", f"r{number - 1:04}" if number else "cccc33", message="x" * 80)
    words = ["manage.py", "db"] if by == "manage" else ["-m", "flask", "db"]
    process = subprocess.Popen(
        [sys.executable, *words, "history"],
        cwd=str(behind.folder),
        env={**behind.env, "FLASK_APP": "manage.py"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert process.stdout.readline().startswith("r1498 -> r1499 (head)")
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait() == 1
    assert err == "Error: What there is to print cannot be written to standard output: Broken pipe.\n"
