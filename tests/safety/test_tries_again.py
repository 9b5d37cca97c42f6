"""Steps of the safe state that were not confirmed are tried again, whatever made them fail."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from watched_rig import WORLD, WatchedWorld, moved_ul, plugins_with

import flowrig as package
from flowrig.errors import ConnectionLostError, DeviceError, RefusedError, UnknownOutcomeError
from flowrig.interfaces import PumpState
from flowrig.rig.rig import Rig
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_ocean.driver import OceanHdx
from flowrig_watlow.driver import WatlowF4T

Short = Callable[..., Path]

HOT_C = 150.0
OFF_C = 30.0
"""A set point [°C] below this does not heat."""


@pytest.fixture
def hot(short: Short) -> Any:
    """A rig whose plate is hot, and on which nothing flows."""
    with package.open_rig(str(short(1, 1, WORLD)), simulate=True, plugins=plugins_with()) as rig:
        rig.set_temperatures({"plate": HOT_C})
        while rig.read_heaters(["plate"])["plate"].temperature_c < HOT_C - 1.0:
            rig.clock.sleep(10.0)
        yield rig


def failing(
    monkeypatch: pytest.MonkeyPatch,
    method: tuple[type, str],
    error: DeviceError,
    fails: Callable[[Any], bool],
) -> list[float]:
    """Let a method of a driver fail while a condition holds; returns the rig times of all calls."""
    cls, name = method
    original, calls = getattr(cls, name), list[float]()

    def call(self: Any, *args: Any) -> Any:
        calls.append(self.clock.now_s())
        if fails(self):
            error.device = self.name
            raise error
        return original(self, *args)

    monkeypatch.setattr(cls, name, call)
    return calls


def set_point_c(rig: Rig) -> float:
    """Set point [°C] of the plate."""
    return rig.read_heaters(["plate"])["plate"].set_point_c


@pytest.mark.parametrize(
    "error",
    [
        UnknownOutcomeError("no answer"),
        ConnectionLostError("no answer"),
        RefusedError("the controller keeps its set point"),
    ],
    ids=["unknown", "lost", "refused"],
)
@pytest.mark.parametrize("silent_s", [3.0, 12.0, 100.0])
def test_a_heater_that_recovers_by_itself_is_switched_off(
    hot: Rig, monkeypatch: pytest.MonkeyPatch, error: DeviceError, silent_s: float
) -> None:
    """Within seconds, also in the middle of the flush, and although its connection never broke."""
    until_s = hot.clock.now_s() + silent_s
    off = (WatlowF4T, "_do_off")
    calls = failing(monkeypatch, off, error, lambda heater: heater.clock.now_s() < until_s)
    safe = package.reach_safe_state(hot)
    assert safe.reached, str(safe)
    assert set_point_c(hot) < OFF_C
    assert next(call for call in calls if call >= until_s) <= until_s + 15.0


def test_a_heater_that_recovers_after_the_flush_is_switched_off(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cold plate needs no flush; its step is repeated at the end."""
    with package.open_rig(str(short()), simulate=True) as rig:
        until_s = rig.clock.now_s() + 20.0
        silent = UnknownOutcomeError("no answer")
        failing(monkeypatch, (WatlowF4T, "_do_off"), silent, lambda h: h.clock.now_s() < until_s)
        assert package.reach_safe_state(rig).reached
        assert rig.clock.now_s() < until_s + 30.0


def test_a_heater_that_is_silent_when_it_is_confirmed_again_is_waited_for(
    hot: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off was confirmed before the flush; 40 s of silence after it leave no doubt in the end."""
    begins_s = list[float]()

    def is_silent(heater: Any) -> bool:
        if len(calls) == 2:  # the first after the flush
            begins_s.append(calls[-1])
        return bool(begins_s) and heater.clock.now_s() < begins_s[0] + 40.0

    calls = failing(
        monkeypatch, (WatlowF4T, "_do_off"), UnknownOutcomeError("no answer"), is_silent
    )
    safe = package.reach_safe_state(hot)
    assert safe.reached, str(safe)
    assert calls[-1] >= begins_s[0] + 40.0


def test_a_plate_that_comes_back_during_the_flush_is_switched_off_again(
    hot: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After lost looks nobody knows what it does. The flush ends when it is seen to be cold."""
    begin_s = hot.clock.now_s()
    gone = (begin_s + 15.0, begin_s + 40.0)
    lost = ConnectionLostError("no answer")

    def is_gone(heater: Any) -> bool:
        return bool(gone[0] < heater.clock.now_s() < gone[1])

    calls = failing(monkeypatch, (WatlowF4T, "_do_off"), lost, is_gone)
    failing(monkeypatch, (WatlowF4T, "_do_read"), lost, is_gone)
    assert package.reach_safe_state(hot).reached
    flush = next(step for step in hot.profile.safe_state if step.do == "flush")
    assert hot.clock.now_s() < begin_s + flush.at_most_s
    assert calls[0] <= gone[0]
    assert any(gone[1] <= call <= gone[1] + 15.0 for call in calls)


def test_heat_comes_first(hot: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several steps that were not confirmed, the heater's is repeated before the others'."""
    until_s, order = hot.clock.now_s() + 8.0, list[str]()
    for method in ((WatlowF4T, "_do_off"), (ChemyxFusion, "_do_stop"), (OceanHdx, "_do_set_light")):

        def fails(device: Any) -> bool:
            order.append(device.name.split("_")[0])
            return bool(device.clock.now_s() < until_s)

        failing(monkeypatch, method, ConnectionLostError("no answer"), fails)
    assert package.reach_safe_state(hot).reached
    again = order[order.index("plate", 1) :]  # from the first repetition on
    assert again[0] == "plate"
    assert again.index("pump") < again.index("hdx")


def test_a_flush_waits_for_pumps_that_were_lost(hot: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """When they answer again, every stream is stopped, and the reactor is flushed."""
    until_s = hot.clock.now_s() + 12.0
    lost = ConnectionLostError("no answer")
    for name in ("_do_stop", "_do_set_rate", "_do_start"):
        failing(monkeypatch, (ChemyxFusion, name), lost, lambda p: p.clock.now_s() < until_s)
    safe = package.reach_safe_state(hot)
    assert safe.reached, str(safe)
    assert moved_ul(WatchedWorld.newest)["ode"] > 100.0
    assert hot.pump("ODE").status().state is PumpState.STOPPED


def test_one_pump_flushes_where_the_other_is_lost(
    hot: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reactor is rinsed as far as that is possible."""
    lost = ConnectionLostError("no answer")
    failing(monkeypatch, (ChemyxFusion, "_do_set_rate"), lost, lambda p: p.name == "pump_pfo")
    package.reach_safe_state(hot)
    moved = moved_ul(WatchedWorld.newest)
    assert moved["ode"] > 100.0
    assert moved["pfo"] == 0.0


def test_what_needs_a_hand_is_not_tried_again(
    short: Short, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A light that is not under control is named at once."""
    with package.open_rig(str(short()), simulate=True) as rig:
        monkeypatch.setattr(OceanHdx, "controls_light", property(lambda self: False))
        safe = package.reach_safe_state(rig)
        assert "shut it by hand" in str(safe)
        assert rig.clock.now_s() < 10.0
