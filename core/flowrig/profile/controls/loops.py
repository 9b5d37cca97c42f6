"""Control loops in the equations of a profile: what they decide, and what is wrong with them."""

import math
from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve

from flowrig.errors import InputError
from flowrig.problem.forms import Form, Ratio
from flowrig.problem.space import Value
from flowrig.problem.system import Equation
from flowrig.profile.expressions import Unit, unit_of
from flowrig.profile.model import ControlLoop, Profile, Window
from flowrig.profile.model.devices import read_by_hand, units_of_readings
from flowrig.profile.problems import Finding, Path, nearest
from flowrig.profile.quantity import QuantityError, parse_of_a_device
from flowrig.profile.topology import Topology, positions_in_experiments, positions_under

__all__ = [
    "RULES",
    "are_sound",
    "gain_of",
    "loop_equations",
    "most_ul_min",
    "narrowed",
    "units_of",
]

SECONDS_PER_MINUTE = 60.0

LARGEST_INTEGRAL = 1.0
"""A correction takes away the whole error at most."""


def units_of(profile: Profile, loop: ControlLoop) -> tuple[str, str]:
    """Units of the reading of a loop, and of what it changes.

    Raises:
        KeyError: the rig has no such reading, stream or device.
    """
    by = "uL/min" if loop.by in profile.streams else profile.devices[loop.by].abilities.unit
    return units_of_readings(profile.devices)[loop.reading], by


def narrowed(profile: Profile, name: str, window: Window) -> Window:
    """The window of a stream or device, inside that of the loop that changes it."""
    low, high = window
    for loop in profile.control.values():
        if loop.by == name:
            least, most = loop.window(units_of(profile, loop)[1])
            low, high = max(low, least), min(high, most)
    return low, high


def most_ul_min(profile: Profile, flow_rates_ul_min: Mapping[str, float]) -> dict[str, float]:
    """Flow rates [µL/min] by stream; of one that a loop changes the highest one."""
    moved = {loop.by for loop in profile.control.values()}
    return {
        name: narrowed(profile, name, (rate, profile.streams[name].flow_rate_ul_min[1]))[1]
        if name in moved
        else rate
        for name, rate in flow_rates_ul_min.items()
    }


def gain_of(profile: Profile, loop: ControlLoop, conditions: Mapping[str, Value]) -> float:
    """By how much the reading of a loop changes for one unit of what the loop changes.

    The profile gives it, or the flow path does: all that flows passes the sensor, at a velocity of
    flow rate by cross section.
    """
    given = loop.gain_in(*units_of(profile, loop))
    if given is not None:
        return given
    form = _reading(profile, positions_under(profile, conditions), loop)
    assert form is not None  # its own rule says so
    return form.factors[loop.by]


def loop_equations(
    profile: Profile, positions: Mapping[str, str]
) -> Iterator[tuple[Equation, Path]]:
    """What loops decide, each with its place in the profile.

    The value at which a reading is kept has the name of the loop. What the loop changes begins
    where the flow path gives the reading this value; else in the middle of its window.

    Args:
        profile: a profile whose loops keep their own rules.
        positions: by device, what an experiment chooses for the valves of the path.
    """
    for name, loop in profile.control.items():
        unit, by = units_of(profile, loop)
        here: Path = ("control", name)
        label = f"[control.{name}], which decides {loop.by}"
        form = _reading(profile, positions, loop)
        if form is None:
            middle = math.fsum(loop.window(by)) / 2.0
            yield Equation(Ratio(Form(0.0, {loop.by: 1.0})), middle, label), here
        else:
            kept = Ratio(form.plus(Form(0.0, {name: -1.0})))
            yield Equation(kept, 0.0, label), here
        if loop.at is not None:
            at = parse_of_a_device(loop.at, unit)
            value = Ratio(Form(0.0, {name: 1.0}))
            yield Equation(value, at, f"at in [control.{name}]"), (*here, "at")


def _reading(profile: Profile, positions: Mapping[str, str], loop: ControlLoop) -> Form | None:
    """The reading of a loop in terms of flow rates, if the flow path tells it.

    It does of a flow rate, and of a velocity where the bore is known: v = q / (π/4 d²).
    """
    if loop.gain is not None:
        return None
    try:
        unit = unit_of(units_of_readings(profile.devices)[loop.reading])
        topology = Topology(profile, positions)
    except (ValueError, InputError, KeyError):
        return None
    part = next((one for one in profile.path.values() if loop.device in one.devices), None)
    factor = None if part is None else _factor(unit, part.inner_diameter_mm)
    if part is None or factor is None:
        return None
    shares = {
        stream: share * factor
        for stream in profile.streams
        if (share := topology.graph.passing(stream).get(part.name, 0.0)) > 0.0
    }
    return Form(0.0, shares) if loop.by in shares else None


def _factor(unit: Unit, bore_mm: float | None) -> float | None:
    """Reading in a unit for a flow rate of 1 µL/min; None if it is no reading of a flow."""
    flow, velocity = unit_of("uL/min"), unit_of("mm/s")
    if unit.powers == flow.powers:
        return flow.factor(unit)
    if unit.powers == velocity.powers and bore_mm is not None:
        return velocity.factor(unit) / (SECONDS_PER_MINUTE * math.pi / 4.0 * bore_mm**2)
    return None


def _names(profile: Profile) -> Iterator[Finding]:
    """A loop keeps a reading of the rig by a stream or a device, and has a name of its own."""
    readings = units_of_readings(profile.devices)
    by_hand = read_by_hand(profile.devices)
    changeable = [
        name
        for name, one in profile.devices.items()
        if one.is_controlled and one.abilities.is_settable and not one.by_hand
    ]
    for name, loop in profile.control.items():
        here: Path = ("control", name)
        if name in profile.streams or name in profile.devices:
            message = f"the loop {name!r} has the name of something else that is set"
            yield Finding(here, message, expected="another name", on_key=True)
        if loop.reading in by_hand:
            message = f"a person reads {loop.reading} once an experiment"
            yield Finding((*here, "reading"), message, expected="a reading of a sensor")
        else:
            yield from _one_of(loop.reading, readings, "reading", (*here, "reading"))
        what = "stream or device that is set to a number"
        yield from _one_of(loop.by, [*profile.streams, *changeable], what, (*here, "by"))
        if loop.by in changeable and not profile.devices[loop.by].abilities.under_flow:
            message = f"{loop.by!r} must not turn while liquid flows"
            yield Finding((*here, "by"), message, expected="what may change under flow")
    yield from _shared(profile)


def _one_of(name: str, known: Iterable[str], what: str, path: Path) -> Iterator[Finding]:
    names = sorted(known)
    if name not in names:
        expected = f"one of {', '.join(names)}" if names else "a sensor among [devices]"
        near = nearest(name, names)
        yield Finding(path, f"unknown {what} {name!r}", expected=expected, nearest=near)


def _shared(profile: Profile) -> Iterator[Finding]:
    """Two loops that change one thing, or keep one reading, work against each other."""
    for key in ("by", "reading"):
        first: dict[str, str] = {}
        for name, loop in profile.control.items():
            one = getattr(loop, key)
            if one in first:
                message = f"the loop {first[one]!r} has {one!r} already"
                yield Finding(("control", name, key), message, expected="one loop for each")
            first.setdefault(one, name)


def _quantities(profile: Profile) -> Iterator[Finding]:
    """The numbers of a loop have the units of its reading and of what it changes, and fit them."""
    if any(_names(profile)):
        return
    for name, loop in profile.control.items():
        here: Path = ("control", name)
        unit, by = units_of(profile, loop)
        try:
            if loop.at is not None:
                parse_of_a_device(loop.at, unit)
        except QuantityError as error:
            yield Finding((*here, "at"), error.message, expected=error.expected)
        try:
            yield from _window(profile, loop, loop.window(by), by)
        except QuantityError as error:
            yield Finding((*here, "within"), error.message, expected=error.expected)
        try:
            loop.gain_in(unit, by)
        except QuantityError as error:
            yield Finding((*here, "gain"), error.message, expected=error.expected)
        yield from _numbers(loop, here)


def _window(profile: Profile, loop: ControlLoop, window: Window, unit: str) -> Iterator[Finding]:
    if loop.by in profile.streams:
        own = profile.streams[loop.by].flow_rate_ul_min
    else:
        limits = profile.devices[loop.by].abilities.limits
        own = (-math.inf, math.inf) if limits is None else limits
    if not (own[0] <= window[0] and window[1] <= own[1]):
        message = f"{loop.within[0]} to {loop.within[1]} reaches beyond what {loop.by} may have"
        expected = f"a window inside {own[0]:g} {unit} to {own[1]:g} {unit}"
        yield Finding(("control", loop.name, "within"), message, expected=expected)


def _decided(profile: Profile) -> Iterator[Finding]:
    """Nothing else decides what a loop changes."""
    changed = {loop.by: name for name, loop in profile.control.items()}
    told: list[tuple[str, Path]] = [
        (one.stream or one.heater or one.device or one.name, ("space", index))
        for index, one in enumerate(profile.variables)
        if one.expression is None or one.expression.text.strip() == one.name
    ]
    told += [(one.key.strip(), ("settings", one.key)) for one in profile.equations]
    told += [(name, ("settings", name)) for name in profile.device_settings]
    told += [(name, ("dependent_flows", name)) for name in profile.dependent_flows]
    for by, path in told:
        if by in changed:
            drop = ".".join(map(str, path)) if isinstance(path[1], str) else f"space.{by}"
            message = f"[control.{changed[by]}] changes {by!r}, and nothing else decides it"
            expected = f'neither a variable nor a setting; `unset = ["{drop}"]` drops an inherited'
            yield Finding(path, message, expected=f"{expected} one", on_key=True)


def _numbers(loop: ControlLoop, here: Path) -> Iterator[Finding]:
    for key, value, most in (
        ("every", loop.every_s, math.inf),
        ("integral", loop.integral, LARGEST_INTEGRAL),
        ("tolerance", loop.tolerance, 1.0),
        ("grace", loop.grace_s, math.inf),
    ):
        if not 0.0 < value <= most:
            expected = "more than 0" if math.isinf(most) else f"more than 0, and {most:g} at most"
            yield Finding((*here, key), f"got {value:g}", expected=expected)
    if not 0.0 <= loop.proportional <= LARGEST_INTEGRAL:
        message, expected = f"got {loop.proportional:g}", f"0 to {LARGEST_INTEGRAL:g}"
        yield Finding((*here, "proportional"), message, expected=expected)


def _gains(profile: Profile) -> Iterator[Finding]:
    """The gain of a loop is known, from the flow path or from the profile, which do not contradict
    each other in its sign: the loop would drive the reading away from its value."""
    if any(_names(profile)) or any(_quantities(profile)):
        return
    for name, loop in profile.control.items():
        unit, by = units_of(profile, loop)
        positions = next(iter(positions_in_experiments(profile)))
        form = _reading(profile, positions, evolve(loop, gain=None))
        gain = loop.gain_in(unit, by)
        if form is not None and gain is not None and gain * form.factors[loop.by] < 0.0:
            message = f"by the flow path {loop.reading} rises with {loop.by}; here it falls"
            yield Finding(("control", name, "gain"), message, expected="the other sign, or no gain")
        if form is None and gain is None:
            message = (
                f"the flow path does not tell by how much {loop.reading} changes with {loop.by}"
            )
            expected = (
                f'a key `gain`, such as "1 {unit} per 10 {by}"; of a velocity or a flow rate the '
                f"path tells it where {loop.device} sits at a component with an inner_diameter "
                f"that {loop.by} passes"
            )
            yield Finding(("control", name), message, expected=expected, on_key=True)


def _experiments(profile: Profile) -> Iterator[Finding]:
    """A loop works while the steady experiment flows at one flow rate."""
    for name in profile.control:
        here: Path = ("control", name)
        if profile.procedure:
            message = "in an experiment by the steps of [[procedure]] nothing is kept at a value"
            yield Finding(here, message, expected="the steady experiment", on_key=True)
        if profile.residence_time.fast_start is not None:
            message = "a loop cannot hold a value while the first part flows faster"
            expected = "no table [residence_time.fast_start]"
            yield Finding(here, message, expected=expected, on_key=True)


def are_sound(profile: Profile) -> bool:
    """Whether the loops of a profile keep their own rules, so that they have equations."""
    rules = (_names, _quantities, _gains, _decided)
    return not any(finding for rule in rules for finding in rule(profile))


RULES = (_names, _quantities, _gains, _decided, _experiments)
