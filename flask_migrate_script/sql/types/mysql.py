"""What MySQL and MariaDB do to the values of a column whose type is changed.

In strict mode, their default, they refuse what does not fit; else they cut it. They round fractions and drop blanks at
the end of a CHAR in either mode. One condition serves both servers: what one rounds and the other cuts is not what it
was on either.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, Iterable, Optional, Tuple

from ..quoting import quote_values
from . import patterns
from .change import ALL, CONVERTED, CUT, EXACT_DIGITS, FITS, REFUSED, ROUNDED, UNREADABLE, TypeChange, cannot_tell, lose
from .column_type import ColumnType, Reader, Written, decimal, floating, integer, names, plain, sized, timed

_BYTES = {"TINY": 2**8 - 1, "": 2**16 - 1, "MEDIUM": 2**24 - 1, "LONG": 2**32 - 1}


def _large(family: str, *widths: int) -> Reader:
    """Return the reader of a TEXT or a BLOB: with a length, it is the smallest of its size that has room for so much.

    :param widths: how many bytes one of that length may be, by the character set that the table has.
    """

    def read(written: Written) -> ColumnType:
        length = written.number()
        sizes = {_BYTES[""]} if length is None else {_find_room(length * width) for width in widths}
        if len(sizes) > 1:
            return ColumnType("other", written.text)
        return ColumnType(family, written.text, sizes.pop(), in_bytes=family == "text", charset=written.charset)

    return read


def _find_room(length: int) -> int:
    return next((size for size in _BYTES.values() if size >= length), _BYTES["LONG"])


READERS: Dict[str, Reader] = {
    **names(integer(8), "TINYINT", "BOOL", "BOOLEAN"),
    **names(integer(16), "SMALLINT"),
    **names(integer(24), "MEDIUMINT"),
    **names(integer(32), "INTEGER", "INT"),
    **names(integer(64), "BIGINT"),
    **names(decimal(10), "NUMERIC", "DECIMAL"),
    **names(floating(24), "FLOAT"),
    **names(floating(53), "DOUBLE", "DOUBLE PRECISION", "REAL"),
    **names(sized("text", 1), "VARCHAR"),
    **names(sized("text", 1, padded=True), "CHAR"),
    **names(sized("national", 1), "NATIONAL VARCHAR", "NVARCHAR"),
    **names(sized("national", 1, padded=True), "NATIONAL CHAR", "NCHAR"),
    **{f"{size}TEXT": sized("text", most, in_bytes=True) for size, most in _BYTES.items() if size},
    **{f"{size}BLOB": sized("binary", most) for size, most in _BYTES.items() if size},
    **names(_large("text", 1, 4), "TEXT"),
    **names(_large("binary", 1), "BLOB"),
    **names(sized("binary", 1), "VARBINARY"),
    **names(sized("binary", 1, padded=True), "BINARY"),
    **names(plain("date"), "DATE"),
    **names(timed("time", 0), "TIME"),
    **names(timed("moment", 0), "DATETIME"),
    **names(timed("stamp", 0), "TIMESTAMP"),
    **names(plain("year"), "YEAR"),
    **names(sized("bits", 1), "BIT"),
    **{name: plain(name.lower()) for name in ("JSON", "UUID", "INET4", "INET6")},
}


Rule = Callable[[ColumnType, ColumnType], TypeChange]

_TEXT = "CONVERT(c USING utf8mb4)"
_END = "(?!.|[[:space:]])"  # with a $ a line break may follow

_ZONE = "MySQL reads a TIMESTAMP in the time zone of the session"


def compare(old: Optional[ColumnType], new: ColumnType) -> TypeChange:
    """Return what becomes of the values.

    :param old: None where it is not known.
    """
    if old is None:
        return _of_texts(new)
    if "other" in (old.family, new.family):
        return cannot_tell(f"nothing is known here of {(old if old.family == 'other' else new).text}")
    rule = _RULES.get((old.family, new.family))
    if rule is None and new.family in _TEXTS:
        rule = _into_text
    if rule is None and old.family in _TEXTS:
        rule = _OF_TEXT.get(new.family)
    if rule is None:
        return cannot_tell(f"what the server makes of {old.text} as {new.text} is not known here")
    return _add_sign(old, new, rule(old, new))


def _of_texts(new: ColumnType) -> TypeChange:
    """Return what can be asked of values of whatever type, by their texts."""
    rule = _into_text if new.family in _TEXTS else _OF_TEXT.get(new.family)
    found = rule(ColumnType("text", "LONGTEXT", _BYTES["LONG"], in_bytes=True), new) if rule else FITS
    return cannot_tell("the old type is not known", found.condition, found.effect)


def _add_sign(old: ColumnType, new: ColumnType, found: TypeChange) -> TypeChange:
    """A number below zero is refused where the new type has no sign."""
    is_signed = bool(old.low) if old.family == "integer" else old.family in ("decimal", "float", *_TEXTS)
    if not new.unsigned or not is_signed or old.unsigned:
        return found
    below = "c < 0" if old.family not in _TEXTS else f"{_TEXT} LIKE '-%'"
    condition = f"{found.condition} OR {below}" if found.condition else below
    return lose(condition, found.effect or REFUSED, found.why or "it has no numbers below zero")


# Numbers


def _integer_integer(old: ColumnType, new: ColumnType) -> TypeChange:
    return FITS if new.low <= old.low and old.high <= new.high else _out_of_range(new)


def _out_of_range(new: ColumnType) -> TypeChange:
    return lose(f"c NOT BETWEEN {new.low} AND {new.high}", REFUSED, "some numbers are out of its range")


def _integer_decimal(old: ColumnType, new: ColumnType) -> TypeChange:
    most = 10 ** ((new.precision or 0) - new.scale) - 1
    if most >= max(old.high, -old.low):
        return FITS
    return lose(f"c NOT BETWEEN {-most} AND {most}", REFUSED, "some numbers have more digits than it keeps")


def _integer_float(old: ColumnType, new: ColumnType) -> TypeChange:
    bits = new.precision or 53
    if old.high <= 2**bits:
        return FITS
    # Without the zeros at its end, in binary, a number is odd: that has to have a place in the mantissa. No cast there
    # and back: one server refuses what is out of range, the other takes the nearest.
    odd = "ABS(CAST(c AS DECIMAL(20, 0))) DIV (c & (~c + 1))"
    condition = f"CASE WHEN c BETWEEN {max(-(2**bits), old.low)} AND {2**bits} THEN FALSE ELSE {odd} >= {2**bits} END"
    return lose(condition, ROUNDED, f"it keeps {EXACT_DIGITS[bits]} digits of a number")


def _float(bits: int) -> str:
    return {24: "FLOAT", 53: "DOUBLE"}[bits]


def _decimal_integer(old: ColumnType, new: ColumnType) -> TypeChange:
    if not old.scale and 10 ** (old.precision or 0) - 1 <= new.high and (old.unsigned or new.low):
        return FITS
    condition = f"c <> ROUND(c) OR c NOT BETWEEN {new.low} AND {new.high}"
    return lose(condition, ROUNDED, "it keeps no digits behind the point")


def _decimal_decimal(old: ColumnType, new: ColumnType) -> TypeChange:
    before = (new.precision or 0) - new.scale
    if old.scale <= new.scale and (old.precision or 0) - old.scale <= before:
        return FITS
    return lose(_beyond("c", new), ROUNDED, f"it keeps {before} digits before the point and {new.scale} behind it")


def _beyond(number: str, new: ColumnType) -> str:
    """Return the condition of the numbers that have more digits than a decimal."""
    return f"ABS({number}) >= 1e{(new.precision or 0) - new.scale} OR {number} <> ROUND({number}, {new.scale})"


def _decimal_float(old: ColumnType, new: ColumnType) -> TypeChange:
    bits = new.precision or 53
    if (old.precision or 65) <= EXACT_DIGITS[bits]:
        return FITS
    condition = f"CAST(CAST(c AS {_float(bits)}) AS DECIMAL(65, {old.scale})) <> c"
    return lose(condition, ROUNDED, f"it keeps {EXACT_DIGITS[bits]} digits of a number")


def _float_integer(old: ColumnType, new: ColumnType) -> TypeChange:
    over = min(new.high + 1, 2**63)  # what is beyond does not become a BIGINT UNSIGNED either
    condition = f"c < {new.low} OR c >= {over} OR c <> TRUNCATE(c, 0)"
    return lose(condition, ROUNDED, "it keeps no digits behind the point")


def _float_decimal(old: ColumnType, new: ColumnType) -> TypeChange:
    bits = old.precision or 53
    in_range = f"ABS(c) < 1e{(new.precision or 0) - new.scale}"
    changed = f"CAST(CAST(c AS DECIMAL(65, {new.scale})) AS {_float(bits)}) <> c"
    why = f"it keeps {new.scale} digits behind the point"
    return lose(f"CASE WHEN {in_range} THEN {changed} ELSE {ALL} END", ROUNDED, why)


def _float_float(old: ColumnType, new: ColumnType) -> TypeChange:
    if (new.precision or 53) >= (old.precision or 53):
        return FITS
    condition = f"CASE WHEN ABS(c) <= 3.4028234663852886e38 THEN CAST(c AS FLOAT) <> c ELSE {ALL} END"
    return lose(condition, ROUNDED, "it keeps 6 digits of a number")


def _integer_bits(old: ColumnType, new: ColumnType) -> TypeChange:
    return _integer_integer(old, replace(new, low=0, high=2 ** (new.size or 1) - 1))


def _bits_integer(old: ColumnType, new: ColumnType) -> TypeChange:
    found = _integer_integer(replace(old, low=0, high=2 ** (old.size or 1) - 1), new)
    return replace(found, condition=f"c + 0 > {new.high}") if found.condition else found


def _bits_bits(old: ColumnType, new: ColumnType) -> TypeChange:
    return _bits_integer(old, replace(new, high=2 ** (new.size or 1) - 1))


def _integer_year(old: ColumnType, new: ColumnType) -> TypeChange:
    return lose("c NOT BETWEEN 1901 AND 2155 AND c <> 0", REFUSED, "a year is one from 1901 to 2155")


def _year_integer(old: ColumnType, new: ColumnType) -> TypeChange:
    return FITS if new.high >= 2155 else _out_of_range(new)


# Dates and times


def _fits(old: ColumnType, new: ColumnType) -> TypeChange:
    return FITS


def _seconds(old: ColumnType, new: ColumnType) -> TypeChange:
    if new.fraction >= old.fraction:
        return FITS
    condition = f"MICROSECOND(c) % {10 ** (6 - new.fraction)} <> 0"
    return lose(condition, ROUNDED, f"it keeps {new.fraction} digits of a second")


def _moment_stamp(old: ColumnType, new: ColumnType) -> TypeChange:
    there = "UNIX_TIMESTAMP(c)"
    unknown = f"{there} IS NULL OR {there} NOT BETWEEN 1 AND 2147483647 OR FROM_UNIXTIME({there}) <> c"
    condition = f"{ALL} AND ({unknown})"
    if new.fraction < old.fraction:
        condition = f"{condition} OR {_seconds(old, new).condition}"
    return lose(condition, REFUSED, "a TIMESTAMP is a time from 1970 to 2038")


def _stamp_moment(old: ColumnType, new: ColumnType) -> TypeChange:
    return cannot_tell(_ZONE, _seconds(old, new).condition, ROUNDED)


def _moment_date(old: ColumnType, new: ColumnType) -> TypeChange:
    return lose("c <> CAST(c AS DATE)", CUT, "a date has no time")


def _moment_time(old: ColumnType, new: ColumnType) -> TypeChange:
    return lose(ALL, CUT, "a time has no date")


def _time_moment(old: ColumnType, new: ColumnType) -> TypeChange:
    return cannot_tell("the server puts the day of the change before it")


# Others


def _enum_enum(old: ColumnType, new: ColumnType) -> TypeChange:
    lost = [one for one in old.values if one not in new.values]
    return lose(_not_one_of(new.values), REFUSED, f"it has no {', '.join(lost)}") if lost else FITS


def _set_set(old: ColumnType, new: ColumnType) -> TypeChange:
    lost = [one for one in old.values if one not in new.values]
    found = " OR ".join(f"FIND_IN_SET({quote_values([one], 'mysql')}, c) > 0" for one in lost)
    return lose(found, REFUSED, f"it has no {', '.join(lost)}") if lost else FITS


def _not_one_of(values: Iterable[str]) -> str:
    return f"CAST({_TEXT} AS BINARY) NOT IN ({quote_values(values, 'mysql')})"


def _binary_binary(old: ColumnType, new: ColumnType) -> TypeChange:
    return _bytes(old.size if old.padded else None, old, new)


def _text_binary(old: ColumnType, new: ColumnType) -> TypeChange:
    return _bytes(None, old, new)


def _bytes(exactly: Optional[int], old: ColumnType, new: ColumnType) -> TypeChange:
    """Bytes are kept up to a size; a BINARY fills a value up to its size."""
    most = _most_bytes(old)
    if new.padded:
        if exactly == new.size:
            return FITS
        return lose(f"LENGTH(c) <> {new.size}", CONVERTED, f"each value is filled up to {new.size} bytes")
    if new.size is None or (most is not None and most <= new.size):
        return FITS
    return lose(f"LENGTH(c) > {new.size}", REFUSED, f"it keeps {new.size} bytes")


_RULES: Dict[Tuple[str, str], Rule] = {
    ("integer", "integer"): _integer_integer,
    ("integer", "decimal"): _integer_decimal,
    ("integer", "float"): _integer_float,
    ("integer", "bits"): _integer_bits,
    ("integer", "year"): _integer_year,
    ("decimal", "integer"): _decimal_integer,
    ("decimal", "decimal"): _decimal_decimal,
    ("decimal", "float"): _decimal_float,
    ("float", "integer"): _float_integer,
    ("float", "decimal"): _float_decimal,
    ("float", "float"): _float_float,
    ("bits", "integer"): _bits_integer,
    ("bits", "bits"): _bits_bits,
    ("year", "integer"): _year_integer,
    ("year", "year"): _fits,
    ("date", "date"): _fits,
    ("date", "moment"): _fits,
    ("date", "stamp"): _moment_stamp,
    ("date", "time"): _moment_time,
    ("moment", "moment"): _seconds,
    ("moment", "stamp"): _moment_stamp,
    ("moment", "date"): _moment_date,
    ("moment", "time"): _moment_time,
    ("stamp", "stamp"): _seconds,
    ("stamp", "moment"): _stamp_moment,
    ("stamp", "date"): _moment_date,
    ("stamp", "time"): _moment_time,
    ("time", "time"): _seconds,
    ("time", "date"): _time_moment,
    ("time", "moment"): _time_moment,
    ("time", "stamp"): _time_moment,
    ("enum", "enum"): _enum_enum,
    ("set", "set"): _set_set,
    ("binary", "binary"): _binary_binary,
    ("text", "binary"): _text_binary,
    **{(one, one): _fits for one in ("json", "uuid", "inet4", "inet6")},
}


# Texts


_TEXTS = ("text", "national")


def _into_text(old: ColumnType, new: ColumnType) -> TypeChange:
    """A value as a text: whether it is short enough, in a character set that has its characters."""
    if old.family in ("binary", "bits"):
        return cannot_tell("whether bytes are a text depends on its character set")
    found = _shorter(old, new)
    if new.values and not (old.values and set(old.values) <= set(new.values)):
        return lose(_not_one_of(new.values), UNREADABLE, "the models know other values only")
    return _in_charset(old, new, found)


def _shorter(old: ColumnType, new: ColumnType) -> TypeChange:
    asked, why = [], []
    if _is_shorter(old, new):
        asked.append(f"{'LENGTH' if new.in_bytes else 'CHAR_LENGTH'}(c) > {new.size}")
        why.append(f"it keeps {new.size} {'bytes' if new.in_bytes else 'characters'}")
    if old.family == "float" and old.precision == 24:
        asked.append("CAST(CAST(c AS CHAR) AS FLOAT) <> c")
        why.append("a FLOAT is written with 6 digits")
    if new.padded and old.family in (*_TEXTS, "enum", "set", "json") and not old.padded:
        asked.append(f"{_TEXT} LIKE '% '")
        why.append("blanks at the end are lost")
    return lose(" OR ".join(asked), REFUSED, ", ".join(why)) if asked else FITS


def _is_shorter(old: ColumnType, new: ColumnType) -> bool:
    longest = _most_bytes(old) if new.in_bytes else _longest(old)
    return longest is None or new.size is None or longest > new.size


def _longest(type_: ColumnType) -> Optional[int]:
    """Return how many characters the longest value takes as a text; None where that is not known."""
    if type_.family == "set":
        return sum(map(len, type_.values)) + len(type_.values)
    if type_.values:
        return max(map(len, type_.values))
    if type_.family in _TEXTS:
        return type_.size
    if type_.family == "integer":
        return max(len(str(type_.low)), len(str(type_.high)))
    if type_.family == "decimal":
        return max(type_.precision or 0, type_.scale + 1) + (type_.scale > 0) + (not type_.unsigned)
    if type_.family == "float":
        return 24 if type_.precision == 53 else 13
    more = type_.fraction + 1 if type_.fraction else 0
    return _LENGTHS[type_.family] + more if type_.family in _LENGTHS else None


_LENGTHS = {"date": 10, "time": 10, "moment": 19, "stamp": 19, "year": 4, "uuid": 36, "inet4": 15, "inet6": 39}


def _most_bytes(type_: ColumnType) -> Optional[int]:
    """Return how many bytes the longest value takes: four a character."""
    if type_.family == "json":
        return _BYTES["LONG"]
    if type_.family == "binary" or type_.in_bytes:
        return type_.size
    longest = _longest(type_)
    if longest is None:
        return None
    return min(longest * 4, _BYTES[""]) if type_.family in (*_TEXTS, "enum", "set") else longest


def _in_charset(old: ColumnType, new: ColumnType, found: TypeChange) -> TypeChange:
    before, after = (_charset(type_) for type_ in (old, new))
    if old.family not in _TEXTS or before == after or after == "utf8mb4":
        return found
    if not after:
        return found if found.may_lose else cannot_tell("the character set of the table is not known")
    unknown = f"CAST(CONVERT(CONVERT(c USING {after}) USING utf8mb4) AS BINARY) <> CAST({_TEXT} AS BINARY)"
    condition = f"{found.condition} OR {unknown}" if found.condition else unknown
    return lose(condition, REFUSED, f"the character set {after} does not have every character")


def _charset(type_: ColumnType) -> str:
    """Return the character set that is written with a type, by its collation too; empty where there is none."""
    if type_.family == "national":
        return "utf8mb3"
    words = type_.charset.lower().split()
    if words[:2] == ["character", "set"]:
        return words[2]
    return words[1].partition("_")[0] if words[:1] == ["collate"] else ""


def _unmatched(pattern: str, otherwise: str = "") -> str:
    """Return the condition of the texts that are not of a pattern, or are and do not fit otherwise."""
    quoted = f"'^({pattern}){_END}'"
    if not otherwise:
        return f"{_TEXT} NOT REGEXP {quoted}"
    return f"CASE WHEN {_TEXT} REGEXP {quoted} THEN {otherwise} ELSE {ALL} END"


def _text_integer(old: ColumnType, new: ColumnType) -> TypeChange:
    outside = f"CAST({_TEXT} AS DECIMAL(65, 0)) NOT BETWEEN {new.low} AND {new.high}"
    return lose(_unmatched(patterns.WHOLE, outside), REFUSED, "some texts are no whole numbers of its range")


def _text_decimal(old: ColumnType, new: ColumnType) -> TypeChange:
    scale = 30 if (new.precision or 0) - new.scale <= 35 else new.scale
    beyond = _beyond(f"CAST({_TEXT} AS DECIMAL(65, {scale}))", new)
    return lose(_unmatched(patterns.NUMBER, beyond), REFUSED, "some texts are no numbers, or have more digits")


def _text_float(old: ColumnType, new: ColumnType) -> TypeChange:
    there = f"CAST(CAST({_TEXT} AS {_float(new.precision or 53)}) AS CHAR)"
    changed = f"CAST({there} AS DECIMAL(65, 30)) <> CAST({_TEXT} AS DECIMAL(65, 30))"
    condition = _unmatched("-?(0|[1-9][0-9]{0,29})([.][0-9]{1,30})?", changed)
    return lose(condition, REFUSED, "some texts are no numbers, or have more digits")


def _text_date(old: ColumnType, new: ColumnType) -> TypeChange:
    return lose(_unmatched(patterns.DATE), REFUSED, "some texts are no dates like 2024-12-31")


def _text_moment(old: ColumnType, new: ColumnType) -> TypeChange:
    condition = _unmatched(patterns.moment(new.fraction))
    return lose(condition, REFUSED, "some texts are no dates and times like 2024-12-31 23:59:59")


def _text_stamp(old: ColumnType, new: ColumnType) -> TypeChange:
    return cannot_tell(_ZONE, _text_moment(old, new).condition, REFUSED)


def _text_time(old: ColumnType, new: ColumnType) -> TypeChange:
    pattern = f"-?{patterns.time(new.fraction, patterns.HOURS)}"
    return lose(_unmatched(pattern), REFUSED, "some texts are no times like 23:59:59")


def _text_year(old: ColumnType, new: ColumnType) -> TypeChange:
    years = "19(0[1-9]|[1-9][0-9])|20[0-9]{2}|21[0-4][0-9]|215[0-5]"
    return lose(_unmatched(years), REFUSED, "a year is one from 1901 to 2155")


def _text_enum(old: ColumnType, new: ColumnType) -> TypeChange:
    return lose(_not_one_of(new.values), REFUSED, "it has no other values")


def _text_json(old: ColumnType, new: ColumnType) -> TypeChange:
    # But for numbers: MySQL keeps 15 digits of those that are no integers, and MariaDB the text.
    return lose(f"NOT JSON_VALID({_TEXT})", REFUSED, "some texts are no JSON")


def _text_uuid(old: ColumnType, new: ColumnType) -> TypeChange:
    return lose(_unmatched(patterns.UUID), REFUSED, "some texts are no UUIDs")


_OF_TEXT: Dict[str, Rule] = {
    "integer": _text_integer,
    "decimal": _text_decimal,
    "float": _text_float,
    "date": _text_date,
    "moment": _text_moment,
    "stamp": _text_stamp,
    "time": _text_time,
    "year": _text_year,
    "enum": _text_enum,
    "json": _text_json,
    "uuid": _text_uuid,
}
