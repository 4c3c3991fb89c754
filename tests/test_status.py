"""`status` answers in one look: where each database is, what is applied, what is not, and what to do next."""

import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from conftest import ALEMBIC, FLASK_SQLALCHEMY, MANAGE, REVISION
from hypothesis import given, settings
from hypothesis import strategies as st
from test_existing_repositories import RELEASES, generated
from test_several_databases import BINDS, bound

from flask_migrate_script.revisions.status import read_status

CREATED = "{message}\n\nRevision ID: {revision}\nCreate Date: 2015-03-{day:02} 12:13:14.151617\n"


def dated(project, revision, down_revision=None, day=1, message=None, **fields):
    """Write a revision file with a message and a date, as ``revision`` does."""
    text = CREATED.format(message=message or f"step {revision}", revision=revision, day=day)
    project.revision(revision, down_revision, message=text, **fields)


def shown(project, *words):
    return project.db("status", *words).ok().out


@pytest.fixture
def walked(project):
    """Four revisions, of which the second and the third are branches that the fourth merges."""
    dated(project, "1111")
    dated(project, "2222", "1111", day=2, branch_labels=("core",))
    dated(project, "3333", "1111", day=3, message="Ünusual, and " + "very long " * 20)
    dated(project, "4444", ("2222", "3333"), day=4)
    return project


def test_the_whole_way_from_nothing_to_up_to_date(walked):
    url = f"default: {walked.database.url}\n"
    assert shown(walked).startswith(
        f"{url}  4 revisions behind: nothing is applied yet\n    1111  2015-03-01  step 1111\n    "
    )
    assert shown(walked).endswith("    4444  2015-03-04  step 4444\n\nNext: python manage.py db upgrade\n")
    assert walked.database.tables() == walked.database.version() == []
    assert sa.inspect(walked.database.engine()).get_table_names() == [], "not even the version table"

    walked.db("upgrade", "2222").ok()
    file = Path(walked.database.url.partition("///")[2])
    before = file.read_bytes()
    behind = shown(walked)
    assert behind.startswith(
        f"{url}  2 revisions behind: at 2222\n"
        "  ✓ 1111  2015-03-01  step 1111\n"
        "  ✓ 2222  2015-03-02  (current) step 2222\n"
        "    3333  2015-03-03  Ünusual, and very long very"
    )
    assert file.read_bytes() == before
    walked.db("upgrade", "3333").ok()
    assert "1 revision behind: at 2222, 3333\n" in shown(walked)
    walked.db("upgrade").ok()
    assert f"{url}  up to date: at 4444\n" in shown(walked)
    assert shown(walked).endswith("  ✓ 4444  2015-03-04  (current) step 4444\n"), "there is no next step"
    assert walked.flask("db", "status").ok().out == shown(walked)


def test_the_next_step_fits_the_situation_and_the_command_line(project):
    assert shown(project).endswith(
        '  there are no revisions yet\n\nNext: python manage.py db migrate -m "what it does"\n'
    )
    project.revision("1111")
    project.revision("2222", "1111")
    assert "\n    1111  1111\n" in shown(project), "without a date there is no column for it"
    project.revision("3333", "1111")
    assert project.flask("db", "status").ok().out.endswith("flask db upgrade heads\n")
    project.db("upgrade", "heads").ok()
    assert "up to date: at 2222, 3333\n" in shown(project)
    assert shown(project, "-x", "a=b", "--wait", "1").count("(current)") == 2
    assert project.db("-q", "status").ok().out == ""


def test_a_version_that_no_file_has(walked):
    walked.db("upgrade").ok()
    walked.database.run("UPDATE alembic_version SET version_num = '9999'")
    lost = shown(walked)
    assert "  unknown: at 9999, which no revision file has\n  Restore its file" in lost
    assert "python manage.py db stamp --purge REVISION\n" in lost
    assert "behind" not in lost
    assert "Next:" not in lost
    walked.database.run("INSERT INTO alembic_version VALUES ('2222')")
    beside = shown(walked)
    assert "unknown: at 9999" in beside
    assert "  ✓ 2222  2015-03-02  (current) step 2222\n" in beside


def test_a_long_history_shows_what_is_around_the_database_and_no_line_is_too_wide(project):
    for number in range(1, 41):
        before = f"r{number - 1:02}" if number > 1 else None
        dated(project, f"r{number:02}", before, message="words and more words " * 5 + "日本語 " * 9)
    project.db("upgrade", "r20").ok()
    text = project.db("status", env={"COLUMNS": "44"}).ok().out
    assert re.findall(r"^  (.) (r\d\d)  ", text, re.M) == [
        *(("✓", f"r{number:02}") for number in range(16, 21)),
        *((" ", f"r{number:02}") for number in range(21, 31)),
    ]
    assert "\n  … 15 more applied\n" in text
    assert "\n  … 10 more to apply\n" in text
    rows = re.findall(r"^  . r\d\d .*", text, re.M)
    assert {len(row) for row in rows} <= set(range(30, 45))
    assert all(row.endswith("…") for row in rows)
    piped = {**project.env, "COLUMNS": ""}
    assert "日本語\n" in project.db("status", env=piped).ok().out, "nothing is cut where there is no terminal"


def on_terminal(project, *words, **env):
    """Return what ``db status`` writes to a terminal."""
    ours, theirs = pty.openpty()
    env = {**project.env, "TERM": "xterm", **env}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "db", "status", *words],
        cwd=str(project.folder),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    read = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # EIO: so Linux says that the other end is closed
            chunk = b""
        if not chunk:
            break
        read += chunk
    os.close(ours)
    assert process.wait() == 0
    return read.decode().replace("\r\n", "\n")


def test_colour_only_on_a_terminal_and_never_with_no_color(walked):
    walked.db("upgrade", "2222").ok()
    plain = shown(walked)
    assert "\x1b" not in plain
    coloured = on_terminal(walked)
    assert "\x1b[32m✓\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert on_terminal(walked, NO_COLOR="1") == plain
    walked.fresh = True
    ascii_only = walked.db("status", env={"PYTHONIOENCODING": "ascii"}).ok().out
    assert ascii_only.count("  x ") == 2, "a tick that ASCII has"


def at_the_first_of_two(project):
    """Give a project with a bind two revisions, apply the first in both databases, and return it."""
    project.write("manage.py", BINDS)
    project.initialise("--multidb")
    for revision, down_revision in (("1111", None), ("2222", "1111")):
        project.revision(revision, down_revision)
        path = project.folder / f"migrations/versions/{revision}.py"
        path.write_text(path.read_text().replace("grade():", "grade(engine_name):"))
    project.db("upgrade", "1111").ok()
    return project


def test_several_databases_one_at_a_time(make_project, sqlite, new_database):
    project = at_the_first_of_two(bound(make_project(sqlite), my_bind=new_database("sqlite")))
    project.db("upgrade", "--bind", "my-bind").ok()
    both = shown(project)
    default, bind, following = both.split("\n\n")
    assert default.startswith("default: sqlite:")
    assert "1 revision behind: at 1111" in default
    assert bind.startswith("my-bind: sqlite:")
    assert "up to date: at 2222" in bind
    assert following == "Next: python manage.py db upgrade\n"
    assert shown(project, "--bind", "my-bind") == bind + "\n"
    assert "There is no bind 'nowhere'" in project.db("status", "--bind", "nowhere").failed().err
    found = json.loads(shown(project, "--json"))["databases"]
    assert [(one["name"], one["up_to_date"]) for one in found] == [("default", False), ("my-bind", True)]
    bound_engine = sa.create_engine(found[1]["url"])
    with bound_engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    lost = shown(project)
    assert "python manage.py db stamp --purge REVISION --bind my-bind\n" in lost, "the other one is at a revision"
    assert lost.endswith("\nNext: python manage.py db upgrade --bind default\n"), "upgrade alone would fail"
    project.db("upgrade", "--bind", "default").ok()
    assert "up to date" in shown(project, "--bind", "default")


@pytest.mark.parametrize("release", RELEASES)
def test_env_py_of_each_release_of_flask_migrate(make_project, sqlite, new_database, package, release):
    one = make_project(sqlite, "one")
    one.write("manage.py", MANAGE.replace("Migrate(app, db)", "Migrate(app, db, transaction_per_migration=True)"))
    generated(one, package, release)
    one.revision("1111")
    assert "1 revision behind" in shown(one)

    several = bound(make_project(new_database("sqlite"), "several"), my_bind=new_database("sqlite"))
    several.write("manage.py", BINDS)
    generated(several, package, release, "flask-multidb")
    if FLASK_SQLALCHEMY >= (3,) and release == "2.7.0":
        assert "get_engine" in several.db("status").failed().err, "that env.py does not run there"
        return
    several.revision("1111")
    assert re.findall(r"^(\S+): .*\n  (.*):", shown(several), re.M) == [
        ("default", "1 revision behind"),
        ("my-bind", "1 revision behind"),
    ]


OWN_ENGINE = """
import os
from alembic import context
from sqlalchemy import engine_from_config, pool

engine = engine_from_config({"sqlalchemy.url": os.environ["DATABASE_URL"]}, poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True, version_table="where_we_are")
    with context.begin_transaction():
        context.run_migrations()
"""


def test_an_env_py_with_an_engine_and_a_version_table_of_its_own(any_project):
    any_project.write("migrations/env.py", OWN_ENGINE)
    any_project.revision("1111")
    any_project.revision("2222", "1111")
    any_project.db("upgrade", "1111").ok()
    assert any_project.database.tables() == ["where_we_are"]
    assert "1 revision behind: at 1111\n" in shown(any_project)
    any_project.db("upgrade").ok()
    assert "up to date: at 2222\n" in shown(any_project)


ENV = """
from alembic import context

context.configure(connection=context.config.attributes["connection"], on_version_apply=context.config.attributes["on"])
with context.begin_transaction():
    context.run_migrations()
"""


@st.composite
def histories(draw):
    """Revisions, each with its parents, what it depends on, and a label or none: a dictionary by name, oldest first."""
    found = {}
    for number in range(draw(st.integers(1, 10))):
        below = independent(found, draw(st.sets(st.sampled_from(sorted(found)), max_size=3)) if found else set())
        parents = {name for name in below if draw(st.integers(0, 3))}
        label = f"label{number}" if draw(st.integers(0, 3)) == 0 else None
        found[f"r{number}"] = (sorted(parents), sorted(below - parents), label)
    return found


def reached(history, names):
    """Return these revisions and everything they stand on."""
    found = set(names)
    for name in reversed(list(history)):
        if name in found:
            found |= {*history[name][0], *history[name][1]}
    return found


def independent(history, names):
    """Leave out what another one of them stands on; Alembic itself fails on a revision that names both."""
    return {name for name in names if not any(name in reached(history, {other}) for other in names - {name})}


@given(histories(), st.data())
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
def test_applied_and_pending_are_what_alembic_has_run_and_will_run(history, data):
    reachable = sorted(data.draw(st.sets(st.sampled_from(sorted(history)), max_size=3)))
    with tempfile.TemporaryDirectory() as folder:
        config = written(Path(folder), history)
        with sa.create_engine("sqlite://").connect() as connection:
            ran = config.attributes["ran"]
            config.attributes["connection"] = connection
            for name in reachable:
                if name not in ran:
                    command.upgrade(config, name)
            (before,) = read_status(config).standings
            assert {script.revision for script in before.applied} == set(ran) == reached(history, reachable)
            assert before.up_to_date == (set(ran) == set(history))
            del ran[:]
            command.upgrade(config, "heads")
            order = list if ALEMBIC >= (1, 6) else sorted  # before, the order of branches is another in each process
            assert order(script.revision for script in before.pending) == order(ran)
            (after,) = read_status(config).standings
            assert after.up_to_date
            assert (after.current, after.pending) == (after.heads, ())


def written(folder, history):
    """Write a migrations folder and return a Config for it; its attribute "ran" lists what Alembic runs."""
    (folder / "versions").mkdir()
    (folder / "env.py").write_text(ENV)
    for name, (parents, depends_on, label) in history.items():
        fields = {"message": name, "upgrade": "pass", "downgrade": "pass", "branch_labels": label}
        named = [history[one][2] or one for one in depends_on]
        text = REVISION.format(revision=name, down_revision=tuple(parents) or None, depends_on=named or None, **fields)
        (folder / "versions" / f"{name}.py").write_text(text)
    config = Config()
    config.set_main_option("script_location", str(folder))
    ran = []
    config.attributes.update(ran=ran, on=lambda ctx, step, heads, run_args: ran.append(step.up_revision_id))
    return config
