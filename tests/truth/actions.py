"""Random migrations made of actions, each of whose writes leaves a mark of its own in the database.

Every write has a number, and so a table that no other write touches; whether it is in the database is a plain question
to a dump. A script notes in a file, the trail, what it is about to do, what is done and what has raised.
"""

import random
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional, Tuple

SORTS = ("create", "drop", "column", "index", "unindex", "insert", "update", "delete")
"""What a write does."""

DDL = SORTS[:5]

ELSEWHERE = ("own", "engine", "app session", "raw")
"""Doors that are connections of the script's own."""

TABLES = dict(zip(SORTS, "mdaxywue"))
"""The first letter of the table that a write is about."""


@dataclass
class Action:
    """One thing that a migration does.

    :param kind: a key of ``RENDERERS``.
    :param number: its own; what it writes is named after it.
    :param sort: what a write does, what a fault is, the statement of a text.
    :param how: through which door.
    :param ending: what follows.
    :param inside: the actions in its block, or the parts of a text of several statements.
    """

    kind: str
    number: int
    sort: str = ""
    how: str = ""
    ending: str = ""
    inside: List["Action"] = field(default_factory=list)

    def all(self) -> List["Action"]:
        return [self, *(found for one in self.inside for found in one.all())]

    def __str__(self) -> str:
        words = " ".join(filter(None, (self.kind, self.sort, self.how, self.ending)))
        inside = f" [{'; '.join(map(str, self.inside))}]" if self.inside else ""
        return f"{self.number}: {words}{inside}"


@dataclass
class Scenario:
    """A history, and what is done with it.

    :param database: ``sqlite``, ``postgresql`` or ``mysql``.
    :param driver: its driver.
    :param options: what the driver is asked for: ``multi`` statements in one text on MySQL.
    :param verb: ``upgrade`` or ``downgrade``.
    :param env: how env.py runs the migrations, a key of ``run.ENVIRONMENTS``.
    :param start: how many revisions are applied before.
    :param steps: how many revisions from there; the rest is not reached.
    :param dry: a dry run comes first: ``""``, ``"text"`` or ``"json"``.
    :param json: the real run prints JSON.
    :param revisions: the actions of each; those of the upgrade, or of the downgrade.
    :param second: the same for a second database, a bind, where there is one.
    """

    database: str
    driver: str
    verb: str
    env: str
    start: int
    steps: int
    dry: str
    json: bool
    options: List[str] = field(default_factory=list)
    revisions: List[List[Action]] = field(default_factory=list)
    second: List[List[Action]] = field(default_factory=list)

    @property
    def names(self) -> List[str]:
        """The revisions, oldest first."""
        return [f"rev{number}" for number in range(1, len(self.revisions) + 1)]

    @property
    def before(self) -> Optional[str]:
        return self._at(self.start)

    @property
    def target(self) -> Optional[str]:
        return self._at(self.start + self.steps if self.verb == "upgrade" else self.start - self.steps)

    def _at(self, count: int) -> Optional[str]:
        return self.names[count - 1] if count else None

    @property
    def path(self) -> List[str]:
        """The revisions of the steps, in their order."""
        if self.verb == "upgrade":
            return self.names[self.start : self.start + self.steps]
        return self.names[self.start - self.steps : self.start][::-1]

    def at_after(self, count: int) -> Tuple[str, ...]:
        """Return where the database is after so many of the steps."""
        name = self._at(self.start + count if self.verb == "upgrade" else self.start - count)
        return (name,) if name else ()

    def actions(self, revision: str) -> List[Action]:
        return [found for one in self.revisions[self.names.index(revision)] for found in one.all()]

    def everything(self) -> List[Action]:
        """Return every action in every database."""
        return [found for body in [*self.revisions, *self.second] for one in body for found in one.all()]

    def document(self) -> Dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        given = f"{self.database}+{self.driver} {self.verb} env={self.env} from {self.before or 'base'}"
        given += f" to {self.target or 'base'} dry={self.dry or 'no'} json={self.json} {' '.join(self.options)}"
        lines = [
            f"  {name}{'' if name in self.path else ' (not on the way)'}: "
            + ("; ".join(map(str, actions)) or "nothing")
            for name, actions in zip(self.names, self.revisions)
        ]
        lines += [
            f"  {name} in the second database: " + ("; ".join(map(str, actions)) or "nothing")
            for name, actions in zip(self.names, self.second)
        ]
        return "\n".join([given, *lines])


def read_scenario(document: Dict[str, Any]) -> Scenario:
    """Return a scenario from what ``document()`` made of it."""

    def read(one: Dict[str, Any]) -> Action:
        return Action(**{**one, "inside": [read(inner) for inner in one["inside"]]})

    bodies = {
        part: [[read(one) for one in body] for body in document.get(part, ())] for part in ("revisions", "second")
    }
    return Scenario(**{**document, **bodies})


# Marks: what a write leaves.


def table_of(action: Action) -> str:
    return f"{TABLES[action.sort]}{action.number}"


def mark_of(action: Action) -> str:
    """Return the word that stands in the statement of a write and in no other."""
    letter = {"index": "i", "unindex": "j"}.get(action.sort)
    return f"{letter}{action.number}" if letter else table_of(action)


def is_there(action: Action, dump: Any) -> bool:
    """Return whether what a write does is in the database."""
    table = dump.tables.get(table_of(action))
    if action.sort == "create":
        return table is not None
    if action.sort == "drop":
        return table is None
    if table is None:
        return False
    if action.sort == "column":
        return any("extra" in map(str, column) for column in table["columns"])
    if action.sort in ("index", "unindex"):
        found = any(mark_of(action) in map(str, index) for index in table["indexes"])
        return found if action.sort == "index" else not found
    rows = {row[0]: row[1] for row in table["rows"]}
    return {"insert": any(number >= 7 for number in rows), "update": rows.get(1) == "new", "delete": 1 not in rows}[
        action.sort
    ]


def make_beforehand(action: Action, database: str) -> List[str]:
    """Return the statements that make what a write needs."""
    if action.kind != "write":
        return []
    table = table_of(action)
    id_type = "SERIAL" if action.how == "serial" else "INTEGER"
    engine = " ENGINE = MyISAM" if action.how == "myisam" else ""
    statements = [f"CREATE TABLE {table} (id {id_type} PRIMARY KEY, name VARCHAR(20)){engine}"]
    if action.how == "invalid":
        statements.append(f"INSERT INTO {table} VALUES (1, 'twice'), (2, 'twice')")
    if action.sort == "create":
        statements = []
    if action.sort in ("update", "delete"):
        statements.append(f"INSERT INTO {table} VALUES (1, 'old')")
    if action.sort == "unindex":
        statements.append(f"CREATE INDEX j{action.number} ON {table} (name)")
    if action.how == "function":
        statements.append(
            f"CREATE FUNCTION touch_{table}() RETURNS INTEGER LANGUAGE plpgsql AS "
            f"$$ BEGIN {sql_of(action, database)}; RETURN 1; END $$"
        )
    return statements


def sql_of(action: Action, database: str) -> str:
    """Return a write in SQL."""
    table, number = table_of(action), action.number
    return {
        "create": f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name VARCHAR(20))",
        "drop": f"DROP TABLE {table}",
        "column": f"ALTER TABLE {table} ADD COLUMN extra INTEGER",
        "index": f"CREATE INDEX i{number} ON {table} (name)",
        "unindex": f"DROP INDEX j{number}{f' ON {table}' if database == 'mysql' else ''}",
        "insert": f"INSERT INTO {table} VALUES (7, 'seven')",
        "update": f"UPDATE {table} SET name = 'new' WHERE id = 1",
        "delete": f"DELETE FROM {table} WHERE id = 1",
    }[action.sort]


# Text: an action as Python.


def render(body: List[Action], database: str) -> List[str]:
    """Return the lines of a migration's function."""
    return [line for action in body for line in _noted(action, database)]


def _noted(action: Action, database: str) -> List[str]:
    lines = RENDERERS[action.kind](action, database)
    return [f"with trail.action({action.number}):", *_indent(lines)]


def _indent(lines: List[str]) -> List[str]:
    return [f"    {line}" for line in lines]


_COLUMNS = "sa.column('id', sa.Integer), sa.column('name', sa.String)"
_OPERATIONS = {
    "create": "op.create_table('{0}', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(20)))",
    "drop": "op.drop_table('{0}')",
    "column": "op.add_column('{0}', sa.Column('extra', sa.Integer))",
    "index": "op.create_index('{1}', '{0}', ['name'])",
    "unindex": "op.drop_index('{1}', table_name='{0}')",
    "insert": f"op.bulk_insert(sa.table('{{0}}', {_COLUMNS}), [{{{{'id': 7, 'name': 'seven'}}}}])",
    "update": f"op.execute(sa.table('{{0}}', {_COLUMNS}).update().values({{{{'name': 'new'}}}}))",
    "delete": f"op.execute(sa.table('{{0}}', {_COLUMNS}).delete())",
}
_PROXIED, _INNERMOST = "op.get_bind().connection", "trail.innermost(op.get_bind())"


def _write(action: Action, database: str) -> List[str]:
    sql, how, table = sql_of(action, database), action.how, table_of(action)
    if how == "op":
        return [_OPERATIONS[action.sort].format(table, mark_of(action))]
    if how == "batch":
        return [f"with op.batch_alter_table('{table}', recreate='always') as batch:", f"    {_BATCH}"]
    if how == "script":
        return [f"{_PROXIED}.executescript({sql + ';'!r})"]
    if how == "create all":
        column = "sa.Column('id', sa.Integer, primary_key=True)"
        return ["one = sa.MetaData()", f"sa.Table('{table}', one, {column})", "one.create_all(op.get_bind())"]
    if how in ("cursor", "innermost"):
        return [f"trail.run({_PROXIED if how == 'cursor' else _INNERMOST}, {sql!r})"]
    if how == "bind":
        return [f"op.get_bind().execute(sa.text({sql!r}))"]
    if how in (*ELSEWHERE, "session"):
        return _elsewhere(action, sql)
    return [f"op.execute({_DISGUISES.get(how, '{0}').format(sql, table, action.number)!r})"]


_BATCH = "batch.add_column(sa.Column('extra', sa.Integer))"
_DISGUISES = {
    "commented": "-- SELECT or not\n{0}",
    "block comment": "/* SELECT */ {0}",
    "parenthesis": "  \n\t{0}",
    "cte": "WITH done AS ({0} RETURNING id) SELECT * FROM done",
    "explain": "EXPLAIN ANALYZE {0}",
    "function": "SELECT touch_{1}()",
    "serial": "INSERT INTO {1} (id, name) SELECT 6 + nextval('{1}_id_seq'), 'seven'",
    "into": "SELECT 1 AS id INTO {1}",
    "concurrently": "CREATE INDEX CONCURRENTLY i{2} ON {1} (name)",
    "invalid": "CREATE UNIQUE INDEX CONCURRENTLY i{2} ON {1} (name)",
}


def _elsewhere(action: Action, sql: str) -> List[str]:
    """A write on a session, or on a connection that the script makes."""
    ending = {
        "commit": "one.commit()",
        "rollback": "one.rollback()",
        "close": "one.close()",
        "leave": "trail.keep(one)",
    }
    if action.how == "raw":
        return ["one = op.get_bind().engine.raw_connection()", f"trail.run(one, {sql!r})", ending[action.ending]]
    opened = {
        "session": "sa_orm.Session(bind=op.get_bind())",
        "app session": "current_app.extensions['migrate'].db.session",
        "own": "trail.connect(op.get_bind().engine)",
        "engine": "trail.connect(sa.create_engine(op.get_bind().engine.url))",
    }[action.how]
    return [f"one = {opened}", f"one.execute(sa.text({sql!r}))", ending[action.ending]]


def _text(action: Action, database: str) -> List[str]:
    if action.how == "bind":
        return [f"op.get_bind().execute(sa.text({action.sort!r}))"]
    if action.how in ("cursor", "innermost"):
        return [f"trail.run({_PROXIED if action.how == 'cursor' else _INNERMOST}, {action.sort!r})"]
    return [f"op.execute({action.sort!r})"]


def _several(action: Action, database: str) -> List[str]:
    parts = [one.sort if one.kind == "text" else sql_of(one, database) for one in action.inside]
    text = "; ".join(parts) + action.ending
    if action.how == "cursor":
        return [f"trail.run({_PROXIED}, {text!r})"]
    return [f"{_PROXIED}.executescript({text + ';'!r})" if action.how == "script" else f"op.execute({text!r})"]


def _driver(action: Action, database: str) -> List[str]:
    door = {"proxied": _PROXIED, "innermost": _INNERMOST, "bind": "op.get_bind()"}[action.how]
    return [f"{door}.{action.sort}()"]


def _block(action: Action, database: str) -> List[str]:
    inside = [line for one in action.inside for line in _noted(one, database)] or ["pass"]
    if action.kind == "autocommit":
        return ["with op.get_context().autocommit_block():", *_indent(inside)]
    if action.how == "nested":
        if action.ending == "release":
            return ["with op.get_bind().begin_nested():", *_indent(inside)]
        if action.ending == "raise":
            raised = ["with op.get_bind().begin_nested():", *_indent(inside), "    raise trail.Wanted()"]
            return ["try:", *_indent(raised), "except trail.Wanted:", "    pass"]
        return ["nested = op.get_bind().begin_nested()", *inside, "nested.rollback()"]
    name = f"s{action.number}"
    sent = f"trail.run({_PROXIED}, {{0!r}})" if action.how == "cursor" else "op.execute({0!r})"
    ends = {"release": [f"RELEASE SAVEPOINT {name}"], "to": [f"ROLLBACK TO SAVEPOINT {name}"]}
    ends["both"] = ends["to"] + ends["release"]
    executed = [sent.format(sql) for sql in ends[action.ending]]
    return [sent.format(f"SAVEPOINT {name}"), *inside, *executed]


_BAD = {
    "nowhere": "op.execute('INSERT INTO nowhere VALUES (1)')",
    "cursor": f"trail.run({_PROXIED}, 'INSERT INTO nowhere VALUES (1)')",
    "syntax": "op.execute('INSERT INTO nowhere nonsense')",
    "operation": "op.drop_table('nowhere')",
    "orphan": "op.execute('INSERT INTO orphan VALUES (1, 99)')",
    "or rollback": "op.execute('INSERT OR ROLLBACK INTO one_row VALUES (1)')",
    "twice": "op.execute('INSERT INTO one_row VALUES (1)')",
}


def _caught(action: Action, database: str) -> List[str]:
    bad = [_BAD[action.sort]]
    if action.how == "nested":
        bad = ["with op.get_bind().begin_nested():", *_indent(bad)]
    elif action.how == "savepoint":
        bad = [f"op.execute('SAVEPOINT s{action.number}')", *bad]
    handlers = {
        "": "pass",
        "rollback": "op.execute('ROLLBACK')",
        "driver": f"{_PROXIED}.rollback()",
        "bind": "op.get_bind().rollback()",
        "to": f"op.execute('ROLLBACK TO SAVEPOINT s{action.number}')",
    }
    caught = "BaseException" if action.how == "everything" else "Exception"
    return ["try:", *_indent(bad), f"except {caught}:", f"    {handlers[action.ending]}"]


_FAULTS = {
    "raise": ["raise RuntimeError('on purpose')"],
    "exit": ["raise SystemExit(0)"],
    "exit text": ["sys.exit('on purpose')"],
    "exit 3": ["sys.exit(3)"],
    "interrupt": ["raise KeyboardInterrupt"],
    "kill": ["os.kill(os.getpid(), signal.SIGKILL)", "time.sleep(5)"],
    "term": ["os.kill(os.getpid(), signal.SIGTERM)", "time.sleep(0.3)"],
    "int": ["os.kill(os.getpid(), signal.SIGINT)", "time.sleep(0.3)"],
}
FAULTS = (*_FAULTS, *_BAD)


def _fault(action: Action, database: str) -> List[str]:
    return _FAULTS.get(action.sort) or [_BAD[action.sort]]


_LEVELS = {
    "isolation 0": f"{_INNERMOST}.set_isolation_level(0)",
    "isolation 1": f"{_INNERMOST}.set_isolation_level(1)",
    "session": f"{_INNERMOST}.set_session(autocommit=True)",
    "autocommit": f"{_INNERMOST}.autocommit = True",
    "pymysql": f"{_INNERMOST}.autocommit(True)",
    "level": f"{_INNERMOST}.isolation_level = None",
    "options": "op.get_bind().execution_options(isolation_level='AUTOCOMMIT')",
}


def _level(action: Action, database: str) -> List[str]:
    """Most drivers refuse to change it in a transaction, so some scripts end that first."""
    return [*([f"{_INNERMOST}.{action.ending}()"] if action.ending else []), _LEVELS[action.sort]]


RENDERERS = {
    "write": _write,
    "text": _text,
    "several": _several,
    "driver": _driver,
    "autocommit": _block,
    "savepoint": _block,
    "caught": _caught,
    "fault": _fault,
    "level": _level,
}


# Chance: a scenario from a seed.

_DOORS = {
    "sqlite": [
        "op",
        "execute",
        "bind",
        "commented",
        "block comment",
        "cursor",
        "innermost",
        "script",
        "session",
        "own",
        "raw",
    ],
    "postgresql": [
        *("op", "execute", "bind", "commented", "block comment", "parenthesis", "cursor", "innermost", "session"),
        *("own", "engine", "app session", "raw", "cte", "explain", "function", "serial", "into"),
    ],
    "mysql": [
        *("op", "execute", "bind", "commented", "block comment", "parenthesis", "cursor", "innermost", "session"),
        *("own", "engine", "app session", "raw", "myisam"),
    ],
}
_SORTS_OF = {
    "cte": ("insert", "update", "delete"),
    "explain": ("insert", "update", "delete"),
    "function": ("create", "insert", "update", "delete"),
    "serial": ("insert",),
    "into": ("create",),
    "create all": ("create",),
    "myisam": ("insert", "update", "delete"),
    "concurrently": ("index",),
    "invalid": ("index",),
    "batch": ("column",),
}
_COMMITS = {
    "sqlite": ["COMMIT", "commit;", "END", "/* now */ COMMIT", "COMMIT TRANSACTION"],
    "postgresql": ["COMMIT", "commit;", "END", "/* now */ COMMIT", "-- now\nCOMMIT", "COMMIT AND CHAIN", "COMMIT WORK"],
    "mysql": ["COMMIT", "commit;", "/* now */ COMMIT", "COMMIT AND CHAIN", "# now\nCOMMIT", "START TRANSACTION"],
}
_ROLLBACKS = {
    "sqlite": ["ROLLBACK", "rollback;", "-- back\nROLLBACK", "ROLLBACK TRANSACTION"],
    "postgresql": ["ROLLBACK", "rollback;", "ABORT", "/* back */ ROLLBACK", "ROLLBACK AND CHAIN"],
    "mysql": ["ROLLBACK", "rollback;", "/* back */ ROLLBACK", "ROLLBACK AND CHAIN"],
}
_OTHERS = {
    "sqlite": ["SELECT 1", "BEGIN", "PRAGMA foreign_keys", "BEGIN IMMEDIATE"],
    "postgresql": ["SELECT 1", "BEGIN", "START TRANSACTION", "SET search_path = public", "SET LOCAL lock_timeout = 0"],
    "mysql": [
        "SELECT 1",
        "BEGIN",
        "SET autocommit = 1",
        "SET autocommit = 0",
        "ANALYZE TABLE one_row",
        "CHECK TABLE one_row",
    ],
}
_LEVELS_OF = {
    ("sqlite", ""): ["level", "options"],
    ("postgresql", "psycopg2"): ["isolation 0", "isolation 1", "session", "autocommit", "options"],
    ("postgresql", "psycopg"): ["autocommit", "options"],
    ("mysql", "pymysql"): ["pymysql", "options"],
}
_ENVIRONMENTS = ["each", "autocommit", "thread", "own engine", "bare", "begin", "wrapped", "wrapped first"]
_STRANGE = ["naive thread", "own context"]


class Chance:
    """Makes scenarios.

    :param seed: the same one makes the same scenario.
    :param drivers: those of the database.
    :param modern: SQLAlchemy is 2.0 or newer.
    """

    def __init__(self, seed: str, database: str, drivers: List[str], modern: bool) -> None:
        self.random = random.Random(seed)
        self.database, self.modern = database, modern
        self.driver = self.random.choice(drivers)
        self.multi = database == "mysql" and self.chance(0.25)
        self.last = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def scenario(self) -> Scenario:
        choice = self.random.choice
        verb = "upgrade" if self.chance(0.65) else "downgrade"
        count = self.random.randint(1, 4)
        revisions = [self.body() for _ in range(count)]
        start = self.random.randint(0, count - 1) if verb == "upgrade" else self.random.randint(1, count)
        left = count - start if verb == "upgrade" else start
        steps = left if self.chance(0.8) else self.random.randint(1, left)
        env = choice(_ENVIRONMENTS) if self.chance(0.3) else "template"
        env = choice(_STRANGE) if self.chance(0.03) else env
        made = Scenario(
            database=self.database,
            driver=self.driver,
            verb=verb,
            env=env,
            start=start,
            steps=steps,
            dry=choice(["text", "json"]) if self.chance(0.6) else "",
            json=self.chance(0.7),
            options=["multi"] if self.multi else [],
            revisions=revisions,
        )
        if env == "template" and self.chance(0.12):
            made.second = [self.body() for _ in range(count)]
            for one in made.everything():  # it has the default database
                one.how = "execute" if one.how == "app session" else one.how
        if self.chance(0.45):
            reached = choice([revisions, made.second or revisions])[made.names.index(choice(made.path))]
            blocks = [one.inside for one in reached if one.kind in ("savepoint", "autocommit")]
            body = choice(blocks) if blocks and self.chance(0.3) else reached
            body.insert(self.random.randint(0, len(body)), self.fault())
        return made

    def number(self) -> int:
        self.last += 1
        return self.last

    def body(self) -> List[Action]:
        return [self.action() for _ in range(self.random.choice([0, 1, 1, 2, 2, 3, 3, 4, 5]))]

    def action(self) -> Action:
        makers = [self.write, self.text, self.several, self.driver_call, self.savepoint, self.autocommit, self.caught]
        weights = [50, 12, 7, 9, 8, 6, 7]
        if self.chance(0.025):
            return self.level()
        return self.random.choices(makers, weights)[0]()

    def write(self, doors: Tuple[str, ...] = ()) -> Action:
        how = "op" if self.chance(0.3) and not doors else self.random.choice(doors or _DOORS[self.database])
        if how in ("own", "raw") and self.database == "sqlite" and self.chance(0.7):
            how = "execute"  # it finds the database locked, nearly always
        if how == "raw" and self.chance(0.5):
            how = "bind"  # there is little that can be known of it
        sort = self.random.choice(_SORTS_OF.get(how, SORTS))
        others = {("op", "column"): "batch", ("op", "create"): "create all"}
        how = others.get((how, sort), how) if self.chance(0.4) else how
        endings = {
            "session": ["commit", "rollback", "close"],
            "app session": ["commit", "commit", "rollback", "leave"],
            "own": ["commit", "commit", "close", "leave"],
        }
        endings.update(engine=endings["own"], raw=endings["own"][:3])
        ending = self.random.choice(endings.get(how, [""]))
        if how == "own" and self.database == "sqlite" and ending == "leave":
            ending = "close"  # its lock would be in everybody's way
        return Action("write", self.number(), sort, how, ending)

    def text(self) -> Action:
        kind = self.random.choice([_COMMITS, _COMMITS, _ROLLBACKS, _OTHERS])
        how = self.random.choice(["", "", "bind", "cursor", "innermost"])
        return Action("text", self.number(), self.random.choice(kind[self.database]), how)

    def several(self) -> Action:
        if self.database == "mysql" and not self.multi:
            return self.text()
        sql = self.random.choice
        ends = [Action("text", self.number(), sql(sql([_COMMITS, _ROLLBACKS])[self.database]).rstrip(";"))]
        before = [self.write(("execute",))] if self.chance(0.7) else [Action("text", self.number(), "SELECT 1")]
        after = [self.write(("execute",))] if self.chance(0.4) else []
        how = "script" if self.database == "sqlite" else self.random.choice(["", "", "cursor"])
        if how == "script" and self.chance(0.8):
            before.insert(0, Action("text", self.number(), "BEGIN"))  # executescript() has ended the transaction
        plain = [one for one in ends if not one.sort.startswith(("--", "#"))] if self.chance(0.9) else []
        return Action("several", self.number(), "", how, self.random.choice(["", ";"]), [*before, *plain, *after])

    def driver_call(self) -> Action:
        doors = ["proxied", "innermost", *(["bind", "bind"] if self.modern else [])]
        return Action("driver", self.number(), self.random.choice(["commit", "rollback"]), self.random.choice(doors))

    def savepoint(self) -> Action:
        how = self.random.choice(["text", "nested", "cursor"])
        endings = ["release", "raise", "rollback"] if how == "nested" else ["release", "to", "both"]
        return Action("savepoint", self.number(), "", how, self.random.choice(endings), self.few())

    def autocommit(self) -> Action:
        inside = self.few()
        if self.database == "postgresql" and self.chance(0.4):
            how = "invalid" if self.chance(0.25) else "concurrently"
            inside.insert(self.random.randint(0, len(inside)), Action("write", self.number(), "index", how))
        return Action("autocommit", self.number(), inside=inside)

    def few(self) -> List[Action]:
        made = [self.write() for _ in range(self.random.choice([0, 1, 1, 2]))]
        if self.chance(0.15):
            made.insert(self.random.randint(0, len(made)), self.random.choice([self.text, self.driver_call])())
        return made

    def caught(self) -> Action:
        sorts = ["nowhere", "nowhere", "cursor", "syntax", "operation", "twice"]
        sorts += ["or rollback"] * 2 if self.database == "sqlite" else []
        how = self.random.choice(["", "", "nested", "savepoint", "everything"])
        endings = {"": ["", "", "rollback", "driver", *(["bind"] if self.modern else [])], "savepoint": ["to"]}
        return Action(
            "caught", self.number(), self.random.choice(sorts), how, self.random.choice(endings.get(how, [""]))
        )

    def level(self) -> Action:
        sort = self.random.choice(_LEVELS_OF[self.database, self.driver])
        return Action("level", self.number(), sort, ending=self.random.choice(["", "commit", "rollback"]))

    def fault(self) -> Action:
        sorts = ["raise", "raise", "nowhere", "nowhere", "twice", "syntax", "operation", "cursor", *_FAULTS]
        return Action("fault", self.number(), self.random.choice(sorts))
