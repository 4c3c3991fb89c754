"""No output shows a password: not the error, not its traceback, and not the words a driver repeats a part of it in."""

import pytest
from conftest import MANAGE, initialised

from flask_migrate_script.passwords import masked

UNREACHABLE = "127.0.0.1:1/somewhere"
URLS = {
    "server down": f"postgresql+psycopg2://someone:{{}}@{UNREACHABLE}",
    "server down, mysql": f"mysql+pymysql://someone:{{}}@{UNREACHABLE}",
    "old scheme": f"postgres://someone:{{}}@{UNREACHABLE}",
    "no driver": f"postgresql+pg8000://someone:{{}}@{UNREACHABLE}",
    "no port": "postgresql+psycopg2://someone:{}@127.0.0.1:port/somewhere",
    "no host": "postgresql+psycopg2://someone:{}@/nosuch?host=/nosuch",
}
PASSWORDS = {
    "plain": ("s3cretword", ["s3cretword"]),
    "quoted": ("s3cret%40w0rd%2Fthird%25", ["s3cret", "w0rd", "third"]),
    "unquoted": ("s3cret@w0rd:f0urth/third", ["s3cret", "w0rd", "third", "f0urth"]),
    "quotes": ("s3cret'w0rd\"third", ["s3cret", "w0rd", "third"]),
}


@pytest.mark.parametrize("password", list(PASSWORDS))
def test_a_url_that_fails(make_project, sqlite, password):
    """Each way to fail, with and without --raiseerr, in the two command lines by turns."""
    project = initialised(make_project(sqlite))
    written, parts = PASSWORDS[password]
    for number, url in enumerate(URLS.values()):
        project.env["DATABASE_URL"] = url.format(written)
        words = ["upgrade", "--raiseerr"] if number % 2 else [("upgrade", "reset", "current")[number // 2]]
        result = project.flask("db", *words) if number % 3 == 0 else project.db(*words)
        # A driver that is missing while the application is imported is an ImportError, which Flask shows; it exits 2.
        assert result.code == 1 or "While importing" in result.err, result
        assert not [part for part in parts if part in result.out + result.err], result


def test_sql_and_a_migration_that_says_it(project):
    """A statement with a password in it, and code that raises the whole URL."""
    project.env["ADMIN_URL"] = "postgresql://admin:an0ther@db.example/main"
    project.revision("aaaa11", upgrade="op.execute(\"CREATE USER x WITH PASSWORD 's3cret'\")")
    for words in (["upgrade"], ["upgrade", "--raiseerr"]):
        result = project.db(*words)
        assert result.code == 1
        assert "CREATE USER" in result.err
        assert "s3cret" not in result.err + result.out, result
    project.revision("aaaa11", upgrade="import os; raise ValueError('an0ther is wrong in ' + os.environ['ADMIN_URL'])")
    failed = project.db("upgrade").failed()
    assert "ValueError: *** is wrong in postgresql://admin:***@db.example/main" in failed.err


def test_reset_and_a_url_in_the_code(make_project, postgresql):
    """The databases that reset lists; the URL is in the application's own source, which tracebacks show lines of."""
    project = make_project(postgresql)
    url = postgresql.url.replace("://postgres@", "://postgres:s3cret@")
    source = MANAGE.replace('os.environ["DATABASE_URL"]', repr(url))
    project.write("manage.py", source)
    listed = project.db("reset", "--yes").ok()
    assert "://postgres:***@" in listed.out
    assert "s3cret" not in listed.out + listed.err
    wrong = MANAGE.replace('os.environ["DATABASE_URL"]', repr("postgres://someone:s3cret@h/d"))
    project.write(
        "manage.py", wrong.replace("db = SQLAlchemy(app)", "db = SQLAlchemy(app); 'postgres://someone:s3cret@h/d'")
    )
    for words in (["upgrade"], ["upgrade", "--raiseerr"]):
        result = project.db(*words)
        assert result.code == 1
        assert "s3cret" not in result.err + result.out, result


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at postgresql://me:word@host/db now", "at postgresql://me:***@host/db now"),
        ("at postgresql://me:w@rd:x/y@host/db", "at postgresql://me:***@host/db"),
        ("host=h password=word user=me", "host=h password=*** user=me"),
        ("PASSWORD = 'two words', x", "PASSWORD = ***, x"),
        ("CREATE USER x IDENTIFIED BY 'word'", "CREATE USER x IDENTIFIED BY ***"),
        ("Can't locate revision identified by 'word'", "Can't locate revision identified by 'word'"),
        ("sqlite:///folder/file.db and a@b", "sqlite:///folder/file.db and a@b"),
        ("postgresql://user@host:5432/database", "postgresql://user@host:5432/database"),
    ],
)
def test_what_is_masked(text, shown):
    assert masked(text) == shown


def test_a_password_that_is_also_the_users_name_does_not_blank_out_everything(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres:postgres@localhost/postgres")
    assert (
        masked('database "postgres" does not exist on localhost') == 'database "postgres" does not exist on localhost'
    )
