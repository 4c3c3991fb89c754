"""Whoever comes second waits, and finds the work done."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

from conftest import initialised, wait_for

CREATE = "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(20)))"
SLOW = CREATE.format("slow") + "\nopen('begun', 'w').close()\nimport time; time.sleep({0})"


def started(project, *words):
    """Start ``python manage.py db …`` and return the process once its migration has begun."""
    process = project.start("db", *words)
    wait_for((project.folder / "begun").exists)
    return process


def test_sixteen_upgrades_at_once_apply_each_migration_once(any_project):
    database = any_project.database
    once = "op.execute(\"INSERT INTO first VALUES (1, 'once')\")"
    any_project.revision("aaa1", None, f"{CREATE.format('first')}\n{once}\nimport time; time.sleep(3)")
    any_project.revision("bbb2", "aaa1", CREATE.format("second"))
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: any_project.db("upgrade"), range(16)))
    assert [result.code for result in results] == [0] * 16, results
    assert sum("Running upgrade aaa1 -> bbb2" in result.err for result in results) == 1
    waited = [result.err for result in results if "is running" in result.err]
    assert waited
    assert all(err.count("is running") == 1 for err in waited)
    assert database.version() == ["bbb2"]
    assert database.rows("SELECT name FROM first") == [("once",)]
    left = [path.name for path in any_project.folder.parent.glob("database*/*")]
    assert not [name for name in left if "migrating" in name]


def test_whoever_waits_says_who_has_the_lock_and_gives_up_in_time(any_project):
    any_project.revision("aaa1", None, SLOW.format(30))
    first = started(any_project, "upgrade")
    try:
        late = any_project.db("upgrade", "--lock-timeout", "1").failed()
        holder = {"sqlite": f"process {first.pid} on ", "postgresql": "process ", "mysql": "connection "}
        assert holder[any_project.database.kind] in late.err
        assert "is still running after 1 seconds" in late.err
        assert "--lock-timeout SECONDS" in late.err
        for verb in (["stamp", "head"], ["downgrade", "base"]):
            assert "is still running" in any_project.db(*verb, "--lock-timeout", "0").failed().err
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    (any_project.folder / "begun").unlink()
    if any_project.database.kind == "mysql":
        any_project.db("journal", "--forget", "aaa1").ok()  # which is another revision from now on
    any_project.revision("aaa1", None, CREATE.format("other"))
    after = any_project.db("upgrade", "--lock-timeout", "20").ok()
    assert any_project.database.version() == ["aaa1"], after


def test_a_killed_holder_leaves_a_file_and_no_lock(project):
    project.revision("aaa1", None, SLOW.format(30))
    first = started(project, "upgrade")
    first.kill()
    first.communicate()
    lock = project.folder.parent / "database0" / "test.db.migrating"
    assert lock.exists()
    project.db("stamp", "base", "--lock-timeout", "0").ok()
    assert not lock.exists()


def test_without_the_lock_nobody_waits(make_project, postgresql):
    project = initialised(make_project(postgresql))
    project.db("stamp", "base").ok()
    project.revision("aaa1", None, SLOW.format(60))
    first = started(project, "upgrade")
    try:
        refused = project.flask("db", "stamp", "base", "--lock-timeout", "0").failed()
        assert "is still running" in refused.err
        project.db("stamp", "base", "--no-lock", "--lock-timeout", "0").ok()
        manage = project.folder / "manage.py"
        manage.write_text(manage.read_text().replace("db = SQLA", 'app.config["MIGRATE_LOCK"] = False\ndb = SQLA'))
        project.db("stamp", "base", "--lock-timeout", "0").ok()
    finally:
        first.kill()
        first.communicate()


def test_an_env_py_with_an_advisory_lock_of_its_own(make_project, postgresql):
    project = initialised(make_project(postgresql))
    env = project.folder / "migrations" / "env.py"
    head, _, tail = env.read_text().rpartition("            context.run_migrations()\n")
    env.write_text(
        head
        + "            context.execute('SELECT pg_advisory_xact_lock(10000)')\n            context.run_migrations()\n"
        + tail
    )
    project.revision("aaa1", None, CREATE.format("first") + "\nimport time; time.sleep(1)")
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: project.db("upgrade", "--lock-timeout", "60"), range(4)))
    assert [result.code for result in results] == [0] * 4, results
    assert postgresql.version() == ["aaa1"]


def test_two_threads_of_one_program(project):
    project.revision("aaa1", None, CREATE.format("first") + "\nimport time; time.sleep(1)")
    project.write(
        "program.py",
        """
        from threading import Thread
        from flask_migrate_script import upgrade
        from manage import app

        failures = []

        def run():
            try:
                with app.app_context():
                    upgrade()
            except BaseException as exc:
                failures.append(exc)

        threads = [Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(failures)
        """,
    )
    assert project.python("program.py").ok().out == "[]\n"
    assert project.database.version() == ["aaa1"]


def test_a_migration_inside_a_migration_is_refused_at_once(any_project):
    any_project.revision("aaa1", None, CREATE.format("first"))
    any_project.revision("bbb2", "aaa1", "from flask_migrate_script import upgrade as again\nagain()")
    began = time.monotonic()
    failed = any_project.db("upgrade", timeout=60).failed()
    assert time.monotonic() - began < 10
    assert "is running in this very process already, and this one was called inside it" in failed.err
    assert "Wait for it" not in failed.err


def test_a_thread_that_waits_for_another_one_says_so(project):
    project.revision("aaa1", None, CREATE.format("first") + "\nimport time; time.sleep(7)")
    project.write(
        "program.py",
        """
        from threading import Thread
        from flask_migrate_script import upgrade
        from manage import app

        def run():
            with app.app_context():
                upgrade()

        threads = [Thread(target=run, name=name) for name in ("one", "other")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """,
    )
    done = project.python("program.py").ok()
    assert "Another thread of this process (" in done.err
    assert project.database.version() == ["aaa1"]
