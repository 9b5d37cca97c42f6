"""Where the valves of a flow path stand: in experiments, outside of them, and in the safe state."""

from collections.abc import Iterator, Mapping
from itertools import islice, product

from flowrig.problem.space import Value
from flowrig.profile.model import Component, DeviceEntry, Profile, Variable
from flowrig.profile.topology.routes import MOST_COMBINATIONS

__all__ = [
    "chosen_valves",
    "in_words",
    "positions_in_experiments",
    "positions_under",
    "selected_positions",
    "valve_positions",
    "valve_turners",
]


def valve_turners(
    path: Mapping[str, Component], devices: Mapping[str, DeviceEntry]
) -> dict[str, str]:
    """By valve of the path, the device that turns it; valves without one are left out."""
    return {
        name: device
        for name, component in path.items()
        for device in component.devices
        if component.kind == "valve"
        and device in devices
        and devices[device].abilities.is_selectable
    }


def valve_positions(
    path: Mapping[str, Component], devices: Mapping[str, DeviceEntry], given: Mapping[str, str]
) -> dict[str, str]:
    """By component, the position of the device that turns it: the given one, else its safe one."""
    return {
        name: given.get(device, str(devices[device].safe))
        for name, device in valve_turners(path, devices).items()
        if devices[device].safe is not None
    }


def chosen_valves(profile: Profile) -> tuple[Variable, ...]:
    """The variables that turn a valve of the path."""
    if not any(component.kind == "valve" for component in profile.path.values()):
        return ()
    turners = set(valve_turners(profile.path, profile.devices).values())
    return tuple(one for one in profile.variables if one.choices and one.device in turners)


def positions_in_experiments(profile: Profile) -> Iterator[dict[str, str]]:
    """Every combination of what variables choose for valves of the path, by device.

    In a procedure of one's own, its steps have turned valves before it measures; those positions
    are in every combination.

    Returns:
        one combination where no variable turns a valve of the path; at most `MOST_COMBINATIONS`,
        and a rule refuses profiles with more.
    """
    turned = selected_positions(profile)
    variables = chosen_valves(profile)
    combinations = product(*([choice.name for choice in one.choices] for one in variables))
    for some in islice(combinations, MOST_COMBINATIONS):
        chosen = {str(one.device): p for one, p in zip(variables, some, strict=True)}
        yield {**turned, **chosen}


def selected_positions(profile: Profile) -> dict[str, str]:
    """By device, the position to which a procedure of one's own has turned it when it measures."""
    found: dict[str, str] = {}
    for step in profile.procedure:
        if step.do == "measure":
            break
        if step.device is not None and step.position is not None:
            found[step.device] = step.position
    return found


def positions_under(profile: Profile, conditions: Mapping[str, Value]) -> dict[str, str]:
    """By device, where valves of the path stand in an experiment while it measures."""
    chosen = {str(one.device): str(conditions[one.name]) for one in chosen_valves(profile)}
    return {**selected_positions(profile), **chosen}


def in_words(positions: Mapping[str, str]) -> str:
    """Positions by device for the end of a sentence; empty for none."""
    return " and ".join(f"{device} at {position!r}" for device, position in positions.items())
