"""The reference campaign: short, with every phase of a long campaign."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from flowrig.plugins.registry import Plugins
from flowrig.torture.frail_models import PLUGIN

__all__ = ["EXPERIMENTS", "SEEDED_STAGE", "plugins", "write_campaign"]

EXPERIMENTS: Final = 3
"""Number of experiments of the campaign."""

SEEDED_STAGE: Final = "explore"
"""The stage whose conditions follow from the seed alone."""

_THERMAL: Final = """\
[plate]
gain = 1.0
dead_time = "1 s"
time_constant = "15 s"
heating = "20.3 degC/min"
overshoot = "0.1 degC"
noise = "0.013 degC"
still = "3 s"
set_point = "120 degC"
"""
"""The result of `flowrig commission` for the emulated plate."""

_CAMPAIGN: Final = """\
extends = "cs3cu2i5-heatup-chem3"
title = "The reference rig, for a campaign of a few minutes"
{top}
[devices.pump_cui]
deadline = "1 s"
[devices.pump_zni2]
deadline = "1 s"
[devices.pump_csoa]
deadline = "1 s"
[devices.pump_ode]
deadline = "1 s"
[devices.pump_pfo]
deadline = "1 s"
[devices.plate]
deadline = "1 s"
[devices.hdx_absorbance]
deadline = "1 s"
[devices.hdx_pl]
deadline = "1 s"

[calibration]
duration = "150 s"
dark_frames = 2
reference_frames = 2

[analysis]
frames = 24
frame_interval = "100 ms"
dark_frames = 2
reactive_frames = 6

[steady]
poll = "5 s"

[supervision]
commissioning = "thermal.toml"

[[space]]
name = "temperature"
heater = "plate"
range = ["120 degC", "140 degC"]

[[space]]
name = "CuI"
stream = "CuI"
range = ["80 uL/min", "120 uL/min"]

[[space]]
name = "ZnI2"
stream = "ZnI2"
range = ["80 uL/min", "120 uL/min"]

[[space]]
name = "CsOA"
stream = "CsOA"
range = ["20 uL/min", "80 uL/min"]

[[space]]
name = "ODE"
stream = "ODE"
range = ["220 uL/min", "280 uL/min"]

[campaign]
title = "two spread conditions, then one that depends on them"
surrogate = {{ name = "torture-level"{surrogate} }}
{campaign}

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 2
batch = 2

[[campaign.stages]]
name = "improve"
optimizer = "torture-climber"
experiments = 1
{improve}
{more}
"""


def write_campaign(
    folder: Path,
    *,
    top: str = "",
    campaign: str = "",
    improve: str = "",
    surrogate: str = "",
    more: str = "",
) -> Path:
    """Write the campaign as TOML, for a rig that is commissioned.

    Args:
        folder: the folder of the file.
        top: further keys of the profile itself.
        campaign: further keys of the campaign.
        improve: further keys of the last stage.
        surrogate: further keys of the surrogate, each after a comma.
        more: further tables.

    Returns:
        the path of the file.
    """
    path = folder / "reference.toml"
    text = _CAMPAIGN.format(
        top=top, campaign=campaign, improve=improve, surrogate=surrogate, more=more
    )
    path.write_text(text, encoding="utf-8")
    path.with_name("thermal.toml").write_text(_THERMAL, encoding="utf-8")
    return path


@lru_cache(maxsize=1)
def plugins() -> Plugins:
    """The installed plugins, and the plugin of the reference campaign."""
    return Plugins.discover(extra={"torture": PLUGIN})
