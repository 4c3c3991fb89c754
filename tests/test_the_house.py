"""The way through the house is one line with no way back: which module may import which."""

import ast
import io
import re
import tokenize
from pathlib import Path

import flask_migrate_script

PACKAGE = Path(flask_migrate_script.__file__).parent
ROOMS = {
    "seam",
    "sql",
    "guard",
    "rehearsal",
    "scratch",
    "operations",
    "revisions",
    "autogenerate",
    "linting",
    "manners",
    "console",
    "explanations",
}
"""Those that return what they find, and know nothing of who asks."""

FRONT = {"script", "cli", "command_line", "verbs", "running"}


def modules():
    """Return the package's modules by name, each with its syntax tree, its own name for imports."""
    paths = [path for path in PACKAGE.rglob("*.py") if "templates" not in path.parts]
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): ast.parse(path.read_text()) for path in paths}


def run_time_nodes(tree):
    """Yield the nodes that are there when the program runs: nothing below ``if TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from run_time_nodes(node)


def imports(every):
    """Return the modules that each module imports, at its top or later, by name."""
    found = {}
    for name, tree in every.items():
        found[name] = set()
        for node in run_time_nodes(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                above = name.split(".")[: -node.level]
                base = [*above, *(node.module or "").split(".")] if node.module else above
                for alias in node.names:
                    options = (".".join([*base, alias.name]), ".".join(base), ".".join([*base, "__init__"]))
                    found[name].update([option for option in options if option in every][:1])
    return found


def room(name):
    return name.partition(".")[0]


def reached(graph, start):
    seen, left = set(), [start]
    while left:
        for name in graph[left.pop()] - seen:
            seen.add(name)
            left.append(name)
    return seen


def test_no_modules_import_one_another_in_a_circle():
    graph = imports(modules())
    assert graph["verbs"] >= {"running", "options"}, "imports are seen"
    circles = {frozenset((a, b)) for a in graph for b in reached(graph, a) if a in reached(graph, b) and a != b}
    assert [sorted(circle) for circle in circles] == []


def test_no_room_imports_the_front_of_the_house():
    graph = imports(modules())
    assert {name: graph[name] & FRONT for name in graph if room(name) in ROOMS and graph[name] & FRONT} == {}
    assert {name for name in graph if "verbs" in graph[name]} == {"script", "cli"}
    assert {name for name in graph if "running" in graph[name]} == {"verbs"}


def test_only_one_module_knows_each_command_line():
    foreign = re.compile(r"^\s*(?:import|from) (\w+)", re.M)
    used = {name: set(foreign.findall(ast.unparse(tree))) for name, tree in modules().items()}
    assert {name for name in used if "click" in used[name]} == {"cli"}
    known = {
        "script",
        "config",
        "compat",
    }  # config makes what env.py files read, compat repairs
    assert {name for name in used if "argparse" in used[name]} == known
    assert not any("alembic" in used[name] for name in ("script", "cli", "command_line", "verbs"))


def test_no_call_is_made_of_whatever_a_function_has_at_hand():
    names = {node.id for tree in modules().values() for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "locals" not in names


def test_no_module_has_the_name_of_a_public_function():
    """Importing the module would put it over the function: ``history()`` is a TypeError then."""
    assert {room(name) for name in modules()} & set(flask_migrate_script.__all__) == set()
    assert {room(name) for name in modules()} >= ROOMS


REPLACED = {"EnvironmentContext", "MigrationContext", "Operations", "BatchOperationsImpl", "Connection", "Engine"}
METHODS = {"migration_fn", "run_migrations", "autocommit_block", "invoke", "get_lastrowid"}


def test_only_the_seam_replaces_methods_of_alembic_and_sqlalchemy():
    replacing = {}
    for name, tree in modules().items():
        assigned = [one for node in ast.walk(tree) if isinstance(node, ast.Assign) for one in node.targets]
        for target in [one for one in assigned if isinstance(one, ast.Attribute)]:
            if getattr(target.value, "id", "") in REPLACED or target.attr in METHODS:
                replacing.setdefault(room(name), []).append(ast.unparse(target))
    assert "Connection.connection" in replacing["seam"], "assignments are seen"
    assert set(replacing) == {"seam"}, replacing


def test_only_the_seam_and_the_manners_replace_names_where_no_assignment_shows_it():
    """A class is given as an argument there: ``setattr(owner, name, method)``."""
    setting = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr" and ast.unparse(node.args[0]) == "owner"
    }
    assert setting == {"seam.hook", "manners.replacing"}


WORDS_OF_SQL = re.compile(r"(?:SELECT|INSERT|UPDATE|DELETE|DROP|ALTER|CREATE|COMMIT|ROLLBACK|TRUNCATE)\\[bs]")


def test_sql_text_is_read_in_one_room():
    """A pattern with a word of SQL in it would be a second reader."""
    found = {}
    for name, tree in modules().items():
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        for text in filter(WORDS_OF_SQL.search, texts):
            found.setdefault(room(name), []).append(text)
    assert set(found) <= {"sql"}, found


ANY_PER_1000_LINES = 35
"""``Any`` stands where a library has no type: an application's database object, what came out of JSON."""


def lines_of_code(path, tree):
    """Return the numbers of the lines that have code on them: no blank lines, comments and docstrings."""
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    code = {line for one in tokens if one.type not in skipped for line in range(one.start[0], one.end[0] + 1)}
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            code -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return code


def test_what_a_library_has_a_type_for_is_not_any():
    """Counted with its imports, and in annotations that are written as strings."""
    found, lines = 0, 0
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text()
        code = lines_of_code(path, ast.parse(text))
        lines += len(code)
        found += sum(len(re.findall(r"\bAny\b", text.splitlines()[line - 1].partition("  #")[0])) for line in code)
    assert lines > 10_000, "they are seen"
    assert found > 0
    assert 1000 * found / lines <= ANY_PER_1000_LINES, f"{found} in {lines} lines of code"
