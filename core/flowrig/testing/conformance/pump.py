"""What a pump's driver must do."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from unittest import SkipTest

from attrs import evolve

from flowrig.emulation import Mute
from flowrig.errors import DeviceFaultError, UnknownOutcomeError, UnsupportedError
from flowrig.interfaces import Dispensed, PumpState, PumpStatus
from flowrig.testing.bench.bench import PumpBench
from flowrig.testing.conformance.checks import Level, Live, earns, require
from flowrig.testing.conformance.device import Command, DeviceConformance

__all__ = ["PumpConformance"]

RATE_TOLERANCE = 0.005
"""Largest relative difference between the flow rate that was asked for and the one that flows."""

SMALL = 1 / 1000
"""The part of a syringe's volume that may be pushed out for a check."""

SMALL_S = 2.0
"""How long [s] that takes."""

SMALL_TOLERANCE = 0.5
"""Largest relative difference to a volume that was timed over a link with delays."""


class PumpConformance(DeviceConformance[PumpBench]):
    """The conformance suite of pumps; a test class adds the fixture `bench`, a `PumpBench`."""

    def ready(self, bench: PumpBench) -> None:
        """A pump that runs; a real one stands."""
        self._with_rate(bench)
        if not bench.is_live:
            bench.call(bench.driver.start)

    def ask(self, bench: PumpBench) -> PumpStatus:
        """Its state."""
        return bench.driver.status()

    def is_true(self, bench: PumpBench, answer: Any) -> bool:
        """Whether it runs, stands or is stalled as the plunger is."""
        state = answer.state
        if bench.plunger.stalled:
            return state in (PumpState.STALLED, PumpState.FAULT)
        return (state is PumpState.RUNNING) == bench.plunger.moves

    def disturb(self, bench: PumpBench) -> None:
        """The plunger is blocked."""
        bench.plunger.jam()

    def is_at_rest(self, bench: PumpBench) -> bool:
        """Whether the plunger was never moved."""
        return bench.plunger.starts == 0

    def out_of_range(self, bench: PumpBench) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Rates beyond the limits, and syringes that cannot be."""
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
        """Start, stop, and another rate on the run."""
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

        return [
            Command(
                "start()",
                stand,
                driver.start,
                done=lambda: _agree(plunger.rate_ul_min, usual_ul_min),
                untouched=lambda: plunger.starts == starts,
                once=lambda: plunger.starts <= starts + 1,
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
                "set_rate() on the run",
                run,
                lambda: driver.set_rate(other_ul_min),
                done=lambda: _agree(plunger.rate_ul_min, other_ul_min),
                untouched=lambda: (
                    plunger.starts == starts and _agree(plunger.rate_ul_min, usual_ul_min)
                ),
                once=lambda: plunger.starts <= starts + 1,
            ),
        ]

    @earns(Level.BRONZE)
    def test_opening_leaves_a_running_pump_running(self, bench: PumpBench) -> None:
        """Neither closing nor opening stops a pump, or starts it anew."""
        self._open_ready(bench)
        rate_ul_min = bench.plunger.rate_ul_min
        bench.call(bench.driver.close)
        bench.open(bench.another_driver())
        require(
            bench.plunger.starts == 1 and bench.plunger.rate_ul_min == rate_ul_min,
            "a pump that runs does not go on as it was while its port is closed and opened; only "
            "connect and ask in _do_open, and only hang up in _do_close",
        )

    @earns(Level.BRONZE)
    def test_the_rate_reaches_the_plunger(self, bench: PumpBench) -> None:
        """The flow rate that comes out is the one that was set [µL/min], limits included."""
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
                f"at a rate of {rate_ul_min:g} µL/min {flows_ul_min:g} µL/min come out; convert to "
                "the pump's unit, send enough digits, and return limits that the pump keeps to",
            )

    @earns(Level.BRONZE)
    def test_a_running_pump_takes_another_rate(self, bench: PumpBench) -> None:
        """A pump that runs goes on at the new rate; one that stands stays where it is."""
        self._open_ready(bench)
        bench.call(lambda: bench.driver.set_rate(_rate(bench, OTHER)))
        require(
            _agree(bench.plunger.rate_ul_min, _rate(bench, OTHER)),
            f"after set_rate({_rate(bench, OTHER):g}) on the run {bench.plunger.rate_ul_min:g} "
            "µL/min come out; send the new rate to the running pump, or pause, set and start",
        )
        bench.call(bench.driver.stop)
        bench.call(lambda: bench.driver.set_rate(_rate(bench, USUAL)))
        require(not bench.plunger.moves, "set_rate() starts a pump that stands; only set the rate")

    @earns(Level.BRONZE, Live("stops it, though it stands"))
    def test_stop_is_harmless_at_rest(self, bench: PumpBench) -> None:
        """Stop on a pump that stands leaves it standing, also before its syringe is set."""
        bench.open()
        self._require_stop(bench, "before a syringe is set")
        self._require_stop(bench, "a second time")

    @earns(Level.BRONZE)
    def test_stop_works_in_every_state(self, bench: PumpBench) -> None:
        """Stop stops a pump that runs, one that was stopped already, and one that is stalled."""
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
        """A pump tells that it runs, about how much came out, and that it stands again."""
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
        standing = bench.call(bench.driver.status)
        require(
            running.state is PumpState.RUNNING and standing.state is not PumpState.RUNNING,
            f"after start() the pump says {running.state.value!r}, after stop() "
            f"{standing.state.value!r}; read the state from the pump",
        )
        if isinstance(dispensed, UnsupportedError):
            return
        require(
            isinstance(dispensed, Dispensed)
            and math.isclose(dispensed.volume_ul, expected_ul, rel_tol=SMALL_TOLERANCE),
            f"at {rate_ul_min:g} µL/min dispensed() gave {dispensed!r}, and {expected_ul:g} µL is "
            "what rate and time make; mind the unit",
            timed=bench.is_live,
        )

    @earns(Level.BRONZE)
    def test_a_stall_is_told(self, bench: PumpBench) -> None:
        """Starting against a blocked line raises DeviceFaultError."""
        self._with_rate(bench)
        bench.plunger.jam()
        outcome = bench.attempt(bench.driver.start)
        require(
            isinstance(outcome, DeviceFaultError),
            f"start() against a blocked line gave {outcome!r}; ask for the state after the start, "
            "and raise DeviceFaultError when it is a stall or a fault",
        )

    @earns(Level.SILVER)
    def test_stop_works_after_an_error(self, bench: PumpBench) -> None:
        """A pump that was silent for one question can be stopped without opening it again."""
        self._open_ready(bench)
        with bench.tap.through(Mute()):
            bench.attempt_despite_a_fault(bench.driver.status, "status()")
        self._require_stop(bench, "after a question without an answer")

    @earns(Level.SILVER)
    def test_stop_is_sent_into_silence(self, bench: PumpBench) -> None:
        """A pump that obeys without an answer is stopped, though nobody can tell."""
        self._open_ready(bench)
        with bench.tap.through(Mute()):
            bench.attempt_despite_a_fault(bench.driver.status, "status()")
            outcome = bench.attempt_despite_a_fault(bench.driver.stop, "stop()")
        require(
            not bench.plunger.moves and isinstance(outcome, UnknownOutcomeError),
            f"stop() to a pump that does not answer gave {outcome!r}, and the plunger "
            f"{'moves' if bench.plunger.moves else 'stands'}; send the stop first, before anything "
            "that needs an answer, and raise UnknownOutcomeError when it is not confirmed",
        )

    @earns(Level.SILVER)
    def test_the_dispensed_volume_is_true(self, bench: PumpBench) -> None:
        """The volume [µL] since the last start is what came out, also over a change of rate."""
        self._open_ready(bench)
        if isinstance(bench.attempt(bench.driver.dispensed), UnsupportedError):
            raise SkipTest("this pump keeps no count")
        before_ul = bench.plunger.moved_ul
        for fraction in (USUAL, OTHER):
            bench.call(lambda: bench.driver.set_rate(_rate(bench, fraction)))  # noqa: B023
            bench.clock.sleep(6.0)
            told_ul = bench.call(bench.driver.dispensed).volume_ul
            true_ul = bench.plunger.moved_ul - before_ul
            require(
                math.isclose(told_ul, true_ul, rel_tol=0.01),
                f"dispensed() says {told_ul:g} µL, and {true_ul:g} µL came out; mind the unit, "
                "and counters that begin anew when the rate changes",
            )

    def _with_rate(self, bench: PumpBench) -> None:
        """A standing pump that knows its syringe and its rate."""
        if not bench.driver.is_open:
            bench.open()
        syringe = bench.syringe
        bench.call(lambda: bench.driver.set_syringe(syringe))
        bench.call(lambda: bench.driver.set_rate(_rate(bench, USUAL)))

    def _require_stop(self, bench: PumpBench, when: str) -> None:
        outcome = bench.attempt(bench.driver.stop)
        require(
            not isinstance(outcome, Exception) and not bench.plunger.moves,
            f"stop() {when} gave {outcome!r}, and the plunger "
            f"{'moves' if bench.plunger.moves else 'stands'}; stop must work in every state, and "
            "return only when the pump confirms that it stands",
        )


USUAL, OTHER = 0.02, 0.03
"""Rates at which the checks run, as parts of the fastest."""


def _rate(bench: PumpBench, fraction: float) -> float:
    """A flow rate [µL/min] between the limits, with three places."""
    limits = bench.driver.limits
    return round(max(fraction * limits.rate_max_ul_min, 2.0 * limits.rate_min_ul_min), 3)


def _small_rate_ul_min(bench: PumpBench) -> float:
    """A flow rate [µL/min] that moves a small part of the syringe's volume in a short time."""
    limits = bench.driver.limits
    rate_ul_min = SMALL * bench.syringe.volume_ul / SMALL_S * 60.0
    return round(min(max(rate_ul_min, 2.0 * limits.rate_min_ul_min), limits.rate_max_ul_min), 3)


def _agree(flows_ul_min: float, wanted_ul_min: float) -> bool:
    return math.isclose(flows_ul_min, wanted_ul_min, rel_tol=RATE_TOLERANCE)
