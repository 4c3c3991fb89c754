"""Whole or not at all is about a revision: what ends a transaction is seen, and what was rolled back is not applied."""

import json

import pytest
from conftest import SQLALCHEMY, initialised

TABLE = "op.create_table('t', sa.Column('a', sa.Integer))"
BIND_ROLLBACK = "op.get_bind().rollback()" if SQLALCHEMY >= (2,) else "op.execute('ROLLBACK')"
DRIVERS_ROLLBACK = "op.get_bind().connection.rollback()"
ROLLBACKS = ["op.execute('ROLLBACK')", "op.execute('-- a comment\\nROLLBACK')", DRIVERS_ROLLBACK]
if SQLALCHEMY >= (2,):
    ROLLBACKS.append("op.get_bind().rollback()")


def insert(number):
    return f"op.execute('INSERT INTO t VALUES ({number})')"


@pytest.fixture(params=["sqlite", "postgresql", "mysql", "psycopg"])
def at_first(request, make_project, new_database):
    """A project on each database, and on psycopg 3, whose first revision is applied."""
    kind = request.param
    if kind == "psycopg":
        if SQLALCHEMY < (2,):
            pytest.skip("SQLAlchemy 2 is the first that knows psycopg 3")
        pytest.importorskip("psycopg")
    if kind == "mysql" and SQLALCHEMY < (1, 4):
        pytest.skip("SQLAlchemy 1.3 commits each statement itself where Alembic opens no transaction")
    database = new_database("postgresql" if kind == "psycopg" else kind)
    if kind == "psycopg":
        database.url = database.url.replace("postgresql://", "postgresql+psycopg://")
    project = initialised(make_project(database))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    return project


def numbers(project):
    return sorted(row[0] for row in project.database.rows("SELECT a FROM t"))


def outcome(project, *words):
    """Return what a failing upgrade says of its database, and what it prints for a person."""
    done = project.db("upgrade", "--json", *words).failed()
    (found,) = json.loads(done.out)["databases"]
    return found, done.err


def test_a_revision_that_commits_is_recorded_and_the_next_one_is_whole_again(at_first):
    project = at_first
    project.revision("bbb2", "aaa1", "\n".join([insert(1), "op.execute('COMMIT')", insert(2)]))
    project.revision("ccc3", "bbb2", insert(3))
    project.revision("ddd4", "ccc3", insert(4) + "\nraise ValueError('no')")
    found, err = outcome(project)
    mysql = project.database.kind == "mysql"  # each revision is a transaction of its own there
    assert (found["before"], found["after"]) == (["aaa1"], ["ccc3"] if mysql else ["bbb2"])
    assert found["applied"] == (["bbb2", "ccc3"] if mysql else ["bbb2"])
    assert (found["state"], found["left"]) == ("applied", [])
    assert "Revision ddd4 was rolled back." in err
    assert numbers(project) == ([1, 2, 3] if mysql else [1, 2])
    project.revision("ddd4", "ccc3", insert(4))
    project.db("upgrade").ok()
    assert numbers(project) == [1, 2, 3, 4]


def test_an_autocommit_block_before_a_failure_in_a_later_revision(at_first):
    project = at_first
    project.revision("bbb2", "aaa1", f"with op.get_context().autocommit_block():\n    {insert(1)}")
    project.revision("ccc3", "bbb2", "raise ValueError('no')")
    found, _ = outcome(project)
    assert (found["after"], found["applied"], found["state"]) == (["bbb2"], ["bbb2"], "applied")
    project.revision("ccc3", "bbb2")
    project.db("upgrade").ok()
    assert numbers(project) == [1]


@pytest.mark.parametrize("rollback", ROLLBACKS)
def test_a_revision_that_rolls_back_what_it_has_written_is_not_recorded(at_first, rollback):
    project = at_first
    project.revision("bbb2", "aaa1", "\n".join([insert(1), rollback, insert(2)]))
    found, err = outcome(project)
    assert "Revision bbb2 rolled back something that was written, and went on: it is not recorded as applied." in err
    assert found["after"] == ["aaa1"]
    assert 1 not in numbers(project)
    assert [f"INSERT INTO t VALUES ({number})" for number in numbers(project)] == found["left"]
    assert found["state"] == ("partly" if found["left"] else "unchanged")


def test_what_other_sessions_commit_meanwhile_is_not_taken_for_the_scripts_own(make_project, new_database):
    """PostgreSQL numbers the transactions of all sessions in one row; a session's own turns tell them apart."""
    project = initialised(make_project(new_database("postgresql")))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    busy = "import sqlalchemy as sa\nother = sa.create_engine(op.get_bind().engine.url)\n"
    busy += "with other.connect() as busy:\n    for _ in range(20):\n        with busy.begin():\n"
    busy += "            busy.execute(sa.text('SELECT txid_current()'))"
    lines = [insert(1), f"raw = op.get_bind().connection\n{busy}\nraw.rollback()\n{busy}", insert(2)]
    project.revision("bbb2", "aaa1", "\n".join(lines))
    found, _ = outcome(project)
    assert (found["state"], found["left"], numbers(project)) == ("unchanged", [], [])


def test_a_rollback_of_the_revisions_before_it(at_first):
    project = at_first
    project.revision("bbb2", "aaa1", insert(1))
    project.revision("ccc3", "bbb2", "op.execute('ROLLBACK')\n" + insert(2))
    if project.database.kind == "mysql":
        project.db("upgrade").ok()  # bbb2 was committed when it ended
        assert numbers(project) == [1, 2]
        return
    found, err = outcome(project)
    assert "rolled back something that was written" in err
    assert (found["after"], found["applied"]) == (["aaa1"], [])
    assert 1 not in numbers(project)


@pytest.mark.parametrize("rollback", ROLLBACKS[:3:2])
def test_a_rollback_that_undoes_nothing_is_no_fault(at_first, rollback):
    project = at_first
    project.revision("bbb2", "aaa1", rollback + "\n" + insert(1))
    project.db("upgrade").ok()
    assert (project.database.version(), numbers(project)) == (["bbb2"], [1])


def test_a_savepoint_that_is_rolled_back_is_no_fault(at_first):
    project = at_first
    savepoint = "op.execute('SAVEPOINT one')"
    project.revision(
        "bbb2",
        "aaa1",
        "\n".join([insert(1), savepoint, insert(2), "op.execute('ROLLBACK TO SAVEPOINT one')", insert(3)]),
    )
    project.db("upgrade").ok()
    assert (project.database.version(), numbers(project)) == (["bbb2"], [1, 3])


def test_a_dry_run_stops_where_the_driver_would_roll_back(at_first):
    project = at_first
    if project.database.kind == "mysql":
        pytest.skip("nothing is executed there")
    project.database.run("INSERT INTO t VALUES (7)")
    project.revision("bbb2", "aaa1", f"{DRIVERS_ROLLBACK}\nop.execute('DELETE FROM t')")
    done = project.db("upgrade", "--dry-run").ok()
    assert "on the driver's own connection" in done.out
    assert "Nothing was changed." in done.out
    assert numbers(project) == [7]


def test_an_engine_in_autocommit_is_taken_out_of_it(make_project, database):
    project = initialised(make_project(database))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    manage = project.folder / "manage.py"
    setting = 'app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"isolation_level": "AUTOCOMMIT"}\ndb = SQLAlchemy(app)'
    manage.write_text(manage.read_text().replace("db = SQLAlchemy(app)", setting, 1))
    project.revision(
        "bbb2", "aaa1", f"{insert(1)}\nop.create_table('u', sa.Column('a', sa.Integer))\nraise ValueError('no')"
    )
    found, _ = outcome(project)
    if database.kind == "mysql":
        assert found["state"] == "partly"
        return
    assert found["state"] == "unchanged"
    assert (database.tables(), numbers(project)) == (["t"], [])
    dry = project.db("upgrade", "--dry-run").failed()
    assert "rehearsed and rolled back" in dry.out


def test_an_invalid_index_is_named(make_project, postgresql):
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, TABLE)
    concurrently = "op.execute('CREATE UNIQUE INDEX CONCURRENTLY ix_t ON t (a)')"
    project.revision(
        "bbb2", "aaa1", f"{insert(1)}\n{insert(1)}\nwith op.get_context().autocommit_block():\n    {concurrently}"
    )
    found, err = outcome(project)
    assert "Of revision bbb2 the index public.ix_t is there and invalid." in err
    assert "DROP INDEX CONCURRENTLY public.ix_t removes it." in err
    assert "public.ix_t" in found["left"]
    assert found["state"] == "partly"


def test_the_first_failing_statement_is_named_where_the_script_went_on(make_project, postgresql):
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, TABLE)
    bad = "try:\n    op.execute('INSERT INTO nowhere VALUES (1)')\nexcept Exception:\n    pass"
    for after in ("", "\n" + insert(1)):
        project.revision("bbb2", "aaa1", bad + after)
        found, err = outcome(project)
        assert "INSERT INTO nowhere VALUES (1)" in err
        assert found["error"]["statement"] == "INSERT INTO nowhere VALUES (1)"
        assert found["state"] == "unchanged"


@pytest.mark.parametrize(
    "ending", ["raise KeyboardInterrupt", "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)"]
)
def test_an_interruption_says_what_is_true(at_first, ending):
    project = at_first
    project.revision("bbb2", "aaa1", f"{insert(1)}\n{ending}\nimport time\ntime.sleep(5)")
    found, err = outcome(project)
    assert "Error: Interrupted." in err
    assert "The database is at aaa1." in err
    assert (found["after"], found["state"]) == (["aaa1"], "unchanged")
    assert numbers(project) == []


def test_what_succeeds_is_in_the_document_too(at_first):
    project = at_first
    project.revision("bbb2", "aaa1", insert(1), "op.execute('DELETE FROM t')")
    (found,) = json.loads(project.db("upgrade", "--json").ok().out)["databases"]
    assert (found["before"], found["after"], found["applied"]) == (["aaa1"], ["bbb2"], ["bbb2"])
    assert (found["state"], found["left"], found["error"]) == ("applied", [], None)
    (found,) = json.loads(project.db("upgrade", "--json").ok().out)["databases"]
    assert (found["applied"], found["state"]) == ([], "unchanged")
    (found,) = json.loads(project.db("downgrade", "--json").ok().out)["databases"]
    assert (found["after"], found["applied"]) == (["aaa1"], ["bbb2"])


FAIL = "raise ValueError('no')"


def by_driver(sql):
    return f"op.get_bind().connection.cursor().execute({sql!r})"


def test_what_goes_back_to_a_savepoint_is_what_came_after_it(make_project, sqlite):
    """Whichever way each of the statements goes."""
    project = initialised(make_project(sqlite))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    executed, cursor = "op.execute({!r})".format, by_driver
    ways = [(executed, cursor, executed), (cursor, executed, cursor), (cursor, cursor, cursor)]
    for number, (first, second, third) in enumerate(ways):
        one, two = 10 * number + 1, 10 * number + 2
        body = [first("SAVEPOINT one"), second(f"INSERT INTO t VALUES ({one})"), third("SAVEPOINT two")]
        body += [first(f"INSERT INTO t VALUES ({two})"), third("ROLLBACK TO two"), first("RELEASE one")]
        project.revision("bbb2", "aaa1", "\n".join(["op.execute('COMMIT')", *body, FAIL]))
        found, _ = outcome(project)
        assert (found["state"], found["left"]) == ("partly", [f"INSERT INTO t VALUES ({one})"])
        assert numbers(project)[-1] == one


@pytest.mark.parametrize("failing", ["INSERT INTO t nonsense", "INSERT INTO t VALUES (1, 2)"])
def test_a_statement_that_failed_hides_none_that_went_past_sqlalchemy(make_project, mysql, failing):
    """What MySQL's parser refuses is not among those that it counts."""
    project = initialised(make_project(mysql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    mysql.run("INSERT INTO t VALUES (5), (6)")
    commit = "\nop.get_bind().connection.commit()"
    unseen = [by_driver("CREATE TABLE u (a INT)"), by_driver(insert_sql(1)) + commit]
    for past in (*unseen, by_driver("DELETE FROM t WHERE a = 5") + commit):
        project.revision("bbb2", "aaa1", "\n".join([past, f"op.execute({failing!r})"]))
        found, err = outcome(project)
        assert (found["state"], found["error"]["statement"]) == ("unknown", failing)
        assert "it is not known what it wrote there" in err
        mysql.run("DROP TABLE IF EXISTS alembic_journal")
    changes = [insert(8), "op.execute('UPDATE t SET a = 9')", "op.execute('DELETE FROM t')"]
    project.revision("bbb2", "aaa1", "\n".join([by_driver("SELECT 1"), *changes, f"op.execute({failing!r})"]))
    state = outcome(project)[0]["state"]
    # SQLAlchemy 1.3 commits each statement itself where the Alembic that it is with opens no transaction.
    assert state == ("unchanged" if numbers(project) else "partly")
    assert state == "unchanged" or SQLALCHEMY < (1, 4)


def insert_sql(number):
    return f"INSERT INTO t VALUES ({number})"


ELSEWHERE = "other.execute(sa.text('INSERT INTO t VALUES (2)'))"


def test_a_doubt_about_an_applied_revision_is_told_again_at_the_end(make_project, postgresql):
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    lost = by_driver("INSERT INTO t VALUES (1); ROLLBACK; BEGIN")
    # The transactions of other connections have numbers, too.
    project.revision("bbb2", "aaa1", f"with op.get_bind().engine.begin() as other:\n    {ELSEWHERE}\n{lost}")
    project.revision("ccc3", "bbb2", FAIL)
    found, err = outcome(project)
    assert err.count("not known whether something that") == 2
    assert "It is not known whether something that revision bbb2 had written was rolled back." in err
    assert (found["state"], found["applied"], found["doubtful"]) == ("unknown", ["bbb2"], ["bbb2"])
    project.db("downgrade").ok()
    project.revision("ccc3", "bbb2")
    (found,) = json.loads(project.db("upgrade", "--json").ok().out)["databases"]
    assert (found["state"], found["doubtful"]) == ("applied", ["bbb2"])


def test_what_is_written_past_sqlalchemy_on_another_connection_is_not_known(at_first):
    project, engine = at_first, "op.get_bind().engine"
    begin = ["op.execute('COMMIT')"]  # on SQLite the other one waits for it
    for taken in (f"{engine}.raw_connection()", f"{engine}.connect().connection"):
        write = [f"raw = {taken}", f"raw.cursor().execute({insert_sql(1)!r})", "raw.commit()", "raw.close()"]
        project.revision("bbb2", "aaa1", "\n".join([*begin, *write, FAIL]))
        found, err = outcome(project)
        assert found["state"] == "unknown"
        assert "Revision bbb2 also had the driver's own connection: it is not known what it wrote there" in err
    assert numbers(project) == [1, 1]
    if project.database.kind == "sqlite":  # it tells that no other connection has committed anything
        project.revision("bbb2", "aaa1", "\n".join([*begin, write[0], "raw.cursor().execute('SELECT 1')", FAIL]))
        assert outcome(project)[0]["state"] == "unchanged"


@pytest.mark.parametrize("driver", ["", "psycopg"])
def test_what_follows_a_rollback_in_one_text_lasts(make_project, postgresql, driver):
    """PostgreSQL commits it when the text ends; a question of ours would hide that the transaction is over."""
    if driver and SQLALCHEMY >= (2,):
        pytest.importorskip("psycopg")
        postgresql.url = postgresql.url.replace("postgresql://", "postgresql+psycopg://")
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    project.revision("bbb2", "aaa1", f"op.execute({insert_sql(1) + '; ROLLBACK; ' + insert_sql(2)!r})")
    found, _ = outcome(project)
    assert (found["state"], found["left"], numbers(project)) == ("partly", [insert_sql(2)], [2])


def test_a_savepoint_that_was_not_seen_leaves_a_doubt(make_project, postgresql):
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    back = [by_driver("SAVEPOINT one"), insert(1), by_driver("ROLLBACK TO one"), insert(2)]
    project.revision("bbb2", "aaa1", "\n".join([*back, "op.execute('COMMIT')", FAIL]))
    found, err = outcome(project)
    assert (found["state"], found["left"], numbers(project)) == ("unknown", [], [2])
    told = f"it is not known whether these statements took effect:\n         {insert_sql(1)}\n         {insert_sql(2)}"
    assert told in err
    project.revision("bbb2", "aaa1", "\n".join([*back, "op.execute('COMMIT')"]))
    (found,) = json.loads(project.db("upgrade", "--json").ok().out)["databases"]
    assert (found["state"], found["doubtful"], numbers(project)) == ("applied", ["bbb2"], [2, 2])


def test_each_revision_is_whole_where_one_of_them_has_left_the_transaction(at_first):
    """Its version is committed when it ends: a rollback in the next one does not reach it."""
    project = at_first
    commit = "op.get_bind().commit()" if SQLALCHEMY >= (2,) else "op.execute('COMMIT')"
    project.revision("bbb2", "aaa1", f"{commit}\n{insert(1)}")
    project.revision("ccc3", "bbb2", "op.execute('ROLLBACK')")
    project.db("upgrade").ok()
    assert (project.database.version(), numbers(project)) == (["ccc3"], [1])


def test_what_an_earlier_revision_wrote_elsewhere_is_not_known_either(make_project, postgresql):
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    raw = f"raw = op.get_bind().engine.raw_connection()\nraw.cursor().execute({insert_sql(1)!r})\nraw.commit()"
    project.revision("bbb2", "aaa1", raw)
    project.revision("ccc3", "bbb2", FAIL)
    found, err = outcome(project)
    assert (found["state"], found["after"], numbers(project)) == ("unknown", ["aaa1"], [1])
    assert "Revision bbb2 also had the driver's own connection" in err


def test_a_commit_that_was_asked_for_is_one_where_the_database_says_so(make_project, postgresql):
    """A constraint is deferred, so that it is the commit that fails; another transaction comes after a rollback."""
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    postgresql.run("ALTER TABLE t ADD CONSTRAINT once UNIQUE (a) DEFERRABLE INITIALLY DEFERRED", insert_sql(1))
    session = "session = sa_orm.Session(bind=op.get_bind())\n"
    execute = "session.execute(sa.text({0!r}))\nsession.{1}()\n".format
    failing = f"try:\n    {execute(insert_sql(1), 'commit').rstrip()}\nexcept Exception:\n    pass\n"
    failing = failing.replace("\nsession", "\n    session")
    bodies = [execute(insert_sql(2), "rollback") + execute(insert_sql(3), "commit"), failing]
    if SQLALCHEMY < (2,):
        bodies = [f"begun = op.get_bind().begin()\n{failing.replace('session.commit()', 'begun.commit()')}"]
    for body in bodies:
        project.revision("bbb2", "aaa1", f"import sqlalchemy.orm as sa_orm\n{session}{body}{FAIL}")
        found, _ = outcome(project)
        assert found["left"] == [insert_sql(number) for number in numbers(project) if number > 1]
        assert found["state"] == ("partly" if found["left"] else "unchanged")
        postgresql.run("DELETE FROM t WHERE a > 1")


def test_an_end_past_sqlalchemy_is_seen_before_anything_is_asked(make_project, postgresql):
    """A question begins a transaction on the driver, and then nothing tells that there was an end."""
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    block = "with op.get_context().autocommit_block():\n    pass"
    for number, (end, after) in enumerate([("rollback", block), ("commit", block), ("commit", BIND_ROLLBACK)], 1):
        body = [insert(number), f"op.get_bind().connection.{end}()", after, FAIL]
        project.revision("bbb2", "aaa1", "\n".join(body))
        found, err = outcome(project)
        assert found["left"] == ([insert_sql(number)] if number in numbers(project) else [])
        assert (end == "commit") is (number in numbers(project))
        assert "so far, stays too" not in err


def test_a_commit_of_the_journals_own_hides_no_rollback(make_project, mysql):
    project = initialised(make_project(mysql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    caught = "try:\n    op.drop_table('nowhere')\nexcept Exception:\n    pass"  # the journal commits before DDL
    project.revision("bbb2", "aaa1", "\n".join([insert(1), DRIVERS_ROLLBACK, caught]))
    if SQLALCHEMY < (1, 4):
        pytest.skip("it commits each statement itself where Alembic opens no transaction")
    found, err = outcome(project)
    assert "Revision bbb2 rolled back something that was written" in err
    assert (found["state"], found["after"], numbers(project)) == ("unchanged", ["aaa1"], [])


def test_the_journal_tells_what_a_rollback_past_sqlalchemy_has_undone(make_project, mysql):
    """Each of its rows is in the transaction of a statement."""
    if SQLALCHEMY < (1, 4):
        pytest.skip("it commits each statement itself where Alembic opens no transaction")
    project = initialised(make_project(mysql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    chain = by_driver("ROLLBACK AND CHAIN")
    for lost in ([by_driver("COMMIT"), insert(1), DRIVERS_ROLLBACK], [insert(1), chain], [insert(1), chain, insert(2)]):
        project.revision("bbb2", "aaa1", "\n".join(lost))
        found, err = outcome(project)
        assert "Revision bbb2 rolled back something that was written" in err
        assert (found["after"], numbers(project)) == (["aaa1"], [])
    savepoint = ["op.execute('SAVEPOINT one')", insert(3), "op.execute('ROLLBACK TO one')"]
    project.revision("bbb2", "aaa1", "\n".join([DRIVERS_ROLLBACK, insert(1), *savepoint]))
    (found,) = json.loads(project.db("upgrade", "--json").ok().out)["databases"]
    assert (found["state"], found["doubtful"], numbers(project)) == ("applied", ["bbb2"], [1])
    mysql.run("ALTER TABLE t ENGINE = MyISAM")  # a row of it lasts at once: there is nothing to roll back
    project.revision("ccc3", "bbb2", "\n".join([DRIVERS_ROLLBACK, insert(2)]))
    (found,) = json.loads(project.db("upgrade", "--json").ok().out)["databases"]
    assert (found["state"], found["doubtful"], numbers(project)) == ("applied", [], [1, 2])


def test_a_rollback_before_what_was_not_seen_is_no_loss_that_is_known(make_project, mysql):
    project = initialised(make_project(mysql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    block = f"with op.get_context().autocommit_block():\n    {by_driver(insert_sql(1))}\nop.execute('ROLLBACK')"
    bodies = [f"{DRIVERS_ROLLBACK}\n{by_driver(insert_sql(1))}", block]
    bodies.append("\n".join([insert(1), by_driver("CREATE TABLE u (a INT)"), by_driver("ROLLBACK")]))
    for number, body in enumerate(bodies):
        project.revision(f"bbb{number}", f"bbb{number - 1}" if number else "aaa1", body)
        (found,) = json.loads(project.db("upgrade", "--json").ok().out)["databases"]
        assert found["after"] == [f"bbb{number}"]
        assert len(numbers(project)) == number + 1


def test_what_was_not_seen_goes_with_its_transaction_on_mysql(make_project, mysql):
    """Where the transaction is still the one that the script found, all that it wrote past SQLAlchemy is in it."""
    project = initialised(make_project(mysql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    write = f"driver = op.get_bind().connection\ndriver.cursor().execute({insert_sql(1)!r})\n"
    more = f"driver.cursor().execute({insert_sql(2)!r})\n"
    ends = {"": "unchanged", "driver.commit()\n": "unknown", by_driver("CREATE TABLE u (a INT)") + "\n": "unknown"}
    for end, state in ends.items():
        project.revision("bbb2", "aaa1", write + end + more + FAIL)
        found, _ = outcome(project)
        assert found["state"] == state
        assert numbers(project) == ([1] if end else [])
        mysql.run("DELETE FROM t")
    mysql.run("ALTER TABLE t ENGINE = MyISAM")  # its rows stay
    project.revision("bbb2", "aaa1", write + FAIL)
    assert (outcome(project)[0]["state"], numbers(project)) == ("unknown", [1])


def test_what_a_script_does_when_it_takes_the_drivers_connection_twice(at_first):
    project = at_first
    write = f"driver = op.get_bind().connection\ndriver.cursor().execute({insert_sql(1)!r})\ndriver.commit()"
    project.revision("bbb2", "aaa1", "\n".join([write, by_driver("SELECT 1"), FAIL]))
    found, _ = outcome(project)
    kind = project.database.kind
    assert (found["state"], numbers(project)) == ("partly" if kind == "sqlite" else "unknown", [1])


def test_a_commit_past_sqlalchemy_after_a_rollback_is_not_known(make_project, postgresql):
    """The transaction that is rolled back is not the one that the script commits on the driver's connection."""
    project = initialised(make_project(postgresql))
    project.revision("aaa1", None, TABLE)
    project.db("upgrade").ok()
    commit = f"driver = op.get_bind().connection\ndriver.cursor().execute({insert_sql(1)!r})\ndriver.commit()"
    project.revision("bbb2", "aaa1", "\n".join([insert(2), "op.execute('ROLLBACK')", commit]))
    found, _ = outcome(project)
    assert (found["state"], numbers(project)) == ("unknown", [1])
