"""What an experiment costs: for how long its liquid flows, and how much of it."""

import math
from collections.abc import Callable, Generator, Mapping
from typing import Any

from attrs import evolve

from flowrig.measurement.observation import Observation
from flowrig.procedure.steps import Step
from flowrig.profile import Profile
from flowrig.profile.model.features import PRODUCT, TIME, WASTE
from flowrig.profile.model.flow import GAS
from flowrig.safety.rig_state import Flow

__all__ = ["counting_costs"]


def counting_costs(
    profile: Profile,
    conditions: Mapping[str, Any],
    procedure: Generator[Step, Any, Observation],
    flows: Callable[[], Mapping[str, Flow]],
    now_s: Callable[[], float],
) -> Generator[Step, Any, Observation]:
    """Run the procedure of an experiment, and add the costs that features use to its readings.

    Heating at rest, references and refills do not count: they depend on what came before.

    Args:
        profile: the rig.
        conditions: of the experiment.
        procedure: yields its steps.
        flows: what flows now, by stream.
        now_s: rig time [s].
    """
    time_s = volume_ul = 0.0
    result: Any = None
    try:
        while True:
            step = procedure.send(result)
            before = {
                name: one
                for name, one in flows().items()
                if one.draws_ul is None and profile.streams[name].phase != GAS
            }
            before_s = now_s()
            result = yield step
            if before:
                time_s += now_s() - before_s
                volume_ul += _volume_ul(before, before_s, flows(), now_s())
    except StopIteration as end:
        observation: Observation = end.value
    finally:
        procedure.close()
    found = {
        TIME: time_s / 60.0,
        WASTE: volume_ul / 1000.0,
        PRODUCT: 0.06 * profile.product_ul_min(conditions),
    }
    used = {name: found[name] for name in profile.costs}
    return evolve(observation, readings={**observation.readings, **used})


def _volume_ul(
    before: Mapping[str, Flow], before_s: float, after: Mapping[str, Flow], after_s: float
) -> float:
    """Volume [µL] that flowed during a step; a control loop may have changed flow rates in it."""
    found = []
    for name, flow in before.items():
        now = after.get(name, flow)
        goes_on = now.since_s == flow.since_s
        found.append((now if goes_on else flow).moved_ul(after_s) - flow.moved_ul(before_s))
    return math.fsum(found)
