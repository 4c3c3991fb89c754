"""The command: ``python -m tests.truth --scripts 5000 --database postgresql``."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from .run import kinds_of, load, make_scenario, save, shrink, workshop

FAILURES = ("unchanged", "applied", "partly", "unknown", "unguarded", "no verdict")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description="Look for false sentences.")
    parser.add_argument("--scripts", type=int, default=200, help="how many (200)")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "mysql"), default="sqlite")
    parser.add_argument("--seed", help="the seed; another one each time by default")
    parser.add_argument("--only", type=int, help="this script of the seed alone, with everything that it prints")
    parser.add_argument("--replay", type=Path, help="a scenario.json that was saved")
    parser.add_argument("--folder", type=Path, help="where false sentences are saved; a temporary folder by default")
    parser.add_argument("--minutes", type=float, help="no new script after so many minutes")
    parser.add_argument("--shrink", type=int, default=3, help="how many of each kind are made small (3)")
    options = parser.parse_args()
    seed = options.seed or str(random.randrange(10**6))
    folder = options.folder or Path(tempfile.mkdtemp(prefix="truth-found-"))
    print(f"seed {seed}, {options.scripts} scripts, {options.database}; what is false is saved in {folder}", flush=True)
    if options.replay or options.only is not None:
        sys.exit(one(options, seed, folder))
    sys.exit(many(options, seed, folder))


def one(options, seed, folder):
    """Run one scenario and print all of it."""
    scenario = load(options.replay) if options.replay else make_scenario(options.database, seed, options.only)
    with workshop(scenario.database) as shop:
        runs, judged = shop.judged(scenario)
        save(folder, scenario, runs, judged, shop)
        print((folder / "report.txt").read_text())
        for finding in kinds_of(judged) if options.shrink and not options.replay else ():
            print(f"smallest with {finding.kind!r}: {shrink(shop, scenario, finding.kind)}\n")
    return int(bool(kinds_of(judged)))


def many(options, seed, folder):
    figures, found, seconds, begun = Counter(), Counter(), [], time.monotonic()
    with workshop(options.database) as shop:
        for number in range(options.scripts):
            if options.minutes and time.monotonic() - begun > 60 * options.minutes:
                break
            scenario = make_scenario(options.database, seed, number)
            started = time.monotonic()
            runs, judged = shop.judged(scenario)
            seconds.append(time.monotonic() - started)
            figures["scripts"] += 1
            figures["commands"] += len(runs)
            figures.update(verdict for one in judged for verdict in one.verdicts)
            for finding in kinds_of(judged):
                found[finding.kind] += 1
                report(options, seed, folder, shop, number, scenario, finding, found[finding.kind], (runs, judged))
            if (number + 1) % 100 == 0:
                rate = (time.monotonic() - begun) / (number + 1)
                print(f"{number + 1} scripts, {rate:.2f} s each, {sum(found.values())} false sentences", flush=True)
    summary(figures, found, seconds, seed)
    return int(bool(found))


def report(options, seed, folder, shop, number, scenario, finding, count, result):
    """Print a false sentence; the first ones of a kind also as small as they get."""
    name = finding.kind.replace(" ", "-").replace(",", "").replace(":", "")
    print(f"FALSE: {finding.kind} (--seed {seed} --database {options.database} --only {number}): {finding.words}")
    if count > 20:
        return
    save(folder / name / str(number), scenario, *result, shop)
    if count <= options.shrink:
        small = shrink(shop, scenario, finding.kind)
        save(folder / name / f"{number}-small", small, *shop.judged(small), shop)
        print(f"  smallest: {small}", flush=True)


def summary(figures, found, seconds, seed):
    failures = sum(figures[name] for name in FAILURES)
    share = figures["unknown"] / failures if failures else 0
    print(
        f"\nseed {seed}: {figures['scripts']} scripts, {figures['commands']} commands, {sum(seconds):.0f} s, ", end=""
    )
    print(f"{sum(seconds) / max(len(seconds), 1):.2f} s a script, the longest {max(seconds, default=0):.1f} s")
    for name, count in sorted(figures.items()):
        print(f"  {name}: {count}") if name not in ("scripts", "commands") else None
    print(f"failures of real runs: {failures}, of them not known: {share:.0%}")
    print(f"false sentences: {sum(found.values())}")
    for name, count in found.most_common():
        print(f"  {count:>5}  {name}")


if __name__ == "__main__":
    main()
