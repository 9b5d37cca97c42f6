"""The board: which cells there are, what became of them, and the line that counts."""

import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from flowrig.errors import InputError
from flowrig.torture.cell import Cell, Result, extent_of
from flowrig.torture.faults import FAULTS, HEALTHY, Fault, applicable
from flowrig.torture.judge import Kind
from flowrig.torture.pairs import FIRST, SECOND
from flowrig.torture.phases import Phase
from flowrig.torture.points import POINTED

__all__ = ["Board", "choose_cells", "choose_pairs", "choose_points"]

QUICK_PHASES: Final = 3
"""Phases of each fault in a quick look."""


def choose_cells(
    *,
    full: bool,
    seeds: int,
    healthy: int,
    faults: Collection[int] = (),
    phases: Collection[Phase] = (),
    first_seed: int = 1,
) -> list[Cell]:
    """The cells to play.

    Args:
        full: every phase of a fault; else, where no phase is named, a few by chance.
        seeds: how many of each.
        healthy: how many campaigns without a fault, where no fault is named.
        faults: rows; all by default.
        phases: all by default.
        first_seed: of each.

    Raises:
        InputError: a row is not on the board or does not apply to the rig, or nothing is left.
    """
    rows = [_row(number) for number in faults] or applicable()
    cells = [
        Cell(row.number, phase, seed)
        for seed in range(first_seed, first_seed + seeds)
        for row in rows
        for phase in _phases(row, full, phases)
    ]
    if not faults and not phases:
        control = HEALTHY.phases[0]
        cells += [Cell(HEALTHY.number, control, first_seed + n) for n in range(healthy)]
    if not cells:
        raise InputError("none of these faults strikes in these phases")
    return cells


def choose_points(
    *, count: int | None, faults: Collection[int] = (), seeds: int = 1, first_seed: int = 1
) -> list[Cell]:
    """The same for faults that strike at any point of the campaign.

    Args:
        count: how many points by chance, over all seeds; None for every operation.
        faults: rows, of `POINTED`; only a killed program by default.
        seeds: how many campaigns they are taken from.
        first_seed: of these.

    Raises:
        InputError: a fault cannot strike at a point.
    """
    for number in faults:
        if number not in POINTED:
            known = ", ".join(map(str, POINTED))
            raise InputError(f"fault {number} strikes in phases; those with points: {known}")
    rows = list(faults) or [42]
    cells = []
    for index in range(1, seeds + 1):
        seed = first_seed + index - 1
        extent = extent_of(seed)
        for row in rows:
            draw = random.Random(f"{row}/{seed}")  # noqa: S311 - repeatable
            share = None if count is None else _share(count, index, seeds)
            points = extent.of_fault(row) if share is None else extent.some(share, draw, row)
            cells += [Cell(row, point, seed) for point in points]
    return cells


def choose_pairs(*, count: int, seeds: int = 1, first_seed: int = 1) -> list[Cell]:
    """Cells with two faults by chance, in a phase of the first by chance.

    Args:
        count: how many, over all seeds.
        seeds: how many campaigns they are taken from.
        first_seed: of these.
    """
    cells = []
    for index in range(1, seeds + 1):
        seed = first_seed + index - 1
        draw = random.Random(f"pairs/{seed}")  # noqa: S311 - repeatable
        for _ in range(_share(count, index, seeds)):
            first, second = draw.choice(FIRST), draw.choice(SECOND)
            cells.append(Cell(first, draw.choice(FAULTS[first].phases), seed, second))
    return cells


def _share(count: int, index: int, seeds: int) -> int:
    """How many of some points belong to one of the seeds, counted from 1."""
    return count * index // seeds - count * (index - 1) // seeds


def _row(number: int) -> Fault:
    fault = FAULTS.get(number)
    if fault is None:
        raise InputError(f"there is no fault {number}; there are 1 to {max(FAULTS)}")
    if fault.make is None:
        raise InputError(f"fault {number}, {fault.name}: not applicable: {fault.why_not}")
    return fault


def _phases(row: Fault, full: bool, wanted: Collection[Phase]) -> list[Phase]:
    possible = [phase for phase in row.phases if not wanted or phase in wanted]
    if full or wanted or len(possible) <= QUICK_PHASES:
        return possible
    some = random.Random(row.number).sample(possible, QUICK_PHASES)  # noqa: S311 - repeatable
    return [phase for phase in possible if phase in some]


@frozen
class Board:
    """Results, counted.

    Attributes:
        results: of every cell that was played.
    """

    results: Sequence[Result]

    @property
    def totals(self) -> dict[str, int]:
        """How many campaigns there were, and in how many of them each kind of promise broke."""
        broken = Counter(
            kind for result in self.results for kind in {b.kind for b in result.breaches}
        )
        totals = {_plural(kind): broken[kind] for kind in Kind}
        return {"campaigns": len(self.results), **totals}

    @property
    def failed(self) -> list[Result]:
        """Cells in which a promise broke."""
        return sorted(
            (r for r in self.results if r.breaches), key=lambda r: (r.cell.fault, str(r.cell))
        )

    def lines(self) -> Iterator[str]:
        """The table, as text."""
        yield f"{'':>3} {'fault':38} {'cells':>5} {'failed':>6}  ended"
        for fault in FAULTS.values():
            own = [r for r in self.results if r.cell.fault == fault.number and not r.cell.second]
            if fault.make is None:
                yield f"{fault.number:>3} {fault.name:38} {'-':>5} {'-':>6}  {fault.why_not}"
            elif own:
                yield _line(str(fault.number), fault.name, own)
        pairs = [result for result in self.results if result.cell.second]
        if pairs:
            yield _line("", "one fault, then another", pairs)

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **self.totals,
            "faults": [
                {
                    "number": fault.number,
                    "name": fault.name,
                    "expected": fault.expected.value if fault.make else None,
                    "not_applicable": fault.why_not or None,
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
