"""No command runs a revision file that it does not need: a broken one stops only who needs it."""

import pytest
from alembic.script import Script, ScriptDirectory
from alembic.script import revision as alembic_revision

from flask_migrate_script.config import Config
from flask_migrate_script.revisions.usual import read_usual_head
from flask_migrate_script.seam import scripts as seam

RECORD = """

with open("ran", "a") as file:
    file.write(__name__[:-3] + " ")
"""
BODY = "\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"
NEWEST = '''"""newest

Revision ID: f6
Revises: e5
Create Date: 2024-02-03 04:05:06.000000+00:00

  indented "further"
"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, mysql as my  # both


# revision identifiers, used by Alembic.
revision: str = 'f6'
down_revision: Union[str, Sequence[str], None] = ('d4', 'e5')
branch_labels: Union[str, Sequence[str], None] = ["newest"]
depends_on: Union[str, Sequence[str], None] = None
'''
READ = {
    "usual": '# -*- coding: utf-8 -*-\n"""Größe"""\nrevision = "a1"\ndown_revision = None\n',
    "windows": '"""two\r\n\r\nlines\r\n"""\r\nrevision = "b2"\r\ndown_revision = "a1"\r\nbranch_labels = None\r\n',
    "no docstring": "import os\nrevision = 'c3'\ndown_revision = 'b2'\ndepends_on = None\n",
    "another order": "'''other'''\ndown_revision = 'c3'\nrevision = 'd4'\ndepends_on = ('b2',)\nX = 'x'\n",
    "escapes": 'r"""a\\b"""\nimport os, sys\nrevision = u"e5"\ndown_revision = "c3"\n',
    "newest": NEWEST,
}
"""Files that say in literals where they belong: not run."""

RUN = {
    "computed": "base = 'f6'\nrevision = 'g7'\ndown_revision = base\n",
    "changed below": '"""x"""\nrevision = "h"\ndown_revision = "g7"\nif 1:\n    revision = "h8"\n',
    "changed elsewhere": '"""x"""\nrevision = "i9"\ndown_revision = None\nglobals()["down_revision"] = "h8"\n',
    "with its docstring changed": '"""x"""\nrevision = "j10"\ndown_revision = "i9"\n__doc__ = "other"\n',
    "imported": "from os import name as branch_labels\nrevision = 'k11'\ndown_revision = 'j10'\n",
    "in another encoding": '# coding: latin-1\n"""x"""\nrevision = "l12"\ndown_revision = "k11"\ndown_revision += ""\n',
}
"""Files of which something is not certain: run, as by Alembic."""


def write(folder, files, record=RECORD):
    versions = folder / "versions"
    versions.mkdir(exist_ok=True)
    for name, head in files.items():
        newline = "\r\n" if "\r\n" in head else "\n"
        body = (record + BODY).replace("\n", newline)
        (versions / (name.replace(" ", "_") + ".py")).write_bytes((head + body).encode())


def directories(folder, **options):
    """Return the same folder as Alembic reads it, and as it is read here."""
    made = []
    for _ in range(2):
        config = Config()
        config.set_main_option("script_location", str(folder))
        for name, value in options.items():
            config.set_main_option(name, value)
        made.append(ScriptDirectory.from_config(config))
    seam.read_without_running(made[1])
    return made


def describe(scripts):
    names = ("revision", "down_revision", "dependencies", "doc", "longdoc", "path", "log_entry", "is_head")
    return [
        [*(getattr(one, name) for name in names), sorted(one.branch_labels), str(one)]
        for one in scripts.walk_revisions()
    ]


def read_record(folder):
    path = folder / "ran"
    words = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return words


def test_what_alembic_would_find_is_found_without_running_what_says_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {**READ, **RUN})
    alembics, ours = directories(tmp_path)
    expected = describe(alembics)
    assert len(read_record(tmp_path)) == len(expected) == len(READ) + len(RUN)

    assert describe(ours) == expected
    assert len(read_record(tmp_path)) == len(RUN)
    assert ours.get_heads() == alembics.get_heads()

    script = ours.get_revision("f6")
    assert isinstance(script, Script)
    assert script.module.upgrade() is None, "asked for, it is run"
    assert script.module is script.module
    assert read_record(tmp_path) == ["newest"]


def test_folders_as_alembic_lists_them(tmp_path, monkeypatch):
    """Several, with files that are no revisions, symbolic links, and one file by two ways."""
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two", "kept"):
        (tmp_path / "made" / name / "versions").mkdir(parents=True)
    kept = tmp_path / "made" / "kept" / "versions"
    (kept / "linked.py").write_text('"""b"""\nrevision = "b2"\ndown_revision = "a1"\n' + BODY)
    one = tmp_path / "made" / "one" / "versions"
    (one / "a.py").write_text('"""a"""\nrevision = "a1"\ndown_revision = None\n' + BODY)
    (one / "link.py").symlink_to(kept / "linked.py")
    for name in ("__init__.py", ".#a.py", "notes.txt"):
        (one / name).write_text("raise SystemExit\n")
    two = tmp_path / "made" / "two" / "versions"
    (two / "c.py").write_text('"""c"""\nrevision = "c3"\ndown_revision = "b2"\n' + BODY)
    for locations in (f"{one} {two}", f"{two} {one}", f"{one}/../versions {two}"):
        alembics, ours = directories(tmp_path, version_locations=locations)
        assert describe(ours) == describe(alembics)
    for locations in (f"{one} {one} {two}", f"{one} {kept} {two}"):
        alembics, ours = directories(tmp_path, version_locations=locations)
        with pytest.warns(UserWarning, match="loaded twice"):
            expected = describe(alembics)
        with pytest.warns(UserWarning, match="loaded twice"):
            assert describe(ours) == expected


@pytest.mark.parametrize(("owner", "name"), [(ScriptDirectory, "_load_revisions"), (Script, "_from_path")])
def test_where_alembic_has_another_name_its_own_loading_stays(tmp_path, monkeypatch, owner, name):
    write(tmp_path, {"usual": READ["usual"]}, record="")
    scripts, _ = directories(tmp_path)
    own = scripts.revision_map
    with monkeypatch.context() as missing:
        missing.delattr(owner, name)
        seam.read_without_running(scripts)
    assert scripts.revision_map is own
    assert scripts.get_heads() == ["a1"]


def test_where_the_set_of_heads_has_another_name_alembics_stays(monkeypatch):
    monkeypatch.delattr(alembic_revision, "sqlautil")
    seam.sort_heads_quickly()
    assert not hasattr(alembic_revision, "sqlautil")


NOT_CERTAIN = {
    "bytes": 'revision = b"a"\ndown_revision = None\n',
    "joined": 'revision = "a" "b"\ndown_revision = None\n',
    "escaped": 'revision = "\\x61"\ndown_revision = None\n',
    "in three quotes": 'revision = """a"""\ndown_revision = None\n',
    "two on one line": 'revision = "a"; down_revision = None\n',
    "a sum": 'revision = "a"\ndown_revision = ("b" + "c")\n',
    "numbers": 'revision = "a"\ndown_revision = (1, 2)\n',
    "a quote more": '"""x""""\nrevision = "a"\ndown_revision = None\n',
    "a string without its end": '"""x\nrevision = "a"\ndown_revision = None\n',
    "within a string": '"""x"""\n"""\nrevision = "a"\ndown_revision = None\n"""\n',
    "everything imported": 'from x import *\nrevision = "a"\ndown_revision = None\n',
    "everything imported below": 'revision = "a"\ndown_revision = None\nfrom x import *\n',
    "one imported": 'from x import y as revision\nrevision = "a"\ndown_revision = None\n',
    "deleted": 'revision = "a"\ndown_revision = None\ndel down_revision\n',
    "indented": 'if x:\n    revision = "a"\n    down_revision = None\n',
    "another encoding": '# coding: utf-7\nrevision = "a"\ndown_revision = None\n',
    "another encoding in line 2": '\n# coding: utf-7\nrevision = "a"\ndown_revision = None\n',
    "no utf-8": b'"""\xff"""\nrevision = "a"\ndown_revision = None\n',
}


@pytest.mark.parametrize("name", list(NOT_CERTAIN))
def test_the_quick_reader_says_nothing_that_is_not_certain(name):
    source = NOT_CERTAIN[name]
    assert read_usual_head(source if isinstance(source, bytes) else source.encode()) is None
    assert read_usual_head(b'"""x"""\nrevision = "a"\ndown_revision = None\n') is not None


BROKEN = (
    ("def broken(:\n", "b2.py, line"),
    ('print "x"\n', "b2.py, line"),
    ("import no_such_module\n", "No module named 'no_such_module'"),
    ("x = '\0'\n", "b2.py"),
)


@pytest.fixture
def grown(project):
    """Three revisions of which the last is not applied, each of which notes that it was run."""
    for revision, parent in (("a1", None), ("b2", "a1"), ("c3", "b2")):
        path = project.revision(revision, parent)
        path.write_text(path.read_text() + RECORD)
    project.db("upgrade", "b2").ok()
    assert sorted(read_record(project.folder)) == ["a1", "b2"]
    return project


ASKING = ("heads", "history -v", "current", "status", "graph", "show b2", "branches", "history --check", "upgrade b2")


def test_only_what_is_applied_is_run(grown):
    for line in ASKING:
        grown.db(*line.split()).ok()
        assert read_record(grown.folder) == [], line
    grown.flask("db", "upgrade").ok()
    assert read_record(grown.folder) == ["c3"]
    grown.db("downgrade").ok()
    assert read_record(grown.folder) == ["c3"]


def test_a_broken_file_stops_only_who_needs_it(grown):
    """Whoever needs it is told which one it is, and whoever asks for all that are broken."""
    versions = grown.folder / "migrations" / "versions"
    with (versions / "a1.py").open("a") as other:
        other.write("def broken(:\n")  # nobody needs it
    whole = (versions / "b2.py").read_text()
    for line, words in BROKEN:
        (versions / "b2.py").write_text(whole + line)
        for command in ("status", "history", "upgrade", "downgrade b2"):
            grown.db(*command.split()).ok()
        result = grown.db("downgrade", "a1").failed()
        assert words in result.err
        assert "Traceback" not in result.err
        assert "a1.py" not in result.err
        assert grown.database.version() == ["b2"]
    for command in ("lint", "history --check"):
        result = grown.db(*command.split()).failed()
        assert "a1.py, line" in result.err
    assert "a1.py, line" in result.err
    assert "b2.py, line" in result.err
    assert "a1 -> b2" in result.out, "the history is listed all the same"
