"""Which changes of a column's type may lose values: pure logic, in all its cases."""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from flask_migrate_script.autogenerate.losses import narrowed

NARROWER = [
    (sa.String(20), sa.String(10), "length(c) > 10"),
    (sa.Text(), sa.String(10), "length(c) > 10"),
    (sa.BigInteger(), sa.Integer(), "c NOT BETWEEN -2147483648 AND 2147483647"),
    (sa.Integer(), sa.SmallInteger(), "c NOT BETWEEN -32768 AND 32767"),
    (sa.Numeric(8, 2), sa.Numeric(8, 1), "c IS NOT NULL"),
    (sa.Numeric(8, 2), sa.Numeric(7, 2), "c IS NOT NULL"),
    (sa.Numeric(8, 2), sa.Integer(), "c IS NOT NULL"),
    (sa.DateTime(), sa.Date(), "c IS NOT NULL"),
    (sa.String(20), sa.Integer(), "c IS NOT NULL"),
    (sa.Integer(), sa.String(3), "c IS NOT NULL"),
    (sa.Enum("a", "it's", "c", name="e"), sa.Enum("a", name="e"), "c IN ('it''s', 'c')"),
    (sa.Enum("a", "bcde", name="e"), sa.String(3), "length(c) > 3"),
    (sa.Integer(), sa.Numeric(5, 2), "c IS NOT NULL"),
    (sa.Date(), sa.DateTime(), "c IS NOT NULL"),  # SQLite casts it to a number, the year
]

NARROWER_IN_MYSQL = [
    (sa.Integer(), mysql.TINYINT(), "c NOT BETWEEN -128 AND 127"),
    (sa.Integer(), mysql.MEDIUMINT(), "c NOT BETWEEN -8388608 AND 8388607"),
    (mysql.INTEGER(unsigned=True), sa.Integer(), "c NOT BETWEEN -2147483648 AND 2147483647"),
    (sa.Integer(), mysql.INTEGER(unsigned=True), "c NOT BETWEEN 0 AND 4294967295"),
    (mysql.LONGTEXT(), sa.Text(), "length(c) > 65535"),
    (mysql.VARBINARY(9), mysql.VARBINARY(5), "length(c) > 5"),
    (sa.Numeric(8, 2), sa.Numeric(), "c IS NOT NULL"),
]

AS_WIDE = [
    (sa.String(10), sa.String(20)),
    (sa.String(10), sa.Text()),
    (sa.Integer(), sa.Text()),
    (sa.Integer(), sa.BigInteger()),
    (sa.Integer(), sa.Numeric()),
    (sa.Numeric(8, 2), sa.Numeric(9, 2)),
    (sa.Numeric(8, 2), sa.Float()),
    (sa.Boolean(), sa.Integer()),
    (sa.Enum("a", "bcde", name="e"), sa.String(4)),
    (sa.Integer(), sa.String(11)),
    (sa.Boolean(), sa.String(5)),
    (sa.Numeric(4, 0), sa.Integer()),
    (sa.Enum("a", name="e"), sa.Enum("a", "b", name="e")),
]


AS_WIDE_IN_MYSQL = [
    (sa.Date(), sa.DateTime()),
    (mysql.TINYINT(), sa.Integer()),
    (sa.Text(), mysql.LONGTEXT()),
    (sa.String(300), sa.Text()),
]

SQLITE, MYSQL = sqlite.dialect(), mysql.dialect()


@pytest.mark.parametrize(("old", "new", "condition"), NARROWER)
def test_a_narrower_type_says_which_values_may_be_lost(old, new, condition):
    what, found = narrowed(old, new, "c", SQLITE)
    assert what.startswith("becomes ")
    assert found == condition


@pytest.mark.parametrize(("old", "new"), AS_WIDE)
def test_a_type_that_holds_as_much_loses_nothing(old, new):
    assert narrowed(old, new, "c", SQLITE) is None


@pytest.mark.parametrize(("old", "new", "condition"), NARROWER_IN_MYSQL)
def test_a_narrower_type_of_mysql(old, new, condition):
    assert narrowed(old, new, "c", MYSQL)[1] == condition


@pytest.mark.parametrize(("old", "new"), AS_WIDE_IN_MYSQL)
def test_a_type_of_mysql_that_holds_as_much(old, new):
    assert narrowed(old, new, "c", MYSQL) is None


def test_a_date_becomes_a_moment_but_in_sqlite():
    """Its values are texts: CAST('2024-12-31' AS DATETIME), which a batch writes, is 2024."""
    assert narrowed(sa.Date(), sa.DateTime(), "c", SQLITE) == ("becomes DATETIME from DATE", "c IS NOT NULL")
    for dialect in (postgresql.dialect(), mysql.dialect()):
        assert narrowed(sa.Date(), sa.DateTime(), "c", dialect) is None
