"""A rig by hand: open, check, measure, and what is told when instruments do not answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import flowrig as package
from flowrig.emulation import FaultyWorld
from flowrig.errors import (
    FlowrigError,
    InputError,
    OutOfRangeError,
    SeveralDevicesError,
    UnsafeStateError,
)
from flowrig.interfaces import PumpState
from flowrig.rig.simulated import EmulatedRig, emulated
from flowrig.safety.actuation import Actuation
from flowrig.safety.safe_state import reach_safe_state
from flowrig.safety.syringes import SyringeLedger, Unrecorded

NOBODY = """\
extends = "cs3cu2i5-heatup-chem3"
title = "A rig whose instruments are not there"

[devices.pump_cui]
address = "no-such-port-1"

[devices.pump_zni2]
address = "no-such-port-2"

[devices.pump_csoa]
address = "no-such-port-3"

[devices.pump_ode]
address = "no-such-port-4"

[devices.pump_pfo]
address = "no-such-port-5"

[devices.plate]
address = "127.0.0.1:1"

[devices.hdx_absorbance]
address = "127.0.0.1:2"

[devices.hdx_pl]
address = "127.0.0.1:3"
"""

CONDITIONS = {"temperature": 175.0, "CuI": 118.0, "ZnI2": 115.0, "CsOA": 24.0, "ODE": 250.0}


def test_one_condition_by_hand(short: Any) -> None:
    """Calibrated, measured and evaluated in one call; the rig is at rest afterwards."""
    with package.open_rig(str(short()), simulate=True) as rig:
        measurement = package.measure(rig, CONDITIONS)
        assert 0.2 < measurement.objective < 0.35
        assert set(rig.read().pumps.values()) == {PumpState.STOPPED}


def test_conditions_outside_the_search_space_do_nothing(short: Any) -> None:
    """The message names the condition; no time passes on the rig."""
    with package.open_rig(str(short()), simulate=True) as rig:
        with pytest.raises(OutOfRangeError, match="temperature = 250 °C is outside 120 to 180"):
            package.measure(rig, {**CONDITIONS, "temperature": 250.0})
        assert rig.clock.now_s() == 0.0


def test_every_device_that_does_not_answer_is_named(flowrig: Any, tmp_path: Path) -> None:
    """One start-up tells of all of them, a line each, without a traceback."""
    profile = tmp_path / "nobody.toml"
    profile.write_text(NOBODY, encoding="utf-8")
    done = flowrig("check", profile, "--connect", code=1)
    for device in ("pump_cui", "pump_pfo", "plate", "hdx_pl"):
        assert f"\n{device}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_light_that_cannot_be_shut_is_told_before_anything_moves(short: Any) -> None:
    """Without dark frames there is no absorbance; the message says what to do."""
    more = '[devices.hdx_pl]\nlight_source = "none"\n'
    with (
        pytest.raises(InputError, match=r"devices\.hdx_pl.*dark frames"),
        package.open_rig(str(short(more=more)), simulate=True),
    ):
        pass


def test_the_safe_state_goes_on_whatever_a_driver_raises(
    short: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver's bug in one step keeps no other step from being done, and is told."""
    with package.open_rig(str(short()), simulate=True) as rig:
        rig.heater("plate").set_temperature(150.0)
        rig.pump("PFO").set_rate(300.0)
        rig.pump("PFO").start()

        def broken() -> None:
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(rig.pump("CuI"), "stop", broken)
        safe = package.reach_safe_state(rig)

        assert not safe.reached
        assert "a bug" in str(safe)
        assert rig.pump("PFO").status().state is PumpState.STOPPED
        assert rig.heater("plate").read().set_point_c < 30.0
        with pytest.raises(UnsafeStateError, match="look at it now"):
            package.perform(rig, (step for step in ()))


def test_all_errors_are_flowrigs_own() -> None:
    """Whoever catches FlowrigError catches what several devices raise at once, too."""
    assert issubclass(SeveralDevicesError, FlowrigError)


def test_a_pump_that_forgot_its_count_is_charged_for_the_time_that_nobody_looked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Flow rate times time, with the time for which the program was gone; one that knows tells."""
    for forgets, expected_ul in ((True, 1100.0), (False, 100.0)):
        with package.open_rig("cs3cu2i5-heatup-chem3", simulate=True) as rig:
            ledger = SyringeLedger(rig.profile)
            actuation = Actuation(rig, lambda event: 0, ledger)
            actuation.set_flow_rates({"CuI": 100.0})
            actuation.start(["CuI"])
            rig.clock.sleep(60.0)
            if forgets:
                monkeypatch.setattr(rig, "dispensed_if_answered", dict.fromkeys)
            actuation.stop(["CuI"], Unrecorded(away_s=600.0))
            charged_ul = ledger.full_ul("CuI") - ledger.left_ul["CuI"]
            assert charged_ul == pytest.approx(expected_ul, abs=2.0)


@pytest.mark.parametrize("is_stuck", [False, True], ids=["cools", "stuck"])
def test_a_halt_looks_whether_a_hot_heater_cools(is_stuck: bool) -> None:
    """Nothing is flushed; a heater that gets hotter although it is off is told after a minute."""
    behind: list[EmulatedRig] = []

    @contextmanager
    def simulator(*args: Any, **options: Any) -> Iterator[EmulatedRig]:
        with emulated(*args, **options, watched=FaultyWorld) as rig:
            behind.append(rig)
            yield rig

    profile = "cs3cu2i5-heatup-chem3"
    with package.open_rig(profile, simulate=True, simulator=simulator) as rig:
        rig.heater("plate").set_temperature(150.0)
        rig.clock.sleep(400.0)
        if is_stuck:
            behind[0].emulators["plate"].inject("heater-stuck-on")
        begin_s = rig.clock.now_s()
        safe = reach_safe_state(rig, halt=True)
        assert 60.0 <= rig.clock.now_s() - begin_s < 70.0
        assert safe.reached is not is_stuck
        assert ("its output may be stuck" in str(safe)) is is_stuck
        assert safe.steps[-1].step == "plate cooling"
        rig.clock.sleep(1200.0)
        assert is_stuck or reach_safe_state(rig, halt=True).steps[-1].step == "light sources off"
