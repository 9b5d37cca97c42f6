"""Studies of a campaign: what they may know of the rig, and their settings in its units."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import attrs
import numpy as np

from flowrig.errors import (
    FlowrigError,
    InputError,
    MissingDependencyError,
    OutOfRangeError,
    PluginError,
)
from flowrig.interfaces.study import (
    At,
    Fraction,
    PlannedStudy,
    Point,
    Storage,
    Study,
    StudyPoint,
    StudyRig,
    StudySettings,
    Sweep,
)
from flowrig.plugins.contained import one_line
from flowrig.problem.door import Door
from flowrig.problem.middle import centre
from flowrig.problem.space import Value
from flowrig.profile.controls.beyond import found_beyond, gate_of, widened, wider_range
from flowrig.profile.controls.from_toml import amount
from flowrig.profile.controls.loops import most_ul_min
from flowrig.profile.controls.objections import objected
from flowrig.profile.converter import quantity_hook
from flowrig.profile.mismatch import MISFITS, Mismatch, findings
from flowrig.profile.model import OffLine, Profile, Scan, Stage, Variable
from flowrig.profile.operator import Gate
from flowrig.profile.problems import Finding, Path, nearest, shown
from flowrig.profile.topology import Topology
from flowrig.profile.topology.positions import valve_turners

__all__ = [
    "acquisition_s",
    "asked",
    "at_of",
    "dark_s",
    "new_study",
    "reference_conditions",
    "require_fractions",
    "require_points",
    "study_rig",
    "sweep_of",
    "twice",
    "with_studies",
]

WORDS = ("middle", "best")
"""Places that a study can name."""

ALL = "all"
"""Every choice of a category."""

MOST_LEVELS = 1000
"""Largest number of values of one condition in a sweep."""

MOST_POINTS = 10_000
"""Largest number of points of a study."""

R = TypeVar("R")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_IS: Mapping[str, Callable[[Any], bool]] = {
    "True or False": lambda value: isinstance(value, bool),
    "a finite number": lambda value: _is_number(value) and math.isfinite(value),
    "a number": _is_number,
    "a number or None": lambda value: value is None or _is_number(value),
    "a whole number": _is_whole,
    "a whole number or None": lambda value: value is None or _is_whole(value),
    "a text": lambda value: isinstance(value, str),
    "a tuple of texts": lambda value: (
        isinstance(value, tuple) and all(isinstance(one, str) for one in value)
    ),
    "a tuple of whole numbers": lambda value: (
        isinstance(value, tuple) and all(map(_is_whole, value))
    ),
    "values by name": lambda value: (
        isinstance(value, Mapping) and all(isinstance(name, str) for name in value)
    ),
    "numbers by name": lambda value: (
        isinstance(value, Mapping)
        and all(isinstance(name, str) and _is_number(one) for name, one in value.items())
    ),
}
"""Whether a value is what a study has to give, by what messages call it."""

_OF_POINTS = {
    "conditions": "values by name",
    "continues": "True or False",
    "after_s": "a number or None",
    "frames": "a whole number or None",
    "reason": "a text",
    "keeps_s": "a number",
    "values": "values by name",
    "asks": "a text",
    "is_foreign": "True or False",
    "is_stored": "True or False",
}

_OF_FRACTIONS = {
    "number": "a whole number",
    "experiments": "a tuple of whole numbers",
    "started_s": "a finite number",
    "ended_s": "a finite number",
    "volume_ul": "a finite number",
    "mean": "numbers by name",
    "sd": "numbers by name",
    "kept": "True or False",
    "reason": "a text",
    "told": "a tuple of texts",
}

Rules = Callable[[Profile], list[Finding]]


def acquisition_s(profile: Profile, frames: int) -> float:
    """Time [s] that these frames take, without the moves of scans."""
    analysis, longest_s, scanning_s = profile.analysis, 0.0, dict[Scan, float]()
    for name in analysis.devices:
        count, interval_s = analysis.own_frames.get(name, (frames, analysis.frame_interval_s))
        time_s = count * max(interval_s, profile.devices[name].integration_time_us * 1e-6)
        scan = analysis.scans.get(name)
        if scan is None:
            longest_s = max(longest_s, time_s)
        else:
            time_s = scan.count * (scan.settle_s + time_s)
            scanning_s[scan] = max(scanning_s.get(scan, 0.0), time_s)
    return longest_s + sum(scanning_s.values())


def dark_s(profile: Profile) -> float:
    """Time [s] that the dark frames before a sample take."""
    exposures_us = (profile.devices[n].integration_time_us for n in profile.analysis.shuttered)
    return profile.analysis.dark_frames * max(exposures_us, default=0.0) * 1e-6


def study_rig(
    profile: Profile,
    seed: int = 1,
    earlier: Sequence[StudyPoint] = (),
    *,
    decided: Mapping[int, Mapping[str, Any]] | None = None,
    ahead: int = 0,
) -> StudyRig:
    """What a study may know of a rig.

    Args:
        profile: the rig.
        seed: of the run.
        earlier: settled experiments of the stages before, in order.
        decided: conditions of every experiment of the stages before, by its number.
        ahead: how many experiments the stages before will have, of a campaign that has not begun.
    """

    def residence_time_s(conditions: Mapping[str, Any]) -> float:
        rates_ul_min = {n: q for n, q in profile.flow_rates_ul_min(conditions).items() if q}
        return Topology.of(profile, conditions).equilibrium_time_s(rates_ul_min) / times

    times = profile.residence_time.equilibrium
    units = {name: one.unit for name, one in profile.features.items()} | profile.readings
    rsd = profile.analysis.rsd(tuple(units))
    return StudyRig(
        space=profile.space,
        units=units,
        responses=profile.objective.responses,
        equilibrium=times,
        residence_time_s=residence_time_s,
        frames=profile.analysis.frames,
        frames_s=acquisition_s(profile, profile.analysis.frames),
        product_ul_min=profile.product_ul_min,
        dark_s=dark_s(profile),
        species_umol_min=partial(_species_umol_min, profile),
        liquids=_liquids(profile),
        longest_flow_s=partial(_longest_flow_s, profile),
        positions=_turned_under_flow(profile),
        vessels_ul=_vessels_ul(profile),
        storage=[_storage(one) for one in profile.analysis.stored.values()],
        can_continue=not profile.procedure,
        seed=seed,
        rsd={name: one for name, one in zip(units, rsd, strict=True) if np.isfinite(one)},
        earlier=earlier,
        decided=decided or {},
        ahead=ahead,
    )


def _storage(channel: OffLine) -> Storage:
    units = {name: one.unit for name, one in channel.gives.items()}
    return Storage(channel=channel.name, units=units, series_s=channel.series_s)


def _liquids(profile: Profile) -> tuple[str, ...]:
    """The streams that are neither carriers nor gases."""
    return tuple(name for name, one in profile.streams.items() if one.is_in_product)


def _species_umol_min(profile: Profile, conditions: Mapping[str, Any]) -> dict[str, float]:
    """How much [µmol/min] of each species flows in the product; 1 mol/L is 1 µmol/µL."""
    found, rates_ul_min = dict[str, float](), profile.flow_rates_ul_min(conditions)
    for name in _liquids(profile):
        for species, mol_l in profile.streams[name].contains_mol_l.items():
            found[species] = found.get(species, 0.0) + rates_ul_min.get(name, 0.0) * mol_l
    return found


def _turned_under_flow(profile: Profile) -> Mapping[str, tuple[str, ...]]:
    """The positions of each device that may turn while liquid flows, without a person."""
    return {
        name: one.abilities.positions
        for name, one in profile.devices.items()
        if one.abilities.positions and one.abilities.under_flow and not one.by_hand
    }


def _vessels_ul(profile: Profile) -> Mapping[str, Mapping[str, float]]:
    """By device and position, how much [µL] the vessel there holds, where that is known."""
    found = dict[str, dict[str, float]]()
    for valve, device in valve_turners(profile.path, profile.devices).items():
        outlets = profile.path[valve].to
        for position, name in outlets.items() if isinstance(outlets, Mapping) else ():
            vessel = profile.path[str(name)]
            if vessel.kind == "vessel" and vessel.capacity_ul is not None:
                held = found.setdefault(device, {})
                held[position] = vessel.capacity_ul / vessel.count
    return found


def _longest_flow_s(profile: Profile, conditions: Mapping[str, Any]) -> float:
    """For how long [s] full syringes and supplies keep a flow after the first look at it.

    What interlocks keep, what the safe state flushes with and what rinses a line is not counted.

    Args:
        profile: the rig.
        conditions: under which it flows.
    """
    rates_ul_min = {n: q for n, q in profile.flow_rates_ul_min(conditions).items() if q}
    at_most_ul_min = most_ul_min(profile, rates_ul_min)
    least_ul = dict.fromkeys(rates_ul_min, 0.0)
    for interlock in profile.interlocks:
        if interlock.kind == "syringe-not-empty":
            for name in least_ul.keys() & set(interlock.streams):
                least_ul[name] = max(least_ul[name], interlock.remainder_ul)
    for name in least_ul:
        flushed = (
            step.flow_rates_ul_min.get(name, 0.0) * step.at_most_s / 60
            for step in profile.safe_state
        )
        least_ul[name] += max(flushed, default=0.0) + profile.streams[name].rinse_ul
    lasts_s = min(
        (profile.streams[n].capacity_ul - least_ul[n]) / rate * 60
        for n, rate in at_most_ul_min.items()
    )
    wanted, times = profile.residence_time.stationary, profile.residence_time.equilibrium
    settles_s = Topology.of(profile, conditions).equilibrium_time_s(rates_ul_min)
    if wanted is not None:
        settles_s *= wanted.longest / times
        settles_s += acquisition_s(profile, wanted.frames)
    return lasts_s - settles_s - acquisition_s(profile, profile.analysis.frames)


def new_study(stage: Stage, rig: StudyRig) -> Study:
    """The study of a stage.

    Raises:
        MissingDependencyError: a package is missing.
        PluginError: the plugin of the study fails.
    """
    target = stage.offer.load()
    study: Study = asked(lambda: target(rig, stage.settings))
    return study


def asked(work: Callable[[], R]) -> R:
    """What a study answers.

    Raises:
        PluginError: it raises anything but an error of flowrig, or tries to end the program.
    """
    try:
        return work()
    except FlowrigError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{type(error).__name__}: {one_line(error)}") from error


def require_points(
    points: object, rig: StudyRig, most: int, last: Point | None = None
) -> list[Point]:
    """The points that a study asks for, with conditions that the rig can do.

    Args:
        points: what the study returned.
        rig: what the study knows of the rig.
        most: how many it may ask for.
        last: the point before, of an earlier answer; None if there is none.

    Raises:
        PluginError: they are no points, too many, or one continues what it cannot.
        OutOfRangeError: conditions are outside of the search space.
    """
    return asked(lambda: _required(points, rig, most, last))


def _required(points: object, rig: StudyRig, most: int, last: Point | None) -> list[Point]:
    """See `require_points`; an odd value in a point may raise anything."""
    if not isinstance(points, Sequence) or not all(isinstance(one, Point) for one in points):
        raise PluginError(f"it asks for {one_line(repr(points))}; expected a list of Points")
    if len(points) > most:
        raise PluginError(f"it asks for {len(points)} points where {most} are left")
    for place, one in enumerate(points, 1):
        _require_types(f"point {place}", one, _OF_POINTS)
    door = Door(rig.space)
    found = [attrs.evolve(one, conditions=door.admit(one.conditions)) for one in points]
    for place, one in enumerate(found, 1):
        _require_point(place, one, rig)
    # A journal that was cut may hold a part of an answer: the rest of it settles first.
    for place, (before, one) in enumerate(pairwise([last, *found]), 1):
        if one is not None and one.continues and before is None:
            raise PluginError("its first point continues, and there is none before it")
        if one is not None and one.continues and one.conditions != before.conditions:
            raise PluginError(
                f"point {place} continues, under other conditions than the one before"
            )
    return found


def _require_point(place: int, one: Point, rig: StudyRig) -> None:
    """A point by itself, the nth of an answer from 1; raises the same as `require_points`."""
    settles = not one.continues and one.after_s is None and one.frames is None
    settles &= one.keeps_s == 0.0
    if not (settles or rig.can_continue):
        raise PluginError(
            f"point {place} keeps or watches a flow, and experiments of this rig have "
            "steps of their own, [[procedure]]"
        )
    if one.frames is not None and not 1 <= one.frames <= rig.frames:
        most = rig.frames
        raise PluginError(f"point {place} has {one.frames} frames; expected 1 to {most}")
    if not 0.0 <= one.keeps_s < math.inf:
        raise PluginError(f"point {place} has keeps_s = {one.keeps_s}; expected 0 or more")
    if one.asks and one.continues:
        raise PluginError(f"point {place} asks a person and continues; the flow stops meanwhile")
    wrong = [n for n, value in one.values.items() if value not in rig.positions.get(n, ())]
    if wrong or (one.values and not one.continues):
        raise PluginError(
            f"point {place} sets {wrong[0]} to {one.values[wrong[0]]!r}, which it has not"
            if wrong
            else f"point {place} has values, and does not continue"
        )
    if one.after_s is not None and not 0.0 <= one.after_s < math.inf:
        raise PluginError(f"point {place} has after_s = {one.after_s}; expected 0 or more")


def require_fractions(fractions: object) -> list[Fraction]:
    """The fractions that a study tells, as the journal can hold them.

    Raises:
        PluginError: they are no fractions, or one has a value of another type.
    """
    if not isinstance(fractions, list | tuple):
        raise PluginError(f"its fractions are {one_line(repr(fractions))}; expected a list of them")
    for place, one in enumerate(fractions, 1):
        if not isinstance(one, Fraction):
            raise PluginError(f"fraction {place} is {one_line(repr(one))}; expected a Fraction")
        _require_types(f"fraction {place}", one, _OF_FRACTIONS)
    return list(fractions)


def _require_types(which: str, one: object, expected: Mapping[str, str]) -> None:
    """Raise PluginError where a value of a point or a fraction is not of its type."""
    for name, kind in expected.items():
        value = getattr(one, name)
        if not _IS[kind](value):
            raise PluginError(f"{which} has {name} = {one_line(repr(value))}; expected {kind}")


def at_of(value: Any, _type: Any = None) -> At:
    """A place as it stands in TOML.

    Raises:
        Mismatch: it is none.
    """
    if isinstance(value, dict):
        return At(dict(value))
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return At(value)
    if value in WORDS:
        return At(value)
    expected = '"middle", "best", the number of an experiment, or a table of conditions'
    near = nearest(value, WORDS) if isinstance(value, str) else ""
    raise Mismatch(f"got {shown(value)}", expected, near)


def sweep_of(value: Any, _type: Any = None) -> Sweep:
    """Levels of conditions as they stand in TOML: an array, a number of them, or "all".

    Raises:
        Mismatch: they are none.
    """
    if not isinstance(value, dict) or not value:
        expected = 'a table of conditions, such as { NAME = ["100 uL/min", "120 uL/min"] }'
        raise Mismatch(f"got {shown(value)}", expected)
    return Sweep(dict(value))


def with_studies(profile: Profile, rules: Rules) -> tuple[Profile, list[Finding]]:
    """The profile whose studies have their settings in its units, and know how long they are.

    Args:
        profile: the profile.
        rules: what is wrong with a rig; asked where a study goes beyond the search space.

    Returns:
        the profile, and what is wrong with its studies.
    """
    profile, wrong = _with_reference(profile)
    campaign = profile.campaign
    if campaign is None or not campaign.studies:
        return profile, wrong
    stages, gates = list[Stage](), list(profile.gates)
    for index, stage in enumerate(campaign.stages):
        here: Path = ("campaign", "stages", index)
        fitted, found = stage, list[Finding]()
        if stage.is_study:
            ahead = sum(one.experiments for one in stages)
            fitted, found = _fitted(profile, stage, ahead, here, rules)
        stages.append(fitted)
        wrong += found
        gates += [] if found else gate_of(profile, fitted)
    if not wrong:
        gates += _questions(profile, stages, wrong)
    campaign = attrs.evolve(campaign, stages=tuple(stages))
    return attrs.evolve(profile, campaign=campaign, gates=tuple(gates)), wrong


def _with_reference(profile: Profile) -> tuple[Profile, list[Finding]]:
    """The profile with its reference condition in the units of the space, and what is wrong."""
    campaign, wrong = profile.campaign, list[Finding]()
    if campaign is None or campaign.reference is None:
        return profile, wrong
    reference, path = campaign.reference, ("campaign", "reference")
    for key, count in (("repeats", reference.repeats), ("every", reference.every)):
        if count is not None and not 1 <= count <= MOST_POINTS:
            wrong.append(Finding((*path, key), f"got {count}", expected=f"1 to {MOST_POINTS}"))
    if isinstance(reference.at.where, Mapping):
        values = _resolved(profile, reference.at.where, (*path, "at"), wrong, _value)
        reference = attrs.evolve(reference, at=At(values))
        if not wrong:
            wrong += _outside(profile, reference.at, (*path, "at"))
    elif reference.at.where != "middle":
        message = "a reference is one condition from the beginning on"
        expected = '"middle", or a table of conditions'
        wrong.append(Finding((*path, "at"), message, expected=expected))
    campaign = attrs.evolve(campaign, reference=reference)
    return attrs.evolve(profile, campaign=campaign), wrong


def _outside(profile: Profile, at: At, path: Path) -> Iterator[Finding]:
    """Why a reference condition breaks a limit of the search space."""
    try:
        profile.space.require_feasible(reference_conditions(profile, at))
    except FlowrigError as error:
        yield Finding(path, str(error), expected="conditions in the search space")


def reference_conditions(profile: Profile, at: At) -> dict[str, Value]:
    """The reference condition of a campaign; what it does not name is that of the middle."""
    named = at.where if isinstance(at.where, Mapping) else {}
    return {**centre(profile.space), **named}


def _questions(profile: Profile, stages: Sequence[Stage], wrong: list[Finding]) -> Iterator[Gate]:
    """What studies ask a person before their stage, and before the one after it.

    Args:
        profile: the rig.
        stages: of its campaign.
        wrong: what is wrong; a study that fails is added.
    """
    guarded = {gate.stage for gate in profile.gates}
    assert profile.campaign is not None
    for index, (stage, following) in enumerate(zip(stages, [*stages[1:], None], strict=True)):
        settings = stage.settings
        if not isinstance(settings, StudySettings):
            continue
        rig = study_rig(profile, profile.campaign.seed)
        for name, to, asks in (
            (f"before-{stage.name}", stage, settings.asks),
            (f"after-{stage.name}", following, settings.asks_after),
        ):
            if to is None or to.name in guarded:
                continue
            try:
                text = asked(partial(asks, rig))
            except FlowrigError as error:
                here: Path = ("campaign", "stages", index, "study")
                wrong.append(Finding(here, f"{stage.name}: the study fails: {error}"))
                continue
            if text:
                yield Gate(name=name, before="stage", stage=to.name, asks=text)


def _fitted(
    profile: Profile, stage: Stage, ahead: int, here: Path, rules: Rules
) -> tuple[Stage, list[Finding]]:
    """A stage with its settings in the units of the space, and the number of its points."""
    settings: Any = stage.settings
    wrong = list[Finding]()
    beyond = _resolved(profile, stage.beyond, (*here, "beyond"), wrong, _wider)
    stage = attrs.evolve(stage, beyond=beyond)
    if wrong:
        return stage, wrong
    if beyond:
        wide = widened(profile, stage)
        wrong += found_beyond(profile, wide, stage, here, rules)
        if wrong:
            return stage, wrong
        profile = wide
    assert profile.campaign is not None
    rig = study_rig(profile, profile.campaign.seed, ahead=ahead)
    for attribute in attrs.fields(type(settings)):
        value, path = getattr(settings, attribute.name), (*here, attribute.name)
        if attribute.name == "features":
            wrong += _unknown(value, rig.units, "feature", path)
            wrong += twice(value or (), "feature", path)
        elif isinstance(value, At) and isinstance(value.where, Mapping):
            values = _resolved(profile, value.where, path, wrong, _value)
            settings = attrs.evolve(settings, **{attribute.name: At(values)})
        elif isinstance(value, Sweep):
            levels = _resolved(profile, value.levels, path, wrong, _levels)
            settings = attrs.evolve(settings, **{attribute.name: Sweep(levels)})
    stage = attrs.evolve(stage, settings=settings)
    if wrong:
        return stage, wrong
    wrong += _objections(rig, stage, here)
    count = stage.experiments
    if not wrong:
        count, wrong = _counted(rig, stage, here)
    return attrs.evolve(stage, experiments=count), wrong


def _counted(rig: StudyRig, stage: Stage, here: Path) -> tuple[int, list[Finding]]:
    """The largest number of points of a study; that of the stage where a package is missing."""
    path, problem, expected = (*here, "study"), "", ""
    count = stage.experiments
    try:
        study = new_study(stage, rig)
        count = asked(study.most_points)
        if isinstance(study, PlannedStudy) and isinstance(count, int) and count <= MOST_POINTS:
            require_points(asked(study.plan), rig, count)
    except MissingDependencyError:  # a run says what to install
        pass
    except (InputError, OutOfRangeError) as error:
        return 1, [objected(stage, str(error), here)]
    except FlowrigError as error:
        problem = f"the study fails: {error}"
    if not problem and not (isinstance(count, int) and 1 <= count <= MOST_POINTS):
        problem, expected = f"it has {count} points", f"1 to {MOST_POINTS} points"
    if problem:
        return 1, [Finding(path, f"{stage.name}: {problem}", expected=expected)]
    return count, []


def _objections(rig: StudyRig, stage: Stage, here: Path) -> Iterator[Finding]:
    """What speaks against the settings of a study."""
    assert isinstance(stage.settings, StudySettings)
    for attribute in attrs.fields(type(stage.settings)):
        value = getattr(stage.settings, attribute.name)
        if isinstance(value, At) and not isinstance(value.where, str):
            try:
                conditions = rig.conditions(value)
                if isinstance(value.where, Mapping):
                    rig.space.require_feasible(conditions)
            except InputError as error:
                expected = '"middle", "best", a table of conditions'
                if rig.ahead:
                    expected += f", or a number of 1 to {rig.ahead}"
                path = (*here, attribute.name)
                yield Finding(path, f"{stage.name}: {error}", expected=expected)
                return
            except FlowrigError as error:
                message = f"{stage.name}: {error}"
                yield Finding(
                    (*here, attribute.name), message, expected="conditions in the search space"
                )
                return
    settings = stage.settings
    try:
        objection = asked(lambda: settings.objection(rig))
    except FlowrigError as error:
        objection = f"its settings cannot be checked: {error}"
    if objection:
        yield objected(stage, objection, here)


def twice(names: Sequence[str], what: str, path: Path) -> Iterator[Finding]:
    """Names that stand in an array more than once, each where it stands again."""
    for place, name in enumerate(names):
        if name in names[:place]:
            message = f"the {what} {name!r} stands there twice"
            yield Finding((*path, place), message, expected=f"each {what} once")


def _unknown(names: Any, known: Mapping[str, Any], what: str, path: Path) -> Iterator[Finding]:
    for place, name in enumerate(names or ()):
        if name not in known:
            expected = f"one of {', '.join(sorted(known))}"
            near = nearest(name, known)
            yield Finding(
                (*path, place), f"unknown {what} {name!r}", expected=expected, nearest=near
            )


def _resolved(
    profile: Profile, table: Mapping[str, Any], path: Path, wrong: list[Finding], read: Any
) -> dict[str, Any]:
    """The values of a table of conditions, each read by its variable."""
    variables, found = {one.name: one for one in profile.variables}, dict[str, Any]()
    for name, raw in table.items():
        here = (*path, name)
        if name not in variables:
            expected = f"one of {', '.join(variables)}"
            near = nearest(name, variables)
            message = f"unknown condition {name!r}"
            wrong.append(Finding(here, message, expected=expected, nearest=near, on_key=True))
            continue
        try:
            found[name] = read(variables[name], raw)
        except MISFITS as error:
            wrong += findings(error, here)
    return found


def _value(variable: Variable, raw: Any) -> Any:
    """One value of a variable, inside its range."""
    if variable.choices:
        names = [one.name for one in variable.choices]
        if raw not in names:
            near = nearest(raw, names) if isinstance(raw, str) else ""
            raise Mismatch(f"got {shown(raw)}", f"one of {', '.join(names)}", near)
        return raw
    value = _number(variable, raw)
    low, high = variable.range
    if not low <= value <= high:
        expected = f"{low:g} to {high:g} {variable.unit}".rstrip()
        raise Mismatch(f"{variable.name} is outside of its range", expected)
    return value


def _wider(variable: Variable, raw: Any) -> tuple[float, float]:
    """A wider range of a variable, as it stands in TOML."""
    if variable.choices:
        raise Mismatch(f"{variable.name} has choices and no range", "a condition with a range")
    if not isinstance(raw, list) or len(raw) != 2:
        raise Mismatch(f"got {shown(raw)}", "an array of two ends")
    low, high = (_number(variable, one) for one in raw)
    return wider_range(variable, low, high)


def _number(variable: Variable, raw: Any) -> float:
    if variable.heater is not None or variable.stream is not None:
        hook = quantity_hook(float, "degC" if variable.heater is not None else "uL/min")
        assert hook is not None
        return float(hook(raw, float))
    value, unit = amount(raw)
    if unit.powers != variable.quantity.powers:
        expected = f"a quantity in {variable.unit}" if variable.unit else "a number without a unit"
        raise Mismatch(f"got {shown(raw)}", expected)
    return value


def _levels(variable: Variable, raw: Any) -> tuple[Any, ...]:
    """The values of a variable in a sweep."""
    expected = "an array of values"
    if variable.choices and raw == ALL:
        return tuple(one.name for one in variable.choices)
    if not variable.choices:
        expected += ", or the number of evenly spaced ones"
        if isinstance(raw, int) and not isinstance(raw, bool) and 2 <= raw <= MOST_LEVELS:
            return tuple(np.linspace(*variable.range, raw).tolist())
    else:
        expected += f', or "{ALL}"'
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_LEVELS:
        raise Mismatch(f"got {shown(raw)}", expected)
    found = tuple(_value(variable, one) for one in raw)
    for place, one in enumerate(found):
        if one in found[:place]:
            message = f"the level {shown(raw[place])} stands there twice"
            raise Mismatch(
                message,
                "each level once; `repeats`, where a study has it, measures again",
                at=(place,),
            )
    return found
