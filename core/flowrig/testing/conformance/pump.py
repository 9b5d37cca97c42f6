"""Checks of pumps."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from unittest import SkipTest

from attrs import evolve

from flowrig.emulation import Mute
from flowrig.errors import (
    DeviceError,
    DeviceFaultError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces import Dispensed, PumpState, PumpStatus, PumpStep
from flowrig.testing.bench.bench import PumpBench
from flowrig.testing.conformance.checks import Level, Live, earns, require
from flowrig.testing.conformance.device import Command, DeviceConformance

__all__ = ["PumpConformance"]

RATE_TOLERANCE = 0.005
"""Largest relative difference between the requested flow rate and that of the plunger."""

SMALL = 1 / 1000
"""Fraction of the syringe's volume that a check on a real pump delivers."""

SMALL_S = 2.0
"""Time [s] of that delivery."""

DRAW_S = 8.0
"""Time [s] in which a pump draws the volume of a check."""

LOOKS = 5
"""Looks at a pump in that time."""

DRAWN_TOLERANCE = 0.01
"""Largest relative difference of a volume that is drawn."""

SMALL_TOLERANCE = 0.5
"""Largest relative difference of that volume; the link delays start and stop."""


class PumpConformance(DeviceConformance[PumpBench]):
    """The conformance suite of pumps; a test class adds the fixture `bench`, a `PumpBench`."""

    def ready(self, bench: PumpBench) -> None:
        """Set syringe and rate, and start; a real pump is not started."""
        self._with_rate(bench)
        if not bench.is_live:
            bench.call(bench.driver.start)

    def ask(self, bench: PumpBench) -> PumpStatus:
        """State of the pump."""
        return bench.driver.status()

    def is_true(self, bench: PumpBench, answer: Any) -> bool:
        """Whether the state is that of the plunger: running, stopped or stalled."""
        state = answer.state
        if bench.plunger.stalled:
            return state in (PumpState.STALLED, PumpState.FAULT)
        return (state is PumpState.RUNNING) == bench.plunger.moves

    def disturb(self, bench: PumpBench) -> None:
        """Block the plunger."""
        bench.plunger.jam()

    def is_at_rest(self, bench: PumpBench) -> bool:
        """Whether the plunger was never started."""
        return bench.plunger.starts == 0

    def out_of_range(self, bench: PumpBench) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Rates beyond the limits, and impossible syringes."""
        driver, limits = bench.driver, bench.driver.limits
        slow, fast = 0.9 * limits.rate_min_ul_min, 1.1 * limits.rate_max_ul_min
        syringes = (
            evolve(bench.syringe, volume_ul=-1.0),
            evolve(bench.syringe, inner_diameter_mm=math.nan),
        )
        return [
            *(
                (f"set_rate({rate:g})", partial(driver.set_rate, rate))
                for rate in (slow, fast, -1.0, math.nan, math.inf)
            ),
            *((f"set_syringe({one})", partial(driver.set_syringe, one)) for one in syringes),
        ]

    def commands(self, bench: PumpBench) -> Sequence[Command]:
        """Start, stop, and another rate while the pump runs."""
        driver, plunger = bench.driver, bench.plunger
        starts, usual_ul_min, other_ul_min = 0, 0.0, 0.0

        def stand() -> None:
            nonlocal starts, usual_ul_min, other_ul_min
            bench.call(driver.stop)
            self._with_rate(bench)
            starts = plunger.starts
            usual_ul_min, other_ul_min = _rate(bench, USUAL), _rate(bench, OTHER)

        def run() -> None:
            nonlocal starts
            stand()
            bench.call(driver.start)
            starts = plunger.starts

        def started_at_most_once() -> bool:
            return plunger.starts <= starts + 1

        return [
            Command(
                "start()",
                stand,
                driver.start,
                done=lambda: _agree(plunger.rate_ul_min, usual_ul_min),
                untouched=lambda: plunger.starts == starts,
                once=started_at_most_once,
            ),
            Command(
                "stop()",
                run,
                driver.stop,
                done=lambda: not plunger.moves,
                untouched=lambda: plunger.moves,
                once=lambda: plunger.starts == starts,
            ),
            Command(
                "set_rate() while it runs",
                run,
                lambda: driver.set_rate(other_ul_min),
                done=lambda: _agree(plunger.rate_ul_min, other_ul_min),
                untouched=lambda: (
                    plunger.starts == starts and _agree(plunger.rate_ul_min, usual_ul_min)
                ),
                once=started_at_most_once,
            ),
        ]

    def safe_action(self, bench: PumpBench) -> Command:
        """Stop."""
        _, stop, _ = self.commands(bench)
        return stop

    @earns(Level.BRONZE)
    def test_opening_leaves_a_running_pump_running(self, bench: PumpBench) -> None:
        """Neither closing nor opening stops a pump, or starts it again."""
        self._open_ready(bench)
        rate_ul_min = bench.plunger.rate_ul_min
        bench.call(bench.driver.close)
        bench.open(bench.another_driver())
        require(
            bench.plunger.starts == 1 and bench.plunger.rate_ul_min == rate_ul_min,
            "a running pump changes while its port is closed and opened; only connect and query in "
            "_do_open, and only disconnect in _do_close",
        )

    @earns(Level.BRONZE)
    def test_the_rate_reaches_the_plunger(self, bench: PumpBench) -> None:
        """The plunger moves at the flow rate that was set [µL/min], limits included."""
        self._with_rate(bench)
        limits = bench.driver.limits
        for rate_ul_min in (
            _rate(bench, 0.001), _rate(bench, 0.05), _rate(bench, 0.7),
            limits.rate_min_ul_min, limits.rate_max_ul_min,
        ):  # fmt: skip
            bench.call(lambda: bench.driver.set_rate(rate_ul_min))  # noqa: B023
            bench.call(bench.driver.start)
            flows_ul_min = bench.plunger.rate_ul_min
            bench.call(bench.driver.stop)
            require(
                _agree(flows_ul_min, rate_ul_min),
                f"at a rate of {rate_ul_min:g} µL/min the plunger moves at {flows_ul_min:g} µL/min;"
                " convert to the pump's unit, send enough digits, and return the pump's limits",
            )

    @earns(Level.BRONZE)
    def test_a_running_pump_takes_another_rate(self, bench: PumpBench) -> None:
        """A running pump continues at the new rate; a stopped pump stays at rest."""
        self._open_ready(bench)
        bench.call(lambda: bench.driver.set_rate(_rate(bench, OTHER)))
        require(
            _agree(bench.plunger.rate_ul_min, _rate(bench, OTHER)),
            f"after set_rate({_rate(bench, OTHER):g}) the running plunger moves at "
            f"{bench.plunger.rate_ul_min:g} µL/min; send the new rate to the running pump, or "
            "pause, set and start",
        )
        bench.call(bench.driver.stop)
        bench.call(lambda: bench.driver.set_rate(_rate(bench, USUAL)))
        require(not bench.plunger.moves, "set_rate() starts a stopped pump; only set the rate")

    @earns(Level.BRONZE, Live("stops it, although it is at rest"))
    def test_stop_is_harmless_at_rest(self, bench: PumpBench) -> None:
        """stop() leaves a stopped pump at rest, also before its syringe is set."""
        bench.open()
        self._require_stop(bench, "before a syringe is set")
        self._require_stop(bench, "a second time")

    @earns(Level.BRONZE)
    def test_stop_works_in_every_state(self, bench: PumpBench) -> None:
        """stop() works on a running, a stopped and a stalled pump."""
        bench.open()
        self.ready(bench)
        self._require_stop(bench, "while it runs")
        self._require_stop(bench, "a second time")
        bench.call(bench.driver.start)
        bench.plunger.jam()
        self._require_stop(bench, "when the plunger is stalled")

    @earns(
        Level.BRONZE,
        Live(f"pushes out a {1 / SMALL:.0f}th of the syringe within {SMALL_S:g} s", acts=True),
    )
    def test_a_small_volume_is_delivered(self, bench: PumpBench) -> None:
        """A pump reports that it runs, about the right volume, and that it has stopped."""
        self._with_rate(bench)
        rate_ul_min = _small_rate_ul_min(bench)
        bench.call(lambda: bench.driver.set_rate(rate_ul_min))
        bench.call(bench.driver.start)
        began_s = bench.clock.now_s()
        running = bench.call(bench.driver.status)
        bench.clock.sleep(SMALL_S)
        dispensed = bench.attempt(bench.driver.dispensed)
        expected_ul = rate_ul_min * (bench.clock.now_s() - began_s) / 60.0
        bench.call(bench.driver.stop)
        stopped = bench.call(bench.driver.status)
        require(
            running.state is PumpState.RUNNING and stopped.state is not PumpState.RUNNING,
            f"after start() the state is {running.state.value!r}, after stop() "
            f"{stopped.state.value!r}; read the state from the pump",
        )
        if isinstance(dispensed, UnsupportedError):
            return
        require(
            isinstance(dispensed, Dispensed)
            and math.isclose(dispensed.volume_ul, expected_ul, rel_tol=SMALL_TOLERANCE),
            f"at {rate_ul_min:g} µL/min dispensed() gave {dispensed!r}; rate and time make "
            f"{expected_ul:g} µL; check the unit",
            timed=bench.is_live,
        )

    @earns(Level.BRONZE)
    def test_a_stall_is_reported(self, bench: PumpBench) -> None:
        """start() against a blocked line raises DeviceFaultError."""
        self._with_rate(bench)
        bench.plunger.jam()
        outcome = bench.attempt(bench.driver.start)
        require(
            isinstance(outcome, DeviceFaultError),
            f"start() against a blocked line gave {outcome!r}; query the state after the start, "
            "and raise DeviceFaultError if it is a stall or a fault",
        )

    @earns(Level.BRONZE)
    def test_it_draws_what_it_was_told(self, bench: PumpBench) -> None:
        """A pump that withdraws draws its volume, stops, and counts it; any other refuses to."""
        self._with_rate(bench)
        before_ul, rate_ul_min = bench.plunger.moved_ul, _rate(bench, USUAL)
        volume_ul = round(min(rate_ul_min / 60.0 * DRAW_S, bench.syringe.volume_ul / 10.0), 3)
        step = PumpStep(-volume_ul, rate_ul_min)
        told = bench.attempt(partial(bench.driver.start_program, [step]))
        if isinstance(told, UnsupportedError | DeviceError):
            require(
                not bench.withdraws and bench.plunger.moved_ul == before_ul,
                f"told to draw {volume_ul:g} µL the pump gave {told!r}, and its offer says "
                f"withdraws={bench.withdraws}; implement _do_start_program for one step with a "
                "negative volume, or leave withdraws out of the offer",
            )
            return
        require(not isinstance(told, Exception), f"start_program gave {told!r}; raise DeviceErrors")
        states = [bench.call(bench.driver.status).state]
        for _ in range(2 * LOOKS):
            bench.clock.sleep(volume_ul / rate_ul_min * 60.0 / LOOKS)
            states.append(bench.call(bench.driver.status).state)
        drawn_ul, counted = (
            before_ul - bench.plunger.moved_ul,
            bench.attempt(bench.driver.dispensed),
        )
        require(
            math.isclose(drawn_ul, volume_ul, rel_tol=DRAWN_TOLERANCE)
            and isinstance(counted, Dispensed)
            and math.isclose(counted.volume_ul, drawn_ul, rel_tol=DRAWN_TOLERANCE)
            and states[0] is PumpState.RUNNING
            and states[-1] is PumpState.STOPPED,
            f"told to draw {volume_ul:g} µL the plunger drew {drawn_ul:g} µL, dispensed() gave "
            f"{counted!r}, and the state was {states[0].value!r} at first and "
            f"{states[-1].value!r} at the end; send volume and direction, let the pump stop by "
            "itself, and return what it has drawn as a positive volume",
        )

    @earns(Level.SILVER)
    def test_stop_works_after_an_error(self, bench: PumpBench) -> None:
        """A pump that did not answer one query can be stopped without reopening."""
        self._open_ready(bench)
        with bench.tap.through(Mute()):
            bench.attempt_with_fault(bench.driver.status, "status()")
        self._require_stop(bench, "after a query without an answer")

    @earns(Level.SILVER)
    def test_stop_is_sent_to_a_silent_pump(self, bench: PumpBench) -> None:
        """A pump that executes commands without an answer is stopped; the outcome is unknown."""
        self._open_ready(bench)
        with bench.tap.through(Mute()):
            bench.attempt_with_fault(bench.driver.status, "status()")
            outcome = bench.attempt_with_fault(bench.driver.stop, "stop()")
        require(
            not bench.plunger.moves and isinstance(outcome, UnknownOutcomeError),
            f"stop() to a silent pump gave {outcome!r}, and the plunger {_motion(bench)}; send "
            "the stop before any request that needs an answer, and raise UnknownOutcomeError if "
            "the stop is not confirmed",
        )

    @earns(Level.SILVER)
    def test_the_dispensed_volume_is_true(self, bench: PumpBench) -> None:
        """The dispensed volume [µL] is the one since the last start, over changes of rate too."""
        self._open_ready(bench)
        if isinstance(bench.attempt(bench.driver.dispensed), UnsupportedError):
            raise SkipTest("this pump does not count the dispensed volume")
        before_ul = bench.plunger.moved_ul
        for fraction in (USUAL, OTHER):
            bench.call(lambda: bench.driver.set_rate(_rate(bench, fraction)))  # noqa: B023
            bench.clock.sleep(6.0)
            read_ul = bench.call(bench.driver.dispensed).volume_ul
            true_ul = bench.plunger.moved_ul - before_ul
            require(
                math.isclose(read_ul, true_ul, rel_tol=0.01),
                f"dispensed() gave {read_ul:g} µL, but the plunger moved {true_ul:g} µL; check the "
                "unit, and counters that restart when the rate changes",
            )

    @earns(Level.SILVER)
    def test_a_read_back_comes_from_the_instrument(self, bench: PumpBench) -> None:
        """Flow rate and diameter that it reads back are those that are set; never from memory."""
        self._open_ready(bench)
        found = bench.call(bench.driver.read_back)
        values = (found.rate_ul_min, found.inner_diameter_mm)
        if values == (None, None):
            raise SkipTest("this pump cannot be asked what it is set to")
        wanted = (_rate(bench, USUAL), bench.syringe.inner_diameter_mm)
        require(
            all(
                one is None or math.isclose(one, other, rel_tol=RATE_TOLERANCE)
                for one, other in zip(values, wanted, strict=True)
            ),
            f"read_back() gave {found} at {wanted[0]:g} µL/min with {wanted[1]:g} mm; check the "
            "units that are set",
        )
        with bench.tap.through(Mute()):
            outcome = bench.attempt_with_fault(bench.driver.read_back, "read_back()")
        require(
            isinstance(outcome, Exception),
            f"read_back() gave {outcome} on a silent link; ask the pump, so that a change at its "
            "panel is found",
        )

    def _with_rate(self, bench: PumpBench) -> None:
        """Open the pump, and set its syringe and its rate."""
        if not bench.driver.is_open:
            bench.open()
        syringe = bench.syringe
        bench.call(lambda: bench.driver.set_syringe(syringe))
        bench.call(lambda: bench.driver.set_rate(_rate(bench, USUAL)))

    def _require_stop(self, bench: PumpBench, when: str) -> None:
        outcome = bench.attempt(bench.driver.stop)
        require(
            not isinstance(outcome, Exception) and not bench.plunger.moves,
            f"stop() {when} gave {outcome!r}, and the plunger {_motion(bench)}; stop must work in "
            "every state, and return only when the pump confirms that it has stopped",
        )


def _motion(bench: PumpBench) -> str:
    return "moves" if bench.plunger.moves else "is at rest"


USUAL, OTHER = 0.02, 0.03
"""Flow rates of the checks, as fractions of the largest."""


def _rate(bench: PumpBench, fraction: float) -> float:
    """A flow rate [µL/min] within the limits, to 0.001 µL/min."""
    limits = bench.driver.limits
    return round(max(fraction * limits.rate_max_ul_min, 2.0 * limits.rate_min_ul_min), 3)


def _small_rate_ul_min(bench: PumpBench) -> float:
    """The flow rate [µL/min] that delivers the fraction `SMALL` in `SMALL_S`, within the limits."""
    limits = bench.driver.limits
    rate_ul_min = SMALL * bench.syringe.volume_ul / SMALL_S * 60.0
    return round(min(max(rate_ul_min, 2.0 * limits.rate_min_ul_min), limits.rate_max_ul_min), 3)


def _agree(flows_ul_min: float, wanted_ul_min: float) -> bool:
    return math.isclose(flows_ul_min, wanted_ul_min, rel_tol=RATE_TOLERANCE)
