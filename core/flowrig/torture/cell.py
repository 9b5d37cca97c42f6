"""One cell of the board: a fault, a phase and a seed, run and judged."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from attrs import asdict, evolve, frozen

from flowrig.errors import InputError
from flowrig.torture.faults import FAULTS, HEALTHY, Ending, Fault
from flowrig.torture.injections.injection import Injection
from flowrig.torture.judge.breach import Breach, Kind
from flowrig.torture.judge.healthy_campaign import HealthyCampaign
from flowrig.torture.judge.judge import judge
from flowrig.torture.lasting_rig import TortureRig
from flowrig.torture.pairs import pair_of
from flowrig.torture.phases import Phase
from flowrig.torture.points import POINTED, Extent, Point
from flowrig.torture.rehearsal import occurrences_of
from flowrig.torture.rigs import REFERENCE, PlayedRig
from flowrig.torture.strike import TrialError
from flowrig.torture.trial import Trial

__all__ = ["Cell", "Result", "extent_of", "require_fault", "require_playable", "run_cell"]


@frozen
class Cell:
    """A campaign of the board.

    Attributes:
        fault: number of the fault; 0 is the control.
        moment: the phase or point at which the fault strikes.
        seed: seed of all random choices.
        second: number of a second fault that strikes after the first; 0 for none.
    """

    fault: int
    moment: Phase | Point
    seed: int
    second: int = 0

    def __str__(self) -> str:
        second = f"+{self.second}" if self.second else ""
        return f"{self.fault}{second}/{self.moment}/{self.seed}"

    @property
    def row(self) -> Fault:
        """The row of the board; for two faults, both rows as one."""
        return pair_of(self.fault, self.second) if self.second else FAULTS[self.fault]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "13/settle/2", or "13+41/settle/2" for two faults.

        Raises:
            InputError: the text is no cell of the board.
        """
        try:
            numbers, moment, seed = text.split("/")
            number, _, second = numbers.partition("+")
            cell = cls(int(number), _moment(moment), int(seed), int(second or 0))
        except ValueError as error:
            raise InputError(f"{text!r} is no cell; expected for instance 13/settle/2") from error
        possible = cell.row.phases if cell.fault in FAULTS else ()
        if cell.moment not in possible and not (
            isinstance(cell.moment, Point) and cell.fault in POINTED and not cell.second
        ):
            raise InputError(f"{text!r} is no cell of the board")
        return cell


def _moment(text: str) -> Phase | Point:
    try:
        return Phase(text)
    except ValueError:
        return Point.parse(text)


@frozen
class Result:
    """The result of a cell.

    Attributes:
        cell: the cell.
        endings: the ending of each process, in order.
        texts: the final message of each process to its user.
        breaches: the broken promises.
        seconds: real time [s] that the cell took.
    """

    cell: Cell
    endings: tuple[str, ...]
    texts: tuple[str, ...]
    breaches: tuple[Breach, ...]
    seconds: float

    def plain(self) -> dict[str, Any]:
        """The result as plain values, for JSON."""
        return {**asdict(self), "cell": str(self.cell)}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """The result from what `plain` returned."""
        return cls(
            Cell.parse(plain["cell"]),
            tuple(plain["endings"]),
            tuple(plain["texts"]),
            tuple(Breach(Kind(b["kind"]), b["text"]) for b in plain["breaches"]),
            plain["seconds"],
        )


def require_playable(cell: Cell, rig: PlayedRig) -> None:
    """Check that a rig can have the faults of a cell in its phase.

    Raises:
        InputError: it cannot, or its campaign does not finish without a fault.
    """
    for number in filter(None, (cell.fault, cell.second)):
        require_fault(number, rig)
    if isinstance(cell.moment, Phase) and cell.moment not in occurrences_of(rig):
        raise InputError(f"a campaign of this rig has no phase {cell.moment}")


def require_fault(number: int, rig: PlayedRig) -> Fault:
    """The row of a fault that a rig can have.

    Raises:
        InputError: it is not on the board, or the rig cannot have it.
    """
    fault = FAULTS.get(number)
    if fault is None:
        raise InputError(f"there is no fault {number}; there are 1 to {max(FAULTS)}")
    why_not = fault.why_not_on(rig)
    if why_not:
        raise InputError(f"fault {number}, {fault.name}: not applicable: {why_not}")
    return fault


def run_cell(cell: Cell, rig: PlayedRig = REFERENCE) -> Result:
    """Run one cell on a rig and judge it."""
    begin_s = time.perf_counter()
    healthy = _healthy_campaign(cell.seed, rig) if cell.fault else None
    with _played(cell, rig) as (trial, broken):
        seen = judge(trial, healthy) if trial.processes else []
        return Result(
            cell,
            tuple(process.ending.value for process in trial.processes),
            tuple(process.text for process in trial.processes),
            (*broken, *seen),
            time.perf_counter() - begin_s,
        )


@contextmanager
def _played(
    cell: Cell, played: PlayedRig, *, undisturbed: bool = False
) -> Iterator[tuple[Trial, list[Breach]]]:
    """A finished trial while its files exist, and failures of the board itself.

    Args:
        cell: the cell.
        played: what is known of the rig.
        undisturbed: whether to leave out the fault, and also the noise of the control.
    """
    broken: list[Breach] = []
    with (
        tempfile.TemporaryDirectory(prefix="flowrig-torture-", dir=_memory_folder()) as home,
        TortureRig() as rig,
        _dying_threads_noted(broken),
    ):
        folder = Path(home) / "of" / "a"
        folder.mkdir(parents=True)
        row = evolve(cell.row, make=Injection) if undisturbed else cell.row
        trial = Trial(row, cell.moment, cell.seed, folder, rig, played=played)
        try:
            trial.run()
        except TrialError as error:
            broken.append(Breach(Kind.BROKEN, str(error)))
        finally:
            trial.injection.close()
        yield trial, broken


def _memory_folder() -> Path | None:
    """A folder in memory, which is faster than a disk; None if the operating system has none."""
    found = Path("/dev/shm")  # noqa: S108 - the folder in it is this process's own
    return found if found.is_dir() and os.access(found, os.W_OK) else None


@contextmanager
def _dying_threads_noted(broken: list[Breach]) -> Iterator[None]:
    """Add threads that die of an exception: an emulator must survive whatever it receives."""
    before = threading.excepthook

    def note(died: threading.ExceptHookArgs) -> None:
        broken.append(Breach(Kind.BROKEN, f"a thread died of {died.exc_value!r}"))

    threading.excepthook = note
    try:
        yield
    finally:
        threading.excepthook = before


@lru_cache(maxsize=8)
def _healthy_campaign(seed: int, rig: PlayedRig) -> HealthyCampaign | None:
    """The campaign of a seed without a fault; None if it does not finish."""
    with _played(Cell(HEALTHY.number, HEALTHY.phases[0], seed), rig) as (trial, _):
        if trial.processes[-1].ending is not Ending.FINISHED:
            return None
        with trial.record as record:
            experiments = record.experiments()
            return HealthyCampaign(
                {
                    tuple(one.conditions.values()): dict(one.features)
                    for one in experiments
                    if not one.flags
                },
                frozenset(tuple(one.conditions.values()) for one in experiments),
            )


@lru_cache(maxsize=64)
def extent_of(seed: int, rig: PlayedRig = REFERENCE) -> Extent:
    """Number of points in the campaign of a seed without a fault."""
    cell = Cell(HEALTHY.number, HEALTHY.phases[0], seed)
    with _played(cell, rig, undisturbed=True) as (trial, _):
        wires = {name: one.wire for name, one in trial.rig.rig.emulators.items()}
        return Extent(
            len(trial.processes[0].events),
            {name: wire.passed for name, wire in wires.items()},
            {name: wire.exchanges for name, wire in wires.items()},
        )
