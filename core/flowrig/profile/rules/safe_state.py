"""The safe state: it must reach every heater and leave no stream running."""

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


def steps(profile: Profile) -> Iterator[Finding]:
    """Every step says whom it is about, and nothing that is not its own."""
    for index, step in enumerate(profile.safe_state):
        here: Path = ("safe_state", index)
        given = _given(step)
        for key in given:
            if key not in _KEYS[step.do]:
                message = f"the step {step.do!r} has no {key!r}"
                expected = f"`do` and {', '.join(f'`{one}`' for one in _KEYS[step.do])}"
                yield Finding((*here, key), message, expected=expected, on_key=True)
        if _KEYS[step.do][0] not in given:
            message = f"the step {step.do!r} does nothing"
            yield Finding(here, message, expected=f"`{_KEYS[step.do][0]}`", on_key=True)


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
    """A flush uses no reagent and comes to an end."""
    for index, step in enumerate(profile.safe_state):
        if step.do != "flush":
            continue
        here: Path = ("safe_state", index)
        if not step.at_most_s > 0:
            message = "a flush must come to an end"
            yield Finding(here, message, expected='`at_most`, such as "20 min"', on_key=True)
        for name in step.flow_rates_ul_min:
            if name in profile.streams and profile.streams[name].role == "reagent":
                message = f"{name!r} is a reagent, which must not flush"
                path = (*here, "flow_rates", name)
                yield Finding(path, message, expected="a solvent or carrier", on_key=True)


def nothing_left(profile: Profile) -> Iterator[Finding]:
    """Every heater is switched off, and every stream stopped for good."""
    off = {heater for step in profile.safe_state for heater in step.heaters}
    for name, device in profile.devices.items():
        if device.offer.kind == "heater" and name not in off:
            message = f"the safe state does not switch off the heater {name!r}"
            yield Finding(("safe_state",), message, expected="a step `heater-off`", on_key=True)
    running = set(profile.streams)
    for step in profile.safe_state:
        running = (running | set(step.flow_rates_ul_min)) - set(step.streams)
    for name in profile.streams:
        if name in running:
            message = f"the safe state leaves the stream {name!r} running"
            yield Finding(("safe_state",), message, expected="a step `stop` at last", on_key=True)


RULES = (steps, targets, flushes, nothing_left)
