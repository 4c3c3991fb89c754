"""Judges sentences: what a command said of a database, against what is in it.

It predicts no run. It takes the database before and after, the trail that the script left, and the output; and it
returns every sentence that is not true. What nobody can be sure of is not held against anyone.
"""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

from .actions import DDL, ELSEWHERE, Action, Scenario, is_there, mark_of
from .dumps import Dump


@dataclass
class Run:
    """One command, and the database around it.

    :param dry: ``"text"``, ``"json"``, or empty for a real run.
    :param json: a real run that prints JSON.
    :param code: its exit code; a signal is negative, None is one that never came to its end.
    :param second: the second database before and after, where there is one.
    :param alone: it is about all there is, not about one of two databases.
    :param trail: what the script noted: ``("enter", "rev1")``, ``("start", "3")``, ``("done", "3")``,
        ``("raised", "3", "RuntimeError")``, ``("leave", "rev1")``.
    """

    words: str
    code: Optional[int]
    out: str
    err: str
    before: Dump
    after: Dump
    trail: List[Tuple[str, ...]] = field(default_factory=list)
    dry: str = ""
    json: bool = False
    seconds: float = 0.0
    second: Optional[Tuple[Dump, Dump]] = None
    alone: bool = True

    def changes(self) -> List[str]:
        """Return what is changed in all databases, to the letter."""
        more = self.second[0].differences(self.second[1]) if self.second else []
        return self.before.differences(self.after) + [f"second: {one}" for one in more]

    def noted(self, word: str) -> List[str]:
        return [entry[1] for entry in self.trail if entry[0] == word]

    @property
    def last_entered(self) -> Optional[str]:
        return (self.noted("enter") or [None])[-1]

    def done(self) -> Set[int]:
        return {int(number) for number in self.noted("done")}


@dataclass(frozen=True)
class Finding:
    """One sentence that is not true, or that is missing.

    :param kind: a few words, the same for the same fault.
    :param words: what is wrong in this run.
    """

    kind: str
    words: str


@dataclass
class Said:
    """What an output says of one database, read from its text.

    :param state: ``unchanged``, ``applied``, ``partly``, ``unknown``; None where it says none of them; ``unguarded``
        where it says only that.
    :param states: all that it says.
    :param applied: the revisions that it names as applied and kept.
    :param left: the words of the statements that it names as being in the database.
    :param left_of: the same, by the revision that it says they are of.
    :param may_have: those of which it says that it is not known.
    :param at: where it says that the database is; None where it does not say.
    :param at_least: it says that there may be more than what it names.
    :param failed: the revision that it says failed.
    :param doubtful: the applied revisions of which it says that it is not known whether all they wrote is there.
    """

    state: Optional[str] = None
    states: List[str] = field(default_factory=list)
    applied: List[str] = field(default_factory=list)
    left: List[str] = field(default_factory=list)
    may_have: List[str] = field(default_factory=list)
    at: Optional[Tuple[str, ...]] = None
    at_least: bool = False
    failed: Optional[str] = None
    doubtful: List[str] = field(default_factory=list)
    left_of: Dict[str, List[str]] = field(default_factory=dict)


_STATES = [
    ("unguarded", r"Migrations ran unguarded"),
    (
        "partly",
        r"(?<!whether )these statements took effect|these statements are in the database|What it did stays"
        r"|is there and invalid",
    ),
    ("unknown", r"not known|does not answer|cannot (?:be )?t(?:ell|old)"),
    ("applied", r"Applied before it, and kept|Revision \w+ was rolled back"),
    (
        "unchanged",
        r"[Nn]othing (?:was )?changed|no migration was run|Nothing of them was run|None of its statements took effect",
    ),
]
_MARK = re.compile(r"\b(?:touch_)?([mdawueij]\d+)\b")


def read_said(text: str) -> Said:
    """Read the text of a failure; what was said on the way to it is not about its end."""
    begin = text.rfind("\nError: ") + 1
    lines = [line[7:] if line.startswith("       ") else line for line in text[begin:].splitlines()]
    flat = "\n".join(lines) + "\n"
    said = Said(states=[state for state, pattern in _STATES if re.search(pattern, flat)])
    said.state = said.states[0] if said.states else None
    kept = re.search(r"Applied before it, and kept: ([^\n]*?)\.\n", flat)
    said.applied = re.findall(r"rev\d+", kept[1]) if kept else []
    for section in re.finditer(r"([^\n]*)(?:took effect|are in the database)[^\n]*:\n((?:  [^\n]*\n)*)", flat):
        named = said.may_have if "whether" in section[1] else said.left
        named += [line.strip() for line in section[2].splitlines()]
        of = re.search(r"Of revision (\w+)", section[1])
        if of:
            said.left_of.setdefault(of[1], []).extend(section[2].splitlines())
    said.left += re.findall(r"the index (\S+) is there and invalid", flat)
    at = re.search(r"The database is at (no revision yet|[\w, ]+)\.", flat)
    at = at or re.search(r"\n  \S+: from [^\n]* to ([^\n]*)\n", flat)
    said.at = tuple(sorted(re.findall(r"rev\d+", at[1]))) if at else None
    said.at_least = bool(re.search(r"[Aa]t least|may also|and \d+ more|not counted|also had the driver's own", flat))
    said.doubtful = re.findall(r"not known whether something that revision (\w+) had written was rolled back", flat)
    failed = re.search(r"Revision (rev\d+) \([^\n]*\) failed", flat)
    said.failed = failed[1] if failed else None
    return said


@dataclass
class Judged:
    """What is found of one run, and what it said, for the figures."""

    findings: List[Finding] = field(default_factory=list)
    verdicts: List[str] = field(default_factory=list)

    def add(self, kind: str, words: str) -> None:
        self.findings.append(Finding(kind, words))


def judge(scenario: Scenario, runs: List[Run]) -> List[Judged]:
    """Return what is wrong with what the runs of a scenario said: a dry run, the real one, the one after a failure."""
    found = []
    real = next((run for run in runs if not run.dry), None)
    for run in runs:
        judged = Judged()
        found.append(judged)
        _judge_manners(scenario, run, judged)
        if run.code is None:
            judged.verdicts.append("hangs")
        elif run.dry:
            _judge_dry(scenario, run, real, judged)
        elif run is not real:
            _judge_next(scenario, real, run, judged)
        else:
            for one, part in views(scenario, run):
                _judge_real(one, part, judged)
            _judge_need(scenario, run, judged)
    return found


def views(scenario: Scenario, run: Run) -> List[Tuple[Scenario, Run]]:
    """Return a scenario and a run as each of the databases sees them."""
    if not scenario.second or run.second is None:
        return [(scenario, run)]
    found = []
    dumps = {"default": (run.before, run.after), "second": run.second}
    for name, bodies in (("default", scenario.revisions), ("second", scenario.second)):
        one = replace(scenario, revisions=bodies, second=[])
        own = {str(action.number) for action in one.everything()}
        trail = [entry for entry in run.trail if (entry[2:3] == (name,) if entry[0] in _FRAMES else entry[1] in own)]
        before, after = dumps[name]
        err, out = _text_about(run.err, name), _document_about(run.out, name) if run.json else run.out
        found.append((one, replace(run, before=before, after=after, trail=trail, err=err, out=out, alone=False)))
    return found


_FRAMES = ("enter", "leave")


def _text_about(text: str, name: str) -> str:
    """Return the lines about one database, without its name, and those about none."""
    found, about = [], None
    for line in text.splitlines():
        indent, words = (line[:7], line[7:]) if line.startswith("       ") else ("", line)
        label = re.match(r"(default|second): ", words)
        about = label[1] if label else about if words.startswith("  ") else None
        if about in (None, name):
            found.append(indent + (words[label.end() :] if label else words))
    return "\n".join(found) + "\n"


def _document_about(text: str, name: str) -> str:
    document = _document(text)
    if document is None:
        return text
    return json.dumps({"databases": [one for one in document.get("databases", ()) if one.get("name") == name]})


def _judge_manners(scenario: Scenario, run: Run, judged: Judged) -> None:
    if run.code is None:
        judged.add("hangs", f"{run.words} did not end")
    if "Traceback (most recent call last)" in run.err + run.out and scenario.env != "naive thread":
        judged.add("traceback", _last_line(run.err))
    if run.code is not None and run.code not in (0, 1) and run.code not in _codes_of_signals(scenario):
        judged.add("exit code", f"exit {run.code}: {_last_line(run.err)}")


def _codes_of_signals(scenario: Scenario) -> Set[int]:
    codes = {"kill": {-9}, "term": {-15, 143}, "int": {-2, 130}, "interrupt": {-2, 130}}
    found: Set[int] = set()
    for one in scenario.everything():
        found |= codes.get(one.sort, set()) if one.kind == "fault" else set()
    return found


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1][:300]


# A dry run.


def _judge_dry(scenario: Scenario, run: Run, real: Optional[Run], judged: Judged) -> None:
    changes = run.changes()
    document = _document(run.out) if run.dry == "json" else None
    if changes:
        claims = "Nothing was changed" in run.out + run.err or bool(document and document.get("changed") is False)
        judged.add(
            "dry run changed the database" + (" and says that it did not" if claims else ""), "; ".join(changes)[:600]
        )
    elif document and document.get("changed") is not False:
        judged.add("dry run says changed, and nothing is", str(document.get("changed")))
    if run.code is not None and run.code < 0:
        judged.verdicts.append("dry, killed")
        return
    if run.dry == "json" and document is None and run.code == 0:
        judged.add("dry run prints no JSON", run.out[:300])
        return
    stopped = _is_open(run, document)
    judged.verdicts.append(f"dry, exit {run.code}" + (", stopped or not executed" if stopped else ""))
    if real is None or real.code is None:
        return
    if run.code == 0 and not stopped:
        if real.code != 0:
            judged.add("dry run exit 0, real run fails", _last_lines(real.err))
        elif any(part.after.version != scenario.at_after(scenario.steps) for _, part in views(scenario, real)):
            judged.add("dry run exit 0, real run elsewhere", str(real.after.version))
    failed = _failed_step(run, document)
    if run.code == 1 and failed and not stopped:
        if real.code == 0:
            judged.add("dry run reports a failure, real run succeeds", _last_lines(run.err))
        elif real.code == 1 and real.last_entered != failed:
            judged.add("dry run names another failing step", f"{failed}, and it is {real.last_entered}")


def _is_open(run: Run, document: Optional[Dict[str, Any]]) -> bool:
    """Return whether a dry run says that it did not see everything."""
    if document:
        return any(
            one["mode"] == "read" or one["stopped"] or any(step["note"] for step in one["steps"])
            for one in document["databases"]
        )
    words = r"rehearsal stopped|nothing executed|not executed|cannot tell|not known|Not rehearsed|stopped in"
    return re.search(words, run.out) is not None


def _failed_step(run: Run, document: Optional[Dict[str, Any]]) -> Optional[str]:
    if document:
        failures = [one["failure"] for one in document["databases"] if one["failure"]]
        return failures[0]["revision"] if failures else None
    return read_said(run.err).failed


def _document(text: str) -> Optional[Dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _last_lines(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if not line.startswith(("INFO", "WARNI"))]
    return " | ".join(line.strip() for line in lines)[:700]


# A real run.


def _judge_real(scenario: Scenario, run: Run, judged: Judged) -> None:
    if run.code == 0:
        judged.verdicts.append("exit 0")
        _judge_success(scenario, run, judged)
    elif run.code == -9:
        judged.verdicts.append("killed")
        _judge_kill(scenario, run, judged)
    else:
        _judge_failure(scenario, run, judged)
    if run.json and run.code != -9:
        _judge_json(scenario, run, judged)


def _find_doubtful(text: str) -> List[str]:
    """Return the revisions of which it is said that what they had written may be rolled back, and nobody knows."""
    words = r"Revision (\w+) ended [^:\n]*: it is not known whether something that it had written was rolled back"
    return re.findall(words, text)


def _judge_success(scenario: Scenario, run: Run, judged: Judged) -> None:
    target = scenario.at_after(scenario.steps)
    if run.after.version != target:
        judged.add("exit 0, and not at the target", f"at {run.after.version}, not {target}: {_last_lines(run.err)}")
        return
    doubtful = _find_doubtful(run.err)
    lost = [str(one) for one in _lost(scenario, run, [name for name in scenario.path if name not in doubtful])]
    if lost:
        judged.add("exit 0, and what was written is rolled back", "; ".join(lost))


def _writes(scenario: Scenario, revisions: List[str]) -> Iterator[Tuple[Action, Action, List[Action]]]:
    """Yield every write of some revisions, the action whose trail is its own, and the blocks it is in."""

    def walk(
        one: Action, noted: Optional[Action], blocks: List[Action]
    ) -> Iterator[Tuple[Action, Action, List[Action]]]:
        own = noted or one
        if one.kind == "write":
            yield one, own, blocks
        for inner in one.inside:
            yield from walk(inner, one if one.kind == "several" else None, [*blocks, one])

    for name in revisions:
        for one in scenario.revisions[scenario.names.index(name)]:
            yield from walk(one, None, [])


def _lost(scenario: Scenario, run: Run, revisions: List[str]) -> List[Action]:
    """Return the writes that were done and are not in the database, but for those that the script itself gave up."""
    done = run.done()
    found = []
    for write, noted, blocks in _writes(scenario, revisions):
        if noted.number in done and not _is_excused(write, blocks) and not is_there(write, run.after):
            found.append(write)
    return found


def _is_excused(write: Action, blocks: List[Action]) -> bool:
    """Return whether the script itself says that a write is not to last: a savepoint, a connection of its own."""
    savepoints = [one for one in blocks if one.kind == "savepoint"]
    given_up = any(one.ending != "release" for one in savepoints)
    if savepoints and write.how == "session" and write.ending != "commit":
        given_up = True  # SQLAlchemy 2 gives a session in a savepoint another one of its own
    return given_up or (write.how in ELSEWHERE and write.ending != "commit")


def _judge_kill(scenario: Scenario, run: Run, judged: Judged) -> None:
    """SIGKILL says nothing; but where no script ended a transaction, a database that can is at a revision, whole."""
    if scenario.database == "mysql" or scenario.env in ("autocommit", "bare") or _escapes(scenario):
        return
    count = next((n for n in range(scenario.steps + 1) if scenario.at_after(n) == run.after.version), None)
    there = [] if count is None else _there(scenario, run, scenario.path[count:])
    if count is None or there or _lost(scenario, run, scenario.path[:count]):
        judged.add("a kill leaves something half done", f"at {run.after.version}; {'; '.join(map(str, there))}")


def _escapes(scenario: Scenario) -> bool:
    """Return whether an action may commit by itself."""
    kinds = {one.kind for one in scenario.everything()}
    elsewhere = any(one.how in (*ELSEWHERE, "session", "script") for one in scenario.everything())
    return bool(kinds & {"text", "several", "driver", "autocommit", "level", "caught"}) or elsewhere


def _there(scenario: Scenario, run: Run, revisions: List[str]) -> List[Action]:
    return [write for write, _, _ in _writes(scenario, revisions) if is_there(write, run.after)]


def _applied_now(scenario: Scenario, run: Run) -> Optional[List[str]]:
    """Return the steps that the version table says are done; None where it says something else."""
    for count in range(scenario.steps + 1):
        if scenario.at_after(count) == run.after.version:
            return scenario.path[:count]
    return None


def _judge_failure(scenario: Scenario, run: Run, judged: Judged) -> None:
    said = read_said(run.err)
    if not run.alone and said.state is None and not run.noted("enter") and not _changes(run):
        return  # it was the other database's turn
    judged.verdicts.append(said.state or "no verdict")
    if said.state is None:
        judged.add("no verdict", _last_lines(run.err))
    if "partly" in said.states and "unchanged" in said.states:
        judged.add("two verdicts", _last_lines(run.err))
    if said.at is not None and said.at != run.after.version:
        judged.add("another version is named", f"says {said.at}, is {run.after.version}")
    _judge_state(scenario, run, said, judged)
    _judge_names(scenario, run, said, judged)


def _judge_state(scenario: Scenario, run: Run, said: Said, judged: Judged) -> None:
    """Judge a verdict by the database: from the text and from the JSON alike."""
    applied = _applied_now(scenario, run)
    if said.state in ("unknown", "unguarded", None):
        return
    if applied is None:
        judged.add("a version that is none of the steps'", str(run.after.version))
        return
    there = _there(scenario, run, [name for name in scenario.path if name not in applied])
    if said.state == "unchanged":
        changes = _changes(run)
        if changes:
            judged.add("says unchanged, and it is changed", "; ".join(changes)[:600])
        return
    if said.applied != applied and not (said.at_least or len(said.applied) >= 10):
        judged.add("other revisions are applied", f"says {said.applied}, is {applied}")
    lost = _lost(scenario, run, [name for name in applied if name not in said.doubtful])
    if lost and (said.state == "applied" or said.applied):
        judged.add("applied, and what was written is not there", "; ".join(map(str, lost)))
    if said.state == "applied" and there:
        judged.add("says rolled back, and it is there", "; ".join(map(str, there)))
    if said.state == "partly":
        _judge_left(scenario, run, said, there, judged)


def _changes(run: Run) -> List[str]:
    """Return what is changed, the bookkeeping and the counters left out."""
    if run.before.data() == run.after.data() and run.before.version == run.after.version:
        return []
    found = [one for one in run.before.differences(run.after) if not one.startswith(("counters", "alembic_journal"))]
    return found or [f"{run.before.version} became {run.after.version}"]


def _judge_left(scenario: Scenario, run: Run, said: Said, there: List[Action], judged: Judged) -> None:
    marks, perhaps = ({mark for line in named for mark in _MARK.findall(line)} for named in (said.left, said.may_have))
    by_mark = {mark_of(write): write for write, _, _ in _writes(scenario, scenario.path)}
    absent = [
        str(by_mark[mark]) for mark in sorted(marks) if mark in by_mark and not is_there(by_mark[mark], run.after)
    ]
    if absent:
        judged.add("names a statement that is not there", "; ".join(absent))
    for revision, lines in said.left_of.items():
        known = {mark_of(write) for write, _, _ in _writes(scenario, [revision])}
        others = {mark for line in lines for mark in _MARK.findall(line) if mark in by_mark} - known
        if others:
            judged.add("names a statement of another revision", f"{revision}: {', '.join(sorted(others))}")
    unnamed = [str(one) for one in there if mark_of(one) not in marks | perhaps]
    if unnamed and not said.at_least:
        judged.add("does not name what is there", "; ".join(unnamed))


def _judge_names(scenario: Scenario, run: Run, said: Said, judged: Judged) -> None:
    """Judge the revision that is named, and the first statement that failed."""
    unfinished = run.last_entered if run.last_entered not in run.noted("leave") else None
    if said.failed and unfinished and said.failed != unfinished:
        judged.add("another revision is named", f"says {said.failed}, is {unfinished}")
    if unfinished and not said.failed and unfinished not in run.err:
        judged.add("the failing revision is not named", _last_lines(run.err))
    caught = [one for one in scenario.everything() if one.kind == "caught" and str(one.number) in run.noted("start")]
    seen = all(one.sort != "cursor" for one in caught)  # what is sent past SQLAlchemy may not be known
    if seen and "current transaction is aborted" in run.err and not re.search("nowhere|one_row", run.err):
        judged.add("the first failing statement is not named", _last_lines(run.err))


def _judge_need(scenario: Scenario, run: Run, judged: Judged) -> None:
    """Nothing in the script raised, and nothing that it wrote can have been rolled back: why does it fail?"""
    by_number = {one.number: one for one in scenario.everything()}
    begun = [by_number[int(number)] for number in run.noted("start")]
    # A caught error fails the transaction on PostgreSQL; a signal and a deferred constraint are not in the trail.
    faults = any(one.kind in ("fault", "caught") for one in begun)
    refused = faults or scenario.env in ("autocommit", "naive thread", "own context")
    refused = refused or "closed transaction inside context manager" in run.err  # by SQLAlchemy, under any tool
    if (
        run.code == 1
        and not run.noted("raised")
        and not refused
        and not scenario.second
        and not _may_have_lost(scenario, run)
    ):
        judged.add("it need not fail", _last_lines(run.err))


def _may_have_lost(scenario: Scenario, run: Run) -> bool:
    by_number = {one.number: one for one in scenario.everything()}
    pending = scenario.start == 0 and scenario.verb == "upgrade"  # Alembic has made its table
    for entry in run.trail:
        if entry[0] == "leave":
            pending = True  # the version
        if entry[0] != "done":
            continue
        one = by_number[int(entry[1])]
        for part in one.inside if one.kind == "several" else [one]:
            if (pending or part.how == "session") and _rolls_back(part):
                return True
            if part.kind in ("write", "savepoint", "autocommit"):
                implicit = scenario.database == "mysql" and part.sort in DDL and part.how not in ELSEWHERE
                pending = not (part.kind == "write" and implicit)
            if _commits(part):
                pending = False
    return False


def _rolls_back(one: Action) -> bool:
    if one.kind == "text":
        return re.search(r"rollback|abort", one.sort, re.I) is not None
    if one.kind == "caught":
        return one.ending != "" or one.sort == "or rollback" or one.how in ("nested", "savepoint")
    session = one.how == "session" and one.ending != "commit"
    return session or one.kind == "level" or (one.kind == "driver" and one.sort == "rollback")


def _commits(one: Action) -> bool:
    if one.kind == "text":
        return re.search(r"commit|end", one.sort, re.I) is not None
    return one.kind == "driver" and one.sort == "commit"


def _judge_json(scenario: Scenario, run: Run, judged: Judged) -> None:
    document = _document(run.out)
    if document is None or len(document.get("databases", ())) > 1:
        judged.add("no JSON of one document", run.out[:300])
        return
    if not document["databases"]:
        if run.noted("enter") or run.before.version != run.after.version:
            judged.add("JSON leaves the database out", run.out[:300])
        return
    (found,) = document["databases"]
    missing = {"name", "url", "before", "after", "applied", "state", "left", "error", "doubtful"} - set(found)
    if missing:
        judged.add("JSON lacks keys", ", ".join(sorted(missing)))
        return
    if tuple(sorted(found["before"] or ())) != run.before.version:
        judged.add("JSON: before is not what it was", f"{found['before']}, was {run.before.version}")
    if found["state"] != "unknown" and tuple(sorted(found["after"] or ())) != run.after.version:
        judged.add("JSON: after is not what it is", f"{found['after']}, is {run.after.version}")
    _judge_json_state(scenario, run, found, judged)


def _judge_json_state(scenario: Scenario, run: Run, found: Dict[str, Any], judged: Judged) -> None:
    applied = _applied_now(scenario, run)
    if found["state"] not in ("applied", "unchanged", "partly", "unknown"):
        judged.add("JSON: a state of its own", found["state"])
    if found["state"] != "unknown" and applied is not None and list(found["applied"]) != applied:
        judged.add("JSON: applied is not what it is", f"{found['applied']}, is {applied}")
    if run.code == 0:
        if found["error"]:
            judged.add("JSON: an error with exit 0", str(found["error"]))
        doubtful = _find_doubtful(run.err)
        if set(found["doubtful"]) != set(doubtful) and run.alone:
            judged.add("JSON: the doubt is another one", f"{found['doubtful']}, and the text says {doubtful}")
        if found["state"] not in ("applied", *(["unchanged"] if not scenario.steps else [])):
            judged.add("JSON: the state of a success", found["state"])
        return
    text = read_said(run.err)
    unguarded = text.state == "unguarded" and found["state"] == "unknown"
    if text.state and text.state != found["state"] and not unguarded:
        judged.add("JSON and text differ", f"{found['state']}, and the text says {text.state}")
    left = [str(line) for line in found["left"]]
    if bool(left) is not (found["state"] == "partly") and found["state"] != "unknown":
        judged.add("JSON: left does not fit the state", f"{found['state']}: {left}")
    said = Said(found["state"], [found["state"]], list(found["applied"]), left, text.may_have, at_least=text.at_least)
    said.doubtful = list(found["doubtful"])
    _judge_state(scenario, run, said, judged)
    error = found["error"]
    unfinished = run.last_entered if run.last_entered not in run.noted("leave") else None
    if not error and (run.alone or unfinished):
        judged.add("JSON: no error with exit 1", str(found))
    elif not error:
        pass
    elif found["state"] == "unknown" and error.get("revision") is None:
        pass  # not known is a good answer
    elif unfinished and error.get("revision") != unfinished:
        judged.add("JSON: another revision is named", f"{error.get('revision')}, is {unfinished}")


# The run after a failure, with what failed on purpose taken out of the scripts.


_HALF_DONE = r"\b[mdaxyij]\d+\b[^\n]*(?:already exists|does not exist|doesn't exist|duplicate)"
_HALF_DONE += r"|(?:already exists|no such|duplicate|[Uu]nknown)[^\n]*\b[mdaxyij]\d+\b"


def _judge_next(scenario: Scenario, first: Run, run: Run, judged: Judged) -> None:
    judged.verdicts.append(f"next, exit {run.code}")
    said = [read_said(part.err).state for _, part in views(scenario, first)]
    promised = set(said) <= {"unchanged", "applied"} or (first.code == -9 and not _escapes(scenario))
    fails_anew = "could not create unique index" in run.err  # that the write is to fail is no fault that is taken out
    if scenario.database != "mysql" and promised and run.code and not fails_anew and re.search(_HALF_DONE, run.err):
        judged.add("the next run finds something half done", _last_lines(run.err))
    for one, part in views(scenario, run) if run.code == 0 else ():
        if part.after.version != one.at_after(one.steps):
            judged.add("the next run exits 0, and is not at the target", str(part.after.version))
        elif one.database != "mysql":
            doubtful = _find_doubtful(run.err)
            lost = _lost(one, part, [name for name in part.noted("enter") if name in one.path and name not in doubtful])
            if lost:
                judged.add("exit 0, and what was written is rolled back", "; ".join(map(str, lost)))
