"""What a device that delivers promises, and what a stream makes of it."""

import math
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from flowrig.clock import VirtualClock
from flowrig.errors import (
    ConnectionLostError,
    DriverError,
    InputError,
    NotReadyError,
    OutOfRangeError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces import (
    Device,
    DeviceSettings,
    Dispensing,
    Identity,
    PumpState,
    Selectable,
    Settable,
)
from flowrig.interfaces.capabilities import FINEST, STANDARD_KPA, Abilities, abilities_of
from flowrig.plugins import DriverOffer
from flowrig.profile.model import DeviceEntry, Stream
from flowrig.rig.flow_source import FlowSource
from flowrig_kinds.numbers import FlowController, ul_min_of


@frozen(kw_only=True)
class Settings(DeviceSettings):
    """Settings of a pump without a syringe."""

    limits_ul_min: tuple[float, float] = (0.0, 1000.0)


class Source(Device, Dispensing):
    """Delivers what it is told, unless it is `deaf`; it may lose answers, and may count."""

    settings: Settings
    rate: Any = 0.0
    total: Any = None
    is_deaf = False
    lost: tuple[str, ...] = ()
    """Requests whose answer is lost, one after the other: "tell" or "ask"."""
    sent: tuple[float, ...] = ()

    def _do_open(self) -> None:
        pass

    def _do_close(self) -> None:
        pass

    def _do_identify(self) -> Identity:
        return Identity("Acme", "H")

    def _answer(self, request: str) -> None:
        if self.lost and self.lost[0] == request:
            self.lost = self.lost[1:]
            raise ConnectionLostError("silent", device=self.name)

    def _do_dispense(self, rate_ul_min: float) -> None:
        self.sent += (rate_ul_min,)
        if not self.is_deaf:
            self.rate = rate_ul_min
        self._answer("tell")

    def _do_rate_ul_min(self) -> float:
        self._answer("ask")
        return self.rate

    def _do_total_ul(self) -> float:
        return super()._do_total_ul() if self.total is None else self.total


def source(**settings: Any) -> Source:
    """An open device."""
    device = Source("hplc", Settings(address="a", **settings), VirtualClock())
    device.exclusive = False
    device.open()
    return device


def driven(device: Source, pressure_kpa: float | None = None) -> FlowSource:
    """A stream that it drives; a gas, where a pressure is given."""
    stream = Stream(
        name="S",
        pump="hplc",
        contents="gas",
        role="carrier",
        flow_rate_ul_min=(1.0, 500.0),
        to="y",
        pressure_kpa=pressure_kpa,
    )
    offer = DriverOffer(kind="flow_source", name="x", target="x:X", settings=Settings)
    counts = None if pressure_kpa is None else STANDARD_KPA
    abilities = Abilities(window_ul_min=(1.0, 1000.0), standard_kpa=counts)
    entry = DeviceEntry("hplc", offer, device.settings, abilities=abilities, drives="S")
    return FlowSource(device, stream, entry)


@given(rate=st.floats(0.1, 1000.0))
def test_a_flow_rate_is_set_and_verified(rate: float) -> None:
    """Every flow rate within the limits is delivered; a smaller one than the finest is refused."""
    device = source()
    device.dispense(rate)
    assert device.rate_ul_min() == rate
    device.is_deaf = True
    device.dispense(rate)
    with pytest.raises(RefusedError, match="was told to deliver 0 µL/min and reports"):
        device.dispense(0.0)


@pytest.mark.parametrize("rate", [-1.0, 0.05, 1000.1, math.nan, math.inf])
def test_a_flow_rate_beyond_the_limits_is_not_sent(rate: float) -> None:
    """Nothing is clamped; the slowest is the finest step of the device."""
    device = source()
    assert device.limits_ul_min == (FINEST * 1000.0, 1000.0)
    with pytest.raises(OutOfRangeError):
        device.dispense(rate)
    assert device.sent == ()


def test_a_device_that_is_closed_does_nothing() -> None:
    """Every question and every command needs an open device."""
    device = source()
    device.close()
    for call in (device.rate_ul_min, device.total_ul, lambda: device.dispense(0.0)):
        with pytest.raises(NotReadyError):
            call()


@pytest.mark.parametrize("answer", [-1.0, math.nan, "3", True, None, 1e301])
def test_what_a_driver_returns_is_checked(answer: Any) -> None:
    """A flow rate is a number, and not negative; so is a total."""
    device = source()
    device.rate = device.total = answer
    with pytest.raises(DriverError):
        device.rate_ul_min()
    if answer is not None:
        with pytest.raises(DriverError):
            device.total_ul()


def test_a_start_whose_answer_is_lost_is_asked_for() -> None:
    """Nothing is sent twice: at the new flow rate it is done, without an answer it is unknown."""
    device = source()
    stream = driven(device)
    stream.set_rate(100.0)
    assert device.sent == ()
    device.lost = ("tell",)
    stream.start()
    assert device.sent == (100.0,)
    assert stream.status().state is PumpState.RUNNING
    stream.stop()
    device.lost = ("tell", "ask")
    with pytest.raises(UnknownOutcomeError):
        stream.start()
    device.lost, device.is_deaf = ("tell",), True
    device.rate = 0.0
    with pytest.raises(UnknownOutcomeError):
        stream.start()
    assert device.sent == (100.0, 0.0, 100.0, 100.0)


def test_a_stop_that_is_not_obeyed_is_told() -> None:
    """Also where its answer is lost: the caller repeats it until it is confirmed."""
    device = source()
    stream = driven(device)
    stream.set_rate(100.0)
    stream.start()
    device.is_deaf = True
    with pytest.raises(RefusedError):
        stream.stop()
    device.is_deaf, device.lost = False, ("tell",)
    with pytest.raises(UnknownOutcomeError):
        stream.stop()
    stream.stop()
    assert stream.status().state is PumpState.STOPPED


def test_a_flow_rate_that_changes_while_it_delivers_is_sent_at_once() -> None:
    """As with a pump."""
    device = source()
    stream = driven(device)
    with pytest.raises(NotReadyError, match="set_rate"):
        stream.start()
    stream.set_rate(100.0)
    stream.start()
    with pytest.raises(NotReadyError, match="stop it first"):
        stream.prepare()
    stream.set_rate(200.0)
    assert device.rate == 200.0
    with pytest.raises(OutOfRangeError):
        stream.set_rate(2000.0)


def test_a_count_begins_at_the_start() -> None:
    """Without one, or where it began elsewhere, there is none; the account then takes the time."""
    device = source()
    stream = driven(device)
    stream.set_rate(100.0)
    stream.start()
    with pytest.raises(UnsupportedError):
        stream.dispensed()
    device.total = 70.0
    with pytest.raises(NotReadyError):
        stream.dispensed()
    stream.start()
    device.total = 90.0
    assert stream.dispensed().volume_ul == 20.0


@given(rate=st.floats(20.0, 500.0), pressure_kpa=st.floats(50.0, 150.0))
def test_a_gas_counts_at_its_pressure(rate: float, pressure_kpa: float) -> None:
    """The device is told standard volumes, and the stream reads its own."""
    device = source()
    stream = driven(device, pressure_kpa)
    stream.set_rate(rate)
    stream.start()
    assert device.rate == pytest.approx(rate * pressure_kpa / STANDARD_KPA)
    _, back = stream.look()
    assert back is not None
    assert back.rate_ul_min == rate
    device.rate *= 1.1
    _, back = stream.look()
    assert back is not None
    assert back.rate_ul_min == pytest.approx(1.1 * rate)


@pytest.mark.parametrize(
    ("unit", "one_ul_min", "is_standard"),
    [
        ("SLPM", 1e6, True), ("SCCM", 1e3, True), ("NLPM", 1e6, True), ("LPM", 1e6, False),
        ("CCM", 1e3, False), ("mL/min", 1e3, False), ("uL/min", 1.0, False), ("SmL/m", 1e3, True),
    ],
)  # fmt: skip
def test_units_of_flow_controllers(unit: str, one_ul_min: float, is_standard: bool) -> None:
    """As controllers show them."""
    assert ul_min_of(unit) == (one_ul_min, is_standard)


@pytest.mark.parametrize("unit", ["", "bar", "g/min", "%", "SL", "kg/h", "mL"])
def test_other_units_cannot_drive_a_stream(unit: str) -> None:
    """They are no volumes in time."""
    with pytest.raises(InputError, match="no volume in time"):
        ul_min_of(unit)

    @frozen(kw_only=True)
    class InThatUnit(DeviceSettings):
        limits: tuple[float, float] = (0.0, 5.0)
        quantities: tuple[Any, ...] = ()

        @property
        def unit(self) -> str:
            return unit

    found = abilities_of(FlowController, InThatUnit(address="x"))
    assert not found.is_dispensing
    assert found.is_settable


def test_a_kind_says_what_it_delivers() -> None:
    """Else no profile can use it; and what delivers has no positions."""

    class Nameless(Device, Dispensing):
        pass

    class Both(Device, Dispensing, Selectable):
        pass

    with pytest.raises(InputError, match="neither Nameless nor its settings give 'limits_ul_min'"):
        abilities_of(Nameless, DeviceSettings(address="x"))
    with pytest.raises(InputError, match="split it in two"):
        abilities_of(Both, Settings(address="x"))
    assert not issubclass(Source, Settable)
