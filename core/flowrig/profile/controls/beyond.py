"""Studies that go beyond the search space, within everything else that a profile limits."""

from collections.abc import Callable, Iterator

import attrs

from flowrig.profile.controls.equations import equations_of
from flowrig.profile.mismatch import Mismatch
from flowrig.profile.model import Profile, Stage, Variable
from flowrig.profile.operator import Gate
from flowrig.profile.problems import Finding, Path

__all__ = ["found_beyond", "gate_of", "in_stage", "widened", "wider_range"]

WHOLE = 1e-9
"""Accepted distance from a whole number of steps, in steps."""


def widened(profile: Profile, stage: Stage) -> Profile:
    """The rig with the ranges that a stage may use: those of the search space, or wider ones."""
    if not stage.beyond:
        return profile
    variables = tuple(
        attrs.evolve(one, range=stage.beyond.get(one.name, one.range)) for one in profile.variables
    )
    wide = attrs.evolve(profile, variables=variables)
    if wide.system is None:
        return wide
    return attrs.evolve(wide, system=equations_of(wide).system or profile.system)


def in_stage(profile: Profile, name: str) -> Profile:
    """The rig with the ranges that the stage of a name may use; see `widened`."""
    stages = () if profile.campaign is None else profile.campaign.stages
    return next((widened(profile, one) for one in stages if one.name == name), profile)


def wider_range(variable: Variable, low: float, high: float) -> tuple[float, float]:
    """A range that holds that of a variable, and keeps its steps.

    Raises:
        Mismatch: it does not.
    """
    (least, most), unit = variable.range, variable.unit
    if not (low <= least and most <= high) or (low, high) == (least, most):
        expected = f"a range that holds {least:g} to {most:g} {unit}".rstrip()
        raise Mismatch(f"{low:g} to {high:g} {unit}".rstrip() + " is not wider", expected)
    if variable.step is not None:
        steps = [(least - low) / variable.step, (high - least) / variable.step]
        if any(abs(one - round(one)) > WHOLE for one in steps):
            expected = f"ends that are whole steps of {variable.step:g} {unit} away from {least:g}"
            raise Mismatch(f"{low:g} to {high:g} {unit}".rstrip(), expected)
    return low, high


def gate_of(profile: Profile, stage: Stage) -> Iterator[Gate]:
    """The question before a stage that goes beyond the search space, unless a gate asks already."""
    if not stage.beyond or any(gate.stage == stage.name for gate in profile.gates):
        return
    words = [
        f"{one.name} {low:g} to {high:g} {one.unit}".rstrip()
        + f", in the search space {one.range[0]:g} to {one.range[1]:g}"
        for one in profile.variables
        for low, high in [stage.beyond.get(one.name, one.range)]
        if one.name in stage.beyond
    ]
    yield Gate(
        name=f"beyond-{stage.name}",
        before="stage",
        stage=stage.name,
        asks=f"{stage.name} goes beyond the search space: {'; '.join(words)}. Is the rig fit "
        "for it?",
    )


def found_beyond(
    profile: Profile,
    wide: Profile,
    stage: Stage,
    here: Path,
    rules: Callable[[Profile], list[Finding]],
) -> Iterator[Finding]:
    """What is wrong with a rig of wider ranges only, at the key that widens them.

    Args:
        profile: the rig.
        wide: the same with the wider ranges.
        stage: the stage that goes beyond.
        here: its path.
        rules: what is wrong with a rig.
    """
    known = {(one.path, one.message) for one in rules(profile)}
    for one in rules(wide):
        if (one.path, one.message) not in known:
            yield _at_the_range(profile, one, stage, here)


def _at_the_range(profile: Profile, found: Finding, stage: Stage, here: Path) -> Finding:
    """A finding about the search space, at the range of its variable."""
    rest = list(found.path)
    match found.path:
        case ("space", int(place), *_):
            rest = [profile.variables[place].name]
    name = next((str(key) for key in rest if key in stage.beyond), "")
    path = (*here, "beyond", name) if name else (*here, "beyond")
    return Finding(path, f"with such a range: {found.message}", expected=found.expected)
