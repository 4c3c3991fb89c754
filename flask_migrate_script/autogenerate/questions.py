"""Questions on a terminal, about what only a person knows: what was renamed, and what to fill a column with."""

from __future__ import annotations

import os
import sys
from typing import Callable, Optional

from ..console.terminal import ask, confirm, remove_controls


class Terminal:
    """Asks on stderr, and reads the answers from the terminal."""

    def confirm_rename(self, old: str, new: str) -> bool:
        """Return whether the first name became the second; anything but yes is no."""
        return confirm(f"Was {old} renamed to {new}? [y/N] ")

    def ask_value(self, question: str, check: Callable[[str], Optional[str]]) -> Optional[str]:
        """Return a value, or None where the answer is empty.

        :param check: returns what is wrong with a value, and it is asked for again.
        """
        while True:
            answer = ask(f"{question} ")
            wrong = check(answer) if answer else None
            if not wrong:
                return answer or None
            sys.stderr.write(f"{remove_controls(wrong)}\n")


def find_terminal() -> Optional[Terminal]:
    """Return what can ask; None without a terminal, and in CI, where nobody answers."""
    if os.environ.get("CI") or not sys.stdin or not sys.stdin.isatty():
        return None
    return Terminal()
