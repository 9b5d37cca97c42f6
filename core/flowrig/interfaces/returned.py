"""Checks of what a driver returns, where it enters flowrig.

A driver is other people's code. A value of another type than its method promises would be used in
decisions, and be written to the journal, long before anybody notices. Each function returns the
value as flowrig uses it, or raises a `DriverError` that names the driver, its method, and what is
expected.
"""

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from flowrig.errors import DriverError
from flowrig.journal.visible import visible_line

if TYPE_CHECKING:
    from flowrig.interfaces.device import Device, Identity
    from flowrig.interfaces.heater import HeaterLimits, HeaterReading
    from flowrig.interfaces.pump import PumpLimits, PumpReadBack, PumpState
    from flowrig.interfaces.spectrometer import SpectrometerLimits, SpectrometerReadBack

__all__ = [
    "axis",
    "detected",
    "frame",
    "heater_limits",
    "heater_reading",
    "identity",
    "number",
    "pump_limits",
    "pump_read_back",
    "pump_state",
    "readings",
    "series",
    "spectrometer_limits",
    "spectrometer_read_back",
    "text",
    "wavelengths_nm",
    "whole",
]

R = TypeVar("R")

COLDEST_C, HOTTEST_C = -273.15, 10_000.0
"""Temperatures [°C] between which a reading can be true."""

_TEMPERATURE = (
    f"a number between {COLDEST_C} and {HOTTEST_C:g} as `{{name}}` [°C], or the quality BAD"
)

LARGEST = 1e300
"""Largest number that a journal holds as a value to compute with."""


def refusal(device: "Device", method: str, value: object, expected: str) -> DriverError:
    """The error of a value that a method of a driver has returned.

    Args:
        device: the driver.
        method: its method.
        value: what it returned.
        expected: what is expected, as a noun phrase.
    """
    shown = visible_line(reprlib.repr(value))
    return DriverError(
        f"{type(device).__name__}.{method} returned {shown}; expected {expected}: correct the "
        "driver",
        device=device.name,
    )


def number(
    device: "Device",
    method: str,
    value: object,
    expected: str,
    *,
    low: float = -LARGEST,
    high: float = LARGEST,
) -> float:
    """A finite number within bounds, both included, as a float.

    Raises:
        DriverError: it is none.
    """
    if type(value) is float and low <= value <= high:  # most values, in a third of the time
        return value
    if not (_is_real(value) and low <= _as_float(value) <= high):
        raise refusal(device, method, value, expected)
    return float(value)  # type: ignore[arg-type]


def whole(
    device: "Device", method: str, value: object, expected: str, *, low: int, high: int
) -> int:
    """A whole number within bounds, both included, as an int.

    Raises:
        DriverError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise refusal(device, method, value, expected)
    if not low <= value <= high:
        raise refusal(device, method, value, expected)
    return int(value)


def text(device: "Device", method: str, value: object, expected: str) -> str:
    """A text of printable characters.

    Raises:
        DriverError: it is none.
    """
    if not (isinstance(value, str) and value and value.isprintable() and _is_encodable(value)):
        raise refusal(device, method, value, expected)
    return value


def readings(device: "Device", value: object, names: Sequence[str]) -> dict[str, float]:
    """A number for each quantity, not a number where it has no value, in the order of the names.

    Args:
        device: the driver.
        value: what it returned.
        names: names of all quantities.

    Raises:
        DriverError: other quantities, or values that are no numbers.
    """
    method, expected = "_do_read", f"a number for each of {', '.join(names)}"
    if not (isinstance(value, Mapping) and {*value} == {*names}):
        raise refusal(device, method, value, expected)
    for one in value.values():
        if not _is_float(one) or abs(_as_float(one)) > LARGEST:
            raise refusal(device, method, value, f"{expected}, nan where there is none")
    return {name: _as_float(value[name]) for name in names}


def identity(device: "Device", value: Any) -> "Identity":
    """An identity whose fields are texts that UTF-8 can hold.

    Raises:
        DriverError: it is none.
    """
    from flowrig.interfaces.device import Identity  # noqa: PLC0415 - that module imports this one

    method = "_do_identify"
    if not isinstance(value, Identity):
        raise refusal(device, method, value, "an Identity")
    for name in ("vendor", "model", "serial_number", "firmware"):
        part = getattr(value, name)
        if not isinstance(part, str) or not _is_encodable(part):
            expected = f"a text as `{name}`, empty where the protocol has no query for it"
            raise refusal(device, method, value, expected)
    return value


def heater_limits(device: "Device", value: Any) -> "HeaterLimits":
    """Limits of a heater, the lower one below the upper.

    Raises:
        DriverError: they are none.
    """
    from flowrig.interfaces.heater import HeaterLimits  # noqa: PLC0415

    expected = "HeaterLimits with two set points [°C], the lower first"
    if not isinstance(value, HeaterLimits):
        raise refusal(device, "_do_limits", value, expected)
    low, high = value.temperature_min_c, value.temperature_max_c
    if not (_is_real(low) and _is_real(high) and _as_float(low) < _as_float(high)):
        raise refusal(device, "_do_limits", value, expected)
    return value


def heater_reading(device: "Device", value: Any) -> "HeaterReading":
    """A reading with numbers; only one of the quality BAD may have values that are not finite.

    Raises:
        DriverError: it is none, or no temperature can have this value.
    """
    from flowrig.interfaces.device import Quality  # noqa: PLC0415
    from flowrig.interfaces.heater import HeaterReading  # noqa: PLC0415

    method = "_do_read"
    if not (isinstance(value, HeaterReading) and isinstance(value.quality, Quality)):
        raise refusal(device, method, value, "a HeaterReading with a Quality")
    faults = value.faults
    if not (isinstance(faults, (tuple, list)) and all(isinstance(one, str) for one in faults)):
        raise refusal(device, method, value, "`faults` as a tuple of texts")
    if not (value.controls is None or isinstance(value.controls, bool)):
        raise refusal(device, method, value, "`controls` as True, False or None")
    is_bad = value.quality is Quality.BAD
    found = []
    for name in ("temperature_c", "set_point_c"):
        part = getattr(value, name)
        if not (is_bad and _is_float(part)):
            expected = _TEMPERATURE.format(name=name)
            part = number(device, method, part, expected, low=COLDEST_C, high=HOTTEST_C)
        found.append(_as_float(part))
    time_s = number(device, method, value.time_s, "the rig time [s] as `time_s`")
    return _with(
        value,
        time_s=time_s,
        temperature_c=found[0],
        set_point_c=found[1],
        faults=tuple(faults),
    )


def pump_limits(device: "Device", value: Any) -> "PumpLimits":
    """Limits of a pump; the upper flow rate and the volume may be infinite.

    Raises:
        DriverError: they are none.
    """
    from flowrig.interfaces.pump import PumpLimits  # noqa: PLC0415

    expected = "PumpLimits with two flow rates [µL/min], the lower first, and a volume [µL]"
    if not isinstance(value, PumpLimits):
        raise refusal(device, "_do_set_syringe", value, expected)
    low, high, most = value.rate_min_ul_min, value.rate_max_ul_min, value.volume_max_ul
    are_real = _is_real(low) and _is_real(high) and _is_real(most)
    if not (are_real and 0 <= _as_float(low) < _as_float(high) and most > 0):
        raise refusal(device, "_do_set_syringe", value, expected)
    return value


def pump_state(device: "Device", value: Any) -> "PumpState":
    """A state of a pump.

    Raises:
        DriverError: it is none.
    """
    from flowrig.interfaces.pump import PumpState  # noqa: PLC0415

    if not isinstance(value, PumpState):
        raise refusal(device, "_do_read_state", value, "a PumpState")
    return value


def pump_read_back(device: "Device", value: Any) -> "PumpReadBack":
    """A read-back of a pump, each number None where the pump cannot be asked.

    Raises:
        DriverError: it is none.
    """
    from flowrig.interfaces.pump import PumpReadBack  # noqa: PLC0415

    method = "_do_read_back"
    if not isinstance(value, PumpReadBack):
        raise refusal(device, method, value, "a PumpReadBack")

    def checked(name: str) -> float | None:
        part = getattr(value, name)
        expected = f"a number that is not negative as `{name}`, or None where it cannot be asked"
        return None if part is None else number(device, method, part, expected, low=0.0)

    return _with(
        value,
        time_s=number(device, method, value.time_s, "the rig time [s] as `time_s`"),
        rate_ul_min=checked("rate_ul_min"),
        inner_diameter_mm=checked("inner_diameter_mm"),
    )


def spectrometer_read_back(device: "Device", value: Any) -> "SpectrometerReadBack":
    """A read-back of a spectrometer, each value None where the spectrometer cannot be asked.

    Raises:
        DriverError: it is none.
    """
    from flowrig.interfaces.spectrometer import SpectrometerReadBack  # noqa: PLC0415

    method = "_do_read_back"
    if not isinstance(value, SpectrometerReadBack):
        raise refusal(device, method, value, "a SpectrometerReadBack")
    if not (value.is_light_on is None or isinstance(value.is_light_on, bool)):
        raise refusal(device, method, value, "`is_light_on` as True, False or None")

    def checked(name: str) -> int | None:
        part = getattr(value, name)
        expected = f"a whole number as `{name}`, or None where it cannot be asked"
        return None if part is None else whole(device, method, part, expected, low=0, high=2**53)

    return evolve(
        value,
        time_s=number(device, method, value.time_s, "the rig time [s] as `time_s`"),
        integration_time_us=checked("integration_time_us"),
        exposures_averaged=checked("exposures_averaged"),
        trigger_mode=checked("trigger_mode"),
        boxcar_width=checked("boxcar_width"),
    )


def spectrometer_limits(device: "Device", value: Any) -> "SpectrometerLimits":
    """Limits of a spectrometer, whole numbers.

    Raises:
        DriverError: they are none.
    """
    from flowrig.interfaces.spectrometer import SpectrometerLimits  # noqa: PLC0415

    method = "_do_limits"
    expected = "SpectrometerLimits with whole numbers: two times [µs] and counts"
    if not isinstance(value, SpectrometerLimits):
        raise refusal(device, method, value, expected)
    low, high = value.integration_time_min_us, value.integration_time_max_us
    for part in (low, high, value.saturation_counts):
        whole(device, method, part, expected, low=1, high=2**53)
    if low > high:
        raise refusal(device, method, value, expected)
    return value


def wavelengths_nm(device: "Device", value: Any) -> NDArray[np.float64]:
    """Wavelengths [nm] that rise from pixel to pixel.

    Raises:
        DriverError: they do not, or are no numbers.
    """
    array = _array(value)
    expected = "an array of finite wavelengths [nm] that rise from pixel to pixel"
    fits = array.ndim == 1 and array.size > 1 and array.dtype.kind in "iuf"
    if not (fits and np.isfinite(array).all() and (array > 0).all() and (np.diff(array) > 0).all()):
        raise refusal(device, "_do_wavelengths_nm", value, expected)
    return array.astype(np.float64)


def frame(device: "Device", value: Any, pixels: int | None = None) -> NDArray[np.uint16]:
    """One frame of raw counts.

    Args:
        device: the driver.
        value: what it returned.
        pixels: number of pixels, where it is known.

    Raises:
        DriverError: it has another shape, or another type of counts.
    """
    array = _array(value)
    count = "its pixels" if pixels is None else f"{pixels} pixels"
    fits = array.ndim == 1 and array.size > 0 and array.size == (pixels or array.size)
    if not (fits and array.dtype == np.uint16):
        expected = f"one array of {count} with counts of 16 bit (numpy.uint16)"
        raise refusal(device, "_do_acquire_frame", value, expected)
    return array


def axis(device: "Device", value: Any, unit: str) -> NDArray[np.float64]:
    """Places on the axis of a detector that rise from point to point.

    Raises:
        DriverError: they do not, or are no numbers.
    """
    array = _array(value)
    fits = array.ndim == 1 and array.size > 0 and array.dtype.kind in "iuf"
    if not (fits and np.isfinite(array).all() and (np.diff(array.astype(float)) > 0).all()):
        expected = f"an array of finite places [{unit}] that rise from point to point"
        raise refusal(device, "_do_axis", value, expected)
    return array.astype(np.float64)


def detected(device: "Device", value: Any, points: int | None = None) -> NDArray[Any]:
    """One frame of a detector of any kind.

    Args:
        device: the driver.
        value: what it returned.
        points: number of points of its axis, where it is known.

    Raises:
        DriverError: it has another shape, or values that are no counts.
    """
    array = _array(value)
    fits = array.ndim == 1 and array.size > 0 and array.size == (points or array.size)
    whole = array.dtype.kind == "u" and array.dtype.itemsize <= 4
    if not (fits and (whole or (array.dtype == np.float64 and np.isfinite(array).all()))):
        count = "its points" if points is None else f"{points} points"
        expected = f"one array of {count}: unsigned integers of up to 32 bits, or finite float64"
        raise refusal(device, "_do_acquire_frame", value, expected)
    return array


def series(device: "Device", value: Any, count: int) -> NDArray[Any]:
    """Frames of a detector that takes several in a row; each is checked by itself.

    Raises:
        DriverError: it is another number of frames, or no array of them.
    """
    array = _array(value)
    if array.ndim != 2 or len(array) != count:
        expected = f"an array of {count} frames, shape `{count} x n_pixels`"
        raise refusal(device, "_do_acquire_series", value, expected)
    return array


def _with(value: R, **parts: object) -> R:
    """A reading with other parts; itself where they are its own, as those of most drivers."""
    if all(getattr(value, name) is part for name, part in parts.items()):
        return value
    return evolve(value, **parts)  # type: ignore[misc]


def _array(value: Any) -> NDArray[Any]:
    """An array of what was returned; of no dimension where that is none."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError):
        return np.empty(())


def _is_float(value: object) -> bool:
    is_number = isinstance(value, (int, float, np.integer, np.floating))
    return is_number and not isinstance(value, bool)


def _as_float(value: Any) -> float:
    """A number as a float; infinity for a whole number that no float can hold."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _is_real(value: Any) -> bool:
    """Whether a value is a number, infinity included."""
    if not _is_float(value):
        return False
    return isinstance(value, int) or not math.isnan(value)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
