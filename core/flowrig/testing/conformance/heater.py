"""Checks of heaters."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from flowrig.emulation import ROOM_C, Mute
from flowrig.errors import DeviceError, DriverError
from flowrig.interfaces import HeaterReading, Quality
from flowrig.testing.bench.bench import HeaterBench
from flowrig.testing.conformance.checks import Level, Live, earns, require
from flowrig.testing.conformance.device import Command, DeviceConformance

__all__ = ["HeaterConformance"]

TOLERANCE_C = 0.1
"""Largest difference [°C] between temperatures of the plate and of the driver."""

LUKEWARM_C = 30.0
"""Highest set point [°C] of a heater that counts as off."""

RISE_C = 4.0
"""Largest difference [°C] of a real heater's set point above its temperature."""


class HeaterConformance(DeviceConformance[HeaterBench]):
    """The conformance suite of heaters; a test class adds the fixture `bench`, a `HeaterBench`."""

    def ready(self, bench: HeaterBench) -> None:
        """Heat; a real heater is left as it is."""
        if not bench.is_live:
            self._heat(bench)

    def ask(self, bench: HeaterBench) -> HeaterReading:
        """Temperature and set point."""
        return bench.driver.read()

    def is_true(self, bench: HeaterBench, answer: Any) -> bool:
        """Whether temperature and set point are those of the plate."""
        plate = bench.plate
        return _agree(answer.temperature_c, plate.temperature_c) and _agree(
            answer.set_point_c, plate.set_point_c
        )

    def disturb(self, bench: HeaterBench) -> None:
        """Warm the plate from outside."""
        bench.plate.temperature_c += 17.0

    def is_at_rest(self, bench: HeaterBench) -> bool:
        """Whether no set point was above the temperature of a room."""
        return all(set_point_c <= LUKEWARM_C for set_point_c in bench.plate.set_points_c)

    def out_of_range(self, bench: HeaterBench) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Set points beyond the limits, and values that are no numbers."""
        limits, heat = bench.driver.limits, bench.driver.set_temperature
        harmless = (limits.temperature_min_c - 0.5, math.nan, -math.inf)
        hot = (limits.temperature_max_c + 0.5, math.inf)
        return [
            (f"set_temperature({wanted_c:g})", partial(heat, wanted_c))
            for wanted_c in ((*harmless, *hot) if bench.may_act else harmless)
        ]

    def commands(self, bench: HeaterBench) -> Sequence[Command]:
        """Set a temperature, and switch off."""
        driver, plate = bench.driver, bench.plate
        before = 0

        def cold() -> None:
            nonlocal before
            bench.call(driver.off)
            before = len(plate.set_points_c)

        def hot() -> None:
            nonlocal before
            self._heat(bench)
            before = len(plate.set_points_c)

        def untouched() -> bool:
            return len(plate.set_points_c) == before

        def once() -> bool:
            return len(plate.set_points_c) <= before + 1

        return [
            Command(
                "set_temperature()",
                cold,
                lambda: driver.set_temperature(_warm_c(bench, 0.8)),
                done=lambda: _agree(plate.set_point_c, _warm_c(bench, 0.8)),
                untouched=untouched,
                once=once,
            ),
            Command(
                "off()",
                hot,
                driver.off,
                done=lambda: plate.set_point_c <= LUKEWARM_C,
                untouched=untouched,
                # Off may be repeated, with another meaning of off, too; it never heats.
                once=lambda: all(c <= LUKEWARM_C for c in plate.set_points_c[before:]),
            ),
        ]

    def safe_action(self, bench: HeaterBench) -> Command:
        """Switch off."""
        _, off = self.commands(bench)
        return off

    @earns(Level.BRONZE)
    def test_opening_leaves_a_hot_heater_hot(self, bench: HeaterBench) -> None:
        """Neither closing nor opening changes the set point."""
        self._open_ready(bench)
        before = list(bench.plate.set_points_c)
        bench.call(bench.driver.close)
        bench.open(bench.another_driver())
        require(
            bench.plate.set_points_c == before,
            f"closing and opening set the plate to {bench.plate.set_point_c:g} °C; only connect "
            "and query in _do_open, and only disconnect in _do_close",
        )

    @earns(Level.BRONZE, Live(f"heats by up to {RISE_C:g} °C, and stops heating", acts=True))
    def test_the_set_point_reaches_the_plate(self, bench: HeaterBench) -> None:
        """The controller's set point is the one that was requested [°C], limits included."""
        bench.open()
        limits = bench.driver.limits
        extremes = () if bench.is_live else (limits.temperature_max_c, limits.temperature_min_c)
        for wanted_c in (_warm_c(bench, 0.31), *extremes):
            bench.call(lambda: bench.driver.set_temperature(wanted_c))  # noqa: B023
            reading = bench.call(bench.driver.read)
            require(
                _agree(bench.plate.set_point_c, wanted_c) and _agree(reading.set_point_c, wanted_c),
                f"after set_temperature({wanted_c:g}) the controller's set point is "
                f"{bench.plate.set_point_c:g} °C, and read() returns {reading.set_point_c:g} °C; "
                "convert the controller's unit both ways, and return limits that it keeps to",
            )

    @earns(Level.BRONZE, Live(f"heats by up to {RISE_C:g} °C, and stops heating", acts=True))
    def test_off_works_in_every_state(self, bench: HeaterBench) -> None:
        """off() stops the heating, and is harmless when nothing is heated."""
        bench.open()
        self._require_off(bench, "after open()")
        self._heat(bench)
        self._require_off(bench, "while it heats")
        self._require_off(bench, "a second time")

    @earns(Level.SILVER)
    def test_off_works_after_an_error(self, bench: HeaterBench) -> None:
        """A heater that did not answer one query can be switched off without reopening."""
        self._open_ready(bench)
        with bench.tap.through(Mute()):
            bench.attempt_with_fault(bench.driver.read, "read()")
        self._require_off(bench, "after a query without an answer")

    @earns(Level.SILVER)
    def test_an_open_sensor_is_never_a_good_reading(self, bench: HeaterBench) -> None:
        """A temperature that is not a number raises a DeviceError, or has the quality BAD."""
        self._open_ready(bench)
        bench.plate.temperature_c = math.nan
        reading = bench.attempt_with_fault(bench.driver.read, "read()")
        is_reported = isinstance(reading, DeviceError) and not isinstance(reading, DriverError)
        require(
            is_reported or (isinstance(reading, HeaterReading) and reading.quality is Quality.BAD),
            f"an open sensor was read as {reading}; parse numbers strictly (float() accepts 'nan', "
            "'inf' and '1_0'), query the sensor's error, and mark the reading as BAD",
        )

    def _heat(self, bench: HeaterBench) -> None:
        bench.call(lambda: bench.driver.set_temperature(_warm_c(bench, 0.5)))

    def _require_off(self, bench: HeaterBench, when: str) -> None:
        outcome = bench.attempt(bench.driver.off)
        require(
            not isinstance(outcome, Exception) and bench.plate.set_point_c <= LUKEWARM_C,
            f"off() {when} gave {outcome!r}, and the set point is "
            f"{bench.plate.set_point_c:g} °C; off must work in every state, and return only when "
            f"the controller confirms a set point of at most {LUKEWARM_C:g} °C",
        )


def _warm_c(bench: HeaterBench, fraction: float) -> float:
    """A set point [°C] above the room's temperature; a real heater rises by at most `RISE_C`."""
    highest_c = bench.driver.limits.temperature_max_c
    if bench.is_live:
        return round(min(bench.plate.temperature_c + fraction * RISE_C, highest_c), 1)
    return round(ROOM_C + fraction * (highest_c - ROOM_C), 1)


def _agree(one_c: float, other_c: float) -> bool:
    return abs(one_c - other_c) <= TOLERANCE_C
