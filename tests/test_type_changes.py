"""Whether the values of a column fit another type: what the servers do, value by value, and what is said of it.

Each change is made by the statement that Alembic writes, on values at the edges of the old type. A value is the same
where it is what it was when the type is changed there and back; of a text, where the new value is what it says.
``fits`` has to mean that every value is the same, and the condition of ``may lose`` has to select those, and only
those, that the server refuses or that are not.
"""

import datetime
import decimal
import functools
import io
import itertools
import json
import time
import uuid
from collections import Counter

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations, ops
from sqlalchemy.dialects import mysql, postgresql

from flask_migrate_script.autogenerate import losses
from flask_migrate_script.linting.data import find_lost
from flask_migrate_script.linting.files import read_file
from flask_migrate_script.linting.written import read_operations
from flask_migrate_script.rehearsal.predictions import of_operation as count_losses
from flask_migrate_script.seam.driver import driver_connection
from flask_migrate_script.sql.types import Verdict, compare_types, keeps_rows, load_dialect

split = str.split
NAMES = {"sa": sa, "postgresql": postgresql, "mysql": mysql}

TEXTS = split("a b abc 1 0 2.0 007 +7 12345 -32769 99999999999 1.50 999.995 0.1 2020-01-02 2020-02-30 1900-02-29")
TEXTS += split("2020-1-2 2020-01-02T03:04:05 03:04:05 03:04:05.25 03:04 true No A")
TEXTS += ["", " 1", "a  ", "2020-01-02 03:04:05", "2020-01-02 03:04:05.5", "[1, 2]", "é"]
UUIDS = ["6f9619ff-8b86-d011-b42d-00c04fc964ff", "6F9619FF8B86D011B42D00C04FC964FF"]
MOMENTS = ["2020-01-02 03:04:05", "2020-01-02 00:00:00", "1960-01-01 00:00:00", "9999-12-31 23:59:59"]
FRACTIONS = ["2020-01-02 03:04:05.5", "2020-01-02 03:04:05.123456", "2020-01-02 03:04:05.123000"]
INTEGERS = split("-2147483648 -32769 -1 0 1 2 99 999 2020 32768 16777216 16777217 99999999 2147483647")
BIG = split("-9223372036854775808 0 1 16777217 9007199254740992 9007199254740993")
BIG += ["9223372036854774784", "9223372036854775807"]

POSTGRESQL = {
    "sa.SmallInteger()": split("-32768 -1 0 1 32767"),
    "sa.Integer()": INTEGERS,
    "sa.BigInteger()": BIG,
    "sa.Numeric()": split("0 1 -1.5 0.1 99.999 12345678901234567890.5 1e400 1e-400 NaN Infinity 2147483648 32768"),
    "sa.Numeric(5, 2)": split("0 -999.99 999.99 1.5 1 1.25 200"),
    "sa.Numeric(8, 5)": split("0 1.12345 999.99999 2.5"),
    "sa.REAL()": split("0 1 0.1 16777216 3.4028235e38 1e-45 NaN Infinity 1.5 32768 1e20 99.999 0.33333334"),
    "sa.Float(53)": split("0 1 0.1 0.30000000000000004 1e300 5e-324 NaN -Infinity 2147483648 2.5 3.5e38 1e-50"),
    "sa.Boolean()": ["true", "false"],
    "sa.String(3)": ["", "abc", "a ", "1", "0", "t", "2.0", "007", "yes", "NO"],
    "sa.String(30)": TEXTS,
    "sa.Text()": [*UUIDS, "x" * 40, "trail  ", "0.12345678901234567", "2020-01-02 03:04:05.1234567", "-7.25"],
    "sa.CHAR(3)": ["a", "abc", "", "a b", "7"],
    "sa.LargeBinary()": ["\\x", "\\x00ff", "abc"],
    "sa.Date()": ["2020-01-02", "0001-01-01", "9999-12-31"],
    "sa.DateTime()": [*MOMENTS, *FRACTIONS, "infinity", "2021-03-28 02:30:00", "2020-01-02 23:59:59.9999"],
    "postgresql.TIMESTAMP(precision=0)": MOMENTS,
    "sa.DateTime(timezone=True)": ["2020-01-02 03:04:05+00", "2020-01-02 00:00:00", "2021-10-31 00:30:00+00"],
    "sa.Time()": ["03:04:05", "00:00:00", "23:59:59.999999", "01:02:03.5"],
    "sa.Time(timezone=True)": ["03:04:05+00", "03:04:05+05:30"],
    "sa.Interval()": ["1 day", "1 hour", "1.5 seconds", "1 mon 3 days 02:03:04", "-1 hour"],
    "sa.Enum('a', 'b', name='small')": ["a", "b"],
    "sa.Enum('a', 'b', 'long one', name='large')": ["a", "b", "long one"],
    "sa.Enum('a', 'b', name='texts', native_enum=False, create_constraint=False)": ["a", "b"],
    "postgresql.UUID()": UUIDS[:1],
    "sa.JSON()": ['{"a": 1}', "[1, 2]"],
    "postgresql.JSONB()": ['{"a": 1}', "[1, 2]"],
    "sa.ARRAY(sa.Integer())": ["{}", "{1,2}", "{99999,NULL}"],
}

MYSQL = {
    "mysql.TINYINT()": split("-128 -1 0 1 127"),
    "sa.Boolean()": ["0", "1"],
    "sa.Integer()": INTEGERS,
    "mysql.INTEGER(unsigned=True)": split("0 1 2147483648 4294967295"),
    "sa.BigInteger()": BIG,
    "mysql.BIGINT(unsigned=True)": split("0 1 9223372036854775808 18446744073709551615"),
    "sa.Numeric(5, 2)": split("0 -999.99 999.99 1.5 1 1.25 200"),
    "mysql.DECIMAL(8, 5, unsigned=True)": split("0 1.12345 999.99999 2.5"),
    "sa.Float()": split("0 1 0.1 16777216 1234567 3.4e38 -1.5 1e20 99.999"),
    "sa.Float(53)": split("0 1 0.1 0.30000000000000004 1e300 -2.5 16777217 1e39 1e-50 9223372036854775808 99.999"),
    "sa.String(3)": ["", "abc", "a ", "1", "2.0", "007", "b,a", "é", "-7", "c"],
    "sa.String(30)": [*TEXTS, "25:00:00", "2020", "12\n"],
    "mysql.NVARCHAR(30)": ["é", "a "],
    "mysql.VARCHAR(30, charset='utf8mb4')": ["é", "a ", "\U0001f600"],
    "mysql.VARCHAR(30, charset='latin1')": ["é", "a "],
    "sa.CHAR(3)": ["a", "abc", "", "1"],
    "mysql.TINYTEXT()": ["a ", "", "7", "é" * 100],
    "sa.Text()": [*UUIDS, "x" * 255, "x" * 256, "é" * 200, "0.12345678901234567", "2020-01-02 03:04:05.1234567"],
    "mysql.LONGTEXT()": ["a", "x" * 70000],
    "sa.LargeBinary()": ["a", "x" * 300],
    "sa.Date()": ["2020-01-02", "1960-01-01"],
    "sa.DateTime()": [*MOMENTS, "1970-01-01 00:00:00", "2038-01-19 03:14:07"],
    "mysql.DATETIME(fsp=6)": [*MOMENTS, *FRACTIONS],
    "mysql.TIMESTAMP(fsp=3)": ["2020-01-02 03:04:05", "2020-01-02 03:04:05.123"],
    "sa.Time()": ["03:04:05", "00:00:00", "-10:00:00", "838:59:59"],
    "mysql.TIME(fsp=6)": ["03:04:05", "03:04:05.5"],
    "sa.Enum('a', 'b', name='e')": ["a", "b"],
    "sa.Enum('b', 'long one', 'a', name='e')": ["a", "b", "long one"],
    "sa.Enum('a', 'b', name='e', native_enum=False, create_constraint=False)": ["a", "b"],
    "sa.JSON()": ['{"a": 1}', "[1, 2]"],
}

SQLITE = {
    "sa.SmallInteger()": [0, 1, 32767],
    "sa.Integer()": [0, 1, -5, 2**53 + 1],
    "sa.BigInteger()": [0, 2**62 + 1],
    "sa.Numeric()": [0, 1.5, 0.1, 0.1 + 0.2, 2**53 + 1],
    "sa.Numeric(8, 2)": [0, 1.25, 999999.99],
    "sa.Float()": [0.0, 0.1 + 0.2, 1e300, 2.5],
    "sa.Boolean()": [0, 1],
    "sa.String(3)": ["", "abc", "1", "007", "2.0"],
    "sa.String(30)": [*TEXTS, "12abc", "0.30000000000000004", "1e3"],
    "sa.Text()": ["x" * 300, "7", "-7.25", "+7"],
    "sa.CHAR(32)": ["6f9619ff8b86d011b42d00c04fc964ff"],
    "sa.LargeBinary()": [b"abc", b"12"],
    "sa.Date()": ["2020-01-02"],
    "sa.DateTime()": ["2020-01-02 03:04:05.000000"],
    "sa.Time()": ["03:04:05.000000"],
    "sa.Enum('a', 'long one', name='e')": ["a", "long one"],
    "sa.Enum('a', 'b', 'long one', name='e')": ["a", "b", "long one"],
    "sa.JSON()": ['{"a": 1}'],
}
if hasattr(sa, "Uuid"):
    SQLITE["sa.Uuid()"] = ["6f9619ff8b86d011b42d00c04fc964ff"]

TYPES = {"postgresql": POSTGRESQL, "mysql": MYSQL, "sqlite": SQLITE}

ALONE = {
    "postgresql": [
        ("sa.Numeric(4)", "sa.Integer()", split("0 -9999 9999")),
        ("sa.Numeric(4)", "sa.SmallInteger()", split("0 -9999 9999")),
        ("sa.Numeric(8, 5)", "sa.Numeric(12, 5)", ["999.99999"]),
        ("sa.Numeric(8, 5)", "sa.Numeric(8, 2)", ["1.12345", "1.25", "999.999"]),
        ("sa.Time()", "postgresql.TIME(precision=0)", ["03:04:05", "03:04:05.4", "23:59:59.999999"]),
        ("sa.String(9)", "sa.String(90)", ["", "x" * 9]),
        ("sa.String(9)", "sa.String()", ["", "x" * 9]),
        ("sa.Text()", "sa.UnicodeText()", ["", "x" * 9]),
        ("sa.Text()", "sa.Unicode()", ["", "x" * 9]),
        ("sa.CHAR(3)", "sa.CHAR(5)", ["", "x", "xyz"]),
        ("sa.CHAR(5)", "sa.CHAR(3)", ["", "x", "xyz", "xyzab"]),
        ("postgresql.INET()", "postgresql.CIDR()", ["10.0.0.1", "10.0.0.0/8", "10.0.0.1/8"]),
        ("postgresql.CIDR()", "postgresql.INET()", ["10.0.0.0/8"]),
        ("postgresql.INET()", "sa.String(12)", ["10.0.0.1", "10.100.100.100"]),
        ("postgresql.BIT(3)", "postgresql.BIT(5)", ["101"]),
        ("postgresql.BIT(3)", "postgresql.BIT(5, varying=True)", ["101"]),
        ("postgresql.BIT(5, varying=True)", "postgresql.BIT(3)", ["1", "101", "10101"]),
        ("postgresql.BIT(5, varying=True)", "postgresql.BIT(3, varying=True)", ["1", "101", "10101"]),
        ("sa.ARRAY(sa.SmallInteger())", "sa.ARRAY(sa.Integer())", ["{}", "{1,NULL}"]),
        ("sa.ARRAY(sa.Integer())", "sa.ARRAY(sa.SmallInteger())", ["{}", "{1,NULL}", "{1,99999}"]),
        ("sa.ARRAY(sa.Text())", "sa.ARRAY(sa.String(3))", ["{}", "{abc,d}", "{abcdef}"]),
        ("sa.Interval()", "postgresql.INTERVAL(precision=0)", ["1 day", "1.5 seconds"]),
        ("sa.Interval()", "postgresql.INTERVAL(fields='YEAR TO MONTH')", ["1 mon", "1 mon 3 days"]),
        (
            "sa.String(3)",
            "sa.Enum('a', 'b', name='e', native_enum=False, create_constraint=True)",
            ["a", "A", "c", "abc"],
        ),
        ("postgresql.MACADDR()", "sa.Text()", ["08:00:2b:01:02:03"]),
    ],
    "mysql": [
        ("sa.SmallInteger()", "mysql.MEDIUMINT()", ["-32768", "32767"]),
        ("mysql.MEDIUMINT()", "sa.SmallInteger()", ["-32769", "-32768", "8388607"]),
        ("sa.Numeric(8, 2)", "sa.Numeric()", ["1", "1.25", "999999.99"]),
        ("sa.Numeric(4, 0)", "sa.Integer()", ["-9999", "9999"]),
        ("sa.String(9)", "sa.String(90)", ["", "é" * 9]),
        ("sa.String(300)", "sa.Text()", ["", "é" * 300]),
        ("mysql.VARBINARY(9)", "mysql.VARBINARY(5)", ["", "abcde", "abcdef"]),
        ("mysql.VARBINARY(5)", "mysql.VARBINARY(9)", ["", "abcde"]),
        ("mysql.VARBINARY(5)", "sa.BINARY(5)", ["", "abc", "abcde"]),
        ("sa.LargeBinary()", "mysql.TINYBLOB()", ["", "x" * 255, "x" * 256]),
        ("mysql.TINYBLOB()", "mysql.LONGBLOB()", ["", "x" * 255]),
        ("sa.LargeBinary(9)", "mysql.TINYBLOB()", ["", "x" * 255]),
        ("sa.LargeBinary()", "sa.LargeBinary(9)", ["", "x" * 255, "x" * 256]),
        ("sa.Text()", "sa.Text(9)", ["", "x" * 255, "é" * 128]),
        ("sa.Text()", "sa.Text(100)", ["x" * 255]),
        ("mysql.MEDIUMTEXT()", "sa.Text()", ["x" * 65535, "x" * 65536, "é" * 40000]),
        ("mysql.SET('a', 'b')", "mysql.SET('b', 'c', 'a')", ["", "a", "a,b"]),
        ("mysql.SET('b', 'c', 'a')", "mysql.SET('a', 'b')", ["", "a", "b,a", "c", "a,c"]),
        ("mysql.SET('a', 'b')", "sa.String(2)", ["", "a", "a,b"]),
        ("mysql.ENUM('a', 'b')", "mysql.ENUM('a', 'b', 'c')", ["a", "b"]),
        ("mysql.ENUM('a', 'b')", "mysql.ENUM('b')", ["a", "b"]),
        ("mysql.YEAR()", "sa.Integer()", ["2020", "1901", "2155"]),
        ("mysql.YEAR()", "mysql.TINYINT()", ["2020", "1901", "2155"]),
        ("sa.Integer()", "mysql.YEAR()", ["0", "1900", "1901", "2155", "2156", "2020", "70"]),
        ("mysql.BIT(3)", "mysql.BIT(8)", ["5", "0"]),
        ("mysql.BIT(8)", "mysql.BIT(3)", ["5", "255", "8", "7"]),
        ("mysql.BIT(8)", "mysql.TINYINT()", ["5", "255", "127", "128"]),
        ("sa.Integer()", "mysql.BIT(3)", ["-1", "0", "7", "8"]),
        ("mysql.FLOAT(unsigned=True)", "sa.Float()", ["0", "1.5"]),
        ("sa.Float()", "mysql.FLOAT(unsigned=True)", ["0", "1.5", "-1.5"]),
        (
            "sa.String(3)",
            "sa.Enum('a', 'b', name='e', native_enum=False, create_constraint=True)",
            ["a", "A", "c", "abc"],
        ),
        ("sa.Integer()", "sa.Boolean(name='e', create_constraint=True)", ["0", "1", "2", "-1"]),
        ("sa.String(3)", "sa.Boolean(name='e', create_constraint=True)", ["0", "1", "2", "x"]),
        ("sa.Numeric(5, 2)", "mysql.DECIMAL(5, 2, unsigned=True)", ["0", "1.5", "-1.5"]),
    ],
    "sqlite": [
        ("sa.String(9)", "sa.String(90)", ["", "x" * 9]),
        ("sa.String(90)", "sa.String(9)", ["", "x" * 90]),
        ("sa.BigInteger()", "sa.SmallInteger()", [0, 2**62 + 1]),
        (
            "sa.String(3)",
            "sa.Enum('a', 'b', name='e', native_enum=False, create_constraint=True)",
            ["a", "A", "c", "abc"],
        ),
        ("sa.Integer()", "sa.Boolean(name='e', create_constraint=True)", [0, 1, 2, -1]),
        ("sa.String(3)", "sa.Boolean(name='e', create_constraint=True)", ["0", "1", "2", "x"]),
        ("sa.Enum('a', 'b', name='e')", "sa.Enum('a', 'b', 'long one', name='e')", ["a", "b"]),
    ],
}
"""Changes of types that hardly anybody changes to one of the others, and some that people make."""
KINDS = list(TYPES)
CANNOT_TELL = {"postgresql": 0.05, "mysql": 0.4, "sqlite": 0.05}
"""The largest share of the changes, each type to each, for which no answer may be had."""


@functools.lru_cache(maxsize=None)
def made(source):
    return eval(source, NAMES)


@functools.lru_cache(maxsize=None)
def written(source, kind):
    return str(made(source).compile(dialect=load_dialect(kind)))


def changes(kind):
    """Yield each change of a type, and PostgreSQL's USING: none, and a cast."""
    for old in TYPES[kind]:
        for new in TYPES[kind]:
            yield old, new, None
            if kind == "postgresql" and old in ("sa.String(30)", "sa.Text()", "sa.CHAR(3)", "sa.Integer()"):
                yield old, new, f"c::{written(new, kind)}"
    for old, new, _ in ALONE[kind]:
        yield old, new, None


def samples(kind, old, new):
    return next((values for one, other, values in ALONE[kind] if (one, other) == (old, new)), TYPES[kind].get(old))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_is_what_the_server_does(new_database, kind):
    started = time.monotonic()
    with new_database(kind).engine().connect() as connection:
        server = SERVERS[kind](connection)
        wrong, verdicts = [], Counter()
        for old, new, using in changes(kind):
            told = compare_types(made(old), made(new), connection.dialect, using=using)
            verdicts[told.verdict] += 1
            wrong += [f"{old} -> {new} {using or ''}: {text}" for text in judged(server, told, old, new, using)]
    share = verdicts[Verdict.CANNOT_TELL] / sum(verdicts.values())
    seconds = time.monotonic() - started
    print(f"{kind}: {sum(verdicts.values())} changes, {share:.0%} cannot be told, {seconds:.0f} s, {dict(verdicts)}")
    assert not wrong, "\n".join(wrong)
    assert sum(verdicts.values()) >= 120
    assert share <= CANNOT_TELL[kind]


def judged(server, told, old, new, using):
    """Yield what is wrong with an answer."""
    values = samples(server.kind, old, new)
    fates = server.fates(old, new, using)
    gone = {place for place, fate in fates.items() if fate != "same"}
    # The server keeps it, by its CHECK too where that is one of MySQL's, and the models cannot read it.
    if told.effect == "unreadable" or (isinstance(made(new), sa.Enum) and made(new).create_constraint):
        gone |= {place for place, value in enumerate(values) if not readable(value, made(new))}
    selected = server.select(told.condition) if told.condition else set()
    falsely, missed = [
        [(values[one], fates[one]) for one in sorted(some)] for some in (selected - gone, gone - selected)
    ]
    if told.verdict is Verdict.FITS and gone:
        yield f"fits, but {missed}"
    if falsely:
        yield f"{told.condition} selects {falsely}"
    if told.verdict is Verdict.MAY_LOSE and missed and told.condition:
        yield f"{told.condition} misses {missed}"


def readable(value, type_):
    if isinstance(type_, sa.JSON):
        return says(value, value, type_)
    return value in (type_.enums if isinstance(type_, sa.Enum) else (0, 1))


class Server:
    """A table ``t (i, c)``, made anew for each change of the type of ``c``."""

    kind = ""
    mark = "%s"

    def commit(self):
        pass

    def __init__(self, connection):
        self.connection = connection
        self.cursor = driver_connection(connection).cursor()
        self.values, self.filled = [], None

    def run(self, sql, values=()):
        self.cursor.execute(sql, *([values] if values else []))
        return self.cursor.fetchall() if self.cursor.description else []

    def written(self, source):
        return written(source, self.kind)

    def alter(self, old, new, using):
        """Run what Alembic writes: an ALTER, and a CHECK where a type has one."""
        text = io.StringIO()
        context = MigrationContext.configure(
            dialect_name=self.kind, opts={"as_sql": True, "output_buffer": text, "literal_binds": True}
        )
        more = {"postgresql_using": using} if using else {}
        Operations(context).alter_column("t", "c", existing_type=made(old), type_=made(new), **more)
        for statement in text.getvalue().split(";\n"):
            if statement.strip():
                self.run(statement)

    def select(self, condition):
        """Return the values in which a condition holds, as they are counted."""
        return {row[0] for row in self.run(f"SELECT i FROM (SELECT i, c AS c FROM source) counted WHERE {condition}")}

    def fates(self, old, new, using):
        """Return what becomes of each value of the old type: same, changed or refused."""
        self.values = samples(self.kind, old, new)
        self.fill(old)
        fates = self.change(range(len(self.values)), old, new, using)
        if fates is not None:
            return fates
        alone = {}
        for place in range(len(self.values)):
            alone.update(self.change([place], old, new, using) or {place: "refused"})
        return alone


def same(before, after, back, old, new):
    """Return whether a value is what it was, from the texts of the old one, the new one, and that changed back."""
    old, new = made(old), made(new)
    if isinstance(old, sa.String) and not isinstance(new, sa.String):
        return says(before, after, new)
    if isinstance(new, sa.String):  # all that is not a text is written as one
        return after == before
    if isinstance(old, (sa.Integer, *NUMBERS)) and isinstance(new, (sa.Integer, *NUMBERS)):
        return back is not None and (back == before or decimal.Decimal(back) == decimal.Decimal(before))
    return back == before or (isinstance(old, sa.Time) and after == before)


def says(text, value, type_):
    """Return whether a text says what a value of another type is."""
    try:
        if isinstance(type_, sa.Integer):
            return text == value
        if isinstance(type_, NUMBERS):
            return decimal.Decimal(text) == decimal.Decimal(value) and plainly(text)
        if isinstance(type_, sa.Boolean):
            return True
        if isinstance(type_, sa.DateTime):
            return moment(text) == moment(value)
        if isinstance(type_, sa.Time):
            return span(text) == span(value)
        if isinstance(type_, sa.JSON):
            return json.loads(text) == json.loads(value)
        if isinstance(type_, postgresql.UUID):
            return uuid.UUID(text) == uuid.UUID(value)
    except (ValueError, ArithmeticError):
        return False
    return text == value


NUMBERS = (sa.Numeric, sa.Float)  # the one is no longer the other on SQLAlchemy 2.1


def span(text):
    head, _, fraction = text.partition(".")
    return (head if head.count(":") == 2 else f"{head}:00"), fraction.rstrip("0")


def moment(text):
    head, _, fraction = text.replace("T", " ").partition(".")
    head = head if " " in head else f"{head} 00:00:00"
    if len(head) != 19:
        raise ValueError(text)
    return datetime.datetime.strptime(head, "%Y-%m-%d %H:%M:%S"), fraction.rstrip("0")


def plainly(text):
    """Return whether a number is written with nothing that is lost: signs, zeros before it."""
    digits = text.lstrip("-")
    return (
        digits[:1].isdigit()
        and "e" not in digits
        and not (digits[0] == "0" and digits[1:2].isdigit())
        and text.strip() == text
    )


class PostgreSQL(Server):
    kind = "postgresql"

    def __init__(self, connection):
        super().__init__(connection)
        driver_connection(connection).autocommit = True
        self.run("CREATE TYPE small AS ENUM ('a', 'b')")
        self.run("CREATE TYPE large AS ENUM ('a', 'b', 'long one')")

    def fill(self, old):
        if self.filled != (old, self.values):
            self.filled = old, self.values
            for name in ("t", "source"):
                self.run(f"DROP TABLE IF EXISTS {name}")
                self.run(f"CREATE TEMPORARY TABLE {name} (i INTEGER, c {self.written(old)})")
                for row in enumerate(self.values):
                    self.run(f"INSERT INTO {name} VALUES (%s, %s)", row)

    def change(self, places, old, new, using):
        self.run("BEGIN")
        try:
            if len(places) < len(self.values):
                self.run(f"DELETE FROM t WHERE i NOT IN ({', '.join(map(str, places))})")
            before = dict(self.run("SELECT i, c::text FROM t"))
            try:
                self.alter(old, new, using)
            except Exception as error:
                code = getattr(error, "sqlstate", None) or error.pgcode  # psycopg 3, and 2
                # "cannot be cast": it is so for each value
                return dict.fromkeys(places, "refused") if code in ("42804", "42846") else None
            after = dict(self.run("SELECT i, c::text FROM t"))
            back = self.back(before, old)
            return {
                place: "same" if same(text, after[place], back.get(place), old, new) else f"is {after[place]}"
                for place, text in before.items()
            }
        finally:
            self.run("ROLLBACK")

    def back(self, places, old):
        """Return the texts of the values as the old type again."""
        type_, found = self.written(old), {}
        for cast in (f"c::{type_}", f"c::text::{type_}"):
            for where in ["TRUE"] if not found else []:
                found.update(self.attempt(f"SELECT i, ({cast})::text FROM t WHERE {where}"))
            for place in places if not found else []:
                found.update(self.attempt(f"SELECT i, ({cast})::text FROM t WHERE i = {place}"))
        return found

    def attempt(self, sql):
        self.run("SAVEPOINT attempt")
        try:
            return dict(self.run(sql))
        except Exception:
            self.run("ROLLBACK TO SAVEPOINT attempt")
            return {}
        finally:
            self.run("RELEASE SAVEPOINT attempt")


class MySQL(Server):
    kind = "mysql"

    def commit(self):
        driver_connection(self.connection).commit()

    def table(self, name, type_, rows):
        self.run(f"DROP TEMPORARY TABLE IF EXISTS {name}")
        self.run(f"CREATE TEMPORARY TABLE {name} (i INTEGER, c {type_} NULL) ENGINE = MyISAM")
        if isinstance(rows, str):
            self.run(f"INSERT INTO {name} {rows}")
        for row in rows if not isinstance(rows, str) else ():
            self.run(f"INSERT INTO {name} VALUES (%s, %s)", row)

    def fill(self, old):
        if self.filled != (old, self.values):
            self.filled = old, self.values
            values = [int(one) if "BIT" in old else one for one in self.values]
            self.table("source", self.written(old), list(enumerate(values)))

    def change(self, places, old, new, using):
        self.table("t", self.written(old), f"SELECT * FROM source WHERE i IN ({', '.join(map(str, places))})")
        before = self.texts("t", old)
        try:
            self.alter(old, new, using)
        except Exception:
            return None
        after, back = self.texts("t", new), self.back(before, old, new)
        return {
            place: "same" if self.same(text, after[place], back.get(place), old, new) else f"is {after[place]}"
            for place, text in before.items()
        }

    def same(self, before, after, back, old, new):
        number = (sa.Integer, *NUMBERS)
        if isinstance(made(new), sa.Boolean):
            return (after if isinstance(made(old), sa.String) else back) == before
        if isinstance(made(old), sa.String) and new == "sa.Float()":
            return says(before, f"{float(after):.6g}", made(new))
        if isinstance(made(new), mysql.SET) and isinstance(made(old), mysql.SET):
            return set(before.split(",")) == set(after.split(","))
        if isinstance(made(old), sa.Float) and isinstance(made(new), sa.String):
            return back is not None and float(back) == float(before) and len(after) <= (made(new).length or 99)
        if isinstance(made(old), sa.Integer) and isinstance(made(new), sa.Float):
            return int(float(after)) == int(before)
        if isinstance(made(old), number) and isinstance(made(new), number) and not isinstance(made(old), sa.Float):
            exact = not isinstance(made(new), sa.Float)
            return decimal.Decimal(after) == decimal.Decimal(before) if exact else same(before, after, back, old, new)
        if isinstance(made(old), sa.Float) and isinstance(made(new), sa.Integer):
            return decimal.Decimal(after) == decimal.Decimal(before)
        if isinstance(made(old), number) and isinstance(made(new), number):
            return back is not None and float(back) == float(before)
        if "BINARY" in new or "Binary" in new:
            return back == before
        return same(before, after, back, old, new)

    def back(self, places, old, new):
        found = {}
        for some in [list(places), *([one] for one in places)]:
            if len(found) < len(places):
                self.table("back", self.written(new), f"SELECT * FROM t WHERE i IN ({', '.join(map(str, some))})")
                try:
                    self.run(f"ALTER TABLE back MODIFY c {self.written(old)} NULL")
                    found.update(self.texts("back", old))
                except Exception:
                    continue
        return found

    def texts(self, table, type_):
        text = "CAST(c AS CHAR CHARACTER SET utf8mb4)"
        if "BINARY" in type_ or "Binary" in type_:
            text = "CAST(HEX(c) AS CHAR)"
        elif "BIT" in type_:
            text = "BIN(c + 0)"
        elif "sa.Float" in type_:  # a FLOAT is shown with six digits
            text = "c + 0e0"
        return {place: str(value) for place, value in self.run(f"SELECT i, {text} FROM {table}")}


class SQLite(Server):
    kind = "sqlite"
    mark = "?"

    def commit(self):
        driver_connection(self.connection).commit()

    def __init__(self, connection):
        super().__init__(connection)
        driver_connection(connection).text_factory = lambda text: text.decode(errors="replace")
        self.run("PRAGMA synchronous = OFF")

    def fill(self, old):
        self.run("DROP TABLE IF EXISTS t")
        self.run("DROP TABLE IF EXISTS source")
        self.run(f"CREATE TABLE t (i INTEGER, c {self.written(old)})")
        for row in enumerate(self.values):
            self.run("INSERT INTO t VALUES (?, ?)", row)
        self.run(f"CREATE TABLE source (i INTEGER, c {self.written(old)})")
        self.run("INSERT INTO source SELECT * FROM t")

    def change(self, places, old, new, using):
        self.fill(old)
        self.run(f"DELETE FROM t WHERE i NOT IN ({', '.join(map(str, places))})")
        self.commit()
        try:
            with Operations(MigrationContext.configure(self.connection)).batch_alter_table("t") as batch:
                batch.alter_column("c", existing_type=made(old), type_=made(new))
        except sa.exc.IntegrityError:
            driver_connection(self.connection).rollback()
            self.run("DROP TABLE IF EXISTS _alembic_tmp_t")
            return None
        before, after = (dict(self.run(f"SELECT i, c FROM {name}")) for name in ("source", "t"))
        return {
            place: "same" if self.same(before[place], value, new) else f"is {value!r}" for place, value in after.items()
        }

    def same(self, before, after, new):
        """SQLite's own text of a number has 15 digits."""
        if isinstance(before, str) and isinstance(after, (int, float)):
            if isinstance(made(new), sa.JSON):
                return says(before, str(after), made(new)) or not readable(before, made(new))
            (text,) = self.run("SELECT CAST(? AS TEXT)", (after,))[0]
            return trimmed(text) == trimmed(before)
        if isinstance(before, bytes) and isinstance(after, (str, int, float)):
            return self.run("SELECT CAST(? AS BLOB)", (after,))[0][0] == before
        if isinstance(before, (int, float)) and isinstance(after, (str, bytes)):
            return self.run("SELECT CAST(? AS NUMERIC)", (after,))[0][0] == before
        return after == before or (isinstance(after, bytes) and after.decode(errors="replace") == before)


def trimmed(number):
    return number.rstrip("0").rstrip(".") if "." in number else number


SERVERS = {"postgresql": PostgreSQL, "mysql": MySQL, "sqlite": SQLite}


@pytest.mark.parametrize("kind", KINDS)
def test_migrate_lint_and_the_dry_run_say_the_same(new_database, tmp_path, kind):
    """Of each change: how many values may not fit, that it is not known, or nothing."""
    tables = {source: f"t{number}" for number, source in enumerate(TYPES[kind])}
    pairs = [(old, new) for old in tables for new in tables]
    of_lint = [found for old in tables for found in linted(tmp_path / "1111.py", old, tables, kind)]
    with new_database(kind).engine().connect() as connection:
        server = SERVERS[kind](connection)
        for source, table in tables.items():
            server.run(f"CREATE TABLE {table} (c {server.written(source)})")
            for value in TYPES[kind][source]:
                value = int(value) if "BIT" in source else value
                server.run(f"INSERT INTO {table} VALUES ({server.mark})", (value,))
        server.commit()
        wrong, seen = [], Counter()
        for (old, new), finding in zip(pairs, of_lint):
            verdict = compare_types(made(old), made(new), connection.dialect).verdict
            operation = ops.AlterColumnOp(tables[old], "c", existing_type=made(old), modify_type=made(new))
            told = of_migrate(connection, operation), finding, of_dry_run(connection, operation)
            seen[verdict] += 1
            if not agree(verdict, *told):
                wrong.append(f"{old} -> {new}: {verdict}, {told}")
    assert not wrong, "\n".join(wrong)
    assert all(seen[verdict] for verdict in Verdict)


def agree(verdict, migrate, lint, dry_run):
    """Return whether what the three say is one answer: the line of the one, a finding, the count of the other."""
    if verdict is Verdict.FITS:
        return (migrate, lint, dry_run) == (None, False, None)
    if verdict is Verdict.CANNOT_TELL:
        is_certain = dry_run and dry_run.how == "cut or refused"
        return "whether all of it fits is not known" in migrate and not lint and not is_certain
    if dry_run and dry_run.count is None:  # no condition can be written
        return "whether all of it fits is not known" in migrate and lint
    number = dry_run.count.number if dry_run else 0
    return f": {number} value{'' if number == 1 else 's'} that may not fit" in migrate and lint


def of_migrate(connection, operation):
    """Return the line that ``migrate`` prints."""
    context = MigrationContext.configure(connection)
    holder = ops.UpgradeOps([ops.ModifyTableOps(operation.table_name, [operation])])
    found = losses.mark(holder, context, lambda schema, table, column=None: (table, column))
    return found[0].line if found else None


def of_dry_run(connection, operation):
    return next(iter(count_losses(connection, operation, "alter_column")), None)


def linted(path, old, tables, kind):
    """Return for each new type whether lint finds it in a script that changes one type to all of them."""
    lines = ["import sqlalchemy as sa", "from alembic import op", "from sqlalchemy.dialects import mysql, postgresql"]
    lines.append("def upgrade():")
    first = len(lines) + 1
    lines += [f"    op.alter_column('{tables[old]}', 'c', existing_type={old}, type_={new})" for new in tables]
    path.write_text("\n".join(lines), encoding="utf-8")
    file = read_file(str(path))
    found = {finding.line for finding in find_lost(file, read_operations(file, "upgrade"), [kind])}
    return [line in found for line in range(first, first + len(tables))]


IN_PLACE = [
    "String(9)",
    "String(90)",
    "String()",
    "Text()",
    "Unicode(90)",
    "Numeric(8, 5)",
    "Numeric(9, 5)",
    "Numeric()",
]
IN_PLACE = [f"sa.{name}" for name in [*IN_PLACE, "CHAR(9)", "CHAR(10)", "Integer()", "BigInteger()", "Time()"]]
IN_PLACE += ["sa.DateTime()", "sa.DateTime(timezone=True)", "sa.String(90, collation='C')", "sa.Interval()"]
IN_PLACE += [f"postgresql.{name}" for name in ("TIMESTAMP(precision=3)", "TIME(precision=3)", "INTERVAL(precision=3)")]
IN_PLACE += [
    f"postgresql.{name}" for name in ("CIDR()", "INET()", "BIT(9)", "BIT(9, varying=True)", "BIT(10, varying=True)")
]


def test_what_is_changed_without_a_look_at_the_rows_keeps_the_tables_file(new_database):
    database, dialect, known = new_database("postgresql"), load_dialect("postgresql"), Counter()
    with database.engine().begin() as connection:
        for old, new in itertools.product(map(made, IN_PLACE), repeat=2):
            if keeps_rows(old, new, dialect):
                table = sa.Table("t", sa.MetaData(), sa.Column("c", old))
                table.create(connection)
                file = sa.text("SELECT pg_relation_filenode('t')")
                before = connection.execute(file).scalar()
                Operations(MigrationContext.configure(connection)).alter_column("t", "c", type_=new)
                assert connection.execute(file).scalar() == before, (old, new)
                table.drop(connection)
            known[keeps_rows(old, new, dialect)] += 1
    assert known[True] > 40, known
