"""The files that a branch of the code has added, as git knows them."""

from __future__ import annotations

import os
import subprocess
from typing import List, Set

from ..errors import MigrateError


def find_added(folder: str, ref: str) -> Set[str]:
    """Return the paths of the files that were added since a branch left another one, committed or not.

    :param folder: somewhere in the working tree.
    :param ref: a commit, branch or tag of git's: what the branch is compared with.
    :raises MigrateError: if git does not know it, or there is no git.
    """
    top = _ask(folder, "rev-parse", "--show-toplevel")[0]
    commit = _ask(folder, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")[0]
    base = _ask(folder, "merge-base", commit, "HEAD")[0]
    committed = _ask(top, "diff", "--name-only", "--no-renames", "--diff-filter=A", "-z", base, "--")
    untracked = _ask(top, "ls-files", "--others", "--exclude-standard", "-z")
    return {os.path.realpath(os.path.join(top, name)) for name in (*committed, *untracked) if name}


def _ask(folder: str, *words: str) -> List[str]:
    """Return what git prints, by lines, or by names where it ends each with a zero byte."""
    try:
        done = subprocess.run(["git", "-C", folder, *words], capture_output=True, check=True)
    except FileNotFoundError as exc:
        raise MigrateError("--since needs git, which is not installed here.") from exc
    except subprocess.CalledProcessError as exc:
        words_of_git = os.fsdecode(exc.stderr).strip().splitlines()
        raise MigrateError(
            f"git could not say what was added: {words_of_git[-1] if words_of_git else f'exit code {exc.returncode}'}",
            "Name a commit, branch or tag that is in this repository: --since origin/main.",
        ) from exc
    return os.fsdecode(done.stdout).split("\0") if "-z" in words else os.fsdecode(done.stdout).splitlines()
