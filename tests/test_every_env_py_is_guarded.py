"""Nothing half done under the env.py of each Flask-Migrate release as it was generated: faults, kills, many at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import FLASK_SQLALCHEMY, MANAGE, wait_for
from test_existing_repositories import BY_HAND, RELEASES, generated
from test_several_databases import BINDS, bound

CREATE = "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True))\n"
BEGUN = "open('begun', 'w').close()\nimport time; time.sleep({0})\n"
FAILING = "op.execute('INSERT INTO nowhere VALUES (1)')\n"

PROGRAM = """
import logging
from manage import app
from flask_migrate_script import MigrateError, upgrade

logging.basicConfig(level=logging.ERROR)
mine = logging.getLogger("program")
before = logging.root.level, logging.root.handlers[:], mine.disabled
with app.app_context():
    try:
        upgrade()
    except MigrateError as error:
        print("Rolled back" in str(error), end=" ")
print((logging.root.level, logging.root.handlers[:], mine.disabled) == before)
"""


@pytest.mark.parametrize(
    ("release", "kind"),
    [*((release, "sqlite") for release in RELEASES), *((RELEASES[end], "postgresql") for end in (0, -1))],
)
def test_a_fault_a_kill_and_many_at_once(make_project, new_database, package, release, kind):
    database = new_database(kind)
    project = make_project(database)
    project.write("manage.py", MANAGE)
    generated(project, package, release)
    project.revision("aaa1", None, CREATE.format("first"), "op.drop_table('first')")
    project.db("upgrade").ok()

    project.revision("bbb2", "aaa1", CREATE.format("second") + FAILING)
    assert "Rolled back, nothing changed. The database is at aaa1." in project.db("upgrade").failed().err
    project.write("program.py", PROGRAM)
    assert project.python("program.py").ok().out == "True True\n"

    project.revision("bbb2", "aaa1", CREATE.format("second") + BEGUN.format(60))
    running = project.start("db", "upgrade")
    wait_for((project.folder / "begun").exists)
    running.kill()
    running.communicate()
    assert (database.version(), database.tables()) == (["aaa1"], ["first"])

    project.revision("bbb2", "aaa1", CREATE.format("second") + BEGUN.format(1))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: project.db("upgrade"), range(4)))
    assert [result.code for result in results] == [0] * 4, results
    assert sum("Running upgrade aaa1 -> bbb2" in result.err for result in results) == 1
    assert (database.version(), database.tables()) == (["bbb2"], ["first", "second"])


@pytest.mark.parametrize("release", RELEASES[::3])
def test_what_took_effect_is_told(make_project, mysql, package, release):
    project = make_project(mysql)
    project.write("manage.py", MANAGE)
    generated(project, package, release)
    project.revision("aaa1", None, CREATE.format("first") + FAILING)
    failed = project.db("upgrade").failed()
    assert "CREATE TABLE first" in failed.err
    assert "The database is at no revision yet." in failed.err
    assert mysql.tables() == ["first"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_failure_in_one_of_several_databases(make_project, sqlite, new_database, package, release):
    if FLASK_SQLALCHEMY >= (3,) and release == "2.7.0":
        pytest.skip("its env.py calls db.get_engine(app, bind), which this Flask-SQLAlchemy no longer has")
    second = new_database("sqlite")
    project = bound(make_project(sqlite), my_bind=second)
    project.write("manage.py", BINDS.replace("my-bind", "mybind"))
    project.env["BINDS"] = project.env["BINDS"].replace("my-bind", "mybind")
    generated(project, package, release, "flask-multidb")
    failing = BY_HAND.replace(
        "\n\n\ndef downgrade", "\n    if engine_name:\n        op.execute('nonsense')\n\n\ndef downgrade"
    )
    assert failing != BY_HAND
    project.write("migrations/versions/1111.py", failing)
    failed = project.db("upgrade").failed()
    assert "default: Rolled back, nothing changed. The database is at no revision yet." in failed.err
    assert "mybind: Rolled back, nothing changed. The database is at no revision yet." in failed.err
    assert (sqlite.tables(), second.tables()) == ([], [])
