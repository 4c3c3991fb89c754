"""The command: ``python -m tests.losses --scripts 3000 --database postgresql``."""

import argparse
import random
import sys
import time
from collections import Counter

from .run import Workshop


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.losses", description="Look for losses that are not said.")
    parser.add_argument("--scripts", type=int, default=300, help="how many (300)")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", help="the seed; another one each time by default")
    parser.add_argument("--only", type=int, help="this script of the seed alone, with all of it")
    options = parser.parse_args()
    seed = options.seed or str(random.randrange(10**6))
    print(f"seed {seed}, {options.database}", flush=True)
    figures, wrong, begun = Counter(), 0, time.monotonic()
    with Workshop(options.database) as shop:
        for number in range(options.scripts) if options.only is None else [options.only]:
            judged, scenario, steps = shop.judge(seed, number)
            figures.update(scripts=1, steps=judged.steps, losses=judged.losses, uncounted=judged.uncounted)
            figures.update(failed=judged.failed, stopped=judged.stopped)
            wrong += len(judged.wrong)
            if options.only is not None:
                print("\n".join(scenario.setup))
            for sentence in judged.wrong:
                print(f"WRONG (--seed {seed} --database {options.database} --only {number}): {sentence}")
            if judged.wrong or options.only is not None:
                print("\n".join(f"  {step.code!r}" for step in steps), flush=True)
    print(", ".join(f"{name} {count}" for name, count in figures.items()), end="")
    print(f"; {time.monotonic() - begun:.0f} s; wrong: {wrong}")
    sys.exit(int(bool(wrong)))


if __name__ == "__main__":
    main()
