"""What the README says is so: a test runs each of its commands, and its table of verbs is whole."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import initialised
from docutils.core import publish_doctree
from test_completion import ARGCOMPLETE, OF_CLICK

from flask_migrate_script import options
from flask_migrate_script.verbs import VERBS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text(encoding="utf-8")

RUN_BY_CI = [
    "pip install . && python manage_example.py db upgrade",
    "pip install '.[test]' && python -m pytest",
    "tox -e modern",
]
"""Commands that install something: .ci/run has them to the letter."""

THE_CI_ITSELF = ["bash .ci/run"]

ONE_DATABASE = [
    "python manage.py db init",
    'python manage.py db migrate -m "users"',
    "python manage.py db upgrade",
    "python manage.py db upgrade --wait 60 --ddl-timeout 5 --ddl-retries 3",
    "python manage.py db journal",
    "python manage.py db journal --json",
    "FLASK_APP=manage.py flask db upgrade",
    "python -m flask_migrate_script manage.py db upgrade",
    "python manage.py db lint",
    "python manage.py db lint base:head --json",
    "python manage.py db --help",
    "python manage.py db upgrade --help",
    "python manage.py db status",
    "python manage.py db status --json",
    "python manage.py db graph",
    "python manage.py db graph --format mermaid -o history.mmd",
]
LINTED = [
    "python manage.py db lint base:head --since main",
    "python manage.py db lint base:head --baseline write",
]
ROLLED_BACK = [
    "python manage.py db status",
    "python manage.py db downgrade --dry-run --ddl-timeout 5",
    "python manage.py db downgrade --ddl-timeout 5",
    "python manage.py db status",
    "python manage.py db upgrade --dry-run -v",
]
"""The page for whoever rolls back, in its order."""

SEVERAL_DATABASES = ["python manage.py db init --multidb"]
KEEPING_DATA = ["python manage.py db migrate --rename user.name=user.full_name --fill user.email=unknown"]
SPEED = ["python -m benchmarks"]
COMPLETION = [ARGCOMPLETE, OF_CLICK]
"""What test_completion.py begins with."""
ON_SERVERS = {
    "upgrade --dry-run, PostgreSQL": "TEST_POSTGRESQL_URL",
    "upgrade from nothing, PostgreSQL": "TEST_POSTGRESQL_URL",
    "upgrade on MariaDB, beside no journal": "TEST_MYSQL_URL",
}


def blocks(language):
    """Return the README's blocks: of Python, or where the language is empty those of commands."""
    opening = rf"^\.\. code-block:: {language}$" if language else r"^(?!\.\. ).*::$"
    return [
        "\n".join(line[4:] for line in found[1].strip("\n").splitlines())
        for found in re.finditer(rf"{opening}\n\n((?:    .*\n|\n)+)", README, re.M)
    ]


def commands():
    return [line for block in blocks("") for line in block.splitlines()]


def python_block(containing):
    (block,) = [block for block in blocks("python") if containing in block]
    return block + "\n"


def shell(project, command):
    """Run a command to the letter, with the commands of this Python's environment first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return project.run("bash", "-c", command, env={"PATH": path, "LC_ALL": "C.UTF-8"}).ok()


def test_it_is_well_formed():
    said = io.StringIO()
    publish_doctree(README, settings_overrides={"warning_stream": said, "syntax_highlight": "none"})
    assert said.getvalue() == ""
    assert not re.search(r"^(<{7}|>{7}|={7}$)", README, re.M)


def test_every_command_is_one_that_a_test_runs():
    known = {
        *RUN_BY_CI,
        *THE_CI_ITSELF,
        *ONE_DATABASE,
        *LINTED,
        *ROLLED_BACK,
        *SEVERAL_DATABASES,
        *KEEPING_DATA,
        *SPEED,
        *COMPLETION,
    }
    assert set(commands()) == known
    read = [line for block in [*blocks("python"), *blocks("text"), *blocks("")] for line in block.splitlines() if line]
    assert sorted(re.findall(r"^ {4}(?! {10})(.+)", README, re.M)) == sorted(read), "no block is of another kind"


def test_the_ci_runs_what_installs_something():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in RUN_BY_CI:
        assert command in ci
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")]).returncode == 0


def test_an_old_history_is_linted(make_project):
    project = initialised(make_project())
    project.env["DATABASE_URL"] = "sqlite://"
    project.revision("aaa1", None, "op.drop_table('a')", "op.execute('SELECT 1')")
    author = "-c user.name=a -c user.email=a@b.example"
    shell(project, f"git init -b main && git add . && git {author} commit -m first")
    done = [shell(project, command) for command in LINTED]
    assert done[0].out == "No findings in 0 revisions.\n"
    assert "written to migrations/lint-baseline.json" in done[1].out


def test_the_application_and_the_commands_for_it(make_project):
    project = make_project()
    project.write("manage.py", python_block("class User"))
    done = {command: shell(project, command) for command in ONE_DATABASE}
    assert "create_table('user'" in project.versions()[0].read_text()
    assert "Running upgrade" in done["python manage.py db upgrade"].err
    assert shell(project, "python manage.py db current").out.endswith(" (head)\n")
    assert done["python manage.py db --help"].out.startswith("usage: Perform database migrations")
    assert "--sql" in done["python manage.py db upgrade --help"].out
    assert "up to date" in done["python manage.py db status"].out
    assert json.loads(done["python manage.py db status --json"].out)["databases"][0]["up_to_date"] is True

    shell(project, "FLASK_APP=manage.py flask db downgrade -1")
    project.write("from_python.py", python_block("upgrade()"))
    assert shell(project, "python from_python.py").out == ""
    head = shell(project, "python manage.py db current").out
    assert head.endswith(" (head)\n")
    allowed = project.revision("allowed", head.split()[0], python_block("migrate: allow"), "op.execute('SELECT 1')")
    assert shell(project, "python manage.py db lint").out == "No findings in 1 revision.\n"
    allowed.unlink()
    project.versions()[0].unlink()
    assert shell(project, "python from_python.py").out.startswith("not upgraded: Can't locate revision")


def test_the_page_for_whoever_rolls_back(make_project):
    project = make_project()
    project.write("manage.py", python_block("class User"))
    for command in ONE_DATABASE[:3]:
        shell(project, command)
    page = README[README.index("Before you roll back") : README.index("**How it is known.**")]
    assert re.findall(r"^ {4}(python .+)", page, re.M) == ROLLED_BACK
    before, dry, _, after, _ = [shell(project, command).out for command in ROLLED_BACK]
    assert "drop table user" in dry
    assert "0 rows lost" in dry
    assert "Nothing was changed. To do it: python manage.py db downgrade --ddl-timeout 5" in dry
    assert "up to date" in before
    assert "up to date" not in after


def test_one_changed_import_line_is_enough(make_project):
    project = make_project()
    old = project.sample("sample_2x.py")
    plain = "from flask_script import Manager\nfrom flask_migrate import Migrate, MigrateCommand\n"
    (line,) = (block for block in blocks("python") if "\n" not in block and block.startswith("from "))
    assert plain in old.read_text(encoding="utf-8")
    old.write_text(old.read_text(encoding="utf-8").replace(plain, line + "\n"), encoding="utf-8")
    for command in ONE_DATABASE[:3]:
        shell(project, command)


def test_several_databases(make_project):
    project = make_project()
    two = 'app.config["SQLALCHEMY_BINDS"] = {"logs": "sqlite:///logs.db"}\n\ndb = '
    project.write("manage.py", python_block("class User").replace("\ndb = ", "\n" + two))
    for command in SEVERAL_DATABASES:
        shell(project, command)
    shell(project, "python manage.py db migrate && python manage.py db upgrade")
    (script,) = project.versions()
    for function in ("upgrade_", "downgrade_", "upgrade_logs", "downgrade_logs"):
        assert f"def {function}()" in script.read_text()


def test_a_script_that_keeps_the_data(make_project):
    project = make_project()
    project.write("manage.py", python_block("class User"))
    for command in ONE_DATABASE[:3]:
        shell(project, command)
    email = "    email = db.Column(db.String(9), nullable=False)\n"
    changed = re.sub(r"    name = (.*\n)", rf"    full_name = \1{email}", python_block("class User"))
    project.write("manage.py", changed)
    for command in KEEPING_DATA:
        shell(project, command)
    texts = [path.read_text() for path in project.versions()]
    assert any("new_column_name='full_name'" in text and """sa.text("'unknown'")""" in text for text in texts)
    shell(project, "python manage.py db upgrade")


def test_the_speed_figures_are_what_the_command_prints(make_project):
    pytest.importorskip("flask_migrate", reason="this lane has no Flask-Migrate to measure against")
    project = make_project()
    project.folder = ROOT
    (command,) = SPEED
    few = f"{command} --runs 1 --revisions 3 --tables 3"
    printed = columns(project.run("bash", "-c", few.replace("python", sys.executable, 1), timeout=None).out)
    without_server = [line for line, variable in ON_SERVERS.items() if not os.environ.get(variable)]
    in_readme = columns(README[README.index(".. speed: begin") :])
    assert printed == [line for line in in_readme if line not in without_server]


def columns(text):
    """Return the headings and the first column of the table of measurements in a text."""
    rows = re.search(r"^=+ .*\n(.*\n)=+ .*\n((?:.*\n)+?)=+ ", text, re.M)
    return [re.split(r"\s{2,}", line.strip())[0] for line in (rows[1] + rows[2]).splitlines()]


def test_the_table_has_every_verb_with_its_options():
    table = re.search(r"^verb .*\n=+ +=+\n((?:.*\n)+?)=+ +=+\n", README, re.M)[1]
    rows = re.sub(r"\n {10,}", " ", table).splitlines()
    shown = {words[0]: words[1:] for words in (re.findall(r"``(.+?)``", row) for row in rows)}
    assert shown == {options.name_command(verb): described(verb) for verb in VERBS}


def described(verb):
    """Return a verb's arguments and options as the table writes them, without those that every verb has."""
    parameters = [one for one in options.read_parameters(verb) if one.name not in ("directory", "x_arg")]
    arguments = [one for one in parameters if not one.flags]
    return [*map(argument, arguments), *("/".join(one.flags) for one in parameters if one.flags)]


def argument(parameter):
    name = parameter.name + ("..." if parameter.kind == "many" else "")
    return f"[{name}]" if parameter.default else name


def test_every_option_and_variable_that_it_names_exists():
    parameters = [(verb, parameter) for verb in VERBS for parameter in options.read_parameters(verb)]
    flags = {flag for _, parameter in parameters for flag in parameter.flags}
    before_the_verb = {"-c", "--config", "-n", "--name", "-q", "--quiet", "--raiseerr", "--help"}
    outside = {"--", "-1", "-e", "-m", "--dest", "--scripts", "--database"}
    named = set(re.findall(r"(?<![\w-])--?[a-z-]*\w(?![\w-])", re.sub(r"^[=-]+.*$", "", README, flags=re.M)))
    assert named - flags - before_the_verb - outside == set()
    variables = {options.name_variable(verb, parameter.name) for verb, parameter in parameters}
    everywhere = {options.name_variable(None, name) for name in ("directory", "x_arg")}
    assert set(re.findall(r"FLASK_DB_\w+", README)) - variables - everywhere == set()
