"""Rules for the safe state: it switches off every heater and stops every stream."""

from collections.abc import Iterator

from flowrig.profile.model import Profile, SafeStep
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names
from flowrig.profile.rules.analysis import flow_rates

__all__ = ["RULES"]

_KEYS = {
    "heater-off": ("heaters",),
    "stop": ("streams",),
    "light-off": ("spectrometers",),
    "flush": ("flow_rates", "until_below", "at_most"),
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
            yield from names.one_of(stream, profile.streams, "stream", (*here, "streams", number))
        yield from flow_rates(profile, step.flow_rates_ul_min, (*here, "flow_rates"))


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
    off = {heater for step in profile.safe_state for heater in step.heaters}
    for name, device in profile.devices.items():
        if device.offer.kind == "heater" and name not in off:
            message = f"the safe state does not switch off the heater {name!r}"
            expected = f"a step `heater-off` with {name!r}"
            yield Finding(("safe_state",), message, expected=expected, on_key=True)
    running = set(profile.streams)
    for step in profile.safe_state:
        running = (running | set(step.flow_rates_ul_min)) - set(step.streams)
    for name in profile.streams:
        if name in running:
            message = f"the safe state leaves the stream {name!r} running"
            expected = f"a step `stop` with {name!r} after all flushes"
            yield Finding(("safe_state",), message, expected=expected, on_key=True)


RULES = (steps, targets, flushes, nothing_left)
