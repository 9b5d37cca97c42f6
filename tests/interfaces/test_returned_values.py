"""Whatever a driver returns: a value as promised, or an error that names the driver's method."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowrig.clock import VirtualClock
from flowrig.errors import DeviceError, DriverError
from flowrig.interfaces import (
    DeviceSettings,
    Heater,
    HeaterLimits,
    HeaterReading,
    Identity,
    Pump,
    PumpLimits,
    PumpReadBack,
    PumpState,
    Quality,
    Spectrometer,
    SpectrometerLimits,
    SpectrometerReadBack,
    Syringe,
)
from flowrig.journal.events import Device, HeaterValues, Opened, Outcome, Reading
from flowrig.journal.format import finite
from flowrig.journal.lenient import read_event

SCALARS = st.sampled_from(
    [
        None, True, 0, 1, -1, 10**400, 1.5, 1e301, -300.0, 99_999.0, math.nan, math.inf, "25.0",
        b"25", "\ud800", "a\0b", "\x1b[31m", np.float64(21.5), np.float32(math.nan), np.int64(7),
        np.array([1.0]), [1], {}, object(), Quality.GOOD, PumpState.STOPPED,
    ]
)  # fmt: skip
ARRAYS = st.sampled_from(
    [
        None, 3, "abc", [], [1, 2, 3], [3, 2, 1], [1, 1, 2], [1.0, math.nan, 3.0], [[1, 2, 3]],
        np.array([1, 2, 3], np.uint16), np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.0, 3.0]),
        np.array([-1, 2, 3]), np.array([1, 2, 70_000]), np.array([None, 1, 2]), np.array(["a"] * 3),
        np.array([1, 2]), np.array([True, False, True]), [1, [2], 3], [10**400, 1, 2],
    ]
)  # fmt: skip


class Odd(Heater, Pump, Spectrometer):
    """An instrument of every kind whose driver returns what a test chooses."""

    limits: Any = None

    def __init__(self, returns: Any) -> None:
        super().__init__("odd", DeviceSettings(address=""), VirtualClock())
        self._returns = returns

    def _do_open(self) -> None: ...

    def _do_close(self) -> None: ...

    def _do_identify(self) -> Any:
        return self._returns.get("identity", Identity("A", "B"))

    def _answer(self, *_: Any) -> Any:
        return self._returns["value"]

    _do_limits = _do_read = _do_read_power_percent = _do_set_syringe = _do_read_state = _answer
    _do_read_dispensed_ul = _do_read_elapsed_s = _do_wavelengths_nm = _answer
    _do_integration_time_us = _do_acquire_frame = _do_read_back = _answer

    def _do_set_temperature(self, temperature_c: float) -> None: ...

    def _do_off(self) -> None: ...

    def _do_set_rate(self, rate_ul_min: float) -> None: ...

    def _do_start(self) -> None: ...

    def _do_stop(self) -> None: ...

    def _do_set_integration_time(self, integration_time_us: int) -> None: ...


def returned(ask: Any, value: Any) -> Any:
    """The value of a call on an open driver, or None for an error that names its method."""
    driver = Odd({"value": value})
    driver.open()
    answer = tried(lambda: ask(driver))
    if not isinstance(answer, DriverError):
        return answer
    assert str(answer).startswith("odd: Odd._do_")
    assert "expected" in str(answer)
    assert str(answer).isprintable()
    return None


def tried(ask: Any) -> Any:
    """The value of a call, or its `DriverError`."""
    try:
        return ask()
    except DriverError as error:
        return error


def can_be_read(event: Any) -> None:
    """A journal can hold an event, and gives it back as it was."""
    read = read_event(event.kind, json.loads(json.dumps(finite(event.as_json()))))
    assert not read.problems


@given(st.tuples(SCALARS, SCALARS, SCALARS, SCALARS) | SCALARS)
def test_an_identity_is_written_or_refused(parts: Any) -> None:
    """Texts; a driver with another identity can be used only to switch its instrument off."""
    driver = Odd({"identity": Identity(*parts) if isinstance(parts, tuple) else parts})
    who = tried(driver.open)
    if isinstance(who, DriverError):
        assert str(who).startswith("odd: Odd._do_identify returned ")
        assert driver.is_open
        driver.off()
        driver.close()
        with pytest.raises(DriverError), driver:
            pass
        assert not driver.is_open
        return
    named = Device(vendor=who.vendor, model=who.model, serial_number=who.serial_number,
                   firmware=who.firmware)  # fmt: skip
    can_be_read(Opened(devices={"odd": named}))


@given(SCALARS, SCALARS, st.sampled_from([*Quality, "good", None]), SCALARS)
def test_a_reading_of_a_heater_is_written_or_refused(
    temperature_c: Any, set_point_c: Any, quality: Any, time_s: Any
) -> None:
    """Numbers that a temperature can have; anything that is a number where the quality is BAD."""
    value = HeaterReading(
        time_s=time_s, quality=quality, temperature_c=temperature_c, set_point_c=set_point_c
    )
    reading = returned(Heater.read, value)
    if reading is None:
        return
    can_be_read(Reading(heaters={"odd": HeaterValues(temperature_c=reading.temperature_c,
                set_point_c=reading.set_point_c)}, pumps={}))  # fmt: skip
    if reading.quality is not Quality.BAD:
        assert -273.15 <= reading.temperature_c <= 10_000
    assert type(reading.temperature_c) is float


@given(SCALARS)
def test_numbers_and_states_are_written_or_refused(value: Any) -> None:
    """Volume, time and power are finite numbers, and a state is one of a pump."""
    for ask in (Pump.dispensed, Pump.elapsed, Heater.output_power, Heater.read):
        reading = returned(ask, value)
        assert reading is None or type(reading) is not type(value)
    dispensed = returned(Pump.dispensed, value)
    if dispensed is not None:
        volume_ul = {"CuI": dispensed.volume_ul}
        can_be_read(Outcome(intent=1, command="stop", outcome="done", dispensed_ul=volume_ul))
    state = returned(Pump.status, value)
    assert (state is not None) == isinstance(value, PumpState)
    time_us = returned(Spectrometer.integration_time_us, value)
    assert time_us is None or (type(time_us) is int and time_us > 0)


@given(SCALARS, SCALARS, SCALARS, SCALARS)
def test_a_read_back_has_numbers_or_nothing(one: Any, two: Any, three: Any, four: Any) -> None:
    """A value that an instrument cannot report is None; so is whether a heater controls."""
    pump = returned(
        Pump.read_back, PumpReadBack(time_s=0.0, rate_ul_min=one, inner_diameter_mm=two)
    )
    if pump is not None:
        for part in (pump.rate_ul_min, pump.inner_diameter_mm):
            assert part is None or (type(part) is float and 0.0 <= part < math.inf)
    seen = returned(
        Spectrometer.read_back,
        SpectrometerReadBack(time_s=0.0, integration_time_us=one, exposures_averaged=two,
                             trigger_mode=three, is_light_on=four),
    )  # fmt: skip
    if seen is not None:
        for part in (seen.integration_time_us, seen.exposures_averaged, seen.trigger_mode):
            assert part is None or (type(part) is int and part >= 0)
        assert seen.is_light_on in (None, True, False)
    for ask in (Pump.read_back, Spectrometer.read_back):
        assert returned(ask, one) is None
    heater = HeaterReading(time_s=0.0, temperature_c=25.0, set_point_c=20.0, controls=one)
    reading = returned(Heater.read, heater)
    assert (reading is not None) == (one is None or isinstance(one, bool))


@given(SCALARS, SCALARS, SCALARS)
@example(10**400, np.float64(21.5), None)
def test_limits_are_numbers_in_order(low: Any, high: Any, most: Any) -> None:
    """The lower one first; those of a spectrometer are whole numbers."""
    for ask, value in (
        (Heater.limits.fget, HeaterLimits(low, high)),  # type: ignore[attr-defined]
        (lambda driver: driver.set_syringe(Syringe(1.0, 1.0)), PumpLimits(low, high, most)),
        (Spectrometer.limits.fget, SpectrometerLimits(low, high, most)),  # type: ignore[attr-defined]
    ):
        limits = returned(ask, value)
        assert limits is None or low <= high


@given(ARRAYS)
def test_spectra_have_one_shape_and_whole_counts(value: Any) -> None:
    """Wavelengths rise; a frame has the pixels of the wavelengths, and 16 bit."""
    wavelengths_nm = returned(Spectrometer.wavelengths_nm, value)
    if wavelengths_nm is not None:
        assert (np.diff(wavelengths_nm) > 0).all()
    frame = returned(lambda driver: driver._next_frame(), value)
    if frame is not None:
        assert frame.dtype == np.uint16
        assert (frame == np.asarray(value)).all()


def test_a_frame_of_other_pixels_is_refused() -> None:
    """All frames have as many counts as there are wavelengths."""
    driver = Odd({"value": [1.0, 2.0, 3.0]})
    driver.open()
    driver.wavelengths_nm()
    driver._returns["value"] = np.zeros(4, np.uint16)
    with pytest.raises(DeviceError, match=r"Odd\._do_acquire_frame returned .*expected one array"):
        driver._next_frame()


@pytest.mark.parametrize("value", [np.zeros(3, np.uint16), np.zeros((2, 3), np.uint16), "frames"])
def test_a_series_has_as_many_frames_as_were_asked_for(value: Any) -> None:
    """Frames that a detector takes by itself are counted, and each is checked as any other."""
    driver = Odd({"value": [1.0, 2.0, 3.0]})
    driver.open()
    driver.wavelengths_nm()
    driver._do_acquire_series = lambda count, period_s: value  # type: ignore[method-assign]
    driver._do_integration_time_us = lambda: 1000  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match=r"Odd\._do_acquire_series returned .*an array of 4"):
        driver.acquire(4)
