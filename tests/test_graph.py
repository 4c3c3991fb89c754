"""`graph` draws the history as it is: every revision once, its lines leading to its parents, in every format."""

import fcntl
import html
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from conftest import ALEMBIC, on_path
from hypothesis import given, settings
from hypothesis import strategies as st
from test_readme import README
from test_several_databases import bound
from test_status import at_the_first_of_two, dated, histories, written

from flask_migrate_script.console.terminal import paint_nothing
from flask_migrate_script.revisions.drawing import FILE, draw
from flask_migrate_script.revisions.drawing_text import ASCII, UNICODE, TextGraph, draw_lanes
from flask_migrate_script.revisions.lanes import lay_out, narrow
from flask_migrate_script.revisions.pictures import escape
from flask_migrate_script.revisions.positions import Position
from flask_migrate_script.revisions.reading import Drawn, read_history

MARKS, ACROSS = set("●◉*@"), set("─-")
UP, DOWN, PLAIN = set("│├┤┴┼╰╯|+'"), set("│├┤┬┼╭╮|+."), set("│|")
ODD = 'say "<b>&lt; #1</b>" \\N [x] `y` | 日本 '
"""A message with what means something to HTML, Mermaid, dot and a terminal."""


class Seen:
    """A picture of characters as an eye follows its lines: where each revision stands, and what it leads down to.

    :param lines: the lines of the picture.
    :param vague: the revisions whose lines are not followed.
    """

    def __init__(self, lines, vague=()):
        split = [re.match(r"(\W*)(\w*)", line) for line in lines]
        self.cells = [found[1] for found in split]
        self.names = [found[2] for found in split]
        self.followed = set()
        self.order = [name for name in self.names if name]
        self.parents = {name: self._parents(row) for row, name in enumerate(self.names) if name not in ("", *vague)}

    def _parents(self, row):
        (column,) = (place for place, one in enumerate(self.cells[row]) if one in MARKS)
        self.followed.add((row, column))
        if self._at(row + 1, column) not in UP | MARKS:
            return set()
        self.followed.add((row + 1, column))
        leaving = [column] if self.names[row + 1] else self._across(row + 1, column)
        down = [place for place in leaving if self._at(row + 1, place) in DOWN | MARKS]
        return {self._end(row + 1, place) for place in down}

    def _across(self, row, column):
        """Return where the line below a revision meets others; a lane that it only crosses is not among them."""
        met = [column]
        for step in (-1, 1):
            place = column + step
            while self._at(row, place) in ACROSS:
                self.followed.add((row, place))
                place += step
                if self._at(row, place) in PLAIN:
                    place += step
                elif self._at(row, place) not in ACROSS:
                    met.append(place)
                    self.followed.add((row, place))
                    place += step
        return met

    def _end(self, row, column):
        """Return the revision that a lane leads down to."""
        while not self.names[row] or self._at(row, column) not in MARKS:
            self.followed.add((row, column))
            if self._at(row, column) not in DOWN:
                (column,) = (place for place in self._across(row, column) if self._at(row, place) in DOWN)
            row += 1
            assert self._at(row, column) in UP | MARKS, f"a line ends at {row}, {column}"
        return self.names[row]

    def _at(self, row, column):
        return self.cells[row][column : column + 1] if row < len(self.cells) and column >= 0 else ""

    def left_over(self):
        """Return the places of what leads from no revision to any."""
        every = {(row, column) for row, line in enumerate(self.cells) for column, one in enumerate(line) if one != " "}
        return every - self.followed


def examples(number):
    return settings(max_examples=number, deadline=None, derandomize=True, database=None)


@given(histories())
@examples(25)
def test_the_drawing_of_any_history_is_what_alembic_walks(history):
    with tempfile.TemporaryDirectory() as folder:
        config = written(Path(folder), history)
        revisions = read_history(config)
        walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    order = [one.revision for one in revisions]
    assert sorted(order) == sorted(walked) == sorted(history)
    assert order == walked or ALEMBIC < (1, 5), "an older one walks the same revisions in one order and in another"
    parents = {name: set(history[name][0]) for name in order}
    whole = Seen(TextGraph(revisions, {}, 10_000, UNICODE, paint_nothing).draw_lines())
    assert (whole.order, whole.parents) == (order, parents)
    for format in ("mermaid", "dot"):
        boxes, follow, depend = parsed(draw(revisions, [], format, FILE).picture)
        assert boxes == order
        assert follow == {(one, name) for name in order for one in parents[name]}
        assert depend == {(one, name) for name in order for one in history[name][1]}


@st.composite
def tangles(draw_one):
    """Return revisions with their parents, newest first: many branches and merges, near and far."""
    found = {}
    for number in range(draw_one(st.integers(1, 24))):
        near, most = [*found][-6:], draw_one(st.integers(0, 3))
        found[f"r{number}"] = draw_one(st.lists(st.sampled_from(near), unique=True, max_size=most)) if near else []
    return [
        Drawn(name, tuple(parents), (), (), False, "", "words 日本 " * 9) for name, parents in [*found.items()][::-1]
    ]


@given(tangles(), st.sampled_from([UNICODE, ASCII]), st.integers(1, 80), st.integers(1, 5))
@examples(150)
def test_lines_lead_to_parents_and_to_nothing_else_and_no_line_is_too_wide(history, characters, width, lanes):
    parents = {one.revision: set(one.parents) for one in history}
    whole = Seen(TextGraph(history, {}, 10_000, characters, paint_nothing).draw_lines())
    assert (whole.order, whole.parents) == ([*parents], parents)
    assert whole.left_over() == set()
    assert (
        max(map(columns, TextGraph(history, {"r0": ["default"]}, width, characters, paint_nothing).draw_lines()))
        <= width
    )

    rows = narrow(lay_out((one.revision, one.parents) for one in history), lanes)
    assert max(len(row.cells) for row in rows) <= lanes
    vague = {row.revision for row in rows if row.vague}
    few = Seen([f"{draw_lanes(row, characters, characters.revision)} {row.revision or ''}" for row in rows], vague)
    assert few.order == [*parents]
    assert few.parents == {name: parents[name] for name in parents if name not in vague}


def columns(line):
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in line)


def parsed(picture):
    """Return the revisions of a Mermaid or dot picture, and the pairs that its lines and its dotted lines join."""
    names = dict(re.findall(r'^ +"?(\w+)"? ?\[(?:label=)?"(\w+)', picture, re.M))
    lines = re.findall(r'^ +"?(\w+)"? (-->|-\.->|->) "?(\w+)"?( \[style=dotted\])?$', picture, re.M)
    pairs = [(names[one], names[other], "." in arrow or bool(dotted)) for one, arrow, other, dotted in lines]
    return list(names.values()), {pair[:2] for pair in pairs if not pair[2]}, {pair[:2] for pair in pairs if pair[2]}


def test_the_picture_as_a_person_sees_it():
    def one(revision, parents="", **fields):
        usual = {"depends_on": (), "labels": (), "is_head": False, "created": "2015-03-01"}
        usual["message"] = f"step {revision}"
        return Drawn(revision, tuple(parents), **{**usual, **fields})

    history = [
        one("h", "gf", is_head=True, message="and on " * 9),
        one("x", is_head=True, created="", message="", depends_on=("g",)),
        one("y", is_head=True),
        one("g", "e", labels=("core", "main")),
        one("f", "dcb"),
        one("e", "a"),
        one("d", "a"),
        one("c", "b"),
        one("b", "a"),
        one("a"),
        one("z"),
    ]
    at = {"h": ["logs"], "b": ["default", "other"]}
    assert TextGraph(history, at, 64, UNICODE, paint_nothing).draw_lines() == PICTURE.splitlines()
    narrow = TextGraph(history, at, 12, ASCII, paint_nothing)
    assert narrow.draw_lines() == NARROW.splitlines()
    assert narrow.count_lanes_in_one() == 2

    whole = ["●  abc (head) [logs] 2015-03-01 some words", "●  abc (head) [logs] some words"]
    for width in range(4, 60):
        alone = TextGraph(
            [one("abc", is_head=True, message="some words")], {"abc": ["logs"]}, width, UNICODE, paint_nothing
        )
        (line,) = (line.replace("◉", "●") for line in alone.draw_lines())
        assert line in whole if width >= len(whole[1]) else line.endswith("…"), width


PICTURE = """\
◉        h (head) [logs] 2015-03-01 and on and on and on and on…
├─╮
│ │ ●    x (head) (depends on g)
│ │
│ │ ●    y (head) 2015-03-01 step y
● │      g (core, main) 2015-03-01 step g
│ ●      f 2015-03-01 step f
│ ├─┬─╮
● │ │ │  e 2015-03-01 step e
│ ● │ │  d 2015-03-01 step d
├─╯ │ │
│   ● │  c 2015-03-01 step c
│   ├─╯
│   ◉    b [default, other] 2015-03-01 step b
├───╯
●        a 2015-03-01 step a

●        z 2015-03-01 step z
"""

NARROW = """\
@    h (hea~
+-.
| | *  x (h~
| | *  y (h~
* |  g (cor~
| *  f (rev~
| +-.
* | :  e st~
| * :  d st~
+-' :
|   *  c (r~
|   @  b [d~
+---'
*    a step~

*    z step~
"""


@pytest.fixture
def walked(project):
    """Two branches with a label on one, merged; a base of its own that depends on the label; another base."""
    dated(project, "1111", message="users")
    dated(project, "2222", "1111", day=2, branch_labels=("core",), message="core tables")
    dated(project, "3333", "1111", day=3, message=ODD.replace("\\", "\\\\") + "and on " * 30)
    dated(project, "4444", ("2222", "3333"), day=4, message="joined")
    project.revision("5555", depends_on="core", message="apart", branch_labels=["side"])
    project.revision("6666", message="alone")
    return project


PARENTS = {"4444": {"2222", "3333"}, "2222": {"1111"}, "3333": {"1111"}, "1111": set(), "5555": set(), "6666": set()}


def drawn(project, *words, **env):
    return project.db("graph", *words, env=env).ok().out


def line_of(revision, picture):
    """Return what stands beside the lanes where that revision is."""
    (line,) = re.findall(rf"^[^\w\n]*({revision}\b.*)", picture, re.M)
    return line


def test_a_history_and_where_its_database_is(walked):
    at_base = walked.db("graph").ok()
    assert "\ndefault is at base: nothing is applied yet.\n" in at_base.err
    assert "◉" not in at_base.out
    walked.db("upgrade", "2222").ok()
    picture = drawn(walked)
    assert Seen(picture.splitlines()).parents == PARENTS
    assert line_of("4444", picture) == "4444 (core) (head) 2015-03-04 joined"
    assert line_of("2222", picture) == "2222 (core) [default] 2015-03-02 core tables"
    assert line_of("5555", picture) == "5555 (side) (head) (depends on 2222) apart"
    assert re.findall(r"^\W*◉.* 2222 ", picture, re.M)
    assert line_of("3333", picture).startswith(f"3333 2015-03-03 {ODD}and on and on")
    assert [columns(line) for line in picture.splitlines() if "and on" in line] in ([199], [200])
    assert walked.flask("db", "graph").ok().out == picture
    assert walked.db("-q", "graph").ok().out == ""

    narrow = drawn(walked, COLUMNS="46")
    assert Seen(narrow.splitlines()).parents == PARENTS
    assert max(map(columns, narrow.splitlines())) in (45, 46)
    assert line_of("4444", narrow) == "4444 (core) (head) 2015-03-04 joined"
    assert re.search("<b>&lt; .*…$", line_of("3333", narrow))
    assert "2015-" not in line_of("3333", drawn(walked, COLUMNS="30")), "the date goes before the message does"
    assert "and on\n" in drawn(walked, COLUMNS=""), "nothing is cut where there is no terminal"

    walked.fresh = True  # an interpreter of its own looks at its environment
    ascii_only = drawn(walked, PYTHONIOENCODING="ascii", COLUMNS="80")
    assert ascii_only.isascii()
    assert Seen(ascii_only.splitlines()).parents == PARENTS
    assert re.findall(r"^\W*@.* 2222 ", ascii_only, re.M)
    assert re.search("<b>&lt; .*~$", line_of("3333", ascii_only))
    assert max(map(len, ascii_only.splitlines())) <= 80


def test_the_picture_needs_no_database_and_names_a_version_that_no_file_has(walked):
    walked.db("upgrade", "2222").ok()
    walked.database.run("UPDATE alembic_version SET version_num = '9999'")
    lost = walked.db("graph").ok()
    assert "default is at 9999, which no revision file has.\nRestore its file" in lost.err
    assert "python manage.py db stamp --purge REVISION\n" in lost.err
    assert "◉" not in lost.out

    nowhere = {"DATABASE_URL": "postgresql+psycopg2://someone:secret99@127.0.0.1:1/nowhere"}
    without = walked.db("graph", env=nowhere).ok()
    assert without.out == lost.out
    assert "Cannot connect to postgresql+psycopg2://someone:***@127.0.0.1:1/nowhere" in without.err
    assert "does not show where the databases are" in without.err
    assert "There is no bind 'nowhere'" in walked.db("graph", "--bind", "nowhere").failed().err
    walked.revision("7777", "8888")
    assert "8888" in walked.db("graph").failed().err


def test_a_file_and_the_formats_there_are(walked):
    walked.db("upgrade", "2222").ok()
    picture = drawn(walked, COLUMNS="")
    walked.db("graph", "-o", "picture.txt", env={"PYTHONIOENCODING": "ascii", "COLUMNS": "20"}).ok()
    assert (walked.folder / "picture.txt").read_text(encoding="utf-8") == picture
    assert walked.flask("db", "graph", "--format", "dot", "--output", "picture.dot").ok().out == ""
    assert (walked.folder / "picture.dot").read_text(encoding="utf-8") == drawn(walked, "--format", "dot")

    refused = walked.db("graph", "-o", "nowhere/picture.txt").failed()
    assert "Error: nowhere/picture.txt cannot be written: No such file or directory.\n" in refused.err
    for run in (walked.db, lambda *words: walked.flask("db", *words)):
        assert "svg" in run("graph", "--format", "png").failed(2).err
    assert "There is no format 'png'" in walked.db("graph", env={"FLASK_DB_GRAPH_FORMAT": "png"}).failed().err


def test_mermaid_and_dot(walked):
    walked.db("upgrade", "2222").ok()
    follow = {(parent, one) for one, parents in PARENTS.items() for parent in parents}
    for format in ("mermaid", "dot"):
        picture = drawn(walked, "--format", format)
        assert parsed(picture) == (Seen(drawn(walked).splitlines()).order, follow, {("2222", "5555")})
    mermaid, dot = drawn(walked, "--format", "mermaid"), drawn(walked, "--format", "dot")
    (label,) = re.findall(r'^    r\d+\["(3333.*)"\]$', mermaid, re.M)
    assert not set(label.replace("<br/>", "")) & set('"<>`[]&\\|')
    read = html.unescape(re.sub(r"#(\d+);", r"&#\1;", label.replace("<br/>", " ")))
    assert read.startswith(f"3333 2015-03-03 {ODD}and on")
    assert re.findall(r'"2222 \(core\)<br/>#91;default#93;<br/>2015-03-02<br/>core tables"\]:::current$', mermaid, re.M)
    assert escape("日本", "mermaid", "ascii") == "#26085;#26412;"
    assert '"2222 (core)\\n[default]\\n2015-03-02\\ncore tables", color=' in dot


def test_a_mermaid_picture_that_mermaid_refuses_says_so():
    history = [Drawn(f"r{n}", (f"r{n - 1}",) if n else (), (), (), False, "", "") for n in range(502)][::-1]
    assert draw(history[1:], [], "mermaid", FILE).notes == []
    assert "these are 501 and " in draw(history, [], "mermaid", FILE).notes[0]


def graphviz():
    """Skip a test where Graphviz is not installed."""
    pytest.importorskip("graphviz", reason="the Python package graphviz is not installed")
    if not shutil.which("dot"):
        pytest.skip("Graphviz is not installed: there is no dot on the PATH")


def test_svg_by_graphviz(walked):
    graphviz()
    walked.db("upgrade", "2222").ok()
    walked.db("graph", "--format", "svg", "-o", "history.svg").ok()
    root = ET.parse(walked.folder / "history.svg").getroot()
    groups = [group for group in root.iter("{http://www.w3.org/2000/svg}g") if group.get("class") in ("node", "edge")]
    titled = {group.find("{*}title").text: group for group in groups}
    joined = {f"{parent}->{one}" for one, parents in PARENTS.items() for parent in parents}
    assert set(titled) == {*PARENTS, *joined, "2222->5555"}
    dotted = [title for title in titled if titled[title].find("{*}path") is not None]
    assert [title for title in dotted if titled[title].find("{*}path").get("stroke-dasharray")] == ["2222->5555"]
    texts = {
        title: " ".join(text.text for text in titled[title].iter("{http://www.w3.org/2000/svg}text"))
        for title in titled
    }
    assert texts["2222"] == "2222 (core) [default] 2015-03-02 core tables"
    assert texts["3333"].startswith(f"3333 2015-03-03 {ODD}and on")
    walked.fresh = True
    in_ascii = drawn(walked, "--format", "svg", PYTHONIOENCODING="ascii")
    assert in_ascii.isascii()
    assert html.unescape(in_ascii).count("日本") == 1


def test_svg_without_graphviz_says_how_to_get_it(walked, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "graphviz.py").write_text("raise ImportError('not here')")
    no_package = walked.db("graph", "--format", "svg", env=on_path(broken)).failed()
    assert "pip install 'Flask-Migrate-Script[graph]'" in no_package.err
    assert "python manage.py db graph --format dot | dot -Tsvg" in no_package.err
    pytest.importorskip("graphviz", reason="the Python package graphviz is not installed")
    no_dot = walked.flask("db", "graph", "--format", "svg", "-o", "x.svg", env={"PATH": str(broken)}).failed()
    assert "no program dot on the PATH.\n       Install it: apt install graphviz" in no_dot.err
    assert not (walked.folder / "x.svg").exists()
    dot = broken / "dot"
    dot.write_text("#!/bin/sh\necho out of memory >&2\nexit 3\n")
    dot.chmod(0o755)
    fails = walked.db("graph", "--format", "svg", env={"PATH": f"{broken}:/usr/bin:/bin"}).failed()
    assert "Graphviz failed: out of memory" in fails.err


def test_nothing_yet_and_more_lanes_than_a_terminal_has_room_for(project):
    nothing = project.db("graph").ok()
    assert (nothing.out, nothing.err.splitlines()[-1]) == ("", "There are no revisions yet.")
    assert drawn(project, "--format", "mermaid").startswith("flowchart BT\n")
    project.revision("root")
    for number in range(30):
        project.revision(f"r{number:02}", "root")
        project.revision(f"s{number:02}", f"r{number:02}")
    project.revision("joined", tuple(f"s{number:02}" for number in range(30)))
    assert "maxEdges" not in project.db("graph", "--format", "mermaid").ok().err
    wide = project.db("graph", env={"COLUMNS": "300"}).ok()
    parents = {"root": set(), "joined": {f"s{number:02}" for number in range(30)}}
    for number in range(30):
        parents.update({f"s{number:02}": {f"r{number:02}"}, f"r{number:02}": {"root"}})
    assert Seen(wide.out.splitlines()).parents == parents
    assert "lanes" not in wide.err
    narrow = project.db("graph", env={"COLUMNS": "50"}).ok()
    assert max(map(columns, narrow.out.splitlines())) <= 50
    assert "The last column stands for 18 lanes, as 50 columns" in narrow.err
    assert "python manage.py db graph --format svg" in narrow.err
    assert line_of("joined", narrow.out).startswith("joined (head) (revises s")
    many = {name for name in parents if f" {name} (revises " in narrow.out}
    assert len(many) == 2 * 18, many
    assert all(line_of(name, narrow.out).startswith(f"{name} (revises {min(parents[name])})") for name in many)
    clear = {name: parents[name] for name in parents if name not in {*many, "joined"}}
    assert Seen(narrow.out.splitlines(), vague={*many, "joined"}).parents == clear


def test_two_databases_are_marked_each_by_its_name(make_project, sqlite, new_database):
    project = at_the_first_of_two(bound(make_project(sqlite), my_bind=new_database("sqlite")))
    assert line_of("1111", drawn(project)) == "1111 [default, my-bind] 1111"
    project.db("upgrade", "--bind", "my-bind").ok()
    picture = drawn(project)
    assert line_of("1111", picture) == "1111 [default] 1111"
    assert line_of("2222", picture) == "2222 (head) [my-bind] 2222"
    assert picture.count("◉") == 2
    assert "default" not in drawn(project, "--bind", "my-bind")


def on_terminal(project, wide, **env):
    """Return what ``db graph`` writes to a terminal of that many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, wide, 0, 0))
    env = {**project.env, "TERM": "xterm", "COLUMNS": "", **env}
    command = [sys.executable, "manage.py", "db", "graph"]
    process = subprocess.Popen(
        command, cwd=str(project.folder), env=env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL
    )
    os.close(theirs)
    read = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # EIO: so Linux says that the other end is closed
            break
        read += chunk
    os.close(ours)
    assert process.wait() == 0
    return read.decode().replace("\r\n", "\n")


def test_colour_on_a_terminal_only_and_lines_that_fit_it(walked):
    walked.db("upgrade", "2222").ok()
    plain_one = drawn(walked, COLUMNS="70")
    coloured = on_terminal(walked, 70)
    assert "\x1b[32m◉\x1b[0m" in coloured
    assert "\x1b[32m[default]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain_one
    assert on_terminal(walked, 70, NO_COLOR="1") == plain_one
    assert "\x1b" not in plain_one


def test_the_picture_in_the_readme_is_one():
    history = [
        Drawn("8d1f40ab27c6", ("2356a38169ea", "51f5ccfba190"), (), (), True, "2015-03-09", "comments, too"),
        Drawn("51f5ccfba190", ("288cd3dc5a8b",), (), ("comments",), False, "2015-03-07", "comments"),
        Drawn("c77a1e02d4f9", (), ("2356a38169ea",), (), True, "2015-03-08", "audit log"),
        Drawn("2356a38169ea", ("288cd3dc5a8b",), (), (), False, "2015-03-05", "followers"),
        Drawn("288cd3dc5a8b", (), (), (), False, "2015-03-01", "users and posts"),
    ]
    at = [Position("default", "", ("8d1f40ab27c6",)), Position("logs", "", ("2356a38169ea",))]
    picture = draw(history, at, "text", FILE).picture
    assert "".join(f"    {line}\n" for line in picture.splitlines()) in README
