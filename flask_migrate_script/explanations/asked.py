"""What Alembic will not do as it was asked: its own words, and the next step."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from ..errors import MigrateError
from ..revisions.problems import UNKNOWN_VERSION, describe_folder
from .failure import UNCHANGED, Failure, is_alembics, name_module, shorten_path
from .revision_files import find_folder_problems


def explain_command_error(failure: Failure) -> Optional[MigrateError]:
    """Alembic's own words, and after them the next step."""
    if not is_alembics(failure):
        return None
    several = next((str(exc) for exc in failure.chain if str(exc).startswith("Multiple revisions start with")), "")
    if not several and failure.text.startswith("Can't locate revision identified by"):
        return _explain_unknown_revision(failure)
    if failure.text.startswith("Path doesn't exist"):
        return _explain_no_folder(failure)
    if "not represented in current version locations" in failure.text:
        return _explain_no_version_location(failure)
    text = f"{failure.text}: {several}" if several else failure.text
    return MigrateError(text, next((advice for pattern, advice in _ADVICE if re.search(pattern, text, re.DOTALL)), ""))


def _explain_no_folder(failure: Failure) -> MigrateError:
    """Alembic names the folder as it was given; the whole path tells from where it was looked for."""
    config = failure.context.config
    path = describe_folder(config).path if config else ""
    where = f"It was looked for in {path}.\n" if path else ""
    return MigrateError(failure.text, f"{where}Create it with {{db}} init, or say where it is with -d.")


def _explain_no_version_location(failure: Failure) -> MigrateError:
    config = failure.context.config
    known = [shorten_path(path) for path in describe_folder(config).locations] if config else []
    return MigrateError(failure.text, f"{UNCHANGED} Name one of them with --version-path: {', '.join(known)}")


def _explain_unknown_revision(failure: Failure) -> MigrateError:
    text = failure.text
    for problem in find_folder_problems(failure):
        if problem.name == "no-versions":
            return MigrateError(f"{text}: there is no folder {problem.path}.", f"{UNCHANGED} Restore that folder.")
    found = re.search(r"identified by '(.*?)'", text)
    if found is None or any(found[1] in revision for revision in failure.asked):
        return MigrateError(text, f"{UNCHANGED} {{db}} history lists the revisions there are.")
    return MigrateError(
        f"{text}. The database is at that revision, and no file in the migrations folder has it.",
        f"{UNCHANGED} {UNKNOWN_VERSION}\nOf several databases, to that one alone: --bind NAME; {{db}} status names it.",
    )


_HEADS = "{db} heads lists them, {db} upgrade heads applies all of them, {db} merge heads joins them."
_HOW_MANY = f"{UNCHANGED} {{db}} history shows how many there are, {{db}} current where the database is."

_ADVICE: Tuple[Tuple[str, str], ...] = (
    (r"already exists and is not empty", f"{UNCHANGED} Choose another folder with -d, or remove that one first."),
    (
        r"No such template",
        f"{UNCHANGED} {{line}} list-templates shows those there are; one of your own is named by its path.",
    ),
    (r"Target database is not up to date", f"{UNCHANGED} Bring it up to date first: {{db}} upgrade"),
    (r"Multiple revisions start with", f"{UNCHANGED} Write more of the identifier; {{db}} history shows them whole."),
    (r"Multiple heads? (revisions )?(are present|is present)|multiple heads", f"{UNCHANGED}\n{_HEADS}"),
    (
        r"from multiple current revisions",
        f"{UNCHANGED} Name the branch or the revision to go to; {{db}} heads lists them.",
    ),
    (r"New upgrade operations detected", "{db} migrate writes a revision with them."),
    (r"not on all head revisions", "{db} upgrade heads brings it there."),
    (r"Range revision not allowed", f"{UNCHANGED} A range of revisions, START:END, goes with --sql."),
    (r"--sql requires <fromrev>:<torev>", "For example: {db} downgrade --sql head:base"),
    (r"Stamp operation with --sql", "Name one: {db} stamp --sql START:END"),
    (r"--sql with", f"{UNCHANGED} Leave out --sql, or use it with {{db}} upgrade."),
    (
        r"is not a head revision",
        f"{UNCHANGED} {{db}} heads lists the heads; --splice starts a branch at this revision.",
    ),
    (r"Relative revision|Walked too far|Ambiguous walk", _HOW_MANY),
    (
        r"valid (up|down)grade target",
        f"{UNCHANGED} {{db}} current shows where the database is, {{db}} history what is above and below.",
    ),
    (r"History range requires", "For example: {db} history -r current:head"),
    (r"does not refer to ancestor/descendant", "Write the older one first; {db} history shows which follows which."),
    (r"No current revisions", "The database is at no revision yet. Name one: {db} edit head"),
    (r"EDITOR|editor", "Set the environment variable EDITOR to the editor to use."),
    (r"--version-path", f"{UNCHANGED} Say which of them, for example --version-path migrations/versions."),
    (r"version locations?", f"{UNCHANGED} Name one of version_locations in alembic.ini."),
    (
        r"No config file .* found",
        f"{UNCHANGED} Restore alembic.ini in the migrations folder, or name another section with -n.",
    ),
    (
        r"not allowed in revision identifier",
        f"{UNCHANGED} Choose another identifier: letters, digits and _ are always right.",
    ),
    (r"does not have them", "Add branch_labels to that file and to script.py.mako in the migrations folder."),
    (
        r"already used by revision",
        f"{UNCHANGED} Choose another label, or correct `branch_labels` in one of the two files.",
    ),
    (r"Could not determine revision id", f"{UNCHANGED} Set `revision` in that file, or move it out of the folder."),
    (r"rendering failed", "Fix script.py.mako in the migrations folder and run the command again."),
    (r"timezone", f"{UNCHANGED} Correct `timezone` in alembic.ini."),
    (
        r"overlaps with",
        f"{UNCHANGED} Name revisions that do not follow from one another; {{db}} heads lists the heads.",
    ),
    (r"[Bb]ranch", f"{UNCHANGED} {{db}} branches and {{db}} heads -v show the branches there are."),
    (r"target_metadata|MetaData", f"{UNCHANGED} Set target_metadata in env.py to the models' MetaData."),
    (r"No revision files indicated", "{db} history lists the revisions there are."),
    (r"", "{db} history lists the revisions there are, {db} current shows where the database is."),
)
"""What to do after a message of Alembic's; the messages are those of Alembic 1.4 to 1.20."""


def explain_step_beyond_the_end(failure: Failure) -> Optional[MigrateError]:
    """A step counted from a revision that goes beyond the last one ends in an assertion, or a None, in Alembic."""
    step = next((one for one in failure.asked if re.search(r"[+-]\d+$", one)), None)
    inner = failure.list_frames()[0][0] if failure.list_frames() else None
    if step is None or inner is None or not name_module(inner).startswith("alembic.script"):
        return None
    return MigrateError(f"There is no revision {step}: that is beyond the last one.", _HOW_MANY)
