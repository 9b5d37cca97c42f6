"""Processor time of `flowrig resume` by the number of experiments that a run holds.

Run with `python benchmarks/resume.py --experiments 300 1000`. It makes simulated runs that hardly
wait, with 8 frames an experiment, and resumes copies of them: the whole command, from the start of
Python to the report. `--keep FOLDER` keeps the runs for the next time. `--against PATHS` measures
another flowrig by turns with this one; PATHS are its folders with packages, as in PYTHONPATH.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from flowrig import ResumeOptions, RunOptions, resume_run, start_run

CAMPAIGN = """\
extends = "cs3cu2i5-heatup-chem3"

[calibration]
duration = "10 s"

[analysis]
frames = 8
frame_interval = "100 ms"
reactive_frames = 2

[steady]
hold = "4 s"

[[space]]
name = "temperature"
heater = "plate"
range = ["26 degC", "27 degC"]

[[space]]
name = "ODE"
stream = "ODE"
range = ["220 uL/min", "280 uL/min"]

[dependent_flows]
PFO = "0.5 * (CuI + ZnI2 + CsOA + ODE)"
CuI = "0.4 * ODE"
ZnI2 = "0.4 * ODE"
CsOA = "0.2 * ODE"

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = {experiments}
"""

RESUME = """\
import sys, time
from flowrig.cli import main
try:
    main(["resume", sys.argv[1]])
finally:
    print(time.process_time())
"""
"""Prints the processor time [s] of the process last."""


def make_run(experiments: int, folder: Path) -> None:
    """Run a simulated campaign to its end; syringes are filled and wastes emptied as it asks."""
    profile = folder.with_suffix(".toml")
    profile.write_text(CAMPAIGN.format(experiments=experiments), encoding="utf-8")
    outcome = start_run(profile, RunOptions(folder=folder, simulate=True, seed=1))
    while outcome.state == "held":
        with outcome.record() as record:
            streams, wastes = record.profile.streams, record.ledger().waste.capacity_ul
        outcome = resume_run(folder, ResumeOptions(refilled=[*streams], emptied=[*wastes]))
    if outcome.state != "finished":
        raise SystemExit(f"the run did not finish: {outcome.reason}")


def resume_s(run: Path, environment: Mapping[str, str]) -> float:
    """Processor time [s] of resuming a copy of a run."""
    with tempfile.TemporaryDirectory() as home:
        copy = Path(home) / "run"
        shutil.copytree(run, copy)
        words = [sys.executable, "-c", RESUME, str(copy)]
        done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def environment_of(paths: str, cache: Path) -> dict[str, str]:
    """Environment of a process that imports from these folders, compiled once."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": paths, "PYTHONPYCACHEPREFIX": str(cache), "OMP_NUM_THREADS": "1"}


def main() -> None:
    """Print a table: the least processor time of some repetitions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, nargs="+", default=[300])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder in which the runs are kept")
    parser.add_argument("--against", help="folders of another flowrig, as in PYTHONPATH")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = arguments.keep or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        here = os.environ.get("PYTHONPATH", "")
        paths = {"this": here} | ({"other": arguments.against} if arguments.against else {})
        environments = {
            name: environment_of(where, Path(temporary) / name) for name, where in paths.items()
        }
        print("experiments" + "".join(f"{name + ' [s]':>12}" for name in paths) + "   ratio")
        for experiments in arguments.experiments:
            run = home / f"run-{experiments}"
            if not run.is_dir():
                make_run(experiments, run)
            for environment in environments.values():  # what is imported is compiled now
                resume_s(run, environment)
            spent = {name: [0.0] * arguments.repeats for name in environments}
            for repeat in range(arguments.repeats):
                for name, environment in environments.items():
                    spent[name][repeat] = resume_s(run, environment)
            best = {name: min(times) for name, times in spent.items()}
            ratio = f"{best['other'] / best['this']:8.2f}" if "other" in best else ""
            print(f"{experiments:11}" + "".join(f"{s:12.2f}" for s in best.values()) + ratio)


if __name__ == "__main__":
    main()
