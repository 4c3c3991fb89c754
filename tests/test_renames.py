"""A renamed column or table keeps its rows, and what is on it follows: the script that `migrate` writes says so."""

import re

import pytest
import sqlalchemy as sa
from conftest import ALEMBIC, SQLALCHEMY, application, initialised, on_a_terminal, schema, script

BEFORE = """
class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(64), nullable=False, index=True)
    email = db.Column(db.String(64), unique=True, server_default="it's none")
    code = db.Column(db.String(10))
    __table_args__ = (db.UniqueConstraint("code", name="uq_users_code"),)


class Post(db.Model):
    __tablename__ = "posts"
    id = db.Column(db.Integer, primary_key=True)
    author_id = db.Column(db.Integer, db.ForeignKey("users.id"), index=True)
    author_code = db.Column(db.String(10), db.ForeignKey("users.code", name="fk_posts_code"))
    reply_to = db.Column(db.Integer, db.ForeignKey("posts.id"))
"""

COLUMNS = """
class User(db.Model):
    __tablename__ = "users"
    user_id = db.Column(db.Integer, primary_key=True)
    full_name = db.Column(db.String(80), index=True)
    mail = db.Column(db.String(64), unique=True, server_default="it's none")
    sign = db.Column(db.String(10))
    __table_args__ = (db.UniqueConstraint("sign", name="uq_users_sign"),)


class Post(db.Model):
    __tablename__ = "posts"
    id = db.Column(db.Integer, primary_key=True)
    writer_id = db.Column(db.Integer, db.ForeignKey("users.user_id"), index=True)
    author_code = db.Column(db.String(10), db.ForeignKey("users.sign", name="fk_posts_code"))
    answers = db.Column(db.Integer, db.ForeignKey("posts.id"))
"""
"""Five columns have another name; that of `full_name` has another type and takes nulls too."""

TABLES = COLUMNS.replace('"users"', '"people"').replace("users.", "people.").replace("full_name", "name")
TABLES = TABLES.replace('"posts"', '"articles"').replace("posts.", "articles.")

ROWS = [
    "INSERT INTO users (name, email, code) VALUES ('Ann', 'ann@x', 'A')",
    "INSERT INTO users (name, code) VALUES ('Bob', 'B')",
    "INSERT INTO posts (author_id, author_code) VALUES (2, 'A')",
    "INSERT INTO posts (author_id, author_code, reply_to) VALUES (1, 'B', 1)",
]


def renames(*pairs):
    return [word for pair in pairs for word in ("--rename", pair)]


def rows(database):
    return {name: database.rows(f"SELECT * FROM {name} ORDER BY 1") for name in database.tables()}


def nothing_differs(project):
    if ALEMBIC >= (1, 9):
        assert project.db("check").ok().out == "No new upgrade operations detected.\n"
    else:
        assert "No changes in schema detected." in project.db("migrate").ok().err


def test_renamed_columns_and_tables_keep_rows_and_constraints(make_project, database):
    project = initialised(make_project(database), application(BEFORE))
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    database.run(*ROWS)
    states = [(schema(database), rows(database))]

    project.write("manage.py", application(COLUMNS))
    pairs = ["users.id=users.user_id", "users.name=users.full_name", "users.email=users.mail", "users.code=users.sign"]
    done = project.db(
        "migrate",
        "--rev-id",
        "2222",
        *renames(*pairs, "posts.author_id=posts.writer_id", "posts.reply_to=posts.answers"),
    )
    assert "destroys" not in done.ok().err
    assert "drop_column" not in script(project, "2222")
    project.db("upgrade").ok()
    assert rows(database) == states[0][1]
    assert {"writer_id", "answers"} < set(database.columns("posts"))
    nothing_differs(project)
    states.append((schema(database), rows(database)))

    project.write("manage.py", application(TABLES))
    pairs = ["users=people", "posts=articles", "users.full_name=people.name"]
    project.flask("db", "revision", "--autogenerate", "--rev-id", "3333", *renames(*pairs)).ok()
    assert "drop_table" not in script(project, "3333")
    project.db("upgrade").ok()
    assert rows(database) == {"people": states[0][1]["users"], "articles": states[0][1]["posts"]}
    nothing_differs(project)
    states.append((schema(database), rows(database)))
    with pytest.raises(sa.exc.IntegrityError):
        database.run("INSERT INTO people (user_id, mail) VALUES (9, 'ann@x')")
    if database.kind != "sqlite":
        with pytest.raises(sa.exc.IntegrityError):
            database.run("INSERT INTO articles (id, writer_id) VALUES (9, 9)")

    for state in (states[1], states[0]):
        project.db("downgrade").ok()
        assert (schema(database), rows(database)) == state
    project.db("upgrade").ok()
    assert (schema(database), rows(database)) == states[2]
    database.run("INSERT INTO people (name, mail) VALUES ('Cid', 'cid@x')")  # the number is still given by the database


SHOP = """
class Item(db.Model):
    __tablename__ = "items"
    id = db.Column(db.Integer, primary_key=True)
    label = db.Column(db.String(20))
    size = db.Column(db.String(20))
    price = db.Column(db.Integer)


class Old(db.Model):
    __tablename__ = "baskets"
    id = db.Column(db.Integer, primary_key=True)
    paid = db.Column(db.Boolean)
"""

CHANGED = SHOP.replace("label", "title").replace("size", "length").replace('"baskets"', '"carts"')
CHANGED = CHANGED.replace("price = db.Column(db.Integer)", "cost = db.Column(db.String(9))")
"""Two columns and a table that may have been renamed, and a column that was swapped for one of another type."""

CANDIDATES = [
    "baskets=carts",
    "items.label=items.title",
    "items.size=items.length",
    "items.size=items.title",
    "items.label=items.length",
]
"""The likeliest first: at the same position, then with a similar name."""


@pytest.fixture
def shop(make_project, sqlite):
    """An application whose models have changed since its database was made."""
    project = initialised(make_project(sqlite), application(SHOP))
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    sqlite.run("INSERT INTO items (label, size, price) VALUES ('hat', 'M', 5)", "INSERT INTO baskets (paid) VALUES (1)")
    project.write("manage.py", application(CHANGED))
    return project


def test_on_a_terminal_each_pair_is_asked_for_once(shop, sqlite):
    code, _, err = on_a_terminal(shop, "y\nn\ny\nn\n", "manage.py", "db", "migrate", "--rev-id", "2222")
    assert code == 0, err
    questions = re.findall(r"Was (\S+) renamed to (\S+)\? \[y/N\] ", err)
    assert questions == [tuple(pair.split("=")) for pair in [*CANDIDATES[:3]]]
    assert "--rename" not in err
    shop.db("upgrade").ok()
    assert sqlite.rows("SELECT * FROM carts") == [(1, 1)]
    assert sqlite.rows("SELECT length FROM items") == [("M",)]
    assert sorted(sqlite.columns("items")) == ["cost", "id", "length", "title"]


def test_without_a_terminal_nothing_is_guessed(shop):
    done = shop.db("migrate", "--rev-id", "2222").ok()
    assert re.findall(r"^  --rename (\S+)$", done.err, re.M) == CANDIDATES
    text = script(shop, "2222")
    assert "rename" not in text
    assert "new_column_name" not in text
    assert "drop_table('baskets')" in text


def test_in_ci_nobody_is_asked(shop):
    code, _, err = on_a_terminal(shop, "", "-m", "flask", "db", "migrate", CI="true")
    assert code == 0
    assert "[y/N]" not in err
    assert "--rename items.label=items.title" in err


REFUSED = {
    "items.lable=items.title": "--rename items.lable=items.title: no such change was detected.",
    "items.label=carts.id": "Dropped: baskets, items.label, items.price, items.size.",
    "baskets=items": "Added: carts, items.cost, items.length, items.title.",
    "items.label=items.length": "--rename items.label=items.length: no such change was detected.",
    "baskets": "--rename baskets: it takes NAME=VALUE.",
    "items.size=items.title": "--rename items.size=items.title: items.size=items.length was given too.",
}


def test_a_name_that_was_not_detected_is_refused(shop):
    for asked, problem in REFUSED.items():
        refused = shop.db("migrate", *renames("items.size=items.length", asked)).failed()
        assert problem in refused.err
        assert "Nothing was written." in refused.err
    code, _, err = on_a_terminal(shop, "y\ny\n", "manage.py", "db", "migrate", *renames("items.no=items.title"))
    assert code == 1
    assert "no such change was detected." in err
    assert len(shop.versions()) == 1


def test_a_column_of_another_type_is_renamed_where_that_is_said(shop, sqlite):
    """Both change, even where env.py does not have types and server defaults compared."""
    text = application(CHANGED).replace("Migrate(app, db)", "Migrate(app, db, compare_type=False)")
    shop.write(
        "manage.py",
        text.replace("title = db.Column(db.String(20)", "title = db.Column(db.String(20), server_default='x'"),
    )
    before = schema(sqlite)
    shop.db("migrate", *renames("items.price=items.cost", "items.label=items.title", "items.size=items.length")).ok()
    shop.db("upgrade").ok()
    sqlite.run("INSERT INTO items (length) VALUES ('L')")
    assert sqlite.rows("SELECT title, length, cost FROM items") == [("hat", "M", "5"), ("x", "L", None)]
    sqlite.run("DELETE FROM items WHERE length = 'L'")
    shop.db("downgrade").ok()
    assert sqlite.rows("SELECT label, size, price FROM items") == [("hat", "M", 5)]
    assert schema(sqlite) == before


BINDS = """
class First(db.Model):
    __tablename__ = "first"
    id = db.Column(db.Integer, primary_key=True)
    {first} = db.Column(db.String(9))


class Second(db.Model):
    __bind_key__ = "log"
    __tablename__ = "{second}"
    id = db.Column(db.Integer, primary_key=True)
    {more}
"""


def test_a_rename_across_two_databases_is_no_candidate(make_project, sqlite, new_database):
    project = make_project(sqlite)
    log = new_database("sqlite")
    models = (
        BINDS
        + '\n\nclass Third(db.Model):\n    __tablename__ = "{third}"\n    id = db.Column(db.Integer, primary_key=True)'
    )

    def write(**names):
        text = application(models.format(**names))
        project.write(
            "manage.py", text.replace("db = SQL", f'app.config["SQLALCHEMY_BINDS"] = {{"log": {log.url!r}}}\ndb = SQL')
        )

    write(first="a", second="second", more="b = db.Column(db.String(9))", third="third_x")
    project.initialise("--multidb")
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    # The table third_x of the default database goes, and one like it comes in the other.
    project.db("upgrade").ok()
    write(first="aa", second="second", more="bb = db.Column(db.String(9))", third="third_y")
    moved = (
        (project.folder / "manage.py")
        .read_text()
        .replace('    __tablename__ = "third_y"', '    __bind_key__ = "log"\n    __tablename__ = "third_y"')
    )
    project.write("manage.py", moved)
    done = project.db("migrate", "--rev-id", "2222").ok()
    assert re.findall(r"^  (.*--rename \S+)$", done.err, re.M) == [
        "default: --rename first.a=first.aa",
        "log: --rename second.b=second.bb",
    ]
    project.versions()[1].unlink()
    refused = project.db("migrate", *renames("first.a=first.aa", "third_x=third_y")).failed()
    assert "--rename third_x=third_y: no such change was detected." in refused.err
    assert len(project.versions()) == 1
    project.db("migrate", *renames("first.a=first.aa", "second.b=second.bb")).ok()
    project.db("upgrade").ok()
    assert (sqlite.columns("first"), log.columns("second")) == (["id", "aa"], ["id", "bb"])


def there_and_back(project, database, before, after, pairs, *inserted):
    """Write rows, change the models with a script that renames, and go up, down and up again: nothing may be lost."""
    project.write("manage.py", before)
    project.initialise()
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    database.run(*inserted)
    old = (schema(database), rows(database))
    project.write("manage.py", after)
    project.db("migrate", "--rev-id", "2222", *renames(*pairs)).ok()
    project.db("upgrade").ok()
    nothing_differs(project)
    new = (schema(database), rows(database))
    project.db("downgrade").ok()
    assert (schema(database), rows(database)) == old
    project.db("upgrade").ok()
    assert (schema(database), rows(database)) == new


def test_an_index_of_a_renamed_table_is_dropped_there(make_project, mysql):
    """Outside a batch an index is dropped by the name of its table: the new one."""
    before = application(SHOP.replace("db.Column(db.String(20))", "db.Column(db.String(20), index=True)", 1))
    before = before.replace("Migrate(app, db)", "Migrate(app, db, render_as_batch=False)")
    there_and_back(
        make_project(mysql),
        mysql,
        before,
        before.replace('"items"', '"things"'),
        ["items=things"],
        "INSERT INTO items (label) VALUES ('hat')",
    )


MEMBERS = """
members = db.Table(
    "members",
    db.Column("user", db.Integer, db.ForeignKey("users.id"), primary_key=True),
    db.Column("club", db.Integer, db.ForeignKey("clubs.id"), primary_key=True),
)


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)


class Club(db.Model):
    __tablename__ = "clubs"
    id = db.Column(db.Integer, primary_key=True)
"""


def test_a_table_between_two_is_renamed_with_its_columns_and_both_ends(make_project, database):
    """MySQL's own index for a foreign key has the name of the column."""
    after = MEMBERS.replace('"members"', '"memberships"').replace('"user"', '"person"').replace('"club"', '"group"')
    columns = ["members.user=memberships.person", "members.club=memberships.group"]
    there_and_back(
        make_project(database),
        database,
        application(MEMBERS),
        application(after.replace("users", "people").replace("clubs", "groups_")),
        ["users=people", "clubs=groups_", "members=memberships", *columns],
        "INSERT INTO users (id) VALUES (1)",
        "INSERT INTO clubs (id) VALUES (2)",
        "INSERT INTO members VALUES (1, 2)",
    )


MADE = """
class Order(db.Model):
    __tablename__ = "orders"
    id = db.Column(db.Integer, primary_key=True)
    price = db.Column(db.Integer)
    total = db.Column(db.Integer, db.Computed("price * 2", persisted=True))
"""


def test_a_column_that_the_database_computes_or_numbers_is_renamed(make_project, mysql):
    before = MADE
    # MySQL takes Identity, which came with SQLAlchemy 1.4, for a number of its own; Alembic before 1.18 (seen on 1.16.5
    # and 1.17.0) finds such a column changed in every comparison there, and its script fails, renamed or not.
    if SQLALCHEMY >= (1, 4) and ALEMBIC >= (1, 18):
        before = MADE.replace("db.Integer, primary", "db.Integer, db.Identity(), primary")
    there_and_back(
        make_project(mysql),
        mysql,
        application(before),
        application(before.replace("total =", "amount =").replace("id =", "number =")),
        ["orders.total=orders.amount", "orders.id=orders.number"],
        "INSERT INTO orders (price) VALUES (4)",
    )
    mysql.run("INSERT INTO orders (price) VALUES (5)")
    assert mysql.rows("SELECT number, amount FROM orders ORDER BY 1") == [(1, 8), (2, 10)]


def test_a_legacy_column_of_mysql_stays_what_it_was(make_project, mysql):
    """Its collation, and that it is unsigned, are in no model: no renaming may take them for those of the models."""
    project = initialised(make_project(mysql), application(SHOP))
    project.db("migrate", "--rev-id", "1111").ok()
    project.db("upgrade").ok()
    mysql.run(
        "ALTER TABLE items MODIFY label VARCHAR(20) COLLATE utf8mb4_bin UNIQUE, MODIFY price INTEGER UNSIGNED",
        "INSERT INTO items (label, price) VALUES ('hat', 4000000000), ('HAT', 1)",
    )
    there = mysql.rows("SHOW CREATE TABLE items")
    text = SHOP.replace("label = db.Column(db.String(20))", "title = db.Column(db.String(20), unique=True)")
    project.write("manage.py", application(text.replace("price", "cost")))
    project.db("migrate", "--rev-id", "2222", *renames("items.label=items.title", "items.price=items.cost")).ok()
    for _ in range(2):
        project.db("upgrade").ok()
        project.db("downgrade").ok()
        assert mysql.rows("SHOW CREATE TABLE items")[0][1].replace("title", "label") == there[0][1]
