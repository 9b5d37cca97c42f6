"""What profiles and campaigns can say about the things that this distribution offers."""

from typing import Literal

from attrs import field, frozen
from attrs.validators import gt, le

from flowrig.interfaces import DeviceSettings, OptimizerSettings


@frozen(kw_only=True)
class DripSettings(DeviceSettings):
    """Settings of one pump.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0".
        model: which Drip is meant; another one at the address is an error.
        baud: line speed.
    """

    model: Literal["DRIP-10", "DRIP-50"] = "DRIP-50"
    baud: int = 19200


@frozen(kw_only=True)
class NeighbourhoodSettings(OptimizerSettings):
    """Settings of the neighbourhood search.

    Attributes:
        step: standard deviation of a step, as a fraction of each parameter's range.
    """

    step: float = field(default=0.15, validator=[gt(0.0), le(1.0)])
