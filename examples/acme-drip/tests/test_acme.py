"""The pump against its emulator on a real serial line, and the optimizer on its own."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from attrs import define, evolve

import acme_drip
from acme_drip.emulator import DripEmulator
from acme_drip.optimizer import NeighbourhoodSearch
from acme_drip.pump import AcmeDrip
from acme_drip.settings import DripSettings, NeighbourhoodSettings
from flowrig.clock import RealClock
from flowrig.emulation import EmulatorContext, World
from flowrig.errors import (
    ConnectionLostError,
    DeviceFaultError,
    InputError,
    NotReadyError,
    OutOfRangeError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Problem, PumpState, Syringe
from flowrig.plugins.offers import import_target
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import LinearConstraint, Parameter, Space

SYRINGE = Syringe(volume_ul=50_000.0, inner_diameter_mm=20.0)
SETTINGS = DripSettings(address="", deadline_s=1.0)


@define
class Plunger:
    inner_diameter_mm: float = 20.0
    fill_ul: float = 50_000.0
    moved_ul: float = 0.0
    stalled: bool = False
    rate_ul_min: float = 0.0

    def push(self, rate_ul_min: float) -> None:
        self.rate_ul_min = rate_ul_min


class Bench(World):
    def __init__(self) -> None:
        self.plunger = Plunger()

    def pump(self, device: str) -> Plunger:
        return self.plunger

    def heater(self, device: str) -> Any:
        raise AssertionError("the bench holds a pump")

    spectrometer = heater


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def emulator(bench: Bench) -> Iterator[DripEmulator]:
    with DripEmulator(EmulatorContext("pump", SETTINGS, bench, RealClock())) as emulator:
        yield emulator


@pytest.fixture
def pump(emulator: DripEmulator) -> Iterator[AcmeDrip]:
    with AcmeDrip("pump", evolve(SETTINGS, address=emulator.start())) as pump:
        pump.set_syringe(SYRINGE)
        yield pump


def test_it_pumps(pump: AcmeDrip, bench: Bench) -> None:
    """Rate and state arrive at the plunger and come back."""
    pump.set_rate(100.0)
    pump.start()
    assert bench.plunger.rate_ul_min == pytest.approx(100.0)
    assert pump.status().state is PumpState.RUNNING
    pump.set_rate(50.0)
    assert bench.plunger.rate_ul_min == pytest.approx(50.0)
    bench.plunger.moved_ul = 12.5
    pump.stop()
    assert bench.plunger.rate_ul_min == 0.0
    assert pump.status().state is PumpState.STOPPED
    assert pump.dispensed().volume_ul == pytest.approx(12.5)


def test_a_wrong_syringe_pumps_wrong(pump: AcmeDrip, bench: Bench) -> None:
    """The pump knows the bore that it was told; the liquid follows the true one."""
    bench.plunger.inner_diameter_mm = 10.0
    pump.set_rate(100.0)
    pump.start()
    assert bench.plunger.rate_ul_min == pytest.approx(25.0)


def test_limits_are_the_pumps_own(pump: AcmeDrip) -> None:
    """Nothing is sent beyond the rate that the pump gives for its bore."""
    with pytest.raises(OutOfRangeError):
        pump.set_rate(pump.limits.rate_max_ul_min * 1.001)


def test_a_running_pump_keeps_its_syringe(pump: AcmeDrip) -> None:
    """The bore of a running pump cannot be changed."""
    pump.set_rate(100.0)
    pump.start()
    with pytest.raises(NotReadyError):
        pump.set_syringe(SYRINGE)


def test_a_stall_is_a_fault(pump: AcmeDrip, bench: Bench) -> None:
    """A plunger that does not move is reported, and stopping is possible all the same."""
    bench.plunger.stalled = True
    pump.set_rate(100.0)
    with pytest.raises(DeviceFaultError):
        pump.start()
    pump.stop()


def test_a_refusal_is_told(pump: AcmeDrip) -> None:
    """What the pump does not take is an error with the pump's own words."""
    with pytest.raises(RefusedError, match="ERR BORE 60"):
        pump.set_syringe(evolve(SYRINGE, inner_diameter_mm=60.0))


def test_another_model_is_refused(emulator: DripEmulator) -> None:
    """A pump that is not the one of the profile does not open."""
    other = evolve(SETTINGS, address=emulator.start(), model="DRIP-10")
    with pytest.raises(ProtocolError, match="DRIP-50"):
        AcmeDrip("pump", other).open()


def test_silence_is_told(pump: AcmeDrip, emulator: DripEmulator) -> None:
    """A command without an answer is unknown, and nothing but a stop is sent into silence."""
    emulator.core.mute = True
    with pytest.raises(UnknownOutcomeError):
        pump.start()
    for command in (pump.status, pump.start, lambda: pump.set_rate(10.0)):
        with pytest.raises(ConnectionLostError):
            command()
    with pytest.raises(UnknownOutcomeError):
        pump.stop()


def test_a_rate_is_read_back(
    pump: AcmeDrip, emulator: DripEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pump that says OK and keeps another rate is found out."""
    monkeypatch.setattr(emulator.core, "_obey", lambda word, number: True)
    with pytest.raises(RefusedError, match=r"kept RATE 0\.000"):
        pump.set_rate(100.0)


def test_nobody_at_the_address() -> None:
    """A port that does not open is a lost connection."""
    with pytest.raises(ConnectionLostError):
        AcmeDrip("pump", evolve(SETTINGS, address="no-such-port")).open()


def problem(seed: int = 1) -> Problem:
    space = Space(
        (Parameter("a", 0.0, 10.0, "µL/min"), Parameter("b", 0.0, 10.0, "µL/min")),
        (LinearConstraint("a + b", {"a": 1.0, "b": 1.0}, 0.0, 12.0),),
    )
    return Problem(space, MaximumResponse("y"), seed, new_surrogate=lambda: pytest.fail("unused"))


def search(rows: Sequence[dict[str, float]], seed: int = 1, step: float = 0.15) -> Any:
    optimizer = NeighbourhoodSearch(problem(seed), NeighbourhoodSettings(step=step))
    optimizer.ingest(rows)
    return optimizer


def test_it_needs_a_start() -> None:
    """Without a measured value there is nothing to search around."""
    with pytest.raises(InputError, match="lhs"):
        search([{"a": 1.0, "b": 1.0, "y": np.nan}]).suggest()


def test_it_stays_near_the_best_and_inside() -> None:
    """Points lie around the best condition, within bounds and constraints, also in a corner."""
    optimizer = search([{"a": 2.0, "b": 10.0, "y": 5.0}, {"a": 0.0, "b": 0.0, "y": 1.0}], step=0.05)
    points = optimizer.problem.space.array(optimizer.suggest(50))
    assert optimizer.problem.space.feasible(points).all()
    assert np.abs(points - [2.0, 10.0]).max() < 2.5
    assert len(np.unique(points, axis=0)) == 50


def test_it_is_rebuilt_from_what_was_measured() -> None:
    """The same seed and results give the same suggestion, in one batch or several."""
    rows = [{"a": 2.0, "b": 3.0, "y": 5.0}, {"a": 3.0, "b": 3.0, "y": 4.0}]
    again = search(rows[:1])
    again.ingest(rows[1:])
    assert search(rows).suggest(3) == again.suggest(3)
    assert search(rows).suggest() != search(rows, seed=2).suggest()


def test_the_offers_load() -> None:
    """What the hooks describe exists where they say."""
    (driver,), (optimizer,) = acme_drip.flowrig_drivers(), acme_drip.flowrig_optimizers()
    assert driver.load() is AcmeDrip
    assert import_target(driver.emulator, "the emulator") is DripEmulator
    assert optimizer.load() is NeighbourhoodSearch
