"""Rules for the flow path: every stream reaches an end, and every component has an inlet."""

import math
import re
from collections.abc import Iterator, Mapping

from flowrig.profile.controls.timeline import states
from flowrig.profile.model import Component, Profile, Section
from flowrig.profile.model.devices import detectors_at
from flowrig.profile.model.flow import GAS, drawn_from
from flowrig.profile.problems import Finding, Path, nearest
from flowrig.profile.rules import names
from flowrig.profile.topology import (
    MOST_COMBINATIONS,
    FlowGraph,
    chosen_valves,
    every_position,
    in_words,
    positions_in_experiments,
    valve_positions,
    valve_turners,
)

__all__ = ["RULES", "counted"]

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
        elif component.to is None and not (component.is_end or component.routes):
            message = f"the flow path has a gap: {name!r} leads to no component"
            expected = "a key `to` with the component downstream"
            yield Finding(here, message, expected=expected, on_key=True)
        else:
            for outlet, path, on_key in _outlets(name, component):
                yield from names.one_of(outlet, profile.path, "component", path, on_key=on_key)


def _outlets(name: str, component: Component) -> Iterator[tuple[str, Path, bool]]:
    """Each name in `to` and `routes`, with its place and whether it is a key."""
    here: Path = ("path", name, "to")
    for position, way in component.routes.items():
        for source, outlet in way.items():
            yield outlet, ("path", name, "routes", position, source), False
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
    graphs = [graph for _, graph in _cases(profile)]
    for name, component in profile.path.items():
        if component.kind != "separator" or not isinstance(component.to, Mapping):
            continue
        here: Path = ("path", name, "to")
        arriving = [s for s in profile.streams if any(name in graph.passing(s) for graph in graphs)]
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
        listed = component.routes or component.to
        if component.routes and component.kind != "valve":
            message = f"a {component.kind} has no positions"
            yield Finding(("path", name, "routes"), message, expected='kind = "valve"', on_key=True)
        if component.kind != "valve" or not isinstance(listed, Mapping):
            continue
        if component.routes and component.to is not None:
            message = f"the valve {name!r} says twice where it leads"
            yield Finding(("path", name, "to"), message, expected="`routes` alone", on_key=True)
        entries = [profile.devices[one] for one in component.devices if one in profile.devices]
        turned = [one for one in entries if one.abilities.is_selectable]
        if len(turned) != 1:
            message = f"the valve {name!r} has {len(turned) or 'no'} devices that turn it"
            expected = 'one, such as `valve = "NAME"`'
            yield Finding(("path", name), message, expected=expected, on_key=True)
            continue
        key = "routes" if component.routes else "to"
        here: Path = ("path", name, key)
        for position in listed:
            known = turned[0].abilities.positions
            yield from names.one_of(position, known, "position", (*here, position), on_key=True)
        for position, when in _positions_of(profile, turned[0].name).items():
            if position not in listed:
                message = f"{name!r} leads nowhere in the position {position!r}, {when}"
                expected = f"a key `{position}` with a component"
                if component.routes:
                    expected = f'a table `{position}`, such as {{ STREAM = "waste" }}'
                yield Finding(here, message, expected=expected, on_key=True)


def _positions_of(profile: Profile, device: str) -> dict[str, str]:
    """Positions of a device in a run, and when it has each."""
    safe = str(profile.devices[device].safe)
    given = profile.device_settings.get(device, safe)
    chosen = [one for one in chosen_valves(profile) if one.device == device]
    used = {safe: "in the safe state"}
    used |= {given: "outside of experiments" if chosen else "in experiments"}
    used |= {c.name: "in experiments" for one in chosen for c in one.choices}
    steps = (one for one in profile.procedure if one.device == device)
    return used | {str(one.position): "in the procedure" for one in steps}


def combinations(profile: Profile) -> Iterator[Finding]:
    """The positions of valves have so few combinations that all of them can be looked at."""
    ways = math.prod(len(component.routes) or 1 for component in profile.path.values())
    chosen = math.prod(len(one.choices) for one in chosen_valves(profile))
    for count, path in ((ways, ("path",)), (chosen, ("space",))):
        if count > MOST_COMBINATIONS:
            message = f"the positions of valves have {count} combinations"
            yield Finding(path, message, expected=f"at most {MOST_COMBINATIONS}", on_key=True)


def routes(profile: Profile) -> Iterator[Finding]:
    """A valve with routes leads on what enters it, nothing backwards, and holds no liquid."""
    for name, component in profile.path.items():
        entering = _entering(profile, name) if component.routes else ()
        for position, way in component.routes.items():
            met: dict[str, str] = {}
            for source, outlet in way.items():
                here: Path = ("path", name, "routes", position, source)
                kind = profile.path[outlet].kind if outlet in profile.path else "waste"
                if source not in entering:
                    message = f"nothing flows from {source!r} into {name!r}"
                    expected = f"one of {', '.join(entering)}; or its own `to` leads to {name!r}"
                    near = nearest(source, entering)
                    yield Finding(here, message, expected=expected, nearest=near, on_key=True)
                elif outlet in profile.path and profile.path[outlet].routes:
                    message = f"{source!r} leads through {name!r} into a valve with routes"
                    yield Finding(here, message, expected="a piece of tubing between the valves")
                elif met.setdefault(outlet, source) != source and kind not in _JOIN:
                    message = (
                        f"{met[outlet]!r} and {source!r} meet in {outlet!r}, a {kind}, in the "
                        f"position {position!r}"
                    )
                    yield Finding(here, message, expected=f"a junction before {outlet!r}")
        given = {
            "volume": component.given_volume_ul,
            "length": component.length_mm,
            "heater": component.heater,
            "spectrometer": component.spectrometer,
        }
        turner = valve_turners(profile.path, profile.devices).get(name)
        given |= {word: one for one, word in component.devices.items() if one != turner}
        for key, value in given.items() if component.routes and turner else ():
            if value is not None:
                message = f"a valve with routes has no {key} of its own"
                expected = "the same at a component beside the valve"
                yield Finding(("path", name, key), message, expected=expected, on_key=True)


def _entering(profile: Profile, name: str) -> tuple[str, ...]:
    """The streams and components that lead into a component."""
    streams = [one for one, stream in profile.streams.items() if stream.to == name]
    return (*streams, *(one for one, part in profile.path.items() if name in part.outlets))


def open_ports(profile: Profile) -> Iterator[Finding]:
    """What may flow meets no closed port of a valve with routes, so that it reaches an end."""
    if not any(component.routes for component in profile.path.values()):
        return
    told: set[Path] = set()
    for streams, positions, when in _flowing(profile):
        at = valve_positions(
            profile.path, profile.devices, {**profile.device_settings, **positions}
        )
        graph = _graph(profile, positions)
        known = [one for one in streams if one in profile.streams]
        for source in dict.fromkeys(part for one in known for part in graph.closed_to(one)):
            for valve in _routed_behind(profile, source):
                position = at.get(valve, "")
                here: Path = ("path", valve, "routes", position)
                way = profile.path[valve].routes.get(position, {source: ""})
                if source not in way and (*here, source) not in told:
                    told.add((*here, source))
                    message = f"{source!r} meets a closed port of {valve!r} {when}"
                    expected = f'a way for it, such as `{source} = "waste"`'
                    yield Finding(here, message, expected=expected, on_key=True)


def _routed_behind(profile: Profile, source: str) -> list[str]:
    """The valves with routes into which a stream or a component leads."""
    stream = profile.streams.get(source)
    outlets = profile.path[source].outlets if stream is None else (stream.to,)
    return [one for one in outlets if one in profile.path and profile.path[one].routes]


def _flowing(profile: Profile) -> Iterator[tuple[tuple[str, ...], dict[str, str], str]]:
    """Streams that may flow, positions of valves by device, and when that is."""
    for positions in positions_in_experiments(profile):
        if profile.procedure:
            yield from _flowing_in_steps(profile, positions)
        else:
            yield tuple(profile.streams), positions, "in experiments"
    if profile.calibration is not None:
        yield tuple(profile.calibration.flow_rates_ul_min), {}, "in the calibration"
    flushed = tuple(name for step in profile.safe_state for name in step.flow_rates_ul_min)
    held = tuple(profile.hold.flow_rates_ul_min or {})
    safe = {one: str(profile.devices[one].safe) for one in _turners(profile)}
    yield (*flushed, *held), safe, "in the safe state"


def _flowing_in_steps(
    profile: Profile, chosen: Mapping[str, str]
) -> Iterator[tuple[tuple[str, ...], dict[str, str], str]]:
    """As `_flowing`, in the steps of a procedure; carriers may flow in each, as on hold."""
    turned = {step.device for step in profile.procedure}
    others = {device: one for device, one in chosen.items() if device not in turned}
    held = tuple(profile.hold.flow_rates_ul_min or {})
    held = held or tuple(n for n, one in profile.streams.items() if one.role == "carrier")
    for number, state in enumerate(states(profile), 1):
        at = {**others, **state.positions}
        yield state.flowing, at, f"in step {number} of the procedure"
        yield held, at, f"on hold in step {number} of the procedure"


def looked_at(profile: Profile) -> Iterator[Finding]:
    """Something flows where something is measured, in one of the positions of experiments."""
    cases = len(list(positions_in_experiments(profile)))
    for name, starved in _starved(profile):
        if len(starved) == cases:
            yield _not_looked_at(name, starved[0])


def counted(profile: Profile) -> Iterator[Finding]:
    """Something flows where a channel looks that counts, in every position of experiments.

    Args:
        profile: a profile that keeps all other rules.
    """
    channels = [profile.analysis.channels[one] for one in profile.channels_that_count]
    for name, starved in _starved(profile):
        looking = detectors_at(profile.path[name], profile.devices)
        if any(one.device in looking for one in channels):
            yield _not_looked_at(name, starved[0])


def _starved(profile: Profile) -> Iterator[tuple[str, list[str]]]:
    """Where something is measured, and the positions in words in which nothing flows there."""
    if not any(component.kind == "valve" for component in profile.path.values()):
        return
    cases = list(_cases(profile))
    for name, component in profile.path.items():
        if not detectors_at(component, profile.devices) or not any(
            name in cases[0][1].reaching(one) for one in profile.streams
        ):
            continue
        starved = [
            where
            for where, graph in cases
            if not any(name in graph.passing(one) for one in profile.streams)
        ]
        if starved:
            yield name, starved


def _not_looked_at(name: str, where: str) -> Finding:
    message = f"nothing flows through {name!r} in experiments: a valve leads it elsewhere"
    message += f", with {where}" if where else ""
    expected = "another position of the valve"
    return Finding(("path", name), message, expected=expected, on_key=True)


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
            starved = looks and not {*clear} & {*passing}
            if starved and (passing or chosen_valves(profile)):
                message = f"nothing of it flows through {name!r}, which the lamp reference needs"
                expected = f"a transparent liquid among {', '.join(passing)}"
                if not passing:
                    expected = "positions of the valves in [settings] that lead it there"
                yield Finding(("calibration", "flow_rates"), message, expected=expected)


def no_loop(profile: Profile) -> Iterator[Finding]:
    """The flow path has no loop, wherever valves stand."""
    for positions in every_position(profile.path):
        loops = FlowGraph(profile.path, {}, positions).loops
        for loop in loops:
            message = f"the flow path has a loop: {' -> '.join((*loop, loop[0]))}"
            message += f", with {in_words(positions)}" if positions else ""
            expected = "a component on the way to the waste"
            yield Finding(("path", loop[-1], "to"), message, expected=expected)
        if loops:
            return


def inlets(profile: Profile) -> Iterator[Finding]:
    """Something flows into every component, and several flows meet at junctions only."""
    drawn = drawn_from(profile.streams)
    for name, component in profile.path.items():
        sources = _entering(profile, name)
        if not sources and name not in drawn:
            message = f"the flow path has a gap: nothing flows into {name!r}"
            expected = f'a stream or component with `to = "{name}"`'
            yield Finding(("path", name), message, expected=expected, on_key=True)
        elif len(sources) > 1 and component.kind not in _JOIN and not component.routes:
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


def by_hand(profile: Profile) -> Iterator[Finding]:
    """A volume is a window where a person changes the component, and only there."""
    for name, component in profile.path.items():
        here: Path = ("path", name)
        is_window = component.volume_window_ul is not None
        if is_window and component.kind not in _NEED_VOLUME:
            message = f"a {component.kind} has one volume"
            expected = f"one quantity; a person changes {' or '.join(_NEED_VOLUME)} only"
            yield Finding((*here, "volume"), message, expected=expected)
        elif is_window and component.length_mm is not None:
            message = f"the length of {name!r} follows from the volume that a person puts in"
            yield Finding((*here, "length"), message, expected="no key `length`", on_key=True)
        elif is_window and not component.by_hand:
            message = f"{name!r} has a window of volumes, and nobody is asked to change it"
            expected = 'the words of the request: by_hand = "Put in a coil of this volume"'
            yield Finding((*here, "volume"), message, expected=expected)
        elif component.by_hand and not is_window:
            message = f"a person changes {name!r}, and its volume is not a window"
            expected = 'the volumes that may be asked for: volume = ["10 uL", "800 uL"]'
            yield Finding((*here, "by_hand"), message, expected=expected, on_key=True)


def wastes(profile: Profile) -> Iterator[Finding]:
    """A waste with a given volume has room for the flush of the safe state; a gas leaves it."""
    graph = _graph(profile)
    flushed_ul: dict[str, float] = {}
    for step in profile.safe_state:
        for stream, rate in step.flow_rates_ul_min.items():
            stays = stream in profile.streams and profile.streams[stream].phase != GAS
            passing = graph.reaching(stream) if stays else {}
            for name, share in passing.items():
                volume_ul = share * rate * step.at_most_s / 60
                flushed_ul[name] = flushed_ul.get(name, 0.0) + volume_ul
    for name, component in profile.path.items():
        if component.capacity_ul is None:
            continue
        least_ul = flushed_ul.get(name, 0.0)
        if component.capacity_ul <= least_ul:
            yield Finding(
                ("path", name, "volume"),
                f"the safe state flushes up to {least_ul / 1000:g} mL into {name!r}",
                expected=f"more than {least_ul / 1000:g} mL",
            )


def counts(profile: Profile) -> Iterator[Finding]:
    """Several vessels collect liquid, and each position that leads to them leads to one."""
    for name, component in profile.path.items():
        here: Path = ("path", name, "count")
        if component.count < 1:
            yield Finding(here, f"got {component.count}", expected="1 or more")
        elif component.count > 1 and not (component.kind == "vessel" and component.is_end):
            expected = "no key `count`, or a vessel without `to`"
            yield Finding(here, f"{name!r} collects nothing", expected=expected, on_key=True)
        elif component.count > 1:
            lead = sum(
                [*one.to.values()].count(name)
                for one in profile.path.values()
                if one.kind == "valve" and isinstance(one.to, Mapping)
            )
            if lead not in (0, component.count):
                message = f"{lead} positions lead to {name!r}"
                yield Finding(here, message, expected=f"{lead}, or as many positions as vessels")


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
    unknown = list(names.one_of(section.start, profile.path, "component", (*here, "start")))
    for end, path in _ends(section, here):
        unknown += names.one_of(end, profile.path, "component", path)
    yield from unknown
    graphs = [FlowGraph(profile.path, {}, one) for one in every_position(profile.path)]
    if unknown or any(graph.loops for graph in graphs):
        return
    after = {one: None for graph in graphs for one in graph.downstream(section.start)[1:]}
    expected = f"one of {', '.join(after) or 'the components upstream'}"
    for end, path in _ends(section, here):
        if end not in after:
            message = f"{end!r} is not downstream of {section.start!r}"
            yield Finding(path, message, expected=expected)
    if not (section.ends or after):
        message = f"nothing is downstream of {section.start!r}"
        yield Finding((*here, "start"), message, expected="a component upstream of others")


def passages(profile: Profile) -> Iterator[Finding]:
    """Liquid flows through each section in a position in use, and through τ in experiments."""
    stretches: dict[Path, Section] = {("residence_time",): profile.residence_time.section}
    stretches |= {("sections", name): one for name, one in profile.sections.items()}
    cases = list(_cases(profile))
    others = {one: str(profile.devices[one].safe) for one in _turners(profile)}
    rest = [("", _graph(profile, at)) for at in ({}, others)] if others else []
    rest += [("", _graph(profile, state.positions)) for state in states(profile)]
    for here, section in stretches.items():
        tried = cases if here == ("residence_time",) else [*cases, *rest]
        missed = [
            (where, dict(missing))
            for where, graph in tried
            if (missing := list(_missed(graph, section, here)))
        ]
        if missed and (len(missed) == len(tried) or here == ("residence_time",)):
            where, findings = missed[0]
            for path, (message, expected) in findings.items():
                with_where = f"{message}, with {where}" if where else message
                yield Finding(path, with_where, expected=expected)


def _missed(
    graph: FlowGraph, section: Section, here: Path
) -> Iterator[tuple[Path, tuple[str, str]]]:
    """Ends of a section that no liquid from its start reaches: what is wrong, and what would do."""
    after = graph.downstream(section.start)[1:]
    turns = any(component.kind == "valve" for component in graph.path.values())
    if graph.loops or not (turns or graph.phases_at(section.start)):
        return
    if not graph.phases_at(section.start):
        message = f"nothing flows through {section.start!r}: a valve leads it elsewhere"
        yield (*here, "start"), (message, "a component through which something flows")
        return
    for end, path in _ends(section, here):
        if (end in after or turns) and not any(graph.routes(section.start, end)):
            reached = [one for one in after if any(graph.routes(section.start, one))]
            message = (
                f"nothing flows from {section.start!r} to {end!r}: a separator or valve leads "
                "what passes there another way"
            )
            yield path, (message, f"one of {', '.join(reached)}")


def _ends(section: Section, here: Path) -> Iterator[tuple[str, Path]]:
    for number, end in enumerate(section.ends):
        one: Path = (*here, "end") if isinstance(section.end, str) else (*here, "end", number)
        yield end, one


def _turners(profile: Profile) -> tuple[str, ...]:
    """The devices that turn valves of the path; none in a path without valves."""
    if not any(component.kind == "valve" for component in profile.path.values()):
        return ()
    return tuple(dict.fromkeys(valve_turners(profile.path, profile.devices).values()))


def _cases(profile: Profile) -> Iterator[tuple[str, FlowGraph]]:
    """What leads where in experiments, by the positions that they choose, in words."""
    for positions in positions_in_experiments(profile):
        yield in_words(positions), _graph(profile, positions)


def _graph(profile: Profile, positions: Mapping[str, str] | None = None) -> FlowGraph:
    """What leads where; valves stand as `[settings]` says, or at positions that are given."""
    at: Mapping[str, str] = {}
    if any(component.kind == "valve" for component in profile.path.values()):
        given = {**profile.device_settings, **(positions or {})}
        at = valve_positions(profile.path, profile.devices, given)
    return FlowGraph(profile.path, profile.streams, at)


RULES = (
    ends_meet,
    divisions,
    separators,
    valves,
    combinations,
    routes,
    open_ports,
    looked_at,
    reference_arrives,
    no_loop,
    inlets,
    equipment,
    volumes,
    by_hand,
    wastes,
    counts,
    residence_time,
    sections,
    passages,
)
