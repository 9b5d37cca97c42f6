"""What `check` says of syringes that fill themselves."""

import re
from collections.abc import Sequence

import pytest
from refilling_rig import refilling
from watched_rig import plugins_with

from flowrig.interfaces import DeviceSettings
from flowrig.plugins import DriverOffer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile_text


class PushesOnly:
    """The plugin of a pump that only infuses."""

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        offer = DriverOffer(kind="pump", name="pushes", target="acme:P", settings=DeviceSettings)
        return [offer]


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """What is installed, and the watched world."""
    return plugins_with()


def loaded(plugins: Plugins, text: str) -> Profile:
    """The rig, loaded."""
    return load_profile_text(text, "rig.toml", plugins)


def test_a_sound_refill_is_read(plugins: Plugins) -> None:
    """Its valve leads to the flow path in every experiment, wherever it is safe."""
    profile = loaded(plugins, refilling())
    refill = profile.refills["CuI"]
    assert (refill.below_ul, refill.rate_ul_min, refill.reservoir_ul) == (900.0, 500.0, 20_000.0)
    assert profile.refills["PFO"].reservoir_ul is None
    assert profile.device_values() == {"v_cui": "run", "v_pfo": "run"}
    assert profile.refillable == (*profile.streams, "CuI.reservoir")


def test_all_streams_stop_and_the_valves_turn_back_before_the_flush(plugins: Plugins) -> None:
    """Else the carrier would flush into its reservoir."""
    steps = loaded(plugins, refilling()).safe_state
    flush = next(n for n, step in enumerate(steps) if step.do == "flush")
    stop, safe = steps[flush - 2], steps[flush - 1]
    assert (stop.do, set(stop.streams)) == ("stop", {"CuI", "ZnI2", "CsOA", "ODE", "PFO"})
    assert (safe.do, safe.devices) == ("safe", ("v_cui", "v_pfo"))


WRONG = [
    ('valve = "v_cui"', 'valve = "v_pfo"', "'v_pfo' is the valve of 'CuI' already"),
    ('valve = "v_cui"', 'valve = "v_cu"', "unknown valve 'v_cu'"),
    ('valve = "v_cui"', 'valve = "pump_cui"', "unknown valve 'pump_cui'"),
    ('fill = "fill"\nrun', 'fill = "refill"\nrun', "unknown position 'refill'"),
    ('fill = "fill"\nrun', 'fill = "run"\nrun', "`fill` and `run` are both 'run'"),
    ('safe = "off"', 'safe = "fill"', "the pump of 'CuI' pushes into its reservoir"),
    ('safe = "run"', 'safe = "fill"', "the pump of 'PFO' pushes into its reservoir"),
    ('below = "0.9 mL"', 'below = "0.99 mL"', "the syringe is filled up to 990 µL"),
    ('below = "0.9 mL"', 'below = "-1 uL"', "got -1 µL"),
    ('rate = "500 uL/min"', 'rate = "0 uL/min"', "got 0 µL/min"),
    ('rate = "500 uL/min"', 'rate = "9 mL/min"', "what the pump 'pump_cui' can do"),
    ('rate = "500 uL/min"', 'rate = "500 uL/min"\nsettle = "-1 s"', "got -1 s"),
    ('reservoir = "20 mL"', 'reservoir = "0 mL"', "does not fill the syringe once"),
    ('reservoir = "20 mL"', "rinse = 2", "got 2"),
    ('reservoir = "20 mL"', 'rinse = "0.99 mL"', "a full syringe delivers"),
    ('reservoir = "20 mL"', 'rinse = "-1 uL"', "got -1 µL"),
    ('reservoir = "20 mL"', "rinsing = 2", "unknown key 'rinsing'"),
]


@pytest.mark.parametrize(("what", "instead", "said"), WRONG)
def test_what_cannot_work_is_refused(what: str, instead: str, said: str, plugins: Plugins) -> None:
    """Each mistake is named, before anything moves."""
    text = refilling()
    assert what in text
    with pytest.raises(ProfileError, match=re.escape(said)):
        loaded(plugins, text.replace(what, instead, 1))


def test_a_carrier_that_flushes_needs_its_valve_at_the_flow_path(plugins: Plugins) -> None:
    """A valve that is safe where it is shut would let the flush push against it."""
    text = refilling().replace('run = 2, fill = 1 }\nsafe = "run"', "run = 2, fill = 1, off = 3 }")
    text = text.replace("off = 3 }", 'off = 3 }\nsafe = "off"').replace(
        'safe = "off"\nsafe', "safe"
    )
    with pytest.raises(ProfileError, match="'PFO' has to flow in the safe state or on hold"):
        loaded(plugins, text)


def test_nothing_else_turns_the_valve(plugins: Plugins) -> None:
    """Neither a setting, nor a variable, nor a component of the path."""
    for more in (
        '[settings]\nv_cui = "run"\n',
        '[path.waste]\nvalve = "v_cui"\n',
        '[[space]]\nname = "way"\nis = "v_cui"\nchoices = ["run", "off"]\n',
    ):
        with pytest.raises(ProfileError, match="a valve that only refills 'CuI'"):
            loaded(plugins, refilling(more=more))


def test_a_pump_that_cannot_draw_is_refused() -> None:
    """Its driver says so, and the message says what can."""
    text = refilling(more='[devices.pump_cui]\ndriver = "pushes"\naddress = "COM9"\n')
    with pytest.raises(ProfileError) as caught:
        loaded(plugins_with(pushes=PushesOnly()), text)
    assert "the driver 'pushes' of 'pump_cui' cannot draw liquid in" in str(caught.value)
    assert "says that it withdraws: chemyx-fusion" in str(caught.value)


HOT = """
[[interlocks]]
kind = "heat-needs-flow"
heater = "plate"
above = "60 degC"
streams = ["PFO"]
grace = "{grace}"
"""


def test_a_heater_must_not_be_hot_for_longer_than_nothing_flows(plugins: Plugins) -> None:
    """A refill of up to five minutes needs as much grace of an interlock of heat and flow."""
    with pytest.raises(ProfileError, match="nothing flows while the syringe is filled, for up to"):
        loaded(plugins, refilling(more=HOT.format(grace="60 s")))
    assert loaded(plugins, refilling(more=HOT.format(grace="310 s"))).interlocks
