"""Stand-ins for instruments whose driver cannot be loaded: the others can still be made safe."""

from typing import Any, Final, NoReturn

from attrs import frozen

from flowrig.errors import ConnectionLostError
from flowrig.interfaces import Device, DeviceSettings, Heater, Pump, Selectable, Spectrometer
from flowrig.plugins.offers import DriverOffer, Kind, KindOffer

__all__ = [
    "OTHER",
    "MissingDevice",
    "MissingHeater",
    "MissingPump",
    "MissingSettings",
    "MissingSpectrometer",
    "stand_in",
]

_CLASSES: Final = {
    "pump": "MissingPump",
    "heater": "MissingHeater",
    "spectrometer": "MissingSpectrometer",
    "missing": "MissingDevice",
}

OTHER: Final = KindOffer(name="missing", interface=f"{__name__}:MissingDevice")
"""The kind of a device of which nothing is known but that it has to go to a safe value."""


@frozen(kw_only=True)
class MissingSettings(DeviceSettings):
    """Settings of an instrument whose driver cannot be loaded.

    Attributes:
        address: as in the profile.
        reason: why the driver cannot be loaded.
        state: of a device of another kind: its safe value or position, in words.
    """

    address: str = ""
    reason: str = ""
    state: str = ""

    @property
    def positions(self) -> tuple[str, ...]:
        """The only position that is known."""
        return (self.state,)


def stand_in(kind: Kind, driver: str) -> DriverOffer:
    """The offer of a stand-in for a driver.

    Args:
        kind: "pump", "heater", "spectrometer", or the name of `OTHER`.
        driver: name of the driver that cannot be loaded.
    """
    return DriverOffer(
        kind=kind,
        name=driver,
        target=f"{__name__}:{_CLASSES[kind]}",
        settings=MissingSettings,
    )


class _Missing:
    """Every request ends in the reason why there is no driver."""

    name: str
    settings: Any

    def _do_open(self) -> NoReturn:
        raise ConnectionLostError(self.settings.reason, device=self.name)

    def _do_close(self) -> None:
        pass


def _refuse(self: _Missing, *_: Any) -> NoReturn:
    self._do_open()


_REFUSE: Any = _refuse  # whatever the request and its answer would be


class MissingPump(_Missing, Pump):
    """A pump without a driver."""

    _do_identify = _do_set_syringe = _do_set_rate = _REFUSE
    _do_start = _do_stop = _do_read_state = _REFUSE


class MissingHeater(_Missing, Heater):
    """A heater without a driver."""

    _do_identify = _do_limits = _do_set_temperature = _do_off = _do_read = _REFUSE


class MissingSpectrometer(_Missing, Spectrometer):
    """A spectrometer without a driver."""

    _do_identify = _do_limits = _do_wavelengths_nm = _do_set_integration_time = _REFUSE
    _do_integration_time_us = _do_acquire_frame = _do_set_light = _REFUSE

    @property
    def controls_light(self) -> bool:
        """Nobody knows; the attempt to shut it says why."""
        return True


class MissingDevice(_Missing, Device, Selectable):
    """A device of another kind without a driver."""

    _do_identify = _do_select = _do_position = _REFUSE
