"""A rig of which little is known: what answers is made safe first, the rest is tried again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from watched_rig import WORLD, plugins_with

from flowrig.clock import VirtualClock
from flowrig.errors import ConnectionLostError
from flowrig.interfaces import Device, PumpState
from flowrig.profile import load_profile
from flowrig.rig.device_threads import DeviceThreads
from flowrig.rig.rig import Rig
from flowrig.rig.simulated import emulated
from flowrig.run.options import RunOptions
from flowrig.run.rescue import LeftRig, Rescue, RescueJournal
from flowrig.run.start import start_run
from flowrig.safety.syringes import SyringeLedger

Short = Callable[..., Path]

HOT_C = 110.0


class Bench:
    """An emulated rig that any number of programs open one after the other.

    Attributes:
        clock: of the rig.
        left: the rig as a rescue finds it.
        missing: names of devices that cannot be opened.
    """

    def __init__(self, profile: Path, stack: ExitStack) -> None:
        self.clock = VirtualClock()
        loaded = load_profile(profile, plugins_with())
        served = stack.enter_context(emulated(loaded, self.clock, seed=1)).profile
        self.left = LeftRig(profile=served, ledger=SyringeLedger(served), references={})
        self.missing = set[str]()
        self._stack = stack

    def rescue(self) -> Rescue:
        """A rescue without a journal."""
        return Rescue(self.left, RescueJournal(None, self.clock))

    def opened(self) -> Rig:
        """The whole rig, opened."""
        threads = self._stack.enter_context(DeviceThreads(self.clock))
        rig = Rig(self.left.profile, self.clock, threads)
        rig.open()
        return rig

    def make_busy(self) -> None:
        """Heat the plate and let CuI flow, as a program that has died."""
        rig = self.opened()
        rig.prepare()
        rig.set_temperatures({"plate": HOT_C})
        rig.set_flow_rates({"CuI": 100.0})
        rig.start(["CuI"])
        self.clock.sleep(120.0)
        rig.close()

    def state(self) -> tuple[float, PumpState]:
        """Set point [°C] of the plate, and state of the pump of CuI."""
        self.missing.clear()
        rig = self.opened()
        found = rig.read_heaters(["plate"])["plate"].set_point_c, rig.pump_states(["CuI"])["CuI"]
        rig.close()
        return found


@pytest.fixture
def bench(short: Short, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The bench."""
    once: Callable[[Device], Any] = Device.open
    with ExitStack() as stack:
        bench = Bench(short(1, 1, WORLD), stack)

        def open_unless_missing(self: Device) -> Any:
            if self.name in bench.missing:
                raise ConnectionLostError("no answer", device=self.name)
            return once(self)

        monkeypatch.setattr(Device, "open", open_unless_missing)
        yield bench


@pytest.mark.parametrize("missing", ["hdx_pl", "pump_ode", "pump_zni2"])
def test_what_answers_is_made_safe(bench: Bench, missing: str) -> None:
    """Whichever other instrument is missing, heat and flow go off; the missing one is named."""
    bench.make_busy()
    bench.missing = {missing}
    safe = bench.rescue().run("a test")
    assert not safe.reached
    assert missing in str(safe)
    set_point_c, pump = bench.state()
    assert set_point_c < 30.0
    assert pump is PumpState.STOPPED


def test_what_comes_back_is_made_safe_whenever_it_does(bench: Bench) -> None:
    """A rescue that keeps trying confirms every step as soon as all instruments answer."""
    bench.make_busy()
    bench.missing = {"plate", "pump_cui"}
    tries = list[float]()

    def wait() -> bool:
        bench.clock.sleep(60.0)
        tries.append(bench.clock.now_s())
        if len(tries) == 4:
            bench.missing.clear()
        return len(tries) < 10

    safe = bench.rescue().run("a test", wait)
    assert safe.reached, str(safe)
    assert len(tries) == 4
    assert bench.state() == (pytest.approx(20.0, abs=5.0), PumpState.STOPPED)


def test_an_internal_error_does_not_end_the_tries(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a driver raises, the rig is opened again and tried again."""
    bench.make_busy()
    once, errors = Rig.close, [ZeroDivisionError("a bug")]

    def close(self: Rig) -> None:
        once(self)
        if errors:
            raise errors.pop()

    monkeypatch.setattr(Rig, "close", close)
    assert bench.rescue().run("a test", lambda: True).reached
    assert not errors


def test_a_rig_at_rest_is_left_alone(bench: Bench) -> None:
    """A start that fails moves nothing where nothing moves."""
    bench.missing = {"hdx_pl"}
    assert bench.rescue().make_quiet() is None


def test_a_hot_rig_is_switched_off_by_a_start_that_fails(bench: Bench) -> None:
    """Heat and flow that another program has left go off, as far as devices answer."""
    bench.make_busy()
    bench.missing = {"hdx_pl", "pump_ode"}
    safe = bench.rescue().make_quiet()
    assert safe is not None
    assert safe.reached, str(safe)
    set_point_c, pump = bench.state()
    assert set_point_c < 30.0
    assert pump is PumpState.STOPPED


def test_a_start_that_misses_an_instrument_says_that_nothing_moved(
    bench: Bench, tmp_path: Path, short: Short
) -> None:
    """The run has failed, and its state is not unknown: nothing was moved."""
    bench.missing = {"hdx_pl"}
    options = RunOptions(folder=tmp_path / "run", simulate=True, plugins=plugins_with())
    outcome = start_run(short(1, 1, WORLD), options)
    assert (outcome.state, outcome.exit_code) == ("failed", 1)
    assert "hdx_pl" in outcome.reason
    assert "nothing was moved" in outcome.reason
