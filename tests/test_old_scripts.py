"""Scripts written for SQLAlchemy 1 and older Alembics run on whatever is installed, and do what they did.

Each line of ``SPELLINGS`` is a revision of one history. On SQLAlchemy 1.3 and 1.4 most of them need nothing of this
package: what they see there is what they have to see everywhere.
"""

import re

import pytest
from conftest import ALEMBIC, MANAGE, SQLALCHEMY

HEAD = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down!r}

users = sa.table("users", sa.column("id", sa.Integer), sa.column("name", sa.String), sa.column("cents", sa.Integer))


def see(*values):
    seen = sa.table("seen", sa.column("revision", sa.String), sa.column("value", sa.String))
    op.get_bind().execute(seen.insert().values(revision=revision, value=repr(values)))


def upgrade():
    connection = op.get_bind()
    {body}


def downgrade():
    pass
"""

FIRST = """
op.create_table("seen", sa.Column("revision", sa.String(80)), sa.Column("value", sa.String(400)))
op.create_table(
    "users",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(40)),
    sa.Column("cents", sa.Integer),
)
op.bulk_insert(
    users,
    [dict(id=1, name="ann", cents=199), dict(id=2, name="bo", cents=5), dict(id=3, name="cy", cents=7)],
)
"""

PARAMETER = {"sqlite": ("?", ":n"), "postgresql": ("%s", "%(n)s"), "mysql": ("%s", "%(n)s")}
"""The driver's own style, by position and by name."""

SPELLINGS = [
    # A string to execute.
    ("string", 'see(connection.execute("SELECT name FROM users WHERE id = 1").scalar())', ("ann",)),
    ("string_colon", """see(connection.execute("SELECT ':n' FROM users WHERE id = 1").scalar())""", (":n",)),
    (
        "string_percent",
        """see(connection.execute("SELECT COUNT(*) FROM users WHERE name LIKE 'a%%'").scalar())""",
        (1,),
    ),
    (
        "string_one_percent",
        """
        try:
            found = connection.execute("SELECT name FROM users WHERE name LIKE 'a%'").scalar()
        except (TypeError, ValueError, sa.exc.SQLAlchemyError):
            found = "refused"
        see(found == ("ann" if connection.dialect.name == "sqlite" else "refused"))
        """,
        (True,),
    ),
    ("string_scalar", 'see(connection.scalar("SELECT COUNT(*) FROM users"))', (3,)),
    (
        "string_position",
        'see(connection.execute("SELECT name FROM users WHERE id = {p}", 2).fetchall()[0][0])',
        ("bo",),
    ),
    ("string_tuple", 'see(connection.execute("SELECT name FROM users WHERE id = {p}", (3,)).fetchone()[0])', ("cy",)),
    ("string_list", 'see(connection.execute("SELECT name FROM users WHERE id = {p}", [3]).fetchone()[0])', ("cy",)),
    ("string_keyword", 'see(connection.execute("SELECT name FROM users WHERE id = {n}", n=2).first()[0])', ("bo",)),
    (
        "string_mapping",
        """see(connection.execute("SELECT name FROM users WHERE id = {n}", {"n": 2}).first()[0])""",
        ("bo",),
    ),
    (
        "string_many",
        """
        connection.execute("UPDATE users SET name = {p} WHERE id = {p}", ("ann", 1), ("bo", 2))
        connection.execute("UPDATE users SET name = {p} WHERE id = {p}", [("ann", 1), ("cy", 3)])
        see(connection.execute("SELECT COUNT(*) FROM users").scalar())
        """,
        (3,),
    ),
    (
        "string_session",
        """
        from sqlalchemy.orm import Session, sessionmaker
        session = Session(bind=connection)
        session.execute("UPDATE users SET name = :name WHERE id = :id", {"name": "ann", "id": 1})
        session.commit()
        other = sessionmaker(bind=op.get_bind())()
        see(other.execute("SELECT name FROM users WHERE id = :id", dict(id=1)).scalar(), other.scalar("SELECT 1"))
        other.commit()
        """,
        ("ann", 1),
    ),
    # Parameters by keyword and by position.
    ("keyword", 'see(connection.execute(sa.text("SELECT name FROM users WHERE id = :i"), i=1).scalar())', ("ann",)),
    ("keyword_scalar", 'see(connection.scalar(sa.text("SELECT name FROM users WHERE id = :i"), i=1))', ("ann",)),
    (
        "keyword_bindparam",
        """
        change = users.update().where(users.c.id == sa.bindparam("which")).values(name=sa.bindparam("to"))
        connection.execute(change, which=1, to="ann")
        connection.execute(change, {"which": 2, "to": "bo"}, {"which": 3, "to": "cy"})
        connection.execute(users.insert(), id=4, name="di", cents=0)
        see(connection.execute(users.delete().where(users.c.id == sa.bindparam("which")), which=4).rowcount)
        """,
        (1,),
    ),
    # select and case.
    (
        "select",
        "see([tuple(row) for row in connection.execute(sa.select([users.c.id]).order_by(users.c.id))])",
        ([(1,), (2,), (3,)],),
    ),
    ("select_where", "see(connection.execute(sa.select([users.c.name], users.c.id == 2)).scalar())", ("bo",)),
    (
        "select_keywords",
        """
        columns = [users.c.name, users.c.id]
        found = sa.select(columns=columns, whereclause=users.c.id > 1, order_by=users.c.id.desc(), limit=1)
        counted = sa.sql.select([sa.func.count()], from_obj=[users], distinct=False)
        see(tuple(connection.execute(found).fetchone()), connection.execute(counted).scalar())
        """,
        (("cy", 3), 3),
    ),
    (
        "select_by_name",
        """
        from sqlalchemy import case as when, select
        from sqlalchemy.sql import and_, select as also
        from sqlalchemy.sql.expression import case
        size = case([(users.c.cents > 100, "big"), (users.c.cents > 6, "mid")], else_="small")
        of = when(value=users.c.id, whens={1: "one"}, else_="more")
        found = connection.execute(select([users.c.id, size.label("size")]).order_by(users.c.id)).fetchall()
        see([row[1] for row in found], connection.execute(also([of]).where(and_(users.c.id == 1))).scalar())
        """,
        (["big", "small", "mid"], "one"),
    ),
    (
        "case_new",
        """
        cents = sa.case({"ann": 199}, value=users.c.name, else_=0)
        see(connection.execute(users.update().where(users.c.id == 1).values(cents=cents)).rowcount)
        """,
        (1,),
    ),
    # Rows as mappings.
    (
        "rows",
        """
        row = connection.execute("SELECT id, name FROM users WHERE id = 1").fetchone()
        see(row["name"], row[0], row.id, list(row.keys()), sorted(dict(row).items()), tuple(row), row["id"], len(row))
        """,
        ("ann", 1, 1, ["id", "name"], [("id", 1), ("name", "ann")], (1, "ann"), 1, 2),
    ),
    (
        "rows_column",
        """
        row = connection.execute(sa.select([users]).where(users.c.id == 2)).first()
        see(row[users.c.name], row["name"], "name" in row, "nothing" in row, [list(one.items()) for one in [row]])
        """,
        ("bo", "bo", True, False, [[("id", 2), ("name", "bo"), ("cents", 5)]]),
    ),
    (
        "rows_loop",
        """
        names = []
        for row in connection.execute(sa.text("SELECT id, name FROM users ORDER BY id")):
            names.append("%(id)s-%(name)s" % row)
        result = connection.execute("SELECT id, name FROM users WHERE id = 1")
        keys = list(result.keys())
        a, b = result.fetchone()
        see(names, keys, a, b, [r["id"] for r in connection.execute("SELECT id FROM users ORDER BY id").fetchall()])
        """,
        (["1-ann", "2-bo", "3-cy"], ["id", "name"], 1, "ann", [1, 2, 3]),
    ),
    (
        "rows_session",
        """
        from sqlalchemy import orm
        session = orm.Session(bind=connection)
        see(session.execute("SELECT id AS i FROM users WHERE id = 3").fetchone()["i"])
        session.commit()
        """,
        (3,),
    ),
    # MetaData with a bind, and tables that load themselves.
    (
        "metadata",
        """
        meta = sa.MetaData(bind=connection)
        meta.reflect(only=["users"])
        table = meta.tables["users"]
        see(sorted(table.c.keys()), meta.bind is connection, table.bind is connection, table.exists())
        """,
        (["cents", "id", "name"], True, True, True),
    ),
    (
        "metadata_position",
        """
        from sqlalchemy import MetaData, Table
        meta = MetaData(op.get_bind())
        table = Table("users", meta, autoload=True)
        see(connection.execute(table.select(table.c.id == 1)).fetchone()["name"], sa.MetaData().bind)
        """,
        ("ann", None),
    ),
    (
        "autoload",
        """
        column = sa.Column("cents", sa.String(9))
        table = sa.Table("users", sa.MetaData(), column, autoload=True, autoload_with=connection)
        see(len(table.c), str(table.c.cents.type))
        """,
        (3, "VARCHAR(9)"),
    ),
    (
        "metadata_engine",
        """
        meta = sa.MetaData()
        meta.bind = connection.engine
        table = sa.Table("made", meta, sa.Column("id", sa.Integer, primary_key=True))
        meta.bind = connection
        table.create()
        table.insert().execute(id=5)
        there = sa.inspect(connection).get_table_names()
        value = table.select().execute().scalar()
        meta.drop_all()
        see("made" in there, value)
        """,
        (True, 5),
    ),
    (
        "inspector",
        'see(sa.engine.reflection.Inspector.from_engine(connection).get_pk_constraint("users")["constrained_columns"])',
        (["id"],),
    ),
    # table.select(where), update(where, values), delete(where).
    (
        "where",
        """
        connection.execute(users.insert({"id": 9, "name": "x", "cents": 1}))
        connection.execute(users.update(users.c.id == 9, {"name": "y"}))
        connection.execute(users.update(whereclause=users.c.id == 9, values={users.c.cents: users.c.cents + 1}))
        connection.execute(sa.update(users, users.c.id == 9).values(name="z"))
        row = connection.execute(users.select(users.c.id == 9)).fetchone()
        gone = connection.execute(users.delete(users.c.id == 9)).rowcount
        see(row["name"], row.cents, gone, connection.execute(sa.delete(users, users.c.id == 9)).rowcount)
        """,
        ("z", 2, 1, 0),
    ),
    # Engines and transactions.
    (
        "engine",
        """
        bind = op.get_bind()
        bind.engine.execute("UPDATE users SET name = 'bob' WHERE id = 2")
        bind.engine.execute(users.update().where(users.c.id == 3).values(name="cyd"))
        see([row["name"] for row in bind.engine.execute("SELECT name FROM users ORDER BY id")])
        """,
        (["ann", "bob", "cyd"],),
    ),
    (
        "begin",
        """
        transaction = connection.begin()
        connection.execute(users.update().where(users.c.id == 2).values(name="bo"))
        transaction.commit()
        with connection.begin():
            connection.execute(users.update().where(users.c.id == 3).values(name="cy"))
        see(connection.execute("SELECT COUNT(*) FROM users WHERE name IN ('bo', 'cy')").scalar())
        """,
        (2,),
    ),
]
if SQLALCHEMY < (1, 4):  # there an engine is another session, which does not see what this one has not committed
    SPELLINGS = [one for one in SPELLINGS if one[0] != "engine"]

OPERATIONS = """
op.create_table("teams", sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String(9), nullable=False))
op.create_table(
    "members",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("team_id", sa.Integer),
    sa.Column("nick", sa.String(9)),
)
with op.batch_alter_table("members") as batch_op:
    batch_op.create_foreign_key({batch}"fk_team", {referent}"teams", local_cols=["team_id"], remote_cols=["id"])
    batch_op.create_unique_constraint({batch}"uq_nick", columns=["nick"])
    batch_op.alter_column("nick", {new}name="alias", existing_type=sa.String(9))
op.create_index(name="ix_code", table_name="teams", columns=["code"], unique=True)
op.create_index("ix_alias", "members", ["alias"])
op.drop_index(name="ix_alias", tablename="members")
if connection.dialect.name != "sqlite":
    op.create_unique_constraint(name="uq_code", source="teams", local_cols=["code"])
    op.drop_constraint(name="uq_code", table_name="teams", type="unique")
    op.drop_constraint("fk_team", "members", type="foreignkey")
    columns = dict(local_cols=["team_id"], remote_cols=["id"])
    op.create_foreign_key(name="fk_team", source="members", referent="teams", **columns)
else:
    with op.batch_alter_table("members") as batch_op:
        batch_op.drop_constraint("uq_nick", type_="unique")
names = sorted(c["name"] for c in sa.inspect(op.get_bind()).get_columns("members"))
see(names, [key["name"] for key in sa.inspect(op.get_bind()).get_foreign_keys("members")])
"""
if ALEMBIC < (1, 5):  # it has the old keywords for op alone
    OPERATIONS = OPERATIONS.replace("{batch}", "").replace("{referent}", "").replace("{new}name", "new_column_name")
else:
    OPERATIONS = OPERATIONS.replace("{batch}", "name=").replace("{referent}", "referent=").replace("{new}", "")
SPELLINGS.append(("operations", OPERATIONS, (["alias", "id", "team_id"], ["fk_team"])))


def write_history(project, kind, spellings=SPELLINGS):
    """Write a revision for each spelling, and return what each has to see."""
    position, name = PARAMETER[kind]
    bodies = {"first": FIRST, **{one: body for one, body, _ in spellings}}
    down = None
    for revision, body in bodies.items():
        lines = [line for line in body.replace("{p}", position).replace("{n}", name).splitlines() if line.strip()]
        margin = min(len(line) - len(line.lstrip()) for line in lines)
        text = HEAD.replace("{revision}", revision).replace("{down!r}", repr(down))
        project.write(
            f"migrations/versions/{revision}.py", text.replace("{body}", "\n    ".join(line[margin:] for line in lines))
        )
        down = revision
    return {one: repr(expected) for one, _, expected in spellings}


def configured(**settings):
    """Return the application with some configuration."""
    lines = "".join(f"app.config[{name!r}] = {value!r}\n" for name, value in settings.items())
    return MANAGE.replace("db = SQLAlchemy(app)", lines + "db = SQLAlchemy(app)")


def test_each_manner_does_what_it_did(any_project):
    kind = any_project.database.kind
    expected = write_history(any_project, kind)
    done = any_project.db("upgrade").ok()
    seen = dict(any_project.database.rows("SELECT revision, value FROM seen"))
    assert seen == expected
    said = re.findall(
        r"^Revision (\w+) \(migrations/versions/\w+.py, line \d+\) uses .*; it runs as it did then\.$", done.err, re.M
    )
    if SQLALCHEMY >= (2,):
        assert set(said) >= {one for one, _, _ in SPELLINGS} - {"inspector", "case_new"}


SILENT = """
op.create_table("t", sa.Column("cents", sa.Integer), sa.Column("ok", sa.Boolean(name="ck_ok")))
t = sa.table("t", sa.column("cents", sa.Integer))
op.bulk_insert(t, [{"cents": 199}])
connection = op.get_bind()
divided = connection.execute(sa.select([t.c.cents / 100])).scalar()
made = connection.execute("SELECT sql FROM sqlite_master WHERE name = 't'").scalar()
print(f"divided {float(divided):g}, CHECK {'CHECK' in made}")
with op.batch_alter_table("t") as batch:
    batch.drop_constraint("ck_ok", type_="check")
"""


@pytest.mark.skipif(SQLALCHEMY < (2,), reason="these mean what they meant there")
def test_what_a_script_means_is_a_setting(project):
    said = "the database has no CHECK ck_ok, as the type made none since, so there is nothing to drop"
    for settings, printed, skips in (
        ({}, "divided 1.99, CHECK False\n", True),
        ({"MIGRATE_OLD_SCRIPTS": "1.4"}, "divided 1, CHECK False\n", True),
        ({"MIGRATE_OLD_SCRIPTS": "1.3"}, "divided 1, CHECK True\n", False),
    ):
        project.write("manage.py", configured(**settings))
        project.revision("aaa1", None, SILENT)
        project.database.run("DROP TABLE IF EXISTS t", "DROP TABLE IF EXISTS alembic_version")
        done = project.db("upgrade").ok()
        assert printed in done.out
        assert (said in done.err) == skips
    project.write("manage.py", configured(MIGRATE_OLD_SCRIPTS=False))
    project.revision("bbb2", "aaa1", "op.get_bind().execute('SELECT 1')")
    assert "Not an executable object" in project.db("upgrade").failed().err
    project.write("manage.py", configured(MIGRATE_OLD_SCRIPTS="0.9"))
    assert "MIGRATE_OLD_SCRIPTS is '0.9'" in project.db("upgrade").failed(2).err
