"""The samples of 2013 and of 2.x run: as they stand through the launcher, and with one changed import."""

import re

import pytest
from conftest import SAMPLES, on_path

OLD_IMPORTS = "from flask_script import Manager\nfrom flask_migrate import Migrate, MigrateCommand\n"
NEW_IMPORT = "from flask_migrate_script import Manager, Migrate, MigrateCommand\n"


def walk(project, db, created="create_table('user'"):
    """Do what the announcement of 2013 shows, with the command line that `db` runs."""
    db("init").ok()
    assert db("migrate", "-m", "users").ok().out.lstrip().startswith("Generating ")
    (first,) = project.versions()
    assert created in first.read_text()
    db("upgrade").ok()
    revision = re.search(r"^revision = '(\w+)'", first.read_text(), re.M)[1]
    assert db("current").ok().out == f"{revision} (head)\n"
    db("revision", "-m", "second", "--rev-id", "2222").ok()
    db("upgrade").ok()
    assert db("history").ok().out == f"{revision} -> 2222 (head), second\n<base> -> {revision}, users\n"
    db("downgrade", revision).ok()
    assert db("current").ok().out == f"{revision}\n"
    db("stamp", "head").ok()
    assert db("current").ok().out == "2222 (head)\n"


@pytest.mark.parametrize("sample", ["announcement_2013.py", "sample_2x.py"])
def test_an_unmodified_sample_runs_through_the_launcher(make_project, sample):
    project = make_project()
    project.sample(sample)
    walk(project, lambda *words: project.launch("db", *words))


def test_the_2x_sample_runs_plainly_with_one_changed_import(make_project):
    project = make_project()
    sample = (SAMPLES / "sample_2x.py").read_text(encoding="utf-8")
    assert sample.count(OLD_IMPORTS) == 1
    project.write("manage.py", sample.replace(OLD_IMPORTS, NEW_IMPORT))
    walk(project, project.db)


def test_the_2x_sample_runs_plainly_where_only_the_migrate_import_changed(make_project, package):
    """Flask-Script itself stays in its own line, after ours, which has mended it by then."""
    project = make_project()
    sample = (SAMPLES / "sample_2x.py").read_text(encoding="utf-8")
    ours = "from flask_migrate_script import Migrate, MigrateCommand\nfrom flask_script import Manager\n"
    project.write("manage.py", sample.replace(OLD_IMPORTS, ours))
    project.db("init").ok()
    project.db("migrate").ok()
    project.db("upgrade").ok()
    assert project.db("current").ok().out.endswith(" (head)\n")


@pytest.fixture
def sample(make_project):
    project = make_project()
    project.write("manage.py", (SAMPLES / "sample_2x.py").read_text(encoding="utf-8").replace(OLD_IMPORTS, NEW_IMPORT))
    return project


def test_help_shows_the_commands_as_the_old_documents_do(sample):
    for words in (["--help"], ["-?"]):
        shown = sample.manage(*words).ok().out
        for name, text in [
            ("db", "Perform database migrations"),
            ("runserver", "Runs the Flask development server i.e. app.run()"),
            ("shell", "Runs a Python shell inside Flask application context."),
        ]:
            assert re.search(rf"^    {name} +{re.escape(text)}$", shown, re.M), shown


def test_db_alone_prints_the_verbs_and_exits_2(sample):
    alone = sample.db()
    assert alone.code == 2
    assert alone.out.startswith("usage: Perform database migrations\n")
    for verb in ("init", "revision", "migrate", "edit", "merge", "upgrade", "downgrade", "show", "history", "heads"):
        assert re.search(rf"^    {verb} +\S", alone.out, re.M), alone
    for help_flag in ("--help", "-h", "-?"):
        assert sample.db(help_flag).ok().out == alone.out


def test_a_question_mark_is_help_for_a_verb_too(sample):
    shown = sample.db("upgrade", "-?").ok().out
    assert shown == sample.db("upgrade", "--help").ok().out
    assert shown.startswith("usage: manage.py db upgrade ")
    assert "--sql" in shown
    assert not (sample.folder / "app.db").exists()


def test_a_name_of_flask_ext_means_the_package_of_today(make_project, package):
    project = make_project()
    project.write("flask_own.py", "thing = 'ours'\n")
    project.write(
        "manage.py",
        """
        import flask.ext.own
        from flask.ext import own
        from flask.ext.own import thing
        import flask_own
        assert own is flask_own and thing == "ours" and flask_own.__spec__.name == "flask_own"
        try:
            import flask.ext.nowhere
        except ImportError as error:
            print(error)
        """,
    )
    assert "flask_nowhere" in project.launch().ok().out


ALIASED = "import flask_migrate, sys; print(flask_migrate.__name__); from flask_migrate import MigrateCommand\n"


def test_flask_migrate_means_this_package_only_where_the_installed_one_has_no_migrate_command(make_project, package):
    project = make_project()
    project.write("manage.py", ALIASED)
    assert project.launch().ok().out == "flask_migrate_script\n"
    newer = on_path(package("Flask-Migrate==3.1.0"))
    assert project.launch(env=newer).ok().out == "flask_migrate_script\n"
    older = on_path(package("Flask-Migrate==2.7.0"))
    project.write("manage.py", "import flask_migrate; print(flask_migrate.__file__)\n")
    assert str(package("Flask-Migrate==2.7.0")) in project.launch(env=older).ok().out


def test_a_script_is_run_as_its_own_main_with_its_own_arguments_and_folder(make_project):
    project = make_project()
    project.write("tools/beside.py", "where = __file__\n")
    project.write("tools/script.py", "import sys, beside; print(__name__, sys.argv, __file__); sys.exit(7)\n")
    ran = project.python("-m", "flask_migrate_script", "tools/script.py", "--flag", "word")
    assert (ran.code, ran.out) == (7, "__main__ ['tools/script.py', '--flag', 'word'] tools/script.py\n")


def test_the_launcher_without_a_script_says_how_it_is_used(make_project):
    project = make_project()
    assert project.python("-m", "flask_migrate_script").code == 2
    missing = project.launch("db").failed(2)
    assert "manage.py" in missing.err
    assert "usage: python -m flask_migrate_script" in missing.err
