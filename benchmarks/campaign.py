"""Speed of a simulated campaign, and the time of its parts.

Run with `python benchmarks/campaign.py`: the campaign of a shipped profile on its emulated rig,
through the real drivers, with every raw frame in the journal. Processor time is measured for
each thread; clocks around the parts of one thread measure the parts.

`python benchmarks/campaign.py --steps` takes the least processor time of what a campaign does again
and again, which hardly depends on what else the computer does.
"""

import argparse
import functools
import json
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import flowrig.campaign.loop
import flowrig.run.session
from flowrig.campaign.optimizer import ConditionChooser
from flowrig.cli.results.report import write_html
from flowrig.emulation import disturbed_wire
from flowrig.journal.events import Reading
from flowrig.journal.journal import Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.rig.rig import open_rig
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run_record.reader import RunRecord
from flowrig_sim.fluid_state import FluidState
from flowrig_sim.instruments import CellBody
from flowrig_sim.plate import Plate

EMULATORS = "emulators and their wires"
THREADS = {"device-": "drivers", "tcp-": EMULATORS, "pty-": EMULATORS}
"""What threads are for, by how their names begin."""

JOURNAL = "journal"
OTHER = "loop, safety kernel, clock"


class Clocks:
    """Processor time [s] and real time [s] by part; what is inside a part does not count twice."""

    def __init__(self) -> None:
        self.processor_s: dict[str, float] = defaultdict(float)
        self.real_s: dict[str, float] = defaultdict(float)
        self._inside = threading.local()
        self._lock = threading.Lock()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Take the time of a block."""
        above = getattr(self._inside, "taken", None)
        self._inside.taken = within = [0.0, 0.0]
        begin = time.thread_time(), time.perf_counter()
        try:
            yield
        finally:
            took = time.thread_time() - begin[0], time.perf_counter() - begin[1]
            with self._lock:
                self.processor_s[name] += took[0] - within[0]
                self.real_s[name] += took[1] - within[1]
            if above is not None:
                above[0] += took[0]
                above[1] += took[1]
            self._inside.taken = above

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Take the time of a method from now on."""
        plain: Callable[..., Any] = getattr(owner, method)

        @functools.wraps(plain)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return plain(*args, **kwargs)

        setattr(owner, method, timed)

    def watch_threads(self) -> None:
        """Take the time of every thread that begins from now on."""
        plain = threading.Thread.run

        def timed(thread: threading.Thread) -> None:
            part = next((p for start, p in THREADS.items() if thread.name.startswith(start)), OTHER)
            with self.part(part):
                plain(thread)

        threading.Thread.run = timed  # type: ignore[method-assign]


def watched() -> Clocks:
    """Clocks around the parts of a campaign."""
    clocks = Clocks()
    clocks.watch_threads()
    for method in ("append", "keep", "note"):
        clocks.watch(Journal, method, JOURNAL)
    clocks.watch(Journal, "_announce", OTHER)  # listeners are not the journal
    clocks.watch(disturbed_wire._Connection, "feed", EMULATORS)  # in the thread of the driver
    for owner, method in ((CellBody, "expose"), (FluidState, "advance"), (Plate, "advance")):
        clocks.watch(owner, method, "world, with its detectors")
    clocks.watch(flowrig.campaign.loop, "evaluate", "spectra")
    clocks.watch(ConditionChooser, "choose", "learning")
    clocks.watch(flowrig.run.session, "check_campaign", "learning")
    return clocks


def peak_mb() -> float:
    """Most memory that this process had [MB]."""
    if sys.platform == "win32":
        import psutil  # noqa: PLC0415

        return float(psutil.Process().memory_info().peak_wset / 1e6)
    import resource  # noqa: PLC0415 - not on every system

    bytes_each = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * bytes_each / 1e6


def measure(target: str, seed: int, folder: Path) -> dict[str, Any]:
    """Run a campaign once, and take its times."""
    clocks = watched()
    begin_s, begin_processor_s = time.perf_counter(), time.process_time()
    with clocks.part(OTHER):
        outcome = start_run(target, RunOptions(folder=folder, simulate=True, seed=seed))
    run_s, run_processor_s = time.perf_counter() - begin_s, time.process_time() - begin_processor_s
    with RunRecord(folder) as record:
        summary = record.summary()
        write_html(record)
    return {
        "state": outcome.state,
        "experiments": summary["experiments"],
        "digest": summary["digest"],
        "rig_s": summary["rig_time_s"],
        "real_s": run_s,
        "processor_s": run_processor_s,
        "rig_s_per_real_s": summary["rig_time_s"] / run_s,
        "rig_s_per_processor_s": summary["rig_time_s"] / run_processor_s,
        "report_s": time.perf_counter() - begin_s - run_s,
        "journal_share_of_real_time": clocks.real_s[JOURNAL] / run_s,
        "journal_share_of_processor_time": clocks.processor_s[JOURNAL] / run_processor_s,
        "journal_mb": (folder / "journal.sqlite").stat().st_size / 1e6,
        "parts_processor_s": dict(clocks.processor_s),
        "peak_mb": peak_mb(),
    }


def least_us(step: Callable[[], object], times: int, rounds: int) -> float:
    """Least processor time [µs] of a step, of several rounds of so many steps each."""
    step()
    took = []
    for _ in range(rounds):
        begin_s = time.process_time()
        for _ in range(times):
            step()
        took.append((time.process_time() - begin_s) / times)
    return min(took) * 1e6


def steps(target: str, folder: Path) -> dict[str, float]:
    """Least processor time [µs] of a look at the rig, of a frame, and of an event."""
    with open_rig(target, simulate=True) as rig:
        streams = list(rig.profile.streams)
        found = {"a look at the rig, pumps at rest": least_us(rig.read, 4, 60)}
        rates = {name: one.flow_rate_ul_min[1] / 5 for name, one in rig.profile.streams.items()}
        rig.set_flow_rates(rates)
        rig.start(streams)
        found["a look at the rig, pumps running"] = least_us(rig.read, 4, 60)
        rig.clock.sleep(300.0)

        def sample() -> None:
            rig.set_flow_rates({streams[0]: rates[streams[0]]})
            rig.acquire(rig.spectrometers, 100, 0.1)

        frames = 100 * len(rig.spectrometers)
        found["a frame in a sample"] = least_us(sample, 1, 14) / frames
    reading = Reading(heaters={}, pumps=dict.fromkeys(streams, "running"))
    with Journal.create(folder / "journal.sqlite") as journal:
        found["an event of a look in the journal"] = least_us(
            lambda: journal.note(reading, 0.0), 20, 40
        )
    plugins = Plugins.discover()
    found["plugins found again"] = least_us(Plugins.discover, 1, 20)
    found["the profile read again"] = least_us(lambda: load_profile(target, plugins), 1, 20)
    return found


def tell(found: dict[str, Any]) -> None:
    """Print what was measured."""
    console = Console()
    console.print(
        f"{found['state']}: {found['experiments']} experiments, {found['rig_s'] / 3600:.2f} h of "
        f"rig time in {found['real_s']:.1f} s and {found['processor_s']:.1f} s of processor time"
    )
    console.print(
        f"{found['rig_s_per_real_s']:.0f} × real time, "
        f"{found['rig_s_per_processor_s']:.0f} × per second of processor time; "
        f"report after {found['report_s']:.1f} s more"
    )
    console.print(
        f"journal: {found['journal_share_of_real_time']:.1%} of real time, "
        f"{found['journal_share_of_processor_time']:.1%} of processor time, "
        f"{found['journal_mb']:.0f} MB; peak memory {found['peak_mb']:.0f} MB"
    )
    table = Table("part", "processor time, s", "share")
    parts = found["parts_processor_s"]
    for name, taken_s in sorted(parts.items(), key=lambda part: -part[1]):
        table.add_row(name, f"{taken_s:.2f}", f"{taken_s / sum(parts.values()):.0%}")
    console.print(table)
    console.print(f"digest {found['digest']}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="cs3cu2i5-heatup-chem3", help="profile or campaign")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--steps", action="store_true", help="least times of single steps")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowrig-") as folder:
        if options.steps:
            for name, took_us in steps(options.target, Path(folder)).items():
                print(f"{name:<36}{took_us:>8.0f} µs")
            return
        found = measure(options.target, options.seed, Path(folder) / "run")
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        tell(found)


if __name__ == "__main__":
    main()
