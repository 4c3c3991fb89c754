"""What tells one statement from another when a migration is run a second time: its text, and its values."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta, timezone
from typing import Any, Optional

from ...sql.mysql import normalize

_LENGTH = 32


def digest(statement: str, values: Any, begun: datetime) -> str:
    """Return 32 digits for the text and 32 for the values.

    :param begun: when this run began, in UTC. A time between then and now is the present (``datetime.utcnow()``, a
        column's default) and counts as equal to the present of another run; so does today's date.
    """
    return _hashed(normalize(statement)) + _hashed(_stable(values, begun))


def same_text(one: str, other: str) -> bool:
    """Return whether two digests are of the same text, with whatever values."""
    return one[:_LENGTH] == other[:_LENGTH]


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_LENGTH]


def _stable(value: Any, begun: datetime) -> str:
    if isinstance(value, dict):
        return repr([(name, _stable(value[name], begun)) for name in value])
    if isinstance(value, (list, tuple)):
        return repr([_stable(one, begun) for one in value])
    return _present(value, begun) or repr(value)


def _present(value: Any, begun: datetime) -> Optional[str]:
    now = datetime.now(timezone.utc)
    if isinstance(value, datetime):
        zones = [timezone.utc, None] if value.tzinfo is None else [value.tzinfo]
        moments = [_in_zone(value, zone) for zone in zones]
        return "now" if any(begun - timedelta(seconds=1) <= moment <= now for moment in moments) else None
    if isinstance(value, date):
        return "today" if value in (now.date(), date.today()) else None
    return None


def _in_zone(value: datetime, zone: Any) -> datetime:
    """A naive time may be in UTC or in local time."""
    return value.astimezone(timezone.utc) if zone is None else value.replace(tzinfo=zone).astimezone(timezone.utc)
