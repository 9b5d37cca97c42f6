"""The protocol of SSI Next Generation pumps without a transport.

A request is two letters, with a number where it sets something, and CR. A reply begins with `OK`
and ends with `/`: `CS` is answered by `OK,5.000,6000,0,psi,0,1,0/`: flow rate [mL/min], limits and
unit of the pressure, and 1 where the pump runs. `Er/` refuses a request. `FI` sets the flow rate in
its steps, 1 or 10 µL/min, `RU` starts and `ST` stops.

Source: the public driver github.com/pct-code/py-hplc, after Teledyne SSI, "Serial Pump Control for
Next Generation SSI Pumps".
"""

import re
from typing import Final

from attrs import frozen

from flowrig.interfaces import Identity
from flowrig_serial.lines import Query

__all__ = [
    "BAR",
    "BAUD",
    "END",
    "RUN",
    "STOP",
    "Conditions",
    "State",
    "conditions",
    "fastest",
    "identity",
    "set_flow_rate",
    "state",
    "version",
]

BAUD: Final = 9600
END: Final = b"/"
"""End of a reply."""

RUN: Final = "RU"
STOP: Final = "ST"

BAR: Final = {"psi": 0.06894757293168361, "bar": 1.0, "MPa": 10.0}
"""One unit of pressure [bar]."""

_FLOW: Final = r"([0-9]{1,3}\.([0-9]{2,3}))"
_NUMBER: Final = r"([0-9]{1,5}(?:\.[0-9]{1,2})?)"
_STATE: Final = re.compile(rf"OK,{_FLOW},{_NUMBER},{_NUMBER},(psi|bar|MPa),[0-9],([01]),[0-9]")
_CONDITIONS: Final = re.compile(rf"OK,{_NUMBER},{_FLOW}")
_FASTEST: Final = re.compile(r"OK,MF:([0-9]{1,3}(?:\.[0-9]{1,3})?)")
_VERSION: Final = re.compile(r"OK,([ -+\--~]*Version[ -+\--~]*)")


@frozen
class State:
    """What a pump is set to.

    Attributes:
        rate_ul_min: flow rate [µL/min] while it runs.
        step_ul_min: step of the flow rate [µL/min].
        unit: unit of the pressure.
        runs: whether it runs.
    """

    rate_ul_min: float
    step_ul_min: float
    unit: str
    runs: bool


@frozen
class Conditions:
    """What a pump measures.

    Attributes:
        pressure: in the unit of the pump.
    """

    pressure: float


def state() -> Query[State]:
    """The query of what the pump is set to."""

    def parse(line: str) -> State | None:
        found = _STATE.fullmatch(line.strip())
        if found is None:
            return None
        flow, decimals, _, _, unit, runs = found.groups()
        step_ul_min = 1000.0 / 10 ** len(decimals)
        return State(1000.0 * float(flow), step_ul_min, unit, runs == "1")

    return Query("CS", parse)


def conditions() -> Query[Conditions]:
    """The query of the pressure."""

    def parse(line: str) -> Conditions | None:
        found = _CONDITIONS.fullmatch(line.strip())
        return None if found is None else Conditions(float(found[1]))

    return Query("CC", parse)


def fastest() -> Query[float]:
    """The query of the fastest flow rate [µL/min]."""

    def parse(line: str) -> float | None:
        found = _FASTEST.fullmatch(line.strip())
        return None if found is None else 1000.0 * float(found[1])

    return Query("MF", parse)


def version() -> Query[str]:
    """The query of the firmware."""

    def parse(line: str) -> str | None:
        found = _VERSION.fullmatch(line.strip())
        return None if found is None else " ".join(found[1].split())

    return Query("ID", parse)


def identity(firmware: str) -> Identity:
    """The identity of a pump with a firmware; the protocol has no model and no serial number."""
    return Identity("Teledyne SSI", "HPLC pump", firmware=firmware)


def set_flow_rate(rate_ul_min: float, step_ul_min: float) -> str:
    """The command for a flow rate [µL/min], in steps of the pump."""
    return f"FI{round(rate_ul_min / step_ul_min)}"
