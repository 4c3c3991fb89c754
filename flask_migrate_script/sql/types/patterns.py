"""Regular expressions of texts that are values of another type, as PostgreSQL, MySQL and MariaDB all read them."""

WHOLE = "-?(0|[1-9][0-9]*)"
NUMBER = "-?(0|[1-9][0-9]*)([.][0-9]+)?"
"""As a number is written: with no plus sign and no zeros before it, which are lost where it becomes one."""

FLOAT = f"{NUMBER}([eE][-+]?[0-9]{{1,2}})?"

_31 = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
_30 = "(0[469]|11)-(0[1-9]|[12][0-9]|30)"
_28 = "02-(0[1-9]|1[0-9]|2[0-8])"
_YEAR = "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_LEAP = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][48]|[13579][26]|[2468]0)00)"
DATE = f"({_YEAR}-({_31}|{_30}|{_28})|{_LEAP}-02-29)"
"""A day that there is."""

_HOUR = "([01][0-9]|2[0-3])"
HOURS = "([0-9]{2}|[1-7][0-9]{2}|8[0-2][0-9]|83[0-7])"
"""Those of a TIME of MySQL's, which is a span of time too."""


def time(digits: int, hours: str = _HOUR) -> str:
    """Return the pattern of a time of day, with so many digits of a second and zeros behind them."""
    fraction = f"([.][0-9]{{0,{digits}}}0*)" if digits else "([.]0*)"
    return f"{hours}:[0-5][0-9](:[0-5][0-9]{fraction}?)?"


def moment(digits: int, zone: str = "") -> str:
    """Return the pattern of a date with or without a time behind it."""
    return f"{DATE}([ T]{time(digits)}{zone})?"


ZONE = "(Z|[-+][0-9]{2}(:?[0-9]{2})?)?"
UUID = "([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}"


def whole(pattern: str) -> str:
    """Return the pattern for a whole text, as a string literal."""
    return f"'^({pattern})$'"
