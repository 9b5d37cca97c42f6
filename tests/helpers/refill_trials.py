"""Campaigns of the board on a rig whose syringes fill themselves, each killed at a point."""

import random
import tempfile
from pathlib import Path

from flowrig.torture.faults import Expected, Fault
from flowrig.torture.injections.injection import Injection
from flowrig.torture.injections.program import Killed
from flowrig.torture.judge.breach import Breach
from flowrig.torture.judge.judge import judge
from flowrig.torture.lasting_rig import TortureRig
from flowrig.torture.phases import Phase
from flowrig.torture.points import Extent, Point
from flowrig.torture.rigs import REFERENCE, PlayedRig
from flowrig.torture.trial import Trial

__all__ = ["REFILLS", "extent", "killed_at", "played"]

REFILLS = """
[devices.v_cui]
driver = "vici"
address = "COM41"
deadline = "1 s"
positions = { run = 1, fill = 2, off = 3 }
safe = "off"

[devices.v_pfo]
driver = "vici"
address = "COM42"
deadline = "1 s"
positions = { run = 2, fill = 1 }
safe = "run"

[streams.CuI]
syringe = { volume = "1 mL", inner_diameter = "4.61 mm" }
[streams.CuI.refill]
valve = "v_cui"
fill = "fill"
run = "run"
below = "0.9 mL"
rate = "500 uL/min"
reservoir = "50 mL"

[streams.PFO]
syringe = { volume = "25 mL", inner_diameter = "23 mm" }
[streams.PFO.refill]
valve = "v_pfo"
fill = "fill"
run = "run"
below = "24.5 mL"
rate = "2 mL/min"
reservoir = "200 mL"
"""


class _Refilling(Injection):
    """No fault, on this rig."""

    def campaign(self, rig: PlayedRig, folder: Path, draw: random.Random) -> Path:
        return rig.campaign.write(folder, more=REFILLS)


class _Killed(_Refilling, Killed):
    """The program ends at once."""


def played(make: type[Injection], moment: Point | Phase, seed: int) -> tuple[Trial, list[Breach]]:
    """A campaign on this rig, and the promises that it broke."""
    with tempfile.TemporaryDirectory() as home, TortureRig() as rig:
        folder = Path(home) / "of" / "a"
        folder.mkdir(parents=True)
        row = Fault(
            number=42,
            name="kill -9",
            make=make,
            phases=tuple(Phase),
            expected=Expected.RESUMES if make is _Killed else Expected.SURVIVES,
        )
        trial = Trial(row, moment, seed, folder, rig, played=REFERENCE)
        trial.run()
        return trial, judge(trial) if make is _Killed else []


def extent(seed: int) -> Extent:
    """Number of points of a campaign without a fault."""
    trial, _ = played(_Refilling, Phase.CONNECT, seed)
    wires = {name: one.wire for name, one in trial.rig.rig.emulators.items()}
    return Extent(
        len(trial.processes[0].events),
        {name: wire.passed for name, wire in wires.items()},
        {name: wire.exchanges for name, wire in wires.items()},
    )


def killed_at(point: Point, seed: int) -> list[Breach]:
    """The promises that broke in a campaign that was killed at a point and resumed."""
    _, breaches = played(_Killed, point, seed)
    return breaches
