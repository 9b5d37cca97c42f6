"""What devices of any kind promise: they are read, set, or turned to positions."""

import math
from typing import Any

import pytest
from attrs import frozen

from flowrig.clock import VirtualClock
from flowrig.errors import (
    ConnectionLostError,
    DriverError,
    InputError,
    NotReadyError,
    OutOfRangeError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import (
    Device,
    DeviceSettings,
    Identity,
    Quality,
    Quantity,
    Readable,
    Selectable,
    SelectableSettings,
    Settable,
)
from flowrig.interfaces.capabilities import abilities_of


class Plain(Device):
    """A device without a wire."""

    def _do_open(self) -> None:
        pass

    def _do_close(self) -> None:
        pass

    def _do_identify(self) -> Identity:
        return Identity("Acme", "X")


class Stirrer(Plain, Settable, Readable):
    """Turns at the speed that it is told, if it does not `slip`."""

    unit = "rpm"
    limits = (0.0, 2000.0)
    quantities = (Quantity("speed", "rpm"),)
    settling_s = 2.0
    speed: Any = 0.0
    answers: Any = None
    slips = False
    after_s = 0.0
    due: tuple[float, float] = (0.0, 0.0)

    def _do_set(self, value: float) -> None:
        if not self.slips:
            self.due = self.clock.now_s() + self.after_s, value

    def _do_setting(self) -> float:
        if isinstance(self.answers, Exception):
            raise self.answers
        at_s, value = self.due
        if self.clock.now_s() >= at_s:
            self.speed = value
        return self.speed

    def _do_read(self) -> Any:
        return {"speed": self.speed} if self.answers is None else self.answers


class Valve(Plain, Selectable):
    """Stands where it is told, or at `stands`."""

    stands: Any = "run"
    is_stuck = False

    def _do_select(self, position: str) -> None:
        if not self.is_stuck:
            self.stands = position

    def _do_position(self) -> str:
        return self.stands


def stirrer() -> Stirrer:
    """An open stirrer."""
    device = Stirrer("stirrer", DeviceSettings(address="a"), VirtualClock())
    device.exclusive = False
    device.open()
    return device


def valve() -> Valve:
    """An open valve."""
    settings = SelectableSettings(address="b", positions={"run": 1, "fill": 2})
    device = Valve("valve", settings, VirtualClock())
    device.exclusive = False
    device.open()
    return device


def test_a_device_that_is_closed_does_nothing() -> None:
    """Every question and every command needs an open device."""
    stirs, turns = stirrer(), valve()
    stirs.close()
    turns.close()
    for call in (
        stirs.read, stirs.setting, lambda: stirs.set(1.0), turns.position,
        lambda: turns.select("fill"),
    ):  # fmt: skip
        with pytest.raises(NotReadyError):
            call()


def test_a_number_is_set_and_verified() -> None:
    """Also where the device takes its time; one that keeps the old number has refused."""
    device = stirrer()
    device.after_s = 1.5
    device.set(300.0)
    assert device.setting() == 300.0
    device.slips = True
    with pytest.raises(RefusedError, match="told 500 rpm and reports 300 rpm"):
        device.set(500.0)


@pytest.mark.parametrize("value", [-0.1, 2000.1, math.nan, math.inf])
def test_a_number_beyond_the_limits_is_not_sent(value: float) -> None:
    """Nothing is clamped."""
    device = stirrer()
    with pytest.raises(OutOfRangeError):
        device.set(value)
    assert device.due == (0.0, 0.0)


@pytest.mark.parametrize("answer", [ConnectionLostError("silent"), DriverError("odd")])
def test_without_an_answer_the_outcome_is_unknown(answer: Exception) -> None:
    """The command may have been obeyed."""
    device = stirrer()
    device.answers = answer
    with pytest.raises(UnknownOutcomeError, match="did not confirm"):
        device.set(300.0)


@pytest.mark.parametrize(
    "answer", [{}, {"speed": "3"}, {"speed": True}, {"speed": 1e301}, {"speed": 1, "more": 2}, 3.0]
)
def test_what_a_driver_reads_is_checked(answer: object) -> None:
    """Other quantities, and values that are no numbers, are the driver's fault."""
    device = stirrer()
    device.answers = answer
    with pytest.raises(DriverError, match="speed"):
        device.read()


def test_a_quantity_without_a_value_is_a_bad_reading() -> None:
    """It is not a number, and no decision uses it."""
    device = stirrer()
    assert device.read().quality is Quality.GOOD
    device.answers = {"speed": math.nan}
    assert device.read().quality is Quality.BAD


def test_a_position_is_selected_and_verified() -> None:
    """A name that the profile does not have is not sent; a stuck valve is told."""
    device = valve()
    device.select("fill")
    assert device.position() == "fill"
    with pytest.raises(OutOfRangeError, match="'next'; there are run, fill"):
        device.select("next")
    device.is_stuck = True
    with pytest.raises(RefusedError, match="'run' and reports 'fill'"):
        device.select("run")
    device.stands = 3
    with pytest.raises(DriverError, match="name of a position"):
        device.position()


@frozen(kw_only=True)
class OfOneSensor(DeviceSettings):
    """Settings that say what a sensor reports."""

    quantities: tuple[Quantity, ...] = (Quantity("pressure", "bar"),)


def test_what_a_device_can_do_is_known_before_it_is_opened() -> None:
    """From the class of its kind, or from its settings."""

    class Sensor(Device, Readable):
        pass

    class Both(Stirrer, Valve):
        pass

    known = abilities_of(Stirrer, DeviceSettings(address="a"))
    assert (known.unit, known.limits, known.quantities[0].name) == ("rpm", (0.0, 2000.0), "speed")
    known = abilities_of(Sensor, OfOneSensor(address="a"))
    assert (known.quantities, known.limits) == ((Quantity("pressure", "bar"),), None)
    known = abilities_of(Valve, SelectableSettings(address="a", positions={"a": 1, "b": 2}))
    assert (known.positions, known.under_flow) == (("a", "b"), False)
    with pytest.raises(InputError, match="neither Sensor nor its settings give 'quantities'"):
        abilities_of(Sensor, DeviceSettings(address="a"))
    with pytest.raises(InputError, match="split it in two"):
        abilities_of(Both, DeviceSettings(address="a"))


@pytest.mark.parametrize("positions", [{}, {"a": 1}, {"a": 1, "b": 1}])
def test_positions_are_two_or_more_with_numbers_of_their_own(positions: dict[str, int]) -> None:
    """One position is no choice, and two names of one position would contradict each other."""
    with pytest.raises(ValueError, match="two positions or more"):
        SelectableSettings(address="a", positions=positions)
