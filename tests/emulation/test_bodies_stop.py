"""Plungers that stand still by themselves after a volume, as motors that count their steps do."""

import pytest

from flowrig.clock import VirtualClock
from flowrig.emulation import Plunger, stop_after
from flowrig.emulation.faulty_world import FaultyPump


@pytest.mark.parametrize("rate_ul_min", [60.0, -60.0])
def test_a_plunger_stops_after_its_volume(rate_ul_min: float) -> None:
    """In both directions; a new command makes it forget the end."""
    clock = VirtualClock()
    plunger = Plunger(clock)
    plunger.push(rate_ul_min)
    stop_after(plunger, 5.0)
    clock.sleep(60.0)
    assert plunger.moved_ul == pytest.approx(5.0 if rate_ul_min > 0 else -5.0)
    plunger.push(rate_ul_min)
    clock.sleep(60.0)
    assert abs(plunger.moved_ul) == pytest.approx(65.0)


def test_a_plunger_that_stands_still_stays_where_it_is() -> None:
    """A blocked plunger has no end to go to; and a body without the method is left alone."""
    clock = VirtualClock()
    plunger = Plunger(clock)
    stop_after(plunger, 5.0)
    clock.sleep(60.0)
    assert plunger.moved_ul == 0.0
    stop_after(object(), 5.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["stall", "slips", "syringe-empty"])
@pytest.mark.parametrize("rate_ul_min", [60.0, -60.0])
def test_a_fault_that_ends_leaves_the_end_where_it_was(name: str, rate_ul_min: float) -> None:
    """A healed pump still counts what it was told, and one that is there already stays."""
    clock = VirtualClock()
    pump = FaultyPump(Plunger(clock))
    pump.push(rate_ul_min)
    pump.stop_after(20.0)
    clock.sleep(5.0)
    pump.faults[name].switch(True)
    clock.sleep(5.0)
    for _ in range(2):
        pump.faults[name].switch(False)
        clock.sleep(60.0)
        assert abs(pump.moved_ul) == pytest.approx(20.0)
