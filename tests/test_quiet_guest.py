"""A program that calls upgrade() has its logging afterwards as before."""

PROGRAM = """
import logging
import sys
from logging import handlers

log_file = logging.FileHandler("program.log", mode="w")
memory = handlers.MemoryHandler(1000, target=logging.StreamHandler(sys.stdout))
root = logging.getLogger()
root.setLevel(logging.DEBUG)
root.addHandler(log_file)
own = logging.getLogger("program.part")
own.setLevel(logging.INFO)
own.propagate = False
own.addHandler(memory)
off = logging.getLogger("program.off")
off.disabled = True
logging.getLogger("alembic").setLevel(logging.ERROR)
logging.getLogger("sqlalchemy.engine").addFilter(lambda record: True)

import alembic.config  # gives its logger a NullHandler when it is imported

from flask_migrate_script import MigrateError, upgrade
from manage import app

def state():
    names = ["", "program", "program.part", "program.off", "alembic", "sqlalchemy.engine", "flask_migrate"]
    loggers = [logging.getLogger(name) for name in names]
    return [(l.name, l.level, l.handlers[:], l.filters[:], l.disabled, l.propagate) for l in loggers]

root.info("before")
before = state()
for revision in ["head", "nonsense"]:
    try:
        with app.app_context():
            upgrade(revision=revision)
    except MigrateError:
        pass
    assert state() == before, state()
root.info("after")
own.info("kept in memory")
memory.flush()
logging.shutdown()
"""


def test_levels_handlers_and_files_are_as_they_were(project):
    env = project.folder / "migrations" / "env.py"
    env.write_text(env.read_text().replace(", disable_existing_loggers=False", ""))  # as Flask-Migrate's env.py does
    project.revision("aaa1")
    project.write("program.py", PROGRAM)
    result = project.python("program.py").ok()
    assert "INFO  [alembic.runtime.migration] Running upgrade  -> aaa1, aaa1" in result.err
    log = (project.folder / "program.log").read_text()
    assert "before" in log
    assert "after" in log
    assert result.out == "kept in memory\n"
