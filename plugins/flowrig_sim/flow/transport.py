"""Transport of liquid: mixing where one phase flows, plug flow of slugs in a carrier.

Both are functions of the delivered volumes alone, so they hold for any course of the flow rates:
the response of tanks in series depends on the volume that passed, and slugs rest when nothing
flows.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.profile.model import Component
from flowrig_sim.flow.flowpath import FlowPath, Inlet, Stretch

__all__ = ["TANKS", "FlowRecord", "Passage", "Premix", "Slice"]

Array = NDArray[np.float64]

TANKS = 30
"""Number of equal tanks in series that model a volume through which one phase flows.

Number and volume are fitted to the published waiting time of two residence times. Open tubing would
disperse a step much more; the static mixer of the rig prevents that.
"""
_LEAST_UL = 1e-6
"""Volume [µL] of one step that counts as no flow: far below any pump, far above rounding."""
_AT_ONCE = 256
"""Steps for which the composition behind tanks is computed at once: some megabytes."""
_FRAMES_AT_ONCE = 25
"""The same for frames, which see several streams: it fits into the cache of a processor."""
_LONGEST_STAY = 2.5
"""Stay, in premixing volumes, after which all liquid has left: 1 - CDF is below 1e-9 there."""


class Premix:
    """Residence distribution of tanks in series, as a function of the volume that passed.

    Args:
        volume_ul: total volume [µL] of the tanks.
    """

    def __init__(self, volume_ul: float) -> None:
        self.volume_ul = volume_ul
        self._stays = np.linspace(0.0, _LONGEST_STAY, 4001)
        self._left = _erlang_cdf(self._stays)

    @property
    def longest_ul(self) -> float:
        """Passed volume [µL] after which all liquid that was inside has left."""
        return _LONGEST_STAY * self.volume_ul

    def left(self, passed_ul: Array) -> Array:
        """Fraction of an entering slice that has left after a passed volume [µL], shape `n`."""
        if self.volume_ul <= 0.0:
            return (passed_ul > 0.0).astype(np.float64)
        return np.asarray(np.interp(passed_ul / self.volume_ul, self._stays, self._left))


@frozen(kw_only=True, eq=False)
class Passage:
    """The way of a slice through one component.

    Attributes:
        component: the component.
        entered_s: rig time [s] at which the slice entered it.
        left_s: rig time [s] at which the slice left it.
        flow_ul_min: total flow rate [µL/min] when the slice entered.
    """

    component: Component
    entered_s: float
    left_s: float
    flow_ul_min: float


@frozen(kw_only=True, eq=False)
class Slice:
    """A thin slice of the flow, with its composition and its history.

    Attributes:
        shares: volume share of each reactive stream in the reactive phase, in the order of the flow
            path; the sum is 1, or less if the clear liquid of the beginning is in it.
        reactive_share: share of the reactive phase in the slice, 0 to 1.
        passages: its way through the components of its stretch.
        met: gives the slices that met at the beginning of the stretch, with their shares.
    """

    shares: Array
    reactive_share: float
    passages: tuple[Passage, ...]
    met: "Callable[[], list[tuple[float, Slice]]]"


class _Epoch:
    """What flows into a stretch while no valve turns.

    Args:
        start: the first step.
        stretch: the stretch in the positions of the valves.
        path: the flow path in these positions.
    """

    def __init__(self, start: int, stretch: Stretch, path: FlowPath) -> None:
        order = (*path.reactive, *path.carriers)
        self.start = start
        self.stretch = stretch
        self.weights: Array | None = None
        self.single: dict[str, float] | None = None
        shares = [stretch.fractions.get(n, 0.0) for n in (*stretch.reactive, *stretch.carriers)]
        if any(share < 1.0 for share in shares):
            self.weights = np.array([stretch.fractions.get(name, 0.0) for name in order])
        self.kept = {
            one.stretch.name: kept
            for one in stretch.inlets
            if (kept := _kept(one, path)) is not None
        }


class _Trace:
    """Volumes that have passed the beginning of a stretch, by steps."""

    def __init__(self, stretch: Stretch, path: FlowPath) -> None:
        order = (*path.reactive, *path.carriers)
        self.stretch = stretch
        self.reactive = [order.index(name) for name in stretch.reactive]
        self.carriers = [order.index(name) for name in stretch.carriers]
        self.epochs = [_Epoch(0, stretch, path)]
        self.total_ul = np.zeros(1025)
        self.reactive_ul = np.zeros(1025)
        # The liquid of the beginning: solvent where there is one, else clear liquid of no stream.
        self.before = np.zeros(len(path.reactive))
        solvents = [path.reactive.index(n) for n in stretch.reactive if n in path.solvents]
        self.before[solvents[:1]] = 1.0
        self.inflow = np.zeros((1024, len(path.reactive)))
        self.known = 0

    def epoch(self, step: int) -> _Epoch:
        """What flows in during a step."""
        return next(one for one in reversed(self.epochs) if one.start <= step)

    def end_of(self, epoch: _Epoch, count: int) -> int:
        """The first step after those of an epoch, of so many steps in all."""
        later = self.epochs.index(epoch) + 1
        return self.epochs[later].start if later < len(self.epochs) else count


class FlowRecord:
    """The delivered volumes by steps of the world's time grid; steps without flow take no room.

    When the world begins, solvent fills the volumes in which no carrier flows, and carrier fills
    the others.

    Args:
        path: the flow path.
        step_s: step of the time grid [s].
    """

    def __init__(self, path: FlowPath, step_s: float) -> None:
        self._step_s = step_s
        self._split = len(path.reactive)
        self._count = 0
        self._end_s = np.zeros(1024)
        self._added_ul = np.zeros((1024, self._split + len(path.carriers)))
        self._premix_of = lru_cache(maxsize=64)(Premix)
        # A single unheated liquid needs no trace: its composition is known, its history too.
        self._traces = {
            one.name: _Trace(one, path)
            for one in path.stretches
            if len(one.reactive) + len(one.carriers) > 1 or one.is_heated or _has_cell(one)
        }
        self._columns = {name: index for index, name in enumerate(path.reactive)}
        self._every = {name: i for i, name in enumerate((*path.reactive, *path.carriers))}
        self._has_turned = False

    @property
    def count(self) -> int:
        """Number of recorded steps; a smaller one forgets the steps after it."""
        return self._count

    @count.setter
    def count(self, count: int) -> None:
        self._count = count
        for trace in self._traces.values():
            trace.known = min(trace.known, count)

    def look_back(self, count: int) -> None:
        """Use only the first `count` steps, until `count` is set or this is called again."""
        self._count = count

    def turn(self, path: FlowPath) -> None:
        """Lead what is appended from now on as the flow path does in other positions of valves."""
        self._has_turned = self._has_turned or self._count > 0
        for stretch in path.stretches:
            trace = self._traces.get(stretch.name)
            if trace is not None:
                trace.epochs = [one for one in trace.epochs if one.start < self._count]
                trace.epochs.append(_Epoch(self._count, stretch, path))

    def append(self, times_s: Array, added_ul: Array) -> NDArray[np.bool_]:
        """Append steps.

        Args:
            times_s: rig time [s] of the end of each step, shape `n`.
            added_ul: volume [µL] that each stream delivered in each step, reactive streams first,
                in the order of the flow path, shape `n x streams`.

        Returns:
            which of them were recorded, because liquid flowed, shape `n`.
        """
        flowing: NDArray[np.bool_] = added_ul.sum(axis=1) > _LEAST_UL
        if not flowing.any():
            return flowing
        added_ul = added_ul[flowing]
        new = slice(self._count, self._count + len(added_ul))
        self._make_room(new.stop)
        self._end_s[new] = times_s[flowing]
        self._added_ul[new] = added_ul
        for trace in self._traces.values():
            weights = trace.epochs[-1].weights
            passed_ul = added_ul if weights is None else added_ul * weights
            reactive_sum = passed_ul[:, trace.reactive].sum(axis=1)
            carrier_sum = passed_ul[:, trace.carriers].sum(axis=1)
            # One running sum, in order: the result must not depend on how callers group the steps.
            for volumes, added in (
                (trace.total_ul, reactive_sum + carrier_sum),
                (trace.reactive_ul, reactive_sum),
            ):
                start = volumes[new.start : new.start + 1]
                volumes[new.start : new.stop + 1] = np.cumsum(np.concatenate((start, added)))
        self._count = new.stop
        return flowing

    def end_ul(self, stretch: Stretch) -> float:
        """Volume [µL] that had passed the beginning of a stretch after the last recorded step."""
        return float(self._traces[stretch.name].total_ul[self._count])

    def slice_at(self, stretch: Stretch, position_ul: float, total_ul: float) -> Slice | None:
        """The slice of liquid at a position of a stretch.

        Args:
            stretch: the stretch.
            position_ul: volume [µL] from its beginning to the position.
            total_ul: volume [µL] that has passed its beginning since the world began.

        Returns:
            the slice, or None if the position still holds the carrier of the beginning, or nothing
            but carrier flows there.
        """
        trace = self._traces[stretch.name]
        formed_ul = total_ul - position_ul
        if self._count == 0 or not trace.reactive or (formed_ul <= 0.0 and trace.carriers):
            return None
        if not trace.carriers:
            shares = self._through_tanks(trace, position_ul, total_ul, self._count - 1)
            return self._slice(trace, position_ul, max(formed_ul, 0.0), shares)
        return self._slice(trace, position_ul, formed_ul, None)

    def slices_at(
        self,
        stretch: Stretch,
        position_ul: float,
        totals_ul: Sequence[float],
        counts: Sequence[int],
    ) -> list[Slice | None]:
        """As `slice_at` after some of the recorded steps each, to the last bit.

        Args:
            stretch: the stretch.
            position_ul: volume [µL] from its beginning to the position.
            totals_ul: volumes [µL] that have passed its beginning, in ascending order.
            counts: number of recorded steps of each, likewise, as `look_back` takes it.
        """
        trace = self._traces[stretch.name]
        inlet = self._mixed_before(trace)
        if inlet is None or counts[0] == 0 or totals_ul[0] <= position_ul:
            found = []
            for total_ul, count in zip(totals_ul, counts, strict=True):
                self.look_back(count)
                found.append(self.slice_at(stretch, position_ul, total_ul))
            return found
        self.look_back(counts[-1])
        formed_ul, latest = np.array(totals_ul) - position_ul, np.array(counts) - 1
        steps = self._steps_at(trace, formed_ul, latest)
        start_ul, length_ul = _step_ul(trace.total_ul, steps)
        along = np.minimum((formed_ul - start_ul) / np.where(length_ul, length_ul, 1.0), 1.0)
        inlet_ul, inlet_length_ul = _step_ul(inlet.total_ul, steps)
        shares = self._through_tanks_at(inlet, inlet_ul + along * inlet_length_ul, steps)
        reactive = _step_ul(trace.reactive_ul, steps)[1] / np.where(length_ul, length_ul, 1.0)
        passages = self._passages_at(trace, formed_ul, position_ul, latest)
        return [
            Slice(
                shares=one, reactive_share=share, passages=way, met=partial(self._met, trace, *at)
            )
            for one, share, way, *at in zip(
                shares, reactive.tolist(), passages, steps.tolist(), along.tolist(), strict=True
            )
        ]

    def _mixed_before(self, trace: _Trace) -> _Trace | None:
        """The stretch in which all that reacts in another one was mixed before carrier joined it.

        None if it is not as simple as that; `slices_at` then computes one slice after the other.
        """
        if self._has_turned or not (trace.carriers and trace.reactive):
            return None
        epoch = trace.epochs[-1]
        traced = [self._traces.get(one.stretch.name) for one in epoch.stretch.inlets]
        inlets = [one for one in traced if one is not None and one.reactive]
        if len(inlets) != 1 or any(name in self._columns for name in self._single(epoch)):
            return None
        (inlet,) = inlets
        is_mixed = not inlet.carriers and len(inlet.reactive) > 1 and inlet.stretch.volume_ul > 0.0
        is_first = all(one.stretch.name not in self._traces for one in inlet.stretch.inlets)
        return inlet if is_mixed and is_first and not epoch.kept else None

    def _slice(
        self, trace: _Trace, position_ul: float, formed_ul: float, shares: Array | None
    ) -> Slice:
        """The slice that entered a stretch when a volume [µL] had passed its beginning."""
        step = self._step_at(trace, formed_ul)
        start_ul, end_ul = trace.total_ul[step : step + 2].tolist()
        along = min((formed_ul - start_ul) / ((end_ul - start_ul) or 1.0), 1.0)
        return Slice(
            shares=self._entering(trace, step, along) if shares is None else shares,
            reactive_share=self._reactive_share(trace, step, along),
            passages=self._passages(trace, formed_ul, position_ul),
            met=lambda: self._met(trace, step, along),
        )

    def _reactive_share(self, trace: _Trace, step: int, along: float) -> float:
        """Share of the reactive phase in what enters a stretch in the course of a step, 0 to 1.

        It is that of what is pumped there, unless a valve has turned: then a carrier may push out
        what was reactive, and the reactive phase what was carrier.
        """
        if not self._has_turned or not trace.carriers:
            length_ul = trace.total_ul[step + 1] - trace.total_ul[step]
            reactive_ul = trace.reactive_ul[step + 1] - trace.reactive_ul[step]
            return float(reactive_ul / (length_ul or 1.0))
        arriving = self._arrivals(trace, step, along)
        total_ul = sum(volume_ul for volume_ul, *_ in arriving)
        return sum(volume_ul * share for volume_ul, share, *_ in arriving) / (total_ul or 1.0)

    def _arrivals(
        self, trace: _Trace, step: int, along: float
    ) -> list[tuple[float, float, _Trace | None, float]]:
        """What meets at the beginning of a stretch in a step after a valve has turned.

        Returns:
            volume [µL] in the step, share of the reactive phase in it, and the rest as `_inlets`.
        """
        found: list[tuple[float, float, _Trace | None, float]] = []
        epoch, added_ul = trace.epoch(step), self._added_ul[step]
        for one in epoch.stretch.inlets:
            inlet = self._traces.get(one.stretch.name)
            if inlet is None:
                continue
            pumped = {
                n: share * float(added_ul[self._every[n]]) for n, share in one.fractions.items()
            }
            volume_ul = sum(pumped.values())
            if volume_ul <= 0.0:
                continue
            start_ul, end_ul = inlet.total_ul[step : step + 2]
            mark = start_ul + along * (end_ul - start_ul)
            if len(set(one.kept.values())) > 1:  # a separator lets each phase through by itself
                share = sum(ul for n, ul in pumped.items() if n in self._columns) / volume_ul
            else:
                share = self._leaving_share(inlet, mark)
            found.append((volume_ul, share, inlet, mark))
        for name, share in self._single(epoch).items():
            if volume_ul := share * float(added_ul[self._every[name]]):
                column = self._columns.get(name)
                found.append((volume_ul, float(column is not None), None, column or 0))
        return found

    def _leaving_share(self, trace: _Trace, mark_ul: float) -> float:
        """Share of the reactive phase in what leaves a stretch when a volume has passed it."""
        formed_ul = mark_ul - trace.stretch.volume_ul
        if not trace.carriers:
            return 1.0
        if formed_ul <= 0.0:
            return 0.0
        step = self._step_at(trace, formed_ul)
        start_ul, end_ul = trace.total_ul[step : step + 2]
        along = (formed_ul - start_ul) / ((end_ul - start_ul) or 1.0)
        return self._reactive_share(trace, step, min(along, 1.0))

    def _entering(self, trace: _Trace, step: int, along: float) -> Array:
        """Volume shares in the reactive phase that enters a stretch in the course of a step."""
        parts = self._inlets(trace, step, along)
        if len(parts) == 1 and parts[0][1] is not None:
            return self._arriving(trace, parts[0][1], parts[0][2], step)
        total = sum(volume_ul for volume_ul, *_ in parts)
        shares = np.zeros(self._split)
        for volume_ul, inlet, mark in parts:
            if inlet is None:
                shares[int(mark)] += volume_ul / total
            else:
                shares += volume_ul / total * self._arriving(trace, inlet, mark, step)
        return shares

    def _inlets(
        self, trace: _Trace, step: int, along: float
    ) -> list[tuple[float, _Trace | None, float]]:
        """What meets at the beginning of a stretch in a step.

        Returns:
            reactive volume [µL] in the step, trace of the inlet and volume [µL] that had passed it;
            for a single stream no trace, and its column.
        """
        found: list[tuple[float, _Trace | None, float]] = []
        epoch = trace.epoch(step)
        if self._has_turned:
            arriving = self._arrivals(trace, step, along)
            return [(ul * share, inlet, mark) for ul, share, inlet, mark in arriving if ul * share]
        for one in epoch.stretch.inlets:
            inlet = self._traces.get(one.stretch.name)
            if inlet is None:
                continue
            added_ul: list[float] = self._added_ul[step].tolist()
            volume_ul = sum(
                share * added_ul[self._columns[name]]
                for name, share in one.fractions.items()
                if name in self._columns
            )
            if volume_ul > 0.0:
                start_ul, end_ul = inlet.total_ul[step : step + 2].tolist()
                found.append((volume_ul, inlet, start_ul + along * (end_ul - start_ul)))
        for name, share in self._single(epoch).items():
            column = self._columns.get(name)
            if column is not None and (volume_ul := share * float(self._added_ul[step, column])):
                found.append((volume_ul, None, column))
        return found

    def _single(self, epoch: _Epoch) -> dict[str, float]:
        """By stream that enters a stretch from none that is traced: the share of it that does."""
        if epoch.single is None:
            shares = dict.fromkeys(epoch.stretch.entering, 1.0)
            for one in epoch.stretch.inlets:
                if one.stretch.name not in self._traces:
                    for name, share in one.fractions.items():
                        shares[name] = shares.get(name, 0.0) + share
            epoch.single = shares
        return epoch.single

    def _arriving(self, trace: _Trace, inlet: _Trace, mark_ul: float, step: int) -> Array:
        """As `_leaving`, without the phases that a separator leads another way."""
        shares = self._leaving(inlet, mark_ul, step)
        return _filtered(shares, trace.epoch(step).kept.get(inlet.stretch.name))

    def _leaving(self, inlet: _Trace, mark_ul: float, step: int) -> Array:
        """Volume shares in the reactive phase that leaves a stretch.

        Args:
            inlet: its trace.
            mark_ul: volume [µL] that has passed its beginning by then.
            step: the step in which that happens.
        """
        volume_ul = inlet.stretch.volume_ul
        if not inlet.carriers:
            return self._through_tanks(inlet, volume_ul, mark_ul, step)
        formed_ul = mark_ul - volume_ul
        if formed_ul <= 0.0:
            return np.zeros(self._split)
        step = self._step_at(inlet, formed_ul)
        start_ul, end_ul = inlet.total_ul[step : step + 2]
        along = (formed_ul - start_ul) / ((end_ul - start_ul) or 1.0)
        return self._entering(inlet, step, min(along, 1.0))

    def _through_tanks(self, trace: _Trace, volume_ul: float, mark_ul: float, last: int) -> Array:
        """Volume shares of one phase behind a volume [µL] of tanks in series.

        Args:
            trace: of the stretch.
            volume_ul: volume [µL] of the tanks.
            mark_ul: volume [µL] that has passed the beginning of the stretch.
            last: the step in which it passes.
        """
        if len(trace.reactive) == 1:
            shares = np.zeros(self._split)
            shares[trace.reactive] = 1.0
            return shares
        if volume_ul <= 0.0:
            step = min(self._step_at(trace, mark_ul), last)
            return np.array(self._inflow(trace, step)[step])
        premix = self._premix_of(volume_ul)
        volumes = trace.total_ul[: last + 2]
        first = int(volumes.searchsorted(mark_ul - premix.longest_ul, side="right"))
        first = min(max(first - 1, 0), last)
        left = premix.left(np.maximum(mark_ul - volumes[first:], 0.0))
        weights = left[:-1] - left[1:]
        shares = (weights[:, None] * self._inflow(trace, last)[first : last + 1]).sum(axis=0)
        return np.asarray(shares + (1.0 - weights.sum()) * trace.before)

    def _through_tanks_at(
        self, trace: _Trace, marks_ul: Array, last: NDArray[np.int64]
    ) -> list[Array]:
        """As `_through_tanks` behind all of a stretch, at some volumes [µL] in ascending order."""
        premix, found = self._premix_of(trace.stretch.volume_ul), []
        volumes = trace.total_ul[: int(last[-1]) + 2]
        firsts = volumes.searchsorted(marks_ul - premix.longest_ul, side="right") - 1
        firsts = np.minimum(np.maximum(firsts, 0), last)
        inflow = self._inflow(trace, int(last[-1]))
        for start in range(0, last.size, _FRAMES_AT_ONCE):
            some = slice(start, start + _FRAMES_AT_ONCE)
            first, end = int(firsts[some][0]), int(last[some][-1]) + 1
            passed_ul = np.maximum(marks_ul[some, None] - volumes[None, first : end + 1], 0.0)
            left = premix.left(passed_ul)
            weights = left[:, :-1] - left[:, 1:]
            weights[np.arange(first, end) > last[some, None]] = 0.0
            # Steps before the first of a mark weigh nothing, so that they change no sum.
            shares = (weights[:, :, None] * inflow[first:end]).sum(axis=1)
            for row, weight, begin, until in zip(
                shares, weights, firsts[some].tolist(), last[some].tolist(), strict=True
            ):
                rest = 1.0 - weight[begin - first : until + 1 - first].sum()
                found.append(row + rest * trace.before)
        return found

    def _inflow(self, trace: _Trace, last: int) -> Array:
        """Volume shares that entered a stretch of one phase, by step, up to a step."""
        while trace.known <= last:
            epoch = trace.epoch(trace.known)
            new = slice(trace.known, trace.end_of(epoch, self._count))
            if any(one.stretch.name in self._traces for one in epoch.stretch.inlets):
                steps = np.arange(new.start, new.stop)
                trace.inflow[new] = self._entering_by_step(epoch, steps)
            else:
                added_ul = self._added_ul[new, trace.reactive]
                if epoch.weights is not None:
                    added_ul = added_ul * epoch.weights[trace.reactive]
                sums = added_ul.sum(axis=1)
                trace.inflow[new, trace.reactive] = (
                    added_ul / np.where(sums > 0, sums, 1.0)[:, None]
                )
            trace.known = new.stop
        return trace.inflow

    def _entering_by_step(self, epoch: _Epoch, steps: NDArray[np.int64]) -> Array:
        """Volume shares that enter a stretch in the middle of steps, shape `steps x streams`."""
        volumes_ul = np.zeros(steps.size)
        shares = np.zeros((steps.size, self._split))
        for one in epoch.stretch.inlets:
            inlet = self._traces.get(one.stretch.name)
            if inlet is None:
                continue
            columns = [self._columns[name] for name in one.fractions if name in self._columns]
            fractions = [share for name, share in one.fractions.items() if name in self._columns]
            volume_ul = self._added_ul[steps][:, columns] @ np.array(fractions)
            marks_ul = 0.5 * (inlet.total_ul[steps] + inlet.total_ul[steps + 1])
            leaving = self._leaving_at(inlet, marks_ul, steps)
            leaving = _filtered(leaving, epoch.kept.get(one.stretch.name))
            shares += volume_ul[:, None] * leaving
            volumes_ul += volume_ul
        for name, share in self._single(epoch).items():
            if name in self._columns:
                volume_ul = share * self._added_ul[steps, self._columns[name]]
                shares[:, self._columns[name]] += volume_ul
                volumes_ul += volume_ul
        return np.asarray(shares / np.where(volumes_ul > 0.0, volumes_ul, 1.0)[:, None])

    def _leaving_at(self, inlet: _Trace, marks_ul: Array, steps: NDArray[np.int64]) -> Array:
        """As `_leaving`, at some volumes [µL], shape `steps x streams`."""
        volume_ul = inlet.stretch.volume_ul
        if inlet.carriers or len(inlet.reactive) == 1 or volume_ul <= 0.0:
            some = [
                self._leaving(inlet, float(mark), int(step))
                for mark, step in zip(marks_ul, steps, strict=True)
            ]
            return np.array(some).reshape(len(some), self._split)
        premix, parts = self._premix_of(volume_ul), []
        for start in range(0, steps.size, _AT_ONCE):
            marks = marks_ul[start : start + _AT_ONCE]
            last = int(steps[start : start + _AT_ONCE][-1])
            volumes = inlet.total_ul[: last + 2]
            first = int(volumes.searchsorted(marks[0] - premix.longest_ul, side="right"))
            first = max(first - 1, 0)
            left = premix.left(np.maximum(marks[:, None] - volumes[None, first:], 0.0))
            weights = left[:, :-1] - left[:, 1:]
            shares = weights @ self._inflow(inlet, last)[first : last + 1]
            parts.append(shares + (1.0 - weights.sum(axis=1))[:, None] * inlet.before)
        return np.concatenate(parts)

    def _passages(self, trace: _Trace, formed_ul: float, position_ul: float) -> tuple[Passage, ...]:
        """The way of a slice from the beginning of a stretch to a position."""
        found = []
        passed_ul, entered = 0.0, None
        for component in trace.stretch.components:
            if component.volume_ul > 0.0 and passed_ul < position_ul:
                if entered is None:
                    entered = self._moment(trace, formed_ul + passed_ul)
                end_ul = min(passed_ul + component.volume_ul, position_ul)
                left = self._moment(trace, formed_ul + end_ul)
                found.append(
                    Passage(
                        component=component,
                        entered_s=entered[0],
                        left_s=left[0],
                        flow_ul_min=entered[1] / self._step_s * 60.0,
                    )
                )
                entered = left
            passed_ul += component.volume_ul
        return tuple(found)

    def _passages_at(
        self, trace: _Trace, formed_ul: Array, position_ul: float, latest: NDArray[np.int64]
    ) -> list[tuple[Passage, ...]]:
        """As `_passages` of several slices, with the latest recorded step of each."""
        ways: list[list[Passage]] = []
        passed_ul, entered = 0.0, None
        for component in trace.stretch.components:
            if component.volume_ul > 0.0 and passed_ul < position_ul:
                if entered is None:
                    entered = self._moments(trace, formed_ul + passed_ul, latest)
                end_ul = min(passed_ul + component.volume_ul, position_ul)
                left = self._moments(trace, formed_ul + end_ul, latest)
                flows_ul_min = (entered[1] / self._step_s * 60.0).tolist()
                ways.append(
                    [
                        Passage(component=component, entered_s=one, left_s=other, flow_ul_min=flow)
                        for one, other, flow in zip(
                            entered[0].tolist(), left[0].tolist(), flows_ul_min, strict=True
                        )
                    ]
                )
                entered = left
            passed_ul += component.volume_ul
        return list(zip(*ways, strict=True)) if ways else [()] * formed_ul.size

    def _met(self, trace: _Trace, step: int, along: float) -> list[tuple[float, Slice]]:
        parts = self._inlets(trace, step, along)
        total = sum(volume_ul for volume_ul, *_ in parts) or 1.0
        found = []
        for volume_ul, inlet, mark in parts:
            if inlet is None:
                shares = np.zeros(self._split)
                shares[int(mark)] = 1.0
                slice_ = Slice(shares=shares, reactive_share=1.0, passages=(), met=list)
            else:
                long_ul = inlet.stretch.volume_ul
                shares = self._arriving(trace, inlet, mark, step)
                slice_ = self._slice(inlet, long_ul, max(mark - long_ul, 0.0), shares)
            found.append((volume_ul / total, slice_))
        return found

    def _step_at(self, trace: _Trace, passed_ul: float) -> int:
        """Index of the step in which the volume that has passed reached a value [µL]."""
        ends = trace.total_ul[1 : self._count + 1]
        return min(int(ends.searchsorted(passed_ul)), self._count - 1)

    def _steps_at(
        self, trace: _Trace, passed_ul: Array, latest: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """As `_step_at` of several volumes [µL], with the latest recorded step of each."""
        found = trace.total_ul[1 : self._count + 1].searchsorted(passed_ul)
        return np.minimum(found, latest)

    def _moments(
        self, trace: _Trace, passed_ul: Array, latest: NDArray[np.int64]
    ) -> tuple[Array, Array]:
        """As `_moment` of several volumes [µL], with the latest recorded step of each."""
        steps = self._steps_at(trace, passed_ul, latest)
        flow_ul = _step_ul(trace.total_ul, steps)[1]
        early_ul = trace.total_ul[steps + 1] - passed_ul
        early_s = self._step_s * early_ul / np.where(flow_ul > 0.0, flow_ul, 1.0)
        return self._end_s[steps] - np.where(flow_ul > 0.0, early_s, 0.0), flow_ul

    def _moment(self, trace: _Trace, passed_ul: float) -> tuple[float, float]:
        """When the volume that has passed reached a value [µL].

        Returns:
            rig time [s], and the volume [µL] that passed in the step around it.
        """
        step = self._step_at(trace, passed_ul)
        start_ul, end_ul = trace.total_ul[step : step + 2].tolist()
        flow_ul, end_s = end_ul - start_ul, float(self._end_s[step])
        if flow_ul > 0.0:
            end_s -= self._step_s * (end_ul - passed_ul) / flow_ul
        return end_s, flow_ul

    def _make_room(self, steps: int) -> None:
        room = self._end_s.size
        if steps <= room:
            return
        more = max(steps, 2 * room) - room
        self._end_s = np.pad(self._end_s, (0, more))
        self._added_ul = np.pad(self._added_ul, ((0, more), (0, 0)))
        for trace in self._traces.values():
            trace.total_ul = np.pad(trace.total_ul, (0, more))
            trace.reactive_ul = np.pad(trace.reactive_ul, (0, more))
            trace.inflow = np.pad(trace.inflow, ((0, more), (0, 0)))


def _step_ul(volumes_ul: Array, steps: NDArray[np.int64]) -> tuple[Array, Array]:
    """Volume [µL] that had passed at the beginning of steps, and what passed in each."""
    start_ul = volumes_ul[steps]
    return start_ul, volumes_ul[steps + 1] - start_ul


def _filtered(shares: Array, kept: Array | None) -> Array:
    """Volume shares, by stream in the last axis, without what goes another way.

    Clear liquid of the beginning, which belongs to no stream, goes with every phase.
    """
    if kept is None:
        return shares
    left = shares * kept
    total = left.sum(axis=-1, keepdims=True) + 1.0 - shares.sum(axis=-1, keepdims=True)
    return np.asarray(left / np.where(total > 0.0, total, 1.0))


def _kept(inlet: Inlet, path: FlowPath) -> Array | None:
    """By reactive stream, its share in an inlet; None if that is the same for all."""
    kept = np.zeros(len(path.reactive))
    for name in inlet.stretch.reactive:
        kept[path.reactive.index(name)] = inlet.kept.get(path.phases.get(name, ""), 1.0)
    inside = [kept[path.reactive.index(name)] for name in inlet.stretch.reactive]
    return None if all(math.isclose(one, inside[0]) for one in inside) else kept


def _has_cell(stretch: Stretch) -> bool:
    return any(component.spectrometer is not None for component in stretch.components)


def _erlang_cdf(stays: Array) -> Array:
    """Residence distribution of `TANKS` ideal tanks in series (Erlang).

    `1 - exp(-x) sum_(k < TANKS) x^k / k!`, with `x` the stay in units of the mean stay in one tank.

    Args:
        stays: stays in units of the mean stay in all tanks, shape `n`.
    """
    x = TANKS * stays
    # In logarithms: x^k and k! overflow long before their ratio does.
    logs = [k * np.log(np.maximum(x, 1e-300)) - x - math.lgamma(k + 1) for k in range(TANKS)]
    return np.asarray(np.clip(1.0 - np.exp(logs).sum(axis=0), 0.0, 1.0))
