"""Alarms, limit modules and PID sets of the controller, read and written by Modbus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.errors import OutOfRangeError, RefusedError, UnsupportedError
from flowrig.interfaces.device import Quality
from flowrig_watlow.emulator.controller import F4TTraits
from flowrig_watlow.parameters import AlarmSetting, PidSet
from flowrig_watlow.registers import AlarmKind, AlarmRegister, PidRegister
from flowrig_watlow.temperature import TemperatureUnit

WATCHED = {"modbus": "unused", "alarms": (1, 2), "limit_modules": (5,)}
HOT = AlarmSetting(kind=AlarmKind.PROCESS, low_c=-20.0, high_c=150.0)
AWAY = AlarmSetting(kind=AlarmKind.DEVIATION, low_c=-10.0, high_c=5.0)
NUMBER = st.floats(0.0, 50_000.0, width=32)


@pytest.fixture
def watched(plate_rig):
    """An open driver that watches two alarms and a limit module; nothing warns."""
    with plate_rig(**WATCHED) as emulated:
        emulated.driver.open()
        emulated.emulator.controller.alarms |= {1: HOT, 2: AWAY}
        emulated.plate.temperature_c = 20.0
        yield emulated


def test_no_active_alarm_gives_good_readings(watched):
    """While no alarm is active and no limit has tripped, a reading is GOOD and lists no fault."""
    reading = watched.driver.read()

    assert (reading.quality, reading.faults) == (Quality.GOOD, ())


@pytest.mark.parametrize(
    ("temperature_c", "numbers"), [(151.0, (1, 2)), (26.0, (2,)), (9.0, (2,)), (-21.0, (1, 2))]
)
def test_alarm_reaches_the_reading(watched, temperature_c, numbers):
    """A reading beyond an alarm's threshold is bad, names the alarm and keeps its temperature."""
    watched.plate.temperature_c = temperature_c

    reading = watched.driver.read()

    assert reading.quality is Quality.BAD
    assert reading.faults == tuple(f"alarm {one} of the controller warns" for one in numbers)
    assert reading.temperature_c == temperature_c
    assert [watched.driver.alarm(one) for one in (1, 2)] == [one in numbers for one in (1, 2)]


def test_limit_reaches_the_reading(watched):
    """A limit module that has tripped makes readings BAD until it is reset."""
    watched.emulator.controller.limits_tripped.add(5)
    reading = watched.driver.read()

    assert reading.quality is Quality.BAD
    assert reading.faults == ("the limit module in slot 5 has tripped or reports an error",)
    assert watched.driver.limit_tripped(5)

    watched.emulator.controller.limits_tripped.clear()
    assert watched.driver.read().quality is Quality.GOOD


def test_every_fault_is_listed(watched):
    """A reading lists a broken sensor and a tripped limit module together."""
    watched.emulator.switch("open-sensor")
    watched.emulator.controller.limits_tripped.add(5)

    assert len(watched.driver.read().faults) == 2


def test_alarms_that_are_not_watched_are_not_read(modbus_rig):
    """An active alarm that the profile does not name does not affect readings."""
    modbus_rig.emulator.controller.alarms[1] = AlarmSetting(
        kind=AlarmKind.PROCESS, low_c=100.0, high_c=200.0
    )

    assert modbus_rig.driver.alarm(1)
    assert modbus_rig.driver.read().quality is Quality.GOOD


@pytest.mark.parametrize("unit", TemperatureUnit)
@pytest.mark.parametrize("setting", [HOT, AWAY], ids=["process", "deviation"])
def test_alarm_setting_is_read_in_celsius(plate_rig, unit, setting):
    """Thresholds are in °C, those of a deviation in K, for both units of the panel."""
    with plate_rig(F4TTraits(modbus_unit=unit), modbus="unused") as emulated:
        emulated.driver.open()
        emulated.emulator.controller.alarms[3] = setting
        read = emulated.driver.alarm_setting(3)

    assert read.kind is setting.kind
    assert (read.low_c, read.high_c) == pytest.approx((setting.low_c, setting.high_c), abs=1e-4)


def test_alarm_that_does_not_exist_is_refused(modbus_rig):
    """Reading an alarm or a limit module that does not exist is refused."""
    for ask in (
        lambda d: d.alarm(14),
        lambda d: d.alarm_setting(14),
        lambda d: d.limit_tripped(1),
    ):
        with pytest.raises(RefusedError, match="no such register"):
            ask(modbus_rig.driver)


@pytest.mark.parametrize("unit", TemperatureUnit)
@given(
    pid=st.builds(
        PidSet, heat_band_c=NUMBER, cool_band_c=NUMBER, integral_s=NUMBER, derivative_s=NUMBER
    ),
    number=st.integers(1, 5),
)
def test_pid_set_comes_back(plate_rig, unit, pid, number):
    """A PID set is read back as it was set, in both units, and no other set changes."""
    with plate_rig(F4TTraits(modbus_unit=unit), modbus="unused") as emulated:
        emulated.driver.open()
        before = dict(emulated.emulator.controller.pids)
        emulated.driver.set_pid(number, pid)

        assert emulated.driver.pid(number).is_close_to(pid)
        after = emulated.emulator.controller.pids
        assert all(after[one] == before[one] for one in before if one != number)


def test_pid_set_that_is_not_taken_is_refused(modbus_rig):
    """If the controller keeps its values, the call is refused."""
    modbus_rig.emulator.traits.refuses_sets = True
    pid = PidSet(heat_band_c=5.0, cool_band_c=5.0, integral_s=60.0, derivative_s=0.0)

    with pytest.raises(RefusedError, match="PID set 1 stayed at"):
        modbus_rig.driver.set_pid(1, pid)


@pytest.mark.parametrize("value", [-0.1, 100_000.0, float("nan"), float("inf")])
def test_impossible_pid_set_is_not_sent(value):
    """A PidSet refuses values that no controller accepts."""
    with pytest.raises(OutOfRangeError, match="integral_s"):
        PidSet(heat_band_c=5.0, cool_band_c=5.0, integral_s=value, derivative_s=0.0)


@pytest.mark.parametrize("number", [0, 6])
def test_pid_sets_are_counted(modbus_rig, number):
    """There are five PID sets, counted from 1."""
    with pytest.raises(OutOfRangeError, match="PID sets are 1 to 5"):
        modbus_rig.driver.pid(number)


@pytest.mark.parametrize("slot", [0, 7])
def test_slots_are_counted(modbus_rig, slot):
    """There are six slots, counted from 1."""
    with pytest.raises(OutOfRangeError, match="slots are 1 to 6"):
        modbus_rig.driver.limit_tripped(slot)


@pytest.mark.parametrize(
    "ask",
    [lambda d: d.pid(1), lambda d: d.limit_tripped(5), lambda d: d.alarm_setting(1)],
    ids=["pid", "limit", "alarm"],
)
def test_without_modbus_supervision_says_what_to_do(rig, ask):
    """Calls that need Modbus are refused, and the message names the setting to add."""
    with pytest.raises(UnsupportedError, match='modbus = "127'):
        ask(rig.driver)


def test_register_addresses_are_the_published_ones():
    """The addresses of PID sets 3 and 4, alarm 2 and loop 2 are the published ones."""
    assert [register.of_set(3, 1) for register in PidRegister] == [2846, 2848, 2850, 2852]
    assert PidRegister.HEAT_BAND.of_set(4, 2) == 2846 + 8 + 160
    assert AlarmRegister.STATE.of_alarm(2) == 1456
