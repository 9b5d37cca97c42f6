"""The short campaign of the board as TOML: every phase of a long campaign, in a few minutes."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from attrs import field, frozen

from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.profile.settings import key_texts
from flowrig.torture.frail_models import PLUGIN

__all__ = [
    "EXPERIMENTS",
    "FILES",
    "SEEDED_STAGE",
    "ShortCampaign",
    "plugins",
    "shortened",
    "study_stage",
]

EXPERIMENTS: Final = 3
"""Number of experiments of the campaign, without those of a study."""

SEEDED_STAGE: Final = "explore"
"""The stage whose conditions follow from the seed alone."""

FILES: Final = ("reference.toml", "thermal.toml")
"""Names of the files of a campaign, and of the result of `flowrig commission`."""

FRAMES: Final = 24
"""About how many frames of a sample the campaign takes."""

DARK_FRAMES: Final = 2
"""Number of frames in the dark, and of those of the lamp."""

POLL_S: Final = 5.0
"""Interval [s] between two looks at a heater on its way to a set point."""

DEADLINE: Final = "1 s"
"""Deadline of every driver; emulators answer at once."""

FLUIDIC: Final = "fluidic"
"""The world whose plates `_THERMAL` describes."""

_THERMAL: Final = """\
[{heater}]
gain = 1.0
dead_time = "1 s"
time_constant = "15 s"
heating = "20.3 degC/min"
overshoot = "0.1 degC"
noise = "0.013 degC"
still = "3 s"
set_point = "{set_point}"
"""
"""The result of `flowrig commission` for an emulated plate."""

_CAMPAIGN: Final = """\
extends = {extends}
title = {title}
{top}
{tables}
[campaign]
title = "two spread conditions, then one that depends on them"
surrogate = {{ name = "torture-level"{surrogate} }}
{campaign}

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 2
batch = 2
{study}
[[campaign.stages]]
name = "improve"
optimizer = "torture-climber"
experiments = 1
{improve}
{more}
"""


@frozen(kw_only=True)
class ShortCampaign:
    """A profile with a campaign of three experiments, two spread and one that depends on them.

    Attributes:
        extends: name or path of the profile.
        title: title of the campaign's file.
        keys: top-level keys of TOML.
        tables: tables of TOML.
        commissioned: by heater, the set point at which `flowrig commission` was run.
        study: the stage of a study in TOML, before the last stage; "" for none.
    """

    extends: str
    title: str
    keys: str = ""
    tables: str
    commissioned: Mapping[str, str] = field(factory=dict)
    study: str = ""

    def write(
        self,
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
        path, thermal = (folder / name for name in FILES)
        text = _CAMPAIGN.format(
            extends=quoted(self.extends),
            title=quoted(self.title),
            top=self.keys + top,
            tables=self.tables,
            campaign=campaign,
            improve=improve,
            surrogate=surrogate,
            study=self.study,
            more=more,
        )
        path.write_text(text, encoding="utf-8")
        measured = (
            _THERMAL.format(heater=quoted(heater), set_point=set_point)
            for heater, set_point in self.commissioned.items()
        )
        thermal.write_text("\n".join(measured), encoding="utf-8")
        return path


def study_stage(study: str, settings: Sequence[str]) -> str:
    """The stage of a study in TOML.

    Args:
        study: its name.
        settings: its settings, such as "duration=1 min"; a value that is no TOML is a text.

    Raises:
        InputError: a setting has no value.
    """
    lines = ["", "[[campaign.stages]]", 'name = "study"', f"study = {quoted(study)}"]
    for key, text in key_texts(settings, "--set"):
        lines.append(f"{quoted(key)} = {text if _is_toml(text) else quoted(text)}")
    return "\n".join([*lines, ""])


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return False
    return True


def shortened(profile: Profile, extends: str) -> ShortCampaign:
    """The short campaign of any profile.

    Flow rates, temperatures, residence times, rules and the safe state stay those of the profile.
    The sample has fewer frames, in the same intervals, and the same share of them counts.

    Args:
        profile: the profile.
        extends: name or path with which a file in another folder extends it.
    """
    lines = [line for name in profile.devices for line in _device(name)]
    if profile.calibration is not None:
        lines += _table("calibration", dark_frames=DARK_FRAMES, reference_frames=DARK_FRAMES)
    lines += _analysis(profile)
    heaters = [name for name, one in profile.devices.items() if one.offer.kind == "heater"]
    commissioned = {}
    if heaters:
        lines += _table("steady", poll=f"{POLL_S:g} s")
    if heaters and profile.simulation is not None and profile.simulation.offer.name == FLUIDIC:
        lines += _table("supervision", commissioning=FILES[1])
        commissioned = {name: f"{_highest_c(profile, name):g} degC" for name in heaters}
    return ShortCampaign(
        extends=extends,
        title=f"{profile.title}, for a short campaign",
        keys="gates = []\n" if profile.gates else "",
        tables="\n".join(lines) + "\n",
        commissioned=commissioned,
    )


def _device(name: str) -> Iterator[str]:
    yield from _table(f"devices.{quoted(name)}", deadline=DEADLINE)


def _analysis(profile: Profile) -> Iterator[str]:
    """Every nth frame of the profile, so that about `FRAMES` are left."""
    analysis = profile.analysis
    every = max(analysis.frames // FRAMES, 1)
    picked = {
        name: channel.picked.frames
        for name, channel in analysis.channel_tables.items()
        if channel.picked is not None
    }
    reactive = analysis.reactive_frames
    yield from _table(
        "analysis",
        frames=analysis.frames // every,
        dark_frames=DARK_FRAMES,
        **({} if reactive is None else {"reactive_frames": max(reactive // every, 1)}),
    )
    for name, frames in picked.items():
        table = f"analysis.channels.{quoted(name)}.pick"
        yield from _table(table, frames=max(frames // every, 1))


def _highest_c(profile: Profile, heater: str) -> float:
    """The highest set point [°C] of a heater that its limits allow, at most 120 °C."""
    return min(profile.limits.set_point_c(heater)[1], 120.0)


def _table(name: str, **values: str | int) -> Iterator[str]:
    yield f"[{name}]"
    for key, value in values.items():
        yield f"{key} = {value if isinstance(value, int) else quoted(value)}"
    yield ""


def quoted(text: str) -> str:
    """A text as TOML: its basic strings have the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@lru_cache(maxsize=1)
def plugins() -> Plugins:
    """The installed plugins, and the plugin with the models of the short campaign."""
    return Plugins.discover(extra={"torture": PLUGIN})
