"""Settings of a SCPI switch in a profile."""

from attrs import field, frozen, validators

from flowrig.interfaces import SelectableSettings
from flowrig_sensors.settings import ScpiSettings

__all__ = ["ScpiSwitchSettings"]


@frozen(kw_only=True)
class ScpiSwitchSettings(ScpiSettings, SelectableSettings):
    """Settings of a switch that answers SCPI.

    Attributes:
        address: see `ScpiSettings`.
        identity: see `ScpiSettings`.
        deadline_s: see `ScpiSettings`.
        positions: see `SelectableSettings`; the numbers are those of the channels.
        turn: the SCPI command that leads a channel on, with `{}` for its number. The driver sends
            `;*OPC?` behind it, and waits for the answer.
        query: the SCPI query of the channel; its answer has one whole number: `3` or `(@3)`.
    """

    turn: str = field(
        default="ROUT:CLOS (@{})", validator=validators.matches_re(r"[ -~]*\{\}[ -~]*")
    )
    query: str = field(default="ROUT:CLOS?", validator=validators.matches_re(r"[ -~]*\?[ -~]*"))
