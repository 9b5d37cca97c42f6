"""Settings of devices that a person works and reads."""

from collections.abc import Mapping

from attrs import field, frozen

from flowrig.interfaces import DeviceSettings, Quantity, SelectableSettings

__all__ = ["ATTENDANT", "HandFlow", "HandNumber", "HandPositions", "HandReadings"]

ATTENDANT = "attendant "
"""How the address of an emulated device begins."""


def _require_none(_instance: object, _attribute: object, address: str) -> None:
    if address and not address.startswith(ATTENDANT):
        raise ValueError("nothing connects a device by hand; leave the address out")


@frozen(kw_only=True)
class HandPositions(SelectableSettings):
    """Settings of a valve or a collector that a person turns.

    Attributes:
        address: none; nothing connects the device to the computer.
    """

    address: str = field(default="", validator=_require_none)


@frozen(kw_only=True)
class HandNumber(DeviceSettings):
    """Settings of a device that a person sets to a number.

    Attributes:
        address: none; nothing connects the device to the computer.
        limits: lowest and highest number, in the unit of the device.
    """

    address: str = field(default="", validator=_require_none)
    limits: tuple[float, float] = field()

    @limits.validator
    def _require_order(self, _attribute: object, limits: tuple[float, float]) -> None:
        if not limits[0] < limits[1]:
            raise ValueError(f"limits begin with the lowest number, got {list(limits)}")


@frozen(kw_only=True)
class HandFlow(HandNumber):
    """Settings of a flow that a person sets.

    Attributes:
        unit: of the flow, as `limits` and the profile give it.
    """

    unit: str


@frozen(kw_only=True)
class HandReadings(DeviceSettings):
    """Settings of a display that a person reads.

    Attributes:
        address: none; nothing connects the device to the computer.
        reads: what it shows, each with its unit: `reads = { weight = "g" }`.
    """

    address: str = field(default="", validator=_require_none)
    reads: Mapping[str, str] = field()

    @reads.validator
    def _require_some(self, _attribute: object, reads: Mapping[str, str]) -> None:
        if not reads:
            raise ValueError("name what a person reads, each with its unit")

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it shows."""
        return tuple(Quantity(name, unit) for name, unit in self.reads.items())
