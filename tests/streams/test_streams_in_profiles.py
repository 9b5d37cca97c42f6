"""What a profile may say of a stream without a syringe."""

from pathlib import Path

import pytest
from flow_sources import SELECTED, SOURCES, plugins_with_sources

from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """The drivers of the rig, and what is installed."""
    return plugins_with_sources()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('device = "hplc"', 'named_by = "hplc"'), "unknown key 'named_by'"),
        (('device = "hplc"', 'pump = "hplc"'), "'hplc' is a flow_source; expected a pump, or the"),
        (('device = "hplc"', 'device = "hplcs"'), "unknown pump 'hplcs'"),
        (('device = "hplc"', 'device = "plate"'), "'plate' is a heater; expected a pump, or a"),
        (
            ('device = "hplc"', 'device = "hplc"\npump = "pump_cui"'),
            "device and pump name two devices for one stream",
        ),
        (('device = "hplc"\n', ""), "missing key 'pump'"),
        (
            (
                'device = "hplc"',
                'device = "hplc"\nsyringe = { volume = "50 mL", inner_diameter = "28.6 mm" }',
            ),
            "the flow_source 'hplc' has no syringe; expected no key `syringe`; `supply`",
        ),
        (('device = "hplc"', 'pump = "pump_cui"'), "the pump 'pump_cui' drives the stream 'CuI'"),
        (('supply = "2 L"', 'supply = "0 L"'), "got 0 µL; expected more than 0 µL"),
        (('supply = "2 L"', 'supply = "2 bar"'), 'expected a volume such as "400 uL"'),
        (('supply = "2 L"\n', ""), "'ODE' is drawn from what counts as never empty"),
        (('phase = "gas"\n', ""), "the volume of 'PFO' does not depend on a pressure"),
        (('"SCCM"', '"CCM"'), "'nitrogen' counts the volume that really flows, at any pressure"),
        (('"SCCM"', '"g/min"'), "'nitrogen' is a flow_controller; expected a pump, or a device"),
        (
            ('"alicat"\naddress = "COM33"\nunit = "SCCM"\nfull_scale = 2.0',
             '"by-hand-flow-controller"\nlimits = [0.0, 2.0]\nunit = "SCCM"\nsafe = "any"'),
            "a person works 'nitrogen', so that nothing could stop the stream",
        ),
        (("full_scale = 2.0", "full_scale = 0.5"), "600 uL/min is outside what the flow"),
        (("full_scale = 2.0", "full_scale = 90.0"), "20 uL/min is outside what the flow"),
        (('pressure = "1.5 bar"', 'pressure = "0 bar"'), "got 0 kPa; expected more than 0 kPa"),
        (('address = "COM33"', 'address = "COM33"\nsafe = "1 SCCM"'), "and stops with it"),
        (('[streams.ODE]\ndevice = "hplc"', "[streams.ODE]"), "missing key 'pump'"),
        (
            ('[streams.PFO]\nflow_controller = "nitrogen"', '[streams.PFO]\nvalve = "nitrogen"'),
            "'nitrogen' is a flow_controller; expected a valve, or the key `device`",
        ),
        (
            ('supply = "2 L"', 'supply = "2 L"\n[streams.CuI]\nsupply = "1 L"'),
            "the pump 'pump_cui' draws from its syringe; expected no key `supply`",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(
    tmp_path: Path, plugins: Plugins, change: tuple[str, str], said: str
) -> None:
    """Each mistake is found by `check`, with its line and what is expected."""
    assert_told(tmp_path, plugins, SOURCES, change, said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('valve = "selector"', 'valve = "selectors"'), "device with positions 'selectors'"),
        (('rinse = "2 mL"', 'rinse = "0 mL"'), "got 0 µL; expected more than 0 µL"),
        ((', rinse = "2 mL"', ""), "missing key 'rinse'"),
        (('rinse = "2 mL"', 'rinse = "2 mL", wash = "1 mL"'), "unknown key 'wash'"),
        (('heptane = "n-hep', 'hexane = "n-hep'), "unknown position 'hexane'"),
        ((', heptane = "n-heptane"', ""), "'ODE' draws nothing where 'selector' is at 'heptane'"),
        (('{ ode = "1-octadecene", heptane = "n-heptane" }', '"two"'), "'selector' selects the"),
        (('{ valve = "selector", rinse = "2 mL" }\n', '"1 L"\n'), "'ODE' has one liquid"),
        (('supply = { valve', 'selector = { valve'), "unknown key 'selector'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_selector_is_told(
    tmp_path: Path, plugins: Plugins, change: tuple[str, str], said: str
) -> None:
    """Its valve, its positions, and its rinse."""
    assert_told(tmp_path, plugins, SELECTED, change, said)


OFF = ('safe = "ode"', 'safe = "off"')


@pytest.mark.parametrize(
    "change", [('selector = "ode"\n', 'selector = "off"\n'), ('selector = "ode"\n', "")]
)
@pytest.mark.parametrize("is_calibrated", [False, True])
def test_a_selector_leads_to_a_liquid_wherever_its_stream_flows(
    tmp_path: Path, plugins: Plugins, change: tuple[str, str], is_calibrated: bool
) -> None:
    """Where no variable turns it, and in a calibration: at its setting, or at its safe position."""
    text = SELECTED.replace(*OFF)
    if is_calibrated:
        text += '\n[calibration.flow_rates]\nODE = "300 uL/min"\n'
    else:
        text = text.partition('\n[[space]]\nname = "solvent"')[0]
    said = "'ODE' draws nothing where 'selector' is at 'off'; expected one of ode, heptane"
    assert_told(tmp_path, plugins, text, change, said)


NOT_ELSEWHERE = (
    "'ODE' draws nothing where 'selector' is safe, at 'off'; expected another stream, or a "
    "position with a liquid as `safe` of 'selector': ode, heptane"
)


def test_a_flush_draws_a_liquid(tmp_path: Path, plugins: Plugins) -> None:
    """The safe state turns the selector before it flushes with its stream."""
    assert_told(tmp_path, plugins, SELECTED, OFF, NOT_ELSEWHERE)
    with pytest.raises(AssertionError):  # another stream flushes
        assert_told(tmp_path, plugins, OTHER_FLUSH + SELECTED, OFF, "ODE")


OTHER_FLUSH = """safe_state = [
    { do = "heater-off", heaters = ["plate"] },
    { do = "stop", streams = "reagent" },
    { do = "flush", flow_rates = { PFO = "200 uL/min" }, at_most = "20 min" },
    { do = "stop", streams = "rest" },
]
"""


def test_a_hold_draws_a_liquid(tmp_path: Path, plugins: Plugins) -> None:
    """A run goes on hold at any time, also before an experiment has turned the selector."""
    text = OTHER_FLUSH + SELECTED + '\n[hold]\nflow_rates = { ODE = "100 uL/min" }\n'
    assert_told(tmp_path, plugins, text, OFF, NOT_ELSEWHERE)
    off = ('selector = "ode"\n', 'selector = "off"\n')
    assert_told(tmp_path, plugins, text, off, "'ODE' draws nothing where 'selector' is at 'off'")
    with pytest.raises(AssertionError):
        assert_told(tmp_path, plugins, text, ('safe = "ode"', 'safe = "heptane"'), "")


def assert_told(
    folder: Path, plugins: Plugins, text: str, change: tuple[str, str], said: str
) -> None:
    """`check` finds a mistake, with its line and what is expected."""
    assert change[0] in text
    path = folder / "rig.toml"
    path.write_text(text.replace(*change, 1), encoding="utf-8")
    problems = check_profile(path, plugins)
    assert [one for one in problems if said in str(one)], problems
    assert all(one.line > 0 for one in problems)


def test_a_gas_that_flushes_does_not_fill_the_waste(tmp_path: Path, plugins: Plugins) -> None:
    """The safe state flushes for 20 min with 200 µL/min of solvent and as much gas: 4 mL stay."""
    path = tmp_path / "rig.toml"
    for volume, is_enough in (("4.1 mL", True), ("3.9 mL", False)):
        text = SOURCES.replace('volume = "500 mL"', f'volume = "{volume}"')
        path.write_text(text, encoding="utf-8")
        said = [str(problem) for problem in check_profile(path, plugins)]
        assert is_enough == (not any("flushes up to" in one for one in said))
