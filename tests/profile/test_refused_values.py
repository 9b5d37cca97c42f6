"""Values that no rig has, and keys that are inherited and not wanted."""

import re
from pathlib import Path

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flowrig.errors import InputError
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import PlqyProxy
from flowrig.profile import Profile, ProfileError, load_profile, load_profile_text
from flowrig.profile.model import Component
from flowrig.profile.quantity import SUFFIX_UNITS, QuantityError, parse_of_a_rig
from flowrig.profile.rules.analysis import require_seen
from flowrig.profile.topology import Topology

HEAD = 'extends = "cs3cu2i5-heatup-chem3"\n'

REFUSED = [
    ("streams.CuI.syringe.volume = '1e300 L'", '2:30: got "1e300 L", which is too large'),
    ("streams.CuI.syringe.volume = '1e-300 L'", '2:30: got "1e-300 L", which is too small'),
    ("calibration.duration = '1e12 s'", "which is too large; expected a time such as"),
    ("limits.temperature = ['0 degC', '1e6 degC']", "which is too large; expected a temperature"),
    ("residence_time.equilibrium = 1e30", "2:30: got 1e+30; expected at most 1000"),
    ("analysis.frames = 1000000000", "2:19: got 1e+09; expected at most 10000"),
    ("calibration.dark_frames = 100001", "2:27: got 100001; expected at most 10000"),
    ("objective.dye_absorbance = 0", "2:28: `dye_absorbance` must be more than 0, got 0"),
    ("objective.dye_pl_area = -1", "2:25: `dye_pl_area` must be more than 0, got -1"),
    ("objective.dye_plqy = 13.36", "2:22: `dye_plqy` must be a fraction"),
    ("objective.smallest_absorbance = 0", "`smallest_absorbance` must be more than 0, got 0"),
    ("campaign.seed = -1", "2:17: got -1; expected 0 to 4294967295"),
    ("campaign.seed = 4294967296", "2:17: got 4294967296; expected 0 to 4294967295"),
    (
        "analysis.absorbance.baseline_window = ['100 nm', '120 nm']",
        "2:39: 100 to 120 nm is beyond the detector of 'hdx_absorbance', which sees 185 to 1150",
    ),
    ("analysis.photoluminescence.peak = '2000 nm'", "2:35: 2000 nm is beyond the detector of"),
    (
        "analysis.photoluminescence.area_window = ['345 nm', '1200 nm']",
        "2:42: 345 to 1200 nm is beyond the detector of 'hdx_pl'",
    ),
    (
        "[devices.hdx_third]\ndriver = 'ocean-hdx'\naddress = 'usb'\n[path.cell_pl]\n"
        "to = 'cell_third'\n[path.cell_third]\nkind = 'flow-cell'\nto = 'waste'\n"
        "spectrometer = 'hdx_third'",
        "10:16: nobody reads the spectrometer 'hdx_third' of the flow cell 'cell_third'; expected "
        "one that [analysis] reads, 'hdx_absorbance' or 'hdx_pl'",
    ),
    (
        "[devices.pump_spare]\ndriver = 'chemyx-fusion'\naddress = 'COM9'",
        "2:10: the pump 'pump_spare' drives no stream, so that nothing stops it",
    ),
    (
        "streams.CuI.syringe = { volume = '10 uL', inner_diameter = '0.485 mm' }",
        "120 uL/min is outside what the pump 'pump_cui' can do with this syringe; expected 0 to",
    ),
]


@pytest.fixture(scope="module")
def installed() -> Plugins:
    return Plugins.discover()


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=[text[:40] for text, _ in REFUSED])
def test_what_a_run_could_not_use_is_refused(text: str, said: str, installed: Plugins) -> None:
    """Each with its place and what would be right."""
    with pytest.raises(ProfileError) as caught:
        load_profile_text(HEAD + text, "rig.toml", installed)
    assert said in str(caught.value)
    assert "expected" in str(caught.value) or "must be" in str(caught.value)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([*SUFFIX_UNITS.values()]))
@example(3650 * 86400e9, "ns")
def test_a_quantity_of_a_rig_is_small_enough_to_compute_with(value: float, unit: str) -> None:
    """What is accepted is 0 or of a size that sums and squares of it exist."""
    try:
        found = parse_of_a_rig(f"{value!r} {unit}", unit)
    except QuantityError as error:
        assert re.search("too large|too small", str(error))  # noqa: PT017
        return
    assert found == value
    assert value == 0 or 1e-19 < abs(value) < 1e18


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["dye_plqy", "dye_absorbance", "dye_pl_area"])
def test_a_dye_without_light_is_no_reference(name: str, bad: float) -> None:
    """Every yield would be 0, infinite or negative."""
    dye = {"dye_plqy": 0.1, "dye_absorbance": 1.0, "dye_pl_area": 1.0}
    with pytest.raises(InputError, match=name):
        PlqyProxy(**dye | {name: bad})


def test_windows_are_compared_with_what_a_detector_sees(installed: Plugins) -> None:
    """One pixel's worth beyond the end is no error; more is, and names the key."""
    profile = load_profile("cs3cu2i5-heatup-chem3", installed)
    seen = {"hdx_absorbance": (199.5, 799.5), "hdx_pl": (250.0, 1000.0)}
    require_seen(profile, seen)
    with pytest.raises(InputError, match=r"^analysis\.absorbance\.baseline_window: 700 to 800 nm"):
        require_seen(profile, seen | {"hdx_absorbance": (199.5, 790.0)})
    with pytest.raises(InputError, match=r"^analysis\.reactive_window: 250 to 350 nm is beyond"):
        require_seen(profile, seen | {"hdx_pl": (340.0, 1000.0)})


UNSET = [
    ('unset = ["campaign"]', lambda profile: profile.campaign is None),
    (
        'unset = ["simulation"]',
        lambda profile: profile.simulation.chemistry.offer.name == "stand-in",
    ),
    ('unset = ["streams.CuI.stock"]', lambda profile: profile.streams["CuI"].stock is None),
    (
        'unset = ["analysis.repeatability.pli"]',
        lambda profile: set(profile.analysis.repeatability_percent) == {"a300", "pla"},
    ),
    (
        'unset = ["calibration.flow_rates"]\n[calibration.flow_rates]\nODE = "300 uL/min"',
        lambda profile: profile.calibration.flow_rates_ul_min == {"ODE": 300.0},
    ),
    (
        'unset = ["calibration.flow_rates.PFO"]\n[calibration]\n'
        'flow_rates = { ODE = "300 uL/min" }',
        lambda profile: profile.calibration.flow_rates_ul_min == {"ODE": 300.0},
    ),
    (
        "unset = ['analysis.\"repeatability\".a300', 'interlocks']",
        lambda profile: not profile.interlocks,
    ),
    (
        'unset = ["streams.CuI.syringe.material"]',
        lambda profile: profile.streams["CuI"].syringe.material == "",
    ),
]


@pytest.mark.parametrize(("text", "holds"), UNSET, ids=[text[:44] for text, _ in UNSET])
def test_an_inherited_key_can_be_left_out(text: str, holds: object, installed: Plugins) -> None:
    """Of the top, of a table, and of a table in a table; the rest of it stays."""
    profile = load_profile_text(f"{HEAD}{text}\n", "rig.toml", installed)
    assert callable(holds)
    assert holds(profile)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('unset = ["calibration.flow_ratez"]', "2:10: 'calibration.flow_ratez' is not inherited"),
        ('unset = ["calibration.flow_ratez"]', "did you mean 'flow_rates'?"),
        ('unset = ["campagn"]', "did you mean 'campaign'?"),
        ('unset = ["title.x"]', "2:10: 'title.x' is not inherited"),
        ('unset = ["interlocks.kind"]', "'interlocks.kind' is not inherited"),
        ('unset = [""]', '2:10: got ""; expected an array of inherited keys, such as'),
        ('unset = ["a = 1\\nb"]', "expected an array of inherited keys"),
        ("unset = [1]", "2:10: got 1; expected an array of inherited keys"),
        ('unset = "campaign"', '2:9: got "campaign"; expected an array of inherited keys'),
        ("unset = {}", "2:9: got a table; expected an array of inherited keys"),
        ('unset = ["streams.CuI.pump"]', "missing key 'pump'"),
        ('unset = ["streams.CuI"]', "unknown stream 'CuI'"),
    ],
)
def test_a_key_that_cannot_be_left_out_is_reported(
    text: str, said: str, installed: Plugins
) -> None:
    """At its place; what is then missing is found as in any profile."""
    with pytest.raises(ProfileError) as caught:
        load_profile_text(f"{HEAD}{text}\n", "rig.toml", installed)
    assert said in str(caught.value)


def test_an_unknown_key_that_is_inherited_stands_where_it_is_and_can_be_left_out(
    tmp_path: Path, installed: Plugins
) -> None:
    """Also one in a nested table, over several files; the digest is that of a sound profile."""
    base = tmp_path / "base.toml"
    base.write_text(f'{HEAD}[calibration.flow_rates]\nPFOO = "500 uL/min"\n', encoding="utf-8")
    middle = tmp_path / "middle.toml"
    middle.write_text('extends = "base.toml"\n', encoding="utf-8")
    top = tmp_path / "top.toml"
    top.write_text('extends = "middle.toml"\n', encoding="utf-8")
    with pytest.raises(ProfileError, match=r"base\.toml:3:1: unknown stream 'PFOO'"):
        load_profile(top, installed)
    top.write_text(
        'extends = "middle.toml"\nunset = ["calibration.flow_rates.PFOO"]\n', encoding="utf-8"
    )
    digest = load_profile("cs3cu2i5-heatup-chem3", installed).digest
    assert load_profile(top, installed).digest == digest


def test_unset_needs_something_to_inherit(installed: Plugins) -> None:
    """Without `extends` there is nothing that could be left out."""
    with pytest.raises(ProfileError, match=r"rig\.toml:1:1: `unset` without `extends`"):
        load_profile_text('unset = ["campaign"]\n', "rig.toml", installed)


def coil(name: str, to: str, volume_ul: float) -> Component:
    return Component(name=name, kind="reactor", to=to, given_volume_ul=volume_ul, heater="plate")


def test_coils_side_by_side_do_not_add_up(installed: Plugins) -> None:
    """Each stream spends the time of its own coil; coils one after the other add up."""
    profile: Profile = load_profile("cs3cu2i5-heatup-chem3", installed)
    path = {
        name: part for name, part in profile.path.items() if name not in ("feed_cui", "feed_zni2")
    } | {
        "feed_cui": coil("feed_cui", "manifold", 50.0),
        "feed_zni2": coil("feed_zni2", "manifold", 40.0),
    }
    topology = Topology(attrs.evolve(profile, path=path))
    rates = {"CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0, "PFO": 250.0}
    shared_s = 60 * 600 / 750
    times_s = topology.reactor_times_s(rates)
    assert times_s["CuI"] == pytest.approx(30.0 + shared_s)
    assert times_s["ZnI2"] == pytest.approx(24.0 + shared_s)
    assert times_s["PFO"] == pytest.approx(shared_s)
    assert topology.reactor_time_s(rates) == pytest.approx(30.0 + shared_s)
    assert topology.reactor_time_s({"ZnI2": 100.0}) == pytest.approx(24.0 + 360.0)
    assert topology.reactor_time_s({}) == float("inf")
