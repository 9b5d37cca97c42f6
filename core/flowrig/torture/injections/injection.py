"""The base class of all injections, and the scene in which an injection strikes.

An injection belongs to one cell. It strikes once, and is healed before the run is resumed, as if a
person had repaired the rig.
"""

import random
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.torture.lasting_rig import TortureRig
from flowrig.torture.phases import Phase
from flowrig.torture.rigs import PlayedRig, plugins

__all__ = ["Injection", "Scene"]


@frozen
class Scene:
    """The rig, the run and the phase in which an injection strikes.

    Attributes:
        played: what is known of the rig.
        rig: the emulated rig.
        folder: the folder of the run.
        phase: the phase of the campaign.
        draw: the source of all random choices of the trial.
    """

    played: PlayedRig
    rig: TortureRig
    folder: Path
    phase: Phase
    draw: random.Random

    @property
    def profile(self) -> Profile:
        """The profile of the rig."""
        return self.rig.rig.profile

    def pumps_in_use(self) -> list[str]:
        """The pumps that run in this phase; all pumps in phases without flow of their own."""
        profile = self.profile
        if self.phase is Phase.PRIME:
            plan = profile.calibration
            streams: Sequence[str] = () if plan is None else tuple(plan.flow_rates_ul_min)
        elif self.phase in (Phase.FLUSH, Phase.CLOSE):
            flush = [step for step in profile.safe_state if step.do == "flush"]
            streams = [stream for step in flush for stream in step.flow_rates_ul_min]
            streams = streams or tuple(profile.streams)
        else:
            streams = tuple(profile.streams)
        return [profile.streams[stream].pump for stream in streams]

    def device(self, kind: str, texts: Sequence[str] = ()) -> str:
        """A random device of a kind that can have one of some faults; see `PlayedRig.devices`."""
        if kind == "any":
            kind = self.draw.choice(self.played.kinds(texts))
        able = self.played.devices(kind, texts)
        if kind == "pump":
            able = [pump for pump in self.pumps_in_use() if pump in able] or able
        return self.draw.choice(able)


class Injection:
    """No fault at all; the base class of all faults.

    Attributes:
        affected: devices of which the final message of the run must name at least one.
        kills: whether the program ends without warning.
        blocks_journal: whether the journal refuses every event.
        dimmed_s: rig time [s] at which a light lost a part of its power; None if no light did.
        weakens_light: whether some of a light is left: only a reference shows it.
        loses_count: whether pumps lose the count of what they delivered. The ledger then charges
            flow rate times time, up to the moment at which the loss is detected.
        is_detectable: whether readings of pumps and heaters show the fault.
        shows_in_flow: whether the fault of a pump shows only while the pump runs.
        optimizer_process: whether the optimizer runs in a process of its own; None for the default.
        blinds: whether nothing watches the rig at the strike, and the computer knows.
        is_in_file: whether the fault is in the campaign's file, and needs no moment to strike.
        refilled: streams whose syringes are refilled before the run is resumed.
        emptied: wastes that are emptied before the run is resumed.
        hung: devices whose threads cannot be ended.
        started_by_hand: pumps that a person has started once.
        unreachable_s: time [s] for which no command can reach the rig.
    """

    kills = False
    blocks_journal = False
    loses_count = False
    blinds = False
    is_in_file = False
    optimizer_process: bool | None = None
    is_detectable = True
    shows_in_flow = False
    weakens_light = False

    def __init__(self) -> None:
        self.affected: tuple[str, ...] = ()
        self.dimmed_s: float | None = None
        self.refilled: tuple[str, ...] = ()
        self.emptied: tuple[str, ...] = ()
        self.hung: tuple[str, ...] = ()
        self.started_by_hand: tuple[str, ...] = ()
        self.unreachable_s = 0.0

    def require_possible(self, rig: PlayedRig) -> None:
        """Check that a rig can have the fault.

        Raises:
            NotOnThisRigError: it cannot, and why not.
        """

    def campaign(self, rig: PlayedRig, folder: Path, draw: random.Random) -> Path:
        """Write the file of the campaign, and return its path."""
        return rig.campaign.write(folder)

    def target(self, scene: Scene) -> str:
        """The device in whose exchanges the fault strikes before the journal has events."""
        return scene.device("any")

    def aim(self, device: str) -> None:
        """Choose the device in whose exchange the fault strikes."""

    def strike(self, scene: Scene) -> None:
        """Inject the fault."""

    def after_event(self, scene: Scene) -> None:
        """React to an event that was written after the strike."""

    def tamper(self, scene: Scene) -> None:
        """Change files or instruments while no program runs."""

    def restore(self, scene: Scene) -> None:
        """Undo `tamper`, after a run that refused to continue with the change."""

    def plugins(self) -> Plugins:
        """The plugins that are installed when the run is resumed."""
        return plugins()

    def heal(self, scene: Scene) -> None:
        """End the fault."""
        if scene.rig.is_built:
            scene.rig.heal()

    def close(self) -> None:
        """Undo everything that would outlive the trial."""
