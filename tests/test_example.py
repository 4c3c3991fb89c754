"""The example that the README starts with: its whole history, up and down, on every database."""

import shutil
from pathlib import Path

import alembic
import pytest

ROOT = Path(__file__).parent.parent
TABLES = ["comments", "follows", "posts", "users"]
HEAD = "901d2a107767"
BEFORE_SUMMARIES_ARE_FILLED = "38fee0f7660f"


@pytest.fixture
def example(make_project):
    """Return a function that makes a copy of the example, with nothing in its database yet."""

    def make(database=None):
        project = make_project(database)
        shutil.copy(str(ROOT / "manage_example.py"), str(project.folder))
        history = project.folder / "example" / "migrations"
        shutil.copytree(
            str(ROOT / "example" / "migrations"), str(history), ignore=shutil.ignore_patterns("__pycache__")
        )
        return project

    return make


def run(project, *words):
    return project.python("manage_example.py", *words).ok()


def assert_models_and_database_agree(project):
    if tuple(map(int, alembic.__version__.split(".")[:2])) >= (1, 9):
        assert run(project, "db", "check").out == "No new upgrade operations detected.\n"
        return
    scripts = sorted(project.folder.glob("example/migrations/versions/*.py"))
    assert "No changes in schema detected." in run(project, "db", "migrate").err
    assert sorted(project.folder.glob("example/migrations/versions/*.py")) == scripts


def test_the_history_goes_up_and_down_and_up_again(example, database):
    project = example(database)
    run(project, "db", "upgrade")
    assert database.tables() == TABLES
    assert database.version() == [HEAD]
    assert_models_and_database_agree(project)
    run(project, "db", "downgrade", "base")
    assert (database.tables(), database.version()) == ([], [])

    run(project, "db", "upgrade", BEFORE_SUMMARIES_ARE_FILLED)
    database.run(
        "INSERT INTO users (id, name) VALUES (1, 'cleo')",
        "INSERT INTO posts (id, author_id, title, body, written)"
        f" VALUES (1, 1, 'Old', '{'x' * 200}', '2020-01-01 00:00:00')",
    )
    run(project, "db", "upgrade")
    assert database.rows("SELECT summary FROM posts") == [("x" * 140,)]
    run(project, "db", "downgrade", BEFORE_SUMMARIES_ARE_FILLED)
    assert database.rows("SELECT title FROM posts") == [("Old",)], "a downgrade keeps the posts"


def test_without_a_database_url_the_blog_is_a_file_in_the_example_folder(example):
    project = example()
    project.env.pop("DATABASE_URL", None)
    run(project, "db", "upgrade")
    assert run(project, "seed").out == "The blog has a post by ada and a comment by ben.\n"
    assert (project.folder / "example" / "blog.db").stat().st_size > 0
    assert run(project, "db", "history").out == (
        "106a6ecb6173 -> 901d2a107767 (head), every post has a summary\n"
        "38fee0f7660f -> 106a6ecb6173, fill the summaries of old posts\n"
        "b72a6d868e24 -> 38fee0f7660f, a summary for posts\n"
        "b81f5098a5b4 -> b72a6d868e24, users follow users\n"
        "b14d07421624 -> b81f5098a5b4, comments on posts\n"
        "<base> -> b14d07421624, users and their posts\n"
    )
    assert "seed" in project.python("manage_example.py", "--help").ok().out
