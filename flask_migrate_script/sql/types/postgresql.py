"""What PostgreSQL does to the values of a column whose type is changed.

It refuses or changes a value by its casts: https://www.postgresql.org/docs/current/catalog-pg-cast.html. Without USING
only those "in an assignment" are made; what a cast that is written cuts is refused there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterable, Optional, Tuple

from ..quoting import quote_values
from . import patterns
from .change import ALL, CONVERTED, CUT, EXACT_DIGITS, FITS, REFUSED, ROUNDED, UNREADABLE, TypeChange, cannot_tell, lose
from .column_type import ColumnType, Reader, decimal, floating, integer, names, plain, read_written, sized, timed
from .using import read_casts

READERS: Dict[str, Reader] = {
    **names(integer(16), "SMALLINT", "INT2", "SMALLSERIAL"),
    **names(integer(32), "INTEGER", "INT", "INT4", "SERIAL"),
    **names(integer(64), "BIGINT", "INT8", "BIGSERIAL"),
    **names(decimal(None), "NUMERIC", "DECIMAL"),
    **names(floating(53), "FLOAT", "DOUBLE PRECISION", "FLOAT8"),
    **names(floating(24), "REAL", "FLOAT4"),
    **names(plain("boolean"), "BOOLEAN", "BOOL"),
    **names(sized("text"), "VARCHAR", "TEXT", "CHARACTER VARYING"),
    **names(sized("text", 1, padded=True), "CHAR", "NCHAR", "CHARACTER", "BPCHAR"),
    **names(plain("binary"), "BYTEA"),
    **names(plain("date"), "DATE"),
    **names(timed("time", 6), "TIME"),
    **names(timed("moment", 6), "TIMESTAMP"),
    **names(timed("interval", 6), "INTERVAL"),
    **{name: plain(name.lower()) for name in ("UUID", "JSON", "JSONB", "INET", "CIDR", "MACADDR", "MACADDR8")},
    **names(sized("bits", 1, padded=True), "BIT"),
    **names(sized("bits"), "BIT VARYING", "VARBIT"),
}

_ZONE = "PostgreSQL reads it in the time zone of the session that makes the change"
_TEXT = "CAST(c AS text)"
_NUMBER = f"CAST({_TEXT} AS numeric)"
_BEYOND_NUMBERS = f"{_TEXT} IN ('NaN', 'Infinity', '-Infinity')"
_LARGEST = {24: "3.4028234663852886e38", 53: "1.7976931348623157e308"}
_SMALLEST = {24: "1.5e-45", 53: "5e-324"}


@dataclass(frozen=True)
class Cast:
    """A change of a type.

    :param explicit: USING casts the column, and more casts are allowed than in an assignment.
    :param version: the server's; empty where it is not known.
    """

    old: ColumnType
    new: ColumnType
    explicit: bool
    version: Tuple[int, ...]


Rule = Callable[[Cast], TypeChange]


def compare(old: Optional[ColumnType], new: ColumnType, using: Optional[str], version: Tuple[int, ...]) -> TypeChange:
    """Return what becomes of the values.

    :param old: None where it is not known.
    :param using: the expression of USING.
    :param version: the server's; empty where it is not known.
    """
    casts = () if using is None else read_casts(using)
    if casts is None:
        return cannot_tell("USING makes other values of them")
    types = [read_written(cast, READERS) for cast in casts]
    by_text = len(types) > 1 and types[0] == ColumnType("text", types[0].text)
    if not all(_is(type_, new) for type_ in types[by_text:]):
        return cannot_tell("USING makes other values of them")
    if old is None:
        rule = _OF_TEXT.get(new.family)
        found = rule(Cast(_AS_TEXT, new, True, version)) if rule else FITS
        return cannot_tell("the old type is not known", found.condition, found.effect)
    return _compare(Cast(replace(_AS_TEXT, text=old.text) if by_text else old, new, bool(types), version))


def keeps_rows(old: ColumnType, new: ColumnType) -> bool:
    """Return whether PostgreSQL is known to change a type without a look at the rows, where there is no USING.

    tests/test_type_changes.py asks the server whether the table has another file afterwards.
    """
    if old.charset != new.charset or old.padded or new.padded:
        return False
    if old.text == new.text or (old.family, new.family) == ("cidr", "inet"):
        return True
    if old.family != new.family:
        return False
    if new.family in ("text", "bits"):
        return new.size is None or (old.size is not None and old.size <= new.size)
    if new.family == "decimal":
        same_scale = old.precision is not None and old.scale == new.scale
        return new.precision is None or (same_scale and (old.precision or 0) <= new.precision)
    if new.family in ("time", "moment", "interval"):
        return old.zoned == new.zoned and old.fraction <= new.fraction
    return False


_AS_TEXT = ColumnType("text", "TEXT")


def _is(cast: ColumnType, new: ColumnType) -> bool:
    """Return whether a cast in USING is to the new type; that of an enum may be quoted and have a schema."""
    if cast.family == "other":
        return _bare(cast.text) == _bare(new.text)
    return replace(cast, text="") == replace(new, text="", values=())


def _bare(name: str) -> str:
    return name.rpartition(".")[2].strip('"')


def _compare(cast: Cast) -> TypeChange:
    old, new = cast.old, cast.new
    if "other" in (old.family, new.family):
        return cannot_tell(f"nothing is known here of {(old if old.family == 'other' else new).text}")
    if new.family == "text":
        return _add_words(cast, _into_text(cast))
    rule = _ASSIGNED.get((old.family, new.family))
    if rule is None and cast.explicit:
        rule = _EXPLICIT.get((old.family, new.family)) or (_OF_TEXT.get(new.family) if old.family == "text" else None)
    if rule:
        return rule(cast)
    if cast.explicit and old.family == "text":
        return cannot_tell(f"which texts are of type {new.text} is not known here")
    return _refused(cast)


def _changed(types: str, back: str) -> str:
    """Return the condition of the values that are others when they are cast there and back."""
    return f"CAST(CAST(c AS {types}) AS {back}) <> c"


# Numbers


def _integer_integer(cast: Cast) -> TypeChange:
    old, new = cast.old, cast.new
    return FITS if new.low <= old.low and old.high <= new.high else _out_of_range(new)


def _out_of_range(new: ColumnType) -> TypeChange:
    return lose(f"c NOT BETWEEN {new.low} AND {new.high}", REFUSED, "some numbers are out of its range")


def _integer_decimal(cast: Cast) -> TypeChange:
    new = cast.new
    if new.precision is None:
        return FITS
    most = 10 ** max(new.precision - new.scale, 0) - 1
    if new.scale < 0:
        return _decimal_decimal(cast)
    if most >= max(cast.old.high, -cast.old.low):
        return FITS
    return lose(f"c NOT BETWEEN {-most} AND {most}", REFUSED, "some numbers have more digits than it keeps")


def _integer_float(cast: Cast) -> TypeChange:
    old, new = cast.old, cast.new
    bits = new.precision or 53
    if old.high <= 2**bits:
        return FITS
    name = {24: "real", 53: "double precision"}[bits]
    # The largest that is rounded to an integer that there still is.
    most = old.high + 1 - 2 ** (old.high.bit_length() - bits)
    condition = f"CASE WHEN c > {most} THEN TRUE ELSE CAST(CAST(c AS {name}) AS bigint) <> c END"
    return lose(condition, ROUNDED, f"it keeps {EXACT_DIGITS[bits]} digits of a number")


def _decimal_integer(cast: Cast) -> TypeChange:
    old, new = cast.old, cast.new
    # But for NaN, which is in no column but by intention.
    if old.precision and old.scale <= 0 and 10 ** (old.precision - old.scale) - 1 <= new.high:
        return FITS
    condition = f"c <> ROUND(c) OR c NOT BETWEEN {new.low} AND {new.high}"
    return lose(condition, ROUNDED, "it keeps no digits behind the point")


def _decimal_decimal(cast: Cast) -> TypeChange:
    old, new = cast.old, cast.new
    if new.precision is None:
        return FITS
    before = new.precision - new.scale
    if old.precision and old.scale <= new.scale and old.precision - old.scale <= before:
        return FITS
    number = "CAST(c AS numeric)" if old.family == "integer" else "c"
    condition = f"{_TEXT} <> 'NaN' AND ({_beyond(number, before, new.scale)})"
    return lose(condition, ROUNDED, f"it keeps {max(before, 0)} digits before the point and {new.scale} behind it")


def _beyond(number: str, before: int, behind: int) -> str:
    """Return the condition of the numbers that have more digits; not one of them for infinity."""
    return f"ABS({number}) >= 1e{before} OR {number} <> ROUND({number}, {behind})"


def _decimal_float(cast: Cast) -> TypeChange:
    old, bits = cast.old, cast.new.precision or 53
    if old.precision and old.precision <= EXACT_DIGITS[bits] and 0 <= old.scale <= 30:
        return FITS
    return lose(_not_as_float("c", bits), ROUNDED, f"it keeps {EXACT_DIGITS[bits]} digits of a number")


def _not_as_float(number: str, bits: int) -> str:
    name = {24: "real", 53: "double precision"}[bits]
    changed = f"CAST(CAST({number} AS {name}) AS numeric) <> {number}"
    in_range = f"ABS({number}) BETWEEN {_SMALLEST[bits]} AND {_LARGEST[bits]}"
    exact = f"{number} = 0 OR {_BEYOND_NUMBERS}"
    return f"CASE WHEN {exact} THEN FALSE WHEN {in_range} THEN {changed} ELSE {ALL} END"


def _float_integer(cast: Cast) -> TypeChange:
    low, over = cast.new.low, cast.new.high + 1
    condition = f"c < {low} OR c >= {over} OR c <> TRUNC(CAST(c AS double precision))"
    return lose(condition, ROUNDED, "it keeps no digits behind the point")


def _float_decimal(cast: Cast) -> TypeChange:
    new, name = cast.new, cast.old.text
    if new.precision is None:
        # Infinity is a numeric since PostgreSQL 14.
        number, in_range, over = "CAST(c AS numeric)", "ABS(c) < 'Infinity'", ""
        other = "FALSE" if cast.version >= (14,) or not cast.version else f"{_TEXT} <> 'NaN'"
    else:
        number, most = f"ROUND(CAST(c AS numeric), {new.scale})", f"1e{new.precision - new.scale}"
        in_range, over, other = f"ABS(c) < {most}", f"ABS({number}) >= {most} OR ", f"{_TEXT} <> 'NaN'"
    condition = f"CASE WHEN {in_range} THEN {over}CAST({number} AS {name}) <> c ELSE {other} END"
    return lose(condition, ROUNDED, f"{EXACT_DIGITS[cast.old.precision or 53]} digits of a number are kept")


def _float_float(cast: Cast) -> TypeChange:
    if (cast.new.precision or 53) >= (cast.old.precision or 53):
        return FITS
    exact = f"c = 0 OR {_BEYOND_NUMBERS}"
    in_range = f"ABS(c) BETWEEN {_SMALLEST[24]} AND CAST('{_LARGEST[24]}' AS double precision)"
    changed = _changed("real", "double precision")
    condition = f"CASE WHEN {exact} THEN FALSE WHEN {in_range} THEN {changed} ELSE {ALL} END"
    return lose(condition, ROUNDED, "it keeps 6 digits of a number")


def _integer_boolean(cast: Cast) -> TypeChange:
    if cast.old.high != 2**31 - 1:
        return _refused(cast)
    return lose("c NOT IN (0, 1)", CONVERTED, "every number but 0 becomes true")


def _boolean_integer(cast: Cast) -> TypeChange:
    return FITS if cast.new.high == 2**31 - 1 else _refused(cast)


# Dates and times


def _fits(cast: Cast) -> TypeChange:
    return FITS


def _not_known(cast: Cast) -> TypeChange:
    return cannot_tell(f"what {cast.new.text} makes of {cast.old.text} is not known here")


def _date_moment(cast: Cast) -> TypeChange:
    return cannot_tell(_ZONE, "CAST(CAST(c AS timestamptz) AS date) <> c", CONVERTED) if cast.new.zoned else FITS


def _moment_date(cast: Cast) -> TypeChange:
    name = "timestamptz" if cast.old.zoned else "timestamp"
    return lose(_changed("date", name), CUT, "a date has no time")


def _moment_moment(cast: Cast) -> TypeChange:
    return _seconds(cast, "timestamp")


def _time_time(cast: Cast) -> TypeChange:
    if cast.old.zoned and not cast.new.zoned:
        return lose(_changed(f"time({cast.new.fraction})", "timetz"), CUT, "the time zone is lost")
    return _seconds(cast, "time")


def _seconds(cast: Cast, name: str) -> TypeChange:
    """A fraction of a second is rounded."""
    old, new = cast.old, cast.new
    there = f"{name}{'tz' if new.zoned else ''}({new.fraction})"
    changed = _changed(there, f"{name}{'tz' if old.zoned else ''}")
    if old.zoned != new.zoned:
        return cannot_tell(_ZONE, changed, CONVERTED)
    if new.fraction >= old.fraction:
        return FITS
    return lose(changed, ROUNDED, f"it keeps {new.fraction} digits of a second")


def _moment_time(cast: Cast) -> TypeChange:
    if cast.new.zoned and not cast.old.zoned:
        return _refused(cast)
    return lose(ALL, CUT, "a time has no date")


def _interval_interval(cast: Cast) -> TypeChange:
    old, new = cast.old, cast.new
    if old.text == new.text or (new.text.upper().startswith("INTERVAL (6") or new.text.upper() == "INTERVAL"):
        return FITS
    changed = f"CAST(CAST(c AS {new.text}) AS text) <> {_TEXT}"
    return lose(changed, ROUNDED, f"{new.text} does not keep every part")


def _interval_time(cast: Cast) -> TypeChange:
    if cast.new.zoned:
        return _refused(cast)
    changed = f"CAST(CAST(CAST(c AS time({cast.new.fraction})) AS interval) AS text) <> {_TEXT}"
    return lose(f"CASE WHEN ISFINITE(c) THEN {changed} ELSE {ALL} END", CUT, "a time of day is less than 24 hours")


def _time_interval(cast: Cast) -> TypeChange:
    if cast.old.zoned:
        return _refused(cast)
    return FITS if cast.new.text.upper() == "INTERVAL" else cannot_tell(f"{cast.new.text} may not keep every part")


# Others


def _enum_enum(cast: Cast) -> TypeChange:
    old, new = cast.old, cast.new
    lost = [one for one in old.values if one not in new.values]
    if _bare(old.text) != _bare(new.text):
        return lose(ALL, REFUSED, f"PostgreSQL does not make {new.text} of {old.text} directly: cast it to text first")
    return lose(_not_one_of(new.values), REFUSED, f"it has no {', '.join(lost)}") if lost else FITS


def _not_one_of(values: Iterable[str]) -> str:
    return f"{_TEXT} NOT IN ({quote_values(values, 'postgresql')})"


def _inet_cidr(cast: Cast) -> TypeChange:
    return lose("CAST(CAST(c AS cidr) AS inet) <> c", CUT, "the address of a network keeps no address of a host")


def _json_jsonb(cast: Cast) -> TypeChange:
    twice = f"NOT ({_TEXT} IS JSON WITH UNIQUE KEYS)" if cast.version >= (16,) else None
    return cannot_tell("JSONB keeps one of the keys of an object that are the same", twice, CUT)


def _bits_bits(cast: Cast) -> TypeChange:
    old, new = cast.old, cast.new
    if cast.explicit and (new.size or 0) != old.size:
        return cannot_tell("bits are cut off or added at the right")
    if new.padded:
        fits = old.padded and old.size == new.size
        return FITS if fits else lose(f"LENGTH(c) <> {new.size}", REFUSED, f"it has {new.size} bits, not more or fewer")
    if new.size is None or (old.size is not None and old.size <= new.size):
        return FITS
    return lose(f"LENGTH(c) > {new.size}", REFUSED, f"it keeps {new.size} bits")


def _array_array(cast: Cast) -> TypeChange:
    """The elements are cast, each by itself."""
    if cast.old.element is None or cast.new.element is None:
        return cannot_tell("what the arrays hold is not known")
    found = _compare(replace(cast, old=cast.old.element, new=cast.new.element))
    if found.condition is None:
        return found
    if found.condition == ALL and found.effect == REFUSED:
        return replace(found, why=f"PostgreSQL does not make {cast.new.text} of {cast.old.text}")
    return replace(found, condition=f"EXISTS (SELECT 1 FROM UNNEST(c) AS elements(c) WHERE {found.condition})")


def _refused(cast: Cast) -> TypeChange:
    words = f"PostgreSQL does not make {cast.new.text} of {cast.old.text}"
    return lose(ALL, REFUSED, words if cast.explicit else f"{words} without USING")


_ASSIGNED: Dict[Tuple[str, str], Rule] = {
    ("integer", "integer"): _integer_integer,
    ("integer", "decimal"): _integer_decimal,
    ("integer", "float"): _integer_float,
    ("decimal", "integer"): _decimal_integer,
    ("decimal", "decimal"): _decimal_decimal,
    ("decimal", "float"): _decimal_float,
    ("float", "integer"): _float_integer,
    ("float", "decimal"): _float_decimal,
    ("float", "float"): _float_float,
    ("date", "date"): _fits,
    ("date", "moment"): _date_moment,
    ("moment", "date"): _moment_date,
    ("moment", "moment"): _moment_moment,
    ("moment", "time"): _moment_time,
    ("time", "time"): _time_time,
    ("time", "interval"): _time_interval,
    ("interval", "interval"): _interval_interval,
    ("interval", "time"): _interval_time,
    ("enum", "enum"): _enum_enum,
    ("json", "jsonb"): _json_jsonb,
    ("jsonb", "json"): _fits,
    ("cidr", "inet"): _fits,
    ("inet", "cidr"): _inet_cidr,
    ("macaddr", "macaddr8"): _fits,
    ("bits", "bits"): _bits_bits,
    ("array", "array"): _array_array,
    **{(one, one): _fits for one in ("boolean", "binary", "uuid", "json", "jsonb", "inet", "cidr", "macaddr")},
}

_EXPLICIT: Dict[Tuple[str, str], Rule] = {
    ("integer", "boolean"): _integer_boolean,
    ("boolean", "integer"): _boolean_integer,
    **dict.fromkeys((("integer", "bits"), ("bits", "integer")), _not_known),
    **dict.fromkeys((("integer", "binary"), ("binary", "integer")), _not_known),  # since PostgreSQL 18
    **{("jsonb", family): _not_known for family in ("integer", "decimal", "float", "boolean")},
}


# Texts


def _into_text(cast: Cast) -> TypeChange:
    """Everything can be written as a text: whether it is short enough, and has no blanks at its end, is asked."""
    old, new = cast.old, cast.new
    blanks = new.padded and (old.family in ("enum", "json") or (old.family == "text" and not old.padded))
    if new.size is None:
        return FITS
    longest = _longest(old)
    too_long = f"CHAR_LENGTH({_TEXT}) > {new.size}"
    cut = CUT if cast.explicit else REFUSED
    if longest is not None and longest <= new.size:
        return lose(f"RIGHT({_TEXT}, 1) = ' '", CUT, "blanks at the end are lost") if blanks else FITS
    why = f"it keeps {new.size} characters"
    return lose(f"{too_long} OR RIGHT({_TEXT}, 1) = ' '" if blanks else too_long, cut, why)


def _add_words(cast: Cast, found: TypeChange) -> TypeChange:
    """An Enum that is a text to the database: what the models have no word for is of no use to them."""
    old, new = cast.old, cast.new
    if not new.values or (old.values and set(old.values) <= set(new.values)):
        return found
    unknown = _not_one_of(new.values)
    return lose(unknown, UNREADABLE, "the models know other values only")


def _longest(type_: ColumnType) -> Optional[int]:
    """Return how many characters the longest value takes as a text; None without a bound.

    Dates are those that Python knows, from year 1 to year 9999.
    """
    if type_.values:
        return max(map(len, type_.values))
    if type_.family == "text":
        return type_.size
    if type_.family == "integer":
        return max(len(str(type_.low)), len(str(type_.high)))
    if type_.family == "decimal" and type_.precision and type_.scale >= 0:
        return max(type_.precision, type_.scale + 1) + 1 + (type_.scale > 0)
    if type_.family in ("moment", "time"):
        return _LENGTHS[type_.family] + (type_.fraction and type_.fraction + 1) + (6 if type_.zoned else 0)
    if type_.family == "float":
        return 24 if type_.precision == 53 else 15
    return _LENGTHS.get(type_.family) or (type_.size if type_.family == "bits" else None)


_LENGTHS = {"boolean": 5, "date": 10, "time": 8, "moment": 19, "uuid": 36, "macaddr": 17, "macaddr8": 23}


def _unmatched(pattern: str, otherwise: str = "") -> str:
    """Return the condition of the texts that are not of a pattern, or are and do not fit otherwise."""
    if not otherwise:
        return f"{_TEXT} !~ {patterns.whole(pattern)}"
    return f"CASE WHEN {_TEXT} ~ {patterns.whole(pattern)} THEN {otherwise} ELSE c IS NOT NULL END"


def _text_integer(cast: Cast) -> TypeChange:
    outside = f"{_NUMBER} NOT BETWEEN {cast.new.low} AND {cast.new.high}"
    return lose(_unmatched(patterns.WHOLE, outside), REFUSED, "some texts are no whole numbers of its range")


def _text_decimal(cast: Cast) -> TypeChange:
    new = cast.new
    beyond = _beyond(_NUMBER, new.precision - new.scale, new.scale) if new.precision is not None else ""
    return lose(_unmatched(patterns.NUMBER, beyond), REFUSED, "some texts are no numbers, or have more digits")


def _text_float(cast: Cast) -> TypeChange:
    bits = cast.new.precision or 53
    name = {24: "real", 53: "double precision"}[bits]
    there = f"CAST({_NUMBER} AS {name})"
    changed = f"CAST(CAST({there} AS text) AS numeric) <> {_NUMBER}"
    in_range = f"ABS({_NUMBER}) BETWEEN {_SMALLEST[bits]} AND {_LARGEST[bits]}"
    otherwise = f"CASE WHEN {_NUMBER} = 0 THEN FALSE WHEN {in_range} THEN {changed} ELSE TRUE END"
    return lose(_unmatched(patterns.FLOAT, otherwise), REFUSED, "some texts are no numbers, or have more digits")


def _text_boolean(cast: Cast) -> TypeChange:
    condition = f"LOWER(TRIM({_TEXT})) NOT IN ({quote_values(_BOOLEANS, 'postgresql')})"
    return lose(condition, REFUSED, "some texts are neither true nor false")


_BOOLEANS = (
    *("true", "tru", "tr", "t", "yes", "ye", "y", "on", "1"),
    *("false", "fals", "fal", "fa", "f", "no", "n", "off", "of", "0"),
)
"""Beginnings of a word count: https://www.postgresql.org/docs/current/datatype-boolean.html."""


def _text_enum(cast: Cast) -> TypeChange:
    condition = f"{_with_blanks(cast.old)} NOT IN ({quote_values(cast.new.values, 'postgresql')})"
    return lose(condition, REFUSED, "it has no other values")


def _with_blanks(old: ColumnType) -> str:
    """Return the text of a value as it is cast to something else than a text, with the blanks of a CHAR."""
    return f"RPAD({_TEXT}, {old.size})" if old.padded else _TEXT


def _text_date(cast: Cast) -> TypeChange:
    return lose(_unmatched(patterns.DATE), REFUSED, "some texts are no dates like 2024-12-31")


def _text_moment(cast: Cast) -> TypeChange:
    new = cast.new
    if new.zoned:
        return cannot_tell(_ZONE, _unmatched(patterns.moment(new.fraction, patterns.ZONE)), REFUSED)
    condition = _unmatched(patterns.moment(new.fraction))
    return lose(condition, REFUSED, "some texts are no dates and times like 2024-12-31 23:59:59")


def _text_time(cast: Cast) -> TypeChange:
    if cast.new.zoned:
        return cannot_tell(_ZONE)
    return lose(_unmatched(patterns.time(cast.new.fraction)), REFUSED, "some texts are no times like 23:59:59")


def _text_uuid(cast: Cast) -> TypeChange:
    pattern = patterns.whole(f"{patterns.UUID}|[{{]{patterns.UUID}[}}]")
    condition = f"{_with_blanks(cast.old)} !~ {pattern}"
    return lose(condition, REFUSED, "some texts are no UUIDs")


def _text_json(cast: Cast) -> TypeChange:
    asked = f"NOT ({_TEXT} IS JSON)" if cast.version >= (16,) else None
    return lose(asked, REFUSED, "some texts may be no JSON")


def _text_jsonb(cast: Cast) -> TypeChange:
    asked = f"NOT ({_TEXT} IS JSON WITH UNIQUE KEYS)" if cast.version >= (16,) else None
    return lose(asked, REFUSED, "some texts may be no JSON")


_OF_TEXT: Dict[str, Rule] = {
    "integer": _text_integer,
    "decimal": _text_decimal,
    "float": _text_float,
    "boolean": _text_boolean,
    "enum": _text_enum,
    "date": _text_date,
    "moment": _text_moment,
    "time": _text_time,
    "uuid": _text_uuid,
    "json": _text_json,
    "jsonb": _text_jsonb,
    "text": _into_text,
}
