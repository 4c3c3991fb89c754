"""Every command line option, declared once: both command lines and their help are made from these types."""

from __future__ import annotations

import inspect
import math
import os
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Callable,
    List,
    Literal,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
    get_args,
    get_origin,
)

Verb = Callable[..., None]
"""A function of :mod:`flask_migrate_script.verbs`."""

Values = Mapping[str, Any]
"""What a command line gives, by the names of a function's parameters or of the options."""


class Option:
    """An option of a verb; the type it annotates says whether it is a flag, a value or repeatable.

    :param flags: the flags, short one first.
    :param help: one line of help.
    :param completes: what its value names, where TAB can offer some: see :mod:`flask_migrate_script.completion`.
    """

    def __init__(self, *flags: str, help: str, completes: str = "") -> None:
        self.flags = flags
        self.help = help
        self.completes = completes


class Argument:
    """A positional argument of a verb.

    :param help: one line of help.
    :param default: the command lines' default where it differs from the function's own.
    :param completes: as for an option.
    """

    flags: Tuple[str, ...] = ()

    def __init__(self, *, help: str, default: object = inspect.Parameter.empty, completes: str = "") -> None:
        self.help = help
        self.default = default
        self.completes = completes


class Seconds(float):
    """A number of seconds, written again as it was typed: ``5`` and not 5.0.

    :raises ValueError: if it is no number, or one that no clock shows.
    """

    kind = "a number of seconds"
    typed: str

    def __new__(cls, typed: Union[str, float]) -> Seconds:
        number = super().__new__(cls, typed)
        if not 0 <= number < math.inf:  # nan is neither
            raise ValueError(typed)
        number.typed = str(typed)
        return number

    def __str__(self) -> str:
        return self.typed


class Times(int):
    """How often something is done.

    :raises ValueError: if it is no whole number, or less than none.
    """

    kind = "a number of times"

    def __new__(cls, typed: Union[str, int]) -> Times:
        number = super().__new__(cls, typed)
        if number < 0:
            raise ValueError(typed)
        return number


@dataclass(frozen=True)
class Parameter:
    """A parameter of a verb as a command line sees it.

    :param name: the name of the function's parameter.
    :param flags: its flags; none for a positional argument.
    :param help: one line of help.
    :param kind: ``"flag"``, ``"value"`` or ``"many"``.
    :param type: what a value is converted to.
    :param default: the value where the command line does not give one.
    :param required: a positional argument without a default.
    :param completes: what its value names, nothing where TAB has none to offer.
    :param choices: the values there are; none for any.
    """

    name: str
    flags: Tuple[str, ...]
    help: str
    kind: str
    type: type
    default: object
    required: bool
    completes: str
    choices: Tuple[str, ...] = ()


Directory = Annotated[
    Optional[str],
    Option("-d", "--directory", help='migrations folder (default: the one given to Migrate, "migrations")'),
]
XArg = Annotated[
    Union[str, Sequence[str], None],
    Option("-x", "--x-arg", help="argument for env.py, name=value (repeatable); env.py reads it with get_x_argument()"),
]
Multidb = Annotated[bool, Option("--multidb", help="a repository for several databases (SQLALCHEMY_BINDS)")]
Template = Annotated[
    Optional[str],
    Option(
        "-t",
        "--template",
        help='template by name or by path (default "flask"; see list-templates)',
        completes="template",
    ),
]
Package = Annotated[bool, Option("--package", help="make the migrations and versions folders importable packages")]
Message = Annotated[Optional[str], Option("-m", "--message", help="what the revision does, in a few words")]
Autogenerate = Annotated[
    bool, Option("--autogenerate", help="fill the script with what differs between the models and the database")
]
Sql = Annotated[bool, Option("--sql", help="write the SQL to standard output instead of running it")]
Head = Annotated[
    str,
    Option("--head", help="revision, or BRANCH@head, that the new one follows (default: head)", completes="revision"),
]
Splice = Annotated[bool, Option("--splice", help="allow a parent that is not a head: the revision starts a new branch")]
BranchLabel = Annotated[Optional[str], Option("--branch-label", help="label of the branch that the revision is on")]
VersionPath = Annotated[
    Optional[str], Option("--version-path", help="folder for the script, one of version_locations in alembic.ini")
]
RevId = Annotated[Optional[str], Option("--rev-id", help="identifier of the revision instead of a random one")]
DependsOn = Annotated[
    Union[str, Sequence[str], None],
    Option(
        "--depends-on",
        help="revision, or branch label, that has to be applied first (repeatable)",
        completes="revision",
    ),
]
AllowDropAll = Annotated[
    bool,
    Option("--allow-drop-all", help="write the script even where it drops every table because there are no models"),
]
Rename = Annotated[
    Union[str, Sequence[str], None],
    Option("--rename", help="what was renamed, users.name=users.full_name or people=users (repeatable)"),
]
Fill = Annotated[
    Union[str, Sequence[str], None],
    Option("--fill", help="value for rows that have none in a column that is NOT NULL, users.email=none (repeatable)"),
]
Tag = Annotated[Optional[str], Option("--tag", help="free text for env.py, which reads it with get_tag_argument()")]
RevRange = Annotated[
    Optional[str],
    Option(
        "-r",
        "--rev-range",
        help="only these revisions: START:END, START: or :END, either may be current",
        completes="range",
    ),
]
Verbose = Annotated[bool, Option("-v", "--verbose", help="show more")]
IndicateCurrent = Annotated[bool, Option("-i", "--indicate-current", help="mark the revision the database is at")]
CheckFiles = Annotated[
    bool, Option("--check", help="read every revision file and exit 1 where one is not right; none is run")
]
ResolveDependencies = Annotated[
    bool, Option("--resolve-dependencies", help="count a revision that another depends on as its parent")
]
CheckHeads = Annotated[
    bool, Option("-c", "--check-heads", help="exit 1 unless the database is at every head (Alembic 1.17.1 or newer)")
]
Purge = Annotated[bool, Option("--purge", help="empty the version table first, whatever it holds")]
Bind = Annotated[
    Union[str, Sequence[str], None],
    Option("--bind", help="only this database: default or a bind key (repeatable)", completes="bind"),
]
LockTimeout = Annotated[
    Optional[float],
    Option(
        "--lock-timeout", help="seconds to wait for another migration of the same database (MIGRATE_LOCK_TIMEOUT, 300)"
    ),
]
NoLock = Annotated[bool, Option("--no-lock", help="take no lock, for a pooler that keeps no session (MIGRATE_LOCK)")]
Wait = Annotated[
    Optional[float], Option("--wait", help="seconds to wait for a server that is not up yet (MIGRATE_WAIT, 0)")
]
DdlTimeout = Annotated[
    Optional[float],
    Option("--ddl-timeout", help="seconds a statement may wait for a lock in the database (MIGRATE_DDL_TIMEOUT)"),
]
DdlRetries = Annotated[
    Optional[int],
    Option("--ddl-retries", help="times to try again after such a wait (MIGRATE_DDL_RETRIES, 0)"),
]
DryRun = Annotated[
    bool,
    Option("--dry-run", help="show what it would do and what would be lost, and change nothing (-v: with the SQL)"),
]
NoCopy = Annotated[
    bool, Option("--no-copy", help="on MySQL and MariaDB, let a dry run read the scripts and rehearse on no copy")
]
RehearseRows = Annotated[
    Optional[int],
    Option("--rehearse-rows", help="rows of each table that a dry run copies at the most (10000; 0 for none)"),
]
CopyLogged = Annotated[
    bool,
    Option("--copy-logged", help="let a dry run copy rows even where they go into the server's binary log"),
]
RehearseSeconds = Annotated[
    Optional[float],
    Option(
        "--rehearse-seconds",
        help="seconds that a dry run may go on, and hold its locks (MIGRATE_REHEARSE_SECONDS, 600)",
    ),
]
Format = Annotated[Literal["text", "mermaid", "dot", "svg"], Option("--format", help="what to draw (default: text)")]
LintFormat = Annotated[
    Literal["text", "json", "github", "sarif"],
    Option("--format", help="how to print findings; github and sarif are for code hosts (default: text)"),
]
Since = Annotated[
    Optional[str],
    Option("--since", help="look only at files added since the branch left this commit or branch of git"),
]
Baseline = Annotated[
    Literal["read", "write", "ignore"],
    Option(
        "--baseline", help="write: accept today's findings, in lint-baseline.json; ignore: show all (default: read)"
    ),
]
Strict = Annotated[bool, Option("--strict", help="fail, too, where something could not be judged")]
PgVersion = Annotated[Optional[str], Option("--pg-version", help="judge locks for this release of PostgreSQL")]
Output = Annotated[Optional[str], Option("-o", "--output", help="write to this file instead of standard output")]
Json = Annotated[bool, Option("--json", help="print one JSON document and nothing else")]
JsonOutcome = Annotated[
    bool, Option("--json", help="print what it did, or with --dry-run what it would do, as one JSON document")
]
Forget = Annotated[
    Optional[str], Option("--forget", help="remember nothing of this revision any more, after mending by hand")
]
Yes = Annotated[bool, Option("--yes", help="do it without asking")]

Revision = Annotated[
    str,
    Argument(
        help="revision: an id or its beginning, a branch label, head, heads, base, +N or -N", completes="revision"
    ),
]
EditedRevision = Annotated[
    str,
    Argument(
        help="revision: an id or its beginning, head, heads or current (default: head)",
        default="head",
        completes="revision",
    ),
]
Revisions = Annotated[
    Union[str, Sequence[str]], Argument(help="one or more revisions, or heads for every head", completes="revision")
]
LintRange = Annotated[
    str,
    Argument(
        help="revisions: START:END, or a single one (default: current:heads, what the database has not)",
        completes="range",
    ),
]


def read_parameters(verb: Verb) -> List[Parameter]:
    """Return the parameters of a verb as its annotations declare them.

    :param verb: a function of :mod:`flask_migrate_script.verbs`.
    """
    return [_read_parameter(given) for given in inspect.signature(verb).parameters.values()]


def name_command(verb: Verb) -> str:
    """Return the name a verb has on the command lines: ``list-templates`` for ``list_templates``."""
    return verb.__name__.replace("_", "-")


def read_summary(verb: Verb) -> str:
    """Return the first sentence of a verb's docstring, which is its help."""
    return " ".join((inspect.getdoc(verb) or "").split("\n\n")[0].split())


def name_variable(verb: Optional[Verb], name: str) -> str:
    """Return the environment variable of a verb's option, or with no verb that of an option for every verb.

    The names are those that click derives for Flask-Migrate 4.1 from ``flask`` and ``db``.
    """
    words = ["FLASK", "DB", *([verb.__name__] if verb else []), name]
    return "_".join(words).upper()


def read_variable(variable: str, parameter: Parameter) -> object:
    """Return an option's value from its environment variable as click would, or its default where it is not set.

    A flag is on for 1, true, t, yes, y and on; a repeatable option takes words.
    """
    text = os.environ.get(variable)
    if not text or not parameter.flags:
        return parameter.default
    if parameter.kind == "flag":
        return text.strip().lower() in ("1", "true", "t", "yes", "y", "on")
    return text.split() if parameter.kind == "many" else text


def choose_directory(verb: Verb, after: Optional[str], before: Optional[str]) -> Optional[str]:
    """Return the migrations folder: the command line's own words win over any environment variable.

    :param after: what was given after the verb.
    :param before: what was given before it.
    """
    variables = (name_variable(verb, "directory"), name_variable(None, "directory"))
    return after or before or next(filter(None, map(os.environ.get, variables)), None)


def _read_parameter(given: inspect.Parameter) -> Parameter:
    declared = given.annotation.__metadata__[0]
    default = getattr(declared, "default", inspect.Parameter.empty)
    if default is inspect.Parameter.empty:
        default = given.default
    required = default is inspect.Parameter.empty
    kind, kind_type = _read_kind(given.annotation.__origin__)
    return Parameter(
        name=given.name,
        flags=declared.flags,
        help=declared.help,
        kind=kind,
        type=kind_type,
        default=None if required else default,
        required=required,
        completes=declared.completes,
        choices=_list_choices(given.annotation.__origin__),
    )


def _list_choices(annotation: object) -> Tuple[str, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _read_kind(annotation: object) -> Tuple[str, type]:
    members = getattr(annotation, "__args__", None) or (annotation,)
    if bool in members:
        return "flag", bool
    if Sequence[str] in members:
        return "many", str
    return "value", Seconds if float in members else Times if int in members else str
