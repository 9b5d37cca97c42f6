"""What must hold between the parts of a profile: one small change to the reference rig a rule."""

import re

import pytest
from attrs import evolve

from flowrig.plugins.registry import Plugins
from flowrig.problem.space import LinearConstraint, Parameter, Space
from flowrig.profile import ProfileError, load_profile_text
from flowrig.profile.rules import RULES
from flowrig.profile.rules.space import has_point, reachable

HEAD = 'extends = "cs3cu2i5-heatup-chem3"\n'

BARE = 'extends = "cs3cu2i5-heatup"\n'
"""The reference rig without a campaign."""

STEPPED = """\
[[space]]
name = 'temperature'
heater = 'plate'
range = ['120 degC', '180 degC']
step = '{step}'
"""

CASES = [
    # numbers
    ("streams.CuI.syringe.volume = '0 mL'", "2:30: got 0 µL; expected more than 0 µL"),
    (
        "streams.CuI.flow_rate = ['-1 uL/min', '120 uL/min']",
        "2:26: got -1 µL/min; expected at least 0 µL/min",
    ),
    ("streams.CuI.stock.dilution = 0.5", "2:30: got 0.5; expected at least 1"),
    (
        "streams.CuI.stock.ingredients = [{ name = 'CuI' }]",
        "2:34: the ingredient 'CuI' needs exactly one quantity; expected either "
        "`amount` or `volume`",
    ),
    ("path.reactor.volume = '-1 uL'", "2:23: got -1 µL; expected at least 0 µL"),
    ("path.feed_cui.length = '0 mm'", "2:24: got 0 mm; expected more than 0 mm"),
    ("residence_time.equilibrium = 0", "2:30: got 0; expected more than 0"),
    ("steady.poll = '0 s'", "2:15: got 0 s; expected more than 0 s"),
    ("steady.loss = '10 s'", "2:15: got 10 s; expected longer than `settling`, 15 s"),
    ("steady.timeout = '10 s'", "2:18: got 10 s; expected longer than `hold`, 20 s"),
    ("dependent_flows.PFO = '10'", "the flow rate of PFO is 10 to 10 uL/min in the whole"),
    ("analysis.frames = 0", "2:19: got 0; expected at least 1"),
    ("calibration.dark_frames = 0", "2:27: got 0; expected at least 1"),
    ("campaign.stop.at_most = '0 h'", "2:25: got 0 s; expected more than 0 s"),
    ("campaign.stop.at_most = '1e300 h'", "which is too large; expected a time such as"),
    ("campaign.stop.objective_above = 1e300", "2:33: got 1e+300, which is never reached"),
    ("campaign.stop.objective_above = nan", "2:33: nan is not finite"),
    ("campaign.seed = -1", "2:17: got -1; expected 0 to 4294967295"),
    ("campaign.seed = 4294967296", "2:17: got 4294967296; expected 0 to 4294967295"),
    ("campaign.optimizer_deadline = '8e4 h'", "got 2.88e+08 s; expected 1 to 2.592e+06 s"),
    ("campaign.optimizer_memory = '0.01 GB'", "got 0.01 GB; expected 0.1 to 1e+06 GB"),
    ("campaign.repeats_at_most = 1000000000000", "got 1e+12; expected 1 to 10000"),
    ("campaign.if_optimizer_settles = 'stop'", "2:33: "),
    # flow path
    ("path.mixer.to = 'segmentatoin'", "2:17: unknown component 'segmentatoin'; expected one of"),
    ("path.waste.to = 'reactor'", "2:12: a waste has nothing downstream"),
    ("path.waste.heater = 'plate'", "2:12: a waste cannot have a heater; expected another"),
    (
        "path.reactor.heater = 'hdx_pl'",
        "2:23: 'hdx_pl' is a spectrometer; expected a heater: plate",
    ),
    ("path.cell_pl.spectrometer = 'hdx'", "2:29: unknown spectrometer 'hdx'; expected one of hdx_"),
    ("path.x = { kind = 'flow-cell', to = 'mixer' }", "2:6: the flow-cell 'x' has no spectromet"),
    ("path.x = { kind = 'mixer', to = 'mixer' }", "2:6: the volume of 'x' is not known; expected"),
    ("path.mixer.to = ['segmentation', 'segmentatoin']", "2:34: unknown component 'segmentatoin'"),
    ("path.mixer.to = []", "2:17: the array is empty; expected at least one name"),
    ("path.mixer.to = {}", "2:17: the table is empty; expected a share for each component"),
    ("path.mixer.to = 3", "2:17: got 3; expected a text in quotes"),
    (
        "path.mixer.to = { segmentation = 0.5, waste = 'all' }",
        '2:47: got "all"; expected a number',
    ),
    ("path.mixer.to = { segmentation = 0.5, waste = 0.4 }", "2:17: the shares sum to 0.9; expect"),
    ("path.mixer.to = { segmentation = 1.5, waste = -0.5 }", "2:47: got -0.5; expected a share of"),
    ("path.mixer.to = { segmentation = 1.0, wasre = 0.0 }", "2:39: unknown component 'wasre'"),
    ("path.mixer.to = ['waste', 'waste']", "2:27: 'waste' is named twice; expected each component"),
    ("path.reactor.to = ['cooling', 'waste']", "2:19: the flow cannot divide in a reactor; expect"),
    ("path.feed_cui.to = 'reactor'", "'feed_cui' and 'segmentation' meet in 'reactor', a reactor"),
    (
        "path.mixer.to = { carrier = 'waste', reactive = 'segmentation' }",
        "2:17: a mixer knows neither phases nor positions",
    ),
    ("path.cooling.kind = 'separator'", "the separator 'cooling' does not say where each phase"),
    (
        "path.cooling = { kind = 'separator', to = { reactive = 'cell_absorbance' } }",
        "2:38: 'cooling' has no outlet for the phase 'carrier' of 'PFO'; expected a key `carrier`",
    ),
    (
        "path.cooling = { kind = 'separator', to = { reactive = 'cell_absorbance', "
        "carrier = 'waste', polar = 'waste' } }",
        "2:94: no stream of the phase 'polar' reaches 'cooling'; expected one of carrier, reactive",
    ),
    (
        "path.cooling = { kind = 'separator', to = { reactive = 'cell_absorbance', "
        "carrier = 'waste' } }\nresidence_time.start = 'feed_pfo'",
        "nothing flows from 'feed_pfo' to 'cell_absorbance': a separator or valve leads",
    ),
    ("streams.ODE.liquid.viscosity = '0 mPa s'", "2:32: got 0 mPa s; expected more than 0 mPa s"),
    ("streams.ODE.liquid.density = ['0 g/mL', '1 g/mL']", "2:31: got 0 kg/m3; expected more than"),
    ("streams.ODE.liquid.density = ['2 g/mL', '1 g/mL']", "the lower bound"),
    ("streams.ODE.liquid.density = '1 mPa s'", "expected a density such as"),
    ("streams.ODE.liquid.density = 3", "got 3 without quotes and unit; expected a density such"),
    ("streams.PFO.liquid.diffusivity = '1e-9 m2/s'", "'PFO' is a carrier, in which nothing has to"),
    ("streams.ODE.liquid.interfacial_tension = '5 mN/m'", "'ODE' is no carrier; expected the inte"),
    ("sections.a = { start = 'mixer', reaction_time = '0 s' }", "got 0 s; expected more than 0 s"),
    ("sections.residence = { start = 'mixer' }", "2:10: the section 'residence' is [residence_ti"),
    ("sections.'a b' = { start = 'mixer' }", "2:10: got the name 'a b'; expected letters"),
    ("sections.a = { start = 'mixr' }", "2:24: unknown component 'mixr'; expected one of"),
    ("sections.a = { start = 'mixer', end = ['waste', 'x'] }", "2:49: unknown component 'x'"),
    ("sections.a = { start = 'mixer', end = 'manifold' }", "2:39: 'manifold' is not downstream of"),
    ("sections.a = { start = 'waste' }", "2:24: nothing is downstream of 'waste'; expected a comp"),
    ("residence_time.start = 'nowhere'", "2:24: unknown component 'nowhere'; expected one of"),
    ("residence_time.start = 'waste'", "is not downstream of 'waste'"),
    # flows
    ("streams.CuI.pump = 'pump_cu'", "2:20: unknown pump 'pump_cu'; expected one of pump_csoa"),
    ("streams.'N 2'.role = 'carrier'", "2:9: missing key 'pump'"),
    ("dependent_flows.PFO = '0.5 * PFO'", "2:23: the flow rate of 'PFO' depends on itself"),
    ("dependent_flows.Pfo = '2 * ODE'", "2:17: unknown stream 'Pfo'; expected one of"),
    ("dependent_flows.ODE = '2 * CuI'", "'ODE' has a rule in [dependent_flows] already"),
    ("dependent_flows.PFO = '2 ** ODE'", "2:27: the rule cannot be read"),
    (
        "[[space]]\nname = 'ODE'\nstream = 'ODE'\nrange = ['250 uL/min', '220 uL/min']",
        '5:9: the lower bound "250 uL/min" is not below the upper, "220 uL/min"',
    ),
    (
        "[[space]]\nname = 'ODA'\nrange = ['220 uL/min', '250 uL/min']",
        "2:3: unknown name 'ODA'",
    ),
    (
        "[[space]]\nname = 'ODE'\nstream = 'ODE'\nrange = ['220 uL/min', '250 uL/min']",
        "nothing sets the flow rate of 'CuI'; expected a variable in [[space]]",
    ),
    (
        "[[space]]\nname = 'ODE'\nstream = 'ODE'\nrange = ['220 uL/min', '250 uL/min']",
        "nothing sets the temperature of 'plate'",
    ),
    (
        "[[space]]\nname='a'\nstream='ODE'\nrange=['220 uL/min', '250 uL/min']\n"
        "[[space]]\nname='b'\nstream='ODE'\nrange=['220 uL/min', '250 uL/min']",
        "8:8: there is a variable for the stream 'ODE' already",
    ),
    (
        "[[space]]\nname='t'\nheater='plate'\nrange=['20 uL/min', '25 uL/min']",
        '5:8: got "20 uL/min"; expected a temperature such as "120 degC"',
    ),
    # limits
    ("devices.plate.idle = '-200 °C'", "2:22: -200 degC is outside the limits of a watlow-f4t"),
    (
        "streams.CuI.syringe.inner_diameter = '10 cm'",
        "2:38: 100 mm is outside the limits of the pump 'pump_cui'; expected 0.1 to 60 mm",
    ),
    (
        "limits.temperature = ['0 degC', '210 degC']",
        "2:33: 210 °C is outside the limits of the rig's heaters; expected 0 to 200 °C",
    ),
    (
        "limits.temperature = ['0 degC', '170 degC']",
        "180 °C is outside the limits of the rig and of 'plate'; expected 0 to 170 °C",
    ),
    (
        "streams.ODE.flow_rate = ['20 uL/min', '260 uL/min']",
        "280 uL/min is outside the limits of the stream 'ODE'; expected 20 to 260 uL/min",
    ),
    (
        "dependent_flows.PFO = '2 * CuI + 700'",
        "the flow rate of PFO is 860 to 940 uL/min in the whole search space, outside its limits",
    ),
    # analysis
    (
        "calibration.flow_rates = { PFO = '5 mL/min' }",
        "2:34: 5000 uL/min is outside the limits of the stream 'PFO'; expected 20 to 600 uL/min",
    ),
    ("analysis.reactive_window = ['350 nm', '250 nm']", "2:28: the lower bound"),
    ("analysis.absorbance.wavelength = '310 nm'", "the objective needs the feature 'a300'"),
    ("analysis.repeatability = { plq = '4 %' }", "2:28: unknown feature 'plq'; expected one of"),
    ("analysis.repeatability.pla = '0 %'", "2:30: got 0 %; expected more than 0 % and less than"),
    ("streams.CuI.accuracy = '0 %'", "got 0 %; expected more than 0 % and less than 100 %"),
    ("analysis.repeatability.pla = 4.2", "2:30: got 4.2 without quotes and unit; expected a share"),
    ("path.cell_pl.spectrometer = 'hdx_absorbance'", "'hdx_pl' is at no flow cell"),
    (
        "[[space]]\nname = 'a300'\nheater = 'plate'\nrange = ['120 °C', '180 °C']",
        "3:8: 'a300' is the name of a feature",
    ),
    # safe state
    (
        "[[safe_state]]\ndo = 'stop'\nheaters = ['plate']",
        "4:1: the step 'stop' takes no key 'heaters'",
    ),
    ("[[safe_state]]\ndo = 'heater-off'", "2:3: the step 'heater-off' needs a key 'heaters'"),
    ("[[safe_state]]\ndo = 'stop'\nstreams = ['N2']", "4:12: unknown stream 'N2'"),
    (
        "[[safe_state]]\ndo = 'flush'\nflow_rates = { ODE = '200 uL/min' }",
        "2:3: a flush needs a longest duration; expected a key `at_most`",
    ),
    ("[[safe_state]]\ndo = 'stpo'", '3:6: got "stpo"; expected one of "heater-off", "stop"'),
    # campaign
    ("[campaign]\nstages = []", "3:10: there is no stage"),
    (
        "[[campaign.stages]]\nname='a'\noptimizer='lhs'\nexperiments=1\norder_by='temp'",
        "6:10: unknown variable 'temp'; expected one of",
    ),
    (
        "[[campaign.stages]]\nname='a'\noptimizer='lhs'\nexperiments=1\n"
        "order_by='temperature'\norder='least-heating'",
        "7:7: a batch has one order; expected `order` or `order_by`, not both",
    ),
    (
        "[[campaign.stages]]\nname='a'\noptimizer='lhs'\nexperiments=1\n"
        "[[campaign.stages]]\nname='a'\noptimizer='lhs'\nexperiments=1",
        "7:6: there is a stage 'a' already",
    ),
    (
        "[[campaign.stages]]\nname='a'\noptimizer='lhs'\nexperiments=1\nbatch=1000000000000",
        "6:7: got 1000000000000; expected at most 10000 experiments a stage",
    ),
    # steps
    (STEPPED.format(step="1e-9 degC"), "a step of 1e-09 °C makes more than 1000000 of the range"),
    (STEPPED.format(step="1e-9 degC"), "expected at least 6e-05 °C"),
    (STEPPED.format(step="-5 degC"), "a step of -5 °C does not fit"),
    (
        STEPPED.format(step="100 degC"),
        "6:8: a step of 100 °C does not fit into the range; "
        "expected more than 0 °C, and at most 60 °C",
    ),
    # settings of plugins
    ("devices.hdx_pl.integration_time = '1 ms'", "2:35: `integration_time` must be >= 6000: 1000"),
    (
        "devices.hdx_pl.integration_time = '6000500 ns'",
        '2:35: got "6000500 ns", which is 6000.5 us; expected a whole number of us',
    ),
    ("devices.hdx_pl.integration_time = '8.0005 ms'", "expected a whole number of us"),
    ("devices.plate.deadline_s = 3", "2:15: unknown key 'deadline_s'; did you mean 'deadline'?"),
    ("objective.name = 'plqy'", "2:18: no plugin offers the objective 'plqy'; expected one of"),
    ("objective.dye_pl_aera = 1", "2:11: unknown key 'dye_pl_aera'; did you mean 'dye_pl_area'?"),
    (
        "simulation.world = 'flat'",
        "2:20: no plugin offers the world 'flat'; expected one of fluidic",
    ),
    ("simulation.chemistry = 3", "2:24: got 3; expected a text in quotes"),
    (
        "[[campaign.stages]]\nname='a'\noptimizer='bayes'\nexperiments=1",
        "2:12: missing key 'acquisition'",
    ),
]


@pytest.mark.parametrize(("text", "said"), CASES)
def test_a_change_for_the_worse_is_found(text: str, said: str, plugins: Plugins) -> None:
    """Each rule speaks up, at the place of the change where it is about what was changed."""
    with pytest.raises(ProfileError) as caught:
        load_profile_text(HEAD + text, "worse.toml", plugins)
    problems = [str(one).removeprefix("worse.toml:") for one in caught.value.problems]
    assert any(said in problem for problem in problems), problems


def test_one_unreadable_section_hides_no_other(plugins: Plugins) -> None:
    """Rules that do not need what is broken still speak."""
    worse = (
        "title = 3",
        "streams.PFO.role = 'x'",
        "residence_time.end = 'feed_pfo'",
        "steady.poll = 0",
    )
    text = HEAD + "\n".join(worse)
    with pytest.raises(ProfileError) as caught:
        load_profile_text(text, "worse.toml", plugins)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4, 5]


def test_rules_say_what_they_hold() -> None:
    """Every rule is described in one sentence."""
    assert all((rule.__doc__ or "").endswith(".") for rule in RULES)


def test_limits_that_exclude_each_other_are_found() -> None:
    """Two limits that can each be met, but never together, leave no search space."""
    axes = (Parameter("a", 0, 1, ""), Parameter("b", 0, 1, ""))
    total = LinearConstraint("sum", {"a": 1.0, "b": 1.0}, 1.5, 2.0)
    near = Space(axes, (total, LinearConstraint("a", {"a": 1.0}, 0.0, 0.5)))
    apart = Space(axes, (total, LinearConstraint("a", {"a": 1.0}, 0.0, 0.4)))
    assert has_point(near)
    assert not has_point(apart)


def test_steps_that_exclude_all_conditions_are_found(plugins: Plugins) -> None:
    """A total flow rate that lies between all sums of steps leaves nothing to measure."""
    text = HEAD + "limits.total_flow = ['716 uL/min', '718 uL/min']\n"
    profile = load_profile_text(text, "narrow.toml", plugins)
    steps = {"CuI": 40.0, "ZnI2": 40.0, "CsOA": 60.0, "ODE": 60.0, "temperature": 30.0}
    stepped = [evolve(v, step=steps[v.name]) for v in profile.variables]
    assert not list(reachable(profile))
    (found,) = reachable(evolve(profile, variables=tuple(stepped)))
    assert "on the steps" in found.message
    some = [evolve(v, step=None) if v.name == "ODE" else v for v in stepped]
    assert not list(reachable(evolve(profile, variables=tuple(some))))


@pytest.mark.parametrize(
    ("campaign", "said"),
    [
        ("optimizer='grid'\nlevels=50", "50 levels of 5 conditions are 3.125e+08 points"),
        ("optimizer='grid'\nlevels=1000000000000", "`levels` must be <= 1000"),
        ("optimizer='partial-grid'\nlevels=1000000000000", "`levels` must be <= 1000"),
        ("optimizer='lhs'\ndesigns=1000000000000", "`designs` must be <= 10000: 1000000000000"),
        ("optimizer='bayes'\nsamples=1000000000000", "`samples` must be <= 100000"),
        ("optimizer='bayes'\ncandidates=1000000000000", "`candidates` must be <= 1000000"),
        ("optimizer='bayes'\nucb_beta=1e300", "`ucb_beta` must be <= 1000000"),
        ("optimizer='botorch'\nrestarts=1000000000000", "`restarts` must be <= 1000"),
        ("optimizer='gest'\ngenerator='a:B'\ninitial=1000000000000", "`initial` must be <= 10000"),
        ("optimizer='botorch'\nmaximize=['pla']\nminimize=['pla']", "'pla' is named twice"),
        ("optimizer='lhs'\n[campaign.surrogate]\nname='gp'\niterations=1000000000000", "<= 100000"),
        ("optimizer='lhs'\n[campaign.surrogate]\nname='enn'\nwidth=1000000000000", "<= 16384"),
        ("optimizer='lhs'\n[campaign.surrogate]\nname='enn'\nprior_scale=1e300", "<= 1000000"),
    ],
)
def test_counts_that_no_computer_gets_through_are_found(campaign: str, said: str) -> None:
    """The shipped optimizers and surrogates say what is too much before a run begins."""
    text = HEAD + f"[[campaign.stages]]\nname='a'\nexperiments=1\n{campaign}\n"
    with pytest.raises(ProfileError, match=re.escape(said)):
        load_profile_text(text, "worse.toml", Plugins.discover())


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (
            "optimizer='bayes'",
            "5:11: a: the optimizer 'bayes' needs a surrogate, and the campaign names none; "
            'expected a [campaign.surrogate], for instance with name = "gp"',
        ),
        ("optimizer='botorch'\nmodel='surrogate'", "'botorch' needs a surrogate"),
        ("optimizer='botorch'\nmaximize=['plaa']", "6:11: unknown feature 'plaa'; expected one of"),
        (
            "optimizer='botorch'\nmodel='surrogate'\nmaximize=['pla', 'pli']\n"
            "[campaign.surrogate]\nname='gp'",
            "unknown response that the surrogate models 'pli'",
        ),
    ],
)
def test_what_an_optimizer_needs_is_asked_for_before_a_run(stage: str, said: str) -> None:
    """A surrogate that is not there, and figures that nobody measures, are found by `check`."""
    text = f"{BARE}[[campaign.stages]]\nname='a'\nexperiments=1\n{stage}\n"
    with pytest.raises(ProfileError, match=re.escape(said)):
        load_profile_text(text, "worse.toml", Plugins.discover())


@pytest.mark.parametrize("stage", ["optimizer='botorch'\nminimize=['pli']", "optimizer='lhs'"])
def test_an_optimizer_without_a_model_needs_no_surrogate(stage: str) -> None:
    """What an optimizer does not ask for need not be there."""
    text = f"{BARE}[[campaign.stages]]\nname='a'\nexperiments=1\n{stage}\n"
    assert load_profile_text(text, "well.toml", Plugins.discover()).campaign is not None
