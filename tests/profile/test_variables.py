"""Variables, settings and limits that people mean: ratios, totals, times, and choices."""

import numpy as np
import pytest

from flowrig.errors import OutOfRangeError
from flowrig.plugins.registry import Plugins
from flowrig.problem.designs import uniform
from flowrig.problem.door import Door
from flowrig.profile import Profile, ProfileError, load_profile_text
from flowrig.profile.topology import Topology
from flowrig.safety.guard import require_flow_rates, require_set_points

HEAD = """extends = "cs3cu2i5-heatup-chem3"
unset = ["space", "dependent_flows", "campaign"]
[sections.reaction]
start = "reactor"
end = "cooling"
"""
SETTINGS = """[settings]
PFO = "0.5 * (CuI + ZnI2 + CsOA + ODE)"
"""
SPACE = """[space]
temperature = { is = "plate", range = ["120 degC", "180 degC"] }
reaction_time = { is = "reaction.time", range = ["0.7 min", "60 s"] }
x_cu = { is = "CuI / (total - PFO)", range = [0.16, 0.20] }
x_zn = { is = "ZnI2 / (total - PFO)", range = [0.16, 0.20] }
x_cs = { is = "CsOA / (total - PFO)", range = ["5 %", "15 %"] }
"""
FORMER = """[dependent_flows]
PFO = "0.5 * (CuI + ZnI2 + CsOA + ODE)"
[[space]]
name = "temperature"
heater = "plate"
range = ["120 degC", "180 degC"]
"""


def load(text: str, plugins: Plugins) -> Profile:
    return load_profile_text(text, "ratios.toml", plugins)


@pytest.fixture(scope="module")
def ratios(plugins: Plugins) -> Profile:
    return load(HEAD + SETTINGS + SPACE, plugins)


def test_units_and_names_are_those_of_the_user(ratios: Profile) -> None:
    """Parameters have the names and the usual units of what is chosen."""
    assert ratios.space.units == {
        "temperature": "°C",
        "reaction_time": "s",
        "x_cu": "",
        "x_zn": "",
        "x_cs": "",
    }
    assert [one.low for one in ratios.space.parameters] == [120.0, 42.0, 0.16, 0.16, 0.05]


def test_what_is_set_follows_from_ratios_and_times(ratios: Profile) -> None:
    """600 µL of reactor in 48 s are 750 µL/min in all, of which a third is the carrier."""
    conditions = {"temperature": 150.0, "reaction_time": 48.0, "x_cu": 0.2, "x_zn": 0.18}
    rates = ratios.flow_rates_ul_min({**conditions, "x_cs": 0.1})
    assert rates == pytest.approx(
        {"CuI": 100.0, "ZnI2": 90.0, "CsOA": 50.0, "ODE": 260.0, "PFO": 250.0}
    )
    assert ratios.set_points_c({**conditions, "x_cs": 0.1}) == {"plate": 150.0}


def test_the_guard_accepts_what_the_space_calls_feasible(ratios: Profile) -> None:
    """Whatever comes through the door, its flow rates and set points keep all limits."""
    space, door = ratios.space, Door(ratios.space)
    points = uniform(space, 200, np.random.default_rng(0))
    corners = np.random.default_rng(1).integers(0, 2, (300, points.shape[1])).astype(float)
    corners = corners[space.feasible(space.from_unit(corners))]
    for row in door.admit_all(space.rows(space.from_unit(np.vstack([points, corners])))):
        space.require_feasible(row)
        require_flow_rates(ratios, ratios.flow_rates_ul_min(row))
        require_set_points(ratios, ratios.set_points_c(row))


def test_a_plain_name_is_its_stream_or_heater(plugins: Plugins) -> None:
    """`is = "plate"` and a stream's own name mean what `heater` and `stream` say, bit for bit."""
    streams = {"CuI": (80, 120), "ZnI2": (80, 120), "CsOA": (20, 80), "ODE": (220, 280)}
    plain = FORMER + "".join(
        f'[[space]]\nname = "{one}"\nstream = "{one}"\nrange = ["{low} uL/min", "{high} uL/min"]\n'
        for one, (low, high) in streams.items()
    )
    by_name = FORMER.replace('heater = "plate"', 'is = "plate"') + "".join(
        f'[[space]]\nname = "{one}"\nrange = ["{low * 0.06!r} mL/h", "{high} uL/min"]\n'
        for one, (low, high) in streams.items()
    )
    one, other = load(HEAD + plain, plugins), load(HEAD + by_name, plugins)
    assert one.variables == other.variables
    assert other.system is None
    assert one.space == other.space


def test_settings_are_equations(plugins: Plugins) -> None:
    """A constant total, a sum, and a sum that equals another decide as rules do."""
    text = """[settings]
total = "750 uL/min"
PFO = "250 uL/min"
plate = "150 degC"
"ZnI2 / CuI" = 1
"CuI + ZnI2" = "4 * CsOA"
[space]
CuI = { range = ["90 uL/min", "110 uL/min"] }
"""
    profile = load(HEAD + text, plugins)
    assert profile.flow_rates_ul_min({"CuI": 100.0}) == pytest.approx(
        {"CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0, "PFO": 250.0}
    )
    assert profile.set_points_c({"CuI": 100.0}) == {"plate": 150.0}


CHOICE = """[settings]
total = "750 uL/min"
PFO = "250 uL/min"
CuI = "100 uL/min"
CsOA = "50 uL/min"
[space]
temperature = { is = "plate", range = ["120 degC", "180 degC"] }
zinc = { choices = { none = { ZnI2 = "80 uL/min" }, more = { "ZnI2 / CuI" = 1.2 } } }
"""


def test_a_choice_brings_its_settings(plugins: Plugins) -> None:
    """The equations of a choice hold where it is chosen; it is a name in conditions."""
    profile = load(HEAD + CHOICE, plugins)
    for name, rate in (("none", 80.0), ("more", 120.0)):
        conditions = {"temperature": 130.0, "zinc": name}
        profile.space.require_feasible(conditions)
        rates = profile.flow_rates_ul_min(conditions)
        assert (rates["ZnI2"], rates["ODE"]) == pytest.approx((rate, 350.0 - rate))


def test_a_choice_of_streams_stops_the_others(plugins: Plugins) -> None:
    """Of listed streams one flows; the others stand still, also below their smallest rate."""
    text = """[settings]
total = "750 uL/min"
PFO = "250 uL/min"
CsOA = "50 uL/min"
plate = "150 degC"
[limits]
"CuI + ZnI2" = ["80 uL/min", "200 uL/min"]
[space]
metal = { choices = ["CuI", "ZnI2"] }
rate = { is = "CuI + ZnI2", range = ["90 uL/min", "110 uL/min"] }
"""
    profile = load(HEAD + text, plugins)
    profile.space.require_feasible({"metal": "ZnI2", "rate": 95.0})
    rates = profile.flow_rates_ul_min({"metal": "ZnI2", "rate": 95.0})
    assert rates == {"CuI": 0.0, "ZnI2": 95.0, "CsOA": 50.0, "ODE": 355.0, "PFO": 250.0}


LONGER = SPACE.replace("reaction.time", "all.time").replace(
    '"0.7 min", "60 s"', '"1.9 min", "150 s"'
)
ALL = '[sections.all]\nstart = "mixer"\nend = "cell_pl"\n'


def test_a_time_on_whose_way_streams_join_scales_all_flow_rates(plugins: Plugins) -> None:
    """Ratios decide the flow rates but for one factor, and the time decides that."""
    profile = load(HEAD + SETTINGS + ALL + LONGER, plugins)
    topology = Topology(profile)
    points = profile.space.rows(
        profile.space.from_unit(uniform(profile.space, 50, np.random.default_rng(0)))
    )
    for row in points:
        rates = profile.flow_rates_ul_min(row)
        time_s = topology.section_time_s(topology.sections["all"], rates)
        assert time_s == pytest.approx(row["reaction_time"])
        assert rates["CuI"] / (sum(rates.values()) - rates["PFO"]) == pytest.approx(row["x_cu"])
        require_flow_rates(profile, rates)
        assert 600.0 - 1e-6 <= sum(rates.values()) <= 900.0 + 1e-6


def test_a_constant_time_on_whose_way_streams_join_is_a_setting(plugins: Plugins) -> None:
    """The same as a setting: every experiment has this time."""
    text = SETTINGS + '"all.time" = "2.2 min"\n' + ALL
    text += SPACE.replace("reaction_time = { is = ", "# ")
    profile = load(HEAD + text, plugins)
    topology = Topology(profile)
    rates = profile.flow_rates_ul_min(
        {"temperature": 150.0, "x_cu": 0.18, "x_zn": 0.18, "x_cs": 0.1}
    )
    assert topology.section_time_s(topology.sections["all"], rates) == pytest.approx(132.0)


@pytest.mark.parametrize(
    ("ratio", "window", "others"),
    [
        ("CuI / (CuI + ZnI2)", "[0.4, 0.6]", ("ZnI2",)),
        ("CuI / (total - PFO)", "[0.18, 0.2]", ("ZnI2", "CsOA", "ODE")),
    ],
)
def test_one_flow_rate_of_the_rig_becomes_a_share(
    plugins: Plugins, ratio: str, window: str, others: tuple[str, ...]
) -> None:
    """Streams that are variables themselves give a share its scale."""
    head = 'extends = "cs3cu2i5-heatup-chem3"\nunset = ["space.CuI"]\n[space]\n'
    profile = load(f'{head}x = {{ is = "{ratio}", range = {window} }}\n', plugins)
    points = uniform(profile.space, 10, np.random.default_rng(0))
    for conditions in profile.space.rows(profile.space.from_unit(points)):
        flows = profile.flow_rates_ul_min(conditions)
        whole = flows["CuI"] + sum(flows[one] for one in others)
        assert flows["CuI"] / whole == pytest.approx(conditions["x"])
        assert all(flows[one] == pytest.approx(conditions[one]) for one in others)


WRONG = [
    (SETTINGS + SPACE.replace("x_cu = {", "ODE = {"), "the variable 'ODE' has the name of"),
    (SETTINGS + SPACE.replace('"plate"', '"plaet"'), "9:23: unknown name 'plaet'"),
    (SETTINGS + SPACE.replace("0.16, 0.20", '"1 s", "2 s"', 1), "for a plain number"),
    (SETTINGS + SPACE.replace("CuI /", "CuI *"), "this is no ratio of two linear expressions"),
    (SETTINGS + SPACE.replace("CuI /", "plate /"), "a range in a plain number for a quantity in"),
    (SETTINGS + SPACE.replace("CuI / (", "CuI / ((").replace("}", "}", 1), '")" is missing'),
    (SPACE, "nothing decides 1 of CuI, ZnI2, CsOA, ODE, PFO"),
    (
        SETTINGS + 'total = "700 uL/min"\n' + SPACE,
        "more is said than can hold at once: reaction_time in [[space]]",
    ),
    (
        SETTINGS + SPACE.replace("reaction.time", "ODE / PFO"),
        "a range in s for a plain number",
    ),
    (
        SETTINGS
        + SPACE.replace('"reaction.time"', '"ODE / PFO"').replace('"0.7 min", "60 s"', "0.1, 0.2"),
        "ratios alone leave the scale of the flow rates open",
    ),
    (
        SETTINGS + ALL + SPACE.replace("reaction.time", "2 * all.time"),
        "all.time: streams join or divide on the way",
    ),
    (
        '[settings]\nPFO = "250 uL/min"\n' + ALL + SPACE.replace("reaction.", "all."),
        "decides only by what factor all flow rates grow, and PFO in [settings] fixes that too",
    ),
    (
        SETTINGS + '"reaction.time" = "50 s"\n' + ALL + SPACE.replace("reaction.", "all."),
        "decides only by what factor all flow rates grow, and reaction.time in [settings] fixes",
    ),
    (
        SETTINGS + ALL + SPACE.replace("reaction.", "all.").replace('"0.7 min"', '"0 s"'),
        "expected more than 0 s",
    ),
    (
        SETTINGS
        + ALL
        + SPACE.replace("reaction.", "all.").replace("0.7 min", "7 uL").replace("60 s", "9 uL"),
        "a range in µL for a time",
    ),
    (
        SETTINGS + '"all.time" = "PFO / CuI"\n' + ALL + SPACE,
        "all.time can only be a constant time",
    ),
    (
        SETTINGS.replace("0.5 * (CuI + ZnI2 + CsOA + ODE)", "0.5") + SPACE,
        "a flow rate cannot be a plain number",
    ),
    (SETTINGS + "reaction.time = 3\n" + SPACE, "the name in quotes if it has a dot"),
    (SETTINGS + '"CuI +" = 3\n' + SPACE, "a number or a name is missing at the end"),
    ('[limits]\n"CuI / ZnI2" = ["1 s", "2 s"]\n' + SETTINGS + SPACE, "a window in s for a plain"),
    (
        '[limits]\n"CuI / ZnI2" = [3.0, 4.0]\n' + SETTINGS + SPACE,
        "in the whole search space, outside",
    ),
    ("[limits]\ntootal = [3.0, 4.0]\n" + SETTINGS + SPACE, "unknown name 'tootal'"),
    (CHOICE.replace("none = {", "more = {"), "more"),
    (CHOICE.replace("choices = {", 'range = ["1 s", "2 s"], choices = {'), "exactly one of"),
    (CHOICE.replace('ZnI2 = "80 uL/min"', ""), "got an empty table"),
    (CHOICE.replace('none = { ZnI2 = "80 uL/min" }, ', ""), "two or more different names"),
    (CHOICE.replace("ZnI2 / CuI", "CsOA / CuI"), "where zinc = more"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_is_wrong_is_said(text: str, said: str, plugins: Plugins) -> None:
    """Each mistake is named with its place."""
    with pytest.raises(ProfileError) as caught:
        load(HEAD + text, plugins)
    problems = [str(one).removeprefix("ratios.toml:") for one in caught.value.problems]
    assert any(said in problem for problem in problems), problems


def test_a_range_with_a_singular_point_is_refused(plugins: Plugins) -> None:
    """Where the determinant changes its sign, the variable is named."""
    text = """[settings]
PFO = "250 uL/min"
CsOA = "50 uL/min"
plate = "150 degC"
"CuI - ZnI2" = "10 uL/min"
ODE = "250 uL/min"
[space]
ratio = { is = "CuI / ZnI2", range = [0.9, 1.1] }
"""
    with pytest.raises(ProfileError, match=r"between ratio = 0.9 and 1.1 the equations have no"):
        load(HEAD + text, plugins)


def test_a_limit_on_a_set_point_is_kept_in_every_command(plugins: Plugins) -> None:
    """`[limits]` with the name of a heater narrows what the guard permits."""
    limit = '[limits]\nplate = ["20 degC", "150 degC"]\n'
    space = SPACE.replace('"180 degC"', '"140 degC"')
    profile = load(HEAD + limit + SETTINGS + space, plugins)
    require_set_points(profile, {"plate": 150.0})
    with pytest.raises(OutOfRangeError, match="160 °C is outside"):
        require_set_points(profile, {"plate": 160.0})


def test_molar_flows_follow_from_what_streams_contain(plugins: Plugins) -> None:
    """`mol(X)` adds up the streams that contain a species."""
    text = """[streams.CuI]
contains = { Cu = "0.02 mol/L", I = "0.02 mol/L" }
[streams.ZnI2]
contains = { Zn = "0.01 mol/L", I = "0.02 mol/L" }
[settings]
total = "750 uL/min"
PFO = "250 uL/min"
CsOA = "50 uL/min"
plate = "150 degC"
"mol(I)" = "4 umol/min"
[space]
zn_cu = { is = "mol(Zn) / mol(Cu)", range = [0.4, 0.6] }
"""
    profile = load(HEAD + text, plugins)
    rates = profile.flow_rates_ul_min({"zn_cu": 0.5})
    assert (rates["CuI"], rates["ZnI2"]) == pytest.approx((100.0, 100.0))
    assert sum(rates.values()) == pytest.approx(750.0)


def test_each_heater_may_have_its_own_limit(plugins: Plugins) -> None:
    """`total` and the name of a heater say what `total_flow` and `temperature` say."""
    own = """unset = ["limits", "space", "dependent_flows", "campaign"]
[limits]
total = ["600 uL/min", "900 uL/min"]
plate = ["0 degC", "185 degC"]
"""
    text = (
        HEAD.replace('unset = ["space", "dependent_flows", "campaign"]\n', own) + SETTINGS + SPACE
    )
    profile = load(text, plugins)
    assert profile.limits.total_flow_ul_min == (600.0, 900.0)
    assert profile.limits.set_point_c("plate") == (0.0, 185.0)
    without = text.replace('plate = ["0 degC", "185 degC"]\n', "")
    with pytest.raises(ProfileError, match="nothing limits the set point of 'plate'"):
        load(without, plugins)
    with pytest.raises(ProfileError, match="300 °C is outside the limits of the heater 'plate'"):
        load(text.replace("185 degC", "300 degC"), plugins)


def test_a_set_point_that_follows_leaves_time_for_the_supervision(plugins: Plugins) -> None:
    """Where a set point is computed, its highest value counts as one that is chosen."""
    space = SPACE.replace(
        '"plate", range = ["120 degC", "180 degC"]',
        '"plate + 5 degC", range = ["120 degC", "192 degC"]',
    )
    with pytest.raises(ProfileError, match="at 185 °C a broken sensor would be detected"):
        load("supervision.never_above = '190 degC'\n" + HEAD + SETTINGS + space, plugins)
