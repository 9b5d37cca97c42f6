"""A rig on which the board plays, and what is known of it before a campaign."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from attrs import frozen

from flowrig.clock import VirtualClock
from flowrig.emulation import WIRE_FAULTS
from flowrig.profile import Profile, load_profile
from flowrig.profile.library import Finder
from flowrig.profile.model.flow import GAS
from flowrig.profile.topology import Topology
from flowrig.rig.simulated import emulated, require_emulators
from flowrig.safety.waste import FULL
from flowrig.torture.rigs.choice import RigChoice
from flowrig.torture.rigs.short_campaign import ShortCampaign, plugins, shortened

__all__ = ["AddedDevice", "NotOnThisRigError", "PlayedRig", "profile_rig"]

CORE_KINDS: Final = ("pump", "heater", "spectrometer")
"""Kinds of devices that come first where one is drawn."""

PLURALS: Final = {"any": "device"}
"""What a kind is called in a sentence where it is not its name."""


class NotOnThisRigError(Exception):
    """A rig cannot have a fault; the text says why not."""


@frozen
class AddedDevice:
    """A device that a rig gets for faults of its kind, since it has none itself.

    Attributes:
        name: its name.
        kind: its kind.
        tables: tables of TOML that add it.
    """

    name: str
    kind: str
    tables: str


class PlayedRig:
    """A rig on which the board plays.

    Args:
        choice: how a person chose it.
        campaign: its short campaign.
        added: devices that it gets for the faults of their kind.

    Attributes:
        choice: as above.
        campaign: as above.
    """

    def __init__(
        self, choice: RigChoice, campaign: ShortCampaign, added: Sequence[AddedDevice] = ()
    ) -> None:
        self.choice = choice
        self.campaign = campaign
        self._added = {device.kind: device for device in added}

    @property
    def name(self) -> str:
        """What the rig is called."""
        rig = self.choice.target or "the reference rig"
        return f"{rig} with the study {self.choice.study}" if self.choice.study else rig

    @cached_property
    def profile(self) -> Profile:
        """The rig with its short campaign.

        Raises:
            ProfileError: the profile cannot carry the short campaign.
        """
        with tempfile.TemporaryDirectory(prefix="flowrig-torture-") as folder:
            return load_profile(self.campaign.write(Path(folder)), plugins())

    @cached_property
    def faults(self) -> Mapping[str, Set[str]]:
        """By device, the faults that its emulator offers, those of its wire included."""
        with emulated(self.profile, VirtualClock(), 1, least_deadline_s=0.0) as rig:
            return {
                name: frozenset((*WIRE_FAULTS, *one.fault_switches()))
                for name, one in rig.emulators.items()
            }

    @property
    def all_added(self) -> Iterable[AddedDevice]:
        """The devices that the rig gets for the faults of their kinds."""
        return self._added.values()

    def added(self, kind: str) -> AddedDevice | None:
        """The device of a kind that the rig gets for its faults; None if it has its own."""
        return self._added.get(kind)

    def devices(self, kind: str, texts: Sequence[str] = ()) -> list[str]:
        """The devices of a kind that can have one of some faults.

        Args:
            kind: "pump" for everything that drives a stream, "heater", "valve" for switches too,
                another kind, or "any".
            texts: faults as `Emulator.inject` takes them; without any, all devices of the kind.
        """
        wanted = {text.split()[0] for text in texts}
        kinds = (kind, "switch") if kind == "valve" else (kind,)
        driving = {stream.pump for stream in self.profile.streams.values()}
        return [
            name
            for name, entry in self.profile.devices.items()
            if (kind == "any" or entry.offer.kind in kinds or (kind == "pump" and name in driving))
            and (not texts or wanted & self.faults[name])
        ]

    def require(self, kind: str, texts: Sequence[str] = ()) -> None:
        """Check that a device of a kind can have one of some faults; see `devices`.

        Raises:
            NotOnThisRigError: none can.
        """
        called = PLURALS.get(kind, kind)
        if not self.devices(kind):
            raise NotOnThisRigError(f"the rig has no {called}")
        if not self.devices(kind, texts):
            raise NotOnThisRigError(f"no emulated {called} of this rig offers it")

    def kinds(self, texts: Sequence[str] = ()) -> list[str]:
        """Kinds of devices that can have one of some faults; pumps, heaters and detectors first."""
        able = self.devices("any", texts)
        found = {self.profile.devices[name].offer.kind for name in able}
        return [*(k for k in CORE_KINDS if k in found), *sorted(found.difference(CORE_KINDS))]

    def set_points_c(self) -> dict[str, tuple[float, float]]:
        """Lowest and highest set point [°C] of each heater at the corners of the search space.

        Where variables depend on each other, only the corners at which all are low or all are high
        are looked at.
        """
        space = self.profile.space
        rows = space.rows(np.stack([space.low, space.high]))
        found = [self.profile.set_points_c(row) for row in rows]
        return {
            name: (min(one[name] for one in found), max(one[name] for one in found))
            for name in found[0]
        }

    def waste_for_most_ul(self) -> tuple[str, float]:
        """A waste, and a volume [µL] that takes two of the three experiments and no more.

        Raises:
            NotOnThisRigError: all streams do not end in the same waste, or a study needs room for
                all of its points at once.
        """
        profile = self.profile
        if self.choice.study:
            raise NotOnThisRigError("a study does not begin until there is room for all its points")
        ends = [name for name, component in profile.path.items() if component.is_end]
        if len(ends) != 1:
            raise NotOnThisRigError(f"its liquid ends in {len(ends)} places")
        plan = profile.calibration
        cleared_ul = 0.0
        if plan is not None:
            cleared_ul = self._liquid_ul_min(plan.flow_rates_ul_min) * plan.duration_s / 60.0
        experiments_ul = [self._experiment_ul(share) for share in (0.0, 0.5, 1.0)]
        held_ul = cleared_ul + 2.2 * max(experiments_ul)
        flushed_ul = sum(
            self._liquid_ul_min(step.flow_rates_ul_min) * step.at_most_s / 60.0
            for step in profile.safe_state
        )
        return ends[0], max(held_ul / FULL, held_ul + flushed_ul)

    def _experiment_ul(self, share: float) -> float:
        """Volume [µL] of an experiment at a place in the search space, from 0 to 1."""
        space, analysis = self.profile.space, self.profile.analysis
        middle = space.low + share * (space.high - space.low)
        rates = self.profile.flow_rates_ul_min(space.rows(middle[np.newaxis])[0])
        wait_s = Topology(self.profile).equilibrium_time_s(rates)
        seconds = wait_s + analysis.frames * analysis.frame_interval_s
        return self._liquid_ul_min(rates) * seconds / 60.0

    def _liquid_ul_min(self, rates_ul_min: Mapping[str, float]) -> float:
        """Flow rate [µL/min] of all streams that stay in a waste."""
        streams = self.profile.streams
        return sum(rate for name, rate in rates_ul_min.items() if streams[name].phase != GAS)


def profile_rig(choice: RigChoice) -> PlayedRig:
    """The rig of a profile, with a short campaign in the place of its own.

    Args:
        choice: names the profile.

    Raises:
        ProfileError: the profile is not sound.
        InputError: it cannot be simulated.
    """
    file = Finder(plugins()).find(choice.target).resolve()
    profile = load_profile(file, plugins())
    require_emulators(profile)
    rig = PlayedRig(choice, shortened(profile, str(file)))
    require_emulators(rig.profile)
    return rig
