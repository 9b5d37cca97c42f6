"""Rules for the safe state: heaters off, streams stopped, other devices at their safe values."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve

from flowrig.profile.model import DeviceEntry, Profile, SafeStep, Stream
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names
from flowrig.profile.rules.analysis import flow_rates

__all__ = ["RULES", "complete"]

REST = "rest"
"""The word for all streams or devices that no other step names."""

_ROLES = ("reagent", "solvent", "carrier")

_KEYS = {
    "heater-off": ("heaters",),
    "stop": ("streams",),
    "light-off": ("spectrometers",),
    "flush": ("flow_rates", "until_below", "at_most"),
    "safe": ("devices",),
}
"""Keys of each kind of step besides `do`; the first is required."""


def steps(profile: Profile) -> Iterator[Finding]:
    """Every step has the keys of its kind, and no others."""
    for index, step in enumerate(profile.safe_state):
        here: Path = ("safe_state", index)
        given = _given(step)
        for key in given:
            if key not in _KEYS[step.do]:
                message = f"the step {step.do!r} takes no key {key!r}"
                expected = f"`do` and {', '.join(f'`{one}`' for one in _KEYS[step.do])}"
                yield Finding((*here, key), message, expected=expected, on_key=True)
        if _KEYS[step.do][0] not in given:
            message = f"the step {step.do!r} needs a key {_KEYS[step.do][0]!r}"
            yield Finding(here, message, on_key=True)


def _given(step: SafeStep) -> list[str]:
    values = {
        "heaters": step.heaters,
        "streams": step.streams,
        "devices": step.devices,
        "spectrometers": step.spectrometers,
        "flow_rates": step.flow_rates_ul_min,
        "until_below": step.until_below_c is not None,
        "at_most": step.at_most_s,
    }
    return [key for key, value in values.items() if value]


def targets(profile: Profile) -> Iterator[Finding]:
    """Steps name heaters, streams and spectrometers of the rig."""
    for index, step in enumerate(profile.safe_state):
        here: Path = ("safe_state", index)
        for number, heater in enumerate(step.heaters):
            yield from names.device(profile, heater, "heater", (*here, "heaters", number))
        for number, device in enumerate(step.spectrometers):
            path = (*here, "spectrometers", number)
            yield from names.device(profile, device, "spectrometer", path)
        for number, stream in enumerate(step.streams):
            known = (*profile.streams, *_ROLES, REST)
            yield from names.one_of(stream, known, "stream", (*here, "streams", number))
        yield from _devices(profile, step, here)
        yield from flow_rates(profile, step.flow_rates_ul_min, (*here, "flow_rates"))


def _devices(profile: Profile, step: SafeStep, here: Path) -> Iterator[Finding]:
    """A step `safe` names devices that have a safe value, a kind of them, or the rest."""
    entries = profile.devices.values()
    fitting = [one.name for one in entries if one.has_safe_value or one.offer.kind == "heater"]
    kinds = {one.offer.kind for one in entries if one.name in fitting}
    for number, name in enumerate(step.devices):
        known = (*fitting, *kinds, REST)
        yield from names.one_of(name, known, "device", (*here, "devices", number))


def turned(profile: Profile) -> Iterator[Finding]:
    """A device that must not turn while liquid flows turns once every stream stands."""
    running = set(profile.streams)
    for index, step in enumerate(profile.safe_state):
        stopped = _streams(step.streams, profile.safe_state, profile.streams)
        running = (running | set(step.flow_rates_ul_min)) - set(stopped)
        for number, name in enumerate(step.devices):
            entry = profile.devices.get(name)
            if running and entry is not None and not entry.abilities.under_flow:
                yield Finding(
                    ("safe_state", index, "devices", number),
                    f"{name!r} would turn while {', '.join(sorted(running))} may flow",
                    expected="a step after the last `stop`; without a step it turns at the end",
                )


def flushes(profile: Profile) -> Iterator[Finding]:
    """A flush uses no reagent, and has a longest duration."""
    for index, step in enumerate(profile.safe_state):
        if step.do != "flush":
            continue
        here: Path = ("safe_state", index)
        if not step.at_most_s > 0:
            message = "a flush needs a longest duration"
            expected = 'a key `at_most`, such as `at_most = "20 min"`'
            yield Finding(here, message, expected=expected, on_key=True)
        for name in step.flow_rates_ul_min:
            if name in profile.streams and profile.streams[name].role == "reagent":
                message = f"{name!r} is a reagent, and reagents must not flush"
                path = (*here, "flow_rates", name)
                yield Finding(path, message, expected="a solvent or carrier", on_key=True)


def nothing_left(profile: Profile) -> Iterator[Finding]:
    """Every heater is switched off, and every stream is stopped in the end."""
    steps = complete(profile.safe_state, profile.devices, profile.streams)
    off = {heater for step in steps for heater in step.heaters}
    for name, device in profile.devices.items():
        if device.offer.kind == "heater" and name not in off:
            message = f"the safe state does not switch off the heater {name!r}"
            expected = f"a step `heater-off` with {name!r}"
            yield Finding(("safe_state",), message, expected=expected, on_key=True)
    running = set(profile.streams)
    for step in steps:
        running = (running | set(step.flow_rates_ul_min)) - set(step.streams)
    for name in profile.streams:
        if name in running:
            message = f"the safe state leaves the stream {name!r} running"
            expected = f"a step `stop` with {name!r} after all flushes"
            yield Finding(("safe_state",), message, expected=expected, on_key=True)


def complete(
    steps: Sequence[SafeStep],
    devices: Mapping[str, DeviceEntry],
    streams: Mapping[str, Stream],
    lights: Sequence[str] = (),
) -> tuple[SafeStep, ...]:
    """The steps with names in the place of kinds, roles and "rest", and with what they leave out.

    Devices that no step names follow: those that are set, and those that may turn while liquid
    flows, before the first flush; the others at the end, when every stream stands. "rest" leaves
    the latter out as well. Where syringes fill themselves, all streams stop and their valves turn
    back before the first flush too, so that nothing flushes into a reservoir; so do selectors
    from which a flush draws.

    A profile without steps has these: heaters off, reagents stopped, lights off, the rest stopped.

    Args:
        steps: as the profile has them.
        devices: of the rig.
        streams: of the rig.
        lights: spectrometers whose light can be shut.
    """
    steps = steps or _usual(devices, lights)
    found: list[SafeStep] = []
    for step in steps:
        if step.do != "safe":
            stopped = _streams(step.streams, steps, streams)
            if stopped or step.do != "stop":  # a role or "rest" may mean no stream at all
                found.append(evolve(step, streams=stopped))
            continue
        named = _named(step.devices, steps, devices)
        heaters = tuple(name for name in named if devices[name].offer.kind == "heater")
        if heaters:
            found.append(SafeStep(do="heater-off", heaters=heaters))
        others = tuple(name for name in named if name not in heaters)
        if others:
            found.append(evolve(step, devices=others))
    covered = {name for step in found for name in step.devices}
    left = [name for name, one in devices.items() if one.has_safe_value and name not in covered]
    early = tuple(name for name in left if devices[name].abilities.under_flow)
    late = tuple(name for name in left if name not in early)
    at = next((n for n, step in enumerate(found) if step.do == "flush"), len(found))
    between = [SafeStep(do="safe", devices=early)] if early else []
    if at < len(found):
        between += _led_to_the_path(devices, streams, found)
    found[at:at] = between
    return (*found, SafeStep(do="safe", devices=late)) if late else tuple(found)


def _led_to_the_path(
    devices: Mapping[str, DeviceEntry], streams: Mapping[str, Stream], steps: Sequence[SafeStep]
) -> list[SafeStep]:
    """Steps after which no valve leads to a reservoir, and selectors of flushes to a liquid."""
    valves = {one.refill.valve for one in streams.values() if one.refill is not None}
    flushing = {name for step in steps for name in step.flow_rates_ul_min}
    valves |= {
        one.selector.valve
        for name, one in streams.items()
        if one.selector is not None and name in flushing
    }
    known = tuple(name for name in devices if name in valves)
    if not known:
        return []
    return [SafeStep(do="stop", streams=tuple(streams)), SafeStep(do="safe", devices=known)]


def _usual(devices: Mapping[str, DeviceEntry], lights: Sequence[str]) -> tuple[SafeStep, ...]:
    """The steps of a profile that has none."""
    heaters = tuple(name for name, one in devices.items() if one.offer.kind == "heater")
    found = (
        SafeStep(do="heater-off", heaters=heaters),
        SafeStep(do="stop", streams=("reagent",)),
        SafeStep(do="light-off", spectrometers=tuple(lights)),
        SafeStep(do="stop", streams=(REST,)),
    )
    return tuple(step for step in found if _given(step))


def _streams(
    words: Iterable[str], steps: Sequence[SafeStep], streams: Mapping[str, Stream]
) -> tuple[str, ...]:
    """The streams that words of a step mean: names, roles, and "rest"."""

    def meant(word: str) -> list[str]:
        if word in streams or word not in (*_ROLES, REST):
            return [word]
        return [name for name, stream in streams.items() if stream.role == word]

    others = {one for step in steps for word in step.streams for one in meant(word)}
    rest = [name for name in streams if name not in others]
    return tuple(
        dict.fromkeys(
            one
            for word in words
            for one in (rest if word == REST and word not in streams else meant(word))
        )
    )


def _named(
    words: Iterable[str], steps: Sequence[SafeStep], devices: Mapping[str, DeviceEntry]
) -> tuple[str, ...]:
    """The devices that words of a step `safe` mean: names, kinds, and "rest"."""

    def meant(word: str) -> list[str]:
        if word in devices:
            return [word]
        return [
            name
            for name, entry in devices.items()
            if entry.offer.kind == word and not entry.by_hand
        ]

    others = {one for step in steps for word in step.devices for one in meant(word)}
    others |= {heater for step in steps for heater in step.heaters}
    rest = [
        name
        for name, one in devices.items()
        if name not in others
        and (one.offer.kind == "heater" or (one.has_safe_value and one.abilities.under_flow))
    ]
    is_rest = {word: word == REST and word not in devices for word in words}
    return tuple(
        dict.fromkeys(one for word in words for one in (rest if is_rest[word] else meant(word)))
    )


RULES = (steps, targets, turned, flushes, nothing_left)
