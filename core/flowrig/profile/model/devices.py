"""The instruments of a rig, and what is known of them before they are opened."""

from collections.abc import Mapping

from attrs import evolve, field, frozen

from flowrig.interfaces.capabilities import Abilities, Value
from flowrig.interfaces.device import DeviceSettings
from flowrig.plugins.offers import DriverOffer, KindOffer
from flowrig.profile.model.flow import Component, Stream
from flowrig.profile.quantity import QuantityError, parse_of_a_device

__all__ = [
    "DeviceEntry",
    "as_driven",
    "detectors_at",
    "gas_factor",
    "read_by_hand",
    "units_of_readings",
]


@frozen
class DeviceEntry:
    """An instrument of the rig.

    Attributes:
        name: name in the profile.
        offer: the offer of its driver.
        settings: an instance of the driver's settings class.
        emulated: whether an emulator of this process is at the address.
        kind: the kind of the device; None for a pump, a heater or a spectrometer.
        abilities: what it can do, if it is of such a kind.
        safe: the number or position at which it is safe; None if it is neither set nor turned, and
            for a device by hand, which is safe at any.
        drives: name of the stream that it drives without a syringe; "" for none. Its number is then
            the stream's flow rate, and nothing else sets it.
    """

    name: str
    offer: DriverOffer
    settings: DeviceSettings
    emulated: bool = False
    kind: KindOffer | None = None
    abilities: Abilities = field(factory=Abilities)
    safe: Value | None = None
    drives: str = ""

    @property
    def axis_unit(self) -> str:
        """Unit of the axis over which it takes frames; "" if it takes none."""
        return "nm" if self.offer.kind == "spectrometer" else self.abilities.axis_unit or ""

    @property
    def axis_array(self) -> str:
        """What a journal calls the array with the axis of a detector, behind its name and a dot."""
        return "wavelengths_nm" if self.axis_unit == "nm" else "axis"

    @property
    def integration_time_us(self) -> float:
        """Exposure [µs] of a frame, as its settings say; 0 where they do not."""
        return float(getattr(self.settings, "integration_time_us", None) or 0)

    @property
    def is_controlled(self) -> bool:
        """Whether it is set to numbers or turned to positions, by itself and not as a stream."""
        return not self.drives and (self.abilities.is_settable or self.abilities.is_selectable)

    @property
    def can_drive(self) -> bool:
        """Whether it can drive a stream without a syringe: it delivers, and no person works it."""
        return self.abilities.is_dispensing and not self.by_hand

    @property
    def by_hand(self) -> bool:
        """Whether a person works and reads it."""
        return self.offer.by_hand

    @property
    def dead_man_s(self) -> float | None:
        """Time [s] without a request after which it stops by itself, as its settings say.

        None where they say none; the run may arm a timer all the same, see `offer.dead_man`.
        """
        key = self.offer.dead_man_setting
        found: float | None = getattr(self.settings, key, None) if key else None
        return found

    @property
    def goes_on_alone(self) -> bool:
        """Whether it moves or heats something, and goes on where nobody asks it anything more.

        A device that is set to a number may: a bath heats, a stirrer turns, a light shines.
        """
        is_set = self.abilities.is_settable and not self.by_hand
        moves = bool(self.drives) or self.offer.kind in ("pump", "heater") or is_set
        return moves and not self.offer.dead_man and self.dead_man_s is None

    @property
    def has_safe_value(self) -> bool:
        """Whether the safe state brings it to a value."""
        return self.is_controlled and not self.by_hand

    def value_of(self, text: object) -> Value:
        """A number in its unit, or a position, from a profile.

        Raises:
            QuantityError: it is none that the device takes.
        """
        abilities = self.abilities
        if abilities.is_selectable:
            if text not in abilities.positions:
                raise QuantityError(f"got {text!r}", f"one of {', '.join(abilities.positions)}")
            return str(text)
        assert abilities.limits is not None
        value = parse_of_a_device(text, abilities.unit)
        low, high = abilities.limits
        if not low <= value <= high:
            unit = abilities.unit
            raise QuantityError(f"got {text!r}", f"{low:g} {unit} to {high:g} {unit}".rstrip())
        return value


def detectors_at(component: Component, devices: Mapping[str, DeviceEntry]) -> tuple[str, ...]:
    """The devices that take frames of what is in a component.

    Args:
        component: the component.
        devices: the devices of the rig.
    """
    first = () if component.spectrometer is None else (component.spectrometer,)
    more = (name for name in component.devices if name in devices and devices[name].axis_unit)
    return tuple(dict.fromkeys((*first, *more)))


def as_driven(
    devices: Mapping[str, DeviceEntry], streams: Mapping[str, Stream]
) -> dict[str, DeviceEntry]:
    """The devices, where one that a stream names is driven by it alone.

    Such a device has no number and no safe value of its own: it is stopped with its stream.

    Args:
        devices: of the rig.
        streams: of the rig.
    """
    driving = {stream.pump: name for name, stream in streams.items()}

    def driven(entry: DeviceEntry) -> DeviceEntry:
        # A safe value of the profile's own stays, for the rule that refuses it.
        own = entry.kind is None or entry.safe != entry.kind.safe
        return evolve(
            entry,
            drives=driving[entry.name],
            safe=entry.safe if own else None,
            abilities=evolve(entry.abilities, limits=None),
        )

    return {
        name: driven(entry) if name in driving and entry.can_drive else entry
        for name, entry in devices.items()
    }


def gas_factor(stream: Stream, entry: DeviceEntry) -> float:
    """What a flow rate of a stream is multiplied with to be one that its device counts.

    It is 1, but for a gas whose volume counts at another pressure than the device counts at. The
    gas is taken as ideal, and as warm as at standard conditions.

    Args:
        stream: the stream.
        entry: the device that drives it.
    """
    if not stream.pressure_kpa or entry.abilities.standard_kpa is None:
        return 1.0
    return stream.pressure_kpa / entry.abilities.standard_kpa


def units_of_readings(devices: Mapping[str, DeviceEntry]) -> dict[str, str]:
    """Unit of everything that devices report, by DEVICE.QUANTITY."""
    return {
        f"{name}.{quantity.name}": quantity.unit
        for name, entry in devices.items()
        for quantity in entry.abilities.quantities
    }


def read_by_hand(devices: Mapping[str, DeviceEntry]) -> dict[str, str]:
    """Unit of what a person reads once an experiment, by DEVICE.QUANTITY."""
    return units_of_readings({name: entry for name, entry in devices.items() if entry.by_hand})
