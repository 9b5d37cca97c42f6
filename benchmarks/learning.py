"""Every table of the learning benchmarks, one after the other.

Run with `python benchmarks/learning.py`; it takes some hours on one core. `--quick` takes minutes
and shows that everything runs. `pip install "flowrig[bench]"` adds BoTorch, Ax and BayBE.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PUBLISHED = HERE.parent / "tests" / "learning" / "data"
TABLES = [PUBLISHED / f"cs3cu2i5_lhs_{chemistry}.csv" for chemistry in ("chem1", "chem3")]


def main() -> int:
    """Print accuracy, decision times, regret and campaigns; the first failure ends it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few seeds")
    parser.add_argument("--jobs", type=int, default=1, help="searches or campaigns at a time")
    asked = parser.parse_args()
    seeds, recipes = (1, 0) if asked.quick else (20, 2)
    commands = [
        ["accuracy.py", *map(str, TABLES), "--profile", "cs3cu2i5-heatup-chem3"],
        ["growth.py", *(["--optimizers", "gp"] if asked.quick else [])],
        ["regret.py", "--seeds", str(seeds), "--jobs", str(asked.jobs)],
        ["campaigns.py", "--seeds", str(min(seeds, 10)), "--recipe-seeds", str(recipes),
         "--jobs", str(asked.jobs), *(["--policies", "gp", "random-16"] if asked.quick else [])],
        ["informed.py", "--seeds", str(seeds), "--jobs", str(asked.jobs)],
    ]  # fmt: skip
    for script, *words in commands:
        print(f"\n{script} {' '.join(words)}", flush=True)
        if code := subprocess.run([sys.executable, HERE / script, *words], check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
