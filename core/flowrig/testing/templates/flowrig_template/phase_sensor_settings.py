"""Settings of the instrument in a profile."""

from itertools import pairwise

from attrs import field, frozen
from attrs.validators import gt, in_, min_len

from flowrig.interfaces import DeviceSettings


@frozen(kw_only=True)
class TemplateSettings(DeviceSettings):
    """Settings of one instrument.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0".
        baud: baud rate.
        places_mm: place [mm] of each gate in the direction of flow, the first one at 0 mm.
        deadline_s: longest wait [s] for one answer.
    """

    baud: int = field(default=9600, validator=in_((9600, 19200, 38400)))
    places_mm: tuple[float, ...] = field(default=(0.0, 10.0), validator=min_len(1))
    deadline_s: float = field(default=1.0, validator=gt(0.0))

    @places_mm.validator
    def _require_rise(self, _attribute: object, places_mm: tuple[float, ...]) -> None:
        rises = all(before < after for before, after in pairwise(places_mm))
        if places_mm[0] != 0.0 or not rises:
            raise ValueError("name the places in the direction of flow, the first one at 0 mm")
