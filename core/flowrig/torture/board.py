"""The board: the choice of cells, and the counts of their results."""

import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from flowrig.errors import InputError
from flowrig.torture.cell import Cell, Result, extent_of, require_fault
from flowrig.torture.faults import FAULTS, HEALTHY, Fault, applicable
from flowrig.torture.judge.breach import Kind
from flowrig.torture.pairs import FIRST, SECOND
from flowrig.torture.phases import Phase
from flowrig.torture.points import POINTED
from flowrig.torture.rehearsal import occurrences_of
from flowrig.torture.rigs import REFERENCE, PlayedRig

__all__ = ["Board", "choose_cells", "choose_pairs", "choose_points"]

QUICK_PHASES: Final = 3
"""Phases of each fault on a quick board."""


def choose_cells(
    *,
    full: bool,
    seeds: int,
    healthy: int,
    faults: Collection[int] = (),
    phases: Collection[Phase] = (),
    first_seed: int = 1,
    rig: PlayedRig = REFERENCE,
) -> list[Cell]:
    """The cells of a board.

    Args:
        full: whether to take every phase of each fault; otherwise, if `phases` is empty, a few
            random phases are taken.
        seeds: number of seeds for each fault and phase.
        healthy: number of campaigns without a fault, if `faults` and `phases` are empty.
        faults: numbers of faults; all by default.
        phases: phases in which faults strike; all by default.
        first_seed: the lowest seed.
        rig: the rig.

    Raises:
        InputError: a fault is not on the board or does not apply to the rig, no cell is left, or a
            campaign of the rig does not finish without a fault.
    """
    rows = [require_fault(number, rig) for number in faults] or applicable(rig)
    occurring = occurrences_of(rig)
    wanted = [phase for phase in Phase if phase in (phases or Phase) and phase in occurring]
    cells = [
        Cell(row.number, phase, seed)
        for seed in range(first_seed, first_seed + seeds)
        for row in rows
        for phase in _phases(row, full or bool(phases), wanted)
    ]
    if not faults and not phases:
        control = HEALTHY.phases[0]
        cells += [Cell(HEALTHY.number, control, first_seed + n) for n in range(healthy)]
    if not cells:
        raise InputError("none of these faults strikes in these phases")
    return cells


def choose_points(
    *,
    count: int | None,
    faults: Collection[int] = (),
    seeds: int = 1,
    first_seed: int = 1,
    rig: PlayedRig = REFERENCE,
) -> list[Cell]:
    """Cells whose faults strike at a point of the campaign, in any phase.

    Args:
        count: number of random points over all seeds; None for every operation.
        faults: numbers of faults in `POINTED`; only a killed program by default.
        seeds: number of campaigns from which points are taken.
        first_seed: the lowest seed.
        rig: the rig.

    Raises:
        InputError: a fault cannot strike at a point.
    """
    for number in faults:
        if number not in POINTED:
            known = ", ".join(map(str, POINTED))
            raise InputError(f"fault {number} strikes in phases only; faults with points: {known}")
    rows = list(faults) or [42]
    cells = []
    for index in range(1, seeds + 1):
        seed = first_seed + index - 1
        extent = extent_of(seed, rig)
        for row in rows:
            draw = random.Random(f"{row}/{seed}")  # noqa: S311 - repeatable
            share = None if count is None else _share(count, index, seeds)
            points = extent.of_fault(row) if share is None else extent.some(share, draw, row)
            cells += [Cell(row, point, seed) for point in points]
    return cells


def choose_pairs(
    *, count: int, seeds: int = 1, first_seed: int = 1, rig: PlayedRig = REFERENCE
) -> list[Cell]:
    """Cells with two random faults, in a random phase of the first.

    Args:
        count: number of cells over all seeds.
        seeds: number of seeds.
        first_seed: the lowest seed.
        rig: the rig.
    """
    occurring = occurrences_of(rig)
    seconds = [number for number in SECOND if not FAULTS[number].why_not_on(rig)]
    firsts = {
        number: phases
        for number in FIRST
        if not FAULTS[number].why_not_on(rig)
        and (phases := [phase for phase in FAULTS[number].phases if phase in occurring])
    }
    cells = []
    for index in range(1, seeds + 1):
        seed = first_seed + index - 1
        draw = random.Random(f"pairs/{seed}")  # noqa: S311 - repeatable
        for _ in range(_share(count, index, seeds)):
            first, second = draw.choice(list(firsts)), draw.choice(seconds)
            cells.append(Cell(first, draw.choice(firsts[first]), seed, second))
    return cells


def _share(count: int, index: int, seeds: int) -> int:
    """How many of `count` points belong to the seed with an index, counted from 1."""
    return count * index // seeds - count * (index - 1) // seeds


def _phases(row: Fault, full: bool, wanted: Collection[Phase]) -> list[Phase]:
    possible = [phase for phase in row.phases if phase in wanted]
    if full or len(possible) <= QUICK_PHASES:
        return possible
    some = random.Random(row.number).sample(possible, QUICK_PHASES)  # noqa: S311 - repeatable
    return [phase for phase in possible if phase in some]


@frozen
class Board:
    """The results of a board, and their counts.

    Attributes:
        results: the result of every cell.
        rig: the rig.
    """

    results: Sequence[Result]
    rig: PlayedRig = REFERENCE

    @property
    def totals(self) -> dict[str, int]:
        """Number of campaigns, and in how many of them each kind of promise broke."""
        broken = Counter(
            kind for result in self.results for kind in {b.kind for b in result.breaches}
        )
        totals = {_plural(kind): broken[kind] for kind in Kind}
        return {"campaigns": len(self.results), **totals}

    @property
    def failed(self) -> list[Result]:
        """Results of the cells in which a promise broke."""
        return sorted(
            (r for r in self.results if r.breaches), key=lambda r: (r.cell.fault, str(r.cell))
        )

    @property
    def summary(self) -> str:
        """What was played, in a sentence: the rig, its faults, and the time of the campaigns."""
        numbers = {result.cell.fault for result in self.results} - {HEALTHY.number}
        possible = len(applicable(self.rig))
        minutes = sum(result.seconds for result in self.results) / 60.0
        not_possible = len(FAULTS) - 1 - possible
        return (
            f"{self.rig.name}: {len(numbers)} of the {possible} faults that it can have were "
            f"played, {not_possible} are not applicable; {minutes:.1f} min of campaigns"
        )

    def lines(self) -> Iterator[str]:
        """The table of the board as lines of text."""
        yield f"{'':>3} {'fault':38} {'cells':>5} {'failed':>6}  ended"
        for fault in FAULTS.values():
            own = [r for r in self.results if r.cell.fault == fault.number and not r.cell.second]
            why_not = fault.why_not_on(self.rig)
            if why_not:
                yield f"{fault.number:>3} {fault.name:38} {'-':>5} {'-':>6}  {why_not}"
            elif own:
                yield _line(str(fault.number), fault.name, own)
        pairs = [result for result in self.results if result.cell.second]
        if pairs:
            yield _line("", "one fault, then another", pairs)

    def plain(self) -> dict[str, Any]:
        """The board as plain values, for JSON."""
        return {
            **self.totals,
            "rig": self.rig.choice.target or None,
            "study": self.rig.choice.study or None,
            "faults": [
                {
                    "number": fault.number,
                    "name": fault.name,
                    "expected": fault.expected.value if fault.make else None,
                    "not_applicable": fault.why_not_on(self.rig) or None,
                }
                for fault in FAULTS.values()
            ],
            "cells": [result.plain() for result in self.results],
        }


def _line(number: str, name: str, results: Sequence[Result]) -> str:
    failed = sum(bool(result.breaches) for result in results)
    ended = Counter(result.endings[:1] or ("hung",) for result in results)
    text = ", ".join(f"{n} {' '.join(ending)}" for ending, n in ended.most_common())
    return f"{number:>3} {name:38} {len(results):>5} {failed:>6}  {text}"


def _plural(kind: Kind) -> str:
    return "false_stops" if kind is Kind.FALSE_STOP else kind.value
