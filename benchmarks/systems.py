"""Every published system on its emulated rig: what its paper says, and what came out.

Run with `python benchmarks/systems.py`, for some of them with `--only S7 S9`, for a look in two
minutes with `--quick`. Each system is a shipped profile, with its own campaign, one of
`benchmarks/published` or one of the gallery. It is planned, run through the real drivers on
emulated instruments, and compared with its plan and its paper. `--write` puts the rows into
docs/systems.md; rows that were not run stay as they are. `pip install xopt` adds the generator of
S12.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from published_claims import (
    PUBLISHED,
    Claim,
    Look,
    Twin,
    ahead,
    along_the_reactor,
    core_shell,
    figured,
    grid,
    heat_up,
    hot_injection,
    nothing_published,
    old_records,
    purification,
    rebuilt,
    side_by_side,
    twins,
    two_looks,
    velocities,
    whole,
    whole_spectrum,
)
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from flowrig.interfaces.gallery import Paper
from flowrig.journal.events import HoldBegun, Outcome
from flowrig.journal.journal import AnyEvent
from flowrig.operator.hold import HoldKind
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.planning.plan import Plan, as_long_as, over, plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.profile.model.flow import GAS
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.scorecard.scorecard import scorecard_of
from flowrig_gallery.colours import ArtificialChemist, Maria
from flowrig_gallery.heat_up import mixing, optimization, perturbation, reaction_time, robustness
from flowrig_gallery.reprecipitation import Reprecipitation
from flowrig_gallery.shapes import RUNS

SEED = 1
PAGE = Path(__file__).parents[1] / "docs" / "systems.md"
BEGIN, END = "<!-- systems.py: rows -->", "<!-- systems.py: end -->"
KINDS = ("sign", "order", "size")
DIFFERS = "**no**"
"""What stands beside a result that does not agree."""
TIME_OFF, VOLUME_OFF = 0.03, 0.01
"""How far a plan may be off, as shares of the rig time and of the volume."""


@frozen(kw_only=True)
class System:
    """A published system.

    Attributes:
        key: its number, "S7".
        title: what it is, in a few words.
        profile: the shipped profile; "" for data without a rig.
        targets: what is run: shipped profiles, or files of `benchmarks/published` and the gallery.
        look: compares the runs with the paper.
        data: compares data with the paper, in place of runs.
        faults: by target, what is wrong with which device from the begin on.
        work_s: about how much processor time [s] it takes.
        missing: why it is not run; "" if it is.
    """

    key: str
    title: str
    profile: str = ""
    targets: tuple[str, ...] = ()
    look: Look = nothing_published
    data: Twin | None = None
    faults: Mapping[str, Mapping[str, str]] = {}
    work_s: float = 10.0
    missing: str = ""


def run_files(*names: str) -> tuple[str, ...]:
    """Campaigns of the gallery."""
    return tuple(str(RUNS / f"{name}.toml") for name in names)


def runs_of(paper: Paper) -> tuple[str, ...]:
    """What a paper of the gallery ran."""
    return tuple(one.profile for one in paper.runs())


HEAT_UP = "cs3cu2i5-heatup-chem3"
SYSTEMS = (
    System(key="S1", title="heat-up synthesis of Cs3Cu2I5", profile=HEAT_UP, targets=(HEAT_UP,),
           look=heat_up, work_s=30),
    System(key="S2", title="robustness and cross-contamination", profile=HEAT_UP,
           targets=run_files("heatup-steady"), look=figured(robustness, perturbation), work_s=7),
    System(key="S3", title="mixing and reaction time", profile=HEAT_UP,
           targets=run_files("heatup-mixing"), look=figured(mixing, reaction_time), work_s=8),
    System(key="S4", title="digital twin of measured experiments", profile=HEAT_UP, data=twins,
           work_s=12),
    System(key="S5", title="expected improvement against chance",
           profile="cs3cu2i5-heatup-published", targets=("cs3cu2i5-heatup-published",),
           look=figured(optimization), work_s=400),
    System(key="S6", title="hot injection of Cs3Cu2I5", profile="cs3cu2i5-hot-injection",
           targets=("cs3cu2i5-hot-injection", *run_files("hot-injection-residence")),
           look=hot_injection, work_s=70),
    System(key="S7", title="reprecipitation of CsPbBr3", profile="cspbbr3-larp-published",
           targets=runs_of(Reprecipitation()), look=whole(Reprecipitation()), work_s=1),
    System(key="S8", title="Artificial Chemist", profile="artificial-chemist",
           targets=runs_of(ArtificialChemist()), look=whole(ArtificialChemist()), work_s=40),
    System(key="S9", title="MARIA", profile="maria-kriging", targets=runs_of(Maria()),
           look=whole(Maria()), work_s=12),
    System(key="S10", title="slug velocity, kept while the pump of the carrier loses a tenth",
           profile="oval-velocity", targets=("s10.toml", "oval-velocity"), look=velocities,
           faults={"oval-velocity": {"pump_pfo": "slips"}}, work_s=15),
    System(key="S11", title="a travelling probe, and lifetimes", profile="travelling-probe",
           targets=("travelling-probe",), look=along_the_reactor, work_s=15),
    System(key="S12", title="a whole spectrum, by optimizers of others", profile="whole-spectrum",
           targets=("whole-spectrum",), look=whole_spectrum, work_s=21),
    System(key="S13", title="sixteen reactors side by side", profile="numbering-up",
           targets=("numbering-up",), look=side_by_side, work_s=20),
    System(key="S14", title="from salts to fractions", profile="salts-to-fractions",
           targets=("salts-to-fractions",), look=two_looks, work_s=16),
    System(key="S15", title="mixing time by a sample loop", profile="sample-loop",
           targets=("sample-loop",), work_s=6),
    System(key="S16", title="core and shell in two stages", profile="two-stage-core-shell",
           targets=("two-stage-core-shell",), look=core_shell, work_s=55),
    System(key="S17", title="grid of ligand pairs", profile="ligand-grid",
           targets=("ligand-grid",), look=grid, work_s=100),
    System(key="S18", title="guided by a slow analyzer", profile="slow-analyzer",
           targets=("slow-analyzer",), look=ahead, work_s=2),
    System(key="S19", title="before and after purification", profile="in-line-purification",
           targets=("in-line-purification",), look=purification, work_s=17),
    System(key="S20", title="the path changed between runs", profile="two-mixers",
           targets=("s20.toml",), look=rebuilt, work_s=12),
    System(key="S21", title="old records without a rig", data=old_records, work_s=14),
)  # fmt: skip
QUICK = ("S2", "S3", "S4", "S7", "S8", "S9", "S14", "S15", "S18", "S19", "S20", "S21")


@frozen(kw_only=True)
class Row:
    """What one system came to.

    Attributes:
        key: number of the system.
        experiments: how many were measured.
        rig_h: rig time [h], without waits for people and results.
        processor_s: processor time [s] of plan, runs and looks.
        claims: what the paper says, and what came out.
        time_off: by how much the plan's time is off, as a share: before the run, and with the
            conditions that were decided in it, as `flowrig plan --rehearse` has them; None
            without a run.
        volume_off: the same of the volume of all liquids.
        time_within: between which shares eight of ten draws of the plan before the run lie.
        volume_within: the same of the volume.
        at_most: whether the run may end before, at an aim.
        problem: why it could not be run; "" if it could.
    """

    key: str
    experiments: int = 0
    rig_h: float = 0.0
    processor_s: float = 0.0
    claims: Sequence[Claim] = ()
    time_off: tuple[float, float] | None = None
    volume_off: tuple[float, float] | None = None
    time_within: tuple[float, float] = (0.0, 0.0)
    volume_within: tuple[float, float] = (0.0, 0.0)
    at_most: bool = False
    problem: str = ""


class Attendant:
    """A person who does at once what a run waits for, as plans assume; results take their time."""

    def __init__(self) -> None:
        self.requests = OperatorRequests()

    def __call__(self, event: AnyEvent) -> None:
        """Follow the journal."""
        hold = self.requests.hold
        if not isinstance(event.data, HoldBegun) or hold is None:
            return
        if hold.kind in (HoldKind.NEED, HoldKind.GATE):
            self.requests.ask(
                Request.GO_ON, by="benchmark", refilled=hold.refill, emptied=hold.empty
            )


@frozen
class Amounts:
    """Rig time [s] without waits for people and results, and liquid [µL]; a sum over runs."""

    time_s: float = 0.0
    volume_ul: float = 0.0

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(self.time_s + other.time_s, self.volume_ul + other.volume_ul)

    def off(self, taken: "Amounts") -> tuple[float, float]:
        """By how much a plan is off what was taken, as shares."""
        volume = self.volume_ul / taken.volume_ul - 1.0 if taken.volume_ul else 0.0
        return self.time_s / taken.time_s - 1.0, volume


@frozen
class Done:
    """Runs of a system, and what its plans said."""

    taken: Amounts
    before: Amounts
    decided: Amounts
    least: Amounts
    most: Amounts
    at_most: bool
    experiments: int
    claims: Sequence[Claim]


def planned(plan: Plan, gases: Iterable[str]) -> Amounts:
    """What a plan says."""
    gone = {*gases}
    return Amounts(plan.time_s, sum(ul for s, ul in plan.volumes_ul.items() if s not in gone))


def interval(plan: Plan) -> tuple[Amounts, Amounts]:
    """The ends of what a plan draws."""
    ends = zip(plan.time_interval_s, plan.waste_interval_ul, strict=True)
    low, high = (Amounts(time_s, ul) for time_s, ul in ends)
    return low, high


def taken(record: RunRecord, gases: Iterable[str]) -> Amounts:
    """What a run took."""
    gone, times = {*gases}, scorecard_of(record).time
    volume_ul = sum(
        ul
        for event in record.journal.events(Outcome)
        for stream, ul in (event.data.dispensed_ul or {}).items()
        if stream not in gone
    )
    busy_s = times.total_s - times.seconds["hold"] - times.seconds["decision"]
    return Amounts(busy_s, volume_ul)


@contextmanager
def with_faults(
    faults: Mapping[str, str], *arguments: Any, **options: Any
) -> Iterator[EmulatedRig]:
    """The emulated rig, whose devices have faults."""
    with emulated(*arguments, **options) as rig:
        for device, fault in faults.items():
            rig.emulators[device].inject(fault)
        yield rig


def run_all(system: System, folder: Path) -> Done:
    """Plan and run what a system consists of."""
    plugins, records, at_most = Plugins.discover(), [], False
    sums = [Amounts()] * 5
    for place, name in enumerate(system.targets):
        target = PUBLISHED / name if name.endswith(".toml") else name
        profile = load_profile(target, plugins)
        gases = [name for name, one in profile.streams.items() if one.phase == GAS]
        told = plan_campaign(profile, SEED)
        at_most |= told.at_most
        attendant = Attendant()
        options = RunOptions(
            folder=folder / str(place),
            simulate=True,
            seed=SEED,
            plugins=plugins,
            requests=attendant.requests,
            listeners=[attendant],
            yes_to=[gate.name for gate in profile.gates],
            simulator=partial(with_faults, system.faults.get(name, {})),
        )
        outcome = start_run(target, options)
        if outcome.state != "finished":
            raise RuntimeError(f"{name}: {outcome.state}: {outcome.reason}")
        record = outcome.record()
        decided: dict[str, list[Mapping[str, Any]]] = {}
        for one in record.decisions():
            decided.setdefault(one.stage, []).append(one.conditions)
        amounts = taken(record, gases)
        after = planned(plan_campaign(as_long_as(profile, over(record)), SEED, decided), gases)
        all_amounts = (amounts, planned(told, gases), after, *interval(told))
        sums = [a + b for a, b in zip(sums, all_amounts, strict=True)]
        records.append(record)
    count = sum(len(record.experiments()) for record in records)
    claims = system.look(records)
    for record in records:
        record.close()
    return Done(*sums, experiments=count, claims=claims, at_most=at_most)


def measure(key: str) -> Row:
    """Run one system; in a process of its own."""
    system = next(one for one in SYSTEMS if one.key == key)
    began_s = time.process_time()
    with tempfile.TemporaryDirectory(prefix=f"flowrig-{key}-") as home:
        try:
            if system.data is not None:
                claims = system.data(Path(home))
                return Row(key=key, claims=claims, processor_s=time.process_time() - began_s)
            done = run_all(system, Path(home))
        except Exception as error:
            return Row(key=key, problem=f"{type(error).__name__}: {error}".partition("\n")[0])
    time_off, volume_off = offs(done.taken, done.before, done.decided)
    time_within, volume_within = offs(done.taken, done.least, done.most)
    return Row(
        key=key,
        experiments=done.experiments,
        rig_h=done.taken.time_s / 3600,
        processor_s=time.process_time() - began_s,
        claims=done.claims,
        time_off=time_off,
        volume_off=volume_off,
        time_within=time_within,
        volume_within=volume_within,
        at_most=done.at_most,
    )


def offs(taken: Amounts, one: Amounts, other: Amounts) -> tuple[tuple[float, float], ...]:
    """By how much two plans are off what was taken: in time, and in volume."""
    return tuple(zip(one.off(taken), other.off(taken), strict=True))


# --- Table ---------------------------------------------------------------------------------------


HEAD = (
    "| | system, profile | experiments | rig, h | processor, s | the paper | the emulated rig "
    "| agrees | plan is off: time, volume |\n|---|---|---|---|---|---|---|---|---|"
)


def agreement(claims: Sequence[Claim]) -> str:
    """How many claims of each kind agree, such as "sign 1/1, size 2/3"."""
    kinds = {kind: [one.agrees for one in claims if one.kind == kind] for kind in KINDS}
    return ", ".join(f"{kind} {sum(some)}/{len(some)}" for kind, some in kinds.items() if some)


def off_words(row: Row) -> str:
    """By how much the plan is off: as it is, its draws, and as a rehearsal makes it."""
    if row.time_off is None or row.volume_off is None:
        return "–"

    def share(off: float) -> str:
        return f"{round(off, 3) + 0.0:+.1%}"

    before, decided = (
        ", ".join(map(share, both)) for both in zip(row.time_off, row.volume_off, strict=True)
    )
    draws = ", ".join(
        " to ".join(map(share, ends)) for ends in (row.time_within, row.volume_within)
    )
    begin = "at most: " if row.at_most else ""
    return before if before == decided else f"{begin}{before} ({draws}); rehearsed {decided}"


def line(system: System, row: Row | None) -> str:
    """One row of the table."""
    if row is None or row.problem:
        why = f"not run: {system.missing or 'no result yet'}" if row is None else row.problem
        return f"{head(system)} – | – | – | – | {why} | – | – |"
    said = "<br>".join(one.paper for one in row.claims) or "nothing to compare: invented numbers"
    found = "<br>".join(f"{one.found}{'' if one.agrees else f' ({DIFFERS})'}" for one in row.claims)
    hours = f"{row.rig_h:.1f}" if row.rig_h >= 0.1 else f"{row.rig_h:.2f}"
    counts = (str(row.experiments), hours) if row.experiments else ("–", "–")
    return (
        f"{head(system)} {counts[0]} | {counts[1]} | {row.processor_s:.0f} | {said} "
        f"| {found or '–'} | {agreement(row.claims) or '–'} | {off_words(row)} |"
    )


def head(system: System) -> str:
    """The cells of a row that do not come from a run."""
    profile = f": [`{system.profile}`]({page_of(system.profile)})" if system.profile else ""
    return f"| {system.key} | {system.title}{profile} |"


def page_of(profile: str) -> str:
    """Where the page of a profile is, from docs/systems.md."""
    if profile.startswith("cs3cu2i5-heatup"):
        return "simulation.md#cs3cu2i5-heatup"
    return f"rigs/{profile}.md"


def merged(text: str, rows: Mapping[str, Row]) -> str:
    """The page with new rows, and the old ones of systems that were not run."""
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    kept = dict(re.findall(r"^\| (S\d+) \|[^|]*\|(.*)$", old, re.MULTILINE))
    lines = [HEAD]
    for system in SYSTEMS:
        if system.key in rows or "not run" in kept.get(system.key, "not run"):
            lines.append(line(system, rows.get(system.key)))
        else:
            lines.append(f"{head(system)}{kept[system.key]}")
    table = "\n".join(lines)
    return f"{before}{BEGIN}\n{differing(lines)}\n\n{table}\n{END}{after}"


def differing(lines: Sequence[str]) -> str:
    """What of a table does not agree with its papers, as a list."""
    found = list[str]()
    for one in lines:
        cells = [cell.strip() for cell in one.split("|")]
        if DIFFERS in one:
            pairs = zip(cells[6].split("<br>"), cells[7].split("<br>"), strict=True)
            found += [f"- {cells[1]}: {said}: {was}" for said, was in pairs if DIFFERS in was]
    told = [one.replace(f" ({DIFFERS})", "") for one in found]
    return "\n".join(["What does not agree:", "", *told] if told else ["Nothing differs."])


def tell(row: Row) -> None:
    """Print what one system came to."""
    system = next(one for one in SYSTEMS if one.key == row.key)
    console = Console(highlight=False, soft_wrap=True)
    where = system.profile or "no rig"
    if row.problem:
        console.print(f"{row.key} {system.title} ({where}): failed: {row.problem}", style="red")
        return
    console.print(
        f"{row.key} {system.title} ({where}): {row.experiments} experiments, {row.rig_h:.1f} h of "
        f"rig time, {row.processor_s:.0f} s of processor time; plan is off {off_words(row)}"
    )
    for one in row.claims:
        mark = "agrees" if one.agrees else "DIFFERS"
        console.print(f"    {one.kind:5} {mark:7}  {one.paper}: {one.found}")


def chosen(only: Sequence[str], *, quick: bool) -> list[System]:
    """The systems to run, those that take longest first."""
    wanted = {one.upper() for one in only} or {*(QUICK if quick else (s.key for s in SYSTEMS))}
    unknown = wanted - {one.key for one in SYSTEMS}
    if unknown:
        raise SystemExit(f"there is no system {', '.join(sorted(unknown))}; there are S1 to S21")
    some = [one for one in SYSTEMS if one.key in wanted and not one.missing]
    return sorted(some, key=lambda one: -one.work_s)


def measured(systems: Sequence[System], jobs: int) -> dict[str, Row]:
    """Run systems, some at a time; tells each when it is done."""
    rows: dict[str, Row] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
               TextColumn("left:"), TimeRemainingColumn())  # fmt: skip
    bar = Progress(*columns, console=Console(stderr=True))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with bar, ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        task = bar.add_task("systems", total=sum(one.work_s for one in systems))
        waiting = {pool.submit(measure, one.key): one for one in systems}
        for future in as_completed(waiting):
            row = future.result()
            rows[row.key] = row
            tell(row)
            bar.update(task, advance=waiting[future].work_s)
    return rows


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="S7", help="these systems")
    parser.add_argument("--quick", action="store_true", help="a few that take seconds each")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for every number")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/systems.md")
    asked = parser.parse_args()
    rows = measured(chosen(asked.only, quick=asked.quick), asked.jobs)
    for system in SYSTEMS:
        if system.missing and not asked.only:
            print(f"{system.key} {system.title}: not run: {system.missing}")
    if asked.json:
        asked.json.write_text(
            json.dumps([asdict(row) for row in rows.values()], indent=1), encoding="utf-8"
        )
    if asked.write:
        PAGE.write_text(merged(PAGE.read_text("utf-8"), rows), encoding="utf-8", newline="\n")
    return 1 if any(row.problem for row in rows.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
