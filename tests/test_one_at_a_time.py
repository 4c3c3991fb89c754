"""Whoever comes second waits, and finds the work done."""

import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from conftest import Database, initialised, wait_for
from sqlalchemy.engine.url import make_url

from flask_migrate_script.errors import MigrateError
from flask_migrate_script.guard import lock

CREATE = "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(20)))"
SLOW = CREATE.format("slow") + "\nopen('begun', 'w').close()\nimport time; time.sleep({0})"


def started(project, *words):
    """Start ``python manage.py db …`` and return the process once its migration has begun."""
    process = project.start("db", *words)
    wait_for((project.folder / "begun").exists)
    return process


def test_thirty_two_upgrades_at_once_apply_each_migration_once(any_project):
    database = any_project.database
    once = "op.execute(\"INSERT INTO first VALUES (1, 'once')\")"
    any_project.revision("aaa1", None, f"{CREATE.format('first')}\n{once}\nimport time; time.sleep(3)")
    any_project.revision("bbb2", "aaa1", CREATE.format("second"))
    with ThreadPoolExecutor(32) as pool:
        results = list(pool.map(lambda _: any_project.db("upgrade"), range(32)))
    assert [result.code for result in results] == [0] * 32, results
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


ENDS_THE_LOCK = {
    "sqlite": "import glob, os\nos.unlink(glob.glob('../database0/*.migrating')[0])",
    "postgresql": (
        "op.execute(\"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND"
        ' database = (SELECT oid FROM pg_database WHERE datname = current_database())")'
    ),
    "mysql": (
        "import hashlib\n"
        "name = op.get_bind().execute(sa.text('SELECT DATABASE()')).scalar()\n"
        "lock = 'flask_migrate_script.' + hashlib.sha256(name.encode()).hexdigest()[:32]\n"
        "number = op.get_bind().execute(sa.text(f\"SELECT IS_USED_LOCK('{lock}')\")).scalar()\n"
        "op.execute(f'KILL {number}')"
    ),
}


def test_a_run_that_has_lost_its_lock_goes_no_further(any_project):
    any_project.revision("aaa1", None, CREATE.format("first"))
    any_project.revision("bbb2", "aaa1", f"{ENDS_THE_LOCK[any_project.database.kind]}\n{CREATE.format('second')}")
    any_project.revision("ccc3", "bbb2", CREATE.format("third"))
    any_project.db("upgrade", "aaa1").ok()
    failed = any_project.db("upgrade").failed()
    assert "Error: The lock of this run was lost" in failed.err
    assert any_project.database.version() == ["aaa1"]
    assert "third" not in any_project.database.tables()
    if any_project.database.kind != "mysql":
        assert any_project.database.tables() == ["first"]


def test_no_timeout_of_the_server_ends_the_lock(make_project, new_database):
    for kind in ("postgresql", "mysql"):
        project = initialised(make_project(new_database(kind), name=kind))
        sleep = {"postgresql": "SELECT pg_sleep(4)", "mysql": "DO sleep(4)"}[kind]
        project.revision("aaa1", None, f"open('begun', 'w').close()\nop.execute('{sleep}')\n{CREATE.format('first')}")
        if kind == "postgresql":
            name = make_url(project.database.url).database
            for setting in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
                project.database.run(f"ALTER DATABASE {name} SET {setting} = '1s'")
        else:
            project.env["DATABASE_URL"] += "?init_command=SET wait_timeout=1"
        first = started(project, "upgrade")
        second = project.db("upgrade").ok()
        assert "is running" in second.err
        err = first.communicate()[1]
        assert first.returncode == 0, err
        assert project.database.version() == ["aaa1"]


def test_the_lock_file_is_no_way_to_another_file(project):
    path = project.folder.parent / "database0" / "test.db.migrating"
    target = project.write("target", "precious\n")
    path.symlink_to(target)
    failed = project.db("stamp", "base").failed()
    assert f"The lock file {path} is a symbolic link" in failed.err
    assert path.is_symlink()
    path.unlink()
    os.link(str(target), str(path))
    project.revision("aaa1", None, SLOW.format(30))
    first = started(project, "upgrade")
    refused = project.db("upgrade", "--lock-timeout", "0").failed()
    first.kill()
    first.communicate()
    assert "precious" not in refused.err
    project.db("stamp", "base").ok()
    assert target.read_text() == "precious\n"
    assert not path.exists()


def test_a_file_system_that_cannot_lock_is_named(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (tmp_path / "lock").open("w") as file, pytest.raises(MigrateError, match="cannot lock a file") as raised:
        lock._lock_file(file.fileno(), str(tmp_path / "lock"))
    assert "--no-lock" in str(raised.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_who_only_reads_needs_no_lock_file(project):
    """In a folder that cannot be written to."""
    project.revision("aaa1", None, CREATE.format("first"))
    project.db("upgrade").ok()
    project.revision("bbb2", "aaa1", CREATE.format("second"))
    folder = str(project.folder.parent / "database0")
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        assert "aaa1" in project.db("status").ok().out
        assert "aaa1" in project.db("current").ok().out
        dry = project.db("upgrade", "--dry-run")
        assert "migrating" not in dry.err
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def pooled(database, folder):
    """Put a PgBouncer in transaction mode before a database, with what it has by default; yield the database there."""
    url = make_url(database.url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "users").write_text(f'"{url.username}" ""\n')
    at = f"host={url.host} port={url.port or 5432} dbname={url.database} user={url.username}"
    settings = ["listen_addr = 127.0.0.1", f"listen_port = {port}", "auth_type = any", f"auth_file = {folder}/users"]
    settings += ["pool_mode = transaction", "unix_socket_dir ="]
    lines = ["[databases]", f"{url.database} = {at}", "[pgbouncer]", *settings, ""]
    (folder / "pgbouncer.ini").write_text("\n".join(lines))
    os.chmod(str(folder), 0o755)
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed")
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, "-q", *user, str(folder / "pgbouncer.ini")], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        address = str(url).replace(f"{url.host}:{url.port}" if url.port else url.host, f"127.0.0.1:{port}")
        yield Database("postgresql", address)
    finally:
        process.terminate()
        process.wait()


def test_a_pooler_that_keeps_no_session(make_project, postgresql, tmp_path_factory):
    """One of the two waits, also in an autocommit block; no lock stays on a connection that the pooler keeps."""
    with pooled(postgresql, tmp_path_factory.mktemp("pgbouncer")) as behind:
        project = initialised(make_project(behind))
        insert = "op.execute(\"INSERT INTO first VALUES (1, 'once')\")"
        project.revision("aaa1", None, CREATE.format("first"))
        project.revision(
            "bbb2",
            "aaa1",
            f"with op.get_context().autocommit_block():\n    op.execute('SELECT pg_sleep(2)')\n    {insert}",
        )
        with ThreadPoolExecutor(3) as pool:
            results = list(pool.map(lambda _: project.db("upgrade"), range(3)))
        assert [result.code for result in results] == [0] * 3, results
        assert behind.rows("SELECT count(*) FROM first") == [(1,)]
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        assert postgresql.rows(f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND {here}") == []
        project.db("stamp", "aaa1", "--lock-timeout", "0").ok()
