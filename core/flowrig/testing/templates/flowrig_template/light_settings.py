"""Settings of the instrument in a profile."""

from attrs import field, frozen
from attrs.validators import gt, in_

from flowrig.interfaces import DeviceSettings


@frozen(kw_only=True)
class TemplateSettings(DeviceSettings):
    """Settings of one instrument.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0".
        baud: baud rate.
        deadline_s: longest wait [s] for one answer.
    """

    baud: int = field(default=9600, validator=in_((9600, 19200, 38400)))
    deadline_s: float = field(default=1.0, validator=gt(0.0))

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest intensity [%]."""
        return 0.0, 100.0
