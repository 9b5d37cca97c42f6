"""Settings of a New Era pump in a profile, and the limits of these pumps."""

from typing import Final, Literal, get_args

from attrs import field, frozen, validators

from flowrig.interfaces import DeviceSettings
from flowrig_newera.wire.protocol import ADDRESS_MAX, SAFE_MAX_S
from flowrig_serial.ports import places

__all__ = [
    "BAUD_RATES",
    "INNER_DIAMETER_MAX_MM",
    "INNER_DIAMETER_MIN_MM",
    "RATE_MAX_UL_MIN",
    "RATE_MIN_UL_MIN",
    "SPEEDS_MM_MIN",
    "Baud",
    "NewEraSettings",
]

Baud = Literal[19200, 9600, 2400, 1200, 300, "probe"]

BAUD_RATES: Final[tuple[int, ...]] = tuple(one for one in get_args(Baud) if one != "probe")
"""Line speeds of the set-up menu, in the order in which `baud = "probe"` tries them; 19200 is set
at the factory (NE-1000 manual, "RS-232 Communications")."""

INNER_DIAMETER_MIN_MM: Final = 0.1
INNER_DIAMETER_MAX_MM: Final = 50.0
"""Range of syringe inner diameters [mm] that the pumps take (NE-1000 manual)."""

SPEEDS_MM_MIN: Final = (0.04205 / 60.0, 51.005)
"""Slowest and fastest plunger [mm/min] of an NE-1000: 0.004205 cm/hr and 5.1005 cm/min (NE-1000
manual, "Specifications"). The protocol has no request for them."""

RATE_MIN_UL_MIN: Final = 0.1 / 60.0
"""Slowest flow rate [µL/min]: 0.1 µL/hr, which a pump still takes to three places."""

RATE_MAX_UL_MIN: Final = 9_999_000.0
"""Largest flow rate [µL/min] that four digits can say."""


@frozen(kw_only=True)
class NewEraSettings(DeviceSettings):
    """Settings of one New Era pump.

    Attributes:
        address: the serial port, "COM3" or "/dev/ttyUSB0"; "usb:SERIAL" for the port of the USB
            adapter with this serial number, wherever it is plugged in; or "socket://host:port" for
            a serial device server. The pumps of a chain have the same one.
        pump: address of the pump in its set-up menu, 0 to 99; each pump of a chain has its own.
        baud: line speed, as in the pump's set-up menu; "probe" tries one after the other each time
            the port is opened.
        safe_mode_s: time [s] without a request after which the pump stops by itself, 1 to 255, in
            whole seconds. The pump is then in Safe mode, where every request and reply has a
            checksum; None leaves it in Basic mode.
        rate_min_ul_min: slowest flow rate [µL/min] of the pump with its syringe, from its manual;
            by default that of an NE-1000 with this syringe. Other models need it.
        rate_max_ul_min: fastest flow rate [µL/min], as `rate_min_ul_min`.
        deadline_s: longest wait [s] for one reply, beside the time that its bytes take.
    """

    pump: int = field(default=0, validator=[validators.ge(0), validators.le(ADDRESS_MAX)])
    baud: Baud = field(default=19200, validator=validators.in_(get_args(Baud)))
    safe_mode_s: float | None = field(
        default=None,
        validator=validators.optional([validators.ge(1), validators.le(SAFE_MAX_S)]),
    )
    rate_min_ul_min: float | None = field(
        default=None, validator=validators.optional(validators.ge(RATE_MIN_UL_MIN))
    )
    rate_max_ul_min: float | None = field(
        default=None, validator=validators.optional(validators.le(RATE_MAX_UL_MIN))
    )
    deadline_s: float = field(default=1.0, validator=validators.gt(0))

    def __attrs_post_init__(self) -> None:
        slow, fast = self.rate_min_ul_min, self.rate_max_ul_min
        if (slow is None) != (fast is None):
            raise ValueError("rate_min and rate_max belong together: set both, or neither")
        if slow is not None and fast is not None and slow >= fast:
            raise ValueError("rate_min must be less than rate_max")

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """The port; with `look` also that of the USB adapter with a serial number."""
        return places(self.address, look=look)

    def uses_only(self) -> str:
        """The pump at its address on the chain."""
        return f"pump {self.pump}"

    @property
    def bauds(self) -> tuple[int, ...]:
        """The line speeds to try."""
        return BAUD_RATES if self.baud == "probe" else (self.baud,)
