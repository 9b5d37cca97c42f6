"""The equations and limits of a profile, and what is wrong with them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import product

import numpy as np
from attrs import evolve, field, frozen

from flowrig.problem.forms import Form, Ratio
from flowrig.problem.scale import Scale
from flowrig.problem.system import MOST_CORNERS, Branch, Equation, Limit, System
from flowrig.profile.controls.loops import loop_equations, narrowed
from flowrig.profile.controls.names import Names, names_of
from flowrig.profile.controls.set_points import set_point_window
from flowrig.profile.expressions import Expression, ExpressionError, Unit, unit_of
from flowrig.profile.model import Choice, DeviceEntry, Profile, Setting, Variable
from flowrig.profile.model.flow import VOLUME, volumes_by_hand
from flowrig.profile.model.procedure import TIME, named_waits
from flowrig.profile.problems import Finding, Path
from flowrig.profile.quantity import QuantityError
from flowrig.profile.topology import (
    MOST_COMBINATIONS,
    chosen_valves,
    in_words,
    positions_in_experiments,
)

__all__ = ["EquationSet", "equations_of", "needs_equations", "with_plain_sources"]

LONGEST_WAIT_S = 86_400.0
"""Longest time [s] of a named wait: a day."""

MOST_BRANCHES = 1000
"""Most combinations of choices."""

Ranges = Mapping[str, tuple[float, float]]


@frozen
class EquationSet:
    """The system of a profile with the place of each part, or what is wrong.

    Attributes:
        system: the system; None if the findings leave none.
        findings: what is wrong.
    """

    system: System | None
    findings: tuple[Finding, ...]


@frozen
class _Placed:
    """An equation with its place in the profile.

    Attributes:
        equation: the equation.
        path: its place.
        scale: where it is a time that is no quotient, that; the equation stands in its place.
    """

    equation: Equation
    path: Path
    scale: Scale | None = None


@frozen
class _Parts:
    """What is read so far.

    Attributes:
        always: equations for every choice.
        chosen: by category, equations for each of its choices.
        limits: windows on what is set.
        limited: the names in windows that the profile writes.
        findings: what is wrong.
    """

    always: list[_Placed] = field(factory=list)
    chosen: list[list[list[_Placed]]] = field(factory=list)
    limits: list[Limit] = field(factory=list)
    limited: set[str] = field(factory=set)
    findings: list[Finding] = field(factory=list)


def needs_equations(profile: Profile) -> bool:
    """Whether a profile has variables, settings or limits that are expressions, or categories."""
    return bool(
        profile.equations
        or profile.control
        or profile.limits.expressions
        or volumes_by_hand(profile.path)
        or named_waits(profile.procedure)
        or any(one.expression is not None or one.choices for one in profile.variables)
    )


def with_plain_sources(profile: Profile) -> tuple[Variable, ...]:
    """The variables; an expression that is the name of a stream or device alone becomes that."""
    names = names_of(profile)
    found = (_with_plain_source(profile, names, one) for one in profile.variables)
    return tuple(_in_unit_of_device(names, one) for one in found)


def _in_unit_of_device(names: Names, one: Variable) -> Variable:
    """A range in the unit of what is chosen: of a pressure in bar it is not turned into kPa."""
    if one.expression is None or one.choices:
        return one
    try:
        is_joined = one.expression.text.strip() in names.joined
        unit = unit_of("s") if is_joined else names.bind(one.expression).unit
    except ExpressionError:
        return one
    if unit.powers != one.quantity.powers or unit == one.quantity:
        return one
    factor = one.quantity.factor(unit)
    low, high = one.range
    step = None if one.step is None else one.step * factor
    return evolve(one, range=(low * factor, high * factor), step=step, quantity=unit)


def _with_plain_source(profile: Profile, names: Names, one: Variable) -> Variable:
    name = "" if one.expression is None else one.expression.text.strip()
    entry = profile.devices.get(name or one.name)
    if entry is not None and entry.is_controlled and one.device is None:
        return _of_a_device(entry, one)
    if name in names.refused:
        return one
    if name in profile.streams and one.quantity == unit_of("uL/min"):
        return evolve(one, stream=name, expression=None, quantity=Unit())
    is_heater = name in names.ratios and name in profile.devices
    if is_heater and one.quantity == unit_of("degC"):
        return evolve(one, heater=name, expression=None, quantity=Unit())
    return one


def _of_a_device(entry: DeviceEntry, one: Variable) -> Variable:
    """The variable as that of a device that is set or turned, if it can be."""
    if one.choices:
        is_plain = not any(choice.settings for choice in one.choices)
        return evolve(one, device=entry.name) if is_plain else one
    try:
        unit = unit_of(entry.abilities.unit) if entry.abilities.unit else Unit()
    except ValueError:  # a unit of its own, in which no range can be written
        return one
    if unit.powers != one.quantity.powers:
        return one
    factor = one.quantity.factor(unit)
    low, high = one.range
    return evolve(
        one,
        device=entry.name,
        range=(low * factor, high * factor),
        step=None if one.step is None else one.step * factor,
        expression=None,
        quantity=unit,
    )


def equations_of(profile: Profile) -> EquationSet:
    """The equations and limits of a profile, or of its readable sections.

    Args:
        profile: the profile; its rules for plain variables and flow rules hold.
    """
    turning = math.prod(len(one.choices) for one in chosen_valves(profile))
    if turning > MOST_COMBINATIONS:  # a rule about the path says so
        return EquationSet(None, ())
    read = _read(profile)
    findings = next((some.findings for some in read.values() if some.findings), [])
    if findings:
        return EquationSet(None, tuple(findings))
    first = next(iter(read.values()))
    choices = list(product(*(range(len(one)) for one in first.chosen)))
    if len(choices) > MOST_BRANCHES:
        message = f"the categories have {len(choices)} combinations"
        found = Finding(("space",), message, expected=f"at most {MOST_BRANCHES}")
        return EquationSet(None, (found,))
    parts_of = {choice: read[_positions_of(profile, choice)] for choice in choices}
    placed = {
        choice: [
            *parts.always,
            *(p for one, n in zip(parts.chosen, choice, strict=True) for p in one[n]),
        ]
        for choice, parts in parts_of.items()
    }
    findings = [found for some in placed.values() for found in _unscalable(profile, some)]
    if findings:
        return EquationSet(None, (findings[0],))
    unknowns = _unknowns(profile, placed[choices[0]], first.limited)
    system = System(
        [one.parameter for one in profile.variables],
        unknowns,
        {choice: [one.equation for one in some] for choice, some in placed.items()},
        [one for one in _all_limits(profile, choices, read) if one.ratio.names <= set(unknowns)],
        {
            choice: one.scale
            for choice, some in placed.items()
            for one in some
            if one.scale is not None
        },
    )
    findings = list(_unsolvable(profile, system, placed))
    return EquationSet(None if findings else system, tuple(findings))


def _read(profile: Profile) -> dict[tuple[str, ...], _Parts]:
    """What is read, by the positions that experiments choose for valves of the path."""
    read: dict[tuple[str, ...], _Parts] = {}
    for positions in positions_in_experiments(profile):
        names, parts = names_of(profile, positions), _Parts()
        _variables(profile, names, parts)
        _settings(profile, names, parts)
        parts.always.extend(_Placed(*one) for one in loop_equations(profile, positions))
        _limits(profile, names, parts)
        where = in_words(positions)
        parts.findings[:] = [
            evolve(one, message=f"{one.message}; with {where}") if where else one
            for one in parts.findings
        ]
        chosen = (positions[str(one.device)] for one in chosen_valves(profile))
        read[tuple(chosen)] = parts
    return read


def _positions_of(profile: Profile, choice: Sequence[int]) -> tuple[str, ...]:
    """The positions of valves of the path in one combination of choices."""
    valves = {one.name for one in chosen_valves(profile)}
    chosen = zip((one for one in profile.variables if one.choices), choice, strict=True)
    return tuple(one.choices[number].name for one, number in chosen if one.name in valves)


def _all_limits(
    profile: Profile,
    choices: Sequence[tuple[int, ...]],
    read: Mapping[tuple[str, ...], _Parts],
) -> list[Limit]:
    """The limits; one that differs by where valves stand applies to its choices only."""
    found: list[tuple[Limit, set[tuple[str, ...]]]] = []
    for positions, parts in read.items():
        for one in _with_off(parts):
            same = next((where for other, where in found if other == one), None)
            if same is None:
                found.append((one, {positions}))
            else:
                same.add(positions)
    return [
        one
        if len(where) == len(read)
        else evolve(one, only=frozenset(c for c in choices if _positions_of(profile, c) in where))
        for one, where in found
    ]


def _unknowns(profile: Profile, placed: Sequence[_Placed], limited: set[str]) -> list[str]:
    """Names of all that is set: streams, heaters in use, and what equations or limits name."""
    in_use = {one.heater for one in profile.path.values() if one.heater is not None} | limited
    for one in placed:
        in_use |= one.equation.ratio.names
    volumes = (f"{name}{VOLUME}" for name in volumes_by_hand(profile.path))
    waits = (f"{name}{TIME}" for name in named_waits(profile.procedure))
    devices = (one for one in profile.devices if one in in_use)
    return [*profile.streams, *devices, *volumes, *waits, *profile.control]


def _error(error: ExpressionError, path: Path, *, on_key: bool = False) -> Finding:
    return Finding(
        path,
        error.message,
        expected=error.expected,
        nearest=error.nearest,
        on_key=on_key,
        offset=None if on_key else error.offset,
    )


def _variables(profile: Profile, names: Names, parts: _Parts) -> None:
    for index, one in enumerate(profile.variables):
        here: Path = ("space", index)
        own = one.stream or one.heater or one.device
        if one.device is not None and one.choices:
            # It sets no stream and no heater, whatever is chosen.
            parts.chosen.append([[] for _ in one.choices])
        elif one.choices:
            parts.chosen.append(list(_category(profile, names, one, here, parts)))
        elif own is not None:
            ratio = Ratio(Form(0.0, {own: 1.0}))
            parts.always.append(
                _Placed(Equation(ratio, one.name, f"{one.name} in [[space]]"), here)
            )
        else:
            _expression_variable(names, one, here, parts)
        is_kept = one.name in profile.control and own is None and _is_plain(one)
        if one.name in names.meanings and own != one.name and not is_kept:
            message = f"the variable {one.name!r} has the name of something else that is set"
            parts.findings.append(Finding((*here, "name"), message, expected="another name"))


def _is_plain(one: Variable) -> bool:
    """Whether a variable is what its own name stands for."""
    return one.expression is not None and one.expression.text.strip() == one.name


def _expression_variable(names: Names, one: Variable, here: Path, parts: _Parts) -> None:
    assert one.expression is not None
    path = (*here, "is")
    label = f"{one.name} in [[space]]"
    if one.expression.text.strip() in names.joined:
        if one.quantity.powers != unit_of("s").powers:
            message = f"a range in {one.quantity} for a time"
            parts.findings.append(Finding((*here, "range"), message, expected="a range in s"))
        elif one.range[0] <= 0.0:
            message = "no flow rates are so large that liquid takes no time"
            parts.findings.append(Finding((*here, "range"), message, expected="more than 0 s"))
        else:
            parts.always.append(_scaling(names, one.expression, one.name, label, path))
        return
    try:
        ratio, bound = names.ratio(one.expression)
    except ExpressionError as error:
        parts.findings.append(_error(error, path))
        return
    if bound.unit.powers != one.quantity.powers:
        message = f"a range in {one.quantity} for {bound.natural.dimension}"
        parts.findings.append(
            Finding((*here, "range"), message, expected=f"a range in {bound.unit}")
        )
        return
    ratio = ratio.scaled(bound.unit.factor(one.quantity))
    parts.always.append(_Placed(Equation(ratio, one.name, label), path))


def _scaling(
    names: Names, expression: Expression, value: str | float, label: str, path: Path
) -> _Placed:
    """A time that is no quotient, and in its place in the equations that the sum of flows is 1."""
    total = Form(0.0, dict.fromkeys(names.streams, 1.0))
    scale = Scale(names.joined[expression.text.strip()], names.streams, value, label)
    return _Placed(Equation(Ratio(total), 1.0, label), path, scale)


def _unscalable(profile: Profile, placed: Sequence[_Placed]) -> Iterator[Finding]:
    """Why a time that is no quotient cannot decide the scale of all flow rates."""
    first = next((one for one in placed if one.scale is not None), None)
    if first is None:
        return
    for one in placed:
        ratio, value = one.equation.ratio, one.equation.value
        if one is first or not ratio.names & profile.streams.keys():
            continue
        constant = value if isinstance(value, float) else 0.0
        fixed = ratio.above.constant - constant * ratio.below.constant
        fixed = fixed or (isinstance(value, str) and ratio.below.constant)
        if one.scale is not None or fixed or ratio.names - profile.streams.keys():
            yield Finding(
                first.path,
                f"streams join or divide on the way, so that {first.equation.label} decides only "
                f"by what factor all flow rates grow, and {one.equation.label} fixes that too",
                expected="ratios of flow rates there; or a section that starts where they have "
                "joined",
            )
            return


def _category(
    profile: Profile, names: Names, one: Variable, here: Path, parts: _Parts
) -> Iterator[list[_Placed]]:
    """The equations of each choice."""
    listed = [choice.name for choice in one.choices]
    for number, choice in enumerate(one.choices):
        if choice.settings:
            path: Path = (*here, "choices", choice.name)
            yield list(_equations(choice.settings, names, path, parts))
        elif choice.name not in profile.streams:
            message = f"{choice.name!r} is no stream"
            expected = (
                "streams, of which one flows; positions of the device of `is`; or a table of "
                "settings for each choice"
            )
            parts.findings.append(Finding((*here, "choices", number), message, expected=expected))
            yield []
        else:
            yield [
                _Placed(_standing(stream, one, choice), (*here, "choices"))
                for stream in listed
                if stream != choice.name
            ]
    counts = {choice.name: len(choice.settings) for choice in one.choices}
    if len(set(counts.values())) > 1:
        message = "the choices have different numbers of settings"
        parts.findings.append(Finding((*here, "choices"), message, expected="as many for each"))


def _standing(stream: str, one: Variable, choice: Choice) -> Equation:
    label = f"{one.name} = {choice.name!r} in [[space]]"
    return Equation(Ratio(Form(0.0, {stream: 1.0})), 0.0, label)


def _settings(profile: Profile, names: Names, parts: _Parts) -> None:
    for stream, rule in profile.dependent_flows.items():
        factors = {stream: 1.0, **{name: -one for name, one in rule.coefficients.items()}}
        equation = Equation(
            Ratio(Form(-rule.constant_ul_min, factors)), 0.0, f"{stream} in [dependent_flows]"
        )
        parts.always.append(_Placed(equation, ("dependent_flows", stream)))
    for heater, set_point in profile.fixed_temperatures_c.items():
        ratio = Ratio(Form(0.0, {heater: 1.0}))
        equation = Equation(ratio, set_point, f"{heater} in [fixed_temperatures]")
        parts.always.append(_Placed(equation, ("fixed_temperatures", heater)))
    chosen = {one.device for one in profile.variables}
    for name, text in profile.device_settings.items():
        device = profile.devices[name]
        if device.abilities.is_settable and name not in chosen:
            with suppress(QuantityError):  # its own rule says so
                ratio = Ratio(Form(0.0, {name: 1.0}))
                equation = Equation(ratio, float(device.value_of(text)), f"{name} in [settings]")
                parts.always.append(_Placed(equation, ("settings", name)))
    parts.always.extend(_equations(profile.equations, names, ("settings",), parts))


def _equations(
    settings: Sequence[Setting], names: Names, path: Path, parts: _Parts
) -> Iterator[_Placed]:
    """Each setting as an equation of a quotient and a constant."""
    for setting in settings:
        here = (*path, setting.key)
        if setting.left.text.strip() in names.joined:
            yield from _time_setting(setting, names, here, parts)
            continue
        try:
            left, bound = names.ratio(setting.left)
        except ExpressionError as error:
            parts.findings.append(_error(error, here, on_key=True))
            continue
        try:
            right, other = names.ratio(setting.right)
        except ExpressionError as error:
            parts.findings.append(_error(error, here))
            continue
        if bound.unit.powers != other.unit.powers:
            message = f"{bound.natural.dimension} cannot be {other.natural.dimension}"
            parts.findings.append(Finding(here, message, expected=f"a value in {bound.unit}"))
            continue
        right = right.scaled(other.unit.factor(bound.unit))
        equation = _equation(left, right, f"{setting.key} in [{path[0]}]")
        if equation is None:
            message = "these two quotients give no linear equation"
            parts.findings.append(Finding(here, message, expected="a quotient and a constant"))
        else:
            yield _Placed(equation, here)


def _time_setting(setting: Setting, names: Names, here: Path, parts: _Parts) -> Iterator[_Placed]:
    """A time that is no quotient, set to a constant."""
    try:
        right, bound = names.ratio(setting.right)
    except ExpressionError as error:
        parts.findings.append(_error(error, here))
        return
    seconds = unit_of("s")
    if right.names or bound.unit.powers != seconds.powers:
        message = f"{setting.key} can only be a constant time: streams join or divide on the way"
        parts.findings.append(Finding(here, message, expected='a time, such as "60 s"'))
        return
    value = right.above.constant / right.below.constant * bound.unit.factor(seconds)
    if value <= 0.0:
        message = "no flow rates are so large that liquid takes no time"
        parts.findings.append(Finding(here, message, expected="more than 0 s"))
        return
    yield _scaling(names, setting.left, value, f"{setting.key} in [{here[0]}]", here)


def _equation(left: Ratio, right: Ratio, label: str) -> Equation | None:
    """`left = right`; None if that is not linear."""
    if not right.names:
        return Equation(left, right.above.constant / right.below.constant, label)
    if not left.names:
        return Equation(right, left.above.constant / left.below.constant, label)
    one, other = left.above.times(right.below), right.above.times(left.below)
    if one is None or other is None:
        return None
    return Equation(Ratio(one.plus(other.scaled(-1.0))), 0.0, label)


def _limits(profile: Profile, names: Names, parts: _Parts) -> None:
    total = Ratio(Form(0.0, dict.fromkeys(profile.streams, 1.0)))
    window = profile.limits.total_flow_ul_min
    parts.limits.append(Limit("total flow rate [µL/min]", total, *window))
    for name, stream in profile.streams.items():
        ratio = Ratio(Form(0.0, {name: 1.0}))
        window = narrowed(profile, name, stream.flow_rate_ul_min)
        parts.limits.append(Limit(f"flow rate of {name} [µL/min]", ratio, *window))
    for device in profile.devices.values():
        if device.offer.kind == "heater":
            ratio = Ratio(Form(0.0, {device.name: 1.0}))
            label = f"set point of {device.name} [°C]"
            parts.limits.append(Limit(label, ratio, *set_point_window(profile, device)))
        elif device.abilities.is_settable and device.abilities.limits is not None:
            ratio = Ratio(Form(0.0, {device.name: 1.0}))
            label = f"{device.name} [{device.abilities.unit}]".removesuffix(" []")
            window = narrowed(profile, device.name, device.abilities.limits)
            parts.limits.append(Limit(label, ratio, *window))
    for name, bounds in volumes_by_hand(profile.path).items():
        ratio = Ratio(Form(0.0, {f"{name}{VOLUME}": 1.0}))
        parts.limits.append(Limit(f"volume of {name} [µL]", ratio, *bounds))
    for name in named_waits(profile.procedure):
        ratio = Ratio(Form(0.0, {f"{name}{TIME}": 1.0}))
        parts.limits.append(Limit(f"time of {name} [s]", ratio, 0.0, LONGEST_WAIT_S))
    for one in profile.limits.expressions:
        path: Path = ("limits", one.expression.text)
        try:
            ratio, bound = names.ratio(one.expression)
        except ExpressionError as error:
            parts.findings.append(_error(error, path, on_key=True))
            continue
        if bound.unit.powers != one.quantity.powers:
            message = f"a window in {one.quantity} for {bound.natural.dimension}"
            parts.findings.append(Finding(path, message, expected=f"a window in {bound.unit}"))
            continue
        ratio = ratio.scaled(bound.unit.factor(one.quantity))
        parts.limited.update(ratio.names)
        label = f"{one.expression.text} [{one.quantity.name}]".removesuffix(" []")
        parts.limits.append(Limit(label, ratio, *one.window))


def _with_off(parts: _Parts) -> list[Limit]:
    """The limits; a stream that some choice stops has no smallest flow rate while it stands."""
    off = {
        name
        for category in parts.chosen
        for some in category
        for one in some
        if one.equation.value == 0.0 and one.equation.ratio.below == Form(1.0)
        for name in one.equation.ratio.names
        if one.equation.ratio == Ratio(Form(0.0, {name: 1.0}))
    }
    return [
        evolve(one, off=dict.fromkeys(one.ratio.names & off, 0.0))
        if len(one.ratio.names) == 1
        else one
        for one in parts.limits
    ]


def _unsolvable(
    profile: Profile, system: System, placed: Mapping[tuple[int, ...], Sequence[_Placed]]
) -> Iterator[Finding]:
    """Why the equations have no solution for some conditions: one combination of choices each."""
    for choice, branch in system.branches.items():
        found = list(_not_square(profile, branch, placed[choice])) or list(
            _singular(system, choice, branch, placed[choice])
        )
        if found:
            where = ", ".join(
                f"{one.name} = {one.choices[number].name}"
                for one, number in zip(
                    (v for v in profile.variables if v.choices), choice, strict=True
                )
            )
            yield from (
                evolve(one, message=f"{one.message}, where {where}" if where else one.message)
                for one in found
            )
            return


def _not_square(profile: Profile, branch: Branch, placed: Sequence[_Placed]) -> Iterator[Finding]:
    open_ = [branch.unknowns[one] for one in branch.structure.open]
    if open_:
        rows = len([row for row in branch.structure.core[0] if row not in branch.structure.surplus])
        lacking = max(len(branch.structure.open) - rows, 1)
        one = open_[0]
        message = (
            f"nothing sets {one!r}"
            if len(open_) == 1
            else f"nothing decides {lacking} of {', '.join(open_)}"
        )
        expected = "a variable in [[space]], or an equation in [settings]"
        path: Path = ("space",)
        if one in profile.control:
            path, expected = ("control", one), f"a key `at`, {expected}"
        yield Finding(path, message, expected=expected, on_key=True)
    surplus = [placed[row] for row in branch.structure.surplus]
    if surplus:
        labels = ", ".join(one.equation.label for one in surplus)
        message = f"more is said than can hold at once: {labels}"
        lone = "a profile without it, or without what decides the same"
        expected = "one of them less" if len(surplus) > 1 else lone
        yield Finding(surplus[-1].path, message, expected=expected, on_key=True)


def _singular(
    system: System, choice: tuple[int, ...], branch: Branch, placed: Sequence[_Placed]
) -> Iterator[Finding]:
    """The determinant has one sign at all corners; it is affine in each value."""
    rows, columns = branch.structure.core[0], branch.core_columns
    if not rows:
        return
    here = placed[rows[0]].path
    X = system.corners(choice, columns)
    if X is None:
        message = f"{len(columns)} ranges stand in equations that are solved together"
        yield Finding(("space",), message, expected=f"at most {MOST_CORNERS}", on_key=True)
        return
    signs = np.sign(branch.determinant(X))
    labels = ", ".join(placed[row].equation.label for row in rows)
    if branch.has_no_scale:
        message = f"ratios alone leave the scale of the flow rates open: {labels}"
        expected = "a total, a time or a flow rate in the place of one of them"
        yield Finding(here, message, expected=expected)
    elif not signs.any():
        message = f"these say the same twice: {labels}"
        yield Finding(here, message, expected="one that says another thing")
    elif not (signs == signs[0]).all() or not signs[0]:
        culprit = _flipping(X, signs, columns)
        one = system.parameters[culprit]
        unit = f" {one.unit}" if one.unit else ""
        yield Finding(
            ("space", culprit, "range"),
            f"between {one.name} = {one.low:g}{unit} and {one.high:g}{unit} the equations have no "
            f"solution: {labels}",
            expected="a narrower range, or other equations",
        )


def _flipping(X: np.ndarray, signs: np.ndarray, columns: Sequence[int]) -> int:
    """The column along which the sign changes most often."""

    def changes(column: int) -> int:
        low = X[:, column] == X[:, column].min()
        return int((signs[low] != signs[~low]).sum())

    return max(columns, key=changes)
