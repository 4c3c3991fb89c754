"""The options of the form NAME=VALUE."""

from __future__ import annotations

from typing import Dict, Sequence

from ..errors import MigrateError


def parsed(option: str, given: Sequence[str]) -> Dict[str, str]:
    """Return the values of an option by their names.

    :param option: its name, for the error.
    :raises MigrateError: if one is not of the form ``NAME=VALUE``.
    """
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals):
            raise MigrateError(f"--{option} {text}: it takes NAME=VALUE.", "Nothing was written.")
        found[name.strip()] = value
    return found
