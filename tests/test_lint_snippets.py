"""Lint on small revisions in the style of public histories: each says what is found in it, half of them nothing.

A snippet is the body of ``upgrade()``; ``top:`` and ``down:`` begin what stands above it, and the body of
``downgrade()``. Its first line has the names of what lint finds, each as often as it is found.
"""

import textwrap
from collections import Counter

import pytest

from flask_migrate_script.linting import find_in_file
from flask_migrate_script.linting.files import read_file

HEAD = """
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.sql import column, table

revision = "aaa1"
down_revision = None
"""
KINDS = ("postgresql", "mysql", "sqlite")

SNIPPETS = """
# drop-table
op.drop_table("users")
---
# drop-table
op.drop_table("users", schema="crm")
---
# drop-table
op.drop_table(table_name="users")
---
# drop-table
d = op.drop_table
d("users")
---
# drop-table
drop = op.drop_table
again = drop
again("users")
---
# drop-table drop-table
for name in ("a", "b"):
    op.drop_table(name)
---
# drop-table drop-table
[op.drop_table(name) for name in ["a", "b"]]
---
# drop-table drop-table
for name, other in {"a": 1, "b": 2}.items():
    op.drop_table(name)
---
# drop-table
top:
TABLES = ["a"]
up:
for name in TABLES:
    op.drop_table(name)
---
# drop-table
for name in find_tables():
    op.drop_table(name)
---
# drop-table
top:
from alembic.op import *
up:
drop_table("users")
---
# drop-table
top:
from alembic.op import drop_table
up:
drop_table("users")
---
# drop-table
top:
from alembic.op import drop_table as gone
up:
gone("users")
---
# drop-table
top:
import alembic
up:
alembic.op.drop_table("users")
---
# drop-table
top:
import alembic.op as operations
up:
operations.drop_table("users")
---
# drop-table
o = op
o.drop_table("users")
---
# drop-table
getattr(op, "drop_table")("users")
---
# drop-table
top:
from functools import partial
up:
partial(op.drop_table, "users")()
---
# drop-table
top:
import functools
up:
drop = functools.partial(op.drop_table, schema="a")
drop("users")
---
# drop-table
drop = lambda name: op.drop_table(name)
drop("users")
---
# drop-table
top:
def drop(name, schema=None):
    op.drop_table(name, schema=schema)
up:
drop("users")
---
# drop-table
top:
def drop(operations):
    operations.drop_table("users")
up:
drop(op)
---
# drop-table
top:
def outer():
    inner()
def inner():
    op.drop_table("users")
up:
outer()
---
# drop-table
sa.Table("users", sa.MetaData()).drop(op.get_bind())
---
# drop-table
users = sa.Table("users", sa.MetaData(), sa.Column("id", sa.Integer))
users.drop(op.get_bind(), checkfirst=True)
---
# drop-table
top:
from sqlalchemy import Table, MetaData
up:
Table("users", MetaData()).drop(bind=op.get_bind())
---
# drop-table
top:
from app.models import User
up:
User.__table__.drop(op.get_bind())
---
# drop-table
metadata = sa.MetaData()
metadata.drop_all(op.get_bind())
---
# drop-table
top:
from app import db
up:
db.drop_all()
---
# drop-table
top:
from sqlalchemy.schema import DropTable
up:
op.execute(DropTable(sa.Table("users", sa.MetaData())))
---
# drop-table
op.execute("DROP TABLE users")
---
# drop-table
op.execute('DROP TABLE IF EXISTS public."Users" CASCADE')
---
# drop-table drop-table
op.execute("DROP TABLE a, b")
---
# drop-table
op.get_bind().execute(sa.text("drop table users"))
---
# drop-table
connection = op.get_bind()
connection.exec_driver_sql("DROP TABLE users")
---
# drop-table
top:
SQL = "DROP TABLE users"
up:
op.execute(SQL)
---
# drop-table
top:
NAME = "users"
up:
op.execute(f"DROP TABLE {NAME}")
---
# drop-table
op.execute(f"DROP TABLE {name()}")
---
# drop-table
op.execute("DROP TABLE {}".format("users"))
---
# drop-table
op.execute("DROP TABLE {name}".format(name="users"))
---
# drop-table
op.execute("DROP TABLE %s" % "users")
---
# drop-table
op.execute("DROP " + "TABLE " + name)
---
# drop-table
sql = "DROP TABLE"
sql += " users"
op.execute(sql)
---
# drop-table
op.execute(" ".join(["DROP", "TABLE", "users"]))
---
# drop-table
statements = {"old": "DROP TABLE users"}
op.execute(statements["old"])
---
# drop-table
top:
import textwrap
up:
op.execute(textwrap.dedent("DROP TABLE users"))
---
# drop-table
op.execute(sa.text("DROP TABLE users").execution_options(autocommit=True))
---
# drop-table
op.execute(sqltext="DROP TABLE users")
---
# drop-table
with op.get_context().autocommit_block():
    op.execute("DROP TABLE users")
---
# drop-table
if op.get_context().dialect.name == "postgresql":
    op.drop_table("users")
---
# drop-table
try:
    op.drop_table("users")
except Exception:
    pass
---
# drop-column
op.drop_column("users", "name")
---
# drop-column
op.drop_column(table_name="users", column_name="name")
---
# drop-column
with op.batch_alter_table("users") as batch_op:
    batch_op.drop_column("name")
---
# drop-column
with op.batch_alter_table("users", recreate="always") as batch:
    drop = batch.drop_column
    drop("name")
---
# drop-column
top:
def narrow(batch):
    batch.drop_column("name")
up:
with op.batch_alter_table("users") as batch:
    narrow(batch)
---
# drop-column
op.execute("ALTER TABLE users DROP COLUMN name")
---
# drop-column drop-column
op.execute("ALTER TABLE users DROP a, DROP COLUMN IF EXISTS b")
---
# drop-column
op.execute('ALTER TABLE "Users" DROP COLUMN "fullName" CASCADE')
---
# drop-column drop-column
for name in ["a", "b"]:
    op.drop_column("users", name)
---
# drop-schema
op.execute("DROP SCHEMA old CASCADE")
---
# drop-schema
op.execute("DROP DATABASE old")
---
# truncate-table
op.execute("TRUNCATE users")
---
# truncate-table truncate-table
op.execute("TRUNCATE TABLE a, b RESTART IDENTITY CASCADE")
---
# delete-all
op.execute("DELETE FROM users")
---
# delete-all
op.execute("DELETE FROM users WHERE 1=1")
---
# delete-all
op.execute("DELETE FROM users WHERE true")
---
# delete-all
op.execute("DELETE FROM users WHERE name = 'x' OR 1 = 1")
---
# delete-all
op.execute("DELETE FROM users WHERE (1 = 1) RETURNING id")
---
# delete-all
users = table("users", column("id"))
op.execute(users.delete())
---
# delete-all
op.execute(sa.delete(sa.table("users")))
---
# delete-all
users = sa.table("users", sa.column("id"))
op.execute(users.delete().where(sa.true()))
---
# delete-all
users = sa.table("users", sa.column("id"))
op.execute(users.delete().where(sa.text("1=1")))
---
# delete-all
top:
from sqlalchemy.orm import Session
from app.models import User
up:
session = Session(bind=op.get_bind())
session.query(User).delete()
---
# delete-all
top:
from app.models import User
up:
User.query.delete()
---
# delete-all
op.execute("WITH gone AS (SELECT 1) DELETE FROM users")
---
# delete-all drop-table
op.execute("DELETE FROM users; DROP TABLE users")
---
# narrow-type
op.alter_column("users", "name", existing_type=sa.String(64), type_=sa.String(32))
---
# narrow-type
op.alter_column("users", "name", existing_type=sa.Text(), type_=sa.String(length=80))
---
# narrow-type
op.alter_column("users", "age", existing_type=sa.BigInteger(), type_=sa.Integer())
---
# narrow-type
op.alter_column("users", "cost", existing_type=sa.Numeric(10, 4), type_=sa.Numeric(10, 2))
---
# narrow-type
with op.batch_alter_table("users") as batch_op:
    batch_op.alter_column("at", existing_type=sa.DateTime(), type_=sa.Date())
---
# narrow-type
op.alter_column("users", "data", existing_type=mysql.LONGTEXT(), type_=mysql.TEXT())
---
# narrow-type
op.alter_column("users", "x", existing_type=postgresql.DOUBLE_PRECISION(), type_=sa.Integer())
---
# narrow-type
top:
OLD = sa.String(64)
up:
op.alter_column("users", "name", existing_type=OLD, type_=sa.String(8))
---
# irreversible
op.create_table("users", sa.Column("id", sa.Integer))
down:
pass
---
# irreversible
op.execute("UPDATE users SET name = 'x'")
down:
print("nothing to do")
---
# irreversible
op.add_column("users", sa.Column("x", sa.Integer))
down:
raise NotImplementedError()
---
# irreversible
op.add_column("users", sa.Column("x", sa.Integer))
down:
return
---
# irreversible drop-table
op.drop_table("users")
down:
'''It stays.'''
---
# not-null-without-value
op.add_column("users", sa.Column("x", sa.Integer(), nullable=False))
---
# not-null-without-value
op.add_column("users", sa.Column("x", sa.String(9), server_default=None, nullable=False))
---
# not-null-without-value
with op.batch_alter_table("users") as batch_op:
    batch_op.add_column(sa.Column("x", sa.Integer(), nullable=False))
---
# drop-column not-null-without-value
op.drop_column("users", "x")
down:
op.add_column("users", sa.Column("x", sa.Integer(), nullable=False))
---
# not-null-without-value
op.execute("ALTER TABLE users ADD COLUMN x integer NOT NULL")
---
# not-null-without-value
op.add_column("users", sa.Column("x", sa.Integer(), sa.ForeignKey("a.id", name="fk_a"), nullable=False))
---
# not-null-without-value
new = sa.Column("x", sa.Integer(), default=0, nullable=False)
op.add_column("users", new)
---
# enum-left-behind
op.create_table("users", sa.Column("kind", sa.Enum("a", "b", name="kind")))
down:
op.drop_table("users")
---
# enum-left-behind
op.create_table("users", sa.Column("kind", postgresql.ENUM("a", "b", name="kind"), nullable=False))
down:
op.drop_table("users")
---
# enum-left-behind
kind = sa.Enum("a", name="kind")
kind.create(op.get_bind())
op.add_column("users", sa.Column("kind", kind))
down:
op.drop_column("users", "kind")
---
# unnamed-constraint
with op.batch_alter_table("users") as batch_op:
    batch_op.create_unique_constraint(None, ["name"])
---
# unnamed-constraint
with op.batch_alter_table("users") as batch_op:
    batch_op.create_foreign_key(None, "other", ["id"], ["id"])
---
# unnamed-constraint
with op.batch_alter_table("users") as batch_op:
    batch_op.drop_constraint(None, type_="foreignkey")
---
# unnamed-constraint
with op.batch_alter_table("users") as batch_op:
    batch_op.add_column(sa.Column("x", sa.Integer(), sa.ForeignKey("a.id")))
---
#
op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.String(9), nullable=False))
down:
op.drop_table("users")
---
#
op.add_column("users", sa.Column("x", sa.Integer()))
down:
op.drop_column("users", "x")
---
#
op.add_column("users", sa.Column("x", sa.Boolean(), server_default=sa.false(), nullable=False))
---
#
op.add_column("users", sa.Column("x", sa.Boolean(), server_default=sa.text("false"), nullable=False))
---
#
op.add_column("users", sa.Column("x", sa.Integer(), server_default="0", nullable=False))
---
#
op.add_column("users", sa.Column("x", sa.Integer(), sa.Identity(), nullable=False))
---
#
op.add_column("users", sa.Column("x", sa.Integer(), sa.Computed("a + b"), nullable=False))
---
#
op.add_column("users", sa.Column("x", sa.Integer(), nullable=True))
op.execute("UPDATE users SET x = 0")
op.alter_column("users", "x", existing_type=sa.Integer(), nullable=False)
---
#
op.create_table("users", sa.Column("id", sa.Integer))
op.add_column("users", sa.Column("x", sa.Integer(), nullable=False))
---
#
op.execute("CREATE TABLE t (id int)")
op.execute("ALTER TABLE t ADD COLUMN x integer NOT NULL")
---
#
op.execute("ALTER TABLE users ADD COLUMN x integer NOT NULL DEFAULT 0")
---
#
op.execute("ALTER TABLE users ADD COLUMN x integer GENERATED ALWAYS AS IDENTITY NOT NULL")
---
#
op.execute("ALTER TABLE users ADD CONSTRAINT c CHECK (x IS NOT NULL) NOT VALID")
---
#
op.create_table("copy", sa.Column("id", sa.Integer))
op.execute("INSERT INTO copy SELECT id FROM users")
op.drop_table("copy")
---
#
op.execute("CREATE TEMPORARY TABLE copy AS SELECT * FROM users")
op.execute("DROP TABLE copy")
---
#
op.add_column("users", sa.Column("x", sa.Integer()))
op.drop_column("users", "x")
---
#
op.rename_table("users", "people")
---
#
op.alter_column("users", "name", new_column_name="full_name", existing_type=sa.String(64))
---
#
op.alter_column("users", "name", existing_type=sa.Text(), type_=sa.Unicode())
---
#
op.alter_column("users", "n", existing_type=sa.Numeric(8, 5), type_=sa.Numeric(9, 5))
---
#
op.alter_column("users", "name", existing_type=sa.String(9), type_=sa.String(90))
---
#
op.alter_column("users", "name", existing_type=sa.String(9), type_=sa.Text())
---
#
op.alter_column("users", "age", existing_type=sa.SmallInteger(), type_=sa.BigInteger())
---
#
op.alter_column("users", "kind", existing_type=sa.Enum("a", name="k"), type_=sa.Enum("a", "b", name="k"))
---
#
op.alter_column("users", "name", existing_type=sa.String(9), nullable=True)
---
#
op.alter_column("users", "name", existing_type=sa.String(9), server_default="x")
---
#
op.alter_column("users", "x", existing_type=own.Type(), type_=own.Other())
---
#
op.create_index("ix_users_name", "users", ["name"])
down:
op.drop_index("ix_users_name", "users")
---
#
op.drop_index("ix_users_name", table_name="users")
---
#
op.drop_constraint("fk_users", "users", type_="foreignkey")
---
#
op.create_foreign_key("fk_users", "users", "groups", ["group_id"], ["id"])
---
#
op.create_unique_constraint("uq_users", "users", ["name"])
---
#
op.create_check_constraint("ck_users", "users", "age > 0")
---
#
with op.batch_alter_table("users") as batch_op:
    batch_op.create_unique_constraint("uq_users_name", ["name"])
---
#
with op.batch_alter_table("users") as batch_op:
    batch_op.create_foreign_key("fk_a", "other", ["id"], ["id"])
---
#
with op.batch_alter_table("users") as batch_op:
    batch_op.add_column(sa.Column("x", sa.Integer(), sa.ForeignKey("a.id", name="fk_x")))
---
#
with op.batch_alter_table("users") as batch_op:
    batch_op.create_index("ix", ["name"], unique=True)
    batch_op.drop_index("ix_old")
---
#
op.create_unique_constraint(None, "users", ["name"])
---
#
op.execute("UPDATE users SET name = lower(name)")
---
#
op.execute("INSERT INTO users (name) VALUES ('DROP TABLE users')")
---
#
op.execute("-- DROP TABLE users\\nSELECT 1")
---
#
op.execute("/* DELETE FROM users */ UPDATE a SET b = 1")
---
#
op.execute("DELETE FROM users WHERE name IS NULL")
---
#
op.execute("DELETE FROM users WHERE id NOT IN (SELECT user_id FROM posts)")
---
#
op.execute("DELETE FROM users a USING users b WHERE a.id < b.id AND a.name = b.name")
---
#
op.execute("DELETE FROM users WHERE 1 = 0")
---
#
op.execute("DELETE FROM users WHERE a = 1 AND 1 = 1")
---
#
users = sa.table("users", sa.column("id"))
op.execute(users.delete().where(users.c.id == 1))
---
#
users = sa.table("users", sa.column("id"))
query = users.delete()
query = query.where(users.c.id == 1)
op.execute(query)
---
#
users = sa.table("users", sa.column("id"))
query = sa.select(users)
for number in range(3):
    query = query.where(users.c.id == number)
op.execute(query)
---
#
top:
from app.models import User
up:
session = sa.orm.Session(bind=op.get_bind())
session.query(User).filter(User.id == 1).delete()
---
#
top:
from app.models import User
up:
User.query.filter_by(name="x").delete()
---
#
rows = {"a": 1}
del rows["a"]
names = ["a"]
names.remove("a")
op.execute("SELECT 1")
---
#
op.execute("DROP INDEX ix_users_name")
---
#
op.execute("DROP VIEW IF EXISTS seen")
---
#
op.execute("DROP TRIGGER t ON users")
---
#
op.execute("DROP FUNCTION f()")
---
#
op.execute("ALTER TABLE users ALTER COLUMN name DROP NOT NULL")
---
#
op.execute("ALTER TABLE users ALTER name DROP DEFAULT")
---
#
op.execute("ALTER TABLE users DROP CONSTRAINT ck_users")
---
#
op.execute("ALTER TABLE users RENAME COLUMN a TO b")
---
#
op.execute("CREATE FUNCTION f() RETURNS int AS $$ BEGIN DELETE FROM users; END $$ LANGUAGE plpgsql")
---
#
op.execute("CREATE TABLE a (id int REFERENCES b ON DELETE CASCADE)")
---
#
op.execute("ALTER TYPE kind ADD VALUE 'c'")
---
#
op.execute("CREATE EXTENSION IF NOT EXISTS hstore")
---
#
op.bulk_insert(sa.table("users", sa.column("name")), [{"name": "drop table users"}])
---
#
connection = op.get_bind()
for row in connection.execute(sa.text("SELECT id FROM users")):
    connection.execute(sa.text("UPDATE users SET a = 1 WHERE id = :id"), {"id": row.id})
---
#
pass
down:
pass
---
#
'''Joins two branches.'''
down:
pass
---
#
print("nothing to do")
down:
pass
---
#
op.execute("UPDATE users SET name = 'x'")
down:
# migrate: allow irreversible
pass
---
#
op.drop_table("users")  # migrate: allow drop-table
---
#
# migrate: allow drop-column, drop-table
op.drop_column("users", "x")
---
#
op.create_table("users", sa.Column("kind", sa.Enum("a", "b", name="kind")))
down:
op.drop_table("users")
sa.Enum(name="kind").drop(op.get_bind())
---
#
op.create_table("users", sa.Column("kind", sa.Enum("a", "b", name="kind")))
down:
op.drop_table("users")
op.execute("DROP TYPE kind")
---
#
op.create_table("users", sa.Column("kind", sa.Enum("a", "b", name="kind", native_enum=False)))
down:
op.drop_table("users")
---
#
op.create_table("users", sa.Column("kind", postgresql.ENUM("a", name="kind", create_type=False)))
down:
op.drop_table("users")
---
#
kind = postgresql.ENUM("a", name="kind")
kind.create(op.get_bind(), checkfirst=True)
down:
kind = postgresql.ENUM("a", name="kind")
kind.drop(op.get_bind(), checkfirst=True)
---
#
index = sa.Index("ix", "a")
index.drop(op.get_bind())
---
#
sa.Sequence("s").drop(op.get_bind())
---
#
import json
data = json.loads("{}")
data.drop = lambda: None
data.drop()
op.execute("SELECT 1")
---
#
def drop_table(name):
    print(name)
drop_table("users")
op.execute("SELECT 1")
---
#
top:
def drop_table(name):
    print(name)
up:
drop_table("users")
op.execute("SELECT 1")
---
#
top:
from app.helpers import drop_table
up:
drop_table("users")
---
#
sql = "DROP TABLE users"
sql = "SELECT 1"
op.execute(sql)
---
#
message = "DROP TABLE users"
print(message)
op.execute("SELECT 1")
---
#
op.execute("SELECT 'DELETE FROM users'")
---
#
op.execute("COMMENT ON TABLE users IS 'TRUNCATE users'")
---
#
op.execute("VACUUM users")
---
#
op.execute("SELECT setval('users_id_seq', 1)")
---
#
op.execute("GRANT SELECT, DELETE, TRUNCATE ON users TO app")
---
#
op.execute("CREATE TRIGGER t AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION f()")
---
#
op.create_table_comment("users", "who uses it")
---
#
op.drop_table_comment("users")
---
#
op.execute("LOCK TABLE users")
---
#
op.execute("REFRESH MATERIALIZED VIEW seen")
---
#
a = b = "x"
a = a + b
b = b + a
a = a + b
op.execute("SELECT 1")
---
#
op.execute("ALTER TABLE users ADD PRIMARY KEY (id)")
---
#
op.execute("ALTER TABLE users DROP FOREIGN KEY fk_users")
---
#
op.execute("ALTER TABLE users ENGINE=InnoDB")
---
#
op.execute("INSERT INTO a SELECT * FROM b WHERE NOT EXISTS (SELECT 1 FROM a)")
---
#
op.execute("UPDATE users SET deleted = true WHERE 1 = 1")
---
#
op.execute("CREATE INDEX CONCURRENTLY ix ON users (name)")
---
#
def again():
    again()
again()
op.execute("SELECT 1")
"""


def list_snippets():
    for text in SNIPPETS.split("---\n"):
        label, _, body = text.strip("\n").partition("\n")
        parts = {"top": [], "up": [], "down": []}
        part = "up"
        for line in body.splitlines():
            if line in ("top:", "up:", "down:"):
                part = line[:-1]
            else:
                parts[part].append(line)
        yield sorted(label.strip("# ").split()), {name: "\n".join(lines) for name, lines in parts.items()}


def write_revision(parts):
    functions = [
        f"def {name}():\n{textwrap.indent(body, '    ')}"
        for name, body in (("upgrade", parts["up"]), ("downgrade", parts["down"] or "op.execute('SELECT 1')"))
    ]
    return "\n\n".join([HEAD, parts["top"], *functions]) + "\n"


def find_all(path):
    """Return the names of what is found in a file for one kind of database or another, sorted."""
    file, found = read_file(str(path)), Counter()
    for kind in KINDS:
        found |= Counter(one.name for one in find_in_file(file, {"default": kind}, {}))
    return sorted(found.elements())


def test_each_snippet_has_the_findings_that_it_says(tmp_path):
    path, wrong, counted = tmp_path / "revision.py", [], Counter()
    for expected, parts in list_snippets():
        path.write_text(write_revision(parts), encoding="utf-8")
        found = find_all(path)
        counted["harmless" if not expected else "harmful"] += 1
        wrong += [f"expected {expected}, found {found}:\n{parts}"] if found != expected else []
    print(f"{sum(counted.values())} snippets, {dict(counted)}, {len(wrong)} wrong")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("depth", [30])
def test_a_script_that_goes_round_in_circles_has_an_end(tmp_path, depth):
    """Each function calls the next one twice, and a text doubles with each line."""
    functions = [f"def f{number}():\n    f{number + 1}()\n    f{number + 1}()" for number in range(depth)]
    lines = "\n".join(["text = 'a'", *["text = text + text"] * depth, "f0()"])
    parts = {"top": "\n".join([*functions, f"def f{depth}():\n    pass"]), "up": lines, "down": ""}
    path = tmp_path / "revision.py"
    path.write_text(write_revision(parts), encoding="utf-8")
    assert find_all(path) == []
