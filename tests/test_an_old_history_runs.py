"""A whole history of 2014 to 2019 runs on every stack, and leaves one and the same database."""

from pathlib import Path

import old_history
import pytest
from conftest import MANAGE

SAMPLES = Path(__file__).parent / "samples"
ERA = MANAGE.replace("db = SQLAlchemy(app)", 'app.config["MIGRATE_OLD_SCRIPTS"] = "1.3"\ndb = SQLAlchemy(app)')


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_an_old_history_leaves_what_it_left_then(make_project, new_database, kind):
    project = make_project(new_database(kind))
    project.write("manage.py", ERA)
    project.initialise()
    old_history.write(project)
    assert len(project.versions()) >= 40
    project.db("upgrade").ok()
    expected = (SAMPLES / f"old_history.{kind}.txt").read_text(encoding="utf-8")
    assert old_history.dump(project.database) == expected
