"""What names in expressions over controls stand for: flow rates, set points, totals, times."""

from collections.abc import Iterator, Mapping

from attrs import frozen

from flowrig.errors import InputError
from flowrig.problem.forms import Form, Ratio
from flowrig.problem.scale import Routes
from flowrig.profile.expressions import Bound, Expression, ExpressionError, Meaning, Unit, unit_of
from flowrig.profile.expressions.linear import ratio_of
from flowrig.profile.model import DeviceEntry, Profile, Section
from flowrig.profile.model.devices import units_of_readings
from flowrig.profile.model.flow import VOLUME, volumes_by_hand
from flowrig.profile.model.procedure import TIME, named_waits
from flowrig.profile.topology import Topology

__all__ = ["Names", "names_of"]

TOTAL = "total"
"""The sum of all streams, unless something is called like it."""

SECONDS_PER_MINUTE = 60.0

NO_QUOTIENT = (
    "streams join or divide on the way, so that its time is no quotient of flow rates; let it "
    "stand alone, or take a section that starts where they have joined"
)
"""Why a time cannot stand in a larger expression."""

JOINED_BY_HAND = (
    "streams join or divide on the way, and a person changes a volume there, so that its time is "
    "no quotient of flow rates and volumes; take a section that starts where they have joined"
)
"""Why a time with a volume by hand cannot be used."""

SAME = 1e-9
"""Relative difference of factors that are the same but for rounding."""


@frozen
class Names:
    """Names with their meaning.

    Attributes:
        meanings: units by name.
        ratios: by name, what it is in terms of controls.
        refused: by name, why an expression cannot use it.
        joined: by name, a time that is no quotient, and that an equation may have alone.
        streams: names of the streams.
    """

    meanings: Mapping[str, Meaning]
    ratios: Mapping[str, Ratio]
    refused: Mapping[str, str]
    joined: Mapping[str, Routes]
    streams: tuple[str, ...]

    def bind(self, expression: Expression) -> Bound:
        """An expression with the meaning of its names.

        Raises:
            ExpressionError: a name is unknown or cannot be used, or units do not fit.
        """
        for name in expression.names:
            if name in self.refused:
                at = expression.text.find(name.removeprefix("mol("))
                raise ExpressionError(f"{name}: {self.refused[name]}", max(at, 0))
        return expression.bind(self.meanings)

    def ratio(self, expression: Expression) -> tuple[Ratio, Bound]:
        """An expression as a quotient of linear forms of controls, in the unit of the other.

        Raises:
            ExpressionError: as `bind`, or it is no such quotient.
        """
        bound = self.bind(expression)
        return ratio_of(bound, self.ratios), bound


def names_of(profile: Profile, positions: Mapping[str, str] | None = None) -> Names:
    """The names of a rig that expressions over controls can use.

    Args:
        profile: a profile, or the readable sections of one.
        positions: by device, what an experiment chooses for the valves of the path.
    """
    flow, heat, time = unit_of("uL/min"), unit_of("degC"), unit_of("s")
    meanings: dict[str, Meaning] = {}
    ratios: dict[str, Ratio] = {}
    heaters = [name for name, one in profile.devices.items() if one.offer.kind == "heater"]
    for names, unit in ((profile.streams, flow), (heaters, heat)):
        for name in names:
            meanings[name] = Meaning(unit)
            ratios[name] = Ratio(Form(0.0, {name: 1.0}))
    refused = {
        name: "a stream and a device have this name; rename one of them"
        for name in heaters
        if name in profile.streams
    }
    for name, entry in profile.devices.items():
        own = _unit(entry)
        if own is not None and name not in meanings:
            meanings[name] = Meaning(own)
            ratios[name] = Ratio(Form(0.0, {name: 1.0}))
        elif name not in meanings:
            refused[name] = "this is no device that is set to a number"
    molar, volume = unit_of("umol/min"), unit_of("uL")
    for more, unit in ((_molar_flows(profile), molar), (_volumes(profile), volume)):
        meanings |= dict.fromkeys(more, Meaning(unit))
        ratios |= more
    if TOTAL not in meanings:
        meanings[TOTAL] = Meaning(flow)
        ratios[TOTAL] = Ratio(Form(0.0, dict.fromkeys(profile.streams, 1.0)))
    kept, unknown = _kept(profile)
    named = {name + TIME: Meaning(time) for name in named_waits(profile.procedure)} | kept
    meanings |= named
    ratios |= {name: Ratio(Form(0.0, {name: 1.0})) for name in named}
    refused |= unknown
    joined: dict[str, Routes] = {}
    for name, found in _times(profile, positions or {}):
        meanings[name] = Meaning(time)
        if isinstance(found, Ratio):
            ratios[name] = found
            continue
        refused[name] = NO_QUOTIENT if isinstance(found, Routes) else found
        if isinstance(found, Routes):
            joined[name] = found
    return Names(meanings, ratios, refused, joined, tuple(profile.streams))


def _molar_flows(profile: Profile) -> dict[str, Ratio]:
    """Molar flows [µmol/min] of the species that streams contain; 1 mol/L is 1 µmol/µL."""
    found: dict[str, Ratio] = {}
    for stream in profile.streams.values():
        for species, mol_l in stream.contains_mol_l.items():
            name = f"mol({species})"
            before = found.get(name, Ratio(Form()))
            found[name] = Ratio(before.above.plus(Form(0.0, {stream.name: mol_l})))
    return found


def _volumes(profile: Profile) -> dict[str, Ratio]:
    """Volumes [µL] of the components that have one."""
    return {
        name + VOLUME: Ratio(_volume_ul(profile, name))
        for name, part in profile.path.items()
        if part.volume_ul > 0.0
    }


def _unit(entry: DeviceEntry) -> Unit | None:
    """The unit in which a device is set; None if it is not, or in a unit that no profile has."""
    if not entry.abilities.is_settable:
        return None
    try:
        return unit_of(entry.abilities.unit)
    except ValueError:
        return None


def _kept(profile: Profile) -> tuple[dict[str, Meaning], dict[str, str]]:
    """By control loop the meaning of its value, or why an expression cannot use it."""
    units, found, refused = units_of_readings(profile.devices), dict[str, Meaning](), {}
    for name, loop in profile.control.items():
        try:
            found[name] = Meaning(unit_of(units[loop.reading]))
        except (KeyError, ValueError):
            refused[name] = (
                f"{loop.reading} has no unit that expressions know; say `at` in its loop"
            )
    return found, refused


def _times(
    profile: Profile, positions: Mapping[str, str]
) -> Iterator[tuple[str, Ratio | Routes | str]]:
    """By section its time [s], or why it is no quotient of flow rates."""
    try:
        topology = Topology(profile, positions)
        for name, section in topology.sections.items():
            yield f"{name}{TIME}", _time(profile, topology, section)
    except (InputError, KeyError):  # rules about the path report what is wrong with it
        return


def _time(profile: Profile, topology: Topology, section: Section) -> Ratio | Routes | str:
    """The time of a section: a quotient; its ways, if it is none; or why it has no time."""
    slowest: Ratio | None = None
    routes = topology.routes(section)
    by_hand = {name for route in routes for name in route} & volumes_by_hand(profile.path).keys()
    for route in routes:
        ratio = _route_time(profile, topology, route)
        if ratio is None or (slowest is not None and ratio.below != slowest.below):
            return JOINED_BY_HAND if by_hand else _routes(profile, topology, section)
        if slowest is None or ratio.above.constant > slowest.above.constant:
            slowest = ratio
        if by_hand and ratio.above != slowest.above:
            return JOINED_BY_HAND
    if slowest is None or slowest.above == Form():
        return "it has no volume, or nothing flows through it"
    return slowest


def _routes(profile: Profile, topology: Topology, section: Section) -> Routes:
    """Each way through a section, with its volumes and the flow rates through them."""

    def flow(name: str) -> Form:
        passing = {one: topology.graph.passing(one).get(name, 0.0) for one in profile.streams}
        return Form(0.0, {one: share for one, share in passing.items() if share > 0.0})

    return Routes(
        tuple(
            tuple(
                (profile.path[name].volume_ul, flow(name))
                for name in route
                if profile.path[name].volume_ul > 0.0
            )
            for route in topology.routes(section)
        )
    )


def _route_time(profile: Profile, topology: Topology, route: tuple[str, ...]) -> Ratio | None:
    """The time of a route; None if the flows through its parts are not proportional."""
    volume_ul, flow = Form(), Form()
    for name in route:
        if profile.path[name].volume_ul <= 0.0:
            continue
        shares = {
            stream: share
            for stream in profile.streams
            if (share := topology.graph.passing(stream).get(name, 0.0)) > 0.0
        }
        if not flow.factors:
            flow = Form(0.0, shares)
        if shares.keys() != flow.factors.keys():
            return None
        scales = [share / flow.factors[stream] for stream, share in shares.items()]
        if max(scales) - min(scales) > SAME * max(scales):
            return None
        here_ul = _volume_ul(profile, name)
        # A division, not a product with the inverse: the sum stays as it was to the last bit.
        inside = {one: factor / scales[0] for one, factor in here_ul.factors.items()}
        volume_ul = volume_ul.plus(Form(here_ul.constant / scales[0], inside))
    return Ratio(volume_ul.scaled(SECONDS_PER_MINUTE), flow) if flow.factors else Ratio(Form())


def _volume_ul(profile: Profile, name: str) -> Form:
    """The volume [µL] of a component: unknown where a person changes it."""
    part = profile.path[name]
    is_by_hand = part.volume_window_ul is not None
    return Form(0.0, {name + VOLUME: 1.0}) if is_by_hand else Form(part.volume_ul)
