"""The options of the form NAME=VALUE."""

from __future__ import annotations

from typing import Dict, Sequence

from ..errors import MigrateError

NOTHING = "Nothing was written."


def parse_pairs(option: str, given: Sequence[str]) -> Dict[str, str]:
    """Return the values of an option by their names.

    :param option: its name, for the error.
    :raises MigrateError: if one is not of the form ``NAME=VALUE``, or a name has two values.
    """
    found: Dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals):
            raise MigrateError(f"--{option} {text}: it takes NAME=VALUE.", NOTHING)
        if found.setdefault(name.strip(), value) != value:
            raise MigrateError(f"--{option} {text}: {name.strip()}={found[name.strip()]} was given too.", NOTHING)
    return found
