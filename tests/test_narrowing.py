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
    (sa.Enum("a", name="e"), sa.Enum("a", "b", name="e")),
]


SQLITE = sqlite.dialect()


@pytest.mark.parametrize(("old", "new", "condition"), NARROWER)
def test_a_narrower_type_says_which_values_may_be_lost(old, new, condition):
    what, found = narrowed(old, new, "c", SQLITE)
    assert what.startswith("becomes ")
    assert found == condition


@pytest.mark.parametrize(("old", "new"), AS_WIDE)
def test_a_type_that_holds_as_much_loses_nothing(old, new):
    assert narrowed(old, new, "c", SQLITE) is None


def test_a_date_becomes_a_moment_but_in_sqlite():
    """Its values are texts: CAST('2024-12-31' AS DATETIME), which a batch writes, is 2024."""
    assert narrowed(sa.Date(), sa.DateTime(), "c", SQLITE) == ("becomes DATETIME from DATE", "c IS NOT NULL")
    for dialect in (postgresql.dialect(), mysql.dialect()):
        assert narrowed(sa.Date(), sa.DateTime(), "c", dialect) is None
