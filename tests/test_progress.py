"""On a terminal an upgrade shows where it is; anywhere else the output is Alembic's own, to the letter."""

import re

from conftest import initialised, wait_for
from terminal import Terminal
from test_several_databases import BINDS, bound

from flask_migrate_script.console.progress import format_time
from flask_migrate_script.console.terminal import fit, measure

WAIT = "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.01)"
LONG = "añadir a message that no terminal of forty columns has room for 漢字"
TALKING = f"""
import logging
print('printed by', end=' ')
print('a migration')
logging.getLogger('alembic').info('logged by a migration')
{WAIT}
"""
OF_ALEMBIC = """
import sys
from alembic import command
from alembic.config import Config
from manage import app

with app.app_context():
    config = Config("migrations/alembic.ini")
    config.set_main_option("script_location", "migrations")
    getattr(command, sys.argv[1])(config, sys.argv[2])
"""


def three(project):
    """Give a project three revisions, of which the second talks and then waits for the file "go"."""
    project.revision("aaa1")
    project.revision("bbb2", "aaa1", upgrade=TALKING, message=LONG)
    project.revision("ccc3", "bbb2", downgrade="op.execute('INSERT INTO nowhere VALUES (1)')")
    return project


def without_file_config(project):
    env = project.folder / "migrations" / "env.py"
    env.write_text(re.sub(r"fileConfig\(.*\)", "None", env.read_text()))


def test_an_upgrade_says_where_it_is_and_leaves_alembics_own_output(project):
    three(project)
    terminal = Terminal(project, "manage.py", "db", "upgrade")
    terminal.until(rf"upgrade 2 of 3  0:00  bbb2  {re.escape(LONG)}")
    later = terminal.until(r"2 of 3  0:0[1-9]")
    assert re.fullmatch(rf"upgrade 2 of 3  0:0[1-9]  bbb2  {re.escape(LONG)}", later), "it goes on while it waits"
    above = terminal.lines[:-1]
    (project.folder / "go").touch()
    code, screen = terminal.end()
    assert code == 0
    assert any("upgrade 1 of 3" in line for line in terminal.bottoms)
    assert any("upgrade 3 of 3" in line for line in terminal.bottoms)
    assert [line.rstrip() for line in above] == screen.splitlines()[: len(above)], "what was above the line stays"

    project.db("stamp", "base").ok()
    plain = project.db("upgrade").ok()
    said = [line for line in screen.splitlines() if "printed by a migration" not in line]
    assert said == plain.err.splitlines()
    assert "printed by a migration" in screen.splitlines()
    assert plain.out == "printed by a migration\n"

    project.db("stamp", "base").ok()
    project.write("of_alembic.py", OF_ALEMBIC)
    own = project.python("of_alembic.py", "upgrade", "head").ok()
    # Without the guard a migration of SQLite is no transaction.
    assert (plain.out, plain.err) == (own.out, own.err.replace("non-transactional", "transactional"))


def test_a_failure_begins_on_a_line_of_its_own(project):
    (three(project).folder / "go").touch()
    project.db("upgrade").ok()
    plain = project.db("downgrade").failed()
    terminal = Terminal(project, "-m", "flask", "db", "downgrade")
    code, screen = terminal.end()
    assert code == 1
    assert any(line.startswith("downgrade 1 of 1  0:00  ccc3") for line in terminal.bottoms)
    assert screen == plain.err


def test_it_is_never_wider_than_the_terminal_and_goes_when_interrupted(project):
    three(project)
    without_file_config(project)
    terminal = Terminal(project, "manage.py", "db", "upgrade", columns=40)
    terminal.until(r"2 of 3  0:[0-5][1-9]  bbb2  añadir a")
    terminal.type("\x03")
    code, screen = terminal.end()
    assert code == 1
    assert max(measure(line) for line in terminal.bottoms if " of 3" in line) == 39, "^C fits behind it"
    assert screen.split("\n")[0] == "printed by a migration"
    assert [line for line in screen.splitlines() if line][1].startswith("Error: Interrupted."), screen


def test_a_migration_may_ask(project):
    project.revision("aaa1", upgrade=f"{WAIT}\nassert input('Sure? ') == 'yes'\n" + WAIT.replace("go", "on"))
    terminal = Terminal(project, "manage.py", "db", "upgrade")
    terminal.until("upgrade 1 of 1  0:00")
    (project.folder / "go").touch()
    assert terminal.until(r"Sure\? ").rstrip() == "Sure?"
    terminal.type("yes\n")
    terminal.until("upgrade 1 of 1  0:0")
    (project.folder / "on").touch()
    code, screen = terminal.end()
    assert code == 0
    assert screen.endswith("\nSure? yes\n"), screen


def test_what_the_guard_says_is_on_a_line_of_its_own(project):
    """It waits for another migration, and leaves the transaction in the middle of one."""
    project.revision("aaa1", upgrade=f"open('begun', 'w').close()\n{WAIT}")
    leaving = "with op.get_context().autocommit_block():\n    op.execute('CREATE TABLE kept (id INTEGER)')"
    first = project.start("db", "upgrade")
    wait_for((project.folder / "begun").exists)
    project.revision("bbb2", "aaa1", upgrade=leaving)
    terminal = Terminal(project, "manage.py", "db", "upgrade")
    terminal.until("waiting for it")
    (project.folder / "go").touch()
    first.communicate()
    code, screen = terminal.end()
    assert code == 0, screen
    assert any(line.startswith("upgrade 1 of 1  0:00  bbb2") for line in terminal.bottoms)
    said = [line for line in screen.splitlines() if not line.startswith("INFO ")]
    assert [line.split()[0] for line in said] == ["Another", "Revision"], screen


def test_the_database_is_named_where_there_are_several(make_project, new_database):
    first, second = new_database("sqlite"), new_database("sqlite")
    project = bound(make_project(first), my_bind=second)
    project.write("manage.py", BINDS)
    project.initialise("--multidb")
    project.db("migrate", "--rev-id", "1111").ok()
    terminal = Terminal(project, "manage.py", "db", "upgrade")
    code, screen = terminal.end()
    assert code == 0
    for name in ("default", "my-bind"):
        assert any(line.startswith(f"{name}: upgrade 1 of 1  0:00  1111") for line in terminal.bottoms)
    assert "1 of 1" not in screen


def test_nothing_is_shown_to_whoever_does_not_look(make_project, sqlite):
    project = initialised(make_project(sqlite))
    without_file_config(project)
    project.revision("aaa1")
    project.write("program.py", "from manage import app\nfrom flask_migrate_script import upgrade\n")
    with open(project.folder / "program.py", "a") as program:
        program.write("with app.app_context():\n    upgrade()\n")
    quiet = Terminal(project, "manage.py", "db", "-q", "upgrade")
    assert quiet.end() == (0, "")
    dumb = Terminal(project, "manage.py", "db", "downgrade", env={"TERM": "dumb"})
    assert dumb.end() == (0, "")
    offline = Terminal(project, "manage.py", "db", "upgrade", "--sql")
    assert offline.end()[0] == 0
    from_python = Terminal(project, "program.py")
    assert from_python.end() == (0, "")
    for terminal in (quiet, dumb, offline, from_python):
        assert b"\r" not in terminal.raw.replace(b"\r\n", b"")
    assert sqlite.version() == ["aaa1"]


def test_the_line_is_cut_where_the_terminal_ends():
    assert fit("upgrade 漢字", 8, "") == fit("upgrade 漢字", 9, "") == "upgrade "
    assert fit("upgrade 漢字", 10, "") == "upgrade 漢"
    assert fit("an\u0303adir", 2, "") == "an\u0303"
    assert fit("abc", 0, "") == ""
    assert fit("abcd", 3) == "ab…"
    assert fit("abc", 3) == "abc"
    assert [format_time(0), format_time(59.9), format_time(60), format_time(3661)] == [
        "0:00",
        "0:59",
        "1:00",
        "1:01:01",
    ]
