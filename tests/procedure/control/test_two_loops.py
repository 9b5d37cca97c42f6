"""Two control loops share the window of the total flow rate."""

from types import SimpleNamespace
from typing import Any

from flowrig.clock import VirtualClock
from flowrig.plugins.registry import Plugins
from flowrig.procedure.control.loops import Loops
from flowrig.profile.load import load_profile_text
from flowrig.safety.rig_state import Flow

MOST_UL_MIN = 300.0

RIG = f"""
extends = "oval-velocity"
unset = ["campaign", "settings", "space.salt"]

[devices.gauge]
driver = "scpi-sensor"
address = "192.0.2.41"

[devices.gauge.channels]
flow = {{ query = "MEAS:FLOW?", unit = "uL/min" }}

[limits]
total_flow = ["100 uL/min", "{MOST_UL_MIN:g} uL/min"]

[space]
Dots = {{ range = ["20 uL/min", "40 uL/min"] }}

[control.salt]
reading = "gauge.flow"
by = "Salt"
within = ["10 uL/min", "200 uL/min"]
gain = "1 uL/min per 1 uL/min"
at = "1000 uL/min"
"""


class Told:
    """Streams that flow at once as they are told."""

    def __init__(self, **rates_ul_min: float) -> None:
        self.readings: dict[str, float] = {}
        self.flows: dict[str, Flow] = {}
        self.set_flow_rates(rates_ul_min)

    def set_flow_rates(self, rates_ul_min: dict[str, float]) -> None:
        self.flows |= {n: Flow(rate_ul_min=r, since_s=0.0) for n, r in rates_ul_min.items()}

    def stream(self, name: str) -> Any:
        return SimpleNamespace(set_rate_ul_min=self.flows[name].rate_ul_min)

    @property
    def total_ul_min(self) -> float:
        return sum(one.rate_ul_min for one in self.flows.values())


def test_two_loops_that_want_more_leave_the_total_in_its_window() -> None:
    profile, clock = load_profile_text(RIG, "two.toml", Plugins.discover()), VirtualClock()
    told = Told(Dots=30.0, Salt=100.0, PFO=60.0)
    rig = SimpleNamespace(profile=profile, clock=clock)
    actuation: Any = SimpleNamespace(rig=rig, ledger=SimpleNamespace(rig_state=told))
    guard: Any = told
    loops = Loops(actuation, guard, lambda event: None)
    loops.begin({"Dots": 30.0, "velocity": 40.0}, {"salt": 1000.0, "velocity": 40.0})
    for look in range(40):
        clock.sleep(20.0)
        told.readings = {"gauge.flow": 10.0 + 0.01 * look, "oval.velocity": 5.0 + 0.01 * look}
        loops.follow()
        assert told.total_ul_min <= MOST_UL_MIN + 1e-9
    assert told.total_ul_min > 0.99 * MOST_UL_MIN
