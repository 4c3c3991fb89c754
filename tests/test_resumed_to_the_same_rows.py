"""On MySQL and MariaDB a migration that failed and went on leaves the rows that an unbroken run leaves."""

import pytest
from conftest import initialised
from test_resumed import FAIL, journal

TABLE = "op.execute('CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, n INT)')\n"


@pytest.fixture
def project(make_project, mysql):
    return initialised(make_project(mysql))


def is_mariadb(database):
    return "MariaDB" in database.rows("SELECT VERSION()")[0][0]


def only_on_mariadb(project):
    if not is_mariadb(project.database):
        pytest.skip("MySQL has no such statement")


def resumed(project, body, then="pass"):
    """Upgrade with a revision that fails after these statements, mend it, upgrade again; return the first failure."""
    path = project.revision("aaa1", None, f"{TABLE}{body}\n{FAIL}")
    failed = project.db("upgrade").failed()
    assert "nowhere" in failed.err
    path.write_text(path.read_text().replace(FAIL, then))
    project.db("upgrade").ok()
    assert journal(project.database) == []
    return failed


def numbers(project):
    return [number for (number,) in project.database.rows("SELECT n FROM t ORDER BY id")]


def test_rows_of_a_procedure_that_were_rolled_back_are_written_again(project):
    resumed(
        project,
        "op.execute('CREATE PROCEDURE fill() INSERT INTO t (n) VALUES (1)')\nop.execute('CALL fill()')",
    )
    assert numbers(project) == [1]


def test_a_procedure_that_committed_everything_is_not_called_again(project):
    only_on_mariadb(project)
    resumed(
        project,
        "op.execute('CREATE PROCEDURE add_it() BEGIN INSERT INTO t (n) VALUES (1); ALTER TABLE t ADD m INT; END')\n"
        "op.execute('CALL add_it()')",
    )
    assert numbers(project) == [1]
