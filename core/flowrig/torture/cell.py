"""One cell of the board: a fault, a phase and a seed, played through and judged."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from attrs import asdict, frozen

from flowrig.errors import InputError
from flowrig.torture.faults import FAULTS, HEALTHY, Ending, Fault
from flowrig.torture.injections import Injection
from flowrig.torture.judge import Breach, HealthyCampaign, Kind, judge
from flowrig.torture.lasting_rig import TortureRig
from flowrig.torture.pairs import pair_of
from flowrig.torture.phases import Phase
from flowrig.torture.points import POINTED, Extent, Point
from flowrig.torture.trial import Trial, TrialError

__all__ = ["Cell", "Result", "extent_of", "run_cell"]


@frozen
class Cell:
    """A campaign of the board.

    Attributes:
        fault: number of the row; 0 is the control.
        moment: when it strikes.
        seed: everything random follows from it.
        second: number of a fault that strikes after it; 0 for none.
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
        """What happens in it."""
        return pair_of(self.fault, self.second) if self.second else FAULTS[self.fault]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "13/settle/2", or "13+41/settle/2" for two faults.

        Raises:
            InputError: it is no cell of the board.
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
    """What became of a cell.

    Attributes:
        cell: which.
        endings: of every session, in order.
        texts: what the user was told at the end of each.
        breaches: what was broken.
        seconds: how long it took, real time.
    """

    cell: Cell
    endings: tuple[str, ...]
    texts: tuple[str, ...]
    breaches: tuple[Breach, ...]
    seconds: float

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "cell": str(self.cell)}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Self:
        """From `plain`."""
        return cls(
            Cell.parse(plain["cell"]),
            tuple(plain["endings"]),
            tuple(plain["texts"]),
            tuple(Breach(Kind(b["kind"]), b["text"]) for b in plain["breaches"]),
            plain["seconds"],
        )


def run_cell(cell: Cell) -> Result:
    """Play one cell through."""
    begin_s = time.perf_counter()
    reference = _reference(cell.seed) if cell.fault else None
    with _played(cell) as (trial, broken):
        seen = judge(trial, reference) if trial.sessions else []
        return Result(
            cell,
            tuple(session.ending.value for session in trial.sessions),
            tuple(session.text for session in trial.sessions),
            (*broken, *seen),
            time.perf_counter() - begin_s,
        )


@contextmanager
def _played(cell: Cell, *, soundly: bool = False) -> Iterator[tuple[Trial, list[Breach]]]:
    """A trial that is over, while its files are there, and what is wrong with the board itself."""
    broken: list[Breach] = []
    with (
        tempfile.TemporaryDirectory(prefix="flowrig-torture-", dir=_memory()) as home,
        TortureRig() as rig,
        _deaths(broken),
    ):
        folder = Path(home) / "of" / "a"
        folder.mkdir(parents=True)
        trial = Trial(cell.row, cell.moment, cell.seed, folder, rig)
        try:
            if soundly:
                trial.injection = Injection()
            trial.run()
        except TrialError as error:
            broken.append(Breach(Kind.BROKEN, str(error)))
        finally:
            trial.injection.close()
        yield trial, broken


def _memory() -> Path | None:
    """A folder that no disk has to keep up with, where the operating system has one."""
    found = Path("/dev/shm")  # noqa: S108 - the folder in it is this process's own
    return found if found.is_dir() and os.access(found, os.W_OK) else None


@contextmanager
def _deaths(broken: list[Breach]) -> Iterator[None]:
    """Notice threads that die of an exception: an emulator must survive whatever it is sent."""
    before = threading.excepthook

    def note(died: threading.ExceptHookArgs) -> None:
        broken.append(Breach(Kind.BROKEN, f"a thread died of {died.exc_value!r}"))

    threading.excepthook = note
    try:
        yield
    finally:
        threading.excepthook = before


@lru_cache(maxsize=8)
def _reference(seed: int) -> HealthyCampaign | None:
    """The features of the campaign of a seed in health; None if that does not get to its end."""
    with _played(Cell(HEALTHY.number, HEALTHY.phases[0], seed)) as (trial, _):
        if trial.sessions[-1].ending is not Ending.FINISHED:
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
def extent_of(seed: int) -> Extent:
    """How many points the campaign of a seed has in health."""
    with _played(Cell(HEALTHY.number, HEALTHY.phases[0], seed), soundly=True) as (trial, _):
        wires = {name: one.wire for name, one in trial.rig.rig.emulators.items()}
        return Extent(
            len(trial.sessions[0].events),
            {name: wire.passed for name, wire in wires.items()},
            {name: wire.exchanges for name, wire in wires.items()},
        )
