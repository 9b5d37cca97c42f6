"""What a profile says about people: what they are asked, and how a run waits for them."""

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

__all__ = ["Gate", "HoldRules"]

GateKind = Literal["heating", "flow", "stage"]


@frozen(kw_only=True)
class Gate:
    """A run asks a person before it does something, and does it only after a yes.

    Attributes:
        name: by which it is answered ahead.
        before: heating, flow or stage.
        asks: the question, in words.
        above_c: heating: before a set point above this temperature [°C] is sent.
        heaters: heating: of which heaters; of all if none is named.
        streams: flow: before one of these is started.
        stage: stage: before the first experiment of this stage of the campaign.
        each_time: heating and flow: ask whenever it comes to that, not only the first time.
    """

    name: str
    before: GateKind
    asks: str = ""
    above_c: float | None = None
    heaters: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    stage: str | None = None
    each_time: bool = False


@frozen(kw_only=True)
class HoldRules:
    """What goes on while a run waits for a person: temperatures stay, reagents stop.

    Attributes:
        flow_rates_ul_min: what flows [µL/min] meanwhile; by default the carriers of the safe
            state's flush, as fast as there.
        longest_s: how long [s] the rig is kept like that, before it goes to its safe state.
    """

    flow_rates_ul_min: Mapping[str, float] | None = field(default=None)
    longest_s: float = 600.0
