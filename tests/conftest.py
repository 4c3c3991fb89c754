"""A real application in a temporary folder, its real command lines in subprocesses, and real databases.

SQLite is always there. PostgreSQL and MariaDB or MySQL are where ``TEST_POSTGRESQL_URL`` and ``TEST_MYSQL_URL`` say:
the URL of a server and a user that may create databases. With ``TEST_ALL_DATABASES=1`` a missing one fails the run
instead of skipping its tests.
"""

import atexit
import functools
import importlib.util
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
from importlib import metadata
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.url import make_url

SAMPLES = Path(__file__).parent / "samples"
SERVERS = {"postgresql": "TEST_POSTGRESQL_URL", "mysql": "TEST_MYSQL_URL"}

MANAGE = """
import os
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_migrate_script import Manager, Migrate, MigrateCommand

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
db = SQLAlchemy(app)
migrate = Migrate(app, db)
manager = Manager(app)
manager.add_command("db", MigrateCommand)


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(64))


if __name__ == "__main__":
    manager.run()
"""
"""The application most tests use: one model, `python manage.py db`, and `flask db` from the same file."""


def application(models):
    """Return the application with other models."""
    head, _, _ = MANAGE.partition("class User")
    return f'{head}{models.strip()}\n\n\nif __name__ == "__main__":\n    manager.run()\n'


REVISION = '''"""{message}"""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down_revision!r}
branch_labels = {branch_labels!r}
depends_on = {depends_on!r}


def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
'''


def pytest_configure(config):
    """Let Ctrl-C reach the commands, and write what became of each test to the file that ``TEST_OUTCOMES`` names.

    Two ways to run the suite are compared by that file: with ``TEST_FORK=0`` and without.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell; the commands would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ.get("TEST_OUTCOMES") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(os.environ["TEST_OUTCOMES"]))


def pytest_xdist_auto_num_workers(config):
    """Many tests wait, for a lock or for a server: one process more than there are processors."""
    return (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1) + 1


def pytest_sessionfinish():
    for name in _EMPTIED:
        execute_on_server(os.environ[SERVERS["postgresql"]], f"DROP DATABASE IF EXISTS {name}")


class Outcomes:
    def __init__(self, path):
        self.path, self.found = path, {}

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.found[report.nodeid] = "failed" if report.failed else self.found.get(report.nodeid, report.outcome)

    def pytest_sessionfinish(self):
        lines = sorted(f"{outcome} {test}\n" for test, outcome in self.found.items())
        Path(self.path).write_text("".join(lines), encoding="utf-8")


class Result:
    """What a command line did."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.command = done.args

    def __repr__(self):
        return f"{self.command}\nexit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    def ok(self):
        """Return itself where the exit code is 0; fail with everything it printed otherwise."""
        assert self.code == 0, self
        return self

    def failed(self, code=1):
        """Return itself where it failed as a person may expect: that exit code, a message, no traceback."""
        assert self.code == code, self
        assert "Traceback" not in self.err + self.out, self
        assert self.err.strip(), self
        return self


def forks(command, env):
    """Return whether a command may start from the interpreter of tests/fork_server.py: see there."""
    alike = env.get("PYTHONPATH") == os.environ.get("PYTHONPATH") and env.get("PYTHONWARNINGS") == "ignore"
    words = command[1:2] == ["-m"] or (command[1:2] and command[1].endswith(".py"))
    wanted = os.environ.get("TEST_FORK") != "0" and hasattr(os, "fork")
    return wanted and command[0] == sys.executable and alike and bool(words)


def forked(command, cwd, env, input, timeout):
    """Run a command on the fork server and return what subprocess.run would."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: os.path.join(folder, name) for name in ("stdin", "stdout", "stderr")}
        for name, path in paths.items():
            Path(path).write_text(input or "" if name == "stdin" else "", encoding="utf-8")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout)  # seconds: one that waits for ever fails its test, and stops no other
            client.connect(fork_server())
            client.sendall(json.dumps({"argv": command[1:], "cwd": cwd, "env": env, **paths}).encode() + b"\n")
            code = int(client.makefile().read())
        out, err = (Path(paths[name]).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(command, code, out, err)


@functools.lru_cache(maxsize=None)
def fork_server():
    """Start the server, once a test process, and return its socket."""
    path = os.path.join(tempfile.mkdtemp(), "socket")
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "fork_server.py"), path],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
    )
    server.stdout.readline()
    atexit.register(server.kill)
    return path


class Project:
    """An application in a folder of its own, run by its real command lines.

    :param folder: where it is.
    :param database: the database its ``DATABASE_URL`` names.
    """

    def __init__(self, folder, database=None):
        self.folder = Path(folder)
        self.database = database
        self.fresh = False  # True gives each command an interpreter of its own
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("FLASK_", "MIGRATE_"))}
        # A test may write a revision file twice within the second that a cached one is dated by.
        self.env.update(PYTHONDONTWRITEBYTECODE="1", PYTHONWARNINGS="ignore", COLUMNS="200")
        if database:
            self.env["DATABASE_URL"] = database.url

    def write(self, path, text):
        """Write a file of the application; the text may be indented."""
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    def sample(self, name, path="manage.py"):
        """Copy one of the sample applications, as it is."""
        return self.write(path, (SAMPLES / name).read_text(encoding="utf-8"))

    def run(self, *command, env=None, input=None, timeout=300, **kwargs):
        """Run a command in the folder and wait for it."""
        command = [str(word) for word in command]
        env = {**self.env, **(env or {})}
        if not (self.fresh or kwargs) and forks(command, env):
            return Result(forked(command, str(self.folder), env, input, timeout))
        done = subprocess.run(
            command,
            cwd=str(self.folder),
            env=env,
            input=input,
            stdin=None if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=timeout,
            **kwargs,
        )
        return Result(done)

    def start(self, *words):
        """Start ``python manage.py …`` and return the process."""
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=str(self.folder),
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )

    def python(self, *words, **kwargs):
        return self.run(sys.executable, *words, **kwargs)

    def manage(self, *words, **kwargs):
        """``python manage.py …``"""
        return self.python("manage.py", *words, **kwargs)

    def db(self, *words, **kwargs):
        """``python manage.py db …``"""
        return self.manage("db", *words, **kwargs)

    def launch(self, *words, **kwargs):
        """``python -m flask_migrate_script manage.py …``"""
        return self.python("-m", "flask_migrate_script", "manage.py", *words, **kwargs)

    def flask(self, *words, app="manage.py", **kwargs):
        """``flask …``; ``flask db`` is ``flask("db", …)``."""
        kwargs["env"] = {"FLASK_APP": app, **(kwargs.get("env") or {})}
        return self.python("-m", "flask", *words, **kwargs)

    def initialise(self, *options):
        """Have what ``python manage.py db init`` makes; where init itself is what is tested, run it."""
        shutil.copytree(made_by_init(*options), self.folder / "migrations")

    def revision(self, revision, down_revision=None, upgrade="pass", downgrade="pass", **fields):
        """Write a revision file into migrations/versions without running anything."""
        fields = {"message": revision, "branch_labels": None, "depends_on": None, "folder": "migrations", **fields}
        body = {"upgrade": _indented(upgrade), "downgrade": _indented(downgrade)}
        text = REVISION.format(revision=revision, down_revision=down_revision, **body, **fields)
        return self.write(f"{fields['folder']}/versions/{revision}.py", text)

    def versions(self):
        """Return the revision files, sorted by name."""
        return sorted(path for path in (self.folder / "migrations" / "versions").glob("*.py") if path.name[0] != "_")


def _indented(body):
    return textwrap.indent(textwrap.dedent(body).strip(), "    ").strip()


class Database:
    """An empty database, and what is in it now."""

    def __init__(self, kind, url):
        self.kind, self.url = kind, url

    def engine(self):
        return sa.create_engine(self.url, poolclass=sa.pool.NullPool)

    def tables(self):
        """Return the names of its tables, sorted, Alembic's and the guard's own left out."""
        with self.engine().connect() as connection:
            names = sa.inspect(connection).get_table_names()
        return sorted(name for name in names if name not in ("alembic_version", "alembic_journal"))

    def columns(self, table):
        with self.engine().connect() as connection:
            return [column["name"] for column in sa.inspect(connection).get_columns(table)]

    def rows(self, sql):
        """Return the rows of a query as tuples."""
        with self.engine().connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql))]

    def run(self, *statements):
        with self.engine().begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement)).close()  # a PRAGMA has rows, and the file locked until then

    def version(self):
        """Return the revisions it is at, sorted."""
        with self.engine().connect() as connection:
            if "alembic_version" not in sa.inspect(connection).get_table_names():
                return []
        return sorted(row[0] for row in self.rows("SELECT version_num FROM alembic_version"))


def make_database(kind, folder):
    """Return a new empty database, and a function that drops it; skip where there is no such server."""
    if kind == "sqlite":
        return Database(kind, f"sqlite:///{folder / 'test.db'}"), lambda: None
    server = os.environ.get(SERVERS[kind])
    if not server:
        reason = f"{SERVERS[kind]} is not set"
        pytest.fail(reason) if os.environ.get("TEST_ALL_DATABASES") else pytest.skip(reason)
    base, _, query = server.partition("?")
    at = base.rstrip("/") if not make_url(server).database else base.rsplit("/", 1)[0]
    name = _EMPTIED.pop() if kind == "postgresql" and _EMPTIED else f"fms_{uuid.uuid4().hex[:12]}"
    database = Database(kind, f"{at}/{name}{'?' + query if query else ''}")
    database.name = name
    if name not in _MADE:
        execute_on_server(server, f"CREATE DATABASE {name}")
    if kind == "mysql":
        return database, lambda: execute_on_server(server, f"DROP DATABASE {name}")
    _MADE.add(name)
    return database, lambda: empty_postgresql(server, database)


_MADE, _EMPTIED = set(), []
"""PostgreSQL takes a second to make a database and to drop it: one that can be emptied is used again."""


def execute_on_server(server, sql):
    admin = sa.create_engine(server, poolclass=sa.pool.NullPool).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        return connection.execute(sa.text(sql))


def empty_postgresql(server, database):
    """Make a database what a new one is, or drop it."""
    execute_on_server(
        server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}'"
    )
    try:
        with database.engine().begin() as connection:
            connection.execute(sa.text(EMPTY_POSTGRESQL))
        _EMPTIED.append(database.name)
    except sa.exc.DBAPIError:
        _MADE.discard(database.name)
        execute_on_server(server, f"DROP DATABASE IF EXISTS {database.name}")


EMPTY_POSTGRESQL = """
SET TRANSACTION READ WRITE;
DO $$
DECLARE name text; server int := current_setting('server_version_num');
BEGIN
    IF EXISTS (SELECT FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase
               WHERE datname = current_database())
        OR EXISTS (SELECT FROM pg_event_trigger) OR EXISTS (SELECT FROM pg_publication)
        OR EXISTS (SELECT FROM pg_largeobject_metadata) OR EXISTS (SELECT FROM pg_foreign_data_wrapper)
        OR EXISTS (SELECT FROM pg_default_acl) OR EXISTS (SELECT FROM pg_extension WHERE extname <> 'plpgsql')
    THEN
        RAISE 'there is more in it than schemas';
    END IF;
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    CREATE SCHEMA public;
    IF server >= 150000 THEN
        ALTER SCHEMA public OWNER TO pg_database_owner;
        GRANT USAGE ON SCHEMA public TO PUBLIC;
    ELSE
        GRANT ALL ON SCHEMA public TO PUBLIC;
    END IF;
    COMMENT ON SCHEMA public IS 'standard public schema';
END $$;
"""


def schema(database):
    """Return what is in a database but its rows: by table its columns, indexes and constraints."""
    with database.engine().connect() as connection:
        inspector = sa.inspect(connection)
        return {name: _table(inspector, name) for name in database.tables()}


def _table(inspector, name):
    columns = inspector.get_columns(name)
    return {
        "columns": [(one["name"], str(one["type"]), one["nullable"], one.get("default")) for one in columns],
        "primary key": inspector.get_pk_constraint(name),
        "indexes": sorted((one["name"], one["column_names"], one["unique"]) for one in inspector.get_indexes(name)),
        "unique": sorted(str((one["name"], one["column_names"])) for one in inspector.get_unique_constraints(name)),
        "foreign keys": sorted(
            str((one["name"], one["constrained_columns"], one["referred_table"], one["referred_columns"]))
            for one in inspector.get_foreign_keys(name)
        ),
    }


def script(project, revision):
    """Return the text of a revision file."""
    (path,) = [path for path in project.versions() if path.name.startswith(revision)]
    return path.read_text(encoding="utf-8")


def on_a_terminal(project, answers, *words, **env):
    """Run a command on a pseudo-terminal and type the answers; return the exit code, stdout and stderr.

    A question too many finds the end of the input. CI is taken for nobody being there, so it is not set unless a test
    says so.
    """
    ours, theirs = pty.openpty()
    known = {name: value for name, value in project.env.items() if name != "CI"}
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=str(project.folder),
        env={**known, "FLASK_APP": "manage.py", **env},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    os.write(ours, answers.encode() + b"\x04" * 9)
    out, err = process.communicate()
    os.close(ours)
    os.close(theirs)
    return process.returncode, out, err


@pytest.fixture
def new_database(tmp_path):
    """Return a function that makes databases of a kind; they are dropped after the test."""
    drops = []

    def new(kind):
        folder = tmp_path / f"database{len(drops)}"
        folder.mkdir()
        database, drop = make_database(kind, folder)
        drops.append(drop)
        return database

    yield new
    for drop in drops:
        drop()


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def database(request, new_database):
    """Each kind of database in turn."""
    return new_database(request.param)


@pytest.fixture
def sqlite(new_database):
    return new_database("sqlite")


@pytest.fixture
def postgresql(new_database):
    return new_database("postgresql")


@pytest.fixture
def mysql(new_database):
    return new_database("mysql")


@pytest.fixture
def make_project(tmp_path):
    """Return a function that makes an empty project on a database."""

    def make(database=None, name="project"):
        folder = tmp_path / name
        folder.mkdir()
        return Project(folder, database)

    return make


@pytest.fixture
def project(make_project, sqlite):
    """The application of ``MANAGE`` on SQLite, with an empty migrations folder."""
    return initialised(make_project(sqlite))


@pytest.fixture
def any_project(make_project, database):
    """The application of ``MANAGE`` on each kind of database, with an empty migrations folder."""
    return initialised(make_project(database))


def initialised(project, source=MANAGE):
    """Give a project its manage.py and the folder that ``db init`` makes."""
    project.write("manage.py", source)
    project.initialise()
    return project


@functools.lru_cache(maxsize=None)
def made_by_init(*options):
    """Return the folder that ``db init`` makes, once a test process: nothing of the application goes into it."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    project = Project(folder, Database("sqlite", "sqlite://"))
    project.write("manage.py", MANAGE)
    project.db("init", *options).ok()
    return project.folder / "migrations"


def release(distribution):
    """Return the installed release of a distribution as numbers; nothing, (), where it is not installed."""
    try:
        text = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ()
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())


ALEMBIC, FLASK, SQLALCHEMY = release("alembic"), release("Flask"), release("SQLAlchemy")
FLASK_SQLALCHEMY, FLASK_MIGRATE = release("Flask-SQLAlchemy"), release("Flask-Migrate")
"""What is installed here: a test that needs more than a lane has says so by these."""


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """Return a function that installs one release into a folder of its own, for PYTHONPATH, and returns the folder.

    All workers share what one of them installed. Where pip cannot install, the test fails.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "packages"

    def install(requirement):
        home = shared / requirement
        if not home.exists():
            own = tmp_path_factory.mktemp("install") / "package"
            command = [*_pip(), "install", "--quiet", "--no-deps", "--target", str(own), requirement]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
            _move_unless_there(own, home)
        return home

    return install


def _pip():
    """An environment that uv made has no pip of its own; any other pip can work for it."""
    return [sys.executable, "-m", "pip"] if importlib.util.find_spec("pip") else ["pip", "--python", sys.executable]


def _move_unless_there(folder, home):
    """Move a folder in one step, so that no other worker sees half of it; the first to come wins."""
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.rename(folder, home)
    except OSError:
        assert home.exists()


def on_path(*folders):
    """Return the environment in which packages of these folders are found, before the installed ones."""
    return {"PYTHONPATH": os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])}


def wait_for(found, seconds=60):
    """Return what a function finds, once it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = found()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError("it never came")


def read_until(stream, text):
    """Return what a process has printed up to the line with that text in it."""
    lines = []
    for line in stream:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"{text!r} never came: {''.join(lines)}")
