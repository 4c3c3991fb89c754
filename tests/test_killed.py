"""SIGKILL at a random moment: the database is at a revision, and holds what that revision has, no more and no less.

MySQL and MariaDB, which cannot roll DDL back, are in test_resumed.py. ``TEST_KILLS`` is how many kills each database
gets (3 by default); the seed is printed, ``TEST_SEED`` sets it.
"""

import os
import random
import time

import pytest
from conftest import initialised

KILLS = int(os.environ.get("TEST_KILLS", "3"))
REVISIONS = 6
TABLES = ["rows_of", *(f"table{number}" for number in range(1, REVISIONS + 1))]

BODY = """
op.create_table("table{0}", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20)))
time.sleep(0.01)
op.execute("INSERT INTO table{0} VALUES (1, 'one'), (2, 'two')")
op.execute("UPDATE rows_of SET total = total + 2")
with op.batch_alter_table("table{0}") as batch:
    batch.alter_column("name", type_=sa.String(50), existing_type=sa.String(20))
time.sleep(0.01)
"""


def write_history(project):
    start = 'op.create_table("rows_of", sa.Column("total", sa.Integer))\nop.execute("INSERT INTO rows_of VALUES (0)")'
    for number in range(1, REVISIONS + 1):
        body = "import time\n" + (start if number == 1 else "") + BODY.format(number)
        project.revision(f"rev{number}", f"rev{number - 1}" if number > 1 else None, body)


def killed(project, after, *words):
    """Start an upgrade and kill it so many seconds after it began to migrate; return whether it was still running."""
    process = project.start(*(words or ("db", "upgrade")))
    line = process.stderr.readline()
    assert "Context impl" in line, line + process.stderr.read()
    time.sleep(after)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def how_long(project):
    process = project.start("db", "upgrade")
    assert "Context impl" in process.stderr.readline()
    begun = time.monotonic()
    process.communicate()
    assert process.returncode == 0
    return time.monotonic() - begun


def drop_everything(database):
    tables = [*database.tables(), "alembic_version", "alembic_journal"]
    database.run(*(f"DROP TABLE IF EXISTS {table}" for table in tables))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_every_kill_leaves_a_revision_and_exactly_what_it_has(make_project, new_database, kind):
    database = new_database(kind)
    project = initialised(make_project(database))
    write_history(project)
    whole = how_long(project)
    seed = int(os.environ.get("TEST_SEED") or random.randrange(10**6))
    print(f"seed {seed}, {KILLS} kills within {whole:.2f} s")
    moments = random.Random(seed)
    made = in_time = 0
    while made < KILLS or not in_time:
        made += 1
        assert made < 100 + KILLS, "no kill came while the upgrade was running"
        drop_everything(database)
        in_time += killed(project, moments.uniform(0, whole))
        at_head = settled(database, kind)
        assert database.tables() == (sorted(TABLES) if at_head else []), f"seed {seed}"
        if at_head:
            assert database.rows("SELECT total FROM rows_of") == [(2 * REVISIONS,)], f"seed {seed}"
    project.db("upgrade", "--lock-timeout", "20").ok()
    assert database.tables() == sorted(TABLES)


def settled(database, kind):
    """Return whether the database is at the head, once the server has seen that its client is gone."""
    if kind == "postgresql":
        others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        for _ in range(500):
            if not database.rows(others):
                break
            time.sleep(0.02)
    version = database.version()
    assert version in ([], [f"rev{REVISIONS}"])
    return bool(version)
