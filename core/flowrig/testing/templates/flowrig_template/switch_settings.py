"""Settings of the instrument in a profile."""

from attrs import field, frozen
from attrs.validators import gt, in_

from flowrig.interfaces import SelectableSettings


@frozen(kw_only=True)
class TemplateSettings(SelectableSettings):
    """Settings of one instrument.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0".
        positions: by name, the number of each channel that the rig uses.
        baud: baud rate.
        deadline_s: longest wait [s] for one answer.
    """

    baud: int = field(default=9600, validator=in_((9600, 19200, 38400)))
    deadline_s: float = field(default=1.0, validator=gt(0.0))
