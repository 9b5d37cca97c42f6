"""A procedure of one's own as a course of times, flows and positions under some conditions."""

import math
from collections.abc import Iterator, Mapping

from attrs import frozen

from flowrig.errors import InputError, OutOfRangeError
from flowrig.problem.space import Value
from flowrig.profile.controls.names import names_of
from flowrig.profile.expressions import Expression, ExpressionError, unit_of
from flowrig.profile.model import Profile
from flowrig.profile.model.procedure import TIME, ProcedureStep
from flowrig.profile.topology import Topology, positions_under

__all__ = ["Moment", "States", "StepTimeError", "require_time", "states", "timeline", "volumes_ul"]


@frozen(kw_only=True)
class States:
    """What holds when a step of a procedure has begun, whatever the conditions are.

    Attributes:
        step: the step.
        flowing: streams that flow, in the order of the profile.
        positions: by device, the positions to which steps have turned devices so far.
    """

    step: ProcedureStep
    flowing: tuple[str, ...]
    positions: Mapping[str, str]


class StepTimeError(OutOfRangeError):
    """A step has no finite time under some conditions, or a negative one.

    Args:
        number: of the step, from 1.
        step: the step.
        duration_s: the time [s] that it would take.
    """

    def __init__(self, number: int, step: ProcedureStep, duration_s: float) -> None:
        super().__init__(f"step {number} of the procedure, {step.do}, would take {duration_s:g} s")
        self.number, self.step = number, step


@frozen(kw_only=True)
class Moment:
    """A step of a procedure under some conditions.

    Attributes:
        step: the step.
        duration_s: how long it takes [s]; 0 for a step without a time.
        flow_rates_ul_min: by stream that flows meanwhile, its flow rate [µL/min].
        positions: by device, the positions to which steps have turned devices so far.
    """

    step: ProcedureStep
    duration_s: float
    flow_rates_ul_min: Mapping[str, float]
    positions: Mapping[str, str]


def states(profile: Profile) -> Iterator[States]:
    """What flows and where devices stand, from step to step of the procedure of a profile."""
    flowing: set[str] = set()
    positions: dict[str, str] = {}
    for step in profile.procedure:
        if step.do == "flow":
            flowing |= set(step.streams)
        elif step.do == "stop":
            flowing -= set(step.streams or profile.streams)
        elif step.device is not None and step.position is not None:
            positions = {**positions, step.device: step.position}
        in_order = tuple(name for name in profile.streams if name in flowing)
        yield States(step=step, flowing=in_order, positions=positions)


def timeline(profile: Profile, conditions: Mapping[str, Value]) -> tuple[Moment, ...]:
    """The course of the procedure of a profile under some conditions.

    The time of a section in an expression is that at the flows and positions of its step.

    Raises:
        StepTimeError: a step has no finite time under these conditions, or a negative one.
    """
    rates = profile.flow_rates_ul_min(conditions)
    chosen = positions_under(profile, conditions)
    names = names_of(profile, chosen)
    known = _controls(profile, conditions, rates)
    values = {
        name: ratio.value(known)
        for name, ratio in names.ratios.items()
        if ratio.names <= known.keys() and name.removesuffix(TIME) not in profile.sections
    }
    rig = profile.with_volumes(profile.volumes_ul(conditions))
    found = []
    for number, state in enumerate(states(profile), 1):
        flowing = {one: rates[one] for one in state.flowing if rates[one] > 0.0}
        topology = Topology(rig, {**chosen, **state.positions})
        duration_s = 0.0
        if state.step.do == "wait" and state.step.name is not None:
            duration_s = values[f"{state.step.name}{TIME}"]
        elif state.step.time is not None:
            timed = {**values, **_section_times(topology, state.step.time, flowing)}
            bound = state.step.time.bind(names.meanings)
            duration_s = float(bound.evaluate(timed)) * bound.unit.factor(unit_of("s"))
        if not (math.isfinite(duration_s) and duration_s >= 0.0):
            raise StepTimeError(number, state.step, duration_s)
        found.append(
            Moment(
                step=state.step,
                duration_s=duration_s,
                flow_rates_ul_min=flowing,
                positions=state.positions,
            )
        )
    return tuple(found)


def volumes_ul(moments: tuple[Moment, ...], measuring_s: float) -> dict[str, float]:
    """Volume [µL] that each stream delivers.

    Args:
        moments: the course of a procedure.
        measuring_s: how long the frames take at least [s].
    """
    found: dict[str, float] = {}
    for moment in moments:
        least_s = measuring_s if moment.step.do == "measure" else 0.0
        minutes = max(moment.duration_s, least_s) / 60.0
        for name, rate in moment.flow_rates_ul_min.items():
            found[name] = found.get(name, 0.0) + rate * minutes
    return found


def _controls(
    profile: Profile, conditions: Mapping[str, Value], rates: Mapping[str, float]
) -> dict[str, float]:
    """All that is set, by the names that expressions over controls are made of."""
    if profile.system is not None:
        return {**profile.system.controls(conditions), **rates}
    numbers = {
        name: float(value)
        for name, value in profile.device_values(conditions).items()
        if not isinstance(value, str)
    }
    return {**numbers, **profile.set_points_c(conditions), **rates}


def _section_times(
    topology: Topology, expression: Expression, flowing: Mapping[str, float]
) -> dict[str, float]:
    """The times [s] of the sections in an expression; infinite where nothing flows through."""
    found = {}
    for name in expression.names:
        section = topology.sections.get(name.removesuffix(TIME)) if name.endswith(TIME) else None
        if section is None:
            continue
        try:
            found[name] = topology.section_time_s(section, flowing)
        except InputError:  # no way leads through it in these positions
            found[name] = math.inf
    return found


def require_time(profile: Profile, expression: Expression) -> None:
    """Require an expression to be a time.

    Raises:
        ExpressionError: it is none, or a name is not known.
    """
    bound = expression.bind(names_of(profile).meanings)
    if bound.unit.powers != unit_of("s").powers:
        raise ExpressionError(f"{bound.natural.dimension} for a time", 0, "an expression in s")
