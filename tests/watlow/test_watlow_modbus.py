"""The second connection to an F4T, by Modbus: registers, control mode, comparison with SCPI."""

import contextlib
import itertools
import struct
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from patience import patient

from flowrig.clock import VirtualClock
from flowrig.emulation import Cut, HangUp, Mute, When
from flowrig.errors import (
    ConnectionLostError,
    OutOfRangeError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces.heater import HeaterLimits
from flowrig_watlow.emulator.controller import NO_HEAT_C, F4TController, F4TTraits
from flowrig_watlow.emulator.modbus_server import ModbusServer
from flowrig_watlow.emulator.register_bank import RegisterBank
from flowrig_watlow.registers import ControlMode, WordOrder
from flowrig_watlow.temperature import NO_NUMBER, TemperatureUnit

BOTH = {"modbus": "unused", "off": "control-mode"}


class Plate:
    """A plate at 25 °C."""

    temperature_c = 25.0

    def control(self, set_point_c: float) -> None:
        self.set_point_c = set_point_c


class Bench:
    """One Modbus connection without any transport."""

    def __init__(self, **traits: object) -> None:
        self.traits = F4TTraits(**traits)
        self.controller = F4TController(Plate(), VirtualClock(), 1, 20.0, self.traits)
        self.server = ModbusServer(RegisterBank(self.controller))

    def say(self, pdu: bytes) -> bytes:
        """The reply to one request, both without their headers."""
        answer = self.server.feed(struct.pack(">HHHB", 7, 0, len(pdu) + 1, 1) + pdu)
        assert answer[:7] == struct.pack(">HHHB", 7, 0, len(answer) - 6, 1)
        return answer[7:]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(WordOrder))
@example(-3.4028234663852886e38, WordOrder.HIGH_FIRST)
def test_numbers_survive_their_registers(value, order):
    """A number comes back from its two registers, unless it is so large that it stands for "no
    number"; the other word order swaps the two words."""
    words = order.words(value)
    assert order.other.words(value) == words[::-1]
    if abs(value) < NO_NUMBER:
        assert order.number(words) == value
    else:
        with pytest.raises(ValueError, match="hold no finite number"):
            order.number(words)


@pytest.mark.parametrize("words", [(0x0000, 0x7FC0), (0x0000, 0x7F80), (0x0000, 0xFF80)])
def test_registers_without_a_number_are_refused(words):
    """Neither NaN nor an infinity is accepted as a temperature."""
    with pytest.raises(ValueError, match="hold no finite number"):
        WordOrder.LOW_FIRST.number(words)


def test_published_registers_are_served():
    """The addresses, codes and word order that users of an F4T publish lead to the right values."""
    bench = Bench()

    assert bench.say(struct.pack(">BHH", 3, 2820, 2)).hex() == "0304" + "000041c8"  # 25.0
    assert bench.say(struct.pack(">BHH", 4, 2814, 1)).hex() == "0402" + "000a"  # auto
    assert bench.say(struct.pack(">BHH", 6, 2730, 62)).hex() == "060aaa003e"  # off
    assert bench.controller.mode is ControlMode.OFF
    set_90 = struct.pack(">BHHBHH", 16, 2782, 2, 4, 0x0000, 0x42B4)
    assert bench.say(set_90).hex() == "100ade0002"
    assert bench.controller.user_set_point_c == 90.0


@pytest.mark.parametrize(
    ("request_pdu", "code"),
    [
        (struct.pack(">BHH", 1, 0, 1), 1),
        (struct.pack(">BHH", 3, 2821, 2), 2),
        (struct.pack(">BHH", 3, 2730 + 160, 1), 2),
        (struct.pack(">BHH", 6, 2820, 1), 2),
        (struct.pack(">BHH", 3, 2820, 0), 3),
        (struct.pack(">BHH", 3, 2820, 126), 3),
        (struct.pack(">BH", 3, 2820), 3),
        (struct.pack(">BHH", 6, 2730, 11), 3),
        (struct.pack(">BHHBHH", 16, 2782, 2, 4, 0x0000, 0x7FC0), 3),
        (struct.pack(">BHHBHH", 16, 2782, 2, 4, 0x0000, 0x447A), 3),
        (struct.pack(">BHHBH", 16, 2782, 1, 4, 0), 3),
    ],
)
def test_bad_request_gets_its_exception_code(request_pdu, code):
    """A request that is not served is answered by the exception code of the specification."""
    bench = Bench()

    assert bench.say(request_pdu) == bytes([request_pdu[0] | 0x80, code])
    assert bench.controller.user_set_point_c == 20.0


@given(
    cuts=st.lists(st.integers(0, 60), max_size=6),
    pdus=st.lists(
        st.sampled_from([struct.pack(">BHH", 3, 2820, 2), struct.pack(">BHH", 6, 2730, 62)]),
        max_size=5,
    ),
)
def test_answers_do_not_depend_on_the_pieces(cuts, pdus):
    """However a stream is cut, the same bytes come back."""
    stream = b"".join(struct.pack(">HHHB", 1, 0, len(pdu) + 1, 1) + pdu for pdu in pdus)
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    in_pieces = Bench().server

    answers = b"".join(in_pieces.feed(stream[low:high]) for low, high in itertools.pairwise(bounds))

    assert answers == Bench().server.feed(stream)


@given(st.binary(max_size=300))
def test_noise_ends_the_connection_at_worst(noise):
    """Bytes that are no Modbus frame end the connection and raise no other error."""
    with contextlib.suppress(HangUp):
        Bench().server.feed(noise)


def test_off_switches_the_loop_off(modbus_rig):
    """Off switches the loop off, also when called twice; the next set point switches to auto."""
    modbus_rig.driver.set_temperature(120.0)
    modbus_rig.driver.off()
    modbus_rig.driver.off()

    assert modbus_rig.plate.set_point_c == NO_HEAT_C
    assert modbus_rig.driver.control_mode() is ControlMode.OFF
    assert modbus_rig.driver.read().set_point_c == 120.0

    modbus_rig.driver.set_temperature(90.0)

    assert modbus_rig.driver.control_mode() is ControlMode.AUTO
    assert modbus_rig.plate.set_point_c == 90.0


def test_power_is_read(modbus_rig):
    """The power is that of the controller, and 0 with the loop off."""
    modbus_rig.driver.set_temperature(26.3)
    assert modbus_rig.driver.output_power().power_percent == pytest.approx(10.0)

    modbus_rig.driver.off()

    assert modbus_rig.driver.output_power().power_percent == 0.0


def test_alarms_are_read(modbus_rig):
    """An alarm that is not active reads as False, and one that does not exist is refused."""
    assert modbus_rig.driver.alarm(1) is False
    with pytest.raises(RefusedError, match="no such register"):
        modbus_rig.driver.alarm(14)


@pytest.mark.parametrize(
    "ask",
    [lambda d: d.output_power(), lambda d: d.control_mode(), lambda d: d.alarm(1)],
    ids=["power", "mode", "alarm"],
)
def test_without_modbus_the_driver_says_what_to_do(rig, ask):
    """Calls that need Modbus are refused, and the message names the setting to add."""
    with pytest.raises(UnsupportedError, match='modbus = "127'):
        ask(rig.driver)


@pytest.mark.parametrize("order", WordOrder)
@pytest.mark.parametrize("unit", TemperatureUnit)
@pytest.mark.parametrize("scpi_unit", TemperatureUnit)
def test_every_word_order_and_unit_is_read(plate_rig, order, unit, scpi_unit):
    """Limits and set points are in °C for every word order and unit that the panel can set."""
    traits = F4TTraits(unit=scpi_unit, modbus_unit=unit, word_order=order, set_point_max_c=150.0)
    with plate_rig(traits, word_order=order.value, **BOTH) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(100.0)

        assert emulated.driver.limits.temperature_max_c == pytest.approx(150.0, abs=1e-3)
        assert emulated.plate.set_point_c == pytest.approx(100.0, abs=0.05)


def test_wrong_word_order_is_reported_at_open(plate_rig):
    """Opening fails with the wrong word order, and the message names the right one."""
    traits = F4TTraits(word_order=WordOrder.HIGH_FIRST)
    with (
        plate_rig(traits, **BOTH) as emulated,
        pytest.raises(ProtocolError, match='set word_order = "high-first"'),
    ):
        emulated.driver.open()


def test_other_controller_at_the_modbus_address_is_refused(plate_rig, monkeypatch):
    """Opening fails if the Modbus server shows other temperatures than SCPI."""
    with plate_rig(**BOTH) as emulated:
        to_words = RegisterBank._words
        monkeypatch.setattr(RegisterBank, "_words", lambda bank, value: to_words(bank, 7 + value))
        with pytest.raises(ProtocolError, match="other temperatures than SCPI"):
            emulated.driver.open()


def test_broken_sensor_does_not_keep_the_device_from_opening(plate_rig):
    """With an input error the two protocols are compared by the set point alone."""
    with plate_rig(**BOTH) as emulated:
        emulated.emulator.switch("open-sensor")
        emulated.driver.open()

        assert emulated.driver.control_mode() is ControlMode.AUTO


def test_limits_of_the_controller_narrow_those_of_the_profile(plate_rig):
    """The limits are the overlap of the range in the profile and that of the controller."""
    with plate_rig(F4TTraits(set_point_max_c=80.0), modbus="unused") as emulated:
        emulated.driver.open()

        assert emulated.driver.limits == HeaterLimits(0.0, 80.0)


def test_idle_that_the_controller_would_refuse_is_reported_at_open(plate_rig):
    """The device does not open if the controller would refuse the idle set point."""
    with (
        plate_rig(F4TTraits(set_point_min_c=30.0), modbus="unused") as emulated,
        pytest.raises(RefusedError, match="off would do nothing"),
    ):
        emulated.driver.open()


def test_set_point_into_a_loop_that_is_off_is_refused(plate_rig):
    """With off = "idle" the driver leaves the control mode alone, and refuses a set point without
    effect."""
    with plate_rig(modbus="unused") as emulated:
        emulated.driver.open()
        emulated.emulator.controller.mode = ControlMode.OFF

        with pytest.raises(RefusedError, match="the control mode is off"):
            emulated.driver.set_temperature(90.0)

        assert emulated.emulator.controller.user_set_point_c == 20.0


@pytest.mark.parametrize("fault", [Mute, Cut, partial(Cut, 12), partial(Cut, 15)])
@pytest.mark.parametrize("after", range(4))
@patient(0.2)
def test_off_without_an_answer_sets_idle(plate_rig, fault, after, deadline_s):
    """If Modbus fails during off, the outcome is unknown, and SCPI sets the idle set point."""
    with plate_rig(deadline_s=deadline_s, **BOTH) as emulated:
        emulated.driver.open()
        emulated.driver.set_temperature(120.0)
        emulated.wire("modbus").plan(fault(), When(after=after, times=1))
        if after < 2:
            with pytest.raises(UnknownOutcomeError, match="its set point now is 20 °C"):
                emulated.driver.off()
            assert emulated.plate.set_point_c <= 20.0
        elif after == 2:
            with pytest.raises(UnknownOutcomeError, match="a stored profile may heat again"):
                emulated.driver.off()
            assert emulated.plate.set_point_c == NO_HEAT_C
        else:
            emulated.driver.off()
            assert emulated.plate.set_point_c == NO_HEAT_C


def test_set_point_with_unknown_control_mode_is_an_unknown_outcome(modbus_rig):
    """A set point that was set in a loop that may be off is reported as unknown."""
    modbus_rig.wire("modbus").plan(Cut(), When(after=3))

    with pytest.raises(UnknownOutcomeError, match="the control mode is unknown"):
        modbus_rig.driver.set_temperature(90.0)


def test_off_without_any_connection_reports_both_failures(modbus_rig):
    """If neither connection works, the error names both failures."""
    modbus_rig.emulator.stop()

    with pytest.raises(UnknownOutcomeError, match="its set point could not be set to idle either"):
        modbus_rig.driver.off()


@pytest.mark.parametrize("number", [0, -1])
def test_alarms_count_from_one(modbus_rig, number):
    """An alarm number below 1 is refused before a byte is sent."""
    with pytest.raises(OutOfRangeError):
        modbus_rig.driver.alarm(number)


def test_unknown_code_is_an_error(modbus_rig, monkeypatch):
    """A code that is none of the three control modes is a protocol error."""
    monkeypatch.setattr(modbus_rig.emulator.controller, "mode", 99)

    with pytest.raises(ProtocolError, match="99 is not a valid ControlMode"):
        modbus_rig.driver.control_mode()


def test_loop_that_stays_on_is_not_off(modbus_rig):
    """If the controller ignores every write, off raises UnknownOutcomeError."""
    modbus_rig.driver.set_temperature(120.0)
    modbus_rig.traits.refuses_sets = True

    with pytest.raises(UnknownOutcomeError, match="control mode stayed at auto instead of off"):
        modbus_rig.driver.off()


def test_closed_modbus_port_is_reported_at_open(plate_rig, driver_at):
    """If no server listens, the error names which of the two connections is missing."""
    with plate_rig() as emulated:
        driver = driver_at(emulated.driver.settings.address, modbus="127.0.0.1:1")
        with pytest.raises(ConnectionLostError, match=r"no Modbus connection to 127\.0\.0\.1:1"):
            driver.open()
