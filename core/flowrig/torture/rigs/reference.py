"""The reference rig of the board: the published one, with a campaign of a few minutes."""

from functools import lru_cache
from typing import Final

from attrs import evolve

from flowrig.rig.simulated import require_emulators
from flowrig.torture.rigs.added import GAUGE, VALVE
from flowrig.torture.rigs.choice import RigChoice
from flowrig.torture.rigs.played_rig import AddedDevice, PlayedRig, profile_rig
from flowrig.torture.rigs.short_campaign import ShortCampaign, study_stage

__all__ = ["REFERENCE", "rig_of"]

_TABLES: Final = """\
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

"""
"""Shorter waits and fewer frames, and temperatures that lie close together."""

REFERENCE: Final = PlayedRig(
    RigChoice(),
    ShortCampaign(
        extends="cs3cu2i5-heatup-chem3",
        title="The reference rig, for a campaign of a few minutes",
        tables=_TABLES,
        commissioned={"plate": "120 degC"},
    ),
    added=(AddedDevice("selector", "valve", VALVE), AddedDevice("gauge", "sensor", GAUGE)),
)
"""The rig that the board plays unless it is told another one."""


@lru_cache(maxsize=4)
def rig_of(choice: RigChoice) -> PlayedRig:
    """The rig that a person chose, with the stage of a study in its campaign.

    Raises:
        ProfileError: the profile, or the study, is not sound.
        InputError: the rig cannot be simulated.
    """
    rig = profile_rig(choice) if choice.target else REFERENCE
    if not choice.study:
        return rig
    stage = study_stage(choice.study, choice.settings)
    rig = PlayedRig(choice, evolve(rig.campaign, study=stage), tuple(rig.all_added))
    require_emulators(rig.profile)
    return rig
