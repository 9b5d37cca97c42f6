"""The driver with the emulated pump on a real wire: runs, flow rates, channels and limits."""

import pytest
from fusion_bench import SYRINGE, bench, ready_bench
from hypothesis import given
from hypothesis import strategies as st

from flowrig.errors import (
    DeviceFaultError,
    NotReadyError,
    OutOfRangeError,
    ProtocolError,
)
from flowrig.interfaces import PumpState, Syringe
from flowrig_chemyx import flowrig_drivers
from flowrig_chemyx.driver import Totalizer
from flowrig_chemyx.emulator.variant import Variant

VARIANTS = {
    "echo ends with CR": Variant(),
    "echo on its own line": Variant(echo_end=b"\r\n"),
    "LF CR between lines": Variant(separator=b" \n\r"),
    "pump status only": Variant(status_spellings=("pump status",)),
    "status only": Variant(status_spellings=("status",)),
    "counts from zero after a pause": Variant(counts_on_after_pause=False),
    "no echo": Variant(echo=False),
    "one step only": Variant(multistep=False),
    "sends text without a request": Variant(announces=True),
}


@pytest.fixture(params=["serial", "socket"])
def over(request):
    """The kind of wire: a pseudo-terminal, or a TCP socket."""
    return request.param


def test_a_run_from_start_to_stop(over):
    """A pump delivers at the rate that was set until it is stopped, and counts the volume."""
    with ready_bench(front=over) as b:
        assert b.pump.status().state is PumpState.STOPPED
        b.pump.set_rate(120.0)
        b.pump.start()
        assert b.pump.status().state is PumpState.RUNNING
        b.clock.sleep(600)
        b.pump.stop()
        b.clock.sleep(60)
        assert b.pump.dispensed().volume_ul == pytest.approx(1200.0)
        assert b.plunger.moved_ul == pytest.approx(1200.0)
        assert b.pump.status().state is PumpState.STOPPED


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_running_pump_changes_its_rate(variant):
    """The flow continues at the new rate and the count loses no volume, with every variant."""
    with ready_bench(variant=variant) as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.clock.sleep(120)
        b.pump.set_rate(30.0)
        assert b.plunger.rate_ul_min == pytest.approx(30.0)
        b.clock.sleep(120)
        assert b.pump.dispensed().volume_ul == pytest.approx(180.0)


def test_a_running_pump_changes_to_a_rate_that_needs_other_units():
    """A change of units during a run keeps flow rate and count right."""
    syringe = Syringe(volume_ul=10.0, inner_diameter_mm=0.46)
    with bench(inner_diameter_mm=0.46) as b:
        b.pump.open()
        b.pump.set_syringe(syringe)
        b.pump.set_rate(6.0)
        b.pump.start()
        b.clock.sleep(10)
        b.pump.set_rate(0.0006)
        assert b.plunger.rate_ul_min == pytest.approx(0.0006)
        b.clock.sleep(1000)
        b.pump.set_rate(6.0)
        b.clock.sleep(10)
        assert b.pump.dispensed().volume_ul == pytest.approx(2.01, rel=1e-3)


def test_each_start_counts_from_zero():
    """The count does not include volume from before the last start."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        for _ in range(2):
            b.pump.start()
            b.clock.sleep(60)
            b.pump.stop()
        assert b.pump.dispensed().volume_ul == pytest.approx(60.0)


@pytest.mark.parametrize("channel", [1, 2])
def test_one_channel_of_a_dual_pump(channel):
    """On a dual pump only the channel that the profile names gets requests."""
    with ready_bench(channel=channel) as b:
        b.pump.set_rate(10.0)
        b.pump.start()
        b.clock.sleep(60)
        b.pump.stop()
        assert b.pump.dispensed().volume_ul == pytest.approx(10.0)
        other = f"{3 - channel} ".encode()
        assert not any(line.startswith(other) for line in b.wire.received.split(b"\r"))


def test_two_devices_share_the_port_of_a_dual_pump():
    """Both channels of a dual pump use one port, which stays open until both are closed."""
    with ready_bench(channel=1) as b:
        settings = type(b.pump.settings)(address=b.pump.settings.address, channel=2)
        with type(b.pump)("second", settings, b.clock) as second:
            second.set_syringe(SYRINGE)
            b.pump.close()
            assert second.status().state is PumpState.STOPPED


def test_the_same_channel_is_not_opened_twice():
    """Two devices with the same address and channel are refused with a message."""
    with ready_bench() as b:
        twin = type(b.pump)("twin", b.pump.settings, b.clock)
        with pytest.raises(Exception, match="another device of this rig uses the port"):
            twin.open()
        assert b.pump.status().state is PumpState.STOPPED


def test_a_dual_pump_needs_a_channel():
    """A dual pump without a channel in its settings is refused; the message names the setting."""
    with bench(channel=1) as b:
        settings = type(b.pump.settings)(address=b.pump.settings.address)
        with pytest.raises(ProtocolError, match="set channel = 1 or 2"):
            type(b.pump)("pump", settings, b.clock).open()


def test_limits_come_from_the_pump_and_the_syringe():
    """The pump limits the rate; the smaller of stroke and syringe limits the volume."""
    with ready_bench() as b:
        area_mm2 = 3.14159265 / 4 * SYRINGE.inner_diameter_mm**2
        assert b.pump.limits.rate_max_ul_min == pytest.approx(area_mm2 * 178.2, rel=1e-4)
        assert b.pump.limits.volume_max_ul == SYRINGE.volume_ul
        long_syringe = Syringe(volume_ul=100_000.0, inner_diameter_mm=SYRINGE.inner_diameter_mm)
        limits = b.pump.set_syringe(long_syringe)
        assert limits.volume_max_ul == pytest.approx(area_mm2 * 150.0, rel=1e-4)
        b.pump.set_rate(limits.rate_max_ul_min)
        b.pump.set_rate(limits.rate_min_ul_min)


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.001, float("inf"), float("nan")])
def test_a_rate_out_of_range_writes_no_byte(factor):
    """A rate outside the limits is refused before a byte is sent."""
    with ready_bench() as b:
        before = b.wire.received
        with pytest.raises(OutOfRangeError):
            b.pump.set_rate(b.pump.limits.rate_max_ul_min * factor)
        assert b.wire.received == before


@pytest.mark.parametrize("inner_diameter_mm", [0.05, 61.0, -1.0])
def test_a_diameter_out_of_range_writes_no_byte(inner_diameter_mm):
    """A diameter outside the Fusion's range is refused before a byte is sent."""
    with ready_bench() as b:
        before = b.wire.received
        with pytest.raises(OutOfRangeError):
            b.pump.set_syringe(Syringe(1000.0, inner_diameter_mm))
        assert b.wire.received == before


def test_opening_moves_and_sets_nothing():
    """A pump that runs when it is opened keeps running, and can be read and stopped."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.pump.close()
        b.clock.sleep(60)
        b.pump.open()
        assert b.pump.status().state is PumpState.RUNNING
        assert b.pump.dispensed().volume_ul == pytest.approx(60.0)
        with pytest.raises(NotReadyError, match=r"stop\(\)"):
            b.pump.set_syringe(SYRINGE)
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0


def test_stop_is_idempotent():
    """Stop may be called on a pump that is already at rest."""
    with ready_bench() as b:
        for _ in range(3):
            b.pump.stop()
        assert b.pump.status().state is PumpState.STOPPED


def test_start_needs_a_rate():
    """Start without a rate is refused before a byte is sent."""
    with ready_bench() as b:
        before = b.wire.received
        with pytest.raises(NotReadyError, match="set_rate"):
            b.pump.start()
        assert b.wire.received == before


def test_a_start_while_running_changes_nothing():
    """A second start restarts neither the run nor its count."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.clock.sleep(60)
        b.pump.start()
        assert b.pump.dispensed().volume_ul == pytest.approx(60.0)


def test_a_run_ends_with_the_syringe():
    """The pump stops when it has delivered the volume of the syringe."""
    with ready_bench() as b:
        b.pump.set_rate(1000.0)
        b.pump.start()
        b.clock.sleep(601)
        assert b.pump.status().state is PumpState.STOPPED
        assert b.plunger.rate_ul_min == 0.0


def test_an_empty_syringe_stalls_the_pump():
    """A stall is reported as a state; start is refused until a stop has cleared the stall."""
    with ready_bench(fill_ul=50.0) as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.clock.sleep(60)
        assert b.pump.status().state is PumpState.STALLED
        assert b.pump.dispensed().volume_ul == pytest.approx(50.0)
        with pytest.raises(DeviceFaultError, match="stalled"):
            b.pump.start()
        b.pump.stop()
        assert b.pump.status().state is PumpState.STOPPED


def test_a_wrong_diameter_is_seen_in_the_true_flow_only():
    """With a wrong diameter the pump's count is wrong: the true flow depends on the bore."""
    with ready_bench(inner_diameter_mm=2 * SYRINGE.inner_diameter_mm) as b:
        b.pump.set_rate(10.0)
        b.pump.start()
        b.clock.sleep(60)
        assert b.pump.dispensed().volume_ul == pytest.approx(10.0)
        assert b.plunger.moved_ul == pytest.approx(40.0)


def test_the_plugin_offers_the_driver_and_its_emulator():
    """The offer of the plugin loads the driver and names the emulator."""
    (offer,) = flowrig_drivers()
    assert offer.missing() == ()
    assert offer.load().__name__ == "ChemyxFusion"
    assert offer.emulator == "flowrig_chemyx.emulator.emulator:ChemyxEmulator"


@given(runs=st.lists(st.lists(st.floats(0, 1e5), min_size=1).map(sorted), min_size=1, max_size=5))
def test_the_totalizer_loses_nothing(runs):
    """The total is the sum of the last readings before each reset of the pump's counter."""
    totalizer = Totalizer()
    total_ul = 0.0
    for counts in runs:
        for count in [0.0, *counts]:
            seen_ul = totalizer.observe(count)
        total_ul += counts[-1]
    assert seen_ul == pytest.approx(total_ul)


@pytest.mark.parametrize("counts_on", [True, False])
@pytest.mark.parametrize("before_s", [0.01, 1.0, 60.0])
def test_many_changes_of_the_rate_lose_no_volume(counts_on, before_s):
    """The count is right whether the counter goes on after a pause, and when this is learnt."""
    with ready_bench(variant=Variant(counts_on_after_pause=counts_on)) as b:
        b.pump.set_rate(600.0)
        b.pump.start()
        b.clock.sleep(before_s)
        for rate_ul_min in (60.0, 6000.0, 60.0, 600.0):
            b.pump.set_rate(rate_ul_min)
            b.clock.sleep(3.0)
        expected_ul = before_s * 10.0 + 3.0 + 300.0 + 3.0 + 30.0
        assert b.plunger.moved_ul == pytest.approx(expected_ul)
        assert b.pump.dispensed().volume_ul == pytest.approx(expected_ul)
