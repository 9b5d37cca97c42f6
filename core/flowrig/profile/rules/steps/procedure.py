"""Rules for the steps of a procedure: their keys, their order, and their times."""

import math
import re
from collections.abc import Iterator

import numpy as np

from flowrig.problem.designs import uniform
from flowrig.profile.controls.studies import twice
from flowrig.profile.controls.timeline import Moment, StepTimeError, require_time, states, timeline
from flowrig.profile.expressions import ExpressionError
from flowrig.profile.model import Profile
from flowrig.profile.model.devices import detectors_at
from flowrig.profile.model.procedure import ProcedureStep
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names
from flowrig.profile.topology import FlowGraph, valve_positions
from flowrig.profile.topology.design_numbers import space_corners

__all__ = ["RULES", "timed"]

_KEYS = {
    "select": ("device", "position"),
    "flow": ("streams",),
    "stop": ("streams",),
    "wait": ("for", "name"),
    "measure": ("during",),
}
"""Keys of each kind of step."""

_NAME = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)

_POINTS = 100
"""Random conditions at which times are computed, besides the corners of the space."""


def _here(number: int) -> Path:
    return ("procedure", number)


def _time_of(step: ProcedureStep, number: int) -> Path:
    """Where the time of a step stands, or the name by which something else gives it."""
    if step.do == "wait":
        return (*_here(number), "for" if step.duration is not None else "name")
    return (*_here(number), "during")


def keys(profile: Profile) -> Iterator[Finding]:
    """A step has the keys of its kind, and no others."""
    for number, step in enumerate(profile.procedure):
        given = {
            "device": step.device,
            "position": step.position,
            "streams": step.streams or None,
            "name": step.name,
            "for": step.duration,
            "during": step.during,
        }
        own = _KEYS[step.do]
        for key, value in given.items():
            if value is not None and key not in own:
                expected = f"only {' and '.join(own)}"
                message = f"a step {step.do!r} has no key {key!r}"
                yield Finding((*_here(number), key), message, expected=expected, on_key=True)
        present = [key for key in own if given[key] is not None]
        if step.do == "wait" and len(present) != 1:
            message = "a wait has a time of its own, or a name by which something gives it one"
            yield Finding(_here(number), message, expected="one of `for` and `name`", on_key=True)
        elif step.do not in ("wait", "stop"):
            for key in own:
                if key not in present:
                    yield Finding(_here(number), f"missing key {key!r}", on_key=True)


def named(profile: Profile) -> Iterator[Finding]:
    """Steps name streams, devices that turn, and positions; waits have names of their own."""
    waits: set[str] = set()
    for number, step in enumerate(profile.procedure):
        here = _here(number)
        for place, stream in enumerate(step.streams):
            path: Path = (*here, "streams", place)
            yield from names.one_of(stream, profile.streams, "stream", path)
        yield from twice(step.streams, "stream", (*here, "streams"))
        if step.device is not None:
            yield from _turning(profile, step, here)
        if step.name is None:
            continue
        if not _NAME.fullmatch(step.name):
            expected = "letters, digits and underscores, with a letter first"
            yield Finding((*here, "name"), f"got the name {step.name!r}", expected=expected)
        elif step.name in {*waits, *profile.sections, "residence"}:
            message = f"another wait, or a section, is called {step.name!r}"
            yield Finding((*here, "name"), message, expected="another name")
        waits.add(step.name)


def _turning(profile: Profile, step: ProcedureStep, here: Path) -> Iterator[Finding]:
    """A device that a step turns can be turned, by nothing else, and without a person."""
    turned = {n: one for n, one in profile.devices.items() if one.abilities.is_selectable}
    path: Path = (*here, "device")
    yield from names.one_of(str(step.device), turned, "device with positions", path)
    entry = turned.get(str(step.device))
    if entry is None:
        return
    if step.position is not None:
        known = entry.abilities.positions
        yield from names.one_of(step.position, known, "position", (*here, "position"))
    filling = {one.refill.valve for one in profile.streams.values() if one.refill is not None}
    selecting = {s.selector.valve for s in profile.streams.values() if s.selector is not None}
    for is_so, why in (
        (entry.by_hand, "a person works it, which takes a time that nobody knows"),
        (step.device in {one.device for one in profile.variables}, "a variable turns it"),
        (step.device in filling, "it fills a syringe between experiments"),
        (step.device in selecting, "it selects a liquid, whose line is rinsed before the steps"),
    ):
        if is_so:
            message = f"a step cannot turn {step.device!r}: {why}"
            yield Finding(path, message, expected="a valve of the path, or another device")


def order(profile: Profile) -> Iterator[Finding]:
    """What starts stands, what stops flows, nothing turns under flow, and one step measures."""
    flowing: tuple[str, ...] = ()
    at: dict[str, str] = {}
    for number, state in enumerate(states(profile)):
        step, here = state.step, _here(number)
        for place, stream in enumerate(step.streams):
            if step.do == "flow" and stream in flowing:
                message = f"{stream!r} flows already"
                yield Finding((*here, "streams", place), message, expected="a step `stop` before")
            if step.do == "stop" and stream in profile.streams and stream not in flowing:
                message = f"{stream!r} does not flow here"
                expected = f"one of {', '.join(flowing)}" if flowing else "a step `flow` before"
                yield Finding((*here, "streams", place), message, expected=expected)
        entry = profile.devices.get(step.device or "")
        moves = entry is not None and at.get(entry.name) != step.position
        if moves and flowing and entry is not None and not entry.abilities.under_flow:
            message = f"{step.device!r} would turn while {', '.join(flowing)} may flow"
            yield Finding(here, message, expected="a step `stop` before", on_key=True)
        flowing, at = state.flowing, dict(state.positions)
    measuring = [n for n, step in enumerate(profile.procedure) if step.do == "measure"]
    if profile.procedure and len(measuring) != 1:
        where = _here(measuring[1]) if measuring else ("procedure",)
        message = f"the procedure measures {len(measuring)} times" if measuring else ""
        message = message or "the procedure measures nothing"
        yield Finding(where, message, expected="one step `measure`", on_key=True)


def measured(profile: Profile) -> Iterator[Finding]:
    """Where the procedure measures, a stream flows or flowed that way, however little it was."""
    seen = list(states(profile))
    number = next((n for n, one in enumerate(seen) if one.step.do == "measure"), None)
    if number is None:
        return
    positions = seen[number].positions
    came = {s for one in seen[: number + 1] if one.positions == positions for s in one.flowing}
    given = {**profile.device_settings, **positions}
    at = valve_positions(profile.path, profile.devices, given)
    graph = FlowGraph(profile.path, profile.streams, at)
    wanted = {channel.device for channel in profile.analysis.channels.values()}
    for name, component in profile.path.items():
        looking = {*detectors_at(component, profile.devices)} & wanted
        if looking and not any(name in graph.passing(one) for one in came & {*profile.streams}):
            yield Finding(
                _here(number),
                f"nothing has flowed through {name!r} when {', '.join(sorted(looking))} measures",
                expected="a step `flow` before, or other positions",
                on_key=True,
            )


def times(profile: Profile) -> Iterator[Finding]:
    """The time of a step is a time."""
    for number, step in enumerate(profile.procedure):
        if step.time is None:
            continue
        path = _time_of(step, number)
        try:
            require_time(profile, step.time)
        except ExpressionError as error:
            yield Finding(
                path,
                error.message,
                expected=error.expected,
                nearest=error.nearest,
                offset=error.offset,
            )


def not_stationary(profile: Profile) -> Iterator[Finding]:
    """A procedure measures when it says, and not when features stand still."""
    if profile.procedure and profile.residence_time.stationary is not None:
        path: Path = ("residence_time", "stationary")
        message = "a procedure of one's own does not wait for stationary features"
        yield Finding(path, message, expected="no such table", on_key=True)


def timed(profile: Profile) -> Iterator[Finding]:
    """Under all conditions a step takes a finite time, and heat has the flow that it needs.

    Args:
        profile: a profile that keeps all other rules. It is looked at in the corners of its space,
            and at random conditions inside.
    """
    if not profile.procedure:
        return
    space = profile.space
    inside = uniform(space, _POINTS, np.random.default_rng(0))
    for conditions in (*space_corners(profile), *space.rows(space.from_unit(inside))):
        try:
            moments = timeline(profile, conditions)
        except StepTimeError as error:
            shown = ", ".join(f"{name} = {value}" for name, value in conditions.items())
            path = _time_of(error.step, error.number - 1)
            expected = "a finite time, 0 s or more"
            yield Finding(path, f"{error}, with {shown}", expected=expected)
            return
        found = [*_short(profile, moments), *_hot(profile, conditions, moments)]
        if found:
            yield from found
            return


def _short(profile: Profile, moments: tuple[Moment, ...]) -> Iterator[Finding]:
    """The frames of a measurement fit into its time."""
    for number, moment in enumerate(moments):
        if moment.step.do != "measure":
            continue
        for device in profile.analysis.devices:
            exposure_us = profile.devices[device].integration_time_us
            least_s = profile.analysis.frames_of(device) * exposure_us * 1e-6
            if moment.duration_s < least_s:
                yield Finding(
                    (*_here(number), "during"),
                    f"{moment.duration_s:.3g} s are too short for the frames of {device!r}, which "
                    f"take {least_s:.3g} s",
                    expected="a longer time, or fewer `frames`",
                )


def _hot(
    profile: Profile, conditions: dict[str, object], moments: tuple[Moment, ...]
) -> Iterator[Finding]:
    """No step lasts longer without flow than an interlock allows while a heater is hot."""
    set_points_c = profile.set_points_c(conditions)  # type: ignore[arg-type]
    for index, interlock in enumerate(profile.interlocks):
        if interlock.kind != "heat-needs-flow" or interlock.above_c is None:
            continue
        if set_points_c.get(str(interlock.heater), -math.inf) <= interlock.above_c:
            continue
        still_s = 0.0
        for number, moment in enumerate(moments):
            flows = {*moment.flow_rates_ul_min} & {*interlock.streams}
            still_s = 0.0 if flows else still_s + moment.duration_s
            if still_s > interlock.grace_s:
                yield Finding(
                    _here(number),
                    f"for {still_s:.3g} s none of {', '.join(interlock.streams)} flows, and "
                    f"interlock {index + 1} lets {interlock.heater!r} be hot for "
                    f"{interlock.grace_s:g} s without flow",
                    expected="a stream that flows meanwhile, or a longer `grace`",
                    on_key=True,
                )
                return


RULES = (keys, named, order, measured, times, not_stationary)
