"""Real processes, real time: what the hardware did after each fault.

    python tests/realtime                          # all scenarios, about half an hour
    python tests/realtime --only "lost" --jobs 4
    python tests/realtime --list

Emulated instruments in a process of their own log what they truly do. Beside them a run is started
as a user starts it, and something happens to it. The table says how long after it heat, reagents,
all flow and light ended for good. Exit code 1: a promise was broken.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hardware import NEVER_S
from scenarios import SCENARIOS
from trial import Outcome, Scenario, play


def main() -> int:
    """Play scenarios, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="WORDS", help="names with these words")
    parser.add_argument("--jobs", type=int, default=3, help="trials side by side")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep all files here")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    given = parser.parse_args()
    chosen = [
        scenario
        for name, scenario in SCENARIOS.items()
        if (not given.only or any(words in name for words in given.only))
        and not (scenario.posix and sys.platform == "win32")
    ]
    if given.list:
        print("\n".join(scenario.name for scenario in chosen))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        base = given.keep or Path(scratch)
        began_s = time.monotonic()
        outcomes: list[Outcome] = []
        with ThreadPoolExecutor(given.jobs) as pool:
            for done, outcome in enumerate(pool.map(lambda s: _play(s, base), chosen), start=1):
                outcomes.append(outcome)
                left_s = (time.monotonic() - began_s) / done * (len(chosen) - done)
                word = "broken" if outcome.broken else "ok"
                print(f"{done}/{len(chosen)} {outcome.scenario}: {word}, "
                      f"{left_s / 60:.0f} min left", file=sys.stderr)  # fmt: skip
    print(_table(outcomes))
    return int(any(outcome.broken for outcome in outcomes))


def _play(scenario: Scenario, base: Path) -> Outcome:
    folder = base / "".join(c if c.isalnum() else "-" for c in scenario.name)
    folder.mkdir(parents=True)
    try:
        return play(scenario, folder)
    except Exception as error:  # one trial that fails must not end the others
        return Outcome(scenario.name, None, "", "", {}, "", (f"{type(error).__name__}: {error}",))


def _table(outcomes: list[Outcome]) -> str:
    lines = [
        "| what happened | heat off | reagents off | all flow off | light off | from | run, exit "
        "code | broken |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        times = [_time(one.off_after_s.get(q)) for q in ("heat", "reagents", "flow", "light")]
        end = f"{one.state or 'no end'}, {'killed' if one.exit_code is None else one.exit_code}"
        broken = "; ".join(one.broken).replace("\n", " ") or "0"
        cells = [one.scenario, *times, one.counted_from, end, broken]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return "never" if seconds == NEVER_S else f"{seconds:.1f} s"


if __name__ == "__main__":
    sys.exit(main())
