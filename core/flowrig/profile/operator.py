"""Gates and holds: questions of a run to a person, and the rig while the run waits."""

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

__all__ = ["Gate", "HoldRules"]

GateKind = Literal["heating", "flow", "stage"]


@frozen(kw_only=True)
class Gate:
    """A question that a person must answer with yes before a run goes on.

    Attributes:
        name: name of the gate, for answers in advance.
        before: the step that the gate guards: heating, flow or stage.
        asks: the question, in words.
        above_c: heating: the gate guards set points above this temperature [°C].
        heaters: heating: the guarded heaters; all if empty.
        streams: flow: the guarded streams.
        stage: stage: the stage of the campaign whose first experiment is guarded.
        each_time: heating and flow: whether to ask every time, not only the first time.
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
    """The rig while a run waits for a person: temperatures stay, reagents stop.

    Attributes:
        flow_rates_ul_min: by stream, flow rates [µL/min] during the hold; None for the carriers in
            the flush of the safe state, at the flow rates of that flush.
        longest_s: longest duration [s] of a hold; after it the rig goes to its safe state.
    """

    flow_rates_ul_min: Mapping[str, float] | None = field(default=None)
    longest_s: float = 600.0
