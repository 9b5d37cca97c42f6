"""Settings of a droplet generator in a profile."""

from attrs import field, frozen
from attrs.validators import gt

from flowrig.interfaces import DeviceSettings


@frozen(kw_only=True)
class DropletSettings(DeviceSettings):
    """Settings of one generator.

    Attributes:
        address: the serial port.
        highest_hz: highest frequency [Hz] of the nozzle that is fitted; `highest` in a profile.
        deadline_s: longest wait [s] for one answer.
    """

    highest_hz: float = field(default=100.0, validator=gt(0.0))
    deadline_s: float = field(default=1.0, validator=gt(0.0))

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest frequency [Hz]; `flowrig check` knows them without the driver."""
        return 0.0, self.highest_hz
