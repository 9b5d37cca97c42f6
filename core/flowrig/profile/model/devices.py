"""The instruments of a rig, and what is known of them before they are opened."""

from collections.abc import Mapping

from attrs import field, frozen

from flowrig.interfaces.capabilities import Abilities, Value
from flowrig.interfaces.device import DeviceSettings
from flowrig.plugins.offers import DriverOffer, KindOffer
from flowrig.profile.model.flow import Component
from flowrig.profile.quantity import QuantityError, parse_of_a_device

__all__ = ["DeviceEntry", "detectors_at", "units_of_readings"]


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
        safe: the number or position at which it is safe; None if it is neither set nor turned.
    """

    name: str
    offer: DriverOffer
    settings: DeviceSettings
    emulated: bool = False
    kind: KindOffer | None = None
    abilities: Abilities = field(factory=Abilities)
    safe: Value | None = None

    @property
    def axis_unit(self) -> str:
        """Unit of the axis over which it takes frames; "" if it takes none."""
        return "nm" if self.offer.kind == "spectrometer" else self.abilities.axis_unit or ""

    @property
    def axis_array(self) -> str:
        """What a journal calls the array with the axis of a detector, behind its name and a dot."""
        return "wavelengths_nm" if self.axis_unit == "nm" else "axis"

    @property
    def is_controlled(self) -> bool:
        """Whether it is set to numbers or turned to positions."""
        return self.abilities.is_settable or self.abilities.is_selectable

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


def units_of_readings(devices: Mapping[str, DeviceEntry]) -> dict[str, str]:
    """Unit of everything that devices report, by DEVICE.QUANTITY."""
    return {
        f"{name}.{quantity.name}": quantity.unit
        for name, entry in devices.items()
        for quantity in entry.abilities.quantities
    }
