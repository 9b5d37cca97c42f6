"""Flow paths that divide and join: flows, routes, sections and times, of paths at random."""

import itertools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.interfaces.pump import Syringe
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile, load_profile_text
from flowrig.profile.model import Component, ResidenceTime, Section, Stream
from flowrig.profile.rules import flow_path
from flowrig.profile.topology import FlowGraph, Topology
from flowrig.safety.waste import WasteAccount

RATES = {"CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0, "PFO": 250.0}


@pytest.fixture(scope="module")
def profile(plugins: Plugins) -> Profile:
    return load_profile("cs3cu2i5-heatup-chem3", plugins)


def stream(name: str, to: str, phase: str = "reactive") -> Stream:
    return Stream(
        name=name,
        pump=name,
        syringe=Syringe(50_000.0, 28.6),
        contents="",
        role="solvent",
        flow_rate_ul_min=(0.0, 1000.0),
        to=to,
        given_phase=phase,
    )


@st.composite
def paths(draw: st.DrawFn) -> tuple[dict[str, Component], dict[str, Stream], dict[str, float]]:
    """A path whose components lead to earlier ones, streams of two phases, flow rates."""
    count = draw(st.integers(2, 9))
    path = {"c0": Component(name="c0", kind="waste")}
    for index in range(1, count):
        name = f"c{index}"
        before = st.sampled_from(list(path))
        outlets = draw(st.lists(before, min_size=1, max_size=3, unique=True))
        how = draw(st.sampled_from(("equal", "shares", "phases")))
        to: Mapping[str, float] | Mapping[str, str] | tuple[str, ...] = tuple(outlets)
        kind: str = "junction"
        if how == "shares":
            parts = [draw(st.floats(0.1, 1.0)) for _ in outlets]
            to = {one: part / sum(parts) for one, part in zip(outlets, parts, strict=True)}
        elif how == "phases":
            kind, to = "separator", {"oil": draw(before), "water": draw(before)}
        volume_ul = draw(st.floats(1.0, 500.0))
        path[name] = Component(name=name, kind=kind, to=to, given_volume_ul=volume_ul)  # type: ignore[arg-type]
    entries = draw(st.lists(st.sampled_from(list(path)[1:]), min_size=1, max_size=4))
    phases = [draw(st.sampled_from(("oil", "water"))) for _ in entries]
    streams = {
        f"s{i}": stream(f"s{i}", entry, phase)
        for i, (entry, phase) in enumerate(zip(entries, phases, strict=True))
    }
    rates = {name: draw(st.sampled_from((0.0, 3.0, 40.0, 500.0))) for name in streams}
    return path, streams, rates


@given(paths())
def test_what_flows_in_flows_out(
    profile: Profile,
    rig: tuple[dict[str, Component], dict[str, Stream], dict[str, float]],
) -> None:
    """At every component, of every stream; and all of it ends somewhere."""
    path, streams, rates = rig
    topology = Topology(attrs.evolve(profile, path=path, streams=streams, sections={}))
    flows = topology.flows_ul_min(rates)
    for name, one in streams.items():
        for part in path:
            inflow = rates[name] * (one.to == part) + sum(
                flows[source].get(name, 0.0) * topology.graph.shares(source, one.phase)[part]
                for source in topology.graph.sources[part]
                if part in topology.graph.shares(source, one.phase)
            )
            assert flows[part].get(name, 0.0) == pytest.approx(inflow)
        assert sum(topology.ends(name).values()) == pytest.approx(1.0)
    assert topology.flow_rate_ul_min("c0", rates) == pytest.approx(sum(rates.values()))


def all_routes(graph: FlowGraph, start: str, phase: str) -> Iterator[tuple[str, ...]]:
    """Every way from a component to the end, by trying all."""
    shares = graph.shares(start, phase)
    if not shares:
        yield (start,)
    for one in shares:
        for rest in all_routes(graph, one, phase):
            yield (start, *rest)


@given(paths(), st.data())
def test_the_longest_route_counts(
    profile: Profile,
    rig: tuple[dict[str, Component], dict[str, Stream], dict[str, float]],
    data: st.DataObject,
) -> None:
    """Time and volume of a section are those of one route, the longest in which liquid flows."""
    path, streams, rates = rig
    first = data.draw(st.sampled_from(list(streams.values())))
    topology = Topology(attrs.evolve(profile, path=path, streams=streams, sections={}))
    phases = {
        one.phase for one in streams.values() if topology.graph.passing(one.name).get(first.to)
    }
    whole = [way for phase in phases for way in all_routes(topology.graph, first.to, phase)]
    end = data.draw(st.sampled_from([part for way in whole for part in way[1:]]))
    ways = {way[: way.index(end)] for way in whole if end in way}
    section = Section(name="x", start=first.to, end=end)
    assert set(topology.routes(section)) == ways
    times = [topology.route_time_s(way, rates) for way in ways]
    longest = max(filter(math.isfinite, times), default=math.inf)
    assert topology.section_time_s(section, rates) == pytest.approx(longest)
    volumes = [sum(path[part].volume_ul for part in way) for way in ways]
    assert topology.section_volume_ul(section) == pytest.approx(max(volumes))


COILS = """
extends = "cs3cu2i5-heatup-chem3"
unset = ["residence_time.end"]
[path]
segmentation = { to = { reactor = 0.75, coil = 0.25 } }
reactor = { to = "join" }
coil = { kind = "reactor", volume = "300 uL", heater = "plate", to = "join" }
join = { kind = "junction", volume = "0 uL", to = "cooling" }
[sections.reaction]
start = "segmentation"
end = "join"
[sections.late]
start = "cooling"
"""


def test_parallel_coils_are_never_added_up(plugins: Plugins) -> None:
    """A quarter of the flow takes 96 s through the small coil, the rest 64 s through the large."""
    coils = load_profile_text(COILS, "coils.toml", plugins)
    topology = Topology(coils)
    reaction = topology.sections["reaction"]
    assert topology.routes(reaction) == (
        ("segmentation", "reactor"),
        ("segmentation", "coil"),
    )
    assert topology.section_time_s(reaction, RATES) == pytest.approx(96.0)
    assert topology.section_volume_ul(reaction) == pytest.approx(600.0)
    assert topology.reactor_time_s(RATES) == pytest.approx(96.0)
    assert topology.residence_time_s(RATES) == pytest.approx(96.0 + 32.0)
    assert topology.ends_of(topology.sections["residence"]) == ("cell_absorbance", "cell_pl")
    assert topology.section_time_s(topology.sections["late"], RATES) == pytest.approx(32.0)


def test_a_separator_sends_each_phase_its_way(plugins: Plugins) -> None:
    """Behind the membrane the flow is that of one phase, and the wastes count their own."""
    text = """
extends = "cs3cu2i5-heatup-chem3"
[path]
cooling = { to = "membrane" }
membrane = { kind = "separator", volume = "30 uL", to = { carrier = "oil", reactive = "second" } }
second = { kind = "tubing", volume = "100 uL", to = "cell_absorbance" }
oil = { kind = "waste", volume = "1 L" }
waste = { volume = "1 L" }
[calibration]
flow_rates = { ODE = "200 uL/min" }
"""
    parted = load_profile_text(text, "parted.toml", plugins)
    topology = Topology(parted)
    assert topology.flow_rate_ul_min("membrane", RATES) == pytest.approx(750.0)
    assert topology.flow_rate_ul_min("second", RATES) == pytest.approx(500.0)
    assert topology.residence_time_s(RATES) == pytest.approx(82.4 + 12.0)
    assert topology.ends("PFO") == {"oil": 1.0}
    account = WasteAccount(parted)
    account.add({"PFO": 10.0, "ODE": 7.0})
    assert account.filled_ul == {"oil": 10.0, "waste": 7.0}


def test_a_vessel_that_fills_is_counted_as_a_waste_is(plugins: Plugins) -> None:
    """A part of every stream collects in the vial."""
    text = """
extends = "cs3cu2i5-heatup-chem3"
[path]
cell_pl = { to = "tee" }
tee = { kind = "junction", to = { vial = 0.2, waste = 0.8 } }
vial = { kind = "vessel", volume = "200 mL" }
"""
    account = WasteAccount(load_profile_text(text, "vial.toml", plugins))
    account.add({"PFO": 10.0, "ODE": 5.0})
    assert account.filled_ul == {"vial": pytest.approx(3.0)}


def test_many_splits_in_a_row_take_no_time(profile: Profile) -> None:
    """Forty divisions have 2^40 routes; flows and the longest time need none of them."""
    path: dict[str, Component] = {"end": Component(name="end", kind="waste")}
    onward = "end"
    for index in range(40):
        left, right, tee = f"l{index}", f"r{index}", f"t{index}"
        path[left] = Component(name=left, kind="tubing", to=onward, given_volume_ul=1.0)
        path[right] = Component(name=right, kind="tubing", to=onward, given_volume_ul=2.0)
        path[tee] = Component(name=tee, kind="junction", to=(left, right))
        onward = tee
    topology = Topology(
        attrs.evolve(
            profile,
            path=path,
            streams={"s": stream("s", onward)},
            residence_time=ResidenceTime(start=onward, end="end", equilibrium=1.0),
        )
    )
    assert topology.residence_time_s({"s": 60.0}) == pytest.approx(40 * 4.0)
    assert topology.ends("s") == {"end": pytest.approx(1.0)}
    assert len(list(itertools.islice(topology.graph.routes(onward, "end"), 1000))) == 64


DIVERTER = """
extends = "cs3cu2i5-heatup-chem3"
[devices.diverter]
driver = "vici"
address = "COM9"
safe = "drain"
positions = { drain = 1, tube = 2, spare = 3 }
[settings]
diverter = "tube"
[path]
cell_pl = { to = "outlet" }
outlet = { kind = "valve", valve = "diverter", to = { drain = "waste", tube = "vial" } }
vial = { kind = "vessel", volume = "2 L" }
waste = { volume = "1 L" }
"""


def test_a_valve_leads_where_it_stands() -> None:
    """In experiments into the vial, in the safe state into the waste; both count all of it."""
    diverted = load_profile_text(DIVERTER, "diverter.toml", Plugins.discover())
    topology = Topology(diverted)
    assert topology.ends("ODE") == {"vial": 1.0}
    assert topology.at({"diverter": "drain"}).ends("ODE") == {"waste": 1.0}
    assert topology.flow_rate_ul_min("waste", RATES) == 0.0
    account = WasteAccount(diverted)
    account.add({"ODE": 5.0})
    assert account.filled_ul == {"vial": 5.0, "waste": 5.0}


BEFORE_THE_CELLS = """
[path]
cooling = { to = "outlet" }
cell_pl = { to = "waste" }
[path.outlet]
kind = "valve"
valve = "diverter"
to = { drain = "waste", tube = "cell_absorbance" }
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('drain = "waste"', 'drian = "waste"', "unknown position 'drian'; expected one of drain"),
        (
            'drain = "waste", ',
            "",
            "'outlet' leads nowhere in the position 'drain', in the safe state; expected a key",
        ),
        (
            'diverter = "tube"\n',
            'diverter = "spare"\n',
            "'outlet' leads nowhere in the position 'spare', in experiments; expected a key",
        ),
        (
            'valve = "diverter", ',
            "",
            "the valve 'outlet' has no devices that turn it; expected one",
        ),
        (
            '{ drain = "waste", tube = "vial" }',
            '["waste", "vial"]',
            "the valve 'outlet' does not say where each position leads",
        ),
    ],
)
def test_every_position_in_use_leads_somewhere(old: str, new: str, said: str) -> None:
    """A position that a run needs and the path does not know is named, with the fix."""
    assert old in DIVERTER
    with pytest.raises(ProfileError) as caught:
        load_profile_text(DIVERTER.replace(old, new), "diverter.toml", Plugins.discover())
    assert said in str(caught.value)


SAMPLE_LOOP = Path(__file__).parents[1] / "sim" / "valves" / "loop.toml"


def changed(*replacements: tuple[str, str], text: str | None = None) -> Profile:
    """The rig with a sample loop, with some of its text replaced."""
    text = SAMPLE_LOOP.read_text(encoding="utf-8") if text is None else text
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return load_profile_text(text, "loop.toml", Plugins.discover())


def test_a_valve_with_routes_leads_each_flow_its_own_way() -> None:
    """Two flows pass the valve at once, and each position joins other parts."""
    loop = changed()
    load, inject = (Topology(loop, {"injector": one}) for one in ("load", "inject"))
    assert load.route("Pb") == ("mixer", "reactor_1", "loop", "waste")
    assert load.route("Push") == ("reactor_2", "cell", "waste")
    assert inject.route("Pb") == ("mixer", "reactor_1", "waste")
    assert inject.route("Push") == ("loop", "reactor_2", "cell", "waste")
    rates = {"Pb": 100.0, "Cs": 100.0, "Push": 60.0}
    assert inject.flow_rate_ul_min("waste", rates) == pytest.approx(260.0)
    growth = loop.sections["growth"]
    assert not load.is_passed(growth)
    assert inject.section_time_s(growth, rates) == pytest.approx(200.0 + 91.21, abs=0.01)


def test_conditions_say_where_a_valve_stands() -> None:
    """Times and volumes are those of the position that an experiment chooses."""
    loop = changed(('start = "reactor_2"\nend = "cell"', 'start = "mixer"\nend = "waste"'))
    times = {}
    for where in ("load", "inject"):
        conditions = {"where": where, "ratio": 1.0}
        rates = loop.flow_rates_ul_min(conditions)
        times[where] = Topology.of(loop, conditions).residence_time_s(rates)
        assert loop.device_values(conditions) == {"injector": where}
    assert times["load"] - times["inject"] == pytest.approx(60.0)
    assert loop.device_values() == {"injector": "load"}


def test_a_time_that_is_chosen_follows_the_valve() -> None:
    """The flow rates for one time differ by the volume that the position puts in its way."""
    loop = changed(
        ('start = "reactor_2"\nend = "cell"', 'start = "mixer"\nend = "waste"'),
        ('"Pb + Cs" = "200 uL/min"', '"residence.time" = "60 s"'),
    )
    totals = {}
    for where in ("load", "inject"):
        conditions = {"where": where, "ratio": 1.0}
        rates = loop.flow_rates_ul_min(conditions)
        assert Topology.of(loop, conditions).residence_time_s(rates) == pytest.approx(60.0)
        totals[where] = rates["Pb"] + rates["Cs"]
    assert totals["load"] - totals["inject"] == pytest.approx(200.0)


def test_a_limit_on_a_time_follows_the_valve() -> None:
    """A window on τ leaves other ratios in one position than in the other."""
    loop = changed(
        ('start = "reactor_2"\nend = "cell"', 'start = "mixer"\nend = "waste"'),
        ("[limits]", '[limits]\n"residence.time" = ["80 s", "200 s"]'),
        ('"Pb + Cs" = "200 uL/min"', 'Pb = "100 uL/min"'),
    )
    inside = loop.space.feasible(
        loop.space.array(
            [
                {"where": "load", "ratio": 0.5},
                {"where": "load", "ratio": 2.0},
                {"where": "inject", "ratio": 0.5},
                {"where": "inject", "ratio": 1.0},
            ]
        )
    )
    assert inside.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '{ reactor_1 = "waste", Push',
            "{ Push",
            "'reactor_1' meets a closed port of 'valve' in experiments; expected a way for it",
        ),
        (
            'Push = "loop", loop = "reactor_2" }',
            'loop = "reactor_2" }',
            "'Push' meets a closed port of 'valve' in experiments",
        ),
        ('Push = "loop", loop', 'cell = "loop", loop', "nothing flows from 'cell' into 'valve'"),
        ("routes.inject = ", "routes.injekt = ", "unknown position 'injekt'"),
        (
            'loop = "waste", Push = "reactor_2"',
            'loop = "reactor_2", Push = "reactor_2"',
            "'loop' and 'Push' meet in 'reactor_2', a reactor, in the position 'load'",
        ),
        (
            'loop = "waste", Push',
            'loop = "mixer", Push',
            "the flow path has a loop: mixer -> reactor_1 -> loop -> mixer, with valve at 'load'",
        ),
        ('loop = "waste", Push', 'loop = "valve", Push', "into a valve with routes"),
        ('valve = "injector"\nroutes', 'valve = "injector"\nto = "cell"\nroutes', "says twice"),
        ('kind = "valve"\n', 'kind = "mixer"\nvolume = "1 uL"\n', "a mixer has no positions"),
        (
            'valve = "injector"\nroutes',
            'valve = "injector"\nvolume = "1 uL"\nroutes',
            "no volume of",
        ),
        (
            'valve = "injector"\nroutes',
            'devices = ["injector", "pump_pb"]\nroutes',
            "a valve with routes has no device of its own",
        ),
        ('start = "reactor_2"\n', 'start = "loop"\n', "nothing flows from 'loop' to 'cell'"),
        ('{ reactor_1 = "loop"', '{ reactor_1 = "lop"', "unknown component 'lop'"),
    ],
)
def test_what_is_wrong_with_routes_is_said(old: str, new: str, said: str) -> None:
    """Nothing meets a closed port, flows backwards or in a circle, in any position in use."""
    with pytest.raises(ProfileError) as caught:
        changed((old, new))
    assert said in str(caught.value)


def test_a_section_is_passed_in_some_position_in_use() -> None:
    """One that is passed in the safe state only is sound; one that never is passed is not."""
    always = (
        ('where = { is = "injector", choices = ["load", "inject"] }', ""),
        ("[settings]", '[settings]\ninjector = "inject"'),
    )
    fixed = changed(*always)
    front, growth = (Topology(fixed).is_passed(fixed.sections[n]) for n in ("front", "growth"))
    assert (front, growth) == (False, True)
    with pytest.raises(ProfileError) as caught:
        changed(*always, ('safe = "load"', 'safe = "inject"'))
    assert "nothing flows from 'mixer' to 'loop'" in str(caught.value)


def test_more_positions_than_can_be_looked_at_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No combination of positions goes unchecked, whether a person or a variable turns a valve."""
    monkeypatch.setattr(flow_path, "MOST_COMBINATIONS", 1)
    with pytest.raises(ProfileError) as caught:
        changed()
    told = [str(one) for one in caught.value.problems]
    assert (
        sum("the positions of valves have 2 combinations; expected at m" in one for one in told)
        == 2
    )


def test_a_flush_reaches_the_waste_in_the_safe_position() -> None:
    """What flushes meets no closed port where the valve goes in the safe state."""
    flush = """[[safe_state]]
do = "flush"
flow_rates = { Push = "50 uL/min" }
at_most = "5 min"

[[safe_state]]
do = "stop"
streams = "rest"
"""
    safe = (
        (
            'safe = "load", positions = { load = 1, inject = 2 }',
            'safe = "park", positions = { load = 1, inject = 2, park = 3 }',
        ),
        ('[[safe_state]]\ndo = "stop"\nstreams = "rest"\n', flush),
    )
    ways = 'routes.park = { reactor_1 = "waste" }\nroutes.load'
    with pytest.raises(ProfileError) as caught:
        changed(*safe, ("routes.load", ways))
    assert "'Push' meets a closed port of 'valve' in the safe state" in str(caught.value)
    changed(*safe, ("routes.load", ways.replace("{ ", '{ Push = "waste", ', 1)))


def test_the_lamp_reference_reaches_the_cell_where_valves_rest() -> None:
    """It is taken outside of experiments, where no variable has turned the valve."""
    absorbing = (
        'use = "emission"\ndevice = "hdx"',
        'use = "absorbance"\ndevice = "hdx"',
    )
    area = ('"area(pl, 450 nm, 560 nm)"', '"at(pl, 450 nm)"')
    calibration = (
        "[analysis]",
        '[calibration]\nflow_rates = { Push = "100 uL/min" }\nduration = "4 min"\n\n[analysis]',
    )
    changed(absorbing, area, calibration)
    parked = (
        (
            'safe = "load", positions = { load = 1, inject = 2 }',
            'safe = "park", positions = { load = 1, inject = 2, park = 3 }',
        ),
        ("routes.load", 'routes.park = { reactor_1 = "waste", Push = "loop" }\nroutes.load'),
        ('"load", "inject"]', '"inject", "load"]'),
    )
    with pytest.raises(ProfileError) as caught:
        changed(absorbing, area, calibration, *parked)
    assert "'loop' meets a closed port of 'valve' in the calibration" in str(caught.value)
    assert "nothing of it flows through 'cell', which the lamp reference needs" in str(caught.value)


CHOSEN = """
unset = ["space", "dependent_flows", "campaign"]
[settings]
total = "720 uL/min"
PFO = "240 uL/min"
CuI = "100 uL/min"
ZnI2 = "100 uL/min"
CsOA = "40 uL/min"
[space]
temperature = { is = "plate", range = ["150 degC", "180 degC"] }
where = { is = "diverter", choices = ["drain", "tube"] }
"""


def test_a_variable_turns_a_valve_of_the_path() -> None:
    """Behind the flow cells it decides where the product goes."""
    unset, _, rest = CHOSEN.partition("[settings]")
    chosen = DIVERTER.replace('diverter = "tube"', "").replace("[settings]", "[settings]" + rest)
    chosen = chosen.replace("[devices.diverter]", unset + "[devices.diverter]")
    profile = load_profile_text(chosen, "chosen.toml", Plugins.discover())
    ends = {
        where: Topology.of(profile, {"temperature": 160.0, "where": where}).ends("ODE")
        for where in ("drain", "tube")
    }
    assert ends == {"drain": {"waste": 1.0}, "tube": {"vial": 1.0}}


def test_a_choice_that_starves_a_flow_cell_is_refused() -> None:
    """An experiment in which nothing passes a cell that counts would measure the last one."""
    unset, _, rest = CHOSEN.partition("[settings]")
    head, _, _ = DIVERTER.partition("[path]")
    chosen = (head + BEFORE_THE_CELLS).replace('diverter = "tube"', 'diverter = "tube"' + rest)
    end = '[residence_time]\nend = "cooling"\n'
    chosen = chosen.replace("[devices.diverter]", unset + end + "[devices.diverter]")
    with pytest.raises(ProfileError) as caught:
        load_profile_text(chosen, "chosen.toml", Plugins.discover())
    assert "'cell_pl' in experiments: a valve leads it elsewhere, with diverter at 'drain'" in str(
        caught.value
    )


def test_a_valve_that_starves_a_flow_cell_is_found() -> None:
    """In the positions of experiments something must flow where something is measured."""
    head, _, _ = DIVERTER.partition("[path]")
    text = head + BEFORE_THE_CELLS
    load_profile_text(text, "diverter.toml", Plugins.discover())
    with pytest.raises(ProfileError) as caught:
        load_profile_text(
            text.replace('diverter = "tube"', 'diverter = "drain"'), "x.toml", Plugins.discover()
        )
    assert "nothing flows through 'cell_pl' in experiments: a valve leads it" in str(caught.value)
    assert "nothing flows from 'segmentation' to 'cell_absorbance'" in str(caught.value)


def test_the_lamp_reference_needs_its_liquid_in_the_cell() -> None:
    """Behind a separator that takes the carrier off, carrier clears no cell."""
    text = """
extends = "cs3cu2i5-heatup-chem3"
[path]
cooling = { to = "membrane" }
membrane = { kind = "separator", to = { carrier = "waste", reactive = "cell_absorbance" } }
"""
    with pytest.raises(ProfileError) as caught:
        load_profile_text(text, "parted.toml", Plugins.discover())
    assert "nothing of it flows through 'cell_absorbance', which the lamp" in str(caught.value)
    assert "a transparent liquid among CuI, ZnI2, CsOA, ODE" in str(caught.value)
    cleared = text + "[calibration]\nflow_rates = { ODE = '200 uL/min' }\n"
    load_profile_text(cleared, "parted.toml", Plugins.discover())
