"""What the core knows of a device of any kind: that it can be read, set, turned, or deliver.

Devices that take frames are in `flowrig.interfaces.detecting`.

A kind of device, such as a valve or a stirrer, is a class that extends `Device` and capabilities;
plugins offer kinds by the hook `flowrig_kinds`. What a device reports, its unit and limits, or its
positions are either the same for the whole kind, and stand in its class, or belong to the single
device, and stand in its settings:

    class Stirrer(Device, Settable, Readable):
        unit = "rpm"
        limits = (0.0, 2000.0)
        quantities = (Quantity("speed", "rpm"),)

Commands are absolute ("position 3", never "next"), so that one of unknown outcome may be sent again
after the device was asked where it is.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from inspect import getattr_static
from typing import Any, TypeVar

from attrs import evolve, field, frozen

from flowrig.errors import (
    ConnectionLostError,
    InputError,
    OutOfRangeError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces import returned
from flowrig.interfaces.device import Device, DeviceSettings, Quality, Reading

__all__ = [
    "STANDARD_KPA",
    "Abilities",
    "Dispensing",
    "Quantity",
    "Readable",
    "Readings",
    "Selectable",
    "SelectableSettings",
    "Settable",
    "Value",
    "abilities_of",
]

Value = float | str
"""A number in the unit of a device, or the name of a position."""

RESOLUTION = 1e-3
"""Share of the limits by which a device may round what it is told, unless its class says more."""

FINEST = 1e-4
"""Share of its fastest flow rate by which a device that delivers may round, unless its class says
more."""

STANDARD_KPA = 101.325
"""Absolute pressure [kPa] at which mass flow controllers count the volume of a gas (1 atm)."""

POLL_S = 0.1
"""Interval [s] between two looks at a device that takes time to obey."""

T = TypeVar("T")


@frozen
class Quantity:
    """A number that a device reports; the profile calls it DEVICE.NAME.

    Attributes:
        name: lower-case letters, digits and underscores.
        unit: of its values, for instance "bar"; empty where it has none.
    """

    name: str
    unit: str = ""


@frozen(kw_only=True)
class Readings(Reading):
    """All quantities of a device at one moment; BAD if one of them has no value.

    Attributes:
        values: by quantity, in the unit of the quantity; nan where there is none.
    """

    values: Mapping[str, float]


class Capability:
    """Base of what a device can do; it stands beside `Device` in the bases of a kind.

    Attributes:
        settling_s: longest time [s] that the device takes to show what it was told.
    """

    settling_s: float = 0.0

    @property
    def _as_device(self) -> Device:
        assert isinstance(self, Device), f"{type(self).__name__} must extend Device"
        return self

    def _tell_and_ask(self, send: Callable[[], object], shows: Callable[[], str]) -> None:
        """Send a command, and wait until the device shows it.

        Args:
            send: sends it.
            shows: asks the device; returns what it shows instead, "" where it obeys.

        Raises:
            RefusedError: the device shows something else.
            UnknownOutcomeError: the device did not answer, to the command or to the question.
        """
        device = self._as_device
        device._require_open()
        try:
            send()
            end_s = device.clock.now_s() + self.settling_s
            while (instead := shows()) and device.clock.now_s() < end_s:
                device.clock.sleep(POLL_S)
        except (ConnectionLostError, ProtocolError) as error:
            raise UnknownOutcomeError(
                f"it did not confirm the command: {error.message}",
                device=device.name,
                command=error.command,
                reply=error.reply,
            ) from error
        if instead:
            raise RefusedError(instead, device=device.name)


class Readable(Capability, ABC):
    """A device that reports numbers. A driver adds `_do_read`."""

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What it reports; by default those of the settings."""
        return self._as_device.settings.quantities  # type: ignore[attr-defined,no-any-return]

    def read(self) -> Readings:
        """Read every quantity from the device.

        Raises:
            ConnectionLostError: no answer came within the deadline.
            ProtocolError: the answer is none.
            DriverError: the driver returned other quantities, or values that are no numbers.
        """
        device = self._as_device
        device._require_open()
        names = [one.name for one in self.quantities]
        values = returned.readings(device, self._do_read(), names)
        is_sound = all(math.isfinite(value) for value in values.values())
        return Readings(
            time_s=device.clock.now_s(),
            quality=Quality.GOOD if is_sound else Quality.BAD,
            values=values,
        )

    @abstractmethod
    def _do_read(self) -> Mapping[str, float]:
        """Ask the device for all values, by the name of the quantity; nan where there is none."""


class Settable(Capability, ABC):
    """A device that keeps a number. A driver adds `_do_set` and `_do_setting`."""

    @property
    def unit(self) -> str:
        """Unit of the number; by default that of the settings."""
        return self._as_device.settings.unit  # type: ignore[attr-defined,no-any-return]

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest number that it takes; by default those of the settings."""
        return self._as_device.settings.limits  # type: ignore[attr-defined,no-any-return]

    @property
    def resolution(self) -> float:
        """Largest difference between what it is told and what it reports, by rounding."""
        low, high = self.limits
        return RESOLUTION * (high - low)

    def set(self, value: float) -> None:
        """Set a number, and verify that the device reports it.

        Raises:
            OutOfRangeError: outside `limits`; nothing was sent.
            RefusedError: the device reports another number afterwards.
            UnknownOutcomeError: it was sent, and the device did not answer.
        """
        low, high = self.limits
        if not low <= value <= high:
            raise OutOfRangeError(
                f"{self._as_device.name}: {value:g} {self.unit} is outside its limits, {low:g} to "
                f"{high:g} {self.unit}"
            )

        def shows() -> str:
            found = self.setting()
            if abs(found - value) <= self.resolution:
                return ""
            return f"it was told {value:g} {self.unit} and reports {found:g} {self.unit}"

        self._tell_and_ask(lambda: self._do_set(value), shows)

    def setting(self) -> float:
        """The number that the device works towards, asked from it."""
        self._as_device._require_open()
        expected = f"the number [{self.unit}] to which it is set"
        return returned.number(self._as_device, "_do_setting", self._do_setting(), expected)

    @abstractmethod
    def _do_set(self, value: float) -> None:
        """Tell the device a number; the caller asks for it afterwards."""

    @abstractmethod
    def _do_setting(self) -> float:
        """Ask the device for the number that it works towards."""


@frozen(kw_only=True)
class SelectableSettings(DeviceSettings):
    """Settings of a device whose positions a profile names.

    Attributes:
        positions: by name, the number of each position that the rig uses:
            `positions = { run = 1, fill = 2 }`.
    """

    positions: Mapping[str, int] = field()

    @positions.validator
    def _require_two(self, _attribute: object, positions: Mapping[str, int]) -> None:
        if len(positions) < 2 or len(set(positions.values())) < len(positions):
            raise ValueError("name two positions or more, each with a number of its own")


class Selectable(Capability, ABC):
    """A device that turns to named positions. A driver adds `_do_select` and `_do_position`."""

    under_flow: bool = False
    """Whether it may turn while streams flow."""

    @property
    def positions(self) -> Sequence[str]:
        """Names of its positions; by default those of the settings."""
        return tuple(self._as_device.settings.positions)  # type: ignore[attr-defined]

    def select(self, position: str) -> None:
        """Turn to a position, and verify that the device reports it.

        Raises:
            OutOfRangeError: it has no such position; nothing was sent.
            RefusedError: the device reports another position afterwards.
            UnknownOutcomeError: it was sent, and the device did not answer.
        """
        if position not in self.positions:
            raise OutOfRangeError(
                f"{self._as_device.name}: there is no position {position!r}; there are "
                f"{', '.join(self.positions)}"
            )

        def shows() -> str:
            found = self.position()
            if found == position:
                return ""
            return f"it was told to turn to {position!r} and reports {found!r}"

        self._tell_and_ask(lambda: self._do_select(position), shows)

    def position(self) -> str:
        """Where the device stands, asked from it; no name of `positions` where it is at none."""
        self._as_device._require_open()
        expected = "the name of a position, or another text where it is at none of them"
        return returned.text(self._as_device, "_do_position", self._do_position(), expected)

    @abstractmethod
    def _do_select(self, position: str) -> None:
        """Tell the device to turn to a position; the caller asks for it afterwards."""

    @abstractmethod
    def _do_position(self) -> str:
        """Ask the device where it stands."""


class Dispensing(Capability, ABC):
    """A device that delivers a liquid or a gas at a flow rate, without a syringe.

    HPLC pumps, peristaltic pumps, pressure controllers and gas flow controllers are such devices. A
    stream of a profile names one with `device`. A driver adds `_do_dispense` and `_do_rate_ul_min`,
    and `_do_total_ul` where the device counts what it has delivered.
    """

    @classmethod
    def counts_at_kpa(cls, _settings: DeviceSettings) -> float | None:
        """Absolute pressure [kPa] at which it counts the volume of a gas; None by default: it
        counts the volume that really flows.

        Args:
            _settings: of the device.
        """
        return None

    @classmethod
    def ul_min_per_unit(cls, _settings: DeviceSettings) -> float:
        """Flow rate [µL/min] of one unit of the number that it keeps, where it keeps one.

        Args:
            _settings: of the device.
        """
        return 1.0

    @classmethod
    def window_ul_min(cls, settings: DeviceSettings) -> tuple[float, float]:
        """Slowest and fastest flow rate [µL/min] besides 0; by default those of the settings.

        A slowest one of 0 is the finest step of the device: slower flow is none.

        Args:
            settings: of the device.
        """
        low, high = settings.limits_ul_min  # type: ignore[attr-defined]
        return float(low) or FINEST * float(high), float(high)

    @property
    def limits_ul_min(self) -> tuple[float, float]:
        """Slowest and fastest flow rate [µL/min] besides 0, at which it stands still."""
        return self.window_ul_min(self._as_device.settings)

    @property
    def rounding_ul_min(self) -> float:
        """Largest difference [µL/min] between what it is told and what it reports, by rounding."""
        return FINEST * self.limits_ul_min[1]

    def dispense(self, rate_ul_min: float) -> None:
        """Deliver at a flow rate [µL/min] from now on, and verify it; 0 stops, in every state.

        Raises:
            OutOfRangeError: outside `limits_ul_min`, and not 0; nothing was sent.
            RefusedError: the device reports another flow rate afterwards.
            UnknownOutcomeError: it was sent, and the device did not answer.
        """
        self.require_rate(rate_ul_min)

        def shows() -> str:
            found = self.rate_ul_min()
            if self.delivers(found, rate_ul_min):
                return ""
            return f"it was told to deliver {rate_ul_min:g} µL/min and reports {found:g} µL/min"

        self._tell_and_ask(lambda: self._do_dispense(rate_ul_min), shows)

    def require_rate(self, rate_ul_min: float) -> None:
        """Refuse a flow rate [µL/min] that the device cannot deliver; it can always stand still.

        Raises:
            OutOfRangeError: it is outside `limits_ul_min`, and not 0.
        """
        low, high = self.limits_ul_min
        if rate_ul_min != 0.0 and not low <= rate_ul_min <= high:
            raise OutOfRangeError(
                f"{self._as_device.name}: {rate_ul_min:g} µL/min is outside its {low:g} to "
                f"{high:g} µL/min"
            )

    def rounded_ul_min(self, rate_ul_min: float) -> float:
        """The flow rate [µL/min] that it keeps when it is told one; by default the same.

        A device that keeps flow rates in steps says so here: its stream is charged at this one.
        """
        return rate_ul_min

    def delivers(self, found_ul_min: float, told_ul_min: float) -> bool:
        """Whether a flow rate [µL/min] that it reports is the one it was told, by its rounding."""
        if (found_ul_min > 0.0) is not (told_ul_min > 0.0):
            return False
        return abs(found_ul_min - told_ul_min) <= self.rounding_ul_min

    def rate_ul_min(self) -> float:
        """The flow rate [µL/min] that it works towards, asked from it; 0 where it stands still."""
        self._as_device._require_open()
        method, expected = "_do_rate_ul_min", "a flow rate [µL/min], not negative"
        return returned.number(self._as_device, method, self._do_rate_ul_min(), expected, low=0.0)

    def total_ul(self) -> float:
        """Volume [µL] that the device has counted, from any beginning; it never falls.

        Raises:
            UnsupportedError: the device does not count; use flow rate times time.
        """
        self._as_device._require_open()
        method, expected = "_do_total_ul", "a volume [µL]"
        return returned.number(self._as_device, method, self._do_total_ul(), expected, low=0.0)

    @abstractmethod
    def _do_dispense(self, rate_ul_min: float) -> None:
        """Tell the device to deliver, or at 0 to stop; the caller asks for the rate afterwards."""

    @abstractmethod
    def _do_rate_ul_min(self) -> float:
        """Ask the device for its flow rate [µL/min]; 0 where it was stopped."""

    def _do_total_ul(self) -> float:
        """Ask the device for the volume [µL] that it has counted; optional."""
        raise UnsupportedError(f"{self._as_device.name}: it does not count what it delivers")


@frozen
class Abilities:
    """What a device of a profile can do, known before it is opened.

    Attributes:
        quantities: what it reports.
        unit: unit of the number that it keeps.
        limits: lowest and highest number that it takes; None if it keeps none.
        positions: names of its positions; empty if it has none.
        under_flow: whether it may turn while streams flow.
        window_ul_min: slowest and fastest flow rate [µL/min] that it delivers; None if it delivers
            nothing.
        standard_kpa: absolute pressure [kPa] at which it counts the volume of a gas; None where it
            counts the volume that really flows.
        ul_min_per_unit: flow rate [µL/min] of one unit of the number that it keeps.
        axis_unit: unit of the axis over which it takes frames; None if it takes none.
    """

    quantities: tuple[Quantity, ...] = ()
    unit: str = ""
    limits: tuple[float, float] | None = None
    positions: tuple[str, ...] = ()
    under_flow: bool = True
    axis_unit: str | None = None
    window_ul_min: tuple[float, float] | None = None
    standard_kpa: float | None = None
    ul_min_per_unit: float = 1.0

    @property
    def is_dispensing(self) -> bool:
        """Whether it can drive a stream."""
        return self.window_ul_min is not None

    @property
    def is_settable(self) -> bool:
        """Whether it keeps a number."""
        return self.limits is not None

    @property
    def is_selectable(self) -> bool:
        """Whether it turns to positions."""
        return bool(self.positions)

    @property
    def is_detecting(self) -> bool:
        """Whether it takes frames."""
        return self.axis_unit is not None


def abilities_of(interface: type, settings: DeviceSettings) -> Abilities:
    """What a device can do, from the class of its kind and its settings; nothing is opened.

    Args:
        interface: the class of the kind.
        settings: settings of the device.

    Raises:
        InputError: neither says what it has to say, or the kind is both set and turned, or takes
            frames and is read, set or turned besides.
    """
    from flowrig.interfaces.detecting import Detecting  # noqa: PLC0415 - that module imports this one

    def said(name: str) -> Any:
        found = getattr_static(interface, name)
        if not isinstance(found, property):
            return found
        if not hasattr(settings, name):
            raise InputError(f"neither {interface.__name__} nor its settings give {name!r}")
        return getattr(settings, name)

    if issubclass(interface, Settable) and issubclass(interface, Selectable):
        raise InputError(f"{interface.__name__} keeps a number and has positions; split it in two")
    if issubclass(interface, Detecting):
        if issubclass(interface, Readable | Settable | Selectable | Dispensing):
            name = interface.__name__
            raise InputError(f"{name} takes frames, and is read, set or turned besides; split it")
        return Abilities(axis_unit=str(said("axis_unit")))
    quantities: tuple[Quantity, ...] = ()
    if issubclass(interface, Readable):
        quantities = tuple(said("quantities"))
    if issubclass(interface, Dispensing) and issubclass(interface, Selectable):
        raise InputError(f"{interface.__name__} delivers and has positions; split it in two")
    found = Abilities(quantities)
    if issubclass(interface, Dispensing):
        found = _delivering(interface, settings, found)
    if issubclass(interface, Settable):
        low, high = said("limits")
        found = evolve(found, unit=str(said("unit")), limits=(float(low), float(high)))
    if issubclass(interface, Selectable):
        positions = tuple(map(str, said("positions")))
        found = evolve(found, positions=positions, under_flow=bool(said("under_flow")))
    return found


def _delivering(
    interface: type[Dispensing], settings: DeviceSettings, found: Abilities
) -> Abilities:
    """Abilities with what a device delivers; without it, where it is of use without a stream."""
    try:
        window_ul_min = interface.window_ul_min(settings)
        standard_kpa = interface.counts_at_kpa(settings)
        ul_min = interface.ul_min_per_unit(settings)
    except InputError:
        if not issubclass(interface, Settable):
            raise
        return found
    except AttributeError as error:
        message = f"neither {interface.__name__} nor its settings give {error.name!r}"
        raise InputError(message) from error
    return evolve(
        found, window_ul_min=window_ul_min, standard_kpa=standard_kpa, ul_min_per_unit=ul_min
    )
