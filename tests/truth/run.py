"""Runs scenarios: a project in a folder, the real command line, dumps around it; shrinks what is found."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import dumps
from .actions import Action, Chance, Scenario, make_beforehand, read_scenario, render, table_of
from .dumps import Dump
from .oracle import Finding, Judged, Run, judge

ROOT = Path(__file__).parents[2]
SECONDS = 30
"""What a command has at the most: they take a tenth of a second."""


def release(distribution: str) -> Tuple[int, ...]:
    try:
        text = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ()
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


MODERN = release("SQLAlchemy") >= (2,)
DRIVERS = {
    "sqlite": [""],
    "postgresql": ["psycopg2", *(["psycopg"] if MODERN and release("psycopg") else [])],
    "mysql": ["pymysql"],
}

MANAGE = """
import functools
import os
import flask
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
{first}
from flask_migrate_script import Manager, Migrate, MigrateCommand

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {options!r}
if {second}:
    app.config["SQLALCHEMY_BINDS"] = {{"second": os.environ["SECOND_URL"]}}
db = SQLAlchemy(app)
migrate = Migrate(app, db)
manager = Manager(app)
manager.add_command("db", MigrateCommand)
{last}

if __name__ == "__main__":
    manager.run()
"""

WRAPPED = """
from alembic.runtime.environment import EnvironmentContext

configure = EnvironmentContext.configure

@functools.wraps(configure)
def with_the_application(self, *args, **kwargs):
    return configure(self, *args, **kwargs)

EnvironmentContext.configure = with_the_application
"""

THREAD = """    import threading

    raised = []

    def migrate():
        with app.app_context():
            try:
                run_migrations_online()
            except BaseException as exc:
                raised.append(exc)

    app = current_app._get_current_object()
    thread = threading.Thread(target=migrate)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
"""

NAIVE = """    import threading

    app = current_app._get_current_object()

    def migrate():
        with app.app_context():
            run_migrations_online()

    thread = threading.Thread(target=migrate)
    thread.start()
    thread.join()
"""

OWN_CONTEXT = """    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    given = {"fn": context._proxy.context_opts["fn"], "script": context.script}
    with database_engine().connect() as connection:
        own = MigrationContext.configure(connection, opts=given)
        with own.begin_transaction(), Operations.context(own):
            own.run_migrations()
"""

_CONNECT = "    with database_engine().connect() as connection:"
_OWN = "    from sqlalchemy import create_engine, pool\n    with create_engine(database_url(), poolclass=pool.NullPool)"
_TRANSACTION = "        with context.begin_transaction():\n            context.run_migrations()\n\n\nif"
_ONLINE = "else:\n    run_migrations_online()\n"

ENVIRONMENTS: Dict[str, List[Tuple[str, str]]] = {
    "template": [],
    "autocommit": [],
    "wrapped": [],
    "wrapped first": [],
    "each": [("**arguments)", "transaction_per_migration=True, **arguments)")],
    "thread": [(_ONLINE, "else:\n" + THREAD)],
    "naive thread": [(_ONLINE, "else:\n" + NAIVE)],
    "own context": [(_ONLINE, "else:\n" + OWN_CONTEXT)],
    "own engine": [(_CONNECT, f"{_OWN}.connect() as connection:")],
    "bare": [
        (_CONNECT, f"{_OWN}.connect() as connection:"),
        (_TRANSACTION, "        context.run_migrations()\n\n\nif"),
    ],
    "begin": [(_CONNECT, "    with database_engine().begin() as connection:")],
}
"""What is changed in the template's env.py; of two that begin otherwise, manage.py has the difference."""

TRAIL = '''
import contextlib
import os

kept = []


class Wanted(Exception):
    pass


def note(*words):
    file = os.open(os.environ["TRUTH_TRAIL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, (" ".join(" ".join(map(str, words)).split()) + "\\n").encode())
    os.close(file)


@contextlib.contextmanager
def action(number):
    note("start", number)
    try:
        yield
    except BaseException as exc:
        note("raised", number, type(exc).__name__, str(exc)[:200])
        raise
    note("done", number)


def innermost(connection):
    pooled = connection.connection
    return getattr(pooled, "dbapi_connection", None) or pooled.connection


def run(driver, sql):
    cursor = driver.cursor()
    cursor.execute(sql)
    cursor.close()


class connect:
    """A connection of the script's own, on every SQLAlchemy."""

    def __init__(self, engine):
        self.connection = engine.connect()
        self.transaction = self.connection.begin()
        self.execute = self.connection.execute

    def commit(self):
        self.transaction.commit()
        self.connection.close()

    def rollback(self):
        self.transaction.rollback()
        self.connection.close()

    def close(self):
        self.connection.close()


def keep(one):
    kept.append(one)
'''

REVISION = '''"""{name}"""
import os
import signal
import sys
import time

import sqlalchemy as sa
import sqlalchemy.orm as sa_orm
import trail
from alembic import op
from flask import current_app

revision = "{name}"
down_revision = {parent!r}


{functions}'''


class Starter:
    """The warm interpreter of starter.py."""

    def __init__(self, package: Path = ROOT) -> None:
        env = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": str(package)}
        words = [sys.executable, str(Path(__file__).parent / "starter.py")]
        self.process = subprocess.Popen(
            words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True
        )

    def run(self, argv: List[str], folder: Path, env: Dict[str, str]) -> Tuple[Optional[int], str, str]:
        paths = {name: str(folder / name) for name in ("stdin", "stdout", "stderr")}
        for path in paths.values():
            Path(path).write_text("")
        request = {"argv": argv, "cwd": str(folder), "env": env, "seconds": SECONDS, **paths}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        code = self.process.stdout.readline().strip()
        out, err = (Path(paths[name]).read_text(encoding="utf-8", errors="replace") for name in ("stdout", "stderr"))
        return (None if code == "None" else int(code)), out, err

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


class Workshop:
    """A database, a starter and a folder, in which one scenario after the other runs."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.database = dumps.make(kind, folder)
        (folder / "second").mkdir()
        self.second = dumps.make(kind, folder / "second")
        self.starter = Starter()
        self.env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FLASK_", "MIGRATE_", "DATABASE_"))
        }
        self.env.update(PYTHONDONTWRITEBYTECODE="1", PYTHONWARNINGS="ignore", COLUMNS="200", PYTHONPATH=str(ROOT))
        self.env["TRUTH_TRAIL"] = str(folder / "trail.txt")
        self.template = self._make_template("template")
        self.two = self._make_template("two", "--multidb")
        self.has_json = self._prints_json()

    def _make_template(self, name: str, *words: str) -> Path:
        """Let ``db init`` make the migrations folder that every scenario has."""
        template = self.folder / name
        template.mkdir()
        _write_manage(template, "template", [], bool(words))
        url = f"sqlite:///{template / 'no.db'}"
        env = {**self.env, "DATABASE_URL": url, "SECOND_URL": url}
        code, out, err = self.starter.run(["manage.py", "db", "init", *words], template, env)
        assert code == 0, out + err
        return template / "migrations"

    def _prints_json(self) -> bool:
        """Return whether a real run takes --json here."""
        env = {**self.env, "DATABASE_URL": f"sqlite:///{self.folder / 'template' / 'no.db'}"}
        done = self.starter.run(["manage.py", "db", "upgrade", "--json"], self.folder / "template", env)
        return done[0] == 0

    def close(self) -> None:
        self.starter.stop()
        self.database.drop()
        self.second.drop()

    def run(self, scenario: Scenario) -> List[Run]:
        """Run the commands of a scenario, and return what they did."""
        folder = self.folder / "project"
        self.write(folder, scenario)
        driver = [scenario.driver] if scenario.driver else []
        env = {**self.env, "DATABASE_URL": self.database.url(*driver), "SECOND_URL": self.second.url(*driver)}
        before = self._reset(scenario)
        runs = []
        if scenario.dry:
            runs.append(self._command(scenario, folder, env, before, dry=scenario.dry))
            before = self._reset(scenario) if runs[0].changes() else before
        runs.append(self._command(scenario, folder, env, before, json=scenario.json and self.has_json))
        if runs[-1].code not in (0, None) and any(one.kind == "fault" for one in scenario.everything()):
            self.write(folder, without_faults(scenario))
            before = [runs[-1].after, *(runs[-1].second or ())[1:]]
            runs.append(self._command(scenario, folder, env, before))
        return runs

    def write(self, folder: Path, scenario: Scenario) -> None:
        write_project(folder, scenario, self.two if scenario.second else self.template)

    def _reset(self, scenario: Scenario) -> List[Dump]:
        found = [self._reset_one(self.database, scenario, scenario.revisions)]
        return found + ([self._reset_one(self.second, scenario, scenario.second)] if scenario.second else [])

    def _reset_one(self, database: Any, scenario: Scenario, bodies: List[List[Action]]) -> Dump:
        deferred = "" if self.kind == "mysql" else " DEFERRABLE INITIALLY DEFERRED"
        parent = f"CONSTRAINT of_one FOREIGN KEY (parent) REFERENCES one_row (id){deferred}"
        made = {
            "one_row": ["CREATE TABLE one_row (id INTEGER PRIMARY KEY)", "INSERT INTO one_row VALUES (1)"],
            "orphan": [f"CREATE TABLE orphan (id INTEGER PRIMARY KEY, parent INTEGER, {parent})"],
        }
        if scenario.before:
            key = "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)"
            table = f"CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, {key})"
            made["alembic_version"] = [table, f"INSERT INTO alembic_version VALUES ('{scenario.before}')"]
        for action in [found for body in bodies for one in body for found in one.all()]:
            statements = make_beforehand(action, scenario.database)
            made.update({table_of(action): statements} if statements else {})
        dump: Dump = database.reset(made)
        return dump

    def _command(
        self,
        scenario: Scenario,
        folder: Path,
        env: Dict[str, str],
        before: Dump,
        dry: str = "",
        json: bool = False,
    ) -> Run:
        words = ["db", scenario.verb, scenario.target or "base"]
        words += ["--dry-run"] if dry else []
        words += ["--json"] if json or dry == "json" else []
        trail = Path(env["TRUTH_TRAIL"])
        with contextlib.suppress(FileNotFoundError):
            trail.unlink()
        begun = time.monotonic()
        code, out, err = self.starter.run(["manage.py", *words], folder, env)
        seconds = time.monotonic() - begun
        after = self.database.dump()
        second = (before[1], self.second.dump()) if scenario.second else None
        lines = trail.read_text().splitlines() if trail.exists() else []
        entries = [tuple(line.split(" ", 3)) for line in lines]
        return Run(" ".join(words), code, out, err, before[0], after, entries, dry, json, seconds, second)

    def judged(self, scenario: Scenario) -> Tuple[List[Run], List[Judged]]:
        runs = self.run(scenario)
        return runs, judge(scenario, runs)


def without_faults(scenario: Scenario) -> Scenario:
    """Return a scenario without what fails on purpose."""

    def kept(body: List[Action]) -> List[Action]:
        return [dataclasses.replace(one, inside=kept(one.inside)) for one in body if one.kind != "fault"]

    bodies = {part: [kept(body) for body in getattr(scenario, part)] for part in ("revisions", "second")}
    return dataclasses.replace(scenario, **bodies)


def _write_manage(folder: Path, env: str, options: List[str], second: bool) -> None:
    engine = {"isolation_level": "AUTOCOMMIT"} if env == "autocommit" else {}
    engine.update({"connect_args": {"client_flag": 65536}} if "multi" in options else {})  # CLIENT.MULTI_STATEMENTS
    first, last = (WRAPPED if env == "wrapped first" else "", WRAPPED if env == "wrapped" else "")
    (folder / "manage.py").write_text(MANAGE.format(options=engine, first=first, last=last, second=second))


def write_project(folder: Path, scenario: Scenario, template: Path) -> None:
    """Write an application with its migrations into a folder, in place of the last one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _write_manage(folder, scenario.env, scenario.options, bool(scenario.second))
    (folder / "trail.py").write_text(TRAIL)
    shutil.copytree(template, folder / "migrations")
    path = folder / "migrations" / "env.py"
    text = path.read_text()
    for old, new in ENVIRONMENTS[scenario.env]:
        assert old in text, (scenario.env, old)
        text = text.replace(old, new)
    path.write_text(text)
    (folder / "migrations" / "versions").mkdir(exist_ok=True)
    for number, (name, parent) in enumerate(zip(scenario.names, [None, *scenario.names])):
        script = REVISION.format(name=name, parent=parent, functions=_functions(scenario, number))
        (folder / "migrations" / "versions" / f"{name}.py").write_text(script)


def _functions(scenario: Scenario, number: int) -> str:
    """Return the functions of a revision; with two databases, one for each of them."""
    other = {"upgrade": "downgrade", "downgrade": "upgrade"}[scenario.verb]
    if not scenario.second:
        found = [(scenario.verb, _body(scenario, number, scenario.revisions[number])), (f"{other}", ["pass"])]
        return "\n\n".join(_function(f"{name}()", lines) for name, lines in found)
    found = [(f"{way}(engine_name)", [f"globals()['{way}_' + engine_name]()"]) for way in ("upgrade", "downgrade")]
    for suffix, bodies, label in (("", scenario.revisions, "default"), ("second", scenario.second, "second")):
        found.append((f"{scenario.verb}_{suffix}()", _body(scenario, number, bodies[number], label)))
        found.append((f"{other}_{suffix}()", ["pass"]))
    return "\n\n".join(_function(name, lines) for name, lines in found)


def _function(name: str, lines: List[str]) -> str:
    return "\n".join([f"def {name}:", *(f"    {line}" for line in lines), ""])


def _body(scenario: Scenario, number: int, body: List[Action], label: str = "") -> List[str]:
    words = ", ".join(repr(word) for word in (scenario.names[number], label) if word)
    return [f"trail.note('enter', {words})", *render(body, scenario.database), f"trail.note('leave', {words})"]


def make_scenario(kind: str, seed: str, number: int) -> Scenario:
    """Return the scenario of a seed and a number: the same on every machine with the same libraries."""
    return Chance(f"{seed}/{kind}/{number}", kind, DRIVERS[kind], MODERN).scenario()


@contextlib.contextmanager
def workshop(kind: str) -> Iterator[Workshop]:
    """Open a workshop in a temporary folder.

    :raises LookupError: where the environment names no server of that kind.
    """
    with tempfile.TemporaryDirectory(prefix="truth-") as folder:
        made = Workshop(kind, Path(folder))
        try:
            yield made
        finally:
            made.close()


# Smaller: the same false sentence with fewer actions.


def smaller(scenario: Scenario) -> Iterator[Scenario]:
    """Yield scenarios with one thing less."""
    replace = dataclasses.replace
    if scenario.dry and scenario.dry != "text":
        yield replace(scenario, dry="text")
    if scenario.dry:
        yield replace(scenario, dry="")
    if scenario.json:
        yield replace(scenario, json=False)
    if scenario.env != "template":
        yield replace(scenario, env="template")
    if scenario.second:
        yield replace(scenario, second=[])
        yield replace(scenario, revisions=scenario.second, second=[])
    yield from _fewer_revisions(scenario)
    for part in ("revisions", "second"):
        bodies = getattr(scenario, part)
        for number, body in enumerate(bodies):
            for less in _less(body):
                yield replace(scenario, **{part: [*bodies[:number], less, *bodies[number + 1 :]]})


def _fewer_revisions(scenario: Scenario) -> Iterator[Scenario]:
    for name in scenario.names if len(scenario.names) > 1 else []:
        number = scenario.names.index(name)
        bodies = {
            part: getattr(scenario, part)[:number] + getattr(scenario, part)[number + 1 :]
            for part in ("revisions", "second")
        }
        below, on_the_way = number < scenario.start, name in scenario.path
        start = scenario.start - below
        steps = scenario.steps - on_the_way
        if steps and (scenario.verb == "upgrade" or start):
            yield dataclasses.replace(scenario, start=start, steps=steps, **bodies)


def _less(body: List[Action]) -> Iterator[List[Action]]:
    for number, one in enumerate(body):
        yield body[:number] + body[number + 1 :]
        if one.inside and one.kind != "several":
            yield body[:number] + one.inside + body[number + 1 :]
        for inside in _less(one.inside):
            if inside or one.kind != "several":
                yield [*body[:number], dataclasses.replace(one, inside=inside), *body[number + 1 :]]


def shrink(shop: Workshop, scenario: Scenario, kind: str, most: int = 150) -> Scenario:
    """Return the smallest scenario found in which the same kind of sentence is still not true."""
    tried = 0
    while tried < most:
        for candidate in smaller(scenario):
            tried += 1
            if any(found.kind == kind for one in shop.judged(candidate)[1] for found in one.findings):
                scenario = candidate
                break
            if tried >= most:
                return scenario
        else:
            return scenario
    return scenario


def save(folder: Path, scenario: Scenario, runs: List[Run], judged: List[Judged], shop: Workshop) -> None:
    """Write everything that reproduces a finding into a folder."""
    shop.write(folder, scenario)
    (folder / "scenario.json").write_text(json.dumps(scenario.document(), indent=1))
    lines = [str(scenario), ""]
    for run, one in zip(runs, judged):
        lines += [f"$ python manage.py {run.words}   -> exit {run.code}, {run.seconds:.2f} s", run.out, run.err]
        lines += ["trail: " + "; ".join(" ".join(entry) for entry in run.trail), f"version: {run.after.version}"]
        lines += ["changes: " + "; ".join(run.changes()) or "none"]
        lines += [f"FALSE: {found.kind}: {found.words}" for found in one.findings] + [""]
    (folder / "report.txt").write_text("\n".join(lines))


def load(path: Path) -> Scenario:
    return read_scenario(json.loads(path.read_text()))


def kinds_of(judged: List[Judged]) -> List[Finding]:
    """Return one finding of each kind."""
    found = {finding.kind: finding for one in judged for finding in one.findings}
    return list(found.values())
