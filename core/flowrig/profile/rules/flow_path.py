"""Rules for the flow path: every stream reaches the waste, and every component has an inlet."""

from collections.abc import Iterator

from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names

__all__ = ["RULES", "downstream"]

_NEED_VOLUME = ("tubing", "mixer", "reactor")


def ends_meet(profile: Profile) -> Iterator[Finding]:
    """Every `to` names a component; only a waste has none."""
    for name, stream in profile.streams.items():
        yield from names.one_of(stream.to, profile.path, "component", ("streams", name, "to"))
    for name, component in profile.path.items():
        here: Path = ("path", name)
        if component.kind == "waste":
            if component.to is not None:
                message = "a waste has nothing downstream"
                yield Finding((*here, "to"), message, expected="no key `to`", on_key=True)
        elif component.to is None:
            message = f"the flow path has a gap: {name!r} leads to no component"
            expected = "a key `to` with the component downstream"
            yield Finding(here, message, expected=expected, on_key=True)
        else:
            yield from names.one_of(component.to, profile.path, "component", (*here, "to"))


def no_loop(profile: Profile) -> Iterator[Finding]:
    """The flow path has no loop."""
    on_some_loop: set[str] = set()
    for start in profile.path:
        walked: list[str] = []
        name: str | None = start
        while name is not None and name in profile.path and name not in walked:
            walked.append(name)
            name = profile.path[name].to
        if name is not None and name in walked and name not in on_some_loop:
            loop = walked[walked.index(name) :]
            on_some_loop.update(loop)
            message = f"the flow path has a loop: {' -> '.join((*loop, name))}"
            yield Finding(
                ("path", loop[-1], "to"), message, expected="a component on the way to the waste"
            )


def inlets(profile: Profile) -> Iterator[Finding]:
    """A stream or another component leads into every component."""
    fed = {stream.to for stream in profile.streams.values()}
    fed |= {component.to for component in profile.path.values() if component.to is not None}
    for name in profile.path:
        if name not in fed:
            message = f"the flow path has a gap: nothing flows into {name!r}"
            expected = f'a stream or component with `to = "{name}"`'
            yield Finding(("path", name), message, expected=expected, on_key=True)


def equipment(profile: Profile) -> Iterator[Finding]:
    """Reactors have a heater, flow cells have a spectrometer, other components have neither."""
    for name, component in profile.path.items():
        here: Path = ("path", name)
        for kind, key, given in (
            ("reactor", "heater", component.heater),
            ("flow-cell", "spectrometer", component.spectrometer),
        ):
            if given is not None:
                if component.kind != kind:
                    message = f"a {component.kind} cannot have a {key}"
                    yield Finding((*here, key), message, expected=f"a {kind}", on_key=True)
                yield from names.device(profile, given, key, (*here, key))
            elif component.kind == kind:
                yield Finding(here, f"the {kind} {name!r} has no {key}", on_key=True)


def volumes(profile: Profile) -> Iterator[Finding]:
    """Tubing, mixers and reactors have a volume."""
    for name, component in profile.path.items():
        bored = component.inner_diameter_mm is not None and component.length_mm is not None
        if component.kind in _NEED_VOLUME and component.given_volume_ul is None and not bored:
            message = f"the volume of {name!r} is not known"
            expected = "`volume`, or `inner_diameter` and `length`"
            yield Finding(("path", name), message, expected=expected, on_key=True)


def wastes(profile: Profile) -> Iterator[Finding]:
    """A waste with a given volume has room for the flush of the safe state."""
    flushed_ul: dict[str, float] = {}
    for step in profile.safe_state:
        for stream, rate in step.flow_rates_ul_min.items():
            route = (
                downstream(profile, profile.streams[stream].to) if stream in profile.streams else []
            )
            for waste in route[-1:]:
                volume_ul = rate * step.at_most_s / 60
                flushed_ul[waste] = flushed_ul.get(waste, 0.0) + volume_ul
    for name, component in profile.path.items():
        if component.kind != "waste" or component.given_volume_ul is None:
            continue
        least_ul = flushed_ul.get(name, 0.0)
        if component.given_volume_ul <= least_ul:
            yield Finding(
                ("path", name, "volume"),
                f"the safe state flushes up to {least_ul / 1000:g} mL into {name!r}",
                expected=f"more than {least_ul / 1000:g} mL",
            )


def residence_time(profile: Profile) -> Iterator[Finding]:
    """τ starts at a component and ends at another one downstream."""
    start, end = profile.residence_time.start, profile.residence_time.end
    unknown = [
        *names.one_of(start, profile.path, "component", ("residence_time", "start")),
        *names.one_of(end, profile.path, "component", ("residence_time", "end")),
    ]
    yield from unknown
    if not unknown and end not in _after(profile, start):
        message = f"{end!r} is not downstream of {start!r}"
        expected = f"one of {', '.join(_after(profile, start)) or 'the components upstream'}"
        yield Finding(("residence_time", "end"), message, expected=expected)


def downstream(profile: Profile, start: str) -> list[str]:
    """A component and all components downstream, as far as the path can be followed."""
    return [start, *_after(profile, start)] if start in profile.path else []


def _after(profile: Profile, start: str) -> list[str]:
    """All components downstream of one, as far as the path can be followed."""
    walked: list[str] = []
    name = profile.path[start].to
    while name is not None and name in profile.path and name not in walked:
        walked.append(name)
        name = profile.path[name].to
    return walked


RULES = (ends_meet, no_loop, inlets, equipment, volumes, wastes, residence_time)
