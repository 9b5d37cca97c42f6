"""Rules for the flow path: every stream reaches an end, and every component has an inlet."""

import re
from collections.abc import Iterator, Mapping

from flowrig.profile.model import Component, Profile, Section
from flowrig.profile.model.devices import detectors_at
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names
from flowrig.profile.topology import FlowGraph, valve_positions

__all__ = ["RULES"]

_NEED_VOLUME = ("tubing", "mixer", "reactor")

_JOIN = ("junction", "mixer", "vessel", "waste")
"""Kinds in which several flows may meet."""

_DIVIDE = ("junction", "mixer", "vessel")
"""Kinds whose flow may divide by shares."""

_LEAST_SUM, _LARGEST_SUM = 0.999, 1.001
"""Sums of shares that count as 1, so that three times 0.333 is accepted."""

_NAME = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)


def ends_meet(profile: Profile) -> Iterator[Finding]:
    """Every `to` names components; only a waste, and a vessel that collects, have none."""
    for name, stream in profile.streams.items():
        yield from names.one_of(stream.to, profile.path, "component", ("streams", name, "to"))
    for name, component in profile.path.items():
        here: Path = ("path", name)
        if component.kind == "waste":
            if component.to is not None:
                message = "a waste has nothing downstream"
                yield Finding((*here, "to"), message, expected="no key `to`", on_key=True)
        elif component.to is None and not component.is_end:
            message = f"the flow path has a gap: {name!r} leads to no component"
            expected = "a key `to` with the component downstream"
            yield Finding(here, message, expected=expected, on_key=True)
        else:
            for outlet, path, on_key in _outlets(name, component):
                yield from names.one_of(outlet, profile.path, "component", path, on_key=on_key)


def _outlets(name: str, component: Component) -> Iterator[tuple[str, Path, bool]]:
    """Each name in `to`, with its place and whether it is a key."""
    here: Path = ("path", name, "to")
    match component.to:
        case None:
            return
        case str(outlet):
            yield outlet, here, False
        case tuple(outlets):
            for number, outlet in enumerate(outlets):
                yield outlet, (*here, number), False
        case table:
            for key, value in table.items():
                is_share = isinstance(value, float)
                yield key if is_share else str(value), (*here, key), is_share


def divisions(profile: Profile) -> Iterator[Finding]:
    """Flows divide at junctions, in shares that sum to 1; by phase or position elsewhere."""
    for name, component in profile.path.items():
        here: Path = ("path", name, "to")
        given = component.to
        by_case = isinstance(given, Mapping) and any(isinstance(v, str) for v in given.values())
        if component.kind in ("separator", "valve"):
            if not by_case and given is not None:
                case = "phase" if component.kind == "separator" else "position"
                message = f"the {component.kind} {name!r} does not say where each {case} leads"
                expected = f'a component for each {case}, such as {{ NAME = "waste" }}'
                yield Finding(here, message, expected=expected)
            continue
        if by_case:
            message = f"a {component.kind} knows neither phases nor positions"
            expected = "names or shares of components downstream, or a separator or a valve"
            yield Finding(here, message, expected=expected)
        elif isinstance(given, tuple | Mapping):
            if component.kind not in (*_DIVIDE, "waste"):
                message = f"the flow cannot divide in a {component.kind}"
                expected = f"a junction behind {name!r} whose `to` names several components"
                yield Finding(here, message, expected=expected)
            yield from _shares(here, given)


def _shares(here: Path, given: tuple[str, ...] | Mapping[str, float | str]) -> Iterator[Finding]:
    if isinstance(given, tuple):
        for number, outlet in enumerate(given):
            if outlet in given[:number]:
                message = f"{outlet!r} is named twice"
                expected = "each component once, or a table of shares"
                yield Finding((*here, number), message, expected=expected)
        return
    shares = {outlet: share for outlet, share in given.items() if isinstance(share, float)}
    wrong = [outlet for outlet, share in shares.items() if not 0.0 < share <= 1.0]
    for outlet in wrong:
        expected = "a share of the flow, more than 0 and at most 1"
        yield Finding((*here, outlet), f"got {shares[outlet]:g}", expected=expected)
    total = sum(shares.values())
    if not wrong and not _LEAST_SUM <= total <= _LARGEST_SUM:
        expected = "shares that sum to 1, or an array of the names for equal shares"
        yield Finding(here, f"the shares sum to {total:g}", expected=expected)


def separators(profile: Profile) -> Iterator[Finding]:
    """A separator has an outlet for each phase that reaches it, and for no other."""
    graph = _graph(profile)
    for name, component in profile.path.items():
        if component.kind != "separator" or not isinstance(component.to, Mapping):
            continue
        here: Path = ("path", name, "to")
        arriving = [s for s in profile.streams if name in graph.passing(s)]
        phases = {profile.streams[one].phase: one for one in reversed(arriving)}
        for phase, stream in phases.items():
            if phase not in component.to:
                message = f"{name!r} has no outlet for the phase {phase!r} of {stream!r}"
                expected = f"a key `{phase}` with a component, or another `phase` of {stream!r}"
                yield Finding(here, message, expected=expected, on_key=True)
        for phase, value in component.to.items():
            if arriving and isinstance(value, str) and phase not in phases:
                message = f"no stream of the phase {phase!r} reaches {name!r}"
                yield Finding(
                    (*here, phase),
                    message,
                    expected=f"one of {', '.join(sorted(phases))}",
                    on_key=True,
                )


def valves(profile: Profile) -> Iterator[Finding]:
    """One device turns a valve, and each position that it has in a run leads somewhere."""
    for name, component in profile.path.items():
        if component.kind != "valve" or not isinstance(component.to, Mapping):
            continue
        entries = [profile.devices[one] for one in component.devices if one in profile.devices]
        turned = [one for one in entries if one.abilities.is_selectable]
        if len(turned) != 1:
            message = f"the valve {name!r} has {len(turned) or 'no'} devices that turn it"
            expected = 'one, such as `valve = "NAME"`'
            yield Finding(("path", name), message, expected=expected, on_key=True)
            continue
        here: Path = ("path", name, "to")
        for position in component.to:
            known = turned[0].abilities.positions
            yield from names.one_of(position, known, "position", (*here, position), on_key=True)
        given = profile.device_settings.get(turned[0].name, turned[0].safe)
        used = {str(turned[0].safe): "in the safe state", str(given): "in experiments"}
        for position, when in used.items():
            if position not in component.to:
                message = f"{name!r} leads nowhere in the position {position!r}, {when}"
                expected = f"a key `{position}` with a component"
                yield Finding(here, message, expected=expected, on_key=True)


def fixed_valves(profile: Profile) -> Iterator[Finding]:
    """No variable turns a valve of the path."""
    turned_by = {
        device: name
        for name, component in profile.path.items()
        for device in component.devices
        if component.kind == "valve"
    }
    for index, variable in enumerate(profile.variables if turned_by else ()):
        if variable.device in turned_by:
            valve = turned_by[variable.device]
            message = f"{variable.device!r} turns {valve!r}, on which times and volumes depend"
            expected = "one position in [settings] for all experiments"
            yield Finding(("space", index), message, expected=expected)


def looked_at(profile: Profile) -> Iterator[Finding]:
    """Something flows where something is measured, in the positions of experiments."""
    if not any(component.kind == "valve" for component in profile.path.values()):
        return
    graph = _graph(profile)
    for name, component in profile.path.items():
        able = any(name in graph.reaching(one) for one in profile.streams)
        if component.spectrometer is None or not able:
            continue
        if not any(name in graph.passing(one) for one in profile.streams):
            message = f"nothing flows through {name!r} in experiments: a valve leads it elsewhere"
            expected = "another position of the valve in [settings]"
            yield Finding(("path", name), message, expected=expected, on_key=True)


def reference_arrives(profile: Profile) -> Iterator[Finding]:
    """Separators and valves let the liquid of the lamp reference into the cells that need it."""
    parting = any(component.kind in ("separator", "valve") for component in profile.path.values())
    if profile.calibration is None or not parting:
        return
    graph = _graph(profile)
    rates = profile.calibration.flow_rates_ul_min
    clear = [name for name, rate in rates.items() if rate > 0 and name in profile.streams]
    for channel in profile.analysis.channels.values() if clear else ():
        if not channel.offer.needs_light:
            continue
        for name, component in profile.path.items():
            passing = [one for one in profile.streams if name in graph.passing(one)]
            looks = channel.device in detectors_at(component, profile.devices)
            if looks and passing and not {*clear} & {*passing}:
                message = f"nothing of it flows through {name!r}, which the lamp reference needs"
                expected = f"a transparent liquid among {', '.join(passing)}"
                yield Finding(("calibration", "flow_rates"), message, expected=expected)


def no_loop(profile: Profile) -> Iterator[Finding]:
    """The flow path has no loop."""
    for loop in FlowGraph(profile.path, {}).loops:
        message = f"the flow path has a loop: {' -> '.join((*loop, loop[0]))}"
        expected = "a component on the way to the waste"
        yield Finding(("path", loop[-1], "to"), message, expected=expected)


def inlets(profile: Profile) -> Iterator[Finding]:
    """Something flows into every component, and several flows meet at junctions only."""
    graph = _graph(profile)
    for name, component in profile.path.items():
        sources = (*graph.feeds[name], *graph.sources[name])
        if not sources:
            message = f"the flow path has a gap: nothing flows into {name!r}"
            expected = f'a stream or component with `to = "{name}"`'
            yield Finding(("path", name), message, expected=expected, on_key=True)
        elif len(sources) > 1 and component.kind not in _JOIN:
            both = ", ".join(map(repr, sources[:-1])) + f" and {sources[-1]!r}"
            message = f"{both} meet in {name!r}, a {component.kind}"
            expected = f'a junction (kind = "junction") before {name!r} in which they meet'
            yield Finding(("path", name), message, expected=expected, on_key=True)


def equipment(profile: Profile) -> Iterator[Finding]:
    """Flow cells have a spectrometer; nothing heats or measures in a waste."""
    for name, component in profile.path.items():
        here: Path = ("path", name)
        given = {"heater": component.heater, "spectrometer": component.spectrometer}
        for kind, device in given.items():
            if device is None:
                continue
            if component.kind == "waste":
                message, expected = f"a waste cannot have a {kind}", "another component"
                yield Finding((*here, kind), message, expected=expected, on_key=True)
            if kind == "spectrometer":
                yield from names.detector(profile, device, (*here, kind))
            else:
                yield from names.device(profile, device, kind, (*here, kind))
        if component.kind == "flow-cell" and component.spectrometer is None:
            message = f"the flow-cell {name!r} has no spectrometer"
            yield Finding(here, message, expected="a key `spectrometer`", on_key=True)


def volumes(profile: Profile) -> Iterator[Finding]:
    """Tubing, mixers, reactors, and vessels that liquid flows through, have a volume."""
    for name, component in profile.path.items():
        bored = component.inner_diameter_mm is not None and component.length_mm is not None
        passed = component.kind == "vessel" and not component.is_end
        needed = component.kind in _NEED_VOLUME or passed
        if needed and component.given_volume_ul is None and not bored:
            message = f"the volume of {name!r} is not known"
            expected = "`volume`, or `inner_diameter` and `length`"
            yield Finding(("path", name), message, expected=expected, on_key=True)


def wastes(profile: Profile) -> Iterator[Finding]:
    """A waste with a given volume has room for the flush of the safe state."""
    graph = _graph(profile)
    flushed_ul: dict[str, float] = {}
    for step in profile.safe_state:
        for stream, rate in step.flow_rates_ul_min.items():
            passing = graph.reaching(stream) if stream in profile.streams else {}
            for name, share in passing.items():
                volume_ul = share * rate * step.at_most_s / 60
                flushed_ul[name] = flushed_ul.get(name, 0.0) + volume_ul
    for name, component in profile.path.items():
        if not component.is_end or component.given_volume_ul is None:
            continue
        least_ul = flushed_ul.get(name, 0.0)
        if component.given_volume_ul <= least_ul:
            yield Finding(
                ("path", name, "volume"),
                f"the safe state flushes up to {least_ul / 1000:g} mL into {name!r}",
                expected=f"more than {least_ul / 1000:g} mL",
            )


def residence_time(profile: Profile) -> Iterator[Finding]:
    """τ starts at a component and ends downstream of it."""
    yield from _stretch(profile, profile.residence_time.section, ("residence_time",))


def sections(profile: Profile) -> Iterator[Finding]:
    """A section has a name of its own, starts at a component and ends downstream of it."""
    for name, section in profile.sections.items():
        here: Path = ("sections", name)
        if name == "residence":
            message, expected = "the section 'residence' is [residence_time]", "another name"
            yield Finding(here, message, expected=expected, on_key=True)
        elif not _NAME.fullmatch(name):
            expected = "letters, digits and underscores, with a letter first"
            yield Finding(here, f"got the name {name!r}", expected=expected, on_key=True)
        yield from _stretch(profile, section, here)


def _stretch(profile: Profile, section: Section, here: Path) -> Iterator[Finding]:
    """A section's components exist, and it ends downstream of its start."""
    graph = FlowGraph(profile.path, {})
    unknown = list(names.one_of(section.start, profile.path, "component", (*here, "start")))
    for end, path in _ends(section, here):
        unknown += names.one_of(end, profile.path, "component", path)
    yield from unknown
    if unknown or graph.loops:
        return
    after = graph.downstream(section.start)[1:]
    expected = f"one of {', '.join(after) or 'the components upstream'}"
    for end, path in _ends(section, here):
        if end not in after:
            message = f"{end!r} is not downstream of {section.start!r}"
            yield Finding(path, message, expected=expected)
    if not (section.ends or after):
        message = f"nothing is downstream of {section.start!r}"
        yield Finding((*here, "start"), message, expected="a component upstream of others")


def passages(profile: Profile) -> Iterator[Finding]:
    """Liquid flows from the start of each section to each of its ends, past all separators."""
    graph = _graph(profile)
    stretches: dict[Path, Section] = {("residence_time",): profile.residence_time.section}
    stretches |= {("sections", name): one for name, one in profile.sections.items()}
    for here, section in stretches.items():
        if graph.loops or not graph.phases_at(section.start):
            continue
        after = graph.downstream(section.start)[1:]
        for end, path in _ends(section, here):
            if end in after and not any(graph.routes(section.start, end)):
                reached = [one for one in after if any(graph.routes(section.start, one))]
                yield Finding(
                    path,
                    f"nothing flows from {section.start!r} to {end!r}: a separator or valve leads "
                    "what passes there another way",
                    expected=f"one of {', '.join(reached)}",
                )


def _ends(section: Section, here: Path) -> Iterator[tuple[str, Path]]:
    for number, end in enumerate(section.ends):
        one: Path = (*here, "end") if isinstance(section.end, str) else (*here, "end", number)
        yield end, one


def _graph(profile: Profile) -> FlowGraph:
    positions: Mapping[str, str] = {}
    if any(component.kind == "valve" for component in profile.path.values()):
        positions = valve_positions(profile.path, profile.devices, profile.device_settings)
    return FlowGraph(profile.path, profile.streams, positions)


RULES = (
    ends_meet,
    divisions,
    separators,
    valves,
    fixed_valves,
    looked_at,
    reference_arrives,
    no_loop,
    inlets,
    equipment,
    volumes,
    wastes,
    residence_time,
    sections,
    passages,
)
