"""Studies that keep a flow, where a control loop changes it."""

import pytest

from flowrig.plugins.registry import Plugins
from flowrig.procedure.procedures import Flow, continue_condition
from flowrig.procedure.steps import Divert
from flowrig.profile import Profile
from flowrig.profile.controls.studies import study_rig
from flowrig.profile.load import load_profile_text

MORE = """
[devices.rail]
driver = "zaber"
address = "COM9"
microstep = "0.5 um"
limits = ["0 mm", "800 mm"]
safe = "0 mm"

[devices.gauge]
driver = "scpi-sensor"
address = "192.0.2.41"

[devices.gauge.channels]
pressure = { query = "MEAS:PRES?", unit = "bar" }

[path.reactor]
devices = ["rail"]

[control.pressure]
reading = "gauge.pressure"
by = "rail"
within = ["100 mm", "300 mm"]
gain = "1 bar per 100 mm"
at = "1 bar"

[[safe_state]]
do = "stop"
streams = ["Dots", "Salt", "PFO"]

[[safe_state]]
do = "light-off"
spectrometers = ["hdx_pl"]

[[safe_state]]
do = "safe"
devices = ["rail"]
"""

CONDITIONS = {"salt": 0.4, "velocity": 20.0}


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile_text(f'extends = "oval-velocity"\n{MORE}', "kept.toml", Plugins.discover())


def test_a_flow_lasts_as_long_as_the_highest_flow_rate_of_the_loop_lets_it(
    profile: Profile,
) -> None:
    """That much is required before it starts; a study that asks for more could never begin."""
    assert profile.flow_rates_ul_min(CONDITIONS)["PFO"] < 200.0
    lasts_s = study_rig(profile).longest_flow_s(CONDITIONS)
    assert 0.5 * 50_000.0 < 450.0 * lasts_s / 60.0 < 50_000.0


def test_a_look_at_a_flow_that_goes_on_leaves_what_a_loop_changes(profile: Profile) -> None:
    """It would set the device back to where the loop began."""
    flow = Flow(wait_s=None, frames=3, keeps=True, kept_s=60.0, values={})
    steps = continue_condition(profile, CONDITIONS, flow, lambda: 0.0)
    first = next(steps)
    set_now = first.values if isinstance(first, Divert) else {}
    set_back = first.back if isinstance(first, Divert) else {}
    assert "rail" not in {*set_now, *set_back}
    assert profile.device_values(CONDITIONS)["rail"] == 200.0
