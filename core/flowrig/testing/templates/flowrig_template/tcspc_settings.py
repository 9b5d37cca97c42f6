"""Settings of the instrument in a profile."""

from attrs import field, frozen
from attrs.validators import ge, gt, in_

from flowrig.interfaces import DeviceSettings


@frozen(kw_only=True)
class TemplateSettings(DeviceSettings):
    """Settings of one instrument.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0".
        baud: baud rate.
        bins: number of bins of the histogram.
        bin_ns: width of a bin [ns].
        integration_time_us: how long [µs] photons are counted for a frame.
        deadline_s: longest wait [s] for one answer.
    """

    baud: int = field(default=9600, validator=in_((9600, 19200, 38400)))
    bins: int = field(default=100, validator=ge(2))
    bin_ns: float = field(default=0.5, validator=gt(0.0))
    integration_time_us: int = field(default=1_000_000, validator=gt(0))
    deadline_s: float = field(default=1.0, validator=gt(0.0))
