"""Every verb: one function. Its options are in its signature, its help is the first sentence of its docstring."""

# Annotations are read at run time, so they are not made strings here.
import os
import sys
from functools import partial
from typing import Callable, Tuple

from . import invocation
from .console.progress import show_on_terminal
from .errors import MigrateError
from .explain import explain_errors
from .guard.options import GuardOptions, list_words
from .options import (
    AllowDropAll,
    Autogenerate,
    Baseline,
    Bind,
    BranchLabel,
    CheckFiles,
    CheckHeads,
    CopyLogged,
    DdlRetries,
    DdlTimeout,
    DependsOn,
    Directory,
    DryRun,
    EditedRevision,
    Fill,
    Forget,
    Format,
    Head,
    IndicateCurrent,
    Json,
    JsonOutcome,
    LintFormat,
    LintRange,
    LockTimeout,
    Message,
    Multidb,
    NoCopy,
    NoLock,
    Output,
    Package,
    PgVersion,
    Purge,
    RehearseRows,
    RehearseSeconds,
    Rename,
    ResolveDependencies,
    RevId,
    Revision,
    Revisions,
    RevRange,
    Since,
    Splice,
    Sql,
    Strict,
    Tag,
    Template,
    Verbose,
    VersionPath,
    Wait,
    XArg,
    Yes,
)
from .rehearsal.options import RehearsalOptions
from .running import (
    Call,
    accept_findings,
    check_files,
    check_models,
    drop_everything,
    explain,
    find_positions,
    keep_data,
    leave_out_accepted,
    lint_range,
    make_repository,
    move,
    print_current,
    print_json,
    print_painted,
    print_report,
    print_result,
    quote_message,
    require_alembic,
    require_editor,
    tell,
    write_file,
)


def list_templates(directory: Directory = None, x_arg: XArg = None) -> None:
    """List the templates that init can start from.

    :raises MigrateError: if they cannot be read.
    """
    with explain():
        from .config import Config

        config = Config()
        folder = config.get_template_directory()
        config.print_stdout("Available templates:\n")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name, "README"), encoding="utf-8") as readme:
                config.print_stdout("%s - %s", name, readme.readline().strip())


def init(
    directory: Directory = None,
    multidb: Multidb = False,
    template: Template = None,
    package: Package = False,
    x_arg: XArg = None,
) -> None:
    """Create a new migration repository.

    :param directory: the folder to create; the registered one by default.
    :param multidb: take the template for several databases.
    :param template: a template by name, or a folder by its path.
    :param package: write ``__init__.py`` into the folders.
    :raises MigrateError: if the folder has anything in it, or the template does not exist.
    """
    make_repository(directory, template, multidb, package, x_arg)


def revision(
    directory: Directory = None,
    message: Message = None,
    autogenerate: Autogenerate = False,
    sql: Sql = False,
    head: Head = "head",
    splice: Splice = False,
    branch_label: BranchLabel = None,
    version_path: VersionPath = None,
    rev_id: RevId = None,
    depends_on: DependsOn = None,
    allow_drop_all: AllowDropAll = False,
    x_arg: XArg = None,
    bind: Bind = None,
    wait: Wait = None,
    rename: Rename = None,
    fill: Fill = None,
) -> None:
    """Create a new revision file.

    With ``autogenerate`` it asks what was renamed and what to fill in, where standard input is a terminal and ``CI`` is
    not set.

    :param head: the revision it follows, or ``BRANCH@head``.
    :param depends_on: revisions that have to be applied before it.
    :param allow_drop_all: write it even where it would drop every table.
    :param rename: what was renamed, ``"users.name=users.full_name"`` or ``"people=users"``, with ``autogenerate``.
    :param fill: values for rows that have none in a column that is NOT NULL, ``"users.email=none"``, the same.
    :raises MigrateError: if it cannot be made; no file is written then.
    """
    if (rename or fill) and not autogenerate:
        raise MigrateError("--rename and --fill go with --autogenerate.", "Nothing was written.")
    keeping = keep_data(rename, fill, bind, allow_drop_all) if autogenerate else None
    asked = [head, *list_words(depends_on)]
    call = Call(directory, x_arg, asked, GuardOptions(bind=bind, wait=wait), autogenerate=autogenerate)
    call.run(
        "revision",
        quote_message(message),
        autogenerate=autogenerate,
        sql=sql,
        head=head,
        splice=splice,
        branch_label=branch_label,
        version_path=version_path,
        rev_id=rev_id,
        depends_on=depends_on or None,
        process_revision_directives=keeping,
    )
    for line in keeping.finish() if keeping else ():
        tell(line)


def migrate(
    directory: Directory = None,
    message: Message = None,
    sql: Sql = False,
    head: Head = "head",
    splice: Splice = False,
    branch_label: BranchLabel = None,
    version_path: VersionPath = None,
    rev_id: RevId = None,
    x_arg: XArg = None,
    depends_on: DependsOn = None,
    allow_drop_all: AllowDropAll = False,
    bind: Bind = None,
    wait: Wait = None,
    rename: Rename = None,
    fill: Fill = None,
) -> None:
    """Create a new revision file from what differs between the models and the database.

    The same as :func:`revision` with ``autogenerate``.

    :raises MigrateError: if it cannot be made; no file is written then.
    """
    revision(
        directory=directory,
        message=message,
        autogenerate=True,
        sql=sql,
        head=head,
        splice=splice,
        branch_label=branch_label,
        version_path=version_path,
        rev_id=rev_id,
        depends_on=depends_on,
        allow_drop_all=allow_drop_all,
        x_arg=x_arg,
        bind=bind,
        wait=wait,
        rename=rename,
        fill=fill,
    )


def edit(
    directory: Directory = None, revision: EditedRevision = "current", x_arg: XArg = None, wait: Wait = None
) -> None:
    """Open a revision file in the editor that EDITOR names.

    :raises MigrateError: if there is no such revision, no editor, or neither EDITOR nor a terminal.
    """
    require_editor()
    Call(directory, x_arg, revision, GuardOptions(wait=wait)).run("edit", str(revision))


def merge(
    directory: Directory = None,
    revisions: Revisions = "",
    message: Message = None,
    branch_label: BranchLabel = None,
    rev_id: RevId = None,
    splice: Splice = False,
    x_arg: XArg = None,
) -> None:
    """Join heads in a new revision file.

    :param revisions: the revisions to join, or ``"heads"``.
    :param splice: they need not be heads (Alembic 1.18.5 or newer).
    :raises MigrateError: if they cannot be joined; no file is written then.
    """
    if splice:
        require_alembic("merge --splice", 1, 18, 5)
    given = {"splice": True} if splice else {}
    call = Call(directory, x_arg, revisions)
    call.run("merge", revisions, message=quote_message(message), branch_label=branch_label, rev_id=rev_id, **given)


def upgrade(
    directory: Directory = None,
    revision: Revision = "head",
    sql: Sql = False,
    tag: Tag = None,
    x_arg: XArg = None,
    bind: Bind = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    ddl_timeout: DdlTimeout = None,
    ddl_retries: DdlRetries = None,
    verbose: Verbose = False,
    dry_run: DryRun = False,
    json: JsonOutcome = False,
    rehearse_seconds: RehearseSeconds = None,
    no_copy: NoCopy = False,
    rehearse_rows: RehearseRows = None,
    copy_logged: CopyLogged = False,
) -> None:
    """Upgrade to a later version.

    :param revision: where to; with ``sql`` it may be a range ``START:END``.
    :param bind: only these of several databases.
    :param lock_timeout: seconds to wait for another migration of the same database.
    :param no_lock: take no lock.
    :param wait: seconds to wait for a server that is not up yet.
    :param ddl_timeout: seconds a statement may wait for a lock in the database.
    :param ddl_retries: how often to try again after such a wait.
    :param dry_run: print what it would do and lose, and change nothing; :func:`flask_migrate_script.rehearse` returns
        the same.
    :param rehearse_seconds: seconds that a dry run may go on and hold its locks; 0 for as long as it takes.
    :param json: print what it did, or with ``dry_run`` what it would do, as one JSON document, after a failure too.
    :param no_copy: on MySQL and MariaDB, let a dry run read the scripts, and rehearse on no copy.
    :param rehearse_rows: rows of each table that a dry run copies at the most; 0 for none.
    :param copy_logged: let it copy rows even where they go into the server's binary log.
    :raises MigrateError: if a migration fails, or would, or there is no such revision.
    """
    options = GuardOptions(bind, lock_timeout, no_lock, wait, ddl_timeout, ddl_retries, verbose, rehearse_seconds)
    call = Call(directory, x_arg, revision, options, changes=not sql, progress=show_on_terminal)
    rehearsal = RehearsalOptions(no_copy, rehearse_rows, copy_logged) if dry_run else None
    move(upgrade, call, str(revision), sql, tag, rehearsal, json)


def downgrade(
    directory: Directory = None,
    revision: Revision = "-1",
    sql: Sql = False,
    tag: Tag = None,
    x_arg: XArg = None,
    bind: Bind = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    ddl_timeout: DdlTimeout = None,
    ddl_retries: DdlRetries = None,
    verbose: Verbose = False,
    dry_run: DryRun = False,
    json: JsonOutcome = False,
    rehearse_seconds: RehearseSeconds = None,
    no_copy: NoCopy = False,
    rehearse_rows: RehearseRows = None,
    copy_logged: CopyLogged = False,
) -> None:
    """Revert to a previous version.

    :param revision: where to, one revision back by default; with ``sql`` a range ``START:END``.

    The parameters of the guard and of the dry run are those of :func:`upgrade`.

    :raises MigrateError: if a migration fails, or would, or there is no such revision.
    """
    options = GuardOptions(bind, lock_timeout, no_lock, wait, ddl_timeout, ddl_retries, verbose, rehearse_seconds)
    call = Call(directory, x_arg, revision, options, changes=not sql, progress=show_on_terminal)
    target = "head:-1" if sql and str(revision) == "-1" else str(revision)
    rehearsal = RehearsalOptions(no_copy, rehearse_rows, copy_logged) if dry_run else None
    move(downgrade, call, target, sql, tag, rehearsal, json)


def show(
    directory: Directory = None,
    revision: Revision = "head",
    x_arg: XArg = None,
    wait: Wait = None,
    json: Json = False,
) -> None:
    """Show one revision: its parents, its date, its message, its file.

    :param json: print an object, or a list of them where the name means none or several.
    :raises MigrateError: if there is no such revision.
    """
    call = Call(directory, x_arg, revision, GuardOptions(wait=wait))
    if json:
        from .revisions import listings

        print_json(call.find(partial(listings.list_named, revision=str(revision))))
    else:
        call.run("show", str(revision))


def history(
    directory: Directory = None,
    rev_range: RevRange = None,
    verbose: Verbose = False,
    indicate_current: IndicateCurrent = False,
    x_arg: XArg = None,
    wait: Wait = None,
    check: CheckFiles = False,
    json: Json = False,
) -> None:
    """List the revisions, newest first.

    :param rev_range: ``START:END``, ``START:`` or ``:END``; either may be ``current``.
    :param json: print a list of objects; with ``indicate_current`` they say whether a database is there.
    :param check: read every revision file, too, whether what was listed needs it or not; none is run.
    :raises MigrateError: if there is no such revision, or ``check`` finds a file that is not right.
    """
    call = Call(directory, x_arg, rev_range, GuardOptions(wait=wait))
    if json:
        from .revisions import listings

        print_json(call.find(partial(listings.list_history, rev_range=rev_range, indicate_current=indicate_current)))
    else:
        call.run("history", rev_range, verbose=verbose, indicate_current=indicate_current)
    if check:
        check_files(call)


def heads(
    directory: Directory = None,
    verbose: Verbose = False,
    resolve_dependencies: ResolveDependencies = False,
    x_arg: XArg = None,
    json: Json = False,
) -> None:
    """Show the heads: the revisions that none follows.

    :raises MigrateError: if the revision files cannot be read.
    """
    call = Call(directory, x_arg)
    if json:
        from .revisions import listings

        print_json(call.find(partial(listings.list_heads, resolve_dependencies=resolve_dependencies)))
    else:
        call.run("heads", verbose=verbose, resolve_dependencies=resolve_dependencies)


def branches(directory: Directory = None, verbose: Verbose = False, x_arg: XArg = None, json: Json = False) -> None:
    """Show the branch points: the revisions that more than one follows.

    :raises MigrateError: if the revision files cannot be read.
    """
    call = Call(directory, x_arg)
    if json:
        from .revisions import listings

        print_json(call.find(listings.list_branches))
    else:
        call.run("branches", verbose=verbose)


def current(
    directory: Directory = None,
    verbose: Verbose = False,
    check_heads: CheckHeads = False,
    x_arg: XArg = None,
    bind: Bind = None,
    wait: Wait = None,
    json: Json = False,
) -> None:
    """Display the current revision for each database.

    :param check_heads: fail unless the database is at every head (Alembic 1.17.1 or newer).
    :raises MigrateError: if it is not, or the database cannot be reached.
    """
    if check_heads:
        require_alembic("current --check-heads", 1, 17, 1)
    call = Call(directory, x_arg, options=GuardOptions(bind=bind, wait=wait))
    if json:
        print_current(call, check_heads)
    else:
        call.run("current", verbose=verbose, **({"check_heads": True} if check_heads else {}))


def status(
    directory: Directory = None, x_arg: XArg = None, bind: Bind = None, wait: Wait = None, json: Json = False
) -> None:
    """Show where each database is, what is applied and what is not.

    :param bind: only these of several databases.
    :param wait: seconds to wait for a server that is not up yet.
    :param json: print an object, the same as :func:`current` does.
    :raises MigrateError: if the revision files cannot be read, or a database cannot be reached.
    """
    from .console.terminal import choose_paint, measure_terminal
    from .revisions.status import document_status, read_status
    from .revisions.status_text import write_status

    found = Call(directory, x_arg, options=GuardOptions(bind=bind, wait=wait)).find(read_status)
    if json:
        print_json(document_status(found))
    else:
        lines = write_status(found, measure_terminal(), choose_paint(sys.stdout), invocation.get_invocation().words)
        print_painted("\n".join(lines))


def graph(
    directory: Directory = None,
    format: Format = "text",
    output: Output = None,
    x_arg: XArg = None,
    bind: Bind = None,
    wait: Wait = None,
) -> None:
    """Draw the whole history, newest first: branches, merges, and where each database is.

    It is drawn without the databases too, where they cannot be reached.

    :param format: ``"text"``, ``"mermaid"``, ``"dot"`` or ``"svg"``, which needs Graphviz.
    :param output: the file to write, instead of standard output.
    :param bind: only these of several databases.
    :param wait: seconds to wait for a server that is not up yet.
    :raises MigrateError: if the revision files cannot be read, or the file cannot be written.
    """
    from .revisions.drawing import FILE, check_format, draw, measure_canvas
    from .revisions.reading import read_history

    check_format(format)
    call = Call(directory, x_arg, options=GuardOptions(bind=bind, wait=wait))
    history = call.find(read_history)
    found = find_positions(call)
    with explain_errors():
        drawing = draw(history, found, format, FILE if output else measure_canvas(sys.stdout))
    if output:
        write_file(output, drawing.picture)
    elif drawing.picture:
        show = print_painted if format == "text" else print_result
        show(drawing.picture.rstrip("\n"))
    for note in drawing.notes:
        tell(note.replace("{db}", invocation.get_invocation().words))


def stamp(
    directory: Directory = None,
    revision: Revisions = "head",
    sql: Sql = False,
    tag: Tag = None,
    purge: Purge = False,
    x_arg: XArg = None,
    bind: Bind = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    ddl_timeout: DdlTimeout = None,
    ddl_retries: DdlRetries = None,
    verbose: Verbose = False,
) -> None:
    """Record revisions as the database's own without running any migration.

    :param revision: one revision or more; ``"base"`` for none.
    :param purge: empty the version table first.

    The parameters of the guard are those of :func:`upgrade`.

    :raises MigrateError: if there is no such revision.
    """
    options = GuardOptions(bind, lock_timeout, no_lock, wait, ddl_timeout, ddl_retries, verbose)
    revisions = revision if isinstance(revision, str) else list(revision)
    Call(directory, x_arg, revision, options, changes=not sql).run("stamp", revisions, sql=sql, tag=tag, purge=purge)


def check(directory: Directory = None, x_arg: XArg = None, wait: Wait = None, json: Json = False) -> None:
    """Check that migrate would find nothing to write, and say what it would.

    Needs Alembic 1.9 or newer.

    :raises MigrateError: if it would, with what differs in words, or if the database cannot be reached.
    """
    require_alembic("check", 1, 9, 0)
    check_models(Call(directory, x_arg, options=GuardOptions(wait=wait)), json)


def lint(
    directory: Directory = None,
    rev_range: LintRange = "current:heads",
    x_arg: XArg = None,
    wait: Wait = None,
    json: Json = False,
    format: LintFormat = "text",
    since: Since = None,
    baseline: Baseline = "read",
    strict: Strict = False,
    pg_version: PgVersion = None,
) -> None:
    """Find what will hurt in revision files: lost data, no way back, long locks.

    A finding says the file, its line, why it hurts and what to do instead. ``# migrate: allow drop-column`` on that
    line, or alone on the line above, allows a finding by its name.

    :param rev_range: ``START:END`` or a single revision; by default those that the database has not. The database is
        asked only where it says ``current``.
    :param wait: seconds to wait for a server that is not up yet.
    :param json: print an object: the revisions that were looked at, the findings, and what could not be judged.
    :param format: ``"text"``, ``"json"``, ``"github"`` for annotations in a pull request, or ``"sarif"``.
    :param since: a commit, branch or tag of git's: only files that were added since the branch left it.
    :param baseline: ``"write"`` accepts the findings of today: they are left out from then on, but for ``"ignore"``.
    :param strict: fail, too, where something could not be judged.
    :param pg_version: the release of PostgreSQL to judge locks for, as ``"15.2"``.
    :raises MigrateError: if there is a finding, no such revision, or a database that is to be asked does not answer.
    """
    call = Call(directory, x_arg, rev_range, GuardOptions(wait=wait))
    report = lint_range(call, rev_range, since, pg_version)
    not_judged = len(report.notes)
    if baseline == "write":
        accept_findings(call, report)
        return
    if baseline == "read":
        report = leave_out_accepted(call, report)
    from .linting import explain_how_to_allow
    from .sql.counting import plural

    print_report(report, "json" if json else format)
    for note in report.notes:
        tell(note)
    if strict and not_judged and not report.findings:
        raise MigrateError(f"{plural(not_judged, 'thing')} could not be judged, and --strict was given.")
    if report.findings:
        raise MigrateError(
            f"{plural(len(report.findings), 'finding')} in {plural(len(report.revisions), 'revision')}.",
            explain_how_to_allow(report),
        )


def ensure_version(
    directory: Directory = None,
    sql: Sql = False,
    x_arg: XArg = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    verbose: Verbose = False,
) -> None:
    """Create the version table where there is none.

    Needs Alembic 1.7.6 or newer.

    :raises MigrateError: if the database cannot be reached.
    """
    require_alembic("ensure-version", 1, 7, 6)
    options = GuardOptions(lock_timeout=lock_timeout, no_lock=no_lock, wait=wait, verbose=verbose)
    Call(directory, x_arg, options=options, changes=not sql).run("ensure_version", sql=sql)


def journal(
    directory: Directory = None,
    forget: Forget = None,
    json: Json = False,
    x_arg: XArg = None,
    bind: Bind = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
) -> None:
    """Show what is remembered of interrupted migrations, on MySQL and MariaDB.

    :param forget: a revision to remember nothing of any more: it begins anew.
    :param json: print one JSON document: ``{"databases": [{"name", "url", "unfinished": [{"revision", "direction",
        "statements": [{"position", "text", "state", "time"}]}]}]}``.
    :raises MigrateError: if there is nothing of that revision, or a database cannot be reached.
    """
    from .guard.resume.listing import document_journal, make_forget, read_journals, write_journals

    options = GuardOptions(bind, lock_timeout, no_lock, wait)
    call = Call(directory, x_arg, options=options, changes=bool(forget))
    databases = call.find(make_forget(forget) if forget else read_journals)
    if json:
        print_json(document_journal(databases))
    else:
        print_result(write_journals(databases, forget))


def reset(
    directory: Directory = None,
    yes: Yes = False,
    x_arg: XArg = None,
    lock_timeout: LockTimeout = None,
    no_lock: NoLock = False,
    wait: Wait = None,
    verbose: Verbose = False,
) -> None:
    """Drop every table of every configured database, after asking.

    Views go too, and on PostgreSQL sequences and types, so that an upgrade can start from nothing.

    :param yes: do not ask.
    :param lock_timeout: seconds to wait for a migration that is running.
    :param no_lock: take no lock.
    :param wait: seconds to wait for a server that is not up yet.
    :raises MigrateError: if it is not confirmed, or there is no terminal to ask on; nothing is dropped then.
    """
    drop_everything(GuardOptions(lock_timeout=lock_timeout, no_lock=no_lock, wait=wait, verbose=verbose), yes)


VERBS: Tuple[Callable[..., None], ...] = (
    init,
    list_templates,
    revision,
    migrate,
    check,
    lint,
    edit,
    merge,
    upgrade,
    downgrade,
    show,
    history,
    heads,
    branches,
    current,
    status,
    graph,
    stamp,
    ensure_version,
    journal,
    reset,
)
