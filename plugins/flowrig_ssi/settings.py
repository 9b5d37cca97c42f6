"""Settings of an SSI pump in a profile."""

from collections.abc import Sequence

from attrs import field, frozen, validators

from flowrig.interfaces import DeviceSettings, Quantity
from flowrig_serial.ports import places

__all__ = ["FINE_UL_MIN", "SSISettings", "step_ul_min"]

FINE_UL_MIN = 10_000.0
"""Pumps up to this flow rate [µL/min] count in steps of 1 µL/min, others in steps of 10 µL/min."""


def step_ul_min(flow_rate_max_ul_min: float) -> float:
    """The step of the flow rate [µL/min] of a pump with a fastest one."""
    return 1.0 if flow_rate_max_ul_min <= FINE_UL_MIN else 10.0


@frozen(kw_only=True)
class SSISettings(DeviceSettings):
    """Settings of one SSI pump.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0"; "usb:SERIAL" for the port of the USB
            adapter with this serial number; or "socket://host:port" for a serial device server.
        flow_rate_max_ul_min: fastest flow rate [µL/min] of the pump with its head.
        deadline_s: longest wait [s] for one reply, beside the time that its bytes take.
    """

    flow_rate_max_ul_min: float = field(validator=validators.gt(0.0))
    deadline_s: float = field(default=1.0, validator=validators.gt(0))

    @property
    def limits_ul_min(self) -> tuple[float, float]:
        """Slowest and fastest flow rate [µL/min]."""
        return step_ul_min(self.flow_rate_max_ul_min), self.flow_rate_max_ul_min

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What the pump reports."""
        return (Quantity("pressure", "bar"),)

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """The port; with `look` also that of the USB adapter with a serial number."""
        return places(self.address, look=look)
