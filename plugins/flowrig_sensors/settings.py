"""Settings of a SCPI sensor in a profile."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen, validators

from flowrig.interfaces import DeviceSettings, Quantity

__all__ = ["DEFAULT_PORT", "ScpiChannel", "ScpiSensorSettings", "ScpiSettings", "host_and_port"]

DEFAULT_PORT: Final = 5025
"""TCP port of SCPI over a socket, as IANA lists it (scpi-raw)."""


# Without slots, so that a class can have it and the settings of a kind as its bases.
@frozen(kw_only=True, slots=False)
class ScpiSettings(DeviceSettings):
    """Settings of any instrument that answers SCPI queries.

    Attributes:
        address: "host" or "host:port" for a socket, with default port 5025; or the name of a VISA
            resource, which has "::" in it, and needs the package pyvisa.
        identity: words that the reply to `*IDN?` must contain, if it matters which instrument
            answers.
        deadline_s: longest wait [s] for one answer.
    """

    identity: str = ""
    deadline_s: float = field(default=2.0, validator=validators.gt(0))

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """The socket with its port, or the VISA resource."""
        if "::" in self.address or not self.address:
            return (self.address,)
        host, port = host_and_port(self.address)
        return (f"{host}:{port}",)


@frozen(kw_only=True)
class ScpiChannel:
    """One quantity that a sensor reports.

    Attributes:
        query: the SCPI query of its value, such as "MEAS:TEMP? (@101)".
        unit: its unit in flowrig, after `scale` and `offset`.
        scale: factor from the number of the instrument to the unit.
        offset: added after the factor.
    """

    query: str = field(validator=validators.matches_re(r"[ -~]*\?[ -~]*"))
    unit: str = ""
    scale: float = field(default=1.0, validator=validators.not_(validators.in_((0.0,))))
    offset: float = 0.0


@frozen(kw_only=True)
class ScpiSensorSettings(ScpiSettings):
    """Settings of a sensor that answers SCPI queries.

    Attributes:
        address: see `ScpiSettings`.
        identity: see `ScpiSettings`.
        deadline_s: see `ScpiSettings`.
        channels: what it reports, by the name of the quantity.
    """

    channels: Mapping[str, ScpiChannel] = field(validator=validators.min_len(1))

    @channels.validator
    def _require_names(self, _attribute: object, channels: Mapping[str, ScpiChannel]) -> None:
        for name in channels:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(
                    f"channels.{name}: a name has lower-case letters, digits and underscores"
                )

    @property
    def quantities(self) -> Sequence[Quantity]:
        """What the instrument reports."""
        return [Quantity(name, channel.unit) for name, channel in self.channels.items()]


def host_and_port(address: str) -> tuple[str, int]:
    """Host and port of an address of a socket.

    Raises:
        ValueError: the port is no number.
    """
    host, _, port = address.partition(":")
    if port and not port.isdecimal():
        raise ValueError(f"{address!r}: the port must be a number")
    return host, int(port or DEFAULT_PORT)
