"""Calls on devices of kinds that plugins offer: reading them, setting them, turning them."""

from collections.abc import Container

from attrs import frozen

from flowrig.errors import DeviceError, UnknownOutcomeError
from flowrig.interfaces import Device, Readable, Readings, Selectable, Settable
from flowrig.interfaces.capabilities import Value

__all__ = ["Found", "is_at", "is_at_one_of", "look_at", "obey"]


@frozen
class Found:
    """What a device of such a kind reports.

    Attributes:
        readings: its values; None for a device that is not read.
        value: the number to which it is set, or the position at which it stands; None for a device
            that has neither.
    """

    readings: Readings | None = None
    value: Value | None = None


def look_at(device: Device) -> Found:
    """Read a device, and ask it for its number or position.

    Raises:
        DeviceError: it does not answer.
    """
    readings = device.read() if isinstance(device, Readable) else None
    return Found(readings, _value(device))


def obey(device: Device, value: Value) -> None:
    """Set a device to a number, or turn it to a position.

    If no answer comes, the device is asked: at the new value the command is done; at the old one it
    was not, and is sent once more. That is safe because the value is absolute.

    Raises:
        OutOfRangeError: it takes no such value; nothing was sent.
        RefusedError: it keeps another one.
        UnknownOutcomeError: it does not answer to the question either, or shows a third value.
    """
    before = _value_if_answered(device)
    try:
        _tell(device, value)
    except UnknownOutcomeError:
        now = _value_if_answered(device)
        if now is not None and _agree(device, now, value):
            return
        if now is None or before is None or not _agree(device, now, before):
            raise
        _tell(device, value)


def is_at(device: Device, value: Value) -> bool:
    """Whether a device shows that it is at a value; False where it does not answer."""
    now = _value_if_answered(device)
    return now is not None and _agree(device, now, value)


def is_at_one_of(device: Device, positions: Container[str]) -> bool:
    """Whether a device shows that it is at one of these positions; False without an answer."""
    now = _value_if_answered(device)
    return now is not None and str(now) in positions


def _tell(device: Device, value: Value) -> None:
    if isinstance(device, Selectable):
        device.select(str(value))
    else:
        assert isinstance(device, Settable)
        device.set(float(value))


def _value(device: Device) -> Value | None:
    if isinstance(device, Selectable):
        return device.position()
    return device.setting() if isinstance(device, Settable) else None


def _value_if_answered(device: Device) -> Value | None:
    try:
        return _value(device)
    except DeviceError:
        return None


def _agree(device: Device, one: Value, other: Value) -> bool:
    if isinstance(device, Settable):
        return abs(float(one) - float(other)) <= device.resolution
    return one == other
