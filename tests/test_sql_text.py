"""What a text of SQL is, is read by the rules of its database; where a real server can tell, it is asked."""

import io
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine.url import make_url

from flask_migrate_script.sql.destroying import find_created, find_destroyed
from flask_migrate_script.sql.functions import HARMLESS
from flask_migrate_script.sql.mysql import find_actions, hide_values, is_atomic, normalize, remove_counter
from flask_migrate_script.sql.targets import find_target
from flask_migrate_script.sql.text import Kind, commits, ends_transaction, flatten, reads, shorten, split
from flask_migrate_script.sql.tokens import FAMILIES, TokenKind, tokenize

DIALECTS = [*FAMILIES, "another"]

TABLE = [
    # dialect, kind, whether it reads, what ends the transaction, texts
    (
        "postgresql",
        *("read", True, None),
        [
            "SELECT 1",
            "  select * from t where a = 'it''s; COMMIT'",
            "-- first\nSELECT 1",
            "/* one /* two */ COMMIT; */ SELECT 1",
            "(SELECT 1) UNION (SELECT 2)",
            "((SELECT 1))",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "WITH RECURSIVE a(n) AS (SELECT 1), b(m) AS (SELECT 2) SELECT * FROM a, b",
            "WITH update AS (SELECT 1) SELECT * FROM update",
            "WITH a AS MATERIALIZED (SELECT 1) SELECT count(*) FROM a",
            "TABLE t",
            "VALUES (1), (2)",
            "SHOW search_path",
            "EXPLAIN DELETE FROM t",
            "EXPLAIN (ANALYZE off, COSTS off) DELETE FROM t",
            "EXPLAIN ANALYZE SELECT 1",
            "EXPLAIN (ANALYZE) SELECT 1",
            r"SELECT E'it\'s; COMMIT; --'",
            r"SELECT 'a\', 'b'",
            'SELECT U&\'d\\0061t\', U&"d\\0061t" FROM (SELECT 1 AS "dat") x',
            "SELECT $$; COMMIT; $$, $a$ $$ ; COMMIT; $a$",
            "SELECT '{}'::jsonb ? 'a', 1::numeric(10, 2), '1'::text",
            'SELECT 1 AS "a;b", 2 AS "insert into"',
            "SELECT cast(1 AS varchar(20)), coalesce(max(id), 0), lower(b) FROM t GROUP BY b HAVING count(*) > 1",
            "SELECT a[1:2] FROM (SELECT ARRAY[1, 2] AS a) x",
            "SELECT pg_catalog.pg_get_userbyid(1), to_regclass('t'), current_user",
            "SELECT row_number() OVER (PARTITION BY a ORDER BY id) FROM t",
            "SELECT id FROM t WHERE id IN (1, 2) AND NOT EXISTS (SELECT 1) OR a = ANY (ARRAY[1])",
            "SELECT x.a FROM (VALUES (1)) AS x(a) JOIN LATERAL (SELECT 1) y(b) ON true",
            "SELECT 1 -- ; COMMIT",
            "SELECT 1;",
            "SELECT 1; SELECT 2;;",
            "COPY t TO STDOUT",
            "COPY (SELECT 1) TO STDOUT",
            "DECLARE c CURSOR FOR SELECT 1",
            "SELECT current_setting('search_path'), pg_advisory_xact_lock(1)",
            "SELECT extract(year FROM now()), interval '1 day', date '2020-01-01'",
            "SELECT 1 AS into_what, 'INTO' AS b",
            "SELECT 'a'\n  '; COMMIT;'",
            "",
            "-- nothing",
            ";;",
        ],
    ),
    ("postgresql", "read", True, None, ["SELECT * FROM t FOR UPDATE", "SELECT * FROM t FOR NO KEY UPDATE OF t"]),
    (
        "postgresql",
        *("session", True, None),
        [
            "SET search_path = public",
            "SET LOCAL lock_timeout = '1s'",
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET CONSTRAINTS ALL IMMEDIATE",
            "RESET search_path",
            "PREPARE p AS SELECT 1",
            "DEALLOCATE ALL",
            "LISTEN x",
            "LOCK TABLE t IN ACCESS SHARE MODE",
        ],
    ),
    (
        "postgresql",
        *("dml", False, None),
        [
            "INSERT INTO t (id, a) VALUES (10, 2)",
            "insert into t values (10, 2, 'x') returning id",
            "UPDATE t SET a = 1",
            "DELETE FROM t",
            "-- SELECT\nDELETE FROM t",
            "/* SELECT */ DELETE FROM t",
            "-- SELECT\rDELETE FROM t",
            "/* a /* b */ SELECT */ DELETE FROM t",
            "WITH a AS (SELECT 1) DELETE FROM t",
            "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
            "WITH a AS (INSERT INTO t VALUES (10) RETURNING id), b AS (SELECT 1) SELECT * FROM a, b",
            "WITH a AS (UPDATE t SET a = 2 RETURNING id) SELECT * FROM a",
            "WITH a AS (SELECT 10 AS id) INSERT INTO t SELECT id FROM a",
            "EXPLAIN ANALYZE DELETE FROM t",
            "EXPLAIN (ANALYZE, VERBOSE) UPDATE t SET a = 3",
            "EXPLAIN (VERBOSE, ANALYZE true) DELETE FROM t",
            "EXPLAIN ANALYZE VERBOSE WITH a AS (SELECT 1) DELETE FROM t",
            "MERGE INTO t USING (SELECT 1 AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = 4",
            "COPY (DELETE FROM t RETURNING id) TO STDOUT",
            "UPDATE t SET b = 'SELECT'; ",
            r"UPDATE t SET b = E'\'; COMMIT; --'",
        ],
    ),
    ("postgresql", "dml", False, None, ["COPY t FROM STDIN", "NOTIFY x", "UPDATE t SET a = %(a)s WHERE id = :id"]),
    (
        "postgresql",
        *("ddl", False, None),
        [
            "CREATE TABLE made (a INT)",
            "CREATE TEMPORARY TABLE made (a INT)",
            "CREATE TABLE made AS SELECT 1",
            "SELECT 1 AS a INTO made",
            "SELECT 1 AS a INTO TEMP TABLE made",
            "WITH x AS (SELECT 1 AS a) SELECT * INTO made FROM x",
            "ALTER TABLE t ADD COLUMN c INT",
            "DROP TABLE t",
            "TRUNCATE t",
            "COMMENT ON TABLE t IS 'COMMIT'",
            "CREATE INDEX by_a ON t (a)",
            "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$",
            "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT 2'",
            "CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END",
            "CREATE PROCEDURE q() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$",
            "CREATE RULE r AS ON UPDATE TO t DO ALSO (NOTIFY x; NOTIFY y)",
            "CREATE VIEW v AS SELECT 1 AS begin",
            "EXPLAIN ANALYZE CREATE TABLE made AS SELECT 1",
            "GRANT SELECT ON t TO PUBLIC",
            'CREATE TABLE "COMMIT; a" (b INT)',
        ],
    ),
    (
        "postgresql",
        *("call", False, None),
        [
            "SELECT nextval('s')",
            "SELECT setval('s', 5)",
            "SELECT writes()",
            "SELECT public.writes()",
            'SELECT "writes"()',
            "SELECT * FROM writes()",
            "SELECT lower(writes()::text)",
            "VALUES (writes())",
            "TABLE t UNION SELECT writes(), 1, 'x'",
            "WITH a AS (SELECT writes()) SELECT * FROM a",
            "DO $$ BEGIN PERFORM writes(); END $$",
            "CALL proc()",
            "EXPLAIN ANALYZE SELECT writes()",
            "EXECUTE p",
            "COMMIT PREPARED 'x'",
            "ROLLBACK PREPARED 'x'",
            "COPY t TO PROGRAM 'cat'",
            "DECLARE c CURSOR FOR SELECT writes()",
        ],
    ),
    ("postgresql", "begin", True, None, ["BEGIN", "begin work", "START TRANSACTION ISOLATION LEVEL READ COMMITTED"]),
    (
        "postgresql",
        *("commit", False, "COMMIT"),
        [
            "COMMIT",
            "commit work;",
            "COMMIT AND CHAIN",
            "END",
            "END TRANSACTION",
            "/* a */ COMMIT -- b",
            "-- a\n-- b\nCOMMIT",
            "PREPARE TRANSACTION 'x'",
        ],
    ),
    (
        "postgresql",
        *("rollback", False, "ROLLBACK"),
        ["ROLLBACK", "ABORT", "ROLLBACK WORK", "ROLLBACK AND CHAIN", "rollback transaction"],
    ),
    ("postgresql", "savepoint", True, None, ["SAVEPOINT a", 'SAVEPOINT "COMMIT"']),
    ("postgresql", "rollback to", True, None, ["ROLLBACK TO a", "ROLLBACK WORK TO SAVEPOINT a", "ABORT TO a"]),
    ("postgresql", "release", True, None, ["RELEASE a", "RELEASE SAVEPOINT a"]),
    ("postgresql", "upkeep", False, None, ["ANALYZE t", "VACUUM t", "REINDEX TABLE t", "CLUSTER t", "CHECKPOINT"]),
    (
        "postgresql",
        *("unknown", False, None),
        ["SELECT 'open", 'SELECT "open', "SELECT 1 /* open /* */", "SELECT $a$ open $b$", "FOO BAR", "DELIMITER //"],
    ),
    ("postgresql", "unknown", False, None, ["REPLACE INTO t VALUES (1)", "\\copy t", "1", "(DELETE FROM t)", "# x"]),
    (
        "postgresql",
        *("several", False, "COMMIT"),
        [
            "UPDATE t SET a = 1; COMMIT",
            "SELECT ';'; COMMIT; ROLLBACK",
            "SELECT $$;$$; END; SELECT 1",
            "SELECT 1;COMMIT",
        ],
    ),
    (
        "postgresql",
        *("several", False, "ROLLBACK"),
        [
            "UPDATE t SET a = 1; ROLLBACK; UPDATE t SET a = 2",
            "CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END; ROLLBACK",
        ],
    ),
    (
        "postgresql",
        *("several", False, None),
        ["SELECT 1; DELETE FROM t", "SELECT $a$;$a$; UPDATE t SET a = 'COMMIT; '; SAVEPOINT a; ROLLBACK TO a"],
    ),
    (
        "sqlite",
        *("read", True, None),
        [
            "SELECT 1",
            "SELECT my_own(1), nextval FROM (SELECT 1 AS nextval)",
            'SELECT [a b], `c;`, "d;" FROM (SELECT 1 AS [a b], 2 AS `c;`, 3 AS "d;")',
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "VALUES (1)",
            "EXPLAIN DELETE FROM t",
            "EXPLAIN QUERY PLAN DELETE FROM t",
            "PRAGMA table_info(t)",
            "PRAGMA main.table_info('t')",
            "PRAGMA foreign_keys",
            "PRAGMA user_version",
            "PRAGMA integrity_check",
            "PRAGMA foreign_key_check(t)",
            "SELECT 1 /* open",
            "SELECT 1 -- \r; COMMIT",
            "SELECT 'a\\', 'b' -- ;",
            "SELECT x'00', ?1, :a, @b, $c",
        ],
    ),
    (
        "sqlite",
        *("session", True, None),
        ["PRAGMA foreign_keys = ON", "PRAGMA foreign_keys(0)", "PRAGMA cache_size=10", "ATTACH ':memory:' AS x"],
    ),
    (
        "sqlite",
        *("dml", False, None),
        [
            "INSERT INTO t VALUES (10, 1, 'x')",
            "REPLACE INTO t VALUES (1, 2, 'x')",
            "INSERT OR IGNORE INTO t VALUES (10, 1, 'x')",
            "UPDATE t SET a = 'it''s; COMMIT'",
            "DELETE FROM t",
            "WITH a AS (SELECT 1) DELETE FROM t",
            "-- SELECT\nDELETE FROM [t]",
            "PRAGMA user_version = 5",
            "PRAGMA application_id(7)",
        ],
    ),
    (
        "sqlite",
        *("ddl", False, None),
        [
            "CREATE TABLE made (a)",
            "CREATE TABLE made AS SELECT 1",
            "CREATE TRIGGER r AFTER DELETE ON t BEGIN DELETE FROM t; SELECT CASE WHEN 1 THEN 2 END; END",
            "CREATE TEMP TRIGGER r AFTER UPDATE ON t BEGIN UPDATE t SET a = CASE a WHEN 1 THEN 2 END; END;",
            "CREATE TRIGGER r INSTEAD OF DELETE ON v FOR EACH ROW WHEN (CASE 1 WHEN 1 THEN 1 END) BEGIN SELECT 1; END",
            "ALTER TABLE t ADD COLUMN c",
            "DROP TABLE t",
            "CREATE INDEX i ON t (a)",
        ],
    ),
    ("sqlite", "begin", True, None, ["BEGIN", "BEGIN IMMEDIATE", "BEGIN TRANSACTION"]),
    ("sqlite", "commit", False, "COMMIT", ["COMMIT", "END", "end transaction;", "/**/COMMIT"]),
    ("sqlite", "rollback", False, "ROLLBACK", ["ROLLBACK", "rollback transaction"]),
    ("sqlite", "savepoint", True, None, ["SAVEPOINT a"]),
    ("sqlite", "rollback to", True, None, ["ROLLBACK TO a", "ROLLBACK TRANSACTION TO SAVEPOINT a"]),
    ("sqlite", "release", True, None, ["RELEASE a"]),
    ("sqlite", "upkeep", False, None, ["ANALYZE", "REINDEX t", "VACUUM", "PRAGMA optimize", "PRAGMA wal_checkpoint"]),
    ("sqlite", "unknown", False, None, ["SELECT 'open", "SELECT [open", "SET a = 1", "ABORT", "SELECT 1 INTO a", "?"]),
    (
        "sqlite",
        *("several", False, "COMMIT"),
        [
            "CREATE TRIGGER r AFTER DELETE ON t BEGIN DELETE FROM t; END; COMMIT",
            "INSERT INTO t VALUES (10, 1, ';'); END",
        ],
    ),
    (
        "mysql",
        *("read", True, None),
        [
            "SELECT 1",
            "  (SELECT 1) UNION (SELECT 2)",
            "-- first\n/* then */ select 'INSERT; INTO'",
            "# first\nSELECT 1",
            "SELECT 1 # ; COMMIT",
            "SELECT 1 # \r; COMMIT",
            "SELECT 1 -- ; COMMIT",
            "SELECT 1--1",
            r"SELECT 'it\'s; COMMIT; -- '",
            r'SELECT "it\"s; COMMIT; # "',
            'SELECT "a""; COMMIT", `id` AS `b``;` FROM t',
            "WITH a AS (SELECT 1) SELECT * FROM a FOR UPDATE",
            "SELECT a INTO @x FROM t LIMIT 1",
            "SHOW CREATE TABLE t",
            "DESC t",
            "EXPLAIN DELETE FROM t",
            "EXPLAIN SELECT 1",
            "CHECKSUM TABLE t",
            "HANDLER t OPEN",
            "DO 1",
            "DO RELEASE_LOCK('x')",
            "SELECT GET_LOCK('x', 0), DATABASE(), @@SESSION.autocommit",
            "/*! SELECT 1 */",
            "/*!99999 DROP TABLE t */ SELECT 1",
            "/*!99999 DROP TABLE t /* a */; COMMIT */ SELECT 1",
            "SELECT 1 FROM t WHERE b IN ('a', 'b') AND a REGEXP ('x')",
            "SELECT _utf8mb4'x', x'00', N'y'",
        ],
    ),
    (
        "mysql",
        *("session", True, None),
        [
            "SET @a = 'x;y'",
            "SET NAMES utf8mb4",
            "SET SESSION sql_mode = ''",
            "SET autocommit=0",
            "USE {database}",
            "PREPARE s FROM 'COMMIT'",
            "/*!40101 SET NAMES utf8mb4 */",
            "SET FOREIGN_KEY_CHECKS = 0",
            "UNLOCK TABLES",
            "LOCK TABLES t WRITE",
            "SET autocommit = 1",
            "SET @a = 1, @@session.autocommit := ON",
            "SET SESSION autocommit='ON'",
            "SET autocommit=DEFAULT",
        ],
    ),
    (
        "mysql",
        *("dml", False, None),
        [
            "insert into t values (10, 1, 'it''s; -- fine')",
            "REPLACE INTO t VALUES (1, 2, 'x');",
            "UPDATE `t` SET a = 1",
            "DELETE t FROM t",
            "# SELECT\nDELETE FROM t",
            "/* SELECT */ DELETE FROM t",
            "/*!40000 DELETE FROM t */",
            "WITH a AS (SELECT 1 AS x) DELETE FROM t WHERE id IN (SELECT x FROM a)",
            r"INSERT INTO t VALUES (10, 1, '\'; COMMIT; -- ')",
            "LOAD DATA INFILE '/nowhere' INTO TABLE t",
            "SELECT 1 INTO OUTFILE '/nowhere/x'",
        ],
    ),
    (
        "mysql",
        *("ddl", False, None),
        [
            "CREATE TABLE made (a INT)",
            "/*!40101 CREATE TABLE made (a INT) */",
            "CREATE TABLE IF NOT EXISTS t (a INT)",
            "DROP TABLE IF EXISTS nothing",
            "TRUNCATE t",
            "RENAME TABLE t TO u",
            "ALTER TABLE t ADD COLUMN c INT",
            "CREATE INDEX by_a ON t (a)",
            "CREATE VIEW v AS SELECT 1",
            "CREATE PROCEDURE q() BEGIN SELECT 1; SELECT 2; END",
            "CREATE DEFINER=`root`@`localhost` PROCEDURE q() BEGIN IF 1 THEN SELECT 1; END IF; COMMIT; END",
            "CREATE DEFINER=CURRENT_USER() TRIGGER r BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 1; END",
            "CREATE PROCEDURE q() IF 1 THEN SELECT IF(1, 2, 3); SELECT 2; END IF",
            "CREATE PROCEDURE q() l: LOOP LEAVE l; SELECT 1; END LOOP",
            "CREATE PROCEDURE q() BEGIN CASE 1 WHEN 1 THEN SELECT CASE 1 WHEN 1 THEN 2 END; ELSE COMMIT; END CASE; END",
            "CREATE FUNCTION g() RETURNS INT DETERMINISTIC WHILE 0 DO RETURN 1; END WHILE",
            "CREATE FUNCTION g() RETURNS INT RETURN IF(1, 2, 3)",
            "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DISABLE DO BEGIN SELECT 1; SELECT REPEAT('a', 2); END",
            "CREATE TEMPORARY TABLE made (a INT)",
            "CREATE TEMPORARY TABLE made AS SELECT 1",
            "DROP TEMPORARY TABLE IF EXISTS made",
            "CREATE USER somebody",
            "GRANT SELECT ON t TO somebody",
            "SET PASSWORD = 'x'",
            "INSTALL PLUGIN x SONAME 'x'",
        ],
    ),
    (
        "mysql",
        *("call", False, None),
        [
            "SELECT f()",
            "SELECT nextval(s)",
            "SELECT NEXT VALUE FOR s",
            "DO f()",
            "SET @a = f()",
            "CALL p()",
            "EXECUTE s",
            "BEGIN NOT ATOMIC DELETE FROM t; COMMIT; END",
        ],
    ),
    (
        "mysql",
        *("begin", True, "COMMIT"),
        ["BEGIN", "begin work", "START TRANSACTION", "START TRANSACTION READ ONLY", "/* a */ BEGIN;"],
    ),
    ("mysql", "commit", False, "COMMIT", ["COMMIT", "commit and chain", "# a\nCOMMIT", "/*! COMMIT */"]),
    ("mysql", "rollback", False, "ROLLBACK", ["ROLLBACK", "ROLLBACK AND CHAIN", "ROLLBACK WORK"]),
    ("mysql", "savepoint", True, None, ["SAVEPOINT a"]),
    ("mysql", "rollback to", True, None, ["ROLLBACK TO a", "ROLLBACK WORK TO SAVEPOINT a"]),
    ("mysql", "release", True, None, ["RELEASE SAVEPOINT a"]),
    (
        "mysql",
        *("upkeep", False, None),
        [
            "CHECK TABLE t",
            "ANALYZE TABLE t",
            "ANALYZE NO_WRITE_TO_BINLOG TABLE t",
            "OPTIMIZE TABLE t",
            "REPAIR TABLE t",
            "FLUSH TABLES t",
            "KILL QUERY 999999999",
            "SET GLOBAL max_connections = 151",
            "SET @a = 1, GLOBAL max_connections = 151",
            "SET @@global.max_connections = 151",
            "RESET MASTER",
            "START SLAVE",
        ],
    ),
    (
        "mysql",
        *("unknown", False, None),
        ["SELECT 'open", r"SELECT 'open\'", 'SELECT "open', "SELECT `open", "SELECT 1 /* open", "DELIMITER //", "END"],
    ),
    (
        "mysql",
        *("several", False, "COMMIT"),
        [
            "INSERT INTO t VALUES (10, 1, 'a'); COMMIT",
            r"SELECT '\\'; COMMIT",
            "CREATE TEMPORARY TABLE made (a INT); BEGIN",
        ],
    ),
    (
        "mysql",
        *("several", False, None),
        [
            "INSERT INTO t VALUES (10, 1, 'x'); DROP TABLE t",
            "SELECT 1; DROP TABLE t",
            "CREATE PROCEDURE q() BEGIN SELECT 1; END; DROP TABLE t",
        ],
    ),
    (
        "mariadb",
        *("read", True, None),
        [
            "/*!50701 DROP TABLE t */ SELECT 1",
            "VALUES (1)",
            "ANALYZE SELECT 1",
            "SET STATEMENT max_statement_time=1 FOR SELECT 1",
        ],
    ),
    (
        "mariadb",
        *("dml", False, None),
        [
            "SET STATEMENT max_statement_time=1 FOR DELETE FROM t",
            "ANALYZE DELETE FROM t",
            "ANALYZE FORMAT=JSON UPDATE t SET a = 3",
            "INSERT INTO t VALUES (10, 1, 'x') RETURNING id",
            "/*M! DELETE FROM t */",
        ],
    ),
    (
        "mariadb",
        *("ddl", False, None),
        [
            "/*M!100100 CREATE TABLE made (a INT) */",
            "SET STATEMENT max_statement_time=1 FOR CREATE TABLE made (a INT)",
            "CREATE SEQUENCE made",
            "CREATE TEMPORARY SEQUENCE made",
            "CREATE OR REPLACE TABLE t (a INT)",
            "CREATE OR REPLACE PROCEDURE q() BEGIN FOR i IN 1..2 DO SELECT i; END FOR; SELECT 1; END",
        ],
    ),
    ("mariadb", "call", False, None, ["BEGIN NOT ATOMIC SELECT 1; END", "EXECUTE IMMEDIATE 'COMMIT'"]),
    ("mariadb", "unknown", False, None, ["IF 1 THEN SELECT 1; COMMIT; END IF", "SET STATEMENT a=1 FOR 'x"]),
    ("mariadb", "several", False, "COMMIT", ["BEGIN NOT ATOMIC SELECT 1; END; COMMIT"]),
    ("mssql", "read", True, None, ["SELECT [a;b], 'x' FROM [t]", "SELECT TOP (1) a FROM #t"]),
    ("mssql", "session", True, None, ["SET NOCOUNT ON", "DECLARE @x INT", "USE a"]),
    ("mssql", "ddl", False, None, ["SELECT a INTO b FROM c", "CREATE PROCEDURE p AS BEGIN SELECT 1; COMMIT_; END"]),
    ("mssql", "dml", False, None, ["MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE;"]),
    ("mssql", "begin", True, None, ["BEGIN TRAN", "BEGIN TRANSACTION x"]),
    ("mssql", "savepoint", True, None, ["SAVE TRAN x"]),
    ("mssql", "commit", False, "COMMIT", ["COMMIT TRAN"]),
    ("mssql", "call", False, None, ["EXEC p", "BEGIN DELETE FROM t; SELECT 1; END"]),
    ("mssql", "unknown", False, None, ["DECLARE @x INT SELECT @x = 1 EXEC (@x)", "SELECT 1 DELETE FROM t"]),
    ("mssql", "unknown", False, "COMMIT", ["SELECT 1 COMMIT", "IF 1 = 1 COMMIT"]),
    ("oracle", "read", True, None, ["SELECT q'[it's; COMMIT]' FROM dual", "SELECT 1 FROM a#b"]),
    ("oracle", "session", True, None, ["ALTER SESSION SET NLS_DATE_FORMAT = 'x'", "LOCK TABLE a IN SHARE MODE"]),
    ("oracle", "call", False, None, ["BEGIN a; b; END;", "DECLARE x INT; BEGIN a; END;", "SELECT s.NEXTVAL FROM dual"]),
    (
        "oracle",
        "ddl",
        False,
        None,
        ["CREATE OR REPLACE TRIGGER r BEFORE INSERT ON t BEGIN a; b; END;", "RENAME a TO b"],
    ),
    ("oracle", "dml", False, None, ["EXPLAIN PLAN FOR SELECT 1 FROM dual", "MERGE INTO a USING b ON (1 = 1)"]),
    ("another", "read", True, None, ["SELECT 1", "select \"a;\", `b;`, '$$;'"]),
    ("another", "dml", False, None, ["INSERT INTO a VALUES ('x;')", "MERGE INTO a USING b"]),
    ("another", "ddl", False, None, ["CREATE TABLE a (b INT)", "CREATE TRIGGER r BEGIN SELECT 1; END"]),
    ("another", "commit", False, "COMMIT", ["COMMIT WORK"]),
    ("another", "rollback", False, "ROLLBACK", ["ROLLBACK"]),
    ("another", "unknown", False, None, ["END", "PRAGMA x", "SELECT 1 INTO a", "UPSERT INTO a VALUES (1)"]),
]
"""Written from the manuals of each database; ``several`` is a text of more than one statement."""

CASES = [(dialect, text, *others) for dialect, *others, texts in TABLE for text in texts]


def of(*dialects):
    return [pytest.param(*case[1:], id=repr(case[1])) for case in CASES if case[0] in dialects]


@pytest.mark.parametrize(("dialect", "text", "kind", "is_read", "ending"), CASES)
def test_what_a_text_is(dialect, text, kind, is_read, ending):
    statements = split(text, dialect)
    assert len(statements) > 1 if kind == "several" else {one.kind.value for one in statements} <= {kind}, statements
    assert reads(text, dialect) is is_read
    assert ends_transaction(text, dialect) is (Kind[ending] if ending else None)


def test_there_are_enough_of_them():
    assert len(CASES) >= 200
    assert {Kind(kind) for _, _, kind, *_ in CASES if kind != "several"} == set(Kind)


NOT_RUN = (
    "INSTALL",
    "SET PASSWORD",
    "SET GLOBAL",
    "CREATE USER",
    "GRANT SELECT ON t TO somebody",
    "KILL",
    "RESET MASTER",
)
NOT_RUN += ("START SLAVE", "SET @a = 1, GLOBAL", "SET @@global", "CHECKPOINT", "COPY t FROM STDIN", "COPY t TO PROGRAM")
"""What is about more than the scratch database, and what waits for more to come."""


@pytest.fixture(scope="module")
def postgresql_server(tmp_path_factory):
    yield from scratch("postgresql", tmp_path_factory)


@pytest.fixture(scope="module")
def mysql_server(tmp_path_factory):
    yield from scratch("mysql", tmp_path_factory)


def scratch(kind, tmp_path_factory):
    from conftest import make_database

    database, drop = make_database(kind, tmp_path_factory.mktemp(kind))
    yield database
    drop()


ON_POSTGRESQL = """
DROP SCHEMA public CASCADE; CREATE SCHEMA public;
CREATE TABLE t (id INT PRIMARY KEY, a INT, b TEXT); INSERT INTO t VALUES (1, 1, 'x');
CREATE TABLE marker (a INT); CREATE SEQUENCE s;
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS 'UPDATE t SET a = 9; SELECT 1';
CREATE PROCEDURE proc() LANGUAGE sql AS 'UPDATE t SET a = 9';
"""


@pytest.fixture
def postgresql_driver(postgresql_server):
    import psycopg2

    url = make_url(postgresql_server.url)
    driver = psycopg2.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname=url.database
    )
    execute(driver, ON_POSTGRESQL)
    driver.commit()
    yield driver
    driver.close()


def execute(driver, sql):
    """Execute a text and return its rows; None where it has none, an exception where the server refuses it."""
    cursor = driver.cursor()
    try:
        if sql.upper().startswith("COPY"):
            return cursor.copy_expert(sql, io.StringIO())
        cursor.execute(sql)
        while getattr(cursor, "nextset", None) and hasattr(cursor, "_result") and cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else None
    except Exception as exc:
        return exc


@pytest.mark.parametrize(("text", "kind", "is_read", "ending"), of("postgresql"))
def test_postgresql_says_the_same(postgresql_driver, text, kind, is_read, ending):
    if text.startswith(NOT_RUN) or "%(a)s" in text or not split(text, "postgresql"):
        pytest.skip("not run")
    driver = postgresql_driver
    execute(driver, "INSERT INTO marker VALUES (1)")
    ((before,),) = execute(driver, "SELECT txid_current()")
    failed = execute(driver, text)
    found = execute(driver, "SELECT txid_current_if_assigned()")
    driver.rollback()
    survived = bool(execute(driver, "SELECT * FROM marker"))
    driver.rollback()
    assert survived is (ending == "COMMIT" and not isinstance(failed, Exception)), failed
    if not isinstance(found, Exception):
        assert (found == [(before,)]) is (ending is None), failed
    if ending or isinstance(failed, Exception):
        assert kind not in ("read", "dml", "ddl") or isinstance(found, Exception), failed
        return
    execute(driver, "DEALLOCATE ALL")
    assert not isinstance(execute(driver, text), Exception)
    wrote = execute(driver, "SELECT txid_current_if_assigned()") != [(None,)]
    locks = "FOR UPDATE" in text or "FOR NO KEY" in text  # which PostgreSQL writes into the rows
    assert not (is_read and wrote and not locks)
    if kind in ("dml", "ddl"):
        assert wrote or text.startswith("NOTIFY"), "it is called a change"


def test_the_harmless_functions_are_harmless_to_postgresql(postgresql_driver):
    rows = execute(
        postgresql_driver,
        "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v'",
    )
    volatile = {name for (name,) in rows} & HARMLESS
    of_the_session = {"set_config", "lastval", "currval", "random", "gen_random_uuid", "timeofday", "clock_timestamp"}
    of_locks = {name for name in volatile if "advisory" in name or "sleep" in name or name == "pg_lock_status"}
    sizes = {name for name in volatile if name.startswith("pg_") and name.endswith(("_size", "_pids", "_recovery"))}
    looks = {"pg_sequence_last_value", "pg_partition_tree", "pg_partition_ancestors", "txid_status", "pg_xact_status"}
    assert volatile <= of_the_session | of_locks | sizes | looks


ON_MYSQL = [
    *("DROP TABLE IF EXISTS t, u, marker, made", "DROP VIEW IF EXISTS v", "DROP PROCEDURE IF EXISTS p"),
    *("DROP PROCEDURE IF EXISTS q", "DROP FUNCTION IF EXISTS f", "DROP FUNCTION IF EXISTS g"),
    *("DROP EVENT IF EXISTS e", "DROP SEQUENCE IF EXISTS s, made", "DROP TABLE IF EXISTS s"),
    *("CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(50))", "INSERT INTO t VALUES (1, 1, 'x')"),
    *("CREATE TABLE marker (a INT)", "CREATE PROCEDURE p() COMMIT", "CREATE SEQUENCE s"),
    "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1",
]


def connect_to_mysql(database):
    import pymysql
    from pymysql.constants import CLIENT

    url = make_url(database.url)
    return pymysql.connect(
        host=url.host,
        port=url.port or 3306,
        user=url.username,
        password=url.password or "",
        database=url.database,
        client_flag=CLIENT.MULTI_STATEMENTS,
    )


@pytest.fixture
def mysql_drivers(mysql_server):
    """Two connections to a database in which everything is as it was."""
    drivers = [connect_to_mysql(mysql_server) for _ in range(2)]
    for sql in ON_MYSQL:
        execute(drivers[0], sql)
    drivers[0].commit()
    yield drivers
    for driver in drivers:
        if driver.open:
            driver.close()


@pytest.mark.parametrize(("text", "kind", "is_read", "ending"), of("mysql", "mariadb"))
def test_mysql_or_mariadb_says_the_same(mysql_drivers, text, kind, is_read, ending):
    if text.startswith(NOT_RUN):
        pytest.skip("not run")
    other, driver = mysql_drivers
    before = look_into_mysql(other)
    ((version, database),) = execute(other, "SELECT VERSION(), DATABASE()")
    says = commits(text, "mariadb" if "MariaDB" in version else "mysql")
    other.rollback()
    execute(driver, "INSERT INTO marker VALUES (1)")
    failed = execute(driver, text.replace("{database}", database))
    driver.rollback()
    driver.close()
    survived = bool(execute(other, "SELECT * FROM marker"))
    assert says or not survived, failed
    if not isinstance(failed, Exception):
        # "mysql" may be MariaDB, so /*M! is taken for what is executed; UNLOCK TABLES commits behind a LOCK TABLES.
        may = (
            kind in ("call", "unknown") or text == "UNLOCK TABLES" or (text[:4] == "/*M!" and "MariaDB" not in version)
        )
        assert survived or may or not says
    execute(other, "DELETE FROM marker")
    assert not is_read or look_into_mysql(other) == before


def look_into_mysql(driver):
    names = sorted(name for (name, *_) in execute(driver, "SHOW TABLES"))
    return names, [execute(driver, f"SELECT * FROM `{name}`") for name in names]


@pytest.mark.parametrize(("text", "kind", "is_read", "ending"), of("sqlite"))
def test_sqlite_says_the_same(tmp_path, text, kind, is_read, ending):
    path = tmp_path / "test.db"
    driver = sqlite3.connect(str(path), isolation_level=None)
    for sql in ("CREATE TABLE t (id PRIMARY KEY, a, b)", "INSERT INTO t VALUES (1, 1, 'x')", "CREATE TABLE marker (a)"):
        driver.execute(sql)
    driver.create_function("my_own", 1, lambda value: value)
    content = path.read_bytes()
    if not ending:
        failed = run_on_sqlite(driver, text)
        assert "one statement" not in str(failed)
        assert not is_read or path.read_bytes() == content
        if kind in ("dml", "ddl") and not failed and "TEMP" not in text:
            assert path.read_bytes() != content
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        path.write_bytes(content)
    driver.execute("BEGIN")
    driver.execute("INSERT INTO marker VALUES (1)")
    run_on_sqlite(driver, text)
    assert driver.in_transaction is (ending is None)
    driver.close()
    assert bool(sqlite3.connect(str(path)).execute("SELECT * FROM marker").fetchall()) is (ending == "COMMIT")


def run_on_sqlite(driver, text):
    """Execute the statements of a text one by one: sqlite3 refuses two at once. Return the error, if there is one."""
    for statement in split(text, "sqlite"):
        try:
            driver.execute(statement.text, [1] * 4 if "?1" in text else ()).fetchall()
        except (sqlite3.Error, sqlite3.Warning) as exc:  # two at once are a warning until Python 3.11
            return exc
    return None


@pytest.mark.parametrize("dialect", DIALECTS)
@given(text=st.text(alphabet="ab1 ;'\"`$[](){}-/*#!\\\n.,:%sE&U@MQq=…", max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_text_raises_and_none_is_lost(dialect, text):
    statements = split(text, dialect)
    parts = [token.text for statement in statements for token in statement.tokens]
    assert [part for part in parts if part != ";"] == [one.text for one in tokenize(text, dialect) if one.text != ";"]
    assert all(text[token.start : token.end] == token.text for token in tokenize(text, dialect))
    place = 0
    for statement in statements:
        place = text.index(statement.text, place) + len(statement.text)
    ask_everything(text, dialect)


def ask_everything(text, dialect):
    for function in (reads, ends_transaction, commits, flatten):
        function(text, dialect)
    for function in (find_destroyed, find_created):
        list(function(text, dialect))
    for statement in split(text, dialect):
        assert statement.kind in Kind
        find_target(statement)
        assert statement.writes or not list(find_destroyed(statement.text, dialect))
        assert statement.autocommit in (True, False, None)
        assert statement.is_of_temporary_table in (True, False)
    for function in (is_atomic, normalize, find_actions, remove_counter, shorten):
        function(text)


WORDS = """
SELECT INSERT UPDATE DELETE MERGE WITH CREATE ALTER DROP TABLE TRIGGER FUNCTION BEGIN ATOMIC END CASE IF COMMIT TO
ROLLBACK SET STATEMENT FOR EXPLAIN ANALYZE COPY PRAGMA DECLARE DO LOAD XA START PREPARE INTO FROM AS ( ) , ; = . 'a'
"b" DEFINER TEMPORARY COLUMN LOCK TABLES RENAME LOOP EXCHANGE PARTITION AUTO_INCREMENT autocommit :: NOT
"""


@pytest.mark.parametrize("dialect", DIALECTS)
@given(words=st.lists(st.sampled_from(WORDS.split()), max_size=12))
@settings(max_examples=300, deadline=None)
def test_no_row_of_words_raises(dialect, words):
    ask_everything(" ".join(words), dialect)


COMMENTS = {"postgresql": [" /* ; ' /* x */ \" */ ", " -- ; '\n "], "mysql": [" /* ; ' */ ", " -- ; '\n ", " # ; '\n "]}


@given(case=st.sampled_from(CASES), data=st.data())
@settings(max_examples=400, deadline=None)
def test_comments_between_tokens_change_nothing(case, data):
    dialect, text, _, is_read, ending = case
    tokens = tokenize(text, dialect)
    if any(token.kind is TokenKind.BROKEN for token in tokens):
        return
    comments = st.sampled_from([*COMMENTS.get(FAMILIES.get(dialect), [" /* ; ' */ ", " -- ; '\n "]), " ", "\n\t"])
    written = "".join(f"{data.draw(comments)}{token.text}" for token in tokens) + data.draw(comments)
    kinds = [statement.kind for statement in split(text, dialect)]
    assert [statement.kind for statement in split(written, dialect)] == kinds, written
    assert reads(written, dialect) is is_read
    assert ends_transaction(written, dialect) is (Kind[ending] if ending else None)


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("-- a comment\nUPDATE  users\n SET name = 'a  b'", "UPDATE users SET name = 'a b'"),
        ("UPDATE users SET name = 'somebody whose name is long' WHERE id = 1", None),
        ("", ""),
    ],
)
def test_the_beginning_of_a_text_is_shown(sql, shown):
    found = shorten(sql)
    assert found == shown if shown is not None else found.endswith(" …") and len(found) <= 62


def test_what_the_journal_takes_for_the_same_text():
    one_line = normalize("INSERT INTO a\n  VALUES ('x  y') -- b\n;")
    assert one_line == "INSERT INTO a VALUES ('x  y')"
    assert normalize("SET STATEMENT max_statement_time=1 FOR DELETE FROM a # b") == "DELETE FROM a"
    assert normalize("SELECT 1; SELECT  2;") == "SELECT 1; SELECT 2"
    shown = (
        "CREATE TABLE `a` (\n  `b` int AUTO_INCREMENT\n) ENGINE=InnoDB AUTO_INCREMENT=21 COMMENT=' AUTO_INCREMENT=3'"
    )
    assert remove_counter(shown) == shown.replace(" AUTO_INCREMENT=21", "")


@pytest.mark.parametrize(
    ("dialect", "sql", "written", "plain"),
    [
        ("postgresql", 'INSERT INTO a."B c" (d) VALUES (1)', 'a."B c"', "a.B c"),
        ("postgresql", "UPDATE ONLY a SET b = 1", "a", "a"),
        ("postgresql", "WITH x AS (SELECT 1) DELETE FROM a", "a", "a"),
        ("postgresql", "EXPLAIN ANALYZE DELETE FROM a", "a", "a"),
        ("sqlite", "INSERT OR REPLACE INTO [a b] VALUES (1)", "[a b]", "a b"),
        ("mysql", "INSERT IGNORE INTO `a``b`.`c` VALUES (1)", "`a``b`.`c`", "a`b.c"),
        ("mysql", "CREATE UNIQUE INDEX i ON a (b)", "a", "a"),
        ("mysql", "LOAD DATA INFILE 'x' INTO TABLE a", "a", "a"),
    ],
)
def test_the_table_that_a_statement_changes(dialect, sql, written, plain):
    (statement,) = split(sql, dialect)
    assert find_target(statement) == (written, plain)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CREATE USER x IDENTIFIED BY 's3cret'", "CREATE USER x IDENTIFIED BY '***'"),
        ('SET PASSWORD FOR x = PASSWORD("s3cret")', "SET PASSWORD FOR x = PASSWORD('***')"),
        ("alter user x identified with y as 's3''cret' -- 'no'", "alter user x identified with y as '***' -- 'no'"),
        ("INSERT INTO t VALUES (1, 's3cr\\'et'), (2, %s)", "INSERT INTO t VALUES (1, '***'), (2, %s)"),
        ("CALL p('s3cret')", "CALL p('***')"),
        ("UPDATE t SET a = 's3cr", "UPDATE t SET a = '***'"),
        ("ALTER TABLE t ADD a CHAR(9) DEFAULT 'b'", "ALTER TABLE t ADD a CHAR(9) DEFAULT 'b'"),
    ],
)
def test_what_the_journal_keeps_of_a_text_has_no_data_and_no_password(text, kept):
    assert hide_values(text) == kept
