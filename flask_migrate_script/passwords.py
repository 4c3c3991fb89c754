"""What is shown to a person shows no password: not in a URL, and not where a driver repeats a part of one."""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Callable, Iterable, Iterator, Mapping, Set
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlencode

_URL = re.compile(r"([\w.+-]+)://([^:/@\s]*):(.*)@(.*)", re.DOTALL)
_SHORTEST = 3
"""A part of a password is hidden from this length on; shorter ones are in every text."""


Mask = Callable[[str], str]
"""Returns a text without passwords."""


def masked(text: str) -> str:
    """Return the text without passwords: those it shows as such, and those that the application has configured."""
    return _masked(text, _configured_secrets())


def masker() -> Mask:
    """Return what masks as :func:`masked` does here, for another thread: that has no application context."""
    secrets = _configured_secrets()
    return lambda text: _masked(text, secrets)


def _masked(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    text = re.sub(r"(://[^:/@\s]*:)[^\s'\"]*@", r"\1***@", text)
    text = _QUERY.sub(r"\1***", text)
    text = _ASSIGNED.sub(r"\1***", text)
    return re.sub(r"(\b(?:password|(?<!revision )identified by)\s+)'[^']*'", r"\1***", text, flags=re.IGNORECASE)


_SECRET_NAMES = r"[\w.-]*(?:password|passwd|pwd|passphrase|secret|token)"
_QUERY = re.compile(rf"([?&](?:{_SECRET_NAMES}|[\w.-]*key|options)=)[^&#\s'\"]+", re.IGNORECASE)
"""A part of a URL's query that may hold a password: ``sslpassword``, ``hexkey``, the options of a session."""

_ASSIGNED = re.compile(rf"(\b{_SECRET_NAMES}\s*=\s*)('[^']*'|[^\s'\"&;,)]+)", re.IGNORECASE)
_SECRET_NAME = re.compile(rf"(?:{_SECRET_NAMES}|[\w.-]*key|options)", re.IGNORECASE)


def holds_secret(name: str) -> bool:
    """Return whether what has this name may be a password: a part of a URL's query, an argument of a driver's."""
    return _SECRET_NAME.fullmatch(name) is not None


def passwords_of(url: str) -> Set[str]:
    """Return the passwords of a database URL, and their parts, as an error message may repeat them.

    Those in its query count: ``sslpassword``, ``options``.

    A password with ``@``, ``:`` or ``/`` in it that was not quoted is cut there, and the rest is taken for the host,
    the port or the database.
    """
    found = _URL.match(url)
    if not found:
        return _secrets_in_query(url)
    scheme, user, password, place = found.groups()
    plain = unquote_plus(password)
    ways = {password, plain, quote(plain, safe=""), quote_plus(plain)}
    parts = {part for way in ways for part in [way, *re.split(r"[@:/?#'\"]", way)]}
    public = {user, unquote_plus(user), *re.split(r"\W", scheme), *re.split(r"[:/?&=]", place)}
    return _secrets_in_query(url) | ({part for part in parts if len(part) >= _SHORTEST} - public)


def _secrets_in_query(url: str) -> Set[str]:
    found = {value for name, value in parse_qsl(url.partition("?")[2]) if holds_secret(name)}
    found |= {way for value in found for way in (quote(value, safe=""), quote_plus(value))}
    return {value for value in found if len(value) >= _SHORTEST}


def _configured_secrets() -> Set[str]:
    """Return what is secret in the environment and, inside an application context, in the application's configuration.

    That is every URL's, wherever it stands, and what an engine's ``connect_args`` have.
    """
    found = {os.environ[name] for name in ("PGPASSWORD", "MYSQL_PWD") if len(os.environ.get(name, "")) >= _SHORTEST}
    found |= {secret for text in os.environ.values() for secret in _secrets_of(text)}
    flask = sys.modules.get("flask")
    if flask and flask.has_app_context():
        found.update(_secrets_of(dict(flask.current_app.config)))
    return found


def _secrets_of(value: Any, in_arguments: bool = False) -> Iterator[str]:
    """Yield what is secret in a string, a mapping or a sequence, however deep.

    :param in_arguments: it is in the arguments of a driver's, whose names say what is a password.
    """
    if isinstance(value, Mapping):
        for name, one in list(value.items()):
            if in_arguments and holds_secret(str(name)) and isinstance(one, str) and len(one) >= _SHORTEST:
                yield one
            yield from _secrets_of(one, in_arguments or name == "connect_args")
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _secrets_of(one, in_arguments)
    elif isinstance(value, str):
        if "://" in value:
            yield from passwords_of(value)
    elif hasattr(value, "password") and hasattr(value, "drivername"):
        query = dict(getattr(value, "query", None) or {})
        yield from passwords_of(
            f"{value.drivername}://{value.username}:{value.password or ''}@?{urlencode(query, True)}"
        )
