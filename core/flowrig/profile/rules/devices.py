"""Rules for devices: addresses, places in the flow path, and values in a run."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from attrs import evolve

from flowrig.claims import places
from flowrig.plugins.offers import CORE_KINDS
from flowrig.profile.model import Component, DeviceEntry, Profile
from flowrig.profile.model.devices import read_by_hand
from flowrig.profile.problems import Finding, Path
from flowrig.profile.quantity import QuantityError
from flowrig.profile.rules import names

__all__ = ["RULES", "at_their_keys"]


def one_instrument_one_device(profile: Profile) -> Iterator[Finding]:
    """Two devices have one address only if they are different parts of one instrument."""
    where = {n: places(e.settings.connects_to(), look=False) for n, e in profile.devices.items()}
    for one, other in combinations(profile.devices, 2):
        if not {*where[one]} & {*where[other]}:
            continue
        parts = [profile.devices[name].settings.uses_only() for name in (one, other)]
        if all(parts) and parts[0] != parts[1]:
            continue
        same = f", {parts[0]}" if all(parts) else ""
        yield Finding(
            ("devices", other, "address"),
            f"devices.{one} has this address already{same}",
            expected="an address of its own, or another channel or loop of one instrument",
        )


def at_their_keys(
    path: Mapping[str, Component], devices: Mapping[str, DeviceEntry]
) -> dict[str, Component]:
    """Components whose `device` is a heater or a detector have it as that.

    Args:
        path: the components.
        devices: the devices of the rig.
    """
    found = {}
    for name, component in path.items():
        for device in component.devices:
            kind = devices[device].offer.kind if device in devices else ""
            detects = device in devices and devices[device].axis_unit
            named = kind == "spectrometer" or component.devices.get(device) in ("device", kind)
            others = {one: word for one, word in component.devices.items() if one != device}
            if kind == "heater" and component.heater in (None, device):
                component = evolve(component, heater=device, devices=others)  # noqa: PLW2901
            elif detects and named and component.spectrometer in (None, device):
                component = evolve(component, spectrometer=device, devices=others)  # noqa: PLW2901
        found[name] = component
    return found


def at_components(profile: Profile) -> Iterator[Finding]:
    """Components name devices that there are, by the words of their kinds."""
    for name, component in profile.path.items():
        for device, word in component.devices.items():
            here: Path = ("path", name, word)
            entry = profile.devices.get(device)
            if entry is None:
                yield from names.one_of(device, profile.devices, "device", here)
            elif word not in ("device", entry.offer.kind):
                message = f"{device!r} is a {entry.offer.kind}"
                yield Finding(here, message, expected=f"a {word}, or the key `device`")
            elif entry.offer.kind in CORE_KINDS:
                kind = entry.offer.kind
                message = f"{device!r} is a {kind}"
                where = "a stream" if kind == "pump" else "a component"
                yield Finding(here, message, expected=f'{where} with `{kind} = "{device}"`')


def have_a_place(profile: Profile) -> Iterator[Finding]:
    """A component names each device of a kind that acts on what flows."""
    components = profile.path.values()
    placed = {device for component in components for device in component.devices}
    placed |= {component.spectrometer for component in components if component.spectrometer}
    for name, entry in profile.devices.items():
        if entry.kind is not None and entry.kind.placed and name not in placed:
            message = f"no component of [path] names the {entry.kind.name} {name!r}"
            expected = f'a component with `{entry.kind.name} = "{name}"`'
            yield Finding(("devices", name), message, expected=expected, on_key=True)


def names_of_readings(profile: Profile) -> Iterator[Finding]:
    """A dot in the name of a device would make the names of its readings ambiguous."""
    for name, entry in profile.devices.items():
        if entry.abilities.quantities and "." in name:
            message = "the name of a device that reports values has no dot"
            yield Finding(("devices", name), message, expected="another name", on_key=True)


def values(profile: Profile) -> Iterator[Finding]:
    """Settings belong to devices that are set or turned, and the devices take them."""
    for name, one in profile.devices.items():
        if one.drives and one.safe is not None:
            message = f"{name!r} drives the stream {one.drives!r}, and stops with it"
            path: Path = ("devices", name, "safe")
            yield Finding(path, message, expected="no key `safe`", on_key=True)
    controlled = {n: one for n, one in profile.devices.items() if one.is_controlled}
    for name, text in profile.device_settings.items():
        here: Path = ("settings", name)
        try:
            controlled[name].value_of(text)
        except QuantityError as error:
            yield Finding(here, error.message, expected=error.expected)


def by_hand(profile: Profile) -> Iterator[Finding]:
    """What holds at every moment, and what stops in the safe state, depends on no person."""
    for name, stream in profile.streams.items():
        if stream.pump in profile.devices and profile.devices[stream.pump].by_hand:
            message = f"{stream.pump!r} is worked by hand, and the safe state stops {name!r}"
            expected = "a device that the run can stop"
            yield Finding(("streams", name), message, expected=expected, on_key=True)
    for name, component in profile.path.items():
        for device, word in component.devices.items() if component.kind == "valve" else ():
            if device in profile.devices and profile.devices[device].by_hand:
                message = f"{device!r} is worked by hand, and the safe state turns {name!r}"
                expected = "a device that the run can turn"
                yield Finding(("path", name, word), message, expected=expected)
    for index, interlock in enumerate(profile.interlocks):
        if interlock.reading in read_by_hand(profile.devices):
            message = f"a person reads {interlock.reading!r} once an experiment"
            expected = "a reading that a device reports by itself"
            yield Finding(("interlocks", index, "reading"), message, expected=expected)


RULES = (one_instrument_one_device, at_components, have_a_place, names_of_readings, values, by_hand)
