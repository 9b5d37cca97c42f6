"""Checks of devices of any kind, by what they can do: be read, set, turned, or deliver.

The suite of a kind extends these, and says what the kind's emulated body does::

    class StirrerConformance(SettableConformance):
        def kept(self, bench):
            return bench.body.speed_rpm

        def put(self, bench, value):
            bench.body.speed_rpm = value
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from attrs import frozen

from flowrig.errors import DeviceError, DriverError, UnsupportedError
from flowrig.interfaces import Frames, Quality, Reading, Readings
from flowrig.testing.bench.bench import KindBench
from flowrig.testing.conformance.checks import Level, earns, require
from flowrig.testing.conformance.device import Command, DeviceConformance

__all__ = [
    "DetectingConformance",
    "DispensingConformance",
    "ReadableConformance",
    "SelectableConformance",
    "SettableConformance",
]

SHARE = 1e-3
"""Largest difference between a reading and the body, as a share of the larger one of them, or of
1."""

INTERVAL_S = 0.5
"""Time [s] from one frame to the next."""

JITTER_S = 0.1
"""Largest error [s] of the interval between frames where real time passes."""

COUNTED = 0.03
"""Largest relative error of what an instrument counts as delivered."""


@frozen(kw_only=True)
class _Asked(Reading):
    """What a device answered, as a reading of the bench."""

    value: Any


class ReadableConformance(DeviceConformance[KindBench]):
    """The suite of devices that are read. The suite of a kind adds `truth` and `disturb`."""

    @abstractmethod
    def truth(self, bench: KindBench) -> Mapping[str, float]:
        """The true values, by quantity, in the units of the driver."""

    def ready(self, bench: KindBench) -> None:
        """A device that is read is always ready."""

    def ask(self, bench: KindBench) -> Any:
        """Read all quantities."""
        return bench.driver.read()

    def is_true(self, bench: KindBench, answer: Any) -> bool:
        """Whether every value is that of the body."""
        return _is_truth(answer, self.truth(bench))

    def is_at_rest(self, bench: KindBench) -> bool:
        """Nothing moves in a device that is only read."""
        return True

    def commands(self, bench: KindBench) -> Sequence[Command]:
        """A device that is only read takes no commands."""
        return ()

    def out_of_range(self, bench: KindBench) -> Sequence[tuple[str, Callable[[], Any]]]:
        """A device that is only read takes no values."""
        return ()

    @earns(Level.BRONZE)
    def test_it_reads_what_it_declares(self, bench: KindBench) -> None:
        """Every quantity has a name of its own, and its true value in every reading."""
        bench.open()
        quantities = bench.driver.quantities
        names = [one.name for one in quantities]
        sound = bool(names) and len({*names}) == len(names)
        sound = sound and all(name.isidentifier() and name == name.lower() for name in names)
        reading = bench.call(bench.driver.read)
        require(
            sound and reading.quality is Quality.GOOD and _is_truth(reading, self.truth(bench)),
            f"it declares {quantities} and reads {reading}, where {self.truth(bench)} is true; "
            "name every quantity once, in lower case, and return its value in its unit",
        )


class DetectingConformance(DeviceConformance[KindBench]):
    """The suite of devices that take frames. The suite of a kind adds `shown` and `disturb`."""

    @abstractmethod
    def shown(self, bench: KindBench) -> Any:
        """The frame that the body gave last, shape `n_pixels`, in the units of the driver."""

    def ready(self, bench: KindBench) -> None:
        """A detector is always ready, unless its suite puts something in front of it."""

    def ask(self, bench: KindBench) -> Frames:
        """Acquire one frame."""
        frames: Frames = bench.driver.acquire(1)
        return frames

    def is_true(self, bench: KindBench, answer: Any) -> bool:
        """Whether the frame is the newest one of the body."""
        shown, taken = np.asarray(self.shown(bench)), np.asarray(answer.counts[-1])
        largest = max(float(np.abs(shown).max(initial=0.0)), 1.0)
        return shown.shape == taken.shape and bool((np.abs(shown - taken) <= SHARE * largest).all())

    def is_at_rest(self, bench: KindBench) -> bool:
        """Nothing moves in a detector."""
        return True

    def commands(self, bench: KindBench) -> Sequence[Command]:
        """A detector takes no commands that move, heat or light."""
        return ()

    def detects_single_bytes(self) -> bool:
        """No: counts without a checksum show no wrong byte."""
        return False

    def out_of_range(self, bench: KindBench) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Less than one frame."""
        return [(f"acquire({n})", partial(bench.driver.acquire, n)) for n in (0, -1)]

    @earns(Level.BRONZE)
    def test_the_axis_has_a_place_for_every_value(self, bench: KindBench) -> None:
        """The axis rises, stays the same, and has as many places as a frame has values."""
        bench.open()
        self.ready(bench)
        first = bench.call(bench.driver.axis)
        frames = bench.call(partial(bench.driver.acquire, 1))
        again = bench.call(bench.driver.axis)
        require(
            np.array_equal(first, again) and frames.counts.shape == (1, first.size),
            f"the axis has {first.size} places, then {again.size}, and frames have the shape "
            f"{frames.counts.shape}; return a place for each value from _do_axis, always the same",
        )

    @earns(Level.BRONZE)
    def test_frames_come_at_their_times(self, bench: KindBench) -> None:
        """Frames are `n x places`, each with its time, at the requested interval."""
        bench.open()
        self.ready(bench)
        frames = bench.call(lambda: bench.driver.acquire(3, interval_s=INTERVAL_S))
        period_s = max(INTERVAL_S, frames.integration_time_us * 1e-6)
        late_s = float(np.abs(np.diff(frames.times_s) - period_s).max())
        require(
            frames.counts.shape[0] == 3 and late_s <= JITTER_S,
            f"three frames came at {frames.times_s.tolist()} s with an interval of {period_s:g} s; "
            "wait with the clock of the device, and no longer than the integration time",
        )

    @earns(Level.SILVER)
    def test_a_frame_shows_the_present(self, bench: KindBench) -> None:
        """After the sample has changed, the next frame is one of the new sample."""
        bench.open()
        self.ready(bench)
        bench.call(lambda: self.ask(bench))
        for _ in range(2):
            self.disturb(bench)
            answer = bench.call(lambda: self.ask(bench))
            require(
                self.is_true(bench, answer),
                f"the driver returns {answer.counts[-1]}, where the detector shows "
                f"{self.shown(bench)}; clear what was counted before, and ask for a new frame",
            )


class _ActingConformance(DeviceConformance[KindBench]):
    """What devices that are set and devices that are turned have in common."""

    @abstractmethod
    def put(self, bench: KindBench, value: Any) -> None:
        """Bring the body to a value or position without the driver."""

    @abstractmethod
    def _kept(self, bench: KindBench) -> Any:
        """Value or position of the body."""

    @abstractmethod
    def _two(self, bench: KindBench) -> tuple[Any, Any]:
        """Two values or positions that differ."""

    @abstractmethod
    def _agree(self, bench: KindBench, one: Any, other: Any) -> bool:
        """Whether two values or positions are the same."""

    @abstractmethod
    def _tell(self, bench: KindBench, value: Any) -> None:
        """Give the driver the command for a value or position."""

    @abstractmethod
    def _asked(self, bench: KindBench) -> Any:
        """Ask the driver for its value or position."""

    def ready(self, bench: KindBench) -> None:
        """Bring it to the second of two values."""
        bench.call(partial(self._tell, bench, self._two(bench)[1]))

    def ask(self, bench: KindBench) -> _Asked:
        """Ask for its value or position."""
        value = self._asked(bench)
        return _Asked(time_s=bench.clock.now_s(), value=value)

    def is_true(self, bench: KindBench, answer: Any) -> bool:
        """Whether the answer is what the body shows."""
        return self._agree(bench, answer.value, self._kept(bench))

    def disturb(self, bench: KindBench) -> None:
        """Bring the body to the other value."""
        first, second = self._two(bench)
        self.put(bench, first if self._agree(bench, self._kept(bench), second) else second)

    def is_at_rest(self, bench: KindBench) -> bool:
        """Whether the body shows what a new one shows."""
        now = self._kept(bench)
        with bench.as_new():
            return self._agree(bench, now, self._kept(bench))

    def commands(self, bench: KindBench) -> Sequence[Command]:
        """Go to the second of two values or positions."""
        first, second = self._two(bench)

        def arrange() -> None:
            self.put(bench, first)

        def is_at(value: Any) -> bool:
            return self._agree(bench, self._kept(bench), value)

        return [
            Command(
                "the command",
                arrange,
                partial(self._tell, bench, second),
                done=lambda: is_at(second),
                untouched=lambda: is_at(first),
                once=lambda: True,  # commands are absolute: a second one changes nothing
            )
        ]

    def safe_value(self, bench: KindBench) -> Any:
        """The value or position that is safe: that of the kind, else one that a profile may name.

        A driver does not know which one a profile names, so that any will do; a suite overrides
        this where the instrument cannot be brought to the first of two at any time.
        """
        return self._two(bench)[0] if bench.safe is None else bench.safe

    def safe_action(self, bench: KindBench) -> Command | None:
        """The command for the safe value or position."""
        safe = self.safe_value(bench)
        other = next(one for one in self._two(bench) if not self._agree(bench, one, safe))

        def is_safe() -> bool:
            return self._agree(bench, self._kept(bench), safe)

        return Command(
            f"the command to the safe value, {safe!r},",
            lambda: self.put(bench, other),
            partial(self._tell, bench, safe),
            done=is_safe,
            untouched=lambda: not is_safe(),
            once=lambda: True,
        )

    def _require_reached(self, bench: KindBench, wanted: Sequence[Any]) -> None:
        bench.open()
        for value in wanted:
            bench.call(partial(self._tell, bench, value))
            answer = bench.call(lambda: self._asked(bench))
            require(
                self._agree(bench, self._kept(bench), value) and self._agree(bench, answer, value),
                f"told {value!r}, the instrument is at {self._kept(bench)!r}, and the driver "
                f"reports {answer!r}; send the absolute value, and ask the instrument for its own",
            )

    def _require_told(self, bench: KindBench) -> None:
        first, second = self._two(bench)
        bench.open()
        self.put(bench, first)
        self.block(bench, True)
        outcome = bench.attempt_with_fault(partial(self._tell, bench, second), "the command")
        require(
            isinstance(outcome, DeviceError) and not isinstance(outcome, DriverError),
            f"an instrument that does not obey gave {outcome!r}; ask it after the command, and "
            "return only its own answer",
        )
        self.block(bench, False)
        bench.reopen()
        bench.call(partial(self._tell, bench, second))

    @abstractmethod
    def block(self, bench: KindBench, on: bool) -> None:
        """Make the body deaf to commands, or end that."""


class SettableConformance(_ActingConformance):
    """The suite of devices that keep a number. The suite of a kind adds `kept`, `put`, `block`."""

    @abstractmethod
    def kept(self, bench: KindBench) -> float:
        """The number that the body keeps, in the unit of the driver."""

    def out_of_range(self, bench: KindBench) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Numbers beyond the limits, and values that are no numbers."""
        low, high = bench.driver.limits
        wrong = (low - 1.0, high + 1.0, math.nan, math.inf, -math.inf)
        return [(f"set({one:g})", partial(bench.driver.set, one)) for one in wrong]

    @earns(Level.BRONZE)
    def test_the_number_reaches_the_instrument(self, bench: KindBench) -> None:
        """The instrument keeps the number that it was told, limits included, and reports it."""
        low, high = bench.driver.limits
        self._require_reached(bench, (low + 0.31 * (high - low), high, low))

    @earns(Level.SILVER)
    def test_a_number_that_is_not_kept_is_told(self, bench: KindBench) -> None:
        """An instrument that keeps its old number raises a DeviceError."""
        self._require_told(bench)

    def _kept(self, bench: KindBench) -> float:
        return self.kept(bench)

    def _two(self, bench: KindBench) -> tuple[float, float]:
        low, high = bench.driver.limits
        return low + 0.25 * (high - low), low + 0.5 * (high - low)

    def _agree(self, bench: KindBench, one: float, other: float) -> bool:
        return bool(abs(one - other) <= bench.driver.resolution)

    def _tell(self, bench: KindBench, value: float) -> None:
        bench.driver.set(value)

    def _asked(self, bench: KindBench) -> float:
        found: float = bench.driver.setting()
        return found


class DispensingConformance(_ActingConformance):
    """The suite of devices that deliver. The suite of a kind adds `kept`, `put`, `block`."""

    @abstractmethod
    def kept(self, bench: KindBench) -> float:
        """The flow rate [µL/min] that the body keeps; 0 where it stands still."""

    def safe_action(self, bench: KindBench) -> Command:
        """A flow rate of 0."""
        _, high = bench.driver.limits_ul_min
        return Command(
            "dispense(0)",
            lambda: self.put(bench, 0.5 * high),
            partial(bench.driver.dispense, 0.0),
            done=lambda: self.kept(bench) == 0.0,
            untouched=lambda: self.kept(bench) > 0.0,
            once=lambda: True,
        )

    def out_of_range(self, bench: KindBench) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Flow rates beyond the limits, and values that are no numbers."""
        _, high = bench.driver.limits_ul_min
        wrong = (-1.0, 1.01 * high, math.nan, math.inf, -math.inf)
        return [(f"dispense({one:g})", partial(bench.driver.dispense, one)) for one in wrong]

    @earns(Level.BRONZE)
    def test_the_flow_rate_reaches_the_instrument(self, bench: KindBench) -> None:
        """The instrument delivers at the flow rate that it was told, limits included."""
        low, high = bench.driver.limits_ul_min
        self._require_reached(bench, (low + 0.31 * (high - low), high, low, 0.0))

    @earns(Level.SILVER)
    def test_zero_stops_in_every_state(self, bench: KindBench) -> None:
        """A flow rate of 0 stops an instrument that delivers, and one that stands still."""
        _, high = bench.driver.limits_ul_min
        self._require_reached(bench, (0.0, 0.5 * high, 0.0, 0.0))

    @earns(Level.SILVER)
    def test_a_flow_rate_that_is_not_kept_is_told(self, bench: KindBench) -> None:
        """An instrument that keeps its old flow rate raises a DeviceError."""
        self._require_told(bench)

    @earns(Level.SILVER)
    def test_it_counts_what_it_delivers(self, bench: KindBench) -> None:
        """An instrument that counts has counted flow rate times time; another one says so."""
        bench.open()
        before = bench.attempt(bench.driver.total_ul)
        if isinstance(before, UnsupportedError):
            return
        _, rate = self._two(bench)
        bench.call(partial(bench.driver.dispense, rate))
        begun_ul, begun_s = bench.call(bench.driver.total_ul), bench.clock.now_s()
        bench.clock.sleep(bench.pause_s)
        counted_ul = bench.call(bench.driver.total_ul) - begun_ul
        moved_ul = rate / 60.0 * (bench.clock.now_s() - begun_s)
        require(
            abs(counted_ul - moved_ul) <= COUNTED * moved_ul + bench.driver.rounding_ul_min,
            f"it delivered {moved_ul:g} µL and counted {counted_ul:g} µL; return a total in µL "
            "that only grows, or leave out `_do_total_ul`",
        )

    def _kept(self, bench: KindBench) -> float:
        return self.kept(bench)

    def _two(self, bench: KindBench) -> tuple[float, float]:
        low, high = bench.driver.limits_ul_min
        return low + 0.25 * (high - low), low + 0.5 * (high - low)

    def _agree(self, bench: KindBench, one: float, other: float) -> bool:
        return bool(bench.driver.delivers(one, other))

    def _tell(self, bench: KindBench, value: float) -> None:
        bench.driver.dispense(value)

    def _asked(self, bench: KindBench) -> float:
        found: float = bench.driver.rate_ul_min()
        return found


class SelectableConformance(_ActingConformance):
    """The suite of devices with positions. The suite of a kind adds `stands`, `put`, `block`."""

    @abstractmethod
    def stands(self, bench: KindBench) -> str:
        """Name of the position at which the body stands."""

    def out_of_range(self, bench: KindBench) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Names of no position."""
        wrong = ("", "no such position", "next")
        return [(f"select({one!r})", partial(bench.driver.select, one)) for one in wrong]

    @earns(Level.BRONZE)
    def test_every_position_is_reached(self, bench: KindBench) -> None:
        """The instrument turns to each named position, and reports it."""
        positions = tuple(bench.driver.positions)
        self._require_reached(bench, (*positions, positions[0]))

    @earns(Level.SILVER)
    def test_a_position_that_is_not_reached_is_told(self, bench: KindBench) -> None:
        """An instrument that does not turn raises a DeviceError."""
        self._require_told(bench)

    def _kept(self, bench: KindBench) -> str:
        return self.stands(bench)

    def _two(self, bench: KindBench) -> tuple[str, str]:
        first, second, *_ = bench.driver.positions
        return first, second

    def _agree(self, bench: KindBench, one: str, other: str) -> bool:
        return one == other

    def _tell(self, bench: KindBench, value: str) -> None:
        bench.driver.select(value)

    def _asked(self, bench: KindBench) -> str:
        found: str = bench.driver.position()
        return found


def _is_truth(reading: Readings, truth: Mapping[str, float]) -> bool:
    return {*reading.values} == {*truth} and all(
        _agree(reading.values[name], value) for name, value in truth.items()
    )


def _agree(one: float, other: float) -> bool:
    return abs(one - other) <= SHARE * max(abs(one), abs(other), 1.0)
