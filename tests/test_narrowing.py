"""What is said of a change of a column's type where no server is asked: pure logic, kind by kind.

tests/test_type_changes.py asks the servers whether it is true.
"""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from flask_migrate_script.sql.types import Verdict, compare_types

SQLITE, MYSQL, POSTGRESQL = sqlite.dialect(), mysql.dialect(), postgresql.dialect()
ANY = [POSTGRESQL, MYSQL, SQLITE]


class Money(sa.types.TypeDecorator):
    """A type of the application's."""

    impl = sa.Numeric(12, 2)
    cache_ok = True


class Point(sa.types.UserDefinedType):
    """A type that no table knows."""

    cache_ok = True

    def get_col_spec(self, **kwargs):
        return "POINT"


def small_enum(name="e", **kwargs):
    return sa.Enum("a", "it's", name=name, **kwargs)


def large_enum(name="e", **kwargs):
    return sa.Enum("it's", "a", "c", name=name, **kwargs)


FITTING = [
    *((dialect, type_, type_) for dialect in ANY for type_ in (sa.Boolean, sa.Boolean(), sa.Text(), Money(), Point())),
    *((dialect, sa.String(9), sa.String(90)) for dialect in ANY),
    *((dialect, sa.String(10), sa.Text()) for dialect in ANY),
    *((dialect, sa.Text(), sa.UnicodeText()) for dialect in ANY),
    *((dialect, sa.String(9), sa.Unicode(9)) for dialect in ANY),
    *((dialect, sa.Integer(), sa.BigInteger()) for dialect in ANY),
    *((dialect, sa.Integer, sa.Text) for dialect in ANY),
    *((dialect, sa.Integer(), sa.String(11)) for dialect in ANY),
    *((dialect, sa.Boolean(), sa.String(5)) for dialect in ANY),
    *((dialect, sa.Numeric(8, 2), sa.Numeric(9, 2)) for dialect in ANY),
    *((dialect, sa.Numeric(8, 2), sa.Float(53)) for dialect in ANY),
    *((dialect, sa.Numeric(8, 2), Money()) for dialect in ANY),
    *((dialect, small_enum(), large_enum()) for dialect in ANY),
    *((dialect, small_enum(native_enum=False), large_enum(native_enum=False)) for dialect in ANY),
    *((dialect, large_enum(), sa.String(4)) for dialect in ANY),
    (POSTGRESQL, sa.Text(), sa.Unicode()),
    (POSTGRESQL, sa.String(9), sa.String()),
    (POSTGRESQL, sa.Numeric(8, 5), sa.Numeric()),
    (POSTGRESQL, sa.Numeric(4, 0), sa.Integer()),
    (POSTGRESQL, sa.Integer(), sa.Numeric()),
    (POSTGRESQL, sa.Date(), sa.DateTime()),
    (POSTGRESQL, sa.REAL(), sa.Float(53)),
    (POSTGRESQL, postgresql.TIMESTAMP(precision=0), sa.DateTime()),
    (POSTGRESQL, sa.CHAR(5), sa.String(5)),
    (POSTGRESQL, postgresql.JSONB(), sa.JSON()),
    (MYSQL, sa.Boolean(), sa.Integer()),
    (MYSQL, mysql.TINYINT(), sa.Integer()),
    (MYSQL, sa.Text(), mysql.LONGTEXT()),
    (MYSQL, sa.String(300), sa.Text()),
    (MYSQL, sa.Date(), sa.DateTime()),
    (MYSQL, sa.DateTime(), mysql.DATETIME(fsp=6)),
    (MYSQL, mysql.SET("a", "b"), mysql.SET("c", "b", "a")),
    (MYSQL, sa.Numeric(4, 0), sa.Integer()),
    (SQLITE, sa.Boolean(), sa.Integer()),
    (SQLITE, sa.Integer(), sa.Numeric()),
    (SQLITE, sa.Text(), sa.String(10)),  # it keeps whatever it is given
    (SQLITE, sa.BigInteger(), sa.SmallInteger()),
    (SQLITE, sa.Numeric(8, 2), sa.Numeric(8, 1)),
]

LOSING = [
    (POSTGRESQL, sa.String(20), sa.String(10), "CHAR_LENGTH(CAST(c AS text)) > 10"),
    (POSTGRESQL, sa.BigInteger(), sa.Integer(), "c NOT BETWEEN -2147483648 AND 2147483647"),
    (POSTGRESQL, sa.Integer(), sa.SmallInteger(), "c NOT BETWEEN -32768 AND 32767"),
    (POSTGRESQL, sa.Integer(), sa.Numeric(5, 2), "c NOT BETWEEN -999 AND 999"),
    (POSTGRESQL, sa.DateTime(), sa.Date(), "CAST(CAST(c AS date) AS timestamp) <> c"),
    (POSTGRESQL, sa.DateTime(), sa.Time(), "c IS NOT NULL"),
    (POSTGRESQL, sa.DateTime(), postgresql.TIMESTAMP(precision=0), "CAST(CAST(c AS timestamp(0)) AS timestamp) <> c"),
    (POSTGRESQL, sa.Date(), sa.Integer(), "c IS NOT NULL"),
    (POSTGRESQL, sa.String(20), sa.Integer(), "c IS NOT NULL"),  # refused without USING
    (POSTGRESQL, large_enum(), small_enum(), "CAST(c AS text) NOT IN ('a', 'it''s')"),
    (POSTGRESQL, sa.String(9), sa.CHAR(9), "RIGHT(CAST(c AS text), 1) = ' '"),
    (MYSQL, sa.Integer(), mysql.TINYINT(), "c NOT BETWEEN -128 AND 127"),
    (MYSQL, sa.Integer(), mysql.MEDIUMINT(), "c NOT BETWEEN -8388608 AND 8388607"),
    (MYSQL, mysql.INTEGER(unsigned=True), sa.Integer(), "c NOT BETWEEN -2147483648 AND 2147483647"),
    (MYSQL, sa.Integer(), mysql.INTEGER(unsigned=True), "c NOT BETWEEN 0 AND 4294967295"),
    (MYSQL, mysql.LONGTEXT(), sa.Text(), "LENGTH(c) > 65535"),
    (MYSQL, mysql.VARBINARY(9), mysql.VARBINARY(5), "LENGTH(c) > 5"),
    (MYSQL, sa.Numeric(8, 2), sa.Numeric(), "ABS(c) >= 1e10 OR c <> ROUND(c, 0)"),
    (MYSQL, mysql.DATETIME(fsp=6), sa.DateTime(), "MICROSECOND(c) % 1000000 <> 0"),
    (MYSQL, mysql.SET("a", "b"), mysql.SET("a"), "FIND_IN_SET('b', c) > 0"),
    (SQLITE, large_enum(), small_enum(), "c NOT IN ('a', 'it''s')"),
    (SQLITE, sa.String(9), small_enum(), "c NOT IN ('a', 'it''s')"),
    (SQLITE, sa.Integer(), sa.Boolean(create_constraint=False), "c NOT IN (0, 1)"),
]

CAST_ON_SQLITE = [
    (sa.Date(), sa.DateTime()),  # a text to it, of which a CAST leaves the year
    (sa.DateTime(), sa.Date()),
    (sa.String(20), sa.Integer()),
    (sa.Numeric(), sa.Integer()),
    (sa.Float(), sa.String(20)),
]


def ids(values):
    return " ".join(value.name if value in ANY else repr(value) for value in values[:3])


@pytest.mark.parametrize(("dialect", "old", "new"), FITTING, ids=map(ids, FITTING))
def test_a_type_that_holds_as_much_loses_nothing(dialect, old, new):
    assert compare_types(old, new, dialect).verdict is Verdict.FITS


@pytest.mark.parametrize(("dialect", "old", "new", "condition"), LOSING, ids=map(ids, LOSING))
def test_another_says_which_values_may_be_lost(dialect, old, new, condition):
    found = compare_types(old, new, dialect)
    assert (found.verdict, found.condition) == (Verdict.MAY_LOSE, condition)
    assert found.effect
    assert found.why


@pytest.mark.parametrize(("old", "new"), CAST_ON_SQLITE)
def test_sqlite_loses_what_a_cast_leaves_out(old, new):
    found = compare_types(old, new, SQLITE)
    assert found.may_lose
    assert f"CAST(c AS {new.compile(dialect=SQLITE)})" in found.condition


USING = [
    (None, Verdict.MAY_LOSE, "refused"),
    ("c::integer", Verdict.MAY_LOSE, "refused"),
    ('("c"::int4)', Verdict.MAY_LOSE, "refused"),
    ("CAST(t.c AS INT)", Verdict.MAY_LOSE, "refused"),
    ("(c::text)::integer", Verdict.MAY_LOSE, "refused"),
    ("c", Verdict.MAY_LOSE, "refused"),
    ("c::bigint::integer", Verdict.CANNOT_TELL, ""),
    ("c::bigint", Verdict.CANNOT_TELL, ""),
    ("length(c)", Verdict.CANNOT_TELL, ""),
    ("c::integer + 1", Verdict.CANNOT_TELL, ""),
    ("NULLIF(c, '')::integer", Verdict.CANNOT_TELL, ""),
    ("c::", Verdict.CANNOT_TELL, ""),
    ("(c::integer", Verdict.CANNOT_TELL, ""),
]


@pytest.mark.parametrize(("using", "verdict", "effect"), USING)
def test_using_is_understood_where_it_casts_the_column(using, verdict, effect):
    found = compare_types(sa.String(9), sa.Integer(), POSTGRESQL, using=using)
    assert (found.verdict, found.effect) == (verdict, effect)
    if verdict is Verdict.MAY_LOSE:
        assert (found.condition == "c IS NOT NULL") is (using in (None, "c"))


def test_a_cast_cuts_what_an_assignment_refuses():
    assert compare_types(sa.String(9), sa.String(3), POSTGRESQL).effect == "refused"
    assert compare_types(sa.String(9), sa.String(3), POSTGRESQL, using="c::varchar(3)").effect == "cut"


def test_an_enum_is_cast_by_its_name():
    old, new = large_enum("old"), small_enum("new")
    assert compare_types(old, new, POSTGRESQL).condition == "c IS NOT NULL"
    for using in ("c::text::new", 'c::text::public."new"', "CAST(CAST(c AS varchar) AS new)"):
        found = compare_types(old, new, POSTGRESQL, using=using)
        assert found.condition == "CAST(c AS text) NOT IN ('a', 'it''s')", using
    assert compare_types(old, new, POSTGRESQL, using="c::text::other").verdict is Verdict.CANNOT_TELL


@pytest.mark.parametrize("old", [None, sa.types.NullType()])
def test_of_a_type_that_is_not_known_the_values_can_still_be_asked(old):
    asked = [(POSTGRESQL, "CHAR_LENGTH(CAST(c AS text)) > 3"), (MYSQL, "CHAR_LENGTH(c) > 3"), (SQLITE, None)]
    for dialect, condition in asked:
        found = compare_types(old, sa.String(3), dialect)
        assert (found.verdict, found.condition) == (Verdict.CANNOT_TELL, condition)
    for new in (sa.Integer(), sa.Date(), sa.Boolean(), small_enum()):
        found = compare_types(old, new, POSTGRESQL)
        assert found.verdict is Verdict.CANNOT_TELL
        assert found.condition
        assert compare_types(old, new, POSTGRESQL, using="c + 1").condition is None


def test_what_is_not_known_is_not_guessed():
    for dialect in ANY:
        for old, new in [(Point(), sa.String(9)), (sa.String(9), Point()), (sa.String(9), None), (None, Point())]:
            found = compare_types(old, new, dialect)
            assert found.verdict is not Verdict.FITS or dialect is SQLITE
            assert not found.may_lose or dialect is SQLITE
    zoned = compare_types(sa.DateTime(), sa.DateTime(timezone=True), POSTGRESQL)
    assert zoned.verdict is Verdict.CANNOT_TELL
    assert "time zone of the session" in zoned.why


def test_a_database_that_is_not_measured_is_not_known():
    mssql = pytest.importorskip("sqlalchemy.dialects.mssql").dialect()
    assert compare_types(sa.String(9), sa.String(3), mssql).verdict is Verdict.CANNOT_TELL
    assert compare_types(sa.String(9), sa.String(9), mssql).verdict is Verdict.FITS


def test_a_variant_is_the_type_of_its_database():
    new = sa.Text().with_variant(sa.String(3), "postgresql")
    assert compare_types(sa.Text(), new, POSTGRESQL).may_lose
    assert compare_types(sa.Text(), new, MYSQL).fits
