"""Random migrations: what there is, and what a revision does with it, in the words that scripts use."""

from dataclasses import dataclass, field
from typing import Dict, List, Tuple

WORDS = ["", "a", "abc", "1", "007", "2.0", "12.50", "long enough to be cut", "é", "2020-01-02", "x y", "true"]
MOMENTS = ["2020-01-02 03:04:05", "2020-01-02 00:00:00", "1999-12-31 23:59:59.5", "2020-02-29 12:00:00.123456"]


@dataclass
class Table:
    """A table, its columns by their types; ``id`` is the first and stays."""

    schema: str
    name: str
    columns: Dict[str, str]

    @property
    def key(self):
        """Return the name that is said of it."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def sql(self):
        return ".".join(f'"{one}"' for one in (self.schema, self.name) if one)

    @property
    def given(self):
        return f", schema={self.schema!r}" if self.schema else ""


@dataclass
class Step:
    """One revision.

    :param code: the body of its ``upgrade()``.
    :param tables: the names that tables have afterwards, by those before.
    :param columns: the same for columns, by the table's name before.
    :param partly: what it inserts it may delete as well, so that dumps do not say how many rows came.
    """

    code: str
    tables: Dict[str, str] = field(default_factory=dict)
    columns: Dict[Tuple[str, str], str] = field(default_factory=dict)
    partly: bool = False


class Scenario:
    """A database and the revisions that follow.

    :param kind: ``"sqlite"`` or ``"postgresql"``.
    :param chance: a ``random.Random``.
    """

    def __init__(self, kind, chance):
        self.kind, self.chance = kind, chance
        self.tables: List[Table] = []
        self.setup: List[str] = []
        self.made = 0
        self._make()

    @property
    def pg(self):
        return self.kind == "postgresql"

    def steps(self):
        """Return one to three revisions."""
        return [self._step() for _ in range(self.chance.randint(1, 3))]

    # What there is

    def _make(self):
        chance, pg = self.chance, self.pg
        moment, double = ("timestamp", "double precision") if pg else ("DATETIME", "DOUBLE")
        people = {"name": "varchar(30)", "age": "integer", "score": "numeric(8,3)", "born": moment, "note": "text"}
        if pg:
            self.setup.append("CREATE TYPE mood AS ENUM ('sad', 'glad')")
            people["mood"] = "mood"
        on_delete = chance.choice(["ON DELETE CASCADE", "ON DELETE SET NULL", ""])
        pets = {"owner": f"integer REFERENCES people (id) {on_delete}", "name": "text", "weight": double}
        self._table("", "people", people, chance.randint(0, 9))
        self._table("", "pets", pets, chance.randint(0, 9))
        self._table(
            "", "User Table", {"Full Name": "text", "amount": "bigint", "flag": "boolean"}, chance.randint(0, 7)
        )
        self._table("", "logs", {"word": "varchar(30)", "at": moment}, chance.randint(0, 7))
        if pg:
            self.setup.append("CREATE SCHEMA extra")
            self._table("extra", "things", {"word": "text", "size": "integer"}, chance.randint(0, 6))
            self.setup.append(
                "CREATE TABLE parts (id integer, region text, size integer, PRIMARY KEY (id, region))"
                " PARTITION BY LIST (region)"
            )
            for region in "ab":
                self.setup.append(f"CREATE TABLE parts_{region} PARTITION OF parts FOR VALUES IN ('{region}')")
            for number in range(1, chance.randint(1, 8)):
                self.setup.append(f"INSERT INTO parts VALUES ({number}, '{chance.choice('ab')}', {number})")
        if chance.random() < 0.4:
            self._trigger()
        if chance.random() < 0.3:
            self.setup.append("CREATE VIEW grown AS SELECT id, name FROM people WHERE age > 9")
        if chance.random() < 0.3:
            self.setup.append("CREATE INDEX by_name ON people (lower(name))")

    def _trigger(self):
        """Rows of logs go with rows of the table with a quoted name."""
        if self.pg:
            self.setup.append(
                "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN DELETE FROM logs WHERE id = OLD.id; RETURN OLD; END'"
            )
            self.setup.append(
                'CREATE TRIGGER forgets AFTER DELETE ON "User Table" FOR EACH ROW EXECUTE PROCEDURE forget()'
            )
        else:
            self.setup.append(
                'CREATE TRIGGER forgets AFTER DELETE ON "User Table" BEGIN DELETE FROM logs WHERE id = OLD.id; END'
            )

    def _table(self, schema, name, columns, rows):
        table = Table(schema, name, dict(columns))
        body = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
        self.setup.append(f"CREATE TABLE {table.sql} (id INTEGER PRIMARY KEY, {body})")
        for number in range(1, rows + 1):
            values = ", ".join(self._value(type_) for type_ in columns.values())
            self.setup.append(f"INSERT INTO {table.sql} VALUES ({number * 2}, {values})")
        table.columns = {column: type_.partition(" REFERENCES")[0] for column, type_ in columns.items()}
        self.tables.append(table)

    def _value(self, type_):
        chance = self.chance
        if chance.random() < 0.25 or "REFERENCES" in type_:
            return "NULL"
        if type_.startswith(("varchar", "text")):
            return f"'{chance.choice(WORDS)}'"
        if type_.startswith(("timestamp", "DATETIME")):
            return f"'{chance.choice(MOMENTS)}'"
        if type_ == "mood":
            return chance.choice(["'sad'", "'glad'"])
        if type_ == "boolean":
            return chance.choice(["true", "false"])
        if type_.startswith(("double", "DOUBLE")):
            return chance.choice(["0.1", "1", "2.5", "1e30", "16777217", "123456.789"])
        if type_.startswith("numeric"):
            return chance.choice(["1.234", "99.5", "1", "12345", "-0.5"])
        return chance.choice(["0", "7", "40000", "-1", "2147483647", "100"])

    # What is done

    def _step(self):
        actions = [
            *[self.drop_table] * 2,
            *[self.drop_column] * 2,
            *[self.delete] * 2,
            *[self.narrow] * 4,
            self.rename_table,
            self.rename_column,
            self.insert,
            self.update,
            self.rebuild,
            self.orm,
            self.savepoint,
            self.nothing,
            self.several,
            self.drivers_own,
            *(
                [self.truncate, self.block, self.undone_block, self.function, self.schema, self.type_]
                if self.pg
                else []
            ),
            *([self.partition] * 2 if self.pg else [self.replace, self.batch]),
            self.upsert,
        ]
        return self.chance.choice(actions)()

    def _pick(self):
        return self.chance.choice(self.tables) if self.tables else None

    def _condition(self):
        return self.chance.choice(["", " WHERE id > 6", " WHERE id < 9", " WHERE id % 4 = 0", " WHERE id < 0"])

    def nothing(self):
        return Step("op.execute('SELECT 1')")

    def drop_table(self):
        table = self._pick()
        if table is None:
            return self.nothing()
        self.tables.remove(table)
        cascade = self.chance.choice([" CASCADE", ""]) if self.pg else ""
        ways = [f"op.drop_table({table.name!r}{table.given})", _run(f"DROP TABLE {table.sql}{cascade}")]
        return Step(self.chance.choice(ways))

    def drop_column(self):
        table = self._pick()
        if table is None or not table.columns:
            return self.nothing()
        column = self.chance.choice(sorted(table.columns))
        del table.columns[column]
        raw = f'ALTER TABLE {table.sql} DROP COLUMN "{column}"'
        batch = f"with op.batch_alter_table({table.name!r}{table.given}) as batch:\n    batch.drop_column({column!r})"
        ways = [f"op.drop_column({table.name!r}, {column!r}{table.given})", batch, f"op.execute({raw!r})"]
        if self.pg and self.chance.random() < 0.3:
            return Step(_run(f"{raw} CASCADE"))
        return Step(self.chance.choice(ways if self.pg else ways[1:]))

    def delete(self):
        table = self._pick()
        return Step(_run(f"DELETE FROM {table.sql}{self._condition()}")) if table else self.nothing()

    def insert(self):
        table = self._pick()
        if table is None:
            return self.nothing()
        values = f"INSERT INTO {table.sql} (id) VALUES (101), (103)"
        bulk = f"op.bulk_insert(sa.table({table.name!r}, sa.column('id'){table.given}), [{{'id': 201}}, {{'id': 203}}])"
        return Step(self.chance.choice([f"op.execute({values!r})", bulk]))

    def update(self):
        table = self._pick()
        if table is None or not table.columns:
            return self.nothing()
        column = self.chance.choice(sorted(table.columns))
        return Step(_run(f'UPDATE {table.sql} SET "{column}" = NULL{self._condition()}'))

    def upsert(self):
        table = self._pick()
        if table is None or not table.columns:
            return self.nothing()
        column = self.chance.choice(sorted(table.columns))
        sql = f'INSERT INTO {table.sql} (id) VALUES (2), (301) ON CONFLICT (id) DO UPDATE SET "{column}" = NULL'
        return Step(f"op.execute({sql!r})")

    def rename_table(self):
        table = self._pick()
        if table is None:
            return self.nothing()
        self.made += 1
        old, table.name = table.name, f"renamed{self.made}"
        key = f"{table.schema}.{old}" if table.schema else old
        return Step(f"op.rename_table({old!r}, {table.name!r}{table.given})", tables={key: table.key})

    def rename_column(self):
        table = self._pick()
        if table is None or not table.columns:
            return self.nothing()
        self.made += 1
        old, new = self.chance.choice(sorted(table.columns)), f"column{self.made}"
        table.columns[new] = table.columns.pop(old)
        sql = f'ALTER TABLE {table.sql} RENAME COLUMN "{old}" TO {new}'
        batch = (
            f"with op.batch_alter_table({table.name!r}{table.given}) as batch:\n"
            f"    batch.alter_column({old!r}, new_column_name={new!r})"
        )
        code = self.chance.choice([f"op.execute({sql!r})", batch])
        return Step(code, columns={(table.key, old): new})

    def narrow(self):
        table = self._pick()
        if table is None or not table.columns:
            return self.nothing()
        column = self.chance.choice(sorted(table.columns))
        new = self.chance.choice(_TYPES)
        table.columns[column] = new[1]
        if not self.pg:
            alter = f"batch.alter_column({column!r}, type_={new[0]})"
            return Step(f"with op.batch_alter_table({table.name!r}) as batch:\n    {alter}")
        first = self.chance.choice(["text::", ""])
        using = f'"{column}"::{first}{new[1]}'
        given = self.chance.choice(["", f", postgresql_using={using!r}", f", postgresql_using={using!r}"])
        return Step(f"op.alter_column({table.name!r}, {column!r}, type_={new[0]}{given}{table.given})")

    def rebuild(self):
        """The steps that SQLite's manual has."""
        table = self._pick()
        if table is None or not table.columns:
            return self.nothing()
        kept = [one for one in table.columns if self.chance.random() < 0.8]
        definitions = ", ".join(f', "{one}" {table.columns[one]}' for one in kept).replace(", ,", ",")
        names = "".join(f', "{one}"' for one in kept)
        new = Table(table.schema, "new_one", {})
        statements = [
            f"CREATE TABLE {new.sql} (id INTEGER PRIMARY KEY{definitions})",
            f"INSERT INTO {new.sql} (id{names}) SELECT id{names} FROM {table.sql}{self._condition()}",
            f"DROP TABLE {table.sql}",
            f'ALTER TABLE {new.sql} RENAME TO "{table.name}"',
        ]
        table.columns = {one: table.columns[one] for one in kept}
        return Step("\n".join(f"op.execute({one!r})" for one in statements), partly=True)

    def orm(self):
        table = self._pick()
        if table is None:
            return self.nothing()
        sql = f"DELETE FROM {table.sql}{self._condition()}"
        return Step(
            f"from sqlalchemy.orm import Session\nsession = Session(bind=op.get_bind())\n"
            f"session.execute(sa.text({sql!r}))\nsession.commit()"
        )

    def savepoint(self):
        """A part of it is undone by the script itself."""
        table = self._pick()
        if table is None:
            return self.nothing()
        end = self.chance.choice(["commit", "rollback"])
        sql = f"DELETE FROM {table.sql}{self._condition()}"
        return Step(f"nested = op.get_bind().begin_nested()\nop.execute({sql!r})\nnested.{end}()")

    def several(self):
        table, other = self._pick(), self._pick()
        if table is None:
            return self.nothing()
        first, second = f"DELETE FROM {table.sql} WHERE id = 4", f"UPDATE {other.sql} SET id = id WHERE id < 5"
        if self.pg and self.chance.random() < 0.5:
            return Step(_run(f"{first}; {second}"))
        return Step(f"op.execute({first!r})\nop.execute({second!r})")

    def drivers_own(self):
        table = self._pick()
        if table is None:
            return self.nothing()
        sql = f"DELETE FROM {table.sql}{self._condition()}"
        return Step(f"op.get_bind().connection.cursor().execute({sql!r})", partly=True)

    # PostgreSQL's own

    def truncate(self):
        table = self._pick()
        cascade = self.chance.choice([" CASCADE", ""])
        return Step(_run(f"TRUNCATE {table.sql}{cascade}")) if table else self.nothing()

    def block(self):
        table = self._pick()
        if table is None:
            return self.nothing()
        sql = f"DO $$ BEGIN DELETE FROM {table.sql}{self._condition()}; END $$"
        return Step(f"op.execute({sql!r})")

    def undone_block(self):
        """The block undoes what it has deleted, and goes on."""
        table = self._pick()
        if table is None:
            return self.nothing()
        undone = "RAISE EXCEPTION 'no'; EXCEPTION WHEN others THEN NULL"
        inner = f"BEGIN DELETE FROM {table.sql}{self._condition()}; {undone}; END"
        also = self.chance.choice(["", f"DELETE FROM {table.sql} WHERE id = 6;"])
        return Step(_run(f"DO $$ BEGIN {inner}; {also} END $$"), partly=True)

    def function(self):
        table = self._pick()
        if table is None:
            return self.nothing()
        self.made += 1
        what = self.chance.choice(["DELETE FROM", "TRUNCATE", "DROP TABLE"])
        if what == "DROP TABLE":
            self.tables.remove(table)
        make = (
            f"CREATE FUNCTION clean{self.made}() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {what} {table.sql}; END $$"
        )
        return Step(f"op.execute({make!r})\nop.execute('SELECT clean{self.made}()')")

    def schema(self):
        self.tables = [one for one in self.tables if one.schema != "extra"]
        return Step("op.execute('DROP SCHEMA IF EXISTS extra CASCADE')")

    def type_(self):
        for table in self.tables:
            table.columns = {name: type_ for name, type_ in table.columns.items() if type_ != "mood"}
        return Step("op.execute('DROP TYPE IF EXISTS mood CASCADE')")

    def partition(self):
        ways = [
            "DROP TABLE parts_a",
            "TRUNCATE parts_b",
            "ALTER TABLE parts DETACH PARTITION parts_a",
            "UPDATE parts SET region = 'b' WHERE region = 'a'",
            "ALTER TABLE parts ALTER size TYPE smallint",
            "ALTER TABLE parts DROP COLUMN size",
            "DELETE FROM parts WHERE id > 3",
            "TRUNCATE parts",
            "DROP TABLE parts",
        ]
        return Step(f"op.execute({self.chance.choice(ways)!r})", partly=True)

    # SQLite's own

    def replace(self):
        table = self._pick()
        if table is None:
            return self.nothing()
        ways = [
            f"INSERT OR REPLACE INTO {table.sql} (id) VALUES (2), (401)",
            f"UPDATE OR REPLACE {table.sql} SET id = 4 WHERE id = 2",
        ]
        return Step(f"op.execute({self.chance.choice(ways)!r})", partly=True)

    def batch(self):
        """Several operations in one rebuild."""
        table = self._pick()
        if table is None or len(table.columns) < 2:
            return self.nothing()
        first, second = self.chance.sample(sorted(table.columns), 2)
        self.made += 1
        new = f"column{self.made}"
        del table.columns[first]
        table.columns[new] = table.columns.pop(second)
        return Step(
            f"with op.batch_alter_table({table.name!r}, recreate='always') as batch:\n"
            f"    batch.drop_column({first!r})\n"
            f"    batch.alter_column({second!r}, new_column_name={new!r})\n"
            f"    batch.add_column(sa.Column('added{self.made}', sa.Integer))",
            columns={(table.key, second): new},
        )


def _run(sql):
    return f"op.execute({sql!r})"


_TYPES = [
    ("sa.SmallInteger()", "smallint"),
    ("sa.Integer()", "integer"),
    ("sa.BigInteger()", "bigint"),
    ("sa.Numeric(6, 1)", "numeric(6,1)"),
    ("sa.Numeric()", "numeric"),
    ("sa.REAL()", "real"),
    ("sa.Float(53)", "double precision"),
    ("sa.String(3)", "varchar(3)"),
    ("sa.String(40)", "varchar(40)"),
    ("sa.Text()", "text"),
    ("sa.CHAR(4)", "char(4)"),
    ("sa.Date()", "date"),
    ("sa.Time()", "time"),
    ("sa.DateTime()", "timestamp"),
    ("sa.Boolean(create_constraint=False)", "boolean"),
    ("sa.JSON()", "json"),
]
