"""An application that calls upgrade, stamp and the rest itself: the same guarantees, and never a SystemExit."""

import pytest
from conftest import ALEMBIC, FLASK_MIGRATE, MANAGE

FACTORY = """
import os
from pathlib import Path
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
import flask_migrate_script
from flask_migrate_script import *
from flask_migrate_script import Migrate, MigrateError

db = SQLAlchemy()
migrate_extension = Migrate(directory="elsewhere", compare_type=False, include_schemas=False)


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(64))


def create_app(**kwargs):
    app = Flask("application")
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
    app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
    db.init_app(app)
    migrate_extension.init_app(app, db, **kwargs)
    return app


def failing(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except MigrateError as error:
        assert isinstance(error, RuntimeError)
        print("failed:", str(error).splitlines()[0])
    else:
        raise AssertionError(function)
"""


@pytest.fixture
def application(make_project, sqlite):
    project = make_project(sqlite)
    project.write("application.py", FACTORY)
    return project


def run(project, body):
    """Run Python code of the application inside an application context, in a process of its own."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    project.write("script.py", f"from application import *\napp = create_app()\nwith app.app_context():\n{lines}")
    return project.python("script.py").ok()


def test_every_function_from_python(application, sqlite):
    ran = run(
        application,
        f"""
import sys
init(directory=Path("elsewhere"))
failing(init)
migrate(message="users", rev_id="1111")
upgrade()
assert db.session.execute(db.text("SELECT COUNT(*) FROM users")).scalar() == 0
db.session.remove()
failing(upgrade, revision="nowhere")
failing(downgrade, revision="-4")
migrate(message="nothing")
revision(message="second", rev_id="2222")
stamp(revision="head")
stamp(revision=["1111"], purge=True)
current(verbose=False)
heads()
branches()
history(rev_range="1111:")
show("elsewhere", "2222")
revision(message="aside", rev_id="3333", head="1111", splice=True)
failing(upgrade)
merge(revisions=("2222", "3333"), message="joined", rev_id="4444")
upgrade(x_arg="a=b", tag="tag")
if {ALEMBIC} >= (1, 9):
    check()
    db.session.execute(db.text("DROP TABLE users"))
    db.session.commit()
    failing(check)
else:
    failing(check)
failing(reset)
reset(yes=True)
failing(current, directory="nowhere")
list_templates()
""",
    )
    failures = [line for line in ran.out.splitlines() if line.startswith("failed:")]
    assert len(failures) == 7
    assert "elsewhere" in failures[0]
    assert "nowhere" in failures[1]
    assert "No changes in schema detected." in ran.err
    assert "Traceback" not in ran.err
    scripts = (application.folder / "elsewhere" / "versions").glob("*.py")
    assert sorted(path.name[:4] for path in scripts) == ["1111", "2222", "3333", "4444"]
    assert sqlite.version() == []


def test_what_env_py_or_a_migration_does_is_a_migrate_error_and_never_a_system_exit(application, sqlite):
    run(application, "init()")
    application.revision("1111", folder="elsewhere", upgrade="raise SystemExit(3)")
    ran = run(application, "failing(upgrade)\nfailing(upgrade)")
    assert ran.out.count("failed: Revision 1111") == 2
    env = application.folder / "elsewhere" / "env.py"
    env.write_text("import sys\nsys.exit('env.py gave up')\n")
    assert "env.py gave up" in run(application, "failing(upgrade)\nfailing(current)\nprint('alive')").out
    assert sqlite.version() == []


def test_outside_of_an_application_context_and_without_the_extension(application):
    application.write(
        "outside.py",
        """
        from application import *
        failing(upgrade)
        with Flask("bare").app_context():
            failing(upgrade)
        """,
    )
    out = application.python("outside.py").ok().out
    assert "outside of an application context" in out
    assert "Migrate is not registered on the application 'bare'" in out


def test_an_application_factory_overrides_what_the_constructor_was_given(application):
    ran = run(
        application,
        """
state = app.extensions["migrate"]
assert (state.db, state.metadata, state.migrate, state.directory) == (db, db.metadata, migrate_extension, "elsewhere")
assert state.configure_args == {"compare_type": False, "render_as_batch": True, "include_schemas": False}
second = Flask("second")
second.config.update(app.config)
others = {"compare_type": True, "include_schemas": True}
migrate_extension.init_app(second, db, directory=Path("late"), command="late-db", **others)
assert second.extensions["migrate"].directory == "late"
overridden = second.extensions["migrate"].configure_args
assert overridden == {"compare_type": True, "render_as_batch": True, "include_schemas": True}
assert "late-db" in second.cli.commands
assert app.extensions["migrate"].directory == "elsewhere"
print("checked")
""",
    )
    assert ran.out == "checked\n"


def test_configure_callbacks_and_get_config(application):
    run(application, "init()")
    application.revision("1111", folder="elsewhere")
    ran = run(
        application,
        """
@migrate_extension.configure
def first(config):
    config.set_main_option("said", "first")
    return config

@migrate_extension.configure
def second(config):
    print(config.get_main_option("said"), config.cmd_opts.x)
    config.set_main_option("file_template", "templated_%%(rev)s")

config = migrate_extension.get_config(x_arg="a=1", opts=["autogenerate", "own"])
assert isinstance(config, Config) and config.cmd_opts.own is True and config.cmd_opts.autogenerate is True
assert config.get_main_option("script_location") == "elsewhere"
config = migrate_extension.get_config("other", ["a=1", "b=2"])
assert config.config_file_name.replace("\\\\", "/") == "other/alembic.ini"
revision(rev_id="2222", x_arg=["c=3"])
""",
    )
    assert ran.out.splitlines()[:3] == ["first ['a=1']", "first ['a=1', 'b=2']", "first ['c=3']"]
    assert (application.folder / "elsewhere" / "versions" / "templated_2222.py").exists()


@pytest.mark.parametrize("registered", ["flask_migrate_script", "flask_migrate"])
def test_twice_in_one_process_each_run_sees_its_own_options(application, registered):
    """The env.py of Flask-Migrate 4 leaves a function in configure_args that knows the first run's Config only."""
    if registered == "flask_migrate":
        if FLASK_MIGRATE < (4, 1):
            pytest.skip("lane without Flask-Migrate")
        theirs = "from flask_migrate_script import MigrateError\nfrom flask_migrate import Migrate\n"
        application.write(
            "application.py", FACTORY.replace("from flask_migrate_script import Migrate, MigrateError\n", theirs)
        )
    run(application, "init()")
    ran = run(
        application,
        """
before = dict(app.extensions["migrate"].configure_args)
migrate(rev_id="1111")
upgrade()
revision(message="by hand", rev_id="2222")
upgrade()
migrate(message="nothing one")
migrate(message="nothing two", x_arg="a=b")
assert app.extensions["migrate"].configure_args == before
""",
    )
    assert ran.err.count("No changes in schema detected.") == 2
    assert len(list((application.folder / "elsewhere" / "versions").glob("*.py"))) == 2


def test_a_host_programs_loggers_stay_enabled(application):
    run(application, "init()")
    ran = run(
        application,
        """
import logging
own = logging.getLogger("host.program")
own.addHandler(logging.StreamHandler(__import__("sys").stdout))
own.setLevel("INFO")
revision(rev_id="1111")
upgrade()
current()
assert not own.disabled and not app.logger.disabled
own.info("still heard")
""",
    )
    assert "still heard" in ran.out


HEAVY = """
import atexit, sys


def report():
    heavy = sorted({name.partition(".")[0] for name in sys.modules} & {"alembic", "mako", "flask_script"})
    print("HEAVY", *heavy)


atexit.register(report)
"""


def test_a_web_process_and_commands_of_its_own_load_no_alembic(make_project, sqlite):
    project = make_project(sqlite)
    project.fresh = True
    web = MANAGE.replace("Manager, Migrate, MigrateCommand", "Migrate").partition("manager = ")[0]
    project.write("web.py", HEAVY + web + 'assert "migrate" in app.extensions\n')
    assert project.python("web.py").ok().out == "HEAVY\n"
    assert project.flask("db", "--help", app="web.py").ok().out.endswith("HEAVY\n")
    own = "@manager.command\ndef own():\n    print(app.name)\n\n\nif __name__"
    project.write("manage.py", HEAVY + MANAGE.replace("if __name__", own))
    assert project.manage("own").ok().out == "manage\nHEAVY flask_script\n"
    for help_words in (["--help"], ["-?"], ["upgrade", "--help"]):
        assert project.db(*help_words).ok().out.endswith("HEAVY flask_script\n")
    assert project.flask("db", "--help").ok().out.endswith("HEAVY flask_script\n")
    assert project.manage("--help").ok().out.endswith("HEAVY flask_script\n")
