"""Whatever env.py does with Alembic, its migrations are seen: guarded, or refused, or told to be unguarded."""

import json

import pytest
from conftest import SQLALCHEMY, initialised, schema

CREATE = "op.create_table('fresh', sa.Column('id', sa.Integer, primary_key=True))"

IN_A_THREAD = """
else:
    import threading

    application, failures = current_app._get_current_object(), []

    def run():
        with application.app_context():
            run_migrations_online()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
"""
IN_A_LOOP_IN_A_THREAD = IN_A_THREAD.replace(
    "            run_migrations_online()",
    """            import asyncio

            async def main():
                run_migrations_online()

            asyncio.run(main())""",
)
OWN_CONTEXT = """
        from alembic.operations import Operations
        from alembic.runtime.migration import MigrationContext

        def steps(heads, context_):
            return context.script._upgrade_revs("head", heads)

        own = MigrationContext.configure(connection, opts={"fn": steps})
        with own.begin_transaction(), Operations.context(own):
            own.run_migrations()
"""
WRAPPED = """
import functools
from alembic.runtime.environment import EnvironmentContext

original = EnvironmentContext.configure

{0}
def configure(self, *args, **kwargs):
    return original(self, *args, **kwargs)

EnvironmentContext.configure = configure
from flask import Flask
"""


def online(project, code):
    """Let env.py run its online migrations in other lines."""
    env = project.folder / "migrations" / "env.py"
    text = env.read_text()
    assert "\nelse:\n    run_migrations_online()\n" in text
    env.write_text(text.replace("\nelse:\n    run_migrations_online()\n", code))


@pytest.fixture
def one_revision(any_project):
    any_project.revision("aaa1", None, CREATE, "op.drop_table('fresh')")
    return any_project


@pytest.mark.parametrize("code", [IN_A_THREAD, IN_A_LOOP_IN_A_THREAD], ids=["thread", "event loop in a thread"])
def test_migrations_in_a_thread_of_env_pys_own(one_revision, code):
    project, database = one_revision, one_revision.database
    online(project, code)
    dry = project.db("upgrade", "--dry-run").ok()
    assert "create table fresh" in dry.out
    assert (database.tables(), database.version()) == ([], [])
    project.revision("bbb2", "aaa1", "op.execute('INSERT INTO nowhere VALUES (1)')")
    failed = project.db("upgrade").failed()
    assert "Revision bbb2 (migrations/versions/bbb2.py, line 12) failed" in failed.err
    assert "The database is at" in failed.err
    assert database.version() == (["aaa1"] if database.kind == "mysql" else [])
    project.revision("bbb2", "aaa1")
    project.db("upgrade").ok()
    assert (database.tables(), database.version()) == (["fresh"], ["bbb2"])


@pytest.mark.parametrize("decorator", ["@functools.wraps(original)", ""], ids=["wraps", "hides"])
def test_another_library_has_wrapped_configure(one_revision, decorator):
    project, database = one_revision, one_revision.database
    manage = project.folder / "manage.py"
    manage.write_text(manage.read_text().replace("from flask import Flask\n", WRAPPED.format(decorator), 1))
    project.db("upgrade", "--dry-run").ok()
    assert database.tables() == []
    project.revision("bbb2", "aaa1", "op.execute('INSERT INTO nowhere VALUES (1)')")
    failed = project.db("upgrade").failed()
    assert database.version() == ([] if database.kind != "mysql" else ["aaa1"])
    assert "Rolled back, nothing changed." in failed.err or database.kind == "mysql"


def own_context(project):
    env = project.folder / "migrations" / "env.py"
    with_context = "        with context.begin_transaction():\n            context.run_migrations()\n\n\nif"
    text = env.read_text()
    assert with_context in text
    env.write_text(text.replace(with_context, OWN_CONTEXT + "\n\nif"))


def test_the_first_failing_statement_is_named_out_of_sight_too(make_project, postgresql):
    project = initialised(make_project(postgresql))
    own_context(project)
    bad = "op.execute('INSERT INTO nowhere VALUES ({0})')"
    saved = f"try:\n    with op.get_bind().begin_nested():\n        {bad.format(1)}\nexcept Exception:\n    pass"
    project.revision("aaa1", None, f"{saved}\ntry:\n    {bad.format(2)}\nexcept Exception:\n    pass")
    err = project.db("upgrade").failed().err
    assert "Error: Revision aaa1 (migrations/versions/aaa1.py, line 18) failed" in err
    assert "Statement: INSERT INTO nowhere VALUES (2)" in err
    assert "VALUES (1)" not in err
    assert "current transaction is aborted" in err
    assert "It is not known what is in the database now: the migrations ran unguarded" in err


def test_a_context_of_env_pys_own_is_refused_in_a_dry_run(one_revision):
    own_context(one_revision)
    refused = one_revision.db("upgrade", "--dry-run").failed()
    assert "env.py runs migrations out of sight" in refused.err
    assert "Nothing of them was run." in refused.err
    assert schema(one_revision.database) == {}


def test_a_context_of_env_pys_own_is_told_of_after_a_real_run(one_revision):
    own_context(one_revision)
    told = one_revision.db("upgrade").failed()
    assert "Migrations ran unguarded" in told.err
    assert "from no revision to aaa1" in told.err
    assert one_revision.database.version() == ["aaa1"]


@pytest.mark.parametrize(
    ("env_py", "missing"),
    [
        ("from alembic import context\n", "context.configure() with a connection"),
        (
            "from alembic import context\nfrom flask import current_app\n"
            "engine = current_app.extensions['migrate'].db.engine\n"
            "with engine.connect() as connection:\n    context.configure(connection=connection)\n",
            "context.run_migrations()",
        ),
    ],
    ids=["configures nothing", "runs nothing"],
)
def test_an_env_py_that_comes_to_its_end_without_a_migration(one_revision, env_py, missing):
    one_revision.write("migrations/env.py", env_py)
    for words in (["upgrade"], ["upgrade", "--dry-run"], ["stamp", "head"]):
        failed = one_revision.db(*words).failed()
        assert f"env.py came to its end and did not call {missing}: no migration was run." in failed.err
    one_revision.db("heads").ok()


def test_a_program_that_uses_alembic_in_another_thread_sees_no_difference(project):
    project.revision("aaa1", None, CREATE)
    project.write(
        "other.py",
        """
        import threading

        import sqlalchemy as sa
        from alembic.operations import Operations
        from alembic.runtime.migration import MigrationContext
        from flask_migrate_script import upgrade
        from manage import app

        go, done = threading.Event(), threading.Event()

        def work():
            go.wait()
            engine = sa.create_engine("sqlite://")
            with engine.connect() as connection:
                context = MigrationContext.configure(connection, opts={"fn": lambda heads, context: []})
                context.run_migrations()
                Operations(context).create_table("mine", sa.Column("id", sa.Integer))
                print(sa.inspect(connection).get_table_names())
            done.set()

        threading.Thread(target=work).start()
        with app.app_context():
            import manage
            manage.go, manage.done = go, done
            upgrade()
        """,
    )
    project.revision("bbb2", "aaa1", "import manage\nmanage.go.set()\nassert manage.done.wait(20)")
    done = project.python("other.py").ok()
    assert "mine" in done.out
    assert project.database.version() == ["bbb2"]


ASYNC = """
else:
    import asyncio

    from sqlalchemy import pool
    from sqlalchemy.ext.asyncio import create_async_engine

    DRIVERS = {"postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite", "mysql": "mysql+aiomysql"}

    def migrate(connection):
        context.configure(connection=connection, target_metadata=models())
        with context.begin_transaction():
            context.run_migrations()

    async def main():
        url = database_engine().url
        engine = create_async_engine(url.set(drivername=DRIVERS[url.get_backend_name()]), poolclass=pool.NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
        await engine.dispose()

    asyncio.run(main())
"""


@pytest.mark.skipif(SQLALCHEMY < (2,), reason="the async drivers of the test extra go with SQLAlchemy 2")
def test_an_async_engine(one_revision):
    for module in ("asyncpg", "aiosqlite", "aiomysql"):
        pytest.importorskip(module)
    project, database = one_revision, one_revision.database
    online(project, ASYNC)
    dry = project.db("upgrade", "--dry-run").ok()
    assert "create table fresh" in dry.out
    assert database.tables() == []
    project.db("upgrade").ok()
    assert database.version() == ["aaa1"]
    project.revision(
        "bbb2", "aaa1", "op.execute('INSERT INTO fresh VALUES (1)')\nop.execute('INSERT INTO nowhere VALUES (1)')"
    )
    failed = project.db("upgrade", "--json").failed()
    (found,) = json.loads(failed.out)["databases"]
    assert (found["before"], found["after"], found["state"]) == (["aaa1"], ["aaa1"], "unchanged")
    assert found["error"]["revision"] == "bbb2"
    assert "The database is at aaa1." in failed.err
    assert database.rows("SELECT * FROM fresh") == []
