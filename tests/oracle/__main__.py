"""`python -m tests.oracle [NAME ...]`: a test of the tests. Plants faults one at a time and says which were caught.

Before any fault all the tests are run as the repository stands, which must pass: a test that fails anyway catches
nothing. Exit status 1 where a fault was not caught.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.oracle.planting import is_caught, run, scratch
from tests.oracle.plants import PLANTS


def main() -> int:
    """Plants them."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description="Plant faults; are they caught?")
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults to plant; all of them where none is named")
    parser.add_argument("--list", action="store_true", help="say which there are, and end")
    parser.add_argument("--unplanted", action="store_true", help="first run all tests without a fault, one file a time")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the score there")
    asked = parser.parse_args()
    chosen = [plant for plant in PLANTS if not asked.names or plant.name in asked.names]
    if unknown := set(asked.names) - {plant.name for plant in PLANTS}:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    if asked.list:
        for plant in chosen:
            print(f"{plant.name:40} {plant.breaks}")
        return 0
    score = {}
    with scratch() as copy:
        for test in sorted({test for plant in chosen for test in plant.tests}) if asked.unplanted else ():
            sound = run((test,), copy)
            if sound.caught or "ended with 0" not in sound.why:
                print(f"{test} does not pass without a fault: {sound.why}")
                return 1
        for plant in chosen:
            found = is_caught(plant, copy)
            score[plant.name] = {"caught": found.caught, "by": found.why, "seconds": round(found.took_s, 1)}
            word = "caught by" if found.caught else "NOT CAUGHT:"
            print(f"{plant.name:40} {word} {found.why}  ({found.took_s:.0f} s)", flush=True)
    caught = sum(bool(one["caught"]) for one in score.values())
    print(f"{caught} of {len(score)} caught")
    if asked.json is not None:
        asked.json.write_text(json.dumps(score, indent=2) + "\n")
    return 0 if caught == len(score) else 1


if __name__ == "__main__":
    sys.exit(main())
