"""Branches: two heads and what one does about them."""

import re

import pytest


@pytest.fixture
def branched(project):
    """Two branches that grow from 1111, one of them with a label."""
    project.revision("1111")
    project.revision("2222", "1111", branch_labels=("core",))
    project.revision("3333", "1111")
    return project


def test_two_heads_are_shown_applied_and_merged(branched):
    database = branched.database
    assert branched.db("heads").ok().out == "2222 (core) (head)\n3333 (head)\n"
    point, *grown = branched.db("branches").ok().out.strip().splitlines()
    assert point == "1111 (branchpoint)"
    assert sorted(line.strip() for line in grown) == ["-> 2222 (core) (head)", "-> 3333 (head)"]
    two_heads = branched.db("upgrade").failed()
    assert "python manage.py db upgrade heads" in two_heads.err
    assert "python manage.py db merge heads" in two_heads.err
    assert database.version() == []
    branched.db("upgrade", "core@head").ok()
    assert database.version() == ["2222"]
    branched.db("upgrade", "heads").ok()
    assert database.version() == ["2222", "3333"]
    branched.db("merge", "-m", "joined", "--rev-id", "4444", "2222", "3333").ok()
    assert branched.db("heads").ok().out == "4444 (core) (head)\n"
    branched.db("upgrade").ok()
    assert database.version() == ["4444"]
    branched.db("downgrade", "3333").ok()
    assert database.version() == ["2222", "3333"]
    branched.db("stamp", "--purge", "2222").ok()
    assert database.version() == ["2222"]


def test_a_new_branch_by_splice_label_folder_and_dependency(branched):
    ini = branched.folder / "migrations" / "alembic.ini"
    locations = "[alembic]\nversion_locations = %(here)s/versions %(here)s/other\n"
    ini.write_text(ini.read_text().replace("[alembic]\n", locations, 1))
    refused = branched.flask("db", "revision", "--head", "1111", "--rev-id", "5555").failed()
    assert "is not a head revision" in refused.err
    assert "--splice" in refused.err
    new = ["--rev-id", "5555", "--splice", "--branch-label", "side", "--version-path", "migrations/other"]
    branched.flask("db", "revision", "-m", "aside", "--head", "1111", *new, "--depends-on", "core").ok()
    text = (branched.folder / "migrations" / "other" / "5555_aside.py").read_text()
    assert "down_revision = '1111'" in text
    assert "branch_labels = ('side',)" in text
    assert re.search(r"^depends_on = .*'core'", text, re.M)
    assert len(branched.db("heads").ok().out.splitlines()) == 3
    resolved = branched.db("heads", "--resolve-dependencies").ok().out.splitlines()
    assert [line.split()[0] for line in resolved] == ["3333", "5555"]
    branched.db("upgrade", "side@head").ok()
    assert branched.database.version() == ["5555"]
    both = ["--depends-on", "core", "--depends-on", "3333", "--version-path", "migrations/versions"]
    branched.db("revision", "-m", "apart", "--head", "base", "--rev-id", "7777", *both).ok()
    assert "depends_on = ['core', '3333']" in (branched.folder / "migrations/versions/7777_apart.py").read_text()
    branched.db("upgrade", "7777").ok()
    assert "7777" in branched.database.version()
    unknown = branched.db("revision", "--head", "core@head", "--version-path", "elsewhere").failed()
    assert "--version-path: migrations/versions, migrations/other" in unknown.err


def test_a_branch_of_its_own_from_base_and_a_splice_of_what_is_no_head(branched):
    branched.db("revision", "--head", "base", "--rev-id", "6666", "--branch-label", "apart", "-m", "apart").ok()
    assert "down_revision = None" in (branched.folder / "migrations" / "versions" / "6666_apart.py").read_text()
    branched.db("upgrade", "apart@head").ok()
    assert branched.database.version() == ["6666"]
    branched.db("migrate", "--head", "core@head").failed()
    branched.db("upgrade", "heads").ok()
    branched.db("migrate", "--head", "core@head", "--rev-id", "7777", "-m", "users").ok()
    assert "down_revision = '2222'" in (branched.folder / "migrations" / "versions" / "7777_users.py").read_text()
