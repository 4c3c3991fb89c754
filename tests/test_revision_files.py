"""Revision files are read without running them: what they say of themselves, and what is wrong with their folder."""

import py_compile
import textwrap

import pytest
from conftest import ALEMBIC

from flask_migrate_script.config import Config
from flask_migrate_script.revisions.metadata import Unreadable, read_metadata
from flask_migrate_script.revisions.problems import (
    describe_folder,
    find_graph_problems,
    find_heads,
    find_problems,
    list_revision_files,
    takes_an_argument,
)

FUNCTIONS = "\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"


@pytest.fixture
def folder(tmp_path):
    """A migrations folder with an env.py that would fail: nothing in it is run."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text("raise SystemExit('run')\n")
    return tmp_path


def write(folder, name, head, functions=FUNCTIONS):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head if isinstance(head, bytes) else (textwrap.dedent(head) + functions).encode())
    return str(path)


def config_of(folder, **options):
    config = Config()
    config.set_main_option("script_location", str(folder))
    for name, value in options.items():
        config.set_main_option(name, value)
    return config


def problems(folder, **options):
    found = find_problems(describe_folder(config_of(folder, **options)))
    return [(problem.name, problem.path.rpartition("/")[2], problem.thing) for problem in found]


HEADS = {
    "as Alembic writes it": (
        '''
        """users

        Create Date: 2013-06-10 14:37:16.385345

        """
        from alembic import op

        revision = "aaaa"
        down_revision = "bbbb"
        branch_labels = ("users",)
        depends_on = None
        ''',
        {"revision": "aaaa", "parents": ("bbbb",), "branch_labels": ("users",), "depends_on": (), "is_known": True},
    ),
    "with types": (
        'revision: str = "aaaa"\ndown_revision: "str | None" = None\n',
        {"revision": "aaaa", "parents": (), "is_known": True},
    ),
    "a merge": ("revision = 'aaaa'\ndown_revision = ('b', 'c')\n", {"parents": ("b", "c")}),
    "the last value counts": ("revision = 'a'\nrevision = 'b'\ndown_revision = None\n", {"revision": "b"}),
    "computed": (
        "base = 'x'\nrevision = 'aaaa'\ndown_revision = base\n",
        {"revision": "aaaa", "parents": (), "is_known": False, "unknown": {"down_revision"}},
    ),
    "in a condition": ("revision = 'a'\ndown_revision = None\nif 1:\n    revision = 'b'\n", {"unknown": {"revision"}}),
    "unpacked": ("revision, down_revision = 'a', 'b'\n", {"unknown": {"revision", "down_revision"}}),
    "imported": ("from elsewhere import revision\ndown_revision = None\n", {"unknown": {"revision"}}),
    "a function in a string": (
        'revision = "a"\nSQL = """\ndef f(): pass\n"""\ndown_revision = "b"\n',
        {"revision": "a", "parents": ("b",), "is_known": True},
    ),
    "below the functions": (
        "revision = 'a'\ndown_revision = None\n\n\ndef f():\n    pass\n\n\nrevision = 'b'\n",
        {"revision": "b"},
    ),
}


@pytest.mark.parametrize("name", list(HEADS))
def test_what_a_file_says_of_itself(folder, name):
    head, expected = HEADS[name]
    found = read_metadata(write(folder, "versions/some.py", head))
    assert {key: getattr(found, key) for key in expected} == expected


def test_the_docstring_and_the_lines(folder):
    found = read_metadata(write(folder, "versions/some.py", HEADS["as Alembic writes it"][0].lstrip("\n")))
    assert found.docstring.startswith("users\n\nCreate Date: 2013-06-10")
    assert (found.find_line("revision"), found.find_line("nothing")) == (8, 1)


def test_an_identifier_in_the_name_of_the_file(folder):
    """As Alembic before 0.2 had it, and reads to this day."""
    assert read_metadata(write(folder, "versions/ab12.py", "down_revision = None\n")).revision == "ab12"
    assert read_metadata(write(folder, "versions/xyz.py", "down_revision = None\n")).revision is None


UNREADABLE = {
    "syntax-error": (b"revision = 'a'\nx = (\n", 2),
    "nul-byte": (b"revision = 'a'\n\x00", 2),
    "encoding": (b"revision = 'a'\nx = '\xff'\n", None),
    "python-2": (b"revision = 'a'\ndown_revision = None\nprint 'x'\n", 3),
}


@pytest.mark.parametrize("kind", list(UNREADABLE))
def test_a_file_that_is_not_python(folder, kind):
    source, line = UNREADABLE[kind]
    path = write(folder, "versions/some.py", source)
    with pytest.raises(Unreadable) as caught:
        read_metadata(path)
    assert (caught.value.kind, caught.value.path) == (kind, path)
    assert line is None or caught.value.line in (line, line + 1)
    assert problems(folder)[0][:2] == (kind, "some.py")


def test_what_a_folder_lacks(folder):
    (folder / "env.py").unlink()
    (folder / "versions").rmdir()
    assert problems(folder) == [("no-environment", folder.name, ""), ("no-versions", "versions", "")]
    assert problems(folder / "nowhere") == [("no-folder", "nowhere", "")]


def test_what_a_file_lacks(folder):
    write(folder, "versions/helper.py", "x = 1\n")
    write(folder, "versions/ab.py", "x = 1\n")
    write(folder, "versions/numbered.py", "revision = 5\ndown_revision = 'ab'\n")
    write(folder, "versions/half.py", "revision = 'half'\ndown_revision = 'ab'\n", "\n\ndef upgrade():\n    pass\n")
    assert problems(folder) == [
        ("no-down-revision", "ab.py", ""),
        ("no-function", "half.py", "downgrade"),
        ("no-revision", "helper.py", ""),
        ("revision-type", "numbered.py", "`revision` is 5"),
    ]


def test_functions_that_come_from_elsewhere_are_not_missed(folder):
    write(folder, "versions/a.py", "from shared import *\nrevision = 'a'\ndown_revision = None\n", "")
    write(folder, "versions/b.py", "from shared import upgrade, downgrade\nrevision = 'b'\ndown_revision = 'a'\n", "")
    write(folder, "versions/c.py", "revision = 'c'\ndown_revision = 'b'\nupgrade = downgrade = print\n", "")
    assert problems(folder) == []


def test_what_keeps_revisions_from_making_one_graph(folder):
    write(folder, "versions/a.py", "revision = 'a'\ndown_revision = None\nbranch_labels = 'users'\n")
    write(folder, "versions/b.py", "revision = 'b'\ndown_revision = 'nosuch'\n")
    write(folder, "versions/c.py", "revision = 'c'\ndown_revision = 'a'\ndepends_on = ('users', 'nor-this')\n")
    write(folder, "versions/d.py", "revision = 'a'\ndown_revision = None\n")
    assert problems(folder) == [
        ("duplicate-revision", "d.py", "a"),
        ("missing-parent", "b.py", "nosuch"),
        ("missing-dependency", "c.py", "nor-this"),
    ]
    write(folder, "versions/e.py", "revision = 'e' + ''\ndown_revision = None\n")
    assert problems(folder) == [("duplicate-revision", "d.py", "a")]


def test_a_circle_and_heads(folder):
    write(folder, "versions/a.py", "revision = 'a'\ndown_revision = None\ndepends_on = 'later'\n")
    write(folder, "versions/b.py", "revision = 'b'\ndown_revision = 'a'\nbranch_labels = ('later',)\n")
    write(folder, "versions/c.py", "revision = 'c'\ndown_revision = 'b'\n")
    write(folder, "versions/d.py", "revision = 'd'\ndown_revision = 'a'\n")
    assert problems(folder) == [("cycle", "a.py", "a, b")]
    files = [read_metadata(path) for path in list_revision_files(describe_folder(config_of(folder)))]
    assert find_heads(files) == ("c", "d")
    assert [problem.revision for problem in find_graph_problems(files)] == ["a"]


def test_the_files_are_those_that_alembic_loads(folder):
    for name in ("versions/a.py", "one/b.py", "two/c.py", "two/deep/d.py", "two/__pycache__/e.py", "one/__init__.py"):
        write(folder, name, f"revision = '{name[-4]}'\ndown_revision = None\n")
    options = {"version_locations": f"{folder}/one {folder}/two {folder}/one"}
    found = describe_folder(config_of(folder, **options))
    assert [path[len(str(folder)) :] for path in list_revision_files(found)] == ["/one/b.py", "/two/c.py"]
    if ALEMBIC >= (1, 10):
        found = describe_folder(config_of(folder, recursive_version_locations="true", **options))
        names = [path[len(str(folder)) :] for path in list_revision_files(found)]
        assert names == ["/one/b.py", "/two/c.py", "/two/deep/d.py"]


def test_a_revision_without_its_source_may_be_the_one_that_seems_to_be_missing(folder):
    path = write(folder, "versions/a.py", "revision = 'a'\ndown_revision = None\n")
    write(folder, "versions/b.py", "revision = 'b'\ndown_revision = 'a'\n")
    py_compile.compile(path, cfile=path + "c")
    (folder / "versions" / "a.py").unlink()
    assert problems(folder) == [("missing-parent", "b.py", "a")]
    assert problems(folder, sourceless="true") == []


def test_a_function_that_takes_an_argument(folder):
    path = write(folder, "versions/a.py", "revision = 'a'\n\n\ndef other(engine_name):\n    pass\n")
    assert takes_an_argument(path, "other")
    assert takes_an_argument(path, "upgrade") is False
    assert takes_an_argument(path, "nosuch") is None
