"""What is said of a database is true: random migrations, judged by an oracle that is itself tested here.

``TEST_TRUTH_SCRIPTS`` is how many scripts each database gets (25; CI: 200), ``TEST_TRUTH_SEED`` their seed; "any" takes
another one each time, and it is printed. ``python -m tests.truth`` runs more of them, and makes what it finds small.
"""

import json
import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from truth.actions import Action, Scenario, is_there, make_beforehand, mark_of, read_scenario, render
from truth.dumps import Dump
from truth.oracle import Run, judge
from truth.run import kinds_of, make_scenario, smaller, workshop

SCRIPTS = int(os.environ.get("TEST_TRUTH_SCRIPTS", "25"))
PARTS = 4
"""Tests that share the scripts of a database, so that they run beside each other."""
FAILURES = ("unchanged", "applied", "partly", "unknown", "unguarded", "no verdict")


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_no_sentence_about_a_database_is_false(kind, part):
    seed = os.environ.get("TEST_TRUTH_SEED", "2026")
    seed = str(random.randrange(10**6)) if seed == "any" else seed
    print(f"python -m tests.truth --database {kind} --seed {seed} --scripts {SCRIPTS}")
    found, verdicts = [], Counter()
    try:
        with workshop(kind) as shop:
            for number in range(part, SCRIPTS, PARTS):
                scenario = make_scenario(kind, seed, number)
                _, judged = shop.judged(scenario)
                verdicts.update(verdict for one in judged for verdict in one.verdicts)
                found += [f"--only {number}: {one.kind}: {one.words}" for one in kinds_of(judged)]
    except LookupError as exc:
        pytest.fail(str(exc)) if os.environ.get("TEST_ALL_DATABASES") else pytest.skip(str(exc))
    assert not found, f"{len(found)} false sentences, --database {kind} --seed {seed}\n" + "\n".join(found)
    failures = sum(verdicts[name] for name in FAILURES)
    share = 0.25 if kind == "mysql" else 0.1  # there is less that MySQL can be asked
    most = failures * share + 2 * (failures * share * (1 - share)) ** 0.5  # two deviations of so few
    assert verdicts["unknown"] <= most + 1, f"too much is not known: {verdicts}"


# The oracle: a history of two revisions on PostgreSQL, and what might be said of how it went.

WRITES = [Action("write", number, sort, "execute") for number, sort in ((1, "create"), (2, "insert"), (3, "update"))]
FAULT = Action("fault", 4, "raise")


def history(**fields):
    """A history of rev1, which creates m1, and rev2, which inserts into w2, updates u3 and fails."""
    given = {"database": "postgresql", "driver": "psycopg2", "verb": "upgrade", "env": "template"}
    given.update(start=0, steps=2, dry="", json=False, revisions=[WRITES[:1], [*WRITES[1:], FAULT]])
    return Scenario(**{**given, **fields})


def table(*rows):
    return {"columns": [("id",), ("name",)], "indexes": [], "rows": list(rows)}


def dump(*done, at=()):
    """The database in which these writes are done, at those revisions."""
    tables = {"w2": table(*([(7, "seven")] if 2 in done else [])), "u3": table((1, "new" if 3 in done else "old"))}
    tables.update({"m1": table()} if 1 in done else {})
    tables.update({"alembic_version": table(*((one,) for one in at))} if at else {})
    return Dump(tables)


TRAIL = [
    *(("enter", "rev1"), ("start", "1"), ("done", "1"), ("leave", "rev1"), ("enter", "rev2")),
    *(("start", "2"), ("done", "2"), ("start", "3"), ("done", "3"), ("start", "4"), ("raised", "4", "RuntimeError")),
]
WHOLE = [*TRAIL[:-2], ("leave", "rev2")]
ERROR = "Error: Revision rev2 (migrations/versions/rev2.py, line 30) failed: RuntimeError: on purpose\n"
UNCHANGED = ERROR + "       Rolled back, nothing changed. The database is at no revision yet.\n"
APPLIED = (
    ERROR
    + "       Applied before it, and kept: rev1.\n       Revision rev2 was rolled back.\n"
    + "       The database is at rev1.\n"
)
PARTLY = (
    ERROR
    + "       Applied before it, and kept: rev1.\n"
    + "       Of revision rev2 these statements took effect, because it left or ended the transaction:\n"
    + "         INSERT INTO w2 VALUES (7, 'seven')\n       The database is at rev1.\n"
)
PERHAPS = (
    ERROR
    + "       Of revision rev2 it is not known whether these statements took effect:\n"
    + "         UPDATE u3 SET name = 'new' WHERE id = 1\n       The database is at rev1.\n"
)
UNGUARDED = "Error: Migrations ran unguarded; rev2 failed.\n         sqlite:///x: from no revision to rev1\n"
UNKNOWN = ERROR + "       The database does not answer, so it is not known where it is now.\n"
DOUBT = (
    "Revision rev2 ended the transaction on the driver's own connection: it is not known whether something that it had"
    " written was rolled back.\n"
)
AT_REV1 = {"at": ("rev1",)}


def ran(after, err="", code=1, trail=TRAIL, out="", **fields):
    return Run("db upgrade rev2", code, out, err, dump(), after, list(trail), **fields)


TRUE = {
    "unchanged": ran(dump(), UNCHANGED),
    "unchanged, with an empty version table": ran(Dump({**dump().tables, "alembic_version": table()}), UNCHANGED),
    "unchanged, with a notice on the way": ran(dump(), "It is not known whether it was rolled back.\n" + UNCHANGED),
    "applied": ran(dump(1, **AT_REV1), APPLIED),
    "partly": ran(dump(1, 2, **AT_REV1), PARTLY),
    "at least": ran(dump(1, 2, 3, **AT_REV1), PARTLY + "       At least these; others may also be there.\n"),
    "partly, and perhaps more": ran(dump(1, 2, 3, **AT_REV1), PARTLY + PERHAPS[len(ERROR) :]),
    "partly, and no more": ran(dump(1, 2, **AT_REV1), PARTLY + PERHAPS[len(ERROR) :]),
    "perhaps": ran(dump(1, 3, **AT_REV1), PERHAPS),
    "unknown": ran(dump(1, 2, **AT_REV1), UNKNOWN),
    "unguarded": ran(dump(1, 2, **AT_REV1), UNGUARDED),
    "done": ran(dump(1, 2, 3, at=("rev2",)), code=0, trail=WHOLE),
    "done, with a doubt": ran(dump(1, 2, at=("rev2",)), DOUBT, code=0, trail=WHOLE),
}
FALSE = {
    "says unchanged, and it is changed": ran(dump(1, **AT_REV1), UNCHANGED),
    "another version is named": ran(dump(1, **AT_REV1), UNCHANGED),
    "another version is named, unguarded": ran(dump(), UNGUARDED),
    "other revisions are applied": ran(dump(), APPLIED),
    "says rolled back, and it is there": ran(dump(1, 3, **AT_REV1), APPLIED),
    "applied, and what was written is not there": ran(dump(**AT_REV1), APPLIED),
    "names a statement that is not there": ran(dump(1, 3, **AT_REV1), PARTLY),
    "names a statement of another revision": ran(
        dump(1, 2, **AT_REV1), PARTLY.replace("INSERT", "CREATE TABLE m1 (a INTEGER)\n         INSERT")
    ),
    "does not name what is there": ran(dump(1, 2, 3, **AT_REV1), PARTLY),
    "no verdict": ran(dump(), ERROR),
    "two verdicts": ran(dump(1, 2, **AT_REV1), PARTLY + "       Nothing was changed.\n"),
    "traceback": ran(dump(), UNCHANGED + "Traceback (most recent call last):\n  KeyError: 1\n"),
    "another revision is named": ran(dump(), UNCHANGED.replace("rev2", "rev1")),
    "the failing revision is not named": ran(dump(), UNCHANGED.partition("\n")[2]),
    "the first failing statement is not named": ran(dump(), UNCHANGED + "       current transaction is aborted\n"),
    "exit 0, and not at the target": ran(dump(1, **AT_REV1), code=0, trail=WHOLE),
    "exit 0, and what was written is rolled back": ran(dump(1, 3, at=("rev2",)), code=0, trail=WHOLE),
    "exit 0, and what was written is rolled back, of another revision than the one in doubt": ran(
        dump(1, 3, at=("rev2",)), DOUBT.replace("rev2", "rev1"), code=0, trail=WHOLE
    ),
    "it need not fail": ran(dump(), UNCHANGED, trail=WHOLE),
    "exit code": ran(dump(), UNCHANGED, code=3),
    "hangs": ran(dump(), code=None),
    "a version that is none of the steps'": ran(dump(1, at=("rev9",)), APPLIED),
}


def kinds(scenario, *runs):
    return [found.kind for one in judge(scenario, list(runs)) for found in one.findings]


@pytest.mark.parametrize("name", sorted(TRUE))
def test_a_true_sentence_passes(name):
    assert kinds(history(), TRUE[name]) == []


@pytest.mark.parametrize("name", sorted(FALSE))
def test_a_false_sentence_is_found(name):
    assert re.sub(", (unguarded|of another.*)$", "", name) in kinds(history(), FALSE[name])


def document(state="applied", before=(), after=("rev1",), applied=("rev1",), left=(), error="rev2", **more):
    """What --json prints."""
    found = {"name": "default", "url": "postgresql://", "before": before, "after": after, "applied": applied}
    found.update({"state": state, "left": left, "doubtful": [], **more})
    found["error"] = error and {"revision": error, "statement": None, "message": "on purpose"}
    return json.dumps({"databases": [found]})


TRUE_JSON = {
    "unchanged": ran(dump(), UNCHANGED, out=document("unchanged", after=(), applied=())),
    "applied": ran(dump(1, **AT_REV1), APPLIED, out=document()),
    "partly": ran(dump(1, 2, **AT_REV1), PARTLY, out=document("partly", left=["INSERT INTO w2 VALUES (7, 'seven')"])),
    "unknown": ran(dump(), UNKNOWN, out=document("unknown", after=None, applied=())),
    "done": ran(
        dump(1, 2, 3, at=("rev2",)),
        code=0,
        trail=WHOLE,
        out=document(after=("rev2",), applied=("rev1", "rev2"), error=None),
    ),
    "done, with a doubt": ran(
        dump(1, 2, at=("rev2",)),
        DOUBT,
        code=0,
        trail=WHOLE,
        out=document(after=("rev2",), applied=("rev1", "rev2"), error=None, doubtful=["rev2"]),
    ),
}
FALSE_JSON = {
    "no JSON of one document": ran(dump(), UNCHANGED, out="Rolled back."),
    "JSON leaves the database out": ran(dump(), UNCHANGED, out='{"databases": []}'),
    "JSON lacks keys": ran(dump(), UNCHANGED, out='{"databases": [{"name": "default"}]}'),
    "JSON: before is not what it was": ran(dump(1, **AT_REV1), APPLIED, out=document(before=("rev1",))),
    "JSON: after is not what it is": ran(dump(1, **AT_REV1), APPLIED, out=document(after=("rev2",))),
    "JSON: applied is not what it is": ran(dump(1, **AT_REV1), APPLIED, out=document(applied=("rev1", "rev2"))),
    "JSON: a state of its own": ran(dump(1, **AT_REV1), APPLIED, out=document("failed")),
    "JSON and text differ": ran(dump(1, **AT_REV1), APPLIED, out=document("unchanged")),
    "JSON: left does not fit the state": ran(dump(1, 2, **AT_REV1), PARTLY, out=document("partly")),
    "JSON: no error with exit 1": ran(dump(1, **AT_REV1), APPLIED, out=document(error=None)),
    "JSON: another revision is named": ran(dump(1, **AT_REV1), APPLIED, out=document(error="rev1")),
    "names a statement that is not there": ran(
        dump(1, 2, **AT_REV1), PARTLY, out=document("partly", left=["UPDATE u3 SET name = 'new' WHERE id = 1"])
    ),
    "JSON: an error with exit 0": ran(
        dump(1, 2, 3, at=("rev2",)),
        code=0,
        trail=WHOLE,
        out=document(after=("rev2",), applied=("rev1", "rev2")),
    ),
    "JSON: the doubt is another one": ran(
        dump(1, 2, at=("rev2",)),
        DOUBT,
        code=0,
        trail=WHOLE,
        out=document(after=("rev2",), applied=("rev1", "rev2"), error=None),
    ),
    "JSON: the state of a success": ran(
        dump(1, 2, 3, at=("rev2",)),
        code=0,
        trail=WHOLE,
        out=document("unchanged", after=("rev2",), applied=("rev1", "rev2"), error=None),
    ),
}


@pytest.mark.parametrize("name", sorted(TRUE_JSON))
def test_true_json_passes(name):
    TRUE_JSON[name].json = True
    assert kinds(history(json=True), TRUE_JSON[name]) == []


@pytest.mark.parametrize("name", sorted(FALSE_JSON))
def test_false_json_is_found(name):
    FALSE_JSON[name].json = True
    assert name in kinds(history(json=True), FALSE_JSON[name])


def rehearsal(changed=False, failure=None, stopped=None, mode="rehearsed"):
    """What --dry-run --json prints."""
    found = {"mode": mode, "steps": [{"note": ""}], "stopped": stopped and {"revision": stopped}}
    found["failure"] = failure and {"revision": failure}
    return json.dumps({"databases": [found], "changed": changed})


def tried(after=None, code=0, out=None, **fields):
    return ran(after or dump(), code=code, trail=TRAIL, out=out or rehearsal(), dry="json", **fields)


FAILED, DONE = TRUE["unchanged"], TRUE["done"]
NOTHING = "Nothing was changed. To do it: python manage.py db upgrade"

TRUE_REHEARSALS = {
    "it would succeed, and does": [tried(), DONE],
    "it would fail, and does": [tried(code=1, out=rehearsal(failure="rev2")), FAILED],
    "it stopped, and it fails": [tried(out=rehearsal(stopped="rev2")), FAILED],
    "it was read, and it fails": [tried(out=rehearsal(mode="read")), FAILED],
    "as text": [ran(dump(), code=0, trail=WHOLE, out=NOTHING, dry="text"), DONE],
    "as text, stopped": [ran(dump(), code=0, out=f"The rehearsal stopped in rev2.\n{NOTHING}", dry="text"), FAILED],
    "as text, it would fail": [ran(dump(), ERROR, out=NOTHING, dry="text"), FAILED],
    "killed": [tried(code=-9, out=" ")],
}
FALSE_REHEARSALS = {
    "dry run changed the database and says that it did not": [tried(dump(1)), DONE],
    "dry run changed the database": [tried(dump(1), out=rehearsal(changed=True)), DONE],
    "dry run says changed, and nothing is": [tried(out=rehearsal(changed=True)), DONE],
    "dry run prints no JSON": [tried(out="done"), DONE],
    "dry run exit 0, real run fails": [tried(), FAILED],
    "dry run exit 0, real run elsewhere": [tried(), ran(dump(1, **AT_REV1), code=0, trail=WHOLE)],
    "dry run reports a failure, real run succeeds": [tried(code=1, out=rehearsal(failure="rev2")), DONE],
    "dry run names another failing step": [tried(code=1, out=rehearsal(failure="rev1")), FAILED],
}


@pytest.mark.parametrize("name", sorted(TRUE_REHEARSALS))
def test_a_true_rehearsal_passes(name):
    assert kinds(KILLED if name == "killed" else history(), *TRUE_REHEARSALS[name]) == []


@pytest.mark.parametrize("name", sorted(FALSE_REHEARSALS))
def test_a_false_rehearsal_is_found(name):
    assert name in kinds(history(), *FALSE_REHEARSALS[name])


def test_a_counter_is_part_of_what_a_dry_run_must_not_change():
    after = dump()
    after.counters = [("w2_id_seq", 1)]
    assert "dry run changed the database and says that it did not" in kinds(history(), tried(after), DONE)
    assert kinds(history(), ran(after, UNCHANGED)) == []  # no rollback sets it back


def test_a_rollback_of_what_was_written_is_a_reason_to_fail():
    back = Action("text", 5, "ROLLBACK")
    writes, reads = history(revisions=[WRITES[:1], [WRITES[1], back]]), history(start=1, steps=1)
    reads.revisions = [[], [back]]
    trail = [("enter", "rev2"), ("start", "2"), ("done", "2"), ("start", "5"), ("done", "5"), ("leave", "rev2")]
    assert kinds(writes, ran(dump(), UNCHANGED, trail=trail)) == []
    run = ran(dump(at=("rev1",)), UNCHANGED.replace("no revision yet", "rev1"), trail=[trail[0], *trail[3:]])
    run.before = run.after
    assert kinds(reads, run) == ["it need not fail"]


def test_what_the_script_itself_gives_up_is_no_loss():
    after, trail = dump(1, 3, at=("rev2",)), [*WHOLE, ("done", "6")]
    block = Action("savepoint", 6, "", "text", "to", [WRITES[1]])
    assert kinds(history(revisions=[WRITES[:1], [block, WRITES[2]]]), ran(after, code=0, trail=trail)) == []
    block.ending = "release"
    assert kinds(history(revisions=[WRITES[:1], [block, WRITES[2]]]), ran(after, code=0, trail=trail)) == [
        "exit 0, and what was written is rolled back"
    ]


@pytest.mark.parametrize("err", ["table m1 already exists", "no such index: j1", 'relation "d1" does not exist'])
def test_the_next_run_finds_nothing_half_done(err):
    scenario, next_run = history(), ran(dump(), f"Error: {err}\n")
    assert kinds(scenario, TRUE["unchanged"], next_run) == ["the next run finds something half done"]
    assert kinds(scenario, TRUE["unknown"], next_run) == []
    assert kinds(scenario, TRUE["unchanged"], ran(dump(), 'Error: relation "nowhere" does not exist\n')) == []


TWO_TEXT = (
    ERROR
    + "       default: Applied before it, and kept: rev1.\n       default: Revision rev2 was rolled back.\n"
    + "       default: The database is at rev1.\n"
    + "       second: Of revision rev2 these statements took effect, because it left or ended the transaction:\n"
    + "         INSERT INTO w8 VALUES (7, 'seven')\n       second: The database is at no revision yet.\n"
    + "       Fix the script and run the command again.\n"
)


def test_each_of_two_databases_is_judged_by_what_is_said_of_it():
    """Here rev2 fails in the second database, where rev1 does nothing."""
    scenario = history(
        revisions=[WRITES[:1], WRITES[1:]], second=[[], [Action("write", 8, "insert", "execute"), FAULT]]
    )
    own, frames = [entry for entry in WHOLE if entry[0] not in ("enter", "leave")], ("enter", "leave")
    trail = [(frame, name, "default") for name in ("rev1", "rev2") for frame in frames] + own
    trail += [("enter", "rev1", "second"), ("leave", "rev1", "second"), ("enter", "rev2", "second")]
    trail += [("start", "8"), ("done", "8"), ("start", "4"), ("raised", "4", "RuntimeError")]
    before = Dump({"w8": table()})

    def found(default, *rows, at=(), text=TWO_TEXT, **fields):
        after = Dump({"w8": table(*rows), **({"alembic_version": table(*at)} if at else {})})
        return kinds(scenario, ran(default, text, trail=trail, second=(before, after), **fields))

    row, rev1 = (7, "seven"), dump(1, **AT_REV1)
    assert found(rev1, row) == []
    assert found(dump(1, 2, **AT_REV1), row) == ["says rolled back, and it is there"]
    assert found(rev1) == ["names a statement that is not there"]
    assert found(rev1, row, at=[("rev1",)]) == ["another version is named", "other revisions are applied"]
    assert found(rev1, row, text=TWO_TEXT.replace("second: ", "default: "))
    outcomes = [
        *json.loads(document(error=None))["databases"],
        *json.loads(document("partly", after=(), applied=(), left=["INSERT INTO w8"], name="second"))["databases"],
    ]
    assert found(rev1, row, json=True, out=json.dumps({"databases": outcomes})) == []
    outcomes[1]["error"] = None
    assert found(rev1, row, json=True, out=json.dumps({"databases": outcomes})) == ["JSON: no error with exit 1"]
    assert found(rev1, row, json=True, out=json.dumps({"databases": outcomes[:1]})) == ["JSON leaves the database out"]


KILLED = history(revisions=[WRITES[:1], [*WRITES[1:], Action("fault", 4, "kill")]])


def test_a_kill_leaves_a_revision_and_exactly_what_it_has():
    assert kinds(KILLED, ran(dump(), code=-9)) == kinds(KILLED, ran(dump(1, **AT_REV1), code=-9)) == []
    for left in (dump(1), dump(1, 2, **AT_REV1), dump(**AT_REV1), dump(at=("rev9",))):
        assert kinds(KILLED, ran(left, code=-9)) == ["a kill leaves something half done"]


def test_the_next_run_reaches_the_target():
    scenario, done = history(), TRUE["done"]
    assert kinds(scenario, TRUE["unchanged"], done) == []
    short = ran(dump(1, **AT_REV1), code=0, trail=WHOLE)
    assert kinds(scenario, TRUE["unchanged"], short) == ["the next run exits 0, and is not at the target"]
    lost = ran(dump(1, 2, at=("rev2",)), code=0, trail=WHOLE)
    assert kinds(scenario, TRUE["unchanged"], lost) == ["exit 0, and what was written is rolled back"]


def test_every_kind_of_false_sentence_is_tested_here():
    """A rule that never finds anything proves nothing."""
    here, oracle = (Path(path).read_text(encoding="utf-8") for path in (__file__, judge.__code__.co_filename))
    found = re.findall(r'judged\.add\(\s*"([^"]+)"', oracle)
    assert len(found) > 30
    assert [kind for kind in found if f'"{kind}' not in here] == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql"])
def test_a_seed_makes_the_same_script_again_and_every_script_is_python(kind):
    for number in range(300):
        scenario = make_scenario(kind, "a seed", number)
        assert (
            scenario
            == make_scenario(kind, "a seed", number)
            == read_scenario(json.loads(json.dumps(scenario.document())))
        )
        writes = [one for name in scenario.names for one in scenario.actions(name) if one.kind == "write"]
        assert len({mark_of(one) for one in writes}) == len(writes)
        assert all(isinstance(make_beforehand(one, kind), list) for one in writes)
        for body in scenario.revisions:
            compile("\n".join(render(body, kind)), "script", "exec")
        assert all(one != scenario for one in smaller(scenario))


def test_a_write_is_there_once_it_is_done():
    assert [is_there(one, dump()) for one in WRITES] == [False, False, False]
    assert [is_there(one, dump(1, 2, 3)) for one in WRITES] == [True, True, True]
